//! The head of a source: its first records, from which its format is told.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result, bail};

use super::scan::{Layout, Scanned, Sink, scan};
use super::{FORMATS, Format, Open};
use crate::domain::{Fault, Lexer, Outline, Progress};

const BYTES: usize = 256 << 10;
const RECORDS: usize = 50;
/// So many of the first records are looked at whatever their length.
const FEW: usize = 3;

/// The first records of a source.
#[derive(Debug)]
pub struct Head {
    pub outlines: Vec<Outline>,
    pub layout: Layout,
    bytes: usize,
    fault: Option<Fault>,
    faults: usize,
}

impl Head {
    /// Reads from where the file stands.
    pub fn read(mut file: File) -> Result<Self> {
        let mut bytes = Vec::with_capacity(BYTES);
        file.by_ref().take(BYTES as u64).read_to_end(&mut bytes).context("could not read the file")?;
        let whole = bytes.len() < BYTES;
        Ok(Self::of(&bytes, if whole { None } else { Some(file) }))
    }

    /// The head, from the first bytes and, where they hold too little, from what stands behind them.
    fn of(bytes: &[u8], behind: Option<File>) -> Self {
        if super::otel::is_protobuf(bytes) {
            let (outlines, bytes) = (Vec::new(), bytes.len());
            return Self { outlines, layout: Layout::Protobuf, bytes, fault: None, faults: 0 };
        }
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        let is_whole = behind.is_none();
        let mut layout = layout(bytes, is_whole);
        let mut first = First::default();
        let begun = behind.is_some().then(|| beginning(bytes)).flatten();
        // Of a document the beginning says enough, and it is as long as the whole file.
        let is_document =
            begun.as_ref().is_some_and(|begun| documents().any(|format| (format.detect)(std::slice::from_ref(begun))));
        match (begun, behind) {
            (Some(begun), _) if is_document => first.outlines.push(begun),
            // Ends early because the sink stops it; what cannot be read is told by whoever reads all of it.
            (Some(_), Some(behind)) => drop(scan(bytes.chain(behind), layout, 0, 0, &mut first)),
            _ => drop(scan(bytes, layout, 0, 0, &mut first)),
        }
        if first.fault.is_some()
            && let Some(broken) = broken_document(bytes)
        {
            first.outlines = vec![broken];
        } else if first.fault.is_some()
            && (is_whole || first.outlines.is_empty())
            && let Some(cut) = cut_request(bytes)
        {
            first.outlines = vec![cut];
            if bytes.trim_ascii().contains(&b'\n') {
                layout = Layout::Document;
            }
        }
        Self {
            outlines: first.outlines,
            layout,
            bytes: if blank { 0 } else { bytes.len() },
            fault: first.fault,
            faults: first.faults,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The format of the source. `None` where it is no session and nobody said that it was one.
    pub fn format(&self, named: bool) -> Result<Option<&'static Format>> {
        let unknown = FORMATS.last().context("there is a last format")?;
        if self.is_empty() {
            return Ok(named.then_some(unknown));
        }
        if self.layout == Layout::Protobuf {
            return Ok(Some(&super::otel::FORMAT));
        }
        let known = FORMATS[..FORMATS.len() - 1].iter().find(|format| (format.detect)(&self.outlines));
        if known.is_some() || !named {
            return Ok(known);
        }
        // One line of prose that happens to be JSON makes no session of a text.
        if self.outlines.len() < self.faults {
            match &self.fault {
                Some(fault) => bail!("holds no JSON records ({fault})"),
                None => bail!("holds no JSON records"),
            }
        }
        Ok(Some(unknown))
    }
}

/// The formats of which a source is one document.
fn documents() -> impl Iterator<Item = &'static Format> {
    FORMATS.iter().filter(|format| !matches!(format.open, Open::Records(_)))
}

