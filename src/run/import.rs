//! `turnscope import`: brings sessions in, and says what each source gave.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::attach;
use super::config::Sources;
use super::location::{Location, database};
use super::output::Output;
use super::progress::Meter;
use super::recount::recount;
use super::scratch::Scratch;
use super::table::{Column, Fit, Table};
use super::{CANCELLED, Ended, complain, is_broken_pipe, tell, usage};
use crate::cli::{Import, Original};
use crate::domain::safe;
use crate::import::{Control, Notice, Outcome, Piped, Report, Watch, bring_in, bring_in_piped, known_folders};
use crate::store::{Keeping, Store};

const COLUMNS: [Column; 7] = [
    Column::path("path", Fit::Shrinks(20)),
    Column::left("agent", Fit::Yields(2)),
    Column::right("records", Fit::Yields(3)),
    Column::right("bad", Fit::Yields(4)),
    Column::right("events", Fit::Yields(1)),
    Column::left("changes", Fit::Whole),
    Column::left("sessions", Fit::Piped),
];

/// The names and their order are fixed.
#[derive(Serialize)]
struct ReportLine<'a> {
    path: &'a str,
    agent: &'a str,
    sessions: &'a [String],
    records: u64,
    represented: u64,
    bad: u64,
    events: u64,
}

pub async fn import(location: &Location, wanted: &Import, usual: &Sources, output: &mut Output) -> Result<Ended> {
    if let Some(url) = database(&wanted.paths)? {
        return attach::import(location, &url, wanted, output).await;
    }
    if wanted.original != Original::default() {
        return Err(usage("these options choose among the sessions of a database, and none is named"));
    }
    let (piped, mut paths) = (piped(wanted)?, sources(&wanted.paths, usual)?);
    let piped = piped.as_ref().map(|(_, piped)| piped);
    if let Some(piped) = piped {
        paths.iter_mut().filter(|path| is_pipe(path)).for_each(|path| *path = piped.file().to_owned());
    }
    let store = location.open_or_make().await?.keeping(keeping(wanted));
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_interrupt(Arc::clone(&cancelled))?;
    // What is written while the first look is under way counts as news.
    let watch = wanted.watch.then(|| Watch::from_now(paths.clone()));
    let done = bring_in_all(&store, &paths, piped, &cancelled, output).await;
    let done = match (done, watch) {
        (Ok(first), Some(watch)) if first != Ended::Cancelled => go_on(&store, watch, &cancelled, first, output).await,
        (done, _) => done,
    };
    store.close().await;
    done.with_context(|| format!("could not bring sessions into {}", location.address))
}

/// What is piped in, in a file of its own, since sources are read more than once. Its folder goes when it is dropped, or
/// when the next one is made where that did not happen.
fn piped(wanted: &Import) -> Result<Option<(Scratch, Piped)>> {
    if !wanted.paths.iter().any(|path| is_pipe(path)) {
        return Ok(None);
    }
    if wanted.watch {
        return Err(usage("a pipe cannot be watched: name files or folders"));
    }
    let folder = Scratch::new()?;
    let path = folder.path("stdin");
    let mut file = File::create_new(&path).context("could not make a temporary file")?;
    io::copy(&mut io::stdin().lock(), &mut file).context("could not read what is piped in")?;
    Ok(Some((folder, Piped::of(path)?)))
}

fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What becomes of what is brought in.
pub fn keeping(wanted: &Import) -> Keeping {
    Keeping { revive: wanted.purged, ..Keeping::for_days(wanted.retention.days()) }
}

/// Brings in all that is there now.
async fn bring_in_all(
    store: &Store,
    paths: &[PathBuf],
    piped: Option<&Piped>,
    cancelled: &Arc<AtomicBool>,
    output: &mut Output,
) -> Result<Ended> {
    let (store, paths, piped) = (store.clone(), paths.to_vec(), piped.cloned());
    let work = |control| async move {
        let outcome = match piped {
            Some(piped) => bring_in_piped(&store, &paths, &piped, &control).await?,
            None => bring_in(&store, &paths, &control).await?,
        };
        recount(&store, &outcome).await?;
        anyhow::Ok(outcome)
    };
    telling(work, cancelled, output).await
}

