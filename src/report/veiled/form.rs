//! The second walk: every value, row and body on its way to the form, with stubs in the place of secrets.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::leaving::{Form, Leaving, Part, Section, manifest};
use super::{Changed, Cleared};
use crate::domain::redact::Stream;

/// A form behind a veil.
pub struct Veiled<'a> {
    form: &'a mut dyn Form,
    cleared: Cleared,
    /// The bodies that were written, by what they have become, with their sizes.
    written: BTreeMap<[u8; 32], i64>,
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
        Self { form, cleared, written: BTreeMap::new(), body: None }
    }

    /// How many bodies were written, and the digest of their manifest.
    pub fn bodies(&self) -> (usize, String) {
        (self.written.len(), self.manifest().1)
    }

    fn manifest(&self) -> (Value, String) {
        manifest(self.written.iter().map(|(digest, size)| (*digest, *size)))
    }

    fn json(&self, value: &Value) -> Result<Value> {
        let bytes = serde_json::to_vec(value)?;
        match self.cleared.lock().veil.row(&bytes, &mut |_| {}) {
            None => Ok(value.clone()),
            Some(veiled) => serde_json::from_slice(&veiled).context("a row is no JSON once its secrets are taken out"),
        }
    }

    fn becomes(&self, sha256: &str) -> Result<Changed> {
        let becomes = self.cleared.lock().bodies.get(sha256).cloned();
        becomes.context("the session has grown since it was looked through for secrets: do it again")
    }

    /// A digest of what was recorded would let short secrets be guessed, so what leaves has its own.
    fn own_digests(&self, row: &mut Value) -> Result<()> {
        let event = &mut row["turnscope"];
        if let Some(content) = event["content"].as_str().and_then(|content| hex::decode(content).ok()) {
            let sealed = self.cleared.lock().veil.digest(&content);
            event["content"] = json!(hex::encode(&sealed[..content.len().min(sealed.len())]));
        }
        for body in event["bodies"].as_array_mut().into_iter().flatten() {
            let becomes = self.becomes(body["sha256"].as_str().unwrap_or(""))?;
            body["sha256"] = json!(hex::encode(becomes.sha256));
            body["size"] = json!(becomes.size);
        }
        Ok(())
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
    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        if name == "manifest" {
            let record = self.cleared.lock().record.clone();
            self.form.value("redaction", &record)?;
            return self.form.value(name, &self.manifest().0);
        }
        let value = self.json(value)?;
        self.form.value(name, &value)
    }

    fn begin(&mut self, section: Section) -> Result<()> {
        self.form.begin(section)
    }

    fn row(&mut self, section: Section, name: Option<&str>, row: &Value) -> Result<()> {
        let mut row = self.json(row)?;
        if matches!(section, Section::Events(_)) {
            self.own_digests(&mut row)?;
        }
        if section == Section::Blobs {
            let becomes = self.becomes(row["sha256"].as_str().unwrap_or(""))?;
            row["sha256"] = json!(hex::encode(becomes.sha256));
            row["size_bytes"] = json!(becomes.size);
        }
        let name = match name {
            Some(name) => Some(self.json(&Value::from(name))?.as_str().context("a name stays text")?.to_owned()),
            None => None,
        };
        self.form.row(section, name.as_deref(), &row)
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        let becomes = self.becomes(body.sha256)?;
        let size = i64::try_from(becomes.size)?;
        let passed_over = self.written.insert(becomes.sha256, size).is_some();
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
