//! Values that programs give to a name with no sign between: `.password("…")`, `define('PASSWORD', '…')`, `:token "…"`.

use std::ops::Range;

use super::code::is_placeholder;
use super::value::{Named, Value, bare, quote_at, quoted, skip_blanks};

/// So much before a name is looked at.
const BEFORE: usize = 24;
/// No block of a declaration is longer.
const LONGEST_BLOCK: usize = 512;
/// What gives the value of a name in a call: the one behind it, or the one that counts where there is none.
const GIVING: [&str; 14] = [
    "define",
    "getenv",
    "get_env",
    "env",
    "setenv",
    "putenv",
    "environ.get",
    "env.get",
    "fetch",
    "getproperty",
    "setproperty",
    "setdefault",
    "env_or",
    "getordefault",
];
/// What stands before a name that gets its value behind a blank.
const DEFINING: [&str; 8] =
    ["#define", "(def", "(defvar", "(defparameter", "(define", "(setq", "(setf", "(setq-default"];
/// How names of functions begin that give a value.
const SETTING: [&str; 3] = ["set", "with", "use"];
/// What gives the value that counts where a variable has none.
const OTHERWISE: [&str; 4] = ["||", "??", "?:", "or "];

impl Named<'_> {
    pub fn given(&self, values: &mut Vec<Value>) {
        let quote = self.quote();
        let behind = self.range.end + quote.len();
        values.extend(if quote.is_empty() { self.literal(behind) } else { self.argument(behind) });
        if values.is_empty() && !quote.is_empty() {
            values.extend(self.default(behind));
        }
    }

    /// `setPassword("…")`, `password{"…"}`, `#define PASSWORD "…"`, `:password "…"`, `process.env.API_KEY || "…"`.
    fn literal(&self, behind: usize) -> Option<Value> {
        let text = self.text;
        let at = skip_blanks(text, behind);
        if matches!(text.get(at), Some(b'(' | b'{')) {
            let range = in_quotes(text, skip_blanks(text, at + 1))?;
            let name = self.name().rsplit(|byte| *byte == b'.').next().unwrap_or(&[]).to_ascii_lowercase();
            let is_setter = text[at] == b'(' && SETTING.iter().any(|word| name.starts_with(word.as_bytes()));
            return worded(text, range, is_setter);
        }
        if let Some(sign) = OTHERWISE.iter().find(|sign| text[at..].starts_with(sign.as_bytes())) {
            return worded(text, in_quotes(text, skip_blanks(text, at + sign.len()))?, false);
        }
        if at == behind {
            return None;
        }
        let line = &text[self.range.start.saturating_sub(BEFORE)..self.range.start];
        let word = line.trim_ascii_end();
        let word = &word[word.iter().rposition(u8::is_ascii_whitespace).map_or(0, |at| at + 1)..];
        let defines = DEFINING.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        if let Some(range) = in_quotes(text, at) {
            // The name of a file is defined as often.
            let is_file = text[range.clone()].iter().any(|byte| matches!(byte, b'.' | b'/'));
            return worded(text, range, (defines && !is_file) || line.ends_with(b":"));
        }
        let range = if defines { bare(text, at, false) } else { return None };
        worded(text, range, false)
    }

    /// `define('PASSWORD', '…')`, `os.environ.get("API_KEY", "…")`.
    fn argument(&self, behind: usize) -> Option<Value> {
        let text = self.text;
        let from = skip_blanks(text, behind);
        if text.get(from) != Some(&b',') {
            return None;
        }
        let before = &text[self.range.start.saturating_sub(2 * BEFORE)..self.range.start];
        let quotes = before.iter().rev().take_while(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\')).count();
        let before = before[..before.len() - quotes].trim_ascii_end().strip_suffix(b"(")?.to_ascii_lowercase();
        let mut at = skip_blanks(text, from + 1);
        if let Some(rest) = text[at..].strip_prefix(b"default") {
            at = skip_blanks(text, at + 7);
            at = skip_blanks(text, at + usize::from(matches!(rest.trim_ascii_start().first(), Some(b'=' | b':'))));
        }
        let sure = GIVING.iter().any(|callee| before.ends_with(callee.as_bytes()));
        worded(text, in_quotes(text, at)?, sure)
    }

    /// The value that counts where none is given: `variable "db_password" { default = "…" }`.
    fn default(&self, behind: usize) -> Option<Value> {
        let text = self.text;
        let at = skip_blanks(text, behind);
        if text.get(at) != Some(&b'{') {
            return None;
        }
        let block = &text[at..text.len().min(at + LONGEST_BLOCK)];
        let block = &block[..memchr::memmem::find(block, b"\n}").unwrap_or(block.len())];
        let word = memchr::memmem::find(block, b"default")?;
        let rest = block[word + 7..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
        worded(text, in_quotes(text, at + block.len() - rest.len())?, true)
    }
}

/// What stands in the quotes that open at a place.
fn in_quotes(text: &[u8], at: usize) -> Option<Range<usize>> {
    let opening = quote_at(text, at);
    (!opening.is_empty()).then(|| quoted(text, at + opening.len(), opening))
}

/// A value that is none of the words for one. `sure`: nothing else stands in such a place.
fn worded(text: &[u8], range: Range<usize>, sure: bool) -> Option<Value> {
    let is_there = !is_placeholder(&text[range.clone()]);
    is_there.then(|| if sure { Value::sure(range) } else { Value::loose(range) })
}
