//! Colours for JSON as written: a lexer that can begin anywhere it knows whether it is inside a string.

use std::ops::Range;

use super::super::compose::Ink;

/// How far the end of a string is looked for, to tell a name from a value.
const LOOK_AHEAD: usize = 4096;

/// Whether the text at some offset is inside a string, and right behind a backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State {
    pub(super) in_string: bool,
    pub(super) escaped: bool,
}

/// The state behind some text.
pub(super) fn skip(text: &[u8], mut state: State) -> State {
    let mut at = usize::from(state.escaped && !text.is_empty());
    state.escaped &= text.is_empty();
    while let Some(found) = memchr::memchr2(b'"', b'\\', &text[at..]) {
        at += found + 1;
        if text[at - 1] == b'"' {
            state.in_string = !state.in_string;
        } else if state.in_string {
            if at == text.len() {
                state.escaped = true;
                break;
            }
            at += 1;
        }
    }
    state
}

/// The tokens of a window of a line.
pub(super) fn tokens(line: &[u8], window: Range<usize>, state: State) -> Vec<(Range<usize>, Ink)> {
    let mut tokens = Vec::new();
    let mut at = window.start;
    if state.in_string {
        let end = string_end(line, at + usize::from(state.escaped));
        tokens.push((at..end.min(window.end), ink_of_string(line, end)));
        at = end;
    }
    while at < window.end {
        let byte = line[at];
        let (end, ink) = match byte {
            b'"' => {
                let end = string_end(line, at + 1);
                (end, ink_of_string(line, end))
            }
            b',' if is_between_numbers(line, at) => (at + 1, Ink::Number),
            b'{' | b'}' | b'[' | b']' | b':' | b',' => (at + 1, Ink::Punctuation),
            b'-' | b'0'..=b'9' => (word_end(line, at), Ink::Number),
            b't' | b'f' | b'n' => (word_end(line, at), Ink::Literal),
            _ => (at + 1, Ink::Body),
        };
        if ink != Ink::Body {
            tokens.push((at..end.min(window.end), ink));
        }
        at = end;
    }
    tokens
}

/// A page of small numbers would change its colour at every byte, which is slow to send and no help to read.
fn is_between_numbers(line: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| line.get(before));
    let after = line.get(at + 1);
    before.is_some_and(u8::is_ascii_digit) && after.is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-')
}

/// Where a string ends, its quote included; at most so far ahead.
fn string_end(line: &[u8], start: usize) -> usize {
    let most = line.len().min(start + LOOK_AHEAD.max(1));
    let mut at = start.min(most);
    while let Some(found) = memchr::memchr2(b'"', b'\\', &line[at..most]) {
        at += found + 1;
        if line[at - 1] == b'"' {
            return at;
        }
        at = (at + 1).min(most);
    }
    // A longer string: its end is behind every window that begins before it.
    line.len().min(start + (1 << 16)).max(most)
}

fn ink_of_string(line: &[u8], end: usize) -> Ink {
    let next = line.get(end..).and_then(|rest| rest.iter().take(8).find(|byte| !byte.is_ascii_whitespace()));
    if next == Some(&b':') { Ink::Key } else { Ink::String }
}

fn word_end(line: &[u8], start: usize) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let length = line[start..].iter().take(64).position(|byte| !is_word(byte)).unwrap_or(64);
    line.len().min(start + length.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inks(text: &str) -> Vec<(String, Ink)> {
        let tokens = tokens(text.as_bytes(), 0..text.len(), State::default());
        tokens.into_iter().map(|(range, ink)| (text[range].to_owned(), ink)).collect()
    }

    #[test]
    fn tells_names_from_strings() {
        let tokens = inks(r#"{"a\"b" : "c", "d":[-1.5e3,true]}"#);
        assert_eq!(tokens[1], (r#""a\"b""#.to_owned(), Ink::Key));
        assert_eq!(tokens[3], (r#""c""#.to_owned(), Ink::String));
        assert_eq!(tokens[8], ("-1.5e3".to_owned(), Ink::Number));
        assert_eq!(tokens[10], ("true".to_owned(), Ink::Literal));
    }

    #[test]
    fn a_comma_between_numbers_looks_like_them() {
        let commas: Vec<Ink> =
            inks(r#"[1,-2,"3",4]"#).into_iter().filter(|(text, _)| text == ",").map(|(_, ink)| ink).collect();
        assert_eq!(commas, [Ink::Number, Ink::Punctuation, Ink::Punctuation]);
    }

    #[test]
    fn the_state_is_the_same_whatever_the_cut() {
        let text = br#"{"a\\":"b\"c","d":"e\\\"f"} "g"#;
        let whole = skip(text, State::default());
        for cut in 0..text.len() {
            assert_eq!(skip(&text[cut..], skip(&text[..cut], State::default())), whole, "cut at {cut}");
        }
        assert!(whole.in_string);
    }
}
