//! The queue: whole events that wait, within bounds; what there is no room for gives way as its priority says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Priority;
use super::row::Written;

/// What became of the events of one caller.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub handed: AtomicU64,
    pub stored: AtomicU64,
    pub dropped: AtomicU64,
    /// Of those that wait: how many are in the journal.
    pub journaled: AtomicU64,
    pub changed: Notify,
}

impl Account {
    pub fn add(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    pub fn left_the_journal(&self) {
        self.journaled.fetch_sub(1, Ordering::AcqRel);
    }

    /// How many are neither stored nor dropped.
    pub fn waiting(&self) -> u64 {
        let read = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        // What is decided is read first, so that the difference is never below what waits.
        let decided = read(&self.stored) + read(&self.dropped);
        read(&self.handed).saturating_sub(decided)
    }
}

/// An event on its way.
#[derive(Debug)]
pub(super) struct Entry {
    pub row: Written,
    pub priority: Priority,
    pub account: Arc<Account>,
}

/// What is waiting, and what is being stored.
#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Taken, and not answered yet: they need room all the same.
    taken: usize,
    taken_bytes: usize,
    stopping: bool,
}

/// How an event was received.
#[derive(Debug)]
pub(super) enum Received {
    Waits,
    /// It waits, and this one had to give way.
    InPlaceOf(Entry),
    NoRoom(Entry),
    Closed(Entry),
}

#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    most_events: usize,
    most_bytes: usize,
    batch: usize,
    /// Something came.
    pub arrived: Notify,
    /// There is no point in waiting for more to come.
    pub hurry: Notify,
    pub room: Notify,
}

impl Queue {
    pub fn new(most_events: usize, most_bytes: usize, batch: usize) -> Self {
        let waiting = Mutex::new(Waiting::default());
        let [arrived, hurry, room] = std::array::from_fn(|_| Notify::new());
        Self { waiting, most_events, most_bytes, batch, arrived, hurry, room }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an event where there is room. One that is larger than all the room gets in when nothing else waits.
    pub fn offer(&self, entry: Entry) -> Received {
        let mut waiting = self.waiting();
        if waiting.stopping {
            return Received::Closed(entry);
        }
        if waiting.has_room(&entry, self.most_events, self.most_bytes) {
            waiting.push(entry);
            self.arrived.notify_one();
            if waiting.entries.len() >= self.batch {
                self.hurry.notify_one();
            }
            return Received::Waits;
        }
        if entry.priority == Priority::Normal {
            return Received::NoRoom(entry);
        }
        let oldest = waiting.entries.iter().position(|waiting| waiting.priority == Priority::Normal);
        match oldest.and_then(|place| waiting.entries.remove(place)) {
            Some(given_way) => {
                waiting.bytes -= given_way.row.bytes.len();
                waiting.push(entry);
                Received::InPlaceOf(given_way)
            }
            None => Received::NoRoom(entry),
        }
    }

    /// The next events, at most so many.
    pub fn take(&self, most: usize, most_bytes: usize) -> Vec<Entry> {
        let mut waiting = self.waiting();
        let mut taken = Vec::new();
        let mut bytes = 0;
        while taken.len() < most && (bytes < most_bytes || taken.is_empty()) {
            let Some(entry) = waiting.entries.pop_front() else { break };
            bytes += entry.row.bytes.len();
            taken.push(entry);
        }
        waiting.bytes -= bytes;
        waiting.taken += taken.len();
        waiting.taken_bytes += bytes;
        taken
    }

    /// What was taken is answered.
    pub fn answered(&self, events: usize, bytes: usize) {
        let mut waiting = self.waiting();
        waiting.taken -= events;
        waiting.taken_bytes -= bytes;
        drop(waiting);
        self.room.notify_waiters();
    }

    /// How many wait to be taken.
    pub fn untaken(&self) -> usize {
        self.waiting().entries.len()
    }

    /// Takes nothing more.
    pub fn stop(&self) {
        self.waiting().stopping = true;
        self.arrived.notify_one();
        self.hurry.notify_one();
        self.room.notify_waiters();
    }

    pub fn is_stopping(&self) -> bool {
        self.waiting().stopping
    }
}

impl Waiting {
    fn has_room(&self, entry: &Entry, most_events: usize, most_bytes: usize) -> bool {
        let (events, bytes) = (self.entries.len() + self.taken, self.bytes + self.taken_bytes);
        events == 0 || (events < most_events && bytes + entry.row.bytes.len() <= most_bytes)
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.row.bytes.len();
        self.entries.push_back(entry);
    }
}
