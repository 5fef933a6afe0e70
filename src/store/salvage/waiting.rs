//! Pages that were committed and still wait beside the file to be written into it.
//!
//! The format is <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>. What they hold is taken for right only by
//! whoever reads it, so their checksums are not reckoned.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

const HEAD: usize = 32;
const FRAME_HEAD: usize = 24;
/// How such a file begins, whichever way its checksums are reckoned.
const BEGINNINGS: [u32; 2] = [0x377f_0682, 0x377f_0683];

/// The newest committed state of each page.
#[derive(Debug)]
pub struct Waiting {
    file: File,
    size: usize,
    /// Where each page begins.
    pages: HashMap<u64, u64>,
}

impl Waiting {
    /// What waits beside a file whose pages have a size; `None` where nothing does.
    pub fn beside(path: &Path, size: usize) -> Option<Self> {
        let mut name = OsString::from(path);
        name.push("-wal");
        let file = File::open(name).ok()?;
        let mut head = [0; HEAD];
        file.read_exact_at(&mut head, 0).ok()?;
        if !BEGINNINGS.contains(&long(&head)) || long(&head[8..]) as usize != size {
            return None;
        }
        let (mut pages, mut open) = (HashMap::new(), Vec::new());
        let (mut at, mut frame) = (HEAD as u64, [0; FRAME_HEAD]);
        // What stands behind the last commit is not there; what has other salts is left from before.
        while file.read_exact_at(&mut frame, at).is_ok() && frame[8..16] == head[16..24] {
            open.push((u64::from(long(&frame)), at + FRAME_HEAD as u64));
            if long(&frame[4..]) > 0 {
                pages.extend(open.drain(..));
            }
            at += (FRAME_HEAD + size) as u64;
        }
        (!pages.is_empty()).then_some(Self { file, size, pages })
    }

    pub fn last_page(&self) -> u64 {
        self.pages.keys().copied().max().unwrap_or(0)
    }

    /// The newest state of a page, where one waits and can be read.
    pub fn page(&self, number: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; self.size];
        self.file.read_exact_at(&mut bytes, *self.pages.get(&number)?).ok()?;
        Some(bytes)
    }
}

fn long(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
}
