//! Checks a slice against its own digests.

use std::path::Path;

use anyhow::{Result, bail};

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    pub bodies: usize,
    pub events: usize,
    /// What does not agree, one sentence each; empty when all is well.
    pub problems: Vec<String>,
}

/// Recomputes every digest of a slice. The error means that the file cannot be read as a slice at all.
pub fn verify(_path: &Path) -> Result<Verdict> {
    bail!("not yet")
}
