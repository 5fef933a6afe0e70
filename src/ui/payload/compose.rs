//! What a line says: its pieces of text with their roles, before widths and marks.

use std::borrow::Cow;

use super::document::{Document, Line, LineKind, Node, Sort, is_clean, shown_size};

/// More of a name than this is not shown.
const LONGEST_KEY: usize = 200;
/// How much of a folded string is shown.
const EXCERPT: usize = 40;

/// The role of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Title,
    Note,
    Dim,
    Key,
    String,
    Number,
    Literal,
    Punctuation,
    /// Text that may be highlighted.
    Body,
}

/// A piece of a line; `at` is where it begins in the line.
#[derive(Debug, Clone)]
pub(super) struct Piece<'a> {
    pub(super) at: usize,
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) ink: Ink,
}

/// The text of a line as pieces.
#[derive(Debug, Default)]
pub(super) struct Stream<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    pub(super) len: usize,
    /// All of it is printable ASCII.
    pub(super) clean: bool,
}

impl<'a> Stream<'a> {
    /// The line's text; `folded` values say what they hide.
    pub(super) fn of(document: &'a Document, line: &Line, folded: bool) -> Self {
        let mut stream = Stream { pieces: Vec::new(), len: 0, clean: true };
        stream.refill(document, line, folded);
        stream
    }

    /// The same, into the memory of another line.
    pub(super) fn refill(&mut self, document: &'a Document, line: &Line, folded: bool) {
        self.pieces.clear();
        (self.len, self.clean) = (0, true);
        match (line.kind, document.node(line.node)) {
            (LineKind::Note, _) => self.fixed(&document.notes[line.start as usize], Ink::Note),
            (LineKind::Title, Some(node)) => self.title(document, node, folded),
            (LineKind::Text | LineKind::Hex, _) => self.body(document, line, Ink::Body),
            (_, Some(node)) => self.value(document, line, node, folded),
            _ => {}
        }
    }

    /// The byte at an offset.
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        let piece = self.piece(at)?;
        piece.bytes.get(at - piece.at).copied()
    }

    /// The piece that an offset lies in.
    pub(super) fn piece(&self, at: usize) -> Option<&Piece<'a>> {
        self.pieces.iter().rev().find(|piece| piece.at <= at).filter(|piece| at < piece.at + piece.bytes.len())
    }

    /// All of the line's text, unchanged.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self.pieces.as_slice() {
            [piece] => Cow::Borrowed(&piece.bytes),
            pieces => Cow::Owned(pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()),
        }
    }

    fn push(&mut self, bytes: Cow<'a, [u8]>, ink: Ink, clean: bool) {
        if !bytes.is_empty() {
            let at = self.len;
            self.len += bytes.len();
            self.clean &= clean;
            self.pieces.push(Piece { at, bytes, ink });
        }
    }

    fn fixed(&mut self, text: &'a str, ink: Ink) {
        self.push(Cow::Borrowed(text.as_bytes()), ink, is_clean(text.as_bytes()));
    }

    fn owned(&mut self, text: String, ink: Ink) {
        let clean = is_clean(text.as_bytes());
        self.push(Cow::Owned(text.into_bytes()), ink, clean);
    }

    fn body(&mut self, document: &'a Document, line: &Line, ink: Ink) {
        self.push(Cow::Borrowed(&document.text[line.range()]), ink, line.clean);
    }

    fn title(&mut self, document: &'a Document, node: &Node, folded: bool) {
        let Some(place) = document.places.get(node.index as usize) else { return };
        self.fixed(&place.title, Ink::Title);
        let lines =
            if folded { format!(", {}", counted(u64::from(node.last - node.line), "line")) } else { String::new() };
        self.owned(format!("  {}{lines}", shown_size(place.size)), Ink::Dim);
    }

    fn value(&mut self, document: &'a Document, line: &Line, node: &Node, folded: bool) {
        if line.kind != LineKind::Close {
            self.key(document, node);
        }
        let (open, close) = if node.sort == Sort::Object { ("{", "}") } else { ("[", "]") };
        let encoded = if node.encoded { " (JSON in a string)" } else { "" };
        match line.kind {
            LineKind::Close => self.fixed(close, Ink::Punctuation),
            LineKind::Open if node.count == 0 => self.fixed(if open == "{" { "{}" } else { "[]" }, Ink::Punctuation),
            LineKind::Open | LineKind::Flow if folded => {
                self.fixed(if open == "{" { "{…}" } else { "[…]" }, Ink::Punctuation);
                let what = if open == "{" { "key" } else { "item" };
                self.owned(format!(" {}{encoded}", counted(u64::from(node.count), what)), Ink::Dim);
            }
            LineKind::Open => {
                self.fixed(open, Ink::Punctuation);
                self.fixed(encoded, Ink::Dim);
                return;
            }
            LineKind::Flow => {
                self.fixed("[", Ink::Punctuation);
                self.body(document, line, Ink::Number);
                self.fixed("]", Ink::Punctuation);
            }
            LineKind::Head => return self.head(document, node, folded),
            _ => self.scalar(document, line, node),
        }
        if node.comma {
            self.fixed(",", Ink::Punctuation);
        }
    }

    fn key(&mut self, document: &'a Document, node: &Node) {
        if !node.has_key() {
            return;
        }
        let key = &document.text[node.key_start as usize..node.key_end as usize];
        let shown = &key[..key.len().min(LONGEST_KEY)];
        self.push(Cow::Borrowed(shown), Ink::Key, is_clean(shown));
        self.fixed(if shown.len() < key.len() { "…\": " } else { ": " }, Ink::Punctuation);
    }

    fn scalar(&mut self, document: &'a Document, line: &Line, node: &Node) {
        match node.sort {
            Sort::String => {
                self.fixed("\"", Ink::String);
                self.body(document, line, Ink::String);
                self.fixed("\"", Ink::String);
            }
            Sort::Number => self.body(document, line, Ink::Number),
            _ => self.body(document, line, Ink::Literal),
        }
    }

    fn head(&mut self, document: &'a Document, node: &Node, folded: bool) {
        let lines = counted(u64::from(node.count), "line");
        if !folded {
            return self.owned(format!("{lines} of text"), Ink::Dim);
        }
        let block = document.block(node);
        let text = &document.text[block];
        let start = &text[..text.len().min(EXCERPT)];
        let start = start.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or(start);
        let start = &start[..whole_characters(start)];
        self.fixed("\"", Ink::String);
        self.push(Cow::Borrowed(start), Ink::String, is_clean(start));
        self.fixed("…\"", Ink::Punctuation);
        self.owned(format!(" {lines}"), Ink::Dim);
    }
}

