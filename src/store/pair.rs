//! Pairs starts and outcomes of model calls that came without a turn, so that each call is one row.
//!
//! It looks at what is stored and not at what came last: the pairs are the same in whichever order events arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;

use super::engine::{Row, Statement, Transaction};
use super::rows;
use super::tally::{Moved, Stand};
use crate::domain::{Event, Half, Key, KeyKind, Kind, Order, Phase, Timestamp, flag, pair};

/// Turns that were made here begin so; they are made anew when more events are known.
const MADE_HERE: &str = "pair:";

/// The columns that [`Found::of`] reads.
const COLUMNS: &str = "events.session, events.event, events.id, events.order_time, events.origin, events.sequence, \
     events.phase, events.source, events.event_type, events.turn, events.flags, events.keys";

/// Whether a turn was made here.
pub(super) fn is_made_here(turn: &str) -> bool {
    turn.starts_with(MADE_HERE)
}

/// A start or an outcome as it is stored.
struct Found {
    session: i64,
    half: Half,
    /// The turn that was made here before.
    turn: Option<String>,
    stand: Stand,
}

/// Gives the events of every pair in a session one turn, and takes it from those that are no pair any more.
pub(super) async fn pair_all(connection: &mut Transaction, session: i64) -> Result<()> {
    let mut query = selection();
    query.push(" AND events.session = ").push_bind(session);
    let rows = query.build().fetch_all(&mut *connection).await?;
    let found = halves(connection, &rows).await?;
    put(connection, &found).await?;
    Ok(())
}

/// The same for the requests alone that some new events name: halves of others are not touched by them, and a long
/// session costs what is new. Returns what stands otherwise now.
pub(super) async fn pair_new(connection: &mut Transaction, new: &BTreeSet<i64>) -> Result<Vec<Moved>> {
    let all: Vec<i64> = new.iter().copied().collect();
    let mut requests: BTreeSet<i64> = BTreeSet::new();
    for chunk in all.chunks(rows::CHUNK) {
        let mut query = Statement::new(
            "SELECT keys.key FROM event_keys JOIN keys ON keys.key = event_keys.key WHERE event_keys.event IN (",
        );
        query.push_list(chunk.iter().copied());
        // The plus keeps SQLite from going through all keys of the kind.
        query.push(") AND +keys.kind = ").push_bind(rows::key_code(KeyKind::Request));
        for row in query.build().fetch_all(&mut *connection).await? {
            requests.insert(row.try_get(0)?);
        }
    }
    let requests: Vec<i64> = requests.into_iter().collect();
    let mut found = BTreeMap::new();
    for chunk in requests.chunks(rows::CHUNK) {
        let mut query = selection();
        query.push(" AND events.event IN (SELECT event FROM event_keys WHERE key IN (");
        query.push_list(chunk.iter().copied()).push("))");
        let rows = query.build().fetch_all(&mut *connection).await?;
        found.extend(halves(connection, &rows).await?.into_iter().map(|found| (found.half.event, found)));
    }
    // One that names several requests stands with the first; those with another one may have more beside them.
    let named: HashSet<(i64, String)> = found
        .values()
        .filter(|found| new.contains(&found.half.event))
        .map(|found| (found.session, found.half.call.request.clone()))
        .collect();
    let beside: Vec<Found> =
        found.into_values().filter(|found| named.contains(&(found.session, found.half.call.request.clone()))).collect();
    put(connection, &beside).await
}

/// Stores the turns of pairs among all halves of some requests. Returns what stands otherwise now.
async fn put(connection: &mut Transaction, found: &[Found]) -> Result<Vec<Moved>> {
    let ids: HashMap<i64, &str> = found.iter().map(|found| (found.half.event, found.half.id.as_str())).collect();
    let mut sessions: BTreeMap<i64, Vec<Half>> = BTreeMap::new();
    for found in found {
        sessions.entry(found.session).or_default().push(found.half.clone());
    }
    let mut turns: HashMap<i64, String> = HashMap::new();
    for (outcome, start) in sessions.values().flat_map(|halves| pair(halves)) {
        let turn = format!("{MADE_HERE}{}", ids.get(&start).copied().unwrap_or_default());
        turns.insert(outcome, turn.clone());
        turns.insert(start, turn);
    }
    let mut moved = Vec::new();
    let mut changed = Vec::new();
    for found in found {
        let turn = turns.get(&found.half.event).map(String::as_str);
        if turn != found.turn.as_deref() {
            let now = Stand { turn: rows::turn_hash(turn), ..found.stand };
            moved.push(Moved { session: found.session, event: found.half.event, before: found.stand, now });
            changed.push((found.half.event, turn, now.turn));
        }
    }
    for portion in rows::portions(&changed, rows::CHUNK) {
        let mut update = Statement::new("WITH paired (event, turn, turn_hash) AS (");
        update.push_values(portion, |mut row, (event, turn, hash)| {
            row.push_bind(*event).push_bind(*turn).push_bind(*hash);
        });
        update.push(") UPDATE events SET turn = paired.turn, turn_hash = paired.turn_hash FROM paired ");
        update.push("WHERE events.event = paired.event");
        update.build().execute(&mut *connection).await?;
    }
    Ok(moved)
}

/// A statement that selects starts and outcomes without a turn of their own; conditions may follow.
fn selection() -> Statement {
    let mut query = Statement::new("SELECT ");
    // Written out and not bound, so that the index of such events can answer.
    let (model, call, result) = (Kind::Model as i64, Phase::Call as i64, Phase::Result as i64);
    query
        .push(COLUMNS)
        .push(format!(" FROM events WHERE events.kind = {model} AND events.phase IN ({call}, {result})"));
    query.push(" AND events.flags & ").push_bind(flag::PURGED).push(" = 0");
    query.push(" AND (events.turn IS NULL OR substr(events.turn, 1, 5) = ").push_bind(MADE_HERE).push(")");
    query
}

async fn halves(connection: &mut Transaction, rows: &[Row]) -> Result<Vec<Found>> {
    let mut numbers = BTreeSet::new();
    for row in rows {
        numbers.extend(rows::read_keys(row.try_get(11)?).map(|(number, _)| number));
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    let keys = rows::key_values(connection, &numbers, &[KeyKind::Session, KeyKind::Request]).await?;
    let mut halves = Vec::with_capacity(rows.len());
    for row in rows {
        let mut event = Event::new(Kind::Model, row.try_get(7)?, row.try_get(8)?);
        (event.number, event.id) = (row.try_get(1)?, row.try_get(2)?);
        event.order = Order { time: Timestamp(row.try_get(3)?), origin: row.try_get(4)?, sequence: row.try_get(5)? };
        event.phase = rows::phase_of(row.try_get(6)?)?;
        let numbers = rows::read_keys(row.try_get(11)?);
        let known = numbers.filter_map(|(number, _)| keys.get(&number));
        event.keys = known.map(|(kind, value)| Key::native(*kind, value)).collect();
        let turn: Option<String> = row.try_get(9)?;
        let stand = Stand { turn: rows::turn_hash(turn.as_deref()), phase: event.phase, flags: row.try_get(10)? };
        let session = row.try_get(0)?;
        halves.extend(Half::of(&event).map(|half| Found { session, half, turn, stand }));
    }
    Ok(halves)
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
