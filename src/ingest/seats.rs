//! Seats: so many connections are served at once, and when all are taken, who keeps the server waiting gives way.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// So long nobody has to give way.
const GRACE: Duration = Duration::from_secs(1);
/// How soon it is looked again for one who has to.
const AGAIN: Duration = Duration::from_millis(50);

/// All seats.
pub(super) struct Seats {
    most: u32,
    room: Arc<Semaphore>,
    taken: Mutex<BTreeMap<u64, Arc<Standing>>>,
    next: AtomicU64,
    opened: Instant,
}

/// How it stands with a connection.
#[derive(Default)]
struct Standing {
    /// Since when it waits for its client, in ms since the seats were opened and never 0; 0 while it does not.
    waits_since: AtomicU64,
    gives_way: Notify,
}

/// The seat of one connection, until it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    standing: Arc<Standing>,
    _room: OwnedSemaphorePermit,
}

impl Seats {
    pub(super) fn new(most: u32) -> Arc<Self> {
        let (taken, next) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Self { most, room: Arc::new(Semaphore::new(most as usize)), taken, next, opened: Instant::now() })
    }

    /// Takes a seat, once there is one.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        loop {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let seat = Seat { seats: Arc::clone(self), number, standing: Arc::default(), _room: room };
                seat.waits();
                self.taken().insert(number, Arc::clone(&seat.standing));
                return seat;
            }
            self.make_room();
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Returns when all seats are free.
    pub(super) async fn all_free(&self) {
        // The semaphore is never closed.
        let _ = self.room.acquire_many(self.most).await;
    }

    /// Asks the connection to give way that has waited longest for its client, if for long enough.
    fn make_room(&self) {
        let since = |standing: &Standing| standing.waits_since.load(Ordering::Acquire);
        let latest = self.now().saturating_sub(GRACE.as_millis() as u64);
        let taken = self.taken();
        let waiting = taken.values().filter(|standing| (1..=latest).contains(&since(standing)));
        if let Some(longest) = waiting.min_by_key(|standing| since(standing)) {
            longest.gives_way.notify_one();
        }
    }

    fn now(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64 + 1
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Standing>>> {
        // Nothing in here panics half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// It waits for its client from here on, if it does not do so already.
    pub(super) fn waits(&self) {
        let now = self.seats.now();
        // Where it waits already, it goes on.
        let _ = self.standing.waits_since.compare_exchange(0, now, Ordering::AcqRel, Ordering::Acquire);
    }

    /// It has what it waited for.
    pub(super) fn works(&self) {
        self.standing.waits_since.store(0, Ordering::Release);
    }

    /// Returns when it has to give way.
    pub(super) async fn gives_way(&self) {
        self.standing.gives_way.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().remove(&self.number);
    }
}

/// The body of a request; while it comes, its connection waits for its client.
pub(super) struct Watched {
    body: Incoming,
    seat: Arc<Seat>,
}

impl Watched {
    pub(super) fn new(body: Incoming, seat: Arc<Seat>) -> Self {
        Self { body, seat }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => self.seat.waits(),
            Poll::Ready(None | Some(Err(_))) => self.seat.works(),
            Poll::Ready(Some(Ok(_))) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.seat.works();
    }
}
