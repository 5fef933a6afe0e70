//! How far a value goes that stands behind the name of a secret.

use std::ops::Range;

use super::code::{is_code, is_place, is_placeholder, reads_environment, without_scheme};
use super::lines::{behind_comment, behind_marks, block, next_line};

/// No value in quotes is longer, nor a block of lines.
pub(super) const LONGEST_VALUE: usize = 16 << 10;
/// No type of a declaration is longer.
const LONGEST_TYPE: usize = 64;
/// A list has no more items that are looked at.
pub(super) const MOST_ITEMS: usize = 256;
/// The last word of a list that is cut is no longer.
const LONGEST_WORD: usize = 512;
/// Signs that say that a value follows, the longer ones first.
const SIGNS: [&str; 9] = ["===", "!==", "=>", ":=", "==", "!=", "=", "：", "＝"];

/// A value, and how sure it is that it is one.
#[derive(Debug)]
pub(super) struct Value {
    pub range: Range<usize>,
    /// What a number needs around its stub.
    pub wrap: Vec<u8>,
    /// Ordinary words stand in such places too.
    pub loose: bool,
}

impl Value {
    pub fn sure(range: Range<usize>) -> Self {
        Self { range, wrap: Vec::new(), loose: false }
    }

    pub fn loose(range: Range<usize>) -> Self {
        Self { range, wrap: Vec::new(), loose: true }
    }
}

/// The name of a secret in a text, and what was found out about it.
#[derive(Debug)]
pub(super) struct Named<'a> {
    pub text: &'a [u8],
    pub range: Range<usize>,
    /// The value goes on to the end of the line.
    pub line: bool,
}

