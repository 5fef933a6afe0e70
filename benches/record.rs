//! How fast events become durable, beside the bare disk and the bare database in the same run: `cargo bench --bench record`.
//!
//! DESIGN's numbers: 10,000 small events a second; 32 KB bodies at half of raw SQLite; acknowledged in 50 ms at half load.
//! Arguments: the seconds that each measurement takes, 3 unless said; and what is measured, all unless said:
//! `committer`, `recorder`, `server`.

#[path = "../tests/serve/desk.rs"]
#[expect(dead_code, reason = "tests use all of it")]
mod desk;
#[path = "record/http.rs"]
mod http;
#[path = "../tests/serve/mounts.rs"]
#[expect(dead_code, reason = "tests use all of it")]
mod mounts;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use turnscope::record::{Committer, GroupPolicy, Item, Policy, Recorder, json as raw};
use turnscope::store::Store;

/// Callers that each wait for their answer, and the items that they hand in at a time.
const CALLERS: usize = 16;
const AT_A_TIME: usize = 32;
const SMALL: usize = 200;
const LARGE: usize = 32 << 10;
/// Callers come one after the other, or all in one moment.
const ARRIVALS: [(&str, f64); 2] = [("in turn", 1.0), ("at once", 0.0)];

/// How fast is handed in: so much a second at most, by callers that come in turn where `spread` is 1, and in one moment
/// where it is 0.
#[derive(Clone, Copy)]
struct Pace {
    rate: f64,
    spread: f64,
}

impl Pace {
    /// When the next part of so many is due after the beginning, for one of some callers that has handed in `count`.
    fn due(self, count: usize, part: usize, caller: u64, callers: u64) -> Duration {
        let period = (part as u64 * callers) as f64 / self.rate;
        Duration::from_secs_f64((count as f64 + self.spread * caller as f64 / callers as f64) * period)
    }
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let seconds = asked.iter().find_map(|argument| argument.parse::<f64>().ok()).unwrap_or(3.0);
    let names: Vec<&String> = asked.iter().filter(|argument| argument.parse::<f64>().is_err()).collect();
    let is_asked = |name: &str| names.is_empty() || names.iter().any(|asked| *asked == name);
    let time = Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("starts");
    let folder = tempfile::tempdir().expect("a folder");
    say("bare fdatasync", "syncs/s", synced(&folder.path().join("bare"), time));
    if is_asked("committer") {
        runtime.block_on(committer(folder.path(), time));
        say("memory at most", "MB", memory());
    }
    if is_asked("recorder") {
        let rate = runtime.block_on(recorded(&folder.path().join("recorder.db"), time));
        say("small events: recorder, one caller", "events/s", rate);
    }
    if is_asked("server") {
        http::measure("small events", 1, SMALL, time);
        http::measure("small events", AT_A_TIME as u64, SMALL, time);
        let bare = runtime.block_on(database(&folder.path().join("bare.db"), LARGE, time));
        let rate = http::measure("32 KB bodies", AT_A_TIME as u64, LARGE, time);
        say("32 KB bodies: server against bare database", "times", rate / bare);
    }
}

async fn committer(folder: &Path, time: Duration) {
    for (name, size) in [("small events", SMALL), ("32 KB bodies", LARGE)] {
        let bare = database(&folder.join(format!("bare-{size}.db")), size, time).await;
        say(&format!("{name}: bare database, {AT_A_TIME} rows a transaction"), "rows/s", bare);
        let (rate, latencies) = committed(&folder.join(format!("own-{size}.db")), size, time, None).await;
        say(&format!("{name}: committer, {CALLERS} callers"), "events/s", rate);
        say(&format!("{name}: committer against bare database"), "times", rate / bare);
        told("    acknowledged at full load", latencies);
        for (place, (how, spread)) in ARRIVALS.into_iter().enumerate() {
            let path = folder.join(format!("half-{size}-{place}.db"));
            let (rate, latencies) = committed(&path, size, time, Some(Pace { rate: rate / 2.0, spread })).await;
            say(&format!("{name}: committer at half load, callers {how}"), "events/s", rate);
            told("    acknowledged at half load", latencies);
        }
    }
}

