//! A session as OTLP in JSON: a span for each row, in the GenAI conventions, so that other tools read it and turnscope
//! reads it back with the same rows, keys and tokens.
//!
//! A row whose events are of several kinds is a span of its leading kind. What spans have no place for is counted, so
//! that nothing goes missing unsaid.

mod message;
mod said;
mod span;

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::kept::Kept;
use super::leaving::{Form, Leaving, Part, Section};
use crate::domain::escape_json;
use said::Said;
use span::{LeftOut, Spans};

/// Spans that are being written.
pub struct Otlp<'a> {
    out: &'a mut (dyn Write + Send),
    kept: Kept,
    left_out: LeftOut,
    bytes: u64,
}

impl<'a> Otlp<'a> {
    /// Spans that go to `out` once all has been told; until then rows wait in nameless files in `folder`.
    pub fn begin(out: &'a mut (dyn Write + Send), folder: &Path) -> Result<Self> {
        Ok(Self { out, kept: Kept::in_folder(folder)?, left_out: LeftOut::new(), bytes: 0 })
    }

    /// What had no place, in words.
    pub fn left_out(&self) -> Vec<String> {
        self.left_out.iter().map(|(what, count)| format!("no place in spans: {count} {what}")).collect()
    }

    fn leave_out(&mut self, what: &'static str, count: usize) {
        if count > 0 {
            *self.left_out.entry(what).or_default() += count;
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn json(&mut self, value: &Value) -> Result<()> {
        self.text(&escape_json(&serde_json::to_string(value)?))
    }

    /// A group of spans of one source opens.
    fn open(&mut self, source: &str, is_first: bool) -> Result<()> {
        let mut said = Said::default();
        said.text("service.name", Some(source));
        self.text(if is_first { "\n" } else { "]}]},\n" })?;
        self.text("{\"resource\":")?;
        self.json(&json!({ "attributes": said.list() }))?;
        self.text(",\"scopeSpans\":[{\"scope\":")?;
        self.json(&json!({ "name": "turnscope", "version": env!("CARGO_PKG_VERSION") }))?;
        self.text(",\"spans\":[\n")
    }

    fn spans(&mut self) -> Result<()> {
        let mut source = None;
        let rows = self.kept.rows()?;
        self.text("{\"resourceSpans\":[")?;
        let mut spans = Spans::default();
        for row in rows {
            let row = row?;
            let own = row["source"].as_str().unwrap_or("").to_owned();
            if source.as_ref() == Some(&own) {
                self.text(",\n")?;
            } else {
                self.open(&own, source.is_none())?;
                source = Some(own);
            }
            let span = spans.span(&row, &mut self.kept)?;
            self.json(&span)?;
        }
        spans.left_out().into_iter().for_each(|(what, count)| self.leave_out(what, count));
        self.text(if source.is_some() { "]}]}\n]}\n" } else { "]}\n" })
    }
}

impl Form for Otlp<'_> {
    fn takes_rows(&self) -> bool {
        true
    }

    fn wants(&self, sha256: &str) -> bool {
        self.kept.wants(sha256)
    }

    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        let what = match name {
            "artifacts" => "texts that models were told, by version; they are found again",
            "warnings" => "warnings",
            _ => return Ok(()),
        };
        self.leave_out(what, value.as_array().map_or(0, Vec::len));
        Ok(())
    }

    fn row(&mut self, section: Section, _: Option<&str>, row: &Value) -> Result<()> {
        match section {
            Section::Rows => {
                let events = row["events"].as_array().into_iter().flatten();
                let bodies = events.filter_map(|event| event["turnscope"]["bodies"].as_array()).flatten();
                for body in bodies.filter(|body| body["role"] != "raw" && body["role"] != "metadata") {
                    self.kept.want(body["sha256"].as_str().unwrap_or(""));
                }
                self.kept.row(row)?;
            }
            Section::Sessions => self.leave_out("titles, projects and parents of sessions", 1),
            Section::Annotations => self.leave_out("marks and notes", 1),
            Section::Findings => self.leave_out("findings; they are found again", 1),
            _ => {}
        }
        Ok(())
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        self.kept.begin_body(body);
        Ok(())
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        self.kept.part(part)
    }

    fn end_body(&mut self) -> Result<()> {
        self.kept.end_body();
        Ok(())
    }

    fn finish(&mut self) -> Result<u64> {
        self.spans()?;
        self.out.flush()?;
        Ok(self.bytes)
    }
}
