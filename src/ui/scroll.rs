//! A cursor in a payload: a line that may take many rows, in a window of rows.

use super::list::Move;
use super::payload::View;

/// The line of the cursor, and the first row that is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scroll {
    pub line: usize,
    pub top: usize,
}

/// The room for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub width: u16,
    pub height: usize,
}

impl Scroll {
    /// Moves the cursor; `count` repeats, or names a row or a percentage. `false` where it was at the end already.
    pub(crate) fn go(&mut self, view: &mut View, step: Move, count: Option<usize>, room: Room) -> bool {
        let before = *self;
        let rows = view.rows(room.width);
        let times = count.unwrap_or(1);
        let page = room.height.saturating_sub(1).max(1);
        let half = (room.height / 2).max(1);
        let row = view.row_of(self.line);
        match step {
            Move::Down => (0..times.min(rows)).for_each(|_| self.down(view, rows, room.height)),
            Move::Up => (0..times.min(rows)).for_each(|_| self.up(view, room.height)),
            Move::HalfDown => self.page(view, half.saturating_mul(times), rows, room.height),
            Move::PageDown => self.page(view, page.saturating_mul(times), rows, room.height),
            Move::HalfUp => self.page_back(view, half.saturating_mul(times)),
            Move::PageUp => self.page_back(view, page.saturating_mul(times)),
            Move::Top => self.land(view, count.map_or(0, |row| row.saturating_sub(1)), rows, room.height),
            Move::Bottom => self.land(view, count.unwrap_or(rows).saturating_sub(1), rows, room.height),
            Move::Percent => {
                self.land(view, rows.saturating_sub(1).saturating_mul(times.min(100)) / 100, rows, room.height);
            }
            Move::Centre => self.top = row.saturating_sub(room.height / 2),
            Move::LineToTop => self.top = row,
            Move::LineToBottom => self.top = (row + 1).saturating_sub(room.height),
        }
        *self != before
    }

    /// Down by a line, or by a row while the line goes on below the window.
    fn down(&mut self, view: &View, rows: usize, height: usize) {
        let next = view.step(self.line, 1);
        let end = if next == self.line { rows } else { view.row_of(next) };
        if end > self.top + height {
            self.top += 1;
        } else if next != self.line {
            self.line = next;
            self.top = self.top.max((view.row_of(next) + 1).saturating_sub(height));
        }
    }

    fn up(&mut self, view: &View, height: usize) {
        let row = view.row_of(self.line);
        if row < self.top {
            self.top -= 1;
            return;
        }
        let before = view.step(self.line, -1);
        if before == self.line {
            self.top = self.top.min(row);
            return;
        }
        self.line = before;
        // Of a line that is longer than the window the end is shown first.
        let last = row.saturating_sub(1);
        self.top = self.top.min(last.max(view.row_of(before)));
        self.top = self.top.max((view.row_of(before) + 1).saturating_sub(height));
    }

    fn page(&mut self, view: &View, by: usize, rows: usize, height: usize) {
        let row = view.row_of(self.line).max(self.top);
        let last = rows.saturating_sub(1);
        self.line = view.line_of(row.saturating_add(by).min(last));
        self.top = self.top.saturating_add(by).min(rows.saturating_sub(height));
    }

    fn page_back(&mut self, view: &View, by: usize) {
        let row = view.row_of(self.line).max(self.top);
        self.line = view.line_of(row.saturating_sub(by));
        self.top = self.top.saturating_sub(by);
    }

    fn land(&mut self, view: &View, row: usize, rows: usize, height: usize) {
        let row = row.min(rows.saturating_sub(1));
        self.line = view.line_of(row);
        self.show(row, rows, height);
    }

    /// Brings a row into the window, into its middle where it was out of sight.
    fn show(&mut self, row: usize, rows: usize, height: usize) {
        if row < self.top || row >= self.top + height {
            self.top = row.saturating_sub(height / 2);
        }
        self.top = self.top.min(rows.saturating_sub(height.min(rows)));
    }

    /// Puts the cursor on a line, and shows it.
    pub(crate) fn jump(&mut self, view: &mut View, line: usize, room: Room) {
        let rows = view.rows(room.width);
        let row = view.row_of(line);
        self.line = view.line_of(row);
        self.show(row, rows, room.height);
    }

    /// Brings the cursor into the window after the width, the height or the folds have changed.
    pub(crate) fn keep(&mut self, view: &mut View, room: Room) {
        let rows = view.rows(room.width);
        let row = view.row_of(self.line);
        self.line = view.line_of(row);
        let end = view.row_of(view.step(self.line, 1)).max(row + 1);
        if end <= self.top || row >= self.top + room.height {
            self.show(row, rows, room.height);
        }
        self.top = self.top.min(rows.saturating_sub(room.height.max(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::payload::{Hint, Mode, Options, Part, Payload};

    const ROOM: Room = Room { width: 20, height: 5 };

    fn view(text: &str) -> View {
        let part = Part::whole("part", text.as_bytes().to_vec(), Hint::default());
        View::new(Payload { parts: vec![part] }, Mode::Raw, Options::default())
    }

    #[test]
    fn a_line_longer_than_the_window_is_scrolled_row_by_row() {
        let mut view = view(&format!("{}\nshort", "x".repeat(400)));
        let mut scroll = Scroll::default();
        for _ in 0..3 {
            scroll.go(&mut view, Move::Down, None, ROOM);
        }
        assert_eq!((scroll.line, scroll.top), (0, 3));
        scroll.go(&mut view, Move::Bottom, None, ROOM);
        assert!(scroll.line > 0);
        scroll.go(&mut view, Move::Up, None, ROOM);
        assert!(scroll.top > 10, "the end of the long line stays in sight");
        assert!(!Scroll::default().go(&mut view, Move::Up, None, ROOM));
    }

    #[test]
    fn pages_and_ends_stay_within_the_text() {
        let text: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let mut view = view(&text.join("\n"));
        let mut scroll = Scroll::default();
        scroll.go(&mut view, Move::PageDown, Some(1000), ROOM);
        assert_eq!(view.row_of(scroll.line), view.rows(20) - 1);
        scroll.go(&mut view, Move::Percent, Some(50), ROOM);
        assert_eq!(view.row_of(scroll.line), (view.rows(20) - 1) / 2);
        scroll.go(&mut view, Move::Top, None, ROOM);
        assert_eq!(scroll, Scroll::default());
    }
}
