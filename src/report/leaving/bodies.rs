//! Reads distinct bodies in parts: whole characters where the bytes are UTF-8, groups of three where they are not.

use anyhow::{Context, Result, ensure};

use crate::store::Store;

/// Bytes at a time; whole groups of three, which base64 turns into text.
const PART: i64 = 3 << 18;

/// Bytes are read from a multiple of this on, so that what lies a little before is at hand too.
const STEP: i64 = 256 << 10;

/// Where one distinct body can be read.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub blob: i64,
    pub start: i64,
    pub size: i64,
    /// The how-manyeth it is of those that events name; this is the same in every store.
    pub order: usize,
}

/// Reads bodies; those that lie near the last one are read with it.
#[derive(Debug, Default)]
pub struct Reader {
    blob: i64,
    start: i64,
    bytes: Vec<u8>,
}

impl Reader {
    /// The bytes of a body that is read as a whole; `None` for one that is read in parts.
    pub async fn whole(&mut self, store: &Store, place: &Place) -> Result<Option<&[u8]>> {
        if place.size > PART {
            return Ok(None);
        }
        let held = self.start..self.start + self.bytes.len() as i64;
        if self.blob != place.blob || place.start < held.start || place.start + place.size > held.end {
            let start = place.start / STEP * STEP;
            self.bytes = store.read(place.blob, start, STEP + PART).await?;
            (self.blob, self.start) = (place.blob, start);
        }
        let from = usize::try_from(place.start - self.start)?;
        let bytes = self.bytes.get(from..from + usize::try_from(place.size)?);
        bytes
            .map(Some)
            .with_context(|| format!("{} bytes at {} of blob {} are missing", place.size, place.start, place.blob))
    }
}

/// The bytes of a long body one after another.
pub struct Parts<'a> {
    store: &'a Store,
    place: &'a Place,
    at: i64,
}

impl<'a> Parts<'a> {
    pub fn of(store: &'a Store, place: &'a Place) -> Self {
        Self { store, place, at: 0 }
    }

    /// The next bytes; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let left = self.place.size - self.at;
        if left <= 0 {
            return Ok(None);
        }
        let part = self.store.read(self.place.blob, self.place.start + self.at, PART.min(left)).await?;
        ensure!(!part.is_empty(), "the store holds less of a body than it says: {left} bytes are missing");
        self.at += part.len() as i64;
        Ok(Some(part))
    }

    fn is_done(&self) -> bool {
        self.at >= self.place.size
    }
}

/// Whether a long body is UTF-8.
pub async fn is_text(store: &Store, place: &Place) -> Result<bool> {
    let mut parts = Parts::of(store, place);
    let mut rest: Vec<u8> = Vec::new();
    while let Some(part) = parts.next().await? {
        rest.extend_from_slice(&part);
        match std::str::from_utf8(&rest) {
            Ok(_) => rest.clear(),
            Err(error) if error.error_len().is_none() && !parts.is_done() => drop(rest.drain(..error.valid_up_to())),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}
