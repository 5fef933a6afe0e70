//! The pump: takes from the queue and the journal what waits, and tries until the store holds it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::signal::unix::{SignalKind, signal as listen};
use tokio::sync::{oneshot, watch};

use super::committer::now;
use super::gap::{self, Gap, Reason};
use super::journal::{self, Journal};
use super::later::Later;
use super::queue::{Account, Entry};
use super::recorder::{Shared, locked};
use super::row::Written;
use super::{Committer, Outcome, Overflow, Refusal, quarantine};
use crate::domain::Timestamp;
use crate::store::{Address, Keeping, Store, is_away};

/// How long it waits after the first refusal, and after many.
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Bytes of the journal that are stored at a time.
const PORTION: u64 = 4 << 20;
/// What is behind a name when its recorder was stopped in good order and could not store all.
const KEPT: &str = "kept";

/// The thread of a recorder: works until it is told to stop and is done, then keeps the clock of its callers running.
pub(super) fn run(
    shared: Arc<Shared>,
    opened: oneshot::Sender<Result<tokio::runtime::Handle>>,
    ends: watch::Sender<bool>,
    released: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = opened.send(Err(error.into()));
            return;
        }
    };
    runtime.block_on(async {
        let committer = match open(&shared).await {
            Ok(committer) => committer,
            Err(error) => {
                // The journal that was made for this recorder is empty.
                let _ = gap::remove(locked(&shared.journal).path());
                let _ = opened.send(Err(error));
                return;
            }
        };
        let _ = opened.send(Ok(tokio::runtime::Handle::current()));
        Pump { shared: Arc::clone(&shared), committer }.run().await;
        if let Some(signal) = *locked(&shared.ended_by) {
            std::process::exit(128 + signal);
        }
        // Nobody may wait for it.
        let _ = ends.send(true);
        let _ = released.await;
    });
    // A store that stands still is left alone.
    runtime.shutdown_timeout(Duration::from_millis(100));
}

/// Opens the store; a server that is away is looked for again with each attempt to store something.
async fn open(shared: &Shared) -> Result<Committer> {
    let keeping = shared.policy.retention_days.map_or_else(Keeping::default, Keeping::for_days);
    let group = shared.policy.group.clone();
    match Store::at(&shared.store).await {
        Ok(store) => Ok(Committer::start(store.keeping(keeping), group)),
        Err(error) if matches!(shared.store, Address::Server(_)) && is_away(&error) => {
            Ok(Committer::start_on(Arc::new(Later::new(shared.store.clone(), keeping)), group))
        }
        Err(error) => Err(error),
    }
}

/// The number of the next signal that asks the process to end; `None` where signals cannot be had.
pub(super) async fn signal() -> Option<i32> {
    let mut terminate = listen(SignalKind::terminate()).ok()?;
    let mut interrupt = listen(SignalKind::interrupt()).ok()?;
    tokio::select! {
        _ = terminate.recv() => Some(libc::SIGTERM),
        _ = interrupt.recv() => Some(libc::SIGINT),
    }
}

struct Pump {
    shared: Arc<Shared>,
    committer: Committer,
}

/// The time of the drain is over.
struct OutOfTime;

impl Pump {
    async fn run(self) {
        let worked = self.work().await;
        if worked.is_err() {
            self.set_aside();
        }
        let closing = self.committer.close();
        // What is stored is stored; only its counts may have to wait for the next who reckons.
        let _ = tokio::time::timeout(self.left().max(Duration::from_secs(1)), closing).await;
        self.leave();
    }

    async fn work(&self) -> Result<(), OutOfTime> {
        self.recover().await?;
        loop {
            self.tell_gaps().await?;
            let queue = &self.shared.queue;
            if queue.untaken() > 0 {
                self.gather().await;
                let entries = queue.take(self.shared.policy.batch, self.shared.policy.group.most_bytes);
                self.store(entries).await?;
            } else if !locked(&self.shared.journal).is_empty() {
                self.drain_journal().await?;
            } else if !locked(&self.shared.gaps).is_empty() {
                // Told above.
            } else if queue.is_stopping() {
                return Ok(());
            } else {
                queue.arrived.notified().await;
            }
        }
    }

    /// Gives others time to come, so that they share a transaction.
    async fn gather(&self) {
        let queue = &self.shared.queue;
        if queue.untaken() < self.shared.policy.batch && !queue.is_stopping() {
            // Time is over, or there is no point in waiting on.
            let _ = tokio::time::timeout(self.shared.policy.gather, queue.hurry.notified()).await;
        }
    }

