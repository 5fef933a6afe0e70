//! Going from place to place: in, out, back, history, and out of the program.

use super::{INTERRUPT_WITHIN, event, filter, fresh, jobs, payload};
use crate::domain::Session;
use crate::ui::action::{Fold, Go};
use crate::ui::history::Visit;
use crate::ui::keymap::Place;
use crate::ui::message::{Now, Request};
use crate::ui::state::{Ended, EventScreen, Sign, State, Tab, Timeline, Wanted};

/// The rows that are asked for first, so that the first screen is there at once.
const FIRST: i64 = 500;

pub(super) fn go(state: &mut State, wish: Go, now: Now) -> Vec<Request> {
    match wish {
        Go::In => enter(state),
        Go::Out => out(state),
        Go::Back => back(state),
        Go::Quit => quit(state),
        Go::Cancel => cancel(state),
        Go::Interrupt => interrupt(state, now),
        Go::HistoryBack => {
            let present = visit(state);
            let visit = state.history.back(present);
            visit.map_or_else(Vec::new, |visit| restore(state, visit))
        }
        Go::HistoryForward => {
            let present = visit(state);
            let visit = state.history.forward(present);
            visit.map_or_else(Vec::new, |visit| restore(state, visit))
        }
        Go::LastPlace => last_place(state),
        Go::Sessions => sessions(state),
        Go::Timeline if state.place == Place::Sessions => enter(state),
        Go::Timeline => {
            leave(state);
            state.place = Place::Timeline;
            Vec::new()
        }
        Go::Event => enter(state),
    }
}

pub(super) fn last_place(state: &mut State) -> Vec<Request> {
    let present = visit(state);
    let visit = state.history.last(present);
    visit.map_or_else(Vec::new, |visit| restore(state, visit))
}

fn enter(state: &mut State) -> Vec<Request> {
    match state.place {
        Place::Sessions => {
            let session = state.sessions.current().cloned();
            match session {
                Some(session) if state.attached => bring(state, session.id),
                Some(session) => open(state, session, None),
                None => Vec::new(),
            }
        }
        Place::Timeline => {
            leave(state);
            event::open_current(state, Tab::Summary)
        }
        Place::Event => event::enter(state),
    }
}

/// What the work is called that has a session brought over.
pub(super) const BRINGING: &str = "bringing the session over";

/// Has a session brought over, or what is new of it, before it is opened.
fn bring(state: &mut State, id: String) -> Vec<Request> {
    let job = state.jobs.start(BRINGING);
    vec![Request::Bring(job, id)]
}

/// Opens the timeline of a session. One that is open already keeps its place.
pub(super) fn open(state: &mut State, session: Session, wanted: Option<Wanted>) -> Vec<Request> {
    if session.number < 0 {
        return bring(state, session.id);
    }
    leave(state);
    show(state, session, wanted)
}

fn show(state: &mut State, session: Session, wanted: Option<Wanted>) -> Vec<Request> {
    state.place = Place::Timeline;
    let height = state.height();
    if let Some(timeline) = state.timeline.as_mut().filter(|timeline| timeline.session.id == session.id) {
        timeline.session = session;
        let Some(wanted) = wanted else { return Vec::new() };
        let Some(row) = timeline.rows.position(wanted.event) else {
            timeline.wanted = Some(wanted);
            return Vec::new();
        };
        timeline.land_on(row, height);
        if let Some(above) = wanted.above {
            let length = timeline.len();
            timeline.list.scroll_to(above, length, height);
        }
        return wanted.tab.map_or_else(Vec::new, |tab| event::open(state, wanted.event, tab));
    }
    let mut requests = jobs::cancel_all_of_timeline(state);
    let number = session.number;
    let mut timeline = Timeline::new(session);
    timeline.wanted = wanted;
    if let Some(before) = &state.timeline {
        // How the rows are shown is a habit, not a property of the session.
        (timeline.clock, timeline.preview.on) = (before.clock, before.preview.on);
        (timeline.lane, timeline.branches.wanted) = (before.lane, before.branches.wanted);
    }
    state.timeline = Some(timeline);
    state.event = None;
    requests.push(Request::Heads { session: number, first: FIRST });
    requests.extend(fresh::rows(state));
    requests
}

fn out(state: &mut State) -> Vec<Request> {
    if state.place == Place::Event && payload::collapse(state) {
        return Vec::new();
    }
    let height = state.height();
    if let Some(timeline) = state.timeline.as_mut().filter(|_| state.place == Place::Timeline) {
        let here = timeline.sign_at(timeline.list.at).map(|(_, sign)| sign);
        if here == Some(Sign::Open) && timeline.fold(Fold::Close, height) {
            return Vec::new();
        }
        if let Some(row) = timeline.parent_row() {
            timeline.land_on(row, height);
            return Vec::new();
        }
    }
    back(state)
}

fn back(state: &mut State) -> Vec<Request> {
    match state.place {
        Place::Sessions => return quit(state),
        Place::Timeline => return sessions(state),
        Place::Event => {
            leave(state);
            state.place = Place::Timeline;
        }
    }
    Vec::new()
}

fn quit(state: &mut State) -> Vec<Request> {
    state.ended = Some(Ended::Quit);
    Vec::new()
}

