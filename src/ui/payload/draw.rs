//! The window that is drawn: only its rows are composed, coloured and cut.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::Line as Drawn;

use super::cells::{Shown, cell_at};
use super::compose::{Ink, Stream};
use super::document::{Document, Line, LineKind};
use super::folds::Folds;
use super::hex;
use super::highlight::{Highlighter, Styles, style_of};
use super::paint::Row;
use super::search::Hit;
use super::sideways::Sideways;
use super::source::Options;
use super::wrap::{Breaking, Layout, RULE, margin, room, row_end};
use crate::ui::theme::Theme;

/// What drawing reads of a view.
pub(super) struct Painter<'v> {
    pub(super) document: &'v Document,
    pub(super) folds: &'v Folds,
    pub(super) layout: &'v Layout,
    pub(super) options: Options,
    pub(super) breaking: Breaking,
    pub(super) hits: &'v [Hit],
    pub(super) current: Option<Hit>,
    pub(super) cursor: Option<usize>,
    /// Columns that are scrolled away.
    pub(super) aside: usize,
    pub(super) theme: &'v Theme,
}

/// What drawing fills for the next time.
#[derive(Debug, Default)]
pub(super) struct Caches {
    pub(super) highlighter: Highlighter,
    pub(super) sideways: Sideways,
}

/// The rows drawn so far of a window.
struct Window {
    height: usize,
    width: usize,
    drawn: Vec<Drawn<'static>>,
}

impl Window {
    fn left(&self) -> usize {
        self.height - self.drawn.len()
    }
}

/// One row of a line: its text, and which part of it the row shows.
struct Cut<'a> {
    stream: &'a Stream<'a>,
    from: usize,
    to: usize,
    /// The column that `from` stands in, for tab stops.
    column: usize,
    /// Columns of the first cell that are scrolled away.
    hidden: usize,
}