/// How much of a text ends in whole characters.
fn whole_characters(text: &[u8]) -> usize {
    let lead = text.iter().rev().take(4).position(|byte| byte & 0xC0 != 0x80);
    match lead.map(|back| (back, text[text.len() - 1 - back])) {
        Some((back, byte)) if byte >= 0xC0 && back + 1 < byte.leading_ones() as usize => text.len() - 1 - back,
        _ => text.len(),
    }
}

/// `1 line`, `12,345 lines`.
pub(super) fn counted(count: u64, what: &str) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    let plural = if count == 1 { "" } else { "s" };
    format!("{shown} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::super::source::{Hint, Mode, Part, Payload};
    use super::*;

    fn shown(json: &str, folded: bool) -> Vec<String> {
        let part = Part::whole("", json.as_bytes().to_vec(), Hint::default());
        let document = Document::new(Payload { parts: vec![part] }, Mode::Pretty);
        let line = |line: &Line| {
            let stream = Stream::of(&document, line, folded);
            format!("{}{}", "  ".repeat(line.depth.into()), String::from_utf8_lossy(&stream.bytes()))
        };
        document.lines.iter().map(line).collect()
    }

    #[test]
    fn json_is_indented_with_long_strings_as_text() {
        let json = r#"{"a":{"n":[1,2.5, 3]},"command":"cd /\nls\n","e":[],"t":[true,"x\ty"]}"#;
        assert_eq!(
            shown(json, false),
            [
                "{",
                "  \"a\": {",
                "    \"n\": [1, 2.5, 3]",
                "  },",
                "  \"command\": 2 lines of text",
                "  cd /",
                "  ls",
                "  \"e\": [],",
                "  \"t\": [",
                "    true,",
                "    \"x\\ty\"",
                "  ]",
                "}",
            ]
        );
    }

    #[test]
    fn folded_values_say_what_they_hide() {
        let json = r#"{"a":[1,2],"b":{"x":1},"c":"żółw\nidzie"}"#;
        let lines = shown(json, true);
        assert_eq!(lines[0], "{…} 3 keys");
        assert_eq!(lines[1], "  \"a\": […] 2 items,");
        assert_eq!(lines[2], "  \"b\": {…} 1 key,");
        assert!(lines.contains(&"  \"c\": \"żółw…\" 2 lines".to_owned()), "{lines:?}");
    }

    #[test]
    fn json_in_a_string_is_laid_out_and_marked() {
        let json = r#"{"arguments":"{\"path\":\"a\\nb\",\"n\":[{}]}","no":"{not json}","list":"[1]"}"#;
        let lines = shown(json, false);
        assert_eq!(lines[1], "  \"arguments\": { (JSON in a string)");
        assert_eq!(lines[2], "    \"path\": 2 lines of text");
        assert!(lines.contains(&"  },".to_owned()));
        assert!(lines.contains(&"  \"no\": \"{not json}\",".to_owned()), "{lines:?}");
        assert!(lines.contains(&"  \"list\": \"[1]\"".to_owned()));
    }

    #[test]
    fn counts_are_written_as_people_write_them() {
        assert_eq!(counted(1, "line"), "1 line");
        assert_eq!(counted(1234567, "line"), "1,234,567 lines");
    }

    #[test]
    fn an_excerpt_does_not_cut_characters() {
        assert_eq!(whole_characters("aż".as_bytes()), 3);
        assert_eq!(whole_characters(&"aż".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(b"\xff"), 0);
        assert_eq!(whole_characters(b""), 0);
    }
}
