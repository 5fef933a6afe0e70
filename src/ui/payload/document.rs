//! A prepared payload: one buffer of text, the lines to show as ranges of it, and the values that own the lines.
//!
//! The buffer holds the bytes as loaded and, behind them, the strings decoded from them, so that a line is two
//! numbers whatever it shows. Nothing here knows widths, styles or folds.

use std::ops::Range;

use super::source::{Hint, Mode, PRETTY_LIMIT, Part, Payload};
use super::{json, text};

/// No node, no key.
pub(super) const NONE: u32 = u32::MAX;
/// Offsets into the buffer are 32 bits wide; decoding may double what is loaded.
const MOST_LOADED: usize = 1 << 30;
/// What stands for a part without bytes.
pub(super) const EMPTY: &str = "(empty)";
/// Bytes of one line of the hex view.
pub(super) const HEX_BYTES: usize = 16;

/// What a line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    /// The title of a part.
    Title,
    /// What the view has to say about the payload; `start` is its number in [`Document::notes`].
    Note,
    /// The first line of an object or a list, or all of it where it is empty.
    Open,
    Close,
    Scalar,
    /// A list of numbers on one line.
    Flow,
    /// The key of a long string; its text follows.
    Head,
    Text,
    Hex,
}

/// One line: what it shows and where its text lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) node: u32,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) depth: u16,
    pub(super) kind: LineKind,
    /// Its text is printable ASCII, so that columns are bytes.
    pub(super) clean: bool,
}

impl Line {
    pub(super) fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What sort of value a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Part,
    /// Text that is not JSON.
    Text,
    Object,
    Array,
    Flow,
    String,
    /// A string shown as text below its key.
    Block,
    Number,
    Literal,
}

/// One value, in the order of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) parent: u32,
    /// The name as written, quotes included.
    pub(super) key_start: u32,
    pub(super) key_end: u32,
    /// The value as written.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Its first and its last line.
    pub(super) line: u32,
    pub(super) last: u32,
    /// Members, items or lines.
    pub(super) count: u32,
    /// Its place in its parent.
    pub(super) index: u32,
    pub(super) depth: u16,
    pub(super) sort: Sort,
    pub(super) comma: bool,
    /// It was written as a string that holds JSON.
    pub(super) encoded: bool,
    /// One of several outermost values.
    pub(super) numbered: bool,
}

impl Node {
    pub(super) fn new(sort: Sort, parent: u32, start: usize, end: usize) -> Self {
        Self {
            parent,
            key_start: NONE,
            key_end: NONE,
            start: start as u32,
            end: end as u32,
            line: 0,
            last: 0,
            count: 0,
            index: 0,
            depth: 0,
            sort,
            comma: false,
            encoded: false,
            numbered: false,
        }
    }

    pub(super) fn can_fold(&self) -> bool {
        self.last > self.line || self.sort == Sort::Flow
    }

    /// The lines of its text, without the line of its key.
    pub(super) fn text_lines(&self) -> Range<usize> {
        self.line as usize + usize::from(self.sort == Sort::Block)..self.last as usize + 1
    }

    pub(super) fn has_key(&self) -> bool {
        self.key_start != NONE
    }
}

/// Where a part lies in the buffer, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) title: String,
    pub(super) hint: Hint,
    pub(super) size: u64,
    pub(super) from: u64,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Place {
    pub(super) fn is_window(&self) -> bool {
        self.from > 0 || self.size > (self.end - self.start) as u64
    }
}

/// A payload laid out as lines.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) mode: Mode,
    pub(super) text: Vec<u8>,
    pub(super) lines: Vec<Line>,
    pub(super) nodes: Vec<Node>,
    pub(super) notes: Vec<String>,
    pub(super) places: Vec<Place>,
    /// How much of the buffer was loaded, not decoded.
    loaded: usize,
}

impl Document {
    pub(super) fn new(payload: Payload, mode: Mode) -> Self {
        let mut document = Self {
            mode,
            text: Vec::new(),
            lines: Vec::new(),
            nodes: Vec::new(),
            notes: Vec::new(),
            places: Vec::new(),
            loaded: 0,
        };
        for part in payload.parts {
            let start = document.text.len();
            if start == 0 {
                document.text = part.bytes;
            } else {
                document.text.extend_from_slice(&part.bytes);
            }
            document.text.truncate(MOST_LOADED);
            let end = document.text.len();
            let Part { title, hint, size, from, .. } = part;
            document.places.push(Place { title, hint, size: size.max((end - start) as u64), from, start, end });
        }
        document.loaded = document.text.len();
        for number in 0..document.places.len() {
            document.lay_part(number);
        }
        document
    }

