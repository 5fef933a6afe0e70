//! Values that are named by a member beside them: tags of XML and HTML, attributes, forms, objects in pieces.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::code::{is_code, is_placeholder};
use super::value::{Named, Value, bare, quoted, trimmed};

/// Members that name what another member of the same object holds.
pub(super) const NAMES: [&str; 11] =
    ["name", "key", "k", "header", "field", "variable", "env", "label", "id", "parameterkey", "optionname"];
/// Members that hold what another one names.
pub(super) const VALUES: [&str; 7] = ["value", "values", "val", "v", "parametervalue", "content", "data"];
/// Those of them that hold whole texts too.
pub(super) const TEXTS: [&str; 2] = ["content", "data"];
/// A member stands no farther from the one that names it, nor a tag from its beginning.
const NEAR: usize = 512;
/// No value between tags is longer.
const LONGEST_CONTENT: usize = 4096;

/// A member that holds a value, up to its quote, or on a line of its own.
pub(super) static MEMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let value = r#"(?:value|values|val|v|parametervalue|(?<TEXT>content|data))\\*["']?[ \t]*(?:=>|[:=])[ \t]*"#;
    let (first, second) = (value.replace("TEXT", "text"), value.replace("TEXT", "other"));
    Regex::new(&format!(r#"(?-u)(?i:["'\s{{,]{first}(?<quote>\\*["'])|\n[ \t]+{second}(?<word>[^\s"'\[{{|>&*!]))"#))
        .ok()
});

