//! What became of an item, and why none of them could be taken.

use std::time::Duration;

use crate::store::SPARE;

/// What became of one item. All but the rejected are on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was new.
    Stored { id: String },
    /// The same event was there.
    Duplicate { id: String },
    /// A new state of an event that changes: a task or a trace event.
    Revision { id: String },
    /// Another event with its id was there; both are kept.
    Conflict { id: String },
    /// The store cannot hold it, and trying again will not help.
    Rejected { id: String, reason: String },
}

impl Outcome {
    /// The one name of this outcome, in JSON and HTTP.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stored { .. } => "stored",
            Self::Duplicate { .. } => "duplicate",
            Self::Revision { .. } => "revision",
            Self::Conflict { .. } => "conflict",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// What the event is called.
    pub fn id(&self) -> &str {
        match self {
            Self::Stored { id }
            | Self::Duplicate { id }
            | Self::Revision { id }
            | Self::Conflict { id }
            | Self::Rejected { id, .. } => id,
        }
    }

    /// Whether the store holds it.
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Rejected { .. })
    }
}

/// Why items were not taken. Some may be in the store all the same; handing them in again does no harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the store is busy; try again in {} ms", retry_after.as_millis())]
    Busy { retry_after: Duration },
    #[error("the disk is full")]
    Full,
    #[error("the disk is full, but for the {} MiB that are kept free", SPARE >> 20)]
    AlmostFull,
    #[error("the store cannot be written (read-only)")]
    ReadOnly,
    #[error("the recorder has been stopped")]
    Closed,
    #[error("{0}")]
    Failed(String),
}
