//! What a source gave, as `import` reports it.

use std::path::Path;

use super::find::path_text;
use crate::store::Source;

/// What one source gave: a line of `import --json`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    pub path: String,
    pub agent: String,
    /// Ids of the sessions that its events belong to.
    pub sessions: Vec<String>,
    /// All records of the source, also those read by an earlier import.
    pub records: u64,
    /// Records that are the origin of at least one event.
    pub represented: u64,
    pub bad: u64,
    /// Events that come from this source.
    pub events: u64,
    /// Of what this run read: events that were new.
    pub added: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    /// The source had not changed and was not opened.
    pub unchanged: bool,
}

impl Report {
    /// What the store knows of a source.
    pub fn of(path: &Path, source: &Source) -> Self {
        Self {
            path: path_text(path),
            agent: source.importer.clone(),
            sessions: source.sessions.clone(),
            records: source.records.unsigned_abs(),
            represented: source.represented.unsigned_abs(),
            bad: source.bad.unsigned_abs(),
            events: source.events.unsigned_abs(),
            ..Self::default()
        }
    }
}
