//! The lens, isolated rows, and the findings: what joins say of the session as a whole.

use super::panel::PANEL_LINES;
use super::{go, joins, open_panel};
use crate::domain::{Key, KeyKind};
use crate::report::{Reason, Sharing};
use crate::ui::key::Key as Pressed;
use crate::ui::keymap::Place;
use crate::ui::list::{List, Move};
use crate::ui::message::{Purpose, Request};
use crate::ui::state::{Isolated, Lens, LensLine, Panel, State, Wanted};

/// Opens the lens on the row under the cursor: at once with what keys tell, and fully once the joins are known.
pub(super) fn open_lens(state: &mut State) -> Vec<Request> {
    let event = state.event.as_ref().filter(|_| state.place == Place::Event).map(|event| event.key);
    let here = event.or_else(|| state.timeline.as_ref().and_then(|timeline| timeline.key(timeline.current()?)));
    let lens = here.and_then(|event| ask(state, event, Purpose::Open));
    lens.into_iter().chain(joins::ask(state)).collect()
}

/// Asks again for the rows of the lens that is open, now that the joins are known.
pub(super) fn fill(state: &State) -> Option<Request> {
    let lens = state.timeline.as_ref()?.correlation.lens.as_ref()?;
    let is_open = matches!(state.panel, Some(Panel::Lens { .. }));
    if is_open && !lens.joined { ask(state, lens.of, Purpose::Fill) } else { None }
}

/// Shows only the rows with the key of this row that tells most; again takes the next key, and in the end none.
pub(super) fn isolate(state: &mut State) -> Vec<Request> {
    let event = state.event.as_ref().filter(|_| state.place == Place::Event).map(|event| event.key);
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let before = timeline.correlation.isolated.as_ref().and_then(|isolated| isolated.key.clone());
    let here = event.or_else(|| timeline.key(timeline.current()?));
    here.and_then(|event| ask(state, event, Purpose::Isolate(before))).into_iter().collect()
}

fn ask(state: &State, event: i64, purpose: Purpose) -> Option<Request> {
    let timeline = state.timeline.as_ref()?;
    let members = timeline.members(timeline.rows.position(event)?)?;
    let session = Box::new(timeline.session.clone());
    // Keys alone are isolated.
    let joined = timeline.joined.clone().filter(|_| !matches!(purpose, Purpose::Isolate(_)));
    Some(Request::Lens { session, rows: timeline.rows.clone(), joined, members, purpose })
}

/// Takes the rows that belong together with one.
pub(super) fn take(state: &mut State, of: i64, groups: Vec<Sharing>, joined: bool, purpose: Purpose) -> Vec<Request> {
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    if let Purpose::Isolate(before) = purpose {
        isolate_next(state, groups, before);
        return Vec::new();
    }
    let open = match state.panel {
        Some(Panel::Lens { list }) if timeline.correlation.lens.as_ref().is_some_and(|lens| lens.of == of) => {
            Some(list)
        }
        _ => None,
    };
    // A lens that has been closed stays closed.
    if purpose == Purpose::Fill && open.is_none() {
        return Vec::new();
    }
    if groups.is_empty() && joined {
        state.panel.take_if(|panel| matches!(panel, Panel::Lens { .. }));
        state.say("no other row shares a key with this one, and no join leads to one");
        return Vec::new();
    }
    // The joins may have come while the rows that share a key were looked for.
    let is_behind = !joined && timeline.joined.is_some();
    timeline.correlation.lens = Some(Lens { of, groups, joined });
    open_panel(state, Panel::Lens { list: open.unwrap_or_default() });
    if is_behind { fill(state).into_iter().collect() } else { Vec::new() }
}

fn isolate_next(state: &mut State, groups: Vec<Sharing>, before: Option<Key>) {
    let same = |one: &Key, other: &Key| one.kind == other.kind && one.value == other.value;
    let groups: Vec<(Key, Sharing)> =
        groups.into_iter().filter_map(|group| Some((group.reason.key()?.clone(), group))).collect();
    if groups.is_empty() {
        state.say("no other row shares a key with this one; c shows what else is joined");
        return;
    }
    let at = before.and_then(|before| groups.iter().position(|(key, _)| same(key, &before)));
    match groups.into_iter().nth(at.map_or(0, |at| at + 1)) {
        Some((_, group)) => show_only(state, &group),
        None => show_all(state),
    }
}

fn show_only(state: &mut State, group: &Sharing) {
    let height = state.height();
    go::leave(state);
    let Some(timeline) = &mut state.timeline else { return };
    let words = match &group.reason {
        Reason::Keys(key, _) => format!("{} {}", key.kind.name(), key.value),
        Reason::Rule(name, _) | Reason::Candidates(name) | Reason::CandidateOf(name) => (*name).to_owned(),
        Reason::Branch => "the branch".to_owned(),
    };
    let mut rows = group.places.clone();
    if group.reason.key().is_none() {
        // The row itself stands with those that are joined with it.
        let here = timeline.correlation.lens.as_ref().and_then(|lens| timeline.rows.position(lens.of));
        rows.extend(here.map(|row| row as u32));
        rows.sort_unstable();
        rows.dedup();
    }
    let said = format!("only {words}: {} rows; i takes the next key, Esc shows all", rows.len());
    timeline.correlation.isolated = Some(Isolated { words, key: group.reason.key().cloned(), rows });
    timeline.arrange(height);
    state.say(said);
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
        ("Enter" | "l" | "→", Some(LensLine::Row(group, row))) => {
            let row = &group.rows[*row];
            return match row.row {
                Some(_) => go::to_event(state, row.lead),
                None => to_session(state, &row.session, row.lead),
            };
        }
        ("c", Some(LensLine::Waiting)) => {
            state.panel = Some(Panel::Lens { list });
            return joins::ask(state).into_iter().collect();
        }
        ("q" | "c", _) => return Vec::new(),
        ("i", Some(line)) => {
            if let Some(group) = line.group().filter(|group| !group.places.is_empty()) {
                show_only(state, group);
                return Vec::new();
            }
        }
        _ => walk(&mut list, key, lines.len()),
    }
    state.panel = Some(Panel::Lens { list });
    Vec::new()
}

/// To a row of another session.
fn to_session(state: &mut State, id: &str, event: i64) -> Vec<Request> {
    match state.sessions.catalog.find(id).cloned() {
        Some(session) => go::open(state, session, Some(Wanted::row(event))),
        None => {
            state.warn(format!("the session {id} is not in the list yet"));
            if state.sessions.loaded { Vec::new() } else { vec![Request::Sessions] }
        }
    }
}

/// A key while the findings are open.
pub(super) fn press_findings(state: &mut State, key: &Pressed, mut list: List) -> Vec<Request> {
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let findings = &timeline.correlation.findings;
    match key.name() {
        "I" if joins::awaits(state) => {
            state.panel = Some(Panel::Findings { list });
            return joins::ask(state).into_iter().collect();
        }
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