/// Says what happens while sessions come in, and how it ended.
pub async fn telling<W: Future<Output = Result<Outcome>> + Send + 'static>(
    work: impl FnOnce(Control) -> W,
    cancelled: &Arc<AtomicBool>,
    output: &mut Output,
) -> Result<Ended> {
    let (notices, heard) = unbounded_channel();
    // On a thread of its own, so that the telling goes on while it reads.
    let work = tokio::spawn(work(Control { notices, cancelled: Arc::clone(cancelled) }));
    let told = listen(heard, output).await;
    let outcome = work.await.context("the import broke off")??;
    match told {
        Err(error) if !is_broken_pipe(&error) => Err(error),
        _ => Ok(ended(&outcome)),
    }
}

/// The shortest time between two looks at what is watched.
const PAUSE: Duration = Duration::from_millis(250);
/// Looking takes at most this part of the time.
const SHARE: u32 = 20;

/// Brings in what is new as it comes, until Ctrl-C; ends as the worst of all looks did.
async fn go_on(
    store: &Store,
    mut watch: Watch,
    cancelled: &Arc<AtomicBool>,
    mut worst: Ended,
    output: &mut Output,
) -> Result<Ended> {
    output.finish()?;
    tell("watching for more; Ctrl-C ends");
    while !cancelled.load(Ordering::Relaxed) {
        let began = Instant::now();
        let (notices, mut heard) = unbounded_channel();
        let control = Control { notices, cancelled: Arc::clone(cancelled) };
        if let Some(outcome) = watch.bring_in(store, &control).await? {
            drop(control);
            recount(store, &outcome).await?;
            while let Ok(notice) = heard.try_recv() {
                tell_news(notice, output)?;
            }
            worst = worse(worst, ended(&outcome));
        }
        tokio::time::sleep(PAUSE.max(began.elapsed() * SHARE)).await;
    }
    Ok(worst)
}

/// Says what a source gave as soon as it has.
fn tell_news(notice: Notice, output: &mut Output) -> Result<()> {
    match notice {
        Notice::Bad(reason) => tell(&reason),
        Notice::Failed(reason) => complain(&reason),
        Notice::Done(report) if report.unchanged => {}
        Notice::Done(report) if output.json => {
            output.object(&line(&report))?;
            output.finish()?;
        }
        Notice::Done(report) => {
            output.line(&format!("{}: {}", safe(&report.path), changes(&report)))?;
            output.finish()?;
        }
        Notice::Found { .. }
        | Notice::Progress { .. }
        | Notice::Rows { .. }
        | Notice::Waiting { .. }
        | Notice::Stored { .. } => {}
    }
    Ok(())
}

/// Ctrl-C is how watching ends, and no failure; what went wrong on the way is.
fn worse(one: Ended, other: Ended) -> Ended {
    let rank = |ended: Ended| match ended {
        Ended::Failed => 2,
        Ended::WithBadRecords => 1,
        _ => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// What is named, else what is read when nothing is.
fn sources(named: &[PathBuf], usual: &Sources) -> Result<Vec<PathBuf>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let mut known = if usual.agents { known_folders() } else { Vec::new() };
    known.extend(usual.folders.iter().cloned());
    if known.is_empty() {
        bail!("found no folder of an agent that turnscope knows: name files or folders to import");
    }
    Ok(known)
}

/// The first Ctrl-C ends the import in good order, the second one at once.
pub fn cancel_on_interrupt(cancelled: Arc<AtomicBool>) -> Result<()> {
    // Listening starts here and not in the task, which may run only after the first Ctrl-C.
    let mut interrupts = signal(SignalKind::interrupt()).context("could not listen for Ctrl-C")?;
    tokio::spawn(async move {
        while interrupts.recv().await.is_some() {
            if cancelled.swap(true, Ordering::Relaxed) {
                exit(i32::from(CANCELLED));
            }
        }
    });
    Ok(())
}

/// Says what happens until the import is over. A stdout that goes away does not stop the listening.
async fn listen(mut heard: UnboundedReceiver<Notice>, output: &mut Output) -> Result<()> {
    let mut meter = Meter::new();
    let mut table = Table::new(&COLUMNS);
    let mut total = Total::default();
    let mut written = Ok(());
    while let Some(notice) = heard.recv().await {
        match notice {
            Notice::Found { sources, bytes } => meter.expect(sources, bytes),
            Notice::Progress { sources, bytes } => meter.add(sources, bytes),
            Notice::Rows { done, all, .. } => meter.rows(done, all),
            Notice::Waiting { source } => meter.wait_for(&source),
            Notice::Bad(reason) => {
                meter.clear();
                tell(&reason);
            }
            Notice::Failed(reason) => {
                meter.clear();
                complain(&reason);
            }
            Notice::Stored { .. } => {}
            Notice::Done(report) => {
                if let Some(reason) = still_bad(&report) {
                    meter.clear();
                    tell(&reason);
                }
                total.add(&report);
                if !output.json {
                    table.row(cells(&report));
                } else if written.is_ok() {
                    written = output.object(&line(&report));
                }
            }
        }
    }
    meter.clear();
    written?;
    table.print(output)?;
    if !output.json && total.sources > 0 {
        output.finish()?;
        tell(&total.told());
    }
    Ok(())
}

/// What an earlier import told of a source that was not opened again.
fn still_bad(report: &Report) -> Option<String> {
    let Report { path, bad, .. } = report;
    let told = format!("{path}: {bad} records could not be read (unchanged since the last import)");
    (report.unchanged && *bad > 0).then_some(told)
}

fn line(report: &Report) -> ReportLine<'_> {
    ReportLine {
        path: &report.path,
        agent: &report.agent,
        sessions: &report.sessions,
        records: report.records,
        represented: report.represented,
        bad: report.bad,
        events: report.events,
    }
}

