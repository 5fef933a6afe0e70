//! The forms that what leaves can take: what each is told, and in which order.

use anyhow::Result;
use serde_json::Value;

use crate::domain::Kind;
use crate::domain::price::Prices;

/// Rows of one sort that leave together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The sessions: the one that was asked for and its sub-agents.
    Sessions,
    /// The events of one kind.
    Events(Kind),
    /// Whole rows in the order of the timeline, each with its events, joins, and what its models were told.
    Rows,
    /// The events of the original's ledger of projects, which are in no section of events.
    Ledger,
    Annotations,
    Joins,
    Findings,
    /// The tokens of each session, by its id.
    Usage,
    /// The original's blob rows, by their ids; their payloads are bodies.
    Blobs,
    /// Every distinct body once, by its SHA-256.
    Bodies,
}

impl Section {
    /// The sections of events in the order in which they leave.
    pub const EVENTS: [Self; 6] = [
        Self::Events(Kind::Transcript),
        Self::Events(Kind::Task),
        Self::Events(Kind::Trace),
        Self::Events(Kind::Model),
        Self::Events(Kind::Tool),
        Self::Events(Kind::Other),
    ];

    /// The name that it has in a slice.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Events(Kind::Transcript) => "transcript",
            Self::Events(Kind::Task) => "tasks",
            Self::Events(Kind::Trace) => "traces",
            Self::Events(Kind::Model) => "modelIo",
            Self::Events(Kind::Tool) => "toolIo",
            Self::Events(Kind::Other) => "other",
            Self::Rows => "rows",
            Self::Ledger => "ledger",
            Self::Annotations => "annotations",
            Self::Joins => "joins",
            Self::Findings => "findings",
            Self::Usage => "usage",
            Self::Blobs => "blobs",
            Self::Bodies => "bodies",
        }
    }

    /// Whether each of its rows has a name.
    pub fn is_named(self) -> bool {
        matches!(self, Self::Usage | Self::Blobs | Self::Bodies)
    }
}

/// A body that leaves.
#[derive(Debug, Clone, Copy)]
pub struct Leaving<'a> {
    /// SHA-256 in hexadecimal digits.
    pub sha256: &'a str,
    /// The bytes of the whole.
    pub size: i64,
    /// Whether it is UTF-8; its parts are text then.
    pub is_text: bool,
}

/// Some bytes of a body, in order.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// Whole characters.
    Text(&'a str),
    /// A multiple of three, but for the last.
    Bytes(&'a [u8]),
}

/// The form that what leaves takes.
///
/// The driver says single values (`session`, `room`, `counts` …) and sections: a beginning, rows, an end. Bodies are
/// the last section, each in parts; the manifest over them is the last value.
pub trait Form: Send {
    /// Whether rows come whole, as [`Section::Rows`] in the order of the timeline, instead of events by kind and joins
    /// behind them; then totals, artifacts and actions are told, too.
    fn takes_rows(&self) -> bool {
        false
    }

    /// By which prices costs are told; they are told with whole rows alone.
    fn prices(&self) -> Prices {
        Prices::default()
    }

    /// Whether a body is wanted, by its SHA-256 in hexadecimal digits. All rows have been told before.
    fn wants(&self, _sha256: &str) -> bool {
        true
    }

    fn value(&mut self, name: &'static str, value: &Value) -> Result<()>;

    /// What has no sections of its own need not know where they begin and end.
    fn begin(&mut self, _section: Section) -> Result<()> {
        Ok(())
    }

    /// A row of the section that has begun, with its name where rows of that section have one.
    fn row(&mut self, section: Section, name: Option<&str>, row: &Value) -> Result<()>;

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()>;

    fn part(&mut self, part: Part<'_>) -> Result<()>;

    fn end_body(&mut self) -> Result<()>;

    fn end(&mut self, _section: Section) -> Result<()> {
        Ok(())
    }

    /// Everything has been said. Returns the bytes that were written.
    fn finish(&mut self) -> Result<u64>;
}
