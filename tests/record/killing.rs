//! Killed under load, again and again: every acknowledged event is there, once. A control acknowledges too early.
//!
//! `TURNSCOPE_KILLS=N` says how often; without it a few times.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use turnscope::record::{Committer, Flushed, GroupPolicy, Item, Overflow, Policy, Recorder, Taken};
use turnscope::store::Store;

const STORE: &str = "TURNSCOPE_KILL_STORE";
const WAY: &str = "TURNSCOPE_KILL_WAY";
const ROUND: &str = "TURNSCOPE_KILL_ROUND";
/// Callers at a time.
const CALLERS: usize = 3;

fn item(id: &str) -> Item {
    let mut item = Item::model("killed", "model_call", "completed");
    (item.event_id, item.room) = (Some(id.to_owned()), Some("kills".to_owned()));
    item.system_prompt = Some(id.repeat(50));
    item
}

/// Tells the parent in one piece, so that a line is whole or is not there.
fn acknowledge(id: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(format!("ack {id}\n").as_bytes());
    let _ = out.flush();
}

/// Not a test of its own: what the others start and kill. Without its variables it does nothing.
#[test]
fn child() {
    let (Ok(store), Ok(way), Ok(round)) = (std::env::var(STORE), std::env::var(WAY), std::env::var(ROUND)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("starts");
    runtime.block_on(async {
        let path = Path::new(&store);
        match way.as_str() {
            "committer" => commit(path, &round).await,
            "recorder" => record(path, &round, Policy::default()).await,
            "journal" => {
                let tight =
                    Policy { queue_events: 2, wait: Duration::ZERO, overflow: Overflow::Spill, ..Policy::default() };
                record(path, &round, tight).await;
            }
            _ => acknowledge_at_once(path, &round).await,
        }
    });
}

async fn commit(path: &Path, round: &str) {
    let committer = Committer::start(Store::open(path).await.expect("opens"), GroupPolicy::default());
    let callers = (0..CALLERS).map(|caller| {
        let (committer, round) = (committer.clone(), round.to_owned());
        tokio::spawn(async move {
            for number in 0.. {
                let ids = [0, 1, 2].map(|part| format!("c{round}-{caller}-{number}-{part}"));
                let outcomes = committer.submit(ids.iter().map(|id| item(id)).collect()).await.expect("taken");
                outcomes.iter().for_each(|outcome| acknowledge(outcome.id()));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("goes on for ever");
    }
}

async fn record(path: &Path, round: &str, policy: Policy) {
    let recorder = Recorder::open(path, policy).await.expect("opens");
    let callers = (0..CALLERS).map(|caller| {
        let (recorder, round) = (recorder.caller(), round.to_owned());
        tokio::spawn(async move {
            for number in 0.. {
                let mut queued = Vec::new();
                for part in 0..5 {
                    let id = format!("r{round}-{caller}-{number}-{part}");
                    match recorder.record(item(&id)).await.expect("taken") {
                        // It is on the disk already.
                        Taken::Journaled => acknowledge(&id),
                        Taken::Queued => queued.push(id),
                    }
                }
                let flush = recorder.flush(Duration::from_secs(60)).await;
                assert_eq!(flush.status, Flushed::Flushed);
                queued.iter().for_each(|id| acknowledge(id));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("goes on for ever");
    }
}

/// The control: it says that an event is kept when it is only in memory.
async fn acknowledge_at_once(path: &Path, round: &str) {
    let recorder = Recorder::open(path, Policy::default()).await.expect("opens");
    for number in 0.. {
        let id = format!("x{round}-{number}");
        recorder.record(item(&id)).await.expect("taken");
        acknowledge(&id);
    }
}

fn start(store: &Path, way: &str, round: usize) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "killing::child", "--nocapture", "--test-threads=1"])
        .env(STORE, store)
        .env(WAY, way)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts")
}

/// Starts a child, kills it after so many acknowledgements, and returns all that it gave.
fn kill(store: &Path, way: &str, round: usize, after: usize) -> Vec<String> {
    let mut child = start(store, way, round);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < after {
        let line = lines.next().unwrap_or_else(|| panic!("the child of round {round} ended by itself")).expect("text");
        acknowledged.extend(line.split_once("ack ").map(|(_, id)| id.to_owned()));
    }
    child.kill().expect("killed");
    // What it wrote before it died counts too; a line that is not whole does not.
    let mut rest = Vec::new();
    for line in lines.map_while(Result::ok) {
        rest.extend(line.split_once("ack ").map(|(_, id)| id.to_owned()));
    }
    child.wait().expect("ends");
    acknowledged.extend(rest);
    acknowledged
}

/// How often each event of the room is there, once all that was left behind has been stored.
async fn stored(path: &Path) -> BTreeMap<String, i64> {
    Recorder::open(path, Policy::default()).await.expect("opens").close().await;
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.expect("connects");
    let sound = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection).await.expect("checks");
    assert_eq!(sound.try_get::<String, _>(0).expect("text"), "ok");
    let rows = sqlx::query("SELECT id, count(*) FROM events WHERE source = 'killed' GROUP BY id")
        .fetch_all(&mut connection)
        .await
        .expect("reads");
    rows.iter().map(|row| (row.try_get(0).expect("text"), row.try_get(1).expect("a count"))).collect()
}

fn kills() -> usize {
    std::env::var("TURNSCOPE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(6)
}

#[tokio::test]
async fn what_was_acknowledged_outlives_every_kill_and_is_there_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    Store::open(&path).await.expect("opens").close().await;
    let mut acknowledged = BTreeSet::new();
    for round in 0..kills() {
        let way = ["committer", "recorder", "journal"][round % 3];
        // Spread without a pattern that the batches could follow.
        let after = 1 + round.wrapping_mul(2_654_435_761) % 97;
        acknowledged.extend(kill(&path, way, round, after));
    }
    let stored = stored(&path).await;
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !stored.contains_key(*id)).collect();
    let twice: Vec<&String> = stored.iter().filter(|(_, count)| **count != 1).map(|(id, _)| id).collect();
    assert!(acknowledged.len() >= kills() && lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}");
    println!("{} kills, {} acknowledged, {} stored, 0 lost, 0 twice", kills(), acknowledged.len(), stored.len());
}

#[tokio::test]
async fn a_control_that_acknowledges_too_early_does_lose() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    Store::open(&path).await.expect("opens").close().await;
    let acknowledged: BTreeSet<String> = kill(&path, "control", 0, 300).into_iter().collect();
    let stored = stored(&path).await;
    assert!(acknowledged.iter().any(|id| !stored.contains_key(id)), "the kill test could not find a loss");
}
