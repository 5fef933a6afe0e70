//! Appending: the one door through which sessions, sources, records, events and bytes enter, batch by batch.
//!
//! A batch is one short transaction: all of it is there, or nothing. Appending the same batch twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::{Annotation, Piece, Store, rows};
use crate::domain::{Event, Key, KeyKind, Kind, Role, Session, flag};

/// Events, and the records and bytes they come from.
#[derive(Debug, Default)]
pub struct Batch {
    pub sessions: Vec<Session>,
    /// Which session each one says it was forked from: ids.
    pub forks: Vec<(String, String)>,
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
    /// content is a conflict: both are kept and flagged; but of tasks and traces it is a revision.
    pub async fn append(&self, batches: &[Batch]) -> Result<Vec<Appended>> {
        let appended = self.append_all(batches).await;
        appended.map_err(|error| super::open::explain(error, &self.path))
    }

    async fn append_all(&self, batches: &[Batch]) -> Result<Vec<Appended>> {
        let mut transaction = self.begin().await?;
        let mut writing = Writing {
            connection: &mut transaction,
            sessions: HashMap::new(),
            blobs: HashMap::new(),
            sources: Vec::new(),
            outrun: BTreeSet::new(),
        };
        let mut accepted: Vec<&Batch> = Vec::with_capacity(batches.len());
        let mut places = Vec::with_capacity(batches.len());
        for batch in batches {
            let is_accepted = writing.take(batch).await?;
            places.push(is_accepted.then_some(accepted.len()));
            accepted.extend(is_accepted.then_some(batch));
        }
        writing.blobs(&accepted).await?;
        let appended = writing.events(&accepted).await?;
        for ((batch, appended), (source, _)) in accepted.iter().zip(&appended).zip(writing.sources.clone()) {
            writing.source(batch, source, appended).await?;
            super::annotations::add(writing.connection, &batch.annotations).await?;
        }
        transaction.commit().await?;
        let outrun = Appended { outrun: true, ..Appended::default() };
        Ok(places.iter().map(|place| place.map_or_else(|| outrun.clone(), |place| appended[place].clone())).collect())
    }
}

/// Batches on their way in.
struct Writing<'a> {
    connection: &'a mut SqliteConnection,
    /// Session ids to numbers.
    sessions: HashMap<String, i64>,
    blobs: HashMap<[u8; 32], i64>,
    /// Batch by batch: the number of the source and the blob of its content.
    sources: Vec<(i64, i64)>,
    /// Sources in which somebody else has read on: path and revision.
    outrun: BTreeSet<(String, i64)>,
}

/// What is stored under an event id.
#[derive(Debug, Clone)]
struct Known {
    session: i64,
    revision: i64,
    content: Vec<u8>,
    event: i64,
}

