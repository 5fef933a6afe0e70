//! Usage, actions and what changed: asking for them, and reading them.

use std::sync::Arc;

use super::{event, go, jobs, review};
use crate::timeline::{Comparison, Focus, Survey};
use crate::ui::action::Show;
use crate::ui::artifacts::versioned;
use crate::ui::key::Key;
use crate::ui::keymap::Place;
use crate::ui::list::{List, Move};
use crate::ui::message::{Before, Members, Request};
use crate::ui::sheet::{Content, Manner, Sheet};
use crate::ui::state::{Panel, State, Tab, Timeline};

/// A session with more rows is looked through only when somebody asks for what that finds.
const WITHOUT_ASKING: usize = 20_000;

/// The reason why a sheet cannot be opened now.
pub(super) fn missing(state: &State, wish: Show) -> Option<&'static str> {
    let Some(timeline) = &state.timeline else { return Some("no session is open") };
    if !timeline.complete {
        return Some("the rows are still being read");
    }
    match (wish, state.place) {
        (Show::Diff, Place::Timeline) => {
            let current = timeline.current();
            let other = timeline.marked_rows().into_iter().any(|row| Some(row) != current);
            (!other).then_some("mark another row first, with m; D says what changed since that one")
        }
        _ if timeline.rows.is_empty() => Some("this session has no rows"),
        _ => None,
    }
}

pub(super) fn usage(state: &mut State) -> Vec<Request> {
    let Some(rows) = state.timeline.as_ref().map(|timeline| Arc::clone(&timeline.rows)) else { return Vec::new() };
    let job = wait(state, "counting");
    let mut requests = vec![Request::Totals { job, rows }];
    requests.extend(survey(state));
    requests
}

/// To the actions of the row that is open; else to those of the session.
pub(super) fn actions(state: &mut State) -> Vec<Request> {
    let own = state.place == Place::Event && state.event.as_ref().is_some_and(|event| event.has(Tab::Actions));
    if own && state.event.as_ref().is_some_and(|event| event.tab != Tab::Actions) {
        return event::turn_to(state, Tab::Actions);
    }
    let Some(timeline) = &state.timeline else { return Vec::new() };
    if let Some(survey) = timeline.survey.clone().filter(|survey| survey.rows == timeline.rows.len()) {
        open(state, Content::Actions(survey));
        return Vec::new();
    }
    let request = survey_now(state);
    if let Some(job) = state.timeline.as_ref().and_then(|timeline| timeline.surveying) {
        open(state, Content::Waiting { job, what: "looking for actions" });
    }
    request.into_iter().collect()
}

pub(super) fn diff(state: &mut State) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let chosen = match state.place {
        Place::Event => since_version(state, timeline),
        _ => since_mark(timeline).map(Ok),
    };
    match chosen {
        None => Vec::new(),
        Some(Err(reason)) => {
            state.warn(reason);
            Vec::new()
        }
        Some(Ok((before, after, title, focus))) => {
            let job = wait(state, "comparing");
            vec![Request::Compare { job, before, after, title, focus }]
        }
    }
}

type Chosen = (Before, Members, String, Focus);

/// The row under the cursor and the marked one nearest to it; the earlier one is the one before.
fn since_mark(timeline: &Timeline) -> Option<Chosen> {
    let current = timeline.current()?;
    let others = timeline.marked_rows().into_iter().filter(|row| *row != current);
    let marked = others.min_by_key(|row| (row.abs_diff(current), *row))?;
    let (before, after) = (marked.min(current), marked.max(current));
    let members = timeline.members(before)?;
    Some((
        Before::Row(members, format!("turn {}", before + 1)),
        timeline.members(after)?,
        format!("turn {}", after + 1),
        Focus::All,
    ))
}

