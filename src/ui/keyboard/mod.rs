//! Makes keys of the bytes that a terminal sends, and swallows its replies: they must never act as keys.
//!
//! Replies come whenever a slow link lets them through, also in parts, and also those that somebody else asked for. So
//! every control string (OSC, DCS, APC, PM, SOS) is swallowed up to its end, and every report that is no key. Only
//! the answer about the background is listened to. Nothing waits for long: a sequence that does not go on is given up,
//! and Esc, `^C` and the next sequence are heard inside one that never ends.

mod sequence;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::message::Shade;
use sequence::{ascii, background, sequence, single};

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
            Held::Sequence(bytes) if bytes.is_empty() => Some(now + APART),
            Held::Introducer(_) | Held::Reply(..) | Held::Paste(_) => Some(now + REPLY_APART),
            // What has got so far is no key by itself, and its rest must not become one.
            Held::Sequence(_) | Held::Character(_) => Some(now + REPLY_APART),
            Held::Single | Held::Mouse(_) => Some(now + APART),
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
