//! What must hold of a text besides its shape before it counts as a secret.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::code::{is_mixed, is_placeholder, reads_environment};

/// A check by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    Luhn,
    Phone,
    Basic,
    Bearer,
    Random,
    Address,
    Mixed,
    Value,
    Phrase,
}

/// Base64 with or without what fills it up, cut anywhere.
pub const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Endings of files, which `picture@2x.png` has in the place of a domain.
const FILES: [&[u8]; 16] = [
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"js", b"mjs", b"ts", b"tsx", b"jsx", b"css", b"rs", b"py",
    b"json", b"html",
];

impl Check {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "luhn" => Self::Luhn,
            "phone" => Self::Phone,
            "basic" => Self::Basic,
            "bearer" => Self::Bearer,
            "random" => Self::Random,
            "address" => Self::Address,
            "mixed" => Self::Mixed,
            "value" => Self::Value,
            "phrase" => Self::Phrase,
            _ => return None,
        })
    }

    /// Whether it holds of a secret that was found in a text.
    pub fn holds(self, text: &[u8], secret: &[u8], start: usize) -> bool {
        match self {
            Self::Luhn => stands_alone(text, secret, start) && luhn(secret),
            Self::Phone => {
                let digits = secret.iter().filter(|byte| byte.is_ascii_digit()).count();
                (9..=15).contains(&digits) && stands_alone(text, secret, start)
            }
            Self::Basic => LENIENT.decode(secret).is_ok_and(|plain| is_text(&plain) && plain.contains(&b':')),
            Self::Bearer => secret.len() >= 20 || secret.iter().any(u8::is_ascii_digit),
            Self::Mixed => is_mixed(secret),
            Self::Value => !is_placeholder(secret) && !reads_environment(secret),
            Self::Phrase => is_phrase(secret),
            Self::Random => secret.iter().any(u8::is_ascii_digit) && !all_words(behind_prefix(secret)),
            Self::Address => {
                let ending = secret.rsplit(|byte| *byte == b'.').next().unwrap_or(secret);
                !FILES.iter().any(|file| ending.eq_ignore_ascii_case(file))
            }
        }
    }
}

/// Whether neither a word nor a longer number goes on before or behind.
fn stands_alone(text: &[u8], secret: &[u8], start: usize) -> bool {
    let joins =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    let end = start + secret.len();
    let goes_on = text.get(end) == Some(&b'.') && text.get(end + 1).is_some_and(u8::is_ascii_digit);
    !joins(before) && before != Some(&b'.') && !joins(text.get(end)) && !goes_on
}

fn behind_prefix(text: &[u8]) -> &[u8] {
    text.iter().position(|byte| *byte == b'-').map_or(text, |at| &text[at + 1..])
}

/// Whether it is made of words in small letters, as a name in a program is.
fn all_words(text: &[u8]) -> bool {
    let mut words = text.split(|byte| matches!(byte, b'-' | b'_' | b'.'));
    words.all(|word| word.iter().all(u8::is_ascii_lowercase) || word.iter().all(u8::is_ascii_digit) && word.len() < 5)
}

/// Whether it is as many words as a wallet is made of, and no sentence.
fn is_phrase(text: &[u8]) -> bool {
    // The list of BIP 39 has none of these, without which few sentences are said.
    const SPOKEN: [&[u8]; 16] = [
        b"the", b"and", b"are", b"was", b"not", b"for", b"your", b"from", b"which", b"has", b"its", b"into", b"words",
        b"but", b"must", b"should",
    ];
    let words = || text.split(|byte| matches!(byte, b' ' | b',')).filter(|word| !word.is_empty());
    words().count() >= 12 && !words().take(12).any(|word| SPOKEN.contains(&word))
}

/// The check digit of card numbers.
pub fn luhn(text: &[u8]) -> bool {
    let digits = text.iter().rev().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => digit,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    sum.is_multiple_of(10) && text.iter().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// Bits for each letter.
pub fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    text.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let all = text.len() as f64;
    let bits = counts.iter().filter(|count| **count > 0).map(|count| {
        let share = f64::from(*count) / all;
        -share * share.log2()
    });
    bits.sum()
}

/// Whether a value looks made by chance: no id, no digest, no words.
pub fn looks_random(text: &[u8], least: f64) -> bool {
    let letters = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-' | b'.');
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    text.len() >= 20
        && text.iter().all(letters)
        && digits >= 2
        && digits < text.len()
        && !is_identity(text)
        && !all_words(text)
        && entropy(text) >= least
}

/// Whether it is a UUID or a digest in hex.
pub fn is_identity(text: &[u8]) -> bool {
    let hex = |text: &[u8]| text.iter().all(u8::is_ascii_hexdigit);
    let uuid = text.len() == 36
        && text.split(|byte| *byte == b'-').map(<[u8]>::len).eq([8, 4, 4, 4, 12])
        && text.split(|byte| *byte == b'-').all(hex);
    uuid || (matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128) && hex(text))
}

/// Whether nearly all of it can be read.
pub fn is_text(bytes: &[u8]) -> bool {
    let odd = |byte: &&u8| matches!(byte, 0..=8 | 11 | 12 | 14..=26 | 28..=31 | 127);
    let controls = bytes.iter().filter(odd).count();
    let broken: usize =
        if bytes.is_ascii() { 0 } else { bytes.utf8_chunks().filter(|chunk| !chunk.invalid().is_empty()).count() };
    !bytes.contains(&0) && (controls + broken) * 20 <= bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_have_a_check_digit() {
        assert!(luhn(b"4111 1111-1111 1111") && luhn(b"378282246310005"));
        assert!(!luhn(b"4111111111111112") && !luhn(b"0000000000000000"));
    }

    #[test]
    fn ids_and_names_do_not_look_random() {
        assert!(looks_random(b"q7Hx2Lm9Pz4Rt8Vb1Nc6Kd3", 3.5));
        for plain in [
            "550e8400-e29b-41d4-a716-446655440000",
            "d41d8cd98f00b204e9800998ecf8427e",
            "http.request.header.authorization",
            "some-long-name-of-a-thing-2024",
        ] {
            assert!(!looks_random(plain.as_bytes(), 3.5), "{plain}");
        }
    }

    #[test]
    fn text_is_told_from_other_bytes() {
        assert!(is_text("Żółw, 12\n\t\u{1b}[31m".as_bytes()) && is_text(b"one \xff in forty letters of plain text..."));
        assert!(!is_text(b"a\0b") && !is_text(b"\x89PNG\r\n\x1a\n\xff\xd8\xfe") && !is_text(b"\x01\x02\x03abc"));
    }
}
