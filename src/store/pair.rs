//! Pairs starts and outcomes of model calls that came without a turn, so that each call is one row.
//!
//! It looks at what is stored and not at what came last: the pairs are the same in whichever order events arrived.

use std::collections::HashMap;

use anyhow::Result;

use super::engine::{Statement, Transaction, query};
use super::rows;
use crate::domain::{Half, Key, KeyKind, Kind, Phase, flag, pair};

/// Turns that were made here begin so; they are made anew when more events are known.
const MADE_HERE: &str = "pair:";

/// Whether a turn was made here.
pub(super) fn is_made_here(turn: &str) -> bool {
    turn.starts_with(MADE_HERE)
}

/// Gives the events of every pair in a session one turn, and takes it from those that are no pair any more.
///
/// Says whether anything has changed.
pub(super) async fn pair_calls(connection: &mut Transaction, session: i64) -> Result<bool> {
    let found = halves(connection, session).await?;
    let ids: HashMap<i64, &str> = found.iter().map(|(half, _)| (half.event, half.id.as_str())).collect();
    let halves: Vec<Half> = found.iter().map(|(half, _)| half.clone()).collect();
    let mut turns: HashMap<i64, String> = HashMap::new();
    for (outcome, start) in pair(&halves) {
        let turn = format!("{MADE_HERE}{}", ids.get(&start).copied().unwrap_or_default());
        turns.insert(outcome, turn.clone());
        turns.insert(start, turn);
    }
    let mut has_changed = false;
    for (half, before) in &found {
        let turn = turns.get(&half.event);
        if turn == before.as_ref() {
            continue;
        }
        has_changed = true;
        query("UPDATE events SET turn = $1, turn_hash = $2 WHERE event = $3")
            .bind(turn)
            .bind(rows::turn_hash(turn.map(String::as_str)))
            .bind(half.event)
            .execute(&mut *connection)
            .await?;
    }
    Ok(has_changed)
}

/// The starts and outcomes of a session without a turn of their own, each with the turn that was made here before.
async fn halves(connection: &mut Transaction, session: i64) -> Result<Vec<(Half, Option<String>)>> {
    let mut query = Statement::new("SELECT ");
    query.push(rows::EVENT_COLUMNS);
    query.push(" FROM events JOIN sessions ON sessions.session = events.session WHERE events.session = ");
    query.push_bind(session);
    // Written out and not bound, so that the index of such events can answer.
    let (model, call, result) = (Kind::Model as i64, Phase::Call as i64, Phase::Result as i64);
    query.push(format!(" AND events.kind = {model} AND events.phase IN ({call}, {result})"));
    query.push(" AND events.flags & ").push_bind(flag::PURGED).push(" = 0");
    query.push(" AND (events.turn IS NULL OR substr(events.turn, 1, 5) = ").push_bind(MADE_HERE).push(")");
    let read = query.build().fetch_all(&mut *connection).await?;
    let mut halves = Vec::with_capacity(read.len());
    let mut known = HashMap::new();
    for row in &read {
        let (mut event, keys) = rows::event_of(row)?;
        for (number, rule) in rows::read_keys(&keys) {
            let (kind, value) = key(connection, &mut known, number).await?;
            event.keys.push(Key { kind, value, rule: rule.map(str::to_owned) });
        }
        halves.extend(Half::of(&event).map(|half| (half, event.turn)));
    }
    Ok(halves)
}

async fn key(
    connection: &mut Transaction,
    known: &mut HashMap<i64, (KeyKind, String)>,
    number: i64,
) -> Result<(KeyKind, String)> {
    if let Some(found) = known.get(&number) {
        return Ok(found.clone());
    }
    let row = query("SELECT kind, value FROM keys WHERE key = $1").bind(number).fetch_one(connection).await?;
    let found = (rows::key_of(row.try_get(0)?)?, row.try_get(1)?);
    known.insert(number, found.clone());
    Ok(found)
}
