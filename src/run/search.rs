//! `turnscope search`: reads everything, newest first, and shows the events in which all terms occur.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use serde_json::json;

use super::filter::Wanted;
use super::location::Location;
use super::newest::Newest;
use super::output::Output;
use super::selection::{self, Window};
use super::table::{Column, Fit, Table};
use super::{Ended, shape, tell, usage};
use crate::cli::{Rows, Search as Asked};
use crate::domain::Session;
use crate::report::{Found, Pick, Query, Search, Sifted, Sifting};
use crate::store::Store;

const COLUMNS: [Column; 5] = [
    Column::left("session", Fit::Whole),
    Column::left("event", Fit::Whole),
    Column::left("time", Fit::Yields(1)),
    Column::left("role", Fit::Yields(2)),
    Column::left("snippet", Fit::Shrinks(24)),
];

pub async fn search(location: &Location, wanted: &Asked, output: &mut Output) -> Result<Ended> {
    let query = Query::parse(&wanted.words.join(" ")).map_err(|error| usage(error.to_string()))?;
    let Some((store, sessions, window)) =
        selection::find_or_all(location, wanted.session.as_deref(), &wanted.original, &output.zone).await?
    else {
        return Ok(Ended::Well);
    };
    let rows = Rows { filter: wanted.filter.clone(), ..Rows::default() };
    let rows = Wanted::read(&store, &rows, &output.zone).await?;
    let limit = if wanted.all { usize::MAX } else { wanted.limit };
    let mut shown = Shown { limit, total: 0, table: Table::new(&COLUMNS) };
    let mut newest = Newest::of(sessions.iter().map(|session| session.ended.map(|ended| ended.0)));
    let mut open: HashMap<usize, Search<'_>> = HashMap::new();
    let events = sessions.iter().map(|session| session.events).sum::<i64>();
    let mut sifting = Sifting::start(&store, &query, usize::try_from(events)?);
    let mut sifted = None;
    while let Some(index) = newest.next() {
        if let Some(done) = sifting.done().await {
            open.values_mut().for_each(|search| search.narrow(&done));
            sifted = Some(done);
        }
        let mut search = match open.remove(&index) {
            Some(search) => search,
            None => at_its_end(&store, &sessions[index], &query, window, rows.as_ref(), sifted.as_ref()).await?,
        };
        for hit in search.next().await?.unwrap_or_else(Vec::new) {
            newest.add(index, hit.event.order.time.0, hit);
        }
        if let Some(head) = search.newest() {
            newest.goes_on(index, head.time.0);
            open.insert(index, search);
        }
        shown.add(&sessions, newest.ready(), output)?;
    }
    output.finish()?;
    tell(&shown.told());
    drop(sifting);
    store.close().await;
    Ok(Ended::Well)
}

/// The search through a session, from its end.
async fn at_its_end<'a>(
    store: &'a Store,
    session: &Session,
    query: &'a Query,
    window: Window,
    rows: Option<&Wanted>,
    sifted: Option<&Sifted>,
) -> Result<Search<'a>> {
    let search = Search::of(store, session, query, sifted).await?.among(|heads| window.narrow(heads));
    let (Some(rows), Some(_)) = (rows, search.newest()) else { return Ok(search) };
    let pick = Pick::among_all(store, session, &rows.expression, rows.frame).await?;
    let matching: HashSet<i64> = pick.events().await?.into_iter().collect();
    Ok(search.among(|mut heads| {
        heads.retain(|head| matching.contains(&head.number));
        heads
    }))
}

/// What has been shown, and how much there is.
struct Shown {
    limit: usize,
    total: usize,
    table: Table,
}

impl Shown {
    fn add(&mut self, sessions: &[Session], hits: Vec<(usize, Found)>, output: &mut Output) -> Result<()> {
        let before = self.total;
        self.total += hits.len();
        for (session, hit) in hits.into_iter().take(self.limit.saturating_sub(before)) {
            let session = &sessions[session];
            let (event, row) = (hit.event.name(), hit.event.row());
            if output.json {
                output.object(&json!({
                    "session": session.id,
                    "event": event,
                    "row": row,
                    "at": shape::time(Some(hit.event.order.time)),
                    "role": hit.role,
                    "snippet": hit.snippet,
                }))?;
            } else {
                let time = output.time(Some(hit.event.order.time));
                self.table.row(vec![session.id.clone(), event, time, hit.role.to_owned(), hit.snippet]);
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
