//! The filter in force: asked for, checked and completed while it is typed, narrowed by what is under the cursor, saved.

use super::{find, open_panel, payload};
use crate::domain::filter::{Completion, Expression, Field, Filter, Frame, Scope, Vocabulary, complete, is_name};
use crate::domain::{KeyKind, Kind};
use crate::timeline::Turn;
use crate::ui::facts;
use crate::ui::input::Input;
use crate::ui::keymap::Place;
use crate::ui::message::Request;
use crate::ui::state::{Ask, Checked, EventScreen, Filtered, Panel, State, Tab};

/// Candidates that the prompt lists.
const MOST_OFFERED: usize = 40;

/// Asks for a filter, beginning with the one in force.
pub(super) fn ask(state: &mut State) -> Vec<Request> {
    let input = Input::with(in_force(state).map(|filter| filter.text.clone()).unwrap_or_default());
    let checked = check(state, &input);
    let mut requests = open_panel(state, Panel::Prompt { ask: Ask::Filter(checked), input });
    let timeline = state.timeline.as_ref().filter(|_| state.place != Place::Sessions);
    let values = timeline.filter(|timeline| timeline.values.is_none());
    requests.extend(values.map(|timeline| Request::FilterValues { session: timeline.session.number }));
    requests
}

/// The filter of the place where the user is.
pub(crate) fn in_force(state: &State) -> Option<&Filter> {
    match (state.place, &state.timeline) {
        (Place::Sessions, _) => state.sessions.filter.as_ref(),
        (_, Some(timeline)) => timeline.filter.as_ref().map(|found| &found.filter),
        _ => None,
    }
}

fn scope(state: &State) -> Scope {
    if state.place == Place::Sessions { Scope::Sessions } else { Scope::Rows }
}

/// What is wrong with what is typed, and what may follow at the cursor.
pub(super) fn check(state: &State, input: &Input) -> Checked {
    let fault = Filter::parse(&input.text, scope(state), &state.saved).err().map(|fault| fault.to_string());
    let mut offered = completion(state, input).candidates;
    offered.truncate(MOST_OFFERED);
    Checked { fault, offered }
}

fn completion(state: &State, input: &Input) -> Completion {
    complete(&input.text, input.cursor, &vocabulary(state))
}

fn vocabulary(state: &State) -> Vocabulary {
    let saved = state.saved.keys().cloned().collect();
    let scope = scope(state);
    let values = match (scope, &state.timeline) {
        (Scope::Rows, Some(timeline)) => timeline.values.clone().unwrap_or_default(),
        _ => state.sessions.catalog.values.clone(),
    };
    Vocabulary { scope, values, saved }
}

/// Puts what all candidates begin with in the place of what is typed.
pub(super) fn complete_input(state: &State, input: &mut Input) {
    let found = completion(state, input);
    let Some(common) = found.common().filter(|common| common.len() >= found.range.len()) else { return };
    let mut text = input.text.clone();
    text.replace_range(found.range.clone(), common);
    input.cursor = found.range.start + common.len();
    input.text = text;
}

/// Filters the place by a text, if it is one; a text without words takes the filter away.
pub(super) fn apply(state: &mut State, text: &str) -> Vec<Request> {
    match Filter::parse(text, scope(state), &state.saved) {
        Ok(filter) => set(state, filter),
        Err(fault) => {
            state.warn(fault.to_string());
            Vec::new()
        }
    }
}

/// Takes the filter away; `None` where there is none.
pub(super) fn clear(state: &mut State) -> Option<Vec<Request>> {
    in_force(state)?;
    Some(set(state, None))
}