impl Painter<'_> {
    /// The rows of a window.
    pub(super) fn rows(&self, first: usize, height: usize, width: usize, caches: &mut Caches) -> Vec<Drawn<'static>> {
        let mut window = Window { height, width, drawn: Vec::with_capacity(height) };
        if width == 0 || first >= self.layout.rows() {
            return window.drawn;
        }
        let mut number = self.layout.line_of(first);
        let mut nth = first - self.layout.row_of(number);
        while window.left() > 0 && number < self.document.lines.len() {
            if self.document.lines[number].kind == LineKind::Hex {
                self.hex_line(number, nth, &mut window);
            } else {
                self.line(number, nth, &mut window, caches);
            }
            nth = 0;
            number = self.after(number);
        }
        window.drawn
    }

    /// The next line that may be shown.
    fn after(&self, number: usize) -> usize {
        let line = &self.document.lines[number];
        if self.folds.is_folded_head(line) {
            self.document.nodes[line.node as usize].last as usize + 1
        } else {
            number + 1
        }
    }

    fn hex_line(&self, number: usize, nth: usize, window: &mut Window) {
        let size = self.document.lines[number].range().len();
        let rows = size.div_ceil(hex::bytes_per_row(window.width));
        for nth in (nth..rows).take(window.left()) {
            window.drawn.push(self.hex(number, nth, window.width).finish(self.cursor_at(number)));
        }
    }

    fn line(&self, number: usize, nth: usize, window: &mut Window, caches: &mut Caches) {
        let line = &self.document.lines[number];
        let stream = Stream::of(self.document, line, self.folds.is_folded_head(line));
        let room = room(self.document, line, window.width);
        let mut from = 0;
        let (mut column, mut hidden) = (0, 0);
        if self.breaking.wrap {
            from = self.layout.row_start(number, nth, &stream, room);
        } else if self.aside > 0 {
            (from, column, hidden) = caches.sideways.find(number, &stream, self.aside, self.options.colours);
        }
        loop {
            let to = if self.breaking.wrap { row_end(&stream, from, room, self.breaking) } else { stream.len };
            let cut = Cut { stream: &stream, from, to, column, hidden };
            let mut row = Row::new(window.width);
            self.lead(line, window.width, &mut row);
            self.text(number, &cut, &mut row, &mut caches.highlighter);
            window.drawn.push(row.finish(self.cursor_at(number)));
            from = to;
            if from >= stream.len || window.left() == 0 {
                return;
            }
        }
    }

    fn cursor_at(&self, number: usize) -> Option<Style> {
        (self.cursor == Some(number)).then_some(self.theme.cursor)
    }

    /// The indent, and the rule beside the text of a string.
    fn lead(&self, line: &Line, width: usize, row: &mut Row) {
        let (indent, rule) = margin(self.document, line, width);
        row.push(&" ".repeat(indent), self.theme.text);
        if rule {
            row.push(if self.options.ascii { "| " } else { "│ " }, self.theme.dim);
            debug_assert_eq!(row.room() - row.left(), indent + RULE);
        }
    }

    fn text(&self, number: usize, cut: &Cut<'_>, row: &mut Row, highlighter: &mut Highlighter) {
        // A cell takes at least one column, and a grapheme of many bytes is rare.
        let window = cut.from..cut.to.min(cut.from + 4 * row.left() + 256);
        let styles = highlighter.styles(self.document, number, window, self.options.colours, self.theme);
        let mut styles = Pointer { styles: &styles, next: 0 };
        let hits = self.hits_of(number);
        let (mut column, mut hidden) = (cut.column, cut.hidden);
        for piece in &cut.stream.pieces {
            let base = style_of(piece.ink, self.theme);
            let mut at = cut.from.max(piece.at);
            let end = cut.to.min(piece.at + piece.bytes.len());
            while at < end && row.left() > 0 {
                let mut cell = cell_at(&piece.bytes, at - piece.at, column, self.options.colours);
                column += cell.width;
                let mut style = styles.at(at).map_or(base, |style| base.patch(style));
                if cell.is_mark() {
                    style = style.patch(self.theme.unsafe_mark);
                }
                if let Some(hit) = self.hit_style(hits, at..at + cell.len) {
                    style = style.patch(hit);
                }
                at += cell.len;
                if hidden > 0 {
                    // Cut by the left edge of a sideways view: what is left of it is blank.
                    cell.width = cell.width.saturating_sub(std::mem::take(&mut hidden));
                    cell.shown = Shown::Spaces;
                }
                if self.options.ascii && piece.ink == Ink::Punctuation && cell.shown == Shown::Text("…") {
                    cell.shown = Shown::Text("~");
                }
                row.cell(&cell, style);
            }
        }
    }

    fn hex(&self, number: usize, nth: usize, width: usize) -> Row {
        let line = &self.document.lines[number];
        let start = line.start as usize;
        let offset = self.document.place_at(start).map_or(0, |place| place.from + (start - place.start) as u64);
        let hits = self.hits_of(number);
        let mut row = Row::new(width);
        let styles = |byte: usize| self.hit_style(hits, byte..byte + 1);
        hex::paint(&mut row, line, &self.document.text[line.range()], (nth, offset), self.theme, &styles);
        row
    }

    fn hits_of(&self, number: usize) -> &[Hit] {
        let first = self.hits.partition_point(|hit| hit.line < number);
        let rest = &self.hits[first..];
        &rest[..rest.partition_point(|hit| hit.line == number)]
    }

    fn hit_style(&self, hits: &[Hit], at: Range<usize>) -> Option<Style> {
        let after = hits.partition_point(|hit| hit.end <= at.start);
        let hit = hits.get(after).filter(|hit| hit.start < at.end)?;
        Some(if self.current == Some(*hit) { self.theme.current_hit } else { self.theme.hit })
    }
}

/// Walks along the styles of a line.
struct Pointer<'a> {
    styles: &'a Styles,
    next: usize,
}

impl Pointer<'_> {
    fn at(&mut self, at: usize) -> Option<Style> {
        while self.styles.get(self.next).is_some_and(|(range, _)| range.end <= at) {
            self.next += 1;
        }
        self.styles.get(self.next).filter(|(range, _)| range.start <= at).map(|(_, style)| *style)
    }
}
