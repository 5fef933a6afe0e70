//! Records what agents do as they do it: what was acknowledged is on the disk, what could not be kept leaves a gap.
//!
//! - A [`Recorder`] is what an agent calls: it takes whole events without making the agent wait for the disk, and
//!   [`Recorder::flush`] says what became of them. What there is no room for waits in a journal beside the store.
//! - A [`Committer`] stores what many callers hand in, and answers each after the commit that holds its own. The
//!   recorder stands on it, and so does whoever receives events from elsewhere.

mod committer;
#[cfg(test)]
mod faults;
mod figures;
mod gap;
mod group;
mod item;
mod journal;
mod outcome;
mod policy;
mod pump;
mod quarantine;
mod queue;
mod recorder;
mod row;

pub use committer::{Committer, GroupPolicy};
pub use figures::{COMMIT_BUCKETS, Figures};
pub use item::{Item, Priority, Table, json};
pub use outcome::{Outcome, Refusal};
pub use policy::{Limits, Overflow, Policy};
pub use quarantine::{Quarantined, quarantined, redrive};
pub use recorder::{Flush, Flushed, Recorder, Refused, Taken};
pub use row::{Record, Told, session};
