//! What is known of the joins of the open session as a whole: findings, the lens on one row, and an isolated key.

use crate::domain::{Key, KeyKind};
use crate::report::Sharing;
use crate::timeline::Finding;

/// The correlation lens on one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lens {
    /// The leading event of the row it was opened on.
    pub of: i64,
    pub groups: Vec<Sharing>,
}

/// A line of the lens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LensLine<'a> {
    Key(&'a Sharing),
    Row(&'a Sharing, usize),
    More(&'a Sharing),
}

impl<'a> LensLine<'a> {
    pub(crate) fn group(self) -> &'a Sharing {
        match self {
            Self::Key(group) | Self::Row(group, _) | Self::More(group) => group,
        }
    }
}

impl Lens {
    pub(crate) fn lines(&self) -> Vec<LensLine<'_>> {
        let mut lines = Vec::new();
        for group in &self.groups {
            lines.push(LensLine::Key(group));
            lines.extend((0..group.rows.len()).map(|row| LensLine::Row(group, row)));
            lines.extend((group.more() > 0).then_some(LensLine::More(group)));
        }
        lines
    }
}

/// Only the rows with one key are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Isolated {
    pub key: Key,
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
