//! Markdown by a lexer of our own: the grammars for syntect take exponential time on some lines that models write.

use std::ops::Range;

use ratatui::style::{Modifier, Style};

use super::super::document::Document;
use super::Styles;
use crate::ui::theme::Theme;

/// The end of an inline element is looked for so far ahead.
const LOOK_AHEAD: usize = 400;

/// A fenced block of code: the lines between its fences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) lines: Range<usize>,
    pub(super) language: String,
}

/// The fenced blocks among some lines.
pub(super) fn fences(document: &Document, lines: Range<usize>) -> Vec<Fence> {
    let mut fences = Vec::new();
    let mut open: Option<(usize, u8, usize, String)> = None;
    for number in lines.clone() {
        let text = document.text[document.lines[number].range()].trim_ascii();
        let Some((sign, count)) = fence(text) else { continue };
        match &open {
            Some((first, opener, size, language)) => {
                if sign == *opener && count >= *size && count == text.len() {
                    fences.push(Fence { lines: *first..number, language: language.clone() });
                    open = None;
                }
            }
            None => {
                let words = String::from_utf8_lossy(&text[count..]);
                let language = words.trim().split([' ', ',', '{', ':']).next().unwrap_or("").to_owned();
                open = Some((number + 1, sign, count, language));
            }
        }
    }
    if let Some((first, _, _, language)) = open {
        fences.push(Fence { lines: first..lines.end, language });
    }
    fences
}

/// The sign and the length of a fence at the start of a line.
fn fence(text: &[u8]) -> Option<(u8, usize)> {
    let sign = *text.first().filter(|sign| matches!(sign, b'`' | b'~'))?;
    let count = text.iter().take_while(|byte| **byte == sign).count();
    // Three code marks within one line are no fence.
    let is_fence = count >= 3 && !(sign == b'`' && text[count..].contains(&b'`'));
    is_fence.then_some((sign, count))
}

/// The styles of a line outside fenced code.
pub(super) fn styles(text: &[u8], theme: &Theme) -> Styles {
    let blank = text.len() - text.trim_ascii_start().len();
    let start = &text[blank..];
    let hashes = start.iter().take_while(|byte| **byte == b'#').count();
    if (1..=6).contains(&hashes) && matches!(start.get(hashes), None | Some(b' ')) {
        return vec![(0..text.len(), theme.header)];
    }
    if fence(start).is_some() || is_rule(start) {
        return vec![(0..text.len(), theme.dim)];
    }
    let mut styles = Vec::new();
    let marker = marker(start);
    if marker > 0 {
        styles.push((blank..blank + marker, theme.footer_key));
    }
    inline(text, blank + marker, theme, &mut styles);
    styles
}

fn is_rule(text: &[u8]) -> bool {
    text.len() >= 3 && matches!(text[0], b'-' | b'*' | b'_' | b'=') && text.iter().all(|byte| *byte == text[0])
}

/// The length of what begins a list item, a quote or a row of a table.
fn marker(text: &[u8]) -> usize {
    let digits = text.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    match text {
        [b'-' | b'*' | b'+', b' ', ..] | [b'>', ..] | [b'|', ..] => 1,
        _ if digits > 0 && matches!(text.get(digits..digits + 2), Some([b'.' | b')', b' '])) => digits + 1,
        _ => 0,
    }
}

fn inline(text: &[u8], start: usize, theme: &Theme, styles: &mut Styles) {
    let mut at = start;
    while let Some(found) = text[at..].iter().position(|byte| b"`*_[<\\".contains(byte)) {
        at += found;
        let rest = &text[at..text.len().min(at + LOOK_AHEAD)];
        let (length, style) = match rest[0] {
            b'`' => (code(rest), theme.json_string),
            b'*' | b'_' if at == 0 || !text[at - 1].is_ascii_alphanumeric() => emphasis(rest),
            b'[' => (link(rest), theme.link),
            b'<' => (tag(rest), theme.json_key),
            b'\\' => (None, Style::new()),
            _ => (None, Style::new()),
        };
        match length {
            Some(length) => {
                styles.push((at..at + length, style));
                at += length;
            }
            None if rest[0] == b'\\' => at = (at + 2).min(text.len()),
            None => at += rest.iter().take_while(|byte| **byte == rest[0]).count(),
        }
    }
}

fn code(text: &[u8]) -> Option<usize> {
    let ticks = text.iter().take_while(|byte| **byte == b'`').count();
    let close = memchr::memmem::find(&text[ticks..], &text[..ticks])?;
    Some(ticks + close + ticks)
}

fn emphasis(text: &[u8]) -> (Option<usize>, Style) {
    let count = text.iter().take(3).take_while(|byte| **byte == text[0]).count();
    let modifier = if count == 1 { Modifier::ITALIC } else { Modifier::BOLD };
    let inner = &text[count..];
    let opens = inner.first().is_some_and(|byte| !byte.is_ascii_whitespace());
    let close = memchr::memmem::find(inner, &text[..count]).filter(|close| opens && *close > 0);
    let closes = close.filter(|close| !inner[close - 1].is_ascii_whitespace());
    (closes.map(|close| count + close + count), Style::new().add_modifier(modifier))
}

fn link(text: &[u8]) -> Option<usize> {
    let middle = memchr::memmem::find(text, b"](")?;
    let end = memchr::memchr(b')', &text[middle..])?;
    let has_gap = text[1..middle].contains(&b'[') || text[middle..middle + end].contains(&b' ');
    (!has_gap).then_some(middle + end + 1)
}

fn tag(text: &[u8]) -> Option<usize> {
    let name = text.strip_prefix(b"</").or(text.strip_prefix(b"<"))?;
    let starts = name.first().is_some_and(u8::is_ascii_alphabetic);
    let end = memchr::memchr2(b'>', b'<', &text[1..])? + 1;
    (starts && text[end] == b'>').then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::super::super::source::{Hint, Mode, Part, Payload};
    use super::*;

    fn styled(text: &str) -> Vec<(&str, Style)> {
        styles(text.as_bytes(), &Theme::dark()).into_iter().map(|(range, style)| (&text[range], style)).collect()
    }

    #[test]
    fn finds_what_stands_out_in_a_line() {
        let theme = Theme::dark();
        assert_eq!(styled("## A `b`"), [("## A `b`", theme.header)]);
        let bold = Style::new().add_modifier(Modifier::BOLD);
        assert_eq!(
            styled("- a `code` **bold** [x](y) <tag> </tag> snake_case_name 2 * 3 < 4"),
            [
                ("-", theme.footer_key),
                ("`code`", theme.json_string),
                ("**bold**", bold),
                ("[x](y)", theme.link),
                ("<tag>", theme.json_key),
                ("</tag>", theme.json_key),
            ]
        );
        assert_eq!(styled("12. x")[0].0, "12.");
        assert_eq!(styled("\\`no code\\`"), []);
    }

    #[test]
    fn fences_name_their_language_and_may_stay_open() {
        let text = "a\n```rust,ignore\nfn x\n```\n````\n```\n````\n~~~ sh\nls\n";
        let part = Part::whole("", text.as_bytes().to_vec(), Hint::default());
        let document = Document::new(Payload { parts: vec![part] }, Mode::Raw);
        let found = fences(&document, 0..document.lines.len());
        let found: Vec<(Range<usize>, &str)> =
            found.iter().map(|fence| (fence.lines.clone(), fence.language.as_str())).collect();
        assert_eq!(found, [(2..3, "rust"), (5..6, ""), (8..9, "sh")]);
    }
}
