//! The minimap: the whole session in one line, and where the window and the cursor are in it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Pen;
use crate::ui::state::{Cell, LEVELS, State, Timeline};

const HEIGHTS: [&str; LEVELS + 1] = ["·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const ASCII_HEIGHTS: [&str; LEVELS + 1] = [".", "-", "-", "=", "=", "+", "+", "#", "#"];

pub(super) fn draw(state: &State, timeline: &Timeline, height: usize, area: Rect, buffer: &mut Buffer) {
    let minimap = &timeline.minimap;
    let window = timeline.list.window(timeline.len(), height);
    let ends = [window.start, window.end.saturating_sub(1)].map(|line| timeline.row_at(line));
    let ends = ends.map(|row| row.map_or(0, |row| minimap.cell_of(row)));
    let in_sight = ends[0].min(ends[1])..=ends[0].max(ends[1]);
    let here = timeline.current().map(|row| minimap.cell_of(row));
    let hits = timeline.search.as_ref().filter(|search| search.lit).map_or(&[][..], |search| &search.rows);
    let mut pen = Pen::new(buffer, area);
    let mut before = state.theme.border;
    for (place, cell) in minimap.cells.iter().enumerate() {
        let (sign, style) = if here == Some(place) {
            (if state.ascii { "^" } else { "▲" }, state.theme.title)
        } else {
            sign(state, timeline, cell, hits, before)
        };
        if here != Some(place) {
            before = style;
        }
        let seen = in_sight.contains(&place);
        pen.write(sign, if seen { style.patch(state.theme.cursor) } else { style });
    }
}

/// What a cell shows: what matters most goes over how much there is.
fn sign(state: &State, timeline: &Timeline, cell: &Cell, hits: &[u32], before: Style) -> (&'static str, Style) {
    let theme = &state.theme;
    let has = |rows: &[u32]| rows.get(rows.partition_point(|row| *row < cell.first)).is_some_and(|row| *row < cell.end);
    let (error, mark, cut) = if state.ascii { ("x", "*", ":") } else { ("×", "●", "┆") };
    if has(&timeline.errors) {
        (error, theme.error)
    } else if has(&timeline.correlation.finding_rows) {
        ("!", theme.warning)
    } else if has(&timeline.minimap.marked) {
        (mark, theme.mark)
    } else if has(hits) {
        ("/", theme.hit)
    } else {
        let heights = if state.ascii { &ASCII_HEIGHTS } else { &HEIGHTS };
        match cell.kind {
            Some(kind) => (heights[usize::from(cell.level).min(LEVELS)], theme.kind(kind)),
            // Where nothing happened the style of the cell before goes on: every change of style costs bytes.
            None => (if cell.cut { cut } else { heights[0] }, before),
        }
    }
}
