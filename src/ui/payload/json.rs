//! JSON laid out as lines: tolerant, in one pass, without building values.
//!
//! What is good before a fault stays laid out, with a note where it stops and the rest as text.

use crate::domain::is_json_number as is_number;

use super::document::{Document, LineKind, NONE, Node, Sort};
use super::{strings, text};

/// Deeper nesting is a fault.
const MOST_DEEP: usize = 4096;
/// More values than this are a fault: their index would need more memory than a reader has use for.
const MOST_NODES: usize = 600_000;
/// A string with more bytes than this gets lines of its own.
const LONG: usize = 120;
/// Strings that hold JSON are laid out inside each other this deep.
const MOST_ENCODED: u8 = 3;

struct Fault {
    at: usize,
    reason: String,
}

/// Lays out a part as JSON where it is JSON, else as text.
pub(super) fn lay_pretty(document: &mut Document, parent: u32, place: usize) {
    let (start, end) = (document.places[place].start, document.places[place].end);
    let first = document.text[start..end].iter().find(|byte| !byte.is_ascii_whitespace());
    if !matches!(first, Some(b'{' | b'[' | b'"')) {
        return text::lay_text(document, parent, start..end);
    }
    let before = (document.nodes.len(), document.lines.len(), document.text.len());
    let mut parser = Parser { document, end, open: Vec::new(), base: parent, roots: 0, done: NONE, encoded: 0 };
    let read = parser.roots(start);
    let (open, roots) = (std::mem::take(&mut parser.open), parser.roots);
    if roots > 1 {
        for node in document.nodes[before.0..].iter_mut().filter(|node| node.depth == 0) {
            node.numbered = true;
        }
    }
    let Err(fault) = read else { return };
    let most = fault.at - start > (end - start) / 2;
    if !(most || is_worth_keeping(document, before.0, &open)) {
        document.nodes.truncate(before.0);
        document.lines.truncate(before.1);
        document.text.truncate(before.2);
        if says_json(document, place) {
            document.push_note(parent, format!("not JSON: {} at byte {}", fault.reason, fault.at - start));
        }
        return text::lay_text(document, parent, start..end);
    }
    let last = document.lines.len() as u32 - 1;
    for node in open {
        document.nodes[node as usize].last = last;
    }
    let rest = if fault.at < end { "; the rest as text" } else { "" };
    document.push_note(parent, format!("{} at byte {}{rest}", fault.reason, fault.at - start));
    if fault.at < end {
        text::lay_text(document, parent, fault.at..end);
    }
}

/// Whether what was read before a fault is more than a text that happens to begin like JSON.
fn is_worth_keeping(document: &Document, first: usize, open: &[u32]) -> bool {
    let Some(root) = open.first().and_then(|root| document.node(*root)) else { return false };
    let read = document.nodes.len() - first;
    if root.sort == Sort::Object { read >= 2 } else { read >= 8 || open.len() > 2 }
}

fn says_json(document: &Document, place: usize) -> bool {
    let hint = &document.places[place].hint;
    hint.language.as_deref() == Some("json")
        || hint.file_name.as_deref().is_some_and(|name| name.ends_with(".json") || name.ends_with(".jsonl"))
}

struct Parser<'d> {
    document: &'d mut Document,
    end: usize,
    /// The containers that are open.
    open: Vec<u32>,
    /// What the outermost values belong to.
    base: u32,
    roots: u32,
    /// The value that was completed last.
    done: u32,
    /// How many strings this text is inside of.
    encoded: u8,
}

/// Where the bytes of a member's name lie.
type Key = (u32, u32);
const NO_KEY: Key = (NONE, NONE);

enum Next {
    Value(usize),
    End(usize),
}

