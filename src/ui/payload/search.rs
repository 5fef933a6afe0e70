//! Search inside a payload, folded parts included.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::compose::Stream;
use super::document::{Document, LineKind};

/// More hits than this are not kept.
pub const MOST_HITS: usize = 50_000;

/// One place that matches; `start` and `end` are bytes of the line's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    pub line: usize,
    pub start: usize,
    pub end: usize,
}

/// What to search for: a literal text, or an expression behind `re:`; capitals make it mind case.
pub fn pattern(text: &str) -> Result<Regex, String> {
    let (expression, literal) = match text.strip_prefix("re:") {
        Some(expression) => (expression.to_owned(), false),
        None => (regex::escape(text), true),
    };
    let minds_case = if literal { text.chars().any(char::is_uppercase) } else { has_capitals(&expression) };
    RegexBuilder::new(&expression).case_insensitive(!minds_case).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
        error => in_one_line(&error.to_string()),
    })
}

/// Whether an expression names a capital; `\S` and its like are none.
pub(crate) fn has_capitals(expression: &str) -> bool {
    let mut letters = expression.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter.is_uppercase() {
            return true;
        }
    }
    false
}

/// What is wrong with an expression and where; regex says it in several lines, with a sign below the place.
fn in_one_line(error: &str) -> String {
    let what = error.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(error);
    let sign = error.lines().find(|line| line.trim_start().starts_with('^'));
    // The expression is shown four columns further right.
    match sign.and_then(|line| line.find('^')).and_then(|column| column.checked_sub(3)) {
        Some(place) => format!("{what} at character {place}"),
        None => what.to_owned(),
    }
}

/// All places that match, in order; empty matches do not count.
pub(super) fn find(document: &Document, expression: &Regex) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut stream = Stream::default();
    let mut number = 0;
    while number < document.lines.len() && hits.len() < MOST_HITS {
        let line = &document.lines[number];
        if line.kind == LineKind::Hex {
            number = find_bytes(document, expression, number, &mut hits);
            continue;
        }
        stream.refill(document, line, false);
        let bytes = stream.bytes();
        let text = readable(&bytes);
        let found = expression.find_iter(&text).filter(|found| !found.is_empty());
        for found in found.take(MOST_HITS - hits.len()) {
            hits.push(Hit { line: number, start: found.start(), end: found.end() });
        }
        number += 1;
    }
    hits
}

/// Searches all bytes of one part in the hex view, where a hit may go over several lines.
fn find_bytes(document: &Document, expression: &Regex, first: usize, hits: &mut Vec<Hit>) -> usize {
    let start = document.lines[first].start as usize;
    let node = document.lines[first].node;
    let after = first + document.lines[first..].partition_point(|line| line.node == node && line.kind == LineKind::Hex);
    let end = document.lines[after - 1].end as usize;
    let text = readable(&document.text[start..end]);
    let size = super::document::HEX_BYTES;
    for found in expression.find_iter(&text).filter(|found| !found.is_empty()) {
        for line in found.start() / size..=(found.end() - 1) / size {
            let from = found.start().saturating_sub(line * size);
            let to = (found.end() - line * size).min(size);
            hits.push(Hit { line: first + line, start: from, end: to });
        }
        if hits.len() >= MOST_HITS {
            break;
        }
    }
    after
}

/// Bytes as text of the same length: what is no text becomes a control character that nobody searches for.
pub(super) fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n('\u{1a}', chunk.invalid().len()));
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::super::source::{Hint, Mode, Part, Payload};
    use super::*;

    fn hits(bytes: &[u8], mode: Mode, text: &str) -> Vec<(usize, usize, usize)> {
        let part = Part::whole("", bytes.to_vec(), Hint::default());
        let document = Document::new(Payload { parts: vec![part] }, mode);
        let found = find(&document, &pattern(text).expect("valid"));
        found.into_iter().map(|hit| (hit.line, hit.start, hit.end)).collect()
    }

    #[test]
    fn finds_decoded_text_and_keys() {
        let json = br#"{"Key":"one \"two\"\nthree","n":2}"#;
        assert_eq!(hits(json, Mode::Pretty, "\"two\""), [(2, 4, 9)]);
        assert_eq!(hits(json, Mode::Pretty, "key"), [(1, 1, 4)]);
        assert_eq!(hits(json, Mode::Pretty, "kEy"), []);
        assert_eq!(hits(json, Mode::Pretty, "re:^thr.."), [(3, 0, 5)]);
    }

    #[test]
    fn offsets_hold_behind_bytes_that_are_no_text() {
        assert_eq!(hits(b"\xff\xfeab\nab", Mode::Raw, "ab"), [(0, 2, 4), (1, 0, 2)]);
    }

    #[test]
    fn a_hit_in_the_hex_view_goes_over_lines() {
        assert_eq!(hits(b"0123456789abcdefghij", Mode::Hex, "efgh"), [(0, 14, 16), (1, 0, 2)]);
    }

    #[test]
    fn a_bad_expression_says_why() {
        assert!(pattern("re:(").expect_err("faulty").contains("unclosed group"));
        assert!(pattern("(").is_ok());
    }
}
