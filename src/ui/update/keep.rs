//! Marks, ranges and notes; copying; programs that get a payload.

use super::{event, export, open_panel, panel};
use crate::ui::action::{Copied, Keep};
use crate::ui::input::Input;
use crate::ui::keymap::Place;
use crate::ui::list::List;
use crate::ui::message::{Change, Mark, Members, Request, Terminal, Then};
use crate::ui::state::{Ask, Panel, State};

/// Marked rows whose words are fetched for the list of marks.
const MOST_LISTED: usize = 500;
/// More bytes than this go into a file: terminals cut a longer clipboard, most of them silently.
const MOST_COPIED: usize = 70_000;

pub(super) fn keep(state: &mut State, wish: Keep) -> Vec<Request> {
    match wish {
        Keep::Mark => mark(state),
        Keep::MarkAndDown => {
            let requests = mark(state);
            let height = state.height();
            if let Some(timeline) = &mut state.timeline {
                let length = timeline.len();
                timeline.list.go(crate::ui::list::Move::Down, None, length, height);
            }
            requests
        }
        Keep::Range => {
            if let Some(timeline) = &mut state.timeline {
                timeline.range = if timeline.range.is_some() { None } else { Some(timeline.list.at) };
            }
            Vec::new()
        }
        Keep::Note => note(state),
        Keep::Marks => {
            open_panel(state, Panel::Marks { list: List::default() });
            marked_turns(state)
        }
        Keep::UnmarkAll => open_panel(state, Panel::ConfirmUnmark),
        Keep::Export => export::ask(state),
        Keep::Copy(what) => copy(state, what),
        Keep::Pager => spill(state, Then::Pager),
        Keep::Pipe => open_panel(state, Panel::Prompt { ask: Ask::Pipe, input: Input::default() }),
    }
}

/// The row that marks and notes are for: the one in full, else the one under the cursor.
fn current(state: &State) -> Option<Members> {
    let timeline = state.timeline.as_ref()?;
    let row = match (state.place, &state.event) {
        (Place::Event, Some(event)) => timeline.rows.position(event.key)?,
        _ => timeline.current()?,
    };
    timeline.members(row)
}

/// Asks for the words of the marked rows, which may be far from what is in sight.
fn marked_turns(state: &State) -> Vec<Request> {
    let rows = panel::marked(state).into_iter();
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let members = rows.take(MOST_LISTED).filter_map(|(_, row)| timeline.members(row));
    let missing: Vec<Members> = members.filter(|row| !timeline.turns.has(row.key, row.numbers.len())).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    vec![Request::Turns { session: timeline.session.number, rows: missing }]
}

/// Marks the selected range, or turns the mark of the current row round.
fn mark(state: &mut State) -> Vec<Request> {
    let here = current(state);
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    let range = timeline.selected().filter(|_| state.place == Place::Timeline);
    let rows: Vec<Members> = match range {
        Some(lines) => {
            timeline.range = None;
            lines.filter_map(|line| timeline.members(timeline.row_at(line)?)).collect()
        }
        None => here.into_iter().collect(),
    };
    let all_marked = rows.iter().all(|row| timeline.marks.get(&row.key).is_some_and(|mark| mark.marked));
    let count = rows.len();
    let requests = change(state, rows, Change::Marked(!all_marked));
    let done = if all_marked { "unmarked" } else { "marked" };
    match count {
        0 => {}
        1 => state.say(format!("{done}: {}", row_id(state).unwrap_or_else(|| "this row".to_owned()))),
        _ => state.say(format!("{count} rows {done}")),
    }
    requests
}

/// Changes marks at once on the screen, and asks the store to keep them.
pub(super) fn change(state: &mut State, rows: Vec<Members>, change: Change) -> Vec<Request> {
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    if rows.is_empty() {
        return Vec::new();
    }
    for row in &rows {
        let mark = timeline.marks.entry(row.key).or_default();
        match &change {
            Change::Marked(marked) => mark.marked = *marked,
            Change::Note(note) => mark.note.clone_from(note),
        }
        if *mark == Mark::default() {
            timeline.marks.remove(&row.key);
        }
    }
    vec![Request::Mark { session: timeline.session.id.clone(), rows, change }]
}

