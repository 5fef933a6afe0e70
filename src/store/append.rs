//! Appending: the one door through which sessions, sources, records, events and bytes enter, batch by batch.
//!
//! A batch is one short transaction: all of it is there, or nothing. Appending the same batch twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result};

use super::engine::{Transaction, query, run_all};
use super::plan::{From, Plan};
use super::telling::Teller;
use super::{Annotation, Keeping, Piece, Store, rows};
use crate::domain::{Event, Role, Session, Timestamp, flag};

/// Events, and the records and bytes they come from.
#[derive(Debug, Default)]
pub struct Batch {
    pub sessions: Vec<Session>,
    /// The first time that the source wrote, as far as is known, where all of it tells of its sessions together; the
    /// largest number before it is. `None` for a stream, each part of which speaks for itself.
    pub since: Option<i64>,
    /// The time of what the source wrote before its first time; comes with that one.
    pub dated: Option<Timestamp>,
    /// Which session each one says it was forked from: ids.
    pub forks: Vec<(String, String)>,
    /// Sessions that are known under another name by now: the first name and the true one.
    pub adopted: Vec<(String, String)>,
    pub source: Option<SourceStep>,
    /// Content that continues the source's own.
    pub pieces: Vec<Piece>,
    pub blobs: Vec<NewBlob>,
    pub records: Vec<NewRecord>,
    /// What stays the same of records that forks copy under another time: start of the record, and a hash.
    pub copies: HashMap<i64, i64>,
    /// Marks and notes that came along; the user's own stay as they are.
    pub annotations: Vec<Annotation>,
    /// When this is stored, µs since 1970.
    pub received: i64,
    /// When its events expire that do not say so themselves: `None` as the store keeps what is new, else then or never.
    pub lasting: Option<Option<i64>>,
}

/// How far the reading of a source has come with this batch.
#[derive(Debug, Clone, Default)]
pub struct SourceStep {
    /// Path and revision name the source; it begins with its first batch.
    pub path: String,
    pub revision: i64,
    pub importer: String,
    /// The size of the content that this batch continues; `None` where nobody else can be reading the source.
    pub base: Option<i64>,
    pub consumed: i64,
    pub lines: i64,
    /// SHA-256 of the bytes just before `consumed`.
    pub tail: [u8; 32],
    pub state: String,
    /// The ids of all sessions that have events from it so far.
    pub sessions: Vec<String>,
    /// How many events of this batch are there only to name one more record as their origin.
    pub repeats: u64,
    /// With the last batch: what the file was when it was read to its end.
    pub finished: Option<Stamp>,
}

/// What tells at a glance whether a file is what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub size: i64,
    /// Nanoseconds since 1970.
    pub modified: i64,
    pub inode: i64,
}

/// A byte sequence that is no part of a source's content, or a part of one that is too long for one batch.
#[derive(Debug)]
pub struct NewBlob {
    /// Digest and size of the whole.
    pub digest: [u8; 32],
    pub size: i64,
    /// Where in the whole the pieces begin.
    pub start: i64,
    pub pieces: Vec<Piece>,
}

#[derive(Debug)]
pub struct NewRecord {
    pub start: i64,
    pub size: i64,
    pub status: RecordStatus,
    pub digest: [u8; 32],
    /// A hash of what makes the record the same record in another file.
    pub content: [u8; 16],
    pub events: Vec<NewEvent>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordStatus {
    Good = 0,
    Bad = 1,
    /// The last line of a source that may still grow.
    Cut = 2,
}

#[derive(Debug)]
pub struct NewEvent {
    pub event: Event,
    pub bodies: Vec<NewBody>,
}

#[derive(Debug, Clone)]
pub struct NewBody {
    pub role: Role,
    pub place: Place,
    pub size: i64,
    pub digest: [u8; 32],
}

/// Where a body's bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the source's content, from this byte on.
    Content(i64),
    /// In the blob with the body's digest, which is stored or comes with this batch.
    Blob,
}

/// What a batch came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    pub added: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    /// Of the duplicates, those that the source had named before: they are no further events of it.
    pub repeated: u64,
    /// Records that are the origin of at least one event.
    pub represented: u64,
    /// Somebody else has read on in the same source since: nothing of the batch was stored.
    pub outrun: bool,
    /// What became of each event, in the order of the batch.
    pub fates: Vec<Fate>,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Added,
    Duplicate,
    /// Another state of an event that changes.
    Revision,
    Conflict,
}

impl Appended {
    pub fn add(&mut self, other: &Self) {
        self.added += other.added;
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.represented += other.represented;
    }
}

