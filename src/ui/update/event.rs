//! One row in full: tabs, joins, and the payloads in the tabs.

use std::sync::Arc;

use super::{answers, go, jobs, keep, lines, payload, sheet};
use crate::timeline::Survey;
use crate::ui::action::{Fold, Look};
use crate::ui::facts;
use crate::ui::insight::Insight;
use crate::ui::keymap::Place;
use crate::ui::list::Move;
use crate::ui::message::{Detail, Link, Request};
use crate::ui::payload::Mode;
use crate::ui::state::{EventScreen, State, TABS, Tab};

/// Opens the row under the cursor of the timeline.
pub(super) fn open_current(state: &mut State, tab: Tab) -> Vec<Request> {
    let event = state.timeline.as_ref().and_then(|timeline| timeline.key(timeline.current()?));
    event.map_or_else(Vec::new, |event| open(state, event, tab))
}

/// Opens the row of an event. The one that is open already keeps its places.
pub(super) fn open(state: &mut State, event: i64, tab: Tab) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let Some(row) = timeline.rows.position(event) else { return Vec::new() };
    let Some(members) = timeline.members(row) else { return Vec::new() };
    if state.event.as_ref().is_some_and(|open| open.key == members.key) {
        state.place = Place::Event;
        return Vec::new();
    }
    let session = timeline.session.number;
    let mut screen = match &state.event {
        Some(before) => before.like(members.key, tab),
        None => EventScreen::new(members.key, tab),
    };
    screen.options.ascii = state.ascii;
    // What was found in the timeline may stand inside the row.
    if let Some(search) = timeline.search.as_ref().filter(|search| search.lit && state.place == Place::Timeline) {
        (screen.phrase, screen.lit) = (Some(search.phrase.clone()), true);
    }
    screen.note = timeline.marks.get(&members.key).and_then(|mark| mark.note.clone());
    let mut requests = jobs::cancel_seeks(state);
    go::show_event(state, screen);
    let survey = timeline_survey(state);
    requests.push(Request::Detail { session, members: members.clone() });
    requests.push(Request::Insight { session, row, members, survey });
    requests.extend(ask_links(state));
    requests.extend(sheet::survey(state));
    requests
}

/// Asks for the joins of the row that is open, once those of all rows are known.
pub(super) fn ask_links(state: &mut State) -> Vec<Request> {
    let (Some(timeline), Some(event)) = (&state.timeline, &state.event) else { return Vec::new() };
    let members = timeline.rows.position(event.key).and_then(|row| timeline.members(row));
    let (Some(joined), Some(members)) = (&timeline.joined, members) else { return answers::weave(state) };
    vec![Request::Links { session: timeline.session.number, joined: joined.clone(), members }]
}

fn timeline_survey(state: &State) -> Option<Arc<Survey>> {
    state.timeline.as_ref().and_then(|timeline| timeline.survey.clone())
}

/// Asks again what the bodies of the open row hold, now that the session has been looked through.
pub(super) fn look_again(state: &State) -> Option<Request> {
    let (timeline, event) = (state.timeline.as_ref()?, state.event.as_ref()?);
    let row = timeline.rows.position(event.key)?;
    let (session, survey) = (timeline.session.number, timeline.survey.clone());
    Some(Request::Insight { session, row, members: timeline.members(row)?, survey })
}

/// Takes what the bodies hold; a tab that shows it keeps its place.
pub(super) fn insight(state: &mut State, session: i64, key: i64, insight: Arc<Insight>) -> Vec<Request> {
    let open = state.timeline.as_ref().is_some_and(|timeline| timeline.session.number == session);
    let Some(event) = state.event.as_mut().filter(|event| open && event.key == key) else { return Vec::new() };
    // The answer from before the survey may come after the one that knows it.
    if event.insight.as_ref().is_some_and(|known| known.survey.is_some()) && insight.survey.is_none() {
        return Vec::new();
    }
    event.insight = Some(insight);
    not_here(state);
    payload::reload(state)
}

/// Says that the phrase is not in the tab, once it is known that nothing will come.
fn not_here(state: &mut State) {
    let Some(event) = state.event.as_mut().filter(|event| event.tab.is_payload() && event.lacks(event.tab)) else {
        return;
    };
    if std::mem::take(&mut event.jump) {
        payload::not_found(state);
    }
}

/// Asks again for the row that is open, where it has got more events.
pub(super) fn refresh(state: &mut State) -> Vec<Request> {
    let (Some(timeline), Some(event)) = (&state.timeline, &state.event) else { return Vec::new() };
    let known = event.detail.as_ref().map_or(0, |detail| detail.events.len());
    let members = timeline.rows.position(event.key).and_then(|row| timeline.members(row));
    let grown = members.filter(|members| known > 0 && members.numbers.len() != known);
    grown.map(|members| Request::Detail { session: timeline.session.number, members }).into_iter().collect()
}

pub(super) fn detail(state: &mut State, session: i64, detail: Detail) -> Vec<Request> {
    let open = state.timeline.as_ref().is_some_and(|timeline| timeline.session.number == session);
    let Some(event) = state.event.as_mut().filter(|event| open && event.key == detail.key) else { return Vec::new() };
    event.detail = Some(Arc::new(detail));
    event.pages.clear();
    if !event.tab.is_payload() {
        lines::search(state);
    }
    not_here(state);
    payload::load(state)
}

pub(super) fn links(state: &mut State, session: i64, key: i64, links: Vec<Link>) {
    let open = state.timeline.as_ref().is_some_and(|timeline| timeline.session.number == session);
    if let Some(event) = state.event.as_mut().filter(|event| open && event.key == key) {
        event.links = Some(links);
    }
}

