//! The timeline: one line a row.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Pen;
use super::lane::{self, Bars};
use super::minimap;
use super::pen::under_cursor;
use crate::timeline::{Hidden, Row, State as RowState, Turn};
use crate::ui::layout::Areas;
use crate::ui::state::{Lane, Sign, State, Timeline, is_failure};
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
/// From so many columns on names are long and a waterfall is wide.
const WIDE: usize = 110;
/// Deeper rows are not moved further to the right.
const DEEPEST: usize = 8;

impl Columns {
    /// What goes first on a narrow screen: the bar, tokens, latency, time, who. The status stays longest. A waterfall,
    /// which was asked for, stays longer than the numbers.
    fn fit(room: usize, time: usize, lane: Lane) -> Self {
        let bar = match lane {
            Lane::Off => 0,
            Lane::Duration | Lane::Gaps => 8,
            Lane::Waterfall => (if room < WIDE { room / 4 } else { room / 3 }).clamp(12, 80),
        };
        let who = if room < WIDE { 14 } else { 20 };
        let mut columns = Self { time, who, label: 0, status: 11, tokens: 6, latency: 6, bar };
        let narrower: &[fn(&mut Self)] = match lane {
            Lane::Waterfall => &[],
            _ => &[|columns| columns.bar = 0],
        };
        let giving: [fn(&mut Self); 8] = [
            |columns| columns.tokens = 0,
            |columns| columns.latency = 0,
            |columns| columns.who = columns.who.min(8),
            |columns| columns.bar = columns.bar.min(12),
            |columns| columns.time = 0,
            |columns| columns.bar = 0,
            |columns| columns.who = 0,
            |columns| columns.status = 2,
        ];
        for give in narrower.iter().chain(&giving) {
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
    let columns = Columns::fit(usize::from(areas.list.width), timeline.clock.width(), timeline.lane);
    let window = timeline.list.window(timeline.len(), usize::from(areas.list.height));
    let bars = Bars::of(state, timeline, window.clone(), columns.bar);
    if let (Some(area), Lane::Waterfall) = (areas.titles, timeline.lane) {
        let area = Rect { width: areas.list.width, ..area };
        let left = (columns.taken() + columns.label).saturating_sub(columns.bar + 1);
        lane::axis_line(state, timeline, &bars, left, area, buffer);
    }
    let lines = Lines { state, timeline, columns, bars };
    for (offset, line) in (0u16..).zip(window) {
        let area = Rect { y: areas.list.y + offset, height: 1, ..areas.list };
        lines.draw(line, area, buffer);
    }
    if let Some(area) = areas.minimap {
        minimap::draw(state, timeline, usize::from(areas.list.height), area, buffer);
    }
}

/// The cells of a line from left to right. Each has its gap in its own style: every change of style costs bytes.
type Cells = Vec<(String, Style)>;

/// What all lines in sight have in common.
struct Lines<'a> {
    state: &'a State,
    timeline: &'a Timeline,
    columns: Columns,
    bars: Bars,
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
        // In playback a row that has not begun is not there yet.
        if timeline.playback.as_ref().is_some_and(|playback| !playback.has(row)) {
            return Vec::new();
        }
        let turn = timeline.key(index).and_then(|key| timeline.turns.get(key)).map(AsRef::as_ref);
        let selected = timeline.selected().is_some_and(|lines| lines.contains(&line));
        let mark = mark(state, timeline, index, selected);
        let mut cells = vec![(format!("{mark} "), if mark == " " { theme.dim } else { theme.mark })];
        if columns.time > 0 {
            let before = line.checked_sub(1).and_then(|line| timeline.row(line)).map(|row| row.time);
            let time = timeline.clock.write(row.time, timeline.start(), before);
            cells.push((format!("{} ", right(&time, columns.time)), theme.dim));
        }
        let branch = self.branch(line);
        let mut room = columns.label.saturating_sub(width(&branch));
        if !branch.is_empty() {
            cells.push((branch, theme.dim));
        }
        cells.push((format!("{} ", glyph(row.kind, state.ascii)), theme.kind(row.kind)));
        if columns.who > 0 {
            let who = turn.map_or_else(|| row.kind.name().to_owned(), |turn| fit(&turn.who, columns.who));
            cells.push((format!("{} ", left(&who, columns.who)), theme.kind(row.kind)));
        }
        let is_hit = is_hit(timeline, index);
        for (words, style) in self.remarks(line, index, room) {
            room = room.saturating_sub(width(&words));
            cells.push((words, style));
        }
        let words = label(turn, room);
        let gap = " ".repeat((room + 1).saturating_sub(width(&words)));
        cells.push((words, if is_hit { theme.hit } else { theme.text }));
        cells.push((gap, theme.text));
        self.numbers(&mut cells, line, row, turn);
        cells
    }

