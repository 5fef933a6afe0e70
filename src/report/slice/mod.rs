//! A slice: a selection of events with all they need, as one verifiable JSON file that streams out.
//!
//! It is the original's report JSON and more: event rows by kind, each with all that turnscope knows of it, and
//! every distinct body once, by its SHA-256. The manifest depends on nothing but the bodies; the seal behind it covers
//! every byte of the file before it.

mod carry;
mod lines;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::{Context, Result};
use serde_json::json;

use super::findings::findings;
use super::joined::Joined;
use super::walk::Walk;
use crate::domain::{Body, Head, Kind, Session, Timestamp};
use crate::store::Store;
use crate::timeline::Rows;
use lines::Lines;

pub use rows::session_row;

/// Rows at a time.
const CHUNK: usize = 500;

/// What a slice holds of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The session's id.
    pub session: String,
    /// Event numbers; `None` for all of them and those of the sub-agents. Turns are completed.
    pub events: Option<Vec<i64>>,
    /// What the user asked for, in words: `marked rows`, `filter "tool:Bash"`, `whole session` …
    pub why: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    pub events: usize,
    pub bodies: usize,
    pub bytes: u64,
    /// The digest of the manifest.
    pub digest: String,
}

/// Where one distinct body can be read.
#[derive(Debug, Clone, Copy)]
struct Place {
    blob: i64,
    start: i64,
    size: i64,
    /// The how-manyeth it is of those that events name; this is the same in every store.
    order: usize,
}

/// Streams a slice out. What it holds in memory grows with the number of events, never with the size of bodies.
pub async fn write_slice(store: &Store, selection: &Selection, out: &mut (dyn Write + Send)) -> Result<Summary> {
    let session = store
        .session(&selection.session)
        .await?
        .with_context(|| format!("there is no session {}", selection.session))?;
    let sessions = sessions(store, &session, selection).await?;
    let chosen = choose(store, sessions, selection).await?;
    let mut writing = Writing {
        store,
        lines: Lines::new(out),
        bodies: BTreeMap::new(),
        sums: rows::Sums::default(),
        blobs: Vec::new(),
        rows: BTreeSet::new(),
        events: 0,
    };
    writing.head(&session, &chosen)?;
    for (section, kind) in rows::SECTIONS {
        writing.section(section, *kind, &chosen).await?;
    }
    writing.tail(selection, &chosen).await
}

/// The session, and for a whole one its sub-agents at every depth.
async fn sessions(store: &Store, root: &Session, selection: &Selection) -> Result<Vec<Session>> {
    let mut chosen = vec![root.clone()];
    if selection.events.is_some() {
        return Ok(chosen);
    }
    let mut all = store.sessions().await?;
    all.sort_by(|one, other| (one.started, &one.id).cmp(&(other.started, &other.id)));
    let mut at = 0;
    while at < chosen.len() {
        let parent = chosen[at].id.clone();
        let known: BTreeSet<String> = chosen.iter().map(|session| session.id.clone()).collect();
        chosen.extend(
            all.iter().filter(|child| child.parent.as_ref() == Some(&parent) && !known.contains(&child.id)).cloned(),
        );
        at += 1;
    }
    Ok(chosen)
}

/// The heads of the chosen events in timeline order, session by session.
async fn choose(store: &Store, sessions: Vec<Session>, selection: &Selection) -> Result<Vec<(Session, Vec<Head>)>> {
    let wanted = match &selection.events {
        Some(events) => Some(store.complete_turns(events).await?),
        None => None,
    };
    let mut chosen = Vec::with_capacity(sessions.len());
    for session in sessions {
        let heads = match &wanted {
            Some(numbers) => store.heads_among(session.number, numbers).await?,
            None => store.heads(session.number, None).await?,
        };
        chosen.push((session, heads));
    }
    Ok(chosen)
}

struct Writing<'a> {
    store: &'a Store,
    lines: Lines<'a>,
    /// Every distinct body by its digest.
    bodies: BTreeMap<[u8; 32], Place>,
    sums: rows::Sums,
    /// The original's blob rows, without payloads: those lie in `bodies`.
    blobs: Vec<rows::BlobRow>,
    /// The ids of the rows that are in the slice.
    rows: BTreeSet<String>,
    events: usize,
}

