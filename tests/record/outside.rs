//! The recorder and what goes wrong around it: a signal, a file that may not grow, a store that may only be read.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use turnscope::domain::{Event, Kind};
use turnscope::record::{Item, Overflow, Policy, Recorder, json as raw};
use turnscope::store::Store;

use crate::desk::events;
use crate::mounts::{is_root, own_mounts};

const STORE: &str = "TURNSCOPE_OUTSIDE_STORE";
const WAY: &str = "TURNSCOPE_OUTSIDE_WAY";
/// How many events a child hands in.
const EVENTS: u64 = 300;

fn item(number: u64) -> Item {
    // What does not compress.
    let noise: String = (1..400_u64).map(|n| format!("{:x}", n.wrapping_mul(number ^ 0x9e37_79b9_7f4a_7c15))).collect();
    let item = Item::model("runner", "model_call", "completed");
    let output = Some(raw(&json!({ "noise": noise })).expect("json"));
    Item { event_id: Some(format!("e{number}")), room: Some("outside".to_owned()), output, ..item }
}

/// Not a test of its own: what the others start. Without its variables it does nothing.
#[test]
fn child() {
    let (Ok(store), Ok(way)) = (std::env::var(STORE), std::env::var(WAY)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("starts");
    runtime.block_on(async {
        let overflow = if way == "refuse" { Overflow::Refuse } else { Overflow::Spill };
        let tight =
            Policy { queue_events: 4, wait: Duration::ZERO, drain: Duration::from_millis(200), ..Policy::default() };
        let policy = match way.as_str() {
            "signal" => Policy { gather: Duration::from_secs(600), ..Policy::default() },
            _ => Policy { overflow, ..tight },
        };
        let recorder = Recorder::open(Path::new(&store), policy).await.expect("opens");
        recorder.close_on_signals();
        let mut refused = 0;
        for number in 0..EVENTS {
            refused += u64::from(recorder.record(item(number)).await.is_err());
        }
        let mut out = std::io::stdout().lock();
        out.write_all(format!("refused {refused}\n").as_bytes()).and_then(|()| out.flush()).expect("is told");
        drop(out);
        match way.as_str() {
            "signal" => std::future::pending().await,
            _ => recorder.close().await,
        };
    });
}

const CHILD: [&str; 4] = ["--exact", "outside::child", "--nocapture", "--test-threads=1"];

fn own_path() -> String {
    std::env::current_exe().expect("known").to_str().expect("is UTF-8").to_owned()
}

/// Runs a child to its end, unless it is the one that waits for a signal; how many events it was refused.
fn run(mut command: Command, store: &Path, way: &str) -> (u64, Option<i32>) {
    command.env(STORE, store).env(WAY, way).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("is piped")).lines().map_while(Result::ok);
    let refused = lines.find_map(|line| line.split_once("refused ")?.1.trim().parse().ok()).expect("it tells");
    if way == "signal" {
        let killed = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
    }
    lines.for_each(drop);
    (refused, child.wait().expect("it ends").code())
}

async fn made() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    Store::open(&path).await.expect("opens").close().await;
    (folder, path)
}

/// The events of the room, and how many are missing as gaps tell, once all that was left behind is stored.
async fn found(path: &Path) -> (usize, u64, Vec<Event>) {
    Recorder::open(path, Policy::default()).await.expect("opens").close().await;
    let events = events(&Store::open(path).await.expect("opens"), "room:outside").await;
    let stored = events.iter().filter(|event| event.kind == Kind::Model).count();
    let gaps: Vec<Event> = events.into_iter().filter(|event| event.event_type == "gap").collect();
    let missing = gaps.iter().filter_map(|gap| gap.attribute("missing_count")?.parse::<u64>().ok()).sum();
    (stored, missing, gaps)
}

#[tokio::test]
async fn a_signal_stores_what_waits_and_then_ends_the_process() {
    let (folder, path) = made().await;
    let mut command = Command::new(own_path());
    command.args(CHILD);
    assert_eq!(run(command, &path, "signal"), (0, Some(128 + libc::SIGTERM)));
    let left = std::fs::read_dir(folder.path().join("store.db.recorder")).expect("a folder").count();
    assert_eq!(left, 0);
    let (stored, missing, _) = found(&path).await;
    assert_eq!((stored as u64, missing), (EVENTS, 0));
}

#[tokio::test]
async fn what_a_file_that_may_not_grow_cannot_take_comes_back_as_a_gap() {
    for way in ["refuse", "spill"] {
        let (_folder, path) = made().await;
        let mut command = Command::new("sh");
        // So many blocks of half a kilobyte: what the store, its log and the journal may each take.
        command.args(["-c", "trap '' XFSZ; ulimit -f 1200; exec \"$0\" \"$@\""]).arg(own_path()).args(CHILD);
        let (refused, code) = run(command, &path, way);
        assert_eq!(code, Some(0));
        let (stored, missing, gaps) = found(&path).await;
        assert!(refused > 0 && missing >= refused, "{way}: {refused} refused, {missing} missing");
        // A commit that was on its way may have come through after all, and then it is told as missing as well.
        assert!(stored as u64 + missing >= EVENTS && stored > 0, "{way}: {stored} stored, {missing} missing");
        assert!(gaps.iter().all(|gap| gap.error.as_deref().is_some_and(|error| error.contains("runner"))), "{gaps:?}");
    }
}

#[tokio::test]
async fn a_store_that_may_only_be_read_loses_nothing_that_was_taken() {
    for way in ["refuse", "spill"] {
        let (folder, path) = made().await;
        let read_only = "mount --bind store.db store.db && mount -o remount,bind,ro store.db";
        let own = own_path();
        let command = match own_mounts(folder.path(), read_only, &own, &CHILD) {
            Some(command) => command,
            None if is_root() => return,
            None => {
                let mut command = Command::new(own);
                command.args(CHILD);
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o444);
                std::fs::set_permissions(&path, mode).expect("is set");
                command
            }
        };
        let (refused, code) = run(command, &path, way);
        assert_eq!(code, Some(0));
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("is set");
        let (stored, missing, _) = found(&path).await;
        match way {
            "refuse" => assert_eq!((stored, missing, refused), (0, EVENTS, EVENTS - 4)),
            _ => assert_eq!((stored as u64, missing, refused), (EVENTS, 0, 0)),
        }
    }
}
