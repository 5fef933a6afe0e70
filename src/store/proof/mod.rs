//! A proof of what is shown: what the records of a source tell by the rules of this version, told once more, is compared
//! with how its events and sessions are stored.
//!
//! What follows from several events (the turns that are made of loose halves, what a fork inherits, which of several
//! states is the newest) follows from no record, so it is not compared here.

mod counts;
mod kept;
mod names;
mod standing;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;

use super::adopt::OF_TRACE;
use super::append::{Batch, NewEvent, NewRecord, Place, RecordStatus};
use super::engine::{Engine, query};
use super::{Source, Store, pair, rows};
use crate::domain::{Event, Key, KeyKind, Kind, Role, Session, flag, told};
use kept::Came;
use standing::{Laid, Standing};

/// Problems beyond this many are only counted.
const TOLD: usize = 100;
/// µs of a day.
const DAY: i64 = 86_400_000_000;
/// Flags that say how an event stands among others.
const RECKONED: i64 = flag::INHERITED | flag::CONFLICT | flag::SUPERSEDED | flag::REPEATS_USAGE | flag::PURGED;

/// What was compared so far, and what does not agree.
#[derive(Debug, Default)]
pub struct Proof {
    /// Events that stand as their records tell them.
    pub events: u64,
    problems: Vec<String>,
    untold: usize,
    /// The sessions that the spans of traces name, by the sessions that the traces are by themselves.
    adopted: HashMap<String, BTreeSet<String>>,
    /// What agrees if a trace was adopted, which another source may tell: its own session, the one that its events stand
    /// in where it is an event, and what is wrong else.
    unsettled: Vec<(String, Option<String>, String)>,
}

/// What one source has told so far.
#[derive(Debug, Default)]
pub struct Telling {
    /// Its events, and what is wrong with them.
    events: u64,
    problems: Vec<String>,
    /// Events that are to have the time of the first record with one: their names, and the times that they have.
    undated: Vec<(String, i64)>,
    dated: i64,
    /// Which sessions traces are, and what agrees if these are right.
    adopted: Vec<(String, String)>,
    unsettled: Vec<(String, Option<String>, String)>,
    /// The sessions, and which ones they were forked from.
    sessions: BTreeMap<String, Session>,
    forks: BTreeMap<String, String>,
    /// The first time of the source, as it was known when it told of each session last.
    since: BTreeMap<String, i64>,
    came: Came,
}

impl Proof {
    /// Adds what does not agree, a sentence.
    pub fn problem(&mut self, problem: String) {
        if self.problems.len() < TOLD { self.problems.push(problem) } else { self.untold += 1 }
    }

    /// What does not agree, one sentence each; empty when all is as it should be.
    pub fn problems(mut self) -> Vec<String> {
        for (first, session, problem) in std::mem::take(&mut self.unsettled) {
            let adopters = self.adopted.get(&first);
            if adopters.is_none_or(|known| session.is_some_and(|session| !known.contains(&session))) {
                self.problem(problem);
            }
        }
        if self.untold > 0 {
            self.problems.push(format!("and {} more", self.untold));
        }
        self.problems
    }
}

impl Store {
    /// A proof that begins with what does not hang on any one source: what sessions are called and how they are counted.
    pub async fn begin_proof(&self) -> Result<Proof> {
        let mut proof = Proof::default();
        for row in query("SELECT first, session FROM adopted").fetch_all(&self.readers).await? {
            proof.adopted.entry(row.try_get(0)?).or_default().insert(row.try_get(1)?);
        }
        for problem in self.misnamed().await?.into_iter().chain(self.miscounted().await?) {
            proof.problem(problem);
        }
        for problem in self.misnumbered().await?.into_iter().chain(self.misnamed_spans().await?) {
            proof.problem(problem);
        }
        Ok(proof)
    }

    /// Compares a part of what a source tells with what is stored.
    pub async fn prove(&self, telling: &mut Telling, source: &Source, batch: &Batch) -> Result<()> {
        telling.hear(batch);
        let starts = batch.records.iter().map(|record| record.start);
        let (Some(first), Some(last)) = (starts.clone().min(), starts.max()) else { return Ok(()) };
        let mut standing = self.standing(source, (first, last)).await?;
        let origins = self.origins_between(source.number, (first, last)).await?;
        let statuses = self.statuses(source.number, (first, last)).await?;
        let comparing = Comparing { engine: self.engine(), source };
        for record in &batch.records {
            if statuses.get(&record.start).is_some_and(|status| *status != record.status as i64) {
                let (path, at) = (&source.path, record.start);
                telling
                    .problems
                    .push(format!("{path}: the record at byte {at} is not stored as good, bad or cut as it is"));
            }
            for new in &record.events {
                let id = rows::clean(&new.event.id).into_owned();
                match standing.remove(&(record.start, id.clone())) {
                    Some(stands) => comparing.event(record, new, &stands, telling),
                    // Another telling of it is shown, which is compared where it stands.
                    None if origins.contains(&(record.start, id.clone())) => {}
                    None => telling.problems.push(format!(
                        "{}, the record at byte {}: the event {id} of it is missing",
                        source.path, record.start
                    )),
                }
            }
        }
        for ((start, _), stands) in standing {
            if !stands.event.has(flag::PURGED) {
                telling.problems.push(format!(
                    "session {}, event {}: the record at byte {start} of {} tells of no such event",
                    stands.event.session,
                    stands.event.name(),
                    source.path
                ));
            }
        }
        Ok(())
    }

