//! The whole session in one line of cells: how much of what kind happened when. Counted once, not for each frame.

use std::sync::Arc;

use super::Timeline;
use crate::domain::{Kind, Timestamp};
use crate::timeline::{Axis, Rows};

/// Rows of a cell that are looked at to tell its kind.
const MOST_LOOKED_AT: usize = 128;
/// The levels of density above nothing.
pub(crate) const LEVELS: usize = 8;

/// A column of the minimap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The most frequent kind; `None` where nothing happened.
    pub kind: Option<Kind>,
    /// From 0 (nothing) to [`LEVELS`] (most).
    pub level: u8,
    /// The rows of its time, whether they are shown or not.
    pub first: u32,
    pub end: u32,
    /// A long gap is cut short here.
    pub cut: bool,
}

/// What was counted, and for what.
#[derive(Debug, Default)]
pub(crate) struct Minimap {
    rows: Arc<Rows>,
    shown: Option<Arc<Vec<u32>>>,
    pub cells: Vec<Cell>,
    /// Rows that carry a mark, in order, and the keys that they were found by.
    pub marked: Vec<u32>,
    marks: Vec<i64>,
}

impl Minimap {
    /// The cell of a row.
    pub(crate) fn cell_of(&self, row: usize) -> usize {
        self.cells.partition_point(|cell| cell.end as usize <= row).min(self.cells.len().saturating_sub(1))
    }
}

impl Timeline {
    /// Counts anew what has changed since the last time; mostly nothing has.
    pub(crate) fn refresh_minimap(&mut self, width: usize) {
        let known = &self.minimap;
        let same_shown = match (&known.shown, &self.shown) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        let same_rows = Arc::ptr_eq(&known.rows, &self.rows);
        if !same_rows || !same_shown || known.cells.len() != width {
            self.minimap.cells = cells(&self.rows, self.shown.as_ref().map(|shown| shown.as_slice()), width);
            (self.minimap.rows, self.minimap.shown) = (self.rows.clone(), self.shown.clone());
        }
        let marked = || self.marks.iter().filter(|(_, mark)| mark.marked).map(|(key, _)| *key);
        if !same_rows || !marked().eq(self.minimap.marks.iter().copied()) {
            let marks: Vec<i64> = marked().collect();
            self.minimap.marked = self.marked_rows().into_iter().map(|row| row as u32).collect();
            self.minimap.marks = marks;
        }
    }
}

