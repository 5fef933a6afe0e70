//! Ties, read: what joins need of all events of a session, and which sessions may hold the other ends.

use std::collections::HashMap;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;

use super::engine::{Row, Statement, query};
use super::events::head_of;
use super::{Store, damaged, rows};
use crate::domain::{Head, KeyKind, Kind, Session, Speaker, Tie, Ties, Via};

/// The keys of a session are read in one run where it has most of those in between; else they are asked for.
const SPARSE: usize = 8;
/// Events after which is told how many are read.
const TELL_EVERY: usize = 4096;

impl Store {
    /// The events of a session in timeline order, with what joins need of them. `goes_on` is told now and then how many
    /// are read, and stops it by `false`; then there is nothing.
    pub async fn tied(
        &self,
        session: i64,
        goes_on: &mut (dyn FnMut(usize) -> bool + Send),
    ) -> Result<Option<(Vec<Head>, Ties)>> {
        let known = self.keys_of_session(session).await?;
        let mut rows = query(
            "SELECT event, order_time, turn_hash, kind, phase, flags, usage_total, latency, keys, participant, source, \
             event_type, label FROM events WHERE session = $1 ORDER BY order_time, origin, sequence, id, revision",
        )
        .bind(session)
        .fetch(&self.readers);
        let (mut heads, mut ties) = (Vec::new(), Ties::default());
        while let Some(row) = rows.try_next().await? {
            let head = head_of(&row)?;
            add_ties(&mut ties, head.kind, &row, &known)?;
            heads.push(head);
            if heads.len().is_multiple_of(TELL_EVERY) && !goes_on(heads.len()) {
                return Ok(None);
            }
        }
        Ok(Some((heads, ties)))
    }

    /// The sessions that one may be joined with, itself among them: of its lineage, and of its room.
    pub async fn related(&self, session: &Session) -> Result<Vec<Session>> {
        self.sessions_of(session.number, &session.lineage, session.room.as_deref()).await
    }

    /// The kinds and hashes of all keys that the events of a session have.
    async fn keys_of_session(&self, session: i64) -> Result<HashMap<i64, (KeyKind, u64)>> {
        let numbers = self.key_numbers(session).await?;
        let mut known = HashMap::with_capacity(numbers.len());
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Ok(known) };
        if usize::try_from(last - first)? < numbers.len().saturating_mul(SPARSE) {
            let mut rows = query("SELECT key, kind, value FROM keys WHERE key BETWEEN $1 AND $2")
                .bind(first)
                .bind(last)
                .fetch(&self.readers);
            while let Some(row) = rows.try_next().await? {
                add_key(&mut known, &row)?;
            }
            return Ok(known);
        }
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query = Statement::new("SELECT key, kind, value FROM keys WHERE key IN (");
            query.push_list(chunk.iter().copied());
            for row in query.push(")").build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await? {
                add_key(&mut known, &row)?;
            }
        }
        Ok(known)
    }

    /// The numbers of the keys of a session's events, rising.
    async fn key_numbers(&self, session: i64) -> Result<Vec<i64>> {
        let mut rows = query("SELECT keys FROM events WHERE session = $1").bind(session).fetch(&self.readers);
        let mut numbers = Vec::new();
        let mut settled = 0;
        while let Some(row) = rows.try_next().await? {
            numbers.extend(rows::read_keys(row.try_get(0)?).map(|(number, _)| number));
            // Most events repeat the keys of others: repetitions are dropped as the list grows.
            if numbers.len() > settled * 2 + 65_536 {
                numbers.sort_unstable();
                numbers.dedup();
                settled = numbers.len();
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }
}

fn add_key(known: &mut HashMap<i64, (KeyKind, u64)>, row: &Row) -> Result<()> {
    known.insert(row.try_get(0)?, (rows::key_of(row.try_get(1)?)?, Tie::value(row.try_get(2)?)));
    Ok(())
}

fn add_ties(ties: &mut Ties, kind: Kind, row: &Row, known: &HashMap<i64, (KeyKind, u64)>) -> Result<()> {
    let mut own = Vec::new();
    for (number, rule) in rows::read_keys(row.try_get(8)?) {
        let (kind, value) = *known.get(&number).with_context(|| damaged("an event names a key that is not stored"))?;
        own.push(Tie { kind, via: Via::of(rule), value });
    }
    let speaker = Speaker::of(kind, row.try_get(9)?);
    ties.push(own.into_iter(), speaker, (row.try_get(10)?, row.try_get(11)?), row.try_get(12)?);
    Ok(())
}