impl Named<'_> {
    pub fn name(&self) -> &[u8] {
        &self.text[self.range.clone()]
    }

    /// The quote before a value; empty where none stands.
    pub fn quote_of(&self, value: &Value) -> &[u8] {
        let before = value.range.start.checked_sub(1);
        before.map_or(&[], |at| quote_at(&self.text[..value.range.start], at))
    }

    /// The quote behind the name, as deep as it is escaped.
    pub fn quote(&self) -> &[u8] {
        quote_at(self.text, self.range.end)
    }

    /// The values behind a sign: `PASSWORD=…`, `"token": "…"`, lists, blocks of lines, declarations.
    pub fn behind_sign(&self, values: &mut Vec<Value>) {
        let text = self.text;
        let Some(sign) = self.sign() else { return self.behind_type(values) };
        let mut at = skip_blanks(text, sign.end);
        if text[sign.clone()] == *b"::" {
            let range = bare(text, at, false);
            return values.extend(is_base64(&text[range.clone()]).then(|| Value::sure(range)));
        }
        if self.is_marked() {
            at += text[at..].iter().take(3).take_while(|byte| matches!(byte, b'*' | b'_')).count();
            at = skip_blanks(text, at);
        }
        if text[sign.clone()] == *b":" {
            values.extend(typed(text, at));
        }
        let behind = if text[sign.clone()] == *b":" { behind_marks(text, at) } else { Some(at) };
        let Some(behind) = behind else { return };
        let is_tagged = behind > at;
        at = if text[sign.clone()] == *b":" { behind_comment(text, behind) } else { behind };
        if let Some(block) = block(text, self.range.start, at) {
            return values.push(Value::sure(block));
        }
        if newline_at(text, at) > 0 {
            let is_plain = self.quote().is_empty() && text[sign] == *b":";
            return next_line(text, at, is_plain, values);
        }
        if text.get(at) == Some(&b'[') {
            match long_bracket(text, at) {
                Some(value) => values.push(value),
                None => list(text, at + 1, values),
            }
            if !values.is_empty() {
                return;
            }
        }
        if matches!(text.get(at), Some(b'b' | b'r' | b'f' | b'u' | b'B' | b'R')) && !quote_at(text, at + 1).is_empty() {
            at += 1;
        }
        let opening = quote_at(text, at);
        if !opening.is_empty() {
            // Python and others open a long text with three of them.
            let times = if text[at..].starts_with(&opening.repeat(3)) { 3 } else { 1 };
            return values.extend(worded(text, quoted(text, at + times * opening.len(), opening)));
        }
        values.extend(called(text, at));
        let tight = sign.len() == 1 && sign.start == self.range.end && at == sign.end;
        // A program compares it with something that has a name.
        let loose = is_tagged || matches!(&text[sign], b"==" | b"===" | b"!=" | b"!==" | b"<-");
        values.extend(self.without_quotes(at, tight).map(|value| Value { loose, ..value }));
    }

    /// A value without quotes. `tight`: nothing but `=` or `:` stands between it and the name.
    fn without_quotes(&self, at: usize, tight: bool) -> Option<Value> {
        let (text, quote) = (self.text, self.quote());
        if tight && self.is_variable() {
            return worded(text, shell(text, &self.range, at));
        }
        let around = self.opening().filter(|_| quote.is_empty() && !self.line);
        let range = match around.and_then(|opening| in_quotes(text, at, opening)) {
            Some(range) => range,
            None => bare(text, at, self.line && quote.is_empty()),
        };
        let value = &text[range.clone()];
        let own = &text[self.range.clone()];
        if (self.line && is_placeholder(without_scheme(value))) || is_place(own, value) {
            return None;
        }
        if value.len() < 2 || is_placeholder(value) || (!self.line && is_code(own, value, text.get(range.end).copied()))
        {
            return None;
        }
        let number = super::super::is_json_number(value);
        let wrap = if number && !quote.is_empty() { quote.to_vec() } else { Vec::new() };
        Some(Value { range, wrap, loose: false })
    }

    /// The value of a flag or of a command that sets something: `--token …`, `setx TOKEN …`.
    pub fn behind_blank(&self) -> Option<Value> {
        let text = self.text;
        let behind = self.range.end + self.quote().len();
        let mut at = skip_blanks(text, behind);
        if !self.quote().is_empty() && text.get(at) == Some(&b',') {
            at = skip_blanks(text, at + 1);
        }
        if at == behind {
            return None;
        }
        let opening = quote_at(text, at);
        if !opening.is_empty() {
            return worded(text, quoted(text, at + opening.len(), opening));
        }
        let range = bare(text, at, false);
        let value = &text[range.clone()];
        let is_flag = value.starts_with(b"-") || value.starts_with(b"|");
        (value.len() > 1 && !is_flag && !is_code(b"", value, None))
            .then_some(range)
            .and_then(|range| worded(text, range))
    }

    /// Where the sign behind the name stands.
    fn sign(&self) -> Option<Range<usize>> {
        let text = self.text;
        let mut at = self.range.end + self.quote().len();
        at += text[at..].iter().take(3).take_while(|byte| **byte == b'*').count();
        match text.get(at) {
            Some(b']') => at += 1,
            Some(b'[') => {
                let digits = text[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                at += if text.get(at + 1 + digits) == Some(&b']') { digits + 2 } else { 0 };
            }
            _ => {}
        }
        at = skip_blanks(text, at);
        if !self.quote().is_empty() && newline_at(text, at) > 0 {
            at = skip_blanks(text, at + newline_at(text, at));
        }
        let size = match &text[at..] {
            // LDIF writes base64 behind two colons, R gives a value with an arrow.
            [b':', b':', b' ', ..] | [b'<', b'-', b' ', ..] => 2,
            rest => sign_at(rest),
        };
        (size > 0).then_some(at..at + size)
    }

    /// A declaration whose type stands behind the name: `var password string = "…"`, or a sentence: `password is …`.
    fn behind_type(&self, values: &mut Vec<Value>) {
        if let Some(said) = self.said() {
            return values.push(said);
        }
        let mut from = skip_blanks(self.text, self.range.end);
        if self.text[from..].get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"as ")) {
            from = skip_blanks(self.text, from + 3);
        }
        let word = bare(self.text, from, false);
        if from > self.range.end && !word.is_empty() && is_placeholder(&self.text[word]) {
            values.extend(typed(self.text, from));
        }
    }

    /// Whether stars or bars of Markdown make the name stand out.
    fn is_marked(&self) -> bool {
        let before = &self.text[..self.range.start];
        before.ends_with(b"*") || before.ends_with(b"* ") || self.text[self.range.clone()].ends_with(b"_") || {
            self.text[self.range.end..].starts_with(b"*")
        }
    }

    /// Whether it is named as a variable of a shell is: `DB_PASSWORD`.
    fn is_variable(&self) -> bool {
        let name = &self.text[self.range.clone()];
        let is_letter = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        name.iter().all(is_letter) && self.quote().is_empty() && self.text.get(self.range.end) == Some(&b'=')
    }

    /// The quote that opens directly before the name.
    fn opening(&self) -> Option<&[u8]> {
        let before = &self.text[..self.range.start];
        let mark = before.last().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let slashes = before[..before.len() - 1].iter().rev().take_while(|byte| **byte == b'\\').count();
        (*mark != b'`').then(|| &before[before.len() - 1 - slashes..])
    }
}

