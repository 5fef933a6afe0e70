//! `turnscope sessions`: all sessions, newest first.

use anyhow::Result;

use super::Ended;
use super::location::Location;
use super::output::Output;
use super::shape::SessionLine;
use super::table::{Column, Fit, Table, known};
use crate::domain::Session;

const COLUMNS: [Column; 10] = [
    Column::left("title", Fit::Shrinks(12)),
    Column::left("agent", Fit::Yields(3)),
    Column::left("project", Fit::Yields(5)),
    Column::left("started", Fit::Yields(2)),
    Column::right("events", Fit::Yields(6)),
    Column::right("turns", Fit::Yields(7)),
    Column::right("errors", Fit::Yields(4)),
    Column::right("tokens", Fit::Yields(8)),
    Column::left("id", Fit::Whole),
    Column::left("parent", Fit::Piped),
];

pub async fn sessions(location: &Location, output: &mut Output) -> Result<Ended> {
    let Some(store) = location.open_if_there().await? else {
        return Ok(Ended::Well);
    };
    let sessions = store.sessions().await?;
    let mut table = Table::new(&COLUMNS);
    for session in &sessions {
        if output.json {
            output.object(&SessionLine::of(session))?;
        } else {
            table.row(cells(session, output));
        }
    }
    table.print(output)?;
    store.close().await;
    Ok(Ended::Well)
}

fn cells(session: &Session, output: &Output) -> Vec<String> {
    let title = session.title.clone().unwrap_or_default();
    let child = output.terminal && session.parent.is_some();
    vec![
        if child { format!("└ {title}") } else { title },
        session.agent.clone(),
        session.project.clone().unwrap_or_default(),
        output.time(session.started),
        session.events.to_string(),
        session.turns.to_string(),
        session.errors.to_string(),
        known(session.tokens.total),
        session.id.clone(),
        session.parent.clone().unwrap_or_default(),
    ]
}
