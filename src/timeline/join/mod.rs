//! Joins: why rows belong together, how surely, and what else they might have belonged to.
//!
//! ```text
//!    heads + ties of all sessions of a lineage ─► weave ─► Web: who is joined with whom, by which rule
//!    the events of two rows + their rule      ─► explain ─► Join: key, values, what was rejected and why
//! ```
//!
//! The rules are one table, the strongest first. A weaker join is made only where no stronger one ties the same
//! rows, and where several rows fit, all of them are named and none is chosen.

mod explain;
mod inner;
mod rule;
mod special;
mod union;
mod weave;
mod web;
#[cfg(test)]
mod tests;

pub use explain::{Seen, explain};
pub use inner::inner;
pub use rule::{Choice, RULES, Rule};
pub use weave::Part;
pub use web::{Link, Place, Web};

/// How sure a join is, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// An identifier that the sources themselves use to name the other row.
    Exact,
    /// The same value of the same kind of key.
    Keyed,
    /// A coarser key, or the order, and exactly one row that it fits.
    Unique,
    /// Time or text only.
    Near,
    /// Several rows fit; none was chosen.
    Ambiguous,
    /// A half without its other half.
    Orphan,
}

impl Strength {
    pub const ALL: [Self; 6] = [Self::Exact, Self::Keyed, Self::Unique, Self::Near, Self::Ambiguous, Self::Orphan];

    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Keyed => "keyed",
            Self::Unique => "unique",
            Self::Near => "near",
            Self::Ambiguous => "ambiguous",
            Self::Orphan => "orphan",
        }
    }
}

/// What a join stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The kind of key, such as `message_id`; `time` or `text` where no key decided.
    pub key: String,
    /// The rule that compared the values.
    pub rule: String,
    /// The value that both rows have, or both values where they differ.
    pub values: Vec<String>,
}

/// A row that was considered and not chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The row's id.
    pub to: String,
    pub why: String,
}

/// A link from one row to another, or between two events of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The id of the row it leads to; empty for an orphan, and where several candidates stand open.
    pub to: String,
    /// The session of that row.
    pub session: String,
    /// Where this row is one of several candidates: the id of the row for which none was chosen.
    pub of: String,
    /// The event on this side, and the event on the other; empty where there is none.
    pub from_event: String,
    pub to_event: String,
    pub strength: Strength,
    pub basis: Basis,
    /// The rows among which nothing was chosen; of all other joins those that were considered and rejected.
    pub candidates: Vec<String>,
    pub rejected: Vec<Rejected>,
}
