//! What comes in and what goes out of the pure part: messages in, requests out, both plain values.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::catalog::Catalog;
use super::filter::{Filter, Phrase};
use super::key::Key;
use super::payload::{self, Hint, Mode, View};
use super::state::Tab;
use crate::domain::{Body, Event, Session};
use crate::report::{Joined, Selection};
use crate::timeline::{Growing, Join, Rows, Turn};

/// News from an import that runs beside the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// How far it has come, in words.
    Progress(String),
    /// There is more in the store than before.
    Changed,
    /// Show the timeline of this session, unless the user has gone elsewhere.
    Open(String),
    /// The end, in words.
    Done(String),
}

/// Whether the terminal's background is light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shade {
    Dark,
    Light,
}

/// One row: the number of its leading event, by which it is known, and those of all its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    pub key: i64,
    pub numbers: Vec<i64>,
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

/// A window of a body: what one part of a payload is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub title: String,
    pub body: Body,
    /// Where it begins in the body, and how much of it is wanted.
    pub from: i64,
    pub length: i64,
    pub hint: Hint,
}

/// How payloads are prepared. They are laid out for a width beside the loop, as that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Manner {
    pub mode: Mode,
    pub options: payload::Options,
    pub width: u16,
}

/// What is to be done in front of the user, outside the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Then {
    Pager,
    Pipe(String),
}

/// Work for the terminal itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Terminal {
    Copy(Vec<u8>),
    /// Runs a program on a file, and removes the file.
    Run {
        then: Then,
        file: PathBuf,
    },
    Suspend,
    Redraw,
    Mouse(bool),
}

/// Work that the pure part asks for. Long work has a job number, by which it can be cancelled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Sessions,
    Session {
        id: String,
    },
    /// The first rows of a session, so many of them.
    Heads {
        session: i64,
        first: i64,
    },
    /// All rows of a session, beginning with those that are here.
    Rows {
        session: i64,
        growing: Box<Growing>,
        /// Nothing more comes in: what is here is compared with the store first.
        settled: bool,
    },
    Turns {
        session: i64,
        rows: Vec<Members>,
    },
    Marks {
        session: i64,
        id: String,
    },
    Mark {
        session: String,
        rows: Vec<Members>,
        change: Change,
    },
    Filter {
        job: u64,
        rows: Arc<Rows>,
        filter: Filter,
    },
    /// Searches the rows of `order`, or all, from a position on and then from the top to there.
    Search {
        job: u64,
        rows: Arc<Rows>,
        order: Option<Arc<Vec<u32>>>,
        from: usize,
        phrase: Phrase,
    },
    Locate {
        job: u64,
        session: i64,
        id: String,
    },
    Sharing {
        session: i64,
        lineage: String,
        rows: Arc<Rows>,
        members: Members,
        forward: bool,
    },
    /// The beginnings of the bodies of a row, for the preview.
    Glance {
        session: i64,
        members: Members,
        manner: Manner,
    },
    Detail {
        session: i64,
        members: Members,
    },
    /// Joins all rows of a session, and those of the sessions that it is related to.
    Weave {
        session: Box<Session>,
    },
    Links {
        session: i64,
        joined: Joined,
        members: Members,
    },
    /// Reads windows of bodies and prepares them to be shown.
    Payload {
        key: i64,
        tab: Tab,
        windows: Vec<Window>,
        manner: Manner,
    },
    /// Looks through a body that is too long to be loaded wholly; from an offset to its end, or back to its beginning.
    Seek {
        job: u64,
        key: i64,
        tab: Tab,
        body: Body,
        phrase: String,
        from: i64,
        forward: bool,
    },
    Export {
        job: u64,
        selection: Selection,
        path: PathBuf,
        numbered: bool,
    },
    /// The records of a row as they were written, to be copied.
    Record {
        members: Members,
    },
    /// Puts bytes that are too many for the terminal's clipboard into a file.
    SaveCopy {
        bytes: Vec<u8>,
    },
    /// Writes bodies into a file for a program; without any, the records of the row.
    Spill {
        job: u64,
        members: Members,
        bodies: Vec<Body>,
        then: Then,
    },
    Cancel(u64),
    CancelImport,
    Terminal(Terminal),
}

/// Everything that can happen.
#[derive(Debug)]
pub(crate) enum Message {
    Key(Key),
    Pasted(String),
    Wheel {
        down: bool,
    },
    Resized {
        columns: u16,
        rows: u16,
    },
    /// A deadline of the state has passed.
    Deadline,
    Background(Shade),
    Outside(Outside),
    /// The newest sessions, while the others are still being read.
    NewestSessions(Arc<Catalog>),
    Sessions(Arc<Catalog>),
    /// The session asked for by id; `None` where there is none.
    Session {
        id: String,
        found: Option<Box<Session>>,
    },
    Heads {
        session: i64,
        rows: Arc<Rows>,
        complete: bool,
    },
    /// All rows are here.
    Grown {
        session: i64,
        growing: Box<Growing>,
    },
    /// They could not be read.
    NoRows {
        session: i64,
        words: String,
    },
    Turns {
        session: i64,
        turns: Vec<Described>,
    },
    /// The words of rows could not be read.
    NoTurns {
        session: i64,
        words: String,
    },
    Marks {
        session: String,
        marks: Vec<(i64, Mark)>,
    },
    Hits {
        job: u64,
        rows: Vec<u32>,
        scanned: usize,
    },
    Located {
        job: u64,
        event: Option<i64>,
    },
    Shared {
        session: i64,
        row: Option<usize>,
        words: String,
    },
    Glance {
        session: i64,
        key: i64,
        view: Box<View>,
    },
    Detail {
        session: i64,
        detail: Box<Detail>,
    },
    Woven {
        session: i64,
        joined: Joined,
    },
    Links {
        session: i64,
        key: i64,
        links: Vec<Link>,
    },
    Payload {
        key: i64,
        tab: Tab,
        windows: Vec<Window>,
        view: Box<View>,
    },
    /// Where a phrase was found in a long body.
    Sought {
        job: u64,
        key: i64,
        tab: Tab,
        at: Option<i64>,
    },
    Progress {
        job: u64,
        words: String,
    },
    /// A job has come to its end; the words, if any, are for the status line.
    Ended {
        job: u64,
        words: String,
    },
    Spilled {
        job: u64,
        then: Then,
        file: PathBuf,
    },
    Record {
        bytes: Vec<u8>,
    },
    Noted(String),
    Failed {
        job: Option<u64>,
        words: String,
    },
}

/// The time that is passed in with a message; the pure part has no clock.
pub(crate) type Now = Instant;
