//! A cursor in a long list and the window that shows it; knows only numbers.

/// Where the cursor stands and which line is the first one shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub at: usize,
    pub top: usize,
}

/// Moves within a list or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Down,
    Up,
    Top,
    Bottom,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    Percent,
    Centre,
    LineToTop,
    LineToBottom,
}

impl List {
    /// Moves the cursor; `count` repeats, or names the line or the percentage.
    pub(crate) fn go(&mut self, step: Move, count: Option<usize>, length: usize, height: usize) {
        let times = count.unwrap_or(1);
        let page = height.saturating_sub(1).max(1);
        let half = (height / 2).max(1);
        let last = length.saturating_sub(1);
        match step {
            Move::Down => self.at = self.at.saturating_add(times),
            Move::Up => self.at = self.at.saturating_sub(times),
            Move::Top => self.at = count.map_or(0, |line| line.saturating_sub(1)),
            Move::Bottom => self.at = count.map_or(last, |line| line.saturating_sub(1)),
            Move::HalfDown => self.shift(half.saturating_mul(times), length, height),
            Move::HalfUp => self.unshift(half.saturating_mul(times)),
            Move::PageDown => self.shift(page.saturating_mul(times), length, height),
            Move::PageUp => self.unshift(page.saturating_mul(times)),
            Move::Percent => self.at = last.saturating_mul(times.min(100)) / 100,
            Move::Centre => self.top = self.at.saturating_sub(height / 2),
            Move::LineToTop => self.top = self.at,
            Move::LineToBottom => self.top = (self.at + 1).saturating_sub(height),
        }
        self.contain(length, height);
    }

    fn shift(&mut self, lines: usize, length: usize, height: usize) {
        self.at = self.at.saturating_add(lines);
        self.top = self.top.saturating_add(lines).min(length.saturating_sub(height));
    }

    fn unshift(&mut self, lines: usize) {
        self.at = self.at.saturating_sub(lines);
        self.top = self.top.saturating_sub(lines);
    }

    /// Puts the cursor on a line and, where that line is out of sight, into the middle of the window.
    pub fn jump(&mut self, line: usize, length: usize, height: usize) {
        self.at = line;
        if line < self.top || line >= self.top.saturating_add(height) {
            self.top = line.saturating_sub(height / 2);
        }
        self.keep(length, height);
    }

    /// The lines between the top of the window and the cursor.
    pub fn above(&self) -> usize {
        self.at.saturating_sub(self.top)
    }

    /// Scrolls so that so many lines stand above the cursor, as far as they fit.
    pub fn scroll_to(&mut self, above: usize, length: usize, height: usize) {
        self.top = self.at.saturating_sub(above);
        self.contain(length, height);
    }

    /// Brings cursor and window back into the list after either has changed its size; no line is left blank while
    /// there is one to fill it.
    pub fn keep(&mut self, length: usize, height: usize) {
        self.contain(length, height);
        self.top = self.top.min(length.saturating_sub(height.max(1)));
    }

    /// Keeps the cursor in the list and in the window. `z t` may leave the lines below the end blank.
    fn contain(&mut self, length: usize, height: usize) {
        self.at = self.at.min(length.saturating_sub(1));
        if self.at < self.top {
            self.top = self.at;
        } else if self.at >= self.top.saturating_add(height.max(1)) {
            self.top = self.at + 1 - height.max(1);
        }
        self.top = self.top.min(length.saturating_sub(1));
    }

    /// The lines in sight.
    pub fn window(&self, length: usize, height: usize) -> std::ops::Range<usize> {
        let top = self.top.min(length);
        top..length.min(top.saturating_add(height))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};

    use super::*;

    #[test]
    fn counts_repeat_moves_and_name_lines() {
        let mut list = List::default();
        list.go(Move::Down, Some(12), 100, 10);
        assert_eq!((list.at, list.top), (12, 3));
        list.go(Move::Bottom, Some(40), 100, 10);
        assert_eq!(list.at, 39);
        list.go(Move::Percent, Some(50), 101, 10);
        assert_eq!(list.at, 50);
    }

    #[test]
    fn a_jump_within_the_window_does_not_scroll() {
        let mut list = List { at: 0, top: 0 };
        list.jump(5, 100, 10);
        assert_eq!((list.at, list.top), (5, 0));
        list.jump(50, 100, 10);
        assert_eq!((list.at, list.top), (50, 45));
    }

    #[test]
    fn a_window_that_has_grown_is_filled_again() {
        let mut list = List::default();
        list.go(Move::Bottom, None, 158, 6);
        list.keep(158, 35);
        assert_eq!(list.window(158, 35), 123..158);
        list.keep(3, 35);
        assert_eq!((list.at, list.top), (2, 0));
        list.go(Move::LineToTop, None, 3, 35);
        assert_eq!(list.top, 2, "this is asked for");
    }

    fn moves() -> impl Strategy<Value = Move> {
        prop_oneof![
            Just(Move::Down),
            Just(Move::Up),
            Just(Move::Top),
            Just(Move::Bottom),
            Just(Move::HalfDown),
            Just(Move::PageUp),
            Just(Move::PageDown),
            Just(Move::Percent),
            Just(Move::Centre),
            Just(Move::LineToTop),
            Just(Move::LineToBottom),
        ]
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_in_the_window(
            steps in prop::collection::vec((moves(), any::<Option<usize>>()), 0..40),
            length in 1usize..200,
            height in 1usize..50,
        ) {
            let mut list = List::default();
            for (step, count) in steps {
                list.go(step, count, length, height);
                prop_assert!(list.at < length);
                prop_assert!(list.window(length, height).contains(&list.at));
            }
        }
    }
}