impl Writing<'_> {
    /// Stores sessions, the source and bytes: what events lean on. Says whether the batch continues what is stored.
    async fn take(&mut self, batch: &Batch) -> Result<bool> {
        let source = match &batch.source {
            Some(step) => self.begin_source(step).await?,
            None => Some((0, 0)),
        };
        let Some(source) = source else { return Ok(false) };
        for session in &batch.sessions {
            let number = super::sessions::put(self.connection, session).await?;
            self.sessions.insert(session.id.clone(), number);
        }
        for (session, ancestor) in &batch.forks {
            super::sessions::put_fork(self.connection, session, ancestor).await?;
        }
        self.sources.push(source);
        if !batch.pieces.is_empty() {
            super::bytes::extend_blob(self.connection, source.1, &batch.pieces).await?;
        }
        Ok(true)
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
        let known = self.known_ids(batches).await?;
        let mut plan = Plan { known, ..Plan::default() };
        plan.next_event = super::next_number(self.connection, "SELECT max(event) FROM events").await?;
        plan.first_event = plan.next_event;
        plan.next_record = super::next_number(self.connection, "SELECT max(record) FROM records").await?;
        let mut all = Vec::with_capacity(batches.len());
        for (place, (batch, (source, content))) in batches.iter().zip(&self.sources).enumerate() {
            plan.place = place;
            let mut appended = Appended::default();
            let (source, content, received) = (*source, *content, batch.received);
            let from = From { source, content, received, sessions: &self.sessions, copies: &batch.copies };
            for record in &batch.records {
                plan.record(record, &from, &mut appended)?;
            }
            all.push(appended);
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
        plan.read_keys(self.connection).await?;
        self.write(&plan).await?;
        Ok(all)
    }

    /// What is stored under the ids of these batches.
    async fn known_ids(&mut self, batches: &[&Batch]) -> Result<HashMap<String, Vec<Known>>> {
        let records = batches.iter().flat_map(|batch| &batch.records);
        let mut ids: Vec<&str> = records.flat_map(|record| &record.events).map(|new| new.event.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut known: HashMap<String, Vec<Known>> = HashMap::new();
        for chunk in rows::portions(&ids, rows::CHUNK) {
            let mut query =
                QueryBuilder::new("SELECT id, session, revision, content, event FROM event_ids WHERE id IN (");
            rows::list(&mut query, chunk.iter().copied());
            for row in query.push(")").build().fetch_all(&mut *self.connection).await? {
                let found = Known {
                    session: row.try_get(1)?,
                    revision: row.try_get(2)?,
                    content: row.try_get(3)?,
                    event: row.try_get(4)?,
                };
                known.entry(row.try_get(0)?).or_default().push(found);
            }
        }
        Ok(known)
    }

    async fn write(&mut self, plan: &Plan<'_>) -> Result<()> {
        rows::insert_records(self.connection, &plan.records).await?;
        rows::insert_events(self.connection, &plan.events).await?;
        rows::insert_ids(self.connection, &plan.events).await?;
        rows::insert_event_keys(self.connection, &plan.events).await?;
        rows::insert_attributes(self.connection, &plan.events).await?;
        let mut bodies = Vec::new();
        for row in &plan.events {
            for body in &row.new.bodies {
                let (blob, start) = match body.place {
                    Place::Content(start) => (row.content_blob, start),
                    Place::Blob => (*self.blobs.get(&body.digest).context("a blob has no number")?, 0),
                };
                bodies.push((row.number, body, blob, start));
            }
        }
        rows::insert_bodies(self.connection, &bodies).await?;
        rows::insert_origins(self.connection, &plan.origins).await?;
        super::count::must_count_anew(self.connection, &plan.conflicting).await?;
        for number in &plan.conflicting {
            sqlx::query("UPDATE events SET flags = flags | $1 WHERE event = $2")
                .bind(flag::CONFLICT)
                .bind(number)
                .execute(&mut *self.connection)
                .await?;
        }
        rows::insert_shared(self.connection, &plan.shared).await?;
        Ok(())
    }

    async fn source(&mut self, batch: &Batch, source: i64, appended: &Appended) -> Result<()> {
        let Some(step) = &batch.source else { return Ok(()) };
        let bad = batch.records.iter().filter(|record| record.status != RecordStatus::Good).count();
        super::sources::step(self.connection, source, step, appended, batch.records.len(), bad).await
    }
}

/// Where the records of one batch come from.
struct From<'a> {
    source: i64,
    /// The blob of the source's content.
    content: i64,
    received: i64,
    sessions: &'a HashMap<String, i64>,
    copies: &'a HashMap<i64, i64>,
}

/// What the batches will write.
#[derive(Default)]
struct Plan<'a> {
    known: HashMap<String, Vec<Known>>,
    first_event: i64,
    next_event: i64,
    next_record: i64,
    records: Vec<rows::RecordRow<'a>>,
    events: Vec<rows::EventRow<'a>>,
    /// Further origins of events: event, record.
    origins: Vec<(i64, i64)>,
    /// The batch that is being planned.
    place: usize,
    /// Source and event of what is planned: each counts once for a source.
    named: HashSet<(i64, i64)>,
    /// Events that were stored before, which their source may have named before: batch, source, event.
    again: Vec<(usize, i64, i64)>,
    /// Stored events that now have a rival.
    conflicting: Vec<i64>,
    /// Sessions that hold the same event.
    shared: Vec<(i64, i64)>,
    keys: HashMap<(KeyKind, &'a str), i64>,
}

impl<'a> Plan<'a> {
    fn record(&mut self, record: &'a NewRecord, from: &From<'_>, appended: &mut Appended) -> Result<()> {
        let number = (from.source != 0).then_some(self.next_record);
        if let Some(number) = number {
            self.next_record += 1;
            let copied = from.copies.get(&record.start).copied();
            self.records.push(rows::RecordRow { number, source: from.source, copied, new: record });
        }
        appended.represented += u64::from(!record.events.is_empty());
        for new in &record.events {
            let session = *from
                .sessions
                .get(&new.event.session)
                .with_context(|| format!("the event {} is of a session that the batch does not name", new.event.id))?;
            let row = rows::EventRow {
                number: self.next_event,
                session,
                record: number,
                revision: 0,
                extra: 0,
                received: from.received,
                content: record.content,
                content_blob: from.content,
                new,
                keys: new.event.keys.iter().map(|key| (key, 0)).collect(),
            };
            self.event(row, from.source, appended);
        }
        Ok(())
    }

