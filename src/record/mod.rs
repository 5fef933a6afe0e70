//! Records what agents do as they do it: what was acknowledged is on the disk, what could not be kept leaves a gap.
//!
//! The [`Committer`] stores what many callers hand in, and answers each after the commit that holds its own.

mod committer;
#[cfg(test)]
mod faults;
mod figures;
mod group;
mod item;
mod outcome;
mod row;

pub use committer::{Committer, GroupPolicy};
pub use figures::{COMMIT_BUCKETS, Figures};
pub use item::{Item, Priority, Table, json};
pub use outcome::{Outcome, Refusal};
pub use row::{Record, Told, session};
