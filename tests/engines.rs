//! One corpus in a file and in PostgreSQL: everything that is printed of it is the same, byte for byte.
//!
//! It needs a server (`tests/cluster cargo test --test engines`), and reads the real sessions below `TURNSCOPE_CORPUS` too.

#[path = "engines/copying.rs"]
mod copying;
#[path = "engines/scripts.rs"]
mod scripts;
#[path = "attach/proxy.rs"]
#[expect(dead_code, reason = "the proxy is shared, and no crate uses all of it")]
mod proxy;
mod server;
#[path = "engines/sifting.rs"]
mod sifting;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use turnscope::store::{Address, Store};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/demo.json");
/// What is compared as a whole.
const COMMANDS: [&[&str]; 9] = [
    &["sessions"],
    &["stats"],
    &["check"],
    &["search", "the"],
    &["search", "error"],
    &["search", "美香"],
    &["search", "re:fa[i-k]l(ed|ure)"],
    &["search", "Read"],
    &["purge", "holds"],
];
/// Sessions of which every row is compared.
const SESSIONS: usize = 20;

/// A home with a store in a file, and a database.
struct World {
    home: tempfile::TempDir,
    server: String,
}

impl World {
    /// `None` where no server is named.
    async fn new() -> Option<Self> {
        let Some(server) = server::database().await else {
            writeln!(std::io::stderr(), "skipped: PostgreSQL (TURNSCOPE_TEST_SERVER is not set)")
                .expect("stderr is open");
            return None;
        };
        Some(Self { home: tempfile::tempdir().expect("a folder"), server })
    }

    fn file(&self) -> PathBuf {
        self.home.path().join("store.db")
    }

    fn run(&self, store: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
        command.args(arguments).arg("--json").env_clear().env("HOME", self.home.path());
        command.env("TURNSCOPE_STORE", store).output().expect("runs")
    }

    /// Nothing that a search finds is left out because of the pieces, in either store.
    async fn sift(&self) {
        for store in [self.file().into_os_string(), self.server.clone().into()] {
            let store = Store::at(&Address::parse(&store)).await.expect("opens");
            assert!(sifting::finds_all(&store).await > 0, "{:?}", store.address());
            store.close().await;
        }
    }

    /// What both print, which must be the same.
    fn both(&self, arguments: &[&str]) -> Vec<u8> {
        let (file, server) = (self.run(&self.file(), arguments), self.run(Path::new(&self.server), arguments));
        let words = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(file.status.code(), server.status.code(), "{arguments:?}: {} and {}", words(&file), words(&server));
        let lines =
            |output: &Output| output.stdout.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        for (one, other) in lines(&file).iter().zip(&lines(&server)) {
            let (one, other) = (String::from_utf8_lossy(one), String::from_utf8_lossy(other));
            assert_eq!(one, other, "{arguments:?}");
        }
        assert!(file.stdout == server.stdout, "{arguments:?}: one prints more than the other");
        file.stdout
    }

    fn compare(&self, paths: &[PathBuf]) {
        let paths: Vec<&str> = paths.iter().map(|path| path.to_str().expect("is UTF-8")).collect();
        self.both(&[&["import"], paths.as_slice()].concat());
        for command in COMMANDS {
            self.both(command);
        }
        let listed = self.both(&["sessions"]);
        let ids = ids(&listed);
        assert!(!ids.is_empty());
        let every = ids.len().div_ceil(SESSIONS);
        for id in ids.iter().step_by(every) {
            let rows = self.both(&["timeline", id]);
            self.both(&["timeline", id, "--where", "has:error or tokens>100"]);
            self.both(&["export", id]);
            let row = rows.split(|byte| *byte == b'\n').next().filter(|line| !line.is_empty());
            if let Some(row) = row.map(|row| serde_json::from_slice::<Value>(row).expect("JSON")) {
                self.both(&["show", id, row["id"].as_str().expect("an id")]);
            }
        }
    }
}

