//! Copying: sessions go from one store to another with their sources, records and bytes, whatever holds either.
//!
//! What comes from one source goes in one transaction, so that a copy which was broken off goes on with the next one.
//! What is there already stays as it is; copying again changes nothing.

mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};

use super::append::{Appended, Batch, NewBlob, NewBody, NewEvent, NewRecord, Place, RecordStatus, SourceStep};
use super::sources::Source;
use super::{Store, bytes, damaged};
use crate::domain::{Body, Event, Role, Session, flag};

/// Events that come from no source go so many at a time, and records of one.
const PORTION: usize = 500;
/// Flags that a store reckons from all that it holds.
const RECKONED: i64 = flag::CONFLICT | flag::INHERITED | flag::SUPERSEDED | flag::REPEATS_USAGE;

/// What a copy came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    pub sources: u64,
    /// Sources that were there already.
    pub unchanged: u64,
    /// Sources whose own bytes stay behind, as parts of them were purged; what is left of their events goes.
    pub without_bytes: u64,
    pub added: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    /// Events of which only a tombstone is left: they stay behind.
    pub purged: u64,
}

/// A copy under way.
#[derive(Debug)]
pub struct Copy {
    from: Store,
    to: Store,
    parts: Vec<Part>,
    done: usize,
    sessions: HashMap<String, Session>,
    copied: Copied,
}

/// Where records lie.
#[derive(Debug, Clone, Copy)]
struct Content {
    source: i64,
    blob: i64,
}

#[derive(Debug, Clone)]
enum Part {
    Source(Box<Source>),
    /// Events that come from no source, by their numbers.
    Loose(Vec<i64>),
}

/// A record of the store that is copied, or an event that comes from none.
#[derive(Debug, Clone, Default)]
struct Origin {
    start: i64,
    size: i64,
    status: i64,
    digest: Vec<u8>,
    /// What stays the same when a fork copies it.
    copied: Option<i64>,
    events: Vec<i64>,
}

/// What an event does not say of itself.
#[derive(Debug, Clone, Default)]
struct Stored {
    /// When it was received, and when it expires.
    kept: (i64, Option<i64>),
    /// The hash that tells it from others of its id.
    content: Vec<u8>,
    /// How many newer ones with its id there are at least, as a slice says.
    said: i64,
    /// The source and the place of the record that it is shown from.
    place: Option<(i64, i64)>,
}

/// What one source tells of a session.
#[derive(Debug, Clone)]
struct Told {
    session: Session,
    forked_from: Option<String>,
    since: Option<i64>,
}

impl Copy {
    /// A copy of these sessions, by their numbers; a source goes whole, with whatever other sessions it tells of.
    pub async fn of(from: &Store, to: &Store, sessions: &[i64]) -> Result<Self> {
        let mut sources: BTreeMap<i64, Source> = BTreeMap::new();
        let mut parts = Vec::new();
        for session in sessions {
            sources.extend(from.sources_of(*session).await?.into_iter().map(|source| (source.number, source)));
            parts.extend(from.sourceless(*session).await?.chunks(PORTION).map(|events| Part::Loose(events.to_vec())));
        }
        parts.splice(0..0, sources.into_values().map(|source| Part::Source(Box::new(source))));
        let all = from.sessions().await?.into_iter();
        Ok(Self {
            from: from.clone(),
            to: to.clone(),
            parts,
            done: 0,
            sessions: all.map(|session| (session.id.clone(), session)).collect(),
            copied: Copied::default(),
        })
    }