impl Parser<'_> {
    /// Reads values to the end, also several behind one another.
    fn roots(&mut self, mut at: usize) -> Result<(), Fault> {
        loop {
            at = self.space(at);
            if at >= self.end {
                return Ok(());
            }
            at = self.value(at, NO_KEY)?;
        }
    }

    /// Reads one value with all that is in it.
    fn value(&mut self, mut at: usize, mut key: Key) -> Result<usize, Fault> {
        loop {
            at = self.space(at);
            if self.in_object() {
                (key, at) = self.key(at)?;
            }
            let byte = self.byte(at).ok_or_else(|| self.ended())?;
            let end = match byte {
                b'{' | b'[' => {
                    let (inside, next) = self.enter(at, key)?;
                    (key, at) = (NO_KEY, next);
                    if inside {
                        continue;
                    }
                    next
                }
                b'"' => self.string(at, key)?,
                _ => self.word(at, key)?,
            };
            key = NO_KEY;
            match self.after(end)? {
                Next::End(end) => return Ok(end),
                Next::Value(next) => at = next,
            }
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.document.text[..self.end].get(at).copied()
    }

    fn space(&self, mut at: usize) -> usize {
        while self.byte(at).is_some_and(|byte| byte.is_ascii_whitespace()) {
            at += 1;
        }
        at
    }

    fn in_object(&self) -> bool {
        self.open.last().is_some_and(|node| self.document.nodes[*node as usize].sort == Sort::Object)
    }

    fn ended(&self) -> Fault {
        Fault { at: self.end, reason: "the text ends inside a value".to_owned() }
    }

    fn expected(&self, what: &str, at: usize) -> Fault {
        match self.byte(at) {
            None => self.ended(),
            Some(byte) if byte.is_ascii_graphic() => {
                Fault { at, reason: format!("expected {what}, found `{}`", char::from(byte)) }
            }
            Some(byte) => Fault { at, reason: format!("expected {what}, found byte 0x{byte:02x}") },
        }
    }

    fn key(&mut self, at: usize) -> Result<(Key, usize), Fault> {
        if self.byte(at) != Some(b'"') {
            return Err(self.expected("a name", at));
        }
        let scan = strings::scan(&self.document.text, at + 1, self.end);
        let colon = self.space(scan.end);
        if !scan.closed || self.byte(colon) != Some(b':') {
            let fault = self.expected("a colon", colon);
            return Err(if scan.closed { fault } else { Fault { at, ..fault } });
        }
        Ok(((at as u32, scan.end as u32), self.space(colon + 1)))
    }

    /// Reads what follows a value: a comma, or the ends of containers.
    fn after(&mut self, mut at: usize) -> Result<Next, Fault> {
        loop {
            let Some(&node) = self.open.last() else { return Ok(Next::End(at)) };
            at = self.space(at);
            let closer = if self.in_object() { b'}' } else { b']' };
            match self.byte(at) {
                Some(b',') => {
                    self.document.nodes[self.done as usize].comma = true;
                    return Ok(Next::Value(at + 1));
                }
                Some(byte) if byte == closer => self.leave(node, at),
                _ => return Err(self.expected("a comma or the end of the list", at)),
            }
            at += 1;
        }
    }

    fn leave(&mut self, node: u32, at: usize) {
        let depth = self.document.nodes[node as usize].depth;
        self.document.push_line(LineKind::Close, node, depth, at..at);
        let last = self.document.lines.len() as u32 - 1;
        let closed = &mut self.document.nodes[node as usize];
        (closed.last, closed.end) = (last, at as u32 + 1);
        self.open.pop();
        self.done = node;
    }

    /// Adds a value and its first line.
    fn add(
        &mut self,
        sort: Sort,
        kind: LineKind,
        key: Key,
        at: std::ops::Range<usize>,
        shown: std::ops::Range<usize>,
    ) -> Result<u32, Fault> {
        if self.document.nodes.len() >= MOST_NODES {
            return Err(Fault { at: at.start, reason: format!("more than {MOST_NODES} values") });
        }
        let number = self.document.nodes.len() as u32;
        let parent = self.open.last().copied().unwrap_or(self.base);
        let mut node = Node::new(sort, parent, at.start, at.end);
        (node.key_start, node.key_end) = key;
        node.index = match self.open.last() {
            None => self.roots,
            Some(open) => self.document.nodes[*open as usize].count,
        };
        match self.open.last() {
            None => self.roots += 1,
            Some(open) => self.document.nodes[*open as usize].count += 1,
        }
        node.depth = match self.document.node(parent) {
            Some(parent) if parent.sort != Sort::Part => parent.depth + 1,
            _ => 0,
        };
        node.line = self.document.lines.len() as u32;
        node.last = node.line;
        self.document.nodes.push(node);
        self.document.push_line(kind, number, node.depth, shown);
        self.done = number;
        Ok(number)
    }

    /// Reads the start of a container; an empty one, or a list of numbers, is read to its end.
    fn enter(&mut self, at: usize, key: Key) -> Result<(bool, usize), Fault> {
        let object = self.byte(at) == Some(b'{');
        let sort = if object { Sort::Object } else { Sort::Array };
        let next = self.space(at + 1);
        if self.byte(next) == Some(if object { b'}' } else { b']' }) {
            self.add(sort, LineKind::Open, key, at..next + 1, at..at)?;
            return Ok((false, next + 1));
        }
        if self.open.len() >= MOST_DEEP {
            return Err(Fault { at, reason: format!("nested deeper than {MOST_DEEP}") });
        }
        let numbers = if object { None } else { self.numbers(next) };
        if let Some((end, count)) = numbers {
            let shown = self.flow(next, end - 1);
            let node = self.add(Sort::Flow, LineKind::Flow, key, at..end, shown)?;
            self.document.nodes[node as usize].count = count;
            return Ok((false, end));
        }
        let node = self.add(sort, LineKind::Open, key, at..at + 1, at..at)?;
        self.open.push(node);
        Ok((true, next))
    }

    /// The end of a list of at least two numbers, and how many they are.
    fn numbers(&self, start: usize) -> Option<(usize, u32)> {
        let bytes = &self.document.text[start..self.end];
        let is_part = |byte: &u8| {
            matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E' | b',' | b' ' | b'\n' | b'\r' | b'\t')
        };
        let length = bytes.iter().position(|byte| !is_part(byte))?;
        if bytes[length] != b']' {
            return None;
        }
        let mut count = 0;
        for number in bytes[..length].split(|byte| *byte == b',') {
            if !is_number(number.trim_ascii()) {
                return None;
            }
            count += 1;
        }
        (count > 1).then_some((start + length + 1, count))
    }

    /// A copy of a list of numbers with one space behind each comma.
    fn flow(&mut self, start: usize, end: usize) -> std::ops::Range<usize> {
        let from = self.document.text.len();
        let mut at = start;
        while at < end {
            let next = memchr::memchr(b',', &self.document.text[at..end]).map_or(end, |found| at + found);
            if at > start {
                self.document.text.extend_from_slice(b", ");
            }
            let number = &self.document.text[at..next];
            let blank = number.len() - number.trim_ascii_start().len();
            let size = number.trim_ascii().len();
            self.document.text.extend_from_within(at + blank..at + blank + size);
            at = next + 1;
        }
        from..self.document.text.len()
    }

    fn word(&mut self, at: usize, key: Key) -> Result<usize, Fault> {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}{[\":".contains(byte);
        let rest = &self.document.text[at..self.end];
        let word = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
        let sort = match word {
            b"true" | b"false" | b"null" => Sort::Literal,
            word if is_number(word) => Sort::Number,
            _ => return Err(self.expected("a value", at)),
        };
        let end = at + word.len();
        self.add(sort, LineKind::Scalar, key, at..end, at..end)?;
        Ok(end)
    }

    fn string(&mut self, at: usize, key: Key) -> Result<usize, Fault> {
        let scan = strings::scan(&self.document.text, at + 1, self.end);
        let mut inside = at + 1..scan.inside;
        let is_short = scan.closed && !scan.breaks && inside.len() <= LONG;
        if is_short && !self.may_hold_json(&inside) {
            if scan.odd_escapes {
                let from = self.document.text.len();
                strings::decode_odd(&mut self.document.text, inside.start, inside.end);
                inside = from..self.document.text.len();
            }
            self.add(Sort::String, LineKind::Scalar, key, at..scan.end, inside)?;
            return Ok(scan.end);
        }
        if scan.escapes {
            let from = self.document.text.len();
            strings::decode(&mut self.document.text, inside.start, inside.end);
            inside = from..self.document.text.len();
        }
        if self.may_hold_json(&inside) && self.lay_encoded(at..scan.end, inside.clone(), key) {
            return Ok(scan.end);
        }
        self.lay_block(at..scan.end, inside, key, scan)?;
        if scan.closed {
            Ok(scan.end)
        } else {
            Err(Fault { at: self.end, reason: "the text ends inside a string".to_owned() })
        }
    }

    fn lay_block(
        &mut self,
        at: std::ops::Range<usize>,
        inside: std::ops::Range<usize>,
        key: Key,
        scan: strings::Scan,
    ) -> Result<(), Fault> {
        if !scan.breaks && scan.closed && inside.len() <= LONG {
            // It looked like JSON in a string, but is a short text.
            let inside = at.start + 1..scan.inside;
            self.add(Sort::String, LineKind::Scalar, key, at, inside)?;
            return Ok(());
        }
        let node = self.add(Sort::Block, LineKind::Head, key, at, inside.start..inside.start)?;
        let depth = self.document.nodes[node as usize].depth;
        let count = text::lay_lines(self.document, node, depth, inside);
        let block = &mut self.document.nodes[node as usize];
        block.count = count;
        block.last = block.line + count;
        Ok(())
    }

    fn may_hold_json(&self, inside: &std::ops::Range<usize>) -> bool {
        let text = self.document.text[inside.clone()].trim_ascii();
        let may = match text {
            [b'{', inner @ .., b'}'] => inner.trim_ascii_start().first().is_some_and(|byte| b"\"\\".contains(byte)),
            [b'[', inner @ .., b']'] => inner.trim_ascii_start().first().is_some_and(|byte| b"{[\"\\".contains(byte)),
            _ => false,
        };
        may && self.encoded < MOST_ENCODED
    }

    /// Lays out a string that holds JSON as the JSON it holds; leaves nothing behind where it holds none.
    fn lay_encoded(&mut self, at: std::ops::Range<usize>, inside: std::ops::Range<usize>, key: Key) -> bool {
        let before = (self.document.nodes.len(), self.document.lines.len(), self.document.text.len());
        let root = before.0 as u32;
        let parent = self.open.last().copied();
        let index = parent.map_or(self.roots, |parent| self.document.nodes[parent as usize].count);
        let mut parser = Parser {
            document: &mut *self.document,
            end: inside.end,
            open: Vec::new(),
            base: parent.unwrap_or(self.base),
            roots: index,
            done: NONE,
            encoded: self.encoded + 1,
        };
        let read = parser.value(inside.start, key).map(|end| parser.space(end));
        if !read.is_ok_and(|end| end == inside.end) {
            self.document.nodes.truncate(before.0);
            self.document.lines.truncate(before.1);
            self.document.text.truncate(before.2);
            return false;
        }
        let node = &mut self.document.nodes[root as usize];
        (node.start, node.end, node.encoded) = (at.start as u32, at.end as u32, true);
        match parent {
            Some(parent) => self.document.nodes[parent as usize].count += 1,
            None => self.roots += 1,
        }
        self.done = root;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::{Hint, Mode, Part, Payload};
    use super::*;

    fn document(text: &str, hint: Hint) -> Document {
        let part = Part::whole("", text.as_bytes().to_vec(), hint);
        Document::new(Payload { parts: vec![part] }, Mode::Pretty)
    }

    #[test]
    fn deep_nesting_stops_with_a_note() {
        let document = document(&"[".repeat(10_000), Hint::default());
        assert_eq!(document.notes, ["nested deeper than 4096 at byte 4096; the rest as text"]);
    }

    #[test]
    fn text_is_text_unless_it_was_said_to_be_json() {
        let said = Hint { file_name: Some("a.json".to_owned()), ..Hint::default() };
        assert_eq!(document("[x", said).notes, ["not JSON: expected a value, found `x` at byte 1"]);
        assert!(document("[x", Hint::default()).notes.is_empty());
        assert!(document("plain", Hint::default()).notes.is_empty());
    }

    #[test]
    fn good_json_with_words_behind_it_stays_json() {
        let document = document("{\"a\":[1,2],\"b\":{}} done", Hint::default());
        assert_eq!(document.notes, ["expected a value, found `d` at byte 19; the rest as text"]);
        assert_eq!(document.lines.last().map(|line| line.kind), Some(LineKind::Text));
    }

    #[test]
    fn a_long_string_without_line_ends_gets_its_own_line() {
        let long = "x".repeat(LONG + 1);
        let document = document(&format!("{{\"a\":\"{long}\"}}"), Hint::default());
        let kinds: Vec<LineKind> = document.lines.iter().map(|line| line.kind).collect();
        assert_eq!(kinds, [LineKind::Open, LineKind::Head, LineKind::Text, LineKind::Close]);
    }

    #[test]
    fn lists_of_numbers_are_one_value() {
        let document = document("[[1,2],[1,\"a\"],[01,2]]", Hint::default());
        assert_eq!(document.nodes[1].sort, Sort::Flow);
        assert_eq!(document.nodes[2].sort, Sort::Array);
        assert_eq!(document.notes.len(), 1);
    }
}
