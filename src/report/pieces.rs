//! The bytes of a body, one piece at a time, for what may be longer than memory.

use anyhow::{Result, ensure};

use crate::domain::Body;
use crate::store::Store;

/// Bytes that are read at once.
const PIECE: i64 = 1 << 20;

/// The bytes of a body, one piece at a time.
pub struct Pieces<'a> {
    store: &'a Store,
    blob: i64,
    start: i64,
    end: i64,
}

impl<'a> Pieces<'a> {
    pub fn of(store: &'a Store, body: &Body) -> Self {
        Self { store, blob: body.blob, start: body.start, end: body.start.saturating_add(body.size) }
    }

    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.start >= self.end {
            return Ok(None);
        }
        let piece = self.store.read(self.blob, self.start, PIECE.min(self.end - self.start)).await?;
        ensure!(!piece.is_empty(), "the store holds less of this body than it says: {} bytes are missing", self.left());
        self.start += piece.len() as i64;
        Ok(Some(piece))
    }

    /// Bytes that are still to come.
    pub fn left(&self) -> i64 {
        self.end - self.start
    }
}

/// How many bytes at the end begin a character of UTF-8 that is not complete.
pub fn incomplete(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    for (index, byte) in tail.iter().enumerate().rev() {
        let there = tail.len() - index;
        match byte {
            0x80..=0xBF => {}
            0xC2..=0xDF => return if there < 2 { there } else { 0 },
            0xE0..=0xEF => return if there < 3 { there } else { 0 },
            0xF0..=0xF4 => return there,
            _ => return 0,
        }
    }
    0
}
