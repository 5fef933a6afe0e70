//! The second walk: every value, row and body on its way to the form, with stubs in the place of secrets.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::leaving::{Form, Leaving, Part, Section, manifest};
use super::{Changed, Cleared, FRAMED, framed};
use crate::domain::price::Prices;
use crate::domain::redact::Stream;

/// A form behind a veil.
pub struct Veiled<'a> {
    form: &'a mut dyn Form,
    cleared: Cleared,
    /// The bodies that events name, by what they have become, with their sizes.
    named: BTreeMap<[u8; 32], i64>,
    written: BTreeSet<[u8; 32]>,
    body: Option<Writing>,
}

/// A body that is being written.
struct Writing {
    becomes: Changed,
    stream: Stream,
    hasher: Sha256,
    /// What the form does not take yet: a part of a character, or less than three bytes.
    rest: Vec<u8>,
    /// Another body has become the same, and was written.
    passed_over: bool,
}

impl<'a> Veiled<'a> {
    pub fn over(form: &'a mut dyn Form, cleared: Cleared) -> Self {
        Self { form, cleared, named: BTreeMap::new(), written: BTreeSet::new(), body: None }
    }

    /// How many bodies leave, and the digest of their manifest.
    pub fn bodies(&self) -> (usize, String) {
        (self.named.len(), self.manifest().1)
    }

    fn manifest(&self) -> (Value, String) {
        manifest(self.named.iter().map(|(digest, size)| (*digest, *size)))
    }

    fn json(&self, value: &Value) -> Result<Value> {
        let bytes = serde_json::to_vec(value)?;
        let mut clearing = self.cleared.lock();
        let veiled = clearing.veil.row(&bytes, &mut |_| {});
        match clearing.own_digests(veiled.as_deref().unwrap_or(&bytes)).or(veiled) {
            None => Ok(value.clone()),
            Some(veiled) => serde_json::from_slice(&veiled).context("a row is no JSON once its secrets are taken out"),
        }
    }

    /// What becomes of a value that is looked through with its name.
    fn framed(&self, name: &str, value: &Value) -> Result<Value> {
        self.json(&framed(name, value))?.get_mut(name).map(Value::take).context("a value keeps its name")
    }

    fn becomes(&self, sha256: &str) -> Result<Changed> {
        let becomes = self.cleared.lock().bodies.get(sha256).cloned();
        becomes.context("the session has grown since it was looked through for secrets: do it again")
    }

    /// What stands for an event: it names its bodies as they leave.
    fn event(&mut self, event: &mut Value) -> Result<()> {
        self.seal(event, "content");
        for body in event.get_mut("bodies").and_then(Value::as_array_mut).into_iter().flatten() {
            let becomes = self.becomes(body["sha256"].as_str().unwrap_or(""))?;
            self.named.insert(becomes.sha256, i64::try_from(becomes.size)?);
            body["sha256"] = json!(hex::encode(becomes.sha256));
            body["size"] = json!(becomes.size);
        }
        Ok(())
    }

    /// Puts a digest under our key in the place of one of what was recorded: short secrets could be guessed by that.
    fn seal(&self, value: &mut Value, name: &str) {
        let Some(place) = value.get_mut(name) else { return };
        if let Some(digest) = place.as_str().and_then(|digest| hex::decode(digest).ok()) {
            let sealed = self.cleared.lock().veil.digest(&digest);
            *place = json!(hex::encode(&sealed[..digest.len().min(sealed.len())]));
        }
    }

    /// Seals the digests in a list of what was found inside bodies.
    fn seal_all(&self, list: Option<&mut Value>) {
        let all = list.and_then(Value::as_array_mut).into_iter().flatten();
        all.for_each(|found| self.seal(found, "sha256"));
    }

    fn write(&mut self, out: &[u8], last: bool) -> Result<()> {
        let Some(body) = &mut self.body else { return Ok(()) };
        body.hasher.update(out);
        if body.passed_over {
            return Ok(());
        }
        body.rest.extend_from_slice(out);
        let whole = if last {
            body.rest.len()
        } else if body.becomes.is_text {
            body.rest.len() - body.rest.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len())
        } else {
            body.rest.len() / 3 * 3
        };
        if whole > 0 {
            let part = &body.rest[..whole];
            let part = if body.becomes.is_text { Part::Text(std::str::from_utf8(part)?) } else { Part::Bytes(part) };
            self.form.part(part)?;
        }
        body.rest.drain(..whole);
        Ok(())
    }
}

