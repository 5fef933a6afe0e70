//! What is free on a disk, and that whoever takes in events leaves some of it.

use std::io;
use std::path::Path;

use anyhow::Result;

use super::Store;

/// What a store that takes in events leaves free on its disk: more than the log beside it can need to be written back.
pub const SPARE: u64 = 16 << 20;

/// The disk on which something lies: bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    pub size: u64,
    /// For this user.
    pub free: u64,
}

impl Disk {
    /// The disk of a file or folder; what does not tell its size has room without end.
    ///
    /// # Errors
    /// When there is no such file, or the system does not say.
    pub fn of(path: &Path) -> io::Result<Self> {
        let told = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
        if told.f_blocks == 0 {
            return Ok(Self { size: u64::MAX, free: u64::MAX });
        }
        Ok(Self { size: bytes(told.f_blocks), free: bytes(told.f_bavail) })
    }
}

impl Store {
    /// Whether there is room to take in events. Where there is little, the log beside the store is written back first:
    /// what it took is free then.
    ///
    /// # Errors
    /// When the disk does not say how much is free.
    pub async fn has_room(&self) -> Result<bool> {
        let Some(path) = self.file() else { return Ok(true) };
        if Disk::of(path)?.free >= SPARE {
            return Ok(true);
        }
        // Where that fails, because there is not even room for that, there is none.
        Ok(self.write_through().await.is_ok() && Disk::of(path)?.free >= SPARE)
    }
}
