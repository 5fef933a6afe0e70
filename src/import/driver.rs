//! The driver: finds sources, reads them in bounded memory, and hands records and events to the store in batches.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use tokio::sync::mpsc::UnboundedSender;

use super::find::{Found, find, plain};
use super::head::Head;
use super::read::{Begin, Cancelled, Saved, TAIL, read_source};
use super::{Format, Opening};
use crate::store::{self, Appended, Batch, Source, Store};

/// What one source gave: a line of `import --json`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    pub path: String,
    pub agent: String,
    /// Ids of the sessions that its events belong to.
    pub sessions: Vec<String>,
    /// All records of the source, also those read by an earlier import.
    pub records: u64,
    /// Records that are the origin of at least one event.
    pub represented: u64,
    pub bad: u64,
    /// Events that come from this source.
    pub events: u64,
    /// Of what this run read: events that were new.
    pub added: u64,
    pub duplicates: u64,
    pub conflicts: u64,
    /// The source had not changed and was not opened.
    pub unchanged: bool,
}

/// What happens while sources are brought in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// How many sources there are, and their size.
    Found {
        sources: usize,
        bytes: u64,
    },
    /// So much of all sources is done.
    Progress {
        sources: usize,
        bytes: u64,
    },
    /// A record that cannot be read: `path:line: reason`.
    Bad(String),
    /// A source that cannot be read at all, or a path that leads to none.
    Failed(String),
    /// Rows of these sessions have changed in the store.
    Stored {
        sessions: Vec<String>,
    },
    Done(Report),
}

/// How the one who started an import follows and stops it.
#[derive(Debug, Clone)]
pub struct Control {
    pub notices: UnboundedSender<Notice>,
    pub cancelled: Arc<AtomicBool>,
}

impl Control {
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub fn tell(&self, notice: Notice) {
        // Nobody listening is no reason to stop an import.
        let _ = self.notices.send(notice);
    }
}

/// How the whole import went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    pub reports: Vec<Report>,
    /// Sources that could not be read, with the reason; also told as [`Notice::Failed`].
    pub failures: Vec<String>,
    pub cancelled: bool,
}

/// Brings in what is named: files, and folders with all sessions below them.
///
/// A source that cannot be read does not stop the others. The error is for the store alone.
pub async fn bring_in(store: &Store, paths: &[PathBuf], control: &Control) -> Result<Outcome> {
    let (found, failures) = find(paths);
    let mut outcome = Outcome { failures, ..Outcome::default() };
    for failure in &outcome.failures {
        control.tell(Notice::Failed(failure.clone()));
    }
    control.tell(Notice::Found { sources: found.len(), bytes: found.iter().map(|found| found.size).sum() });
    for found in found {
        if control.is_cancelled() {
            break;
        }
        match bring_one(store, &found, control).await {
            Ok(Some(report)) => {
                control.tell(Notice::Done(report.clone()));
                outcome.reports.push(report);
            }
            Ok(None) => {}
            Err(error) if error.is::<Cancelled>() => break,
            Err(error) if store::is_failure(&error) => return Err(error),
            Err(error) => {
                let failure = format!("{}: {error:#}", found.path.display());
                control.tell(Notice::Failed(failure.clone()));
                outcome.failures.push(failure);
            }
        }
        control.tell(Notice::Progress { sources: 1, bytes: 0 });
    }
    store.settle().await?;
    outcome.cancelled = control.is_cancelled();
    Ok(outcome)
}

/// Brings one source in. `None` for a file in a folder that holds no session.
async fn bring_one(store: &Store, found: &Found, control: &Control) -> Result<Option<Report>> {
    let path = fs::canonicalize(&found.path).unwrap_or_else(|_| found.path.clone());
    let name = path.to_string_lossy().into_owned();
    let known = store.source(&name).await?;
    let now = Stamp::of(&fs::metadata(&path).map_err(|error| anyhow::anyhow!(plain(&error)))?);
    if let Some(known) = known.as_ref().filter(|known| now.is(known)) {
        control.tell(Notice::Progress { sources: 0, bytes: found.size });
        return Ok(Some(Report { unchanged: true, ..report(&found.path, known) }));
    }
    let opened = path.clone();
    let head = tokio::task::spawn_blocking(move || Head::read(&opened)).await??;
    let Some(format) = head.format(found.named)? else { return Ok(None) };
    if head.is_empty() {
        return Ok(Some(Report {
            path: found.path.display().to_string(),
            agent: format.agent.to_owned(),
            ..Report::default()
        }));
    }
    let source = match known.filter(|known| known.importer == format.agent) {
        Some(known) if grown(&path, &known, &now)? => {
            store.rewind_source(&known).await?;
            store.source(&name).await?.context("the source is gone from the store")?
        }
        other => {
            let revision = other.map_or(0, |known| known.revision + 1);
            let importer = format.agent.to_owned();
            store.begin_source(&Source { path: name.clone(), revision, importer, ..Source::default() }).await?
        }
    };
    let totals = read_in(store, &path, &source, format, head, control).await?;
    let done = Source { size: now.size, modified: now.modified, inode: now.inode, ..source };
    store.finish_source(&done).await?;
    store.settle().await?;
    let stored = store.source(&name).await?.context("the source is gone from the store")?;
    Ok(Some(Report {
        added: totals.added,
        duplicates: totals.duplicates,
        conflicts: totals.conflicts,
        ..report(&found.path, &stored)
    }))
}

