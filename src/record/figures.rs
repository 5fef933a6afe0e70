//! Figures of a committer: counted as it works, read at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Outcome;

/// Upper bounds of the buckets in which commits are counted by how long they took: ms. What takes longer is in none.
pub const COMMIT_BUCKETS: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];

/// What a committer has done since it was started. All only grow, but for `waiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    pub stored: u64,
    pub duplicates: u64,
    pub revisions: u64,
    pub conflicts: u64,
    pub rejected: u64,
    /// Handed in and not taken: busy, full, read-only, closed, failed.
    pub refused: u64,
    /// Handed in and not answered yet.
    pub waiting: u64,
    /// Bytes of records that were committed.
    pub bytes: u64,
    pub commits: u64,
    /// How long commits took together: µs.
    pub commit_time: u64,
    /// Commits that took no longer than each of [`COMMIT_BUCKETS`], and longer than the one before.
    pub commits_within: [u64; COMMIT_BUCKETS.len()],
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    stored: AtomicU64,
    duplicates: AtomicU64,
    revisions: AtomicU64,
    conflicts: AtomicU64,
    rejected: AtomicU64,
    refused: AtomicU64,
    bytes: AtomicU64,
    commits: AtomicU64,
    commit_time: AtomicU64,
    commits_within: [AtomicU64; COMMIT_BUCKETS.len()],
}

impl Counters {
    pub(super) fn outcome(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Stored { .. } => &self.stored,
            Outcome::Duplicate { .. } => &self.duplicates,
            Outcome::Revision { .. } => &self.revisions,
            Outcome::Conflict { .. } => &self.conflicts,
            Outcome::Rejected { .. } => &self.rejected,
        };
        add(counter, 1);
    }

    pub(super) fn rejected(&self, count: usize) {
        add(&self.rejected, count as u64);
    }

    pub(super) fn refused(&self, count: usize) {
        add(&self.refused, count as u64);
    }

    pub(super) fn committed(&self, bytes: usize, took: Duration) {
        add(&self.bytes, bytes as u64);
        add(&self.commits, 1);
        add(&self.commit_time, took.as_micros() as u64);
        let bucket = COMMIT_BUCKETS.iter().position(|most| took <= Duration::from_millis(*most));
        if let Some(bucket) = bucket {
            add(&self.commits_within[bucket], 1);
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            stored: read(&self.stored),
            duplicates: read(&self.duplicates),
            revisions: read(&self.revisions),
            conflicts: read(&self.conflicts),
            rejected: read(&self.rejected),
            refused: read(&self.refused),
            waiting: 0,
            bytes: read(&self.bytes),
            commits: read(&self.commits),
            commit_time: read(&self.commit_time),
            commits_within: std::array::from_fn(|place| read(&self.commits_within[place])),
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
