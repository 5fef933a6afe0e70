//! Keys as one table: dispatch, footer, help and the README are computed from it.

mod custom;
mod help;
mod table;

pub use custom::{KeyRow, Rebinding, key_rows};
pub use help::readme_table;
pub(crate) use help::{compact, keys};
pub(crate) use table::BINDINGS;

use super::action::Action;

/// The three levels, as the table names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Sessions,
    Timeline,
    Event,
}

impl Place {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 3] = [Self::Sessions, Self::Timeline, Self::Event];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sessions => "Sessions",
            Self::Timeline => "Timeline",
            Self::Event => "Event",
        }
    }
}

/// Where keys mean something of their own: a level, or what lies over all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    At(Place),
    /// The review of a redacted export.
    Review,
}

impl From<Place> for Scope {
    fn from(place: Place) -> Self {
        Self::At(place)
    }
}

impl Scope {
    pub(crate) const LEVELS: [Self; 3] = [Self::At(Place::Sessions), Self::At(Place::Timeline), Self::At(Place::Event)];
    pub(crate) const ALL: [Self; 4] =
        [Self::At(Place::Sessions), Self::At(Place::Timeline), Self::At(Place::Event), Self::Review];

    /// The word by which the configuration calls it, but for the case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::At(place) => place.name(),
            Self::Review => "Review",
        }
    }
}

/// What a row of the table is about; help is ordered by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Move,
    Go,
    Find,
    Show,
    Payload,
    Keep,
    Program,
}

impl Group {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Move => "Move",
            Self::Go => "Go",
            Self::Find => "Find",
            Self::Show => "Show",
            Self::Payload => "Payload",
            Self::Keep => "Mark, copy, export",
            Self::Program => "Program",
        }
    }
}

/// One row: where, which keys, what, and the words for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding {
    pub on: &'static [Scope],
    /// Each one key or a sequence of keys with spaces between: `j`, `g g`.
    pub keys: &'static [&'static str],
    pub action: Action,
    pub help: &'static str,
    pub group: Group,
    /// The word in the last line; empty where it is not shown there.
    pub hint: &'static str,
}

/// What the keys typed so far mean.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lookup {
    Found(&'static Binding),
    /// More keys must follow.
    Prefix,
    Nothing,
}

/// The keys that are in force: those of the table, or with the user's own in some rows.
#[derive(Debug, Clone, Copy)]
pub struct Keys(&'static [Binding]);

impl Default for Keys {
    fn default() -> Self {
        Self(BINDINGS)
    }
}

impl Keys {
    /// The rows of a level, or of what lies over it.
    pub(crate) fn on(self, scope: impl Into<Scope>) -> impl Iterator<Item = &'static Binding> {
        let scope = scope.into();
        self.0.iter().filter(move |binding| binding.on.contains(&scope))
    }

    pub(crate) fn all(self) -> impl Iterator<Item = &'static Binding> {
        self.0.iter()
    }

    /// Looks up keys typed so far, with spaces between them.
    pub(crate) fn lookup(self, scope: impl Into<Scope>, typed: &str) -> Lookup {
        let scope = scope.into();
        if let Some(found) = self.on(scope).find(|binding| binding.keys.contains(&typed)) {
            return Lookup::Found(found);
        }
        if self.on(scope).any(|binding| binding.keys.iter().any(|keys| begins(keys, typed))) {
            return Lookup::Prefix;
        }
        Lookup::Nothing
    }

    /// The rows that go on from a prefix, each with the keys that are still to be typed.
    pub(crate) fn continuations(self, place: Place, typed: &str) -> Vec<(&'static str, &'static Binding)> {
        self.on(place)
            .flat_map(|binding| binding.keys.iter().map(move |keys| (*keys, binding)))
            .filter_map(|(keys, binding)| {
                let rest = keys.strip_prefix(typed)?.strip_prefix(' ')?;
                Some((rest, binding))
            })
            .collect()
    }
}

fn begins(keys: &str, typed: &str) -> bool {
    keys.strip_prefix(typed).is_some_and(|rest| rest.starts_with(' '))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ui::list::Move;

    fn keys_on(scope: Scope) -> impl Iterator<Item = &'static str> {
        BINDINGS
            .iter()
            .filter(move |binding| binding.on.contains(&scope))
            .flat_map(|binding| binding.keys.iter().copied())
    }

    #[test]
    fn no_key_stands_twice_on_one_screen_and_none_hides_a_sequence() {
        for place in Scope::ALL {
            let mut seen = HashSet::new();
            for keys in keys_on(place) {
                assert!(seen.insert(keys), "{keys} twice on {}", place.name());
            }
            for keys in keys_on(place) {
                for longer in keys_on(place) {
                    assert!(!begins(longer, keys), "{keys} hides {longer} on {}", place.name());
                }
            }
        }
    }

    #[test]
    fn every_key_has_a_name_that_a_terminal_can_send() {
        let named = ["Enter", "Esc", "Tab", "S-Tab", "Backspace", "Space", "PgUp", "PgDn", "Home", "End", "F1", "F3"];
        for key in BINDINGS.iter().flat_map(|binding| binding.keys).flat_map(|keys| keys.split(' ')) {
            let single = key.chars().count() == 1;
            let control = key.strip_prefix('^').is_some_and(|letter| letter.len() == 1);
            assert!(single || control || named.contains(&key), "{key}");
        }
    }

    #[test]
    fn reserved_keys_are_not_bound() {
        for key in BINDINGS.iter().flat_map(|binding| binding.keys).flat_map(|keys| keys.split(' ')) {
            assert!(!["^I", "^M", "^H", "^[", "^/", "^7", "^S", "^Q"].contains(&key), "{key}");
        }
    }

    #[test]
    fn digits_are_left_to_counts() {
        for place in Scope::ALL {
            assert!(keys_on(place).all(|keys| !keys.starts_with(|first: char| first.is_ascii_digit())));
        }
    }

    #[test]
    fn a_sequence_is_a_prefix_until_it_is_whole() {
        assert!(matches!(Keys::default().lookup(Place::Timeline, "g"), Lookup::Prefix));
        assert!(
            matches!(Keys::default().lookup(Place::Timeline, "g g"), Lookup::Found(found) if found.action == Action::Move(Move::Top))
        );
        assert!(matches!(Keys::default().lookup(Place::Timeline, "g 0"), Lookup::Nothing));
        assert!(Keys::default().continuations(Place::Timeline, "]").iter().any(|(rest, _)| *rest == "e"));
    }
}
