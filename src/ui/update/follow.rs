//! Following: the cursor stays at the end while rows come in, until the user moves away from it.

use super::answers;
use crate::ui::keymap::Place;
use crate::ui::message::Request;
use crate::ui::state::{Follow, State};

/// Begins to follow what is in sight, goes on where the user had moved away, or ends it.
pub(super) fn follow(state: &mut State) -> Vec<Request> {
    let wanted = match state.place {
        Place::Sessions => None,
        Place::Timeline | Place::Event => state.timeline.as_ref().map(|timeline| timeline.session.number),
    };
    match state.follow {
        Some(follow) if follow.session == wanted && !follow.paused => {
            let mut requests = end(state);
            state.say("no longer followed");
            // What had waited for the end is done now.
            requests.extend(answers::weave(state));
            requests
        }
        Some(Follow { job, session, paused: true }) if session == wanted => {
            state.follow = Some(Follow { job, session, paused: false });
            state.place = Place::Timeline;
            keep_up(state);
            state.say(FOLLOWED);
            Vec::new()
        }
        _ => begin(state, wanted),
    }
}

const FOLLOWED: &str = "followed: moving up pauses, G goes on, F ends";

fn begin(state: &mut State, session: Option<i64>) -> Vec<Request> {
    let mut requests = end(state);
    let job = state.jobs.start_quietly("following");
    state.follow = Some(Follow { job, session, paused: false });
    let of = match session {
        Some(_) => {
            state.place = Place::Timeline;
            state.timeline.as_ref().map(|timeline| Box::new(timeline.session.clone()))
        }
        None => None,
    };
    state.say(if session.is_some() { FOLLOWED } else { "the list is followed; F ends" });
    keep_up(state);
    requests.push(Request::Follow { job, session: of });
    requests
}

fn end(state: &mut State) -> Vec<Request> {
    let job = state.follow.take().map(|follow| follow.job).filter(|job| state.jobs.end(*job));
    job.map(Request::Cancel).into_iter().collect()
}

/// Pauses when a key has led away from the last line, and goes on when one leads back to it.
pub(super) fn heard(state: &mut State) {
    let Some(mut follow) = state.followed() else { return };
    let Some(timeline) = &state.timeline else { return };
    let at_the_end = state.place == Place::Timeline && timeline.list.at + 1 >= timeline.len();
    follow.paused = !at_the_end && !timeline.end_wanted;
    state.follow = Some(follow);
}

/// Ends what cannot go on, and keeps the cursor at the end. Runs after every message.
pub(super) fn tend(state: &mut State) -> Vec<Request> {
    let Some(follow) = state.follow else { return Vec::new() };
    if !state.jobs.is_running(follow.job) {
        state.follow = None;
        return Vec::new();
    }
    if follow.session.is_some() && state.followed().is_none() {
        return end(state);
    }
    keep_up(state);
    Vec::new()
}

fn keep_up(state: &mut State) {
    let height = state.height();
    let wanted = state.followed().is_some_and(|follow| !follow.paused) && state.place == Place::Timeline;
    let Some(timeline) = state.timeline.as_mut().filter(|_| wanted && state.panel.is_none()) else { return };
    let last = timeline.len().saturating_sub(1);
    if timeline.playback.is_none() && timeline.list.at != last {
        timeline.list.at = last;
        timeline.list.top = (last + 1).saturating_sub(height);
    }
}

/// There is more in the store than before.
pub(super) fn news(state: &mut State, job: u64) {
    if state.jobs.is_running(job) {
        state.fresh.changed();
    }
}
