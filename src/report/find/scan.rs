//! Looks for a query in one text that may be longer than memory, one window after another.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::LazyLock;

use anyhow::{Result, ensure};
use regex::bytes::Regex;

use super::query::Query;
use crate::domain::{Body, decode_string, excerpt};
use crate::report::{Pieces, incomplete};
use crate::store::Store;

/// How much of a window is looked at again with the next one: longer matches may be missed.
const OVERLAP: usize = 64 * 1024;

/// Bytes that are read at once where records are small.
const STRETCH: i64 = 1 << 20;

/// So many stretches are kept: a session may come from several files.
const STRETCHES: usize = 4;

/// Characters of a snippet.
const SNIPPET: usize = 160;

/// Characters before the match.
const BEFORE: usize = 24;

/// Looks into bodies of one store, one after another.
pub struct Scanner<'a> {
    store: &'a Store,
    query: &'a Query,
    /// What was read last, the newest at the end.
    stretches: VecDeque<Stretch>,
}

/// Bytes of a blob.
struct Stretch {
    blob: i64,
    start: i64,
    bytes: Vec<u8>,
}

impl<'a> Scanner<'a> {
    pub fn new(store: &'a Store, query: &'a Query) -> Self {
        Self { store, query, stretches: VecDeque::new() }
    }

    /// A snippet around the first match in a body, if all terms occur in it.
    pub async fn in_body(&mut self, body: &Body) -> Result<Option<String>> {
        self.search(body, Text::default()).await
    }

    /// The same for a whole record. Its members' names are passed over: they are the same in all records.
    pub async fn in_record(&mut self, record: &Body) -> Result<Option<String>> {
        self.search(record, Text { without_names: self.query.holds_words(), ..Text::default() }).await
    }

    async fn search(&mut self, body: &Body, mut text: Text) -> Result<Option<String>> {
        let mut scan = Scan::of(self.query);
        if body.size <= STRETCH / 4 {
            let text = text.add(self.bytes(body).await?, true);
            scan.look(&text, true);
            return Ok(scan.found());
        }
        let mut pieces = Pieces::of(self.store, body);
        while let Some(piece) = pieces.next().await? {
            let last = pieces.left() == 0;
            if scan.look(&text.add(&piece, last), last) {
                break;
            }
        }
        Ok(scan.found())
    }

    /// A small body. What lies before it is read along, because older records are asked for next.
    async fn bytes(&mut self, body: &Body) -> Result<&[u8]> {
        let end = body.start + body.size;
        let holds = |stretch: &Stretch| {
            let stretch_end = stretch.start + stretch.bytes.len() as i64;
            stretch.blob == body.blob && stretch.start <= body.start && end <= stretch_end
        };
        let known = self.stretches.iter().position(holds);
        let stretch = match known.and_then(|index| self.stretches.remove(index)) {
            Some(stretch) => stretch,
            None => {
                // What was purged before it is not there to be read along.
                let start = self.store.unbroken(body.blob, end - STRETCH, end).await?.min(body.start);
                let bytes = self.store.read(body.blob, start, end - start).await?;
                ensure!(bytes.len() as i64 == end - start, "the store holds less of a body than it says");
                Stretch { blob: body.blob, start, bytes }
            }
        };
        if self.stretches.len() >= STRETCHES {
            self.stretches.pop_front();
        }
        let from = usize::try_from(body.start - stretch.start)?;
        self.stretches.push_back(stretch);
        let newest = self.stretches.back().map_or(&[][..], |stretch| &stretch.bytes);
        Ok(&newest[from..from + usize::try_from(body.size)?])
    }
}

/// The same for a short text.
pub fn in_text(query: &Query, text: &str) -> Option<String> {
    let mut scan = Scan::of(query);
    scan.look(text, true);
    scan.found()
}

/// What has been seen of one text.
struct Scan<'a> {
    query: &'a Query,
    seen: Vec<bool>,
    snippet: Option<String>,
    window: String,
}

impl<'a> Scan<'a> {
    fn of(query: &'a Query) -> Self {
        Self { query, seen: vec![false; query.terms.len()], snippet: None, window: String::new() }
    }

    /// Looks at the text that comes next; true when nothing more is needed.
    fn look(&mut self, text: &str, last: bool) -> bool {
        // The first character of a later window is not the beginning of the text.
        let from = self.window.chars().next().map_or(0, char::len_utf8);
        self.window.push_str(text);
        for (term, seen) in self.query.terms.iter().zip(&mut self.seen) {
            if *seen {
                continue;
            }
            if let Some(found) = term.find(&self.window, from, !last) {
                *seen = true;
                self.snippet.get_or_insert_with(|| around(&self.window, found));
            }
        }
        let kept = self.window.len().saturating_sub(OVERLAP);
        let kept = (0..=kept).rev().find(|at| self.window.is_char_boundary(*at)).unwrap_or(0);
        self.window.drain(..kept);
        self.seen.iter().all(|seen| *seen)
    }