impl Store {
    /// Stores batches in one transaction. When this returns, they are on the disk; one answer a batch.
    ///
    /// An event whose id and content are stored is a duplicate and only gains an origin; one whose id has other
    /// content is a conflict: both are kept and flagged; but of tasks and traces, and of a span that ended at another
    /// time, it is a revision.
    pub async fn append(&self, batches: &[Batch]) -> Result<Vec<Appended>> {
        let appended = self.append_all(batches).await;
        appended.map_err(|error| super::trouble::explain(error, &self.address))
    }

    async fn append_all(&self, batches: &[Batch]) -> Result<Vec<Appended>> {
        super::bytes::send_ahead(&self.writer, batches).await?;
        let mut transaction = self.begin().await?;
        let appended = append_within(&mut transaction, self.keeping, batches).await?;
        transaction.commit().await?;
        // It may have gone in the meantime, and then nobody may be told that this was stored.
        self.must_be_in_place()?;
        Ok(appended)
    }
}

/// Stores batches in a transaction that is under way.
pub(super) async fn append_within(
    transaction: &mut Transaction,
    keeping: Keeping,
    batches: &[Batch],
) -> Result<Vec<Appended>> {
    let mut writing = Writing {
        connection: transaction,
        keeping,
        sessions: HashMap::new(),
        blobs: HashMap::new(),
        sources: Vec::new(),
        outrun: BTreeSet::new(),
    };
    let mut accepted: Vec<&Batch> = Vec::with_capacity(batches.len());
    let mut places = Vec::with_capacity(batches.len());
    for batch in batches {
        let is_accepted = writing.begin(batch).await?;
        places.push(is_accepted.then_some(accepted.len()));
        accepted.extend(is_accepted.then_some(batch));
    }
    for (place, batch) in accepted.iter().enumerate() {
        writing.sessions(batch, place).await?;
    }
    writing.blobs(&accepted).await?;
    let appended = writing.events(&accepted).await?;
    for ((batch, appended), (source, _)) in accepted.iter().zip(&appended).zip(writing.sources.clone()) {
        writing.source(batch, source, appended).await?;
        if let Some(time) = batch.dated {
            super::sources::date(writing.connection, source, time).await?;
        }
        super::annotations::add(writing.connection, &batch.annotations).await?;
    }
    let outrun = Appended { outrun: true, ..Appended::default() };
    Ok(places.iter().map(|place| place.map_or_else(|| outrun.clone(), |place| appended[place].clone())).collect())
}

/// Batches on their way in.
struct Writing<'a> {
    connection: &'a mut Transaction,
    keeping: Keeping,
    /// Session ids to numbers.
    sessions: HashMap<String, i64>,
    blobs: HashMap<[u8; 32], i64>,
    /// Batch by batch: the number of the source and the blob of its content.
    sources: Vec<(i64, i64)>,
    /// Sources in which somebody else has read on: path and revision.
    outrun: BTreeSet<(String, i64)>,
}

