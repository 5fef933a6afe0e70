//! Manifests of Kubernetes in YAML: all that one of the kind `Secret` holds is secret, whatever it is called.

use std::ops::Range;

use super::code::is_placeholder;
use super::value::{Named, Value, quote_at, quoted, skip_blanks, trimmed};

/// No manifest is followed farther in either direction.
const LONGEST: usize = 16 << 10;
/// The maps that hold it.
pub(super) const HOLDERS: [&str; 2] = ["data", "stringData"];

impl Named<'_> {
    /// Where the name is the kind of a manifest, the values of that, unless it was `followed` already.
    pub fn in_manifest(&self, followed: &mut Range<usize>, values: &mut Vec<Value>) {
        let text = self.text;
        let is_kind = text[..self.range.start].ends_with(b"kind: ") && self.name() == b"Secret";
        if !is_kind || followed.contains(&self.range.start) {
            return;
        }
        let (before, behind) = (self.range.start.saturating_sub(LONGEST), text.len().min(self.range.end + LONGEST));
        let start =
            memchr::memmem::rfind(&text[before..self.range.start], b"\n---").map_or(before, |at| before + at + 1);
        let end =
            memchr::memmem::find(&text[self.range.end..behind], b"\n---").map_or(behind, |at| self.range.end + at);
        *followed = start..end;
        let (mut at, mut holder) = (start, None);
        while at < end {
            let line = at..memchr::memchr(b'\n', &text[at..end]).map_or(end, |size| at + size);
            let depth = skip_blanks(text, at) - at;
            let is_inside = holder.is_some_and(|holder| depth > holder);
            let name = text[line.clone()].trim_ascii().strip_suffix(b":");
            if is_inside {
                values.extend(value(text, &line));
            } else {
                let holds = name.is_some_and(|name| HOLDERS.iter().any(|holder| holder.as_bytes() == name));
                holder = holds.then_some(depth);
            }
            at = line.end + 1;
        }
    }
}

/// What stands behind the colon, or the line of a block.
fn value(text: &[u8], line: &Range<usize>) -> Option<Value> {
    let colon = memchr::memmem::find(&text[line.clone()], b": ").map_or(line.start, |at| line.start + at + 2);
    let mut range = trimmed(text, colon..line.end)?;
    let opening = quote_at(text, range.start);
    if !opening.is_empty() {
        range = quoted(text, range.start + opening.len(), opening);
    }
    let value = &text[range.clone()];
    (!is_placeholder(value) && !value.ends_with(b":") && !value.ends_with(b": |")).then(|| Value::sure(range))
}
