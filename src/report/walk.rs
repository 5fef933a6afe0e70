//! The rows of a session one after another, read in parts so that memory stays bounded.

use std::collections::HashMap;

use anyhow::Result;

use crate::domain::{Event, Phase, Session};
use crate::store::Store;
use crate::timeline::{Rows, Turn, describe};

/// Rows that are read at once.
const PART: usize = 500;

/// A row with its words and its events, the call first.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub turn: Turn,
    pub events: Vec<Event>,
}

impl Step {
    /// Sums up events given with the call first; `None` for no events.
    pub fn of(events: Vec<Event>) -> Option<Self> {
        describe(&events).map(|turn| Self { turn, events })
    }
}

/// A walk through the rows of one session.
pub struct Walk<'a> {
    store: &'a Store,
    rows: Rows,
    next: usize,
}

impl<'a> Walk<'a> {
    pub async fn through(store: &'a Store, session: &Session) -> Result<Self> {
        let heads = store.heads(session.number, None).await?;
        Ok(Self::over(store, Rows::of(&heads)))
    }

    /// A walk through rows that were chosen before.
    pub fn over(store: &'a Store, rows: Rows) -> Self {
        Self { store, rows, next: 0 }
    }

    /// The next rows; none at the end.
    pub async fn part(&mut self) -> Result<Vec<Step>> {
        let wanted = self.next..(self.next + PART).min(self.rows.len());
        self.next = wanted.end;
        let wanted: Vec<usize> = wanted.collect();
        Ok(read_rows(self.store, &self.rows, &wanted).await?.into_iter().map(|(_, step)| step).collect())
    }

    pub fn is_done(&self) -> bool {
        self.next >= self.rows.len()
    }
}

/// Some rows with their words, each with its place; those whose events are gone are left out.
pub(super) async fn read_rows(store: &Store, rows: &Rows, wanted: &[usize]) -> Result<Vec<(usize, Step)>> {
    let numbers: Vec<i64> = wanted.iter().flat_map(|row| rows.members(*row).iter().copied()).collect();
    let events = store.events(&numbers).await?;
    let mut by_number: HashMap<i64, Event> = events.into_iter().map(|event| (event.number, event)).collect();
    let mut steps = Vec::with_capacity(wanted.len());
    for row in wanted {
        let events = rows.members(*row).iter().filter_map(|number| by_number.remove(number)).collect();
        steps.extend(Step::of(events).map(|step| (*row, step)));
    }
    Ok(steps)
}

/// The row that holds the first of these events, and how many of them it does not hold.
pub async fn row_of(store: &Store, session: &Session, numbers: &[i64]) -> Result<Option<(Step, usize)>> {
    let named = store.events(numbers).await?;
    let Some(first) = named.first() else { return Ok(None) };
    let others = match &first.turn {
        Some(turn) => named.iter().filter(|event| event.turn.as_ref() != Some(turn)).count(),
        None => named.len() - 1,
    };
    let mut events = match &first.turn {
        Some(turn) => {
            let members = store.named(session.number, turn).await?;
            let members = store.events(&members).await?;
            members.into_iter().filter(|event| event.turn.as_ref() == Some(turn)).collect()
        }
        None => vec![first.clone()],
    };
    events.sort_by(|one, other| {
        let place = |event: &Event| (event.phase != Phase::Call, event.order);
        place(one).cmp(&place(other)).then_with(|| one.id.cmp(&other.id))
    });
    Ok(Step::of(events).map(|step| (step, others)))
}