fn set(state: &mut State, filter: Option<Filter>) -> Vec<Request> {
    let height = state.height();
    if state.place == Place::Sessions {
        state.sessions.filter = filter;
        state.sessions.arrange(height);
        return Vec::new();
    }
    let requests = find::stop(state, |timeline| timeline.filter.as_mut()?.job.take());
    if let Some(timeline) = &mut state.timeline {
        timeline.range = None;
        let waiting = timeline.filter.as_ref().filter(|_| timeline.len() == 0).and_then(|found| found.stood);
        let stood = timeline.current().or(waiting);
        timeline.filter =
            filter.map(|filter| Filtered { filter, rows: Vec::new(), job: None, scanned: 0, stood, put: None });
        timeline.arrange(height);
        if let (None, Some(row)) = (&timeline.filter, stood) {
            let (line, length) = (timeline.line_of(row), timeline.len());
            timeline.list.jump(line, length, height);
        }
    }
    requests.into_iter().chain(rerun(state)).collect()
}

/// Starts the filter of the timeline over all its rows.
pub(super) fn rerun(state: &mut State) -> Option<Request> {
    let frame = state.frame;
    let timeline = state.timeline.as_mut()?;
    let found = timeline.filter.as_mut()?;
    if let Some(job) = found.job.take() {
        state.jobs.end(job);
    }
    let job = state.jobs.start(format!("filtering {}", found.filter.text));
    (found.job, found.scanned) = (Some(job), 0);
    let first = Some(timeline.rows.get(0).map_or_else(Default::default, |row| row.time)).filter(|start| start.0 > 0);
    Some(Request::Filter {
        job,
        session: Box::new(timeline.session.clone()),
        rows: timeline.rows.clone(),
        filter: found.filter.clone(),
        frame: Frame { start: timeline.session.started.or(first), ..frame },
    })
}

/// Filters the value under the cursor in, or out, by editing the filter in force.
pub(super) fn narrow(state: &mut State, inwards: bool) -> Vec<Request> {
    let Some((value, lane)) = under_cursor(state) else {
        state.warn("there is nothing under the cursor to filter by");
        return Vec::new();
    };
    // A tool test says nothing of rows without a tool; what filters out must not take those with it.
    let out = |value: Expression| match lane.clone() {
        Some(lane) => Expression::and([lane, value]).map(Expression::opposite),
        None => Some(Expression::opposite(value)),
    };
    let (wanted, opposite) = match (inwards, out(value.clone())) {
        (_, None) => return Vec::new(),
        (true, Some(without)) => (value, without),
        (false, Some(without)) => (without, value),
    };
    let before = in_force(state).map(|filter| filter.expression.clone());
    let parts: Vec<Expression> =
        before.iter().flat_map(Expression::conjuncts).filter(|part| **part != opposite).cloned().collect();
    if parts.contains(&wanted) {
        state.say(format!("the filter has {wanted} already"));
        return Vec::new();
    }
    let expression = Expression::and(parts.into_iter().chain([wanted]));
    set(state, expression.map(Filter::of))
}

/// What the thing under the cursor is told by, and the lane in which that means something.
fn under_cursor(state: &State) -> Option<(Expression, Option<Expression>)> {
    match (state.place, &state.timeline, &state.event) {
        (Place::Sessions, ..) => {
            let session = state.sessions.current()?;
            Some(match &session.project {
                Some(project) => (Expression::is(Field::Project, project), None),
                None => (Expression::is(Field::Agent, &session.agent), None),
            })
        }
        (Place::Timeline, Some(timeline), _) => {
            let turn = timeline.turns.get(timeline.key(timeline.current()?)?)?;
            Some(telling(turn))
        }
        (Place::Event, _, Some(event)) => in_event(event, usize::from(state.columns)),
        _ => None,
    }
}

/// A row is told by its tool or its model, else by its kind and source.
fn telling(turn: &Turn) -> (Expression, Option<Expression>) {
    let kind = Expression::is(Field::Kind, turn.kind.name());
    let source = Expression::is(Field::Source, &turn.source);
    match (turn.kind, &turn.tool, &turn.model) {
        (Kind::Tool, Some(tool), _) => (Expression::is(Field::Tool, tool), Some(kind)),
        (Kind::Model, _, Some(model)) => (Expression::is(Field::Model, model), Some(kind)),
        _ => (Expression::and([kind.clone(), source]).unwrap_or(kind), None),
    }
}

