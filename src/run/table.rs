//! Tables: aligned and fitted on a terminal, separated by tabs in a pipe.
//!
//! Every cell is made safe here. Ids are never cut: where there is no room, lesser columns give way; and where that is
//! not enough, the cells of a row flow over several lines.

use anyhow::Result;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::output::Output;
use crate::domain::safe;

const GAP: &str = "  ";

/// The last column may run over the edge; only so much of it takes room from the others.
const LAST: usize = 36;

/// What a column does when the terminal is too narrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Stays whole.
    Whole,
    /// Shrinks down to so many columns.
    Shrinks(usize),
    /// Is left out, the highest number first.
    Yields(u8),
    /// Stands in a pipe only.
    Piped,
}

#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub fit: Fit,
    pub right: bool,
    /// What matters most stands at the end, so that is what a cut leaves.
    pub path: bool,
}

impl Column {
    pub const fn left(name: &'static str, fit: Fit) -> Self {
        Self { name, fit, right: false, path: false }
    }

    pub const fn path(name: &'static str, fit: Fit) -> Self {
        Self { name, fit, right: false, path: true }
    }

    pub const fn right(name: &'static str, fit: Fit) -> Self {
        Self { name, fit, right: true, path: false }
    }
}

/// Rows on their way out. Widths are remembered, so a long table may be printed in parts.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<(Vec<String>, bool)>,
    widest: Vec<usize>,
    headed: bool,
}

impl Table {
    pub fn new(columns: &[Column]) -> Self {
        let widest = columns.iter().map(|column| column.name.width()).collect();
        Self { columns: columns.to_vec(), rows: Vec::new(), widest, headed: false }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.push(cells, false);
    }

    /// A row that tells of an error.
    pub fn red_row(&mut self, cells: Vec<String>) {
        self.push(cells, true);
    }

    fn push(&mut self, cells: Vec<String>, red: bool) {
        let cells: Vec<String> = cells.into_iter().map(|cell| safe(&cell).into_owned()).collect();
        for (widest, cell) in self.widest.iter_mut().zip(&cells) {
            *widest = (*widest).max(cell.width());
        }
        self.rows.push((cells, red));
    }

    /// Prints and forgets the rows so far; the heading comes before the first of them.
    pub fn print(&mut self, output: &mut Output) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let layout = self.layout(output);
        if !self.headed {
            self.headed = true;
            let names: Vec<String> = self.columns.iter().map(|column| column.name.to_owned()).collect();
            for heading in self.lay(&names, &layout) {
                let heading = output.bold(&heading);
                output.line(&heading)?;
            }
        }
        for (cells, red) in &self.rows {
            for line in self.lay(cells, &layout) {
                let line = if *red { output.red(&line) } else { line };
                output.line(&line)?;
            }
        }
        self.rows.clear();
        Ok(())
    }

    fn layout(&self, output: &Output) -> Layout {
        if !output.terminal {
            return Layout::Piped;
        }
        let widths = fit(&self.columns, &self.widest, output.width);
        if fits(&self.columns, &widths, output.width) {
            Layout::Columns(widths)
        } else {
            Layout::Flow(widths, output.width)
        }
    }

    fn lay(&self, cells: &[String], layout: &Layout) -> Vec<String> {
        match layout {
            Layout::Piped => vec![cells.join("\t")],
            Layout::Columns(widths) => vec![self.columns(cells, widths)],
            Layout::Flow(widths, room) => self.flow(cells, widths, *room),
        }
    }

    fn columns(&self, cells: &[String], widths: &[Option<usize>]) -> String {
        let shown = cells.iter().zip(&self.columns).zip(widths).filter_map(|((cell, column), width)| {
            let width = (*width)?;
            let cell = if column.path { cut_front(cell, width) } else { cut(cell, width) };
            let space = " ".repeat(width.saturating_sub(cell.width()));
            Some(if column.right { format!("{space}{cell}") } else { format!("{cell}{space}") })
        });
        shown.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }

    /// The cells one behind the other, over as many lines as they need; what may shrink is broken into parts.
    fn flow(&self, cells: &[String], widths: &[Option<usize>], room: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let shown = cells
            .iter()
            .zip(&self.columns)
            .zip(widths)
            .filter(|((cell, _), width)| width.is_some() && !cell.is_empty());
        for ((cell, column), _) in shown {
            let is_whole = column.fit == Fit::Whole;
            for part in if is_whole { vec![cell.clone()] } else { broken(cell, room - GAP.len()) } {
                match lines.last_mut() {
                    Some(line) if line.width() + GAP.len() + part.width() <= room => {
                        line.push_str(GAP);
                        line.push_str(&part);
                    }
                    Some(_) => lines.push(format!("{GAP}{part}")),
                    None => lines.push(part),
                }
            }
        }
        lines
    }
}

