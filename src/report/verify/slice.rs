//! Checks a slice, as one object or line by line: every body, and what names it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::place::places;
use super::{Problems, Verdict, compare_manifest};
use crate::domain::{Carried, Document, Parts, SealCheck, Sealed};

/// Rows longer than this are not looked into.
const ROW: usize = 16 << 20;

/// Recomputes every digest of a slice. The error means that the file cannot be read as a slice at all.
pub fn verify(path: &Path) -> Result<Verdict> {
    let mut file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let mut checking = Checking::default();
    let (mut document, mut seal) = (Document::default(), SealCheck::default());
    let (mut broken, mut all) = (None, 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let size = file.read(&mut buffer).with_context(|| format!("could not read {}", path.display()))?;
        if size == 0 {
            break;
        }
        all += size as u64;
        seal.feed(&buffer[..size]);
        if broken.is_none() {
            broken = document.feed(&buffer[..size], &mut checking).err();
        }
    }
    let no_slice = || format!("{} is not a slice", path.display());
    match broken {
        Some(error) if !checking.is_slice => return Err(error).with_context(no_slice),
        None if !checking.is_slice => bail!(no_slice()),
        _ => {}
    }
    if let Some(error) = broken {
        checking.problems.add(format!("{error:#}"));
    } else if !document.is_complete() {
        checking.cut = Some(all);
    } else if let Some(fault) = document.fault() {
        checking.problems.add(format!("it is not JSON: {fault}"));
    }
    checking.conclude(seal.conclude(), path)
}

#[derive(Default)]
struct Checking {
    is_slice: bool,
    /// It says that it has a seal.
    says_sealed: bool,
    /// Where it ends before its end.
    cut: Option<u64>,
    /// The part that is being read has not ended.
    is_open: bool,
    section: String,
    name: String,
    row: Vec<u8>,
    carried: Carried,
    hasher: Sha256,
    size: u64,
    /// Bodies that are there, with their sizes.
    found: BTreeMap<String, u64>,
    /// Bodies that events name.
    named: BTreeSet<(String, u64)>,
    /// Bodies that the manifest lists.
    listed: BTreeMap<String, u64>,
    digest: Option<String>,
    events: usize,
    problems: Problems,
}

impl Checking {
    fn row(&mut self, value: &Value) {
        match self.section.as_str() {
            "format" => self.is_slice = value == "turnscope-slice",
            "sealed" => self.says_sealed = true,
            "manifest" => self.manifest(value),
            _ => {
                if let Some(bodies) = value["turnscope"]["bodies"].as_array() {
                    self.events += 1;
                    let named = bodies
                        .iter()
                        .filter_map(|body| Some((body["sha256"].as_str()?.to_owned(), body["size"].as_u64()?)));
                    self.named.extend(named);
                }
            }
        }
    }

    fn body(&mut self) {
        let found = hex::encode(std::mem::take(&mut self.hasher).finalize());
        let name = std::mem::take(&mut self.name);
        if !self.carried.is_complete() {
            self.problems.add(format!("body {name} is cut"));
        } else if found != name {
            self.problems.add(format!("body {name} hashes to {found}"));
        }
        if self.found.insert(name.clone(), self.size).is_some() {
            self.problems.add(format!("body {name} stands twice"));
        }
    }

    /// The manifest, or a member of it.
    fn manifest(&mut self, value: &Value) {
        let (digest, bodies) = match self.name.as_str() {
            "digest" => (value, &Value::Null),
            "bodies" => (&Value::Null, value),
            _ => (&value["digest"], &value["bodies"]),
        };
        self.digest = digest.as_str().map(str::to_owned).or(self.digest.take());
        for body in bodies.as_array().into_iter().flatten() {
            let name = body["sha256"].as_str().map(str::to_owned);
            self.listed.extend(name.zip(body["size"].as_u64()));
        }
    }

    /// What is cut has lost its manifest, its seal and all bodies behind the cut; that is told in one sentence.
    fn conclude_cut(mut self, at: u64) -> Verdict {
        let inside = if self.is_open { format!(", inside `{}`", self.section) } else { String::new() };
        let missing = self.named.iter().filter(|(name, size)| self.found.get(name) != Some(size)).count();
        self.problems.add_first(std::iter::once(format!(
            "a turnscope slice that is cut at byte {at}{inside}; events before it: {}, bodies that they name: {}, missing of \
             these: {missing}",
            self.events,
            self.named.len()
        )));
        Verdict { bodies: self.found.len(), events: self.events, sealed: false, problems: self.problems.told() }
    }

    fn conclude(mut self, seal: Sealed, path: &Path) -> Result<Verdict> {
        // Where the seal is there, the end is, and what went wrong stands before it.
        match (self.cut, &seal) {
            (Some(at), Sealed::No) => return Ok(self.conclude_cut(at)),
            (Some(_), _) => self.problems.add("the file ends before the slice does".to_owned()),
            (None, _) => {}
        }
        let sealed = seal == Sealed::Whole;
        let broken = match seal {
            Sealed::Broken(reason) => Some(reason),
            Sealed::No if self.says_sealed => Some("it says that it is sealed, and the seal is gone".to_owned()),
            Sealed::No | Sealed::Whole => None,
        };
        if let Some(reason) = broken {
            self.problems.add_first(std::iter::once(reason).chain(places(path)?));
        }
        for (name, size) in &self.listed {
            match self.found.get(name) {
                None => self.problems.add(format!("body {name} is listed in the manifest and missing")),
                Some(found) if found != size => {
                    self.problems.add(format!("body {name} has {found} bytes; the manifest says {size}"))
                }
                Some(_) => {}
            }
        }
        for name in self.found.keys().filter(|name| !self.listed.contains_key(*name)) {
            self.problems.add(format!("body {name} is not listed in the manifest"));
        }
        for (name, size) in &self.named {
            if self.found.get(name) != Some(size) {
                self.problems.add(format!("body {name} of {size} bytes is named by an event and missing"));
            }
        }
        compare_manifest(&self.listed, self.digest.as_deref(), &mut self.problems);
        Ok(Verdict { bodies: self.found.len(), events: self.events, sealed, problems: self.problems.told() })
    }
}

impl Parts for Checking {
    fn begin(&mut self, section: &str, name: Option<&str>, _offset: u64) -> Result<()> {
        (self.section, self.name) = (section.to_owned(), name.unwrap_or("").to_owned());
        self.is_open = true;
        self.row.clear();
        (self.carried, self.hasher, self.size) = (Carried::default(), Sha256::default(), 0);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if self.section == "bodies" {
            let mut plain = Vec::with_capacity(bytes.len());
            self.carried.feed(bytes, &mut plain)?;
            self.hasher.update(&plain);
            self.size += plain.len() as u64;
        } else if self.section == "manifest" || self.row.len() + bytes.len() <= ROW {
            self.row.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.is_open = false;
        if self.section == "bodies" {
            self.body();
            return Ok(());
        }
        let row = std::mem::take(&mut self.row);
        if self.section == "parts" {
            return Ok(());
        }
        match serde_json::from_slice::<Value>(&row) {
            Ok(value) => self.row(&value),
            Err(error) => self.problems.add(format!("a value in {} cannot be read: {error}", self.section)),
        }
        Ok(())
    }
}
