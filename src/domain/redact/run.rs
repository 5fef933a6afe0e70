//! Secrets in base64 and hex, and what nobody can look into: long base64 that is no text, `data:` addresses.

use std::io::Read;
use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine;
use flate2::read::ZlibDecoder;
use regex::bytes::Regex;

use super::check::{LENIENT, entropy, is_identity, is_text};
use super::finder::{Find, Finder, is_packed, kind_of};
use super::flat::How;

/// Text in an encoding: shorter words are words.
const SHORTEST: usize = 20;
/// A line that is as long goes on in the next one.
const LONG_LINE: usize = 60;

/// The letters of base64, and of the one for addresses.
static LETTERS: [bool; 256] = {
    let (mut letters, mut at) = ([false; 256], 0);
    while at < 256 {
        let byte = at as u8;
        letters[at] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-');
        at += 1;
    }
    letters
};

pub(super) static DATA_URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)data:([A-Za-z]+/[A-Za-z0-9.+-]+)?(?:;[A-Za-z0-9=._-]{1,64})*;base64,((?:[A-Za-z0-9+/_=%-]|\r?\n)+)",
    )
    .ok()
});

/// From this size on, what is no text is withheld.
const OPAQUE: usize = 1024;
/// Shorter text between other bytes is chance.
const STRETCH: usize = 8;
/// So much of what is packed is looked at.
const MOST_INFLATED: u64 = 256 << 10;
/// And so long no text is by chance.
const SURE: usize = 20;

impl Finder {
    pub(super) fn data_urls(&self, text: &[u8], rule: usize, found: &mut Vec<Find>) {
        let Some(regex) = DATA_URL.as_ref() else { return };
        for captures in regex.captures_iter(text) {
            let (Some(whole), Some(data)) = (captures.get(0), captures.get(2)) else { continue };
            let kind = captures.get(1).map_or("text/plain".into(), |kind| String::from_utf8_lossy(kind.as_bytes()));
            let letters = data.as_bytes().iter().filter(|byte| byte.is_ascii_alphanumeric() || b"+/_-".contains(byte));
            let mut find = Find::new(whole.range(), rule, whole.as_bytes());
            find.withheld = Some((kind.into_owned(), letters.count() as u64 * 3 / 4));
            found.push(find);
        }
    }

    /// Words that hold a secret once they are decoded go as a whole.
    pub(super) fn runs(&self, text: &[u8], how: How, found: &mut Vec<Find>) {
        let mut at = 0;
        while let Some(run) = next_run(text, at) {
            at = run.end;
            let inner = self.run(&text[run.clone()], how);
            found.extend(inner.map(|find| Find { range: run, wrap: Vec::new(), path: String::new(), ..find }));
        }
    }

    fn run(&self, run: &[u8], how: How) -> Option<Find> {
        let digits = run.strip_prefix(b"0x").unwrap_or(run);
        if digits.iter().all(u8::is_ascii_hexdigit) {
            let plain = hex::decode(&digits[digits.len() % 2..]).ok().filter(|plain| is_text(plain));
            if let Some(plain) = plain {
                return self.decoded(&plain, how);
            }
        }
        if is_identity(run) {
            return None;
        }
        let letters: Vec<u8> =
            run.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=').map(plain_letter).collect();
        for start in 0..4.min(letters.len()) {
            let letters = &letters[start..];
            // One letter alone at the end says nothing.
            let whole = if letters.len() % 4 == 1 { letters.len() - 1 } else { letters.len() };
            let Ok(plain) = LENIENT.decode(&letters[..whole]) else { continue };
            if let Some(find) = self.decoded(&plain, how) {
                return Some(find);
            }
            if start == 0
                && let Some(find) = self.opaque(run, &plain)
            {
                return Some(find);
            }
        }
        None
    }

