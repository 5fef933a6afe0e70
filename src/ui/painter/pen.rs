//! The pen: where the terminal's cursor is and in what style it writes, changed in the fewest bytes.

use std::io::Write;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

/// How a cell looks, but for its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Look {
    foreground: (u8, u32),
    background: (u8, u32),
    underline: (u8, u32),
    modifier: u16,
}

/// Modifiers that show where there is no text.
const SEEN: Modifier = Modifier::UNDERLINED.union(Modifier::REVERSED).union(Modifier::CROSSED_OUT);
/// Modifiers with the numbers that set and end them.
const MODIFIERS: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

impl Look {
    /// That of a terminal that has just been reset.
    pub(super) const PLAIN: Self = Self { foreground: (0, 0), background: (0, 0), underline: (0, 0), modifier: 0 };

    pub(super) fn of(cell: &Cell) -> Self {
        Self {
            foreground: number(cell.fg),
            background: number(cell.bg),
            underline: number(cell.underline_color),
            modifier: cell.modifier.bits(),
        }
    }

    /// What of it shows where there is no text.
    pub(super) fn blank(self) -> Self {
        if self.shows_on_blanks() { self } else { Self { background: self.background, ..Self::PLAIN } }
    }

    fn shows_on_blanks(self) -> bool {
        Modifier::from_bits_truncate(self.modifier).intersects(SEEN)
    }

    /// Whether a blank with that look can be written with this one.
    pub(super) fn covers(self, blank: Self) -> bool {
        self == blank || (self.background == blank.background && !self.shows_on_blanks() && !blank.shows_on_blanks())
    }
}

/// A colour as two numbers: what sort it is, and which.
fn number(color: Color) -> (u8, u32) {
    match color {
        Color::Reset => (0, 0),
        Color::Black => (1, 30),
        Color::Red => (1, 31),
        Color::Green => (1, 32),
        Color::Yellow => (1, 33),
        Color::Blue => (1, 34),
        Color::Magenta => (1, 35),
        Color::Cyan => (1, 36),
        Color::Gray => (1, 37),
        Color::DarkGray => (1, 90),
        Color::LightRed => (1, 91),
        Color::LightGreen => (1, 92),
        Color::LightYellow => (1, 93),
        Color::LightBlue => (1, 94),
        Color::LightMagenta => (1, 95),
        Color::LightCyan => (1, 96),
        Color::White => (1, 97),
        Color::Indexed(index) => (2, u32::from(index)),
        Color::Rgb(red, green, blue) => (3, u32::from_be_bytes([0, red, green, blue])),
    }
}

/// The numbers that choose a colour; `base` is 30 for text, 40 behind it, 50 for the underline.
fn colour(numbers: &mut Vec<String>, (sort, which): (u8, u32), base: u32) {
    let [_, red, green, blue] = which.to_be_bytes();
    numbers.push(match sort {
        0 => (base + 9).to_string(),
        1 if base == 50 => format!("58;5;{}", if which >= 90 { which - 82 } else { which - 30 }),
        1 => (which + base - 30).to_string(),
        2 => format!("{};5;{which}", base + 8),
        _ => format!("{};2;{red};{green};{blue}", base + 8),
    });
}

/// Where and how the terminal writes, and what has been written to it.
#[derive(Debug, Clone)]
pub(super) struct Pen {
    pub out: Vec<u8>,
    look: Look,
    /// Column and line; `None` where terminals may differ.
    at: Option<(u16, u16)>,
    columns: u16,
}

impl Pen {
    pub(super) fn new(look: Look, columns: u16) -> Self {
        Self { out: Vec::new(), look, at: None, columns }
    }

    pub(super) fn look(&self) -> Look {
        self.look
    }

    pub(super) fn put(&mut self, bytes: &str) {
        self.out.extend_from_slice(bytes.as_bytes());
    }

    /// The cursor is somewhere else than the pen knows.
    pub(super) fn lose(&mut self) {
        self.at = None;
    }

