//! Columns of a statement of SQL that inserts: `INSERT INTO users (name, password) VALUES ('ada', '…')`.

use std::ops::Range;

use super::value::{Named, Value};

/// No list of names is longer.
const LONGEST_LIST: usize = 2048;
/// Rows are not followed any farther.
const LONGEST_ROWS: usize = 64 << 10;

impl Named<'_> {
    /// What the rows of the statement have in the column of this name.
    pub fn in_statement(&self, values: &mut Vec<Value>) {
        let text = self.text;
        let from = self.range.start.saturating_sub(LONGEST_LIST);
        let before = &text[from..self.range.start];
        let Some(open) = memchr::memrchr2(b'(', b')', before).filter(|at| before[*at] == b'(') else { return };
        let head = before[open.saturating_sub(128)..open].to_ascii_lowercase();
        if memchr::memmem::find(&head, b"insert").is_none() && memchr::memmem::find(&head, b"replace").is_none() {
            return;
        }
        let column = before[open..].iter().filter(|byte| **byte == b',').count();
        let behind = &text[self.range.end..text.len().min(self.range.end + LONGEST_LIST)];
        let Some(close) = memchr::memchr2(b')', b'(', behind).filter(|at| behind[*at] == b')') else { return };
        let mut at = self.range.end + close + 1;
        at += blanks(&text[at..]);
        if !text[at..].get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"values")) {
            return;
        }
        at += 6;
        let limit = text.len().min(at + LONGEST_ROWS);
        loop {
            at += blanks(&text[at..limit]);
            if text.get(at) != Some(&b'(') || at >= limit {
                return;
            }
            let (cells, end) = row(text, at + 1, limit);
            values.extend(cells.into_iter().nth(column).flatten().map(Value::sure));
            at = end + 1;
            at += blanks(&text[at.min(limit)..limit]);
            if text.get(at) != Some(&b',') {
                return;
            }
            at += 1;
        }
    }
}

fn blanks(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The cells of a row, of those in quotes what stands in them, and where the row ends.
fn row(text: &[u8], from: usize, limit: usize) -> (Vec<Option<Range<usize>>>, usize) {
    let (mut cells, mut inside, mut depth, mut at) = (Vec::new(), None, 0_usize, from);
    while at < limit {
        match text[at] {
            quote @ (b'\'' | b'"') => {
                let end = end_of(text, at + 1, quote, limit);
                inside = inside.or((end > at + 1).then_some(at + 1..end));
                at = end;
            }
            b'(' => depth += 1,
            b')' if depth == 0 => break,
            b')' => depth -= 1,
            b',' if depth == 0 => cells.push(inside.take()),
            _ => {}
        }
        at += 1;
    }
    cells.push(inside);
    (cells, at)
}

/// Where a text in quotes ends; two quotes stand for one.
fn end_of(text: &[u8], from: usize, quote: u8, limit: usize) -> usize {
    let mut at = from;
    while let Some(size) = memchr::memchr(quote, &text[at.min(limit)..limit]) {
        let escaped = text[..at + size].ends_with(b"\\");
        if text.get(at + size + 1) == Some(&quote) {
            at += size + 2;
        } else if escaped {
            at += size + 1;
        } else {
            return at + size;
        }
    }
    limit
}
