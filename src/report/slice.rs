//! A slice: a selection of events with all they need, as one verifiable JSON file.

use std::io::Write;

use anyhow::{Result, bail};

use crate::store::Store;

/// What a slice holds of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The session's id.
    pub session: String,
    /// Event numbers; `None` for all of them. Turns are completed.
    pub events: Option<Vec<i64>>,
    /// What the user asked for, in words: `marked rows`, `filter "tool:Bash"`, `whole session` …
    pub why: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    pub events: usize,
    pub bodies: usize,
    pub bytes: u64,
}

/// Streams a slice out.
pub async fn write_slice(_store: &Store, _selection: &Selection, _out: &mut (dyn Write + Send)) -> Result<Summary> {
    bail!("not yet")
}
