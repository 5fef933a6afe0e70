//! Quarantine: rows that the store cannot hold lie in files of their own, to be looked at and tried again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::folder::folder;
use super::row::Written;
use super::{Committer, GroupPolicy, Outcome};
use crate::domain::Timestamp;
use crate::store::{Address, Store};

const FOLDER: &str = "quarantine";
const ENDING: &str = "json";

/// A row that could not be stored.
#[derive(Debug)]
pub struct Quarantined {
    pub path: PathBuf,
    /// What the event is called.
    pub id: String,
    pub session: String,
    pub source: String,
    pub reason: String,
    /// When it was laid here.
    pub at: Timestamp,
    /// The row, JSON as it was recorded.
    pub row: Box<RawValue>,
    written: Written,
}

/// What stands in a file: the row, and what is known of it.
#[derive(Serialize, Deserialize)]
struct Laid {
    reason: String,
    at: i64,
    head: Written,
    row: Box<RawValue>,
}

/// Lays a row aside. When this returns, it is on the disk.
pub(super) fn lay(folder: &Path, row: &Written, reason: &str, at: Timestamp) -> io::Result<()> {
    let folder = folder.join(FOLDER);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let text = String::from_utf8_lossy(&row.bytes).into_owned();
    // What is no JSON is kept as a text.
    let kept = RawValue::from_string(text.clone()).or_else(|_| serde_json::value::to_raw_value(&text))?;
    let laid = Laid { reason: reason.to_owned(), at: at.0, head: row.clone(), row: kept };
    let path = folder.join(format!("{}.{ENDING}", uuid::Uuid::now_v7()));
    // It has its name when it is whole.
    let open = path.with_extension("open");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&open)?;
    file.write_all(&serde_json::to_vec(&laid)?)?;
    file.sync_all()?;
    fs::rename(open, path)?;
    File::open(folder)?.sync_all()
}

/// What lies in the quarantine of a store, oldest first; `named` is [`Policy::folder`](super::Policy::folder). A file that
/// is not what a recorder writes is an error in its place, and hides no other.
///
/// # Errors
/// When the folder cannot be read.
pub fn quarantined(store: impl Into<Address>, named: Option<&Path>) -> Result<Vec<Result<Quarantined>>> {
    let folder = folder(&store.into(), named)?.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("could not read {}", folder.display())),
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
    // Their names begin with the time.
    paths.sort();
    Ok(paths.into_iter().map(read).collect())
}

fn read(path: PathBuf) -> Result<Quarantined> {
    let reading = || format!("could not read {}", path.display());
    let bytes = fs::read(&path).with_context(reading)?;
    let laid: Laid = serde_json::from_slice(&bytes).with_context(reading)?;
    let written = Written { bytes: laid.row.get().as_bytes().to_vec(), ..laid.head };
    Ok(Quarantined {
        id: written.id.clone(),
        session: written.whose.id.clone(),
        source: written.source.clone(),
        reason: laid.reason,
        at: Timestamp(laid.at),
        row: laid.row,
        path,
        written,
    })
}

/// Tries to store rows of the quarantine again, and takes out of it what the store now holds. One outcome each.
///
/// # Errors
/// When the store cannot take anything now; nothing is taken out of the quarantine then.
pub async fn redrive(store: &Store, rows: &[Quarantined]) -> Result<Vec<Outcome>> {
    let committer = Committer::start(store.clone(), GroupPolicy::default());
    let written: Vec<Written> = rows.iter().map(|row| row.written.clone()).collect();
    let outcomes = committer.submit_written(&written).await;
    committer.close().await;
    let outcomes = outcomes?;
    for (row, outcome) in rows.iter().zip(&outcomes) {
        if outcome.is_kept() {
            fs::remove_file(&row.path).with_context(|| format!("could not remove {}", row.path.display()))?;
        }
    }
    Ok(outcomes)
}