/// The key under the cursor, or another value that a field names.
fn in_event(event: &EventScreen, columns: usize) -> Option<(Expression, Option<Expression>)> {
    let turn = &event.detail.as_ref()?.turn;
    let key = |value: &str| turn.keys.iter().find(|key| key.value == value);
    let of_key = |kind: KeyKind, value: &str| (Expression::is(Field::Key(kind), value), None);
    if event.tab == Tab::Joins {
        let reason = event.reason(columns)?;
        let found = reason.values.iter().find_map(|value| key(value));
        return found.map(|key| of_key(key.kind, &key.value));
    }
    if event.tab.role().is_some() {
        let bytes = payload::value(event)?;
        let value = serde_json::from_slice::<String>(&bytes).ok();
        let value = value.or_else(|| String::from_utf8(bytes).ok())?;
        return key(value.trim()).map(|key| of_key(key.kind, &key.value));
    }
    let lines = facts::lines(event, columns);
    let fact = lines.get(event.list(event.tab).at)?;
    if let Some(kind) = KeyKind::parse(&fact.name) {
        let shown = turn.keys.iter().filter(|key| key.kind == kind);
        let found = shown.clone().find(|key| fact.value.starts_with(&key.value)).or(shown.clone().next());
        return found.map(|key| of_key(kind, &key.value));
    }
    match fact.name.as_str() {
        "tool" => Some((Expression::is(Field::Tool, &fact.value), Some(Expression::is(Field::Kind, turn.kind.name())))),
        "model" => Some((
            Expression::is(Field::Model, turn.model.as_ref()?),
            Some(Expression::is(Field::Kind, turn.kind.name())),
        )),
        "who" => Some((Expression::is(Field::Who, &turn.who), None)),
        "source" => Some((Expression::is(Field::Source, &turn.source), None)),
        "status" => Some((Expression::is(Field::Status, &turn.status), None)),
        "provider" => Some((Expression::is(Field::Provider, &fact.value), None)),
        "participant" => Some((Expression::is(Field::Participant, &fact.value), None)),
        _ => None,
    }
}

/// Filters by the saved filter of this name, else by the text as it is.
pub(super) fn named_or_typed(state: &mut State, argument: &str) -> Vec<Request> {
    if state.place == Place::Event {
        state.warn("an event has no rows to filter");
        return Vec::new();
    }
    if state.saved.contains_key(argument) { apply(state, &format!("@{argument}")) } else { apply(state, argument) }
}

/// Saves the filter in force under a name.
pub(super) fn save(state: &mut State, name: &str) -> Vec<Request> {
    let name = name.trim_start_matches('@').to_owned();
    if !is_name(&name) {
        state.warn("a filter's name is made of letters, digits, - _ and .");
        return Vec::new();
    }
    let Some(text) = in_force(state).map(|filter| filter.text.clone()) else {
        state.warn("no filter is in force; f sets one");
        return Vec::new();
    };
    let mut saved = state.saved.clone();
    saved.insert(name.clone(), text.clone());
    if let Err(fault) = Filter::parse(&format!("@{name}"), scope(state), &saved) {
        state.warn(fault.to_string());
        return Vec::new();
    }
    state.saved = saved;
    state.say(format!("saved: @{name} is {text}"));
    vec![Request::KeepFilter { name, text: Some(text) }]
}

/// Forgets a saved filter.
pub(super) fn forget(state: &mut State, name: &str) -> Vec<Request> {
    let name = name.trim_start_matches('@').to_owned();
    if state.saved.remove(&name).is_none() {
        state.warn(format!("no filter is saved as \"{name}\""));
        return Vec::new();
    }
    state.say(format!("forgotten: @{name}"));
    vec![Request::KeepFilter { name, text: None }]
}