/// How rows are laid.
enum Layout {
    Piped,
    /// The width of each column; `None` for one that is left out.
    Columns(Vec<Option<usize>>),
    /// The same columns, on a terminal of so many that is too narrow for them side by side.
    Flow(Vec<Option<usize>>, usize),
}

/// Whether columns of these widths stand side by side, but for the end of the last one.
fn fits(columns: &[Column], widths: &[Option<usize>], room: usize) -> bool {
    let shown: Vec<usize> = (0..columns.len()).filter(|index| widths[*index].is_some()).collect();
    let Some(last) = shown.last() else { return true };
    let least = match columns[*last].fit {
        Fit::Shrinks(least) => least,
        _ => LAST,
    };
    let mut widths = widths.to_vec();
    widths[*last] = widths[*last].map(|width| width.min(least));
    total(&widths) <= room
}

/// A text in parts of at most so many columns, between words where that is possible.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut parts = vec![String::new()];
    for word in text.split_inclusive(' ') {
        for grapheme in word_or_graphemes(word, width) {
            let part = parts.last_mut().filter(|part| part.width() + grapheme.trim_end().width() <= width);
            match part {
                Some(part) => part.push_str(grapheme),
                None => parts.push(grapheme.to_owned()),
            }
        }
    }
    parts.iter().map(|part| part.trim_end().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// A word as a whole, or where it is too long for a line, its graphemes.
fn word_or_graphemes(word: &str, width: usize) -> Vec<&str> {
    if word.trim_end().width() <= width { vec![word] } else { word.graphemes(true).collect() }
}

/// The width of each column, `None` for one that is left out.
fn fit(columns: &[Column], widest: &[usize], room: usize) -> Vec<Option<usize>> {
    let shown = columns.iter().zip(widest).map(|(column, width)| (column.fit != Fit::Piped).then_some(*width));
    let mut widths: Vec<Option<usize>> = shown.collect();
    let over = widths.iter().flatten().next_back().map_or(0, |last| last.saturating_sub(LAST));
    let room = room + over;
    let least = |index: usize, width: usize| match columns[index].fit {
        Fit::Shrinks(least) => width.min(least),
        _ => width,
    };
    let smallest = |widths: &[Option<usize>]| -> Vec<Option<usize>> {
        widths.iter().enumerate().map(|(index, width)| width.map(|width| least(index, width))).collect()
    };
    while total(&smallest(&widths)) > room {
        let yielding = (0..columns.len()).filter_map(|index| match columns[index].fit {
            Fit::Yields(rank) if widths[index].is_some() => Some((rank, index)),
            _ => None,
        });
        match yielding.max() {
            Some((_, index)) => widths[index] = None,
            None => return smallest(&widths),
        }
    }
    while total(&widths) > room {
        let over = total(&widths) - room;
        let shrinking = (0..columns.len()).filter_map(|index| {
            widths[index].filter(|width| *width > least(index, *width)).map(|width| (width, index))
        });
        let Some((width, index)) = shrinking.max() else { break };
        // The widest gives first and only a part, so that several share the loss.
        widths[index] = Some((width - over.min(width.div_ceil(4))).max(least(index, width)));
    }
    widths
}

/// The columns of a whole line.
fn total(widths: &[Option<usize>]) -> usize {
    let shown = widths.iter().flatten();
    shown.clone().sum::<usize>() + GAP.len() * shown.count().saturating_sub(1)
}

/// As much of a text as fits, `…` where it was cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    fitting(text.graphemes(true), width) + "…"
}

