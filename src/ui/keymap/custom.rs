//! Keys of the user's own: rows of the table with other keys, checked against all the others.

use std::collections::HashMap;

use super::{BINDINGS, Binding, Keys, Scope, begins, compact};
use crate::ui::action::{Action, Go};

/// Other keys for one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebinding {
    /// `sessions`, `timeline`, `event` or `review`; everywhere where it is empty.
    pub place: String,
    /// The name of the action, as [`key_rows`] gives it.
    pub name: String,
    /// As help writes them: `gg`, `]e`, `^D`, `Space`, `PgDn`. Without any, the action has a name only.
    pub keys: Vec<String>,
}

/// One row of the table, for whoever wants to change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    pub place: &'static str,
    pub name: String,
    pub keys: Vec<String>,
    pub help: &'static str,
}

/// Keys that are more than one character.
const NAMED: [&str; 11] = ["Enter", "Esc", "Tab", "S-Tab", "Backspace", "Del", "Space", "PgUp", "PgDn", "Home", "End"];

/// What terminals send for other keys, or keep for themselves.
const RESERVED: [&str; 8] = ["^I", "^M", "^H", "^[", "^/", "^7", "^S", "^Q"];

/// Every row in force, place by place.
pub fn key_rows(keys: Keys) -> Vec<KeyRow> {
    let rows = |scope: Scope| keys.on(scope).map(move |binding| (scope, binding));
    Scope::ALL
        .into_iter()
        .flat_map(rows)
        .map(|(place, binding)| KeyRow {
            place: place.name(),
            name: name(binding.action),
            keys: binding.keys.iter().map(|keys| compact(keys)).collect(),
            help: binding.help,
        })
        .collect()
}

impl Keys {
    /// The table with the user's keys in it; else each thing that is wrong, with the place of the row that is.
    pub fn with(rebindings: &[Rebinding]) -> Result<Self, Vec<(usize, String)>> {
        let mut rows = BINDINGS.to_vec();
        let mut wrong = Vec::new();
        let mut changed = HashMap::new();
        // What is said of one place goes before what is said of all.
        let (general, own): (Vec<usize>, Vec<usize>) =
            (0..rebindings.len()).partition(|index| rebindings[*index].place.is_empty());
        for index in general.into_iter().chain(own) {
            match rebind(&mut rows, &rebindings[index]) {
                Ok(action) => {
                    changed.insert(name(action), index);
                }
                Err(reason) => wrong.push((index, reason)),
            }
        }
        if wrong.is_empty() {
            wrong = conflicts(&rows, &changed);
        }
        // The keys are read until the program ends.
        if wrong.is_empty() { Ok(Self(Box::leak(rows.into_boxed_slice()))) } else { Err(wrong) }
    }
}

/// Gives the rows of an action other keys, in one place or in all of them.
fn rebind(rows: &mut Vec<Binding>, wanted: &Rebinding) -> Result<Action, String> {
    let places: Vec<Scope> = match wanted.place.as_str() {
        "" => Scope::ALL.to_vec(),
        named => Scope::ALL.into_iter().filter(|place| place.name().to_lowercase() == named).collect(),
    };
    let meant = |binding: &Binding| {
        name(binding.action) == wanted.name && binding.on.iter().any(|place| places.contains(place))
    };
    let action = rows.iter().find(|binding| meant(binding)).map(|binding| binding.action);
    let action = action.ok_or_else(|| unknown(&wanted.name, &wanted.place))?;
    let keys = wanted.keys.iter().map(|keys| sequence(keys)).collect::<Result<Vec<String>, String>>()?;
    if keys.is_empty() && action == Action::Go(Go::Interrupt) {
        return Err("go-interrupt needs a key: nothing else cancels what runs".to_owned());
    }
    if matches!(action, Action::Decide(_)) && keys.iter().any(|keys| keys.contains(' ')) {
        return Err("the review takes single keys".to_owned());
    }
    let keys: &'static [&'static str] = Vec::leak(keys.into_iter().map(|keys| &*String::leak(keys)).collect());
    let mut done: Vec<Scope> = Vec::new();
    let mut result = Vec::with_capacity(rows.len() + 1);
    for row in rows.drain(..) {
        if !meant(&row) {
            result.push(row);
            continue;
        }
        let (here, elsewhere): (Vec<Scope>, Vec<Scope>) = row.on.iter().partition(|place| places.contains(place));
        // Several rows may do the same; the first one takes the keys.
        let here: Vec<Scope> = here.into_iter().filter(|place| !done.contains(place)).collect();
        done.extend(&here);
        if !elsewhere.is_empty() {
            result.push(Binding { on: Vec::leak(elsewhere), ..row });
        }
        if !here.is_empty() {
            result.push(Binding { on: Vec::leak(here), keys, ..row });
        }
    }
    *rows = result;
    Ok(action)
}

