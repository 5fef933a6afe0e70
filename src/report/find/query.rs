//! What is searched for: words, a phrase, a regular expression, or a text exactly as written.

use anyhow::{Result, anyhow};
use regex::{Regex, RegexBuilder};

use super::sieve::Needle;
use crate::domain::safe;

/// What lies between the words of a phrase.
const BETWEEN: &str = r"[^\p{Alphabetic}\p{Nd}]+";

/// All of its terms must occur in one text.
#[derive(Debug)]
pub struct Query {
    pub(super) terms: Vec<Term>,
    /// Whether a text can only match when every text around it does, so that looking there first saves work.
    pub(super) holds_in_parts: bool,
    /// A word that every text must hold that matches.
    pub(super) needle: Option<Needle>,
}

#[derive(Debug)]
pub(super) struct Term {
    pattern: Regex,
    /// Matches begin and end where a word does.
    words: bool,
}

impl Query {
    /// Errors say what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(pattern) = text.strip_prefix("re:") {
            let pattern = Regex::new(pattern)
                .map_err(|error| anyhow!("could not read the regular expression: {}", reason(&error)))?;
            return Ok(Self { terms: vec![Term { pattern, words: false }], holds_in_parts: false, needle: None });
        }
        if let Some(literal) = text.strip_prefix("lit:") {
            if literal.is_empty() {
                return Err(anyhow!("`lit:` is followed by nothing to search for"));
            }
            let term = Term { pattern: build(&regex::escape(literal), false)?, words: false };
            return Ok(Self { terms: vec![term], holds_in_parts: true, needle: Needle::of(words(literal)) });
        }
        let mut terms = Vec::new();
        // Outside of quotes every word is a term; inside, all words together are one.
        for (index, part) in text.split('"').enumerate() {
            let words: Vec<&str> = words(part).collect();
            if index % 2 == 0 {
                for word in words {
                    terms.push(Term { pattern: build(word, true)?, words: true });
                }
            } else if !words.is_empty() {
                terms.push(Term { pattern: build(&words.join(BETWEEN), true)?, words: true });
            }
        }
        if terms.is_empty() {
            return Err(anyhow!("`{}` holds no word to search for; `lit:` searches for signs", safe(text)));
        }
        Ok(Self { terms, holds_in_parts: true, needle: Needle::of(words(text)) })
    }

    /// Whether it is words that are searched for, and not signs.
    pub(super) fn holds_words(&self) -> bool {
        self.terms.iter().all(|term| term.words)
    }
}

/// Words are letters and digits, so they need no escaping in a pattern.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn build(pattern: &str, folded: bool) -> Result<Regex> {
    RegexBuilder::new(pattern)
        .case_insensitive(folded)
        .build()
        .map_err(|error| anyhow!("could not search for this: {}", reason(&error)))
}

/// The last line of the error says what is wrong; those above it draw where.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

impl Term {
    /// The first match that begins at `from` or behind it.
    ///
    /// Where more text follows later, a match at the very end is left to the text that shows how it goes on.
    pub(super) fn find(&self, text: &str, from: usize, more_follows: bool) -> Option<std::ops::Range<usize>> {
        let mut at = from;
        while at <= text.len() {
            let found = self.pattern.find_at(text, at)?;
            if more_follows && found.end() == text.len() {
                return None;
            }
            if !self.words || stands_alone(text, found.start(), found.end()) {
                return Some(found.range());
            }
            at = found.start() + text[found.start()..].chars().next().map_or(1, char::len_utf8);
        }
        None
    }
}

/// Whether a word begins and ends here; parts of an identifier such as `parseJson` are words too.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back().filter(|_| !ends_in_escape(&text[..start]));
    let first = text[start..].chars().next();
    let last = text[..end].chars().next_back();
    let after = text[end..].chars().next();
    is_border(before, first) && is_border(last, after)
}

fn is_border(left: Option<char>, right: Option<char>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return true };
    !left.is_alphanumeric()
        || !right.is_alphanumeric()
        || (!left.is_uppercase() && right.is_uppercase())
        || is_unspaced(left)
        || is_unspaced(right)
}

/// JSON inside a JSON string still has its escapes: the `n` of `\n` is no letter of the word behind it.
fn ends_in_escape(text: &str) -> bool {
    let mut back = text.chars().rev();
    matches!(back.next(), Some('n' | 't' | 'r')) && back.next() == Some('\\')
}

/// Scripts that put no spaces between words.
fn is_unspaced(character: char) -> bool {
    matches!(character as u32, 0x0E00..=0x0EFF | 0x1100..=0x11FF | 0x2E80..=0x9FFF | 0xAC00..=0xD7AF
        | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(query: &str, text: &str) -> bool {
        let query = Query::parse(query).expect("valid");
        query.terms.iter().all(|term| term.find(text, 0, false).is_some())
    }

    #[test]
    fn words_match_whole_in_any_order_and_case() {
        assert!(matches("refused CONNECTION", "connection refused"));
        assert!(matches("json", "parseJson(x)") && matches("err_code", "err.code"));
        assert!(!matches("cat", "concatenate") && !matches("one two", "one three"));
        assert!(matches("日本", "東京は日本の首都"));
        assert!(matches("second", r#"{"command":"first\nsecond"}"#));
    }

    #[test]
    fn a_phrase_keeps_its_order_and_a_literal_its_case() {
        assert!(matches("\"connection refused\"", "Connection, refused"));
        assert!(!matches("\"refused connection\"", "connection refused"));
        assert!(matches("lit:E_FAIL(", "x E_FAIL( y") && !matches("lit:e_fail", "E_FAIL"));
        assert!(matches("re:time(d)? ?out", "it timed out"));
    }

    #[test]
    fn what_cannot_be_searched_for_is_told() {
        for text in ["re:(", "lit:", "…", ""] {
            assert!(Query::parse(text).is_err(), "{text}");
        }
    }
}
