//! The recorder: what an agent calls. It never makes the agent wait for the disk, and never loses anything in silence.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::{oneshot, watch};

use super::committer::now;
use super::folder::folder;
use super::gap::{self, Gaps, Reason};
use super::journal::Journal;
use super::pump;
use super::queue::{Account, Entry, Queue, Received};
use super::row::{self, Written};
use super::{Item, Overflow, Policy};
use crate::store::Address;

/// Where an event is now. Neither is a promise that the store holds it: that is what [`Recorder::flush`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// In memory.
    Queued,
    /// On the disk, for want of room.
    Journaled,
}

/// An event was not taken. A gap event will tell of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event {id} was not taken: {reason}")]
pub struct Refused {
    pub id: String,
    pub reason: String,
}

/// How it stands with the events of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flushed {
    /// The store holds all of them.
    Flushed,
    /// Some still wait.
    Queued,
    /// None waits, or some do; and since the last answer some were refused, or laid into the quarantine.
    Dropped,
}

impl Flushed {
    /// The word of the original for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flushed => "flushed",
            Self::Queued => "queued",
            Self::Dropped => "dropped",
        }
    }
}

/// What became of a caller's own events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flush {
    pub status: Flushed,
    /// In the store, since the caller began.
    pub stored: u64,
    /// Not in the store yet, and how many of these are on the disk already.
    pub queued: u64,
    pub journaled: u64,
    /// Refused or in quarantine, since the caller began.
    pub dropped: u64,
}

/// Records events of an agent into a store. Cheap to clone; the clones are one caller.
///
/// It works on a thread of its own, so that it needs no runtime and can be used from any. When the last clone goes,
/// what waits is stored, for at most [`Policy::drain`]; what cannot be stored then goes to the journal.
#[derive(Clone)]
pub struct Recorder {
    handle: Arc<Handle>,
    account: Arc<Account>,
    /// Dropped events that the last flush has told of.
    told: Arc<Mutex<u64>>,
}

struct Handle {
    shared: Arc<Shared>,
    /// Lives as long as this does: callers wait by its clock.
    runtime: tokio::runtime::Handle,
    has_ended: watch::Receiver<bool>,
    /// Dropped, it lets the thread go.
    release: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What callers and the thread that stores have in common.
pub(super) struct Shared {
    pub store: Address,
    /// Where journals and quarantine lie.
    pub folder: PathBuf,
    pub policy: Policy,
    pub queue: Queue,
    pub journal: Mutex<Journal>,
    pub gaps: Mutex<Gaps>,
    /// The callers of what lies in the journal, in its order.
    pub journaled: Mutex<std::collections::VecDeque<Arc<Account>>>,
    /// When the drain has to be over.
    pub until: Mutex<Option<Instant>>,
    /// The signal that is to end the process afterwards.
    pub ended_by: Mutex<Option<i32>>,
}

impl Recorder {
    /// Opens a store to record into, a file or a database, and makes it where there is none. What earlier recorders
    /// left behind is stored.
    ///
    /// A database that cannot be reached now is tried again; until then events wait as when it goes away later.
    ///
    /// # Errors
    /// When the store cannot be opened, or nothing can be written in the folder of its journal.
    pub async fn open(store: impl Into<Address>, policy: Policy) -> Result<Self> {
        let shared = Arc::new(Shared::new(store.into(), policy)?);
        let (opened, is_open) = oneshot::channel();
        let (ends, has_ended) = watch::channel(false);
        let (release, released) = oneshot::channel();
        let working = Arc::clone(&shared);
        let work = move || pump::run(working, opened, ends, released);
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(work);
        let thread = Some(thread.context("could not start the thread that records")?);
        let runtime = is_open.await.context("the thread that records has ended")??;
        let handle = Handle { shared, runtime, has_ended, release: Some(release), thread };
        Ok(Self { handle: Arc::new(handle), account: Arc::default(), told: Arc::default() })
    }

    /// The same recorder for another caller, whose flush answers for its own events alone.
    pub fn caller(&self) -> Self {
        Self { handle: Arc::clone(&self.handle), account: Arc::default(), told: Arc::default() }
    }

    /// Records an event. Waits for room as long as the policy says, and for nothing else.
    ///
    /// # Errors
    /// When there is no room in the queue, nor on the disk where the policy asks for that; or after [`Self::close`].
    pub async fn record(&self, item: Item) -> Result<Taken, Refused> {
        let shared = &self.handle.shared;
        let until = Instant::now() + shared.policy.wait;
        let mut entry = self.entry(&item);
        loop {
            let room = shared.queue.room.notified();
            tokio::pin!(room);
            // From here on it is not missed when room is made.
            room.as_mut().enable();
            entry = match shared.queue.offer(entry) {
                Received::NoRoom(entry) if Instant::now() < until => entry,
                other => return shared.received(other),
            };
            let slept = {
                let _inside = self.handle.runtime.enter();
                tokio::time::timeout_at(until.into(), room)
            };
            // Whether there is room, or no more time, is found out above.
            let _ = slept.await;
        }
    }

    /// Records an event without waiting for room.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub fn record_now(&self, item: &Item) -> Result<Taken, Refused> {
        let shared = &self.handle.shared;
        shared.received(shared.queue.offer(self.entry(item)))
    }