/// Reads on one thread and stores on another, a few batches apart.
async fn read_in(
    store: &Store,
    path: &Path,
    source: &Source,
    format: &'static Format,
    head: Head,
    control: &Control,
) -> Result<Appended> {
    let begin = begin(store, source, &head).await?;
    let saved = (source.consumed > 0).then(|| begin.saved.reader.clone());
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Batch>(2);
    let (path, told) = (path.to_owned(), control.clone());
    let reading = tokio::task::spawn_blocking(move || {
        let contains = |text: &str| contains(&path, text);
        let opening = Opening { path: &path, head: &head.outlines, saved: saved.as_deref(), contains: &contains };
        let reader = (format.open)(&opening);
        read_source(&path, begin, reader, sender, &told)
    });
    let mut totals = Appended::default();
    let mut failed = None;
    while let Some(mut batch) = receiver.recv().await {
        batch.received = now();
        match store.append(&batch).await {
            Ok(appended) => {
                totals.added += appended.added;
                totals.duplicates += appended.duplicates;
                totals.conflicts += appended.conflicts;
                totals.represented += appended.represented;
                control
                    .tell(Notice::Stored { sessions: batch.sessions.into_iter().map(|session| session.id).collect() });
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    drop(receiver);
    let read = reading.await?;
    match failed {
        Some(error) => Err(error),
        None => read.map(|()| totals),
    }
}

async fn begin(store: &Store, source: &Source, head: &Head) -> Result<Begin> {
    let mut derived = HashMap::new();
    let mut saved = Saved::default();
    if source.consumed > 0 {
        saved = serde_json::from_str(&source.state).context("what was noted about the source cannot be read")?;
        for id in store.derived_ids(source.number).await? {
            let base = id.split('#').next().unwrap_or(&id);
            let (base, count) = match base.get(2..).and_then(|rest| rest.split_once('-')) {
                Some((hash, count)) => (format!("r-{hash}"), count.parse().unwrap_or(1)),
                None => (base.to_owned(), 1),
            };
            let known = derived.entry(base).or_insert(0);
            *known = count.max(*known);
        }
    }
    Ok(Begin {
        source: source.number,
        offset: u64::try_from(source.consumed)?,
        line: u64::try_from(source.lines)?,
        layout: head.layout,
        saved,
        derived,
        sessions: source.sessions.clone(),
    })
}

fn report(path: &Path, source: &Source) -> Report {
    Report {
        path: path.display().to_string(),
        agent: source.importer.clone(),
        sessions: source.sessions.clone(),
        records: source.records.unsigned_abs(),
        represented: source.represented.unsigned_abs(),
        bad: source.bad.unsigned_abs(),
        events: source.events.unsigned_abs(),
        ..Report::default()
    }
}

/// What tells at a glance whether a file is what it was.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    size: i64,
    modified: i64,
    inode: i64,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        Self { size: metadata.len().cast_signed(), modified, inode: metadata.ino().cast_signed() }
    }

    fn is(&self, source: &Source) -> bool {
        (self.size, self.modified, self.inode) == (source.size, source.modified, source.inode)
    }
}

/// Whether the file still begins with what was read of it, as far as its old end tells.
fn grown(path: &Path, known: &Source, now: &Stamp) -> Result<bool> {
    if now.size < known.consumed || known.state.is_empty() {
        return Ok(false);
    }
    // A file of the same size that was written again is not the file that was read.
    if known.size >= 0 && now.size == known.size && now.modified != known.modified {
        return Ok(false);
    }
    let consumed = known.consumed.unsigned_abs();
    let size = consumed.min(TAIL);
    let mut bytes = vec![0; usize::try_from(size)?];
    fs::File::open(path)?.read_exact_at(&mut bytes, consumed - size)?;
    Ok(store::digest(&bytes).as_slice() == known.tail)
}

/// Whether a text occurs anywhere in a file.
fn contains(path: &Path, text: &str) -> bool {
    let Ok(mut file) = fs::File::open(path) else { return false };
    let finder = memchr::memmem::Finder::new(text);
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let Ok(size) = file.read(&mut buffer[kept..]) else { return false };
        if size == 0 {
            return false;
        }
        let filled = kept + size;
        if finder.find(&buffer[..filled]).is_some() {
            return true;
        }
        kept = filled.min(text.len().saturating_sub(1));
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// µs since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
