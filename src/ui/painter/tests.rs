//! Whatever has been drawn before, and however: an emulated terminal shows what it should show.

use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::Painter;

const COLUMNS: u16 = 24;
const LINES: u16 = 10;

fn blank() -> Buffer {
    Buffer::empty(Rect::new(0, 0, COLUMNS, LINES))
}

/// A terminal behind a painter.
struct Wire {
    painter: Painter,
    terminal: vt100::Parser,
}

impl Wire {
    fn new() -> Self {
        let size = |cells: u16| std::num::NonZeroU16::new(cells).expect("at least one");
        Self { painter: Painter::default(), terminal: vt100::Parser::new(size(LINES), size(COLUMNS), 0) }
    }

    fn draw(&mut self, buffer: &Buffer) -> usize {
        let bytes = self.painter.paint(buffer);
        self.terminal.process(&bytes);
        bytes.len()
    }

    fn shows(&self, buffer: &Buffer) -> Result<(), TestCaseError> {
        let screen = self.terminal.screen();
        let mut covered = 0;
        for y in 0..LINES {
            for x in 0..COLUMNS {
                let (cell, shown) = (&buffer[(x, y)], screen.cell(y, x).expect("a cell"));
                if covered > 0 {
                    covered -= 1;
                    prop_assert_eq!(shown.is_wide_continuation(), true, "{} {}", x, y);
                    continue;
                }
                covered = usize::from(is_wide(cell.symbol()));
                let text = if shown.contents().is_empty() { " " } else { shown.contents() };
                prop_assert_eq!(text, cell.symbol(), "{} {}", x, y);
                prop_assert_eq!(shown.bgcolor(), color(cell.bg), "{} {}", x, y);
                prop_assert_eq!(shown.underline(), cell.modifier.contains(Modifier::UNDERLINED), "{} {}", x, y);
                prop_assert_eq!(shown.inverse(), cell.modifier.contains(Modifier::REVERSED), "{} {}", x, y);
                if cell.symbol() != " " {
                    prop_assert_eq!(shown.fgcolor(), color(cell.fg), "{} {}", x, y);
                    prop_assert_eq!(shown.bold(), cell.modifier.contains(Modifier::BOLD), "{} {}", x, y);
                    prop_assert_eq!(shown.italic(), cell.modifier.contains(Modifier::ITALIC), "{} {}", x, y);
                }
            }
        }
        Ok(())
    }
}

fn is_wide(text: &str) -> bool {
    matches!(text, "日" | "本")
}

fn color(color: Color) -> vt100::Color {
    match color {
        Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
        Color::Indexed(index) => vt100::Color::Idx(index),
        Color::Red => vt100::Color::Idx(1),
        Color::LightBlue => vt100::Color::Idx(12),
        _ => vt100::Color::Default,
    }
}

fn colors() -> impl Strategy<Value = Color> {
    prop_oneof![
        4 => Just(Color::Reset),
        1 => Just(Color::Red),
        1 => Just(Color::LightBlue),
        1 => Just(Color::Indexed(200)),
        1 => Just(Color::Rgb(1, 22, 203)),
    ]
}

fn styles() -> impl Strategy<Value = Style> {
    let modifiers = prop_oneof![
        4 => Just(Modifier::empty()),
        1 => Just(Modifier::BOLD),
        1 => Just(Modifier::ITALIC | Modifier::BOLD),
        1 => Just(Modifier::UNDERLINED),
        1 => Just(Modifier::REVERSED),
    ];
    (colors(), colors(), modifiers)
        .prop_map(|(text, behind, modifier)| Style::new().fg(text).bg(behind).add_modifier(modifier))
}

