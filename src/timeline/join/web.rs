//! The web of joins of a lineage, small enough for a million rows: who is joined with whom, by which rule.

use super::rule::{RULES, Rule};
use super::{Strength, weave};
use crate::domain::KeyKind;

/// No row.
pub(super) const NOBODY: u32 = u32::MAX;

/// One join, between two nodes; a node is a row of one of the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    pub from: u32,
    pub(super) to: u32,
    pub(super) rule: u8,
    /// The kind of key that decided, where the rule leaves that open.
    pub(super) key: Option<KeyKind>,
    /// Where its candidates stand, and how many they are; more than one makes it ambiguous.
    pub(super) candidates: (u32, u16),
}

impl Link {
    pub fn rule(&self) -> &'static Rule {
        &RULES[usize::from(self.rule)]
    }

    /// The kind of key that decided, or `text` or `time`.
    pub fn key(&self) -> &'static str {
        self.key.map_or_else(|| self.rule().compares(), KeyKind::name)
    }

    pub fn strength(&self) -> Strength {
        if self.candidates.1 > 0 { Strength::Ambiguous } else { self.rule().strength }
    }

    /// The node on the other side; `None` for an orphan, and where several candidates stand open.
    pub fn other(&self, node: u32) -> Option<u32> {
        let other = if node == self.from { self.to } else { self.from };
        (other != NOBODY).then_some(other)
    }
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The store's number of the session.
    pub session: i64,
    pub row: usize,
}

/// All joins between the rows of some sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Web {
    /// Session by session: its number, its first node, and how many rows it has.
    sessions: Vec<(i64, u32, u32)>,
    links: Vec<Link>,
    candidates: Vec<u32>,
    /// For each node where its links begin in `touching`; one more at the end.
    starts: Vec<u32>,
    /// The numbers of the links that touch a node, node by node.
    touching: Vec<u32>,
}

impl Web {
    /// Joins the rows of some sessions: those of one lineage or one room. Near-linear in the number of events.
    pub fn of(parts: &[weave::Part<'_>]) -> Self {
        Self::watched(parts, &mut |_| true).unwrap_or_default()
    }

    /// The same for one who waits: `goes_on` is told how far it is, in percent, and stops it by `false`.
    pub fn watched(parts: &[weave::Part<'_>], goes_on: &mut dyn FnMut(usize) -> bool) -> Option<Self> {
        let woven = weave::weave(parts, goes_on)?;
        let mut web = Self {
            sessions: woven.sessions,
            links: woven.links,
            candidates: woven.candidates,
            starts: Vec::new(),
            touching: Vec::new(),
        };
        web.index();
        Some(web)
    }

    fn index(&mut self) {
        let count = self.sessions.last().map_or(0, |(_, first, rows)| (first + rows) as usize);
        let mut touched: Vec<(u32, u32)> = Vec::with_capacity(self.links.len() * 2);
        for (number, link) in self.links.iter().enumerate() {
            touched.push((link.from, number as u32));
            touched.extend(link.other(link.from).map(|to| (to, number as u32)));
            touched.extend(self.candidates_of(link).iter().map(|node| (*node, number as u32)));
        }
        touched.sort_unstable();
        let mut starts = vec![0; count + 1];
        for (node, _) in &touched {
            starts[*node as usize + 1] += 1;
        }
        for node in 0..count {
            starts[node + 1] += starts[node];
        }
        self.starts = starts;
        self.touching = touched.into_iter().map(|(_, number)| number).collect();
    }

    /// The node of a row; `None` where the web does not reach.
    pub fn node(&self, place: Place) -> Option<u32> {
        let (_, first, rows) = self.sessions.iter().find(|(session, ..)| *session == place.session)?;
        let row = u32::try_from(place.row).ok()?;
        (row < *rows).then_some(first + row)
    }

    /// Where a node stands.
    pub fn place(&self, node: u32) -> Place {
        let at = self.sessions.partition_point(|(_, first, _)| *first <= node).saturating_sub(1);
        let (session, first, _) = self.sessions[at];
        Place { session, row: (node - first) as usize }
    }

    /// All joins, the strongest rules first.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The joins that touch a node, the strongest first; also those for which it is one of several candidates.
    pub fn links_of(&self, node: u32) -> impl Iterator<Item = &Link> {
        let range = match (self.starts.get(node as usize), self.starts.get(node as usize + 1)) {
            (Some(from), Some(to)) => *from as usize..*to as usize,
            _ => 0..0,
        };
        self.touching[range].iter().map(|number| &self.links[*number as usize])
    }

    /// The nodes among which a link could not choose.
    pub fn candidates_of(&self, link: &Link) -> &[u32] {
        let (from, count) = link.candidates;
        &self.candidates[from as usize..from as usize + usize::from(count)]
    }

    /// For each row of a session the earlier row of the session under which it stands, by its strongest join.
    pub fn parents(&self, session: i64) -> Vec<Option<u32>> {
        let Some((_, first, rows)) = self.sessions.iter().find(|(number, ..)| *number == session) else {
            return Vec::new();
        };
        let inside = *first..first + rows;
        let mut parents = vec![None; *rows as usize];
        for link in self.links.iter().filter(|link| inside.contains(&link.from) && inside.contains(&link.to)) {
            let parent = &mut parents[(link.from - first) as usize];
            if link.to < link.from && parent.is_none() {
                *parent = Some(link.to - first);
            }
        }
        parents
    }
}
