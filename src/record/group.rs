//! Group commit: what waits goes into one transaction, and what cannot be stored is told apart from what can.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::committer::{Sink, now};
use super::figures::Counters;
use super::row::Record;
use super::{GroupPolicy, Outcome, Refusal};
use crate::domain::Role;
use crate::store::{
    Batch, Fate, NewBody, NewEvent, NewRecord, Packer, Place, RecordStatus, SourceStep, Stamp, Step, Trouble, add_blob,
    digest, trouble,
};

/// What one caller handed in.
pub(super) struct Request {
    pub records: Vec<Record>,
    pub bytes: usize,
    pub reply: oneshot::Sender<Result<Vec<Outcome>, Refusal>>,
    /// The room that it takes until it is answered.
    pub room: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

/// What a caller sends: something to store, or that this was the last.
pub(super) enum Message {
    Store(Request),
    End,
}

/// What was stored is settled when it has been there for so long, in steps between the commits: one that waits goes
/// first. When for as long again there was no time for that, it takes a share of the time all the same.
const SETTLE: Duration = Duration::from_secs(1);
/// How many times as long as that the commits have.
const COMMITS: u32 = 3;
/// A commit that comes during a step waits for its end.
const STEP: Step = Step { events: 200, sessions: 32 };
/// Where a step takes long all the same, because more must be looked at than what is new, there are fewer of them.
const REST: u32 = 20;
/// When so many records fail one by one and none succeeds, it does not lie with them.
const HOPELESS: usize = 8;
/// A source names the sessions that it has events of; with more than this a new one begins.
const SESSIONS: usize = 100;
/// Smaller groups are packed where they are; others would keep the runtime from its other work.
const SMALL: usize = 64 << 10;
/// Who made the source, in the place of an importer.
pub const RECORDER: &str = "recorder";

/// Stores what comes until the last caller is gone, or says that it was the last.
pub(super) async fn run(
    sink: Arc<dyn Sink>,
    policy: GroupPolicy,
    mut messages: mpsc::UnboundedReceiver<Message>,
    counters: Arc<Counters>,
) {
    let mut group = Group::new(sink, counters);
    while let Some(first) = group.next(&mut messages).await {
        if !policy.linger.is_zero() {
            tokio::time::sleep(policy.linger).await;
        }
        let (mut count, mut bytes) = (first.records.len(), first.bytes);
        let mut requests = vec![first];
        let mut is_last = false;
        while count < policy.most_items && bytes < policy.most_bytes && !is_last {
            match messages.try_recv() {
                Ok(Message::Store(next)) => {
                    (count, bytes) = (count + next.records.len(), bytes + next.bytes);
                    requests.push(next);
                }
                Ok(Message::End) => is_last = true,
                Err(_) => break,
            }
        }
        let began = Instant::now();
        group.answer(requests).await;
        group.keep_up(began.elapsed()).await;
        if is_last {
            break;
        }
    }
    group.settle_all().await;
}

/// What became of one record.
type Answer = Result<Outcome, Refusal>;

struct Group {
    sink: Arc<dyn Sink>,
    counters: Arc<Counters>,
    source: Source,
    /// When what was stored is to be settled; `None` when it is.
    settle_at: Option<Instant>,
    /// The longest step since that began.
    longest: Duration,
    /// Not before this, because it takes long.
    rest_until: Instant,
}

/// What is recorded is a source like any other, which grows: a JSON object a line.
#[derive(Debug, Clone)]
struct Source {
    name: String,
    revision: i64,
    size: u64,
    lines: i64,
    sessions: BTreeSet<String>,
}

impl Source {
    /// Where to go on when it cannot be known what was stored, or when there are too many sessions in it.
    fn begin_anew(&mut self) {
        *self =
            Self { name: self.name.clone(), revision: self.revision + 1, size: 0, lines: 0, sessions: BTreeSet::new() };
    }
}

impl Group {
    fn new(sink: Arc<dyn Sink>, counters: Arc<Counters>) -> Self {
        let name = format!("{RECORDER}:{}", uuid::Uuid::now_v7());
        let source = Source { name, revision: 0, size: 0, lines: 0, sessions: BTreeSet::new() };
        // Whoever was here before may have been killed before its last events were counted.
        let settle_at = Some(Instant::now());
        Self { sink, counters, source, settle_at, longest: Duration::ZERO, rest_until: Instant::now() }
    }

    /// The next request; `None` when there will be none. While nothing waits, what was stored is settled when due.
    async fn next(&mut self, messages: &mut mpsc::UnboundedReceiver<Message>) -> Option<Request> {
        loop {
            let message = match self.settle_at {
                None => messages.recv().await,
                Some(due) => match tokio::time::timeout_at(due.into(), messages.recv()).await {
                    Ok(message) => message,
                    Err(_) => {
                        self.settle().await;
                        continue;
                    }
                },
            };
            return match message {
                Some(Message::Store(request)) => Some(request),
                Some(Message::End) | None => None,
            };
        }
    }

