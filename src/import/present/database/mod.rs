//! Sessions in the original's own database: listed at once, and brought over one by one, each time only what is new.
//!
//! What is brought over of a session is written down as a document like the one beside the original's report, so that
//! the one reader of rows serves both; the documents of one session follow each other in the content of one source.

mod list;
mod plan;
mod staging;
mod state;
mod web;

pub use list::{Remote, Remotes};

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::channel;

use self::plan::Plan;
use self::staging::Staged;
use self::state::State;
use super::super::driver::now;
use super::out::Target;
use crate::domain::Outline;
use crate::import::read::Cancelled;
use crate::import::{Control, Notice, Outcome, Report};
use crate::store::original::{Fault, FaultKind, Original, Span};
use crate::store::{self, Appended, Batch, PrivateFolder, Source, SourceStep, Stamp, Store};

/// How often a question is looked up from, to see whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);
/// What every document begins like.
const HEAD: &[u8] = br#"{"reportScope":"database","room":"","modelIo":[],"toolIo":[]}"#;

/// Brings sessions over into the store; `window` replaces that of each session.
///
/// What fails of the database is told and does not stop the other tables; the error is for the store alone.
pub async fn bring_over(
    store: &Store,
    original: &mut Original,
    (remotes, chosen): (&Remotes, &[usize]),
    window: Option<Span>,
    control: &Control,
) -> Result<Outcome> {
    let mut bringing = Bringing { store, original, remotes, window, control, outcome: Outcome::default() };
    control.tell(Notice::Found { sources: chosen.len(), bytes: 0 });
    for &place in chosen {
        let remote = &remotes.sessions[place];
        match bringing.session(remote).await {
            Ok(report) => {
                control.tell(Notice::Progress { sources: 1, bytes: 0 });
                control.tell(Notice::Done(report.clone()));
                bringing.outcome.reports.push(report);
            }
            Err(error) if error.is::<Cancelled>() => break,
            Err(error) if store::is_failure(&error) => return Err(error),
            Err(error) => {
                bringing.fail(format!("{}: {error:#}", remote.session.id));
                if error.downcast_ref::<Fault>().is_some_and(|fault| fault.kind == FaultKind::Gone) {
                    break;
                }
            }
        }
    }
    bringing.finish()
}

struct Bringing<'a> {
    store: &'a Store,
    original: &'a mut Original,
    remotes: &'a Remotes,
    window: Option<Span>,
    control: &'a Control,
    outcome: Outcome,
}

impl Bringing<'_> {
    async fn session(&mut self, remote: &Remote) -> Result<Report> {
        let name = format!("{}/{}", self.original.name(), remote.session.id.replace('/', "%2F"));
        let known = self.store.source(&name).await?;
        let mut state = known.as_ref().and_then(|known| State::read(&known.state, self.original.number()));
        if let Some(known) = known.as_ref().filter(|_| self.store.keeps().revive)
            && self.store.has_purged(known).await?
        {
            state = None;
        }
        let plan = or_cancelled(self.control, Plan::of(self.original, self.remotes, remote, self.window)).await?;
        let folder = PrivateFolder::new()?;
        let path = folder.path("rows.json");
        let state = state.unwrap_or_else(|| State::new(self.original.number(), Span::ALWAYS.start));
        let staged = Staged::new(&path, remote, self.original, state, self.control)?;
        let (state, is_new) = staged.fill(self.original, &plan).await?;
        let agent = super::AGENT.to_owned();
        let Some(known) = known.filter(|_| !is_new) else {
            if !is_new {
                return Ok(Report { path: name, agent, ..Report::default() });
            }
            return self.keep(&path, name, state).await;
        };
        Ok(Report { unchanged: true, ..Report::of(name.as_ref(), &known) })
    }

    /// Has the document read, and stores what it says behind what is known of its source.
    async fn keep(&mut self, path: &std::path::Path, name: String, state: State) -> Result<Report> {
        let source = match self.store.source(&name).await? {
            Some(known) => {
                self.store.rewind_source(known.number).await?;
                self.store.source(&name).await?.context("the source is gone from the store")?
            }
            None => Source { path: name.clone(), ..Source::default() },
        };
        let target = target(&name, &source, state)?;
        let (sender, mut batches) = channel::<Batch>(2);
        let (path, told) = (path.to_owned(), self.control.clone());
        let head = Outline::of(HEAD).context("the head of a document is no JSON")?;
        let file = std::fs::File::open(&path).with_context(|| format!("could not open {}", path.display()))?;
        let reading =
            tokio::task::spawn_blocking(move || super::read_into((&path, file), &head, target, sender, &told));
        let mut totals = Appended::default();
        let mut sessions = BTreeSet::new();
        while let Some(mut batch) = batches.recv().await {
            batch.received = now();
            sessions.extend(batch.sessions.iter().map(|session| session.id.clone()));
            for appended in self.store.append(&[batch]).await? {
                if appended.outrun {
                    bail!("another process is bringing it over; try again when it is done");
                }
                totals.add(&appended);
            }
            self.control.tell(Notice::Stored { sessions: sessions.iter().cloned().collect() });
        }
        reading.await??;
        self.store.settle().await?;
        self.control.tell(Notice::Stored { sessions: sessions.into_iter().collect() });
        let stored = self.store.source(&name).await?.context("the source is gone from the store")?;
        let Appended { added, duplicates, conflicts, .. } = totals;
        Ok(Report { added, duplicates, conflicts, ..Report::of(name.as_ref(), &stored) })
    }

    fn fail(&mut self, failure: String) {
        self.control.tell(Notice::Failed(failure.clone()));
        self.outcome.failures.push(failure);
    }

    /// Says which tables gave nothing. One that is not there, or not for this role, is no failure.
    fn finish(mut self) -> Result<Outcome> {
        for (table, fault) in self.original.failures().to_vec() {
            let told = format!("{table}: {fault}");
            match fault.kind {
                FaultKind::Missing | FaultKind::Denied => self.control.tell(Notice::Bad(told)),
                _ => self.fail(told),
            }
        }
        self.outcome.cancelled = self.control.is_cancelled();
        Ok(self.outcome)
    }
}

/// Where the next document of a source goes: behind the last one.
fn target(name: &str, source: &Source, state: State) -> Result<Target> {
    let step = SourceStep {
        path: name.to_owned(),
        revision: source.revision,
        importer: super::AGENT.to_owned(),
        base: Some(source.consumed),
        state: source.state.clone(),
        ..SourceStep::default()
    };
    let stamp = Stamp { size: source.consumed, modified: now().saturating_mul(1000), inode: 0 };
    Ok(Target { name: name.to_owned(), step, stamp, state: serde_json::to_string(&state)? })
}

/// An answer of the database, unless the user has enough of waiting.
pub(super) async fn or_cancelled<T>(control: &Control, answer: impl Future<Output = Result<T, Fault>>) -> Result<T> {
    let mut answer = pin!(answer);
    loop {
        tokio::select! {
            answer = &mut answer => return Ok(answer?),
            () = tokio::time::sleep(LOOK_UP) => {}
        }
        if control.is_cancelled() {
            bail!(Cancelled);
        }
    }
}

/// Counts by what is counted.
type Counts = BTreeMap<crate::domain::present::row::Table, i64>;
