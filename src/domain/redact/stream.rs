//! Bytes that arrive in parts, searched in bounded memory: as a whole where they are short, else window by window.

use std::collections::HashMap;
use std::ops::Range;

use super::check::is_text;
use super::finder::{Find, Finder, kind_of};
use super::known::Known;

/// Up to this size bytes are searched as a whole, and as JSON where they are JSON.
const WHOLE: usize = 4 << 20;
/// Bytes of one window.
const WINDOW: usize = 512 << 10;
/// What stands so near to the end of a window is looked at again in the next one.
const OVERLAP: usize = 64 << 10;
/// What was written stays at hand, because what stands before a secret tells it.
const BEFORE: usize = 512;

/// A part of what was searched, in order and without gaps.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Nothing was found in it.
    Plain(&'a [u8]),
    /// A secret, the bytes it stands in, and where they begin.
    Secret { find: &'a Find, bytes: &'a [u8], at: u64 },
}

/// Bytes that are being searched.
#[derive(Debug, Default)]
pub struct Stream {
    held: Vec<u8>,
    /// How much at the start of what is held is done.
    done: usize,
    /// The place of the first byte that is held.
    base: u64,
    windows: bool,
    /// What names told to be secret, so that it is one without them too from there on.
    secrets: HashMap<Vec<u8>, usize>,
    passing: Option<Passing>,
}

/// A long word that nobody can look into is passing by.
#[derive(Debug)]
struct Passing {
    find: Find,
    at: u64,
}

impl Stream {
    /// Takes the next bytes.
    pub fn feed(&mut self, finder: &Finder, bytes: &[u8], each: &mut dyn FnMut(Piece<'_>)) {
        self.held.extend_from_slice(bytes);
        self.windows |= self.held.len() > WHOLE;
        while self.windows && self.held.len() - self.done > WINDOW + OVERLAP {
            if !self.pass(false, each) {
                self.window(finder, each);
            }
        }
    }

    /// Says that no more bytes come.
    pub fn finish(mut self, finder: &Finder, each: &mut dyn FnMut(Piece<'_>)) {
        if !self.windows {
            let finds = finder.whole(&self.held);
            return self.tell(&finds, self.held.len(), each);
        }
        while self.done < self.held.len() && !self.pass(true, each) {
            self.window(finder, each);
        }
        if let Some(Passing { find, at }) = self.passing.take() {
            each(Piece::Secret { find: &find, bytes: &[], at });
        }
    }

    /// Searches the next window, and tells what is sure.
    fn window(&mut self, finder: &Finder, each: &mut dyn FnMut(Piece<'_>)) {
        let end = self.held.len().min(self.done + WINDOW + OVERLAP);
        let last = end == self.held.len();
        let text = &self.held[..end];
        let finds = if is_text(&text[self.done..]) {
            let mut finds = finder.in_window(text, &mut self.secrets);
            finds.retain(|find| find.range.end > self.done);
            finds
        } else {
            let unreadable = finder.unreadable(&text[self.done..]);
            unreadable.map(|find| Find { range: self.done..end, ..find }).into_iter().collect()
        };
        let goes_on =
            |find: &&Find| find.withheld.is_some() && find.range.end == end && end - find.range.start > OVERLAP;
        if let Some(find) = finds.iter().find(goes_on).filter(|_| !last || self.passing.is_none()).cloned()
            && is_text(&text[self.done..])
        {
            let before: Vec<Find> = finds.iter().filter(|other| other.range.end <= find.range.start).cloned().collect();
            self.tell(&before, find.range.start, each);
            let (at, start) = (self.base + self.done as u64, self.done);
            self.done = start + find.range.len();
            self.passing = Some(Passing { find, at });
            return self.forget();
        }
        let to = if last { end } else { self.settled(&finds, end) };
        self.tell(&finds, to, each);
        self.forget();
    }

    /// Up to where a window is sure: no secret is cut there, and no word.
    fn settled(&self, finds: &[Find], end: usize) -> usize {
        let limit = end - OVERLAP;
        let from = self.done.max(limit.saturating_sub(OVERLAP));
        let part = &self.held[from..limit];
        let breaks = |byte: &u8| !byte.is_ascii_alphanumeric() && byte.is_ascii() && !b"+/_=.-@%\\:\"'".contains(byte);
        let line = memchr::memrchr(b'\n', part);
        let mut to = line.or_else(|| part.iter().rposition(breaks)).map_or(limit, |at| from + at + 1);
        // A character is not cut either.
        while to > self.done + 1 && self.held.get(to).is_some_and(|byte| (0x80..0xC0).contains(byte)) {
            to -= 1;
        }
        finds.iter().find(|find| find.range.start < to && find.range.end > to).map_or(to, |find| find.range.end)
    }

    /// Tells what stands before `to`.
    fn tell(&mut self, finds: &[Find], to: usize, each: &mut dyn FnMut(Piece<'_>)) {
        for find in finds.iter().filter(|find| find.range.end <= to) {
            let Range { start, end } = find.range;
            if self.done < start {
                each(Piece::Plain(&self.held[self.done..start]));
            }
            // What was written already cannot be taken back; a find never reaches there.
            let start = start.max(self.done);
            each(Piece::Secret { find, bytes: &self.held[start..end], at: self.base + start as u64 });
            self.done = end;
        }
        if self.done < to {
            each(Piece::Plain(&self.held[self.done..to]));
            self.done = to;
        }
    }

    fn forget(&mut self) {
        let gone = self.done.saturating_sub(BEFORE);
        self.held.drain(..gone);
        self.base += gone as u64;
        self.done -= gone;
    }

    /// Lets pass what goes on with a long word; false where none passes, or it has ended.
    fn pass(&mut self, last: bool, each: &mut dyn FnMut(Piece<'_>)) -> bool {
        let Some(passing) = &mut self.passing else { return false };
        let rest = &self.held[self.done..];
        let mut size = rest.iter().take_while(|byte| goes_on(**byte)).count();
        let ended = size < rest.len() || last;
        // Backslashes before a quote belong to the quote.
        size -= rest[..size].iter().rev().take_while(|byte| **byte == b'\\').count();
        if let Some((_, told)) = &mut passing.find.withheld {
            *told += rest[..size].iter().filter(|byte| byte.is_ascii_alphanumeric()).count() as u64 * 3 / 4;
        }
        self.done += size;
        if ended && let Some(Passing { find, at }) = self.passing.take() {
            each(Piece::Secret { find: &find, bytes: &[], at });
        }
        self.forget();
        !ended || self.done == self.held.len()
    }
}

/// Whether a long word in base64 goes on, escapes and line ends in it.
fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-' | b'=' | b'%' | b'\\' | b'\r' | b'\n')
}

impl Finder {
    /// The secrets in a window of a long text, those among them that reach to its end unseen.
    fn in_window(&self, text: &[u8], secrets: &mut HashMap<Vec<u8>, usize>) -> Vec<Find> {
        let mut finds = Vec::new();
        self.flat(text, 0, &mut finds);
        self.remember(&finds, secrets);
        finds.extend(Known::of(secrets).everywhere(text));
        let word = text.iter().rev().take_while(|byte| goes_on(**byte) && **byte != b'\n').count();
        if let (true, Some(rule)) = (word > OVERLAP, self.opaque) {
            let mut find = Find::new(text.len() - word..text.len(), rule, &[]);
            find.withheld = Some((kind_of(&[]).to_owned(), word as u64 * 3 / 4));
            finds.push(find);
        }
        super::finder::merge(super::finder::whole_characters(text, finds))
    }
}
