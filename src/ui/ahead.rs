//! Keys that are typed ahead: they wait until what they are meant for is on the screen.

use std::collections::VecDeque;

use super::key::Key;
use super::keymap::Place;
use super::state::State;

/// More keys than anybody types while waiting.
const MOST: usize = 200;

/// Keys that wait, in order.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    keys: VecDeque<Key>,
}

impl Ahead {
    /// Takes a key that was typed; answers with it where it can be done now.
    ///
    /// Esc, ^C and F1 forget what waits; a lone `q` need not wait for what is to be left, nor `?` for what it explains:
    /// who waits for a server that is silent must be able to see what can be done.
    pub(crate) fn press(&mut self, key: Key, state: &State) -> Option<Key> {
        let forgets = matches!(key.name(), "Esc" | "^C" | "F1");
        if forgets {
            self.keys.clear();
        }
        let needs_nothing = matches!(key.name(), "q" | "Q" | "^Z" | "^L" | "?") && self.keys.is_empty();
        if forgets || needs_nothing || self.keys.is_empty() && is_ready(state) {
            return Some(key);
        }
        if self.keys.len() < MOST {
            self.keys.push_back(key);
        }
        None
    }

    /// The next key that waits, once it can be done.
    pub(crate) fn next(&mut self, state: &State) -> Option<Key> {
        if is_ready(state) { self.keys.pop_front() } else { None }
    }
}

/// Whether there is something on the screen that keys can be for.
fn is_ready(state: &State) -> bool {
    let sessions = &state.sessions;
    match (state.place, &state.timeline) {
        // What could not be read is not waited for.
        _ if state.panel.is_some() || state.notice.as_ref().is_some_and(|notice| notice.bad) => true,
        (Place::Sessions, _) => sessions.loaded && (!sessions.lines.is_empty() || state.import.is_none()),
        (Place::Timeline, Some(timeline)) => !timeline.rows.is_empty() || timeline.complete || !timeline.reading,
        (Place::Timeline | Place::Event, _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::tests::bench::options;

    fn state() -> State {
        State::new(&options(), 80, 24)
    }

    fn key(name: &str) -> Key {
        Key(name.to_owned())
    }

    #[test]
    fn keys_typed_before_the_list_is_here_wait_for_it_in_order() {
        let (mut ahead, mut state) = (Ahead::default(), state());
        for name in ["j", "q", "Enter"] {
            assert_eq!(ahead.press(key(name), &state), None);
        }
        assert_eq!(ahead.next(&state), None);
        state.sessions.loaded = true;
        let done: Vec<Key> = std::iter::from_fn(|| ahead.next(&state)).collect();
        assert_eq!(done, [key("j"), key("q"), key("Enter")]);
        assert_eq!(ahead.press(key("j"), &state), Some(key("j")));
    }

    #[test]
    fn help_need_not_wait_unless_it_may_be_text_for_what_waits() {
        let (mut ahead, state) = (Ahead::default(), state());
        assert_eq!(ahead.press(key("?"), &state), Some(key("?")));
        assert_eq!(ahead.press(key("/"), &state), None);
        assert_eq!(ahead.press(key("?"), &state), None);
        assert_eq!(ahead.press(key("F1"), &state), Some(key("F1")));
        assert_eq!(ahead.press(key("?"), &state), Some(key("?")), "nothing waits any more");
    }

    #[test]
    fn what_could_not_be_read_is_not_waited_for() {
        let (mut ahead, mut state) = (Ahead::default(), state());
        assert_eq!(ahead.press(key("j"), &state), None);
        state.warn("the store is damaged");
        assert_eq!(ahead.next(&state), Some(key("j")));
        assert_eq!(ahead.press(key("j"), &state), Some(key("j")));
    }

    #[test]
    fn esc_forgets_what_waits_and_q_alone_need_not_wait() {
        let (mut ahead, mut state) = (Ahead::default(), state());
        assert_eq!(ahead.press(key("q"), &state), Some(key("q")));
        assert_eq!(ahead.press(key("j"), &state), None);
        assert_eq!(ahead.press(key("Esc"), &state), Some(key("Esc")));
        state.sessions.loaded = true;
        assert_eq!(ahead.next(&state), None);
    }
}
