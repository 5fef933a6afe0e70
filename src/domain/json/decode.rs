//! The text of a JSON string as written, decoded without ever failing.

use std::borrow::Cow;

/// Decodes the inside of a JSON string as written, quotes included; a missing closing quote is forgiven.
///
/// Lone surrogates and invalid UTF-8 become U+FFFD.
pub fn decode_string(quoted: &[u8]) -> Cow<'_, str> {
    let inner = quoted.strip_prefix(b"\"").unwrap_or(quoted);
    let inner = match inner.split_last() {
        Some((b'"', rest)) if !ends_in_open_escape(rest) => rest,
        _ => inner,
    };
    if memchr::memchr(b'\\', inner).is_none() {
        return String::from_utf8_lossy(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &inner[at..]) {
        text.extend_from_slice(&inner[at..at + found]);
        at = decode_escape(inner, at + found + 1, &mut text);
    }
    text.extend_from_slice(&inner[at..]);
    match String::from_utf8_lossy(&text) {
        Cow::Owned(text) => Cow::Owned(text),
        Cow::Borrowed(_) => Cow::Owned(String::from_utf8_lossy(&text).into_owned()),
    }
}

/// Decodes the escape whose letter stands at `at`; returns where the text goes on.
fn decode_escape(inner: &[u8], at: usize, text: &mut Vec<u8>) -> usize {
    let Some(&letter) = inner.get(at) else { return at };
    let plain = match letter {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => return decode_unicode(inner, at + 1, text),
        other => other,
    };
    text.push(plain);
    at + 1
}

fn decode_unicode(inner: &[u8], at: usize, text: &mut Vec<u8>) -> usize {
    let unit =
        |at: usize| -> Option<u32> { u32::from_str_radix(std::str::from_utf8(inner.get(at..at + 4)?).ok()?, 16).ok() };
    let mut push = |character: char| text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    let Some(first) = unit(at) else {
        push('\u{FFFD}');
        return inner.len().min(at + 4);
    };
    if (0xD800..0xDC00).contains(&first)
        && inner.get(at + 4..at + 6) == Some(b"\\u")
        && let Some(second) = unit(at + 6).filter(|second| (0xDC00..0xE000).contains(second))
    {
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        push(char::from_u32(code).unwrap_or('\u{FFFD}'));
        return at + 10;
    }
    push(char::from_u32(first).unwrap_or('\u{FFFD}'));
    at + 4
}

/// Whether text ends in an odd run of backslashes, so that a quote behind it is part of the text.
fn ends_in_open_escape(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}
