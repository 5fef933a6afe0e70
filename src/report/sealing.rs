//! Bytes on their way into a file that can be checked: hashed as a whole for its seal, and in parts, so that a reader
//! can tell where a change is.

use std::io::Write;

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::store::digest;

/// A part ends at the first place where it may once it is so long.
const PART: u64 = 64 << 10;

/// A file that is being written.
pub struct Sealing<'a> {
    out: &'a mut (dyn Write + Send),
    bytes: u64,
    whole: Sha256,
    part: Sha256,
    /// Where the part begins, and in which member of the file.
    begun: u64,
    section: String,
    /// Section, first byte, size and digest of each part before.
    parts: Vec<(String, u64, u64, String)>,
}

impl<'a> Sealing<'a> {
    pub fn over(out: &'a mut (dyn Write + Send)) -> Self {
        let (whole, part) = (Sha256::new(), Sha256::new());
        Self { out, bytes: 0, whole, part, begun: 0, section: "head".to_owned(), parts: Vec::new() }
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes)?;
        self.whole.update(bytes);
        self.part.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    pub fn text(&mut self, text: &str) -> Result<()> {
        self.bytes(text.as_bytes())
    }

    /// What follows belongs to this member of the file.
    pub fn begin(&mut self, section: &str) {
        if self.section != section {
            self.cut();
            section.clone_into(&mut self.section);
        }
    }

    /// Here a part may end.
    pub fn may_cut(&mut self) {
        if self.bytes - self.begun >= PART {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let size = self.bytes - self.begun;
        if size > 0 {
            let digest = hex::encode(std::mem::take(&mut self.part).finalize());
            self.parts.push((self.section.clone(), self.begun, size, digest));
            self.begun = self.bytes;
        }
    }

    /// The digests of all parts up to here, and one over the list of them as it is written.
    pub fn parts(&mut self) -> Result<Value> {
        self.cut();
        let list = json!(self.parts);
        let written = hex::encode(digest(serde_json::to_string(&list)?.as_bytes()));
        Ok(json!({ "list": list, "sha256": written }))
    }

    /// Writes a seal over all before it, and flushes; returns how many bytes were written.
    pub fn finish(&mut self, seal: impl Fn(&[u8; 32], u64) -> String) -> Result<u64> {
        let digest: [u8; 32] = self.whole.clone().finalize().into();
        self.text(&seal(&digest, self.bytes))?;
        self.out.flush()?;
        Ok(self.bytes)
    }
}
