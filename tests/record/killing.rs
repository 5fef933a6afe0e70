//! Killed under load, again and again: every acknowledged event is there, once. A control acknowledges too early.
//!
//! `TURNSCOPE_KILLS=N` says how often; without it a few times. With `cargo test --release` thousands take minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use turnscope::record::{Committer, Flushed, GroupPolicy, Item, Overflow, Policy, Recorder, Taken};
use turnscope::store::{Address, Store};

use crate::desk::Desk;

const STORE: &str = "TURNSCOPE_KILL_STORE";
const WAY: &str = "TURNSCOPE_KILL_WAY";
const ROUND: &str = "TURNSCOPE_KILL_ROUND";
const FOLDER: &str = "TURNSCOPE_RECORDER_FOLDER";
/// Callers at a time.
const CALLERS: usize = 3;
/// So many kills share a store, so that a start takes as long after the last as after the first.
const ERA: usize = 60;
/// Stores that are killed side by side.
const LANES: usize = 2;

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
        let store = Address::from(store.as_str());
        let store = &store;
        match way.as_str() {
            "committer" => commit(store, &round).await,
            "recorder" => record(store, &round, Policy::from_env()).await,
            "journal" => {
                let (wait, overflow) = (Duration::ZERO, Overflow::Spill);
                let tight = Policy { queue_events: 2, wait, overflow, ..Policy::from_env() };
                record(store, &round, tight).await;
            }
            _ => acknowledge_at_once(store, &round).await,
        }
    });
}

async fn commit(store: &Address, round: &str) {
    let committer = Committer::start(Store::at(store).await.expect("opens"), GroupPolicy::default());
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

async fn record(store: &Address, round: &str, policy: Policy) {
    let recorder = Recorder::open(store, policy).await.expect("opens");
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
async fn acknowledge_at_once(store: &Address, round: &str) {
    let recorder = Recorder::open(store, Policy::from_env()).await.expect("opens");
    for number in 0.. {
        let id = format!("x{round}-{number}");
        recorder.record(item(&id)).await.expect("taken");
        acknowledge(&id);
    }
}

fn start(desk: &Desk, way: &str, round: usize) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "killing::child", "--nocapture", "--test-threads=1"])
        .env(STORE, desk.url.clone().unwrap_or_else(|| desk.path().to_str().expect("text").to_owned()))
        .env(FOLDER, desk.folder.path())
        .env(WAY, way)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts")
}

/// Starts a child, kills it after so many acknowledgements, and returns all that it gave.
fn kill(desk: &Desk, way: &str, round: usize, after: usize) -> Vec<String> {
    let mut child = start(desk, way, round);
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
async fn stored(desk: &Desk) -> BTreeMap<String, i64> {
    desk.recorder(Policy::default()).await.close().await;
    let told = desk.store.verify(&mut |_, _| {}).await.expect("reads");
    assert!(told.problems.is_empty(), "{told:?}");
    let count = "SELECT id, count(*) FROM events WHERE source = 'killed' GROUP BY id";
    if let Some(url) = &desk.url {
        let mut connection = PgConnection::connect(url).await.expect("connects");
        sqlx::query("SET search_path TO turnscope").execute(&mut connection).await.expect("is set");
        let rows = sqlx::query(count).fetch_all(&mut connection).await.expect("reads");
        return rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    }
    let options = SqliteConnectOptions::new().filename(desk.path());
    let mut connection = SqliteConnection::connect_with(&options).await.expect("connects");
    let sound = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection).await.expect("checks");
    assert_eq!(sound.try_get::<String, _>(0).expect("text"), "ok");
    let rows = sqlx::query(count).fetch_all(&mut connection).await.expect("reads");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

fn kills() -> usize {
    let wanted = std::env::var("TURNSCOPE_KILLS").ok();
    wanted.map_or(6, |kills| kills.parse().expect("TURNSCOPE_KILLS is a number"))
}

/// Kills those who record into the same stores, and looks at what these hold in the end; how many events were
/// acknowledged, how many of these by recorders that spill into a journal, and how many are there.
async fn era(rounds: Range<usize>) -> [usize; 3] {
    let mut sum = [0; 3];
    for desk in Desk::all().await {
        let desk = Arc::new(desk);
        let (mut acknowledged, mut spilled) = (BTreeSet::new(), 0);
        for round in rounds.clone() {
            let way = ["committer", "recorder", "journal"][round % 3];
            // Spread without a pattern that the batches could follow.
            let after = 1 + round.wrapping_mul(2_654_435_761) % 97;
            let of = Arc::clone(&desk);
            let killed = tokio::task::spawn_blocking(move || kill(&of, way, round, after)).await.expect("is killed");
            spilled += if way == "journal" { killed.len() } else { 0 };
            acknowledged.extend(killed);
        }
        let stored = stored(&desk).await;
        let lost: Vec<&String> = acknowledged.iter().filter(|id| !stored.contains_key(*id)).collect();
        let twice: Vec<&String> = stored.iter().filter(|(_, count)| **count != 1).map(|(id, _)| id).collect();
        assert!(
            acknowledged.len() >= rounds.len() && lost.is_empty() && twice.is_empty(),
            "lost {lost:?}, twice {twice:?}"
        );
        let of = [acknowledged.len(), spilled, stored.len()];
        (0..3).for_each(|place| sum[place] += of[place]);
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_every_kill_and_is_there_once() {
    let kills = kills();
    let eras: Vec<Range<usize>> = (0..kills).step_by(ERA).map(|first| first..kills.min(first + ERA)).collect();
    let mut told = [0; 3];
    for side_by_side in eras.chunks(LANES) {
        let lanes: Vec<_> = side_by_side.iter().cloned().map(|rounds| tokio::spawn(era(rounds))).collect();
        for lane in lanes {
            let of = lane.await.expect("all is there");
            (0..3).for_each(|place| told[place] += of[place]);
        }
        let [acknowledged, spilled, stored] = told;
        let killed = side_by_side.last().map_or(0, |last| last.end);
        let words = format!("{killed} kills, {acknowledged} acknowledged ({spilled} by recorders with a journal)");
        // Past the test runner, which keeps what a passing test prints.
        writeln!(std::io::stderr(), "{words}, {stored} stored: 0 lost, 0 twice, 0 torn").expect("stderr is open");
    }
}

#[tokio::test]
async fn a_control_that_acknowledges_too_early_does_lose() {
    let desk = Desk::new().await;
    let acknowledged: BTreeSet<String> = kill(&desk, "control", 0, 300).into_iter().collect();
    let stored = stored(&desk).await;
    assert!(acknowledged.iter().any(|id| !stored.contains_key(id)), "the kill test could not find a loss");
}
