//! JSON strings as a view needs them: where they end, what is in them, and their text without loss.

/// What a scan of a string found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scan {
    /// Where the inside ends.
    pub(super) inside: usize,
    /// Where the text goes on; the same as `inside` where the quote is missing.
    pub(super) end: usize,
    pub(super) closed: bool,
    pub(super) escapes: bool,
    /// An escape that is better shown decoded: `\u…`, `\/`, `\b`, `\f`.
    pub(super) odd_escapes: bool,
    /// Line ends before the last character.
    pub(super) breaks: bool,
}

/// Scans a string from behind its opening quote.
pub(super) fn scan(text: &[u8], start: usize, end: usize) -> Scan {
    let mut scan = Scan { inside: end, end, closed: false, escapes: false, odd_escapes: false, breaks: false };
    let mut at = start;
    let mut last_break = None;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &text[at..end]) {
        at += found;
        if text[at] == b'"' {
            (scan.inside, scan.end, scan.closed) = (at, at + 1, true);
            break;
        }
        scan.escapes = true;
        match text.get(at + 1) {
            Some(b'n') => {
                scan.breaks |= last_break.is_some();
                last_break = Some(at + 2);
            }
            Some(b'u') => {
                scan.odd_escapes = true;
                let is_break = text.get(at + 2..at + 6).is_some_and(|digits| digits.eq_ignore_ascii_case(b"000a"));
                scan.breaks |= is_break;
            }
            Some(b'/' | b'b' | b'f') => scan.odd_escapes = true,
            _ => {}
        }
        at = (at + 2).min(end);
    }
    scan.breaks |= last_break.is_some_and(|last| last < scan.inside);
    scan.breaks |= memchr::memchr(b'\n', &text[start..scan.inside]).is_some();
    scan
}

/// Decodes the inside of a string behind the text it comes from; lone surrogates keep their own three bytes.
pub(super) fn decode(text: &mut Vec<u8>, start: usize, end: usize) {
    let mut at = start;
    while let Some(found) = memchr::memchr(b'\\', &text[at..end]) {
        text.extend_from_within(at..at + found);
        at = decode_escape(text, at + found + 1, end);
    }
    text.extend_from_within(at..end);
}

/// Decodes only the escapes that a reader cannot read; a quote or a backslash stays escaped.
pub(super) fn decode_odd(text: &mut Vec<u8>, start: usize, end: usize) {
    let mut at = start;
    while let Some(found) = memchr::memchr(b'\\', &text[at..end]) {
        text.extend_from_within(at..at + found);
        at += found;
        if !matches!(text[at..end].get(1), Some(b'u' | b'/' | b'b' | b'f')) {
            let next = (at + 2).min(end);
            text.extend_from_within(at..next);
            at = next;
            continue;
        }
        let before = text.len();
        at = decode_escape(text, at + 1, end);
        if matches!(text[before..], [b'"' | b'\\']) {
            text.insert(before, b'\\');
        }
    }
    text.extend_from_within(at..end);
}

fn decode_escape(text: &mut Vec<u8>, at: usize, end: usize) -> usize {
    let Some(&letter) = text[..end].get(at) else { return end };
    let plain = match letter {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => return decode_unicode(text, at + 1, end),
        other => other,
    };
    text.push(plain);
    at + 1
}

fn decode_unicode(text: &mut Vec<u8>, at: usize, end: usize) -> usize {
    let unit = |text: &[u8], at: usize| -> Option<u32> {
        let digits = text[..end].get(at..at + 4)?;
        digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
    };
    let Some(first) = unit(text, at) else {
        text.extend_from_slice(b"\\u");
        return at;
    };
    let pair = (0xD800..0xDC00).contains(&first) && text[..end].get(at + 4..at + 6) == Some(b"\\u");
    let second = if pair { unit(text, at + 6) } else { None };
    if let Some(second) = second.filter(|second| (0xDC00..0xE000).contains(second)) {
        push_code(text, 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
        return at + 10;
    }
    push_code(text, first);
    at + 4
}

fn push_code(text: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        None => text.extend_from_slice(&[0xED, 0x80 | (code >> 6 & 0x3F) as u8, 0x80 | (code & 0x3F) as u8]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(inside: &str, decode: fn(&mut Vec<u8>, usize, usize)) -> Vec<u8> {
        let mut text = inside.as_bytes().to_vec();
        let end = text.len();
        decode(&mut text, 0, end);
        text.split_off(end)
    }

    #[test]
    fn decoding_keeps_lone_surrogates_apart() {
        assert_eq!(
            decoded(r"a\u00e9\ud83d\ude00\ud800", decode),
            "aé😀".bytes().chain([0xED, 0xA0, 0x80]).collect::<Vec<_>>()
        );
        assert_eq!(decoded(r"\n\t\\\q\u00", decode), b"\n\t\\q\\u00");
        assert_eq!(decoded("cut\\", decode), b"cut");
    }

    #[test]
    fn short_strings_stay_as_written_but_for_unreadable_escapes() {
        assert_eq!(decoded(r#"\"a\\b\u0041\u0022\/\t\n"#, decode_odd), br#"\"a\\bA\"/\t\n"#);
    }

    #[test]
    fn a_scan_tells_a_break_from_a_line_end_at_the_end() {
        let breaks = |text: &str| scan(text.as_bytes(), 0, text.len()).breaks;
        assert!(breaks(r#"a\nb""#));
        assert!(breaks(r#"a\n\n""#));
        assert!(!breaks(r#"a\n""#));
        assert!(!breaks(r#"a\\n""#));
        assert!(breaks("a\nb\""));
        let open = scan(br#"abc\"#, 0, 4);
        assert_eq!((open.inside, open.end, open.closed), (4, 4, false));
    }
}
