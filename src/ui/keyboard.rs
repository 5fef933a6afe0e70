//! Makes keys of the bytes that a terminal sends, and swallows its replies: they must never act as keys.
//!
//! Replies come whenever a slow link lets them through, also in parts, and also those that somebody else asked for. So
//! every control string (OSC, DCS, APC, PM, SOS) is swallowed up to its end, and every report that is no key. Only
//! the answer about the background is listened to. Nothing waits for long: a sequence that does not go on is given up,
//! and Esc, `^C` and the next sequence are heard inside one that never ends.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::message::Shade;

/// How long an Esc may be the beginning of something else.
const HELD: Duration = Duration::from_millis(40);
/// How long the parts of a sequence may be apart.
const APART: Duration = Duration::from_millis(250);
/// How long the parts of a reply may be apart; what has been swallowed of it then is dropped.
const REPLY_APART: Duration = Duration::from_millis(1000);
/// No sequence that means a key is longer.
const LONGEST: usize = 64;
/// So much of a reply is kept to be understood.
const KEPT: usize = 64;

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// What has come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Key(KeyEvent),
    Background(Shade),
    Pasted(String),
    Wheel { down: bool },
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    /// A character of several bytes.
    Character(Vec<u8>),
    Escape,
    /// ESC and `]`, `P`, `_`, `^` or `X`: a control string, or that key with Alt.
    Introducer(u8),
    /// Behind ESC `O`.
    Single,
    /// Behind ESC `[`.
    Sequence(Vec<u8>),
    /// A control string; `true` where the last byte was an ESC, which may be the first half of its end.
    Reply(u8, Vec<u8>, bool),
    /// Behind the marks of a paste, until the other one.
    Paste(Vec<u8>),
    /// The three bytes of an old mouse report.
    Mouse(u8),
}

/// Turns bytes into keys.
#[derive(Debug, Default)]
pub(crate) struct Keyboard {
    held: Held,
    /// What is held came with the bytes that are being taken, and not with earlier ones.
    together: bool,
    until: Option<Instant>,
}

impl Keyboard {
    /// When what is held must be given up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Takes what was read at once; answers with what is clear now.
    pub(crate) fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<Heard> {
        let mut heard = self.expire(now);
        self.together = false;
        for byte in bytes {
            self.take(*byte, &mut heard);
        }
        self.until = match &self.held {
            Held::Nothing => None,
            Held::Escape => Some(now + HELD),
            Held::Introducer(_) | Held::Reply(..) | Held::Paste(_) => Some(now + REPLY_APART),
            Held::Single | Held::Sequence(_) | Held::Character(_) | Held::Mouse(_) => Some(now + APART),
        };
        heard
    }

