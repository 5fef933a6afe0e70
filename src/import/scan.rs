//! Scans a source for records: JSON values, one or more a line, or one document over many lines.
//!
//! Lines of any length cost bounded memory: a long one passes through in parts.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::domain::{Fault, Lexer, Outline, Progress};

/// A line up to this size is looked at as a whole.
const WHOLE: usize = 1 << 20;

/// What a scan hands on, in order. Parts cover the source without a gap.
pub trait Sink {
    /// The next bytes of the source. `cut` says that a new run must begin here.
    fn bytes(&mut self, bytes: &[u8], cut: bool) -> anyhow::Result<()>;
    /// A record is complete; its bytes have been handed on.
    fn record(&mut self, scanned: Scanned<'_>) -> anyhow::Result<()>;
    /// The line is complete.
    fn line(&mut self, offset: u64, line: u64) -> anyhow::Result<()>;
}

/// One record, good or bad.
pub struct Scanned<'a> {
    pub outline: Result<Outline, Fault>,
    pub offset: u64,
    pub size: u64,
    pub line: u64,
    /// The record's bytes, unless it is long.
    pub bytes: Option<&'a [u8]>,
    pub digest: [u8; 32],
    /// It ends with the source, without a line end, inside a value or a bare word: its rest may follow.
    pub cut: bool,
}

/// How values lie in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Each line holds its values.
    Lines,
    /// Values go on over line ends.
    Document,
    /// No text: requests in protobuf.
    Protobuf,
}

/// Reads a source from `offset` to its end.
pub fn scan(mut from: impl Read, layout: Layout, offset: u64, line: u64, sink: &mut impl Sink) -> anyhow::Result<()> {
    if layout == Layout::Protobuf {
        return super::otel::scan_protobuf(from, offset, line, sink);
    }
    let mut scan = Scan { sink, offset, line, begun: offset, open: None };
    let mut buffer: Vec<u8> = Vec::with_capacity(64 << 10);
    let mut looked = 0;
    loop {
        let ended = fill(&mut from, &mut buffer)? == 0;
        let mut at = 0;
        loop {
            let end = match layout {
                Layout::Lines => {
                    memchr::memchr(b'\n', &buffer[at.max(looked)..]).map(|found| at.max(looked) + found + 1)
                }
                Layout::Document | Layout::Protobuf => None,
            };
            looked = 0;
            match end {
                Some(end) => scan.part(&buffer[at..end], true, false)?,
                None if ended => {
                    scan.part(&buffer[at..], true, true)?;
                    return Ok(());
                }
                None if scan.open.is_some() || buffer.len() - at > WHOLE => {
                    scan.part(&buffer[at..], false, false)?;
                    at = buffer.len();
                    break;
                }
                None => break,
            }
            at = end.unwrap_or(buffer.len());
        }
        buffer.drain(..at);
        looked = buffer.len();
    }
}

/// Reads on without touching memory that stays unused; 0 at the end.
fn fill(from: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    from.by_ref().take(WHOLE as u64).read_to_end(buffer)
}

struct Scan<'a, S> {
    sink: &'a mut S,
    offset: u64,
    line: u64,
    /// Where the line begins.
    begun: u64,
    /// The long record whose parts are passing through.
    open: Option<Open>,
}

struct Open {
    lexer: Lexer,
    start: u64,
    hasher: Sha256,
    /// What was wrong; the record goes on to the end of its line.
    fault: Option<Fault>,
}

impl<S: Sink> Scan<'_, S> {
    /// Takes the next part of a line; `last` says that the line ends with it, `ended` that the source does.
    fn part(&mut self, bytes: &[u8], last: bool, ended: bool) -> anyhow::Result<()> {
        let mut at = 0;
        loop {
            if self.open.is_none() {
                let blank = bytes[at..].iter().take_while(|byte| is_blank(**byte)).count();
                self.hand(&bytes[at..at + blank], false)?;
                at += blank;
                if at == bytes.len() {
                    break;
                }
                let open = Open { lexer: Lexer::new(), start: self.offset, hasher: Sha256::new(), fault: None };
                if last {
                    at += self.whole(open, &bytes[at..], ended)?;
                    continue;
                }
                self.open = Some(open);
            }
            at += self.more(&bytes[at..], last, ended)?;
            if at == bytes.len() {
                break;
            }
        }
        // The last part of a line has no bytes where the source ends with the part before it.
        if last && self.offset > self.begun {
            self.begun = self.offset;
            self.line += 1;
            self.sink.line(self.offset, self.line)?;
        }
        Ok(())
    }

    /// A record whose bytes are all here: the start of `bytes`, up to the end of the line.
    fn whole(&mut self, mut open: Open, bytes: &[u8], ended: bool) -> anyhow::Result<usize> {
        let fed = open.lexer.feed(bytes);
        let (used, fault, is_open) = match fed {
            Ok(Progress::Done { used }) => (used, None, false),
            Ok(Progress::More) => (bytes.len(), open.lexer.finish().err(), true),
            Err(fault) => (bytes.len(), Some(fault), true),
        };
        let size = bytes[..used].trim_ascii_end().len();
        let cut = is_open && ended;
        self.hand(&bytes[..used], cut)?;
        let record = &bytes[..size];
        let outline = fault.map_or_else(|| Ok(open.lexer.outline()), Err);
        let digest = Sha256::digest(record).into();
        let (offset, size, line) = (open.start, size as u64, self.line + 1);
        self.sink.record(Scanned { outline, offset, size, line, bytes: Some(record), digest, cut })?;
        Ok(used)
    }

    /// The next part of a long record.
    fn more(&mut self, bytes: &[u8], last: bool, ended: bool) -> anyhow::Result<usize> {
        let Some(mut open) = self.open.take() else { return Ok(0) };
        let mut used = bytes.len();
        let mut done = last;
        if open.fault.is_none() {
            match open.lexer.feed(bytes) {
                Ok(Progress::Done { used: part }) => (used, done) = (part, true),
                Ok(Progress::More) if last => open.fault = open.lexer.finish().err(),
                Ok(Progress::More) => {}
                Err(fault) => open.fault = Some(fault),
            }
        }
        let content = if done { bytes[..used].trim_ascii_end() } else { &bytes[..used] };
        open.hasher.update(content);
        let size = self.offset - open.start + content.len() as u64;
        self.hand(&bytes[..used], false)?;
        if !done {
            self.open = Some(open);
            return Ok(used);
        }
        let cut = open.fault.is_some() && ended;
        let outline = open.fault.map_or_else(|| Ok(open.lexer.outline()), Err);
        let (offset, line, digest) = (open.start, self.line + 1, open.hasher.finalize().into());
        self.sink.record(Scanned { outline, offset, size, line, bytes: None, digest, cut })?;
        Ok(used)
    }

    fn hand(&mut self, bytes: &[u8], cut: bool) -> anyhow::Result<()> {
        if !bytes.is_empty() {
            self.sink.bytes(bytes, cut)?;
            self.offset += bytes.len() as u64;
        }
        Ok(())
    }
}

