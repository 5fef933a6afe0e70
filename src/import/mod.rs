//! Brings sessions in: one reader per format, one driver for all of them.
//!
//! A reader turns records into events and knows nothing of files, offsets in them, or the store.
//! Two kinds of wrong: the driver's error means that a source cannot be read; a bad record is kept as an
//! `other` event with its bytes, reported as `path:line: reason`, and everything else still comes in.

mod again;
mod driver;
mod gave;
mod compare;
mod find;
mod head;
mod otel;
mod read;
mod proof;
mod reindex;
mod scan;
mod slice;
mod claude;
mod codex;
mod present;
#[cfg(test)]
mod corpus;
mod unknown;
mod unpack;
mod wait;
mod watch;

pub use compare::is_read;
pub use driver::{Control, Notice, Outcome, bring_in, bring_in_as, bring_in_piped};
pub use find::{Piped, agents_folders, below, known_folders, path_of, path_text};
pub use gave::Report;
pub use otel::{Accepted, Decoded, Decoding, Encoding, Signal, Undecodable};
pub use present::{Remote, Remotes, bring_over};
pub use proof::{Proven, prove};
pub use reindex::{Reindexed, reindex};
pub use watch::Watch;

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};

use crate::domain::{Event, Outline, Role, Session, telling};

/// The version of the rules by which records become events. It grows with every change of what they say, so that
/// `turnscope reindex` reads anew what older rules have read.
pub const RULES: u32 = 2;

/// One good record: a JSON value of a source.
#[derive(Debug)]
pub struct Record<'a> {
    pub outline: &'a Outline,
    /// The bytes of the record's value start here in its source.
    pub offset: u64,
    /// 1 for the first line.
    pub line: u64,
}

/// An event on its way into the store.
///
/// The reader leaves `number`, `revision` and `order` to the driver, and may leave `id` empty where the source
/// gives none: the driver then derives one from the record's bytes.
#[derive(Debug, Clone)]
pub struct Draft {
    pub event: Event,
    /// Where bodies lie in the record's bytes. The whole record is the `raw` body without being named.
    pub bodies: Vec<(Role, Range<u64>)>,
    /// Bodies that stand nowhere as they are, because the record wraps or flattens them.
    pub own: Vec<(Role, Vec<u8>)>,
}

impl Draft {
    pub fn new(event: Event) -> Self {
        Self { event, bodies: Vec::new(), own: Vec::new() }
    }

    pub fn with(mut self, role: Role, range: Range<u64>) -> Self {
        self.bodies.push((role, range));
        self
    }
}

/// The events of a part of a record and a hash of what makes it the same part elsewhere; or why it cannot be read.
pub type Part = Result<(Vec<Draft>, [u8; 16]), String>;

/// The bytes of one record, of any length.
pub trait Bytes {
    fn size(&self) -> u64;
    fn at(&self, range: &Range<u64>) -> Result<Vec<u8>>;
}

impl Bytes for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn at(&self, range: &Range<u64>) -> Result<Vec<u8>> {
        let (start, end) = (usize::try_from(range.start)?, usize::try_from(range.end)?);
        Ok(self.get(start..end).context("a part lies outside its record")?.to_vec())
    }
}

/// Reads the records of one source, in order.
pub trait Reader: Send {
    /// The events of one record: at least one, whatever the record holds.
    fn read(&mut self, record: &Record<'_>) -> Vec<Draft>;

    /// The parts of a record that are records of their own, such as the spans of a request; none for any other record.
    fn cut(&mut self, _record: &dyn Bytes) -> Result<Vec<Range<u64>>> {
        Ok(Vec::new())
    }

    /// What the parts of its records are, in words.
    fn parts_name(&self) -> &'static str {
        "parts"
    }

    /// The events of one part of the record that was cut last.
    fn part(&mut self, _place: usize, _bytes: &[u8], _record: &dyn Bytes) -> Result<Part> {
        Ok(Err("the record has no parts".to_owned()))
    }

    /// Sessions that are known under another name by now: the first name and the true one, each pair once.
    fn adopted(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// What is to be told of the source as a whole when all of it has been read.
    fn remark(&self) -> Option<String> {
        None
    }

    /// Whether the records of a source stand in the order of their times, so that none can be earlier than the one
    /// before it. Where they do not, the reader gives the events their order.
    fn is_in_order(&self) -> bool {
        true
    }

    /// What is known so far of the sessions that the events name; the first is the source's own.
    ///
    /// Counts, models and times are the store's business and are left empty.
    fn sessions(&self) -> Vec<Session>;

    /// What must be known to go on when the file has grown: JSON.
    fn save(&self) -> String;

    /// Further members of a record that a fork writes anew in what it copies; they are told from its own by what
    /// else the records hold, and by their order.
    fn renewed(&self) -> &'static [&'static str] {
        &[]
    }
}

/// What a format is told of a source before its first record is read.
pub struct Opening<'a> {
    pub path: &'a Path,
    /// The first records: at most 50 of the first 256 KiB, but a few in any case.
    pub head: &'a [Outline],
    /// The id of a session of which no record says it: the file's stem, or one that tells it from another file's.
    pub stem: &'a str,
    /// What [`Reader::save`] gave when the file was shorter.
    pub saved: Option<&'a str>,
    /// Whether a text occurs anywhere in the source; reads the file, so ask only when it decides something.
    pub contains: &'a dyn Fn(&str) -> bool,
}

/// A format that turnscope reads.
#[derive(Debug)]
pub struct Format {
    /// The agent's name, as in `import --json`.
    pub agent: &'static str,
    /// Whether these are its records; told by content, never by name.
    pub detect: fn(&[Outline]) -> bool,
    pub open: Open,
}

/// How the records of a format are read.
#[derive(Debug)]
pub enum Open {
    /// One after another, by a reader.
    Records(fn(&Opening<'_>) -> Box<dyn Reader>),
    /// Our own slices, which carry rows and bodies apart.
    Slice,
    /// Documents of the original system, whose rows refer to each other.
    Present,
}

const SLICE: Format = Format { agent: "turnscope", detect: slice::is_slice, open: Open::Slice };

/// All formats; the first that recognises a source reads it, and the last takes any JSON.
pub const FORMATS: &[Format] = &[SLICE, claude::FORMAT, codex::FORMAT, present::FORMAT, otel::FORMAT, unknown::FORMAT];
