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
use std::fs::File;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::channel;

use self::plan::Plan;
use self::staging::Staged;
use self::state::State;
use super::super::driver::now;
use super::super::wait::{is_under_way, wait_for_the_other};
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

/// Brings sessions over into the store; `within` are the times that are asked for, all where there is none.
///
/// What fails of the database is told and does not stop the other tables; the error is for the store alone.
pub async fn bring_over(
    store: &Store,
    original: &mut Original,
    (remotes, chosen): (&Remotes, &[usize]),
    within: Option<Span>,
    control: &Control,
) -> Result<Outcome> {
    let asked = within.map(|within| remotes.asked(chosen, within));
    let remotes = asked.as_ref().unwrap_or(remotes);
    let mut bringing = Bringing { store, original, remotes, within, control, outcome: Outcome::default() };
    control.tell(Notice::Found { sources: chosen.len(), bytes: 0 });
    for &place in chosen {
        let remote = &remotes.sessions[place];
        if remote.window().is_some() && remote.window_within(within).is_none() {
            control.tell(Notice::Bad(format!("{}: none of its time was asked for", remote.session.id)));
            control.tell(Notice::Progress { sources: 1, bytes: 0 });
            continue;
        }
        if let Some(remark) = remote.remark(within) {
            control.tell(Notice::Bad(format!("{}: {remark}", remote.session.id)));
        }
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
    within: Option<Span>,
    control: &'a Control,
    outcome: Outcome,
}

impl Bringing<'_> {
    /// Brings a session over; while another process does so, it is waited for, and what it left is brought then.
    async fn session(&mut self, remote: &Remote) -> Result<Report> {
        let name = format!("{}/{}", self.original.name(), remote.session.id.replace('/', "%2F"));
        if self.store.source(&name).await?.as_ref().is_some_and(is_under_way) {
            wait_for_the_other(self.store, &name, self.control).await?;
        }
        loop {
            if let Some(report) = self.what_is_new(remote, &name).await? {
                return Ok(report);
            }
            wait_for_the_other(self.store, &name, self.control).await?;
        }
    }

    /// Brings over what is new of a session; `None` where another process was faster with it.
    async fn what_is_new(&mut self, remote: &Remote, name: &str) -> Result<Option<Report>> {
        if self.control.is_cancelled() {
            bail!(Cancelled);
        }
        let known = self.store.source(name).await?;
        let mut state = known.as_ref().and_then(|known| State::read(&known.state, self.original.number()));
        if let Some(known) = known.as_ref().filter(|_| self.store.keeps().revive)
            && self.store.has_purged(known).await?
        {
            state = None;
        }
        let plan = or_cancelled(self.control, Plan::of(self.original, self.remotes, remote, self.within)).await?;
        let folder = PrivateFolder::new()?;
        let path = folder.path("rows.json");
        let state = state.unwrap_or_else(|| State::new(self.original.number(), Span::ALWAYS.start));
        let staged = Staged::new(&path, (remote, self.within), self.original, state, self.control)?;
        let (state, is_new) = staged.fill(self.original, &plan).await?;
        let agent = super::AGENT.to_owned();
        let Some(known) = known.filter(|_| !is_new) else {
            if !is_new {
                return Ok(Some(Report { path: name.to_owned(), agent, ..Report::default() }));
            }
            return self.keep(&path, name, state).await;
        };
        Ok(Some(Report { unchanged: true, ..Report::of(name.as_ref(), &known) }))
    }

    /// Has the document read, and stores what it says behind what is known of its source; `None` where another process
    /// has done so meanwhile.
    async fn keep(&mut self, path: &Path, name: &str, state: State) -> Result<Option<Report>> {
        let source = match self.store.source(name).await? {
            Some(known) => {
                self.store.rewind_source(known.number).await?;
                self.store.source(name).await?.context("the source is gone from the store")?
            }
            None => Source { path: name.to_owned(), ..Source::default() },
        };
        let (sender, mut batches) = channel::<Batch>(2);
        let (path, told) = (path.to_owned(), self.control.clone());
        let head = Outline::of(HEAD).context("the head of a document is no JSON")?;
        let file = File::open(&path).with_context(|| format!("could not open {}", path.display()))?;
        let target = target(name, &source, state, file.metadata()?.len())?;
        let reading =
            tokio::task::spawn_blocking(move || super::read_into((&path, file), &head, target, sender, &told));
        let mut totals = Appended::default();
        let mut sessions = BTreeSet::new();
        while let Some(mut batch) = batches.recv().await {
            batch.received = now();
            sessions.extend(batch.sessions.iter().map(|session| session.id.clone()));
            for appended in self.store.append(&[batch]).await? {
                if appended.outrun {
                    drop(batches);
                    // It ends with an error because nobody takes its batches any more.
                    let _ = reading.await?;
                    return Ok(None);
                }
                totals.add(&appended);
            }
            self.control.tell(Notice::Stored { sessions: sessions.iter().cloned().collect() });
        }
        reading.await??;
        self.store.settle().await?;
        self.control.tell(Notice::Stored { sessions: sessions.into_iter().collect() });
        let stored = self.store.source(name).await?.context("the source is gone from the store")?;
        let Appended { added, duplicates, conflicts, .. } = totals;
        Ok(Some(Report { added, duplicates, conflicts, ..Report::of(name.as_ref(), &stored) }))
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
fn target(name: &str, source: &Source, state: State, size: u64) -> Result<Target> {
    let step = SourceStep {
        path: name.to_owned(),
        revision: source.revision,
        importer: super::AGENT.to_owned(),
        base: Some(source.consumed),
        state: source.state.clone(),
        ..SourceStep::default()
    };
    let size = source.consumed.saturating_add(i64::try_from(size)?);
    let stamp = Stamp { size, modified: now().saturating_mul(1000), inode: 0 };
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
