//! Writes one JSON object so that each member, row and body stands on a line of its own.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;

use crate::domain::{escape_json, seal};
use crate::report::sealing::Sealing;

/// A JSON object that is being written.
pub struct Lines<'a> {
    out: Sealing<'a>,
    /// Something stands before in the outer object, and in the list or object inside it.
    filled: bool,
    filled_inside: bool,
}

impl<'a> Lines<'a> {
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out: Sealing::over(out), filled: false, filled_inside: false }
    }

    pub fn text(&mut self, text: &str) -> Result<()> {
        self.out.text(text)
    }

    pub fn open(&mut self) -> Result<()> {
        self.text("{")
    }

    pub fn member(&mut self, name: &str, value: &Value) -> Result<()> {
        self.name(name)?;
        self.value(value)
    }

    pub fn open_list(&mut self, name: &str) -> Result<()> {
        self.name(name)?;
        self.filled_inside = false;
        self.text("[")
    }

    pub fn element(&mut self, value: &Value) -> Result<()> {
        self.separate()?;
        self.value(value)
    }

    pub fn close_list(&mut self) -> Result<()> {
        self.text(if self.filled_inside { "\n]" } else { "]" })
    }

    pub fn open_object(&mut self, name: &str) -> Result<()> {
        self.name(name)?;
        self.filled_inside = false;
        self.text("{")
    }

    /// The name of a member of the object inside; its value follows.
    pub fn inner_name(&mut self, name: &str) -> Result<()> {
        self.separate()?;
        let name = serde_json::to_string(name)?;
        self.text(&escape_json(&name))?;
        self.text(":")
    }

    pub fn inner_member(&mut self, name: &str, value: &Value) -> Result<()> {
        self.inner_name(name)?;
        self.value(value)
    }

    pub fn close_object(&mut self) -> Result<()> {
        self.text(if self.filled_inside { "\n}" } else { "}" })
    }

    /// Here a part of a long text may end.
    pub fn may_cut(&mut self) {
        self.out.may_cut();
    }

    /// Seals what was written and ends the outer object; returns the bytes that were written.
    pub fn finish(&mut self) -> Result<u64> {
        let parts = self.out.parts()?;
        self.member("parts", &parts)?;
        self.text(",\n")?;
        self.out.finish(seal)
    }

    fn name(&mut self, name: &str) -> Result<()> {
        self.out.begin(name);
        let comma = if std::mem::replace(&mut self.filled, true) { ",\n" } else { "\n" };
        self.text(comma)?;
        self.text(&serde_json::to_string(name)?)?;
        self.text(":")
    }

    fn separate(&mut self) -> Result<()> {
        self.out.may_cut();
        let comma = if std::mem::replace(&mut self.filled_inside, true) { ",\n" } else { "\n" };
        self.text(comma)
    }

    fn value(&mut self, value: &Value) -> Result<()> {
        let json = serde_json::to_string(value)?;
        self.text(&escape_json(&json))
    }
}
