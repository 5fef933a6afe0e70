//! Cuts a document into its parts with their outlines, the same way for both readings of it.

use std::fs::File;
use std::io::Read;
use std::ops::Range;

use anyhow::{Result, bail};

use super::form::{Form, Part, part_of};
use crate::domain::{Fault, Lexer, Outline, Parts, Progress, Shape, Splitter};
use crate::import::Control;
use crate::import::read::Cancelled;

/// One part, complete.
#[derive(Debug)]
pub struct Piece {
    pub section: String,
    /// The name of a member of an inner object, such as a blob's id.
    pub name: Option<String>,
    /// It is an element of a list.
    pub in_list: bool,
    pub range: Range<u64>,
    pub outline: Result<Outline, Fault>,
}

impl Piece {
    pub fn part(&self, form: Form) -> Part {
        part_of(form, &self.section, self.shape(), self.in_list || self.name.is_some())
    }

    pub fn shape(&self) -> Option<Shape> {
        self.outline.as_ref().ok().map(|outline| outline.root().shape())
    }
}

/// What takes the parts of a document, in order.
pub trait Taker {
    /// The next bytes of the source, before the parts in them.
    fn bytes(&mut self, bytes: &[u8]) -> Result<()>;
    fn piece(&mut self, piece: Piece) -> Result<()>;
}

/// Reads a document to its end. Returns where and why it is no document any more, if it breaks off.
pub fn read_parts(file: &mut File, taker: &mut impl Taker, control: &Control) -> Result<Option<(u64, String)>> {
    let mut cutting = Cutting { taker, list: String::new(), open: None };
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; 1 << 20];
    let mut broken = None;
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if control.is_cancelled() {
            bail!(Cancelled);
        }
        cutting.taker.bytes(&buffer[..read])?;
        if broken.is_none() {
            broken = split(&mut splitter, &buffer[..read], &mut cutting)?;
        }
        size += read as u64;
    }
    if broken.is_none() && !splitter.is_complete() {
        let at = cutting.open.as_ref().map_or(size, |open| open.start);
        broken = Some((at, "the document ends before its end".to_owned()));
    }
    Ok(broken)
}

/// Splits what was read. What the splitter refuses is the document's fault, all else is an error.
fn split<T: Taker>(
    splitter: &mut Splitter,
    bytes: &[u8],
    cutting: &mut Cutting<'_, T>,
) -> Result<Option<(u64, String)>> {
    let Err(error) = splitter.feed(bytes, cutting) else { return Ok(None) };
    let reason = error.to_string();
    let place = reason.rsplit_once("at byte ").and_then(|(_, at)| at.parse().ok());
    match place.filter(|_| reason.starts_with("not the JSON object")) {
        Some(at) => Ok(Some((at, "not the JSON object that was expected".to_owned()))),
        None => Err(error),
    }
}

struct Cutting<'a, T> {
    taker: &'a mut T,
    /// The section that was last found to be a list.
    list: String,
    open: Option<Open>,
}

struct Open {
    section: String,
    name: Option<String>,
    start: u64,
    size: u64,
    lexer: Lexer,
    fault: Option<Fault>,
    done: bool,
}

impl<T: Taker> Parts for Cutting<'_, T> {
    fn is_whole(&mut self, section: &str, first: u8) -> bool {
        if first == b'[' {
            section.clone_into(&mut self.list);
            return false;
        }
        !matches!(section, "blobs" | "agent_io_blobs")
    }

    fn begin(&mut self, section: &str, name: Option<&str>, offset: u64) -> Result<()> {
        self.open = Some(Open {
            section: section.to_owned(),
            name: name.map(str::to_owned),
            start: offset,
            size: 0,
            lexer: Lexer::new(),
            fault: None,
            done: false,
        });
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if open.fault.is_none() && !open.done {
            match open.lexer.feed(bytes) {
                Ok(Progress::More) => {}
                Ok(Progress::Done { used }) => {
                    open.done = true;
                    open.fault = behind(&bytes[used..], open.size + used as u64);
                }
                Err(fault) => open.fault = Some(fault),
            }
        } else if open.fault.is_none() {
            open.fault = behind(bytes, open.size);
        }
        open.size += bytes.len() as u64;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        if !open.done && open.fault.is_none() {
            open.fault = open.lexer.finish().err();
        }
        let outline = match open.fault {
            Some(fault) => Err(fault),
            None => Ok(open.lexer.outline()),
        };
        let in_list = open.name.is_none() && self.list == open.section;
        let range = open.start..open.start + open.size;
        self.taker.piece(Piece { section: open.section, name: open.name, in_list, range, outline })
    }
}

/// The fault that something stands behind a value.
fn behind(bytes: &[u8], at: u64) -> Option<Fault> {
    let extra = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    Some(Fault { at: at + extra as u64, reason: "something follows the value".to_owned() })
}
