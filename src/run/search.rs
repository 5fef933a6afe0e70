//! `turnscope search`: reads everything, newest first, and shows the events in which all terms occur.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use serde_json::json;

use super::location::Location;
use super::newest::Newest;
use super::output::Output;
use super::query::Query;
use super::scan::{Scanner, in_text};
use super::table::{Column, Fit, Table};
use super::{Ended, session, shape, tell};
use crate::cli::Search;
use crate::domain::{Body, Event, Role, Session};
use crate::store::Store;

/// Events that are read at once.
const PART: usize = 200;

const COLUMNS: [Column; 5] = [
    Column::left("session", Fit::Whole),
    Column::left("event", Fit::Whole),
    Column::left("time", Fit::Yields(1)),
    Column::left("role", Fit::Yields(2)),
    Column::left("snippet", Fit::Shrinks(24)),
];

/// The bytes of a record, which several events may share.
type Place = (i64, i64);

struct Hit {
    event: Event,
    role: &'static str,
    snippet: String,
}

pub async fn search(location: &Location, wanted: &Search, output: &mut Output) -> Result<Ended> {
    let query = Query::parse(&wanted.words.join(" "))?;
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
    let limit = if wanted.all { usize::MAX } else { wanted.limit };
    let mut shown = Shown { limit, total: 0, table: Table::new(&COLUMNS) };
    let mut newest = Newest::of(sessions.iter().map(|session| session.ended.map(|ended| ended.0)));
    let mut open: HashMap<usize, Open> = HashMap::new();
    let mut scanner = Scanner::new(&store, &query);
    while let Some(index) = newest.next() {
        let mut session = match open.remove(&index) {
            Some(session) => session,
            None => Open::at_its_end(&store, &sessions[index]).await?,
        };
        let from = session.left.len().saturating_sub(PART);
        let part: Vec<i64> = session.left.drain(from..).rev().map(|(number, _)| number).collect();
        for hit in search_part(&store, &query, &mut scanner, &part, &mut session.known).await? {
            newest.add(index, hit.event.order.time.0, hit);
        }
        if let Some((_, time)) = session.left.last() {
            newest.goes_on(index, *time);
            open.insert(index, session);
        }
        shown.add(&sessions, newest.ready(), output)?;
    }
    output.finish()?;
    tell(&shown.told());
    store.close().await;
    Ok(Ended::Well)
}

/// A session that is being searched from its end.
struct Open {
    /// The numbers and times of the events before, the next at the end.
    left: Vec<(i64, i64)>,
    /// The records in which a hit was found before.
    known: HashSet<Place>,
}

impl Open {
    async fn at_its_end(store: &Store, session: &Session) -> Result<Self> {
        let heads = store.heads(session.number, None).await?;
        Ok(Self { left: heads.iter().map(|head| (head.number, head.time.0)).collect(), known: HashSet::new() })
    }
}

/// The hits among these events, in their order. `known` are the records in which a hit was found before.
async fn search_part(
    store: &Store,
    query: &Query,
    scanner: &mut Scanner<'_>,
    numbers: &[i64],
    known: &mut HashSet<Place>,
) -> Result<Vec<Hit>> {
    let events = store.events(numbers).await?;
    let mut bodies: HashMap<i64, Vec<Body>> = HashMap::new();
    for body in store.bodies(numbers).await? {
        bodies.entry(body.event).or_default().push(body);
    }
    let mut records = Records::default();
    let mut hits = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let bodies = bodies.get(&event.number).map_or(&[][..], Vec::as_slice);
        let record = bodies.iter().find(|body| body.role == Role::Raw);
        let inside = match record {
            Some(record) => records.search(scanner, record).await?,
            None => false,
        };
        let excluded = record.filter(|_| query.holds_in_parts && !inside);
        match search_event(query, scanner, event, bodies, excluded).await? {
            Some((role, snippet)) => {
                known.extend(record.map(place));
                hits.push((index, role, snippet));
            }
            None => {
                records.hits.extend(record.filter(|_| inside).map(|record| (place(record), (index, record.clone()))))
            }
        }
    }
    for (place, (index, record)) in records.hits {
        // A record counts only where no body or label of its events did.
        if known.insert(place) {
            let snippet = scanner.in_record(&record).await?;
            hits.extend(snippet.map(|snippet| (index, Role::Raw.name(), snippet)));
        }
    }
    hits.sort_by_key(|(index, _, _)| *index);
    Ok(hits.into_iter().map(|(index, role, snippet)| Hit { event: events[index].clone(), role, snippet }).collect())
}

/// Whole records, each searched once however many events it gave.
#[derive(Default)]
struct Records {
    searched: HashMap<Place, bool>,
    /// Records in which something was found that is in none of their bodies, with the earliest event of each.
    hits: HashMap<Place, (usize, Body)>,
}

impl Records {
    /// Whether everything occurs somewhere in a record.
    async fn search(&mut self, scanner: &mut Scanner<'_>, record: &Body) -> Result<bool> {
        if let Some(known) = self.searched.get(&place(record)) {
            return Ok(*known);
        }
        let found = scanner.in_body(record).await?.is_some();
        self.searched.insert(place(record), found);
        Ok(found)
    }
}

fn place(record: &Body) -> Place {
    (record.blob, record.start)
}

/// The first body of an event that matches, else its label. Bodies inside `excluded` bytes are passed over.
async fn search_event(
    query: &Query,
    scanner: &mut Scanner<'_>,
    event: &Event,
    bodies: &[Body],
    excluded: Option<&Body>,
) -> Result<Option<(&'static str, String)>> {
    for body in bodies.iter().filter(|body| body.role != Role::Raw) {
        if excluded.is_some_and(|record| holds(record, body)) {
            continue;
        }
        if let Some(snippet) = scanner.in_body(body).await? {
            return Ok(Some((body.role.name(), snippet)));
        }
    }
    Ok(in_text(query, &event.label).map(|snippet| ("label", snippet)))
}

fn holds(record: &Body, body: &Body) -> bool {
    record.blob == body.blob && record.start <= body.start && body.start + body.size <= record.start + record.size
}

/// What has been shown, and how much there is.
struct Shown {
    limit: usize,
    total: usize,
    table: Table,
}

impl Shown {
    fn add(&mut self, sessions: &[Session], hits: Vec<(usize, Hit)>, output: &mut Output) -> Result<()> {
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