    /// Gives up what has been held for too long.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Heard> {
        if self.until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        self.until = None;
        match std::mem::take(&mut self.held) {
            Held::Escape => vec![plain(KeyCode::Esc)],
            Held::Introducer(byte) => vec![alt(byte)],
            Held::Single => vec![alt(b'O')],
            Held::Sequence(bytes) if bytes.is_empty() => vec![plain(KeyCode::Esc), plain(KeyCode::Char('['))],
            Held::Paste(bytes) => vec![pasted(&bytes)],
            Held::Nothing | Held::Character(_) | Held::Sequence(_) | Held::Reply(..) | Held::Mouse(_) => Vec::new(),
        }
    }

    fn hold(&mut self, held: Held) {
        (self.held, self.together) = (held, true);
    }

    fn take(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        match std::mem::take(&mut self.held) {
            Held::Nothing => self.first(byte, heard),
            Held::Character(bytes) => self.character(bytes, byte, heard),
            Held::Escape => self.escape(byte, heard),
            Held::Introducer(opening) => self.introduced(opening, byte, heard),
            Held::Single => match single(byte) {
                Some(code) => heard.push(plain(code)),
                None => self.no_sequence(b'O', byte, heard),
            },
            Held::Sequence(bytes) => self.sequence(bytes, byte, heard),
            Held::Reply(opening, bytes, escaped) => self.reply(opening, bytes, escaped, byte, heard),
            Held::Paste(mut bytes) => {
                bytes.push(byte);
                match bytes.strip_suffix(b"\x1b[201~") {
                    Some(text) => heard.push(pasted(text)),
                    None => self.hold(Held::Paste(bytes)),
                }
            }
            Held::Mouse(left) if left > 1 => self.hold(Held::Mouse(left - 1)),
            Held::Mouse(_) => {}
        }
    }

    fn first(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        match byte {
            ESC => self.hold(Held::Escape),
            0xc2..=0xf4 => self.hold(Held::Character(vec![byte])),
            // No byte that could begin a character.
            0x80.. => {}
            byte => heard.push(Heard::Key(ascii(byte))),
        }
    }

    fn character(&mut self, mut bytes: Vec<u8>, byte: u8, heard: &mut Vec<Heard>) {
        if byte & 0xc0 != 0x80 {
            // The rest of the character is missing.
            return self.first(byte, heard);
        }
        bytes.push(byte);
        match std::str::from_utf8(&bytes) {
            Ok(text) => heard.extend(text.chars().map(|letter| plain(KeyCode::Char(letter)))),
            Err(error) if error.error_len().is_none() => self.hold(Held::Character(bytes)),
            Err(_) => {}
        }
    }

    fn escape(&mut self, byte: u8, heard: &mut Vec<Heard>) {
        match byte {
            b'[' => self.hold(Held::Sequence(Vec::new())),
            b'O' => self.hold(Held::Single),
            b']' | b'P' | b'_' | b'^' | b'X' => self.hold(Held::Introducer(byte)),
            ESC => {
                heard.push(plain(KeyCode::Esc));
                self.hold(Held::Escape);
            }
            // The end of a control string whose beginning was given up.
            b'\\' if self.together => {}
            byte if self.together && byte.is_ascii() => heard.push(alt(byte)),
            byte => {
                heard.push(plain(KeyCode::Esc));
                self.first(byte, heard);
            }
        }
    }

    /// Behind ESC and a letter that opens control strings: what comes together with it is one; else what looks so.
    fn introduced(&mut self, opening: u8, byte: u8, heard: &mut Vec<Heard>) {
        let looks_so = match opening {
            b']' => byte.is_ascii_digit(),
            b'P' => matches!(byte, b'!'..=b'?'),
            b'_' => byte == b'G',
            _ => false,
        };
        if byte != ESC && (self.together || looks_so) {
            return self.reply(opening, Vec::new(), false, byte, heard);
        }
        heard.push(alt(opening));
        self.first(byte, heard);
    }

    /// A letter with Alt, where the sequence that it opens does not follow.
    fn no_sequence(&mut self, opening: u8, byte: u8, heard: &mut Vec<Heard>) {
        heard.push(alt(opening));
        self.first(byte, heard);
    }

    fn sequence(&mut self, mut bytes: Vec<u8>, byte: u8, heard: &mut Vec<Heard>) {
        match byte {
            // The first five function keys of a Linux console.
            b'[' if bytes.is_empty() => self.hold(Held::Sequence(vec![byte])),
            b'M' if bytes.is_empty() => self.hold(Held::Mouse(3)),
            b'@'..=b'~' => {
                bytes.push(byte);
                if bytes == b"200~" { self.hold(Held::Paste(Vec::new())) } else { heard.extend(sequence(&bytes)) }
            }
            b' '..=b'?' if bytes.len() < LONGEST => {
                bytes.push(byte);
                self.hold(Held::Sequence(bytes));
            }
            byte => self.first(byte, heard),
        }
    }

    fn reply(&mut self, opening: u8, mut bytes: Vec<u8>, escaped: bool, byte: u8, heard: &mut Vec<Heard>) {
        match byte {
            b'\\' if escaped => heard.extend(background(opening, &bytes)),
            byte if escaped => {
                // Another sequence has begun; this one will not end any more.
                self.together = true;
                self.escape(byte, heard);
            }
            BEL if opening == b']' => heard.extend(background(opening, &bytes)),
            // Typed by somebody who waits in vain, or the signs that take a control string back.
            0x03 => self.first(byte, heard),
            0x18 | 0x1a => {}
            byte => {
                if bytes.len() < KEPT && byte != ESC {
                    bytes.push(byte);
                }
                self.hold(Held::Reply(opening, bytes, byte == ESC));
            }
        }
    }
}