/// What is done to a screen before it is drawn again.
#[derive(Debug, Clone)]
enum Step {
    Write(u16, u16, &'static str, Style),
    Move(usize),
    Clear(u16),
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let texts = prop_oneof![
        Just("a"),
        Just("some words here"),
        Just("日本 x"),
        Just("          "),
        Just("12,34,56,7"),
        Just("日"),
        Just("a line that fills it all"),
    ];
    let step = prop_oneof![
        8 => (0..COLUMNS, 0..LINES, texts, styles()).prop_map(|(x, y, text, style)| Step::Write(x, y, text, style)),
        2 => (1usize..9).prop_map(Step::Move),
        1 => (0..LINES).prop_map(Step::Clear),
        1 => Just(Step::Forget),
    ];
    prop::collection::vec(step, 1..8)
}

fn apply(step: &Step, buffer: &mut Buffer, wire: &mut Wire) {
    let columns = usize::from(COLUMNS);
    match step {
        Step::Write(x, y, text, style) => {
            buffer.set_string(*x, *y, *text, *style);
            repair(buffer);
        }
        Step::Move(by) => {
            let lines = usize::from(LINES);
            let kept = buffer.content[by.min(&lines) * columns..].to_vec();
            buffer.content[..kept.len()].clone_from_slice(&kept);
            buffer.content[kept.len()..].fill(Default::default());
        }
        Step::Clear(y) => buffer.content[usize::from(*y) * columns..][..columns].fill(Default::default()),
        Step::Forget => wire.painter.forget(),
    }
}

/// A drawing begins with an empty screen, so that no text ever covers half of another one; neither may it here.
fn repair(buffer: &mut Buffer) {
    for line in buffer.content.chunks_mut(usize::from(COLUMNS)) {
        let mut x = 0;
        while x < line.len() {
            let wide = is_wide(line[x].symbol());
            if wide && x + 1 == line.len() {
                line[x].reset();
            } else if wide {
                line[x + 1].reset();
                x += 1;
            }
            x += 1;
        }
    }
}

proptest! {
    #[test]
    fn the_terminal_shows_what_was_drawn_last(
        frames in prop::collection::vec(steps(), 1..8),
        noise in any::<bool>(),
    ) {
        let (mut wire, mut buffer) = (Wire::new(), blank());
        if noise {
            wire.terminal.process(b"\x1b[31;44mleft over\r\n\x1b[1mfrom before");
        }
        for steps in frames {
            for step in &steps {
                apply(step, &mut buffer, &mut wire);
            }
            wire.draw(&buffer);
            wire.shows(&buffer)?;
            prop_assert_eq!(wire.draw(&buffer), 0);
        }
    }
}

/// A list of lines, each with a time, a word in colour and a label, and a pane beside it.
fn list(top: usize, lines: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, lines));
    for y in 0..lines {
        let row = top + usize::from(y);
        buffer.set_string(0, y, format!("10:00:{row:02}"), Style::new().fg(Color::Rgb(100, 100, 100)));
        buffer.set_string(10, y, format!("Bash{row}"), Style::new().fg(Color::Rgb(1, 2, 203)));
        buffer.set_string(20, y, format!("what row {row} says"), Style::new());
        buffer.set_string(60, y, "beside", Style::new().fg(Color::Rgb(9, 9, 9)));
    }
    buffer
}

#[test]
fn lines_that_moved_are_moved_by_the_terminal() {
    let mut painter = Painter::default();
    let whole = painter.paint(&list(0, 40)).len();
    let step = painter.paint(&list(1, 40)).len();
    assert!(step * 8 < whole, "{step} bytes of {whole}");
}

#[test]
fn nothing_is_left_of_a_line_with_signs_that_terminals_take_to_be_of_different_widths() {
    let line = |text: &str| {
        let mut buffer = blank();
        buffer.set_string(0, 1, text, Style::new());
        buffer
    };
    let mut painter = Painter::default();
    painter.paint(&line("0123456789x"));
    for text in ["👩\u{200d}👩\u{200d}👧 zwj x", "and plain x"] {
        let bytes = String::from_utf8(painter.paint(&line(text))).expect("UTF-8");
        assert!(bytes.contains("\x1b[K"), "{bytes:?}");
        assert!(bytes.ends_with(text) || bytes.ends_with(&text[text.len() - 5..]), "{bytes:?}");
    }
    assert!(painter.paint(&line("and plain x")).is_empty());
}

#[test]
fn styles_that_change_at_every_letter_are_written_one_after_the_other() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 100, 40));
    for cell in 0..4000u16 {
        let (x, y) = (cell % 100, cell / 100);
        let odd = x % 2 == 1;
        let style = if odd { Style::new() } else { Style::new().fg(Color::Rgb(100, 200, 250)) };
        buffer.set_string(x, y, if odd { "," } else { "1" }, style);
    }
    let bytes = Painter::default().paint(&buffer).len();
    assert!(bytes < 18_000, "{bytes} bytes");
}