    /// What is found in decoded bytes: in all of them where they are text, else in what can be read of them.
    fn decoded(&self, plain: &[u8], how: How) -> Option<Find> {
        let mut finds = Vec::new();
        if is_text(plain) {
            self.text(plain, how.depth + 1, &mut finds);
        } else if let Some(text) = narrowed(plain).or_else(|| inflated(plain)) {
            self.text(&text, how.depth + 1, &mut finds);
        } else {
            for stretch in stretches(plain) {
                let sure = stretch.len() >= SURE;
                self.flat_as(&plain[stretch], How { depth: how.depth + 1, pairs: true, sure }, &mut finds);
            }
        }
        let finds = super::finder::merge(finds);
        match finds.as_slice() {
            [] => None,
            [find] => Some(find.clone()),
            [first, ..] => Some(Find { secret: plain.to_vec(), ..first.clone() }),
        }
    }

    fn opaque(&self, run: &[u8], plain: &[u8]) -> Option<Find> {
        let rule = self.opaque?;
        let long = run.len() >= OPAQUE && !is_text(plain) && entropy(&run[..OPAQUE]) > 3.5;
        if !long && !is_packed(plain) {
            return None;
        }
        let mut find = Find::new(0..run.len(), rule, run);
        find.withheld = Some((kind_of(plain).to_owned(), plain.len() as u64));
        Some(find)
    }
}

/// The next long word from a place on, over the lines that it goes on in.
fn next_run(text: &[u8], at: usize) -> Option<Range<usize>> {
    let letter = |at: usize| text.get(at).is_some_and(|byte| LETTERS[usize::from(*byte)]);
    let mut start = at;
    // Where the last letter of a word would stand and none does, no word can begin before it.
    while start + SHORTEST <= text.len() {
        match (start..start + SHORTEST).rev().find(|at| !letter(*at)) {
            Some(other) => start = other + 1,
            None => break,
        }
    }
    if start + SHORTEST > text.len() {
        return None;
    }
    let (mut line, mut end) = (start, start + SHORTEST);
    loop {
        end += text[end..].iter().take_while(|byte| LETTERS[usize::from(**byte)]).count();
        let newline = if text[end..].starts_with(b"\r\n") { 2 } else { usize::from(text[end..].starts_with(b"\n")) };
        let next = super::value::skip_blanks(text, end + newline);
        if newline == 0 || end - line < LONG_LINE || !letter(next) {
            break;
        }
        (line, end) = (next, next);
    }
    end += text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
    Some(start..end)
}

fn plain_letter(byte: &u8) -> u8 {
    match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => *byte,
    }
}

/// Text of two bytes for each letter, as Windows has it, with one for each; `None` where it is none.
fn narrowed(bytes: &[u8]) -> Option<Vec<u8>> {
    let pairs = bytes.len() / 2;
    let high = bytes.chunks_exact(2).filter(|pair| pair[1] == 0).count();
    if pairs < STRETCH || high * 10 < pairs * 9 {
        return None;
    }
    let letters: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Some(String::from_utf16_lossy(&letters).into_bytes()).filter(|text| is_text(text))
}

/// The text that is packed with zlib in bytes, so much of it as is looked at; `None` where there is none.
fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let [first, second, ..] = bytes else { return None };
    let is_zlib = first & 0x0f == 8 && first >> 4 <= 7 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0;
    if !is_zlib {
        return None;
    }
    let mut text = Vec::new();
    // Where it is cut off, what there is of it says enough.
    let read = ZlibDecoder::new(bytes).take(MOST_INFLATED).read_to_end(&mut text);
    ((read.is_ok() || !text.is_empty()) && is_text(&text)).then_some(text)
}

/// Stretches of bytes that can be read.
fn stretches(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for (at, byte) in bytes.iter().chain([&0]).enumerate() {
        if matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t') {
            continue;
        }
        if at - start >= STRETCH {
            found.push(start..at);
        }
        start = at + 1;
    }
    found
}
