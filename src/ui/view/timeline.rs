//! The timeline: one line a row, and the minimap.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Pen;
use super::pen::under_cursor;
use crate::timeline::{Row, State as RowState, Turn};
use crate::ui::layout::Areas;
use crate::ui::state::{State, Timeline, is_failure};
use crate::ui::text::{fit, left, right, width};
use crate::ui::theme::{self, glyph};
use crate::ui::words;

/// The widths of the columns; zero for one that did not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    time: usize,
    who: usize,
    label: usize,
    status: usize,
    tokens: usize,
    latency: usize,
    bar: usize,
}

/// What the label keeps before a column may take it.
const LABEL: usize = 20;

impl Columns {
    /// What goes first on a narrow screen: the bar, tokens, latency, time, who. The status stays longest.
    fn fit(room: usize, time: usize) -> Self {
        let mut columns = Self { time, who: 14, label: 0, status: 11, tokens: 6, latency: 6, bar: 8 };
        for give in [
            |columns: &mut Self| columns.bar = 0,
            |columns: &mut Self| columns.tokens = 0,
            |columns: &mut Self| columns.latency = 0,
            |columns: &mut Self| columns.who = 8,
            |columns: &mut Self| columns.time = 0,
            |columns: &mut Self| columns.who = 0,
            |columns: &mut Self| columns.status = 2,
        ] {
            if columns.taken() + LABEL <= room {
                break;
            }
            give(&mut columns);
        }
        columns.label = room.saturating_sub(columns.taken());
        columns
    }

    fn taken(&self) -> usize {
        let gap = |width: usize| if width == 0 { 0 } else { width + 1 };
        // The mark and the glyph, each with a space behind, and that behind the label.
        let signs = 5;
        signs
            + [self.time, self.who, self.status, self.tokens, self.latency, self.bar]
                .into_iter()
                .map(gap)
                .sum::<usize>()
    }
}

pub(super) fn draw(state: &State, areas: &Areas, buffer: &mut Buffer) {
    let Some(timeline) = &state.timeline else { return };
    if timeline.len() == 0 {
        let words = match (&timeline.filter, timeline.complete) {
            (Some(found), _) if found.job.is_some() => "no row has passed the filter so far",
            (Some(_), _) => "no row passes the filter; f changes it",
            (None, false) => "reading the rows",
            (None, true) if !timeline.hidden.is_empty() => "all rows are hidden; aa shows them",
            (None, true) => "this session has no events",
        };
        super::empty(state, words, areas.list, buffer);
    }
    let columns = Columns::fit(usize::from(areas.list.width), timeline.clock.width());
    let window = timeline.list.window(timeline.len(), usize::from(areas.list.height));
    let slowest = window.clone().filter_map(|line| timeline.row(line)).map(|row| row.latency).max().unwrap_or(0);
    let lines = Lines { state, timeline, columns, slowest };
    for (offset, line) in (0u16..).zip(window) {
        let area = Rect { y: areas.list.y + offset, height: 1, ..areas.list };
        lines.draw(line, area, buffer);
    }
    if let Some(area) = areas.minimap {
        minimap(state, timeline, usize::from(areas.list.height), area, buffer);
    }
}

/// The cells of a line from left to right. Each has its gap in its own style: every change of style costs bytes.
type Cells = Vec<(String, Style)>;

/// What all lines in sight have in common.
struct Lines<'a> {
    state: &'a State,
    timeline: &'a Timeline,
    columns: Columns,
    /// The longest latency in sight.
    slowest: i64,
}

impl Lines<'_> {
    fn draw(&self, line: usize, area: Rect, buffer: &mut Buffer) {
        let theme = &self.state.theme;
        let chosen = line == self.timeline.list.at && !self.timeline.preview.focus;
        // Under the cursor only what alarms or was searched for keeps its colour.
        let loud = [theme.error, theme.warning, theme.mark];
        let mut pen = Pen::new(buffer, area);
        for (text, style) in self.cells(line) {
            pen.write(&text, if chosen { under_cursor(theme, style, &loud) } else { style });
        }
        if chosen {
            pen.tint(theme.cursor);
        }
    }

    fn cells(&self, line: usize) -> Cells {
        let (state, timeline, columns) = (self.state, self.timeline, self.columns);
        let theme = &state.theme;
        let (Some(index), Some(row)) = (timeline.row_at(line), timeline.row(line)) else { return Vec::new() };
        let turn = timeline.key(index).and_then(|key| timeline.turns.get(key)).map(AsRef::as_ref);
        let selected = timeline.selected().is_some_and(|lines| lines.contains(&line));
        let mark = mark(state, timeline, index, selected);
        let mut cells = vec![(format!("{mark} "), if mark == " " { theme.dim } else { theme.mark })];
        if columns.time > 0 {
            let before = line.checked_sub(1).and_then(|line| timeline.row(line)).map(|row| row.time);
            let time = timeline.clock.write(row.time, timeline.start(), before);
            cells.push((format!("{} ", right(&time, columns.time)), theme.dim));
        }
        cells.push((format!("{} ", glyph(row.kind, state.ascii)), theme.kind(row.kind)));
        if columns.who > 0 {
            let who = turn.map_or_else(|| row.kind.name().to_owned(), |turn| fit(&turn.who, columns.who));
            cells.push((format!("{} ", left(&who, columns.who)), theme.kind(row.kind)));
        }
        let is_hit = is_hit(timeline, index);
        let words = label(turn, columns.label);
        let gap = " ".repeat((columns.label + 1).saturating_sub(width(&words)));
        cells.push((words, if is_hit { theme.hit } else { theme.text }));
        cells.push((gap, theme.text));
        self.numbers(&mut cells, row, turn);
        cells
    }

    fn numbers(&self, cells: &mut Cells, row: &Row, turn: Option<&Turn>) {
        let (columns, dim) = (self.columns, self.state.theme.dim);
        let (sign, style) = sign(self.state, row.state);
        let word = turn.map_or(row.state.name(), |turn| turn.status.as_str());
        // A source may call a call fine whose record says that it failed; the row says what counts.
        let contradicts = is_failure(row.state) && matches!(word, "" | "ok" | "success" | "completed");
        let word = if contradicts { row.state.name() } else { word };
        let room = columns.status.saturating_sub(2);
        cells.push((format!("{sign} {} ", left(&fit(word, room), room)), style));
        if columns.tokens > 0 {
            let tokens = if row.tokens >= 0 { words::count(row.tokens) } else { String::new() };
            cells.push((format!("{} ", right(&tokens, columns.tokens)), dim));
        }
        if columns.latency > 0 {
            let latency = if row.latency >= 0 { words::duration(row.latency) } else { String::new() };
            cells.push((format!("{} ", right(&latency, columns.latency)), dim));
        }
        if columns.bar > 0 {
            cells.push((bar(row.latency, self.slowest, columns.bar, self.state.ascii), style));
        }
    }
}

