//! Looks for a query in everything a session holds, newest first: bodies, labels, whole records.

mod query;
mod scan;
mod sieve;

pub use query::Query;
pub use sieve::{Sifted, Sifting};

use std::collections::{HashMap, HashSet};

use anyhow::Result;

use crate::domain::{Body, Event, Head, Role, Session};
use crate::store::Store;
use scan::{Scanner, in_text};

/// Events that are read at once.
const PART: usize = 200;

/// The bytes of a record, which several events may share.
type Place = (i64, i64);

/// An event in which everything that is searched for occurs.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub event: Event,
    /// The role of the body in which it was found, or `label`.
    pub role: &'static str,
    pub snippet: String,
}

/// A search through one session, a part at a time, from its end to its beginning.
pub struct Search<'a> {
    store: &'a Store,
    query: &'a Query,
    scanner: Scanner<'a>,
    session: i64,
    /// The events that are still to be looked at, in timeline order.
    left: Vec<Head>,
    /// Records in which a hit was found before.
    known: HashSet<Place>,
}

impl<'a> Search<'a> {
    /// A search through all events of a session that can match, as far as that is known.
    pub async fn of(store: &'a Store, session: &Session, query: &'a Query, sifted: Option<&Sifted>) -> Result<Self> {
        let heads = match sifted {
            Some(sifted) => store.heads_among(session.number, sifted.of(session.number)).await?,
            None => store.heads(session.number, None).await?,
        };
        Ok(Self {
            store,
            query,
            scanner: Scanner::new(store, query),
            session: session.number,
            left: heads,
            known: HashSet::new(),
        })
    }

    /// Keeps some of the events that are still to be looked at.
    pub fn among(mut self, keep: impl FnOnce(Vec<Head>) -> Vec<Head>) -> Self {
        self.left = keep(self.left);
        self
    }

    /// Leaves out what cannot match.
    pub fn narrow(&mut self, sifted: &Sifted) {
        let of_session = sifted.of(self.session);
        self.left.retain(|head| of_session.binary_search(&head.number).is_ok());
    }

    /// The newest event that is still to be looked at.
    pub fn newest(&self) -> Option<&Head> {
        self.left.last()
    }

    /// The hits of the next part, newest first; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Found>>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let part = self.left.split_off(self.left.len().saturating_sub(PART));
        let part: Vec<i64> = part.iter().rev().map(|head| head.number).collect();
        search_part(self.store, self.query, &mut self.scanner, &part, &mut self.known).await.map(Some)
    }
}

/// The hits among these events, in their order. `known` are the records in which a hit was found before.
async fn search_part(
    store: &Store,
    query: &Query,
    scanner: &mut Scanner<'_>,
    numbers: &[i64],
    known: &mut HashSet<Place>,
) -> Result<Vec<Found>> {
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
    Ok(hits.into_iter().map(|(index, role, snippet)| Found { event: events[index].clone(), role, snippet }).collect())
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
