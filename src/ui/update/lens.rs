//! The lens, the isolated key, and the findings: what joins say of the session as a whole.

use super::panel::PANEL_LINES;
use super::{go, open_panel};
use crate::domain::{Key, KeyKind};
use crate::report::Sharing;
use crate::ui::key::Key as Pressed;
use crate::ui::keymap::Place;
use crate::ui::list::{List, Move};
use crate::ui::message::Request;
use crate::ui::state::{Isolated, Lens, LensLine, Panel, State};

const WORKING: &str = "the joins are still being worked out";

/// Opens the lens on the row under the cursor.
pub(super) fn open_lens(state: &mut State) -> Vec<Request> {
    ask(state, None).map_or_else(Vec::new, |request| vec![request])
}

/// Shows only the rows with the key of this row that tells most; again takes the next key, and in the end none.
pub(super) fn isolate(state: &mut State) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let before = timeline.correlation.isolated.as_ref().map(|isolated| isolated.key.clone());
    ask(state, Some(before)).map_or_else(Vec::new, |request| vec![request])
}

fn ask(state: &mut State, isolate: Option<Option<Key>>) -> Option<Request> {
    let event = state.event.as_ref().filter(|_| state.place == Place::Event).map(|event| event.key);
    if awaits(state) {
        return ask_joins(state);
    }
    let timeline = state.timeline.as_ref()?;
    let joined = timeline.joined.as_ref()?;
    let row = match event {
        Some(event) => timeline.rows.position(event),
        None => timeline.current(),
    };
    let members = timeline.members(row?)?;
    Some(Request::Lens { session: Box::new(timeline.session.clone()), joined: joined.clone(), members, isolate })
}

/// Whether the joins of the session are still to be worked out.
pub(super) fn awaits(state: &State) -> bool {
    state.timeline.as_ref().is_some_and(|timeline| timeline.joined.is_none())
}

/// Asks for the joins, and says that they are not here yet.
pub(super) fn ask_joins(state: &mut State) -> Option<Request> {
    let request = state.timeline.as_mut()?.ask_joins();
    state.warn(WORKING);
    request
}

/// Says that the joins are here, to whom was told that they were not.
pub(super) fn here(state: &mut State) {
    if state.notice.as_ref().is_some_and(|notice| notice.text == WORKING) {
        state.say("the joins are here now");
    }
}

/// Takes the rows that share a key with one.
pub(super) fn take(state: &mut State, of: i64, groups: Vec<Sharing>, isolate: Option<Option<Key>>) -> Vec<Request> {
    if groups.is_empty() {
        state.say("no other row shares a key with this one; other joins, if any: g8");
        return Vec::new();
    }
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    match isolate {
        None => {
            timeline.correlation.lens = Some(Lens { of, groups });
            open_panel(state, Panel::Lens { list: List::default() })
        }
        Some(before) => {
            let same = |group: &Sharing, key: &Key| group.key.kind == key.kind && group.key.value == key.value;
            let at = before.as_ref().and_then(|key| groups.iter().position(|group| same(group, key)));
            let next = at.map_or(0, |at| at + 1);
            match groups.into_iter().nth(next) {
                Some(group) => show_only(state, group.key, group.places),
                None => show_all(state),
            }
            Vec::new()
        }
    }
}

fn show_only(state: &mut State, key: Key, rows: Vec<u32>) {
    let height = state.height();
    go::leave(state);
    let Some(timeline) = &mut state.timeline else { return };
    let words =
        format!("only {} {}: {} rows; i takes the next key, Esc shows all", key.kind.name(), key.value, rows.len());
    timeline.correlation.isolated = Some(Isolated { key, rows });
    timeline.arrange(height);
    state.say(words);
}

/// Shows all rows again; `false` where no key was isolated.
pub(super) fn release(state: &mut State) -> bool {
    let height = state.height();
    let Some(timeline) = &mut state.timeline else { return false };
    let was = timeline.correlation.isolated.take().is_some();
    if was {
        timeline.arrange(height);
    }
    was
}

fn show_all(state: &mut State) {
    release(state);
    state.say("all rows are shown again");
}

/// Takes the next kind of key that `o` and `O` go by.
pub(super) fn pick_kind(state: &mut State) -> Vec<Request> {
    const KINDS: [KeyKind; 6] =
        [KeyKind::Request, KeyKind::Intent, KeyKind::Trace, KeyKind::Task, KeyKind::ToolCall, KeyKind::Message];
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    let kind = &mut timeline.correlation.kind;
    let next = kind.map_or(0, |kind| KINDS.iter().position(|known| *known == kind).map_or(0, |at| at + 1));
    *kind = KINDS.get(next).copied();
    let words = kind.map_or("any key".to_owned(), |kind| kind.name().to_owned());
    state.say(format!("o and O go by {words}"));
    Vec::new()
}

/// A key while the lens is open.
pub(super) fn press_lens(state: &mut State, key: &Pressed, mut list: List) -> Vec<Request> {
    let Some(lens) = state.timeline.as_ref().and_then(|timeline| timeline.correlation.lens.clone()) else {
        return Vec::new();
    };
    let lines = lens.lines();
    match (key.name(), lines.get(list.at)) {
        ("q" | "c", _) => return Vec::new(),
        ("Enter", Some(LensLine::Row(group, row))) => return go::to_event(state, group.rows[*row].lead),
        ("i", Some(line)) => {
            let group = line.group();
            show_only(state, group.key.clone(), group.places.clone());
            return Vec::new();
        }
        _ => walk(&mut list, key, lines.len()),
    }
    state.panel = Some(Panel::Lens { list });
    Vec::new()
}

/// A key while the findings are open.
pub(super) fn press_findings(state: &mut State, key: &Pressed, mut list: List) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let findings = &timeline.correlation.findings;
    match key.name() {
        "q" | "I" => return Vec::new(),
        "Enter" => {
            let event = findings.get(list.at).map(|finding| finding.event);
            let lead = event.and_then(|event| timeline.key(timeline.rows.position(event)?));
            return lead.map_or_else(Vec::new, |lead| go::to_event(state, lead));
        }
        _ => walk(&mut list, key, findings.len()),
    }
    state.panel = Some(Panel::Findings { list });
    Vec::new()
}

/// Moves in a panel by the keys of lists.
fn walk(list: &mut List, key: &Pressed, length: usize) {
    let step = match key.name() {
        "j" | "↓" | "^N" => Move::Down,
        "k" | "↑" | "^P" => Move::Up,
        "PgDn" | "^F" => Move::PageDown,
        "PgUp" | "^B" => Move::PageUp,
        "^D" => Move::HalfDown,
        "^U" => Move::HalfUp,
        "g" | "Home" => Move::Top,
        "G" | "End" => Move::Bottom,
        _ => return,
    };
    list.go(step, None, length, PANEL_LINES);
}
