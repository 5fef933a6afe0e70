//! Files of protobuf: one request, or requests one after another, each behind its length in four bytes.

use std::io::Read;

use anyhow::{Result, bail};
use sha2::{Digest, Sha256};

use crate::domain::{Fault, Outline};
use crate::import::scan::{Scanned, Sink};

/// No request is longer; senders split far below.
const LARGEST: usize = 256 << 20;
/// The length of a frame, the most significant byte first.
const PREFIX: usize = 4;
/// What a request begins with: its first group, which begins with a resource or a scope.
const GROUP: u8 = 0x0A;
const INNER: [u8; 2] = [0x0A, 0x12];
/// No text has these bytes, and no request is without one: times and ids are numbers.
const LAST_OF_NO_TEXT: u8 = 8;

/// Whether a file with this beginning holds requests in protobuf.
pub fn is_protobuf(head: &[u8]) -> bool {
    let framed = is_framed(head) && begins_request(&head[PREFIX..]);
    (begins_request(head) || framed) && head.iter().any(|byte| *byte <= LAST_OF_NO_TEXT)
}

fn is_framed(head: &[u8]) -> bool {
    head.len() > PREFIX && length(head) <= LARGEST && head[0] != GROUP
}

fn begins_request(bytes: &[u8]) -> bool {
    let size = bytes.iter().skip(1).take_while(|byte| **byte & 0x80 != 0).count();
    bytes.first() == Some(&GROUP) && bytes.get(2 + size).is_some_and(|byte| INNER.contains(byte))
}

fn length(frame: &[u8]) -> usize {
    frame[..PREFIX].iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
}

/// Hands on the requests from `offset` on; `line` counts those before.
pub fn scan(mut from: impl Read, offset: u64, line: u64, sink: &mut impl Sink) -> Result<()> {
    let mut handing = Handing { sink, offset, line };
    let mut head = Vec::new();
    from.by_ref().take(PREFIX as u64 + 1).read_to_end(&mut head)?;
    if !is_framed(&head) {
        from.by_ref().take(LARGEST as u64 + 1).read_to_end(&mut head)?;
        if head.len() > LARGEST {
            bail!("a request of more than {} MiB cannot be read", LARGEST >> 20);
        }
        return if head.is_empty() { Ok(()) } else { handing.request(&[], &head, false) };
    }
    let mut next = head.split_off(PREFIX);
    while head.len() == PREFIX {
        let size = length(&head);
        if size > LARGEST {
            bail!("the length at byte {} is {size}: no request is so long", handing.offset);
        }
        let missing = size.saturating_sub(next.len());
        from.by_ref().take(missing as u64).read_to_end(&mut next)?;
        let is_cut = next.len() < size;
        handing.request(&head, &next, is_cut)?;
        (head, next) = (Vec::new(), Vec::new());
        from.by_ref().take(PREFIX as u64).read_to_end(&mut head)?;
    }
    if head.is_empty() { Ok(()) } else { handing.request(&[], &head, true) }
}

struct Handing<'a, S> {
    sink: &'a mut S,
    offset: u64,
    line: u64,
}

impl<S: Sink> Handing<'_, S> {
    /// Hands on one request behind its length.
    fn request(&mut self, prefix: &[u8], bytes: &[u8], is_cut: bool) -> Result<()> {
        // What is cut begins anew when the file has grown, and its length with it.
        let start = if is_cut { 0 } else { prefix.len() };
        let whole = [prefix, bytes].concat();
        let record = &whole[start..];
        self.sink.bytes(&whole, is_cut)?;
        let fault = || Fault { at: 0, reason: "the request ends with the file".to_owned() };
        let outline = if is_cut { Err(fault()) } else { Outline::of(b"null") };
        let (offset, size, line) = (self.offset + start as u64, record.len() as u64, self.line + 1);
        if size > 0 {
            let digest = Sha256::digest(record).into();
            self.sink.record(Scanned { outline, offset, size, line, bytes: Some(record), digest, cut: is_cut })?;
        }
        self.offset += whole.len() as u64;
        self.line += 1;
        self.sink.line(self.offset, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_from_texts() {
        let request = [&[GROUP, 40, GROUP, 20][..], &[0; 40]].concat();
        assert!(is_protobuf(&request));
        assert!(is_protobuf(&[&[0, 0, 0, 44][..], &request].concat()));
        for text in ["\n{\n \"a\": 1}", "{\"a\":1}", "\n\n\n", "", "\u{7f}ELF\u{0}\u{1}"] {
            assert!(!is_protobuf(text.as_bytes()), "{text:?}");
        }
    }
}