fn plain(code: KeyCode) -> Heard {
    Heard::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn alt(byte: u8) -> Heard {
    let mut key = ascii(byte);
    key.modifiers |= KeyModifiers::ALT;
    Heard::Key(key)
}

/// Unpaired carriage returns of a paste are its line ends.
fn pasted(bytes: &[u8]) -> Heard {
    Heard::Pasted(String::from_utf8_lossy(bytes).into_owned())
}

fn ascii(byte: u8) -> KeyEvent {
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
fn single(byte: u8) -> Option<KeyCode> {
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
fn sequence(bytes: &[u8]) -> Option<Heard> {
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
fn background(opening: u8, bytes: &[u8]) -> Option<Heard> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    /// What is heard when these parts come, so many milliseconds apart, and then nothing for long.
    fn hear(parts: &[&[u8]], apart: u64) -> Vec<Heard> {
        let (mut keyboard, mut now) = (Keyboard::default(), Instant::now());
        let mut heard = Vec::new();
        for part in parts {
            heard.extend(keyboard.feed(part, now));
            now += Duration::from_millis(apart);
        }
        heard.extend(keyboard.expire(now + REPLY_APART));
        assert_eq!(keyboard.deadline(), None);
        heard
    }

    fn at_once(text: &str) -> Vec<Heard> {
        hear(&[text.as_bytes()], 0)
    }

    fn typed(text: &str) -> Vec<Heard> {
        text.chars().map(|letter| plain(KeyCode::Char(letter))).collect()
    }

    const REPLIES: [&str; 14] = [
        "\x1b]10;rgb:cdcd/d6d6/f4f4\x1b\\",
        "\x1b]4;1;rgb:f3f3/8b8b/a8a8\x07",
        "\x1b]52;c;cm0gLXJmIC8K:quit\x1b\\",
        "\x1bP>|XTerm(379)\x1b\\",
        "\x1bP1+r524742=38\x1b\\",
        "\x1b_Gi=31;OK\x1b\\",
        "\x1b^:quit\x1b\\",
        "\x1b[?2026;2$y",
        "\x1b[>41;379;0c",
        "\x1b[?62;22c",
        "\x1b[24;80R",
        "\x1b[8;24;80t",
        "\x1b[I",
        "\x1b[?1u",
    ];

    #[test]
    fn replies_never_act_as_keys_and_keys_around_them_stay() {
        for reply in REPLIES {
            assert_eq!(at_once(&format!("j{reply}k")), typed("jk"), "{reply:?}");
        }
    }

    #[test]
    fn a_reply_may_come_in_two_parts_half_a_second_apart() {
        for reply in REPLIES.iter().filter(|reply| reply.starts_with("\x1b]") || reply.starts_with("\x1bP")) {
            for at in 2..reply.len() {
                let parts = [reply[..at].as_bytes(), reply[at..].as_bytes(), b"k"];
                assert_eq!(hear(&parts, 500), typed("k"), "{reply:?} at {at}");
            }
        }
    }

    #[test]
    fn the_background_is_told_by_its_reply() {
        for (colour, shade) in [("1e1e/1E1E/2e2e", Shade::Dark), ("ff/ff/f0", Shade::Light)] {
            for end in ["\x07", "\x1b\\"] {
                let expected = [typed("j"), vec![Heard::Background(shade)], typed("k")].concat();
                assert_eq!(at_once(&format!("j\x1b]11;rgb:{colour}{end}k")), expected);
            }
        }
        assert_eq!(at_once("\x1b]11;rgb:zz/0/0\x07"), []);
    }

    #[test]
    fn keys_have_their_names_whatever_form_they_come_in() {
        let with = |code, modifiers| vec![Heard::Key(KeyEvent::new(code, modifiers))];
        for (text, code) in [
            ("\x1b[A", KeyCode::Up),
            ("\x1bOB", KeyCode::Down),
            ("\x1b[6~", KeyCode::PageDown),
            ("\x1b[1~", KeyCode::Home),
            ("\x1b[3~", KeyCode::Delete),
            ("\x1bOP", KeyCode::F(1)),
            ("\x1b[[C", KeyCode::F(3)),
            ("\x1b[15~", KeyCode::F(5)),
            ("\x1b[24~", KeyCode::F(12)),
            ("\r", KeyCode::Enter),
            ("\x7f", KeyCode::Backspace),
            ("ż", KeyCode::Char('ż')),
            ("日", KeyCode::Char('日')),
        ] {
            assert_eq!(at_once(text), with(code, KeyModifiers::NONE), "{text:?}");
        }
        assert_eq!(at_once("\x1b[1;5C"), with(KeyCode::Right, KeyModifiers::CONTROL));
        assert_eq!(at_once("\x1b[Z"), with(KeyCode::BackTab, KeyModifiers::SHIFT));
        assert_eq!(at_once("\x1bx"), with(KeyCode::Char('x'), KeyModifiers::ALT));
        assert_eq!(at_once("\x1b]"), with(KeyCode::Char(']'), KeyModifiers::ALT));
        assert_eq!(at_once("\x04"), with(KeyCode::Char('d'), KeyModifiers::CONTROL));
        assert_eq!(at_once("\x1b[97;5u"), with(KeyCode::Char('a'), KeyModifiers::CONTROL));
        assert_eq!(at_once("\x1b[<65;10;5M"), [Heard::Wheel { down: true }]);
        assert_eq!(at_once("\x1b[<0;10;5M\x1b[<0;10;5m\x1b[M !!j"), typed("j"));
    }

    #[test]
    fn a_split_arrow_key_stays_an_arrow_key() {
        for parts in [["\x1b", "[A"], ["\x1b[", "A"]] {
            assert_eq!(hear(&parts.map(str::as_bytes), 30), [plain(KeyCode::Up)]);
        }
        assert_eq!(hear(&["\x1b[1;".as_bytes(), b"5C"], 200).len(), 1);
    }

    #[test]
    fn a_lone_esc_comes_late_and_keys_behind_it_in_order() {
        let expected = [vec![plain(KeyCode::Esc)], typed("jk")].concat();
        assert_eq!(hear(&[b"\x1b", b"j", b"k"], 30), expected);
        let (mut keyboard, now) = (Keyboard::default(), Instant::now());
        assert_eq!(keyboard.feed(b"\x1b", now), []);
        assert_eq!(keyboard.expire(now), []);
        assert_eq!(keyboard.expire(now + HELD), [plain(KeyCode::Esc)]);
        assert_eq!(at_once("\x1b\x1b"), [plain(KeyCode::Esc), plain(KeyCode::Esc)]);
    }

    #[test]
    fn a_paste_never_becomes_commands_even_in_parts() {
        let pasted = [Heard::Pasted(":quit\x1b[A\r".to_owned())];
        assert_eq!(at_once("\x1b[200~:quit\x1b[A\r\x1b[201~"), pasted);
        assert_eq!(hear(&[b"\x1b[200~:qu", b"it\x1b[A\r\x1b[20", b"1~"], 200), pasted);
    }

    #[test]
    fn a_reply_that_never_ends_makes_nobody_deaf() {
        assert_eq!(hear(&[b"\x1b]11;rgb:", b"\x1b[A"], 10), [plain(KeyCode::Up)]);
        assert_eq!(hear(&[b"\x1bP1$r", b"\x03"], 10), [Heard::Key(ascii(3))]);
        let (mut keyboard, now) = (Keyboard::default(), Instant::now());
        assert_eq!(keyboard.feed(b"\x1b]52;c;", now), []);
        assert_eq!(keyboard.feed(b"j", now + REPLY_APART), typed("j"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_deaf(bytes in prop::collection::vec(any::<u8>(), 0..200), parts in 1usize..9) {
            let (mut keyboard, mut now) = (Keyboard::default(), Instant::now());
            for part in bytes.chunks(parts) {
                keyboard.feed(part, now);
            }
            now += REPLY_APART;
            keyboard.expire(now);
            prop_assert!(keyboard.deadline().is_none());
            prop_assert_eq!(keyboard.feed(b"j", now), typed("j"));
        }
    }
}
