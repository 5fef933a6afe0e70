//! A slice as bytes: one large object or a file of lines, told by how it begins, and minded to be JSON.

use super::lines::LineSplitter;
use super::{Fault, Parts, Splitter, Strict};

/// How a file of lines begins.
const LINES: &[u8] = b"{\"section\":";

/// Splits a slice while it streams by.
#[derive(Debug)]
pub struct Document {
    way: Way,
    strict: Strict,
    /// Where the line begins that is minded.
    line: u64,
    at: u64,
    fault: Option<Fault>,
}

#[derive(Debug)]
enum Way {
    /// So much of it that it cannot be told yet.
    Unknown(Vec<u8>),
    Whole(Splitter),
    Lines(LineSplitter),
}

impl Default for Document {
    fn default() -> Self {
        Self { way: Way::Unknown(Vec::new()), strict: Strict::default(), line: 0, at: 0, fault: None }
    }
}

impl Document {
    /// Takes the next bytes. The error names the byte at which it is no slice any more.
    pub fn feed(&mut self, bytes: &[u8], parts: &mut impl Parts) -> anyhow::Result<()> {
        if let Way::Unknown(held) = &mut self.way {
            held.extend_from_slice(bytes);
            if held.len() < LINES.len() {
                return Ok(());
            }
            let held = std::mem::take(held);
            self.way = if held.starts_with(LINES) {
                Way::Lines(LineSplitter::default())
            } else {
                Way::Whole(Splitter::default())
            };
            return self.split(&held, parts);
        }
        self.split(bytes, parts)
    }

    fn split(&mut self, bytes: &[u8], parts: &mut impl Parts) -> anyhow::Result<()> {
        if self.fault.is_none() {
            self.fault = self.mind(bytes).err();
        }
        match &mut self.way {
            Way::Unknown(_) => Ok(()),
            Way::Whole(splitter) => splitter.feed(bytes, parts),
            Way::Lines(splitter) => splitter.feed(bytes, parts),
        }
    }

    fn mind(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if !matches!(self.way, Way::Lines(_)) {
            return self.strict.feed(bytes);
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_end = part.ends_with(b"\n");
            let minded = self.strict.feed(part).and_then(|()| if is_end { self.strict.finish() } else { Ok(()) });
            minded.map_err(|fault| Fault { at: fault.at + self.line, ..fault })?;
            self.at += part.len() as u64;
            if is_end {
                (self.strict, self.line) = (Strict::default(), self.at);
            }
        }
        Ok(())
    }

    /// Whether nothing is missing at the end.
    pub fn is_complete(&self) -> bool {
        match &self.way {
            Way::Unknown(_) => false,
            Way::Whole(splitter) => splitter.is_complete(),
            Way::Lines(splitter) => splitter.is_complete(),
        }
    }

    /// Why it is not JSON, where it is none, as far as it goes.
    pub fn fault(mut self) -> Option<Fault> {
        let is_over = matches!(self.way, Way::Whole(_)) && self.is_complete();
        self.fault.or_else(|| if is_over { self.strict.finish().err() } else { None })
    }
}