    /// Takes the next step of settling.
    async fn settle(&mut self) {
        let began = Instant::now();
        let step = self.sink.settle(STEP).await;
        self.longest = self.longest.max(began.elapsed());
        match step {
            Ok(true) => {}
            Ok(false) => {
                self.settle_at = None;
                self.rest_until = Instant::now() + std::mem::take(&mut self.longest) * REST;
            }
            // What was stored is there; counts follow when the store can be written again.
            Err(_) => self.settle_at = Some(began + SETTLE),
        }
    }

    /// Settles although something may wait, where that is long overdue: for a part of the time that a commit took.
    async fn keep_up(&mut self, took: Duration) {
        let began = Instant::now();
        while self.settle_at.is_some_and(|due| due + SETTLE < began) && began.elapsed() * COMMITS < took {
            self.settle().await;
        }
    }

    /// Settles what is left, as far as the store can be written.
    async fn settle_all(&mut self) {
        while self.settle_at.take().is_some() {
            if matches!(self.sink.settle(STEP).await, Ok(true)) {
                self.settle_at = Some(Instant::now());
            }
        }
    }

    async fn answer(&mut self, requests: Vec<Request>) {
        let counts: Vec<usize> = requests.iter().map(|request| request.records.len()).collect();
        let mut records = Vec::with_capacity(counts.iter().sum());
        let mut waiting = Vec::with_capacity(requests.len());
        for request in requests {
            records.extend(request.records);
            waiting.push((request.reply, request.room));
        }
        let mut told = self.store(records).await.into_iter();
        for (count, (reply, room)) in counts.into_iter().zip(waiting) {
            let all: Vec<Answer> = told.by_ref().take(count).collect();
            all.iter().flatten().for_each(|outcome| self.counters.outcome(outcome));
            drop(room);
            // A caller that has gone away is not told; what it handed in is stored all the same.
            let _ = reply.send(all.into_iter().collect());
        }
    }

    /// Stores records; when that fails and it may lie with one of them, in ever smaller parts.
    async fn store(&mut self, records: Vec<Record>) -> Vec<Answer> {
        let records = Arc::new(records);
        let mut told: Vec<Option<Answer>> = vec![None; records.len()];
        let mut open: Vec<Range<usize>> = std::iter::once(0..records.len()).collect();
        // What the disk does not tell, the commit does.
        if self.sink.has_room().await.is_ok_and(|has_room| !has_room) {
            return vec![Err(Refusal::AlmostFull); records.len()];
        }
        let (mut kept, mut rejected) = (0, 0);
        while let Some(range) = open.pop() {
            let error = match self.commit(&records, range.clone()).await {
                Ok(outcomes) => {
                    kept += outcomes.len();
                    range.zip(outcomes).for_each(|(place, outcome)| told[place] = Some(Ok(outcome)));
                    continue;
                }
                Err(error) => error,
            };
            let reason = format!("{error:#}");
            let refusal = refusal(&error);
            if refusal.is_none() && range.len() == 1 {
                rejected += 1;
                let id = records[range.start].id().to_owned();
                told[range.start] = Some(Ok(Outcome::Rejected { id, reason: reason.clone() }));
            } else if refusal.is_none() {
                let middle = range.start + range.len() / 2;
                open.extend([middle..range.end, range.start..middle]);
            }
            let hopeless = kept == 0 && rejected >= HOPELESS;
            if let Some(refusal) = refusal.or(hopeless.then_some(Refusal::Failed(reason))) {
                // What was stored stays so; nothing else is worth a try now.
                let is_open = |told: &Option<Answer>| told.as_ref().is_none_or(|told| hopeless && told.is_ok());
                told.iter_mut().filter(|told| is_open(told)).for_each(|told| *told = Some(Err(refusal.clone())));
                break;
            }
        }
        let lost = || Err(Refusal::Failed("the store gave no answer".to_owned()));
        told.into_iter().map(|told| told.unwrap_or_else(lost)).collect()
    }

    /// Stores some of the records in one transaction.
    async fn commit(&mut self, records: &Arc<Vec<Record>>, range: Range<usize>) -> Result<Vec<Outcome>> {
        if self.source.sessions.len() > SESSIONS {
            self.source.begin_anew();
        }
        loop {
            let size: usize = records[range.clone()].iter().map(|record| record.bytes.len() + 1).sum();
            let batch = self.batch(records, range.clone()).await?;
            let began = Instant::now();
            let batches = [batch];
            let appended = self.sink.append(&batches).await?;
            let [batch] = batches;
            let appended = appended.into_iter().next().context("the store gave no answer")?;
            if appended.outrun {
                // An earlier commit failed, as it seemed, and did not.
                self.source.begin_anew();
                continue;
            }
            self.counters.committed(size, began.elapsed());
            if let Some(step) = batch.source {
                self.source.size += size as u64;
                self.source.lines = step.lines;
                self.source.sessions = step.sessions.into_iter().collect();
            }
            self.settle_at = self.settle_at.or(Some(self.rest_until.max(began + SETTLE)));
            return outcomes(&records[range], &appended.fates);
        }
    }

