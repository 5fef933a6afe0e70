//! Turns what a screen should show into the fewest bytes that make it show that.
//!
//! The terminal is changed and never asked. Frames go out as a whole, so the order of writing is free: line by line,
//! or style by style, where changing colours would cost more than moving. Where lines only moved, the terminal moves
//! them itself. Each way is tried, and the shortest one is taken.

mod pen;
mod scroll;
#[cfg(test)]
mod tests;

use ratatui::buffer::{Buffer, Cell};
use unicode_width::UnicodeWidthStr;

use pen::{Look, Pen};
use scroll::Shift;

/// Unchanged cells of the same style that are written again rather than stepped over.
const GAP: usize = 3;
/// Blanks that are erased rather than written.
const ERASED: usize = 8;

/// What the terminal shows, and how it writes.
#[derive(Debug, Default)]
pub(crate) struct Painter {
    /// `None` where nobody knows.
    shown: Option<Buffer>,
    look: Option<Look>,
}

/// A cell as the terminal shows it: text and look; no text behind a wide one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Tile<'a> {
    text: &'a str,
    look: Look,
    width: u16,
}

impl Tile<'_> {
    /// Emoji of several characters, such as flags and families.
    fn is_doubtful(&self) -> bool {
        self.text.len() > 4 && (self.width > 1 || self.text.contains(['\u{200d}', '\u{fe0f}']))
    }
}

/// Neighbouring cells of a line that are written in one style.
#[derive(Debug, Clone, Copy)]
struct Run {
    y: u16,
    from: u16,
    to: u16,
    look: Look,
    blank: bool,
}

impl Painter {
    /// Forgets what the terminal shows: somebody else has written to it.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The bytes that turn what is shown into this; none where nothing has changed.
    pub(crate) fn paint(&mut self, next: &Buffer) -> Vec<u8> {
        let columns = next.area.width;
        let known = self.shown.take().filter(|shown| shown.area == next.area);
        let mut pen = Pen::new(self.look.unwrap_or(Look::PLAIN), columns);
        let before = known.unwrap_or_else(|| {
            pen = Pen::new(Look::PLAIN, columns);
            pen.put("\x1b[m\x1b[2J");
            Buffer::empty(next.area)
        });
        let (old, new) = (tiles(&before), tiles(next));
        if old != new {
            pen = self.shortest(&pen, &old, &new, usize::from(columns.max(1)));
        }
        self.look = Some(pen.look());
        self.shown = Some(next.clone());
        pen.out
    }

    fn shortest(&self, pen: &Pen, old: &[Tile<'_>], new: &[Tile<'_>], columns: usize) -> Pen {
        let mut best = cheaper_order(pen, old, new, columns);
        if let Some(shift) = Shift::find(old, new, columns) {
            let mut moved = pen.clone();
            shift.put(&mut moved);
            let shifted = shift.of(old, columns);
            let other = cheaper_order(&moved, &shifted, new, columns);
            if other.out.len() < best.out.len() {
                best = other;
            }
        }
        best
    }
}

fn cheaper_order(pen: &Pen, old: &[Tile<'_>], new: &[Tile<'_>], columns: usize) -> Pen {
    let (mut pen, mut old) = (pen.clone(), old.to_vec());
    clear_doubtful(&mut pen, &mut old, new, columns);
    let mut runs = runs(&old, new, columns);
    let by_line = write(pen.clone(), &runs, new, columns);
    runs.sort_by_key(|run| (run.look != pen.look(), run.look, run.y, run.from));
    let by_look = write(pen.clone(), &runs, new, columns);
    if by_look.out.len() < by_line.out.len() { by_look } else { by_line }
}

/// Erases changed lines with something on them that terminals take to be of different widths: a narrower one would
/// leave there what nobody knows of.
fn clear_doubtful(pen: &mut Pen, old: &mut [Tile<'_>], new: &[Tile<'_>], columns: usize) {
    const BLANK: Tile<'_> = Tile { text: " ", look: Look::PLAIN, width: 1 };
    for (y, (old, new)) in old.chunks_mut(columns).zip(new.chunks(columns)).enumerate() {
        let is_doubtful = old.iter().chain(new).any(Tile::is_doubtful);
        if is_doubtful && *old != *new && old.iter().any(|tile| *tile != BLANK) {
            pen.go(0, y as u16);
            pen.dip(Look::PLAIN, true);
            pen.erase(columns as u16, true);
            old.fill(BLANK);
        }
    }
}

