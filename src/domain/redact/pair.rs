//! Names and values in plain text: `PASSWORD=…`, `"token": "…"` at any depth of escapes, `--secret …`, `<password>…`.

use std::ops::Range;

use super::finder::{Find, Finder};
use super::words::Judged;

/// No name is longer.
const LONGEST_NAME: usize = 96;
/// Nor is a value in quotes.
const LONGEST_VALUE: usize = 16 << 10;
/// Words that stand where a value would, and are none.
const PLACEHOLDERS: [&str; 42] = [
    "null",
    "none",
    "nil",
    "undefined",
    "true",
    "false",
    "string",
    "str",
    "number",
    "integer",
    "int",
    "float",
    "boolean",
    "bool",
    "object",
    "array",
    "any",
    "void",
    "bytes",
    "text",
    "required",
    "optional",
    "redacted",
    "hidden",
    "masked",
    "removed",
    "empty",
    "missing",
    "invalid",
    "unknown",
    "default",
    "example",
    "password",
    "secret",
    "token",
    "xxx",
    "option",
    "vec",
    "self",
    "unset",
    "n/a",
    "[redacted]",
];
/// What an expression of a program begins with, when a member of it is meant.
const PROGRAM: [&str; 26] = [
    "self",
    "this",
    "process",
    "os",
    "env",
    "config",
    "settings",
    "req",
    "request",
    "args",
    "options",
    "opts",
    "cfg",
    "ctx",
    "context",
    "params",
    "user",
    "data",
    "state",
    "props",
    "credentials",
    "secrets",
    "github",
    "var",
    "local",
    "module",
];

impl Finder {
    /// What stands behind the names in which one of the stems occurs.
    pub(super) fn pairs(&self, text: &[u8], stems: &[Range<usize>], found: &mut Vec<Find>) {
        let mut done = 0;
        for stem in stems {
            if stem.start < done {
                continue;
            }
            let range = name_around(text, stem);
            if range.len() > LONGEST_NAME {
                continue;
            }
            done = range.end;
            let Some((rule, name)) = self.secret_name(text, &range) else { continue };
            let line = self.rules.list[rule].line;
            let Some(value) = value_behind(text, &range, line) else { continue };
            let bytes = &text[value.range.clone()];
            let folder = name.ends_with("pwd") && bytes.starts_with(b"/");
            let known = &self.rules.list[rule];
            let random = known.entropy.is_none_or(|least| super::check::looks_random(bytes, least));
            let counter = !known.numbers && bytes.len() < 6 && bytes.iter().all(u8::is_ascii_digit);
            if folder || !random || counter || self.is_harmless(bytes) {
                continue;
            }
            let plain = super::view::View::unescaped(bytes).map_or_else(|| bytes.to_vec(), |view| view.text);
            let mut find = Find::new(value.range, rule, &plain);
            find.wrap = value.wrap;
            found.push(find);
        }
    }

