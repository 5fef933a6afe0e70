//! Opens sources. A packed one is unpacked while it streams by, into a file without a name, and read like any other.
//!
//! What is stored is what is in it: places, digests and growth are those of the unpacked bytes. What unpacks to more
//! than there is room for, or than is allowed, is read as far as that.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;

use super::read::Cancelled;
use crate::domain::packed::{Packing, TELLING, plain_name};
use crate::domain::telling::in_plain_words;
use crate::store::Disk;

/// Unpacked at a time.
const STEP: usize = 256 << 10;
/// No message of a collector is longer; senders split far below.
const LARGEST: u64 = 256 << 20;
/// The variable that says how many MiB a source may unpack to, and what holds without it.
const MOST: &str = "TURNSCOPE_UNPACKED_MAX";
const MOST_MIB: u64 = 16 << 10;
/// How often it is looked how much room is left on the disk.
const LOOK: u64 = 8 << 20;
/// So much is left free there, or a tenth of the disk where that is less.
const LEFT_FREE: u64 = 1 << 30;

/// A source that can be read.
#[derive(Debug)]
pub struct Opened {
    pub file: File,
    /// Why only the beginning of what is packed could be unpacked.
    pub broken: Option<String>,
}

/// Opens a source, whatever it is packed with; `is_cancelled` is asked while it unpacks.
///
/// What breaks off is read as far as it goes. Nothing at all that can be unpacked is an error.
pub fn open(path: &Path, is_cancelled: impl Fn() -> bool) -> Result<Opened> {
    let packed = File::open(path).map_err(|error| anyhow::anyhow!(in_plain_words(&error)))?;
    let mut head = [0; TELLING];
    let size = read_most(&packed, &mut head)?;
    let Some(packing) = Packing::of(&head[..size]) else { return Ok(Opened { file: packed, broken: None }) };
    let mut out = Out { file: nameless()?, size: 0, most: most()?, is_cancelled };
    let unpacked = match packing {
        Packing::Gzip => out.stream(MultiGzDecoder::new(BufReader::new(packed))),
        Packing::Zstd => out.stream(zstd::stream::read::Decoder::new(packed)?),
        Packing::ZstdMessages => out.messages(BufReader::new(packed)),
    };
    let broken = match unpacked {
        Ok(()) => None,
        Err(error) if error.is::<Unpackable>() => Some(error.to_string()),
        Err(error) => return Err(error),
    };
    let broken = broken.map(|why| format!("the {} data is read up to byte {} only: {why}", packing.name(), out.size));
    match broken {
        Some(broken) if out.size == 0 => bail!(broken),
        broken => {
            out.file.rewind()?;
            Ok(Opened { file: out.file, broken })
        }
    }
}

/// The path as if the file at it were not packed: what is in it names sessions and tells files apart.
pub fn plain_path(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map_or_else(|| path.to_owned(), |name| path.with_file_name(plain_name(name)))
}

/// What is packed cannot be unpacked any further.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unpackable(String);

fn read_most(file: &File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut size = 0;
    while size < buffer.len() {
        match file.read_at(&mut buffer[size..], size as u64)? {
            0 => break,
            more => size += more,
        }
    }
    Ok(size)
}

/// Where it is unpacked.
fn folder() -> PathBuf {
    std::env::temp_dir()
}

/// A file in the folder for temporary ones, readable by its owner alone, that goes when it is closed.
pub fn nameless() -> Result<File> {
    let path = folder().join(format!("turnscope-{}", uuid::Uuid::new_v4()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("could not unpack into {}", path.display()))?;
    std::fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
    Ok(file)
}

/// How many bytes a source may unpack to.
fn most() -> Result<u64> {
    let Some(told) = std::env::var_os(MOST) else { return Ok(MOST_MIB << 20) };
    let told = told.to_string_lossy();
    let most = told.trim().parse::<u64>().ok().filter(|most| *most > 0);
    let most = most.with_context(|| format!("{MOST} is `{told}`: it must be a number of MiB"))?;
    Ok(most.saturating_mul(1 << 20))
}

struct Out<C> {
    file: File,
    size: u64,
    most: u64,
    is_cancelled: C,
}

impl<C: Fn() -> bool> Out<C> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if (self.is_cancelled)() {
            bail!(Cancelled);
        }
        let size = self.size + bytes.len() as u64;
        if self.size / LOOK != size / LOOK {
            self.look_for_room()?;
        }
        let rest = usize::try_from(self.most - self.size).unwrap_or(usize::MAX);
        let part = &bytes[..bytes.len().min(rest)];
        if let Err(error) = self.file.write_all(part) {
            self.size = self.file.stream_position()?;
            bail!(Unpackable(format!("could not unpack into {}: {}", folder().display(), in_plain_words(&error))));
        }
        self.size += part.len() as u64;
        if part.len() < bytes.len() {
            bail!(Unpackable(format!(
                "it unpacks to more than {} MiB; {MOST} says how many it may be",
                self.most >> 20
            )));
        }
        Ok(())
    }

    /// A source may unpack to a thousand times its size, and others need the disk too.
    fn look_for_room(&self) -> Result<()> {
        let folder = folder();
        let disk = Disk::of(&folder)?;
        let least = LEFT_FREE.min(disk.size / 10);
        if disk.free < least {
            let (folder, least) = (folder.display(), least >> 20);
            bail!(Unpackable(format!("less than {least} MiB are free in {folder}; TMPDIR names another folder")));
        }
        Ok(())
    }

    fn stream(&mut self, mut from: impl Read) -> Result<()> {
        let mut buffer = vec![0; STEP];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(size) => self.write(&buffer[..size])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => bail!(Unpackable(in_plain_words(&error))),
            }
        }
    }

    /// Requests in JSON become lines, those in protobuf stand behind their length.
    fn messages(&mut self, mut from: impl Read) -> Result<()> {
        loop {
            let mut length = Vec::new();
            from.by_ref().take(4).read_to_end(&mut length)?;
            let Ok(length) = <[u8; 4]>::try_from(length.as_slice()) else {
                if length.is_empty() {
                    return Ok(());
                }
                bail!(Unpackable("the file ends in the length of a message".to_owned()));
            };
            let part = from.by_ref().take(u64::from(u32::from_be_bytes(length)));
            let mut message = Vec::new();
            zstd::stream::read::Decoder::new(part)?
                .take(LARGEST + 1)
                .read_to_end(&mut message)
                .map_err(|error| Unpackable(in_plain_words(&error)))?;
            if message.len() as u64 > LARGEST {
                bail!(Unpackable(format!("a message of more than {} MiB cannot be read", LARGEST >> 20)));
            }
            if matches!(message.first(), Some(b'{' | b'[')) {
                message.push(b'\n');
            } else {
                self.write(&u32::try_from(message.len())?.to_be_bytes())?;
            }
            self.write(&message)?;
        }
    }
}
