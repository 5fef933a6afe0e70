//! The joins of all rows: a job beside the screen, which goes on quietly until somebody waits for it.

use super::{event, lens};
use crate::report::Joined;
use crate::timeline::Finding;
use crate::ui::message::Request;
use crate::ui::state::State;

/// What the job is called where it is talked of.
const WHAT: &str = "working out the joins";
/// What is said to those who want what only the joins tell.
pub(super) const WORKING: &str = "the joins are still being worked out";

/// Whether the joins of the session are still to be worked out.
pub(super) fn awaits(state: &State) -> bool {
    state.timeline.as_ref().is_some_and(|timeline| timeline.joined.is_none())
}

/// Asks for the joins where they are not known, and talks of the job from now on, so that Esc cancels it.
pub(super) fn ask(state: &mut State) -> Option<Request> {
    if !awaits(state) {
        return None;
    }
    let request = ask_quietly(state);
    if let Some(job) = state.timeline.as_ref().and_then(|timeline| timeline.weaving) {
        state.jobs.talk_of(job);
    }
    request
}

/// Asks for the joins of all rows, once all are here, unless they are being worked out.
pub(super) fn ask_quietly(state: &mut State) -> Option<Request> {
    let timeline = state.timeline.as_mut()?;
    if !timeline.complete || timeline.weaving.is_some() {
        return None;
    }
    let job = state.jobs.start_quietly(WHAT);
    timeline.weaving = Some(job);
    Some(Request::Weave { job, session: Box::new(timeline.session.clone()) })
}

/// Takes the joins, with what does not add up.
pub(super) fn take(state: &mut State, session: i64, joined: Joined, findings: Vec<Finding>) -> Vec<Request> {
    let Some(timeline) = state.timeline.as_mut().filter(|timeline| timeline.session.number == session) else {
        return Vec::new();
    };
    (timeline.joined, timeline.weaving) = (Some(joined), None);
    timeline.take_parents();
    timeline.take_findings(findings);
    if state.notice.as_ref().is_some_and(|notice| notice.text == WORKING) {
        state.say("the joins are here now");
    }
    let mut requests: Vec<Request> = lens::fill(state).into_iter().collect();
    requests.extend(event::ask_links(state));
    requests
}
