//! Keeps what is in sight as new as the store while an import goes on, and asks for no more than what is new.

use crate::ui::message::{Now, Request};
use crate::ui::state::{State, wants_rows, wants_sessions};

/// Asks for what is in sight and older than the store. Runs after every message.
pub(super) fn ask(state: &mut State, now: Now) -> Vec<Request> {
    if !wants_sessions(state) && !wants_rows(state) || !state.fresh.may_ask(now) {
        return Vec::new();
    }
    let mut requests = Vec::new();
    if wants_sessions(state) {
        (state.fresh.sessions, state.fresh.listing) = (false, true);
        requests.push(Request::Sessions);
    }
    if wants_rows(state) {
        state.fresh.rows = false;
        requests.extend(rows(state));
    }
    let rows = state.timeline.as_ref().map_or(0, |timeline| timeline.rows.len());
    state.fresh.asked(now, rows.max(state.sessions.lines.len()));
    requests
}

/// The rows of the open session that are not here yet.
pub(super) fn rows(state: &mut State) -> Option<Request> {
    let mut settled = state.fresh.settled;
    let timeline = state.timeline.as_mut()?;
    timeline.reading = true;
    // A record that was cut may have come to its end, and then stands for itself no more.
    settled |= timeline.ends_badly();
    let growing = std::mem::take(&mut timeline.growing);
    Some(Request::Rows { session: timeline.session.number, growing, settled })
}