/// As much of the end of a text as fits.
fn cut_front(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let end = fitting(text.graphemes(true).rev(), width);
    format!("…{}", end.graphemes(true).rev().collect::<String>())
}

/// So many graphemes that they leave room for one column.
fn fitting<'a>(graphemes: impl Iterator<Item = &'a str>, width: usize) -> String {
    let mut used = 1;
    graphemes
        .take_while(|grapheme| {
            used += grapheme.width();
            used <= width
        })
        .collect()
}

/// Microseconds as a person says them.
pub fn duration(micros: i64) -> String {
    match micros {
        ..1_000 => format!("{micros}us"),
        1_000..1_000_000 => format!("{}ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{}.{}s", micros / 1_000_000, micros / 100_000 % 10),
        60_000_000..3_600_000_000 => format!("{}m{:02}s", micros / 60_000_000, micros / 1_000_000 % 60),
        _ => format!("{}h{:02}m", micros / 3_600_000_000, micros / 60_000_000 % 60),
    }
}

/// A number that may be unknown.
pub fn known(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lesser_columns_give_way_before_an_id_is_cut() {
        let columns = [
            Column::left("title", Fit::Shrinks(8)),
            Column::right("events", Fit::Yields(1)),
            Column::right("errors", Fit::Yields(2)),
            Column::left("id", Fit::Whole),
        ];
        let widest = [40, 6, 6, 36];
        assert_eq!(fit(&columns, &widest, 100), [Some(40), Some(6), Some(6), Some(36)]);
        assert_eq!(fit(&columns, &widest, 80), [Some(26), Some(6), Some(6), Some(36)]);
        assert_eq!(fit(&columns, &widest, 60), [Some(14), Some(6), None, Some(36)]);
        assert_eq!(fit(&columns, &widest, 20), [Some(8), None, None, Some(36)]);
        assert_eq!(fit(&columns, &[40, 6, 6, 90], 100), [Some(40), Some(6), Some(6), Some(90)]);
    }

    #[test]
    fn what_has_no_room_side_by_side_flows_over_lines() {
        let columns = [
            Column::left("finding", Fit::Whole),
            Column::left("id", Fit::Whole),
            Column::right("more", Fit::Yields(1)),
            Column::left("detail", Fit::Shrinks(8)),
        ];
        let mut table = Table::new(&columns);
        table.row(["orphan", "0123456789", "7", "a call that nothing answers"].map(str::to_owned).to_vec());
        let layout = |room: usize| {
            let widths = fit(&columns, &table.widest, room);
            if fits(&columns, &widths, room) { Layout::Columns(widths) } else { Layout::Flow(widths, room) }
        };
        let lines = |room: usize| table.lay(&table.rows[0].0, &layout(room));
        assert_eq!(lines(60), ["orphan   0123456789     7  a call that nothing answers"]);
        assert_eq!(lines(30), ["orphan   0123456789  a call t…"]);
        assert_eq!(lines(24), ["orphan  0123456789", "  a call that nothing", "  answers"]);
        assert_eq!(lines(12), ["orphan", "  0123456789", "  a call", "  that", "  nothing", "  answers"]);
        assert_eq!(broken("日本語のタイトル x", 6), ["日本語", "のタイ", "トル x"]);
    }

    #[test]
    fn a_cut_counts_columns_and_keeps_graphemes() {
        assert_eq!(cut("日本語のタイトル", 6), "日本…");
        assert_eq!(cut("short", 6), "short");
        assert_eq!(cut_front("/long/way/to/it.jsonl", 10), "…/it.jsonl");
    }

    #[test]
    fn durations_are_short() {
        let shown = [5, 850_000, 1_540_000, 125_000_000, 3_720_000_000].map(duration);
        assert_eq!(shown, ["5us", "850ms", "1.5s", "2m05s", "1h02m"]);
    }
}
