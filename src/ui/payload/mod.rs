//! The view of a payload: JSON, text or bytes as rows of styled cells, at any size.
//!
//! ```
//! use turnscope::ui::payload::{Hint, Mode, Options, Part, Payload, View, pattern};
//! use turnscope::ui::theme::Theme;
//!
//! let part = Part::whole("input", br#"{"command":"ls\ncd"}"#.to_vec(), Hint::default());
//! // On a worker thread, for a large one:
//! let mut view = View::new(Payload { parts: vec![part] }, Mode::Pretty, Options::default());
//! // Each frame, with the first row that the screen keeps:
//! let rows = view.rows(80);
//! let lines = view.draw(rows.saturating_sub(40), 40, 80, &Theme::dark());
//! // The cursor is a line, not a row:
//! let mut cursor = view.line_of(0);
//! cursor = view.step(cursor, 1);
//! view.set_cursor(Some(cursor));
//! assert_eq!(view.path(cursor), "command");
//! // Search; jumping to a hit unfolds what hides it:
//! let hits = view.find(&pattern("cd").unwrap());
//! view.reveal(hits[0].line);
//! view.set_hits(hits, Some(0));
//! ```

mod cells;
mod compose;
mod document;
mod draw;
mod folds;
mod hex;
mod highlight;
mod json;
mod paint;
mod path;
mod search;
mod sideways;
mod source;
mod strings;
mod text;
mod wrap;

pub use highlight::{TextKind, kind_of, warm};
pub(crate) use search::has_capitals;
pub use search::{Hit, MOST_HITS, pattern};
pub use source::{Hint, Mode, Options, PRETTY_LIMIT, Part, Payload};

use std::ops::Range;

use ratatui::text::Line;
use regex::Regex;

use crate::ui::theme::Theme;
use document::Document;
use draw::{Caches, Painter};
use folds::Folds;
use sideways::Sideways;
use wrap::{Breaking, Layout};

/// A prepared payload with its folds, hits and cursor.
///
/// A *line* is what was prepared and keeps its number whatever is folded; a *row* is a line of the screen and
/// depends on the width and on the folds. Rows and lines lead to each other at the width last given to
/// [`View::rows`] or [`View::draw`]. Numbers out of range are brought into it, or nothing happens.
#[derive(Debug)]
pub struct View {
    document: Document,
    folds: Folds,
    options: Options,
    layout: Option<Layout>,
    caches: Caches,
    hits: Vec<Hit>,
    current: Option<usize>,
    cursor: Option<usize>,
    aside: usize,
}

impl View {
    /// Prepares a payload. Takes up to 150 ms for 8 MiB and touches nothing of the screen: use a worker thread.
    pub fn new(payload: Payload, mode: Mode, options: Options) -> Self {
        let document = Document::new(payload, mode);
        let folds = Folds::new(&document);
        Self {
            document,
            folds,
            options,
            layout: None,
            caches: Caches::default(),
            hits: Vec::new(),
            current: None,
            cursor: None,
            aside: 0,
        }
    }

    /// How many rows there are at a width.
    ///
    /// Measures all lines when width, wrapping or colours changed: some 20 ms for 8 MiB, more where most of it is
    /// not ASCII. A worker that prepares a large view may call this, too.
    pub fn rows(&mut self, width: u16) -> usize {
        let breaking = self.breaking(width);
        match &self.layout {
            Some(layout) if layout.is_for(breaking) => layout.rows(),
            _ => {
                let layout = Layout::new(&self.document, &self.folds, breaking);
                self.layout.insert(layout).rows()
            }
        }
    }

