//! One row of cells becoming styled spans, never wider than the screen.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::cells::{Cell, cell_at};

/// A row being painted.
#[derive(Debug)]
pub(super) struct Row {
    width: usize,
    used: usize,
    spans: Vec<Span<'static>>,
    text: String,
    style: Style,
}

impl Row {
    pub(super) fn new(width: usize) -> Self {
        Self { width, used: 0, spans: Vec::new(), text: String::new(), style: Style::new() }
    }

    /// The columns of the whole row.
    pub(super) fn room(&self) -> usize {
        self.width
    }

    /// The columns that are left.
    pub(super) fn left(&self) -> usize {
        self.width - self.used
    }

    /// Adds text as far as it fits.
    pub(super) fn push(&mut self, text: &str, style: Style) {
        let mut at = 0;
        while at < text.len() && self.left() > 0 {
            let cell = cell_at(text.as_bytes(), at, self.used, false);
            self.cell(&cell, style);
            at += cell.len;
        }
    }

    /// Adds one cell; what is too wide for the rest of the row is cut to it.
    pub(super) fn cell(&mut self, cell: &Cell<'_>, style: Style) {
        let left = self.left();
        if cell.width == 0 || left == 0 {
            return;
        }
        if style != self.style {
            self.flush();
            self.style = style;
        }
        if cell.width <= left {
            cell.push_to(&mut self.text);
            self.used += cell.width;
        } else if cell.is_mark() {
            let mut mark = String::new();
            cell.push_to(&mut mark);
            self.text.push_str(&mark[..left]);
            self.used += left;
        } else {
            // A wide character at the edge, which only a very narrow or a sideways view cuts.
            self.text.extend(std::iter::repeat_n(' ', left));
            self.used += left;
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.spans.push(Span::styled(std::mem::take(&mut self.text), self.style));
        }
    }

    /// The row; under a cursor it is filled to its end.
    pub(super) fn finish(mut self, cursor: Option<Style>) -> Line<'static> {
        if cursor.is_some() {
            let left = self.left();
            self.flush();
            self.style = Style::new();
            self.text.extend(std::iter::repeat_n(' ', left));
        }
        self.flush();
        if let Some(cursor) = cursor {
            for span in &mut self.spans {
                // What is reversed within a reversed cursor stands out by not being so.
                let twice = cursor.add_modifier.contains(Modifier::REVERSED)
                    && span.style.add_modifier.contains(Modifier::REVERSED);
                span.style = span.style.patch(cursor);
                if twice {
                    span.style.add_modifier.remove(Modifier::REVERSED);
                }
            }
        }
        Line::from(self.spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_never_wider_than_the_screen() {
        let mut row = Row::new(4);
        row.push("ab日本", Style::new());
        let line = row.finish(None);
        assert_eq!((line.to_string(), line.width()), ("ab日".to_owned(), 4));
        let mut row = Row::new(3);
        row.push("ab日", Style::new());
        assert_eq!(row.finish(None).to_string(), "ab ");
        let mut row = Row::new(3);
        row.push("\u{202e}", Style::new());
        assert_eq!(row.finish(None).to_string(), "<U+");
    }

    #[test]
    fn the_cursor_fills_its_row() {
        let mut row = Row::new(5);
        row.push("ab", Style::new());
        let line = row.finish(Some(Style::new().add_modifier(Modifier::REVERSED)));
        assert_eq!(line.to_string(), "ab   ");
        assert!(line.spans.iter().all(|span| span.style.add_modifier.contains(Modifier::REVERSED)));
    }
}
