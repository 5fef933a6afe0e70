//! Checks a file that left against its own digests: its seal covers every byte, its manifest every body.

mod page;
mod place;
mod slice;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};

use crate::store::digest;

/// Problems beyond this many are only counted.
const TOLD: usize = 100;

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    pub bodies: usize,
    pub events: usize,
    /// The file has a seal over all of it; without one only its bodies could be checked.
    pub sealed: bool,
    /// What does not agree, one sentence each; empty when all is well.
    pub problems: Vec<String>,
}

/// Recomputes every digest of a slice or of a page. The error means that the file cannot be read as either.
pub fn verify(path: &Path) -> Result<Verdict> {
    let mut file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let mut head = Vec::new();
    file.by_ref()
        .take(page::BEGINNING.len() as u64)
        .read_to_end(&mut head)
        .with_context(|| format!("could not read {}", path.display()))?;
    if head.eq_ignore_ascii_case(page::BEGINNING.as_bytes()) { page::verify(path) } else { slice::verify(path) }
}

/// Problems, as many as a person reads.
#[derive(Debug, Default)]
struct Problems {
    told: Vec<String>,
    untold: usize,
}

impl Problems {
    fn add(&mut self, problem: String) {
        if self.told.len() < TOLD { self.told.push(problem) } else { self.untold += 1 }
    }

    /// Problems that say most, before all others.
    fn add_first(&mut self, problems: impl Iterator<Item = String>) {
        self.told.splice(0..0, problems);
    }

    fn told(mut self) -> Vec<String> {
        if self.untold > 0 {
            self.told.push(format!("and {} more", self.untold));
        }
        self.told
    }
}

/// Computes the digest over the bodies that are listed, by digest with their sizes.
fn compare_manifest(listed: &BTreeMap<String, u64>, said: Option<&str>, problems: &mut Problems) {
    let text: String = listed.iter().map(|(name, size)| format!("{name} {size}\n")).collect();
    let found = hex::encode(digest(text.as_bytes()));
    match said {
        Some(said) if said == found => {}
        Some(said) => problems.add(format!("the manifest hashes to {found} and says {said}")),
        None => problems.add("there is no manifest".to_owned()),
    }
}
