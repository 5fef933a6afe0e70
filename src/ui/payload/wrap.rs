//! Where rows begin: long lines broken to a width, and the sums that turn rows into lines and back.
//!
//! The heights of all lines are measured once per width, bytes at a time where columns are bytes. Of a line with
//! many rows every 64th start is kept, so that drawing far inside one line costs no more than elsewhere.

use std::collections::HashMap;

use super::cells::extent_at;
use super::compose::Stream;
use super::document::{Document, HEX_BYTES, Line, LineKind, Sort, is_clean};
use super::folds::Folds;
use super::hex;
use super::source::Mode;

/// Of longer lines, every so many starts of rows are kept.
const STRIDE: usize = 64;
/// Columns of one level of indent.
const INDENT: usize = 2;
/// Columns of the rule beside the text of a string.
pub(super) const RULE: usize = 2;

/// How to break lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Breaking {
    pub(super) width: usize,
    pub(super) wrap: bool,
    /// Break at spaces.
    pub(super) words: bool,
    pub(super) colours: bool,
}

/// The columns left of a line's text: its indent, and whether a rule fits.
pub(super) fn margin(document: &Document, line: &Line, width: usize) -> (usize, bool) {
    let indent = (usize::from(line.depth) * INDENT).min(width / 2);
    let in_string =
        line.kind == LineKind::Text && document.node(line.node).is_some_and(|node| node.sort == Sort::Block);
    (indent, in_string && indent + RULE < width)
}

/// The columns for a line's text; never none.
pub(super) fn room(document: &Document, line: &Line, width: usize) -> usize {
    let (indent, rule) = margin(document, line, width);
    width.saturating_sub(indent + if rule { RULE } else { 0 }).max(1)
}

/// Where the row that begins at `from` ends. A space that no longer fits is swallowed.
pub(super) fn row_end(stream: &Stream<'_>, from: usize, room: usize, breaking: Breaking) -> usize {
    if stream.clean {
        return clean_row_end(stream, from, room, breaking.words);
    }
    let (mut at, mut column) = (from, 0);
    let mut last_space = None;
    for piece in &stream.pieces {
        let bytes: &[u8] = &piece.bytes;
        while at < piece.at + bytes.len() && at >= piece.at {
            let (len, width) = extent_at(bytes, at - piece.at, column, breaking.colours);
            let is_space = bytes[at - piece.at] == b' ' && len == 1;
            if column + width > room && at > from {
                return match last_space {
                    _ if is_space && breaking.words => at + 1,
                    Some((space, before)) if breaking.words && column - before <= room / 2 => space,
                    _ => at,
                };
            }
            at += len;
            column += width;
            if is_space {
                last_space = Some((at, column));
            }
        }
    }
    stream.len
}

fn clean_row_end(stream: &Stream<'_>, from: usize, room: usize, words: bool) -> usize {
    let end = from + room;
    if end >= stream.len {
        return stream.len;
    }
    if !words {
        return end;
    }
    if stream.byte(end) == Some(b' ') {
        return end + 1;
    }
    let first = end.saturating_sub(room / 2).max(from + 1);
    (first..=end).rev().find(|at| stream.byte(at - 1) == Some(b' ')).unwrap_or(end)
}

/// A line that is not folded has no more columns than this; told without composing it.
fn most_columns(document: &Document, line: &Line) -> usize {
    /// No byte takes more columns when it is marked.
    const MARKED: usize = 4;
    /// Punctuation, counts and remarks around a value.
    const AROUND: usize = 40;
    let columns = |bytes: usize, clean: bool| if clean { bytes } else { bytes * MARKED };
    let body = columns(line.range().len(), line.clean);
    match (line.kind, document.node(line.node)) {
        (LineKind::Text, _) => body,
        (LineKind::Title | LineKind::Note, _) | (_, None) => usize::MAX,
        (_, Some(node)) if node.has_key() => {
            let key = &document.text[node.key_start as usize..node.key_end as usize];
            body + columns(key.len(), is_clean(key)) + AROUND
        }
        _ => body + AROUND,
    }
}

/// The rows of all lines at one width.
#[derive(Debug)]
pub(super) struct Layout {
    breaking: Breaking,
    heights: Vec<u32>,
    /// The row behind each line, counting only what is not hidden.
    ends: Vec<u32>,
    /// Of lines with many rows, where every 64th begins.
    long: HashMap<u32, Vec<u32>>,
}

impl Layout {
    pub(super) fn new(document: &Document, folds: &Folds, breaking: Breaking) -> Self {
        let mut layout = Self { breaking, heights: Vec::new(), ends: Vec::new(), long: HashMap::new() };
        layout.heights.reserve_exact(document.lines.len());
        let mut stream = Stream::default();
        for (number, line) in document.lines.iter().enumerate() {
            let height = layout.measure(document, folds, number, line, &mut stream);
            layout.heights.push(height);
        }
        layout.sum(document, folds);
        layout
    }

    pub(super) fn is_for(&self, breaking: Breaking) -> bool {
        self.breaking == breaking
    }

