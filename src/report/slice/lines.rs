//! Writes one JSON object so that each member, row and body stands on a line of its own.

use std::io::Write;

use anyhow::Result;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::{escape_json, seal};

/// A JSON object that is being written.
pub struct Lines<'a> {
    out: &'a mut (dyn Write + Send),
    bytes: u64,
    /// Over all that was written.
    hasher: Sha256,
    /// Something stands before in the outer object, and in the list or object inside it.
    filled: bool,
    filled_inside: bool,
}

impl<'a> Lines<'a> {
    pub fn new(out: &'a mut (dyn Write + Send)) -> Self {
        Self { out, bytes: 0, hasher: Sha256::new(), filled: false, filled_inside: false }
    }

    pub fn text(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.hasher.update(text.as_bytes());
        self.bytes += text.len() as u64;
        Ok(())
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

    /// Seals what was written and ends the outer object; returns the bytes that were written.
    pub fn finish(&mut self) -> Result<u64> {
        self.text(",\n")?;
        let digest: [u8; 32] = self.hasher.clone().finalize().into();
        self.text(&seal(&digest, self.bytes))?;
        self.out.flush()?;
        Ok(self.bytes)
    }

    fn name(&mut self, name: &str) -> Result<()> {
        let comma = if std::mem::replace(&mut self.filled, true) { ",\n" } else { "\n" };
        self.text(comma)?;
        self.text(&serde_json::to_string(name)?)?;
        self.text(":")
    }

    fn separate(&mut self) -> Result<()> {
        let comma = if std::mem::replace(&mut self.filled_inside, true) { ",\n" } else { "\n" };
        self.text(comma)
    }

    fn value(&mut self, value: &Value) -> Result<()> {
        let json = serde_json::to_string(value)?;
        self.text(&escape_json(&json))
    }
}