/// Takes the marks of all rows away; notes stay.
pub(super) fn unmark_all(state: &mut State) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let rows = timeline.marked_rows().into_iter().filter_map(|row| timeline.members(row)).collect();
    change(state, rows, Change::Marked(false))
}

fn note(state: &mut State) -> Vec<Request> {
    let note = current(state).and_then(|row| state.timeline.as_ref()?.marks.get(&row.key)?.note.clone());
    open_panel(state, Panel::Prompt { ask: Ask::Note, input: Input::with(note.unwrap_or_default()) })
}

/// Keeps a note on the current row; an empty one is removed.
pub(super) fn set_note(state: &mut State, text: &str) -> Vec<Request> {
    let note = Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(event) = state.event.as_mut().filter(|_| state.place == Place::Event) {
        event.note.clone_from(&note);
    }
    let rows = current(state).into_iter().collect();
    change(state, rows, Change::Note(note))
}

fn copy(state: &mut State, what: Copied) -> Vec<Request> {
    if what == Copied::Record {
        return current(state).map(|members| Request::Record { members }).into_iter().collect();
    }
    let text = match (state.place, what) {
        (Place::Sessions, Copied::Value) => state.sessions.current().map(|session| session.name().to_owned()),
        (Place::Event, Copied::Value) => return event::copy_value(state),
        (_, Copied::Value) => turn(state).map(|turn| turn.label.clone()),
        (_, Copied::Path) => event::path(state),
        (Place::Sessions, _) => state.sessions.current().map(|session| match what {
            Copied::Link => link(&session.id, None),
            _ => session.id.clone(),
        }),
        (_, Copied::Link) => row_link(state),
        _ => row_id(state),
    };
    match text {
        Some(text) => copy_bytes(state, text.into_bytes()),
        None => {
            state.warn(match (what, state.place) {
                (Copied::Path, Place::Event) => event::why_no_path(state),
                _ => "there is nothing to copy yet",
            });
            Vec::new()
        }
    }
}

/// Gives bytes to the terminal's clipboard, or to a file where they are too many for it.
pub(super) fn copy_bytes(state: &mut State, bytes: Vec<u8>) -> Vec<Request> {
    if bytes.len() > MOST_COPIED {
        return vec![Request::SaveCopy { bytes }];
    }
    // The terminal does not say whether it took them.
    state.say(format!("sent {} to the terminal's clipboard (OSC 52)", crate::ui::words::size(bytes.len() as u64)));
    vec![Request::Terminal(Terminal::Copy(bytes))]
}

fn turn(state: &State) -> Option<&crate::timeline::Turn> {
    match (state.place, &state.event) {
        (Place::Event, Some(event)) => event.detail.as_ref().map(|detail| &detail.turn),
        _ => {
            let timeline = state.timeline.as_ref()?;
            timeline.turns.get(timeline.key(timeline.current()?)?).map(AsRef::as_ref)
        }
    }
}

fn row_id(state: &State) -> Option<String> {
    turn(state).map(|turn| turn.id.clone())
}

fn row_link(state: &State) -> Option<String> {
    let session = &state.timeline.as_ref()?.session.id;
    Some(link(session, Some(&row_id(state)?)))
}

/// A link that `turnscope open` understands.
fn link(session: &str, row: Option<&str>) -> String {
    match row {
        Some(row) => format!("turnscope://session/{session}#{row}"),
        None => format!("turnscope://session/{session}"),
    }
}

/// Has the payload of the tab, or the record of the row, written to a file for a program.
pub(super) fn spill(state: &mut State, then: Then) -> Vec<Request> {
    let Some(members) = current(state) else { return Vec::new() };
    let bodies = match &state.event {
        Some(event) if state.place == Place::Event => event.bodies(event.tab).into_iter().cloned().collect(),
        _ => Vec::new(),
    };
    let job = state.jobs.start("preparing the file");
    vec![Request::Spill { job, members, bodies, then }]
}
