//! The source files of a session, written again byte for byte from the store alone.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::store::Store;

/// One file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: PathBuf,
    pub bytes: u64,
    /// Other sessions whose records went out with it.
    pub also: Vec<String>,
}

/// Writes every source file that holds a record of the session into a folder, whole; sub-agents in sub-folders.
///
/// Existing files are an error unless `force`.
pub async fn write_original(_store: &Store, _session: &str, _folder: &Path, _force: bool) -> Result<Vec<Written>> {
    bail!("not yet")
}
