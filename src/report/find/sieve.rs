//! Which events can match at all, told from the store's distinct pieces: a word that is in few of them is looked for
//! in few events.
//!
//! What is looked for is one word of the query, in bytes as they are stored. It may be found where the text does not hold
//! it, and never the other way round.

use std::collections::HashSet;

use anyhow::Result;
use regex::bytes::{Regex, RegexBuilder};
use tokio::task::JoinHandle;

use super::query::{Query, words};
use crate::store::{BySession, PackedPiece, Store};

/// Pieces that are read at once.
const PIECES: i64 = 16;
/// When so many have been looked at and half of them hold the word, sifting is not worth its time.
const ENOUGH: usize = 64;
/// A piece is looked at in about the time in which so many events are searched.
const EVENTS_A_PIECE: i64 = 4;
/// Letters and digits of ASCII that somebody wrote as escapes, and the letters that are `k` and `s` too.
const ESCAPED: &str = r"\\u00(?:3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])|\\u017f|\\u212a";

/// A word that a text must hold to match.
#[derive(Debug, Clone)]
pub struct Needle {
    word: String,
    pattern: Regex,
}

impl Needle {
    /// The longest of some words; those of ASCII first, which are never written as escapes.
    pub fn of<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let word = words.max_by_key(|word| (word.is_ascii(), word.len()))?;
        let escaped = if word.is_ascii() { ESCAPED } else { r"\\u" };
        let pattern = format!("{}|{escaped}", regex::escape(word));
        let pattern = RegexBuilder::new(&pattern).case_insensitive(true).build().ok()?;
        Some(Self { word: word.to_owned(), pattern })
    }

    /// Whether a text with the word may begin in these bytes; it may go on in others.
    fn may_be_in(&self, bytes: &[u8]) -> bool {
        self.may_be_cut(bytes) || self.pattern.is_match(bytes)
    }

    /// Whether bytes may end in the middle of the word.
    fn may_be_cut(&self, bytes: &[u8]) -> bool {
        let word = self.word.as_bytes();
        // A letter takes three bytes at most where the word has one of ASCII.
        let tail = &bytes[bytes.len().saturating_sub(3 * word.len())..];
        let ends_with = |start: &[u8]| {
            tail.len().checked_sub(start.len()).is_some_and(|from| tail[from..].eq_ignore_ascii_case(start))
        };
        let is_half = |escape: &[u8]| {
            let digits = escape.strip_prefix(b"u").unwrap_or_default();
            escape.is_empty() || escape[0] == b'u' && digits.len() < 4 && digits.iter().all(u8::is_ascii_hexdigit)
        };
        let escape = bytes[bytes.len().saturating_sub(6)..].rsplitn(2, |byte| *byte == b'\\').collect::<Vec<_>>();
        !tail.is_ascii()
            || (escape.len() == 2 && is_half(escape[0]))
            || (1..word.len()).any(|size| ends_with(&word[..size]))
    }
}

/// The events that may match, by their sessions.
#[derive(Debug, Clone, Default)]
pub struct Sifted(BySession);

impl Sifted {
    /// Those of a session, in the order of their numbers.
    pub fn of(&self, session: i64) -> &[i64] {
        self.0.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Those of all sessions.
    pub fn events(&self) -> HashSet<i64> {
        self.0.values().flatten().copied().collect()
    }
}

/// Sifting that goes on beside a search, and is given up with it.
pub struct Sifting(Option<JoinHandle<Result<Option<Sifted>>>>);

impl Sifting {
    /// Begins to look which of so many events of a store can match a query at all.
    pub fn start(store: &Store, query: &Query, events: usize) -> Self {
        Self::by(store, query.needle.clone(), events)
    }

    /// The same for a text, of which all must stand somewhere as it is.
    pub fn of_text(store: &Store, text: &str, events: usize) -> Self {
        Self::by(store, Needle::of(words(text)), events)
    }

    fn by(store: &Store, needle: Option<Needle>, events: usize) -> Self {
        let store = store.clone();
        Self(needle.map(|needle| tokio::spawn(async move { sift(&store, &needle, events).await })))
    }

