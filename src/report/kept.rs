//! What waits in files without names until all has been told: rows in their order, and bodies by their digests.
//!
//! A form that writes a row together with its bodies needs both, and bodies are told last.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::leaving::{Leaving, Part};

/// Rows and bodies that are kept back. Memory grows with their number alone.
pub struct Kept {
    rows: BufWriter<File>,
    bodies: BufWriter<File>,
    places: HashMap<String, Place>,
    /// The bodies that rows need.
    wanted: HashSet<String>,
    /// How many bytes of bodies there are.
    end: u64,
    /// The body that is being written.
    open: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    size: u64,
    is_text: bool,
}

/// The beginning of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub bytes: Vec<u8>,
    /// The bytes of the whole.
    pub size: u64,
    pub is_text: bool,
}

impl Kept {
    /// In a folder that has room for them.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let file = || {
            tempfile::tempfile_in(folder)
                .with_context(|| format!("could not make a temporary file in {}", folder.display()))
        };
        Ok(Self {
            rows: BufWriter::with_capacity(1 << 18, file()?),
            bodies: BufWriter::with_capacity(1 << 18, file()?),
            places: HashMap::new(),
            wanted: HashSet::new(),
            end: 0,
            open: None,
        })
    }

    pub fn row(&mut self, row: &Value) -> Result<()> {
        serde_json::to_writer(&mut self.rows, row)?;
        Ok(self.rows.write_all(b"\n")?)
    }

    pub fn want(&mut self, sha256: &str) {
        if !self.wanted.contains(sha256) {
            self.wanted.insert(sha256.to_owned());
        }
    }

    pub fn wants(&self, sha256: &str) -> bool {
        self.wanted.contains(sha256)
    }

    pub fn begin_body(&mut self, body: Leaving<'_>) {
        let place = Place { start: self.end, size: 0, is_text: body.is_text };
        self.places.insert(body.sha256.to_owned(), place);
        self.open = Some(body.sha256.to_owned());
    }

    pub fn part(&mut self, part: Part<'_>) -> Result<()> {
        let bytes = match part {
            Part::Text(text) => text.as_bytes(),
            Part::Bytes(bytes) => bytes,
        };
        let Some(place) = self.open.as_ref().and_then(|sha256| self.places.get_mut(sha256)) else { return Ok(()) };
        place.size += bytes.len() as u64;
        self.end += bytes.len() as u64;
        Ok(self.bodies.write_all(bytes)?)
    }

    pub fn end_body(&mut self) {
        self.open = None;
    }

    /// All rows once more, in their order. They can be asked for again.
    pub fn rows(&mut self) -> Result<impl Iterator<Item = Result<Value>> + use<>> {
        self.rows.flush()?;
        let mut file = self.rows.get_ref().try_clone()?;
        file.rewind()?;
        let lines = BufReader::with_capacity(1 << 18, file).lines();
        Ok(lines.map(|line| Ok(serde_json::from_str(&line?)?)))
    }

    /// A body, or as much of it as `most`; `None` where it was not told.
    pub fn body(&mut self, sha256: &str, most: u64) -> Result<Option<Held>> {
        let Some(Place { start, size, is_text }) = self.places.get(sha256).copied() else { return Ok(None) };
        self.bodies.flush()?;
        let file = self.bodies.get_mut();
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; usize::try_from(size.min(most))?];
        file.read_exact(&mut bytes)?;
        Ok(Some(Held { bytes, size, is_text }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_comes_back_in_order_and_by_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut kept = Kept::in_folder(folder.path()).expect("files");
        for number in 0..3 {
            kept.row(&json!({ "row": number })).expect("keeps");
        }
        for (sha256, text) in [("aa", "first"), ("bb", ""), ("cc", "third")] {
            kept.begin_body(Leaving { sha256, size: 5, is_text: true });
            text.split_inclusive('r').try_for_each(|part| kept.part(Part::Text(part))).expect("keeps");
            kept.end_body();
        }
        for _ in 0..2 {
            let rows: Vec<Value> = kept.rows().expect("reads").map(|row| row.expect("a row")).collect();
            assert_eq!(rows, [json!({ "row": 0 }), json!({ "row": 1 }), json!({ "row": 2 })]);
            let body = kept.body("cc", 2).expect("reads").expect("is there");
            assert_eq!((body.bytes.as_slice(), body.size), (&b"th"[..], 5));
        }
        assert_eq!(kept.body("bb", 9).expect("reads").map(|held| held.size), Some(0));
        assert_eq!(kept.body("dd", 9).expect("reads"), None);
    }
}
