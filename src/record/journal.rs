//! The journal: rows for which there was no room, on the disk until the store takes them, whoever runs then.
//!
//! A line that names the format, then frames: the sizes of head and row as 32 bits each, little-endian, the first 16
//! bytes of the SHA-256 of both, the head as JSON, the row. What is behind a frame that is not whole was never
//! acknowledged, or was damaged; how many bytes that is is told.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::gap::sync_folder_of;
use super::row::Written;
use crate::domain::Timestamp;
use crate::store::{digest, make_folder};

const MAGIC: &[u8] = b"turnscope journal 1\n";
/// A head is short; anything longer is damage.
const LONGEST_HEAD: u32 = 1 << 20;
/// Before head and row.
const PREFIX: usize = 24;
/// What journals are called.
pub(super) const ENDING: &str = "journal";
/// And those of which a part could not be read, when the rest is stored.
pub(super) const LAID_ASIDE: &str = "torn";

/// The file of one recorder, which it holds as long as it runs.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// Where the next frame begins, and the next that is to be taken.
    end: u64,
    taken: u64,
}

/// What was read of a journal.
#[derive(Debug, Default)]
pub(super) struct Portion {
    pub rows: Vec<Written>,
    /// Where to go on.
    pub next: u64,
    /// Bytes that are no frame; nothing behind them can be read.
    pub torn: u64,
}

impl Journal {
    /// Makes a new journal in a folder, and the folder where it is missing.
    pub fn new(folder: &Path) -> io::Result<Self> {
        make_folder(folder)?;
        let path = folder.join(format!("{}.{ENDING}", uuid::Uuid::now_v7()));
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        // Nobody else knows the file yet.
        file.lock()?;
        file.write_all(MAGIC)?;
        // The first row that is in it must find it under its name.
        sync_folder_of(&path)?;
        sync_folder_of(folder)?;
        let end = MAGIC.len() as u64;
        Ok(Self { file, path, end, taken: end })
    }

    /// Opens a journal that somebody left behind; `None` where its recorder still runs.
    pub fn left(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let end = file.metadata()?.len();
        Ok(Some(Self { file, path: path.to_owned(), end, taken: (MAGIC.len() as u64).min(end) }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn is_empty(&self) -> bool {
        self.taken >= self.end
    }

    /// Writes a row, and returns when it is on the disk. Whatever fails, the journal is as it was before.
    pub fn append(&mut self, row: &Written) -> io::Result<()> {
        let frame = frame(row)?;
        self.file.seek(SeekFrom::Start(self.end))?;
        let written = self.file.write_all(&frame).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // What stands behind the end is written over by the next, and is no frame to whoever reads it.
            let _ = self.file.set_len(self.end);
            return Err(error);
        }
        self.end += frame.len() as u64;
        Ok(())
    }

    /// The next rows that were not taken yet, of so many bytes but at least one.
    pub fn read(&mut self, most: u64) -> io::Result<Portion> {
        self.file.seek(SeekFrom::Start(self.taken))?;
        let mut portion = Portion { next: self.taken, ..Portion::default() };
        while portion.next < self.end && (portion.rows.is_empty() || portion.next - self.taken < most) {
            match self.frame(self.end - portion.next)? {
                Some((row, size)) => {
                    portion.rows.push(row);
                    portion.next += size;
                }
                None => {
                    portion.torn = self.end - portion.next;
                    portion.next = self.end;
                }
            }
        }
        Ok(portion)
    }

    /// A frame and its size; `None` where what lies there is none.
    fn frame(&mut self, left: u64) -> io::Result<Option<(Written, u64)>> {
        let mut prefix = [0; PREFIX];
        if left < PREFIX as u64 {
            return Ok(None);
        }
        self.file.read_exact(&mut prefix)?;
        let [head, row] =
            [0, 4].map(|at| u32::from_le_bytes([prefix[at], prefix[at + 1], prefix[at + 2], prefix[at + 3]]));
        let size = u64::from(head) + u64::from(row);
        if head > LONGEST_HEAD || size > left - PREFIX as u64 {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.read_exact(&mut bytes)?;
        if digest(&bytes)[..16] != prefix[8..] {
            return Ok(None);
        }
        let row = bytes.split_off(head as usize);
        let Ok(head) = serde_json::from_slice::<Written>(&bytes) else { return Ok(None) };
        Ok(Some((Written { bytes: row, ..head }, PREFIX as u64 + size)))
    }

    /// What was read up to here is in the store. When that is all, the file is as short as it was at first.
    pub fn took(&mut self, upto: u64) -> io::Result<()> {
        self.taken = upto;
        if self.is_empty() {
            let start = MAGIC.len() as u64;
            self.file.set_len(start)?;
            (self.end, self.taken) = (start, start);
        }
        Ok(())
    }

    /// What was read up to here is in the store; the file stays as it is.
    pub fn skip(&mut self, upto: u64) {
        self.taken = upto;
    }

    /// When it was last written.
    pub fn modified(&self) -> Timestamp {
        self.file.metadata().as_ref().map_or_else(|_| super::committer::now(), super::pump::modified)
    }

    /// Lays the file aside under another name, for whoever wants to look at what could not be read of it.
    pub fn lay_aside(self) -> io::Result<()> {
        fs::rename(&self.path, self.path.with_extension(LAID_ASIDE))
    }

    /// Removes the file.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// A row with what frames it.
pub(super) fn frame(row: &Written) -> io::Result<Vec<u8>> {
    let head = serde_json::to_vec(row)?;
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(io::Error::other);
    let sizes = [size(&head)?, size(&row.bytes)?];
    let mut frame = vec![0; PREFIX];
    frame[..4].copy_from_slice(&sizes[0].to_le_bytes());
    frame[4..8].copy_from_slice(&sizes[1].to_le_bytes());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(&row.bytes);
    let check = digest(&frame[PREFIX..]);
    frame[8..PREFIX].copy_from_slice(&check[..16]);
    Ok(frame)
}

/// The journals in a folder, oldest first.
pub(super) fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            found.push(path);
        }
    }
    // Their names begin with the time.
    found.sort();
    Ok(found)
}
