//! Completes a filter while it is typed: fields first, then the values that the session itself has.

use std::collections::BTreeMap;
use std::ops::Range;

use super::field::Sort;
use super::parse::ends_word;
use super::print::value;
use super::{Feature, Field, Pattern, Scope};
use crate::domain::Kind;

/// The words that can be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    pub scope: Scope,
    /// Values that occur, by field.
    pub values: BTreeMap<Field, Vec<String>>,
    /// Names of saved filters.
    pub saved: Vec<String>,
}

/// What may stand in the place of what is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The bytes that a candidate replaces.
    pub range: Range<usize>,
    pub candidates: Vec<String>,
}

impl Completion {
    /// What all candidates begin with.
    pub fn common(&self) -> Option<&str> {
        let first = self.candidates.first()?;
        let mut end = first.len();
        for other in &self.candidates[1..] {
            let same = first.char_indices().zip(other.chars()).take_while(|((_, one), other)| one == other);
            end = end.min(same.map(|((at, letter), _)| at + letter.len_utf8()).last().unwrap_or(0));
        }
        Some(&first[..end])
    }
}

/// What may follow at the cursor, a byte offset.
pub fn complete(text: &str, cursor: usize, vocabulary: &Vocabulary) -> Completion {
    let before = text.get(..cursor).unwrap_or(text);
    let start = token_start(before);
    let token = &before[start..];
    if let Some(name) = token.strip_prefix('@') {
        let names = vocabulary.saved.iter().map(|name| format!("@{name}")).collect();
        return Completion { range: start..before.len(), candidates: fitting(names, &format!("@{name}")) };
    }
    let sign = token.find([':', '=', '>', '<', '~']).filter(|at| *at > 0);
    let field = sign.and_then(|at| Field::parse(token[..at].trim_end()));
    match (sign, field) {
        (Some(at), Some(field)) => {
            let written = token[at..].trim_start_matches([':', '=', '>', '<']);
            let from = start + token.len() - written.len() + last_value(written);
            let typed = before[from..].trim_start_matches('"');
            let values: Vec<String> = fitting(values_of(field, vocabulary), typed);
            let candidates = values.iter().map(|text| value(&Pattern::exactly(text))).collect();
            Completion { range: from..before.len(), candidates }
        }
        (Some(_), None) => Completion { range: before.len()..before.len(), candidates: Vec::new() },
        (None, _) => Completion { range: start..before.len(), candidates: fitting(names(vocabulary), token) },
    }
}

/// Where the word begins in which the text ends; spaces in quotes are a part of it.
fn token_start(text: &str) -> usize {
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '"' if !escaped => quoted = !quoted,
            letter if !quoted && !escaped && letter != '"' && ends_word(letter) => start = at + letter.len_utf8(),
            _ => {}
        }
        escaped = false;
    }
    start
}

/// Where the last of several values begins.
fn last_value(written: &str) -> usize {
    let (mut start, mut quoted) = (0, false);
    for (at, letter) in written.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => start = at + 1,
            _ => {}
        }
    }
    start
}

/// The names that open a test, each with the sign that mostly follows.
fn names(vocabulary: &Vocabulary) -> Vec<String> {
    let fields = Field::all(vocabulary.scope).map(|field| {
        let sign = if matches!(field.sort(), Sort::Number | Sort::Span | Sort::Moment) { '>' } else { ':' };
        format!("{}{sign}", field.name())
    });
    fields.chain(["not ".to_owned(), "or ".to_owned()]).collect()
}

fn values_of(field: Field, vocabulary: &Vocabulary) -> Vec<String> {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let mut values = match field.sort() {
        Sort::Name => Kind::ALL.into_iter().map(|kind| kind.name().to_owned()).collect(),
        Sort::Has => Feature::all(vocabulary.scope).map(|feature| feature.name().to_owned()).collect(),
        Sort::Bound => own(&["10m", "1h", "1d", "+10m"]),
        _ if field == Field::Status => own(&["error", "ok", "no result", "no call", "bad"]),
        _ => Vec::new(),
    };
    for value in vocabulary.values.get(&field).into_iter().flatten() {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    values
}

/// Those that begin with what is typed, else those that hold it.
fn fitting(words: Vec<String>, typed: &str) -> Vec<String> {
    let typed = typed.to_lowercase();
    let begins = |word: &&String| word.to_lowercase().starts_with(&typed);
    let found: Vec<String> = words.iter().filter(begins).cloned().collect();
    if !found.is_empty() {
        return found;
    }
    words.into_iter().filter(|word| word.to_lowercase().contains(&typed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let tools = ["Bash", "canvas.create", "canvas.delete", "my tool"].map(str::to_owned).to_vec();
        Vocabulary {
            scope: Scope::Rows,
            values: BTreeMap::from([(Field::Tool, tools)]),
            saved: vec!["slow".to_owned()],
        }
    }

    fn offered(text: &str) -> (Range<usize>, Vec<String>) {
        let completion = complete(text, text.len(), &vocabulary());
        (completion.range, completion.candidates)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn fields_come_first_then_values_then_names() {
        assert_eq!(offered("kind:tool to"), (10..12, words(&["tool:", "tokens>"])));
        assert_eq!(offered("kind:to"), (5..7, words(&["tool"])));
        assert_eq!(offered("(tool:can"), (6..9, words(&["canvas.create", "canvas.delete"])));
        assert_eq!(offered("tool:Bash,my"), (10..12, words(&["\"my tool\""])));
        assert_eq!(offered("tool:\"my t"), (5..10, words(&["\"my tool\""])));
        assert_eq!(offered("has:tr"), (4..6, words(&["truncated"])));
        assert_eq!(offered("not @"), (4..5, words(&["@slow"])));
        assert_eq!(offered("http://x"), (8..8, vec![]));
        assert_eq!(offered("tool:delete"), (5..11, words(&["canvas.delete"])));
    }

    #[test]
    fn what_all_candidates_begin_with_is_known() {
        let common = |text: &str| complete(text, text.len(), &vocabulary()).common().map(str::to_owned);
        assert_eq!(common("tool:can").as_deref(), Some("canvas."));
        assert_eq!(common("tool:nothing"), None);
    }
}
