//! The timeline: moving in it, and asking for the words of what is in sight.

use super::PREVIEW_AFTER;
use crate::ui::keymap::Place;
use crate::ui::list::Move;
use crate::ui::message::{Manner, Members, Now, Request};
use crate::ui::payload::{self, Mode};
use crate::ui::state::{State, Timeline};

/// Rows above and below the window whose words are fetched with it.
const MARGIN: usize = 40;

/// Moves the cursor, or the preview where that has the keys.
pub(super) fn step(state: &mut State, step: Move, count: Option<usize>, height: usize) {
    let Some(timeline) = &mut state.timeline else { return };
    if timeline.preview.focus {
        scroll(&mut timeline.preview.top, step, count.unwrap_or(1), height);
        return;
    }
    timeline.end_wanted = step == Move::Bottom && count.is_none() && !timeline.complete;
    let length = timeline.len();
    timeline.list.go(step, count, length, height);
}

/// The view knows how long the preview is and cuts what goes beyond it.
fn scroll(top: &mut usize, step: Move, times: usize, height: usize) {
    let page = height.max(2);
    match step {
        Move::Down => *top = top.saturating_add(times),
        Move::Up => *top = top.saturating_sub(times),
        Move::Top => *top = 0,
        Move::HalfDown => *top = top.saturating_add(times * page / 2),
        Move::HalfUp => *top = top.saturating_sub(times * page / 2),
        Move::PageDown => *top = top.saturating_add(times * (page - 1)),
        Move::PageUp => *top = top.saturating_sub(times * (page - 1)),
        _ => {}
    }
}

/// Asks for what the screen lacks: words of rows, and the preview once input pauses. Runs after every message.
pub(super) fn fetch(state: &mut State, now: Now) -> Vec<Request> {
    if state.place != Place::Timeline {
        return Vec::new();
    }
    let height = state.height();
    let side = state.areas().and_then(|areas| areas.side);
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    let turns = turns(timeline, height);
    let options = payload::Options { ascii: state.ascii, ..payload::Options::default() };
    let glance = side.and_then(|side| {
        let manner = Manner { mode: Mode::Pretty, options, width: side.width.saturating_sub(3) };
        glance(timeline, manner, now)
    });
    turns.into_iter().chain(glance).collect()
}

/// One request at a time: while it runs, the window may move on, and the next one asks for what counts then.
fn turns(timeline: &mut Timeline, height: usize) -> Option<Request> {
    let length = timeline.len();
    let window = timeline.list.window(length, height);
    let lines = window.start.saturating_sub(MARGIN)..length.min(window.end + MARGIN);
    let keys: Vec<i64> = window.filter_map(|line| timeline.key(timeline.row_at(line)?)).collect();
    timeline.turns.touch(keys.into_iter());
    if timeline.turns.asked || timeline.turns.failed {
        return None;
    }
    let missing = |members: &Members| !timeline.turns.has(members.key, members.numbers.len());
    let all = lines.filter_map(|line| timeline.members(timeline.row_at(line)?));
    let rows: Vec<Members> = all.filter(missing).collect();
    // The margin alone is worth a request only when it has grown to a page.
    if rows.is_empty() {
        return None;
    }
    timeline.turns.asked = true;
    Some(Request::Turns { session: timeline.session.number, rows })
}

fn glance(timeline: &mut Timeline, manner: Manner, now: Now) -> Option<Request> {
    let members = timeline.members(timeline.current()?)?;
    let preview = &mut timeline.preview;
    if preview.row != Some(members.key) {
        preview.row = Some(members.key);
        (preview.due, preview.ready) = (Some(now + PREVIEW_AFTER), false);
        return None;
    }
    if !std::mem::take(&mut preview.ready) {
        return None;
    }
    Some(Request::Glance { session: timeline.session.number, members, manner })
}
