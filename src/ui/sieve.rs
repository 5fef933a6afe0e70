//! Takes apart what terminals mix into typed keys: split escape sequences, and the answer about the background.
//!
//! crossterm reports a lone ESC byte as Esc at once, also where the rest of an arrow key is still on its way over a
//! slow link; and it knows no OSC replies, whose bytes come as key presses, `:` and `/` among them. So an Esc is held
//! for a moment, and exactly an OSC 11 reply is swallowed. Whatever turns out to be neither is passed on as typed.

use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::message::Shade;

/// How long an Esc may be the beginning of something else.
const HELD: Duration = Duration::from_millis(40);
/// How long the parts of a sequence or a reply may be apart.
const APART: Duration = Duration::from_millis(250);

/// What comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sifted {
    Key(KeyEvent),
    Background(Shade),
    Pasted(String),
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Escape,
    /// Behind a split ESC: `[` or `O`, and what follows.
    Sequence(String),
    /// Behind ESC `]`.
    Reply(String),
    /// Behind a split `ESC [ 200 ~`, whose end crossterm drops.
    Paste(String),
}

/// Keys that are held back until it is clear what they are.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    held: Held,
    /// The keys that are passed on where they turn out to be typed.
    keys: Vec<KeyEvent>,
    until: Option<Instant>,
}

impl Sieve {
    /// When what is held must be passed on.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Takes a key; answers with what is clear now.
    pub(crate) fn feed(&mut self, key: KeyEvent, now: Instant) -> Vec<Sifted> {
        let letter = plain(&key);
        match (std::mem::take(&mut self.held), letter) {
            (Held::Nothing, _) => self.first(key, now),
            (Held::Escape, Some(']')) => self.hold(Held::Reply(String::new()), key, now + APART),
            (Held::Escape, Some(letter @ ('[' | 'O'))) => {
                self.hold(Held::Sequence(letter.to_string()), key, now + APART)
            }
            (Held::Sequence(text), Some(letter)) => self.sequence(text, letter, key, now),
            (Held::Reply(text), _) => self.reply(text, key, now),
            (Held::Paste(mut text), Some(letter)) => {
                text.push(letter);
                self.hold(Held::Paste(text), key, now + APART)
            }
            (Held::Paste(mut text), None) if key.code == KeyCode::Enter => {
                text.push('\n');
                self.hold(Held::Paste(text), key, now + APART)
            }
            (Held::Paste(text), None) => {
                let mut out = self.give_up(Held::Paste(text));
                out.extend(self.first(key, now));
                out
            }
            (held, _) => {
                let mut out = self.give_up(held);
                out.extend(self.first(key, now));
                out
            }
        }
    }

