//! Says whether bytes that arrive in parts are JSON to the letter of RFC 8259, in bounded memory.

use super::{Fault, MAX_DEPTH, is_json_number};

/// Longer numbers are not looked at.
const LONGEST_WORD: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    String,
    Escape,
    /// So many digits of a `\u` escape are to come.
    Digits(u8),
    /// So many bytes of a character are to come, the next of them in this range.
    Character(u8, u8, u8),
    Word,
}

/// Checks one JSON value and that nothing but white space stands around it.
#[derive(Debug)]
pub struct Strict {
    expect: Expect,
    inside: Inside,
    /// Open containers: whether each is an object.
    open: Vec<bool>,
    /// The string that is being read is a name.
    name: bool,
    word: Vec<u8>,
    at: u64,
}

impl Default for Strict {
    fn default() -> Self {
        Self { expect: Expect::Value, inside: Inside::Nothing, open: Vec::new(), name: false, word: Vec::new(), at: 0 }
    }
}

impl Strict {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut rest = bytes;
        while let Some(byte) = rest.first() {
            if self.inside == Inside::String {
                let plain = rest.iter().take_while(|byte| matches!(byte, 0x20..0x80) && !matches!(byte, b'"' | b'\\'));
                let plain = plain.count();
                if plain > 0 {
                    self.at += plain as u64;
                    rest = &rest[plain..];
                    continue;
                }
            }
            self.byte(*byte)?;
            self.at += 1;
            rest = &rest[1..];
        }
        Ok(())
    }

    /// Says that no more bytes come.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.end_word()?;
        if self.expect == Expect::Nothing && self.inside == Inside::Nothing {
            return Ok(());
        }
        Err(self.fault("it ends inside a value"))
    }

    fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { at: self.at, reason: reason.into() }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Fault> {
        self.inside = match (self.inside, byte) {
            (Inside::Nothing, _) => return self.token(byte),
            (Inside::Word, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}') => {
                self.end_word()?;
                return self.token(byte);
            }
            (Inside::Word, _) if self.word.len() < LONGEST_WORD => {
                self.word.push(byte);
                Inside::Word
            }
            (Inside::String, b'"') => {
                if self.name {
                    self.expect = Expect::Colon
                } else {
                    self.after_value()
                }
                Inside::Nothing
            }
            (Inside::String, b'\\') => Inside::Escape,
            (Inside::String, 0xC2..=0xDF) => Inside::Character(1, 0x80, 0xBF),
            (Inside::String, 0xE0) => Inside::Character(2, 0xA0, 0xBF),
            (Inside::String, 0xED) => Inside::Character(2, 0x80, 0x9F),
            (Inside::String, 0xE1..=0xEF) => Inside::Character(2, 0x80, 0xBF),
            (Inside::String, 0xF0) => Inside::Character(3, 0x90, 0xBF),
            (Inside::String, 0xF1..=0xF3) => Inside::Character(3, 0x80, 0xBF),
            (Inside::String, 0xF4) => Inside::Character(3, 0x80, 0x8F),
            (Inside::String, 0x20..0x80) => Inside::String,
            (Inside::Character(1, low, high), byte) if (low..=high).contains(&byte) => Inside::String,
            (Inside::Character(left, low, high), byte) if (low..=high).contains(&byte) => {
                Inside::Character(left - 1, 0x80, 0xBF)
            }
            (Inside::Escape, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Inside::String,
            (Inside::Escape, b'u') => Inside::Digits(4),
            (Inside::Digits(1), byte) if byte.is_ascii_hexdigit() => Inside::String,
            (Inside::Digits(left), byte) if byte.is_ascii_hexdigit() => Inside::Digits(left - 1),
            (_, byte) => return Err(self.fault(format!("byte 0x{byte:02x} cannot stand here"))),
        };
        Ok(())
    }

    fn token(&mut self, byte: u8) -> Result<(), Fault> {
        let in_object = self.open.last().copied();
        match (self.expect, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => self.enter(byte == b'{')?,
            (Expect::Value | Expect::ValueOrEnd, b'"') => (self.inside, self.name) = (Inside::String, false),
            (Expect::Name | Expect::NameOrEnd, b'"') => (self.inside, self.name) = (Inside::String, true),
            (Expect::Value | Expect::ValueOrEnd, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.word.push(byte);
                self.inside = Inside::Word;
            }
            (Expect::Colon, b':') => self.expect = Expect::Value,
            (Expect::CommaOrEnd, b',') => {
                self.expect = if in_object == Some(true) { Expect::Name } else { Expect::Value };
            }
            (Expect::CommaOrEnd | Expect::NameOrEnd, b'}') if in_object == Some(true) => self.leave(),
            (Expect::CommaOrEnd | Expect::ValueOrEnd, b']') if in_object == Some(false) => self.leave(),
            _ => return Err(self.fault(format!("byte 0x{byte:02x} cannot stand here"))),
        }
        Ok(())
    }

    fn enter(&mut self, object: bool) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.fault(format!("nested deeper than {MAX_DEPTH}")));
        }
        self.open.push(object);
        self.expect = if object { Expect::NameOrEnd } else { Expect::ValueOrEnd };
        Ok(())
    }

    fn leave(&mut self) {
        self.open.pop();
        self.after_value();
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
    }

    fn end_word(&mut self) -> Result<(), Fault> {
        if self.inside != Inside::Word {
            return Ok(());
        }
        if !matches!(self.word.as_slice(), b"true" | b"false" | b"null") && !is_json_number(&self.word) {
            return Err(self.fault(format!("{:?} is not a JSON value", String::from_utf8_lossy(&self.word))));
        }
        self.word.clear();
        self.inside = Inside::Nothing;
        self.after_value();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], step: usize) -> Result<(), Fault> {
        let mut strict = Strict::default();
        bytes.chunks(step).try_for_each(|part| strict.feed(part))?;
        strict.finish()
    }

    #[test]
    fn it_agrees_with_a_strict_reader_on_every_flipped_bit() {
        let good = r#" {"a\"\u00e9":[1,-2.5e+3,true,null,{}],"ż日🦀":{"k":"v\\"},"e":[],"n":0} "#.as_bytes();
        for step in [1, 3, 100] {
            assert_eq!(check(good, step), Ok(()));
        }
        for bit in 0..good.len() * 8 {
            let mut bytes = good.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // serde_json refuses lone surrogates when it builds a string, but not when it passes over one.
            let theirs =
                std::str::from_utf8(&bytes).is_ok() && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
            assert_eq!(check(&bytes, 5).is_ok(), theirs, "bit {bit}: {}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn what_stands_behind_the_value_and_what_is_missing_is_told() {
        let fault = |text: &str| check(text.as_bytes(), 2).expect_err("faulty").to_string();
        assert_eq!(fault("{} x"), "byte 0x78 cannot stand here at byte 3");
        assert_eq!(fault("[1,2"), "it ends inside a value at byte 4");
        assert_eq!(fault("{\"a\":1,,}"), "byte 0x2c cannot stand here at byte 7");
        assert_eq!(fault("[01]"), "\"01\" is not a JSON value at byte 3");
    }
}
