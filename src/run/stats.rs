//! `turnscope stats`: counts, errors, tokens and times by session, agent, model and tool.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use super::location::Location;
use super::output::Output;
use super::shape::{TokenCounts, millis};
use super::table::{Column, Fit, Table, duration, known};
use super::{Ended, session};
use crate::cli::Stats;
use crate::domain::{Kind, Session, Tokens, Usage, flag};
use crate::report::{Step, Walk};

const COLUMNS: [Column; 9] = [
    Column::left("by", Fit::Whole),
    Column::left("name", Fit::Shrinks(16)),
    Column::right("sessions", Fit::Yields(6)),
    Column::right("events", Fit::Yields(5)),
    Column::right("turns", Fit::Whole),
    Column::right("errors", Fit::Whole),
    Column::right("tokens", Fit::Yields(1)),
    Column::right("p50", Fit::Yields(2)),
    Column::right("p95", Fit::Yields(3)),
];

/// What is counted under one name. Turns are those of models and tools.
#[derive(Default)]
struct Group {
    sessions: i64,
    events: i64,
    turns: i64,
    errors: i64,
    tokens: Tokens,
    /// Microseconds, of every turn that has a latency.
    latencies: Vec<i64>,
}

type Groups = BTreeMap<(usize, String), Group>;

/// What turns are counted by, in the order in which it is shown.
const BY: [&str; 4] = ["session", "agent", "model", "tool"];
const SESSION: usize = 0;
const AGENT: usize = 1;
const MODEL: usize = 2;
const TOOL: usize = 3;

pub async fn stats(location: &Location, wanted: &Stats, output: &mut Output) -> Result<Ended> {
    let (store, sessions) = match &wanted.session {
        Some(name) => {
            let store = location.open().await?;
            let session = session::find(&store, name).await?;
            (store, vec![session])
        }
        None => {
            let Some(store) = location.open_if_there().await? else { return Ok(Ended::Well) };
            let sessions = store.sessions().await?;
            (store, sessions)
        }
    };
    let mut groups = Groups::new();
    for session in &sessions {
        let mut own = Groups::new();
        let mut walk = Walk::through(&store, session);
        while !walk.is_done() {
            for step in walk.part().await? {
                count_step(&mut own, session, &step);
            }
        }
        count_session(&mut own, session);
        merge(&mut groups, own);
    }
    print(groups, output)?;
    store.close().await;
    Ok(Ended::Well)
}

/// Adds one turn to the groups that it belongs to.
fn count_step(groups: &mut Groups, session: &Session, step: &Step) {
    // What an ancestor's session has already counted is not counted again.
    let own = step.events.iter().filter(|event| !event.has(flag::INHERITED)).cloned().collect();
    let Some(Step { turn, events }) = Step::of(own) else { return };
    let named = match turn.kind {
        Kind::Model => Some((MODEL, turn.model.clone().unwrap_or_else(|| "unknown".to_owned()))),
        Kind::Tool => Some((TOOL, turn.who.clone())),
        _ => None,
    };
    let Some(named) = named else { return };
    for key in [(SESSION, session.id.clone()), (AGENT, session.agent.clone())] {
        groups.entry(key).or_default().latencies.extend(turn.latency);
    }
    let group = groups.entry(named).or_default();
    group.sessions = 1;
    group.events += events.len() as i64;
    group.turns += 1;
    group.errors += i64::from(turn.flags & flag::ERROR != 0);
    group.latencies.extend(turn.latency);
    if let Some(usage) = &turn.usage {
        group.tokens = sum(group.tokens, of(usage));
    }
}

/// A session's own counts are in the store.
fn count_session(groups: &mut Groups, session: &Session) {
    for key in [(SESSION, session.id.clone()), (AGENT, session.agent.clone())] {
        let group = groups.entry(key).or_default();
        group.sessions = 1;
        group.events = session.events;
        group.turns = session.turns;
        group.errors = session.errors;
        group.tokens = session.tokens;
    }
}

fn merge(groups: &mut Groups, own: Groups) {
    for (key, one) in own {
        let group = groups.entry(key).or_default();
        group.sessions += one.sessions;
        group.events += one.events;
        group.turns += one.turns;
        group.errors += one.errors;
        group.tokens = sum(group.tokens, one.tokens);
        group.latencies.extend(one.latencies);
    }
}

fn of(usage: &Usage) -> Tokens {
    Tokens {
        input: usage.input,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        output: usage.output,
        reasoning: usage.reasoning,
        total: usage.total(),
    }
}

/// Unknown and unknown is unknown; else what is known counts.
fn sum(one: Tokens, other: Tokens) -> Tokens {
    let add = |one: Option<i64>, other: Option<i64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (known, None) | (None, known) => known,
    };
    Tokens {
        input: add(one.input, other.input),
        cache_read: add(one.cache_read, other.cache_read),
        cache_write: add(one.cache_write, other.cache_write),
        output: add(one.output, other.output),
        reasoning: add(one.reasoning, other.reasoning),
        total: add(one.total, other.total),
    }
}

fn print(groups: Groups, output: &mut Output) -> Result<()> {
    let mut table = Table::new(&COLUMNS);
    for ((by, name), mut group) in groups {
        group.latencies.sort_unstable();
        let (middle, high) = (percentile(&group.latencies, 50), percentile(&group.latencies, 95));
        if output.json {
            output.object(&json!({
                "by": BY[by],
                "name": name,
                "sessions": group.sessions,
                "events": group.events,
                "turns": group.turns,
                "errors": group.errors,
                "tokens": TokenCounts::from(group.tokens),
                "latency_ms": {"p50": middle.and_then(millis), "p95": high.and_then(millis)},
            }))?;
        } else {
            let time = |time: Option<i64>| time.map(duration).unwrap_or_default();
            table.row(vec![
                BY[by].to_owned(),
                name,
                group.sessions.to_string(),
                group.events.to_string(),
                group.turns.to_string(),
                group.errors.to_string(),
                known(group.tokens.total),
                time(middle),
                time(high),
            ]);
        }
    }
    table.print(output)
}

/// The smallest value that at least so many of a hundred do not exceed.
fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<i64> = (1..=20).collect();
        assert_eq!((percentile(&sorted, 50), percentile(&sorted, 95)), (Some(10), Some(19)));
        assert_eq!((percentile(&[7], 50), percentile(&[], 95)), (Some(7), None));
    }

    #[test]
    fn unknown_tokens_stay_unknown_when_summed() {
        let known = Tokens { output: Some(3), ..Tokens::default() };
        assert_eq!(sum(known, known).output, Some(6));
        assert_eq!(sum(known, known).input, None);
    }
}
