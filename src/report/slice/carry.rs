//! Carries bodies: text where the bytes are UTF-8, base64 where they are not; and the manifest over all of them.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Place;
use super::lines::Lines;
use crate::domain::escape_json;
use crate::store::{Store, digest};

/// Bytes at a time; base64 turns whole groups of three into text.
const PART: i64 = 3 << 18;

/// Bytes are read from a multiple of this on, so that what lies a little before is at hand too.
const STEP: i64 = 256 << 10;

/// Writes bodies; those that lie near the last one are read with it.
#[derive(Debug, Default)]
pub struct Carrier {
    blob: i64,
    start: i64,
    bytes: Vec<u8>,
}

impl Carrier {
    /// Writes one body as a member of the object inside.
    pub async fn body(&mut self, store: &Store, lines: &mut Lines<'_>, digest: &[u8; 32], place: &Place) -> Result<()> {
        lines.inner_name(&hex::encode(digest))?;
        if place.size <= PART {
            let bytes = self.short(store, place).await?;
            return match std::str::from_utf8(bytes) {
                Ok(text) => lines.text(&format!("{{\"text\":{}}}", escape_json(&serde_json::to_string(text)?))),
                Err(_) => lines.text(&format!("{{\"base64\":\"{}\"}}", STANDARD.encode(bytes))),
            };
        }
        if is_text(store, place).await? { text(store, lines, place).await } else { base64(store, lines, place).await }
    }

    /// The bytes of a body that is held as a whole, with what lies behind it.
    async fn short(&mut self, store: &Store, place: &Place) -> Result<&[u8]> {
        let held = self.start..self.start + self.bytes.len() as i64;
        if self.blob != place.blob || place.start < held.start || place.start + place.size > held.end {
            let start = place.start / STEP * STEP;
            self.bytes = store.read(place.blob, start, STEP + PART).await?;
            (self.blob, self.start) = (place.blob, start);
        }
        let from = usize::try_from(place.start - self.start)?;
        let bytes = self.bytes.get(from..from + usize::try_from(place.size)?);
        bytes.with_context(|| format!("{} bytes at {} of blob {} are missing", place.size, place.start, place.blob))
    }
}

/// The next bytes of a body.
async fn part(store: &Store, place: &Place, at: i64) -> Result<Vec<u8>> {
    let part = store.read(place.blob, place.start + at, PART.min(place.size - at)).await?;
    ensure!(!part.is_empty(), "the store holds less of a body than it says: {} bytes are missing", place.size - at);
    Ok(part)
}

async fn is_text(store: &Store, place: &Place) -> Result<bool> {
    let mut rest: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < place.size {
        let part = part(store, place, at).await?;
        at += part.len() as i64;
        rest.extend_from_slice(&part);
        match std::str::from_utf8(&rest) {
            Ok(_) => rest.clear(),
            Err(error) if error.error_len().is_none() && at < place.size => drop(rest.drain(..error.valid_up_to())),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

async fn text(store: &Store, lines: &mut Lines<'_>, place: &Place) -> Result<()> {
    lines.text("{\"text\":\"")?;
    let mut rest: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < place.size {
        let part = part(store, place, at).await?;
        at += part.len() as i64;
        rest.extend_from_slice(&part);
        let whole = rest.len() - rest.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
        let json = serde_json::to_string(std::str::from_utf8(&rest[..whole])?)?;
        lines.text(&escape_json(&json[1..json.len() - 1]))?;
        rest.drain(..whole);
    }
    lines.text("\"}")
}

async fn base64(store: &Store, lines: &mut Lines<'_>, place: &Place) -> Result<()> {
    lines.text("{\"base64\":\"")?;
    let mut at = 0;
    while at < place.size {
        let part = part(store, place, at).await?;
        at += part.len() as i64;
        lines.text(&STANDARD.encode(&part))?;
    }
    lines.text("\"}")
}

/// The manifest: digests and sizes in order, and a digest over them.
pub fn manifest(bodies: impl Iterator<Item = ([u8; 32], i64)>) -> Value {
    let mut list = Vec::new();
    let mut text = String::new();
    for (digest, size) in bodies {
        let name = hex::encode(digest);
        text.push_str(&format!("{name} {size}\n"));
        list.push(json!({ "sha256": name, "size": size }));
    }
    json!({ "bodies": list, "digest": hex::encode(digest(text.as_bytes())) })
}
