//! What of the screen is older than the store, and when it is asked for again: a few times a second at most.

use std::time::{Duration, Instant};

use super::State;
use crate::ui::keymap::Place;

/// The shortest time between two questions.
const PAUSE: Duration = Duration::from_millis(250);
/// A long timeline costs more to show anew: so many rows add a second.
const ROWS_A_SECOND: u64 = 1_000_000;

/// What of the screen is older than the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fresh {
    /// The sessions have changed since the list was read.
    pub sessions: bool,
    /// The list is being read.
    pub listing: bool,
    /// The rows of the open session have changed since they were read.
    pub rows: bool,
    /// Nothing more comes in, so that what was read before can be compared with the store.
    pub settled: bool,
    not_before: Option<Instant>,
}

impl Fresh {
    pub(crate) fn changed(&mut self) {
        (self.sessions, self.rows) = (true, true);
    }

    /// The import has come to its end: what is there is asked for at once.
    pub(crate) fn done(&mut self) {
        self.changed();
        (self.settled, self.not_before) = (true, None);
    }

    /// Whether the time has come to ask.
    pub(crate) fn may_ask(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|due| due <= now)
    }

    pub(crate) fn asked(&mut self, now: Instant, rows: usize) {
        self.not_before = Some(now + PAUSE + Duration::from_micros(rows as u64 * 1_000_000 / ROWS_A_SECOND));
    }
}

/// A list that is out of sight is read again when it comes into sight; at the end of an import, also for the counts.
pub(crate) fn wants_sessions(state: &State) -> bool {
    let fresh = &state.fresh;
    fresh.sessions && !fresh.listing && (state.place == Place::Sessions || fresh.settled)
}

pub(crate) fn wants_rows(state: &State) -> bool {
    state.fresh.rows && state.timeline.as_ref().is_some_and(|timeline| !timeline.reading)
}

/// When something is to be asked for again.
pub(super) fn due(state: &State) -> Option<Instant> {
    if wants_sessions(state) || wants_rows(state) { state.fresh.not_before } else { None }
}