    fn entry(&self, item: &Item) -> Entry {
        let shared = &self.handle.shared;
        let row = row::write(item, now(), &shared.policy.limits, shared.policy.retention_days);
        self.account.add(&self.account.handed);
        Entry { row, priority: item.priority(), account: Arc::clone(&self.account) }
    }

    /// Waits until this caller's events are stored or refused, at most so long, and says how it stands with them.
    pub async fn flush(&self, within: Duration) -> Flush {
        let until = Instant::now() + within;
        self.handle.shared.queue.hurry.notify_one();
        let has_ended = || *self.handle.has_ended.borrow();
        while self.account.waiting() > 0 && Instant::now() < until && !has_ended() {
            let changed = self.account.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.account.waiting() == 0 {
                break;
            }
            let slept = {
                let _inside = self.handle.runtime.enter();
                tokio::time::timeout_at(until.into(), changed)
            };
            let _ = slept.await;
        }
        self.standing()
    }

    fn standing(&self) -> Flush {
        let account = &self.account;
        let queued = account.waiting();
        let dropped = account.dropped.load(Ordering::Acquire);
        let mut told = locked(&self.told);
        let status = match (dropped > *told, queued) {
            (true, _) => Flushed::Dropped,
            (false, 0) => Flushed::Flushed,
            (false, _) => Flushed::Queued,
        };
        *told = dropped;
        let stored = account.stored.load(Ordering::Acquire);
        Flush { status, stored, queued, journaled: account.journaled.load(Ordering::Acquire).min(queued), dropped }
    }

    /// Takes nothing more, and stores what waits; says how it stands with this caller's events then.
    ///
    /// What cannot be stored within [`Policy::drain`] is in the journal, and goes into the store at the next start.
    pub async fn close(&self) -> Flush {
        self.handle.shared.stop();
        // Where the other end is gone, it has ended as well.
        let _ = self.handle.has_ended.clone().wait_for(|ended| *ended).await;
        self.standing()
    }

    /// From here on SIGTERM and SIGINT close the recorder and then end the process, with 128 and the signal's number.
    pub fn close_on_signals(&self) {
        let shared = Arc::downgrade(&self.handle.shared);
        self.handle.runtime.spawn(async move {
            let Some(number) = pump::signal().await else { return };
            if let Some(shared) = shared.upgrade() {
                shared.stop_for(number);
            }
        });
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop();
        drop(self.release.take());
        if let Some(thread) = self.thread.take() {
            // It ends within the time of the drain.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn new(store: Address, policy: Policy) -> Result<Self> {
        let folder = folder(&store, policy.folder.as_deref())?;
        let journal = Journal::new(&folder).with_context(|| format!("could not write into {}", folder.display()))?;
        let gaps = Gaps::new(journal.path().with_extension(gap::ENDING));
        Ok(Self {
            store,
            folder,
            queue: Queue::new(policy.queue_events, policy.queue_bytes, policy.batch),
            journal: Mutex::new(journal),
            gaps: Mutex::new(gaps),
            journaled: Mutex::default(),
            until: Mutex::new(None),
            ended_by: Mutex::new(None),
            policy,
        })
    }

    fn received(&self, received: Received) -> Result<Taken, Refused> {
        match received {
            Received::Waits => Ok(Taken::Queued),
            Received::InPlaceOf(given_way) => {
                // Its own caller is told by its flush, and by a gap.
                let _ = self.without_room(given_way);
                Ok(Taken::Queued)
            }
            Received::NoRoom(entry) => self.without_room(entry),
            Received::Closed(entry) => Err(self.refuse(entry, Reason::Closed, "the recorder has been stopped")),
        }
    }

    fn without_room(&self, entry: Entry) -> Result<Taken, Refused> {
        if self.policy.overflow == Overflow::Refuse {
            return Err(self.refuse(entry, Reason::Full, "there is no room"));
        }
        match self.spill(&entry) {
            Ok(()) => Ok(Taken::Journaled),
            Err(error) => {
                Err(self.refuse(entry, Reason::Full, &format!("there is no room, and none in the journal: {error}")))
            }
        }
    }

    /// Writes an event into the journal.
    pub fn spill(&self, entry: &Entry) -> std::io::Result<()> {
        // Both under one lock, so that they keep one order.
        let mut journal = locked(&self.journal);
        journal.append(&entry.row)?;
        locked(&self.journaled).push_back(Arc::clone(&entry.account));
        drop(journal);
        entry.account.add(&entry.account.journaled);
        self.queue.arrived.notify_one();
        Ok(())
    }

    /// Notes that an event is missing.
    pub fn refuse(&self, entry: Entry, reason: Reason, words: &str) -> Refused {
        locked(&self.gaps).add(&entry.row, reason);
        entry.account.add(&entry.account.dropped);
        let Written { id, .. } = entry.row;
        self.queue.arrived.notify_one();
        Refused { id, reason: words.to_owned() }
    }

    fn stop(&self) {
        locked(&self.until).get_or_insert(Instant::now() + self.policy.drain);
        self.queue.stop();
    }

    fn stop_for(&self, signal: i32) {
        locked(&self.ended_by).get_or_insert(signal);
        self.stop();
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks panics half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
