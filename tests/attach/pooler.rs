//! A real pooler between the program and the server, in both of its usual modes; skipped where none is installed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::database::Database;
use crate::desk::{Desk, text};
use crate::example::{self, SESSION};
use crate::whole::{counts, expected};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/demo.json");
const PROGRAMS: [&str; 3] = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];

/// A pooler with two connections to the server; it goes with the test.
struct Pooler {
    folder: tempfile::TempDir,
    process: Child,
}

impl Pooler {
    /// `None`, and said so, where no pooler is installed.
    fn start(database: &Database, mode: &str) -> Option<Self> {
        let Some(program) = PROGRAMS.iter().find(|program| Path::new(program).exists()) else {
            // Straight to stderr: libtest keeps what passing tests print, and a skipped check must be seen.
            writeln!(std::io::stderr(), "skipped: a pooler (pgbouncer is not installed)").expect("stderr takes it");
            return None;
        };
        let (folder, socket) = (tempfile::tempdir().expect("a folder"), database.socket());
        let server = Path::new(&socket).parent().expect("lies in a folder").to_owned();
        // What a connection was told does not outlast a transaction, as if another were lent each time.
        let settings = format!(
            "[databases]\n* = host={} user=tester\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {}\nauth_type = any\n\
             pool_mode = {mode}\ndefault_pool_size = 8\nserver_reset_query_always = 1\n",
            server.display(),
            folder.path().display()
        );
        let file = folder.path().join("pooler.ini");
        fs::write(&file, settings).expect("writes");
        // It does not run as root, and the server's user may use the socket.
        let owner = fs::metadata(&socket).expect("is there");
        chown(folder.path(), Some(owner.uid()), Some(owner.gid())).expect("gives the folder away");
        chown(&file, Some(owner.uid()), Some(owner.gid())).expect("gives the file away");
        let mut command = Command::new(program);
        command.arg(&file).uid(owner.uid()).gid(owner.gid()).stdout(Stdio::null()).stderr(Stdio::null());
        let pooler = Self { process: command.spawn().expect("starts"), folder };
        let began = Instant::now();
        while UnixStream::connect(pooler.folder.path().join(".s.PGSQL.6432")).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "the pooler does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        Some(pooler)
    }

    fn url(&self, database: &Database) -> String {
        format!("postgres:///{}?host={}&port=6432&user=tester", database.name(), self.folder.path().display())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_originals_sessions_come_over_through_a_pooler() {
    for mode in ["session", "transaction"] {
        let world = example::world();
        let Some(database) = Database::of(&world) else { return };
        let Some(pooler) = Pooler::start(&database, mode) else { return };
        let desk = Desk::with_file();
        desk.done(&["import", &pooler.url(&database)]);
        assert_eq!(counts(&desk, SESSION), expected(&world), "{mode}");
    }
}

/// Two files of one session each.
fn files(desk: &Desk) -> [String; 2] {
    ["one", "other"].map(|name| {
        let lines: Vec<String> =
            (0..400).map(|number| format!("{{\"name\":\"{name}\",\"number\":{number}}}\n")).collect();
        text(&desk.write(&format!("{name}.jsonl"), lines.concat())).to_owned()
    })
}

#[test]
fn a_store_behind_a_pooler_is_as_any_other() {
    for mode in ["session", "transaction"] {
        let Some(database) = Database::empty() else { return };
        let Some(pooler) = Pooler::start(&database, mode) else { return };
        let (own, desk) = (Desk::with_file(), Desk::with_file());
        let url = format!("{}&pool_mode={mode}", pooler.url(&database));
        let files = files(&desk);
        own.done(&["import", DEMO, &files[0], &files[1]]);
        desk.done(&["--store", &url, "import", DEMO]);
        // Two that write at once.
        let import = |file: &String| desk.command(&["--store", &url, "import", file]).stdout(Stdio::null()).spawn();
        let importing: Vec<Child> = files.iter().map(|file| import(file).expect("starts")).collect();
        for mut import in importing {
            assert!(import.wait().expect("ends").success(), "{mode}");
        }
        let session = "8fd6fee3";
        for command in [
            &["sessions", "--json"][..],
            &["timeline", session, "--json"],
            &["timeline", "last", "--json", "--where", "has:error or tokens>100"],
            &["search", "the", "--json"],
            &["check", "--json"],
            &["stats", "--json"],
            &["export", session],
        ] {
            let (through, direct) = (desk.run(&[&["--store", &url], command].concat()), own.run(command));
            assert_eq!(through.code, direct.code, "{mode}: {command:?}: {}", through.err);
            assert!(through.out == direct.out, "{mode}: {command:?}");
        }
        desk.done(&["--store", &url, "purge", "--all", "--session", "one", "--apply"]);
        desk.done(&["--store", &url, "vacuum"]);
        desk.done(&["verify", &url]);
    }
}

#[test]
fn a_pooler_that_lends_connections_unannounced_is_named() {
    let Some(database) = Database::empty() else { return };
    let Some(pooler) = Pooler::start(&database, "transaction") else { return };
    let (desk, url) = (Desk::with_file(), pooler.url(&database));
    desk.done(&["--store", &format!("{url}&pool_mode=transaction"), "import", DEMO]);
    let told = desk.refused(1, &["--store", &url, "sessions"]);
    assert!(told.contains("say so with pool_mode=transaction in its address"), "{told}");
    let told = desk.refused(2, &["--store", &format!("{url}&pool_mode=statement"), "sessions"]);
    assert!(told.contains("pool_mode=statement, which must be session or transaction"), "{told}");
}
