//! What leaves: a walk over a selection of events with all they need, told to the form that it takes.
//!
//! Every value and row passes `Walking::value` or `Walking::row` on its way to the form, every body
//! `Walking::bodies`. Where a selection has a veil, it stands between them and the form, whatever the form is.

mod bodies;
mod form;
mod manifest;
mod rows;
mod told;
mod warnings;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::findings::findings;
use super::joined::Joined;
use super::veiled::{Cleared, leave_veiled};
use super::walk::Walk;
use crate::domain::present::AGENT;
use crate::domain::{Body, Event, Head, Session, Timestamp};
use crate::store::Store;
use crate::timeline::Rows;
use bodies::{Parts, Place, Reader};
pub use form::{Form, Leaving, Part, Section};
pub use manifest::manifest;
pub use rows::{annotation_row, session_row};

/// Rows at a time.
const CHUNK: usize = 500;

/// What leaves of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The session's id.
    pub session: String,
    /// Event numbers; `None` for all of them and those of the sub-agents. Turns are completed.
    pub events: Option<Vec<i64>>,
    /// What the user asked for, in words: `marked rows`, `filter "tool:Bash"`, `whole session` …
    pub why: String,
    /// What was found secret in it and does not leave; `None` for all as it is.
    pub veil: Option<Cleared>,
}

/// Single values that are told before all others, by name.
pub type Extra = Vec<(&'static str, Value)>;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    pub events: usize,
    pub bodies: usize,
    pub bytes: u64,
    /// The digest of the manifest.
    pub digest: String,
}

/// Tells a form all that a selection holds. What is held in memory grows with the number of events, never with the
/// size of bodies.
pub async fn leave(store: &Store, selection: &Selection, extra: &Extra, form: &mut dyn Form) -> Result<Summary> {
    match &selection.veil {
        None => walk(store, selection, extra, form).await,
        Some(cleared) => leave_veiled(store, selection, extra, cleared, form).await,
    }
}

/// The walk itself, without a veil.
pub async fn walk(store: &Store, selection: &Selection, extra: &Extra, form: &mut dyn Form) -> Result<Summary> {
    let session = store
        .session(&selection.session)
        .await?
        .with_context(|| format!("there is no session {}", selection.session))?;
    let sessions = sessions(store, &session, selection).await?;
    let chosen = choose(store, sessions, selection).await?;
    let mut walking = Walking {
        store,
        form,
        bodies: BTreeMap::new(),
        sums: rows::Sums::default(),
        blobs: Vec::new(),
        rows: BTreeSet::new(),
        events: 0,
        ledger: Vec::new(),
        warned: Vec::new(),
    };
    for (name, value) in extra {
        walking.value(name, value.clone())?;
    }
    walking.head(&session, &chosen)?;
    if walking.form.takes_rows() {
        walking.whole_rows(&chosen).await?;
    } else {
        for section in Section::EVENTS {
            walking.events(section, &chosen).await?;
        }
    }
    walking.tail(selection, &chosen).await
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

struct Walking<'a> {
    store: &'a Store,
    form: &'a mut dyn Form,
    /// Every distinct body by its digest.
    bodies: BTreeMap<[u8; 32], Place>,
    sums: rows::Sums,
    /// The original's blob rows, without payloads: those lie in `bodies`.
    blobs: Vec<rows::BlobRow>,
    /// The ids of the rows that leave.
    rows: BTreeSet<String>,
    events: usize,
    /// Events of the ledger, by number, which leave behind all others.
    ledger: Vec<i64>,
    /// What importers warned of.
    warned: Vec<String>,
}