    /// How many steps are done, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.parts.len())
    }

    /// Takes the next step; `false` when all is copied.
    pub async fn step(&mut self) -> Result<bool> {
        let Some(part) = self.parts.get(self.done).cloned() else { return Ok(false) };
        match part {
            Part::Source(source) => self.source(&source).await?,
            Part::Loose(events) => self.loose(&events).await?,
        }
        self.done += 1;
        Ok(true)
    }

    /// Counts the sessions that came over, and takes marks and notes along where the other store has none.
    pub async fn end(self) -> Result<Copied> {
        let (mut batch, mut named) = (Batch::default(), BTreeSet::new());
        for id in self.sessions.keys() {
            if self.to.session(id).await?.is_some() {
                batch.annotations.extend(self.from.annotations(id).await?);
                named.insert(id.as_str());
            }
        }
        // What was known of sessions before their sources were told apart.
        let told = self.from.told(0).await?.into_iter().filter(|told| named.contains(told.session.id.as_str()));
        let mut all = telling(&told.collect::<Vec<_>>());
        all.push(batch);
        self.to.append(&all).await?;
        self.to.settle().await?;
        Ok(self.copied)
    }

    async fn source(&mut self, source: &Source) -> Result<()> {
        let known = self.to.revisions_of(&source.path).await?;
        let read = |source: &Source| (source.consumed, source.tail.clone(), source.records);
        if known.iter().any(|known| read(known) == read(source)) {
            self.copied.unchanged += 1;
            return Ok(());
        }
        let records = self.from.records(source.number).await?;
        if self.from.is_purged(source.blob).await? {
            self.copied.without_bytes += 1;
            let events: BTreeSet<i64> = records.into_iter().flat_map(|record| record.events).collect();
            for portion in events.into_iter().collect::<Vec<_>>().chunks(PORTION) {
                self.loose(portion).await?;
            }
            return Ok(());
        }
        let revision = known.last().map_or(source.revision, |last| last.revision + 1);
        self.whole(source, revision, &records).await?;
        self.copied.sources += 1;
        Ok(())
    }

    /// A source with its bytes, in one transaction.
    async fn whole(&mut self, source: &Source, revision: i64, records: &[Origin]) -> Result<()> {
        let step = SourceStep {
            path: source.path.clone(),
            revision,
            importer: source.importer.clone(),
            consumed: source.consumed,
            lines: source.lines,
            tail: source.tail.as_slice().try_into().context("the tail of a source is no SHA-256")?,
            state: source.state.clone(),
            sessions: source.sessions.clone(),
            ..SourceStep::default()
        };
        let told = self.from.told(source.number).await?;
        let content = Content { source: source.number, blob: source.blob };
        let mut transaction = self.to.begin().await?;
        let mut totals = Copied::default();
        let (mut size, mut rest) = (0, records);
        loop {
            let pieces = self.from.pieces(source.blob, size).await?;
            let is_last = pieces.is_empty();
            size += pieces.iter().map(|piece| piece.size as i64).sum::<i64>();
            let is_complete = |record: &&Origin| is_last || record.start + record.size <= size;
            let complete = rest.iter().take_while(is_complete).count();
            let mut batches = vec![Batch { pieces, source: Some(step.clone()), ..Batch::default() }];
            let mut more = telling(&told);
            for portion in rest[..complete].chunks(PORTION) {
                more.extend(self.batches(portion, Some(content), &mut totals).await?);
            }
            batches.extend(more.into_iter().map(|batch| Batch { source: Some(step.clone()), ..batch }));
            rest = &rest[complete..];
            if let (true, Some(last)) = (is_last && source.size >= 0, batches.last_mut()) {
                last.source = Some(SourceStep { finished: Some(source.stamp()), ..step.clone() });
            }
            let appended = super::append::append_within(&mut transaction, self.to.keeps(), &batches).await?;
            totals.add(&appended);
            if is_last {
                break;
            }
        }
        transaction.commit().await?;
        self.copied.add_all(&totals);
        Ok(())
    }

    /// Events with bytes of their own.
    async fn loose(&mut self, events: &[i64]) -> Result<()> {
        let origins: Vec<Origin> = events
            .iter()
            .map(|event| Origin { events: vec![*event], digest: vec![0; 32], ..Origin::default() })
            .collect();
        let mut totals = Copied::default();
        let batches = self.batches(&origins, None, &mut totals).await?;
        let named: BTreeSet<&str> =
            batches.iter().flat_map(|batch| &batch.sessions).map(|one| one.id.as_str()).collect();
        let told = self.from.told(0).await?.into_iter().filter(|told| named.contains(told.session.id.as_str()));
        let mut all = telling(&told.collect::<Vec<_>>());
        all.extend(batches);
        totals.add(&self.to.append(&all).await?);
        self.copied.add_all(&totals);
        Ok(())
    }

    /// Batches of what was received, and expires, at one time each.
    async fn batches(&self, origins: &[Origin], content: Option<Content>, totals: &mut Copied) -> Result<Vec<Batch>> {
        let numbers: Vec<i64> = origins.iter().flat_map(|origin| origin.events.iter().copied()).collect();
        let stored = self.from.stored(&numbers).await?;
        let events = self.from.events(&numbers).await?;
        let events: HashMap<i64, Event> = events.into_iter().map(|event| (event.number, event)).collect();
        let mut bodies: HashMap<i64, Vec<Body>> = HashMap::new();
        for body in self.from.bodies(&numbers).await? {
            bodies.entry(body.event).or_default().push(body);
        }
        let mut batches: Vec<Batch> = Vec::new();
        for origin in origins {
            // One that cannot be read whole must not be left out in silence.
            let of = |number: &i64| Some((*number, stored.get(number)?, events.get(number)?));
            let gone = |number: &i64| damaged(format!("event {number} has no id, or is gone"));
            let all = origin.events.iter().map(|number| of(number).ok_or_else(|| gone(number)));
            let all = all.collect::<Result<Vec<_>, _>>()?;
            let is_left = |event: &Event| event.flags & flag::PURGED == 0;
            totals.purged += all.iter().filter(|(_, _, event)| !is_left(event)).count() as u64;
            let (kept, hash) =
                all.first().map_or(((0, None), &[][..]), |(_, stored, _)| (stored.kept, &stored.content[..]));
            if batches.last().is_none_or(|last| (last.received, last.lasting) != (kept.0, Some(kept.1))) {
                batches.push(Batch { received: kept.0, lasting: Some(kept.1), ..Batch::default() });
            }
            let batch = batches.last_mut().context("a batch was just begun")?;
            let mut record = NewRecord {
                start: origin.start,
                size: origin.size,
                status: status_of(origin.status)?,
                digest: origin.digest.as_slice().try_into().context("the digest of a record is no SHA-256")?,
                content: if hash.is_empty() { [0; 16] } else { hash.try_into().context("a content hash is cut")? },
                events: Vec::with_capacity(all.len()),
            };
            batch.copies.extend(origin.copied.map(|hash| (origin.start, hash)));
            for (number, stored, event) in all.into_iter().filter(|(_, _, event)| is_left(event)) {
                let mut new = NewEvent { event: reckoned_anew(event, stored.said), bodies: Vec::new() };
                // Of several records that tell of it one is shown; the others tell no more than that they do.
                let is_shown = content.is_none_or(|content| stored.place == Some((content.source, origin.start)));
                if !is_shown {
                    new.event.keys.clear();
                    new.event.attributes.clear();
                }
                for body in bodies.get(&number).into_iter().flatten().filter(|_| is_shown) {
                    new.bodies.extend(self.body(batch, origin, content, body).await?);
                }
                self.name_session(batch, &event.session);
                record.events.push(new);
            }
            batch.records.push(record);
        }
        Ok(batches)
    }

    /// A body: part of the content that goes along, or with bytes of its own. The record as a whole needs no naming.
    async fn body(
        &self,
        batch: &mut Batch,
        origin: &Origin,
        content: Option<Content>,
        body: &Body,
    ) -> Result<Option<NewBody>> {
        let (role, size, digest) = (body.role, body.size, body.digest);
        if content.is_some_and(|content| content.blob == body.blob) {
            let is_record = role == Role::Raw && (body.start, body.size) == (origin.start, origin.size);
            return Ok((!is_record).then_some(NewBody { role, place: Place::Content(body.start), size, digest }));
        }
        if body.start == 0 && self.from.blob_size(body.blob).await? == body.size {
            let mut blob = NewBlob { digest, size, start: 0, pieces: Vec::new() };
            let mut at = 0;
            while at < size {
                let pieces = self.from.pieces(body.blob, at).await?;
                at += pieces.iter().map(|piece| piece.size as i64).sum::<i64>();
                if pieces.is_empty() {
                    return Err(damaged(format!("bytes from {at} of blob {} are missing", body.blob)).into());
                }
                blob.pieces.extend(pieces);
            }
            batch.blobs.push(blob);
            return Ok(Some(NewBody { role, place: Place::Blob, size, digest }));
        }
        let whole = self.from.read(body.blob, body.start, body.size).await?;
        Ok(Some(bytes::add_blob(batch, role, &whole)))
    }

    /// Has a batch name a session of which nothing is told.
    fn name_session(&self, batch: &mut Batch, id: &str) {
        if batch.sessions.iter().any(|named| named.id == id) {
            return;
        }
        let agent = self.sessions.get(id).map_or("unknown", |session| &session.agent).to_owned();
        batch.sessions.push(Session { id: id.to_owned(), agent, ..Session::default() });
    }
}