    async fn batch(&self, records: &Arc<Vec<Record>>, range: Range<usize>) -> Result<Batch> {
        let size: usize = records[range.clone()].iter().map(Record::weight).sum();
        let source = self.source.clone();
        if size <= SMALL {
            return packed(&records[range], &source);
        }
        let records = Arc::clone(records);
        tokio::task::spawn_blocking(move || packed(&records[range], &source)).await?
    }
}

/// Why records are refused without its lying with any of them.
fn refusal(error: &anyhow::Error) -> Option<Refusal> {
    match trouble(error) {
        Trouble::Locked => Some(Refusal::Busy { retry_after: Duration::from_secs(1) }),
        Trouble::ReadOnly => Some(Refusal::ReadOnly),
        Trouble::Full => Some(Refusal::Full),
        Trouble::Broken => Some(Refusal::Failed(format!("{error:#}"))),
        Trouble::Other => None,
    }
}

fn outcomes(records: &[Record], fates: &[Fate]) -> Result<Vec<Outcome>> {
    let mut fates = fates.iter();
    let told = records.iter().map(|record| {
        let fate = *fates.next().context("the store gave too few answers")?;
        // The first event speaks for its record.
        fates.by_ref().take(record.events.len() - 1).for_each(drop);
        let id = record.id().to_owned();
        Ok(match fate {
            Fate::Added => Outcome::Stored { id },
            Fate::Duplicate => Outcome::Duplicate { id },
            Fate::Revision => Outcome::Revision { id },
            Fate::Conflict => Outcome::Conflict { id },
        })
    });
    told.collect()
}

/// Records as the next lines of the source.
fn packed(records: &[Record], source: &Source) -> Result<Batch> {
    let mut packer = Packer::default();
    let mut at = source.size;
    let mut sessions = BTreeMap::new();
    let mut batch = Batch::default();
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        packer.push(&record.bytes);
        packer.push(b"\n");
        packer.end_record();
        for session in &record.sessions {
            sessions.entry(session.id.clone()).or_insert_with(|| session.clone());
        }
        batch.adopted.extend(record.adopted.iter().cloned());
        rows.push(placed(record, i64::try_from(at)?, &mut batch)?);
        at += record.bytes.len() as u64 + 1;
    }
    let named: BTreeSet<String> = source.sessions.iter().cloned().chain(sessions.keys().cloned()).collect();
    let (received, size) = (now().0, i64::try_from(at)?);
    let step = SourceStep {
        path: source.name.clone(),
        revision: source.revision,
        importer: RECORDER.to_owned(),
        base: Some(i64::try_from(source.size)?),
        consumed: size,
        lines: source.lines + i64::try_from(records.len())?,
        sessions: named.into_iter().collect(),
        finished: Some(Stamp { size, modified: received.saturating_mul(1000), inode: 0 }),
        ..SourceStep::default()
    };
    Ok(Batch {
        sessions: sessions.into_values().collect(),
        source: Some(step),
        pieces: packer.take(),
        records: rows,
        received,
        ..batch
    })
}

/// A record whose bytes begin at a place of the source; bodies that do not lie in them go into the batch.
fn placed(record: &Record, start: i64, batch: &mut Batch) -> Result<NewRecord> {
    let mut events = Vec::with_capacity(record.events.len());
    for told in &record.events {
        let body = |(role, range): &(Role, Range<u64>)| {
            let bytes = record.bytes.get(usize::try_from(range.start)?..usize::try_from(range.end)?);
            let bytes = bytes.context("a body lies outside its record")?;
            let place = Place::Content(start + i64::try_from(range.start)?);
            Ok(NewBody { role: *role, place, size: i64::try_from(bytes.len())?, digest: digest(bytes) })
        };
        let mut bodies = told.bodies.iter().map(body).collect::<Result<Vec<_>>>()?;
        bodies.extend(told.own.iter().map(|(role, bytes)| add_blob(batch, *role, bytes)));
        events.push(NewEvent { event: told.event.clone(), bodies });
    }
    Ok(NewRecord {
        start,
        size: i64::try_from(record.bytes.len())?,
        status: RecordStatus::Good,
        digest: digest(&record.bytes),
        content: record.content,
        events,
    })
}
