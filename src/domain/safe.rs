//! Untrusted text made safe to print: what could steer a terminal or deceive a reader becomes a visible mark.
//!
//! Every string from data passes through here before it is drawn or printed. Exports keep the exact bytes.

use std::borrow::Cow;

/// One line of untrusted text with visible marks: `^[` for controls, `<U+202E>` for the rest, `⏎` for a line end.
///
/// Joiners and variation selectors pass only inside an emoji sequence. A tab becomes one space.
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            character if !is_unsafe(character) => shown.push(character),
            character if passes_in_emoji(before, character, rest.peek().copied()) => shown.push(character),
            character => shown.push_str(&mark(character)),
        }
        before = Some(character);
    }
    Cow::Owned(shown)
}

/// The visible mark of one unsafe character.
pub fn mark(character: char) -> String {
    match character as u32 {
        code @ 0..=0x1F => format!("^{}", char::from(code as u8 + 0x40)),
        0x7F => "^?".to_owned(),
        code => format!("<U+{code:04X}>"),
    }
}

/// Whether a character can steer a terminal, reorder text, or hide: C0, C1, bidi controls, invisible characters.
pub fn is_unsafe(character: char) -> bool {
    let code = character as u32;
    code < 0x20
        || (0x7F..=0x9F).contains(&code)
        || matches!(
            code,
            0xAD | 0x34F
                | 0x61C
                | 0x115F
                | 0x1160
                | 0x17B4
                | 0x17B5
                | 0x180B..=0x180F
                | 0x200B..=0x200F
                | 0x2028..=0x202E
                | 0x2060..=0x206F
                | 0x3164
                | 0xFE00..=0xFE0F
                | 0xFEFF
                | 0xFFA0
                | 0xFFF0..=0xFFFB
                | 0x1BCA0..=0x1BCA3
                | 0x1D173..=0x1D17A
                | 0xE0000..=0xE0FFF
        )
}

/// Whether a joiner or selector stands where an emoji sequence has one.
pub fn passes_in_emoji(before: Option<char>, character: char, after: Option<char>) -> bool {
    match character {
        '\u{200D}' => before.is_some_and(is_pictographic) && after.is_some_and(is_pictographic),
        '\u{FE0F}' => before.is_some_and(|before| is_pictographic(before) || matches!(before, '0'..='9' | '#' | '*')),
        _ => false,
    }
}

fn is_pictographic(character: char) -> bool {
    matches!(
        character as u32,
        0xA9 | 0xAE | 0x203C | 0x2049 | 0x2122 | 0x2139 | 0x2190..=0x21FF | 0x2300..=0x23FF | 0x24C2
            | 0x25A0..=0x27BF | 0x2900..=0x2BFF | 0x3030 | 0x303D | 0x3297 | 0x3299 | 0xFE0F
            | 0x1F000..=0x1FAFF
    )
}

/// The first `most` characters of a text on one line, white space folded, `…` where it was cut.
pub fn excerpt(text: &str, most: usize) -> String {
    let mut short = String::new();
    for (count, word) in text.split_whitespace().enumerate() {
        if count > 0 {
            short.push(' ');
        }
        short.push_str(word);
        if short.len() > most * 4 {
            break;
        }
    }
    match short.char_indices().nth(most) {
        None => short,
        Some(_) => short.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Serialized JSON with every unsafe character as a `\u` escape, so that printing it is harmless and lossless.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(|character| is_unsafe(character) && character != '\n') {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 32);
    for character in json.chars() {
        if is_unsafe(character) && character != '\n' {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_bidi_become_marks() {
        assert_eq!(safe("A\u{1b}]52;c;aGk=\u{7}B"), "A^[]52;c;aGk=^GB");
        assert_eq!(safe("\u{9b}2J\u{202e}x\u{7f}"), "<U+009B>2J<U+202E>x^?");
        assert_eq!(safe("one\ntwo\tthree"), "one⏎two three");
        assert!(matches!(safe("plain żółć 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn joiners_pass_only_inside_emoji() {
        assert_eq!(safe("👩\u{200d}💻"), "👩\u{200d}💻");
        assert_eq!(safe("a\u{200d}b"), "a<U+200D>b");
        assert_eq!(safe("❤\u{fe0f}"), "❤\u{fe0f}");
        assert_eq!(safe("x\u{fe0f}"), "x<U+FE0F>");
    }

    #[test]
    fn an_excerpt_is_one_line_and_says_that_it_was_cut() {
        assert_eq!(excerpt("  a \n b  ", 10), "a b");
        assert_eq!(excerpt("abcdef", 4), "abc…");
    }

    #[test]
    fn json_escapes_are_lossless() {
        let json = serde_json::to_string("a\u{202e}b\u{9b}\u{e0041}").expect("serializes");
        let escaped = escape_json(&json);
        assert!(escaped.is_ascii());
        let back: String = serde_json::from_str(&escaped).expect("valid");
        assert_eq!(back, "a\u{202e}b\u{9b}\u{e0041}");
    }
}
