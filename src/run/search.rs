//! `turnscope search`: reads everything, newest first, and shows the events in which all terms occur.

use std::collections::HashSet;

use anyhow::Result;
use serde_json::json;

use super::filter::Wanted;
use super::location::Location;
use super::output::Output;
use super::selection;
use super::table::{Column, Fit, Table};
use super::{Ended, shape, tell, usage};
use crate::cli::{Rows, Search};
use crate::domain::Session;
use crate::report::{self, Found, Pick, Query};

const COLUMNS: [Column; 5] = [
    Column::left("session", Fit::Whole),
    Column::left("event", Fit::Whole),
    Column::left("time", Fit::Yields(1)),
    Column::left("role", Fit::Yields(2)),
    Column::left("snippet", Fit::Shrinks(24)),
];

pub async fn search(location: &Location, wanted: &Search, output: &mut Output) -> Result<Ended> {
    let query = Query::parse(&wanted.words.join(" ")).map_err(|error| usage(error.to_string()))?;
    let Some((store, sessions, window)) =
        selection::find_or_all(location, wanted.session.as_deref(), &wanted.original).await?
    else {
        return Ok(Ended::Well);
    };
    let rows = Rows { filter: wanted.filter.clone(), ..Rows::default() };
    let rows = Wanted::read(&store, &rows, &output.zone).await?;
    let limit = if wanted.all { usize::MAX } else { wanted.limit };
    let mut shown = Shown { limit, total: 0, table: Table::new(&COLUMNS) };
    for session in &sessions {
        let heads = window.narrow(store.heads(session.number, None).await?);
        let mut numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
        if let Some(rows) = &rows {
            let pick = Pick::among_all(&store, session, &rows.expression, rows.frame).await?;
            let matching: HashSet<i64> = pick.events().await?.into_iter().collect();
            numbers.retain(|number| matching.contains(number));
        }
        let mut search = report::Search::among(&store, &query, numbers);
        while let Some(hits) = search.next().await? {
            shown.add(session, hits, output)?;
        }
    }
    output.finish()?;
    tell(&shown.told());
    store.close().await;
    Ok(Ended::Well)
}

/// What has been shown, and how much there is.
struct Shown {
    limit: usize,
    total: usize,
    table: Table,
}

impl Shown {
    fn add(&mut self, session: &Session, hits: Vec<Found>, output: &mut Output) -> Result<()> {
        let before = self.total;
        self.total += hits.len();
        for hit in hits.into_iter().take(self.limit.saturating_sub(before)) {
            let row = hit.event.turn.as_ref().unwrap_or(&hit.event.id);
            if output.json {
                output.object(&json!({
                    "session": session.id,
                    "event": hit.event.id,
                    "row": row,
                    "at": shape::time(Some(hit.event.order.time)),
                    "role": hit.role,
                    "snippet": hit.snippet,
                }))?;
            } else {
                let time = output.time(Some(hit.event.order.time));
                self.table.row(vec![session.id.clone(), hit.event.id, time, hit.role.to_owned(), hit.snippet]);
            }
        }
        self.table.print(output)?;
        // Who waits for the total can read meanwhile.
        if before < self.limit && self.total > before { output.finish() } else { Ok(()) }
    }

    fn told(&self) -> String {
        match self.total {
            1 => "1 hit".to_owned(),
            total if total > self.limit => {
                format!("{total} hits, the first {} are shown; --all shows all", self.limit)
            }
            total => format!("{total} hits"),
        }
    }
}