#[tokio::test]
async fn the_demo_reads_the_same_from_either() {
    let Some(world) = World::new().await else { return };
    world.compare(&[PathBuf::from(DEMO)]);
    world.sift().await;
    for change in [
        &["purge", "hold", "8fd6fee3", "--reason", "asked for"][..],
        &["purge", "--as-of", "2100-01-01T00:00:00Z", "--apply"],
        &["purge", "release", "8fd6fee3"],
        &["vacuum"],
    ] {
        for store in [world.file(), PathBuf::from(&world.server)] {
            let ran = world.run(&store, change);
            assert!(ran.status.success(), "{change:?}: {}", String::from_utf8_lossy(&ran.stderr));
        }
    }
    // When something was purged differs, and findings and receipts tell.
    for command in COMMANDS.iter().filter(|command| **command != ["check"] && **command != ["purge", "holds"]) {
        world.both(command);
    }
    world.both(&["timeline", "5b0e6c1e"]);
    for store in [world.file(), PathBuf::from(&world.server)] {
        let verified = world.run(Path::new("nowhere.db"), &["verify", store.to_str().expect("is UTF-8")]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    }
}

#[tokio::test]
async fn real_sessions_read_the_same_from_either() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS").map(PathBuf::from) else { return };
    let Some(world) = World::new().await else { return };
    world.compare(&["seed-present", "claude-code", "codex", "otlp"].map(|folder| corpus.join(folder)));
    world.sift().await;
}

#[tokio::test]
async fn what_is_copied_there_and_back_reads_the_same() {
    let Some(world) = World::new().await else { return };
    let corpus = std::env::var_os("TURNSCOPE_CORPUS").map(PathBuf::from);
    let real = corpus.iter().map(|corpus| corpus.join("seed-present"));
    let paths: Vec<String> =
        real.chain([PathBuf::from(DEMO)]).map(|path| path.to_str().expect("is UTF-8").to_owned()).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    world.run(&world.file(), &[&["import"], paths.as_slice()].concat());
    let back = world.home.path().join("back.db");
    let names = [world.file(), PathBuf::from(&world.server), back.clone()].map(|path| path.display().to_string());
    for (from, to) in [(0, 1), (1, 2)] {
        let copied = world.run(Path::new("nowhere.db"), &["copy", &names[from], &names[to]]);
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let again = world.run(Path::new("nowhere.db"), &["copy", &names[from], &names[to]]);
        let again: Value = serde_json::from_slice(&again.stdout).expect("JSON");
        assert_eq!((&again["added"], &again["conflicts"]), (&Value::from(0), &Value::from(0)), "{again}");
    }
    for command in COMMANDS {
        world.both(command);
    }
    let ids = ids(&world.both(&["sessions"]));
    for id in ids.iter().step_by(ids.len().div_ceil(SESSIONS)) {
        world.both(&["export", id]);
        let original = world.both(&["timeline", id]);
        assert!(world.run(&back, &["timeline", id]).stdout == original, "{id}");
    }
    for name in &names {
        let verified = world.run(Path::new("nowhere.db"), &["verify", name]);
        assert!(verified.status.success(), "{name}: {}", String::from_utf8_lossy(&verified.stdout));
    }
    // What came over with its source is not read again.
    let mut import = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    import.arg("import").args(&paths).env_clear().env("HOME", world.home.path());
    let told = import.env("TURNSCOPE_STORE", &world.server).output().expect("runs").stdout;
    let told = String::from_utf8(told).expect("is UTF-8");
    let changed: Vec<&str> = told.lines().skip(1).filter(|line| line.starts_with('/')).collect();
    assert!(!changed.is_empty() && changed.iter().all(|line| line.contains("\tunchanged\t")), "{changed:#?}");
}

/// The ids of listed sessions.
fn ids(listed: &[u8]) -> Vec<String> {
    let objects = listed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    objects
        .map(|line| serde_json::from_slice::<Value>(line).expect("JSON")["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test]
async fn a_copy_of_a_store_from_before_sources_were_told_apart_keeps_what_sessions_are_called() {
    let Some(world) = World::new().await else { return };
    world.run(&world.file(), &["import", DEMO]);
    let address = format!("sqlite://{}", world.file().display());
    let old = sqlx::SqlitePool::connect(&address).await.expect("opens");
    sqlx::query("UPDATE tellings SET source = 0, since = 9223372036854775807").execute(&old).await.expect("turns back");
    old.close().await;
    let copied = world.run(Path::new("nowhere.db"), &["copy", &world.file().display().to_string(), &world.server]);
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    assert!(String::from_utf8_lossy(&world.both(&["sessions"])).contains("Crowd pulse"));
}
