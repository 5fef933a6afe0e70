//! Search in the tabs that are lists of names and values.

use super::payload;
use crate::ui::facts::{self, places};
use crate::ui::message::Request;
use crate::ui::state::{EventScreen, State};

/// The lines of the tab in which the phrase begins, in order.
pub(crate) fn hit_lines(event: &EventScreen, columns: usize) -> Vec<usize> {
    let Some(phrase) = &event.phrase else { return Vec::new() };
    let mut lines: Vec<usize> =
        places(&facts::lines(event, columns), phrase).into_iter().map(|place| place.line).collect();
    lines.dedup();
    lines
}

/// Goes to the first line from the cursor on that holds the phrase, once the lines are here.
pub(super) fn search(state: &mut State) {
    let columns = usize::from(state.columns);
    let Some(event) = state.event.as_mut().filter(|event| event.jump) else { return };
    if event.detail.is_none() {
        return;
    }
    event.jump = false;
    let lines = hit_lines(event, columns);
    let at = event.list(event.tab).at;
    match lines.iter().find(|line| **line >= at).or(lines.first()) {
        Some(line) => land(state, *line),
        None => payload::not_found(state),
    }
}

/// Goes to the next line that holds the phrase, or the one before, round the ends.
pub(super) fn hit(state: &mut State, forward: bool, times: usize) -> Vec<Request> {
    let columns = usize::from(state.columns);
    let Some(event) = &mut state.event else { return Vec::new() };
    event.lit = true;
    let lines = hit_lines(event, columns);
    match super::find::round(&lines, event.list(event.tab).at, forward, times) {
        Some(line) => land(state, line),
        None => payload::not_found(state),
    }
    Vec::new()
}

fn land(state: &mut State, line: usize) {
    let (columns, height) = (usize::from(state.columns), state.height());
    let Some(event) = &mut state.event else { return };
    let length = facts::lines(event, columns).len();
    event.lists.entry(event.tab).or_default().jump(line, length, height);
}
