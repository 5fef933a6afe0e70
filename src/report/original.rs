//! The source files of a session, written again byte for byte from the store alone.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::domain::Session;
use crate::domain::packed::plain_name;
use crate::store::{Source, Store};

/// Bytes read from the store at a time.
const PART: i64 = 1 << 20;

/// One file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: PathBuf,
    pub bytes: u64,
    /// Other sessions whose records went out with it.
    pub also: Vec<String>,
    /// Bytes of the file that were purged and are left out.
    pub purged: u64,
}

/// Writes every source file that holds a record of the session into a folder, whole; sub-agents in sub-folders.
///
/// Existing files are an error unless `force`.
pub async fn write_original(store: &Store, session: &str, folder: &Path, force: bool) -> Result<Vec<Written>> {
    let root = store.session(session).await?.with_context(|| format!("there is no session {session}"))?;
    let all = store.sessions().await?;
    let made = Made::default();
    let mut writing =
        Writing { store, force, taken: BTreeSet::new(), done: BTreeSet::new(), written: Vec::new(), made };
    writing.session(&root, folder).await?;
    let mut waiting = vec![(root, folder.to_owned())];
    while let Some((parent, folder)) = waiting.pop() {
        for child in all.iter().filter(|child| child.parent.as_deref() == Some(&parent.id)) {
            let below = folder.join("subagents");
            writing.session(child, &below).await?;
            waiting.push((child.clone(), below));
        }
    }
    writing.made.keep();
    Ok(writing.written)
}

/// Files and folders that were not there before. They go when this is dropped, so a failure leaves nothing half made.
#[derive(Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Made {
    fn keep(&mut self) {
        (self.files, self.folders) = (Vec::new(), Vec::new());
    }

    /// Makes a folder with those above it.
    fn folder(&mut self, folder: &Path) -> std::io::Result<()> {
        let missing: Vec<&Path> =
            folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
        self.folders.extend(missing.into_iter().rev().map(Path::to_owned));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // What cannot be removed, or holds something else by now, stays.
        self.files.iter().for_each(|file| drop(fs::remove_file(file)));
        self.folders.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
    }
}

struct Writing<'a> {
    store: &'a Store,
    force: bool,
    taken: BTreeSet<PathBuf>,
    done: BTreeSet<i64>,
    written: Vec<Written>,
    made: Made,
}

impl Writing<'_> {
    async fn session(&mut self, session: &Session, folder: &Path) -> Result<()> {
        let mut sources = self.store.sources_of(session.number).await?;
        // What the file is now has its name; what it was before has a number.
        sources.sort_by_key(|source| (source.path.clone(), -source.revision));
        for source in sources {
            if self.done.insert(source.number) {
                self.source(session, &source, folder).await?;
            }
        }
        Ok(())
    }

    async fn source(&mut self, session: &Session, source: &Source, folder: &Path) -> Result<()> {
        self.made.folder(folder).with_context(|| format!("could not make {}", folder.display()))?;
        let size = self.store.blob_size(source.blob).await?;
        let spans = self.store.held_bytes(source).await?;
        let held: i64 = spans.iter().map(|(start, end)| end - start).sum();
        let is_partial = held < size && self.store.has_purged(source).await?;
        let path = self.free_name(folder, source, is_partial);
        let mut options = OpenOptions::new();
        options.write(true).mode(0o600);
        if self.force {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let is_new = !path.exists();
        let file = options.open(&path).with_context(|| format!("could not write {}", path.display()))?;
        self.made.files.extend(is_new.then(|| path.clone()));
        let mut out = BufWriter::new(file);
        let parts = if is_partial { spans } else { vec![(0, size)] };
        for (mut at, end) in parts {
            while at < end {
                let part = self.store.read(source.blob, at, PART.min(end - at)).await?;
                ensure!(!part.is_empty(), "the store holds less of {} than it says", source.path);
                at += part.len() as i64;
                out.write_all(&part).with_context(|| format!("could not write {}", path.display()))?;
            }
        }
        out.flush().with_context(|| format!("could not write {}", path.display()))?;
        let also = source.sessions.iter().filter(|id| **id != session.id).cloned().collect();
        let (bytes, purged) = if is_partial { (held, size - held) } else { (size, 0) };
        self.written.push(Written { path, bytes: bytes.unsigned_abs(), also, purged: purged.unsigned_abs() });
        Ok(())
    }

    /// The file's own name, never hidden, with a number where another file of this export has it, and `partial` before
    /// its ending where parts of it were purged.
    fn free_name(&mut self, folder: &Path, source: &Source, is_partial: bool) -> PathBuf {
        let path = Path::new(plain_name(&source.path));
        let part = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let stem = part(path.file_stem()).unwrap_or_else(|| "source".to_owned());
        let stem = stem.trim_start_matches('.').to_owned();
        let stem = if is_partial { format!("{stem}.partial") } else { stem };
        let ending = part(path.extension()).map_or_else(String::new, |ending| format!(".{ending}"));
        let names =
            (1..).map(|count| if count == 1 { format!("{stem}{ending}") } else { format!("{stem}-{count}{ending}") });
        let mut paths = names.map(|name| folder.join(name));
        let free = paths.find(|path| self.taken.insert(path.clone()));
        free.unwrap_or_else(|| folder.join(&stem))
    }
}
