//! A text as it reads once its escapes are undone, with the way back to the bytes it came from.

use std::ops::Range;

use super::stub::{OPENING, WITHHELD};

/// Decoded text that knows where each of its bytes came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    pub text: Vec<u8>,
    /// Stretches in order: where each begins in the text and in the source, and for one that was decoded its size there.
    stretches: Vec<Stretch>,
}

/// How the letter with which codes of a terminal begin is written out, behind a backslash.
const ESCAPE: [&[u8]; 9] = [b"033", b"0033", b"33", b"e", b"x1b", b"u001b", b"u{1b}", b"u{001b}", b"o{33}"];
/// And the bell, which ends some of them.
const BELL: [&[u8]; 5] = [b"a", b"007", b"x07", b"u0007", b"u{7}"];
/// No code of a terminal is longer.
const LONGEST_CODE: usize = 1024;

/// So far from a place that was decoded nothing reads otherwise for it.
const AROUND: usize = 20 << 10;
/// A longer line may be cut.
const LONGEST_LINE: usize = 4 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    text: usize,
    source: usize,
    /// 0 for bytes that stand there as they are.
    decoded: usize,
}

impl View {
    fn plain(&mut self, bytes: &[u8], source: usize) {
        if !bytes.is_empty() {
            self.stretches.push(Stretch { text: self.text.len(), source, decoded: 0 });
            self.text.extend_from_slice(bytes);
        }
    }

    fn decoded(&mut self, bytes: &[u8], source: usize, size: usize) {
        if !bytes.is_empty() {
            self.stretches.push(Stretch { text: self.text.len(), source, decoded: size });
            self.text.extend_from_slice(bytes);
        }
    }

    /// With what is left of a text behind what was undone in it; `None` where nothing was.
    fn ended(mut self, text: &[u8], done: usize) -> Option<Self> {
        if done == 0 {
            return None;
        }
        self.plain(&text[done..], done);
        Some(self)
    }