fn tiles(buffer: &Buffer) -> Vec<Tile<'_>> {
    let columns = usize::from(buffer.area.width.max(1));
    let mut tiles = Vec::with_capacity(buffer.content.len());
    for line in buffer.content.chunks(columns) {
        let mut covered = 0;
        for (x, cell) in line.iter().enumerate() {
            let tile = if covered > 0 { Tile { text: "", ..tile(cell) } } else { tile(cell) };
            covered = if covered > 0 { covered - 1 } else { tile.width.saturating_sub(1) };
            // What is too wide for the end of a line is shown by no terminal.
            let fits = x + usize::from(tile.width) <= columns;
            tiles.push(if fits { tile } else { Tile { text: " ", width: 1, ..tile } });
        }
    }
    // Behind a wide text there is nothing of its own.
    for at in 1..tiles.len() {
        if tiles[at].text.is_empty() {
            tiles[at] = Tile { text: "", look: tiles[at - 1].look, width: 0 };
        }
    }
    tiles
}

fn tile(cell: &Cell) -> Tile<'_> {
    let look = Look::of(cell);
    match cell.symbol() {
        " " | "" => Tile { text: " ", look: look.blank(), width: 1 },
        text if text.len() == 1 => Tile { text, look, width: 1 },
        text => match text.width() {
            0 => Tile { text: " ", look: look.blank(), width: 1 },
            width => Tile { text, look, width: width as u16 },
        },
    }
}

/// What has changed, line by line, in as few runs as there are styles.
fn runs(old: &[Tile<'_>], new: &[Tile<'_>], columns: usize) -> Vec<Run> {
    let mut runs = Vec::new();
    for (y, (old, new)) in old.chunks(columns).zip(new.chunks(columns)).enumerate() {
        let mut open: Option<Run> = None;
        for (x, tile) in new.iter().enumerate() {
            if old[x] == *tile || tile.text.is_empty() {
                continue;
            }
            let run = Run {
                y: y as u16,
                from: x as u16,
                to: x as u16 + tile.width,
                look: tile.look,
                blank: tile.text == " ",
            };
            open = Some(match open.and_then(|open| joined(open, run, new)) {
                Some(joined) => joined,
                None => {
                    runs.extend(open);
                    run
                }
            });
        }
        runs.extend(open);
    }
    runs
}

/// One run for two, where what lies between them is short and can be written in the same style.
fn joined(first: Run, second: Run, line: &[Tile<'_>]) -> Option<Run> {
    let between = line.get(usize::from(first.to)..usize::from(second.from))?;
    let (look, blank) = match (first.blank, second.blank) {
        (false, false) if first.look == second.look => (first.look, false),
        (true, true) if first.look == second.look => (first.look, true),
        (false, true) if first.look.covers(second.look) => (first.look, false),
        (true, false) if second.look.covers(first.look) => (second.look, false),
        _ => return None,
    };
    let fits = |tile: &Tile<'_>| match tile.text {
        " " => look.covers(tile.look),
        _ => tile.look == look && tile.width == 1 && !blank,
    };
    let close = between.len() <= GAP && between.iter().all(fits);
    close.then_some(Run { to: second.to, look, blank, ..first })
}

fn write(mut pen: Pen, runs: &[Run], new: &[Tile<'_>], columns: usize) -> Pen {
    for run in runs {
        let line = &new[usize::from(run.y) * columns..][..columns];
        let mut at = usize::from(run.from);
        while at < usize::from(run.to) {
            let tile = line[at];
            let blanks = line[at..usize::from(run.to)].iter().take_while(|tile| tile.text == " ").count();
            if blanks >= ERASED.min(columns) && tile.look == Look::PLAIN && erasable(run) {
                pen.go(at as u16, run.y);
                pen.dip(if run.blank { Look::PLAIN } else { run.look }, run.blank);
                pen.erase(blanks as u16, at + blanks == columns);
                at += blanks;
                continue;
            }
            if !tile.text.is_empty() {
                pen.go(at as u16, run.y);
                pen.dip(run.look, run.blank);
                pen.write(tile.text, tile.width);
            }
            at += 1;
        }
    }
    pen
}

/// Erased cells take the colour behind the text in some terminals and none in others; without one they agree.
fn erasable(run: &Run) -> bool {
    run.look.covers(Look::PLAIN)
}