pub(super) fn look(state: &mut State, wish: Look, count: Option<usize>) -> Vec<Request> {
    let times = count.unwrap_or(1);
    match wish {
        Look::Tab(number) => Tab::of(number).map_or_else(Vec::new, |tab| turn_to(state, tab)),
        Look::NextTab => next_tab(state, true),
        Look::PriorTab => next_tab(state, false),
        Look::NextRow => next_row(state, true, times),
        Look::PriorRow => next_row(state, false, times),
        Look::Fold(wish) => payload::fold(state, wish),
        Look::Raw => payload::mode(state, Mode::Raw),
        Look::Hex => payload::mode(state, Mode::Hex),
        Look::Colours => payload::colours(state),
        Look::Left => payload::aside(state, false, times),
        Look::Right => payload::aside(state, true, times),
    }
}

pub(super) fn turn_to(state: &mut State, tab: Tab) -> Vec<Request> {
    if let Some(event) = &mut state.event {
        (event.tab, event.jump) = (tab, false);
    }
    payload::look_again(state);
    payload::load(state)
}

/// The next tab that has anything to show, round the ends.
fn next_tab(state: &mut State, forward: bool) -> Vec<Request> {
    let Some(event) = &state.event else { return Vec::new() };
    let at = usize::from(event.tab.number() - 1);
    let count = TABS.len();
    let step = |by: usize| TABS[if forward { (at + by) % count } else { (at + count - by) % count }];
    let next = (1..count).map(step).find(|tab| event.has(*tab));
    next.map_or_else(Vec::new, |tab| turn_to(state, tab))
}

/// The next row that the timeline shows, with the same tab where it has it.
fn next_row(state: &mut State, forward: bool, times: usize) -> Vec<Request> {
    let height = state.height();
    let (Some(timeline), Some(event)) = (&mut state.timeline, &state.event) else { return Vec::new() };
    let tab = event.tab;
    let length = timeline.len();
    let before = timeline.list.at;
    timeline.list.go(if forward { Move::Down } else { Move::Up }, Some(times), length, height);
    if timeline.list.at == before {
        state.say(if forward { "this is the last row" } else { "this is the first row" });
        return Vec::new();
    }
    open_current(state, tab)
}

/// Follows the join under the cursor, or opens or closes the fold there.
pub(super) fn enter(state: &mut State) -> Vec<Request> {
    let Some(event) = &state.event else { return Vec::new() };
    if event.tab != Tab::Joins {
        if event.payload().is_some() {
            return payload::fold(state, Fold::Toggle);
        }
        state.say("there is nothing to open here");
        return Vec::new();
    }
    match event.reason(usize::from(state.columns)).map(|line| (line.event, line.row)) {
        None => Vec::new(),
        Some((None, to)) if to.is_empty() => {
            state.say("this join leads nowhere");
            Vec::new()
        }
        Some((None, to)) => {
            state.say(format!("{to} is not in this session"));
            Vec::new()
        }
        Some((Some(target), _)) => follow(state, target),
    }
}

fn follow(state: &mut State, target: i64) -> Vec<Request> {
    let height = state.height();
    go::leave(state);
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    let Some(row) = timeline.rows.position(target) else {
        state.warn("that row is not in this session");
        return Vec::new();
    };
    timeline.land_on(row, height);
    open(state, target, Tab::Summary)
}

pub(super) fn step(state: &mut State, step: Move, count: Option<usize>, height: usize) -> Vec<Request> {
    let columns = usize::from(state.columns);
    let Some(event) = &mut state.event else { return Vec::new() };
    if event.tab.is_payload() {
        return payload::step(state, step, count);
    }
    let length = facts::lines(event, columns).len();
    event.lists.entry(event.tab).or_default().go(step, count, length, height);
    Vec::new()
}

/// Why the line under the cursor has no path.
pub(super) fn why_no_path(state: &State) -> &'static str {
    match state.event.as_ref().map(|event| (event.mode, event.payload())) {
        Some((Mode::Pretty, Some(pages))) if pages.paged().is_some() => "a body that is shown in parts has no paths",
        Some((Mode::Pretty, Some(_))) => "only values inside JSON have a path",
        Some((Mode::Raw, Some(_))) => "paths need the pretty view; r shows it",
        Some((Mode::Hex, Some(_))) => "paths need the pretty view; X shows it",
        _ => "there is nothing to copy yet",
    }
}

/// Copies the value under the cursor.
pub(super) fn copy_value(state: &mut State) -> Vec<Request> {
    let columns = usize::from(state.columns);
    if let Some(body) = state.event.as_ref().and_then(payload::whole_body) {
        let job = state.jobs.start("copying the body");
        return vec![Request::CopyBody { job, body }];
    }
    let Some(event) = &state.event else { return Vec::new() };
    let at = event.list(event.tab).at;
    let bytes = match event.tab {
        tab if tab.is_payload() => payload::value(event),
        Tab::Joins => event.reason(columns).map(|line| line.text.into_bytes()),
        _ => facts::lines(event, columns).get(at).map(|fact| fact.value.clone().into_bytes()),
    };
    match bytes {
        Some(bytes) if !bytes.is_empty() => keep::copy_bytes(state, bytes),
        _ => {
            state.warn("there is nothing to copy here");
            Vec::new()
        }
    }
}

/// The path of the value under the cursor; of a tab without payload, where the record lies.
pub(super) fn path(state: &State) -> Option<String> {
    let event = state.event.as_ref()?;
    match event.payload().and_then(|pages| Some((pages.view.as_ref()?, pages.scroll.line))) {
        Some((view, line)) => Some(view.path(line)).filter(|path| !path.is_empty()),
        None => {
            let spot = event.detail.as_ref()?.spots.first()?;
            Some(format!("{}:{}", spot.path, spot.offset))
        }
    }
}