    /// The parts of the text in which it may read otherwise than its source: so much around each place that was decoded
    /// or dropped, whole lines where they are short. All of it where that is most of it.
    pub fn parts(&self) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        for (at, stretch) in self.stretches.iter().enumerate() {
            if at == 0 && stretch.source == 0 && stretch.decoded == 0 {
                continue;
            }
            let end = self.stretches.get(at + 1).map_or(self.text.len(), |next| next.text);
            let last = if stretch.decoded > 0 { end } else { stretch.text };
            let from = stretch.text.saturating_sub(AROUND);
            match parts.last_mut() {
                Some(part) if from <= part.end => part.end = last + AROUND,
                _ => parts.push(from..last + AROUND),
            }
        }
        // What was dropped at the end leaves no stretch behind it.
        let from = self.text.len().saturating_sub(AROUND);
        match parts.last_mut() {
            Some(part) if from <= part.end => part.end = self.text.len(),
            _ => parts.push(from..self.text.len()),
        }
        if parts.iter().map(Range::len).sum::<usize>() * 2 > self.text.len() {
            return std::iter::once(0..self.text.len()).collect();
        }
        parts.into_iter().map(|part| self.lines(part)).collect()
    }

    fn lines(&self, part: Range<usize>) -> Range<usize> {
        let (start, end) = (part.start.min(self.text.len()), part.end.min(self.text.len()));
        let (before, behind) = (start.saturating_sub(LONGEST_LINE), self.text.len().min(end + LONGEST_LINE));
        let from = memchr::memrchr(b'\n', &self.text[before..start]).map_or(before, |at| before + at + 1);
        let to = memchr::memchr(b'\n', &self.text[end..behind]).map_or(behind, |size| end + size);
        from..to
    }

    /// The bytes of the source that a range of the text came from; escapes are never cut.
    pub fn source(&self, range: &Range<usize>) -> Range<usize> {
        let (first, start) = self.stretch(range.start);
        let from = if first.decoded > 0 { first.source } else { first.source + (range.start - start) };
        if range.is_empty() {
            return from..from;
        }
        let (last, start) = self.stretch(range.end - 1);
        let to = if last.decoded > 0 { last.source + last.decoded } else { last.source + (range.end - start) };
        from..to
    }

    fn stretch(&self, at: usize) -> (Stretch, usize) {
        let behind = self.stretches.partition_point(|stretch| stretch.text <= at);
        let stretch = self.stretches.get(behind.saturating_sub(1)).copied();
        let stretch = stretch.unwrap_or(Stretch { text: 0, source: 0, decoded: 0 });
        (stretch, stretch.text)
    }

    /// The inside of a JSON string, decoded; what is no escape stays as it is.
    pub fn of_json(inside: &[u8]) -> Self {
        let mut view = Self::default();
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'\\', &inside[at..]) {
            view.plain(&inside[at..at + found], at);
            at += found;
            let (size, bytes) = escape(&inside[at..], 1);
            view.decoded(&bytes, at, size);
            at += size;
        }
        view.plain(&inside[at..], at);
        view
    }

    /// Text with every escape undone at whatever depth: `\n`, `\\\"`, `\u0041`, `\x41`; `None` where there is none.
    pub fn unescaped(text: &[u8]) -> Option<Self> {
        memchr::memchr(b'\\', text)?;
        let mut view = Self::default();
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'\\', &text[at..]) {
            view.plain(&text[at..at + found], at);
            at += found;
            let run = text[at..].iter().take_while(|byte| **byte == b'\\').count();
            let (size, bytes) = escape(&text[at..], run);
            view.decoded(&bytes, at, size);
            at += size;
        }
        view.plain(&text[at..], at);
        Some(view)
    }

    /// Text without the codes that colour it in a terminal, real ones and such as are written out: `\e[32m`; `None`
    /// where there is none.
    pub fn uncoloured(text: &[u8]) -> Option<Self> {
        let begins = |byte: &u8| matches!(byte, 0x1b | 0xc2 | b'\\' | b'^');
        let mut view = Self::default();
        let (mut at, mut done) = (0, 0);
        while let Some(found) = text[at..].iter().position(begins) {
            at += found;
            let size = code(&text[at..]);
            if size == 0 {
                at += text[at..].iter().take_while(|byte| **byte == b'\\').count().max(1);
                continue;
            }
            view.plain(&text[done..at], done);
            at += size;
            done = at;
        }
        view.ended(text, done)
    }

    /// Text with letters of the width of Chinese ones as plain ones: `ＰＡＳＳ`; `None` where there is none.
    pub fn narrow(text: &[u8]) -> Option<Self> {
        let mut view = Self::default();
        let (mut at, mut done) = (0, 0);
        while let Some(found) = memchr::memchr(0xef, &text[at..]) {
            at += found;
            let letter = match text[at + 1..] {
                [0xbc, letter @ 0xa1..=0xba, ..] => letter - 0x60,
                [0xbd, letter @ 0x81..=0x9a, ..] => letter - 0x20,
                // Signs and digits count beside such letters alone.
                [0xbc, sign @ 0x81..=0xbf, ..] if done > 0 && done == at => sign - 0x60,
                _ => {
                    at += 1;
                    continue;
                }
            };
            view.plain(&text[done..at], done);
            view.decoded(&[letter], at, 3);
            at += 3;
            done = at;
        }
        view.ended(text, done)
    }

    /// Text with `%41` and `&#x41;` undone; `None` where there is none.
    pub fn percent(text: &[u8]) -> Option<Self> {
        memchr::memchr2(b'%', b'&', text)?;
        let mut view = Self::default();
        let (mut at, mut done) = (0, 0);
        while let Some(found) = memchr::memchr2(b'%', b'&', &text[at..]) {
            at += found;
            let (size, byte) = if text[at] == b'%' { percent(&text[at..]) } else { entity(&text[at..]) };
            let Some(byte) = byte else {
                at += 1;
                continue;
            };
            view.plain(&text[done..at], done);
            view.decoded(&[byte], at, size);
            at += size;
            done = at;
        }
        view.ended(text, done)
    }
}

/// What an escape with a run of backslashes stands for, and its size.
fn escape(text: &[u8], run: usize) -> (usize, Vec<u8>) {
    let letter = text.get(run).copied();
    let simple = |byte: u8| (run + 1, vec![byte]);
    match letter {
        Some(b'n') => simple(b'\n'),
        Some(b't') => simple(b'\t'),
        Some(b'r') => simple(b'\r'),
        Some(b'b') => simple(8),
        Some(b'f') => simple(12),
        Some(b'u') => unicode(text, run),
        Some(b'x') => match hex(text, run + 1, 2) {
            Some(code) => (run + 3, vec![u8::try_from(code).unwrap_or(b'?')]),
            None => (run, vec![b'\\']),
        },
        Some(byte @ (b'"' | b'\'' | b'/' | b'`')) => simple(byte),
        // In a JSON string it stands for a backslash; at the end of a run there is none left to stand for anything.
        Some(b'\\') => simple(b'\\'),
        _ => (run, vec![b'\\']),
    }
}

