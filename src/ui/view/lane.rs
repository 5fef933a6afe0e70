//! The last columns of the timeline: how long rows took, when they were at work, or how long nothing came before them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Pen;
use crate::domain::{Kind, Timestamp};
use crate::timeline::{Axis, Row, State as RowState};
use crate::ui::state::{Lane, State, Timeline};
use crate::ui::text::width;
use crate::ui::words;

/// The columns from one label of the axis to the next.
const TICK: usize = 10;
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// What all bars in sight have in common.
pub(super) struct Bars {
    pub lane: Lane,
    pub columns: usize,
    pub axis: Axis,
    /// The longest of what is shown as lengths.
    most: i64,
    ascii: bool,
    /// In playback: nothing is known of what came later.
    until: Option<Timestamp>,
}

impl Bars {
    /// For the lines in sight.
    pub(super) fn of(state: &State, timeline: &Timeline, lines: std::ops::Range<usize>, columns: usize) -> Self {
        let until = timeline.playback.as_ref().map(|playback| playback.now());
        let mut bars = Self { lane: timeline.lane, columns, axis: Axis::default(), most: 0, ascii: state.ascii, until };
        match bars.lane {
            Lane::Waterfall => bars.axis = axis(timeline, lines),
            _ => bars.most = lines.filter_map(|line| bars.length(timeline, line)).max().unwrap_or(0),
        }
        bars
    }

    /// The length that a line shows as a number and as a bar; `None` where it is not known.
    pub(super) fn length(&self, timeline: &Timeline, line: usize) -> Option<i64> {
        let row = timeline.row(line)?;
        let open = timeline.playback.as_ref().is_some_and(|playback| playback.is_open(row));
        match self.lane {
            Lane::Gaps => pause(timeline, timeline.row_at(line)?),
            _ if open => Some(self.until?.0.saturating_sub(row.time.0)),
            _ => (row.latency >= 0).then_some(row.latency),
        }
    }

    pub(super) fn text(&self, timeline: &Timeline, line: usize) -> String {
        match (self.lane, timeline.row(line)) {
            (Lane::Waterfall, Some(row)) => self.span(row),
            _ => bar(self.length(timeline, line).unwrap_or(-1), self.most, self.columns, self.ascii),
        }
    }

    /// A row on the axis, to an eighth of a column.
    fn span(&self, row: &Row) -> String {
        if row.time.0 == 0 || self.axis.length() == 0 {
            return String::new();
        }
        let units = self.columns * 8;
        let end = row.busy_until();
        let is_open = self.until.is_some_and(|until| end > until);
        let end = self.until.map_or(end, |until| end.min(until));
        let from = self.axis.scaled(row.time, units).min(units - 1);
        let to = self.axis.scaled(end, units).clamp(from + 1, units);
        let (kind, ascii) = (row.kind, self.ascii);
        let bar = match (is_moment(kind), ascii) {
            (true, false) => "▏".to_owned(),
            (true, true) => "|".to_owned(),
            (false, true) => "=".repeat((to.div_ceil(8) - from / 8).max(1)),
            (false, false) => blocks(from % 8, to - from / 8 * 8),
        };
        let mut text = format!("{}{bar}", " ".repeat(from / 8));
        let (failed, lost) = (if ascii { "x" } else { "×" }, if ascii { "..." } else { "…" });
        let sign = match row.state {
            // How it ended is not known yet.
            _ if is_open => "",
            RowState::Error | RowState::Bad => failed,
            RowState::NoResult => lost,
            _ => "",
        };
        if width(&text) + width(sign) > self.columns {
            // At the right end the sign takes the place of the last of the bar.
            text = text.chars().take(self.columns.saturating_sub(width(sign))).collect();
        }
        text + sign
    }
}

/// Kinds that take no time.
pub(super) fn is_moment(kind: Kind) -> bool {
    !matches!(kind, Kind::Model | Kind::Tool)
}

/// A bar from one eighth to another, where the first lies in the first column.
fn blocks(from: usize, to: usize) -> String {
    if to <= 8 {
        // There are no blocks that begin at every eighth; what is short stands at the half that it lies in.
        return if from >= 4 { "▐".to_owned() } else { block(to - from).to_owned() };
    }
    let first = if from >= 4 { "▐" } else { "█" };
    format!("{first}{}{}", "█".repeat(to / 8 - 1), EIGHTHS[to % 8])
}

fn block(eighths: usize) -> &'static str {
    EIGHTHS.get(eighths).copied().unwrap_or("█")
}