fn say(what: &str, unit: &str, value: f64) {
    println!("{what:<60} {value:>12.2} {unit}");
}

fn told(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    for (name, part) in [("p50", 0.5), ("p99", 0.99)] {
        let place = ((latencies.len() as f64 * part) as usize).min(latencies.len().saturating_sub(1));
        let value = latencies.get(place).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0);
        say(&format!("{what}, {name}"), "ms", value);
    }
}

/// Text that compresses about as JSON of agents does, and is never the same twice.
fn body(size: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(size + 16);
    while text.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(["shape ", "update ", "canvas ", "the ", "of "][(state % 5) as usize]);
        text.push_str(&format!("{:x} ", state >> 44));
    }
    text
}

fn item(size: usize, seed: u64) -> Item {
    let mut item = Item::model("bench", "model_call", "completed");
    item.event_id = Some(format!("{seed:x}"));
    item.room = Some(format!("room-{}", seed % 8));
    item.request_id = Some(format!("request-{}", seed / 4));
    item.output = Some(raw(&json!({"text": body(size, seed)})).expect("json"));
    item
}

fn synced(path: &Path, time: Duration) -> f64 {
    let mut file = File::create(path).expect("makes");
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        file.write_all(&[7; 4096]).expect("writes");
        file.sync_data().expect("syncs");
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

async fn database(path: &Path, size: usize, time: Duration) -> f64 {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).page_size(8192);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("connects");
    sqlx::query("CREATE TABLE rows (id TEXT PRIMARY KEY, body TEXT NOT NULL)")
        .execute(&mut connection)
        .await
        .expect("makes");
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        let mut transaction = connection.begin().await.expect("begins");
        for _ in 0..AT_A_TIME {
            let insert = sqlx::query("INSERT INTO rows (id, body) VALUES ($1, $2)");
            insert
                .bind(format!("{count:x}"))
                .bind(body(size, count))
                .execute(&mut *transaction)
                .await
                .expect("inserts");
            count += 1;
        }
        transaction.commit().await.expect("commits");
    }
    count as f64 / began.elapsed().as_secs_f64()
}

/// Events a second, and how long each answer took.
async fn committed(path: &Path, size: usize, time: Duration, pace: Option<Pace>) -> (f64, Vec<Duration>) {
    let committer = Committer::start(Store::open(path).await.expect("opens"), GroupPolicy::default());
    let began = Instant::now();
    let callers = (0..CALLERS as u64).map(|caller| {
        let committer = committer.clone();
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            let mut seed = caller << 40;
            while began.elapsed() < time {
                if let Some(pace) = pace {
                    let due = began + pace.due(latencies.len(), AT_A_TIME, caller, CALLERS as u64);
                    tokio::time::sleep_until(due.into()).await;
                }
                let items = (0..AT_A_TIME as u64).map(|place| item(size, seed + place)).collect();
                seed += AT_A_TIME as u64;
                let asked = Instant::now();
                committer.submit(items).await.expect("taken");
                latencies.push(asked.elapsed());
            }
            latencies
        })
    });
    let mut latencies = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        latencies.extend(caller.await.expect("runs"));
    }
    let rate = (latencies.len() * AT_A_TIME) as f64 / began.elapsed().as_secs_f64();
    committer.close().await;
    (rate, latencies)
}

async fn recorded(path: &Path, time: Duration) -> f64 {
    let policy = Policy { wait: Duration::from_secs(60), ..Policy::default() };
    let recorder = Recorder::open(path, policy).await.expect("opens");
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        recorder.record(item(SMALL, count)).await.expect("taken");
        count += 1;
    }
    let flush = recorder.flush(Duration::from_secs(60)).await;
    assert_eq!(flush.stored, count);
    count as f64 / began.elapsed().as_secs_f64()
}

/// The most memory that this process has used.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it tells of memory");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().expect("a number") / 1024.0
}
