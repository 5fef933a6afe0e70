//! Lines that have moved: found by comparing parts of lines, and moved by the terminal itself.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Tile;
use super::pen::{Look, Pen};

/// Parts of a line that are compared; a list moves while a pane beside it does not.
const PART: usize = 16;
/// Where fewer cells would move, writing them is as short.
const WORTH: usize = 4 * PART;

/// A block of lines that has moved up, or down where `by` is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    top: usize,
    /// The last line of the block.
    bottom: usize,
    by: isize,
}

impl Shift {
    /// The move that explains most of what has changed.
    pub(super) fn find(old: &[Tile<'_>], new: &[Tile<'_>], columns: usize) -> Option<Self> {
        if old.iter().zip(new).filter(|(old, new)| old != new).count() < WORTH {
            return None;
        }
        let height = new.len() / columns;
        let parts = |tiles: &[Tile<'_>]| -> Vec<Vec<Option<u64>>> { tiles.chunks(columns).map(hashes).collect() };
        let (before, after) = (parts(old), parts(new));
        let mut best: Option<(usize, Self)> = None;
        for by in (1 - height as isize..height as isize).filter(|by| *by != 0) {
            let (mut score, mut first, mut last) = (0, None, 0);
            for y in 0..height {
                let Some(from) = y.checked_add_signed(by).filter(|from| *from < height) else { continue };
                let came = matches(&before[from], &after[y]).saturating_sub(matches(&before[y], &after[y]));
                if came > 0 {
                    score += came;
                    first.get_or_insert(y.min(from));
                    last = y.max(from);
                }
            }
            let better = best.is_none_or(|(known, _)| score > known);
            if let Some(top) = first.filter(|_| better && score * PART >= WORTH) {
                best = Some((score, Self { top, bottom: last, by }));
            }
        }
        best.map(|(_, shift)| shift)
    }

    /// Has the terminal move the block; what comes in is blank.
    pub(super) fn put(self, pen: &mut Pen) {
        pen.dip(Look::PLAIN, true);
        pen.put(&format!("\x1b[{};{}r\x1b[{}H", self.top + 1, self.bottom + 1, self.top + 1));
        let letter = if self.by > 0 { 'M' } else { 'L' };
        pen.put(&format!("\x1b[{}{letter}\x1b[r", self.by.unsigned_abs()));
        pen.lose();
    }

    /// What is shown once the block has moved.
    pub(super) fn of<'a>(self, tiles: &[Tile<'a>], columns: usize) -> Vec<Tile<'a>> {
        let blank = Tile { text: " ", look: Look::PLAIN, width: 1 };
        let mut moved = tiles.to_vec();
        for y in self.top..=self.bottom {
            let from = y.checked_add_signed(self.by).filter(|from| (self.top..=self.bottom).contains(from));
            for x in 0..columns {
                moved[y * columns + x] = from.map_or(blank, |from| tiles[from * columns + x]);
            }
        }
        moved
    }
}

/// Each part of a line by its hash; parts without text count for nothing.
fn hashes(line: &[Tile<'_>]) -> Vec<Option<u64>> {
    let hash = |part: &[Tile<'_>]| {
        part.iter().any(|tile| tile.text != " ").then(|| {
            let mut hasher = DefaultHasher::new();
            part.hash(&mut hasher);
            hasher.finish()
        })
    };
    line.chunks(PART).map(hash).collect()
}

fn matches(old: &[Option<u64>], new: &[Option<u64>]) -> usize {
    old.iter().zip(new).filter(|(old, new)| new.is_some() && old == new).count()
}
