//! Records with parts that are records of their own: each part is read, placed and stored alone.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, bail};

use super::{BATCH_BYTES, BATCH_RECORDS, Cancelled, Reading, SHOWN};
use crate::domain::Fault;
use crate::import::scan::{Layout, Scanned};
use crate::import::{Bytes, Draft};
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

/// A record up to a place.
struct Beginning<'a> {
    of: &'a dyn Bytes,
    size: u64,
}

impl Bytes for Beginning<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn at(&self, range: &Range<u64>) -> Result<Vec<u8>> {
        self.of.at(range)
    }
}

impl Reading<'_> {
    /// Reads a record part by part; `false` where it has no parts.
    ///
    /// Of JSON that breaks off or breaks somewhere these are the parts before, and one that holds all the rest.
    pub(super) fn parts(&mut self, scanned: &Scanned<'_>) -> Result<bool> {
        let file = self.file.try_clone()?;
        let in_file = InFile { file: &file, start: scanned.offset, size: scanned.size };
        let record: &dyn Bytes = match &scanned.bytes {
            Some(bytes) => bytes,
            None => &in_file,
        };
        match &scanned.outline {
            Ok(_) => self.parts_of(record, scanned),
            Err(_) if self.begin.layout == Layout::Protobuf => Ok(false),
            Err(fault) => self.parts_before(fault, record, scanned),
        }
    }

    /// Reads the parts of a record that stand before what is wrong with it.
    fn parts_before(&mut self, fault: &Fault, record: &dyn Bytes, scanned: &Scanned<'_>) -> Result<bool> {
        let sound = Beginning { of: record, size: fault.at.min(record.size()) };
        let (mut kept, mut rest) = (0, 0);
        for (place, range) in self.reader.cut(&sound)?.iter().enumerate() {
            // What has no end has no size either.
            if range.is_empty() {
                continue;
            }
            self.part(place, &sound.at(range)?, &sound, scanned, range)?;
            (kept, rest) = (kept + 1, range.end);
            self.send_if_full()?;
        }
        if kept == 0 {
            return Ok(false);
        }
        let reason = format!("{}; whole {} before that place are kept: {kept}", fault.reason, self.reader.parts_name());
        let fault = Fault { at: fault.at, reason };
        let line = scanned.line + lines_before(record, rest)?;
        let shown = record.at(&(rest..record.size().min(rest + SHOWN as u64)))?;
        let drafts = vec![self.bad(&shown, line, &fault, scanned.cut)];
        let range = rest..record.size();
        let digest = self.body_digest(scanned, &range)?;
        let status = if scanned.cut { RecordStatus::Cut } else { RecordStatus::Bad };
        let mut content = [0; 16];
        content.copy_from_slice(&digest[..16]);
        self.add(drafts, &alone(scanned, &range, digest), content, status)?;
        self.is_open = scanned.cut;
        if !self.is_open {
            self.consumed = scanned.offset + scanned.size;
        }
        Ok(true)
    }

    fn parts_of(&mut self, record: &dyn Bytes, scanned: &Scanned<'_>) -> Result<bool> {
        let ranges = self.reader.cut(record)?;
        if ranges.is_empty() {
            return Ok(false);
        }
        for (place, range) in ranges.iter().enumerate() {
            let bytes = record.at(range)?;
            self.part(place, &bytes, record, scanned, range)?;
            self.send_if_full()?;
        }
        self.consumed = scanned.offset + scanned.size;
        Ok(true)
    }

    fn send_if_full(&mut self) -> Result<()> {
        if self.held > BATCH_BYTES || self.batch.records.len() >= BATCH_RECORDS {
            if self.control.is_cancelled() {
                bail!(Cancelled);
            }
            self.send(false)?;
        }
        Ok(())
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
                let line = scanned.line + lines_before(record, range.start)?;
                let fault = Fault { at: range.start, reason };
                let mut content = [0; 16];
                content.copy_from_slice(&digest[..16]);
                (vec![self.bad(bytes, line, &fault, false)], content, RecordStatus::Bad)
            }
        };
        let own = Scanned { bytes: Some(bytes), ..alone(scanned, range, digest) };
        self.add(drafts, &own, content, status)
    }

    fn add(&mut self, drafts: Vec<Draft>, own: &Scanned<'_>, content: [u8; 16], status: RecordStatus) -> Result<()> {
        let events = self.place(drafts, own, &content)?;
        let (start, size) = (i64::try_from(own.offset)?, i64::try_from(own.size)?);
        self.batch.records.push(NewRecord { start, size, status, digest: own.digest, content, events });
        Ok(())
    }
}

/// A part as a record of its own.
fn alone(scanned: &Scanned<'_>, range: &Range<u64>, digest: [u8; 32]) -> Scanned<'static> {
    Scanned {
        outline: Err(Fault { at: 0, reason: String::new() }),
        offset: scanned.offset + range.start,
        size: range.end - range.start,
        line: scanned.line,
        bytes: None,
        digest,
        cut: false,
    }
}

/// The line ends before a place in a record.
fn lines_before(record: &dyn Bytes, place: u64) -> Result<u64> {
    Ok(memchr::memchr_iter(b'\n', &record.at(&(0..place))?).count() as u64)
}