    /// What it came to, once: when it is done, and unless it is sooner done to search everything.
    pub async fn done(&mut self) -> Option<Sifted> {
        if self.0.as_ref()?.is_finished() { self.wait().await } else { None }
    }

    /// The same, however long it takes.
    pub async fn wait(&mut self) -> Option<Sifted> {
        let done = self.0.as_mut()?.await;
        self.0 = None;
        // What cannot be read here is told by the search, which reads it too.
        done.ok()?.ok()?
    }
}

impl Drop for Sifting {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// Looks which of so many events can hold a word. `None` where it is sooner done to search them all.
async fn sift(store: &Store, needle: &Needle, events: usize) -> Result<Option<Sifted>> {
    if store.piece_count().await?.saturating_mul(EVENTS_A_PIECE) > i64::try_from(events)? {
        return Ok(None);
    }
    let (mut looked, mut holding, mut last) = (0, Vec::new(), i64::MAX);
    let mut next = store.pieces_below(last, PIECES).await?;
    while let Some(lowest) = next.last().map(|piece| piece.number) {
        last = lowest;
        let (pieces, own) = (std::mem::take(&mut next), needle.clone());
        looked += pieces.len();
        let looking = tokio::task::spawn_blocking(move || look(pieces, &own));
        let (found, read) = tokio::join!(looking, store.pieces_below(last, PIECES));
        holding.extend(found??);
        next = read?;
        if looked >= ENOUGH && holding.len() * 2 > looked {
            return Ok(None);
        }
    }
    let mut sifted = store.events_of_pieces(&holding).await?;
    for (session, labelled) in store.events_labelled(&needle.word).await? {
        let events = sifted.entry(session).or_default();
        events.extend(labelled);
        events.sort_unstable();
        events.dedup();
    }
    Ok(Some(Sifted(sifted)))
}

/// The numbers of the pieces that may hold a word.
fn look(pieces: Vec<PackedPiece>, needle: &Needle) -> Result<Vec<i64>> {
    let mut holding = Vec::new();
    for piece in pieces {
        let number = piece.number;
        if needle.may_be_in(&piece.unpacked()?) {
            holding.push(number);
        }
    }
    Ok(holding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(word: &str, bytes: &str) -> bool {
        Needle::of([word].into_iter()).expect("a word").may_be_in(bytes.as_bytes())
    }

    #[test]
    fn a_word_is_found_however_it_is_written() {
        assert!(may("needle", r#"{"a":"a NEEDLE here"}"#) && may("needle", r#"{"a":"n\u0065edle"}"#));
        assert!(may("desk", "{\"a\":\"de\u{17f}k\"}") && may("desk", r#"{"a":"de\u017Fk"}"#));
        assert!(may("łódź", "{\"a\":\"ŁÓDŹ\"}") && may("łódź", r#"{"a":"\u0142\u00f3d\u017a"}"#));
        assert!(!may("needle", r#"{"a":"hay\n\u003cb\u003e \u0142"}"#));
    }

    #[test]
    fn a_piece_that_may_cut_a_word_is_looked_into() {
        assert!(may("needle", "{\"a\":\"Nee") && !may("needle", "dle behind") && !may("needle", "{\"a\":\"hay"));
        for end in ["\\", "\\u", "\\u00", "\\u006"] {
            assert!(may("needle", &format!("{{\"a\":\"{end}")), "{end}");
        }
        assert!(!may("needle", r#"{"a":"\u003c\t"#) && may("self", "{\"a\":\"\u{17f}el"));
        assert!(may("naïve", "{\"a\":\"na") && may("naïve", "{\"a\":\"NAÏ"));
    }

    #[test]
    fn the_longest_word_tells_most() {
        let word = |words: &[&str]| Needle::of(words.iter().copied()).map(|needle| needle.word);
        assert_eq!(word(&["of", "connection", "refused"]).as_deref(), Some("connection"));
        assert_eq!(word(&["首都首都首都", "of"]).as_deref(), Some("of"));
        assert_eq!(word(&[]), None);
    }
}
