//! `turnscope timeline`: the rows of one session, in order.

use std::sync::Arc;

use anyhow::Result;

use super::filter::Wanted;
use super::location::Location;
use super::output::Output;
use super::selection::{self, Chosen, Window};
use super::shape::RowLine;
use super::table::{Column, Fit, Table, duration, known};
use super::{Ended, tell};
use crate::cli::Timeline;
use crate::domain::filter::Frame;
use crate::domain::{Session, Usage, flag};
use crate::report::{Joined, Pick, Step, Walk};
use crate::store::Store;
use crate::timeline::{Rows, State, Turn};

const COLUMNS: [Column; 8] = [
    Column::left("time", Fit::Yields(1)),
    Column::left("kind", Fit::Whole),
    Column::left("who", Fit::Shrinks(8)),
    Column::left("status", Fit::Yields(2)),
    Column::right("tokens", Fit::Yields(4)),
    Column::right("latency", Fit::Yields(3)),
    Column::left("label", Fit::Shrinks(12)),
    Column::left("id", Fit::Whole),
];

pub async fn timeline(location: &Location, wanted: &Timeline, output: &mut Output) -> Result<Ended> {
    let store = location.open().await?;
    let Chosen { session, window, .. } =
        selection::find(&store, wanted.session.as_deref(), &wanted.original, &output.zone).await?;
    let mut table = Table::new(&COLUMNS);
    let joined = if output.json { Some(Joined::of(&store, &session).await?) } else { None };
    let (mut listed, mut whys) = (0, Vec::new());
    if !window.is_open() {
        whys.push(window.to_string());
    }
    match Wanted::read(&store, &wanted.rows, &output.zone).await? {
        None => {
            let mut walk = match window.is_open() {
                true => Walk::through(&store, &session),
                false => Walk::over(&store, window_rows(&store, &session, window).await?),
            };
            while !walk.is_done() {
                let steps = walk.part().await?;
                listed += steps.len();
                list(&store, joined.as_ref(), &steps, &mut table, output).await?;
            }
        }
        Some(wanted) => {
            let rows = window_rows(&store, &session, window).await?;
            let frame = Frame { start: session.started, ..wanted.frame };
            let mut pick = Pick::of(&store, &store, &session, Arc::new(rows), &wanted.expression, frame).await?;
            while !pick.is_done() {
                let steps: Vec<Step> = pick.part().await?.into_iter().map(|(_, step)| step).collect();
                listed += steps.len();
                list(&store, joined.as_ref(), &steps, &mut table, output).await?;
            }
            whys.push(wanted.why);
        }
    }
    if listed == 0 && !whys.is_empty() {
        tell(&format!("no row of session {} matches: {}", session.id, whys.join(" ")));
    }
    store.close().await;
    Ok(Ended::Well)
}

/// The rows of a part of a session.
async fn window_rows(store: &Store, session: &Session, window: Window) -> Result<Rows> {
    Ok(Rows::of(&window.narrow(store.heads(session.number, None).await?)))
}

async fn list(
    store: &Store,
    joined: Option<&Joined>,
    steps: &[Step],
    table: &mut Table,
    output: &mut Output,
) -> Result<()> {
    if let Some(joined) = joined {
        let joins = joined.joins(store, steps).await?;
        for (step, joins) in steps.iter().zip(&joins) {
            output.object(&RowLine::of(&step.turn, depth(step), joins, &output.prices))?;
        }
        return Ok(());
    }
    for step in steps {
        add(table, &step.turn, output);
    }
    table.print(output)
}

/// What a sub-agent did stands one deeper than what its parent did.
pub fn depth(step: &Step) -> usize {
    usize::from(step.turn.flags & flag::SIDECHAIN != 0)
}

fn add(table: &mut Table, turn: &Turn, output: &Output) {
    let time = match turn.at {
        Some(time) if output.terminal => output.zone.clock(time),
        time => output.time(time),
    };
    let cells = vec![
        time,
        turn.kind.name().to_owned(),
        turn.who.clone(),
        turn.status.clone(),
        known(turn.usage.as_ref().and_then(Usage::total)),
        turn.latency.map(duration).unwrap_or_default(),
        turn.label.clone(),
        turn.id.clone(),
    ];
    match turn.state {
        State::Error | State::Bad => table.red_row(cells),
        _ => table.row(cells),
    }
}
