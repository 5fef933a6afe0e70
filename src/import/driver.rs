//! The driver: finds sources, reads them in bounded memory, and hands records and events to the store in batches.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use super::compare::{contains, grown, stamp};
use super::find::{Found, Piped, find, nothing_below, path_text};
use super::gave::Report;
use super::head::Head;
use super::present::read_document;
use super::read::{Begin, Cancelled, Saved, read_source};
use super::slice::read_slice;
use super::unpack::{Opened, open, plain_path};
use super::wait::wait_for_the_other;
use super::{FORMATS, Format, Open, Opening};
use crate::domain::telling;
use crate::store::{self, Appended, Batch, Source, SourceStep, Stamp, Store};

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
    /// Rows of a session that were brought over from a database so far, of about so many.
    Rows {
        session: String,
        done: u64,
        all: u64,
    },
    /// Another process reads this source; it is waited for.
    Waiting {
        source: String,
    },
    /// A record that cannot be read: `path:line: reason`; or what is to be known of a source: `path: remark`.
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
    bring_in_found(store, paths, found, failures, control).await
}

/// The same with one of the files called by its content, because it was piped in.
pub async fn bring_in_piped(store: &Store, paths: &[PathBuf], piped: &Piped, control: &Control) -> Result<Outcome> {
    let (mut found, failures) = find(paths);
    found.iter_mut().for_each(|found| piped.call(found));
    bring_in_found(store, paths, found, failures, control).await
}

/// Brings in a file of our own under a name that is not its path.
pub async fn bring_in_as(store: &Store, path: &Path, name: &str, control: &Control) -> Result<Outcome> {
    let paths = [path.to_owned()];
    let (mut found, failures) = find(&paths);
    found.iter_mut().for_each(|found| found.name = Some(name.to_owned()));
    bring_in_found(store, &paths, found, failures, control).await
}

/// Brings in files that were found below paths; `failures` says why others were not found.
pub(super) async fn bring_in_found(
    store: &Store,
    paths: &[PathBuf],
    found: Vec<Found>,
    failures: Vec<String>,
    control: &Control,
) -> Result<Outcome> {
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
        outrun: Vec::new(),
        stems: HashMap::new(),
        settle_at: None,
        outcome,
    };
    if found.len() > MANY {
        bringing.known = store.sources().await?;
    }
    let mut seen = HashSet::new();
    let mut fruitless: BTreeSet<usize> = found.iter().filter_map(|found| found.below).collect();
    for found in found {
        let path = fs::canonicalize(&found.path).unwrap_or_else(|_| found.path.clone());
        let is_new = seen.insert(path.clone());
        let gave = if is_new { bringing.source(&found, &path).await } else { Ok(true) };
        if let Some(folder) = found.below.filter(|_| !matches!(gave, Ok(false))) {
            fruitless.remove(&folder);
        }
        match gave {
            Ok(_) if !is_new => continue,
            Ok(_) => {}
            Err(error) if error.is::<Cancelled>() => {
                fruitless.clear();
                break;
            }
            Err(error) if store::is_failure(&error) => return Err(error),
            Err(error) => bringing.fail(format!("{}: {error:#}", found.called().display())),
        }
        control.tell(Notice::Progress { sources: 1, bytes: 0 });
    }
    for folder in fruitless {
        bringing.fail(nothing_below(&paths[folder]));
    }
    bringing.catch_up().await?;
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
    /// Sources that somebody else reads too, and is further with.
    outrun: Vec<Reading>,
    /// The sources whose stems may be the names of their sessions.
    stems: HashMap<String, String>,
    /// When counts are to be reckoned again; the first ones are wanted at once.
    settle_at: Option<Instant>,
    outcome: Outcome,
}

/// Batches that were stored, and what each came to.
type Stored = Result<(Vec<Batch>, Vec<Appended>)>;

struct Reading {
    found: Found,
    name: String,
    totals: Appended,
    finished: bool,
}

