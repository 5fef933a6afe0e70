//! A copy that is killed in the middle goes on from there, in either direction, and nothing is there twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};

use super::proxy::{Proxy, Then};
use super::{COMMANDS, World};

const FILES: usize = 40;
const TURNS: usize = 40;
/// So many files are there when the copy is killed.
const THERE: i64 = 3;
const TABLES: [&str; 9] =
    ["sessions", "sources", "records", "events", "event_ids", "event_keys", "attributes", "bodies", "pieces"];

/// How many rows a store has in a table; none while there is no such store yet.
async fn rows(store: &Path, table: &str) -> i64 {
    let text = store.to_str().expect("is UTF-8");
    let found = if text.starts_with("postgres:") {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM turnscope.{table}"));
        let mut connection = PgConnection::connect(text).await.expect("connects");
        sqlx::query(count).fetch_one(&mut connection).await.map(|row| row.get(0))
    } else {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        match SqliteConnection::connect(&format!("sqlite://{text}?mode=ro")).await {
            Ok(mut connection) => sqlx::query(count).fetch_one(&mut connection).await.map(|row| row.get(0)),
            Err(error) => Err(error),
        }
    };
    found.unwrap_or(0)
}

/// One session a file: questions, answers that call a tool, and results.
fn write_files(folder: &Path) {
    fs::create_dir(folder).expect("makes a folder");
    for number in 0..FILES {
        let session = format!("00000000-0000-4000-8000-{number:012}");
        let mut text = String::new();
        for turn in 0..TURNS {
            let call = format!("toolu_{number}_{turn}");
            let said = format!("what is {turn} times {number}? {}", "and so on ".repeat(turn));
            let output = format!("it is {}, says file {number}", turn * number);
            let asked = json!({"role": "user", "content": said});
            let tool = json!({"type": "tool_use", "id": call, "name": "Bash", "input": {"command": "times"}});
            let answer = json!({"id": format!("msg_{number}_{turn}"), "model": "claude-opus", "role": "assistant",
                "content": [tool], "usage": {"input_tokens": 10 + turn, "output_tokens": 2}});
            let result = json!({"type": "tool_result", "tool_use_id": call, "content": output});
            let told = json!({"role": "user", "content": [result]});
            for (place, (kind, message)) in [("user", asked), ("assistant", answer), ("user", told)].iter().enumerate()
            {
                let at = format!("2026-01-01T10:{turn:02}:{:02}.000Z", place * 10);
                let line = json!({"uuid": format!("{session}-{turn}-{place}"), "sessionId": session, "type": kind,
                    "cwd": "/made-up", "version": "2.0.76", "message": message, "timestamp": at});
                text.push_str(&format!("{line}\n"));
            }
        }
        fs::write(folder.join(format!("{session}.jsonl")), text).expect("writes");
    }
}

/// A copy over a proxy, in either direction.
struct Copying<'a> {
    world: &'a World,
    from: &'a Path,
    to: &'a Path,
}

impl Copying<'_> {
    /// The proxy before the server that is one of both ends, and the copy as a command.
    fn over(&self, after: usize, then: Then) -> (Proxy, Command) {
        let ends = [self.from, self.to].map(|end| end.to_str().expect("is UTF-8"));
        let server = ends.iter().find(|end| end.starts_with("postgres:")).expect("one is a server");
        let (place, options) = server.split_once('?').expect("options");
        let folder = options.split('&').find_map(|option| option.strip_prefix("host=")).expect("a socket");
        let proxy = Proxy::start(&format!("{folder}/.s.PGSQL.5432"), after, then);
        let name = place.rsplit('/').next().expect("a name");
        let there = format!("postgres://tester@127.0.0.1:{}/{name}?sslmode=disable", proxy.port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
        command.arg("copy").args(ends.map(|end| if end == *server { there.as_str() } else { end }));
        command.env_clear().env("HOME", self.world.home.path()).stdout(Stdio::null()).stderr(Stdio::null());
        (proxy, command)
    }

    /// How many bytes the server sends for all of it.
    fn size(&self) -> usize {
        let (proxy, mut command) = self.over(0, Then::GoOn);
        assert!(command.status().expect("runs").success());
        proxy.passed.load(Ordering::Relaxed)
    }

    /// Kills it when some of it is there; it cannot come to its end before, since the server falls silent on the way.
    async fn kill_after(&self, bytes: usize) {
        let (_proxy, mut command) = self.over(bytes, Then::Stall);
        let mut copying = command.spawn().expect("starts");
        let began = Instant::now();
        while rows(self.to, "sources").await < THERE {
            assert_eq!(copying.try_wait().expect("is a child"), None, "it ended before it could be killed");
            assert!(began.elapsed() < Duration::from_secs(60), "nothing of it comes");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        copying.kill().expect("is killed");
        copying.wait().expect("ends");
        let there = rows(self.to, "sources").await;
        assert!((THERE..FILES as i64).contains(&there), "{there} of {FILES} files were there");
    }
}

#[tokio::test]
async fn a_copy_that_was_killed_goes_on_and_brings_nothing_twice() {
    let Some(world) = World::new().await else { return };
    let folder = world.home.path().join("files");
    write_files(&folder);
    world.run(&world.file(), &["import", folder.to_str().expect("is UTF-8")]);
    let (server, back) = (PathBuf::from(&world.server), world.home.path().join("back.db"));
    let other = PathBuf::from(super::server::database().await.expect("a server"));
    let whole = world.home.path().join("whole.db");
    for (from, to, elsewhere) in [(&world.file(), &server, &other), (&server, &back, &whole)] {
        let size = Copying { world: &world, from, to: elsewhere }.size();
        Copying { world: &world, from, to }.kill_after(size / 2).await;
        let copy = || {
            let ends = [from, to].map(|end| end.to_str().expect("is UTF-8"));
            let copied = world.run(Path::new("nowhere.db"), &["copy", ends[0], ends[1]]);
            assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
            serde_json::from_slice::<Value>(&copied.stdout).expect("JSON")
        };
        let rest = copy();
        let number = |name: &str| rest[name].as_u64().expect("a number");
        assert!(number("unchanged") >= THERE as u64, "{rest}");
        assert_eq!((number("sources") + number("unchanged"), number("conflicts")), (FILES as u64, 0), "{rest}");
        assert_eq!(number("duplicates"), 0, "{rest}");
        let again = copy();
        assert_eq!((&again["added"], &again["unchanged"]), (&json!(0), &json!(FILES)), "{again}");
        for table in TABLES {
            assert_eq!(rows(to, table).await, rows(from, table).await, "{table}");
        }
    }
    let ids = super::ids(&world.both(&["sessions"]));
    assert_eq!(ids.len(), FILES);
    let exports: Vec<Vec<&str>> = ids.iter().step_by(7).map(|id| vec!["export", id.as_str()]).collect();
    for command in COMMANDS.iter().copied().chain(exports.iter().map(Vec::as_slice)) {
        let original = world.both(command);
        assert!(world.run(&back, command).stdout == original, "{command:?}");
    }
    for store in [&server, &back] {
        let verified = world.run(Path::new("nowhere.db"), &["verify", store.to_str().expect("is UTF-8")]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    }
}