impl Writing<'_> {
    /// Stores the source and its bytes, and whose sessions are others. Says whether the batch continues what is stored.
    async fn begin(&mut self, batch: &Batch) -> Result<bool> {
        let source = match &batch.source {
            Some(step) => self.begin_source(step).await?,
            None => Some((0, 0)),
        };
        let Some(source) = source else { return Ok(false) };
        for (first, session) in &batch.adopted {
            super::adopt::adopt(self.connection, first, session).await?;
        }
        self.sources.push(source);
        if !batch.pieces.is_empty() {
            super::bytes::extend_blob(self.connection, source.1, &batch.pieces).await?;
        }
        Ok(true)
    }

    /// Stores what a batch tells of sessions, when it is known of all batches which of them are others.
    async fn sessions(&mut self, batch: &Batch, place: usize) -> Result<()> {
        let teller = Teller { source: self.sources[place].0, since: batch.since };
        let forked_from =
            |id: &str| batch.forks.iter().find(|(heir, _)| heir == id).map(|(_, ancestor)| ancestor.as_str());
        let told: Vec<_> = batch.sessions.iter().map(|session| (session, forked_from(&session.id))).collect();
        self.sessions.extend(super::sessions::put(self.connection, teller, &told).await?);
        Ok(())
    }

    /// The source and the blob of its content. `None` where the batch, or one before it, comes too late.
    async fn begin_source(&mut self, step: &SourceStep) -> Result<Option<(i64, i64)>> {
        let name = (step.path.clone(), step.revision);
        if self.outrun.contains(&name) {
            return Ok(None);
        }
        let source = super::sources::begin(self.connection, step).await?;
        if source.is_none() {
            self.outrun.insert(name);
        }
        Ok(source)
    }

    /// Bodies that are no part of a source's content, and those that events name before they come.
    async fn blobs(&mut self, batches: &[&Batch]) -> Result<()> {
        let events = batches.iter().flat_map(|batch| &batch.records).flat_map(|record| &record.events);
        let named = events.flat_map(|new| &new.bodies).filter(|body| body.place == Place::Blob);
        let mut wanted: BTreeMap<[u8; 32], i64> = named.map(|body| (body.digest, body.size)).collect();
        let blobs: Vec<&NewBlob> = batches.iter().flat_map(|batch| &batch.blobs).collect();
        wanted.extend(blobs.iter().map(|blob| (blob.digest, blob.size)));
        self.blobs = super::bytes::blob_numbers(self.connection, &wanted).await?;
        super::bytes::fill_blobs(self.connection, &blobs, &self.blobs).await
    }

    async fn events(&mut self, batches: &[&Batch]) -> Result<Vec<Appended>> {
        let mut plan = Plan::of(self.connection, batches).await?;
        let mut all = Vec::with_capacity(batches.len());
        for (place, (batch, (source, content))) in batches.iter().zip(&self.sources).enumerate() {
            let (source, content, received) = (*source, *content, batch.received);
            let (keeping, sessions) = (self.keeping, &self.sessions);
            let lasting = batch.lasting;
            let from = From { source, content, received, lasting, keeping, sessions, copies: &batch.copies };
            all.push(plan.batch(place, batch, &from)?);
        }
        for (place, source, event) in std::mem::take(&mut plan.again) {
            let has_named = super::sources::names(self.connection, source, event).await?;
            all[place].repeated += u64::from(has_named);
        }
        // Events that are there only to name one more record are no duplicates, neither of this source nor of others.
        for (appended, batch) in all.iter_mut().zip(batches) {
            let repeats = batch.source.as_ref().map_or(0, |step| step.repeats);
            appended.duplicates = appended.duplicates.saturating_sub(repeats);
            appended.repeated = appended.repeated.saturating_sub(repeats);
        }
        plan.complete(self.connection).await?;
        super::states::rename(self.connection, &plan.aged).await?;
        super::states::note_said(self.connection, &plan.said).await?;
        super::purge::revive(self.connection, &plan.revived).await?;
        self.write(&plan).await?;
        let bodies: BTreeSet<i64> = self.blobs.values().copied().collect();
        super::purge::forget_again(self.connection, &plan.purged, &bodies).await?;
        Ok(all)
    }

    async fn write(&mut self, plan: &Plan<'_>) -> Result<()> {
        let better: Vec<i64> = plan.better.iter().map(|row| row.number).collect();
        super::copies::clear(self.connection, &better, &plan.stale_keys).await?;
        self.write_events(&plan.records, &plan.events).await?;
        self.write_events(&[], &plan.better).await?;
        let mut shared = plan.shared.clone();
        shared.sort_unstable();
        shared.dedup();
        let engine = self.connection.engine();
        let pairs = rows::insert_origins(engine, &plan.origins).chain(rows::insert_shared(engine, &shared));
        run_all(self.connection, pairs).await?;
        super::count::must_count_anew(self.connection, &plan.conflicting).await?;
        super::count::must_count_anew(self.connection, &plan.recounted).await?;
        for number in &plan.conflicting {
            query("UPDATE events SET flags = flags | $1 WHERE event = $2")
                .bind(flag::CONFLICT)
                .bind(number)
                .execute(&mut *self.connection)
                .await?;
        }
        Ok(())
    }

    async fn write_events(&mut self, records: &[rows::RecordRow<'_>], events: &[rows::EventRow<'_>]) -> Result<()> {
        let engine = self.connection.engine();
        let (keys, attributes, bodies) = (rows::event_keys(events), rows::attributes(events), self.bodies(events)?);
        let statements = rows::insert_records(engine, records)
            .chain(rows::insert_events(engine, events))
            .chain(rows::insert_ids(engine, events))
            .chain(rows::insert_event_keys(engine, &keys))
            .chain(rows::insert_attributes(engine, &attributes))
            .chain(rows::insert_bodies(engine, &bodies));
        Ok(run_all(self.connection, statements).await?)
    }

    /// The bodies of events, with where they lie.
    fn bodies<'a>(&self, events: &'a [rows::EventRow<'_>]) -> Result<Vec<rows::BodyRow<'a>>> {
        let place = |row: &'a rows::EventRow<'_>, body: &'a NewBody| {
            let (blob, start) = match body.place {
                Place::Content(start) => (row.content_blob, start),
                Place::Blob => (*self.blobs.get(&body.digest).context("a blob has no number")?, 0),
            };
            Ok((row.number, body, blob, start))
        };
        events.iter().flat_map(|row| row.new.bodies.iter().map(move |body| place(row, body))).collect()
    }

    async fn source(&mut self, batch: &Batch, source: i64, appended: &Appended) -> Result<()> {
        let Some(step) = &batch.source else { return Ok(()) };
        let bad = batch.records.iter().filter(|record| record.status != RecordStatus::Good).count();
        super::sources::step(self.connection, source, step, appended, batch.records.len(), bad).await
    }
}
