//! What a search through all sessions has found so far.

use std::sync::Arc;

use crate::domain::{Session, Timestamp};

/// An event in which the text was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    pub session: Arc<Session>,
    /// The number of the event.
    pub event: i64,
    pub at: Timestamp,
    /// The role of the body, or `label`.
    pub role: &'static str,
    pub snippet: String,
}

/// A search through all sessions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub text: String,
    /// The first ones, newest first.
    pub hits: Vec<Hit>,
    /// How many there are in all.
    pub total: usize,
    /// The job that is still looking.
    pub job: Option<u64>,
}
