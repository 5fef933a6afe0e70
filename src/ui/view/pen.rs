//! Writes one row of the screen from left to right, and never beyond its end.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::ui::text::{clip, width};
use crate::ui::theme::Theme;

/// A place in a row of the buffer. What is written must be safe already.
pub(crate) struct Pen<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    at: u16,
}

impl<'a> Pen<'a> {
    /// At the left end of the first row of an area.
    pub(crate) fn new(buffer: &'a mut Buffer, area: Rect) -> Self {
        let area = Rect { height: area.height.min(1), ..area }.intersection(buffer.area);
        Self { buffer, area, at: 0 }
    }

    /// The columns that are left.
    pub(crate) fn left(&self) -> usize {
        if self.area.height == 0 { 0 } else { usize::from(self.area.width - self.at) }
    }

    pub(crate) fn write(&mut self, text: &str, style: Style) -> &mut Self {
        let room = self.left();
        if room == 0 {
            return self;
        }
        let text = clip(text, room);
        self.buffer.set_stringn(self.area.x + self.at, self.area.y, &text, room, style);
        self.at += width(&text).min(room) as u16;
        self
    }

    /// A row that has been laid out elsewhere.
    pub(crate) fn line(&mut self, line: &Line<'_>) -> &mut Self {
        for span in &line.spans {
            self.write(&span.content, line.style.patch(span.style));
        }
        self
    }

    pub(crate) fn space(&mut self, columns: usize) -> &mut Self {
        self.at += columns.min(self.left()) as u16;
        self
    }

    /// Patches the style of the whole row, written or not.
    pub(crate) fn tint(&mut self, style: Style) {
        self.buffer.set_style(self.area, style);
    }
}

/// How a text looks on the row under the cursor: only what alarms keeps its colour, and a hit, whose colours are
/// made for another ground, is underlined.
pub(super) fn under_cursor(theme: &Theme, style: Style, loud: &[Style]) -> Style {
    if style == theme.hit {
        theme.text.bold().underlined()
    } else if loud.contains(&style) {
        style
    } else {
        theme.text
    }
}