impl Walking<'_> {
    /// The one place that every single value passes.
    fn value(&mut self, name: &'static str, value: Value) -> Result<()> {
        self.form.value(name, &value)
    }

    /// The one place that every row passes.
    fn row(&mut self, section: Section, name: Option<&str>, row: Value) -> Result<()> {
        self.form.row(section, name, &row)
    }

    /// The one place that every body passes.
    async fn bodies(&mut self) -> Result<()> {
        self.form.begin(Section::Bodies)?;
        let mut ordered: Vec<(&[u8; 32], &Place)> = self.bodies.iter().collect();
        ordered.sort_by_key(|(_, place)| place.order);
        let mut reader = Reader::default();
        for (digest, place) in ordered {
            let sha256 = hex::encode(digest);
            if !self.form.wants(&sha256) {
                continue;
            }
            let leaving = |is_text| Leaving { sha256: &sha256, size: place.size, is_text };
            match reader.whole(self.store, place).await? {
                Some(bytes) => {
                    let text = std::str::from_utf8(bytes);
                    self.form.begin_body(leaving(text.is_ok()))?;
                    self.form.part(text.map_or(Part::Bytes(bytes), Part::Text))?;
                }
                None => {
                    let is_text = bodies::is_text(self.store, place).await?;
                    self.form.begin_body(leaving(is_text))?;
                    parts(self.form, &mut Parts::of(self.store, place), is_text).await?;
                }
            }
            self.form.end_body()?;
        }
        self.form.end(Section::Bodies)
    }

    fn section(&mut self, section: Section, rows: impl Iterator<Item = Value>) -> Result<()> {
        self.form.begin(section)?;
        for row in rows {
            self.row(section, None, row)?;
        }
        self.form.end(section)
    }

    fn named(&mut self, section: Section, rows: impl Iterator<Item = (String, Value)>) -> Result<()> {
        self.form.begin(section)?;
        for (name, row) in rows {
            self.row(section, Some(&name), row)?;
        }
        self.form.end(section)
    }

    fn head(&mut self, session: &Session, chosen: &[(Session, Vec<Head>)]) -> Result<()> {
        let time = |time: Option<Timestamp>| time.map(Timestamp::rfc3339);
        let times = || chosen.iter().flat_map(|(_, heads)| heads).map(|head| head.time).filter(|time| time.0 > 0);
        self.value("session", session_row(session))?;
        self.section(Section::Sessions, chosen.iter().map(|(session, _)| session_row(session)))?;
        self.value("windowStartIso", json!(time(times().min())))?;
        self.value("windowEndIso", json!(time(times().max())))?;
        self.value("room", json!(session.room))
    }

    async fn events(&mut self, section: Section, chosen: &[(Session, Vec<Head>)]) -> Result<()> {
        self.form.begin(section)?;
        let heads = chosen.iter().flat_map(|(_, heads)| heads);
        let numbers: Vec<i64> =
            heads.filter(|head| section == Section::Events(head.kind)).map(|head| head.number).collect();
        for chunk in numbers.chunks(CHUNK) {
            let events = self.store.events(chunk).await?;
            let (ledger, events): (Vec<Event>, Vec<Event>) = events.into_iter().partition(rows::is_of_ledger);
            self.ledger.extend(ledger.iter().map(|event| event.number));
            self.event_rows(section, &events).await?;
        }
        self.form.end(section)
    }

    async fn ledger(&mut self) -> Result<()> {
        self.form.begin(Section::Ledger)?;
        for chunk in std::mem::take(&mut self.ledger).chunks(CHUNK) {
            let events = self.store.events(chunk).await?;
            self.event_rows(Section::Ledger, &events).await?;
        }
        self.form.end(Section::Ledger)
    }

    async fn event_rows(&mut self, section: Section, events: &[Event]) -> Result<()> {
        let numbers: Vec<i64> = events.iter().map(|event| event.number).collect();
        let contents = self.store.contents(&numbers).await?;
        let mut bodies = self.bodies_of(&numbers).await?;
        for event in events {
            let own = bodies.remove(&event.number).unwrap_or_default();
            let row = self.event(event, &own, contents.get(&event.number));
            self.row(section, None, row)?;
        }
        Ok(())
    }

    /// The bodies of some events, which leave with them.
    async fn bodies_of(&mut self, numbers: &[i64]) -> Result<BTreeMap<i64, Vec<Body>>> {
        let mut of_event: BTreeMap<i64, Vec<Body>> = BTreeMap::new();
        for body in self.store.bodies(numbers).await? {
            let order = self.bodies.len();
            let Body { blob, start, size, .. } = body;
            self.bodies.entry(body.digest).or_insert(Place { blob, start, size, order });
            of_event.entry(body.event).or_default().push(body);
        }
        Ok(of_event)
    }

    /// One event as it leaves; it is counted.
    fn event(&mut self, event: &Event, bodies: &[Body], content: Option<&Vec<u8>>) -> Value {
        self.sums.add(event);
        self.rows.insert(event.row());
        self.blobs.extend(rows::blob_rows(event, bodies));
        self.warned.extend(warnings::told(event));
        self.events += 1;
        rows::event_row(event, bodies, content)
    }

    /// The joins of all rows that leave, and what does not add up in them; joins that lead elsewhere are `external`.
    async fn joins(&mut self, chosen: &[(Session, Vec<Head>)]) -> Result<()> {
        let mut found = Vec::new();
        self.form.begin(Section::Joins)?;
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
                        self.row(Section::Joins, None, rows::join_row(&session.id, &step.turn.id, join, external))?;
                    }
                }
            }
        }
        self.form.end(Section::Joins)?;
        self.section(Section::Findings, found.into_iter())
    }

    async fn tail(mut self, selection: &Selection, chosen: &[(Session, Vec<Head>)]) -> Result<Summary> {
        self.ledger().await?;
        let mut annotations = Vec::new();
        for (session, _) in chosen {
            annotations.extend(self.store.annotations(&session.id).await?);
        }
        self.section(Section::Annotations, annotations.iter().map(annotation_row))?;
        if !self.form.takes_rows() {
            self.joins(chosen).await?;
        }
        self.named(Section::Usage, chosen.iter().map(|(session, _)| (session.id.clone(), rows::tokens_row(session))))?;
        self.value("selection", json!({ "why": selection.why, "session": selection.session }))?;
        let blobs = std::mem::take(&mut self.blobs);
        self.value("counts", self.sums.counts(blobs.len()))?;
        let (is_whole, agent) = (selection.events.is_none(), chosen.first().map_or("", |(session, _)| &session.agent));
        let mut warned = std::mem::take(&mut self.warned);
        if !is_whole && agent == AGENT {
            // They hold for every part, and stand at a time of their own.
            for (session, _) in chosen {
                warned.extend(self.store.warnings(session.number).await?);
            }
        }
        let warnings = warnings::all(&self.sums, warned, is_whole, agent);
        self.value("warnings", json!(warnings))?;
        self.named(Section::Blobs, blobs.iter().map(rows::BlobRow::row))?;
        self.bodies().await?;
        let sizes = self.bodies.iter().map(|(digest, place)| (*digest, place.size));
        let (manifest, digest) = manifest(sizes);
        self.value("manifest", manifest)?;
        let bytes = self.form.finish()?;
        Ok(Summary { events: self.events, bodies: self.bodies.len(), bytes, digest })
    }
}

