//! Cuts the power while items come in, and looks at what is left.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use turnscope::domain::{Role, Timestamp};
use turnscope::record::{Committer, GroupPolicy, Item, Outcome, Policy, Recorder, json};
use turnscope::store::Store;

use crate::disk::Disk;
use crate::luck::Luck;
use crate::tap::{Step, Syncs, Tap};

const ROOMS: [&str; 3] = ["kitchen", "hall", "cellar"];
const CALLERS: usize = 8;
/// How often each caller hands something in before the store is closed, opened and closed again.
const ROUNDS: usize = 30;
/// The bytes of one item in so many are read.
const LOOK: usize = 50;
/// After one cut in so many the database is checked as a whole, and all items are handed in again.
const THOROUGH: usize = 25;
/// The seed of a run.
pub const SEED: u64 = 20_260_302;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_when_the_power_goes() {
    let told = cut_power(Syncs::AsAsked, wanted_cuts()).await;
    tell(&told.to_string());
    assert!(told.acknowledged > 0 && told.checkpoints > 0, "{told}");
    assert!(told.lost.is_empty() && told.damaged.is_empty(), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_cuts_lose_items_where_only_checkpoints_are_synced() {
    let told = cut_power(Syncs::Normal, wanted_cuts() / 4).await;
    tell(&format!("where only checkpoints are synced, {told}"));
    assert!(!told.lost.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_cuts_lose_items_where_nothing_is_synced() {
    let told = cut_power(Syncs::Off, wanted_cuts() / 4).await;
    tell(&format!("where nothing is synced, {told}"));
    assert!(!told.lost.is_empty());
}

/// However slow the machine is, nobody is sent away.
fn patient() -> GroupPolicy {
    GroupPolicy { patience: Duration::from_secs(3600), ..GroupPolicy::default() }
}

pub fn wanted_cuts() -> usize {
    let wanted = std::env::var("TURNSCOPE_CUTS").ok();
    wanted.map_or(120, |cuts| cuts.parse().expect("TURNSCOPE_CUTS is a number"))
}

/// Written straight to the stream, because the test runner keeps what a passing test prints.
pub fn tell(words: &str) {
    writeln!(std::io::stderr(), "{words}").expect("stderr is open");
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Told {
    pub steps: usize,
    /// Syncs of the database itself: with each of them the log beside it becomes free.
    pub checkpoints: usize,
    pub acknowledged: usize,
    pub cuts: usize,
    /// Why, for each cut after which something was not there.
    pub lost: Vec<String>,
    /// The same for what was there and is not what was handed in.
    pub damaged: Vec<String>,
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, checkpoints, acknowledged, cuts, lost, damaged } = self;
        let (lost, damaged) = (lost.len(), damaged.len());
        write!(formatter, "{cuts} power cuts in {steps} steps with {checkpoints} checkpoints and {acknowledged} ")?;
        write!(formatter, "acknowledged items: {lost} lost items, {damaged} damaged the store")
    }
}

/// What callers hand in, by id.
pub type Handed = BTreeMap<String, Item>;

async fn cut_power(syncs: Syncs, wanted: usize) -> Told {
    let (steps, handed) = record(syncs).await;
    cut(&steps, &handed, false, wanted).await
}

/// Cuts so often, and looks at what is left; where that is asked for after a recorder has stored what lies beside it.
pub async fn cut(steps: &[Step], handed: &Handed, has_recorder: bool, wanted: usize) -> Told {
    let mut told = Told { steps: steps.len(), ..Told::default() };
    let writes_database = |step: &&Step| matches!(step, Step::Sync { file, .. } if file == "store.db");
    told.checkpoints = steps.iter().filter(writes_database).count();
    let places = places(steps, wanted);
    let mut disk = Disk::default();
    let mut acknowledged: Vec<&str> = Vec::new();
    let mut luck = Luck(SEED);
    for place in 0..=steps.len() {
        for _ in 0..places.get(&place).copied().unwrap_or(0) {
            told.cuts += 1;
            let folder = tempfile::tempdir().expect("a folder");
            disk.cut(&mut luck, folder.path()).expect("writes");
            let look = Look { folder: folder.path(), acknowledged: &acknowledged, handed, has_recorder };
            let thorough = told.cuts.is_multiple_of(THOROUGH);
            match look.all(&mut luck, thorough).await {
                Ok(()) => {}
                Err(Fault::Lost(why)) => told.lost.push(format!("step {place}: {why}")),
                Err(Fault::Damaged(why)) => told.damaged.push(format!("step {place}: {why}")),
            }
        }
        if let Some(step) = steps.get(place) {
            disk.take(step);
            if let Step::Acknowledge(ids) = step {
                acknowledged.extend(ids.iter().map(String::as_str));
            }
        }
    }
    told.acknowledged = acknowledged.len();
    told
}

/// Where to cut, and how often: before each sync, after each acknowledgement, and anywhere between.
fn places(steps: &[Step], wanted: usize) -> BTreeMap<usize, usize> {
    let mut candidates = vec![steps.len()];
    for (place, step) in steps.iter().enumerate() {
        match step {
            Step::Sync { .. } | Step::SyncFolder { .. } => candidates.push(place),
            Step::Acknowledge(_) | Step::Rename { .. } => candidates.push(place + 1),
            Step::Write { .. } | Step::Truncate { .. } | Step::Remove { .. } | Step::MakeFolder { .. } => {}
        }
    }
    let mut luck = Luck(SEED);
    let mut places = BTreeMap::new();
    for _ in 0..wanted {
        // One in four is anywhere.
        let anywhere = luck.below(4) == 0;
        let place = if anywhere { luck.below(steps.len() + 1) } else { candidates[luck.below(candidates.len())] };
        *places.entry(place).or_insert(0) += 1;
    }
    places
}

/// Lets callers hand in items, over two sittings, and records what happens to the files.
async fn record(syncs: Syncs) -> (Vec<Step>, Handed) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = std::fs::canonicalize(folder.path()).expect("is there");
    let tap = Arc::new(Tap::on(&path, syncs));
    let handed = Arc::new(Mutex::new(Handed::new()));
    for sitting in 0..2 {
        let store = Store::open(&path.join("store.db")).await.expect("opens");
        let committer = Committer::start(store.clone(), patient());
        let callers = (0..CALLERS).map(|caller| {
            let (committer, tap, handed) = (committer.clone(), Arc::clone(&tap), Arc::clone(&handed));
            tokio::spawn(async move {
                let mut luck = Luck(SEED + (sitting * CALLERS + caller) as u64);
                for round in 0..ROUNDS {
                    let named = |place| format!("s{sitting}-c{caller}-r{round}-{place}");
                    let items: Vec<Item> = (0..=luck.below(3)).map(|place| item(named(place), &mut luck)).collect();
                    let known = items.iter().map(|item| (item.event_id.clone().expect("has one"), item.clone()));
                    handed.lock().expect("not poisoned").extend(known);
                    let outcomes = committer.submit(items).await.expect("taken");
                    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. })), "{outcomes:?}");
                    tap.acknowledge(outcomes.iter().map(|outcome| outcome.id().to_owned()).collect());
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("runs");
        }
        committer.close().await;
        store.close().await;
    }
    let handed = handed.lock().expect("not poisoned").clone();
    (tap.steps(), handed)
}

/// An item with a body that does not compress, mostly small.
pub fn item(id: String, luck: &mut Luck) -> Item {
    let size = if luck.below(8) == 0 { luck.below(4000) } else { luck.below(40) };
    let words: Vec<String> = (0..size).map(|_| format!("{:x}", luck.next())).collect();
    let mut item = Item::model("canvas_runner", "model_call", "completed");
    item.room = Some(ROOMS[luck.below(ROOMS.len())].to_owned());
    item.at = Timestamp::parse("2026-03-02T10:00:00Z");
    item.input = Some(json(&serde_json::json!({ "id": id, "words": words })).expect("is JSON"));
    item.request_id = Some(id.clone());
    item.event_id = Some(id);
    item
}

enum Fault {
    Lost(String),
    Damaged(String),
}

fn damaged(error: anyhow::Error) -> Fault {
    Fault::Damaged(format!("{error:#}"))
}

/// A look at what a cut left.
struct Look<'a> {
    folder: &'a Path,
    acknowledged: &'a [&'a str],
    handed: &'a Handed,
    /// There may be journals beside the store, and gaps that tell of them.
    has_recorder: bool,
}