/// To the session list, with the cursor on the session that is open.
fn sessions(state: &mut State) -> Vec<Request> {
    leave(state);
    state.place = Place::Sessions;
    let height = state.height();
    let id = state.timeline.as_ref().map(|timeline| timeline.session.id.clone());
    let sessions = &mut state.sessions;
    if let Some(line) = id.and_then(|id| sessions.line_of(&id)) {
        sessions.list.jump(line, sessions.lines.len(), height);
    }
    // Reached without the list, by opening one session: it is read now.
    if sessions.loaded { Vec::new() } else { vec![Request::Sessions] }
}

/// Takes the innermost transient thing away; with none of them, goes back. Never quits.
fn cancel(state: &mut State) -> Vec<Request> {
    let height = state.height();
    if let Some(timeline) = state.timeline.as_mut().filter(|_| state.place == Place::Timeline) {
        if timeline.end_playback(height) {
            return Vec::new();
        }
        if timeline.range.take().is_some() {
            return Vec::new();
        }
        if timeline.preview.focus || timeline.preview.zoom {
            (timeline.preview.focus, timeline.preview.zoom) = (false, false);
            return Vec::new();
        }
    }
    let requests = jobs::cancel_shown(state);
    if !requests.is_empty() {
        return requests;
    }
    if state.place == Place::Timeline && super::lens::release(state) {
        return Vec::new();
    }
    if unlight(state) {
        return Vec::new();
    }
    if let Some(requests) = filter::clear(state).filter(|_| state.place != Place::Event) {
        return requests;
    }
    if state.place == Place::Sessions { Vec::new() } else { back(state) }
}

/// Takes the highlight of a search away; `n` still knows it.
fn unlight(state: &mut State) -> bool {
    match state.place {
        Place::Sessions => {
            let lit = state.sessions.search.take().is_some();
            state.sessions.find_hits();
            lit
        }
        Place::Timeline => {
            let search = state.timeline.as_mut().and_then(|timeline| timeline.search.as_mut());
            search.is_some_and(|search| std::mem::replace(&mut search.lit, false))
        }
        Place::Event => payload::unlight(state),
    }
}

fn interrupt(state: &mut State, now: Now) -> Vec<Request> {
    if state.interrupted_until.is_some_and(|until| now < until) {
        return quit(state);
    }
    state.interrupted_until = Some(now + INTERRUPT_WITHIN);
    let requests = jobs::cancel_all(state);
    state.say(if requests.is_empty() { "^C again quits" } else { "cancelled; ^C again quits" });
    requests
}

/// Remembers the present place, which a jump is about to leave.
pub(super) fn leave(state: &mut State) {
    let visit = visit(state);
    state.history.leave(visit);
}

fn visit(state: &State) -> Visit {
    let timeline = state.timeline.as_ref();
    let open = timeline.map(|timeline| timeline.session.id.clone());
    let row = timeline.and_then(|timeline| timeline.key(timeline.current()?));
    match (state.place, &state.event) {
        (Place::Sessions, _) => {
            let session = state.sessions.current().map(|session| session.id.clone());
            let above = state.sessions.list.above();
            Visit { place: Place::Sessions, session, event: None, tab: 0, above }
        }
        (Place::Event, Some(event)) => {
            let above = timeline.map_or(0, |timeline| timeline.list.above());
            Visit { place: Place::Event, session: open, event: Some(event.key), tab: event.tab.number(), above }
        }
        _ => {
            let above = timeline.map_or(0, |timeline| timeline.list.above());
            Visit { place: Place::Timeline, session: open, event: row, tab: 0, above }
        }
    }
}

fn restore(state: &mut State, visit: Visit) -> Vec<Request> {
    let height = state.height();
    let Some(id) = visit.session else {
        state.place = visit.place;
        return Vec::new();
    };
    if visit.place == Place::Sessions {
        state.place = Place::Sessions;
        let sessions = &mut state.sessions;
        if let Some(line) = sessions.line_of(&id) {
            sessions.list.jump(line, sessions.lines.len(), height);
            sessions.list.scroll_to(visit.above, sessions.lines.len(), height);
        }
        return if sessions.loaded { Vec::new() } else { vec![Request::Sessions] };
    }
    let open = state.timeline.as_ref().map(|timeline| &timeline.session).filter(|session| session.id == id);
    let Some(session) = open.or_else(|| state.sessions.catalog.find(&id)).cloned() else {
        state.warn("that session is no longer there");
        return Vec::new();
    };
    let tab = Tab::of(visit.tab).filter(|_| visit.place == Place::Event);
    let above = Some(visit.above);
    show(state, session, visit.event.map(|event| Wanted { event, tab, above }))
}

/// To the row of an event in the timeline that is open, past a filter that hides it.
pub(super) fn to_event(state: &mut State, event: i64) -> Vec<Request> {
    leave(state);
    state.place = Place::Timeline;
    let height = state.height();
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    let Some(row) = timeline.rows.position(event) else { return Vec::new() };
    timeline.land_on(row, height);
    if !timeline.shows(row) {
        state.warn("that row is hidden; the next one that is shown is under the cursor");
    }
    Vec::new()
}

/// Puts a new event screen on top.
pub(super) fn show_event(state: &mut State, screen: EventScreen) {
    state.event = Some(screen);
    state.place = Place::Event;
}
