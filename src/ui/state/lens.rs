//! What is known of the joins of the open session as a whole: findings, the lens on one row, and isolated rows.

use crate::domain::{Key, KeyKind};
use crate::report::Sharing;
use crate::timeline::Finding;

/// The correlation lens on one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lens {
    /// The leading event of the row it was opened on.
    pub of: i64,
    pub groups: Vec<Sharing>,
    /// It shows all joins; without them only the rows that share a key.
    pub joined: bool,
}

/// A line of the lens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LensLine<'a> {
    Reason(&'a Sharing),
    Row(&'a Sharing, usize),
    More(&'a Sharing),
    /// The other joins are not known yet.
    Waiting,
}

impl<'a> LensLine<'a> {
    pub(crate) fn group(self) -> Option<&'a Sharing> {
        match self {
            Self::Reason(group) | Self::Row(group, _) | Self::More(group) => Some(group),
            Self::Waiting => None,
        }
    }
}

impl Lens {
    pub(crate) fn lines(&self) -> Vec<LensLine<'_>> {
        let mut lines = Vec::new();
        for group in &self.groups {
            lines.push(LensLine::Reason(group));
            lines.extend((0..group.rows.len()).map(|row| LensLine::Row(group, row)));
            lines.extend((group.more > 0).then_some(LensLine::More(group)));
        }
        lines.extend((!self.joined).then_some(LensLine::Waiting));
        lines
    }
}

/// Only the rows of one group are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Isolated {
    /// What they have in common.
    pub words: String,
    /// The key that they share, where it is one.
    pub key: Option<Key>,
    /// Rows in order.
    pub rows: Vec<u32>,
}

/// What joins say of the session as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Correlation {
    pub findings: Vec<Finding>,
    /// The rows of the findings, in order, each once.
    pub finding_rows: Vec<u32>,
    pub lens: Option<Lens>,
    pub isolated: Option<Isolated>,
    /// The kind of key that `o` and `O` go by; `None` for any.
    pub kind: Option<KeyKind>,
}
