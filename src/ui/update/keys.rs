//! From key presses to actions: counts, sequences and prefixes.

use super::{HINT_AFTER, act, panel};
use crate::ui::action::Action;
use crate::ui::key::Key;
use crate::ui::keymap::{Lookup, lookup};
use crate::ui::list::Move;
use crate::ui::message::{Now, Request};
use crate::ui::state::{State, Typed};

/// The largest count; more digits change nothing.
const MOST: usize = 99_999_999;

/// Takes one key.
pub(super) fn press(state: &mut State, key: &Key, now: Now) -> Vec<Request> {
    state.notice = None;
    if let Some(timeline) = &mut state.timeline {
        timeline.turns.failed = false;
    }
    if state.panel.is_some() {
        return panel::press(state, key, now);
    }
    if count(state, key) {
        return Vec::new();
    }
    if key.name() == "Esc" && (!state.typed.keys.is_empty() || state.typed.count.is_some()) {
        state.typed = Typed::default();
        return Vec::new();
    }
    let typed = match state.typed.keys.as_str() {
        "" => key.name().to_owned(),
        before => format!("{before} {}", key.name()),
    };
    match lookup(state.place, &typed) {
        Lookup::Found(binding) => {
            let count = std::mem::take(&mut state.typed).count;
            act(state, binding.action, count, now)
        }
        Lookup::Prefix => {
            state.typed.keys = typed;
            // Once the list of continuations is open it stays open for the next key of the sequence.
            state.typed.hint_at = (!state.typed.hint).then(|| now + HINT_AFTER);
            Vec::new()
        }
        Lookup::Nothing => {
            unknown(state, &typed);
            Vec::new()
        }
    }
}

/// Takes a digit of a count, unless it ends a sequence such as `g1`.
fn count(state: &mut State, key: &Key) -> bool {
    let digit = match key.typed().and_then(|character| character.to_digit(10)) {
        Some(digit) if state.typed.keys.is_empty() => digit as usize,
        _ => return false,
    };
    if digit == 0 && state.typed.count.is_none() {
        return false;
    }
    let count = state.typed.count.unwrap_or(0).saturating_mul(10).saturating_add(digit);
    state.typed.count = Some(count.min(MOST));
    true
}

fn unknown(state: &mut State, typed: &str) {
    state.typed = Typed::default();
    let shown = typed.replace(' ', "");
    state.warn(format!("{shown} does nothing here; ? shows what does"));
}

/// Whether an action means nothing without a count.
pub(super) fn needs_count(action: Action) -> bool {
    action == Action::Move(Move::Percent)
}
