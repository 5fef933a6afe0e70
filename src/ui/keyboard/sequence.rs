//! What whole sequences mean: keys by their codes, the wheel, and the colour of the background.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Heard, plain};
use crate::ui::message::Shade;

pub(super) fn ascii(byte: u8) -> KeyEvent {
    let control = |letter: u8| KeyEvent::new(KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL);
    let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
    match byte {
        b'\r' => key(KeyCode::Enter),
        b'\t' => key(KeyCode::Tab),
        0x7f => key(KeyCode::Backspace),
        0 => control(b' '),
        1..=26 => control(byte - 1 + b'a'),
        0x1b => key(KeyCode::Esc),
        0x1c..=0x1f => control(byte - 0x1c + b'4'),
        byte => key(KeyCode::Char(char::from(byte))),
    }
}

/// What stands behind ESC `O`.
pub(super) fn single(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'M' => KeyCode::Enter,
        b'P'..=b'S' => KeyCode::F(byte - b'P' + 1),
        byte => arrow(byte)?,
    })
}

fn arrow(last: u8) -> Option<KeyCode> {
    Some(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        _ => return None,
    })
}

/// What a whole sequence behind ESC `[` means; reports and unknown ones mean nothing.
pub(super) fn sequence(bytes: &[u8]) -> Option<Heard> {
    let (last, parameters) = bytes.split_last()?;
    if let Some(letter @ b'A'..=b'E') = Some(*last).filter(|_| parameters == b"[") {
        return Some(plain(KeyCode::F(letter - b'A' + 1)));
    }
    let text = std::str::from_utf8(parameters).ok()?;
    if let Some(mouse) = text.strip_prefix('<') {
        return wheel(mouse, *last);
    }
    let number = |text: &str| text.split(':').next().and_then(|text| text.parse::<u32>().ok());
    let numbers: Vec<Option<u32>> = text.split(';').map(number).collect();
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')) {
        return None;
    }
    let first = numbers.first().copied().flatten();
    let mut bits = numbers.get(1).copied().flatten();
    let code = match last {
        b'Z' => KeyCode::BackTab,
        b'P' | b'Q' | b'S' => KeyCode::F(last - b'P' + 1),
        // With two numbers it is where the cursor is.
        b'R' if numbers.len() < 2 => KeyCode::F(3),
        b'~' if first == Some(27) => {
            let code = unicode(numbers.get(2).copied().flatten()?)?;
            return Some(with(code, bits));
        }
        b'~' => numbered(first?)?,
        b'u' => unicode(first?)?,
        last => arrow(*last)?,
    };
    if *last == b'Z' {
        bits = Some(2);
    }
    Some(with(code, bits))
}

/// The terminal counts Shift, Alt, Ctrl from one on.
fn with(code: KeyCode, bits: Option<u32>) -> Heard {
    let bits = bits.unwrap_or(1).saturating_sub(1);
    let mut modifiers = KeyModifiers::NONE;
    for (bit, modifier) in [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)] {
        modifiers.set(modifier, bits & bit != 0);
    }
    Heard::Key(KeyEvent::new(code, modifiers))
}

fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number as u8 - 10),
        17..=21 => KeyCode::F(number as u8 - 11),
        23 | 24 => KeyCode::F(number as u8 - 12),
        _ => return None,
    })
}

fn unicode(number: u32) -> Option<KeyCode> {
    Some(match char::from_u32(number)? {
        '\r' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\u{1b}' => KeyCode::Esc,
        '\u{7f}' | '\u{8}' => KeyCode::Backspace,
        letter if letter.is_control() => return None,
        letter => KeyCode::Char(letter),
    })
}

fn wheel(report: &str, last: u8) -> Option<Heard> {
    let buttons: u32 = report.split(';').next()?.parse().ok()?;
    match (buttons & 0b1100_0011, last) {
        (64, b'M') => Some(Heard::Wheel { down: false }),
        (65, b'M') => Some(Heard::Wheel { down: true }),
        _ => None,
    }
}

/// What an OSC 11 reply says: `11;rgb:1e1e/1e1e/2e2e`, with one to four digits a colour.
pub(super) fn background(opening: u8, bytes: &[u8]) -> Option<Heard> {
    let text = std::str::from_utf8(bytes).ok()?;
    let colours = text.strip_prefix("11;").filter(|_| opening == b']')?;
    let colours = colours.strip_prefix("rgb:").or_else(|| colours.strip_prefix("rgba:"))?;
    let part = |text: &str| {
        let most = 16f32.powi(i32::try_from(text.len()).ok()?) - 1.0;
        Some(u32::from_str_radix(text, 16).ok().filter(|_| (1..=4).contains(&text.len()))? as f32 / most)
    };
    let parts: Vec<f32> = colours.split('/').take(3).map(part).collect::<Option<_>>()?;
    let &[red, green, blue] = parts.as_slice() else { return None };
    let light = 0.299 * red + 0.587 * green + 0.114 * blue > 0.5;
    Some(Heard::Background(if light { Shade::Light } else { Shade::Dark }))
}
