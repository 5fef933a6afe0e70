//! What is noted about a session that was brought over, so that the next time only what is new is asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Rows so much older than the newest one are read again: rows become visible in another order than that of their times.
const OVERLAP: i64 = 15 * 60 * 1_000_000;

/// How far a session was brought over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// The database; one that was made anew has another number.
    database: String,
    /// When the rows that were asked for begin, µs since 1970.
    start: Option<i64>,
    /// The newest change of each table.
    marks: BTreeMap<String, i64>,
    /// Digests of the rows that will be read again.
    recent: BTreeSet<String>,
    /// Only rows of some times were asked for so far.
    #[serde(default)]
    is_cut: bool,
    /// Tables that failed to answer.
    #[serde(default)]
    failed: BTreeSet<String>,
}

impl State {
    /// What was noted about the same database.
    pub fn read(text: &str, database: &str) -> Option<Self> {
        let state: Self = serde_json::from_str(text).ok()?;
        (state.database == database).then_some(state)
    }

    pub fn new(database: &str, start: i64) -> Self {
        Self { database: database.to_owned(), start: Some(start), ..Self::default() }
    }

    /// From when on a table is asked for changes, where what is asked for begins at `start`.
    pub fn since(&self, table: &str, start: i64) -> Option<i64> {
        let mark = self.marks.get(table).filter(|_| self.start.is_some_and(|known| known <= start));
        mark.map(|mark| mark.saturating_sub(OVERLAP))
    }

    pub fn mark(&self, table: &str) -> Option<i64> {
        self.marks.get(table).copied()
    }

    /// Notes the newest change of a table, and says from when on its rows will be read again.
    pub fn set_mark(&mut self, table: &str, mark: i64) -> i64 {
        self.marks.insert(table.to_owned(), mark);
        mark.saturating_sub(OVERLAP)
    }

    /// Whether anything of the session was brought over.
    pub fn is_known(&self) -> bool {
        !self.recent.is_empty() || !self.marks.is_empty()
    }

    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub fn set_cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
    }

    pub fn has_failed(&self, table: &str) -> bool {
        self.failed.contains(table)
    }

    pub fn failed(&self) -> impl Iterator<Item = &str> {
        self.failed.iter().map(String::as_str)
    }

    pub fn set_failed(&mut self, table: &str) {
        self.failed.insert(table.to_owned());
    }

    pub fn has_seen(&self, row: &str) -> bool {
        self.recent.contains(row)
    }

    pub fn remember(&mut self, row: String) {
        self.recent.insert(row);
    }
}
