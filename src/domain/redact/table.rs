//! Columns of tables in which secrets stand: rows of Markdown, lines with commas.

use std::ops::Range;

use super::value::{Named, Value, trimmed};

/// No line of names is longer.
const LONGEST_LINE: usize = 1024;
/// A table is not followed any farther.
const LONGEST_TABLE: usize = 16 << 10;

impl Named<'_> {
    /// The cells that a name in the first line of a table stands over, or the cell beside a name. `followed`: the rows of
    /// the last table, which are not names over others.
    pub fn in_table(&self, followed: &mut Range<usize>, values: &mut Vec<Value>) {
        let text = self.text;
        let Some(mark) = self.mark() else { return self.alone(values) };
        let Some(line) = line_around(text, &self.range) else { return };
        let is_below = followed.contains(&self.range.start);
        let is_framed = text[line.clone()].trim_ascii_start().starts_with(b"|");
        if is_below && !(mark == b'|' && is_framed) {
            return;
        }
        let cells = cells(text, &line, mark);
        let Some(column) = cells.iter().position(|cell| cell.start <= self.range.start && self.range.end <= cell.end)
        else {
            return;
        };
        let below = line.end + 1;
        let limit = text.len().min(below.saturating_add(LONGEST_TABLE));
        let rule = below.min(limit)..line_end(text, below.min(limit), LONGEST_LINE);
        let is_rule = mark == b'|' && !is_below && is_rule(&text[rule.clone()]);
        if !is_rule && mark == b'|' {
            // Without a frame, it is a row of one record as psql shows it.
            let is_first = text[line.start..self.range.start].trim_ascii().is_empty() && cells.len() == 2;
            if !is_framed && !is_first {
                return;
            }
            return values.extend(cells.get(column + 1).and_then(|cell| plain(text, cell)).map(Value::loose));
        }
        let is_name = |cell: &Range<usize>| {
            let name = text[cell.clone()].trim_ascii();
            !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || is_joint(*byte))
        };
        if mark != b'|' && !cells.iter().all(is_name) {
            return;
        }
        let mut at = if is_rule { rule.end + 1 } else { below };
        while at < limit {
            let row = at..line_end(text, at, LONGEST_TABLE);
            let there = self::cells(text, &row, mark);
            if there.len() != cells.len() {
                break;
            }
            values.extend(plain(text, &there[column]).map(Value::loose));
            at = row.end + 1;
        }
        *followed = below..at;
    }

    /// The rows of a table with one column, as psql shows it: the name stands behind a blank, and over a rule.
    fn alone(&self, values: &mut Vec<Value>) {
        let text = self.text;
        let Some(line) = line_around(text, &self.range) else { return };
        let rule = (line.end + 1).min(text.len());
        let rule = rule..line_end(text, rule, LONGEST_LINE);
        let is_name = text[line.clone()].trim_ascii() == self.name() && text.get(line.start) == Some(&b' ');
        if !is_name || !text[rule.clone()].starts_with(b"--") || text[rule.clone()].iter().any(|byte| *byte != b'-') {
            return;
        }
        let (mut at, limit) = (rule.end + 1, text.len().min(rule.end + LONGEST_TABLE));
        while at < limit && text[at] == b' ' {
            let row = at..line_end(text, at, LONGEST_TABLE);
            values.extend(plain(text, &row).map(Value::loose));
            at = row.end + 1;
        }
    }

    /// What parts the cells of the line, where the name is all that stands in one.
    fn mark(&self) -> Option<u8> {
        let marks = |byte: &&u8| !matches!(byte, b' ' | b'*' | b'_' | b'`' | b'"');
        // Words may stand before the last one of a name.
        let word = |byte: &&u8| !byte.is_ascii_alphanumeric();
        let before = self.text[..self.range.start].iter().rev().take(64).filter(marks).find(word).copied();
        let behind = self.text[self.range.end..].iter().take(64).find(marks).copied();
        match (before, behind) {
            (Some(b'|') | Some(b'\n') | None, Some(b'|')) => Some(b'|'),
            (Some(b'|'), Some(b'\n' | b'\r')) => Some(b'|'),
            (Some(b',') | Some(b'\n') | None, Some(b',')) => Some(b','),
            (Some(b','), Some(b'\n' | b'\r')) => Some(b','),
            (Some(b'\t') | Some(b'\n') | None, Some(b'\t')) => Some(b'\t'),
            (Some(b'\t'), Some(b'\n' | b'\r')) => Some(b'\t'),
            _ => None,
        }
    }
}

/// What a line of names has besides letters and digits.
fn is_joint(byte: u8) -> bool {
    matches!(byte, b' ' | b'_' | b'-' | b'"')
}

/// The line under the names of a table of Markdown.
fn is_rule(line: &[u8]) -> bool {
    line.contains(&b'-') && line.iter().all(|byte| matches!(byte, b'|' | b'-' | b'+' | b':' | b' ' | b'\t' | b'\r'))
}

/// The line in which a name stands; `None` where it is too long for a line of names.
fn line_around(text: &[u8], name: &Range<usize>) -> Option<Range<usize>> {
    let from = name.start.saturating_sub(LONGEST_LINE);
    let start = match memchr::memrchr(b'\n', &text[from..name.start]) {
        Some(at) => from + at + 1,
        None if from == 0 => 0,
        None => return None,
    };
    let end = line_end(text, name.end, LONGEST_LINE);
    (end == text.len() || text[end] == b'\n').then_some(start..end)
}

fn line_end(text: &[u8], at: usize, most: usize) -> usize {
    let limit = text.len().min(at + most);
    memchr::memchr(b'\n', &text[at..limit]).map_or(limit, |size| at + size)
}

/// The cells of a line; a mark in quotes parts none.
fn cells(text: &[u8], line: &Range<usize>, mark: u8) -> Vec<Range<usize>> {
    let (mut cells, mut start, mut in_quotes) = (Vec::new(), line.start, false);
    for at in line.clone() {
        if text[at] == b'"' && mark != b'|' {
            in_quotes = !in_quotes;
        } else if text[at] == mark && !in_quotes {
            cells.push(start..at);
            start = at + 1;
        }
    }
    cells.push(start..line.end);
    cells
}

/// A cell without what makes it stand out.
fn plain(text: &[u8], cell: &Range<usize>) -> Option<Range<usize>> {
    let mut cell = trimmed(text, cell.clone())?;
    while cell.len() > 1 && matches!(text[cell.start], b'`' | b'*' | b'"') && text[cell.start] == text[cell.end - 1] {
        cell = cell.start + 1..cell.end - 1;
    }
    (!cell.is_empty()).then_some(cell)
}