    fn event(&mut self, mut row: rows::EventRow<'a>, source: i64, appended: &mut Appended) {
        let known = self.known.entry(row.new.event.id.clone()).or_default();
        let own = known.iter().filter(|known| known.session == row.session);
        if let Some(same) = own.clone().find(|known| known.content == row.content) {
            self.origins.extend(row.record.map(|record| (same.event, record)));
            appended.duplicates += 1;
            if !self.named.insert((source, same.event)) {
                appended.repeated += 1;
            } else if same.event < self.first_event {
                self.again.push((self.place, source, same.event));
            }
            return;
        }
        let rivals: Vec<i64> = own.clone().map(|known| known.event).collect();
        // A slice says which of several it was; that stays, so that its name stays.
        let said = row.new.event.revision;
        let taken = own.clone().any(|known| known.revision == said);
        row.revision = if taken { own.map(|known| known.revision + 1).max().unwrap_or(0) } else { said };
        // An id that was derived from content says nothing about whose event it is.
        let derived = row.new.event.id.starts_with("r-");
        let others =
            known.iter().filter(|other| !derived && other.session != row.session && other.content == row.content);
        self.shared.extend(others.map(|other| (row.session, other.session)));
        known.push(Known {
            session: row.session,
            revision: row.revision,
            content: row.content.to_vec(),
            event: row.number,
        });
        // A queue task is one row that changes in place, and a trace event is given with more or fewer columns:
        // what differs is a state of it, not a rival.
        let changes = matches!(row.new.event.kind, Kind::Task | Kind::Trace);
        if !rivals.is_empty() && !changes {
            row.extra = flag::CONFLICT;
            appended.conflicts += 1;
        }
        appended.added += 1;
        self.named.insert((source, row.number));
        self.conflicting.extend(rivals.into_iter().filter(|_| !changes));
        self.next_event += 1;
        self.events.push(row);
    }

    /// Gives every key value its number.
    async fn read_keys(&mut self, connection: &mut SqliteConnection) -> Result<()> {
        let mut wanted: Vec<(KeyKind, &'a str)> = self
            .events
            .iter()
            .flat_map(|row| &row.new.event.keys)
            .map(|key: &'a Key| (key.kind, key.value.as_str()))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        self.keys = intern(connection, &wanted).await?;
        for row in &mut self.events {
            for (key, number) in &mut row.keys {
                *number = *self.keys.get(&(key.kind, key.value.as_str())).context("a key has no number")?;
            }
        }
        Ok(())
    }
}

/// The numbers of key values; new ones are stored.
async fn intern<'a>(
    connection: &mut SqliteConnection,
    wanted: &[(KeyKind, &'a str)],
) -> Result<HashMap<(KeyKind, &'a str), i64>> {
    let mut numbers = HashMap::with_capacity(wanted.len());
    for chunk in rows::portions(wanted, rows::CHUNK) {
        let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO keys (kind, value) ");
        insert.push_values(chunk, |mut row, (kind, value)| {
            row.push_bind(rows::key_code(*kind)).push_bind(rows::clean(value));
        });
        insert.push(" ON CONFLICT (kind, value) DO NOTHING");
        insert.build().execute(&mut *connection).await?;
        let mut select: QueryBuilder<Sqlite> =
            QueryBuilder::new("SELECT key, kind, value FROM keys WHERE (kind, value) IN (");
        select.push_values(chunk, |mut row, (kind, value)| {
            row.push_bind(rows::key_code(*kind)).push_bind(rows::clean(value));
        });
        let mut by_value: HashMap<(i64, String), i64> = HashMap::with_capacity(chunk.len());
        for row in select.push(")").build().fetch_all(&mut *connection).await? {
            by_value.insert((row.try_get(1)?, row.try_get(2)?), row.try_get(0)?);
        }
        for (kind, value) in chunk {
            let found = by_value.get(&(rows::key_code(*kind), rows::clean(value).into_owned()));
            numbers.insert((*kind, *value), *found.context("a key was not stored")?);
        }
    }
    Ok(numbers)
}
