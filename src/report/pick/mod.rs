//! Picks the rows of a session that a filter matches: SQL narrows down, and what is left is read in parts and judged.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::Result;

use super::walk::{Step, read_rows};
use super::{Joined, findings};
use crate::domain::filter::{Condition, Expression, Feature, Frame, Test};
use crate::domain::{Head, Session};
use crate::store::Store;
use crate::timeline::filter::{FINDINGS, Subject, matches};
use crate::timeline::{Join, Row, Rows, Strength};

/// Rows that are read at once.
const PART: usize = 500;

/// The rows of one session that a filter matches, in their order.
pub struct Pick<'a> {
    store: &'a Store,
    session: &'a Session,
    rows: Arc<Rows>,
    expression: &'a Expression,
    frame: Frame,
    /// The rows that may match.
    candidates: Vec<u32>,
    next: usize,
    /// Marked and noted, by the ids of rows.
    marks: HashMap<String, (bool, bool)>,
    /// The joins and the events of findings, where the filter asks for them.
    joined: Option<(Joined, HashSet<i64>)>,
}

impl<'a> Pick<'a> {
    /// A pick among all rows of a session, whose start is the frame's. Marks and notes are those of the same store.
    pub async fn among_all(
        store: &'a Store,
        session: &'a Session,
        expression: &'a Expression,
        frame: Frame,
    ) -> Result<Self> {
        let heads: Vec<Head> = store.heads(session.number, None).await?;
        let frame = Frame { start: session.started, ..frame };
        Self::of(store, store, session, Arc::new(Rows::of(&heads)), expression, frame).await
    }

    /// A pick among the rows of a session. Marks and notes are kept in a store of their own.
    pub async fn of(
        store: &'a Store,
        annotations: &Store,
        session: &'a Session,
        rows: Arc<Rows>,
        expression: &'a Expression,
        frame: Frame,
    ) -> Result<Self> {
        let narrow = store.prefilter(session.number, expression, &frame).await?;
        let annotated = annotations.annotations(&session.id).await?.into_iter();
        let marks = annotated.map(|found| (found.row, (found.marked, found.note.is_some()))).collect();
        let joining = [Feature::Orphan, Feature::Ambiguous, Feature::Joined, Feature::Finding];
        let joined = match expression.asks_for(&joining) {
            true => {
                let joined = Joined::of(store, session).await?;
                let found = findings(store, session, &joined, i64::MIN).await?;
                Some((joined, found.iter().map(|finding| finding.event).collect()))
            }
            false => None,
        };
        let may_match = |row: &u32| {
            let row = *row as usize;
            let Some(head) = rows.get(row) else { return false };
            let glance = Glance { row: head, members: rows.members(row), joined: joined.as_ref() };
            narrow.as_ref().is_none_or(|narrow| narrow.may_match(glance.members)) && glance.may_be(expression, true)
        };
        let candidates = (0..rows.len() as u32).filter(may_match).collect();
        Ok(Self { store, session, rows, expression, frame, candidates, next: 0, marks, joined })
    }

    /// The next rows that match, each with its place; there may be more where none come.
    pub async fn part(&mut self) -> Result<Vec<(usize, Step)>> {
        let end = (self.next + PART).min(self.candidates.len());
        let wanted: Vec<usize> = self.candidates[self.next..end].iter().map(|row| *row as usize).collect();
        self.next = end;
        let (places, steps): (Vec<usize>, Vec<Step>) =
            read_rows(self.store, &self.rows, &wanted).await?.into_iter().unzip();
        let joins = match &self.joined {
            Some((joined, _)) => Some(outer(joined.joins(self.store, &steps).await?, &steps)),
            None => None,
        };
        let passes: Vec<bool> = (0..steps.len())
            .map(|index| self.passes(&steps[index], joins.as_ref().map(|joins| joins[index].as_slice())))
            .collect();
        let both = places.into_iter().zip(steps).zip(passes);
        Ok(both.filter(|(_, passes)| *passes).map(|(row, _)| row).collect())
    }

    fn passes(&self, step: &Step, joins: Option<&[Join]>) -> bool {
        let (marked, noted) = self.marks.get(&step.turn.id).copied().unwrap_or((false, false));
        let subject = Subject {
            marked: Some(marked),
            noted: Some(noted),
            joins,
            finding: self
                .joined
                .as_ref()
                .map(|(_, found)| step.events.iter().any(|event| found.contains(&event.number))),
            ..Subject::of(self.session, &step.turn, &step.events)
        };
        matches(self.expression, &subject, &self.frame)
    }

    pub fn is_done(&self) -> bool {
        self.next >= self.candidates.len()
    }

    /// How many rows are decided, those included that SQL has ruled out.
    pub fn decided(&self) -> usize {
        self.rows.len() - (self.candidates.len() - self.next)
    }

    /// The numbers of the events of all rows that match.
    pub async fn events(mut self) -> Result<Vec<i64>> {
        let mut numbers = Vec::new();
        while !self.is_done() {
            for (row, _) in self.part().await? {
                numbers.extend_from_slice(self.rows.members(row));
            }
        }
        Ok(numbers)
    }
}

/// The joins that lead to other rows, or nowhere.
fn outer(mut joins: Vec<Vec<Join>>, steps: &[Step]) -> Vec<Vec<Join>> {
    for (joins, step) in joins.iter_mut().zip(steps) {
        joins.retain(|join| join.to != step.turn.id);
    }
    joins
}

/// What is known of a row without reading its events.
struct Glance<'a> {
    row: &'a Row,
    members: &'a [i64],
    joined: Option<&'a (Joined, HashSet<i64>)>,
}

impl Glance<'_> {
    /// Whether a filter can hold for the row (`wanted`), or its opposite.
    ///
    /// A latency from call to result is one that no event has, and joins stand with no event either, so SQL cannot ask
    /// for them.
    fn may_be(&self, expression: &Expression, wanted: bool) -> bool {
        match expression {
            Expression::Test(Test { condition: Condition::Span(comparison, limit), .. }) if self.row.latency >= 0 => {
                comparison.holds(self.row.latency, *limit) == wanted
            }
            Expression::Test(Test { condition: Condition::Has(features), .. }) if wanted => {
                features.iter().any(|feature| self.may_have(*feature))
            }
            Expression::Test(_) => true,
            Expression::Named(_, inner) => self.may_be(inner, wanted),
            Expression::Not(inner) => self.may_be(inner, !wanted),
            Expression::And(parts) if wanted => parts.iter().all(|part| self.may_be(part, wanted)),
            Expression::Or(parts) if !wanted => parts.iter().all(|part| self.may_be(part, wanted)),
            Expression::And(parts) | Expression::Or(parts) => parts.iter().any(|part| self.may_be(part, wanted)),
        }
    }

    fn may_have(&self, feature: Feature) -> bool {
        let Some((joined, found)) = self.joined else { return true };
        let node = self.members.first().and_then(|lead| joined.node(*lead));
        let linked = |wanted: fn(Strength) -> bool| {
            node.is_some_and(|node| joined.web.links_of(node).any(|link| wanted(link.strength())))
        };
        match feature {
            Feature::Orphan => linked(|strength| strength == Strength::Orphan),
            Feature::Ambiguous => linked(|strength| strength == Strength::Ambiguous),
            Feature::Joined => linked(|strength| strength < Strength::Ambiguous),
            Feature::Finding => {
                self.row.has(FINDINGS)
                    || self.may_have(Feature::Orphan)
                    || self.members.iter().any(|event| found.contains(event))
            }
            _ => true,
        }
    }
}
