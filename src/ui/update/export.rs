//! Which rows a slice takes, and under which name it is written.

use std::path::PathBuf;

use super::open_panel;
use crate::report::Selection;
use crate::ui::input::Input;
use crate::ui::keymap::Place;
use crate::ui::message::Request;
use crate::ui::state::{Ask, Panel, State, Timeline};
use crate::ui::words::counted;

/// Asks for the name of the file, and says what goes into it.
pub(super) fn ask(state: &mut State) -> Vec<Request> {
    let Some(selection) = selection(state) else { return Vec::new() };
    let proposed = proposal(&selection.session, state.exports + 1);
    state.say(format!("slice: {}", selection.why));
    open_panel(state, Panel::Prompt { input: Input::with(proposed.clone()), ask: Ask::Export { selection, proposed } })
}

/// Writes at once, under the name given or the one that would be proposed.
pub(super) fn write_to(state: &mut State, name: &str) -> Vec<Request> {
    let Some(selection) = selection(state) else { return Vec::new() };
    let proposed = proposal(&selection.session, state.exports + 1);
    let name = if name.trim().is_empty() { proposed.clone() } else { name.trim().to_owned() };
    write(state, selection, &proposed, &name)
}

/// Starts writing. A name that was only proposed gives way where a file of that name is there.
pub(super) fn write(state: &mut State, selection: Selection, proposed: &str, name: &str) -> Vec<Request> {
    if name.trim().is_empty() {
        state.warn("a slice needs a file name");
        return Vec::new();
    }
    state.exports += 1;
    let job = state.jobs.start(format!("writing {}", selection.why));
    vec![Request::Export { job, selection, path: PathBuf::from(name.trim()), numbered: name == proposed }]
}

/// The rows of a slice: marked, else selected, else filtered, else the current one; of a list, the session.
fn selection(state: &State) -> Option<Selection> {
    if state.place == Place::Sessions {
        let session = state.sessions.current()?;
        return Some(Selection {
            session: session.id.clone(),
            events: None,
            why: "whole session".to_owned(),
            veil: None,
        });
    }
    let timeline = state.timeline.as_ref()?;
    let marked = timeline.marked_rows();
    let (rows, why) = if !marked.is_empty() {
        let why = format!("marked rows ({})", marked.len());
        (marked, why)
    } else if let (Place::Event, Some(event)) = (state.place, &state.event) {
        (timeline.rows.position(event.key).into_iter().collect(), "current row".to_owned())
    } else {
        of_timeline(timeline)
    };
    let events = rows.iter().flat_map(|row| timeline.rows.members(*row).iter().copied()).collect();
    Some(Selection { session: timeline.session.id.clone(), events: Some(events), why, veil: None })
}

fn of_timeline(timeline: &Timeline) -> (Vec<usize>, String) {
    if let Some(lines) = timeline.selected() {
        let rows: Vec<usize> = lines.filter_map(|line| timeline.row_at(line)).collect();
        let why = format!("selected {}", counted(rows.len(), "row"));
        return (rows, why);
    }
    if let Some(found) = &timeline.filter {
        let rows: Vec<usize> = (0..timeline.len()).filter_map(|line| timeline.row_at(line)).collect();
        let why = format!("filter \"{}\" ({})", found.filter.text, counted(rows.len(), "row"));
        return (rows, why);
    }
    (timeline.current().into_iter().collect(), "current row".to_owned())
}

/// The name proposed for the nth slice of a session.
fn proposal(session: &str, number: usize) -> String {
    let named = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let session: String = session.chars().map(|letter| if named(letter) { letter } else { '_' }).take(64).collect();
    format!("turnscope-{session}-{number}.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposed_name_has_no_path_in_it() {
        assert_eq!(proposal("../a b/ż", 2), "turnscope-.._a_b__-2.json");
    }
}