impl Bringing<'_> {
    /// Brings one source in; says whether it is one at all.
    async fn source(&mut self, found: &Found, path: &Path) -> Result<bool> {
        if self.control.is_cancelled() {
            bail!(Cancelled);
        }
        let name = found.name.clone().unwrap_or_else(|| path_text(path));
        let stamp = stamp(&fs::metadata(path).map_err(|error| anyhow::anyhow!(telling::in_plain_words(&error)))?);
        if let Some(known) = self.known.remove(&name).filter(|known| known.stamp() == stamp)
            && !self.is_wanted_again(&known).await?
        {
            self.unchanged(found, &known);
            return Ok(true);
        }
        let known = self.store.source(&name).await?;
        let is_same = |known: &&Source| known.stamp() == stamp || (found.is_by_content && known.size == stamp.size);
        if let Some(known) = known.as_ref().filter(is_same)
            && !self.is_wanted_again(known).await?
        {
            self.unchanged(found, known);
            return Ok(true);
        }
        let (opening, cancelled) = (path.to_owned(), Arc::clone(&self.control.cancelled));
        let opened = tokio::task::spawn_blocking(move || {
            let opened = open(&opening, || cancelled.load(Ordering::Relaxed))?;
            let head = Head::read(opened.file.try_clone()?)?;
            anyhow::Ok((opened, head))
        });
        let (Opened { file, broken }, head) = opened.await??;
        // What was read only in part is read on when it comes again, and told again.
        let stamp = if broken.is_some() { Stamp { inode: 0, ..stamp } } else { stamp };
        let Some(format) = head.format(found.is_named())? else { return Ok(false) };
        if head.is_empty() {
            let (path, agent) = (path_text(&found.called()), format.agent.to_owned());
            self.done(Report { path, agent, ..Report::default() });
            return Ok(true);
        }
        let source = self.source_to_read(known, (&name, &file), &stamp, format).await?;
        self.read.push(Reading { found: found.clone(), name, totals: Appended::default(), finished: false });
        let called = found.name.as_ref().map_or_else(|| path.to_owned(), PathBuf::from);
        self.read_in((&called, file), &source, stamp, format, head).await?;
        if let Some(broken) = broken {
            self.fail(format!("{}: {broken}", found.called().display()));
        }
        Ok(true)
    }

    /// Whether records of a source were purged, and are to come back.
    async fn is_wanted_again(&self, known: &Source) -> Result<bool> {
        Ok(self.store.keeps().revive && self.store.has_purged(known).await?)
    }

    fn unchanged(&mut self, found: &Found, known: &Source) {
        self.control.tell(Notice::Progress { sources: 0, bytes: found.size });
        self.done(Report { unchanged: true, ..Report::of(&found.called(), known) });
    }

    /// The source as far as it was read; a new one, or a new revision, where it is no longer what it was.
    async fn source_to_read(
        &self,
        known: Option<Source>,
        (name, file): (&str, &File),
        stamp: &Stamp,
        format: &Format,
    ) -> Result<Source> {
        let again = match &known {
            Some(known) => self.is_wanted_again(known).await?,
            None => false,
        };
        match known {
            Some(known) if known.importer == format.agent && !again && grown(file, &known, stamp)? => {
                self.store.rewind_source(known.number).await?;
                self.store.source(name).await?.context("the source is gone from the store")
            }
            other => {
                let revision = other.map_or(0, |known| known.revision + 1);
                Ok(Source { path: name.to_owned(), revision, importer: format.agent.to_owned(), ..Source::default() })
            }
        }
    }

    /// Reads on one thread and stores on another, a few batches apart.
    async fn read_in(
        &mut self,
        (path, file): (&Path, File),
        source: &Source,
        stamp: Stamp,
        format: &'static Format,
        head: Head,
    ) -> Result<()> {
        let begin = begin(self.store, source, &head, stamp).await?;
        let stem = self.stem(path, source).await?;
        let saved = (source.consumed > 0).then(|| begin.saved.reader.clone());
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Batch>(2);
        let (path, told) = (path.to_owned(), self.control.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let contains = |text: &str| contains(&file, text);
            let head = head.outlines;
            let plain = plain_path(&path);
            let opening =
                Opening { path: &plain, head: &head, stem: &stem, saved: saved.as_deref(), contains: &contains };
            match format.open {
                Open::Records(open) => read_source((&path, file.try_clone()?), begin, open(&opening), sender, &told),
                Open::Slice => read_slice((&path, file), begin.step, stamp, sender, &told),
                Open::Present => read_document((&path, file), &head, (begin.step, stamp), sender, &told),
            }
        });
        while let Some(mut batch) = receiver.recv().await {
            batch.received = now();
            let pieces = batch.pieces.iter().chain(batch.blobs.iter().flat_map(|blob| &blob.pieces));
            self.held += pieces.map(|piece| piece.bytes.len()).sum::<usize>() + batch.records.len() * 2048;
            self.waiting.push(batch);
            // Somebody may be waiting to see the first rows.
            let first = self.settle_at.is_none();
            if first || self.held >= WORTH {
                self.store_waiting().await?;
            }
            if first {
                self.stored().await?;
            }
            if self.is_outrun(&source.path) {
                drop(receiver);
                // It ends with an error because nobody takes its batches any more.
                let _ = reading.await?;
                return Ok(());
            }
        }
        reading.await?
    }

    /// The file's stem; with a hash of its path behind it where a session of another source has that name.
    ///
    /// Which of two files keeps the plain stem depends on which came first; from then on both keep their names.
    async fn stem(&mut self, path: &Path, source: &Source) -> Result<String> {
        let stem = plain_path(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let is_named = FORMATS.last().is_some_and(|unknown| unknown.agent == source.importer);
        if !is_named {
            return Ok(stem);
        }
        let name = &source.path;
        let owned = self.stems.get(&stem).is_some_and(|owner| owner == name) || self.store.holds(name, &stem).await?;
        let is_taken = !owned && (self.stems.contains_key(&stem) || self.store.session(&stem).await?.is_some());
        if is_taken {
            return Ok(format!("{stem}@{}", hex::encode(&store::digest(name.as_bytes())[..4])));
        }
        self.stems.insert(stem.clone(), name.clone());
        Ok(stem)
    }

    fn is_outrun(&self, name: &str) -> bool {
        self.outrun.iter().any(|reading| reading.name == name)
    }

    /// Goes on with the sources that another process was reading, when it is done with them or has stopped.
    async fn catch_up(&mut self) -> Result<()> {
        loop {
            self.store_waiting().await?;
            self.stored().await?;
            let Some(reading) = self.outrun.pop() else { return Ok(()) };
            let path = fs::canonicalize(&reading.found.path).unwrap_or_else(|_| reading.found.path.clone());
            wait_for_the_other(self.store, &reading.name, self.control).await?;
            match self.source(&reading.found, &path).await {
                Ok(_) => {}
                Err(error) if error.is::<Cancelled>() => return Ok(()),
                Err(error) if store::is_failure(&error) => return Err(error),
                Err(error) => self.fail(format!("{}: {error:#}", reading.found.called().display())),
            }
        }
    }

    /// Begins to store what waits; one transaction at a time.
    async fn store_waiting(&mut self) -> Result<()> {
        self.stored().await?;
        let mut batches = std::mem::take(&mut self.waiting);
        batches.retain(|batch| batch.source.as_ref().is_none_or(|step| !self.is_outrun(&step.path)));
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
        for (batch, appended) in batches.iter().zip(&appended) {
            let Some(step) = &batch.source else { continue };
            let Some(place) = self.read.iter().rposition(|reading| reading.name == step.path) else { continue };
            if appended.outrun {
                self.outrun.push(self.read.remove(place));
                continue;
            }
            let reading = &mut self.read[place];
            reading.totals.add(appended);
            reading.finished |= step.finished.is_some();
        }
        for reading in self.read.extract_if(.., |reading| reading.finished).collect::<Vec<_>>() {
            let stored = self.store.source(&reading.name).await?.context("the source is gone from the store")?;
            let Appended { added, duplicates, conflicts, .. } = reading.totals;
            self.done(Report { added, duplicates, conflicts, ..Report::of(&reading.found.called(), &stored) });
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

    fn fail(&mut self, failure: String) {
        self.control.tell(Notice::Failed(failure.clone()));
        self.outcome.failures.push(failure);
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
    let mut saved = Saved::fresh();
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
        step: SourceStep { path, revision: source.revision, importer, state: saved.text()?, ..SourceStep::default() },
        stamp,
        offset: u64::try_from(source.consumed)?,
        line: u64::try_from(source.lines)?,
        layout: head.layout,
        saved,
        derived,
        sessions: source.sessions.clone(),
    })
}

/// µs since 1970.
pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
