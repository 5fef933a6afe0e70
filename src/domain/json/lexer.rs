//! A lexer over JSON bytes that may arrive in parts, in bounded memory whatever the length of the line.

use super::{DEEPER, Fault, NONE, Node, Outline, Shape};

/// Deeper nesting is a fault.
pub const MAX_DEPTH: usize = 4096;
/// Values beyond this many in one record are passed over; their bytes stay reachable through their parents.
const MAX_VALUES: usize = 200_000;
/// Of a record longer than this, only the start of each scalar is kept.
const KEEP_WHOLE: usize = 1 << 20;
/// How much of a long scalar is kept once a record is long.
const KEEP_HEAD: usize = 16 << 10;
/// A number is judged by its first digits.
const LONGEST_WORD: usize = 4096;
/// What the kept starts of one record may add up to.
const KEEP_MOST: usize = 4 << 20;

/// How far a [`Lexer`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The value is not complete yet.
    More,
    /// The value is complete; `used` bytes of the last part belong to it.
    Done { used: usize },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    NameOrEnd,
    Name,
    Colon,
    CommaOrEnd,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    String { escape: bool },
    Name { escape: bool },
    Word,
}

/// Reads one JSON value from bytes that arrive in parts.
#[derive(Debug)]
pub struct Lexer {
    outline: Outline,
    /// Open containers: the node (or `NONE` when passed over) and whether it is an object.
    open: Vec<(u32, bool)>,
    expect: Expect,
    inside: Inside,
    /// Bytes of earlier parts.
    before: u64,
    scalar_start: u64,
    scalar_kept: u32,
    name: (u32, u32),
    /// The bare word that is being read, as far as it can matter.
    word: Vec<u8>,
    /// The scalar belongs to a value that is not passed over.
    keeping: bool,
}

impl Default for Lexer {
    fn default() -> Self {
        Self::new()
    }
}

impl Lexer {
    pub fn new() -> Self {
        Self {
            outline: Outline::default(),
            open: Vec::new(),
            expect: Expect::Value,
            inside: Inside::Nothing,
            before: 0,
            scalar_start: 0,
            scalar_kept: 0,
            name: (NONE, 0),
            word: Vec::new(),
            keeping: true,
        }
    }

