//! Tool calls that messages tell of: one row together with the span of the call, where there is one, and else their own.
//!
//! It looks at what is stored and not at what came last: the rows are the same in whichever order events arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;

use super::engine::{Row, Statement, Transaction};
use super::rows;
use super::tally::{Moved, Stand};
use crate::domain::{KeyKind, Kind, Phase, flag, told};

/// Clocks of one machine differ by less; a tool may begin before its model call is said to have ended.
const SLACK: i64 = 1_000_000;

/// The columns that [`Seen::of`] reads.
const COLUMNS: &str = "event, order_time, tool, turn, turn_hash, phase, flags, keys, origin, sequence, id, revision";

/// An event of a tool, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    event: i64,
    time: i64,
    /// Where it stands among those of its time.
    place: (i64, i64, String, i64),
    tool: Option<String>,
    trace: String,
    call: Option<String>,
    /// Which half it is, where a message tells of it; else it is the call's own span.
    half: Option<Phase>,
    stands: Stands,
    before: Stand,
}

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stands {
    turn: Option<String>,
    phase: Phase,
    is_twin: bool,
}

/// Gives every event that a message tells of its turn and its part in it. Returns what stands otherwise now.
pub(super) async fn tie_all(connection: &mut Transaction, session: i64) -> Result<Vec<Moved>> {
    let mut query = selection();
    let rows = query.push(" AND session = ").push_bind(session).build().fetch_all(&mut *connection).await?;
    let (keys, mut seen) = (values(connection, &rows).await?, Vec::with_capacity(rows.len()));
    for row in &rows {
        seen.push(Seen::of(row, &keys)?);
    }
    put(connection, session, seen).await
}

/// The same for new events of tools, those of their traces and calls, and those that these lead to: others are not
/// touched by them. Without a trace it cannot be told which these are, and all are looked at.
pub(super) async fn tie_new(connection: &mut Transaction, session: i64, new: &[i64]) -> Result<Vec<Moved>> {
    let mut seen: BTreeMap<i64, Seen> = BTreeMap::new();
    let mut rows = Vec::new();
    for chunk in new.chunks(rows::CHUNK) {
        let mut query = selection();
        query.push(" AND event IN (").push_list(chunk.iter().copied());
        rows.extend(query.push(")").build().fetch_all(&mut *connection).await?);
    }
    let mut asked: BTreeSet<i64> = BTreeSet::new();
    while !rows.is_empty() {
        let keys = values(connection, &rows).await?;
        for row in &rows {
            let event = Seen::of(row, &keys)?;
            if event.trace.is_empty() {
                return tie_all(connection, session).await;
            }
            seen.insert(event.event, event);
        }
        rows.clear();
        let keys: Vec<i64> = keys.into_keys().filter(|key| asked.insert(*key)).collect();
        for chunk in keys.chunks(rows::CHUNK) {
            let mut query = selection();
            query.push(" AND event IN (SELECT event FROM event_keys WHERE key IN (");
            // The plus keeps SQLite from going through the session.
            query.push_list(chunk.iter().copied()).push(")) AND +session = ").push_bind(session);
            rows.extend(query.build().fetch_all(&mut *connection).await?);
        }
    }
    put(connection, session, seen.into_values().collect()).await
}

/// Stores where events belong that messages tell of. Returns what stands otherwise now.
async fn put(connection: &mut Transaction, session: i64, mut seen: Vec<Seen>) -> Result<Vec<Moved>> {
    // What a newer telling of a span stands for comes last: it repeats what that one says.
    let order = |seen: &Seen| (seen.before.flags & flag::SUPERSEDED, seen.time, seen.place.clone());
    seen.sort_by_cached_key(order);
    let known: HashMap<i64, &Seen> = seen.iter().map(|seen| (seen.event, seen)).collect();
    let mut moved = Vec::new();
    let mut changed = Vec::new();
    for (event, stands) in stands(&seen) {
        let Some(seen) = known.get(&event).filter(|seen| seen.stands != stands) else { continue };
        let (set, cleared) = if stands.is_twin { (flag::TWIN, 0) } else { (0, flag::TWIN) };
        let turn = rows::turn_hash(stands.turn.as_deref());
        let now = Stand { turn, phase: stands.phase, flags: (seen.before.flags | set) & !cleared };
        moved.push(Moved { session, event, before: seen.before, now });
        changed.push((event, stands, turn, set, cleared));
    }
    for portion in rows::portions(&changed, rows::CHUNK) {
        let mut update = Statement::new("WITH tied (event, turn, turn_hash, phase, raised, cleared) AS (");
        update.push_values(portion, |mut row, (event, stands, turn, set, cleared)| {
            row.push_bind(*event).push_bind(stands.turn.as_deref()).push_bind(*turn);
            row.push_bind(stands.phase as i64).push_bind(*set).push_bind(*cleared);
        });
        update.push(") UPDATE events SET turn = tied.turn, turn_hash = tied.turn_hash, phase = tied.phase, ");
        update.push("flags = (events.flags | tied.raised) & ~tied.cleared FROM tied WHERE events.event = tied.event");
        update.build().execute(&mut *connection).await?;
    }
    Ok(moved)
}

