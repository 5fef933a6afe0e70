//! What requests and messages say of rows: their events, marks, joins and words.

use crate::domain::{Body, Event, Key};
use crate::timeline::{Join, Rows, Turn};

/// One row: the number of its leading event, by which it is known, and those of all its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    pub key: i64,
    pub numbers: Vec<i64>,
}

impl Members {
    pub(crate) fn of(rows: &Rows, row: usize) -> Self {
        let numbers = rows.members(row);
        Self { key: numbers.first().copied().unwrap_or(0), numbers: numbers.to_vec() }
    }
}

/// A mark, a note, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub marked: bool,
    pub note: Option<String>,
}

/// How marks are changed: by mark, by note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Marked(bool),
    Note(Option<String>),
}

impl Change {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Marked(_) => "mark",
            Self::Note(_) => "note",
        }
    }
}

/// Where the record of an event lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub event: i64,
    pub importer: String,
    pub path: String,
    pub offset: i64,
    pub size: i64,
}

/// All that is known of a row, but for the bytes of its bodies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Detail {
    pub key: i64,
    pub turn: Turn,
    pub events: Vec<Event>,
    pub bodies: Vec<Body>,
    pub spots: Vec<Spot>,
}

/// A join of a row, with the row that it leads to where that one is in this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub join: Join,
    /// The number of an event of the row that it leads to.
    pub event: Option<i64>,
    /// What that row says.
    pub label: String,
    /// The rows that were considered: the number of an event, and what the row says.
    pub others: Vec<(String, Option<i64>, String)>,
}

/// The words of a row, as asked for by the number of its events; `None` where the store has none of them.
pub(crate) type Described = (i64, usize, Option<Turn>);

/// What rows that belong together are asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Purpose {
    /// To open the lens.
    Open,
    /// To fill the lens that is open, now that more is known.
    Fill,
    /// To isolate the key after this one, or the first.
    Isolate(Option<Key>),
}