    /// What the document was made of.
    pub(super) fn into_payload(mut self) -> Payload {
        self.text.truncate(self.loaded);
        let mut parts = Vec::with_capacity(self.places.len());
        for place in self.places.into_iter().rev() {
            let bytes = self.text.split_off(place.start);
            parts.push(Part { title: place.title, size: place.size, bytes, from: place.from, hint: place.hint });
        }
        parts.reverse();
        Payload { parts }
    }

    fn lay_part(&mut self, number: usize) {
        let place = &self.places[number];
        let (start, end) = (place.start, place.end);
        let window = place.is_window().then(|| {
            let (size, limit) = (shown_size(place.size), shown_size(PRETTY_LIMIT));
            match (self.mode, place.size > PRETTY_LIMIT) {
                // Windows move on only where a body has a tab for itself.
                (Mode::Pretty, true) if self.places.len() > 1 => {
                    format!("{size}: the first part, raw; show --part gives it whole")
                }
                (Mode::Pretty, true) => format!("{size}: raw view; pretty stops at {limit}"),
                // Small enough alone, but not with what stands before it in the same tab.
                (Mode::Pretty, false) => format!("{size}: the first part, raw; the bodies before it took the room"),
                _ => format!("{size}: shown in parts"),
            }
        });
        let node = self.nodes.len() as u32;
        let titled = self.is_titled();
        if titled {
            self.nodes.push(Node { index: number as u32, ..Node::new(Sort::Part, NONE, start, end) });
            self.push_line(LineKind::Title, node, 0, start..start);
            self.nodes[node as usize].line = self.lines.len() as u32 - 1;
        }
        let parent = if titled { node } else { NONE };
        let is_window = window.is_some();
        if let Some(note) = window {
            self.push_note(parent, note);
        }
        match self.mode {
            _ if start == end => self.push_note(parent, EMPTY.to_owned()),
            Mode::Hex => text::lay_hex(self, parent, start..end),
            Mode::Pretty if !is_window && end - start <= PRETTY_LIMIT as usize => {
                json::lay_pretty(self, parent, number);
            }
            Mode::Pretty | Mode::Raw => text::lay_text(self, parent, start..end),
        }
        if titled {
            self.nodes[node as usize].last = self.lines.len() as u32 - 1;
        }
    }

    /// Whether parts have title lines.
    pub(super) fn is_titled(&self) -> bool {
        self.places.len() > 1
    }

    pub(super) fn push_line(&mut self, kind: LineKind, node: u32, depth: u16, range: Range<usize>) {
        let clean = is_clean(&self.text[range.clone()]);
        let (start, end) = (range.start as u32, range.end as u32);
        self.lines.push(Line { node, start, end, depth, kind, clean });
    }

    pub(super) fn push_note(&mut self, node: u32, note: String) {
        let number = self.notes.len() as u32;
        self.notes.push(note);
        self.lines.push(Line { node, start: number, end: number, depth: 0, kind: LineKind::Note, clean: true });
    }

    pub(super) fn node(&self, node: u32) -> Option<&Node> {
        self.nodes.get(node as usize)
    }

    /// The part that the bytes at an offset were loaded for.
    pub(super) fn place_at(&self, offset: usize) -> Option<&Place> {
        let after = self.places.partition_point(|place| place.start <= offset);
        self.places[..after].last()
    }

    /// The part that a value belongs to, also one that was decoded.
    pub(super) fn place_of(&self, node: u32) -> Option<&Place> {
        let mut node = self.node(node)?;
        while let Some(parent) = self.node(node.parent) {
            node = parent;
        }
        self.place_at(node.start as usize)
    }

    /// All of the text whose lines a value has.
    pub(super) fn block(&self, node: &Node) -> Range<usize> {
        let lines = node.text_lines();
        let start = self.lines.get(lines.start).map_or(0, |line| line.start as usize);
        let end = self.lines.get(lines.end - 1).map_or(start, |line| line.end as usize);
        start..end.max(start)
    }
}

/// Whether all of it is printable ASCII.
pub(super) fn is_clean(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| !chunk.iter().fold(false, |dirty, byte| dirty | !(0x20..0x7F).contains(byte)))
}

/// A size as people write it.
pub(super) fn shown_size(size: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")];
    if size == PRETTY_LIMIT {
        return "8 MiB".to_owned();
    }
    match UNITS.iter().find(|(unit, _)| size >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", size as f64 / *unit as f64),
        None => format!("{size} B"),
    }
}
