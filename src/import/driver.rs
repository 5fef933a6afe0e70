//! The driver: finds sources, reads them in bounded memory, and hands records and events to the store in batches.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use tokio::sync::mpsc::UnboundedSender;

use crate::store::Store;

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

/// What happens while sources are brought in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// How many sources there are, and their size.
    Found {
        sources: usize,
        bytes: u64,
    },
    /// So much of all sources is done.
    Progress {
        sources: usize,
        bytes: u64,
    },
    /// A record that cannot be read: `path:line: reason`.
    Bad(String),
    /// A source that cannot be read at all, or a path that leads to none.
    Failed(String),
    /// Rows of these sessions have changed in the store.
    Stored {
        sessions: Vec<String>,
    },
    Done(Report),
}

/// How the one who started an import follows and stops it.
#[derive(Debug, Clone)]
pub struct Control {
    pub notices: UnboundedSender<Notice>,
    pub cancelled: Arc<AtomicBool>,
}

impl Control {
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub fn tell(&self, notice: Notice) {
        // Nobody listening is no reason to stop an import.
        let _ = self.notices.send(notice);
    }
}

/// How the whole import went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    pub reports: Vec<Report>,
    /// Sources that could not be read, with the reason; also told as [`Notice::Failed`].
    pub failures: Vec<String>,
    pub cancelled: bool,
}

/// Brings in what is named: files, and folders with all sessions below them.
///
/// A source that cannot be read does not stop the others. The error is for the store alone.
pub async fn bring_in(_store: &Store, _paths: &[PathBuf], _control: &Control) -> Result<Outcome> {
    bail!("not yet")
}

/// The folders in which known agents keep their sessions, as far as they exist.
pub fn known_folders() -> Vec<PathBuf> {
    Vec::new()
}