    /// Passes on what has been held for too long.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Sifted> {
        if self.until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        let held = std::mem::take(&mut self.held);
        self.give_up(held)
    }

    fn first(&mut self, key: KeyEvent, now: Instant) -> Vec<Sifted> {
        if key.code == KeyCode::Esc && key.modifiers.is_empty() {
            return self.hold(Held::Escape, key, now + HELD);
        }
        if key.code == KeyCode::Char(']') && key.modifiers == KeyModifiers::ALT {
            return self.hold(Held::Reply(String::new()), key, now + APART);
        }
        vec![Sifted::Key(key)]
    }

    fn hold(&mut self, held: Held, key: KeyEvent, until: Instant) -> Vec<Sifted> {
        self.held = held;
        self.keys.push(key);
        self.until = Some(until);
        Vec::new()
    }

    /// All keys as typed; what was pasted stays one paste.
    fn give_up(&mut self, held: Held) -> Vec<Sifted> {
        self.until = None;
        let keys = std::mem::take(&mut self.keys);
        match held {
            Held::Paste(text) => vec![Sifted::Pasted(text)],
            _ => keys.into_iter().map(Sifted::Key).collect(),
        }
    }

    fn done(&mut self, out: Option<Sifted>) -> Vec<Sifted> {
        self.until = None;
        self.keys.clear();
        out.into_iter().collect()
    }

    fn sequence(&mut self, mut text: String, letter: char, key: KeyEvent, now: Instant) -> Vec<Sifted> {
        text.push(letter);
        let complete = text.starts_with('O') || ('@'..='~').contains(&letter);
        if text == "[200~" {
            return self.hold(Held::Paste(String::new()), key, now + APART);
        }
        if complete {
            let key = key_of(&text).map(Sifted::Key);
            return self.done(key);
        }
        if letter.is_ascii_digit() || matches!(letter, ';' | '<' | '?') {
            return self.hold(Held::Sequence(text), key, now + APART);
        }
        self.keys.push(key);
        self.give_up(Held::Nothing)
    }

    fn reply(&mut self, mut text: String, key: KeyEvent, now: Instant) -> Vec<Sifted> {
        let ends = matches!(
            (key.code, key.modifiers),
            (KeyCode::Char('g'), KeyModifiers::CONTROL) | (KeyCode::Char('\\'), KeyModifiers::ALT)
        );
        // The two bytes of the terminator may be split as well: an Esc, and then a backslash.
        let split_end = text.ends_with('\u{1b}') && plain(&key) == Some('\\');
        if ends || split_end {
            let shade = shade_of(text.trim_end_matches('\u{1b}'));
            if let Some(shade) = shade {
                return self.done(Some(Sifted::Background(shade)));
            }
        } else if key.code == KeyCode::Esc && shade_of(&text).is_some() {
            text.push('\u{1b}');
            return self.hold(Held::Reply(text), key, now + APART);
        } else if let Some(letter) = plain(&key) {
            text.push(letter);
            if is_beginning(&text) {
                return self.hold(Held::Reply(text), key, now + APART);
            }
        }
        let mut out = self.give_up(Held::Nothing);
        out.extend(self.first(key, now));
        out
    }
}

/// The character of a key without Ctrl and Alt.
fn plain(key: &KeyEvent) -> Option<char> {
    match key.code {
        KeyCode::Char(letter) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => Some(letter),
        _ => None,
    }
}

/// Whether a text may still become `11;rgb:RRRR/GGGG/BBBB`.
fn is_beginning(text: &str) -> bool {
    ["11;rgb:", "11;rgba:"].iter().any(|start| match text.strip_prefix(start) {
        Some(colour) => {
            let mut parts = colour.split('/');
            parts.all(|part| part.len() <= 4 && part.chars().all(|digit| digit.is_ascii_hexdigit()))
                && colour.matches('/').count() <= 3
        }
        None => start.starts_with(text),
    })
}

/// Whether a whole reply names a light or a dark colour.
fn shade_of(text: &str) -> Option<Shade> {
    let colour = text.strip_prefix("11;rgb:").or_else(|| text.strip_prefix("11;rgba:"))?;
    let mut parts = colour.split('/').map(|part| {
        let value = u32::from_str_radix(part, 16).ok()?;
        Some(f64::from(value) / f64::from(16u32.pow(part.len() as u32) - 1))
    });
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    let brightness = 0.299 * red + 0.587 * green + 0.114 * blue;
    Some(if brightness > 0.5 { Shade::Light } else { Shade::Dark })
}

/// The key of a sequence without its ESC; `None` for one that is none, or unknown: it is dropped.
fn key_of(text: &str) -> Option<KeyEvent> {
    let last = text.chars().next_back()?;
    let numbers: Vec<u8> = text
        .trim_matches(|letter: char| !letter.is_ascii_digit())
        .split(';')
        .filter_map(|number| number.parse().ok())
        .collect();
    let code = match (last, numbers.first()) {
        ('A', _) => KeyCode::Up,
        ('B', _) => KeyCode::Down,
        ('C', _) => KeyCode::Right,
        ('D', _) => KeyCode::Left,
        ('H', _) | ('~', Some(1 | 7)) => KeyCode::Home,
        ('F', _) | ('~', Some(4 | 8)) => KeyCode::End,
        ('Z', _) => KeyCode::BackTab,
        ('~', Some(3)) => KeyCode::Delete,
        ('~', Some(5)) => KeyCode::PageUp,
        ('~', Some(6)) => KeyCode::PageDown,
        ('P'..='S', _) if text.starts_with('O') => KeyCode::F(last as u8 - b'P' + 1),
        _ => return None,
    };
    let bits = numbers.get(1).map_or(0, |number| number.saturating_sub(1)) & 7;
    Some(KeyEvent::new(code, KeyModifiers::from_bits_truncate(swapped(bits))))
}

