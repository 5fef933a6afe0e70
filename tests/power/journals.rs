//! Cuts the power while a recorder spills into its journal, empties it, leaves it behind, and takes over another's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use turnscope::record::{Flushed, Overflow, Policy, Recorder, Taken};
use turnscope::store::Store;

use crate::cutting::{Handed, SEED, cut, item, tell, wanted_cuts};
use crate::luck::Luck;
use crate::tap::{Step, Syncs, Tap};

const CALLERS: usize = 3;
const SITTINGS: usize = 4;
/// How often the store is held, so that what comes goes to the journal, and let go again.
const ROUNDS: usize = 5;
const LONG: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_journal_holds_is_lost_when_the_power_goes() {
    let (steps, handed) = record(Syncs::AsAsked).await;
    let journaled = |step: &&Step| matches!(step, Step::Sync { file, .. } if file.ends_with(".journal"));
    let happened = |what: fn(&Step) -> bool| steps.iter().filter(|step| what(step)).count();
    let emptied = happened(|step| matches!(step, Step::Truncate { file, .. } if file.ends_with(".journal")));
    let kept = happened(|step| matches!(step, Step::Rename { to, .. } if to.ends_with(".kept.journal")));
    let removed = happened(|step| matches!(step, Step::Remove { file, .. } if file.ends_with(".journal")));
    assert!(emptied > 0 && kept > 0 && removed > 0, "{emptied} emptied, {kept} kept, {removed} removed");
    let told = cut(&steps, &handed, true, wanted_cuts()).await;
    let syncs = steps.iter().filter(journaled).count();
    tell(&format!("{syncs} rows in journals, {emptied} emptied, {kept} kept, {removed} removed: {told}"));
    assert!(told.acknowledged > 0 && syncs > 100, "{told}");
    assert!(told.lost.is_empty() && told.damaged.is_empty(), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_cuts_lose_events_where_journals_are_not_synced() {
    let (steps, handed) = record(Syncs::NotBeside).await;
    let told = cut(&steps, &handed, true, wanted_cuts() / 4).await;
    tell(&format!("where journals are not synced, {told}"));
    assert!(!told.lost.is_empty());
}

#[tokio::test]
async fn a_folder_that_is_made_for_a_store_is_found_under_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = std::fs::canonicalize(folder.path()).expect("is there");
    let tap = Tap::on(&path, Syncs::AsAsked);
    Store::open(&path.join("a/b/store.db")).await.expect("opens").close().await;
    let steps = tap.steps();
    let place = |wanted: &Step| steps.iter().position(|step| step == wanted);
    for (made, above) in [("a", ""), ("a/b", "a")] {
        let made = place(&Step::MakeFolder { folder: made.to_owned() });
        let synced = place(&Step::SyncFolder { folder: above.to_owned() });
        assert!(made.is_some() && made < synced, "{steps:?}");
    }
}

/// Little waits in memory, and what does not fit there goes to the journal.
fn tight(is_last_left_behind: bool) -> Policy {
    let drain = if is_last_left_behind { Duration::from_millis(50) } else { LONG };
    let (gather, wait) = (Duration::from_millis(1), Duration::ZERO);
    Policy { queue_events: 2, batch: 10, gather, wait, overflow: Overflow::Spill, drain, ..Policy::default() }
}

/// Lets callers record over several sittings, the store being held by somebody else again and again.
async fn record(syncs: Syncs) -> (Vec<Step>, Handed) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = std::fs::canonicalize(folder.path()).expect("is there");
    let tap = Arc::new(Tap::on(&path, syncs));
    let handed = Arc::new(Mutex::new(Handed::new()));
    let store = path.join("store.db");
    Store::open(&store).await.expect("opens").close().await;
    for sitting in 0..SITTINGS {
        let is_left_behind = sitting % 2 == 0;
        let recorder = Recorder::open(&store, tight(is_left_behind)).await.expect("opens");
        for round in 0..ROUNDS {
            let mut other = held(&store).await;
            let callers = (0..CALLERS).map(|caller| {
                let (tap, handed) = (Arc::clone(&tap), Arc::clone(&handed));
                let recorder = recorder.caller();
                tokio::spawn(async move {
                    let mut luck = Luck(SEED + (sitting * 100 + round * 10 + caller) as u64);
                    let mut queued = Vec::new();
                    for place in 0..3 + luck.below(4) {
                        let id = format!("s{sitting}-r{round}-c{caller}-{place}");
                        let item = item(id.clone(), &mut luck);
                        handed.lock().expect("not poisoned").insert(id.clone(), item.clone());
                        match recorder.record(item).await.expect("taken") {
                            Taken::Journaled => tap.acknowledge(vec![id]),
                            Taken::Queued => queued.push(id),
                        }
                    }
                    (recorder, queued)
                })
            });
            let mut open = Vec::new();
            for caller in callers.collect::<Vec<_>>() {
                open.push(caller.await.expect("runs"));
            }
            let is_last = round + 1 == ROUNDS;
            if is_last && is_left_behind {
                recorder.close().await;
            }
            sqlx::query("ROLLBACK").execute(&mut other).await.expect("lets go");
            other.close().await.expect("closes");
            for (caller, queued) in open {
                let flush = caller.flush(LONG).await;
                // Stored, or after the recorder was stopped at least in the journal.
                let is_kept = flush.status == Flushed::Flushed || is_last && flush.journaled == flush.queued;
                assert!(is_kept && flush.dropped == 0, "{flush:?}");
                tap.acknowledge(queued);
            }
        }
        recorder.close().await;
    }
    let handed = handed.lock().expect("not poisoned").clone();
    (tap.steps(), handed)
}

/// The store, held by another so that nobody else can write.
async fn held(store: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(store).busy_timeout(LONG);
    let mut other = SqliteConnection::connect_with(&options).await.expect("connects");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("holds it");
    other
}
