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
use crate::domain::{Kind, Session, flag};
use crate::report::{Step, Walk};
use crate::store::Store;
use crate::timeline::{Tally, Totals, percentile};

const COLUMNS: [Column; 12] = [
    Column::left("by", Fit::Whole),
    Column::left("name", Fit::Shrinks(16)),
    Column::right("sessions", Fit::Yields(9)),
    Column::right("events", Fit::Yields(8)),
    Column::right("turns", Fit::Whole),
    Column::right("errors", Fit::Whole),
    Column::right("tokens", Fit::Yields(1)),
    Column::right("unreported", Fit::Yields(4)),
    Column::right("p50", Fit::Yields(2)),
    Column::right("p90", Fit::Yields(6)),
    Column::right("p99", Fit::Yields(5)),
    Column::right("max", Fit::Yields(3)),
];

/// What is counted under one name. Turns are those of models and tools.
#[derive(Default)]
struct Group {
    sessions: i64,
    events: i64,
    turns: i64,
    errors: i64,
    /// Tokens, times, and model turns that report no tokens.
    tally: Tally,
}

type Groups = BTreeMap<(usize, String), Group>;

/// What turns are counted by, in the order in which it is shown.
const BY: [&str; 5] = ["session", "agent", "source", "model", "tool"];
const SESSION: usize = 0;
const AGENT: usize = 1;
const SOURCE: usize = 2;
const MODEL: usize = 3;
const TOOL: usize = 4;

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
        merge(&mut groups, count(&store, session).await?);
    }
    print(groups, output)?;
    store.close().await;
    Ok(Ended::Well)
}

async fn count(store: &Store, session: &Session) -> Result<Groups> {
    let mut groups = Groups::new();
    let mut totals = Totals::default();
    let mut walk = Walk::through(store, session).await?;
    while !walk.is_done() {
        for step in walk.part().await? {
            // What an ancestor's session has already counted is not counted again.
            let own = step.events.iter().filter(|event| !event.has(flag::INHERITED)).cloned().collect();
            let Some(Step { turn, events }) = Step::of(own) else { continue };
            let Some(name) = totals.add(&turn, &events) else { continue };
            let by = if turn.kind == Kind::Model { MODEL } else { TOOL };
            for key in [(by, name), (SOURCE, turn.source)] {
                groups.entry(key).or_default().events += events.len() as i64;
            }
        }
    }
    let Totals { models, tools, by_source, by_model, by_tool, .. } = totals;
    for (by, tallies) in [(SOURCE, by_source), (MODEL, by_model), (TOOL, by_tool)] {
        for (name, tally) in tallies {
            let group = groups.entry((by, name)).or_default();
            (group.sessions, group.turns, group.errors) = (1, tally.calls as i64, tally.errors as i64);
            group.tally = tally;
        }
    }
    let mut all = models;
    all.merge(tools);
    // A session's own counts are in the store.
    all.tokens = session.tokens;
    for key in [(SESSION, session.id.clone()), (AGENT, session.agent.clone())] {
        let (events, turns, errors) = (session.events, session.turns, session.errors);
        groups.insert(key, Group { sessions: 1, events, turns, errors, tally: all.clone() });
    }
    Ok(groups)
}

fn merge(groups: &mut Groups, own: Groups) {
    for (key, one) in own {
        let group = groups.entry(key).or_default();
        group.sessions += one.sessions;
        group.events += one.events;
        group.turns += one.turns;
        group.errors += one.errors;
        group.tally.merge(one.tally);
    }
}

fn print(groups: Groups, output: &mut Output) -> Result<()> {
    let mut table = Table::new(&COLUMNS);
    for ((by, name), group) in groups {
        let Group { sessions, events, turns, errors, mut tally } = group;
        tally.latencies.sort_unstable();
        let at = |percent| percentile(&tally.latencies, percent);
        if output.json {
            let at = |percent| at(percent).and_then(millis);
            output.object(&json!({
                "by": BY[by],
                "name": name,
                "sessions": sessions,
                "events": events,
                "turns": turns,
                "errors": errors,
                "tokens": TokenCounts::from(tally.tokens),
                "unreported": tally.unreported,
                "latency_ms": {"p50": at(50), "p90": at(90), "p95": at(95), "p99": at(99), "max": at(100)},
                "time_ms": tally.spent().and_then(millis),
            }))?;
        } else {
            let time = |percent| at(percent).map(duration).unwrap_or_default();
            table.row(vec![
                BY[by].to_owned(),
                name,
                sessions.to_string(),
                events.to_string(),
                turns.to_string(),
                errors.to_string(),
                known(tally.tokens.total),
                tally.unreported.to_string(),
                time(50),
                time(90),
                time(99),
                time(100),
            ]);
        }
    }
    table.print(output)
}
