//! What `/` looks for, the same on every screen: a text as it stands, or an expression behind `re:`.

use std::ops::Range;

use regex::Regex;

use super::payload::pattern;
use crate::domain::Session;
use crate::timeline::Turn;

/// A phrase to be found, as typed in `/`. Without capitals it minds no case.
#[derive(Debug, Clone)]
pub(crate) struct Phrase {
    pub text: String,
    expression: Regex,
}

impl PartialEq for Phrase {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Phrase {}

impl Phrase {
    /// `None` for a text without letters; else the reason why it is no expression.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let expression = pattern(text).map_err(|reason| format!("{text} is no expression: {reason}"))?;
        Ok(Some(Self { text: text.to_owned(), expression }))
    }

    /// An id that is found as it stands, whatever it begins with.
    pub(crate) fn of_id(id: &str) -> Option<Self> {
        let expression = Regex::new(&regex::escape(id)).ok()?;
        Some(Self { text: id.to_owned(), expression })
    }

    /// Whether it may ask for more than that a text stands somewhere.
    pub(crate) fn is_expression(&self) -> bool {
        self.text.starts_with("re:")
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.expression.is_match(text)
    }

    /// All places that match, in order; empty ones do not count.
    pub(crate) fn places(&self, text: &str) -> Vec<Range<usize>> {
        self.expression.find_iter(text).map(|found| found.range()).filter(|range| !range.is_empty()).collect()
    }

    pub(crate) fn expression(&self) -> &Regex {
        &self.expression
    }

    /// Whether it is in anything that the list says of a session.
    pub(crate) fn is_in_session(&self, session: &Session) -> bool {
        let some = [&session.project, &session.room, &session.git_branch].into_iter().flatten();
        let all = [session.name(), &session.id, &session.agent].into_iter().chain(some.map(String::as_str));
        all.chain(session.models.iter().map(String::as_str)).any(|text| self.is_in(text))
    }

    /// Whether it is in what the list says of a row.
    pub(crate) fn is_in_turn(&self, turn: &Turn) -> bool {
        [&turn.who, &turn.label, &turn.status].into_iter().any(|text| self.is_in(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(phrase: &str, text: &str) -> bool {
        Phrase::parse(phrase).expect("valid").expect("has letters").is_in(text)
    }

    #[test]
    fn a_phrase_is_found_as_a_whole_and_capitals_make_it_mind_case() {
        assert!(is_in("no such", "ls: No such file"));
        assert!(!is_in("No Such", "ls: No such file"));
        assert!(!is_in("no such", "such no"));
        assert!(is_in("a.b", "a.b") && !is_in("a.b", "axb"));
    }

    #[test]
    fn an_expression_stands_behind_its_sign_and_says_where_it_is_wrong() {
        assert!(is_in("re:^e\\d+$", "E404"));
        assert!(is_in("re:\\S+\\W", "a!"), "an escape is no capital");
        let reason = Phrase::parse("re:a(b").expect_err("faulty");
        assert_eq!(reason, "re:a(b is no expression: unclosed group at character 2");
        assert_eq!(Phrase::parse("   "), Ok(None));
    }
}
