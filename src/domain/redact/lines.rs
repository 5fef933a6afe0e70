//! Values on the lines below a name, and what YAML puts before a value: anchors, tags, comments.

use std::ops::Range;

use super::value::{
    LONGEST_VALUE, MOST_ITEMS, Value, closed, newline_at, quote_at, quoted, skip_blanks, trimmed, worded,
};

/// No tag or anchor is longer, and no more of them stand before a value.
const LONGEST_MARK: usize = 64;
const MOST_MARKS: usize = 3;
/// Tags whose value is the name of something.
const REFERRING: [&[u8]; 8] =
    [b"!secret", b"!Ref", b"!ref", b"!GetAtt", b"!reference", b"!env", b"!include", b"!ImportValue"];

/// Where a value begins behind its tags and anchors; `None` where it is but the name of something.
pub(super) fn behind_marks(text: &[u8], at: usize) -> Option<usize> {
    let mut at = at;
    for _ in 0..MOST_MARKS {
        let rest = &text[at.min(text.len())..text.len().min(at + LONGEST_MARK)];
        let named =
            |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'!' | b'.' | b':' | b'/');
        let size = match rest.first() {
            Some(b'!' | b'&') => 1 + rest[1..].iter().take_while(named).count(),
            _ => break,
        };
        let ends = matches!(rest.get(size), Some(b' ' | b'\t')) || newline_at(text, at + size) > 0;
        if size < 2 || !ends {
            break;
        }
        if REFERRING.contains(&&rest[..size]) {
            return None;
        }
        at = skip_blanks(text, at + size);
    }
    Some(at)
}

/// The end of the line where nothing but a comment stands from a place on; else that place.
pub(super) fn behind_comment(text: &[u8], at: usize) -> usize {
    if !text[at.min(text.len())..].starts_with(b"# ") {
        return at;
    }
    let limit = text.len().min(at + LONGEST_VALUE);
    (at..limit).find(|at| newline_at(text, *at) > 0).unwrap_or(at)
}

/// Where the first line begins that is no comment.
fn behind_comments(text: &[u8], at: usize) -> usize {
    let mut at = at;
    for _ in 0..MOST_ITEMS {
        let end = behind_comment(text, at);
        let newline = newline_at(text, end);
        if end == at || newline == 0 {
            break;
        }
        at = skip_blanks(text, end + newline);
    }
    at
}

/// A block of lines as YAML has it: behind `|` or `>`, all lines that stand further in than the name.
pub(super) fn block(text: &[u8], name: usize, at: usize) -> Option<Range<usize>> {
    let rest = text.get(at..).filter(|rest| matches!(rest.first(), Some(b'|' | b'>')))?;
    let marks = 1 + rest[1..].iter().take(2).take_while(|byte| matches!(byte, b'-' | b'+' | b'1'..=b'9')).count();
    let start = at + marks;
    let start = skip_blanks(text, start);
    let newline = newline_at(text, start);
    if newline == 0 || text.get(start) == Some(&b'\\') {
        return None;
    }
    let line = memchr::memrchr(b'\n', &text[..name]).map_or(0, |at| at + 1);
    let depth = skip_blanks(text, line) - line;
    let (from, mut to) = (start + newline, start + newline);
    while to < text.len() && to - from < LONGEST_VALUE {
        let end = memchr::memchr(b'\n', &text[to..]).map_or(text.len(), |size| to + size + 1);
        let indent = skip_blanks(text, to) - to;
        if !text[to..end].trim_ascii().is_empty() && indent <= depth {
            break;
        }
        to = end;
    }
    trimmed(text, from..to)
}

/// What stands on the lines below a name: a value in quotes, a list, a word alone. `plain`: a word and a colon end the
/// line, which prose and programs have too.
pub(super) fn next_line(text: &[u8], at: usize, plain: bool, values: &mut Vec<Value>) {
    let mut at = at;
    let mut lines = 0;
    while lines < 2 && newline_at(text, at) > 0 {
        at = skip_blanks(text, at + newline_at(text, at));
        if text[at..].starts_with(b"```") {
            at += text[at..].iter().take(32).take_while(|byte| byte.is_ascii_graphic()).count();
        } else {
            lines += 1;
        }
    }
    at = skip_blanks(text, at + newline_at(text, at));
    let opening = quote_at(text, at);
    if !opening.is_empty() {
        let range = quoted(text, at + opening.len(), opening);
        let value = if plain { Some(Value::loose(range)) } else { worded(text, range) };
        return values.extend(value);
    }
    for _ in 0..MOST_ITEMS {
        at = behind_comments(text, at);
        let is_item = text[at.min(text.len())..].starts_with(b"- ");
        let start = if is_item { skip_blanks(text, at + 2) } else { at };
        let end = (start..text.len().min(start + LONGEST_VALUE)).find(|at| newline_at(text, *at) > 0);
        let end = end.unwrap_or(text.len().min(start + LONGEST_VALUE));
        let Some(mut range) = trimmed(text, start..end) else { return };
        let opening = quote_at(text, range.start);
        if let Some(inner) = closed(text, range.start + opening.len(), opening) {
            range = inner;
        }
        values.push(Value::loose(range));
        at = behind_comments(text, skip_blanks(text, end + newline_at(text, end)));
        if !is_item || !text[at..].starts_with(b"- ") {
            return;
        }
    }
}
