//! A folder of the program's own in the user's cache folder: readable by its owner alone, gone when the program ends.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use etcetera::base_strategy::{BaseStrategy, Xdg};

/// What the names of such folders begin with; the number of the process follows.
const NAME: &str = "browse-";

/// A folder that goes, with all that is in it, when this is dropped.
#[derive(Debug)]
pub struct PrivateFolder {
    folder: PathBuf,
}

impl PrivateFolder {
    /// Makes the folder, and clears away what programs that died left behind.
    pub fn new() -> Result<Self> {
        let base = Xdg::new().context("could not find the home folder")?.cache_dir().join("turnscope");
        let make = |folder: &Path| DirBuilder::new().recursive(true).mode(0o700).create(folder);
        make(&base).with_context(|| format!("could not make {}", base.display()))?;
        clear_dead(&base);
        let folder = base.join(format!("{NAME}{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()));
        make(&folder).with_context(|| format!("could not make {}", folder.display()))?;
        Ok(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // What cannot be removed now is cleared away at the next start.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes the folders of programs that no longer run.
fn clear_dead(base: &Path) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process =
            name.strip_prefix(NAME).and_then(|rest| rest.split('-').next()).and_then(|id| id.parse::<u32>().ok());
        if process.is_some_and(|process| !is_running(process)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Where the system does not tell, nothing is taken for dead.
fn is_running(process: u32) -> bool {
    let processes = Path::new("/proc");
    !processes.is_dir() || processes.join(process.to_string()).is_dir()
}
