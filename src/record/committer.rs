//! The committer: takes what many callers hand in, and answers each when its own is on the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::figures::{Counters, Figures};
use super::group::{self, Message, Request};
use super::row::{self, Record, Written};
use super::{Item, Limits, Outcome, Refusal};
use crate::domain::Timestamp;
use crate::store::{Appended, Batch, Step, Store};

/// How what is handed in is gathered into transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPolicy {
    /// What goes into one transaction at most.
    pub most_items: usize,
    pub most_bytes: usize,
    /// How long the first of a transaction waits for others. Even without, all that waits goes together.
    pub linger: Duration,
    /// What may wait: more is refused as busy.
    pub waiting_items: usize,
    pub waiting_bytes: usize,
    /// How long a caller waits for room at most.
    pub room_within: Duration,
    /// How long a caller waits for its answer; what it handed in may still be stored afterwards.
    pub patience: Duration,
    /// What a caller that is refused for want of room is told to wait.
    pub retry_after: Duration,
}

impl Default for GroupPolicy {
    fn default() -> Self {
        Self {
            most_items: 2000,
            most_bytes: 8 << 20,
            linger: Duration::ZERO,
            waiting_items: 20_000,
            waiting_bytes: 64 << 20,
            room_within: Duration::ZERO,
            patience: Duration::from_secs(10),
            retry_after: Duration::from_secs(1),
        }
    }
}

/// Where batches go: the store, or in tests one that fails.
pub(super) trait Sink: Send + Sync + 'static {
    fn append<'a>(&'a self, batches: &'a [Batch]) -> BoxFuture<'a, Result<Vec<Appended>>>;
    /// Whether there is room for more, as far as that can be known before it is written.
    fn has_room(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async { Ok(true) })
    }
    /// Reckons a part of what was stored: pairs, counts. Says whether something is left.
    fn settle(&self, step: Step) -> BoxFuture<'_, Result<bool>>;
}

impl Sink for Store {
    fn append<'a>(&'a self, batches: &'a [Batch]) -> BoxFuture<'a, Result<Vec<Appended>>> {
        Box::pin(Store::append(self, batches))
    }

    fn has_room(&self) -> BoxFuture<'_, Result<bool>> {
        Box::pin(Store::has_room(self))
    }

    fn settle(&self, step: Step) -> BoxFuture<'_, Result<bool>> {
        Box::pin(Store::settle_step(self, step))
    }
}

/// Takes items and records from many callers, and answers when they are on the disk. Cheap to clone.
#[derive(Clone)]
pub struct Committer {
    shared: Arc<Shared>,
}

struct Shared {
    policy: GroupPolicy,
    requests: mpsc::UnboundedSender<Message>,
    room_items: Arc<Semaphore>,
    room_bytes: Arc<Semaphore>,
    closed: AtomicBool,
    counters: Arc<Counters>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// Begins to take items for a store. Must be called inside a runtime, on which it writes from then on.
    pub fn start(store: Store, policy: GroupPolicy) -> Self {
        Self::start_on(Arc::new(store), policy)
    }

    pub(super) fn start_on(sink: Arc<dyn Sink>, policy: GroupPolicy) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        let counters = Arc::new(Counters::default());
        let task = tokio::spawn(group::run(sink, policy.clone(), receiver, Arc::clone(&counters)));
        Self {
            shared: Arc::new(Shared {
                room_items: Arc::new(Semaphore::new(policy.waiting_items)),
                room_bytes: Arc::new(Semaphore::new(policy.waiting_bytes.min(Semaphore::MAX_PERMITS))),
                policy,
                requests,
                closed: AtomicBool::new(false),
                counters,
                task: std::sync::Mutex::new(Some(task)),
            }),
        }
    }

    /// Stores items; one outcome each, in their order, after the commit that holds them.
    ///
    /// An item of which no row can be made is rejected, and the others are stored all the same.
    ///
    /// # Errors
    /// When not all of them could be stored now. Some may be there; handing them in again gives duplicates, as long
    /// as they have ids.
    pub async fn submit(&self, items: Vec<Item>) -> Result<Vec<Outcome>, Refusal> {
        let now = now();
        // One by one: an item goes when its row is written, and each may be large.
        self.submit_made(items.into_iter().map(|item| row::write(&item, now, &Limits::default(), None))).await
    }

    /// The same for rows that were written before.
    pub(super) async fn submit_written(&self, rows: &[Written]) -> Result<Vec<Outcome>, Refusal> {
        self.submit_made(rows.iter().cloned()).await
    }

    async fn submit_made(&self, rows: impl ExactSizeIterator<Item = Written>) -> Result<Vec<Outcome>, Refusal> {
        let mut records = Vec::with_capacity(rows.len());
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row.id.clone();
            match row.into_record() {
                Ok(record) => {
                    outcomes.push(None);
                    records.push(record);
                }
                Err(reason) => outcomes.push(Some(Outcome::Rejected { id, reason })),
            }
        }
        let rejected = outcomes.len() - records.len();
        let mut told = self.submit_records(records).await?.into_iter();
        self.shared.counters.rejected(rejected);
        Ok(outcomes.into_iter().filter_map(|outcome| outcome.or_else(|| told.next())).collect())
    }

    /// The same for records that were made elsewhere: one outcome a record, that of its first event.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn submit_records(&self, records: Vec<Record>) -> Result<Vec<Outcome>, Refusal> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let count = records.len();
        let answered = self.hand_in(records).await;
        if answered.is_err() {
            self.shared.counters.refused(count);
        }
        answered
    }

    async fn hand_in(&self, records: Vec<Record>) -> Result<Vec<Outcome>, Refusal> {
        let shared = &self.shared;
        if shared.closed.load(Ordering::Acquire) {
            return Err(Refusal::Closed);
        }
        let busy = || Refusal::Busy { retry_after: shared.policy.retry_after };
        let bytes: usize = records.iter().map(Record::weight).sum();
        // Whoever hands in more than may wait at all has the room to itself.
        let until = tokio::time::Instant::now() + shared.policy.room_within;
        let room = async |semaphore: &Arc<Semaphore>, wanted: usize, all: usize| {
            let wanted = u32::try_from(wanted.min(all)).unwrap_or(u32::MAX);
            let room = tokio::time::timeout_at(until, Arc::clone(semaphore).acquire_many_owned(wanted)).await;
            room.map_err(|_| busy())?.map_err(|_| Refusal::Closed)
        };
        let items = room(&shared.room_items, records.len(), shared.policy.waiting_items).await?;
        let weight = room(&shared.room_bytes, bytes, shared.policy.waiting_bytes).await?;
        let (reply, answer) = oneshot::channel();
        let request = Request { records, bytes, reply, room: (items, weight) };
        shared.requests.send(Message::Store(request)).map_err(|_| Refusal::Closed)?;
        match tokio::time::timeout(shared.policy.patience, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Refusal::Closed),
            Err(_) => Err(busy()),
        }
    }

    /// What was done so far, and what waits.
    pub fn figures(&self) -> Figures {
        let shared = &self.shared;
        let waiting = shared.policy.waiting_items.saturating_sub(shared.room_items.available_permits());
        Figures { waiting: waiting as u64, ..shared.counters.figures() }
    }

    /// Takes nothing more, and returns when all that was taken is answered and counted.
    pub async fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        // Where nobody is left to take it, it has ended already.
        let _ = self.shared.requests.send(Message::End);
        let task = self.shared.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(task) = task {
            // It ends with an error only when it panicked, and then all its callers have been told.
            let _ = task.await;
        }
    }
}

/// µs since 1970.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}