impl Writing<'_> {
    fn head(&mut self, session: &Session, chosen: &[(Session, Vec<Head>)]) -> Result<()> {
        let time = |time: Option<Timestamp>| time.map(Timestamp::rfc3339);
        let times = || chosen.iter().flat_map(|(_, heads)| heads).map(|head| head.time).filter(|time| time.0 > 0);
        self.lines.open()?;
        self.lines.member("format", &json!("turnscope-slice"))?;
        self.lines.member("version", &json!(1))?;
        // Who reads this knows that a file without a seal has lost it.
        self.lines.member("sealed", &json!(true))?;
        self.lines.member("session", &session_row(session))?;
        self.lines.list("sessions", chosen.iter().map(|(session, _)| session_row(session)))?;
        self.lines.member("windowStartIso", &json!(time(times().min())))?;
        self.lines.member("windowEndIso", &json!(time(times().max())))?;
        self.lines.member("room", &json!(session.room))
    }

    async fn section(&mut self, section: &str, kind: Kind, chosen: &[(Session, Vec<Head>)]) -> Result<()> {
        self.lines.open_list(section)?;
        let heads = chosen.iter().flat_map(|(_, heads)| heads);
        let numbers: Vec<i64> = heads.filter(|head| head.kind == kind).map(|head| head.number).collect();
        for chunk in numbers.chunks(CHUNK) {
            let events = self.store.events(chunk).await?;
            let contents = self.store.contents(chunk).await?;
            let bodies = self.store.bodies(chunk).await?;
            let mut of_event: BTreeMap<i64, Vec<Body>> = BTreeMap::new();
            for body in bodies {
                let order = self.bodies.len();
                let Body { blob, start, size, .. } = body;
                self.bodies.entry(body.digest).or_insert(Place { blob, start, size, order });
                of_event.entry(body.event).or_default().push(body);
            }
            for event in &events {
                let own = of_event.remove(&event.number).unwrap_or_default();
                self.sums.add(event);
                self.rows.insert(event.row());
                self.blobs.extend(rows::blob_rows(event, &own));
                self.lines.element(&rows::event_row(event, &own, contents.get(&event.number)))?;
                self.events += 1;
            }
        }
        self.lines.close_list()
    }

    /// The joins of all rows that are in the slice, and what does not add up in them; joins that lead out of it are
    /// `external`.
    async fn joins(&mut self, chosen: &[(Session, Vec<Head>)]) -> Result<()> {
        let mut found = Vec::new();
        self.lines.open_list("joins")?;
        for (session, heads) in chosen {
            let joined = Joined::of(self.store, session).await?;
            found.extend(finding_rows(self.store, session, heads, &joined).await?);
            let mut walk = Walk::over(self.store, Rows::of(heads));
            while !walk.is_done() {
                let steps = walk.part().await?;
                let joins = joined.joins(self.store, &steps).await?;
                for (step, joins) in steps.iter().zip(&joins) {
                    for join in joins {
                        let external = !join.to.is_empty() && !self.rows.contains(&join.to);
                        self.lines.element(&rows::join_row(&session.id, &step.turn.id, join, external))?;
                    }
                }
            }
        }
        self.lines.close_list()?;
        self.lines.list("findings", found.into_iter())
    }

    async fn tail(mut self, selection: &Selection, chosen: &[(Session, Vec<Head>)]) -> Result<Summary> {
        self.lines.list("ledger", std::iter::empty())?;
        let mut annotations = Vec::new();
        for (session, _) in chosen {
            annotations.extend(self.store.annotations(&session.id).await?);
        }
        self.lines.list("annotations", annotations.iter().map(rows::annotation_row))?;
        self.joins(chosen).await?;
        self.lines
            .object("usage", chosen.iter().map(|(session, _)| (session.id.clone(), rows::tokens_row(session))))?;
        self.lines.member("selection", &json!({ "why": selection.why, "session": selection.session }))?;
        self.lines.member("counts", &self.sums.counts(self.blobs.len()))?;
        self.lines.list("warnings", std::iter::empty())?;
        self.lines.object("blobs", self.blobs.iter().map(rows::BlobRow::row))?;
        self.lines.open_object("bodies")?;
        let mut ordered: Vec<(&[u8; 32], &Place)> = self.bodies.iter().collect();
        ordered.sort_by_key(|(_, place)| place.order);
        let mut carrier = carry::Carrier::default();
        for (digest, place) in ordered {
            carrier.body(self.store, &mut self.lines, digest, place).await?;
        }
        self.lines.close_object()?;
        let manifest = carry::manifest(self.bodies.iter().map(|(digest, place)| (*digest, place.size)));
        let digest = manifest["digest"].as_str().map(str::to_owned).context("a manifest has a digest")?;
        self.lines.member("manifest", &manifest)?;
        let bytes = self.lines.finish()?;
        Ok(Summary { events: self.events, bodies: self.bodies.len(), bytes, digest })
    }
}

/// What does not add up at the events of a slice, but for what only the day tells.
async fn finding_rows(
    store: &Store,
    session: &Session,
    heads: &[Head],
    joined: &Joined,
) -> Result<Vec<serde_json::Value>> {
    let inside: BTreeSet<i64> = heads.iter().map(|head| head.number).collect();
    let mut found = findings(store, session, joined, i64::MIN).await?;
    found.retain(|finding| inside.contains(&finding.event));
    let numbers: Vec<i64> = found.iter().map(|finding| finding.event).collect();
    let events = store.events(&numbers).await?;
    let ids: BTreeMap<i64, &str> = events.iter().map(|event| (event.number, event.id.as_str())).collect();
    Ok(found.iter().map(|finding| rows::finding_row(&session.id, finding, ids.get(&finding.event))).collect())
}