impl Look<'_> {
    async fn all(&self, luck: &mut Luck, thorough: bool) -> Result<(), Fault> {
        let path = self.folder.join("store.db");
        if self.has_recorder {
            Recorder::open(&path, Policy::default()).await.map_err(damaged)?.close().await;
        }
        let store = Store::open(&path).await.map_err(damaged)?;
        let found = self.found(&store, luck).await;
        let found = match found {
            Ok(()) if thorough => self.thoroughly(&store, luck).await,
            found => found,
        };
        store.close().await;
        found
    }

    /// Whether all that was acknowledged is there, all that is there was handed in, and everything only once.
    async fn found(&self, store: &Store, luck: &mut Luck) -> Result<(), Fault> {
        let events = events(store.file().expect("is a file")).await.map_err(damaged)?;
        let mut found: BTreeMap<&str, i64> = BTreeMap::new();
        let is_gap = |id: &str| self.has_recorder && id.starts_with("gap-");
        for (id, number) in events.iter().filter(|(id, _)| !is_gap(id)) {
            if found.insert(id, *number).is_some() || !self.handed.contains_key(id) {
                return Err(Fault::Damaged(format!("{id} is there once too often")));
            }
        }
        let missing: Vec<&&str> = self.acknowledged.iter().filter(|id| !found.contains_key(**id)).collect();
        if let Some(first) = missing.first() {
            return Err(Fault::Lost(format!("{} of {}, first {first}", missing.len(), self.acknowledged.len())));
        }
        for (id, number) in found {
            if luck.below(LOOK) > 0 {
                continue;
            }
            let input = input(store, number).await.map_err(damaged)?;
            let whole = self.handed[id].input.as_ref().map(|input| input.get().as_bytes());
            if input.as_deref() != whole {
                return Err(Fault::Damaged(format!("the input of {id} is not what was handed in")));
            }
        }
        Ok(())
    }

    /// Whether the database agrees with itself, and whether it goes on from there.
    async fn thoroughly(&self, store: &Store, luck: &mut Luck) -> Result<(), Fault> {
        checked(store.file().expect("is a file")).await.map_err(damaged)?;
        self.resend(store, luck).await
    }

    /// Whether all items are there once after they were handed in again.
    async fn resend(&self, store: &Store, luck: &mut Luck) -> Result<(), Fault> {
        let committer = Committer::start(store.clone(), patient());
        let outcomes = committer.submit(self.handed.values().cloned().collect()).await;
        committer.close().await;
        let outcomes = outcomes.map_err(|refusal| Fault::Damaged(format!("{refusal}")))?;
        let other = |outcome: &&Outcome| !matches!(outcome, Outcome::Stored { .. } | Outcome::Duplicate { .. });
        if let Some(outcome) = outcomes.iter().find(other) {
            return Err(Fault::Damaged(format!("handed in again: {outcome:?}")));
        }
        let all: Vec<&str> = self.handed.keys().map(String::as_str).collect();
        Look { acknowledged: &all, ..*self }.found(store, luck).await
    }
}

async fn input(store: &Store, event: i64) -> anyhow::Result<Option<Vec<u8>>> {
    let bodies = store.bodies(&[event]).await?;
    let Some(body) = bodies.into_iter().find(|body| body.role == Role::Input) else { return Ok(None) };
    Ok(Some(store.read(body.blob, body.start, body.size).await?))
}

/// All events, and their numbers: past the store, so that nothing that it hides is overlooked.
async fn events(path: &Path) -> anyhow::Result<Vec<(String, i64)>> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await?;
    let rows = sqlx::query("SELECT id, event FROM events").fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Whether the database agrees with itself.
async fn checked(path: &Path) -> anyhow::Result<()> {
    let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await?;
    let row = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection).await?;
    let told: String = row.try_get(0)?;
    connection.close().await?;
    anyhow::ensure!(told == "ok", "{told}");
    Ok(())
}
