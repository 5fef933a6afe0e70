//! Long timelines: rows that are read on where they end, and looked through in bulk.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Result, bail};

use super::{REPORT_EVERY, Worker};
use crate::domain::{Event, Session};
use crate::report::{Joined, findings};
use crate::timeline::{Growing, Rows, describe};
use crate::ui::message::Message;
use crate::ui::phrase::Phrase;

/// How many events are read at a time where rows grow.
const PAGE: i64 = 8192;
/// How many rows are looked through at a time.
const BATCH: usize = 4096;

impl Worker {
    /// Joins all rows of a session, and looks for what does not add up in them.
    pub(super) async fn weave(&self, job: u64, session: &Session) -> Result<Message> {
        let store = &self.backend.store;
        let (cancel, replies) = (self.cancel.clone(), self.replies.clone());
        let mut told = 0;
        let joined = Joined::watched(store, session, move |percent| {
            if percent > told {
                told = percent;
                // A screen that is busy has no need of every step.
                let _ = replies.try_send(Message::Progress { job, words: format!("{percent}%") });
            }
            !cancel.load(Ordering::Relaxed)
        });
        let Some(joined) = joined.await? else { bail!("cancelled") };
        let findings = findings(store, session, &joined, now()).await?;
        Ok(Message::Woven { job, session: session.number, joined, findings })
    }

    /// Reads on where rows end, and shows what is here now and then; begins anew where something came in between.
    pub(super) async fn grow(&self, session: i64, mut growing: Box<Growing>, settled: bool) -> Result<Box<Growing>> {
        let store = &self.backend.store;
        if settled && growing.sum() != store.sum_of_heads(session).await? {
            *growing = Growing::default();
        }
        let (known, newest, upto) = (growing.events(), growing.newest(), store.newest_event().await?);
        let mut shown = Instant::now();
        loop {
            let heads = store.heads_after(session, growing.last(), PAGE).await?;
            growing.extend(&heads);
            if (heads.len() as i64) < PAGE {
                break;
            }
            if shown.elapsed() >= REPORT_EVERY {
                growing.rows().gaps();
                let rows = Arc::new(growing.rows().clone());
                self.send(Message::Heads { session, rows, complete: false }).await;
                shown = Instant::now();
            }
        }
        // What is known of rows goes with their copies, and is worked out here rather than between two frames.
        growing.rows().gaps();
        // Where nothing was known, all of it came. Else something may have come before the last row, and nothing else.
        let upto = upto.max(growing.newest());
        if known > 0 && store.came_between(session, newest, upto).await? != growing.events() - known {
            return Box::pin(self.grow(session, Box::default(), false)).await;
        }
        Ok(growing)
    }

    /// Looks for a phrase in what the list says of rows, in an order: in bulk, and then in the rows that may say it.
    pub(super) async fn search_said(&self, job: u64, rows: &Rows, order: &[u32], phrase: &Phrase) -> Result<()> {
        let (mut found, mut scanned, mut reported) = (Vec::new(), 0, None::<Instant>);
        for batch in order.chunks(BATCH) {
            self.check()?;
            for row in self.holding(rows, batch, phrase).await? {
                // Hits are sent in runs of rising rows, so the turn at the end of the rows begins a new run.
                if found.last().is_some_and(|last| *last > row) {
                    self.send(Message::Hits { job, rows: std::mem::take(&mut found), scanned }).await;
                }
                found.push(row);
            }
            scanned += batch.len();
            if reported.is_none_or(|reported| reported.elapsed() >= REPORT_EVERY) {
                reported = Some(Instant::now());
                self.send(Message::Hits { job, rows: std::mem::take(&mut found), scanned }).await;
            }
        }
        self.send(Message::Hits { job, rows: found, scanned }).await;
        Ok(())
    }

    /// Those of some rows whose line in the list holds a phrase.
    async fn holding(&self, rows: &Rows, batch: &[u32], phrase: &Phrase) -> Result<Vec<u32>> {
        let candidates = self.candidates(rows, batch, phrase).await?;
        let numbers: Vec<i64> = candidates.iter().flat_map(|row| rows.members(*row as usize)).copied().collect();
        let listed = self.backend.store.listed(&numbers).await?;
        let mut known: HashMap<i64, Event> = listed.into_iter().map(|event| (event.number, event)).collect();
        let mut holds = |row: &u32| {
            let members = rows.members(*row as usize).iter();
            let events: Vec<Event> = members.filter_map(|number| known.remove(number)).collect();
            describe(&events).is_some_and(|turn| phrase.is_in_turn(&turn))
        };
        Ok(candidates.into_iter().filter(|row| holds(row)).collect())
    }

    /// Those of some rows that may hold a phrase: one of their events says it, and all rows for an expression, which may
    /// ask where a text begins or ends.
    async fn candidates(&self, rows: &Rows, batch: &[u32], phrase: &Phrase) -> Result<Vec<u32>> {
        if phrase.is_expression() {
            return Ok(batch.to_vec());
        }
        let members = |row: &u32| rows.members(*row as usize);
        let numbers: Vec<i64> = batch.iter().flat_map(members).copied().collect();
        let saying = self.backend.store.saying(&numbers, |words| phrase.is_in(words)).await?;
        let saying: HashSet<i64> = saying.into_iter().collect();
        let may_hold = |row: &u32| {
            // What no event says: `no result`.
            let state = rows.get(*row as usize).map_or("", |row| row.state.name());
            phrase.is_in(state) || members(row).iter().any(|number| saying.contains(number))
        };
        Ok(batch.iter().filter(|row| may_hold(row)).copied().collect())
    }
}

/// µs since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
