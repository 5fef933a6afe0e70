//! Bytes cut into what stands in the cells of a screen: graphemes with their widths, and visible marks.
//!
//! A control, a bidi or invisible character, or a byte that is no text never passes: it becomes a mark that
//! names it, different for each, so that what is shown can be read back.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

use crate::domain::{is_unsafe, passes_in_emoji};

/// No grapheme is longer than this; what is left over is marked.
const LONGEST: usize = 64;
/// Columns between tab stops.
const TAB: usize = 4;

/// What is shown for one piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown<'a> {
    Text(&'a str),
    Spaces,
    /// `^M`
    Caret(u8),
    /// `<U+202E>`
    Code(u32),
    /// `<ff>`
    Byte(u8),
    /// A sequence that colours.
    Nothing,
}

/// One piece of text: how many bytes and how many columns it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    pub(super) len: usize,
    pub(super) width: usize,
    pub(super) shown: Shown<'a>,
}

impl Cell<'_> {
    pub(super) fn is_mark(&self) -> bool {
        matches!(self.shown, Shown::Caret(_) | Shown::Code(_) | Shown::Byte(_))
    }

    /// Appends what is shown.
    pub(super) fn push_to(&self, text: &mut String) {
        match self.shown {
            Shown::Text(shown) => text.push_str(shown),
            Shown::Spaces => text.extend(std::iter::repeat_n(' ', self.width)),
            Shown::Caret(byte) => text.extend(['^', char::from(byte ^ 0x40)]),
            Shown::Code(code) => text.push_str(&format!("<U+{code:04X}>")),
            Shown::Byte(byte) => text.push_str(&format!("<{byte:02x}>")),
            Shown::Nothing => {}
        }
    }
}

/// The piece of text at `at`, which must lie inside; `column` counts from the last tab stop's origin.
pub(super) fn cell_at(bytes: &[u8], at: usize, column: usize, colours: bool) -> Cell<'_> {
    let byte = bytes[at];
    let follows_ascii = bytes.get(at + 1).is_none_or(u8::is_ascii);
    match byte {
        0x20..0x7F if follows_ascii => Cell { len: 1, width: 1, shown: text(bytes, at, 1) },
        b'\t' => Cell { len: 1, width: TAB - column % TAB, shown: Shown::Spaces },
        0x1B if colours => match sgr_len(&bytes[at..]) {
            Some(len) => Cell { len, width: 0, shown: Shown::Nothing },
            None => Cell { len: 1, width: 2, shown: Shown::Caret(byte) },
        },
        0..0x20 | 0x7F => Cell { len: 1, width: 2, shown: Shown::Caret(byte) },
        _ => simple_at(bytes, at).unwrap_or_else(|| cluster_at(bytes, at)),
    }
}

/// The bytes and columns of the piece of text at `at`: the same as [`cell_at`] says, sooner.
pub(super) fn extent_at(bytes: &[u8], at: usize, column: usize, colours: bool) -> (usize, usize) {
    let byte = bytes[at];
    if (0x20..0x7F).contains(&byte) && bytes.get(at + 1).is_none_or(u8::is_ascii) {
        return (1, 1);
    }
    if let Some(extent) = simple_extent(bytes, at) {
        return extent;
    }
    let cell = cell_at(bytes, at, column, colours);
    (cell.len, cell.width)
}

/// The length of an SGR sequence at the start of the bytes.
pub(super) fn sgr_len(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let length = parameters.iter().take(LONGEST).position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (parameters[length] == b'm').then_some(length + 3)
}

fn text(bytes: &[u8], at: usize, len: usize) -> Shown<'_> {
    std::str::from_utf8(&bytes[at..at + len]).map_or(Shown::Byte(bytes[at]), Shown::Text)
}

fn simple_at(bytes: &[u8], at: usize) -> Option<Cell<'_>> {
    let (len, width) = simple_extent(bytes, at)?;
    Some(Cell { len, width, shown: text(bytes, at, len) })
}

/// A character of a script without combining marks, with another such character or ASCII behind it.
fn simple_extent(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (character, len) = decode(bytes, at)?;
    let width = simple_width(character)?;
    let next = at + len;
    let alone = bytes.get(next).is_none_or(u8::is_ascii)
        || decode(bytes, next).is_some_and(|(character, _)| simple_width(character).is_some());
    alone.then_some((len, width))
}

/// The character of two or three bytes at `at`, without all the checks that showing it makes anyway.
fn decode(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let tail =
        |index: usize| bytes.get(at + index).filter(|byte| **byte & 0xC0 == 0x80).map(|byte| u32::from(byte & 0x3F));
    let first = u32::from(*bytes.get(at)?);
    match first {
        0xC2..0xE0 => Some((char::from_u32((first & 0x1F) << 6 | tail(1)?)?, 2)),
        0xE0..0xF0 => {
            let code = (first & 0x0F) << 12 | tail(1)? << 6 | tail(2)?;
            (code >= 0x800).then_some((char::from_u32(code)?, 3))
        }
        _ => None,
    }
}

