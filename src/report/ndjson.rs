//! A slice line by line: one JSON object a line, the same rows and values, each with the section that it stands in.

use std::io::Write;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::leaving::{Form, Leaving, Part, Section};
use super::sealing::Sealing;
use super::slice::{NAME, VERSION};
use crate::domain::{escape_json, seal_line};

/// Lines that are being written.
pub struct Ndjson<'a> {
    out: Sealing<'a>,
}

impl<'a> Ndjson<'a> {
    pub fn begin(out: &'a mut (dyn Write + Send)) -> Result<Self> {
        let mut lines = Self { out: Sealing::over(out) };
        lines.line("format", None, &json!(NAME))?;
        lines.line("version", None, &json!(VERSION))?;
        lines.line("sealed", None, &json!(true))?;
        Ok(lines)
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.out.text(text)
    }

    /// What stands before the value of a line.
    fn opening(&mut self, section: &str, name: Option<&str>) -> Result<()> {
        self.out.begin(section);
        self.out.may_cut();
        let name = match name {
            Some(name) => format!("\"name\":{},", escape_json(&serde_json::to_string(name)?)),
            None => String::new(),
        };
        self.text(&format!("{{\"section\":{},{name}\"value\":", serde_json::to_string(section)?))
    }

    fn line(&mut self, section: &str, name: Option<&str>, value: &Value) -> Result<()> {
        self.opening(section, name)?;
        self.text(&escape_json(&serde_json::to_string(value)?))?;
        self.text("}\n")
    }
}

impl Form for Ndjson<'_> {
    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        self.line(name, None, value)
    }

    /// A section without rows has no line.
    fn row(&mut self, section: Section, name: Option<&str>, row: &Value) -> Result<()> {
        self.line(section.name(), name, row)
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        self.opening(Section::Bodies.name(), Some(body.sha256))?;
        self.text(if body.is_text { "{\"text\":\"" } else { "{\"base64\":\"" })
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        self.out.may_cut();
        match part {
            Part::Text(text) => {
                let json = serde_json::to_string(text)?;
                self.text(&escape_json(&json[1..json.len() - 1]))
            }
            Part::Bytes(bytes) => self.text(&STANDARD.encode(bytes)),
        }
    }

    fn end_body(&mut self) -> Result<()> {
        self.text("\"}}\n")
    }

    fn finish(&mut self) -> Result<u64> {
        let parts = self.out.parts()?;
        self.line("parts", None, &parts)?;
        self.out.finish(seal_line)
    }
}