/// An axis for the lines in sight. It stays while they move by less than half of the window, so that bars stand still.
fn axis(timeline: &Timeline, lines: std::ops::Range<usize>) -> Axis {
    let height = lines.len();
    let half = (height / 2).max(1);
    let first = lines.start / half * half;
    let rows = || (first..first + height + half).filter_map(|line| timeline.row(line)).filter(|row| row.time.0 > 0);
    let start = rows().map(|row| row.time).min().unwrap_or_default();
    let end = rows().map(Row::busy_until).max().unwrap_or_default();
    Axis::readable(start, end, timeline.rows.gaps())
}

/// How long nothing came before a row.
fn pause(timeline: &Timeline, row: usize) -> Option<i64> {
    let (row, before) = (timeline.rows.get(row)?, timeline.rows.get(row.checked_sub(1)?)?);
    (before.time.0 > 0).then(|| row.time.0.saturating_sub(before.time.0))
}

/// A length as a bar, to an eighth of a column, scaled to the longest in sight.
fn bar(length: i64, most: i64, columns: usize, ascii: bool) -> String {
    if length <= 0 || most <= 0 {
        return String::new();
    }
    let eighths = (i128::from(length.min(most)) * columns as i128 * 8 / i128::from(most)).max(1) as usize;
    if ascii {
        return "=".repeat(eighths.div_ceil(8));
    }
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// The line above a waterfall: what the axis spans, its times since its start, and where gaps are cut.
pub(super) fn axis_line(state: &State, timeline: &Timeline, bars: &Bars, left: usize, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    if bars.columns == 0 || bars.axis.length() == 0 {
        return;
    }
    let (axis, start) = (&bars.axis, timeline.start());
    let (tick, cut) = if bars.ascii { ("|", ":") } else { ("╷", "┆") };
    let begins = timeline.clock.write(axis.start(), start, None);
    let cuts: i64 = axis.cuts().iter().map(|cut| cut.to.0 - cut.from.0 - cut.kept).sum();
    let cuts = match axis.cuts().len() {
        0 => String::new(),
        count => format!(", {cut} {} cut by {}", words::counted(count, "gap"), words::duration(cuts)),
    };
    let words =
        [format!("  {begins}  in sight: {}{cuts}", words::duration(axis.length())), format!("  {begins}{cuts}")];
    let words = words.iter().find(|words| width(words) < left).cloned().unwrap_or_default();
    Pen::new(buffer, area).write(&words, theme.dim);
    let column = |place: i64| (i128::from(place) * bars.columns as i128 / i128::from(axis.length())) as usize;
    let cut_at: Vec<usize> = axis.cuts().iter().map(|gap| column(gap.start + gap.kept / 2)).collect();
    let mut cells: Vec<char> = Vec::new();
    for place in (0..bars.columns).step_by(TICK) {
        let at = axis.time((i128::from(axis.length()) * place as i128 / bars.columns as i128) as i64);
        let label = format!("{tick}+{}", words::duration(at.0.saturating_sub(axis.start().0)));
        let end = place + label.chars().count();
        let is_cut = cut_at.iter().any(|cut| (place..end).contains(cut));
        if end < place + TICK && end <= bars.columns && !is_cut {
            cells.resize(place, ' ');
            cells.extend(label.chars());
        }
    }
    cells.resize(bars.columns, ' ');
    for place in cut_at {
        if let Some(cell) = cells.get_mut(place) {
            *cell = cut.chars().next().unwrap_or(' ');
        }
    }
    let area =
        Rect { x: area.x + (left as u16).min(area.width), width: area.width.saturating_sub(left as u16), ..area };
    Pen::new(buffer, area).write(&cells.into_iter().collect::<String>(), theme.dim);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_scaled_to_the_longest() {
        assert_eq!(bar(100, 100, 4, false), "████");
        assert_eq!(bar(50, 100, 4, false), "██");
        assert_eq!(bar(1, 1_000_000, 4, false), "▏");
        assert_eq!(bar(-1, 100, 4, false), "");
        assert_eq!(bar(60, 100, 4, true), "===");
    }

    #[test]
    fn a_span_begins_at_a_half_and_ends_at_an_eighth() {
        assert_eq!(
            (blocks(0, 8), blocks(0, 3), blocks(5, 7), blocks(0, 1)),
            ("█".into(), "▍".into(), "▐".into(), "▏".into())
        );
        assert_eq!((blocks(0, 16), blocks(4, 19), blocks(7, 9)), ("██".into(), "▐█▍".into(), "▐▏".into()));
    }
}