fn unknown(name: &str, place: &str) -> String {
    let known = BINDINGS.iter().map(|binding| super::custom::name(binding.action));
    let near = known.filter(|known| known.split('-').any(|word| name.split('-').any(|typed| typed == word)));
    let mut near: Vec<String> = near.collect();
    near.sort_by_key(|known| distance(known, name));
    near.dedup();
    let hint = near.first().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    let place = if place.is_empty() { String::new() } else { format!(" on {place}") };
    format!("no action `{name}`{place}{hint} (`turnscope config keys` lists them)")
}

/// How many words two names do not share.
fn distance(one: &str, other: &str) -> usize {
    let words =
        |text: &str, of: &str| text.split('-').filter(|word| !of.split('-').any(|known| known == *word)).count();
    words(one, other) + words(other, one)
}

/// Keys that two rows of a place claim, or that keep another sequence from being typed.
fn conflicts(rows: &[Binding], changed: &HashMap<String, usize>) -> Vec<(usize, String)> {
    let mut wrong: Vec<(usize, String)> = Vec::new();
    for place in Scope::ALL {
        let claims: Vec<(&str, String)> = rows
            .iter()
            .filter(|row| row.on.contains(&place))
            .flat_map(|row| row.keys.iter().map(|keys| (*keys, name(row.action))))
            .collect();
        for (at, (keys, action)) in claims.iter().enumerate() {
            for (other, beside) in claims
                .iter()
                .skip(at + 1)
                .filter(|(other, _)| *other == *keys || begins(other, keys) || begins(keys, other))
            {
                let Some(index) = changed.get(action).or_else(|| changed.get(beside)) else { continue };
                let (keys, other, place) = (compact(keys), compact(other), place.name());
                let reason = if keys == other {
                    format!("`{keys}` on {place} is both {action} and {beside}: give one of them other keys")
                } else {
                    format!(
                        "`{keys}` ({action}) and `{other}` ({beside}) begin alike on {place}: one of them would never come"
                    )
                };
                wrong.push((*index, reason));
            }
        }
    }
    wrong.dedup();
    wrong
}

/// `]e` or `] e` as the table writes it, with spaces between keys; an error says what is no key.
fn sequence(text: &str) -> Result<String, String> {
    let mut keys: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if is_key(word) {
            keys.push(word.to_owned());
        } else {
            keys.extend(word.chars().map(String::from));
        }
    }
    let reserved = keys.iter().find(|key| RESERVED.contains(&key.as_str()));
    match (keys.first(), reserved) {
        (None, _) => Err("a key is empty".to_owned()),
        (_, Some(key)) => Err(format!("`{key}` cannot be bound: terminals send it for another key")),
        (Some(first), _) if first.starts_with(|first: char| first.is_ascii_digit()) => {
            Err(format!("`{text}` cannot be bound: digits are counts"))
        }
        _ if keys.iter().any(|key| key.chars().count() == 1 && key.chars().any(|letter| !is_typed(letter))) => {
            Err(format!("`{text}` holds what no key sends"))
        }
        _ => Ok(keys.join(" ")),
    }
}

fn is_typed(letter: char) -> bool {
    !letter.is_control() && !letter.is_whitespace()
}

/// Whether a word is one key and not several.
fn is_key(word: &str) -> bool {
    let plain = word.strip_prefix("Alt-").unwrap_or(word);
    let single = plain.chars().count() == 1;
    let control = plain.strip_prefix('^').is_some_and(|letter| {
        letter.chars().count() == 1 && letter.chars().all(|letter| letter.is_uppercase() || "[/7\\]_".contains(letter))
    });
    let function = plain.strip_prefix('F').is_some_and(|number| (1..=12).any(|known| known.to_string() == number));
    single || control || function || NAMED.contains(&plain)
}

