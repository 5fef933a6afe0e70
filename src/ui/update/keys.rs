//! From key presses to actions: counts, sequences and prefixes.

use super::{DEAF_FOR, HINT_AFTER, act, panel};
use crate::ui::action::{Action, Find, Keep, Show};
use crate::ui::key::Key;
use crate::ui::keymap::{Keys, Lookup};
use crate::ui::list::Move;
use crate::ui::message::{Now, Request};
use crate::ui::state::{State, Typed};

/// The largest count; more digits change nothing.
const MOST: usize = 99_999_999;

/// Takes one key.
pub(super) fn press(state: &mut State, key: &Key, now: Now) -> Vec<Request> {
    if is_unheard(state, key, now) {
        return Vec::new();
    }
    state.notice = None;
    if let Some(timeline) = &mut state.timeline {
        timeline.turns.failed = false;
        // Who has gone on does not want to be taken elsewhere by a hit that comes late.
        if let Some(search) = timeline.search.as_mut().filter(|_| state.panel.is_none()) {
            search.jump = false;
        }
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
    match state.keys.lookup(state.place, &typed) {
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
        // It begins something on another screen: what goes on with it there must not act alone here.
        Lookup::Nothing if state.typed.keys.is_empty() && begins_elsewhere(state.keys, &typed) => {
            state.typed.keys = typed;
            Vec::new()
        }
        Lookup::Nothing => {
            unknown(state, &typed, now);
            Vec::new()
        }
    }
}

/// Whether a key is text for a prompt that is not there; as long as more follows at once, that is too.
fn is_unheard(state: &mut State, key: &Key, now: Now) -> bool {
    let Some(until) = state.deaf_until.take() else { return false };
    let is_text = key.typed().is_some() || matches!(key.name(), "Enter" | "Backspace");
    let unheard = is_text && state.panel.is_none() && now < until;
    state.deaf_until = unheard.then(|| now + DEAF_FOR);
    unheard
}

/// Whether an action opens something that takes the keys that follow.
pub(super) fn opens_prompt(action: Action) -> bool {
    matches!(
        action,
        Action::Find(Find::Search | Find::Filter)
            | Action::Keep(Keep::Note | Keep::Pipe | Keep::Export)
            | Action::Show(Show::Palette | Show::Help)
    )
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

fn begins_elsewhere(keys: Keys, typed: &str) -> bool {
    let goes_on = |keys: &&str| keys.strip_prefix(typed).is_some_and(|rest| rest.starts_with(' '));
    keys.all().any(|binding| binding.keys.iter().any(goes_on))
}

fn unknown(state: &mut State, typed: &str, now: Now) {
    state.typed = Typed::default();
    // What opens a prompt on another screen, or without the prefix, is followed by text here too.
    let last = typed.rsplit(' ').next().unwrap_or(typed);
    if state.keys.all().any(|binding| binding.keys.contains(&last) && opens_prompt(binding.action)) {
        state.deaf_until = Some(now + DEAF_FOR);
    }
    let shown = typed.replace(' ', "");
    state.warn(format!("{shown} does nothing here; ? shows what does"));
}

/// Whether an action means nothing without a count.
pub(super) fn needs_count(action: Action) -> bool {
    action == Action::Move(Move::Percent)
}
