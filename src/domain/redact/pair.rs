//! Names and values in plain text: `PASSWORD=…`, `"token": "…"` at any depth of escapes, `--secret …`, `<password>…`.

use std::ops::Range;

use super::code::is_mixed;
use super::finder::{Find, Finder};
use super::rules::Rule;
use super::value::{Named, Value};
use super::words::Judged;

/// No name is longer.
const LONGEST_NAME: usize = 96;
/// Names in a value that is longer are not looked at.
const LONG_VALUE: usize = 1024;
/// So many words before the last one may belong to a name: `mot de passe`, `secret access key`.
const MOST_BEFORE: usize = 3;
/// Commands that give a value to the name behind them.
const SETTERS: [&str; 12] = [
    "ENV",
    "setx",
    "setenv",
    "set -x",
    "set -gx",
    "set -Ux",
    "set -lx",
    "set -xg",
    "config set",
    "configure set",
    "git config",
    "config --global",
];

impl Finder {
    /// What stands behind the names in which one of the stems occurs.
    pub(super) fn pairs(&self, text: &[u8], stems: &[Range<usize>], found: &mut Vec<Find>) {
        let (mut done, mut followed) = (0, 0..0);
        for stem in stems {
            if stem.start < done {
                continue;
            }
            let range = name_around(text, stem);
            if range.len() > LONGEST_NAME {
                continue;
            }
            done = range.end;
            if let Some((rule, words)) = self.secret_name(text, &range) {
                let named = Named { text, range, line: self.rules.list[rule].line };
                for value in values(&named, &mut followed) {
                    let loose = value.loose || (words > 0 && named.quote_of(&value).is_empty());
                    let range = value.range.clone();
                    // Names in a long value are hidden with it; at its end they may have values of their own.
                    if self.pair(&named, rule, Value { loose, ..value }, found) && range.len() > LONG_VALUE {
                        done = done.max(range.end - 2 * LONGEST_NAME);
                    }
                }
            }
        }
    }

    /// Hides a value; false where it is none.
    fn pair(&self, named: &Named<'_>, rule: usize, value: Value, found: &mut Vec<Find>) -> bool {
        let bytes = &named.text[value.range.clone()];
        let known = &self.rules.list[rule];
        let folder = named.name().to_ascii_lowercase().ends_with(b"pwd") && bytes.starts_with(b"/");
        if folder || (value.loose && !is_mixed(bytes)) || !fits(known, bytes) || self.is_harmless(bytes) {
            return false;
        }
        let plain = super::view::View::unescaped(bytes).map_or_else(|| bytes.to_vec(), |view| view.text);
        let mut find = Find::new(value.range, rule, &plain);
        find.wrap = value.wrap;
        found.push(find);
        true
    }

    /// The rule that a name falls under, and how many words before it tell so.
    fn secret_name(&self, text: &[u8], range: &Range<usize>) -> Option<(usize, usize)> {
        let judged = |from: usize| match std::str::from_utf8(&text[from..range.end]) {
            Ok(name) => self.rules.keys.judge(name),
            Err(_) => Judged::Nothing,
        };
        let is_sure = |rule: usize| !self.rules.list[rule].is_unsure();
        let alone = match judged(range.start) {
            Judged::Secret(rule) if is_sure(rule) => return Some((rule, 0)),
            Judged::Exempt => return None,
            Judged::Secret(rule) => Some((rule, 0)),
            Judged::Nothing => None,
        };
        let mut from = range.start;
        for words in 1..=MOST_BEFORE {
            let Some(before) = text[..from].strip_suffix(b" ") else { break };
            let start = name_start(text, before.len());
            if start == before.len() || range.end - start > LONGEST_NAME {
                break;
            }
            from = start;
            match judged(from) {
                Judged::Secret(rule) if is_sure(rule) => return Some((rule, words)),
                _ => {}
            }
        }
        alone
    }
}

/// Whether a rule for fields hides this value.
pub(super) fn fits(rule: &Rule, value: &[u8]) -> bool {
    let random = rule.entropy.is_none_or(|least| super::check::looks_random(value, least));
    let counter = !rule.numbers && value.len() < 6 && value.iter().all(u8::is_ascii_digit);
    random && !counter && rule.check.is_none_or(|check| check.holds(value, value, 0))
}

/// What a name may have for values, by what stands around it. `followed`: the table or manifest that was read last.
fn values(named: &Named<'_>, followed: &mut Range<usize>) -> Vec<Value> {
    let mut values = Vec::new();
    named.in_markup(&mut values);
    if !values.is_empty() {
        return values;
    }
    named.behind_sign(&mut values);
    if values.is_empty() && (is_flag(named) || is_set(named)) {
        values.extend(named.behind_blank());
    }
    if values.is_empty() {
        named.given(&mut values);
    }
    if values.is_empty() {
        named.in_table(followed, &mut values);
    }
    if values.is_empty() {
        named.in_statement(&mut values);
    }
    if values.is_empty() {
        named.in_manifest(followed, &mut values);
    }
    values
}

/// Whether the name is that of an option: `--token`, `-Password`.
fn is_flag(named: &Named<'_>) -> bool {
    let (before, name) = (&named.text[..named.range.start], named.name());
    let begins = before.last().is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\''));
    name.starts_with(b"--") || before.ends_with(b"--") || (begins && name.starts_with(b"-") && name.len() > 4)
}

/// Whether a command before the name sets it.
fn is_set(named: &Named<'_>) -> bool {
    let before = &named.text[named.range.start.saturating_sub(LONGEST_NAME)..named.range.start];
    let blank = before.iter().rposition(|byte| matches!(byte, b' ' | b'\t'));
    let before = blank.map_or(&[][..], |at| before[..at].trim_ascii_end());
    SETTERS.iter().any(|setter| before.ends_with(setter.as_bytes()))
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn name_around(text: &[u8], stem: &Range<usize>) -> Range<usize> {
    let start = name_start(text, stem.start);
    let start = start + escape_at(text, start).min(stem.start - start);
    let mut end = stem.end;
    while end - stem.end < LONGEST_NAME {
        match text.get(end) {
            Some(byte) if in_name(*byte) => end += 1,
            Some(0x80..) => match letter(&text[end..]) {
                Some(letter) if letter.is_alphanumeric() => end += letter.len_utf8(),
                _ => break,
            },
            _ => break,
        }
    }
    start..end
}

/// Where the word begins that goes on at a place.
fn name_start(text: &[u8], at: usize) -> usize {
    let mut start = at;
    while start > 0 && at - start <= LONGEST_NAME {
        let before = text[start - 1];
        if in_name(before) {
            start -= 1;
            continue;
        }
        let first = (1..=4.min(start)).find(|back| !(0x80..0xC0).contains(&text[start - back]));
        let begins = first.filter(|_| before >= 0x80).map(|back| start - back);
        match begins.filter(|begins| letter(&text[*begins..start]).is_some_and(char::is_alphanumeric)) {
            Some(begins) => start = begins,
            None => break,
        }
    }
    start
}

/// The letter of UTF-8 with which a text begins.
fn letter(text: &[u8]) -> Option<char> {
    text[..text.len().min(4)].utf8_chunks().next()?.valid().chars().next()
}

/// How many of the letters there are the end of an escape.
fn escape_at(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        _ if !text[..at].ends_with(b"\\") => 0,
        Some(b'n' | b't' | b'r' | b'b' | b'f') => 1,
        Some(b'u') => 5,
        Some(b'x') => 3,
        _ => 0,
    }
}