impl Form for Veiled<'_> {
    fn takes_rows(&self) -> bool {
        self.form.takes_rows()
    }

    fn prices(&self) -> Prices {
        self.form.prices()
    }

    fn wants(&self, sha256: &str) -> bool {
        // One that was not looked through is refused where it begins.
        self.becomes(sha256).map_or(true, |becomes| self.form.wants(&hex::encode(becomes.sha256)))
    }

    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        if name == "manifest" {
            let record = self.cleared.lock().record.clone();
            self.form.value("redaction", &record)?;
            return self.form.value(name, &self.manifest().0);
        }
        let mut value = value.clone();
        match name {
            "artifacts" => self.seal_all(Some(&mut value)),
            "actions" => self.seal_all(value.get_mut("arrays")),
            _ => {}
        }
        let value = if FRAMED.contains(&name) { self.framed(name, &value)? } else { self.json(&value)? };
        self.form.value(name, &value)
    }

    fn begin(&mut self, section: Section) -> Result<()> {
        self.form.begin(section)
    }

    fn row(&mut self, section: Section, name: Option<&str>, row: &Value) -> Result<()> {
        let mut row = row.clone();
        match section {
            Section::Events(_) | Section::Ledger => {
                row.get_mut("turnscope").map_or(Ok(()), |event| self.event(event))?
            }
            Section::Rows => {
                for event in row.get_mut("events").and_then(Value::as_array_mut).into_iter().flatten() {
                    event.get_mut("turnscope").map_or(Ok(()), |event| self.event(event))?;
                }
                self.seal_all(row.get_mut("artifacts"));
            }
            Section::Blobs => {
                let becomes = self.becomes(row["sha256"].as_str().unwrap_or(""))?;
                row["sha256"] = json!(hex::encode(becomes.sha256));
                row["size_bytes"] = json!(becomes.size);
            }
            _ => {}
        }
        let row = self.json(&row)?;
        let name = match name {
            Some(name) => {
                Some(self.framed("id", &Value::from(name))?.as_str().context("a name stays text")?.to_owned())
            }
            None => None,
        };
        self.form.row(section, name.as_deref(), &row)
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        let becomes = self.becomes(body.sha256)?;
        let size = i64::try_from(becomes.size)?;
        let passed_over = !self.written.insert(becomes.sha256);
        if !passed_over {
            self.form.begin_body(Leaving { sha256: &hex::encode(becomes.sha256), size, is_text: becomes.is_text })?;
        }
        let (stream, hasher) = (Stream::default(), Sha256::new());
        self.body = Some(Writing { becomes, stream, hasher, rest: Vec::new(), passed_over });
        Ok(())
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        let bytes = match part {
            Part::Text(text) => text.as_bytes(),
            Part::Bytes(bytes) => bytes,
        };
        let Some(body) = &mut self.body else { return Ok(()) };
        if body.becomes.same {
            return self.write(bytes, false);
        }
        let mut out = Vec::new();
        self.cleared.lock().veil.feed(&mut body.stream, bytes, &mut out, &mut |_| {});
        self.write(&out, false)
    }

    fn end_body(&mut self) -> Result<()> {
        let Some(body) = &mut self.body else { return Ok(()) };
        let mut out = Vec::new();
        if !body.becomes.same {
            let stream = std::mem::take(&mut body.stream);
            self.cleared.lock().veil.finish(stream, &mut out, &mut |_| {});
        }
        self.write(&out, true)?;
        let Some(body) = self.body.take() else { return Ok(()) };
        let found: [u8; 32] = body.hasher.finalize().into();
        ensure!(
            found == body.becomes.sha256,
            "a body has changed since it was looked through for secrets: do it again"
        );
        if body.passed_over { Ok(()) } else { self.form.end_body() }
    }

    fn end(&mut self, section: Section) -> Result<()> {
        self.form.end(section)
    }

    fn finish(&mut self) -> Result<u64> {
        self.form.finish()
    }
}