fn cells(report: &Report) -> Vec<String> {
    vec![
        report.path.clone(),
        report.agent.clone(),
        report.records.to_string(),
        report.bad.to_string(),
        report.events.to_string(),
        changes(report),
        report.sessions.join(" "),
    ]
}

fn changes(report: &Report) -> String {
    if report.unchanged {
        return "unchanged".to_owned();
    }
    let mut parts = vec![format!("{} new", report.added)];
    if report.duplicates > 0 {
        parts.push(format!("{} known", report.duplicates));
    }
    if report.conflicts > 0 {
        parts.push(format!("{} in conflict", report.conflicts));
    }
    parts.join(", ")
}

/// What all sources gave together.
#[derive(Default)]
struct Total {
    sources: u64,
    unchanged: u64,
    sessions: BTreeSet<String>,
    records: u64,
    bad: u64,
    events: u64,
    added: u64,
}

impl Total {
    fn add(&mut self, report: &Report) {
        self.sources += 1;
        self.unchanged += u64::from(report.unchanged);
        self.sessions.extend(report.sessions.iter().cloned());
        self.records += report.records;
        self.bad += report.bad;
        self.events += report.events;
        self.added += report.added;
    }

    fn told(&self) -> String {
        format!(
            "{} ({} unchanged), {}, {} ({} bad), {} ({} new)",
            counted(self.sources, "source"),
            self.unchanged,
            counted(self.sessions.len() as u64, "session"),
            counted(self.records, "record"),
            self.bad,
            counted(self.events, "event"),
            self.added
        )
    }
}

/// A number with the word it counts.
pub fn counted(number: u64, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

fn ended(outcome: &Outcome) -> Ended {
    if outcome.cancelled {
        Ended::Cancelled
    } else if !outcome.failures.is_empty() {
        Ended::Failed
    } else if outcome.reports.iter().any(|report| report.bad > 0) {
        Ended::WithBadRecords
    } else {
        Ended::Well
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(bad: u64, failures: &[&str], cancelled: bool) -> Outcome {
        let failures = failures.iter().map(|&reason| reason.to_owned()).collect();
        Outcome { reports: vec![Report { bad, ..Report::default() }], failures, cancelled }
    }

    #[test]
    fn cancelled_wins_over_failed_and_failed_over_bad_records() {
        let all = [outcome(0, &[], false), outcome(2, &[], false), outcome(2, &["x"], false), outcome(2, &["x"], true)];
        let codes: Vec<u8> = all.iter().map(|outcome| ended(outcome).code()).collect();
        assert_eq!(codes, [0, 3, 1, 130]);
    }

    #[test]
    fn a_report_has_these_names_and_no_others() {
        let report = Report { path: "a".into(), agent: "codex".into(), added: 3, ..Report::default() };
        let json = serde_json::to_string(&line(&report)).expect("serializes");
        assert_eq!(
            json,
            r#"{"path":"a","agent":"codex","sessions":[],"records":0,"represented":0,"bad":0,"events":0}"#
        );
    }
}
