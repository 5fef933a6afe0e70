//! Retention: what has expired is taken away batch by batch, and a tombstone, a receipt and a finding are left.
//!
//! Each batch is one short transaction in which events, their bodies, the bytes of their records and the receipt
//! change together: however a purge ends, nothing is half removed and the receipt tells what was.

mod due;
mod hold;
mod layout;
mod receipt;
mod release;
mod space;
mod strip;
#[cfg(test)]
mod tests;

pub use due::{Due, DueSession, Scope};
pub use hold::Hold;
pub use receipt::{Receipt, Removed, State};
pub use space::{Returned, Room};

pub(super) use release::forget_again;
pub(super) use strip::revive;

use std::collections::{BTreeSet, VecDeque};

use anyhow::Result;

use super::engine::{Statement, Transaction, query};
use super::{Step, Store};
use crate::domain::flag;

/// Microseconds a day.
const DAY: i64 = 86_400 * 1_000_000;
/// Events a transaction: few, as whoever else writes waits as long as one takes.
const BATCH: usize = 200;
/// How much is counted in a transaction when they are gone, for the same reason.
const COUNTED: Step = Step { events: BATCH as i64, sessions: 8 };

/// How long what is stored from here on is kept, and whether what was purged may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Days until an event expires, unless its source says when; `None` for never.
    pub days: Option<u32>,
    /// Whether events that were purged are stored again when they are brought in again.
    pub revive: bool,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { days: Some(90), revive: false }
    }
}

impl Keeping {
    /// For so many days; 0 for ever.
    pub fn for_days(days: u32) -> Self {
        Self { days: (days > 0).then_some(days), ..Self::default() }
    }

    /// When something that was received at a time expires; times are µs since 1970.
    pub(super) fn expires(&self, received: i64) -> Option<i64> {
        self.days.map(|days| received.saturating_add(i64::from(days).saturating_mul(DAY)))
    }
}

/// A purge under way.
#[derive(Debug)]
pub struct Purge {
    store: Store,
    receipt: i64,
    as_of: i64,
    is_all: bool,
    /// Sessions that are still to be looked at.
    sessions: VecDeque<i64>,
    /// The session at hand, and its events that are still to go, in batches.
    session: i64,
    events: VecDeque<i64>,
    /// Whether the session at hand is counted in the receipt.
    is_counted: bool,
    layouts: layout::Layouts,
}

impl Store {
    /// From here on, keeps what is stored in this way.
    #[must_use]
    pub fn keeping(mut self, keeping: Keeping) -> Self {
        self.keeping = keeping;
        self
    }

    /// How this keeps what is stored.
    pub fn keeps(&self) -> Keeping {
        self.keeping
    }

    /// Begins to purge what is due; `now` is µs since 1970. Its receipt is there at once.
    pub async fn purge(&self, scope: &Scope, now: i64) -> Result<Purge> {
        // What an earlier one that was killed left to be counted.
        self.settle_beside(COUNTED).await?;
        let due = self.due_sessions(scope).await?;
        self.overwrite(true).await?;
        let mut transaction = self.begin().await?;
        let receipt = receipt::begin(&mut transaction, scope, now).await?;
        transaction.commit().await?;
        Ok(Purge {
            store: self.clone(),
            receipt,
            as_of: scope.as_of,
            is_all: scope.all,
            sessions: due.sessions.iter().map(|due| due.number).collect(),
            session: 0,
            events: VecDeque::new(),
            is_counted: false,
            layouts: layout::Layouts::default(),
        })
    }
}

impl Purge {
    /// Takes the next batch away; says how many events went, `None` when all are gone.
    pub async fn step(&mut self) -> Result<Option<u64>> {
        while self.events.is_empty() {
            let Some(session) = self.sessions.pop_front() else { return Ok(None) };
            (self.session, self.is_counted) = (session, false);
            self.events = self.store.due_of(session, self.as_of, self.is_all).await?.into();
        }
        let batch: Vec<i64> = self.events.drain(..BATCH.min(self.events.len())).collect();
        // What takes long is asked before others have to wait.
        self.layouts.look(&self.store, &batch).await?;
        let last = if self.events.is_empty() { self.last(&batch).await? } else { None };
        let mut transaction = self.store.begin().await?;
        // Asked again: meanwhile somebody may hold the session, or have purged the events.
        let doomed = strip::doomed(&mut transaction, &batch, self.as_of, self.is_all).await?;
        let removed = strip::strip(&mut transaction, self.receipt, &doomed, &mut self.layouts).await?;
        if !doomed.is_empty() {
            let first = !std::mem::replace(&mut self.is_counted, true);
            receipt::add(&mut transaction, self.receipt, &removed, first, &doomed).await?;
        }
        if let Some(newest) = last
            && doomed.len() == batch.len()
        {
            if !has_come(&mut transaction, self.session, newest).await? {
                release::forget_session(&mut transaction, self.session).await?;
            }
        } else if self.events.is_empty() {
            release::bury(&mut transaction, &BTreeSet::from([self.session])).await?;
        }
        transaction.commit().await?;
        Ok(Some(doomed.len() as u64))
    }

    /// The newest event there is, where nothing but tombstones is left of the session without these events.
    async fn last(&self, events: &[i64]) -> Result<Option<i64>> {
        let newest = self.store.newest_event().await?;
        let mut query = Statement::new("SELECT EXISTS (SELECT 1 FROM events WHERE session = ");
        query.push_bind(self.session).push(" AND flags & ").push_bind(flag::PURGED).push(" = 0 AND event NOT IN (");
        query.push_list(events.iter().copied());
        let row = query.push("))").build().persistent(false).fetch_one(&self.store.readers).await?;
        Ok((!row.try_get::<bool>(0)?).then_some(newest))
    }

    /// Ends the purge as it went: counts the sessions anew and closes the receipt. Space comes back with
    /// [`Store::return_space`].
    pub async fn end(self, state: State, now: i64) -> Result<Receipt> {
        self.store.settle_beside(COUNTED).await?;
        self.store.sweep().await?;
        receipt::end(&self.store, self.receipt, state, now).await?;
        self.store.overwrite(false).await?;
        self.store.receipt(self.receipt).await
    }
}

/// Whether a session has events behind one.
async fn has_come(connection: &mut Transaction, session: i64, newest: i64) -> Result<bool> {
    // The sign keeps the engine off the session's index: only what is new is to be looked at.
    let row = query("SELECT EXISTS (SELECT 1 FROM events WHERE event > $1 AND +session = $2)")
        .bind(newest)
        .bind(session)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get(0)?)
}
