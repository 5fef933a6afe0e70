//! `turnscope timeline`: the rows of one session, in order.

use anyhow::Result;

use super::Ended;
use super::location::Location;
use super::output::Output;
use super::session;
use super::shape::RowLine;
use super::table::{Column, Fit, Table, duration, known};
use crate::cli::Timeline;
use crate::domain::{Usage, flag};
use crate::report::{Joined, Step, Walk};
use crate::timeline::{State, Turn};

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
    let session = session::find(&store, &wanted.session).await?;
    let mut table = Table::new(&COLUMNS);
    let joined = if output.json { Some(Joined::of(&store, &session).await?) } else { None };
    let mut walk = Walk::through(&store, &session);
    while !walk.is_done() {
        let steps = walk.part().await?;
        if let Some(joined) = &joined {
            let joins = joined.joins(&store, &steps).await?;
            for (step, joins) in steps.iter().zip(&joins) {
                output.object(&RowLine::of(&step.turn, depth(step), joins))?;
            }
        } else {
            for step in &steps {
                add(&mut table, &step.turn, output);
            }
            table.print(output)?;
        }
    }
    store.close().await;
    Ok(Ended::Well)
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