/// The width of a character that is always a grapheme of its own.
fn simple_width(character: char) -> Option<usize> {
    match character as u32 {
        0xA0..=0xAC | 0xAE..=0x2FF | 0x370..=0x377 | 0x38E..=0x3A1 | 0x3A3..=0x482 | 0x48A..=0x52F => Some(1),
        0x2010..=0x2027 | 0x2030..=0x205E | 0x2190..=0x22FF | 0x2500..=0x25FC => Some(1),
        0x3001..=0x3029 | 0x3041..=0x3096 | 0x30A1..=0x30FA | 0x4E00..=0x9FFF | 0xAC00..=0xD7A3 => Some(2),
        0xFF01..=0xFF60 => Some(2),
        _ => None,
    }
}

/// Any other character, with all that joins it.
fn cluster_at(bytes: &[u8], at: usize) -> Cell<'_> {
    let window = &bytes[at..bytes.len().min(at + LONGEST)];
    if !begins_character(window) {
        return broken(window);
    }
    let valid = match std::str::from_utf8(window) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or(""),
    };
    let Some(grapheme) = valid.graphemes(true).next() else { return broken(window) };
    let mut before = None;
    let mut len = 0;
    let mut rest = grapheme.chars().peekable();
    while let Some(character) = rest.next() {
        if is_unsafe(character) && !passes_in_emoji(before, character, rest.peek().copied()) {
            break;
        }
        len += character.len_utf8();
        before = Some(character);
    }
    let width = usize::from(grapheme[..len].cell_width());
    match grapheme.chars().next() {
        Some(first) if width == 0 => {
            let code = first as u32;
            let shown = Shown::Code(code);
            Cell { len: first.len_utf8(), width: code_width(code), shown }
        }
        _ => Cell { len, width, shown: Shown::Text(&grapheme[..len]) },
    }
}

fn begins_character(bytes: &[u8]) -> bool {
    let length = match bytes[0] {
        0..0x80 => 1,
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return false,
    };
    bytes.get(..length).is_some_and(|character| std::str::from_utf8(character).is_ok())
}

/// A byte that is no text, or a lone surrogate.
fn broken(window: &[u8]) -> Cell<'_> {
    if let [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] = window {
        let code = 0xD000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F);
        return Cell { len: 3, width: code_width(code), shown: Shown::Code(code) };
    }
    Cell { len: 1, width: 4, shown: Shown::Byte(window[0]) }
}

fn code_width(code: u32) -> usize {
    match code {
        0..0x1_0000 => 8,
        0x1_0000..0x10_0000 => 9,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let (mut text, mut at, mut column) = (String::new(), 0, 0);
        while at < bytes.len() {
            let cell = cell_at(bytes, at, column, false);
            cell.push_to(&mut text);
            at += cell.len;
            column += cell.width;
        }
        assert_eq!(usize::from(text.as_str().cell_width()).max(column), column, "{text:?}");
        text
    }

    #[test]
    fn what_could_deceive_becomes_a_mark() {
        assert_eq!(shown(b"a\tb\r\x1b[0m\x7f"), "a   b^M^[[0m^?");
        assert_eq!(shown("\u{9b}2J\u{202e}x\u{200b}".as_bytes()), "<U+009B>2J<U+202E>x<U+200B>");
        assert_eq!(shown(b"\xff\xc3\xed\xa0\x80\xc3\xa9"), "<ff><c3><U+D800>é");
        assert_eq!(shown("\u{301}e\u{301}".as_bytes()), "<U+0301>e\u{301}");
    }

    #[test]
    fn joiners_pass_only_inside_emoji() {
        assert_eq!(shown("👩\u{200d}💻".as_bytes()), "👩\u{200d}💻");
        assert_eq!(shown("a\u{200d}b❤\u{fe0f}x\u{fe0f}".as_bytes()), "a<U+200D>b❤\u{fe0f}x<U+FE0F>");
        assert_eq!(cell_at("1\u{fe0f}\u{20e3}".as_bytes(), 0, 0, false).width, 2);
    }

    #[test]
    fn a_pile_of_combining_marks_is_cut() {
        let pile = format!("a{}", "\u{301}".repeat(100));
        assert!(shown(pile.as_bytes()).contains("<U+0301>"));
    }

    #[test]
    fn the_fast_way_agrees_with_the_slow_one() {
        for character in (0xA0..0x1_0000).filter_map(char::from_u32) {
            let text = format!("{character}{character}");
            if let Some(fast) = simple_at(text.as_bytes(), 0) {
                assert_eq!(fast, cluster_at(text.as_bytes(), 0), "U+{:04X}", character as u32);
            }
        }
    }

    #[test]
    fn only_whole_sgr_sequences_colour() {
        assert_eq!(sgr_len(b"\x1b[1;38:5:3mx"), Some(11));
        assert_eq!(sgr_len(b"\x1b[2J"), None);
        assert_eq!(sgr_len(b"\x1b[31"), None);
        assert_eq!(cell_at(b"\x1b[mx", 0, 0, true), Cell { len: 3, width: 0, shown: Shown::Nothing });
    }
}
