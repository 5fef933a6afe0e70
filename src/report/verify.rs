//! Checks a slice against its own digests: its seal covers every byte, its manifest every body.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::{Carried, Parts, SealCheck, Sealed, Splitter, Strict};
use crate::store::digest;

/// Rows longer than this are not looked into.
const ROW: usize = 16 << 20;
/// Problems beyond this many are only counted.
const TOLD: usize = 100;

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    pub bodies: usize,
    pub events: usize,
    /// The slice has a seal over all of it; without one only its bodies could be checked.
    pub sealed: bool,
    /// What does not agree, one sentence each; empty when all is well.
    pub problems: Vec<String>,
}

/// Recomputes every digest of a slice. The error means that the file cannot be read as a slice at all.
pub fn verify(path: &Path) -> Result<Verdict> {
    let mut file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let mut checking = Checking::default();
    let (mut splitter, mut seal) = (Splitter::default(), SealCheck::default());
    let (mut strict, mut fault) = (Strict::default(), None);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let size = file.read(&mut buffer).with_context(|| format!("could not read {}", path.display()))?;
        if size == 0 {
            break;
        }
        seal.feed(&buffer[..size]);
        if fault.is_none() {
            fault = strict.feed(&buffer[..size]).err();
        }
        splitter.feed(&buffer[..size], &mut checking).with_context(|| format!("{} is not a slice", path.display()))?;
    }
    if !checking.is_slice {
        bail!("{} is not a slice", path.display());
    }
    if !splitter.is_complete() {
        checking.problem("the file ends before the slice does".to_owned());
    } else if let Some(fault) = fault.or_else(|| strict.finish().err()) {
        checking.problem(format!("it is not JSON: {fault}"));
    }
    Ok(checking.conclude(seal.conclude()))
}

#[derive(Default)]
struct Checking {
    is_slice: bool,
    /// It says that it has a seal.
    says_sealed: bool,
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
    problems: Vec<String>,
    untold: usize,
}

impl Checking {
    fn problem(&mut self, problem: String) {
        if self.problems.len() < TOLD { self.problems.push(problem) } else { self.untold += 1 }
    }

    fn row(&mut self, value: &Value) {
        match self.section.as_str() {
            "format" => self.is_slice = value == "turnscope-slice",
            "sealed" => self.says_sealed = true,
            "manifest" if self.name == "digest" => self.digest = value.as_str().map(str::to_owned),
            "manifest" if self.name == "bodies" => {
                for body in value.as_array().into_iter().flatten() {
                    let name = body["sha256"].as_str().map(str::to_owned);
                    self.listed.extend(name.zip(body["size"].as_u64()));
                }
            }
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
            self.problem(format!("body {name} is cut"));
        } else if found != name {
            self.problem(format!("body {name} hashes to {found}"));
        }
        if self.found.insert(name.clone(), self.size).is_some() {
            self.problem(format!("body {name} stands twice"));
        }
    }

    fn conclude(mut self, seal: Sealed) -> Verdict {
        let sealed = seal == Sealed::Whole;
        match seal {
            Sealed::Broken(reason) => self.problem(reason),
            Sealed::No if self.says_sealed => {
                self.problem("it says that it is sealed, and the seal is gone".to_owned())
            }
            Sealed::No | Sealed::Whole => {}
        }
        let mut text = String::new();
        let listed = std::mem::take(&mut self.listed);
        for (name, size) in &listed {
            text.push_str(&format!("{name} {size}\n"));
            match self.found.get(name) {
                None => self.problem(format!("body {name} is listed in the manifest and missing")),
                Some(found) if found != size => {
                    self.problem(format!("body {name} has {found} bytes; the manifest says {size}"))
                }
                Some(_) => {}
            }
        }
        for name in self.found.keys().filter(|name| !listed.contains_key(*name)).cloned().collect::<Vec<_>>() {
            self.problem(format!("body {name} is not listed in the manifest"));
        }
        for (name, size) in std::mem::take(&mut self.named) {
            if self.found.get(&name) != Some(&size) {
                self.problem(format!("body {name} of {size} bytes is named by an event and missing"));
            }
        }
        let found = hex::encode(digest(text.as_bytes()));
        match self.digest.take() {
            Some(said) if said == found => {}
            Some(said) => self.problem(format!("the manifest hashes to {found} and says {said}")),
            None => self.problem("there is no manifest".to_owned()),
        }
        if self.untold > 0 {
            self.problems.push(format!("and {} more", self.untold));
        }
        Verdict { bodies: self.found.len(), events: self.events, sealed, problems: self.problems }
    }
}

impl Parts for Checking {
    fn begin(&mut self, section: &str, name: Option<&str>, _offset: u64) -> Result<()> {
        (self.section, self.name) = (section.to_owned(), name.unwrap_or("").to_owned());
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
        if self.section == "bodies" {
            self.body();
            return Ok(());
        }
        let row = std::mem::take(&mut self.row);
        match serde_json::from_slice::<Value>(&row) {
            Ok(value) => self.row(&value),
            Err(error) => self.problem(format!("a value in {} cannot be read: {error}", self.section)),
        }
        Ok(())
    }
}
