//! The outline of a JSON record: its values and where each begins and ends in the bytes.
//!
//! It keeps ranges, not trees of strings, so a line of any length costs bounded memory; it accepts what
//! stricter readers refuse and evidence contains (lone surrogates, `\u0000`, invalid UTF-8, raw control characters).

mod decode;
mod document;
mod lexer;
mod lines;
mod split;
mod strict;

pub use decode::decode_string;
pub use document::Document;
pub use lexer::{Lexer, MAX_DEPTH, Progress, is_number as is_json_number};
pub use split::{Parts, Splitter};
pub use strict::Strict;

use std::borrow::Cow;
use std::ops::Range;

/// What is said of a value that is nested too deep.
const DEEPER: &str = "nested deeper than";
/// No node, no name, nothing kept.
const NONE: u32 = u32::MAX;

/// What sort of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// Why bytes are not a JSON value, and at which byte of the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct Fault {
    pub at: u64,
    pub reason: String,
}

impl Fault {
    /// Whether it is only that the value is nested too deep; it may be JSON all the same.
    pub fn is_depth(&self) -> bool {
        self.reason.starts_with(DEEPER)
    }
}

#[derive(Debug, Clone)]
struct Node {
    shape: Shape,
    start: u64,
    end: u64,
    /// Where the kept text of a scalar lies, and how much of it is kept.
    kept: u32,
    kept_size: u32,
    /// The kept text of the member's name, quotes included.
    name: u32,
    name_size: u32,
    first: u32,
    last: u32,
    next: u32,
    count: u32,
}

/// The values of one record with their places.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    nodes: Vec<Node>,
    kept: Vec<u8>,
    /// Some values were passed over.
    pub partial: bool,
}

impl Outline {
    /// Reads one whole value; anything but white space behind it is a fault.
    pub fn of(bytes: &[u8]) -> Result<Self, Fault> {
        let mut lexer = Lexer::new();
        let used = match lexer.feed(bytes)? {
            Progress::Done { used } => used,
            Progress::More => {
                lexer.finish()?;
                bytes.len()
            }
        };
        if let Some(extra) = bytes[used..].iter().position(|byte| !byte.is_ascii_whitespace()) {
            return Err(Fault { at: (used + extra) as u64, reason: "something follows the value".to_owned() });
        }
        Ok(lexer.outline())
    }

    /// Whether not even the beginning of a value was read.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { outline: self, node: 0 }
    }
}

/// One value of an [`Outline`].
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    outline: &'a Outline,
    node: u32,
}

impl<'a> Value<'a> {
    fn node(self) -> &'a Node {
        &self.outline.nodes[self.node as usize]
    }

    pub fn shape(self) -> Shape {
        self.node().shape
    }

    /// Where the value's bytes lie in the record.
    pub fn range(self) -> Range<u64> {
        self.node().start..self.node().end
    }

    /// The number of members or elements.
    pub fn len(self) -> usize {
        self.node().count as usize
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether its end has been read; what broke off inside is not complete.
    pub fn is_complete(self) -> bool {
        self.node().end > self.node().start
    }

    pub fn is_null(self) -> bool {
        self.shape() == Shape::Null
    }

    /// A member by name; the last one where a name occurs twice.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        if self.shape() != Shape::Object {
            return None;
        }
        self.items().filter(|value| value.is_named(name)).last()
    }

    /// A member of members: `value.at(&["message", "usage"])`.
    pub fn at(self, path: &[&str]) -> Option<Value<'a>> {
        path.iter().try_fold(self, |value, name| value.get(name))
    }

    /// The text of a string member.
    pub fn text_at(self, path: &[&str]) -> Option<Cow<'a, str>> {
        self.at(path)?.text()
    }

    /// A text member that is not blank, owned.
    pub fn word(self, name: &str) -> Option<String> {
        self.get(name)?.text().filter(|text| !text.trim().is_empty()).map(Cow::into_owned)
    }

    /// Members or elements in order.
    pub fn items(self) -> impl Iterator<Item = Value<'a>> {
        let outline = self.outline;
        let mut next = self.node().first;
        std::iter::from_fn(move || {
            let node = outline.nodes.get(next as usize)?;
            let value = Value { outline, node: next };
            next = node.next;
            Some(value)
        })
    }

    /// The member's name, where the value is a member.
    pub fn name(self) -> Option<Cow<'a, str>> {
        let node = self.node();
        if node.name == NONE {
            return None;
        }
        Some(decode_string(self.outline.kept_bytes(node.name, node.name_size)))
    }

    fn is_named(self, name: &str) -> bool {
        let node = self.node();
        if node.name == NONE {
            return false;
        }
        let quoted = self.outline.kept_bytes(node.name, node.name_size);
        let inner = &quoted[1..quoted.len().saturating_sub(1).max(1)];
        if memchr::memchr(b'\\', inner).is_none() { inner == name.as_bytes() } else { decode_string(quoted) == name }
    }

    /// The bytes of a scalar as written, as far as they are kept; empty for objects and arrays of long records.
    pub fn kept(self) -> &'a [u8] {
        let node = self.node();
        if node.kept == NONE { &[] } else { self.outline.kept_bytes(node.kept, node.kept_size) }
    }

    /// Whether [`Self::kept`] holds all of it.
    pub fn is_whole(self) -> bool {
        let node = self.node();
        node.kept != NONE && u64::from(node.kept_size) == node.end - node.start
    }

    /// A string decoded, with U+FFFD for what is not a character; its start where the string is very long.
    pub fn text(self) -> Option<Cow<'a, str>> {
        (self.shape() == Shape::String).then(|| decode_string(self.kept()))
    }

    /// A whole number, also one written as a string or with a zero fraction.
    pub fn integer(self) -> Option<i64> {
        let text = match self.shape() {
            Shape::Number => Cow::Borrowed(std::str::from_utf8(self.kept()).ok()?),
            Shape::String => self.text()?,
            _ => return None,
        };
        let text = text.trim();
        text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
        })
    }

    pub fn number(self) -> Option<f64> {
        match self.shape() {
            Shape::Number => std::str::from_utf8(self.kept()).ok()?.parse().ok(),
            _ => None,
        }
    }

    pub fn bool(self) -> Option<bool> {
        (self.shape() == Shape::Bool).then(|| self.kept() == b"true")
    }
}

