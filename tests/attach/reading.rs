//! A store of ours for those who may only read it: what reads works, a table that they may not read is named, and a
//! server that stalls is told and asked again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::database::Database;
use crate::desk::{Desk, text};
use crate::harness::Terminal;
use crate::proxy::{Proxy, Then};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/demo.json");

/// The name of a role that may read all tables, and nothing else.
fn reader(database: &Database) -> String {
    let role = format!("reads_{}", database.name());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA turnscope TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA turnscope TO {role}"
    ));
    role
}

/// A store with the built-in sessions.
fn filled() -> Option<(Desk, Database)> {
    let (database, desk) = (Database::empty()?, Desk::with_file());
    desk.done(&["--store", &database.url(), "import", DEMO]);
    Some((desk, database))
}

#[test]
fn whoever_may_only_read_reads_all_there_is() {
    let Some((desk, database)) = filled() else { return };
    let (own, theirs) = (database.url(), database.url_as(&reader(&database)));
    let rows = desk.done(&["--store", &own, "timeline", "last", "--json"]).objects();
    let row = rows[0]["id"].as_str().expect("an id").to_owned();
    let copy = text(&desk.path("copy.db")).to_owned();
    let told = desk.refused(1, &["--store", &theirs, "serve", "--listen", "127.0.0.1:0"]);
    assert!(told.contains("cannot be written: this role may not add to events, records, sessions, sources"), "{told}");
    let commands: [&[&str]; 16] = [
        &["sessions", "--json"],
        &["timeline", "last", "--json"],
        &["timeline", "last", "--json", "--where", "has:error or tokens>100"],
        &["show", "last", &row],
        &["show", "last", &row, "--part", "raw"],
        &["search", "the", "--json"],
        &["search", "re:fail(ed|ure)", "--json"],
        &["check", "--json"],
        &["stats", "--json"],
        &["export", "last"],
        &["export", "last", "--format", "md"],
        &["purge", "--all", "--session", "last"],
        &["purge", "holds"],
        &["purge", "receipts"],
        &["token", "list"],
        &["quarantine"],
    ];
    for command in commands {
        let [ours, reads] = [&own, &theirs].map(|store| desk.run(&[&["--store", store.as_str()], command].concat()));
        assert!([0, 4].contains(&ours.code), "{command:?}: {}", ours.err);
        assert_eq!((reads.code, reads.text()), (ours.code, ours.text()), "{command:?}: {}", reads.err);
    }
    desk.done(&["verify", &theirs]);
    desk.done(&["copy", &theirs, &copy]);
    desk.done(&["--store", &theirs, "report", "last", "--out-dir", text(&desk.path("report"))]);
    let mut terminal = Terminal::start(&["--store", &theirs], 120, 30);
    terminal.wait("the sessions", |grid| grid.depth() == Some(0) && grid.has("Crowd pulse"));
    terminal.press("\r");
    terminal.wait("a timeline", |grid| grid.depth() == Some(1) && grid.has("1/"));
    terminal.press("\r");
    terminal.wait("an event", |grid| grid.depth() == Some(2) && grid.has("Summary"));
    terminal.press("q");
    terminal.wait("the timeline", |grid| grid.depth() == Some(1));
    terminal.press("m");
    terminal.wait("that no mark is kept", |grid| grid.has("this mark is on the screen only: the store postgres"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn a_table_that_a_role_may_not_read_is_named() {
    let Some((desk, database)) = filled() else { return };
    let role = reader(&database);
    database.execute(&format!("REVOKE SELECT ON turnscope.attributes FROM {role}"));
    let theirs = database.url_as(&role);
    desk.done(&["--store", &theirs, "sessions"]);
    let told = desk.refused(1, &["--store", &theirs, "timeline", "last"]);
    assert!(told.contains("lets this role not do that") && told.contains("attributes"), "{told}");
    let mut terminal = Terminal::start(&["--store", &theirs], 160, 30);
    terminal.wait("the sessions", |grid| grid.depth() == Some(0) && grid.has("Crowd pulse"));
    terminal.press("\r");
    terminal.wait("which table it is", |grid| {
        grid.has("lets this role not do that: permission denied for table attributes")
    });
    terminal.press("q");
    terminal.wait("the sessions again", |grid| grid.depth() == Some(0) && grid.has("Crowd pulse"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
    database.execute(&format!("REVOKE USAGE ON SCHEMA turnscope FROM {role}"));
    let told = desk.refused(1, &["--store", &theirs, "sessions"]);
    assert!(told.contains("lets this role not do that"), "{told}");
}

/// The address of a database by way of a proxy, with short limits.
fn by_way_of(proxy: &Proxy, database: &Database) -> String {
    format!(
        "postgres://tester@127.0.0.1:{}/{}?statement_timeout=3&connect_timeout=3&sslmode=disable",
        proxy.port,
        database.name()
    )
}

#[test]
fn a_store_whose_server_stalls_says_so_and_is_asked_again_on_a_key() {
    let Some((_, database)) = filled() else { return };
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    tried_again(&by_way_of(&proxy, &database), |stalls| proxy.holds.store(stalls, Ordering::Relaxed));
}

#[test]
fn the_screen_is_alive_while_an_answer_is_waited_for() {
    let Some((_, database)) = filled() else { return };
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    // So long that nothing is given up in the meantime.
    let address = by_way_of(&proxy, &database).replace("statement_timeout=3", "statement_timeout=600");
    let mut terminal = Terminal::start(&["--store", &address], 160, 30);
    terminal.wait("the sessions", |grid| grid.depth() == Some(0) && grid.has("Crowd pulse"));
    proxy.holds.store(true, Ordering::Relaxed);
    let helps = |terminal: &mut Terminal, place: &str| {
        terminal.press("?");
        terminal.wait(&format!("help for {place}"), |grid| grid.has("Help for"));
        terminal.press("\u{1b}");
        terminal.wait(&format!("no help for {place}"), |grid| !grid.has("Help for"));
    };
    helps(&mut terminal, "the sessions");
    terminal.press("\r");
    terminal.wait("that rows are waited for", |grid| grid.depth() == Some(1) && grid.has("reading the rows"));
    helps(&mut terminal, "a timeline that does not come");
    proxy.holds.store(false, Ordering::Relaxed);
    terminal.wait("the timeline", |grid| grid.depth() == Some(1) && grid.has("1/"));
    // As well when rows, previews and bodies are asked for.
    proxy.holds.store(true, Ordering::Relaxed);
    for keys in ["j", "G", "\r", "2", "/the\r"] {
        terminal.press(keys);
        terminal.settle(Duration::from_millis(300));
        helps(&mut terminal, keys);
    }
    proxy.holds.store(false, Ordering::Relaxed);
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn a_store_whose_server_dies_says_so_and_is_asked_again_on_a_key() {
    let Some((_, database)) = filled() else { return };
    tried_again(&database.url(), |is_gone| if is_gone { database.close() } else { database.reopen() });
}

/// Opens a session while the server is away, and again when it is back.
fn tried_again(address: &str, away: impl Fn(bool)) {
    let mut terminal = Terminal::start(&["--store", address], 160, 30);
    terminal.wait("the sessions", |grid| grid.depth() == Some(0) && grid.has("Crowd pulse"));
    away(true);
    terminal.press("\r");
    terminal.wait("what is wrong", |grid| grid.has("the store postgres://"));
    terminal.press("?");
    terminal.wait("help all the same", |grid| grid.has("down; a count repeats"));
    terminal.press("\u{1b}");
    terminal.wait("no help", |grid| !grid.has("down; a count repeats"));
    away(false);
    terminal.press("\u{c}");
    terminal.wait("its timeline", |grid| grid.depth() == Some(1) && grid.has("1/"));
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}

#[test]
fn a_server_that_goes_or_stalls_in_the_middle_of_an_answer_ends_in_a_message() {
    let Some((desk, database)) = filled() else { return };
    for (after, then) in
        [400, 2_000, 8_000, 20_000].into_iter().flat_map(|after| [(after, Then::Stall), (after, Then::BreakOff)])
    {
        let proxy = Proxy::start(&database.socket(), after, then);
        let told = desk.refused(1, &["--store", &by_way_of(&proxy, &database), "export", "last"]);
        let stalls = ["took too long to answer", "could not be reached"];
        assert!(stalls.iter().any(|stalls| told.contains(stalls)), "{after} {then:?}: {told}");
    }
}
