//! The file that is read, at any place: parts, their digests, and strings decoded while they stream by.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::domain::{Carried, Outline};
use crate::store::digest;

/// Bytes read at a time.
const STEP: u64 = 256 << 10;
/// Parts up to this size are looked at as a whole.
pub const WHOLE: u64 = 1 << 20;

/// A file that is read here and there.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub file: &'a File,
}

impl Source<'_> {
    pub fn bytes(&self, range: &Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(range.end - range.start)?];
        self.file.read_exact_at(&mut bytes, range.start).context("the source became shorter while it was read")?;
        Ok(bytes)
    }

    /// Hands on a part in steps.
    pub fn stream(&self, range: &Range<u64>, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min(at + STEP);
            take(&self.bytes(&(at..end))?)?;
            at = end;
        }
        Ok(())
    }

    pub fn digest(&self, range: &Range<u64>) -> Result<[u8; 32]> {
        if range.end - range.start <= STEP {
            return Ok(digest(&self.bytes(range)?));
        }
        let mut hasher = Sha256::new();
        self.stream(range, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(hasher.finalize().into())
    }

    /// The content hash of a row.
    pub fn content(&self, range: &Range<u64>) -> Result<[u8; 16]> {
        if range.end - range.start <= WHOLE {
            return Ok(super::ids::content_of_bytes(&self.bytes(range)?));
        }
        let mut content = [0; 16];
        content.copy_from_slice(&self.digest(range)?[..16]);
        Ok(content)
    }

    /// Hands on the text of a JSON string, decoded, in steps; a value that is no string as it is written.
    pub fn decode(&self, range: &Range<u64>, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let is_string = range.end > range.start && self.bytes(&(range.start..range.start + 1))? == b"\"";
        if !is_string {
            return self.stream(range, take);
        }
        let mut carried = Carried::default();
        let mut plain = Vec::new();
        carried.feed(b"{\"text\":", &mut plain)?;
        self.stream(range, |bytes| {
            plain.clear();
            carried.feed(bytes, &mut plain)?;
            take(&plain)
        })
    }

    /// The values of a payload as far as it goes; `None` where it is no JSON from its start.
    pub fn outline_of_payload(&self, range: &Range<u64>) -> Option<Outline> {
        let mut lexer = crate::domain::Lexer::new();
        let mut fault = false;
        let read = self.decode(range, |bytes| {
            fault |= lexer.feed(bytes).is_err();
            if fault { anyhow::bail!("no JSON from here") } else { Ok(()) }
        });
        if read.is_ok() {
            // A bare number has no end of its own; what breaks off elsewhere is kept as far as it goes.
            let _ = lexer.finish();
        }
        let outline = lexer.outline();
        (!outline.is_empty()).then_some(outline)
    }
}