/// A long body in parts.
async fn parts(form: &mut dyn Form, parts: &mut Parts<'_>, is_text: bool) -> Result<()> {
    let mut rest: Vec<u8> = Vec::new();
    while let Some(part) = parts.next().await? {
        if !is_text {
            form.part(Part::Bytes(&part))?;
            continue;
        }
        rest.extend_from_slice(&part);
        let whole = rest.len() - rest.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        form.part(Part::Text(std::str::from_utf8(&rest[..whole])?))?;
        rest.drain(..whole);
    }
    Ok(())
}

/// What does not add up at the events that leave, but for what only the day tells.
async fn finding_rows(store: &Store, session: &Session, heads: &[Head], joined: &Joined) -> Result<Vec<Value>> {
    let inside: BTreeSet<i64> = heads.iter().map(|head| head.number).collect();
    let mut found = findings(store, session, joined, i64::MIN).await?;
    found.retain(|finding| inside.contains(&finding.event));
    let numbers: Vec<i64> = found.iter().map(|finding| finding.event).collect();
    let events = store.events(&numbers).await?;
    let ids: BTreeMap<i64, &str> = events.iter().map(|event| (event.number, event.id.as_str())).collect();
    Ok(found.iter().map(|finding| rows::finding_row(&session.id, finding, ids.get(&finding.event))).collect())
}