/// A statement that selects events of tools; conditions follow.
fn selection() -> Statement {
    let mut query = Statement::new("SELECT ");
    query.push(COLUMNS).push(" FROM events WHERE kind = ").push_bind(Kind::Tool as i64);
    query.push(" AND flags & ").push_bind(flag::PURGED).push(" = 0");
    query
}

/// The calls and traces that events name.
async fn values(connection: &mut Transaction, rows: &[Row]) -> Result<HashMap<i64, (KeyKind, String)>> {
    let mut numbers = BTreeSet::new();
    for row in rows {
        numbers.extend(rows::read_keys(row.try_get(7)?).map(|(number, _)| number));
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    rows::key_values(connection, &numbers, &[KeyKind::ToolCall, KeyKind::Trace]).await
}

impl Seen {
    fn of(row: &Row, keys: &HashMap<i64, (KeyKind, String)>) -> Result<Self> {
        let written: &str = row.try_get(7)?;
        let of = |kind: KeyKind| {
            let mut own = rows::read_keys(written).filter_map(|(number, rule)| Some((keys.get(&number)?, rule)));
            own.find(|((known, _), _)| *known == kind).map(|((_, value), rule)| (value.clone(), rule))
        };
        let call = of(KeyKind::ToolCall);
        let before = Stand { turn: row.try_get(4)?, phase: rows::phase_of(row.try_get(5)?)?, flags: row.try_get(6)? };
        Ok(Self {
            event: row.try_get(0)?,
            time: row.try_get(1)?,
            place: (row.try_get(8)?, row.try_get(9)?, row.try_get(10)?, row.try_get(11)?),
            tool: row.try_get(2)?,
            trace: of(KeyKind::Trace).map_or_else(String::new, |(trace, _)| trace),
            half: call.as_ref().and_then(|(_, rule)| rule.and_then(told::half)),
            call: call.map(|(call, _)| call),
            stands: Stands { turn: row.try_get(3)?, phase: before.phase, is_twin: before.flags & flag::TWIN != 0 },
            before,
        })
    }
}

/// Where each event belongs that a message tells of.
fn stands(seen: &[Seen]) -> BTreeMap<i64, Stands> {
    let mut rows: BTreeMap<String, Vec<&Seen>> = BTreeMap::new();
    let turns = turns(seen);
    for told in seen.iter().filter(|seen| seen.half.is_some()) {
        let home = home(told);
        rows.entry(turns.get(&home).cloned().unwrap_or(home)).or_default().push(told);
    }
    let with_span: HashSet<&str> =
        seen.iter().filter(|seen| seen.half.is_none()).filter_map(|span| span.stands.turn.as_deref()).collect();
    let mut stands = BTreeMap::new();
    for (turn, halves) in rows {
        let mut spoken_for: Vec<Phase> = Vec::new();
        if with_span.contains(turn.as_str()) {
            spoken_for = vec![Phase::Call, Phase::Result];
        }
        for told in halves {
            let half = told.half.unwrap_or(Phase::Part);
            let is_twin = spoken_for.contains(&half);
            spoken_for.push(half);
            let phase = if is_twin { Phase::Part } else { half };
            stands.insert(told.event, Stands { turn: Some(turn.clone()), phase, is_twin });
        }
    }
    stands
}

/// The turn that a message's call has by itself.
fn home(told: &Seen) -> String {
    told::turn(&told.trace, told.call.as_deref().unwrap_or_default())
}

/// Turns that are parts of others: of the span without an id of a call, or of the call in another trace.
fn turns(seen: &[Seen]) -> HashMap<String, String> {
    let spans = || seen.iter().filter(|seen| seen.half.is_none());
    let named: HashSet<String> = spans().filter(|span| span.call.is_some()).map(home).collect();
    let calls = || seen.iter().filter(|seen| seen.half == Some(Phase::Call));
    let mut turns = HashMap::new();
    let mut taken: HashSet<i64> = HashSet::new();
    for call in calls().filter(|call| !named.contains(&home(call))) {
        if turns.contains_key(&home(call)) {
            continue;
        }
        let span = spans().find(|span| {
            let fits = span.call.is_none() && span.trace == call.trace && span.tool == call.tool;
            fits && span.time >= call.time - SLACK && !taken.contains(&span.event)
        });
        if let Some((span, turn)) = span.and_then(|span| Some((span, span.stands.turn.clone()?))) {
            taken.insert(span.event);
            turns.insert(home(call), turn);
        }
    }
    let known: HashSet<String> = calls().map(home).collect();
    for result in seen.iter().filter(|seen| seen.half == Some(Phase::Result)) {
        let own = home(result);
        if known.contains(&own) || named.contains(&own) {
            continue;
        }
        let before = calls().rfind(|call| call.call == result.call && call.time <= result.time);
        if let Some(call) = before.map(home) {
            let turn = turns.get(&call).cloned().unwrap_or(call);
            turns.insert(own, turn);
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(event: i64, half: Option<Phase>, trace: &str, call: Option<&str>) -> Seen {
        let phase = half.unwrap_or(Phase::Whole);
        let turn = call.map_or_else(|| format!("span:{event}"), |call| told::turn(trace, call));
        Seen {
            event,
            time: event * 10_000_000,
            tool: Some("ls".to_owned()).filter(|_| half != Some(Phase::Result)),
            trace: trace.to_owned(),
            call: call.map(str::to_owned),
            half,
            stands: Stands { turn: Some(turn), phase, is_twin: false },
            place: (0, 0, String::new(), 0),
            before: Stand { turn: 0, phase, flags: 0 },
        }
    }

    /// Turn and part of each event; `~` where another one says it.
    fn told(all: &[Seen]) -> Vec<String> {
        let stands = stands(all).into_iter();
        stands
            .map(|(event, stands)| {
                let twin = if stands.is_twin { "~" } else { "" };
                format!("{event} {} {twin}{}", stands.turn.unwrap_or_default(), stands.phase.name())
            })
            .collect()
    }

    const CALL: Option<Phase> = Some(Phase::Call);
    const RESULT: Option<Phase> = Some(Phase::Result);

    #[test]
    fn without_a_span_call_and_result_are_a_row_and_a_second_telling_is_a_twin() {
        let all = [seen(1, CALL, "a", Some("c")), seen(2, CALL, "a", Some("c")), seen(3, RESULT, "a", Some("c"))];
        assert_eq!(told(&all), ["1 tool:a:c call", "2 tool:a:c ~part", "3 tool:a:c result"]);
    }

    #[test]
    fn where_the_span_is_the_messages_are_parts_of_its_row() {
        let all = [seen(1, CALL, "a", Some("c")), seen(2, None, "a", Some("c")), seen(3, RESULT, "a", Some("c"))];
        assert_eq!(told(&all), ["1 tool:a:c ~part", "3 tool:a:c ~part"]);
    }

    #[test]
    fn spans_without_an_id_are_the_calls_of_their_tool_in_order() {
        let call = |event, id| seen(event, CALL, "a", Some(id));
        let all = [call(1, "c"), call(2, "d"), seen(3, None, "a", None), seen(4, None, "b", None), call(5, "e")];
        assert_eq!(told(&all), ["1 span:3 ~part", "2 tool:a:d call", "5 tool:a:e call"]);
        let other = Seen { tool: Some("rm".to_owned()), ..seen(3, None, "a", None) };
        assert_eq!(told(&[call(1, "c"), other]), ["1 tool:a:c call"]);
    }

    #[test]
    fn a_result_in_another_trace_belongs_to_the_last_call_before_it() {
        let call = |event, trace| seen(event, CALL, trace, Some("c"));
        let all = [call(1, "a"), call(2, "b"), seen(3, RESULT, "x", Some("c")), call(4, "d")];
        assert_eq!(told(&all), ["1 tool:a:c call", "2 tool:b:c call", "3 tool:b:c result", "4 tool:d:c call"]);
    }
}
