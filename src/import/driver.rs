//! The driver: finds sources, reads them in bounded memory, and hands records and events to the store in batches.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::find::{Found, find, plain};
use super::head::Head;
use super::read::{Begin, Cancelled, Saved, TAIL, read_source};
use super::slice::read_slice;
use super::{Format, Open, Opening};
use crate::store::{self, Appended, Batch, Source, SourceStep, Stamp, Store};

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
    /// So much more is done.
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
    for failure in &failures {
        control.tell(Notice::Failed(failure.clone()));
    }
    control.tell(Notice::Found { sources: found.len(), bytes: found.iter().map(|found| found.size).sum() });
    let outcome = Outcome { failures, ..Outcome::default() };
    let mut bringing = Bringing {
        store,
        known: HashMap::new(),
        control,
        waiting: Vec::new(),
        held: 0,
        storing: None,
        read: Vec::new(),
        settle_at: None,
        outcome,
    };
    if found.len() > MANY {
        bringing.known = store.sources().await?;
    }
    let mut seen = HashSet::new();
    for found in found {
        let path = fs::canonicalize(&found.path).unwrap_or_else(|_| found.path.clone());
        if !seen.insert(path.clone()) {
            continue;
        }
        match bringing.source(&found, &path).await {
            Ok(()) => {}
            Err(error) if error.is::<Cancelled>() => break,
            Err(error) if store::is_failure(&error) => return Err(error),
            Err(error) => {
                let failure = format!("{}: {error:#}", found.path.display());
                control.tell(Notice::Failed(failure.clone()));
                bringing.outcome.failures.push(failure);
            }
        }
        control.tell(Notice::Progress { sources: 1, bytes: 0 });
    }
    bringing.finish().await
}

/// Batches of small sources wait until they are worth a transaction.
const WORTH: usize = 4 << 20;
/// Counts are reckoned now and then while a long import goes on, and less often the longer that takes.
const SETTLE: Duration = Duration::from_secs(2);
/// So many times as long as reckoning takes nothing is reckoned.
const REST: u32 = 30;

/// For more sources than this, what is known of all of them is asked for at once.
const MANY: usize = 50;

struct Bringing<'a> {
    store: &'a Store,
    /// Sources as they were when the import began, where there are many.
    known: HashMap<String, Source>,
    control: &'a Control,
    waiting: Vec<Batch>,
    held: usize,
    /// What is being stored while the next sources are read.
    storing: Option<JoinHandle<Stored>>,
    /// Sources that were read, whose last batch may still wait.
    read: Vec<Reading>,
    /// When counts are to be reckoned again; the first ones are wanted at once.
    settle_at: Option<Instant>,
    outcome: Outcome,
}

/// Batches that were stored, and what each came to.
type Stored = Result<(Vec<Batch>, Vec<Appended>)>;

struct Reading {
    shown: PathBuf,
    name: String,
    totals: Appended,
    finished: bool,
}