fn cells(rows: &Rows, shown: Option<&[u32]>, width: usize) -> Vec<Cell> {
    let length = rows.len();
    if length == 0 || width == 0 {
        return Vec::new();
    }
    // Rows stand in the order of their times.
    let end = rows.get(length - 1).map_or_else(Timestamp::default, |row| row.time);
    let first_timed = first(length, |row| rows.get(row).is_some_and(|row| row.time.0 > 0));
    let start = rows.get(first_timed).map_or(end, |row| row.time);
    let axis = Axis::readable(start, end, rows.gaps());
    let mut cells = Vec::with_capacity(width);
    let mut before = 0;
    let mut counts = Vec::with_capacity(width);
    for cell in 1..=width {
        let until = |part: usize| (i128::from(axis.length()) * part as i128 / width as i128) as i64;
        let next = match (cell == width, axis.length() > 0) {
            (true, _) => length,
            // Without any times the rows themselves are the axis.
            (_, false) => length * cell / width,
            _ => first(length, |row| rows.get(row).is_some_and(|row| row.time >= axis.time(until(cell)))),
        };
        let (from, to) = (until(cell - 1), until(cell));
        let cut = axis.cuts().iter().any(|cut| cut.start + cut.kept / 2 >= from && cut.start + cut.kept / 2 < to);
        let next = next.max(before);
        let (kind, count) = count(rows, shown, before, next);
        counts.push(count);
        cells.push(Cell { kind, level: 0, first: before as u32, end: next as u32, cut });
        before = next;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    for (cell, count) in cells.iter_mut().zip(counts) {
        // A square root, so that little beside much is still seen.
        let level = (count as f64 / most as f64).sqrt() * LEVELS as f64;
        cell.level = level.ceil() as u8;
    }
    cells
}

/// The most frequent kind of the rows that pass among some, and how many pass.
fn count(rows: &Rows, shown: Option<&[u32]>, from: usize, to: usize) -> (Option<Kind>, usize) {
    let part = shown.map(|shown| {
        let place = |row: usize| shown.partition_point(|shown| (*shown as usize) < row);
        &shown[place(from)..place(to)]
    });
    let count = part.map_or(to - from, <[u32]>::len);
    let looked_at = count.min(MOST_LOOKED_AT);
    let mut kinds = [0usize; Kind::ALL.len()];
    for sample in 0..looked_at {
        let place = sample * count / looked_at;
        let row = part.map_or(from + place, |part| part[place] as usize);
        if let Some(row) = rows.get(row) {
            kinds[row.kind as usize] += 1;
        }
    }
    let most = Kind::ALL.into_iter().rev().max_by_key(|kind| kinds[*kind as usize]);
    (most.filter(|_| count > 0), count)
}

/// The first of so many for which something holds, given that it holds for all behind it.
fn first(length: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Head, Phase};

    fn rows(moments: &[(i64, Kind)]) -> Rows {
        let heads: Vec<Head> = (0..)
            .zip(moments)
            .map(|(number, (second, kind))| Head {
                number,
                time: Timestamp(second * 1_000_000),
                turn: 0,
                kind: *kind,
                phase: Phase::Whole,
                flags: 0,
                tokens: -1,
                latency: -1,
            })
            .collect();
        Rows::of(&heads)
    }

    fn shown(cells: &[Cell]) -> Vec<(Option<Kind>, u8, u32, u32)> {
        cells.iter().map(|cell| (cell.kind, cell.level, cell.first, cell.end)).collect()
    }

    #[test]
    fn cells_are_parts_of_the_time_and_say_what_happened_most() {
        let (tool, model) = (Kind::Tool, Kind::Model);
        let rows = rows(&[(100, tool), (101, model), (101, tool), (102, tool), (108, model)]);
        let found = cells(&rows, None, 4);
        assert_eq!(
            shown(&found),
            [(Some(tool), 8, 0, 3), (Some(tool), 4, 3, 4), (None, 0, 4, 4), (Some(model), 4, 4, 5)]
                .map(|(kind, level, first, end)| (kind, if level == 4 { 5 } else { level }, first, end))
        );
    }

    #[test]
    fn only_rows_that_pass_are_counted() {
        let rows = rows(&[(100, Kind::Tool), (101, Kind::Model), (102, Kind::Tool), (103, Kind::Model)]);
        let found = cells(&rows, Some(&[1, 3]), 2);
        assert_eq!(shown(&found), [(Some(Kind::Model), 8, 0, 2), (Some(Kind::Model), 8, 2, 4)]);
    }

    #[test]
    fn three_days_with_a_busy_hour_leave_the_hour_readable() {
        let mut moments: Vec<(i64, Kind)> = (0..60).map(|minute| (1_000 + minute * 2, Kind::Tool)).collect();
        moments.push((1_000 + 3 * 86_400, Kind::Other));
        let found = cells(&rows(&moments), None, 40);
        assert!(found.iter().filter(|cell| cell.level > 0).count() > 25, "{found:?}");
        assert_eq!(found.iter().filter(|cell| cell.cut).count(), 1);
        assert_eq!(found.last().and_then(|cell| cell.kind), Some(Kind::Other));
    }

    #[test]
    fn without_times_every_row_has_the_same_room() {
        let found = cells(&rows(&[(0, Kind::Tool), (0, Kind::Model)]), None, 2);
        assert_eq!(shown(&found), [(Some(Kind::Tool), 8, 0, 1), (Some(Kind::Model), 8, 1, 2)]);
        assert_eq!(cells(&rows(&[]), None, 10), []);
    }
}
