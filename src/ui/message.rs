//! What comes in and what goes out of the pure part: messages in, requests out, both plain values.

mod rows;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

pub(crate) use self::rows::{Change, Described, Detail, Link, Mark, Members, Purpose, Spot};
use super::catalog::Catalog;
use super::insight::Insight;
use super::key::Key as Pressed;
use super::payload::{self, Hint, Mode, View};
use super::phrase::Phrase;
use super::sheet::Wish;
use super::state::{Hit, Tab};
use crate::domain::filter::{Field, Filter, Frame, Saved};
use crate::domain::{Body, KeyKind, Session};
use crate::report::{Joined, Review, Selection, Sharing};
use crate::timeline::{Comparison, Finding, Focus, Growing, Rows, Survey, Totals, Tree};

/// News from an import that runs beside the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// How far it has come, in words.
    Progress(String),
    /// There is more in the store than before.
    Changed,
    /// Show the timeline of this session, unless the user has gone elsewhere.
    Open(String),
    /// Why there is nothing at the paths that were named, path by path.
    Nothing(Vec<String>),
    /// The end, in words.
    Done(String),
}

/// Whether the terminal's background is light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shade {
    Dark,
    Light,
}

/// A window of a body: what one part of a payload is to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    pub title: String,
    pub body: Body,
    /// Where it begins in the body, and how much of it is wanted.
    pub from: i64,
    pub length: i64,
    pub hint: Hint,
    /// What is shown in place of the body: an artifact from within it, or words about it.
    pub text: Option<Arc<[u8]>>,
}

/// What a row is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Before {
    /// A row, and what to call it.
    Row(Members, String),
    /// The last row before this one that is like it.
    Like { rows: Arc<Rows>, row: usize },
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
    /// Brings a session over from elsewhere, by its id.
    Bring(u64, String),
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
        session: Box<Session>,
        rows: Arc<Rows>,
        filter: Filter,
        frame: Frame,
    },
    /// What a filter of this session may name.
    FilterValues {
        session: i64,
    },
    SavedFilters,
    /// Saves a filter under a name; without a text it is forgotten.
    KeepFilter {
        name: String,
        text: Option<String>,
    },
    /// Searches the rows of `order`, or all, from a position on and then from the top to there: first what the list
    /// says of them, then their contents.
    Search {
        job: u64,
        rows: Arc<Rows>,
        order: Option<Arc<Vec<u32>>>,
        from: usize,
        phrase: Phrase,
    },
    /// Tells of what comes into the store, and brings in what the files of the session hold by now; without a session,
    /// those of all that were named.
    Follow {
        job: u64,
        session: Option<Box<Session>>,
    },
    /// Searches the contents of all sessions.
    Find {
        job: u64,
        text: String,
    },
    /// Nests many rows.
    Nest {
        session: i64,
        rows: Arc<Rows>,
        parents: Arc<Vec<Option<u32>>>,
        shown: Option<Arc<Vec<u32>>>,
    },
    /// Looks for the rows that an id names: of an event, a row, or any key.
    Locate {
        job: u64,
        session: i64,
        lineage: String,
        id: String,
    },
    Sharing {
        session: i64,
        lineage: String,
        rows: Arc<Rows>,
        members: Members,
        /// Only keys of this kind; `None` for any.
        kind: Option<KeyKind>,
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
        job: u64,
        session: Box<Session>,
    },
    Links {
        session: i64,
        joined: Joined,
        members: Members,
    },
    /// The rows that belong together with one: by keys, and by all other joins where these are known.
    Lens {
        session: Box<Session>,
        rows: Arc<Rows>,
        joined: Option<Joined>,
        members: Members,
        purpose: Purpose,
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
    /// Counts how often a phrase is in a body that is too long to be loaded wholly.
    Count {
        job: u64,
        key: i64,
        tab: Tab,
        body: Body,
        phrase: String,
    },
    Review(u64, Box<Wish>, Option<Arc<Review>>),
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
    /// Puts a body that is too long for the terminal's clipboard into a file.
    CopyBody {
        job: u64,
        body: Body,
    },
    /// Writes bodies into a file for a program; without any, the records of the row.
    Spill {
        job: u64,
        members: Members,
        bodies: Vec<Body>,
        then: Then,
    },
    /// Looks through all bodies of a session.
    Survey {
        job: u64,
        session: i64,
        rows: Arc<Rows>,
    },
    /// Looks through the bodies of a row.
    Insight {
        session: i64,
        row: usize,
        members: Members,
        survey: Option<Arc<Survey>>,
    },
    /// Counts calls, errors, tokens and times of a session.
    Totals {
        job: u64,
        rows: Arc<Rows>,
    },
    Compare {
        job: u64,
        before: Before,
        after: Members,
        title: String,
        focus: Focus,
    },
    Cancel(u64),
    CancelImport,
    Terminal(Terminal),
}

/// Everything that can happen.
#[derive(Debug)]
pub(crate) enum Message {
    Key(Pressed),
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
    /// What a place of the screen is to show could not be read.
    Unread {
        request: Box<Request>,
        words: String,
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
    FilterValues {
        session: i64,
        values: BTreeMap<Field, Vec<String>>,
    },
    SavedFilters(Saved),
    Hits {
        job: u64,
        rows: Vec<u32>,
        scanned: usize,
    },
    /// Hits in the contents of sessions, and how many there are in all so far.
    Found {
        job: u64,
        hits: Vec<Hit>,
        total: usize,
    },
    Nested {
        session: i64,
        rows: Arc<Rows>,
        shown: Option<Arc<Vec<u32>>>,
        tree: Box<Tree>,
    },
    /// Rows that hold a phrase inside, not in what the list says of them.
    Inside {
        job: u64,
        rows: Vec<u32>,
        scanned: usize,
    },
    /// The events that an id leads to, and what it is where it is a key.
    Located {
        job: u64,
        id: String,
        key: Option<&'static str>,
        events: Vec<i64>,
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
        job: u64,
        session: i64,
        joined: Joined,
        findings: Vec<Finding>,
    },
    Lens {
        session: i64,
        of: i64,
        groups: Vec<Sharing>,
        /// The other joins were known.
        joined: bool,
        purpose: Purpose,
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
    /// How often a phrase is in a long body.
    Counted {
        job: u64,
        key: i64,
        tab: Tab,
        phrase: String,
        count: u64,
    },
    /// There is more in the store than before.
    News {
        job: u64,
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
    /// The session is here and can be opened, though something may have gone wrong.
    Brought(u64, Box<Session>, Option<String>),
    Surveyed {
        job: u64,
        session: i64,
        survey: Arc<Survey>,
    },
    Insight {
        session: i64,
        key: i64,
        insight: Arc<Insight>,
    },
    Totals {
        job: u64,
        totals: Arc<Totals>,
    },
    Reviewed(u64, Arc<Review>, Box<Wish>),
    /// `None` where there is nothing to compare with.
    Compared {
        job: u64,
        comparison: Option<Arc<Comparison>>,
    },
    Failed {
        job: Option<u64>,
        words: String,
    },
}

/// The time that is passed in with a message; the pure part has no clock.
pub(crate) type Now = Instant;
