//! Draws a sheet: usage, actions, or what changed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Pen;
use super::overlay::boxed;
use crate::ui::layout::Areas;
use crate::ui::sheet::{Ink, Sheet};
use crate::ui::state::State;
use crate::ui::theme::Theme;
use crate::ui::update::{manner, room};

pub(super) fn draw(state: &State, sheet: &Sheet, areas: &Areas, buffer: &mut Buffer) {
    let whole = buffer.area;
    let below = areas.status.map_or(whole.bottom(), |status| status.y);
    let area = Rect { height: below.saturating_sub(whole.y), ..whole };
    let inner = boxed(state, &sheet.title(), area, buffer);
    let (_, height) = room(state);
    let chosen = sheet.has_cursor().then(|| sheet.list.at.saturating_sub(sheet.list.top));
    let rows = sheet.rows(height.min(usize::from(inner.height)), manner(state));
    for (line, row) in (0..inner.height).zip(&rows) {
        let mut pen = Pen::new(buffer, Rect { y: inner.y + line, height: 1, ..inner });
        for (ink, text) in row {
            pen.write(text, style(&state.theme, *ink));
        }
        if chosen == Some(usize::from(line)) {
            pen.tint(state.theme.cursor);
        }
    }
}

fn style(theme: &Theme, ink: Ink) -> Style {
    match ink {
        Ink::Text => theme.text,
        Ink::Dim => theme.dim,
        Ink::Title => theme.title,
        Ink::Bad => theme.error,
        Ink::Bar => theme.kind_model,
        Ink::Added => theme.diff_added,
        Ink::Removed => theme.diff_removed,
    }
}