impl Bringing<'_> {
    async fn source(&mut self, found: &Found, path: &Path) -> Result<()> {
        if self.control.is_cancelled() {
            bail!(Cancelled);
        }
        let name = path.to_string_lossy().into_owned();
        let stamp = stamp(&fs::metadata(path).map_err(|error| anyhow::anyhow!(plain(&error)))?);
        if let Some(known) = self.known.remove(&name).filter(|known| known.stamp() == stamp) {
            self.unchanged(found, &known);
            return Ok(());
        }
        let known = self.store.source(&name).await?;
        if let Some(known) = known.as_ref().filter(|known| known.stamp() == stamp) {
            self.unchanged(found, known);
            return Ok(());
        }
        let opened = path.to_owned();
        let head = tokio::task::spawn_blocking(move || Head::read(&opened)).await??;
        let Some(format) = head.format(found.named)? else { return Ok(()) };
        if head.is_empty() {
            let (path, agent) = (found.path.display().to_string(), format.agent.to_owned());
            self.done(Report { path, agent, ..Report::default() });
            return Ok(());
        }
        let source = self.source_to_read(known, path, &stamp, format).await?;
        self.read.push(Reading { shown: found.path.clone(), name, totals: Appended::default(), finished: false });
        self.read_in(path, &source, stamp, format, head).await
    }

    fn unchanged(&mut self, found: &Found, known: &Source) {
        self.control.tell(Notice::Progress { sources: 0, bytes: found.size });
        self.done(Report { unchanged: true, ..report(&found.path, known) });
    }

    /// The source as far as it was read; a new one, or a new revision, where it is no longer what it was.
    async fn source_to_read(
        &self,
        known: Option<Source>,
        path: &Path,
        stamp: &Stamp,
        format: &Format,
    ) -> Result<Source> {
        let name = path.to_string_lossy().into_owned();
        match known {
            Some(known) if known.importer == format.agent && grown(path, &known, stamp)? => {
                self.store.rewind_source(&known).await?;
                self.store.source(&name).await?.context("the source is gone from the store")
            }
            other => {
                let revision = other.map_or(0, |known| known.revision + 1);
                Ok(Source { path: name, revision, importer: format.agent.to_owned(), ..Source::default() })
            }
        }
    }

    /// Reads on one thread and stores on another, a few batches apart.
    async fn read_in(
        &mut self,
        path: &Path,
        source: &Source,
        stamp: Stamp,
        format: &'static Format,
        head: Head,
    ) -> Result<()> {
        let begin = begin(self.store, source, &head, stamp).await?;
        let saved = (source.consumed > 0).then(|| begin.saved.reader.clone());
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Batch>(2);
        let (path, told) = (path.to_owned(), self.control.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let contains = |text: &str| contains(&path, text);
            let opening = Opening { path: &path, head: &head.outlines, saved: saved.as_deref(), contains: &contains };
            match format.open {
                Open::Records(open) => read_source(&path, begin, open(&opening), sender, &told),
                Open::Slice => read_slice(&path, begin.step, stamp, sender, &told),
            }
        });
        while let Some(mut batch) = receiver.recv().await {
            batch.received = now();
            self.held += batch.pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>() + batch.records.len() * 2048;
            self.waiting.push(batch);
            // Somebody may be waiting to see the first rows.
            let first = self.settle_at.is_none();
            if first || self.held >= WORTH {
                self.store_waiting().await?;
            }
            if first {
                self.stored().await?;
            }
        }
        reading.await?
    }

    /// Begins to store what waits; one transaction at a time.
    async fn store_waiting(&mut self) -> Result<()> {
        self.stored().await?;
        let batches = std::mem::take(&mut self.waiting);
        self.held = 0;
        if !batches.is_empty() {
            let store = self.store.clone();
            self.storing = Some(tokio::spawn(async move {
                let appended = store.append(&batches).await?;
                Ok((batches, appended))
            }));
        }
        Ok(())
    }

    /// Waits for what is being stored, and reports the sources that are complete with it.
    async fn stored(&mut self) -> Result<()> {
        let Some(storing) = self.storing.take() else { return Ok(()) };
        let (batches, appended) = storing.await??;
        for (step, appended) in batches.iter().filter_map(|batch| batch.source.as_ref()).zip(&appended) {
            if let Some(reading) = self.read.iter_mut().rev().find(|reading| reading.name == step.path) {
                reading.totals.add(appended);
                reading.finished |= step.finished.is_some();
            }
        }
        for reading in self.read.extract_if(.., |reading| reading.finished).collect::<Vec<_>>() {
            let stored = self.store.source(&reading.name).await?.context("the source is gone from the store")?;
            let Appended { added, duplicates, conflicts, .. } = reading.totals;
            self.done(Report { added, duplicates, conflicts, ..report(&reading.shown, &stored) });
        }
        let began = Instant::now();
        if self.settle_at.is_none_or(|due| due <= began) {
            self.store.settle().await?;
            self.settle_at = Some(Instant::now() + SETTLE.max(began.elapsed() * REST));
        }
        let sessions = batches.into_iter().flat_map(|batch| batch.sessions).map(|session| session.id);
        self.control.tell(Notice::Stored { sessions: sessions.collect::<BTreeSet<_>>().into_iter().collect() });
        Ok(())
    }

    fn done(&mut self, report: Report) {
        self.control.tell(Notice::Done(report.clone()));
        self.outcome.reports.push(report);
    }

    async fn finish(mut self) -> Result<Outcome> {
        self.store_waiting().await?;
        self.stored().await?;
        self.store.settle().await?;
        self.outcome.cancelled = self.control.is_cancelled();
        Ok(self.outcome)
    }
}

async fn begin(store: &Store, source: &Source, head: &Head, stamp: Stamp) -> Result<Begin> {
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
    let (path, importer) = (source.path.clone(), source.importer.clone());
    Ok(Begin {
        step: SourceStep { path, revision: source.revision, importer, ..SourceStep::default() },
        stamp,
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

fn stamp(metadata: &fs::Metadata) -> Stamp {
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    Stamp { size: metadata.len().cast_signed(), modified, inode: metadata.ino().cast_signed() }
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