/// White space between records; a byte order mark at the start of a file is none of theirs either.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen {
        bytes: Vec<u8>,
        records: Vec<(String, u64, bool)>,
        lines: Vec<(u64, u64)>,
    }

    impl Sink for Seen {
        fn bytes(&mut self, bytes: &[u8], _cut: bool) -> anyhow::Result<()> {
            self.bytes.extend_from_slice(bytes);
            Ok(())
        }

        fn record(&mut self, scanned: Scanned<'_>) -> anyhow::Result<()> {
            let (start, end) = (scanned.offset as usize, (scanned.offset + scanned.size) as usize);
            let record = self.bytes[start..end].to_vec();
            assert_eq!(scanned.digest, <[u8; 32]>::from(Sha256::digest(&record)));
            if let Some(bytes) = scanned.bytes {
                assert!(bytes == record);
            }
            let text = String::from_utf8_lossy(&record[..record.len().min(12)]).into_owned();
            self.records.push((text, scanned.line, scanned.outline.is_ok()));
            Ok(())
        }

        fn line(&mut self, offset: u64, line: u64) -> anyhow::Result<()> {
            self.lines.push((offset, line));
            Ok(())
        }
    }

    fn seen(text: &[u8], layout: Layout) -> Seen {
        let mut seen = Seen::default();
        scan(text, layout, 0, 0, &mut seen).expect("scans");
        assert!(seen.bytes == text);
        seen
    }

    #[test]
    fn a_line_may_hold_no_record_one_or_two() {
        let seen = seen(b"{\"a\":1}\r\n\n  \n{\"b\":2}{\"c\":3}\n12", Layout::Lines);
        let expected = [("{\"a\":1}", 1), ("{\"b\":2}", 4), ("{\"c\":3}", 4), ("12", 5)];
        assert_eq!(seen.records, expected.map(|(text, line)| (text.to_owned(), line, true)));
    }

    #[test]
    fn a_bad_record_ends_with_its_line() {
        let seen = seen(b"{\"a\":\n{\"b\":2} x\n[3]", Layout::Lines);
        let expected = [("{\"a\":", 1, false), ("{\"b\":2}", 2, true), ("x", 2, false), ("[3]", 3, true)];
        assert_eq!(seen.records, expected.map(|(text, line, good)| (text.to_owned(), line, good)));
    }

    #[test]
    fn long_lines_pass_in_parts_and_keep_their_digest() {
        let mut text = b"{\"x\":\"".to_vec();
        text.resize(3 * WHOLE + 17, b'y');
        text.extend_from_slice(b"\"}{\"z\":1}\n{\"after\":1}\n");
        let records = seen(&text, Layout::Lines).records;
        let lines: Vec<(u64, bool)> = records.iter().map(|(_, line, good)| (*line, *good)).collect();
        assert_eq!(lines, [(1, true), (1, true), (2, true)]);
    }

    #[test]
    fn a_source_ends_with_a_line_whatever_it_is_read_in() {
        for size in [0, 10, WHOLE - 1, WHOLE, WHOLE + 1, 2 * WHOLE, 3 * WHOLE + 17] {
            let mut text = b"{\"x\":\"".to_vec();
            text.resize(text.len() + size, b'y');
            text.extend_from_slice(b"\"}");
            for (layout, end) in
                [(Layout::Lines, ""), (Layout::Lines, "\n"), (Layout::Document, ""), (Layout::Document, "\n")]
            {
                let source = [&text, end.as_bytes()].concat();
                let seen = seen(&source, layout);
                assert_eq!(
                    (seen.records.len(), seen.lines),
                    (1, vec![(source.len() as u64, 1)]),
                    "{size} {layout:?} {end:?}"
                );
            }
        }
    }

    #[test]
    fn a_document_goes_on_over_line_ends() {
        let seen = seen(b"{\n \"a\": [1,\n 2]\n}\n", Layout::Document);
        assert_eq!(seen.records.len(), 1);
        assert!(seen.records[0].2);
    }
}