/// Batches that tell of sessions, one for each time since when that is told.
fn telling(told: &[Told]) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for told in told {
        if batches.last().is_none_or(|last| last.since != told.since) {
            batches.push(Batch { since: told.since, ..Batch::default() });
        }
        if let Some(batch) = batches.last_mut() {
            batch.sessions.push(told.session.clone());
            batch.forks.extend(told.forked_from.clone().map(|ancestor| (told.session.id.clone(), ancestor)));
        }
    }
    batches
}

impl Copied {
    fn add(&mut self, appended: &[Appended]) {
        for appended in appended {
            self.added += appended.added;
            self.duplicates += appended.duplicates;
            self.conflicts += appended.conflicts;
        }
    }

    fn add_all(&mut self, other: &Self) {
        self.added += other.added;
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.purged += other.purged;
    }
}

fn status_of(code: i64) -> Result<RecordStatus> {
    match code {
        0 => Ok(RecordStatus::Good),
        1 => Ok(RecordStatus::Bad),
        2 => Ok(RecordStatus::Cut),
        other => Err(damaged(format!("a record has the unknown status {other}")).into()),
    }
}

/// An event without what a store reckons from all that it holds.
fn reckoned_anew(event: &Event, said: i64) -> Event {
    let turn = event.turn.clone().filter(|turn| !super::pair::is_made_here(turn));
    Event { flags: event.flags & !RECKONED, turn, revision: said, ..event.clone() }
}
