//! Several imports of one database into one store at once: they wait for each other, and all end well.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::database::Database;
use crate::desk::Desk;
use crate::example::{self, SESSION};
use crate::harness::Terminal;

const PROCESSES: usize = 4;
/// The lock that writers of a store in a PostgreSQL database take turns with.
const LOCK: &str = "hashtext('turnscope'), 1";

#[test]
fn imports_of_one_database_wait_for_each_other_and_all_end_well() {
    let world = example::world();
    let (Some(original), Some(team)) = (Database::of(&world), Database::empty()) else { return };
    let desk = Desk::with_file();
    let (from, to) = (original.url(), team.url());
    desk.done(&["--store", &to, "import", crate::desk::text(&desk.write("a.jsonl", "{\"a\":1}\n"))]);
    // All have read the database, and none has stored anything, when the first may write.
    let lock = team.hold(&format!("SELECT pg_advisory_xact_lock({LOCK})"));
    let command = || {
        let mut command = desk.command(&["--store", &to, "import", "--json", &from]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
    };
    let processes: Vec<_> = (0..PROCESSES).map(|_| command()).collect();
    let waiting = "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND \
         database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let began = Instant::now();
    while team.texts(waiting) != [PROCESSES.to_string()] {
        assert!(began.elapsed() < Duration::from_secs(60), "they do not come to write");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(lock);
    let told: Vec<Value> = processes
        .into_iter()
        .map(|process| {
            let ran = process.wait_with_output().expect("ends");
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
            serde_json::from_slice(&ran.stdout).expect("one object")
        })
        .collect();
    assert!(told.iter().all(|told| *told == told_alone(&desk, &from)), "{told:?}");
    let alone = Desk::with_file();
    alone.done(&["import", &from]);
    let slice = |desk: &Desk, store: &[&str]| desk.done(&[store, &["export", SESSION]].concat()).out;
    assert_eq!(slice(&desk, &["--store", &to]), slice(&alone, &[]));
}

/// What an import alone says.
fn told_alone(desk: &Desk, from: &str) -> Value {
    desk.done(&["import", "--json", from]).objects().remove(0)
}

#[test]
fn what_is_waited_for_is_told_and_control_c_ends_the_waiting() {
    let world = example::world();
    let (Some(original), Some(team)) = (Database::of(&world), Database::empty()) else { return };
    let desk = Desk::with_file();
    desk.done(&["--store", &team.url(), "import", &original.url()]);
    // As another import leaves it that is in the middle of it.
    team.execute("UPDATE turnscope.sources SET size = -1");
    let mut terminal = Terminal::start(&["--store", &team.url(), "import", &original.url()], 80, 24);
    terminal.wait("what is waited for", |grid| grid.has("waiting for another import of") && grid.has("Ctrl-C ends"));
    terminal.press("\u{3}");
    assert_eq!(terminal.end(), Ok(130));
    // One that has stopped is not waited for any longer.
    desk.done(&["--store", &team.url(), "import", &original.url()]);
}
