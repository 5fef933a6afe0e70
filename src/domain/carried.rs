//! A body carried in JSON, `{"text":"…"}` or `{"base64":"…"}`, decoded to its exact bytes while it streams by.

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::decode_string;

/// Nothing before the value is longer.
const PREFIX: usize = 256;
/// The longest escape sequence: a surrogate pair.
const ESCAPE: usize = 12;

#[derive(Debug, PartialEq, Eq)]
enum State {
    Before,
    Text,
    Base64,
    Behind,
}

/// Decodes one carried body.
#[derive(Debug)]
pub struct Carried {
    state: State,
    waiting: Vec<u8>,
}

impl Default for Carried {
    fn default() -> Self {
        Self { state: State::Before, waiting: Vec::new() }
    }
}

impl Carried {
    /// Takes the next bytes of the JSON and appends what they decode to.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.state == State::Before && !self.find_value()? {
            return Ok(());
        }
        if self.state != State::Behind {
            self.decode(out)?;
        }
        Ok(())
    }

    /// Whether the whole value has been seen.
    pub fn is_complete(&self) -> bool {
        self.state == State::Behind
    }

    /// Finds `{"text":"` or `{"base64":"`.
    fn find_value(&mut self) -> Result<bool> {
        let quotes: Vec<usize> = memchr::memchr_iter(b'"', &self.waiting).take(3).collect();
        let [open, close, value] = quotes[..] else {
            if self.waiting.len() > PREFIX {
                bail!("a body is neither text nor base64");
            }
            return Ok(false);
        };
        self.state = match &self.waiting[open + 1..close] {
            b"text" => State::Text,
            b"base64" => State::Base64,
            other => {
                bail!("a body is carried as {:?}, which is neither text nor base64", String::from_utf8_lossy(other))
            }
        };
        self.waiting.drain(..=value);
        Ok(true)
    }

    fn decode(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let (end, closed) = string_end(&self.waiting);
        let ready = if closed { end } else { safe_end(&self.waiting, end) };
        let quoted = [b"\"", &self.waiting[..ready], b"\""].concat();
        let text = decode_string(&quoted);
        match self.state {
            State::Text => out.extend_from_slice(text.as_bytes()),
            _ => {
                let whole = if closed { text.len() } else { text.len() / 4 * 4 };
                out.extend(STANDARD.decode(&text.as_bytes()[..whole])?);
                if whole < text.len() {
                    // Base64 holds no escapes, so characters are bytes.
                    self.waiting.drain(..ready - (text.len() - whole));
                    return Ok(());
                }
            }
        }
        self.waiting.drain(..ready);
        if closed {
            self.state = State::Behind;
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Where the string ends, and whether its quote is there.
fn string_end(bytes: &[u8]) -> (usize, bool) {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
        at += found;
        if bytes[at] == b'"' {
            return (at, true);
        }
        at += 2;
    }
    (bytes.len(), false)
}

/// A place up to `end` at which neither an escape, a surrogate pair nor a character is cut; the start is such a place.
fn safe_end(bytes: &[u8], end: usize) -> usize {
    let bytes = &bytes[..end];
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        let escape = at + found;
        let size = match bytes.get(escape + 1) {
            Some(b'u')
                if is_high_surrogate(&bytes[escape..])
                    && bytes.get(escape + 6..escape + 8).is_none_or(|next| next == b"\\u") =>
            {
                ESCAPE
            }
            Some(b'u') => ESCAPE / 2,
            _ => 2,
        };
        if escape + size > end {
            return escape;
        }
        at = escape + size;
    }
    let cut = bytes[at..].utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
    end - cut
}

/// Whether `\uXXXX` is the first half of a pair.
fn is_high_surrogate(escape: &[u8]) -> bool {
    let digits = escape.get(2..6).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).is_some_and(|unit| (0xD800..0xDC00).contains(&unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(json: &str, step: usize) -> Vec<u8> {
        let (mut carried, mut out) = (Carried::default(), Vec::new());
        for part in json.as_bytes().chunks(step) {
            carried.feed(part, &mut out).expect("decodes");
        }
        assert!(carried.is_complete());
        out
    }

    #[test]
    fn any_cut_gives_the_exact_bytes() {
        let text = "plain \\ \"quoted\" \n\u{0}\u{1f600}\u{e9}日本\\\\\\u0041 \u{202e} end".repeat(3);
        let escaped = serde_json::json!({ "text": text })
            .to_string()
            .replace('日', "\\u65e5")
            .replace('\u{1f600}', "\\ud83d\\ude00");
        let bytes: Vec<u8> = (0..=255).collect();
        let base64 = serde_json::json!({ "base64": STANDARD.encode(&bytes) }).to_string();
        for step in 1..40 {
            assert_eq!(String::from_utf8_lossy(&decoded(&escaped, step)), text, "step {step}");
            assert_eq!(decoded(&base64, step), bytes, "step {step}");
        }
    }
}
