//! Coloured output: SGR sequences become styles; any other sequence stays a visible mark.

use std::ops::Range;

use ansi_to_tui::IntoText;
use ratatui::style::{Modifier, Style};

use super::super::cells::sgr_len;
use super::super::document::{Document, LineKind};
use crate::ui::theme::Theme;

/// How many lines above are looked at for colours that go on.
const LINES_ABOVE: usize = 200;
/// How much of one line is looked at.
const MOST_BYTES: usize = 64 << 10;

/// The styles of a line's text, with what the lines above began.
pub(super) fn styles(
    document: &Document,
    number: usize,
    window: Range<usize>,
    theme: &Theme,
) -> Vec<(Range<usize>, Style)> {
    let line = &document.lines[number];
    let text = &document.text[line.range()];
    let end = window.end.min(text.len());
    let start = end.saturating_sub(MOST_BYTES).min(window.start);
    let mut sequences = if start == 0 { open_above(document, number) } else { Vec::new() };
    let mut styles = Vec::new();
    let mut at = start;
    let mut style = style_of(&sequences);
    while at < end {
        if let Some(len) = sgr_len(&text[at..]) {
            take_in(&mut sequences, &text[at..at + len]);
            style = style_of(&sequences);
            at += len;
            continue;
        }
        let next = memchr::memchr(0x1B, &text[at + 1..end]).map_or(end, |found| at + 1 + found);
        if style != Style::new() {
            styles.push((at..next, theme.fit(style)));
        }
        at = next;
    }
    styles
}

/// The sequences of the lines above since the last one that resets.
fn open_above(document: &Document, number: usize) -> Vec<u8> {
    let node = document.lines[number].node;
    let mut first = number;
    while first > 0 && number - first < LINES_ABOVE {
        let above = &document.lines[first - 1];
        if above.node != node || above.kind != LineKind::Text {
            break;
        }
        first -= 1;
    }
    let mut sequences = Vec::new();
    for line in &document.lines[first..number] {
        if line.clean {
            continue;
        }
        let text = &document.text[line.range()];
        let text = &text[text.len().saturating_sub(MOST_BYTES)..];
        for at in memchr::memchr_iter(0x1B, text) {
            if let Some(len) = sgr_len(&text[at..]) {
                take_in(&mut sequences, &text[at..at + len]);
            }
        }
    }
    sequences
}

fn take_in(sequences: &mut Vec<u8>, sequence: &[u8]) {
    let resets = matches!(sequence, b"\x1b[m" | b"\x1b[0m");
    if resets || sequences.len() > 256 {
        sequences.clear();
    }
    if !resets {
        sequences.extend_from_slice(sequence);
    }
}

/// The style behind some sequences; what hides text or blinks is left out.
fn style_of(sequences: &[u8]) -> Style {
    if sequences.is_empty() {
        return Style::new();
    }
    let mut text = sequences.to_vec();
    text.push(b'x');
    let Ok(text) = text.into_text() else { return Style::new() };
    let last = text.lines.last().and_then(|line| line.spans.iter().rfind(|span| !span.content.is_empty()));
    let mut style = last.map_or(Style::new(), |span| span.style);
    style.add_modifier.remove(Modifier::HIDDEN | Modifier::SLOW_BLINK | Modifier::RAPID_BLINK);
    style.sub_modifier = Modifier::empty();
    if style.fg.is_some() && style.fg == style.bg {
        style.bg = None;
    }
    style
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use super::super::super::source::{Hint, Mode, Part, Payload};
    use super::*;

    fn styled(text: &str, line: usize) -> Vec<(Range<usize>, Option<Color>)> {
        let part = Part::whole("", text.as_bytes().to_vec(), Hint::default());
        let document = Document::new(Payload { parts: vec![part] }, Mode::Raw);
        let length = document.lines[line].range().len();
        let styles = styles(&document, line, 0..length, &Theme::dark());
        styles.into_iter().map(|(range, style)| (range, style.fg)).collect()
    }

    #[test]
    fn sequences_colour_what_follows_also_on_the_next_line() {
        let text = "a\x1b[31mb\x1b[0mc\x1b[32m\nd\x1b[2Je";
        assert_eq!(styled(text, 0)[0], (6..7, Some(Color::Red)));
        assert_eq!(styled(text, 1)[0].1, Some(Color::Green));
    }

    #[test]
    fn text_cannot_be_hidden() {
        assert!(style_of(b"\x1b[8;5;31m").add_modifier.is_empty());
        assert_eq!(style_of(b"\x1b[31;41m").bg, None);
    }
}