fn unicode(text: &[u8], run: usize) -> (usize, Vec<u8>) {
    let Some(first) = hex(text, run + 1, 4) else { return (run, vec![b'\\']) };
    let size = run + 5;
    let mut code = first;
    let mut used = size;
    if (0xD800..0xDC00).contains(&first)
        && text[size..].starts_with(&text[..run])
        && text.get(size + run) == Some(&b'u')
        && let Some(second) = hex(text, size + run + 1, 4).filter(|second| (0xDC00..0xE000).contains(second))
    {
        code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        used = size + run + 5;
    }
    let letter = char::from_u32(code).unwrap_or('\u{FFFD}');
    (used, letter.encode_utf8(&mut [0; 4]).as_bytes().to_vec())
}

/// The size of the code of a terminal with which a text begins; 0 where it begins with none.
fn code(text: &[u8]) -> usize {
    if text.starts_with(&[0xc2, 0x9b]) {
        return control(text, 2);
    }
    let size = escape_letter(text);
    let is_stub = [OPENING, WITHHELD].iter().any(|opening| text[size..].starts_with(opening.as_bytes()));
    match text.get(size) {
        Some(b'[') if size > 0 && !is_stub => control(text, size + 1),
        Some(b']') if size > 0 => command(text, size + 1),
        _ => 0,
    }
}

/// The size of a code that ends with its first letter: colours, moves of the cursor.
fn control(text: &[u8], from: usize) -> usize {
    let inside = text[from..].iter().take(LONGEST_CODE).take_while(|byte| (0x20..0x40).contains(*byte)).count();
    match text.get(from + inside) {
        // A stub may stand behind what is cut.
        Some(b'[') | None => 0,
        Some(0x40..=0x7e) => from + inside + 1,
        Some(_) => 0,
    }
}

/// The size of a code that goes on up to a bell or an escape with a backslash: titles, links.
fn command(text: &[u8], from: usize) -> usize {
    let limit = text.len().min(from + LONGEST_CODE);
    for at in from..limit {
        let rest = &text[at..limit];
        if rest[0] == b'\n' {
            return 0;
        }
        let bell = if rest[0] == 7 { 1 } else { written(rest, &BELL) };
        if bell > 0 {
            return at + bell;
        }
        let escape = escape_letter(rest);
        if escape > 0 {
            let most = if rest[0] == 0x1b { 1 } else { usize::MAX };
            let slashes = rest[escape..].iter().take(most).take_while(|byte| **byte == b'\\').count();
            return if slashes > 0 { at + escape + slashes } else { 0 };
        }
    }
    0
}

/// The size of the letter with which codes of a terminal begin, real or written out; 0 for any other.
fn escape_letter(text: &[u8]) -> usize {
    match text {
        [0x1b, ..] => 1,
        [b'^', b'[', ..] => 2,
        _ => written(text, &ESCAPE),
    }
}

/// The size of backslashes and one of these names behind them; 0 where there is none.
fn written(text: &[u8], names: &[&[u8]]) -> usize {
    let run = text.iter().take(LONGEST_CODE).take_while(|byte| **byte == b'\\').count();
    if run == 0 {
        return 0;
    }
    let is_there = |name: &&&[u8]| text[run..].get(..name.len()).is_some_and(|there| there.eq_ignore_ascii_case(name));
    names.iter().find(is_there).map_or(0, |name| run + name.len())
}

fn percent(text: &[u8]) -> (usize, Option<u8>) {
    (3, hex(text, 1, 2).and_then(|code| u8::try_from(code).ok()))
}