/// What is shown against its version before: of a prompt or tools by their versions, of all else by the row before
/// that is like this one.
fn since_version(state: &State, timeline: &Timeline) -> Option<Result<Chosen, String>> {
    let event = state.event.as_ref()?;
    let row = timeline.rows.position(event.key)?;
    let focus = match event.tab {
        Tab::Input | Tab::Output | Tab::System | Tab::Context | Tab::Tools => {
            event.tab.role().map_or(Focus::All, Focus::Only)
        }
        _ => Focus::All,
    };
    if let Some(kind) = versioned(event.tab) {
        let Some(insight) = event.insight.as_ref() else { return Some(Err("still being read".to_owned())) };
        let Some(survey) = &insight.survey else {
            return Some(Err("the versions are still being looked for".to_owned()));
        };
        let name = kind.name();
        let all = survey.versions.of(&insight.speaker, kind);
        let Some((number, version)) = survey.versions.at(&insight.speaker, kind, row) else {
            return Some(Err(format!("no {name} of {} is recorded up to here", insight.speaker)));
        };
        let Some(prior) = number.checked_sub(2).and_then(|index| all.get(index)) else {
            return Some(Err(format!("this is the first version of the {name}")));
        };
        let of = |event: i64| Members { key: event, numbers: vec![event] };
        let title = |row: usize, number: usize| format!("turn {}, version {number}", row + 1);
        let before = Before::Row(of(prior.event), title(prior.first, number - 1));
        return Some(Ok((before, of(version.event), title(version.first, number), focus)));
    }
    let rows = Arc::clone(&timeline.rows);
    Some(Ok((Before::Like { rows, row }, timeline.members(row)?, format!("turn {}", row + 1), focus)))
}

/// Opens a sheet that waits for a job.
pub(super) fn wait(state: &mut State, what: &'static str) -> u64 {
    let job = state.jobs.start(what);
    open(state, Content::Waiting { job, what });
    job
}

fn open(state: &mut State, content: Content) {
    state.typed = Default::default();
    state.panel = Some(Panel::Sheet(Box::new(Sheet::new(content))));
}

/// Looks through the session beside the screen, where that is worth it and nobody has cancelled it.
pub(super) fn survey(state: &mut State) -> Option<Request> {
    let timeline = state.timeline.as_ref()?;
    let current = timeline.survey.as_ref().is_some_and(|survey| survey.rows == timeline.rows.len());
    let cancelled = timeline.survey.is_none() && timeline.surveying.is_some();
    if current || cancelled || timeline.rows.len() > WITHOUT_ASKING {
        return None;
    }
    survey_now(state)
}

fn survey_now(state: &mut State) -> Option<Request> {
    let timeline = state.timeline.as_mut()?;
    if !timeline.complete || timeline.surveying.is_some_and(|job| state.jobs.is_running(job)) {
        return None;
    }
    let job = state.jobs.start_quietly("looking for prompts and actions");
    timeline.surveying = Some(job);
    Some(Request::Survey { job, session: timeline.session.number, rows: Arc::clone(&timeline.rows) })
}

/// Takes what a look through the session has found.
pub(super) fn surveyed(state: &mut State, job: u64, session: i64, survey: Arc<Survey>) -> Vec<Request> {
    let open = state.timeline.as_mut().filter(|timeline| timeline.session.number == session);
    if let Some(timeline) = open {
        timeline.survey = Some(Arc::clone(&survey));
        fill(state, job, Content::Actions(survey));
    }
    event::look_again(state).into_iter().collect()
}

/// Puts what a job has made onto the sheet that waits for it.
pub(super) fn fill(state: &mut State, job: u64, content: Content) {
    match &mut state.panel {
        Some(Panel::Sheet(sheet)) if sheet.waiting_for(job) => **sheet = Sheet::new(content),
        _ => {}
    }
}

pub(super) fn compared(state: &mut State, job: u64, comparison: Option<Arc<Comparison>>) {
    match comparison {
        Some(comparison) => fill(state, job, Content::Diff(comparison)),
        None => {
            forget(state, job);
            state.warn("no turn before this one is like it");
        }
    }
}

/// Closes the sheet that waits for a job that has failed.
pub(super) fn forget(state: &mut State, job: u64) {
    if matches!(&state.panel, Some(Panel::Sheet(sheet)) if sheet.waiting_for(job)) {
        state.panel = None;
    }
}

