//! Draws the state. Decides nothing.

mod event;
mod frame;
mod lane;
mod lens;
mod minimap;
mod overlay;
mod pen;
mod preview;
mod prompt;
mod sessions;
mod sheet;
mod timeline;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::keymap::Place;
use super::state::State;
use pen::Pen;

/// Draws everything. The state is changed only in what payloads remember of their layout.
pub(crate) fn draw(state: &mut State, frame: &mut Frame) {
    let area = frame.area();
    // A resize that has not come in as a message yet: the next frame is drawn right.
    if (area.width, area.height) != (state.columns, state.rows) {
        return;
    }
    let buffer = frame.buffer_mut();
    let Some(areas) = state.areas() else {
        too_small(state, area, buffer);
        return;
    };
    if let Some(header) = areas.header {
        frame::header(state, header, buffer);
    }
    match state.place {
        Place::Sessions => sessions::draw(state, &areas, buffer),
        Place::Timeline => timeline::draw(state, &areas, buffer),
        Place::Event => event::draw(state, &areas, buffer),
    }
    if let (Some(side), Place::Timeline) = (areas.side, state.place) {
        preview::draw(state, side, buffer);
    }
    if let Some(status) = areas.status {
        frame::status(state, status, buffer);
    }
    if let Some(hints) = areas.hints {
        frame::hints(state, hints, buffer);
    }
    overlay::draw(state, &areas, buffer);
    if state.ascii {
        spell(buffer);
    }
}

/// Our own signs in ASCII, one column each, for a terminal that shows nothing else.
fn spell(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let plain = match cell.symbol() {
            "›" => ">",
            "·" => "-",
            "…" => "~",
            "Δ" => "+",
            "µ" => "u",
            "↓" => "v",
            "↑" => "^",
            "←" => "<",
            "→" => ">",
            _ => continue,
        };
        cell.set_symbol(plain);
    }
}

/// Says why a place is empty: that it could not be read and what to do, else these words.
fn empty(state: &State, words: &str, area: Rect, buffer: &mut Buffer) {
    let unread = state.missing().map(|unread| {
        let words = crate::domain::safe(&unread.words).into_owned();
        format!("{words}\nEnter or ^L tries again, q goes back")
    });
    let style = if unread.is_some() { state.theme.warning } else { state.theme.dim };
    let lines = super::text::wrap(unread.as_deref().unwrap_or(words), usize::from(area.width).saturating_sub(2));
    for (row, line) in (0..area.height).zip(lines) {
        Pen::new(buffer, Rect { y: area.y + row, height: 1, ..area }).space(1).write(&line, style);
    }
}

fn too_small(state: &State, area: Rect, buffer: &mut Buffer) {
    let words = "terminal too small";
    let mut lines = super::text::wrap(words, usize::from(area.width).max(1)).into_iter();
    for row in 0..area.height {
        let Some(line) = lines.next() else { return };
        Pen::new(buffer, Rect { y: area.y + row, height: 1, ..area }).write(&line, state.theme.dim);
    }
}