    /// Reads the next part of the record.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Fault> {
        let mut at = 0;
        while at < bytes.len() {
            at = match self.inside {
                Inside::String { escape } => self.string(bytes, at, escape, false)?,
                Inside::Name { escape } => self.string(bytes, at, escape, true)?,
                Inside::Word => self.word(bytes, at)?,
                Inside::Nothing => self.token(bytes, at)?,
            };
            if self.expect == Expect::End && self.inside == Inside::Nothing {
                self.before += at as u64;
                return Ok(Progress::Done { used: at });
            }
        }
        self.before += bytes.len() as u64;
        Ok(Progress::More)
    }

    /// Says that no more bytes come: completes a bare number or word, or tells what is missing.
    pub fn finish(&mut self) -> Result<(), Fault> {
        if self.inside == Inside::Word {
            self.close_word(self.before)?;
        }
        if self.expect == Expect::End && self.inside == Inside::Nothing {
            return Ok(());
        }
        let reason = if self.outline.nodes.is_empty() { "no value" } else { "the record ends inside a value" };
        Err(Fault { at: self.before, reason: reason.to_owned() })
    }

    /// What was read; complete after `Done` or a good `finish`.
    pub fn outline(self) -> Outline {
        self.outline
    }

    fn fault(&self, at: usize, reason: impl Into<String>) -> Fault {
        Fault { at: self.before + at as u64, reason: reason.into() }
    }

    fn token(&mut self, bytes: &[u8], at: usize) -> Result<usize, Fault> {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            return Ok(at + 1);
        }
        match (self.expect, byte) {
            (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => self.enter(at, byte == b'{')?,
            (Expect::Value | Expect::ValueOrEnd, b'"') => {
                self.start_scalar(at);
                self.inside = Inside::String { escape: false };
                self.keep(&bytes[at..=at]);
            }
            (Expect::Value | Expect::ValueOrEnd, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.start_scalar(at);
                self.inside = Inside::Word;
                return Ok(at);
            }
            (Expect::ValueOrEnd | Expect::CommaOrEnd, b']') if !self.in_object() => self.leave(at),
            (Expect::NameOrEnd | Expect::CommaOrEnd, b'}') if self.in_object() => self.leave(at),
            (Expect::NameOrEnd | Expect::Name, b'"') => {
                self.start_scalar(at);
                self.inside = Inside::Name { escape: false };
                self.keep(&bytes[at..=at]);
            }
            (Expect::Colon, b':') => self.expect = Expect::Value,
            (Expect::CommaOrEnd, b',') => {
                self.expect = if self.in_object() { Expect::Name } else { Expect::Value };
            }
            _ => return Err(self.fault(at, format!("expected {}, found {}", self.expected(), shown(byte)))),
        }
        Ok(at + 1)
    }

    fn expected(&self) -> &'static str {
        match self.expect {
            Expect::Value => "a value",
            Expect::ValueOrEnd => "a value or ]",
            Expect::NameOrEnd => "a name or }",
            Expect::Name => "a name",
            Expect::Colon => "a colon",
            Expect::CommaOrEnd => "a comma or the end of the list",
            Expect::End => "the end",
        }
    }

    fn in_object(&self) -> bool {
        self.open.last().is_some_and(|(_, object)| *object)
    }

    fn start_scalar(&mut self, at: usize) {
        self.scalar_start = self.before + at as u64;
        self.scalar_kept = self.outline.kept.len() as u32;
        self.word.clear();
        let passed_over = self.open.last().is_some_and(|(node, _)| *node == NONE);
        self.keeping = !passed_over && self.outline.nodes.len() < MAX_VALUES;
    }

    /// Keeps scalar bytes within the limits of a long record.
    fn keep(&mut self, bytes: &[u8]) {
        if !self.keeping {
            return;
        }
        let total = self.outline.kept.len();
        let have = total - self.scalar_kept as usize;
        let room = if total < KEEP_WHOLE {
            KEEP_WHOLE - total + KEEP_HEAD
        } else if total < KEEP_MOST {
            KEEP_HEAD.saturating_sub(have)
        } else {
            0
        };
        self.outline.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn string(&mut self, bytes: &[u8], at: usize, escape: bool, is_name: bool) -> Result<usize, Fault> {
        let mut from = at;
        if escape {
            from += 1;
        }
        let rest = bytes.get(from..).unwrap_or(&[]);
        let (end, closed, open_escape) = scan_string(rest);
        self.keep(&bytes[at..from + end]);
        let after = from + end;
        if closed {
            self.inside = Inside::Nothing;
            let end = self.before + after as u64;
            if is_name {
                self.name = (self.scalar_kept, (self.outline.kept.len() - self.scalar_kept as usize) as u32);
                self.expect = Expect::Colon;
            } else {
                self.add(Shape::String, end);
                self.after_value();
            }
        } else if is_name {
            self.inside = Inside::Name { escape: open_escape };
        } else {
            self.inside = Inside::String { escape: open_escape };
        }
        Ok(after)
    }

    fn word(&mut self, bytes: &[u8], at: usize) -> Result<usize, Fault> {
        let ends =
            |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}' | b'{' | b'[' | b'"' | b':');
        let end = bytes[at..].iter().position(ends).map(|found| at + found);
        let part = &bytes[at..end.unwrap_or(bytes.len())];
        self.keep(part);
        let room = LONGEST_WORD.saturating_sub(self.word.len());
        self.word.extend_from_slice(&part[..part.len().min(room)]);
        let Some(end) = end else { return Ok(bytes.len()) };
        self.close_word(self.before + end as u64)?;
        Ok(end)
    }

    fn close_word(&mut self, end: u64) -> Result<(), Fault> {
        let shape = match self.word.as_slice() {
            b"true" | b"false" => Shape::Bool,
            b"null" => Shape::Null,
            number if is_number(number) => Shape::Number,
            other => {
                let shown = String::from_utf8_lossy(&other[..other.len().min(40)]).into_owned();
                return Err(Fault { at: self.scalar_start, reason: format!("{shown:?} is not a JSON value") });
            }
        };
        self.inside = Inside::Nothing;
        self.add(shape, end);
        self.after_value();
        Ok(())
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::End } else { Expect::CommaOrEnd };
    }

    fn enter(&mut self, at: usize, object: bool) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault(at, format!("{DEEPER} {MAX_DEPTH}")));
        }
        self.scalar_start = self.before + at as u64;
        self.scalar_kept = NONE;
        let node = self.add(if object { Shape::Object } else { Shape::Array }, 0);
        self.open.push((node, object));
        self.expect = if object { Expect::NameOrEnd } else { Expect::ValueOrEnd };
        Ok(())
    }

    fn leave(&mut self, at: usize) {
        if let Some((node, _)) = self.open.pop()
            && let Some(node) = self.outline.nodes.get_mut(node as usize)
        {
            node.end = self.before + at as u64 + 1;
        }
        self.after_value();
    }

    /// Adds a value below the innermost open container; `NONE` when it is passed over.
    fn add(&mut self, shape: Shape, end: u64) -> u32 {
        let parent = self.open.last().map(|(node, _)| *node);
        let (name, name_size) = std::mem::replace(&mut self.name, (NONE, 0));
        if parent == Some(NONE) || self.outline.nodes.len() >= MAX_VALUES {
            self.outline.partial = true;
            if let Some(parent) = parent.and_then(|parent| self.outline.nodes.get_mut(parent as usize)) {
                parent.count = parent.count.saturating_add(1);
            }
            return NONE;
        }
        let kept_size = if self.scalar_kept == NONE { 0 } else { self.outline.kept.len() as u32 - self.scalar_kept };
        let node = self.outline.nodes.len() as u32;
        self.outline.nodes.push(Node {
            shape,
            start: self.scalar_start,
            end,
            kept: self.scalar_kept,
            kept_size,
            name,
            name_size,
            first: NONE,
            last: NONE,
            next: NONE,
            count: 0,
        });
        if let Some(parent) = parent {
            let last = self.outline.nodes[parent as usize].last;
            if last == NONE {
                self.outline.nodes[parent as usize].first = node;
            } else {
                self.outline.nodes[last as usize].next = node;
            }
            let parent = &mut self.outline.nodes[parent as usize];
            parent.last = node;
            parent.count = parent.count.saturating_add(1);
        }
        node
    }
}

/// Finds the end of a string: bytes used, whether its quote was found, whether it ends inside an escape.
fn scan_string(rest: &[u8]) -> (usize, bool, bool) {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &rest[at..]) {
        at += found;
        if rest[at] == b'"' {
            return (at + 1, true, false);
        }
        if at + 1 >= rest.len() {
            return (rest.len(), false, true);
        }
        at += 2;
    }
    (rest.len(), false, false)
}

/// Whether a word is a number as JSON writes them.
pub fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        let exponent = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("`{}`", char::from(byte)) } else { format!("byte 0x{byte:02x}") }
}