    /// The indentation of a nested row, and the sign of its fold.
    fn branch(&self, line: usize) -> String {
        let Some((depth, fold)) = self.timeline.sign_at(line) else { return String::new() };
        let sign = match (fold, self.state.ascii) {
            (Sign::Leaf, _) => " ",
            (Sign::Open, false) => "⊟",
            (Sign::Closed, false) => "⊞",
            (Sign::Open, true) => "-",
            (Sign::Closed, true) => "+",
        };
        let deepest = DEEPEST.min(self.columns.label / 4);
        format!("{}{sign} ", "  ".repeat(depth.min(deepest)))
    }

    /// What stands before the label: a long gap before the row, and what its closed fold hides.
    fn remarks(&self, line: usize, row: usize, room: usize) -> Cells {
        let (timeline, theme) = (self.timeline, &self.state.theme);
        let mut remarks = Vec::new();
        if let Some(gap) = timeline.rows.gap_before(row) {
            let sign = if self.state.ascii { "" } else { "⋯" };
            remarks.push((format!("{sign}{} later ", words::duration(gap.length())), theme.warning));
        }
        let taken: usize = remarks.iter().map(|(words, _)| width(words)).sum();
        if let (Some(nested), Some((_, Sign::Closed))) = (timeline.nested(), timeline.sign_at(line)) {
            let hidden = nested.tree.hidden(&timeline.rows, nested.rank_at(line));
            let style = if hidden.errors > 0 { theme.error } else { theme.dim };
            remarks.push((folded(&hidden, room.saturating_sub(taken)), style));
        }
        if remarks.iter().map(|(words, _)| width(words)).sum::<usize>() > room { Vec::new() } else { remarks }
    }

    fn numbers(&self, cells: &mut Cells, line: usize, row: &Row, turn: Option<&Turn>) {
        let (columns, dim) = (self.columns, self.state.theme.dim);
        let played = self.timeline.playback.as_ref();
        let open = match played {
            Some(playback) => playback.is_open(row),
            None => self.timeline.row_at(line).is_some_and(|index| self.state.is_open(self.timeline, index, row)),
        };
        let turn = turn.filter(|_| !open);
        let (sign, style) = if open { ("…", dim) } else { sign(self.state, row.state) };
        let sign = if open && self.state.ascii { "~" } else { sign };
        let word = if open { "open" } else { row.state.name() };
        let word = turn.map_or(word, |turn| turn.status.as_str());
        // A source may call a call fine whose record says that it failed; the row says what counts.
        let contradicts = !open && is_failure(row.state) && matches!(word, "" | "ok" | "success" | "completed");
        let word = if contradicts { row.state.name() } else { word };
        let room = columns.status.saturating_sub(2);
        cells.push((format!("{sign} {} ", left(&fit(word, room), room)), style));
        if columns.tokens > 0 {
            let tokens = if row.tokens >= 0 && !open { words::count(row.tokens) } else { String::new() };
            cells.push((format!("{} ", right(&tokens, columns.tokens)), dim));
        }
        if columns.latency > 0 {
            let latency = self.bars.length(self.timeline, line).map(words::duration).unwrap_or_default();
            cells.push((format!("{} ", right(&latency, columns.latency)), dim));
        }
        if columns.bar > 0 {
            // Only a waterfall is read by kind; elsewhere one style less costs fewer bytes.
            let by_kind = self.bars.lane == Lane::Waterfall && (open || !is_failure(row.state));
            let style = match (by_kind, lane::is_moment(row.kind)) {
                (true, true) => dim,
                (true, false) => self.state.theme.kind(row.kind),
                (false, _) => style,
            };
            let text = self.bars.text(self.timeline, line);
            let bar = text.trim_start_matches(' ');
            // Spaces always have one style, so that scrolling does not write them anew.
            cells.push((" ".repeat(text.len() - bar.len()), dim));
            cells.push((bar.to_owned(), style));
        }
    }
}

/// What a closed fold hides, in so many words that the label keeps some room.
fn folded(hidden: &Hidden, room: usize) -> String {
    let rows = words::counted(hidden.rows, "row");
    let errors =
        if hidden.errors > 0 { format!(", {}", words::counted(hidden.errors, "error")) } else { String::new() };
    let tokens = if hidden.tokens >= 0 { format!(", {} tokens", words::count(hidden.tokens)) } else { String::new() };
    let time = format!(", {}", words::duration(hidden.time));
    let wordings = [
        format!("(+{rows}{errors}{tokens}{time}) "),
        format!("(+{rows}{errors}{time}) "),
        format!("(+{rows}{errors}) "),
    ];
    let fits = |words: &&String| width(words) + 9 <= room;
    wordings.iter().find(fits).cloned().unwrap_or_else(|| format!("(+{}{errors}) ", hidden.rows))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_never_take_more_than_there_is() {
        for room in 8..200 {
            for lane in [Lane::Duration, Lane::Waterfall, Lane::Gaps, Lane::Off] {
                let columns = Columns::fit(room, 12, lane);
                assert!(columns.taken() + columns.label <= room);
                assert!(columns.label >= LABEL || columns.who == 0);
                assert!(columns.bar > 0 || lane != Lane::Waterfall || room < 60);
            }
        }
    }
}