/// A value that is none of the words for one.
pub(super) fn worded(text: &[u8], range: Range<usize>) -> Option<Value> {
    (!is_placeholder(&text[range.clone()])).then(|| Value::sure(range))
}

/// Whether it is base64 as a whole.
fn is_base64(value: &[u8]) -> bool {
    let letters = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
    value.len() >= 4 && value.len().is_multiple_of(4) && value[letters..].iter().all(|byte| *byte == b'=')
}

/// A quote with the backslashes before it; empty where none stands.
pub(super) fn quote_at(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or(&[]);
    let slashes = rest.iter().take_while(|byte| **byte == b'\\').count();
    if matches!(rest.get(slashes), Some(b'"' | b'\'' | b'`')) { &rest[..=slashes] } else { &[] }
}

pub(super) fn skip_blanks(text: &[u8], at: usize) -> usize {
    at + text[at.min(text.len())..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The size of the end of a line, real or written out; 0 where none stands.
pub(super) fn newline_at(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    match rest {
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        [b'\\', ..] => {
            let run = rest.iter().take_while(|byte| **byte == b'\\').count();
            match rest.get(run) {
                Some(b'n') => run + 1,
                Some(b'r') if rest[run + 1..].starts_with(&rest[..run]) && rest.get(2 * run + 1) == Some(&b'n') => {
                    2 * run + 2
                }
                _ => 0,
            }
        }
        _ => 0,
    }
}

/// The size of what says that a value follows: `=`, `:`, `=>`, `:=`, `==`.
pub(super) fn sign_at(rest: &[u8]) -> usize {
    let found = SIGNS.iter().find(|sign| rest.starts_with(sign.as_bytes()));
    found.map_or(usize::from(rest.starts_with(b":") && !rest.starts_with(b"::")), |sign| sign.len())
}

/// What stands up to the quote that closes it, which has as many backslashes as the one that opened it.
pub(super) fn quoted(text: &[u8], from: usize, opening: &[u8]) -> Range<usize> {
    // It is cut where none closes it: all that is there.
    closed(text, from, opening).unwrap_or(from..text.len().min(from + LONGEST_VALUE))
}

pub(super) fn closed(text: &[u8], from: usize, opening: &[u8]) -> Option<Range<usize>> {
    let (mark, slashes) = opening.split_last()?;
    let slashes = slashes.len();
    let limit = text.len().min(from + LONGEST_VALUE);
    for at in memchr::memchr_iter(*mark, &text[from..limit]).map(|at| from + at) {
        let run = text[from..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        if run % (2 * (slashes + 1)) == slashes {
            return Some(from..at - slashes);
        }
    }
    None
}

/// A value without quotes; of a header, the rest of the line.
pub(super) fn bare(text: &[u8], from: usize, line: bool) -> Range<usize> {
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

/// The value of a variable of a shell or of an address: up to the next blank, or to the quote around both.
fn shell(text: &[u8], name: &Range<usize>, from: usize) -> Range<usize> {
    let before = text[..name.start].last();
    let rest = &text[from.min(text.len())..];
    if reads_environment(rest) || matches!(rest, [b'<', ..]) {
        return from..from;
    }
    let opening = before.filter(|byte| matches!(byte, b'"' | b'\'' | b'`')).copied();
    let in_address = matches!(before, Some(b'?' | b'&'));
    let ends = |at: usize| match rest[at] {
        b'\n' | b'\r' => true,
        b' ' | b'\t' => opening.is_none() || opening == Some(b'`'),
        b'"' | b'\'' | b'`' => true,
        b'&' => in_address,
        b'<' => rest[at..].starts_with(b"</"),
        b'\\' => newline_at(rest, at) > 0 || !quote_at(rest, at).is_empty(),
        _ => false,
    };
    let limit = rest.len().min(LONGEST_VALUE);
    from..from + (0..limit).find(|at| ends(*at)).unwrap_or(limit)
}

/// A value up to the quote that closes the name and it: `-H "X-Api-Key: …"`. Parts of a connection string end sooner.
fn in_quotes(text: &[u8], from: usize, opening: &[u8]) -> Option<Range<usize>> {
    let range = closed(text, from, opening)?;
    let value = &text[range.clone()];
    // A place in which a program puts the value.
    if value.starts_with(b"{") && value.ends_with(b"}") {
        return None;
    }
    let joins = |at: &usize| {
        matches!(value[*at], b';' | b'&') && {
            let next = value[at + 1..].trim_ascii_start();
            let word = next.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            word > 0 && matches!(next[word..].trim_ascii_start().first(), Some(b'='))
        }
    };
    let is_long = range.len() > 200 || value.contains(&b'\n') || value.iter().filter(|byte| **byte == b' ').count() > 1;
    if is_long {
        return None;
    }
    let size = (0..value.len()).find(joins).unwrap_or(value.len());
    Some(from..from + size)
}

/// What is given to a variable whose type stands at `at`: `&str = "…"`.
fn typed(text: &[u8], at: usize) -> Option<Value> {
    let rest = &text[at..text.len().min(at + LONGEST_TYPE)];
    let mut depth = 0_usize;
    let is_type = |byte: &&u8| {
        depth = match byte {
            b'<' | b'[' => depth + 1,
            b'>' | b']' => depth.saturating_sub(1),
            _ => depth,
        };
        byte.is_ascii_alphanumeric() || b"_&<>:' []?.|*".contains(byte) || (depth > 0 && b",;".contains(byte))
    };
    let size = rest.iter().take_while(is_type).count();
    if size == 0
        || rest.get(size) != Some(&b'=')
        || rest[size - 1] != b' '
        || matches!(rest.get(size + 1), Some(b'=' | b'>'))
    {
        return None;
    }
    let mut from = skip_blanks(text, at + size + 1);
    let newline = newline_at(text, from);
    if newline > 0 {
        from = skip_blanks(text, from + newline);
    }
    let opening = quote_at(text, from);
    if opening.is_empty() { called(text, from) } else { worded(text, quoted(text, from + opening.len(), opening)) }
}

/// What is given to a call: `String::from("…")`, `Some("…".into())`. Names and questions stand there as well.
fn called(text: &[u8], at: usize) -> Option<Value> {
    let rest = &text[at..text.len().min(at + LONGEST_TYPE)];
    let size = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_:.!".contains(byte)).count();
    if size == 0 || rest.get(size) != Some(&b'(') {
        return None;
    }
    let opening = quote_at(text, at + size + 1);
    (!opening.is_empty()).then(|| Value::loose(quoted(text, at + size + 1 + opening.len(), opening)))
}

/// The items of a list that opens before `at`; what stands there without quotes is less sure.
fn list(text: &[u8], at: usize, values: &mut Vec<Value>) {
    let mut at = at;
    for _ in 0..MOST_ITEMS {
        at += text[at.min(text.len())..]
            .iter()
            .take(256)
            .take_while(|byte| byte.is_ascii_whitespace() || **byte == b',')
            .count();
        let opening = quote_at(text, at);
        if opening.is_empty() {
            let range = bare(text, at, false);
            if range.is_empty() || !matches!(text.get(range.end), Some(b',' | b']')) {
                return;
            }
            at = range.end;
            values.push(Value::loose(range));
            continue;
        }
        let Some(range) = closed(text, at + opening.len(), opening) else {
            // The text breaks off in it.
            let rest = at + opening.len()..text.len();
            let is_word = rest.len() < LONGEST_WORD && !text[rest.clone()].iter().any(u8::is_ascii_whitespace);
            return values.extend(is_word.then_some(rest).and_then(|rest| worded(text, rest)));
        };
        at = range.end + opening.len();
        values.extend(worded(text, range));
    }
}

/// What stands between long brackets, as Lua has them: `[[…]]`, `[==[…]==]`.
fn long_bracket(text: &[u8], at: usize) -> Option<Value> {
    let level = text[at + 1..].iter().take(8).take_while(|byte| **byte == b'=').count();
    let from = at + level + 2;
    if text.get(from - 1) != Some(&b'[') || matches!(text.get(from), Some(b'[' | b'{') | None) {
        return None;
    }
    let close = [b"]".as_slice(), &b"=".repeat(level), b"]"].concat();
    let rest = &text[from..text.len().min(from + LONGEST_VALUE)];
    let size = memchr::memmem::find(rest, &close)?;
    Some(Value::loose(from..from + size))
}

/// Without the blanks at its ends; `None` where nothing is left.
pub(super) fn trimmed(text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let value = &text[range.clone()];
    let before = value.len() - value.trim_ascii_start().len();
    let size = value.trim_ascii().len();
    (size > 0).then(|| range.start + before..range.start + before + size)
}