    /// Takes in that the value that begins at a line was folded or unfolded.
    pub(super) fn refold(&mut self, document: &Document, folds: &Folds, changed: usize) {
        let line = &document.lines[changed];
        self.heights[changed] = self.measure(document, folds, changed, line, &mut Stream::default());
        self.sum(document, folds);
    }

    fn measure<'a>(
        &mut self,
        document: &'a Document,
        folds: &Folds,
        number: usize,
        line: &Line,
        stream: &mut Stream<'a>,
    ) -> u32 {
        let Breaking { width, wrap, .. } = self.breaking;
        if line.kind == LineKind::Hex {
            return (line.range().len().div_ceil(hex::bytes_per_row(width))) as u32;
        }
        if !wrap {
            return 1;
        }
        let room = room(document, line, width);
        let folded = folds.is_folded_head(line);
        if !folded && most_columns(document, line) <= room {
            return 1;
        }
        stream.refill(document, line, folded);
        if stream.clean && stream.len <= room {
            return 1;
        }
        let (mut rows, mut at) = (0, 0);
        let mut starts = Vec::new();
        while at < stream.len || rows == 0 {
            if rows % STRIDE == 0 {
                starts.push(at as u32);
            }
            at = row_end(stream, at, room, self.breaking);
            rows += 1;
        }
        self.long.remove(&(number as u32));
        if starts.len() > 1 {
            self.long.insert(number as u32, starts);
        }
        rows as u32
    }

    fn sum(&mut self, document: &Document, folds: &Folds) {
        self.ends.clear();
        self.ends.reserve_exact(self.heights.len());
        let (mut row, mut hidden_to) = (0u32, 0);
        for (number, (line, height)) in document.lines.iter().zip(&self.heights).enumerate() {
            if number >= hidden_to {
                row = row.saturating_add(*height);
                if folds.is_folded_head(line) {
                    hidden_to = document.nodes[line.node as usize].last as usize + 1;
                }
            }
            self.ends.push(row);
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.ends.last().map_or(0, |row| *row as usize)
    }

    pub(super) fn line_of(&self, row: usize) -> usize {
        let line = self.ends.partition_point(|end| *end as usize <= row);
        if line < self.ends.len() {
            return line;
        }
        // Behind the end: the last line that is shown.
        let last = self.rows();
        self.ends.partition_point(|end| (*end as usize) < last)
    }

    /// The first row of a line that is shown.
    pub(super) fn row_of(&self, line: usize) -> usize {
        match line.min(self.ends.len()).checked_sub(1) {
            None => 0,
            Some(before) => self.ends[before] as usize,
        }
    }

    /// Where the given row of a line begins in its text.
    pub(super) fn row_start(&self, number: usize, row: usize, stream: &Stream<'_>, room: usize) -> usize {
        let (mut at, mut left) = (0, row);
        if let Some(starts) = self.long.get(&(number as u32)) {
            let kept = (row / STRIDE).min(starts.len() - 1);
            (at, left) = (starts[kept] as usize, row - kept * STRIDE);
        }
        for _ in 0..left {
            at = row_end(stream, at, room, self.breaking);
        }
        at
    }
}

/// How a document's lines break.
pub(super) fn breaking(document: &Document, width: usize, wrap: bool, colours: bool) -> Breaking {
    let wrap = wrap || document.mode == Mode::Hex;
    // Without wrapping, only the hex view depends on the width.
    let width = if wrap { width.max(1) } else { HEX_BYTES };
    Breaking { width, wrap, words: document.mode == Mode::Pretty, colours }
}

#[cfg(test)]
mod tests {
    use super::super::source::{Hint, Part, Payload};
    use super::*;

    fn broken(text: &str, width: usize, words: bool, forget_clean: bool) -> Vec<String> {
        let part = Part::whole("", text.as_bytes().to_vec(), Hint::default());
        let document = Document::new(Payload { parts: vec![part] }, Mode::Raw);
        let mut stream = Stream::of(&document, &document.lines[0], false);
        stream.clean &= !forget_clean;
        let breaking = Breaking { width, wrap: true, words, colours: false };
        let (mut rows, mut at) = (Vec::new(), 0);
        while at < stream.len {
            let end = row_end(&stream, at, width, breaking);
            rows.push(text[at..end].to_owned());
            at = end;
        }
        rows
    }

    #[test]
    fn rows_end_at_words_where_that_wastes_little() {
        assert_eq!(broken("one two three four", 9, true, false), ["one two ", "three ", "four"]);
        assert_eq!(broken("one twothreefour", 9, true, false), ["one twoth", "reefour"]);
        assert_eq!(broken("12345678 90", 8, true, false), ["12345678 ", "90"]);
        assert_eq!(broken("one two", 5, false, false), ["one t", "wo"]);
    }

    #[test]
    fn bytes_and_cells_break_alike() {
        let text = "the  quick brown fox-jumps over, the lazy dog and thensomelongword   ends";
        for width in 1..40 {
            for words in [true, false] {
                assert_eq!(broken(text, width, words, false), broken(text, width, words, true), "width {width}");
            }
        }
    }

    #[test]
    fn wide_characters_are_not_cut() {
        assert_eq!(broken("日本語", 3, true, false), ["日", "本", "語"]);
        assert_eq!(broken("日本", 1, true, false), ["日", "本"]);
    }
}