/// The name of an action, made of its words: `find-next-error`.
fn name(action: Action) -> String {
    let mut name = String::new();
    for letter in format!("{action:?}").chars() {
        match letter {
            '(' => name.push('-'),
            ')' => {}
            letter if letter.is_uppercase() => {
                if !name.is_empty() && !name.ends_with('-') {
                    name.push('-');
                }
                name.extend(letter.to_lowercase());
            }
            letter => name.push(letter),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::keymap::{Lookup, Place};

    fn rebinding(place: &str, name: &str, keys: &[&str]) -> Rebinding {
        let keys = keys.iter().map(|keys| (*keys).to_owned()).collect();
        Rebinding { place: place.to_owned(), name: name.to_owned(), keys }
    }

    fn wrong(rebindings: &[Rebinding]) -> Vec<(usize, String)> {
        Keys::with(rebindings).expect_err("wrong")
    }

    fn found(keys: Keys, place: Place, typed: &str) -> Option<String> {
        match keys.lookup(place, typed) {
            Lookup::Found(binding) => Some(name(binding.action)),
            Lookup::Prefix | Lookup::Nothing => None,
        }
    }

    #[test]
    fn a_row_takes_other_keys_and_all_that_is_computed_follows() {
        let keys = Keys::with(&[rebinding("", "find-search", &["^F"]), rebinding("", "move-page-down", &["PgDn"])]);
        let keys = keys.expect("sound");
        assert_eq!(found(keys, Place::Timeline, "^F").as_deref(), Some("find-search"));
        assert_eq!(found(keys, Place::Event, "/"), None);
        assert!(keys.footer(Place::Timeline, 200, |_| true).iter().any(|hint| *hint == ("^F".to_owned(), "search")));
        assert!(keys.help_rows(Place::Timeline, "search ^F").iter().any(|row| row.binding.keys == ["^F"]));
    }

    #[test]
    fn one_place_may_have_keys_of_its_own() {
        let keys = Keys::with(&[rebinding("timeline", "find-next-error", &["X", "g e"])]).expect("sound");
        assert_eq!(found(keys, Place::Timeline, "X").as_deref(), Some("find-next-error"));
        assert_eq!(found(keys, Place::Timeline, "g e").as_deref(), Some("find-next-error"));
        assert_eq!((found(keys, Place::Timeline, "e"), found(keys, Place::Timeline, "] e")), (None, None));
        assert_eq!(found(keys, Place::Sessions, "e").as_deref(), Some("find-next-error"));
    }

    #[test]
    fn keys_may_change_places() {
        let keys = Keys::with(&[rebinding("", "find-next-hit", &["N"]), rebinding("", "find-prior-hit", &["n"])]);
        let keys = keys.expect("sound");
        assert_eq!(found(keys, Place::Sessions, "n").as_deref(), Some("find-prior-hit"));
    }

    #[test]
    fn what_collides_is_told_with_both_names() {
        let told = wrong(&[rebinding("", "find-search", &["n"])]);
        assert!(told.iter().all(|(index, _)| *index == 0) && !told.is_empty());
        assert!(told[0].1.contains("`n` on Sessions is both find-search and find-next-hit"), "{told:?}");
        let told = wrong(&[rebinding("event", "look-raw", &["g"])]);
        assert!(told[0].1.contains("begin alike on Event"), "{told:?}");
    }

    #[test]
    fn what_is_no_key_or_no_action_is_told() {
        for (name, keys, reason) in [
            ("find-serch", "x", "did you mean `find-search`?"),
            ("find-search", "^I", "another key"),
            ("find-search", "5", "digits are counts"),
            ("find-search", " ", "is empty"),
        ] {
            let told = wrong(&[rebinding("", name, &[keys])]);
            assert!(told[0].1.contains(reason), "{told:?}");
        }
        assert!(wrong(&[rebinding("sessions", "look-raw", &["r"])])[0].1.contains("no action `look-raw` on sessions"));
        assert!(wrong(&[rebinding("", "go-interrupt", &[])])[0].1.contains("needs a key"));
    }

    #[test]
    fn every_row_can_be_written_as_it_is() {
        for row in key_rows(Keys::default()) {
            for keys in &row.keys {
                let written = sequence(keys).expect("a key");
                assert_eq!(compact(&written), *keys, "{}", row.name);
            }
        }
    }
}
