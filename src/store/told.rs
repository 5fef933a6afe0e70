//! Tool calls that messages tell of: one row together with the span of the call, where there is one, and else their own.
//!
//! It looks at what is stored and not at what came last: the rows are the same in whichever order events arrived.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;

use super::engine::{Statement, Transaction, query};
use super::rows;
use crate::domain::{KeyKind, Kind, Phase, flag, told};

/// Clocks of one machine differ by less; a tool may begin before its model call is said to have ended.
const SLACK: i64 = 1_000_000;

/// An event of a tool, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    event: i64,
    time: i64,
    tool: Option<String>,
    trace: String,
    call: Option<String>,
    /// Which half it is, where a message tells of it; else it is the call's own span.
    half: Option<Phase>,
    stands: Stands,
}

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stands {
    turn: Option<String>,
    phase: Phase,
    is_twin: bool,
}

/// Gives every event that a message tells of its turn and its part in it. Says whether anything has changed.
pub(super) async fn tie(connection: &mut Transaction, session: i64) -> Result<bool> {
    let seen = seen(connection, session).await?;
    let before: HashMap<i64, &Stands> = seen.iter().map(|known| (known.event, &known.stands)).collect();
    let mut has_changed = false;
    for (event, now) in stands(&seen) {
        if before.get(&event) == Some(&&now) {
            continue;
        }
        has_changed = true;
        let (set, cleared) = if now.is_twin { (flag::TWIN, 0) } else { (0, flag::TWIN) };
        query("UPDATE events SET turn = $1, turn_hash = $2, phase = $3, flags = (flags | $4) & ~$5 WHERE event = $6")
            .bind(now.turn.as_deref())
            .bind(rows::turn_hash(now.turn.as_deref()))
            .bind(now.phase as i64)
            .bind(set)
            .bind(cleared)
            .bind(event)
            .execute(&mut *connection)
            .await?;
    }
    Ok(has_changed)
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

/// The events of tools in a session, in timeline order.
async fn seen(connection: &mut Transaction, session: i64) -> Result<Vec<Seen>> {
    let found = query(
        "SELECT event, order_time, tool, turn, phase, flags, keys FROM events WHERE session = $1 AND kind = $2 \
         AND flags & $3 = 0 ORDER BY order_time, origin, sequence, id, revision",
    )
    .bind(session)
    .bind(Kind::Tool as i64)
    .bind(flag::PURGED)
    .fetch_all(&mut *connection)
    .await?;
    let mut numbers: Vec<i64> = Vec::new();
    for row in &found {
        numbers.extend(rows::read_keys(row.try_get(6)?).map(|(number, _)| number));
    }
    numbers.sort_unstable();
    numbers.dedup();
    let keys = values(connection, &numbers).await?;
    let mut seen = Vec::with_capacity(found.len());
    for row in &found {
        let written: &str = row.try_get(6)?;
        let of = |kind: KeyKind| {
            let mut own = rows::read_keys(written).filter_map(|(number, rule)| Some((keys.get(&number)?, rule)));
            own.find(|((known, _), _)| *known == kind).map(|((_, value), rule)| (value.clone(), rule))
        };
        let call = of(KeyKind::ToolCall);
        seen.push(Seen {
            event: row.try_get(0)?,
            time: row.try_get(1)?,
            tool: row.try_get(2)?,
            trace: of(KeyKind::Trace).map_or_else(String::new, |(trace, _)| trace),
            half: call.as_ref().and_then(|(_, rule)| rule.and_then(told::half)),
            call: call.map(|(call, _)| call),
            stands: Stands {
                turn: row.try_get(3)?,
                phase: rows::phase_of(row.try_get(4)?)?,
                is_twin: row.try_get::<i64>(5)? & flag::TWIN != 0,
            },
        });
    }
    Ok(seen)
}

/// The calls and traces among these keys.
async fn values(connection: &mut Transaction, numbers: &[i64]) -> Result<HashMap<i64, (KeyKind, String)>> {
    let mut values = HashMap::new();
    for chunk in numbers.chunks(rows::CHUNK) {
        let mut query = Statement::new("SELECT key, kind, value FROM keys WHERE key IN (");
        query.push_list(chunk.iter().copied());
        query.push(") AND kind IN (");
        query.push_list([KeyKind::ToolCall, KeyKind::Trace].map(rows::key_code));
        let found = query.push(")").build().persistent(chunk.len() == rows::CHUNK).fetch_all(&mut *connection).await?;
        values.extend(rows::keys_of(&found)?);
    }
    Ok(values)
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
