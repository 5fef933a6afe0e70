//! A slice: a selection of events with all they need, as one verifiable JSON file that streams out.
//!
//! It is the original's report JSON and more: event rows by kind, each with all that turnscope knows of it, and
//! every distinct body once, by its SHA-256. The manifest depends on nothing but the bodies; the seal behind it covers
//! every byte of the file before it.

mod lines;

use std::io::Write;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::leaving::{Extra, Form, Leaving, Part, Section, Selection, Summary, annotation_row, leave, manifest};
use crate::domain::escape_json;
use crate::store::{Annotation, Store};
use lines::Lines;

/// What the format says of itself.
pub const NAME: &str = "turnscope-slice";
pub const VERSION: u32 = 1;

/// What a slice is, as a JSON Schema.
pub const SCHEMA: &str = include_str!("schema.json");

/// Streams a slice out.
pub async fn write_slice(store: &Store, selection: &Selection, out: &mut (dyn Write + Send)) -> Result<Summary> {
    leave(store, selection, &Extra::new(), &mut Slice::begin(out)?).await
}

/// Writes a slice of marks and notes alone, of whatever sessions.
pub fn write_annotations(annotations: &[Annotation], out: &mut (dyn Write + Send)) -> Result<u64> {
    let mut form = Slice::begin(out)?;
    form.begin(Section::Sessions)?;
    form.end(Section::Sessions)?;
    form.begin(Section::Annotations)?;
    for annotation in annotations {
        form.row(Section::Annotations, None, &annotation_row(annotation))?;
    }
    form.end(Section::Annotations)?;
    form.begin(Section::Bodies)?;
    form.end(Section::Bodies)?;
    form.value("manifest", &manifest(std::iter::empty()).0)?;
    form.finish()
}

/// A slice that is being written.
pub struct Slice<'a> {
    lines: Lines<'a>,
}

impl<'a> Slice<'a> {
    pub fn begin(out: &'a mut (dyn Write + Send)) -> Result<Self> {
        let mut lines = Lines::new(out);
        lines.open()?;
        lines.member("format", &json!(NAME))?;
        lines.member("version", &json!(VERSION))?;
        // Who reads this knows that a file without a seal has lost it.
        lines.member("sealed", &json!(true))?;
        Ok(Self { lines })
    }
}

impl Form for Slice<'_> {
    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        self.lines.member(name, value)
    }

    fn begin(&mut self, section: Section) -> Result<()> {
        if section.is_named() { self.lines.open_object(section.name()) } else { self.lines.open_list(section.name()) }
    }

    fn row(&mut self, _: Section, name: Option<&str>, row: &Value) -> Result<()> {
        match name {
            None => self.lines.element(row),
            Some(name) => self.lines.inner_member(name, row),
        }
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        self.lines.inner_name(body.sha256)?;
        self.lines.text(if body.is_text { "{\"text\":\"" } else { "{\"base64\":\"" })
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        self.lines.may_cut();
        match part {
            Part::Text(text) => {
                let json = serde_json::to_string(text)?;
                self.lines.text(&escape_json(&json[1..json.len() - 1]))
            }
            Part::Bytes(bytes) => self.lines.text(&STANDARD.encode(bytes)),
        }
    }

    fn end_body(&mut self) -> Result<()> {
        self.lines.text("\"}")
    }

    fn end(&mut self, section: Section) -> Result<()> {
        if section.is_named() { self.lines.close_object() } else { self.lines.close_list() }
    }

    fn finish(&mut self) -> Result<u64> {
        self.lines.finish()
    }
}