impl Outline {
    fn kept_bytes(&self, at: u32, size: u32) -> &[u8] {
        &self.kept[at as usize..at as usize + size as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_members_and_their_places() {
        let record = br#"{"type":"assistant","message":{"id":"m1","content":[{"a":1},"x"]},"n":-1.5e3}"#;
        let outline = Outline::of(record).expect("valid");
        let root = outline.root();
        assert_eq!(root.text_at(&["message", "id"]).as_deref(), Some("m1"));
        let content = root.at(&["message", "content"]).expect("there");
        let range = content.range();
        assert_eq!(&record[range.start as usize..range.end as usize], br#"[{"a":1},"x"]"#);
        assert_eq!(content.len(), 2);
        assert_eq!(root.get("n").and_then(Value::number), Some(-1500.0));
        assert_eq!(root.items().filter_map(Value::name).collect::<Vec<_>>(), ["type", "message", "n"]);
    }

    #[test]
    fn any_split_gives_the_same_outline() {
        let record = br#" {"a\"b":["\\",{"c":null},true,12],"s":"q\u0000\ud83d\ude00\ud800"} "#;
        let whole = format!("{:?}", Outline::of(record).expect("valid").nodes);
        for cut in 0..record.len() {
            let mut lexer = Lexer::new();
            let first = lexer.feed(&record[..cut]).expect("valid");
            if first == Progress::More {
                lexer.feed(&record[cut..]).expect("valid");
            }
            assert_eq!(format!("{:?}", lexer.outline().nodes), whole, "cut at {cut}");
        }
    }

    #[test]
    fn decodes_what_stricter_readers_refuse() {
        assert_eq!(decode_string(br#""a\u0000b""#), "a\0b");
        assert_eq!(decode_string(br#""\ud83d\ude00""#), "😀");
        assert_eq!(decode_string(br#""\ud800x""#), "\u{FFFD}x");
        assert_eq!(decode_string(b"\"\xff\""), "\u{FFFD}");
        assert_eq!(decode_string(br#""cut \"#), "cut ");
    }

    #[test]
    fn two_records_on_one_line_are_two() {
        let line = br#"{"a":1}{"b":2}"#;
        let mut lexer = Lexer::new();
        assert_eq!(lexer.feed(line), Ok(Progress::Done { used: 7 }));
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let fault = |text: &str| Outline::of(text.as_bytes()).expect_err("faulty").to_string();
        assert_eq!(fault("{\"a\" 1}"), "expected a colon, found `1` at byte 5");
        assert_eq!(fault("{\"a\":tru"), "\"tru\" is not a JSON value at byte 5");
        assert_eq!(fault("[1,2"), "the record ends inside a value at byte 4");
        assert_eq!(fault("01"), "\"01\" is not a JSON value at byte 0");
    }

    #[test]
    fn more_values_than_can_be_held_are_passed_over_and_still_judged() {
        let record = format!("{{\"a\":[{}],\"z\":true}}", vec!["{\"n\":12345678901234567890}"; 300_000].join(","));
        let outline = Outline::of(record.as_bytes()).expect("valid");
        assert!(outline.partial);
        assert_eq!(outline.root().get("a").map(Value::len), Some(300_000));
        let broken = record.replace("true", "truly");
        assert!(Outline::of(broken.as_bytes()).is_err());
    }

    #[test]
    fn a_huge_string_keeps_only_its_start() {
        let mut lexer = Lexer::new();
        lexer.feed(b"{\"id\":\"x\",\"big\":\"").expect("valid");
        let part = vec![b'y'; 1 << 20];
        for _ in 0..8 {
            lexer.feed(&part).expect("valid");
        }
        assert_eq!(lexer.feed(b"\"}"), Ok(Progress::Done { used: 2 }));
        let outline = lexer.outline();
        let big = outline.root().get("big").expect("there");
        assert_eq!(big.range().end - big.range().start, (8 << 20) + 2);
        assert!(!big.is_whole());
        assert!(outline.kept.len() < 3 << 20);
    }
}