impl Named<'_> {
    pub fn in_markup(&self, values: &mut Vec<Value>) {
        let before = &self.text[self.range.start.saturating_sub(NEAR)..self.range.start];
        let open = memchr::memrchr2(b'<', b'>', before).filter(|at| before[*at] == b'<');
        if let Some(open) = open.map(|at| self.range.start - before.len() + at) {
            values.extend(self.element(open));
        }
        if values.is_empty() && before.ends_with(b">") {
            values.extend(self.beside_tag());
        }
        let Some(by) = self.naming(before) else { return };
        if values.is_empty() {
            values.extend(self.member());
        }
        // What the name of a field is for is what its tag holds: `<string name="api_key">…</string>`.
        if values.is_empty() && open.is_some() && matches!(by, "name" | "key" | "k") {
            values.extend(self.content());
        }
        if values.is_empty() && by == "name" {
            values.extend(self.part_of_form());
        }
    }

    /// `<password>…</password>`, whatever attributes it has.
    fn element(&self, open: usize) -> Option<Value> {
        let tag = &self.text[open + 1..self.range.end];
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        // What a regular expression calls a group is no tag.
        let before = &self.text[..open];
        if !tag.iter().all(is_name) || before.ends_with(b"?") || before.ends_with(b"?P") {
            return None;
        }
        if let Some(value) = self.member() {
            return Some(value);
        }
        let (range, behind) = content_behind(self.text, self.range.end)?;
        let closes = self.text[behind..].strip_prefix(b"</").is_some_and(|rest| rest.starts_with(tag));
        if closes {
            return worded(self.text, range);
        }
        // The end may be cut off.
        let is_direct = self.text.get(self.range.end) == Some(&b'>');
        let word = bare(self.text, self.range.end + 1, false);
        let is_value =
            is_direct && word.len() > 1 && !is_code(tag, &self.text[word.clone()], self.text.get(word.end).copied());
        is_value.then_some(word).and_then(|word| worded(self.text, word))
    }

    /// `<key>Password</key><string>…</string>`.
    fn beside_tag(&self) -> Option<Value> {
        let text = self.text;
        let rest = text[self.range.end..].strip_prefix(b"</")?;
        let size = memchr::memchr(b'>', &rest[..rest.len().min(64)])?;
        let next = self.range.end + 2 + size + 1;
        let next = next + text[next..].iter().take(NEAR).take_while(|byte| byte.is_ascii_whitespace()).count();
        let word = text[next..].strip_prefix(b"<")?.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let name = &text[next + 1..next + 1 + word];
        let (range, behind) = content_behind(text, next + 1 + word)?;
        let closes = text[behind..].strip_prefix(b"</").is_some_and(|rest| rest.starts_with(name));
        (word > 0 && closes).then_some(range).and_then(|range| worded(text, range))
    }

    /// The content of the tag in which the name stands.
    fn content(&self) -> Option<Value> {
        let (range, behind) = content_behind(self.text, self.range.end)?;
        self.text[behind..].starts_with(b"</").then_some(range).and_then(|range| worded(self.text, range))
    }

    /// The member whose value the name is: `name` in `"name": "password"`, `type` of a field of a form.
    fn naming(&self, before: &[u8]) -> Option<&'static str> {
        let mark = before.last().filter(|byte| matches!(byte, b'"' | b'\''));
        let before = mark.map_or(before, |mark| before.strip_suffix(&[*mark]).unwrap_or(before));
        let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        let before = before[..before.len() - slashes].trim_ascii_end();
        let sign = [&b"=>"[..], b"=", b":"].iter().find_map(|sign| before.strip_suffix(*sign))?;
        let sign = sign.trim_ascii_end();
        let sign = sign.strip_suffix(b"\"").or_else(|| sign.strip_suffix(b"'")).unwrap_or(sign);
        let sign = &sign[..sign.len() - sign.iter().rev().take_while(|byte| **byte == b'\\').count()];
        let size = sign.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let word = &sign[sign.len() - size..];
        let is_type = word.eq_ignore_ascii_case(b"type").then_some("type");
        NAMES.into_iter().find(|name| word.eq_ignore_ascii_case(name.as_bytes())).or(is_type)
    }

    /// The member of the same tag or object that holds the value, behind the name or before it.
    fn member(&self) -> Option<Value> {
        let (text, regex) = (self.text, MEMBER.as_ref()?);
        let apart = |range: Range<usize>| !text[range].iter().any(|byte| matches!(byte, b'{' | b'}' | b'<' | b'>'));
        let from = self.range.end + self.quote().len().saturating_sub(1);
        let behind = &text[from..text.len().min(from + NEAR)];
        if let Some(found) = regex.captures(behind) {
            let whole = found.get(0)?;
            let end = from + whole.end();
            if apart(self.range.end..from + whole.start()) {
                let value = match found.name("quote") {
                    Some(quote) => worded(text, quoted(text, end, quote.as_bytes())),
                    None => worded(text, bare(text, end - 1, true)),
                };
                let loose = found.name("text").or(found.name("other")).is_some();
                return value.map(|value| Value { loose, ..value });
            }
        }
        let start = self.range.start.saturating_sub(NEAR);
        let found = regex.captures_iter(&text[start..self.range.start]).filter(|found| found.name("quote").is_some());
        let found = found.last()?;
        let (quote, loose) = (found.name("quote")?, found.name("text").is_some());
        let range = quoted(text, start + quote.end(), quote.as_bytes());
        let is_beside = range.end < self.range.start && apart(range.end..self.range.start);
        is_beside.then_some(range).and_then(|range| worded(text, range)).map(|value| Value { loose, ..value })
    }

    /// A part of a form, whose value stands behind an empty line: `name="password"`.
    fn part_of_form(&self) -> Option<Value> {
        let text = &self.text[..self.text.len().min(self.range.end + NEAR + LONGEST_CONTENT)];
        let before = &text[self.range.start.saturating_sub(NEAR)..self.range.start];
        memchr::memmem::find(before, b"form-data")?;
        let near = &text[self.range.end..text.len().min(self.range.end + NEAR)];
        let empty = memchr::memmem::find(near, b"\r\n\r\n").map(|at| at + 4);
        let empty = empty.or_else(|| memchr::memmem::find(near, b"\n\n").map(|at| at + 2))?;
        let from = self.range.end + empty;
        let size = memchr::memchr(b'\n', &text[from..]).unwrap_or(text.len() - from);
        trimmed(text, from..from + size).and_then(|range| worded(text, range))
    }
}

fn worded(text: &[u8], range: Range<usize>) -> Option<Value> {
    (!is_placeholder(&text[range.clone()])).then(|| Value::sure(range))
}

/// What stands between the tag that is open at a place and the next one, and where that begins.
fn content_behind(text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let size = memchr::memchr2(b'>', b'<', &text[at..text.len().min(at + NEAR)])?;
    if text[at + size] == b'<' || text[..at + size].ends_with(b"/") {
        return None;
    }
    let from = at + size + 1;
    let limit = text.len().min(from + LONGEST_CONTENT);
    const OPEN: &[u8] = b"<![CDATA[";
    const CLOSE: &[u8] = b"]]>";
    if text[from..limit].starts_with(OPEN) {
        let from = from + OPEN.len();
        let size = memchr::memmem::find(text.get(from..limit)?, CLOSE)?;
        return Some((from..from + size, from + size + CLOSE.len()));
    }
    let size = memchr::memchr(b'<', &text[from..limit])?;
    trimmed(text, from..from + size).map(|range| (range, from + size))
}