/// Lines, unless the first value goes on over the end of its line.
fn layout(bytes: &[u8], whole: bool) -> Layout {
    let text = bytes.trim_ascii_start();
    let line = memchr::memchr(b'\n', text).map_or(text, |end| &text[..end]);
    let mut lexer = Lexer::new();
    match lexer.feed(line) {
        Ok(Progress::More) if line.len() < text.len() && lexer.finish().is_err() => {
            let mut lexer = Lexer::new();
            match lexer.feed(text) {
                Ok(Progress::Done { .. }) => Layout::Document,
                Ok(Progress::More) if !whole => Layout::Document,
                _ => Layout::Lines,
            }
        }
        _ => Layout::Lines,
    }
}

/// The outline of a first record that is longer than the head.
fn beginning(bytes: &[u8]) -> Option<Outline> {
    let mut lexer = Lexer::new();
    match lexer.feed(bytes.trim_ascii_start()) {
        Ok(_) => Some(lexer.outline()),
        Err(_) => None,
    }
}

/// A slice, or a document of the original, that breaks off or breaks somewhere is still one, as far as it goes.
fn broken_document(bytes: &[u8]) -> Option<Outline> {
    let mut lexer = Lexer::new();
    // Where it breaks is told when it is read.
    let _ = lexer.feed(bytes.trim_ascii_start());
    let outline = lexer.outline();
    let is_known = !outline.is_empty() && documents().any(|format| (format.detect)(std::slice::from_ref(&outline)));
    is_known.then_some(outline)
}

/// A request in OTLP that the file ends inside of is still one; so is the beginning of one that goes on.
fn cut_request(bytes: &[u8]) -> Option<Outline> {
    beginning(bytes).filter(|begun| (super::otel::FORMAT.detect)(std::slice::from_ref(begun)))
}

#[derive(Default)]
struct First {
    outlines: Vec<Outline>,
    fault: Option<Fault>,
    faults: usize,
    seen: usize,
}

impl Sink for First {
    fn bytes(&mut self, bytes: &[u8], _cut: bool) -> Result<()> {
        if self.seen >= BYTES && self.outlines.len() + self.faults >= FEW {
            bail!("enough");
        }
        self.seen += bytes.len();
        Ok(())
    }

    fn record(&mut self, scanned: Scanned<'_>) -> Result<()> {
        match scanned.outline {
            Ok(outline) => self.outlines.push(outline),
            // JSON all the same, though too deep to be looked into.
            Err(fault) if fault.is_depth() => {}
            Err(fault) => {
                self.faults += 1;
                self.fault.get_or_insert(fault);
            }
        }
        if self.outlines.len() >= RECORDS {
            bail!("enough");
        }
        Ok(())
    }

    fn line(&mut self, _offset: u64, _line: u64) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_documents_are_told_apart() {
        let layout = |text: &str| Head::of(text.as_bytes(), None).layout;
        assert_eq!(layout("{\"a\":1}\n{\"b\":2}\n"), Layout::Lines);
        assert_eq!(layout("{\n \"a\": 1\n}\n"), Layout::Document);
        assert_eq!(layout("{\"a\":\n{\"b\":2}\n"), Layout::Lines);
        assert_eq!(layout("[\n{\"a\":1},\n{\"b\":2}\n]"), Layout::Document);
    }

    #[test]
    fn a_request_that_is_cut_is_still_one() {
        let head = |text: &str| {
            let head = Head::of(text.as_bytes(), None);
            (head.format(false).expect("no error").map(|format| format.agent), head.layout)
        };
        let one_line = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"a"},{"na"#;
        assert_eq!(head(one_line), (Some("otel"), Layout::Lines));
        assert_eq!(head(&one_line.replace('[', "[\n")), (Some("otel"), Layout::Document));
        assert_eq!(head(r#"{"other":[{"a"#), (None, Layout::Lines));
    }

    #[test]
    fn what_is_no_json_is_no_session() {
        let head = Head::of(b"\x7fELF\x00\x01", None);
        let error = head.format(true).expect_err("not a session").to_string();
        assert!(error.starts_with("holds no JSON records ("), "{error}");
        assert!(head.format(false).expect("no error").is_none());
        assert!(Head::of(b"", None).is_empty());
    }
}