    /// The rows of a window, each at most `width` columns wide; fewer than `height` at the end.
    ///
    /// Costs as much as the window is large, whatever the size of the payload.
    pub fn draw(&mut self, first_row: usize, height: u16, width: u16, theme: &Theme) -> Vec<Line<'static>> {
        self.rows(width);
        self.caches.highlighter.begin();
        let Some(layout) = &self.layout else { return Vec::new() };
        let painter = Painter {
            document: &self.document,
            folds: &self.folds,
            layout,
            options: self.options,
            breaking: self.breaking(width),
            hits: &self.hits,
            current: self.current.and_then(|current| self.hits.get(current)).copied(),
            cursor: self.cursor,
            aside: self.aside,
            theme,
        };
        painter.rows(first_row, height.into(), width.into(), &mut self.caches)
    }

    /// Whether the last [`View::draw`] left code plain to stay quick: drawing again colours more of it.
    pub fn is_pending(&self) -> bool {
        self.caches.highlighter.is_pending()
    }

    /// The line that a row shows; the last one behind the end.
    pub fn line_of(&self, row: usize) -> usize {
        match &self.layout {
            Some(layout) => layout.line_of(row),
            None => row.min(self.lines().saturating_sub(1)),
        }
    }

    /// The first row of a line; of a hidden one, that of the folded value it is in.
    pub fn row_of(&self, line: usize) -> usize {
        let line = self.folds.shown_head(&self.document, line.min(self.lines().saturating_sub(1)));
        self.layout.as_ref().map_or(line, |layout| layout.row_of(line))
    }

    /// How many lines there are, hidden ones included.
    pub fn lines(&self) -> usize {
        self.document.lines.len()
    }

    /// The line so many shown lines further down, or up; stops at the ends.
    pub fn step(&self, line: usize, by: isize) -> usize {
        let mut at = self.folds.shown_head(&self.document, line.min(self.lines().saturating_sub(1)));
        for _ in 0..by.unsigned_abs() {
            let next = if by > 0 { self.line_below(at) } else { self.line_above(at) };
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        at
    }

    /// Folds or unfolds the value at a line, or the one around it. Returns the line for the cursor.
    pub fn toggle(&mut self, line: usize) -> usize {
        let line = self.folds.shown_head(&self.document, line);
        let Some(node) = folds::foldable_at(&self.document, line) else { return line };
        self.set_folded(node, !self.folds.is_folded(node))
    }

    /// Folds the value at a line; where that is folded or cannot be, the one around it. Returns the line for the cursor.
    pub fn fold(&mut self, line: usize) -> usize {
        let line = self.folds.shown_head(&self.document, line);
        let Some(node) = folds::foldable_at(&self.document, line) else { return line };
        let around = self.parent(self.document.nodes[node as usize].line as usize);
        match around.filter(|_| self.folds.is_folded(node)) {
            Some(around) => self.fold(around),
            None => self.set_folded(node, true),
        }
    }

    /// Unfolds the value at a line. Returns the line for the cursor.
    pub fn unfold(&mut self, line: usize) -> usize {
        let line = self.folds.shown_head(&self.document, line);
        match self.document.lines.get(line).map(|line| line.node) {
            Some(node) if self.folds.is_folded(node) => self.set_folded(node, false),
            _ => line,
        }
    }

    /// Folds all values inside the outermost one; of several parts, all parts.
    pub fn fold_all(&mut self) {
        self.fold_level(if self.document.is_titled() { 0 } else { 1 });
    }

    /// Unfolds everything.
    pub fn unfold_all(&mut self) {
        self.fold_level(usize::MAX);
    }

    /// Folds the values nested `level` deep or deeper, and unfolds the others; 0 folds everything.
    ///
    /// Where parts have titles, these are level 0.
    pub fn fold_level(&mut self, level: usize) {
        self.folds.set_level(&self.document, level);
        self.layout = None;
    }

    /// Whether a line stands for a folded value.
    pub fn is_folded(&self, line: usize) -> bool {
        self.document.lines.get(line).is_some_and(|line| self.folds.is_folded_head(line))
    }

    /// Unfolds all that hides a line, as a jump to a hit needs.
    pub fn reveal(&mut self, line: usize) {
        for node in self.folds.hiding(&self.document, line) {
            self.set_folded(node, false);
        }
    }

    /// The path of the value at a line, as jq writes it without its first dot; empty outside JSON.
    pub fn path(&self, line: usize) -> String {
        path::path(&self.document, line)
    }

    /// The value at a line: the text of a string, the bytes as written of anything else; of plain text, the line.
    pub fn value(&self, line: usize) -> Vec<u8> {
        path::value(&self.document, line)
    }

    /// The line of the value around the one at a line.
    pub fn parent(&self, line: usize) -> Option<usize> {
        folds::parent_line(&self.document, line)
    }

    /// The exact text of some lines: values decoded, nothing marked. For copying, never for the screen.
    pub fn text_of(&self, lines: Range<usize>) -> String {
        path::text_of(&self.document, lines)
    }

    /// All places that match an expression, folded parts included; at most [`MOST_HITS`].
    ///
    /// Lines are searched one by one. For a large payload, use a worker thread.
    pub fn find(&self, expression: &Regex) -> Vec<Hit> {
        search::find(&self.document, expression)
    }

    /// Highlights hits, as [`View::find`] gave them, and one of them as the current one.
    pub fn set_hits(&mut self, hits: Vec<Hit>, current: Option<usize>) {
        self.hits = hits;
        self.current = current;
    }

    /// Draws a line as the cursor, or none.
    pub fn set_cursor(&mut self, line: Option<usize>) {
        self.cursor = line;
    }

    /// The first thing that the view has to say of the payload: that it is paged, or where its JSON ends.
    ///
    /// It also stands in a line of its own, where it belongs.
    pub fn notice(&self) -> Option<&str> {
        self.document.notes.iter().map(String::as_str).find(|note| *note != document::EMPTY)
    }

    /// The mode it was prepared in.
    pub fn mode(&self) -> Mode {
        self.document.mode
    }

    /// Prepares the same payload in another mode, as [`View::new`] would.
    pub fn with_mode(self, mode: Mode) -> Self {
        Self::new(self.document.into_payload(), mode, self.options)
    }

    /// How it is shown.
    pub fn options(&self) -> Options {
        self.options
    }

    /// Changes wrapping, colours or ASCII. Nothing is prepared again.
    pub fn set_options(&mut self, options: Options) {
        if options.colours != self.options.colours {
            self.caches.sideways = Sideways::default();
        }
        self.options = options;
    }

    /// Scrolls sideways by so many columns, where lines are not wrapped.
    pub fn set_aside(&mut self, columns: usize) {
        self.aside = columns;
    }

    fn breaking(&self, width: u16) -> Breaking {
        wrap::breaking(&self.document, width.into(), self.options.wrap, self.options.colours)
    }

    fn set_folded(&mut self, node: u32, folded: bool) -> usize {
        let line = self.document.nodes[node as usize].line;
        if self.folds.set(&self.document, node, folded) {
            if let Some(layout) = &mut self.layout {
                layout.refold(&self.document, &self.folds, line as usize);
            }
            self.caches.sideways = Sideways::default();
        }
        line as usize
    }

    fn line_below(&self, line: usize) -> Option<usize> {
        let shown = self.document.lines.get(line)?;
        let below = if self.folds.is_folded_head(shown) {
            self.document.nodes[shown.node as usize].last as usize + 1
        } else {
            line + 1
        };
        (below < self.lines()).then_some(below)
    }

    fn line_above(&self, line: usize) -> Option<usize> {
        Some(self.folds.shown_head(&self.document, line.checked_sub(1)?))
    }
}

#[cfg(test)]
mod tests;
