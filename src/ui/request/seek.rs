//! Looks for phrases in bodies: in one that is too long to be shown wholly, and in those of all rows.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use super::{BATCH, CHUNK, REPORT_EVERY, Worker};
use crate::domain::{Body, Role, decode_string};
use crate::report::Sifting;
use crate::timeline::Rows;
use crate::ui::files::Seeker;
use crate::ui::message::{Members, Message};
use crate::ui::phrase::Phrase;

impl Worker {
    /// Where a phrase is in a long body: the first place from an offset on, or the last one before it.
    pub(super) async fn seek(
        &self,
        job: u64,
        body: &Body,
        phrase: &str,
        from: i64,
        forward: bool,
    ) -> Result<Option<i64>> {
        let seeker = Seeker::new(phrase)?;
        let overlap = seeker.overlap();
        let mut at = from;
        loop {
            self.check()?;
            let start = if forward { at } else { (at - CHUNK).max(0) };
            let end = if forward { (at + CHUNK).min(body.size) } else { at };
            if start >= end {
                return Ok(None);
            }
            let bytes = self.read(body, start, end - start + overlap).await?;
            if let Some(place) = seeker.find(&bytes, forward) {
                return Ok(Some(start + place));
            }
            let done = if forward { end } else { body.size - start };
            self.tell(job, done, body.size).await;
            at = if forward { end } else { start };
        }
    }

    /// How often a phrase is in a long body.
    pub(super) async fn count(&self, job: u64, body: &Body, phrase: &str) -> Result<u64> {
        let seeker = Seeker::new(phrase)?;
        let (mut count, mut from, mut start) = (0, 0, 0);
        while start < body.size {
            self.check()?;
            let end = (start + CHUNK).min(body.size);
            let bytes = self.read(body, start, end - start + seeker.overlap()).await?;
            // A match that goes over the end of a piece is counted with it, and not again with the next one.
            let (found, behind) = seeker.count(&bytes, (from - start).max(0), end - start);
            (count, from) = (count + found, start + behind);
            self.tell(job, end, body.size).await;
            start = end;
        }
        Ok(count)
    }

    async fn tell(&self, job: u64, done: i64, all: i64) {
        let words = format!("{}%", done.saturating_mul(100) / all.max(1));
        self.send(Message::Progress { job, words }).await;
    }

    /// Looks for a phrase in what the list says of rows, and then in the contents of those that do not say it.
    pub(super) async fn search(
        &self,
        job: u64,
        rows: Arc<Rows>,
        order: Vec<u32>,
        phrase: &Phrase,
    ) -> Result<Option<Message>> {
        self.search_said(job, &rows, &order, phrase).await?;
        let said = order.len();
        let mut found = Vec::new();
        let mut reported = Instant::now();
        let mut scanned = 0;
        let text = if phrase.is_expression() { "" } else { &phrase.text };
        let (mut sifting, mut sifted) = (Sifting::of_text(&self.backend.store, text, order.len()), None);
        for batch in order.chunks(BATCH / 8) {
            self.check()?;
            sifted = sifting.done().await.map(|done| done.events()).or(sifted);
            let may = |row: &&u32| {
                let members = || Members::of(&rows, **row as usize).numbers;
                sifted.as_ref().is_none_or(|sifted| members().iter().any(|event| sifted.contains(event)))
            };
            let some: Vec<u32> = batch.iter().filter(may).copied().collect();
            found.extend(self.search_inside(&rows, &some, phrase).await?);
            scanned += batch.len();
            if reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                let rows = std::mem::take(&mut found);
                self.send(Message::Inside { job, rows, scanned: said + scanned }).await;
            }
        }
        self.send(Message::Inside { job, rows: found, scanned: said + scanned }).await;
        Ok(Some(Message::Ended { job, words: String::new() }))
    }

    /// Those of some rows whose bodies hold a phrase; of a row without any, its record is looked at.
    async fn search_inside(&self, rows: &Rows, batch: &[u32], phrase: &Phrase) -> Result<Vec<u32>> {
        let numbers: Vec<i64> = batch.iter().flat_map(|row| Members::of(rows, *row as usize).numbers).collect();
        let mut bodies: HashMap<i64, Vec<Body>> = HashMap::new();
        for body in self.backend.store.bodies(&numbers).await? {
            bodies.entry(body.event).or_default().push(body);
        }
        let mut found = Vec::new();
        for row in batch {
            let members = Members::of(rows, *row as usize).numbers;
            let own: Vec<&Body> = members.iter().filter_map(|event| bodies.get(event)).flatten().collect();
            let speaks = own.iter().any(|body| body.role != Role::Raw);
            for body in own.into_iter().filter(|body| (body.role == Role::Raw) != speaks) {
                if self.holds(body, phrase).await? {
                    found.push(*row);
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn holds(&self, body: &Body, phrase: &Phrase) -> Result<bool> {
        let overlap = Seeker::new(&phrase.text)?.overlap();
        let mut is_json = None;
        let mut start = 0;
        while start < body.size {
            self.check()?;
            let bytes = self.read(body, start, CHUNK + overlap).await?;
            let is_json = *is_json.get_or_insert_with(|| begins_json(&bytes));
            if phrase.is_in(&text_of(&bytes, is_json)) {
                return Ok(true);
            }
            start += CHUNK;
        }
        Ok(false)
    }
}

fn begins_json(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|first| matches!(first, b'"' | b'{' | b'['))
}

/// Bytes as people read them: of JSON, with what its escapes stand for.
fn text_of(bytes: &[u8], is_json: bool) -> Cow<'_, str> {
    if !is_json || !bytes.contains(&b'\\') {
        return String::from_utf8_lossy(bytes);
    }
    // In quotes of our own, because the decoder takes one pair away.
    Cow::Owned(decode_string(&[b"\"", bytes, b"\""].concat()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_in_json_and_left_alone_elsewhere() {
        let json = br#"{"a":"one\ntwo \u017c"}"#;
        assert_eq!(text_of(json, begins_json(json)), "{\"a\":\"one\ntwo \u{17c}\"}");
        let text = br"one\ntwo";
        assert_eq!(text_of(text, begins_json(text)), "one\\ntwo");
    }
}