fn mark(state: &State, timeline: &Timeline, row: usize, selected: bool) -> &'static str {
    let mark = timeline.mark(row);
    match (mark.map(|mark| mark.marked), selected, state.ascii) {
        (Some(true), _, false) => "●",
        (Some(true), _, true) => "*",
        (_, true, false) => "┃",
        (_, true, true) => "|",
        (Some(false), ..) => "n",
        (None, ..) => " ",
    }
}

fn label(turn: Option<&Turn>, columns: usize) -> String {
    match turn {
        // While the words are on their way the row says what it knows.
        None => "…".to_owned(),
        Some(turn) if turn.label.is_empty() => fit(turn.error.as_deref().unwrap_or_default(), columns),
        Some(turn) => fit(without_who(turn), columns),
    }
}

fn is_hit(timeline: &Timeline, row: usize) -> bool {
    let search = timeline.search.as_ref().filter(|search| search.lit);
    search.is_some_and(|search| search.rows.binary_search(&(row as u32)).is_ok())
}

/// The label without the tool's name, which stands in the column before; a label that is only that stays.
fn without_who(turn: &Turn) -> &str {
    let rest = turn.label.strip_prefix(turn.who.as_str()).filter(|rest| rest.starts_with(' '));
    rest.map_or(turn.label.as_str(), str::trim_start)
}

/// The sign of a state and its style; the word stands beside it.
fn sign(state: &State, of: RowState) -> (&'static str, Style) {
    let theme = &state.theme;
    let (sign, style) = match of {
        RowState::Plain => return (" ", theme.dim),
        RowState::Ok => (theme::State::Ok, theme.ok),
        RowState::NoResult | RowState::NoCall => (theme::State::Warning, theme.warning),
        of if is_failure(of) => (theme::State::Error, theme.error),
        _ => (theme::State::Unknown, theme.dim),
    };
    (theme::status(sign, state.ascii).0, style)
}

/// A latency as a bar, to an eighth of a column, scaled to the slowest row in sight.
fn bar(latency: i64, slowest: i64, columns: usize, ascii: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if latency <= 0 || slowest <= 0 {
        return String::new();
    }
    let eighths = (i128::from(latency.min(slowest)) * columns as i128 * 8 / i128::from(slowest)).max(1) as usize;
    if ascii {
        return "=".repeat(eighths.div_ceil(8));
    }
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// The whole timeline in one line: where the window is, where the cursor is, and where errors are.
fn minimap(state: &State, timeline: &Timeline, height: usize, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    let (cells, length) = (usize::from(area.width), timeline.len());
    if length == 0 || cells == 0 {
        return;
    }
    let (plain, seen, error, cursor) = if state.ascii { ("-", "=", "x", "^") } else { ("─", "━", "×", "▲") };
    let cell_of = |line: usize| line * cells / length;
    let window = timeline.list.window(length, height);
    let seen_cells = cell_of(window.start)..=cell_of(window.end.saturating_sub(1));
    let mut pen = Pen::new(buffer, area);
    for cell in 0..cells {
        let lines =
            (cell * length).div_ceil(cells)..((cell + 1) * length).div_ceil(cells).max((cell * length) / cells + 1);
        let first = timeline.errors.partition_point(|line| (*line as usize) < lines.start);
        let fails = timeline.errors.get(first).is_some_and(|line| (*line as usize) < lines.end);
        let (sign, style) = match (cell == cell_of(timeline.list.at), fails, seen_cells.contains(&cell)) {
            (true, ..) => (cursor, theme.title),
            (_, true, _) => (error, theme.error),
            (_, _, true) => (seen, theme.text),
            _ => (plain, theme.border),
        };
        pen.write(sign, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_never_take_more_than_there_is() {
        for room in 8..200 {
            let columns = Columns::fit(room, 12);
            assert!(columns.taken() + columns.label <= room);
            assert!(columns.label >= LABEL || columns.who == 0);
        }
    }

    #[test]
    fn a_bar_is_scaled_to_the_slowest_row() {
        assert_eq!(bar(100, 100, 4, false), "████");
        assert_eq!(bar(50, 100, 4, false), "██");
        assert_eq!(bar(1, 1_000_000, 4, false), "▏");
        assert_eq!(bar(-1, 100, 4, false), "");
        assert_eq!(bar(60, 100, 4, true), "===");
    }
}