    fn found(self) -> Option<String> {
        self.snippet.filter(|_| self.seen.iter().all(|seen| *seen))
    }
}

fn around(text: &str, found: std::ops::Range<usize>) -> String {
    let start = text[..found.start].char_indices().rev().nth(BEFORE - 1).map_or(0, |(at, _)| at);
    // White space is folded away, so more than the snippet is taken.
    let end = text[found.start..].char_indices().nth(SNIPPET * 4).map_or(text.len(), |(at, _)| found.start + at);
    let snippet = excerpt(&text[start..end], SNIPPET);
    if start > 0 { format!("…{snippet}") } else { snippet }
}

/// Bytes on their way to text: the escapes of JSON become what they stand for.
#[derive(Default)]
struct Text {
    open: Vec<u8>,
    is_json: Option<bool>,
    without_names: bool,
}

/// A member's name in JSON, with what stands before it. One that is cut between pieces stays.
static NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([{,]\s*)"(?:[^"\\]|\\.){0,64}"\s*:"#).expect("the pattern is sound"));

impl Text {
    fn add(&mut self, piece: &[u8], last: bool) -> String {
        if self.is_json.is_none() {
            let first = piece.iter().find(|byte| !byte.is_ascii_whitespace());
            self.is_json = first.map(|first| matches!(first, b'"' | b'{' | b'['));
        }
        let is_json = self.is_json == Some(true);
        self.open.extend_from_slice(piece);
        let mut whole = self.open.len();
        if !last {
            whole -= incomplete(&self.open);
            if is_json {
                whole = whole.min(open_escape(&self.open));
            }
        }
        let text = if is_json {
            // In quotes of our own, because the decoder takes one pair away.
            let named = &self.open[..whole];
            let kept = if self.without_names { NAME.replace_all(named, &b"$1"[..]) } else { Cow::Borrowed(named) };
            let quoted = [b"\"", &*kept, b"\""].concat();
            decode_string(&quoted).into_owned()
        } else {
            String::from_utf8_lossy(&self.open[..whole]).into_owned()
        };
        self.open.drain(..whole);
        text
    }
}

/// Where an escape begins that may not be complete; else the length.
fn open_escape(bytes: &[u8]) -> usize {
    // The longest is a pair of surrogates, `\ud83e\udd80`.
    let tail = bytes.len().saturating_sub(11);
    let Some(last) = memchr::memrchr(b'\\', &bytes[tail..]).map(|at| tail + at) else { return bytes.len() };
    let run = bytes[..=last].iter().rev().take_while(|byte| **byte == b'\\').count();
    if run % 2 == 0 {
        return bytes.len();
    }
    let high = last.saturating_sub(6);
    let is_pair =
        matches!(&bytes[high..last], [b'\\', b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'b' | b'A'..=b'B', _, _]);
    if is_pair { high } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(query: &str, pieces: &[&str]) -> Option<String> {
        let query = Query::parse(query).expect("valid");
        let mut scan = Scan::of(&query);
        for (index, piece) in pieces.iter().enumerate() {
            scan.look(piece, index + 1 == pieces.len());
        }
        scan.found()
    }

    #[test]
    fn a_match_across_windows_is_found_and_half_a_word_is_not() {
        assert_eq!(looks("needle", &["hay nee", "dle hay"]).as_deref(), Some("hay needle hay"));
        assert_eq!(looks("nee", &["hay nee", "dle hay"]), None);
        assert_eq!(looks("hay straw", &["hay ", "more ", "straw"]).as_deref(), Some("hay"));
        assert_eq!(looks("re:^more", &["hay ", "more"]), None);
    }

    #[test]
    fn escapes_are_read_wherever_a_piece_ends() {
        let json = r#"{"a":"x\ny \ud83e\udd80 \\n \"q\" ż"}"#.as_bytes();
        for size in 1..json.len() {
            let mut text = Text::default();
            let mut left = json.len();
            let mut all = String::new();
            for piece in json.chunks(size) {
                left -= piece.len();
                all.push_str(&text.add(piece, left == 0));
            }
            assert_eq!(all, "{\"a\":\"x\ny 🦀 \\n \"q\" ż\"}", "in pieces of {size}");
        }
    }

    #[test]
    fn the_names_of_members_can_be_left_out() {
        let mut text = Text { without_names: true, ..Text::default() };
        let json = br#"{"is_error": false, "a\"b":{"x":"{\"kept\":1}, \"y\": z"},"list":["v","w"]}"#;
        assert_eq!(text.add(json, true), r#"{ false, {"{"kept":1}, "y": z"},["v","w"]}"#);
    }

    #[test]
    fn a_snippet_stands_around_the_match() {
        let text = format!("{} needle {}", "before ".repeat(50), "after ".repeat(50));
        let snippet = in_text(&Query::parse("needle").expect("valid"), &text).expect("found");
        assert!(snippet.starts_with('…') && snippet.ends_with('…') && snippet.contains(" needle "), "{snippet}");
    }
}