    /// Writes a text that takes so many columns.
    pub(super) fn write(&mut self, text: &str, width: u16) {
        self.put(text);
        // Terminals differ in how wide they take what is not a plain letter, and in where a full line leaves the cursor.
        let plain = width == 1 && text.chars().count() == 1;
        self.at = self.at.map(|(x, y)| (x + width, y)).filter(|(x, _)| plain && *x < self.columns);
    }

    /// Takes a style; for blanks only what shows on them counts.
    pub(super) fn dip(&mut self, look: Look, blank: bool) {
        if self.look == look || blank && self.look.covers(look) {
            return;
        }
        let (change, whole) = (self.change(look), whole(look));
        let shorter = if change.len() < whole.len() { change } else { whole };
        self.put(&format!("\x1b[{shorter}m"));
        self.look = look;
    }

    fn change(&self, look: Look) -> String {
        let (before, after) =
            (Modifier::from_bits_truncate(self.look.modifier), Modifier::from_bits_truncate(look.modifier));
        let mut numbers = Vec::new();
        let mut kept = before;
        for (modifier, _, end) in MODIFIERS {
            if kept.contains(modifier) && !after.contains(modifier) {
                numbers.push(end.to_string());
                // Bold and dim end together, and so do the two ways of blinking.
                for (other, _, _) in MODIFIERS.iter().filter(|(_, _, other)| *other == end) {
                    kept.remove(*other);
                }
            }
        }
        let begin = MODIFIERS.iter().filter(|(modifier, _, _)| after.contains(*modifier) && !kept.contains(*modifier));
        numbers.extend(begin.map(|(_, begin, _)| begin.to_string()));
        for (from, to, base) in [
            (self.look.foreground, look.foreground, 30),
            (self.look.background, look.background, 40),
            (self.look.underline, look.underline, 50),
        ] {
            if from != to {
                colour(&mut numbers, to, base);
            }
        }
        numbers.join(";")
    }

    /// Moves to a column and a line.
    pub(super) fn go(&mut self, x: u16, y: u16) {
        if self.at == Some((x, y)) {
            return;
        }
        let absolute = match (x, y) {
            (0, 0) => "\x1b[H".to_owned(),
            (0, y) => format!("\x1b[{}H", y + 1),
            (x, y) => format!("\x1b[{};{}H", y + 1, x + 1),
        };
        let relative = self.at.and_then(|at| relative(at, (x, y)));
        let shorter = relative.filter(|relative| relative.len() < absolute.len()).unwrap_or(absolute);
        self.put(&shorter);
        self.at = Some((x, y));
    }

    /// Blanks so many cells from here on, without moving.
    pub(super) fn erase(&mut self, count: u16, to_the_end: bool) {
        if to_the_end {
            self.put("\x1b[K");
        } else {
            let _ = write!(self.out, "\x1b[{count}X");
        }
    }
}

fn whole(look: Look) -> String {
    let mut numbers = vec!["0".to_owned()];
    let own = Modifier::from_bits_truncate(look.modifier);
    numbers.extend(MODIFIERS.iter().filter(|(modifier, _, _)| own.contains(*modifier)).map(|item| item.1.to_string()));
    for (color, base) in [(look.foreground, 30), (look.background, 40), (look.underline, 50)] {
        if color.0 != 0 {
            colour(&mut numbers, color, base);
        }
    }
    if numbers.len() == 1 { String::new() } else { numbers.join(";") }
}

/// How to come from one place to another by steps; `None` upwards, where an address is never longer.
fn relative((from_x, from_y): (u16, u16), (x, y): (u16, u16)) -> Option<String> {
    let down = y.checked_sub(from_y)?;
    let mut steps = if down <= 3 { "\n".repeat(usize::from(down)) } else { format!("\x1b[{down}B") };
    match (x, i32::from(x) - i32::from(from_x)) {
        (_, 0) => {}
        (0, _) => steps.insert(0, '\r'),
        (_, 1) => steps.push_str("\x1b[C"),
        (_, right @ 1..) => steps.push_str(&format!("\x1b[{right}C")),
        (_, left @ -3..) => steps.push_str(&"\x08".repeat(left.unsigned_abs() as usize)),
        (_, left) => steps.push_str(&format!("\x1b[{}D", left.unsigned_abs())),
    }
    Some(steps)
}