    /// Ends with a source, when all of it was compared. What somebody wrote on in the meantime counts for nothing; says
    /// whether that was so.
    pub async fn end_proof_of(&self, proof: &mut Proof, mut telling: Telling, source: &Source) -> Result<bool> {
        for (name, time) in std::mem::take(&mut telling.undated) {
            if time != telling.dated {
                telling.problems.push(format!("{name}: its time is not that of the first record with one"));
            }
        }
        self.compare_tellings(&mut telling, source).await?;
        self.compare_source(&mut telling, source).await?;
        let now = self.revisions_of(&source.path).await?;
        if !now.contains(source) {
            return Ok(false);
        }
        proof.events += telling.events;
        proof.unsettled.extend(telling.unsettled);
        for (first, session) in telling.adopted {
            proof.adopted.entry(first).or_default().insert(session);
        }
        telling.problems.into_iter().for_each(|problem| proof.problem(problem));
        Ok(true)
    }
}

impl Telling {
    /// Takes in what a batch says of sessions and times, as the store does.
    fn hear(&mut self, batch: &Batch) {
        if let Some(time) = batch.dated {
            self.dated = time.0;
        }
        self.adopted.extend(batch.adopted.iter().cloned());
        if let Some(step) = &batch.source {
            (self.came.consumed, self.came.lines, self.came.tail) = (step.consumed, step.lines, Some(step.tail));
        }
        self.came.records += batch.records.len() as i64;
        self.came.bad += batch.records.iter().filter(|record| record.status != RecordStatus::Good).count() as i64;
        for (heir, ancestor) in &batch.forks {
            self.forks.entry(heir.clone()).or_insert_with(|| ancestor.clone());
        }
        for told in &batch.sessions {
            let known = self.sessions.entry(told.id.clone()).or_insert_with(|| told.clone());
            self.since.insert(told.id.clone(), batch.since.unwrap_or(i64::MAX));
            if told.title.is_some() {
                (known.title, known.title_worth) = (told.title.clone(), told.title_worth);
            }
            for (known, told) in [
                (&mut known.parent, &told.parent),
                (&mut known.project, &told.project),
                (&mut known.room, &told.room),
                (&mut known.canvas, &told.canvas),
                (&mut known.cwd, &told.cwd),
                (&mut known.git_branch, &told.git_branch),
                (&mut known.host, &told.host),
            ] {
                if told.is_some() {
                    known.clone_from(told);
                }
            }
            if !told.lineage.is_empty() && told.lineage != told.id {
                known.lineage.clone_from(&told.lineage);
            }
        }
    }
}

/// What an event is compared by.
struct Comparing<'a> {
    engine: Engine,
    source: &'a Source,
}

