//! A session: one run that a person would point at, with its own counts.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Token sums over the leaf model turns of one session, children excluded. Unknown is `None`, not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    pub input: Option<i64>,
    pub cache_read: Option<i64>,
    pub cache_write: Option<i64>,
    pub output: Option<i64>,
    pub reasoning: Option<i64>,
    pub total: Option<i64>,
}

/// Where a title comes from, from what says the least of its session to what says the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum TitleRank {
    /// Something beside it: a room, a canvas, another session.
    #[default]
    Beside,
    /// What was first asked.
    Asked,
    /// A summary of it.
    Summed,
    /// A name that the agent gave.
    Generated,
    /// A name that a person gave.
    Given,
}

impl TitleRank {
    pub const ALL: [Self; 5] = [Self::Beside, Self::Asked, Self::Summed, Self::Generated, Self::Given];
}

/// What a title is worth: where several are known of a session, the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct TitleWorth {
    pub rank: TitleRank,
    /// The greater the better.
    pub time: i64,
}

impl TitleWorth {
    /// Of what was asked the first counts.
    pub fn asked(at: Option<Timestamp>) -> Self {
        Self { rank: TitleRank::Asked, time: !at.map_or(i64::MAX, |at| at.0) }
    }

    /// Of names the last one counts.
    pub fn named(rank: TitleRank, at: Option<Timestamp>) -> Self {
        Self { rank, time: at.map_or(0, |at| at.0) }
    }
}

/// One row of the session list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Session {
    /// The store's own number for it; 0 before it is stored.
    pub number: i64,
    pub id: String,
    pub parent: Option<String>,
    /// The id of the root session: the scope of event ids and joins.
    pub lineage: String,
    pub title: Option<String>,
    /// What the title is worth beside those that other sources tell; the store's own rows do not say.
    pub title_worth: TitleWorth,
    pub agent: String,
    pub project: Option<String>,
    pub room: Option<String>,
    pub canvas: Option<String>,
    pub cwd: Option<String>,
    pub git_branch: Option<String>,
    pub host: Option<String>,
    pub models: Vec<String>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub events: i64,
    pub turns: i64,
    pub errors: i64,
    pub findings: i64,
    pub tokens: Tokens,
    /// `provider`, `sdk`, `estimated`, `mixed` or `none`.
    pub usage_source: String,
    /// What is to be known of one that lies elsewhere; `None` for one that is in the store.
    pub elsewhere: Option<String>,
}

impl Session {
    /// What a person reads first: the title, else the id.
    pub fn name(&self) -> &str {
        self.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or(&self.id)
    }
}
