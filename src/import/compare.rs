//! Compares a file with what was read of it, and searches it for a text.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

use anyhow::Result;

use super::read::TAIL;
use crate::store::{Source, Stamp, Store, digest};

/// What a file is at this moment.
pub fn stamp(metadata: &fs::Metadata) -> Stamp {
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    Stamp { size: metadata.len().cast_signed(), modified, inode: metadata.ino().cast_signed() }
}

/// Whether the file still begins with what was read of it, as far as its old end tells.
pub fn grown(file: &File, known: &Source, now: &Stamp) -> Result<bool> {
    let consumed = known.consumed.unsigned_abs();
    if file.metadata()?.len() < consumed || known.state.is_empty() {
        return Ok(false);
    }
    // A file of the same size that was written again is not the file that was read.
    if known.size >= 0 && now.size == known.size && now.modified != known.modified {
        return Ok(false);
    }
    let size = consumed.min(TAIL);
    let mut bytes = vec![0; usize::try_from(size)?];
    file.read_exact_at(&mut bytes, consumed - size)?;
    Ok(digest(&bytes).as_slice() == known.tail)
}

/// Whether a file is what was read, whenever it was written. Its end must tell of all of it, as the seal of a slice does.
pub async fn is_read(store: &Store, file: &File, known: &Source) -> Result<bool> {
    let size = file.metadata()?.len().cast_signed();
    if (known.size, known.consumed) != (size, size) {
        return Ok(false);
    }
    let tail = known.consumed.min(TAIL.cast_signed());
    let mut bytes = vec![0; usize::try_from(tail)?];
    file.read_exact_at(&mut bytes, (size - tail).unsigned_abs())?;
    // What was purged since is not the same any more.
    Ok(store.read(known.blob, size - tail, tail).await.is_ok_and(|kept| kept == bytes))
}

/// Whether a text occurs anywhere in a file.
pub fn contains(file: &File, text: &str) -> bool {
    let finder = memchr::memmem::Finder::new(text);
    let mut buffer = vec![0; 1 << 20];
    let (mut kept, mut at) = (0, 0);
    loop {
        let Ok(size) = file.read_at(&mut buffer[kept..], at) else { return false };
        if size == 0 {
            return false;
        }
        at += size as u64;
        let filled = kept + size;
        if finder.find(&buffer[..filled]).is_some() {
            return true;
        }
        kept = filled.min(text.len().saturating_sub(1));
        buffer.copy_within(filled - kept..filled, 0);
    }
}