fn entity(text: &[u8]) -> (usize, Option<u8>) {
    for (name, byte) in [(&b"&quot;"[..], b'"'), (b"&amp;", b'&'), (b"&apos;", b'\''), (b"&lt;", b'<'), (b"&gt;", b'>')]
    {
        if text.starts_with(name) {
            return (name.len(), Some(byte));
        }
    }
    let Some(number) = text.strip_prefix(b"&#") else { return (1, None) };
    let (radix, digits) = match number.first() {
        Some(b'x' | b'X') => (16, &number[1..]),
        _ => (10, number),
    };
    let size = digits.iter().take(4).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let code = std::str::from_utf8(&digits[..size]).ok().and_then(|digits| u8::from_str_radix(digits, radix).ok());
    let closed = digits.get(size) == Some(&b';');
    (text.len() - digits.len() + size + 1, code.filter(|code| closed && code.is_ascii()))
}

fn hex(text: &[u8], at: usize, size: usize) -> Option<u32> {
    let digits = text.get(at..at + size).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(view: &View, source: &[u8], word: &str) -> String {
        let at = view.text.windows(word.len()).position(|window| window == word.as_bytes()).expect("there");
        String::from_utf8_lossy(&source[view.source(&(at..at + word.len()))]).into_owned()
    }

    #[test]
    fn a_range_leads_back_to_whole_escapes() {
        let source = br#"a\u0062c\\d\"e\ud83d\ude00f"#;
        let view = View::of_json(source);
        assert_eq!(String::from_utf8_lossy(&view.text), "abc\\d\"e\u{1F600}f");
        for (word, wanted) in
            [("b", "\\u0062"), ("bc", "\\u0062c"), ("d\"e", "d\\\"e"), ("\u{1F600}", "\\ud83d\\ude00"), ("f", "f")]
        {
            assert_eq!(back(&view, source, word), wanted, "{word}");
        }
    }

    #[test]
    fn escapes_of_any_depth_are_undone_at_once() {
        let source = br#"x=\\\"k\\u0065y\\\" C:\dir \\n\x41 \"#;
        let view = View::unescaped(source).expect("has some");
        assert_eq!(String::from_utf8_lossy(&view.text), "x=\"key\" C:\\dir \nA \\");
        assert_eq!(back(&view, source, "key"), "k\\\\u0065y");
        assert!(View::unescaped(b"none").is_none());
    }

    #[test]
    fn codes_of_a_terminal_are_dropped() {
        for code in [
            "\u{1b}[32m",
            "\u{1b}[38;5;12m",
            "\u{9b}1m",
            "\\033[32m",
            "\\e[0m",
            "\\x1B[32m",
            "\\\\u001b[1;2m",
            "^[[K",
            "\u{1b}]8;;https://example.com\u{7}",
            "\u{1b}]0;title\u{1b}\\",
            "\\e]0;title\\a",
        ] {
            let source = format!("one{code}two{code} three");
            let view = View::uncoloured(source.as_bytes()).expect(code);
            assert_eq!(String::from_utf8_lossy(&view.text), "onetwo three");
            assert_eq!(back(&view, source.as_bytes(), "two"), "two");
            assert_eq!(back(&view, source.as_bytes(), "onetwo"), format!("one{code}two"));
        }
        for plain in ["none", "C:\\export[1]", "a\u{1b}", "\u{a9} 2026 ^2", "\u{1b}[12", "\u{1b}]0;title"] {
            assert!(View::uncoloured(plain.as_bytes()).is_none(), "{plain}");
        }
    }

    #[test]
    fn what_is_far_from_all_that_was_decoded_is_not_looked_at_again() {
        let line = "The quick brown fox.\n";
        let far = line.repeat(5_000);
        let parts = |text: &str| View::percent(text.as_bytes()).expect("has some").parts();
        let text = format!("{far}a%3Db\n{far}{far}c&quot;");
        let [first, last] = parts(&text).try_into().expect("two");
        assert!(first.start <= far.len() - AROUND && first.end >= far.len() + AROUND, "{first:?}");
        assert!(text[..first.start].ends_with('\n') && last.end == 3 * far.len() + 6, "{last:?}");
        assert_eq!(parts("a%3Db"), std::iter::once(0..3).collect::<Vec<_>>());
    }

    #[test]
    fn percent_signs_and_entities_are_undone() {
        let source = b"a%3Db&quot;&#x41;&#66; 100% &c %zz";
        let view = View::percent(source).expect("has some");
        assert_eq!(String::from_utf8_lossy(&view.text), "a=b\"AB 100% &c %zz");
        assert_eq!(back(&view, source, "=b\"AB"), "%3Db&quot;&#x41;&#66;");
        assert!(View::percent(b"100% & none").is_none());
    }
}