/// The room that a sheet has inside its frame: all but the lines at the bottom.
pub(crate) fn room(state: &State) -> (usize, usize) {
    let below = state.areas().and_then(|areas| areas.status).map_or(state.rows, |status| status.y);
    (usize::from(state.columns.saturating_sub(2)), usize::from(below.saturating_sub(2)).max(1))
}

pub(crate) fn manner(state: &State) -> Manner<'_> {
    let survey = state.timeline.as_ref().and_then(|timeline| timeline.survey.as_deref());
    let awaited = |job| matches!(&state.panel, Some(Panel::Sheet(sheet)) if sheet.waiting_for(job));
    let work = state.jobs.running.iter().find(|work| awaited(work.job));
    let progress = work.map_or("", |work| work.progress.as_str());
    Manner { width: room(state).0, ascii: state.ascii, survey, progress }
}

/// Keeps a sheet scrolled to something after the screen has changed its size.
pub(super) fn settle(state: &mut State) {
    let Some(Panel::Sheet(mut sheet)) = state.panel.take_if(|panel| matches!(panel, Panel::Sheet(_))) else { return };
    let length = sheet.length(manner(state));
    sheet.list.keep(length, room(state).1);
    state.panel = Some(Panel::Sheet(sheet));
}

/// Takes one key while a sheet is open.
pub(super) fn press(state: &mut State, key: &Key, mut sheet: Sheet) -> Vec<Request> {
    let (width, height) = room(state);
    if let Some(requests) = review::press(state, key, &sheet) {
        return requests;
    }
    match key.name() {
        "Esc" | "^C" => return close(state, &sheet),
        // The keys of a review are those of its table.
        "q" | "Backspace" if !matches!(sheet.content, Content::Review(_)) => return close(state, &sheet),
        "n" | "N" => match sheet.hunk(width, key.name() == "n") {
            Some(line) => sheet.list = List { at: line, top: line },
            None if matches!(sheet.content, Content::Diff(_)) => state.say("no further change"),
            None => {}
        },
        "Enter" | "l" | "→" => {
            if let Some(row) = sheet.target() {
                let key = state.timeline.as_ref().and_then(|timeline| timeline.key(row));
                return key.map_or_else(Vec::new, |key| go::to_event(state, key));
            }
        }
        name => scroll(state, &mut sheet, name, height),
    }
    state.panel = Some(Panel::Sheet(Box::new(sheet)));
    Vec::new()
}

fn scroll(state: &State, sheet: &mut Sheet, key: &str, height: usize) {
    let step = match key {
        "j" | "↓" | "^N" => Move::Down,
        "k" | "↑" | "^P" => Move::Up,
        "^D" => Move::HalfDown,
        "^U" => Move::HalfUp,
        "^F" | "PgDn" | "Space" => Move::PageDown,
        "^B" | "PgUp" => Move::PageUp,
        "g" | "Home" => Move::Top,
        "G" | "End" => Move::Bottom,
        _ => return,
    };
    let length = sheet.length(manner(state));
    if sheet.has_cursor() {
        sheet.list.go(step, None, length, height);
        return;
    }
    // Nothing is chosen: the window moves, and stays full where there is enough. Lines of changes may take several
    // rows, so their last one can be brought to the top.
    let last = match sheet.content {
        Content::Diff(_) => length.saturating_sub(1),
        _ => length.saturating_sub(height),
    };
    let mut list = List { at: sheet.list.top, top: sheet.list.top };
    let page = height.saturating_sub(1).max(1);
    list.at = match step {
        Move::HalfDown => list.at + (height / 2).max(1),
        Move::HalfUp => list.at.saturating_sub((height / 2).max(1)),
        Move::PageDown => list.at + page,
        Move::PageUp => list.at.saturating_sub(page),
        step => {
            list.go(step, None, length, 1);
            list.at
        }
    };
    sheet.list = List { at: list.at.min(last), top: list.at.min(last) };
}

/// Closes a sheet; what it waits for is cancelled.
fn close(state: &mut State, sheet: &Sheet) -> Vec<Request> {
    match sheet.content {
        Content::Waiting { job, .. } => jobs::cancel(state, job),
        _ => Vec::new(),
    }
}
