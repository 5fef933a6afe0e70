//! `turnscope stats`: counts, errors, tokens and times by session, agent, model and tool.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use super::Ended;
use super::location::Location;
use super::output::Output;
use super::selection::{self, Window};
use super::shape::{CostLine, TokenCounts, millis};
use super::table::{Column, Fit, Table, duration, known};
use crate::cli::Stats;
use crate::domain::price::Prices;
use crate::domain::{Event, Kind, Session, flag};
use crate::report::{Step, Walk};
use crate::store::Store;
use crate::timeline::{Rows, Tally, Totals, Turn, percentile, sum, tokens_of};

const COLUMNS: [Column; 13] = [
    Column::left("by", Fit::Whole),
    // Ids of sessions are among the names.
    Column::left("name", Fit::Whole),
    Column::right("sessions", Fit::Yields(9)),
    Column::right("events", Fit::Yields(8)),
    Column::right("turns", Fit::Whole),
    Column::right("errors", Fit::Whole),
    Column::right("tokens", Fit::Yields(1)),
    Column::right("cost", Fit::Yields(1)),
    Column::right("unreported", Fit::Yields(4)),
    Column::right("p50", Fit::Yields(2)),
    Column::right("p90", Fit::Yields(6)),
    Column::right("p99", Fit::Yields(5)),
    Column::right("max", Fit::Yields(3)),
];

/// What is counted under one name. Turns are those of models and tools.
#[derive(Clone, Default)]
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
    let Some((store, sessions, window)) =
        selection::find_or_all(location, wanted.session.as_deref(), &wanted.original, &output.zone).await?
    else {
        return Ok(Ended::Well);
    };
    let mut groups = Groups::new();
    for session in &sessions {
        merge(&mut groups, count(&store, session, window, &output.prices).await?);
    }
    print(groups, output)?;
    store.close().await;
    Ok(Ended::Well)
}

async fn count(store: &Store, session: &Session, window: Window, prices: &Prices) -> Result<Groups> {
    let mut groups = Groups::new();
    let mut totals = Totals::with(prices.clone());
    let mut part = Group { sessions: 1, ..Group::default() };
    let mut walk = Walk::over(store, Rows::of(&window.narrow(store.heads(session.number, None).await?)));
    while !walk.is_done() {
        for step in walk.part().await? {
            // What an ancestor's session has already counted is not counted again.
            let own = step.events.iter().filter(|event| !event.has(flag::INHERITED)).cloned().collect();
            let Some(Step { turn, events }) = Step::of(own) else { continue };
            part.add(&turn, &events);
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
    // A session's own counts are in the store; a part of it is counted turn by turn.
    let whole = match window.is_open() {
        true => {
            all.tokens = session.tokens;
            let (events, turns, errors) = (session.events, session.turns, session.errors);
            Group { sessions: 1, events, turns, errors, tally: all }
        }
        false => Group { tally: Tally { tokens: part.tally.tokens, ..all }, ..part },
    };
    groups.insert((SESSION, session.id.clone()), whole.clone());
    groups.insert((AGENT, session.agent.clone()), whole);
    Ok(groups)
}

impl Group {
    /// Counts one turn of a part of a session.
    fn add(&mut self, turn: &Turn, events: &[Event]) {
        self.events += events.len() as i64;
        let is_turn = matches!(turn.kind, Kind::Model | Kind::Tool) && events.iter().any(|event| event.turn.is_some());
        self.turns += i64::from(is_turn);
        self.errors += i64::from(turn.flags & flag::ERROR != 0);
        if let Some(usage) = turn.counted().filter(|_| turn.kind == Kind::Model) {
            self.tally.tokens = sum(self.tally.tokens, tokens_of(usage));
        }
    }
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
                "cost": CostLine::of(tally.cost),
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
                tally.cost.to_string(),
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
