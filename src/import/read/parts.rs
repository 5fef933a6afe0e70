//! Records with parts that are records of their own: each part is read, placed and stored alone.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail};

use super::{BATCH_BYTES, BATCH_RECORDS, Cancelled, Reading};
use crate::domain::Fault;
use crate::import::Bytes;
use crate::import::scan::Scanned;
use crate::store::{NewRecord, RecordStatus, digest};

/// A record that lies in the file.
struct InFile<'a> {
    file: &'a File,
    start: u64,
    size: u64,
}

impl Bytes for InFile<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn at(&self, range: &Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(range.end - range.start)?];
        self.file
            .read_exact_at(&mut bytes, self.start + range.start)
            .context("the source became shorter while it was read")?;
        Ok(bytes)
    }
}

impl Reading<'_> {
    /// Reads a record part by part; `false` where it has no parts.
    pub(super) fn parts(&mut self, scanned: &Scanned<'_>) -> Result<bool> {
        let file = self.file.try_clone()?;
        match scanned.bytes {
            Some(bytes) => self.parts_of(&bytes, scanned),
            None => self.parts_of(&InFile { file: &file, start: scanned.offset, size: scanned.size }, scanned),
        }
    }

    fn parts_of(&mut self, record: &dyn Bytes, scanned: &Scanned<'_>) -> Result<bool> {
        let ranges = self.reader.cut(record)?;
        if ranges.is_empty() {
            return Ok(false);
        }
        for (place, range) in ranges.iter().enumerate() {
            let bytes = record.at(range)?;
            self.part(place, &bytes, record, scanned, range)?;
            if self.held > BATCH_BYTES || self.batch.records.len() >= BATCH_RECORDS {
                if self.control.is_cancelled() {
                    bail!(Cancelled);
                }
                self.send(false)?;
            }
        }
        self.consumed = scanned.offset + scanned.size;
        Ok(true)
    }

    fn part(
        &mut self,
        place: usize,
        bytes: &[u8],
        record: &dyn Bytes,
        scanned: &Scanned<'_>,
        range: &Range<u64>,
    ) -> Result<()> {
        let digest = digest(bytes);
        let (drafts, content, status) = match self.reader.part(place, bytes, record)? {
            Ok((drafts, content)) => (drafts, content, RecordStatus::Good),
            Err(reason) => {
                let before = record.at(&(0..range.start))?;
                let line = scanned.line + memchr::memchr_iter(b'\n', &before).count() as u64;
                let fault = Fault { at: range.start, reason };
                let mut content = [0; 16];
                content.copy_from_slice(&digest[..16]);
                (vec![self.bad(bytes, line, &fault, false)], content, RecordStatus::Bad)
            }
        };
        let offset = scanned.offset + range.start;
        let own = Scanned {
            outline: Err(Fault { at: 0, reason: String::new() }),
            offset,
            size: range.end - range.start,
            line: scanned.line,
            bytes: Some(bytes),
            digest,
            cut: false,
        };
        let events = self.place(drafts, &own, &content)?;
        let (start, size) = (i64::try_from(offset)?, i64::try_from(bytes.len())?);
        self.batch.records.push(NewRecord { start, size, status, digest, content, events });
        Ok(())
    }
}
