//! Text and bytes laid out as lines.

use std::ops::Range;

use super::document::{Document, HEX_BYTES, LineKind, Node, Sort};

/// Line ends beyond so many lines are marks in one last line: an index of them would dwarf the text.
const MOST_LINES: usize = 2_000_000;

/// Lays out text that is not JSON.
pub(super) fn lay_text(document: &mut Document, parent: u32, range: Range<usize>) {
    let number = document.nodes.len() as u32;
    let mut node = Node::new(Sort::Text, parent, range.start, range.end);
    node.line = document.lines.len() as u32;
    document.nodes.push(node);
    let count = lay_lines(document, number, 0, range);
    let node = &mut document.nodes[number as usize];
    node.count = count;
    node.last = node.line + count.saturating_sub(1);
}

/// Adds the lines of a text; a line end at its end begins no other line. Returns how many there are.
pub(super) fn lay_lines(document: &mut Document, node: u32, depth: u16, range: Range<usize>) -> u32 {
    let bytes = &document.text[range.clone()];
    let closed = bytes.ends_with(b"\n");
    let end = range.end - usize::from(closed);
    let most = MOST_LINES.saturating_sub(document.lines.len());
    let breaks = memchr::memchr_iter(b'\n', &document.text[range.start..end]).take(most);
    let mut ends: Vec<usize> = breaks.map(|at| range.start + at).collect();
    if closed {
        ends.push(end);
    }
    let has_return = |end: &usize| *end > range.start && document.text[*end - 1] == b'\r';
    let returns = !ends.is_empty() && ends.iter().all(has_return);
    if !closed {
        ends.push(end);
    }
    document.lines.reserve(ends.len());
    let mut start = range.start;
    for (number, end) in ends.iter().enumerate() {
        let cut = returns && (closed || number + 1 < ends.len());
        document.push_line(LineKind::Text, node, depth, start..end - usize::from(cut));
        start = end + 1;
    }
    ends.len() as u32
}

/// Lays out bytes for the hex view.
pub(super) fn lay_hex(document: &mut Document, parent: u32, range: Range<usize>) {
    let number = document.nodes.len() as u32;
    let mut node = Node::new(Sort::Text, parent, range.start, range.end);
    node.line = document.lines.len() as u32;
    document.nodes.push(node);
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + HEX_BYTES);
        document.push_line(LineKind::Hex, number, 0, start..end);
        start = end;
    }
    let last = document.lines.len() as u32 - 1;
    let node = &mut document.nodes[number as usize];
    node.count = last + 1 - node.line;
    node.last = last;
}

#[cfg(test)]
mod tests {
    use super::super::source::{Hint, Mode, Part, Payload};
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let part = Part::whole("", text.as_bytes().to_vec(), Hint::default());
        let document = Document::new(Payload { parts: vec![part] }, Mode::Raw);
        let shown = |range: Range<usize>| String::from_utf8_lossy(&document.text[range]).into_owned();
        document.lines.iter().map(|line| shown(line.range())).collect()
    }

    #[test]
    fn a_line_end_at_the_end_begins_no_line() {
        assert_eq!(lines("a\n\nb\n"), ["a", "", "b"]);
        assert_eq!(lines("a"), ["a"]);
        assert_eq!(lines("\n"), [""]);
    }

    #[test]
    fn carriage_returns_are_line_ends_only_where_all_lines_have_them() {
        assert_eq!(lines("a\r\nb\r\n"), ["a", "b"]);
        assert_eq!(lines("a\r\nb"), ["a", "b"]);
        assert_eq!(lines("a\r\nb\nc\r\n"), ["a\r", "b", "c\r"]);
        assert_eq!(lines("a\r"), ["a\r"]);
    }
}