    /// Stores events, however long that takes.
    async fn store(&self, entries: Vec<Entry>) -> Result<(), OutOfTime> {
        let bytes = entries.iter().map(|entry| entry.row.bytes.len()).sum();
        let (rows, accounts): (Vec<Written>, Vec<Arc<Account>>) =
            entries.iter().map(|entry| (entry.row.clone(), Arc::clone(&entry.account))).unzip();
        let outcomes = self.submit(&rows).await;
        self.shared.queue.answered(entries.len(), bytes);
        match outcomes {
            Ok(outcomes) => {
                for ((row, account), outcome) in rows.iter().zip(&accounts).zip(outcomes) {
                    self.account(row, Some(account), outcome);
                }
                Ok(())
            }
            Err(out) => {
                // They may be in the store; from the journal they are no more than duplicates.
                entries.into_iter().for_each(|entry| self.put_aside(entry));
                Err(out)
            }
        }
    }

    /// Hands rows to the committer until it takes them, with growing pauses.
    async fn submit(&self, rows: &[Written]) -> Result<Vec<Outcome>, OutOfTime> {
        let mut wait = FIRST_WAIT;
        loop {
            let answer = tokio::select! {
                answer = self.committer.submit_written(rows) => answer,
                () = self.out_of_time() => return Err(OutOfTime),
            };
            match answer {
                Ok(outcomes) => return Ok(outcomes),
                Err(Refusal::Closed) => return Err(OutOfTime),
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.out_of_time() => return Err(OutOfTime),
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Comes when the recorder was stopped and the time of its drain is over.
    async fn out_of_time(&self) {
        loop {
            match *locked(&self.shared.until) {
                Some(until) if until <= Instant::now() => return,
                _ => {}
            }
            tokio::time::sleep(self.left().min(Duration::from_millis(50))).await;
        }
    }

    fn left(&self) -> Duration {
        let until = *locked(&self.shared.until);
        until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
    }

    fn account(&self, row: &Written, account: Option<&Arc<Account>>, outcome: Outcome) {
        let is_kept = outcome.is_kept();
        if let Outcome::Rejected { reason, .. } = outcome {
            let laid = quarantine::lay(&self.shared.folder, row, &reason, now());
            if laid.is_err() {
                locked(&self.shared.gaps).add(row, Reason::Rejected);
            }
        }
        if let Some(account) = account {
            account.add(if is_kept { &account.stored } else { &account.dropped });
        }
    }

    /// Stores the next part of the own journal.
    async fn drain_journal(&self) -> Result<(), OutOfTime> {
        let read = locked(&self.shared.journal).read(PORTION);
        let Ok(portion) = read else {
            // The disk may come to its senses; until then everything is where it was.
            tokio::select! {
                () = tokio::time::sleep(LONGEST_WAIT) => return Ok(()),
                () = self.out_of_time() => return Err(OutOfTime),
            }
        };
        let outcomes = self.submit(&portion.rows).await?;
        let accounts: Vec<Arc<Account>> = {
            let mut journaled = locked(&self.shared.journaled);
            (0..portion.rows.len()).filter_map(|_| journaled.pop_front()).collect()
        };
        for (place, (row, outcome)) in portion.rows.iter().zip(outcomes).enumerate() {
            let account = accounts.get(place);
            if let Some(account) = account {
                account.left_the_journal();
            }
            self.account(row, account, outcome);
        }
        if portion.torn > 0 {
            let gap = Gap { bytes: portion.torn, ..Gap::unknown(gap::new_id(), Reason::Torn, now()) };
            locked(&self.shared.gaps).put(gap);
        }
        // Where it cannot be made shorter, it is read again, and what it holds is known.
        let _ = locked(&self.shared.journal).took(portion.next);
        Ok(())
    }

    async fn tell_gaps(&self) -> Result<(), OutOfTime> {
        let gaps = locked(&self.shared.gaps).take();
        if !gaps.is_empty() {
            self.tell(&gaps).await?;
            locked(&self.shared.gaps).told();
        }
        Ok(())
    }

    async fn tell(&self, gaps: &[Gap]) -> Result<(), OutOfTime> {
        let rows: Vec<Written> = gaps.iter().map(Gap::written).collect();
        let outcomes = self.submit(&rows).await?;
        rows.iter().zip(outcomes).for_each(|(row, outcome)| self.account(row, None, outcome));
        Ok(())
    }

    /// Stores what earlier recorders left behind, and removes their files then. What cannot be read stays where it is,
    /// and a gap tells of it.
    async fn recover(&self) -> Result<(), OutOfTime> {
        let folder = self.shared.folder.clone();
        let own = locked(&self.shared.journal).path().to_owned();
        let journals = match journal::journals(&folder) {
            Ok(journals) => journals,
            Err(error) => return self.tell_unreadable(&folder, &error).await,
        };
        for path in journals.into_iter().filter(|path| *path != own) {
            let recovered = match Journal::left(&path) {
                Ok(Some(journal)) => self.recover_one(&path, journal).await?,
                // Its recorder still runs.
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = recovered {
                self.tell_unreadable(&path, &error).await?;
            }
        }
        Ok(())
    }

    async fn recover_one(&self, path: &Path, mut journal: Journal) -> Result<std::io::Result<()>, OutOfTime> {
        let stem = stem(path);
        let name = stem.strip_suffix(&format!(".{KEPT}")).unwrap_or(&stem).to_owned();
        let mut gaps = Vec::new();
        let mut is_torn = false;
        while !journal.is_empty() {
            let portion = match journal.read(PORTION) {
                Ok(portion) => portion,
                Err(error) => return Ok(Err(error)),
            };
            let outcomes = self.submit(&portion.rows).await?;
            portion.rows.iter().zip(outcomes).for_each(|(row, outcome)| self.account(row, None, outcome));
            if portion.torn > 0 {
                let aside = path.with_extension(journal::LAID_ASIDE);
                gaps.push(Gap::in_file(Reason::Torn, &name, &aside, portion.torn, journal.modified()));
                is_torn = true;
            }
            journal.skip(portion.next);
        }
        let of_gaps = path.with_file_name(format!("{name}.{}", gap::ENDING));
        let (left, damaged) = match gap::left(&of_gaps) {
            Ok(left) => left,
            Err(error) => return Ok(Err(error)),
        };
        gaps.extend(left);
        if damaged > 0 {
            let gap = Gap::unknown(format!("gap-damaged-{name}"), Reason::Unreadable, journal.modified());
            gaps.push(Gap { bytes: damaged, ..gap });
        }
        if name == stem {
            gaps.push(Gap::unknown(format!("gap-killed-{name}"), Reason::Killed, journal.modified()));
        }
        self.tell(&gaps).await?;
        // Files that cannot be removed are read again the next time, and what they hold is known then.
        let _ = gap::remove(&of_gaps);
        let _ = if is_torn { journal.lay_aside() } else { journal.remove() };
        Ok(Ok(()))
    }

    /// Tells that something cannot be read that an earlier recorder left.
    async fn tell_unreadable(&self, path: &Path, error: &std::io::Error) -> Result<(), OutOfTime> {
        let found = std::fs::metadata(path).ok();
        let at = found.as_ref().map_or_else(now, modified);
        let bytes = found.filter(std::fs::Metadata::is_file).map_or(0, |found| found.len());
        let gap = Gap::in_file(Reason::Unreadable, &stem(path), path, bytes, at);
        let file = gap.file.map(|file| format!("{file}: {error}"));
        self.tell(&[Gap { file, ..gap }]).await
    }

    /// Time is over: what still waits goes where the policy wants what there is no room for.
    fn set_aside(&self) {
        loop {
            let entries = self.shared.queue.take(usize::MAX, usize::MAX);
            if entries.is_empty() {
                return;
            }
            entries.into_iter().for_each(|entry| self.put_aside(entry));
        }
    }

    fn put_aside(&self, entry: Entry) {
        let spilled = self.shared.policy.overflow == Overflow::Spill && self.shared.spill(&entry).is_ok();
        if !spilled {
            // Its caller is told by its flush.
            let _ = self.shared.refuse(entry, Reason::Closed, "the recorder has been stopped");
        }
    }

    /// Removes the own journal, or marks it as left in good order.
    fn leave(&self) {
        let journal = locked(&self.shared.journal);
        let path = journal.path();
        let left = if journal.is_empty() && locked(&self.shared.gaps).is_empty() {
            gap::remove(path)
        } else {
            std::fs::rename(path, path.with_extension(format!("{KEPT}.{}", journal::ENDING)))
        };
        // Otherwise the next recorder takes it for one of a process that was killed, and stores it all the same.
        drop(left);
    }
}

/// The name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// When a file was last written; now where that is not known.
pub(super) fn modified(found: &std::fs::Metadata) -> Timestamp {
    let modified = found.modified().ok();
    let since = modified.and_then(|modified| modified.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or_else(now, |since| Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)))
}