/// The terminal counts Shift, Alt, Ctrl; crossterm counts Shift, Ctrl, Alt.
fn swapped(bits: u8) -> u8 {
    (bits & 1) | (bits & 2) << 1 | (bits & 4) >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    fn letters(text: &str) -> Vec<KeyEvent> {
        text.chars().map(|letter| press(KeyCode::Char(letter), KeyModifiers::NONE)).collect()
    }

    fn sift(keys: &[KeyEvent]) -> Vec<Sifted> {
        let (mut sieve, now) = (Sieve::default(), Instant::now());
        let mut out: Vec<Sifted> = keys.iter().flat_map(|key| sieve.feed(*key, now)).collect();
        out.extend(sieve.expire(now + APART));
        assert_eq!(sieve.deadline(), None);
        out
    }

    fn typed(keys: &[KeyEvent]) -> Vec<Sifted> {
        keys.iter().copied().map(Sifted::Key).collect()
    }

    const ESC: KeyCode = KeyCode::Esc;

    #[test]
    fn the_reply_is_swallowed_and_typed_keys_are_kept() {
        for (colour, shade) in [("1e1e/1E1E/2e2e", Shade::Dark), ("ff/ff/f0", Shade::Light)] {
            let ends = [
                vec![press(KeyCode::Char('g'), KeyModifiers::CONTROL)],
                vec![press(KeyCode::Char('\\'), KeyModifiers::ALT)],
                [vec![press(ESC, KeyModifiers::NONE)], letters("\\")].concat(),
            ];
            for end in ends {
                let mut keys = letters("j");
                keys.push(press(KeyCode::Char(']'), KeyModifiers::ALT));
                keys.extend(letters("11;rgb:").into_iter().chain(letters(colour)).chain(end).chain(letters("k")));
                let expected = [typed(&letters("j")), vec![Sifted::Background(shade)], typed(&letters("k"))].concat();
                assert_eq!(sift(&keys), expected);
            }
        }
    }

    #[test]
    fn what_only_begins_like_a_reply_was_typed() {
        let mut keys = vec![press(KeyCode::Char(']'), KeyModifiers::ALT)];
        keys.extend(letters("11;x"));
        assert_eq!(sift(&keys), typed(&keys));
        let mut broken = vec![press(KeyCode::Char(']'), KeyModifiers::ALT)];
        broken.extend(letters("11;rgb:zz"));
        assert_eq!(sift(&broken), typed(&broken));
    }

    #[test]
    fn a_split_arrow_key_stays_an_arrow_key() {
        let split = |text: &str| [vec![press(ESC, KeyModifiers::NONE)], letters(text)].concat();
        let key = |code, modifiers| vec![Sifted::Key(press(code, modifiers))];
        assert_eq!(sift(&split("[A")), key(KeyCode::Up, KeyModifiers::NONE));
        assert_eq!(sift(&split("OB")), key(KeyCode::Down, KeyModifiers::NONE));
        assert_eq!(sift(&split("[6~")), key(KeyCode::PageDown, KeyModifiers::NONE));
        assert_eq!(sift(&split("[1;5C")), key(KeyCode::Right, KeyModifiers::CONTROL));
        assert_eq!(sift(&split("[<64;10;5M")), []);
    }

    #[test]
    fn a_lone_esc_comes_late_and_keys_behind_it_in_order() {
        let keys = [vec![press(ESC, KeyModifiers::NONE)], letters("jk")].concat();
        assert_eq!(sift(&keys), typed(&keys));
        let (mut sieve, now) = (Sieve::default(), Instant::now());
        assert_eq!(sieve.feed(press(ESC, KeyModifiers::NONE), now), []);
        assert_eq!(sieve.expire(now), []);
        assert_eq!(sieve.expire(now + HELD), typed(&[press(ESC, KeyModifiers::NONE)]));
    }

    #[test]
    fn a_split_paste_never_becomes_commands() {
        let keys = [vec![press(ESC, KeyModifiers::NONE)], letters("[200~:quit")].concat();
        assert_eq!(sift(&keys), [Sifted::Pasted(":quit".to_owned())]);
    }
}