    fn secret_name(&self, text: &[u8], range: &Range<usize>) -> Option<(usize, String)> {
        let name = std::str::from_utf8(&text[range.clone()]).ok()?;
        match self.rules.keys.judge(name) {
            Judged::Secret(rule) => Some((rule, name.to_ascii_lowercase())),
            Judged::Exempt | Judged::Nothing => None,
        }
    }
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn name_around(text: &[u8], stem: &Range<usize>) -> Range<usize> {
    let before = text[..stem.start].iter().rev().take(LONGEST_NAME).take_while(|byte| in_name(**byte)).count();
    let before = before - escape_at(text, stem.start - before).min(before);
    let behind = text[stem.end..].iter().take(LONGEST_NAME).take_while(|byte| in_name(**byte)).count();
    stem.start - before..stem.end + behind
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

struct Value {
    range: Range<usize>,
    wrap: Vec<u8>,
}

/// The value behind a name, where what stands between says that there is one.
fn value_behind(text: &[u8], name: &Range<usize>, line: bool) -> Option<Value> {
    let mut at = name.end;
    let quote = quote_at(text, at);
    at += quote.len();
    if text.get(at) == Some(&b']') {
        at += 1;
    }
    let spaced = at;
    at = skip_blanks(text, at);
    let flag = text[..name.start].ends_with(b"--") || text[name.start..].starts_with(b"--");
    let sign = sign_at(&text[at..]);
    let opens_tag = text[..name.start].ends_with(b"<");
    at = match sign {
        0 if flag && at > spaced => at,
        0 if opens_tag && text.get(at) == Some(&b'>') => at + 1,
        0 => return None,
        size => skip_blanks(text, at + size),
    };
    if matches!(text.get(at), Some(b'b' | b'r' | b'f' | b'u' | b'B' | b'R')) && !quote_at(text, at + 1).is_empty() {
        at += 1;
    }
    let opening = quote_at(text, at);
    let range = if opening.is_empty() {
        bare(text, at, line && quote.is_empty())
    } else {
        quoted(text, at + opening.len(), opening)
    };
    let value = &text[range.clone()];
    let code = opening.is_empty() && !line && is_code(value, text.get(range.end).copied());
    if code || is_placeholder(value) || (opening.is_empty() && value.len() < 2) {
        return None;
    }
    let number = opening.is_empty() && super::super::is_json_number(value);
    let wrap = if number && !quote.is_empty() { quote.to_vec() } else { Vec::new() };
    Some(Value { range, wrap })
}

/// A quote with the backslashes before it; empty where none stands.
fn quote_at(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or(&[]);
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    if matches!(rest.get(slashes), Some(b'"' | b'\'' | b'`')) { &rest[..=slashes] } else { &[] }
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    at + text[at.min(text.len())..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The size of what says that a value follows: `=`, `:`, `=>`, `:=`, `==`.
fn sign_at(rest: &[u8]) -> usize {
    for sign in [&b"==="[..], b"!==", b"=>", b":=", b"==", b"!=", b"="] {
        if rest.starts_with(sign) {
            return sign.len();
        }
    }
    usize::from(rest.starts_with(b":") && !rest.starts_with(b"::"))
}

/// What stands up to the quote that closes it, which has as many backslashes as the one that opened it.
fn quoted(text: &[u8], from: usize, opening: &[u8]) -> Range<usize> {
    let Some((mark, slashes)) = opening.split_last() else { return from..from };
    let slashes = slashes.len();
    let limit = text.len().min(from + LONGEST_VALUE);
    for at in memchr::memchr_iter(*mark, &text[from..limit]).map(|at| from + at) {
        let run = text[from..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if run % (2 * (slashes + 1)) == slashes {
            return from..at - slashes;
        }
    }
    // It is cut: all that is there.
    from..limit
}

/// A value without quotes; of a header, the rest of the line.
fn bare(text: &[u8], from: usize, line: bool) -> Range<usize> {
    let rest = &text[from.min(text.len())..];
    let ends = |byte: &u8| match byte {
        b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'<' | b'>' => true,
        b' ' | b'\t' | b',' | b';' | b'&' | b'(' | b')' | b'{' | b'}' | b'[' | b']' | b'|' => !line,
        _ => false,
    };
    let mut size = rest.iter().take(LONGEST_VALUE).position(ends).unwrap_or(rest.len().min(LONGEST_VALUE));
    while size > 0 && matches!(rest[size - 1], b'\\' | b' ' | b'\t') {
        size -= 1;
    }
    // What ends a sentence is no part of it.
    if size > 1 && rest[size - 1] == b'.' && !line {
        size -= 1;
    }
    from..from + size
}

/// Whether it is no value but a word for one, or a place where one is to be put.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    if value.is_empty() || super::stub::is_stub(value) {
        return true;
    }
    if PLACEHOLDERS.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes())) {
        return true;
    }
    let variable = value.strip_prefix(b"$").is_some_and(|name| {
        name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    });
    let framed = [(&b"${"[..], &b"}"[..]), (b"{{", b"}}"), (b"<", b">"), (b"%(", b"s"), (b"$(", b")")];
    variable
        || framed.iter().any(|(open, close)| value.starts_with(open) && value.ends_with(close) && value.len() < 64)
        || value.iter().all(|byte| matches!(byte, b'*' | b'.' | b'x' | b'X' | b'-' | b'_' | b'?'))
        || value.iter().all(|byte| !byte.is_ascii_alphanumeric() && byte.is_ascii())
        || value == b"%s"
}

/// Whether it is an expression of a program that gives the value, not the value.
fn is_code(value: &[u8], next: Option<u8>) -> bool {
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'?' | b'!' | b'$');
    if !value.iter().all(named) || value.first().is_none_or(u8::is_ascii_digit) {
        return false;
    }
    let first = value.split(|byte| *byte == b'.').next().unwrap_or(value);
    let member = first.len() < value.len() && PROGRAM.iter().any(|word| first == word.as_bytes());
    member || matches!(next, Some(b'(' | b'['))
}
