//! Pairs starts and outcomes of model calls that came without a turn, so that each call is one row.
//!
//! It looks at what is stored and not at what came last: the pairs are the same in whichever order events arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

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
/// With some events that are new only the requests are looked at that these name: halves of others are not touched by
/// them, and a long session costs what is new. Says whether anything has changed.
pub(super) async fn pair_calls(connection: &mut Transaction, session: i64, new: Option<&[i64]>) -> Result<bool> {
    let found = match new {
        None => halves(connection, session, None).await?,
        Some(new) => halves_beside(connection, session, new).await?,
    };
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

/// The starts and outcomes of a session of the requests that new events name.
async fn halves_beside(connection: &mut Transaction, session: i64, new: &[i64]) -> Result<Vec<(Half, Option<String>)>> {
    let mut requests: BTreeSet<i64> = BTreeSet::new();
    for chunk in new.chunks(rows::CHUNK) {
        let mut query = Statement::new(
            "SELECT keys.key FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event IN (",
        );
        query.push_list(chunk.iter().copied());
        // The plus keeps SQLite from going through all keys of the kind.
        query.push(") AND +keys.kind = ").push_bind(rows::key_code(KeyKind::Request));
        for row in query.build().persistent(false).fetch_all(&mut *connection).await? {
            requests.insert(row.try_get(0)?);
        }
    }
    let requests: Vec<i64> = requests.into_iter().collect();
    let mut found = BTreeMap::new();
    for chunk in requests.chunks(rows::CHUNK) {
        let halves = halves(connection, session, Some(chunk)).await?;
        found.extend(halves.into_iter().map(|half| (half.0.event, half)));
    }
    // One that names several requests stands with the first; those with another one may have more beside them.
    let new: HashSet<i64> = new.iter().copied().collect();
    let named: HashSet<String> =
        found.values().filter(|(half, _)| new.contains(&half.event)).map(|(half, _)| half.of.3.clone()).collect();
    Ok(found.into_values().filter(|(half, _)| named.contains(&half.of.3)).collect())
}

/// The starts and outcomes of a session without a turn of their own, each with the turn that was made here before; of
/// some requests alone where these are named.
async fn halves(
    connection: &mut Transaction,
    session: i64,
    requests: Option<&[i64]>,
) -> Result<Vec<(Half, Option<String>)>> {
    let mut query = Statement::new("SELECT ");
    query.push(rows::EVENT_COLUMNS);
    query.push(" FROM events JOIN sessions ON sessions.session = events.session WHERE events.session = ");
    query.push_bind(session);
    // Written out and not bound, so that the index of such events can answer.
    let (model, call, result) = (Kind::Model as i64, Phase::Call as i64, Phase::Result as i64);
    query.push(format!(" AND events.kind = {model} AND events.phase IN ({call}, {result})"));
    query.push(" AND events.flags & ").push_bind(flag::PURGED).push(" = 0");
    query.push(" AND (events.turn IS NULL OR substr(events.turn, 1, 5) = ").push_bind(MADE_HERE).push(")");
    if let Some(requests) = requests {
        query.push(" AND events.event IN (SELECT event FROM event_keys WHERE key IN (");
        query.push_list(requests.iter().copied()).push("))");
    }
    let read = query.build().persistent(requests.is_none()).fetch_all(&mut *connection).await?;
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

#[cfg(test)]
mod tests {
    use crate::domain::{Event, Key, KeyKind, Kind, Phase};
    use crate::store::Store;
    use crate::store::tests::{append, batch, desk, event, session};

    /// Starts and outcomes of three requests; some name two.
    fn halves() -> Vec<Event> {
        let half = |place: i64| {
            let mut half = event("s", &format!("e{place}"), place, Kind::Model);
            half.phase = if place % 5 < 2 { Phase::Call } else { Phase::Result };
            half.keys = vec![Key::native(KeyKind::Request, format!("r{}", place % 3))];
            if place % 4 == 0 {
                half.keys.push(Key::native(KeyKind::Request, format!("r{}", (place + 1) % 3)));
            }
            half
        };
        (1..24).map(half).collect()
    }

    async fn turns(store: &Store) -> Vec<(String, Option<String>)> {
        let number = store.session("s").await.expect("reads").expect("is there").number;
        let numbers: Vec<i64> =
            store.heads(number, None).await.expect("reads").iter().map(|head| head.number).collect();
        let events = store.events(&numbers).await.expect("reads");
        events.into_iter().map(|event| (event.id, event.turn)).collect()
    }

    #[tokio::test]
    async fn halves_that_come_one_by_one_are_paired_as_if_they_had_come_together() {
        let together = desk().await;
        append(&together.store, batch("/f", &[session("s")], halves())).await;
        let expected = turns(&together.store).await;
        assert!(expected.iter().filter(|(_, turn)| turn.is_some()).count() > 4, "{expected:?}");
        for step in [1, 5, 7] {
            let one_by_one = desk().await;
            let all = halves();
            for place in 0..all.len() {
                let half = all[(place * step) % all.len()].clone();
                append(&one_by_one.store, batch(&format!("/{place}"), &[session("s")], vec![half])).await;
            }
            assert_eq!(turns(&one_by_one.store).await, expected, "each {step}th");
        }
    }
}