impl Comparing<'_> {
    fn event(&self, record: &NewRecord, new: &NewEvent, stands: &Standing, telling: &mut Telling) {
        if stands.event.has(flag::PURGED) {
            return;
        }
        let name = format!("session {}, event {}", stands.event.session, stands.event.name());
        let mut wrong = self.columns(&new.event, stands);
        self.session(&new.event, stands, &name, telling, &mut wrong);
        wrong.extend([
            ("bodies", self.bodies(new) != stands.bodies),
            ("expires", !lasts(&new.event, stands)),
            ("content", stands.content.as_deref() != Some(record.content.as_slice())),
        ]);
        if new.event.order.time.0 == 0 && new.event.at.is_none() {
            telling.undated.push((name.clone(), stands.event.order.time.0));
        } else {
            wrong.push(("order", new.event.order.time != stands.event.order.time));
        }
        let wrong: Vec<&str> = wrong.into_iter().filter(|(_, is)| *is).map(|(column, _)| column).collect();
        if wrong.is_empty() {
            telling.events += 1;
            return;
        }
        let (columns, path) = (wrong.join(", "), &self.source.path);
        let at = record.start;
        telling.problems.push(format!("{name}: not as the record at byte {at} of {path} tells it: {columns}"));
    }

    /// Whether it stands in its session. That of a trace may be another one.
    fn session(
        &self,
        told: &Event,
        stands: &Standing,
        name: &str,
        telling: &mut Telling,
        wrong: &mut Vec<(&'static str, bool)>,
    ) {
        let stored = &stands.event.session;
        if self.engine.stored(&told.session) == stored.as_str() {
            return;
        }
        if told.session.starts_with(OF_TRACE) {
            let problem = format!("{name}: not in the session that its trace belongs to");
            telling.unsettled.push((told.session.clone(), Some(stored.clone()), problem));
        } else {
            wrong.push(("session", true));
        }
    }

    /// The columns of an event, and whether each is another one than is told.
    fn columns(&self, told: &Event, stands: &Standing) -> Vec<(&'static str, bool)> {
        let stored = &stands.event;
        let clean = |text: &Option<String>| text.as_deref().map(|text| rows::clean(text).into_owned());
        let place = |event: &Event| (event.order.origin, event.order.sequence);
        let usage = |event: &Event| event.usage.as_ref().map(|usage| (usage.clone(), usage.total()));
        let is_placed = self.is_placed_by_others(told);
        let flags = !(RECKONED | if is_placed { flag::TWIN } else { 0 });
        vec![
            ("order", place(told) != place(stored)),
            ("time", told.at != stored.at),
            ("kind", told.kind != stored.kind),
            ("source", rows::clean(&told.source) != stored.source.as_str()),
            ("type", rows::clean(&told.event_type) != stored.event_type.as_str()),
            ("status", clean(&told.status) != stored.status),
            ("label", rows::clean(&told.label) != stored.label.as_str()),
            ("turn", !is_placed && !is_turn(&told.turn, &stored.turn)),
            ("turn's hash", rows::turn_hash(stored.turn.as_deref()) != stands.turn_hash),
            ("phase", !is_placed && told.phase != stored.phase),
            ("keys", keys(&told.keys) != stored.keys),
            ("provider", clean(&told.provider) != stored.provider),
            ("model", clean(&told.model) != stored.model),
            ("tool", clean(&told.tool) != stored.tool),
            ("participant", clean(&told.participant) != stored.participant),
            ("latency", told.latency != stored.latency),
            ("usage", usage(told) != usage(stored) || usage(told).and_then(|(_, total)| total) != stands.total),
            ("error", clean(&told.error) != stored.error),
            ("flags", told.flags & flags != stored.flags & flags),
            ("attributes", attributes(&told.attributes) != stored.attributes),
        ]
    }

    /// Whether its turn follows from other events: a message of a trace that tells of a call may stand with its span.
    fn is_placed_by_others(&self, told: &Event) -> bool {
        let half = |key: &&Key| key.kind == KeyKind::ToolCall && key.rule.as_deref().and_then(told::half).is_some();
        told.kind == Kind::Tool && told.keys.iter().find(half).is_some()
    }

    /// Where its bodies lie, in the order of their roles; of two with one role the first is kept.
    fn bodies(&self, new: &NewEvent) -> Vec<Laid> {
        let mut known = HashSet::new();
        let bodies = new.bodies.iter().filter(|body| known.insert(body.role as i64));
        let mut laid: Vec<Laid> = bodies
            .map(|body| Laid {
                role: body.role,
                start: match body.place {
                    Place::Content(start) => Some(start),
                    Place::Blob => None,
                },
                size: body.size,
                digest: body.digest,
            })
            .collect();
        laid.sort_by_key(|laid: &Laid| laid.role);
        laid
    }
}

/// Whether it expires when its source says, else a number of days after it came in, or never.
fn lasts(told: &Event, stands: &Standing) -> bool {
    let kept = |end: i64| end >= stands.received && (end - stands.received) % DAY == 0;
    match told.expires_at() {
        Some(time) => stands.expires == Some(time.0),
        None => stands.received > 0 && stands.expires.is_none_or(kept),
    }
}

/// Whether a turn is the one that is told. Where none is, one may have been made of two halves.
fn is_turn(told: &Option<String>, stored: &Option<String>) -> bool {
    let is_made = |turn: &Option<String>| turn.as_deref().is_none_or(pair::is_made_here);
    match told.as_deref() {
        Some(turn) if !pair::is_made_here(turn) => stored.as_deref() == Some(&*rows::clean(turn)),
        _ => is_made(stored),
    }
}

/// Keys as they are stored.
fn keys(told: &[Key]) -> Vec<Key> {
    let stored = |key: &Key| Key {
        kind: key.kind,
        value: rows::clean(&key.value).into_owned(),
        rule: key.rule.as_ref().map(|rule| rule.replace(' ', "_")),
    };
    told.iter().map(stored).collect()
}

/// Attributes as they are stored.
fn attributes(told: &[(String, String)]) -> Vec<(String, String)> {
    told.iter().map(|(name, value)| (rows::clean(name).into_owned(), rows::clean(value).into_owned())).collect()
}
