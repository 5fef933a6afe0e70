//! What must not happen to a database or be said of it: tables made by those who only read, passwords shown, words twice.

use crate::database::Database;
use crate::desk::{Desk, text};
use crate::example;
use crate::harness::Terminal;

#[test]
fn commands_that_read_make_no_tables() {
    let Some(database) = Database::empty() else { return };
    let (desk, url) = (Desk::with_file(), database.url());
    let commands: [&[&str]; 12] = [
        &["verify", &url],
        &["sessions"],
        &["stats"],
        &["timeline", "last"],
        &["show", "last", "e"],
        &["search", "words"],
        &["check"],
        &["export", "last"],
        &["purge"],
        &["token", "list"],
        &["token", "revoke", "nobody"],
        &["quarantine"],
    ];
    for command in commands {
        let ran = desk.run(&[&["--store", &url], command].concat());
        assert!(ran.code < 2, "{command:?}: {}", ran.err);
        assert_eq!(schemas(&database), "0", "{command:?}");
    }
    let told = desk.refused(1, &["verify", &url]);
    assert!(told.contains("there is no store yet at"), "{told}");
    let mut terminal = Terminal::start(&["--store", &url], 100, 30);
    assert_eq!(terminal.end(), Ok(1));
    assert_eq!(schemas(&database), "0", "nor does browsing");
}

/// How many schemas of ours there are.
fn schemas(database: &Database) -> String {
    database.texts("SELECT count(*)::text FROM pg_namespace WHERE nspname = 'turnscope'").remove(0)
}

#[test]
fn who_may_only_read_is_told_so_and_changes_nothing() {
    let Some(database) = Database::empty() else { return };
    let (desk, url) = (Desk::with_file(), database.url());
    desk.done(&["--store", &url, "import", text(&desk.write("a.jsonl", "{\"a\":1}\n"))]);
    let role = format!("reader_{}", database.name());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA turnscope TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA turnscope TO {role}"
    ));
    let reader = database.url_as(&role);
    let own = desk.done(&["--store", &url, "sessions", "--json"]).out;
    assert_eq!(desk.done(&["--store", &reader, "sessions", "--json"]).out, own);
    desk.done(&["--store", &reader, "timeline", "last"]);
    desk.write("new.jsonl", "{\"b\":2}\n");
    for command in [&["vacuum"][..], &["purge", "--apply"], &["import", "new.jsonl"], &["token", "add", "me"]] {
        let told = desk.refused(1, &[&["--store", &reader], command].concat());
        assert!(told.contains("lets this role not do that"), "{command:?}: {told}");
    }
}

#[test]
fn a_password_is_shown_nowhere() {
    let world = example::world();
    let (Some(original), Some(team)) = (Database::of(&world), Database::empty()) else { return };
    let secret = |database: &Database, name: &str| {
        let (_, options) = database.url().split_once('?').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("options");
        format!("postgres://tester:hidd%65n-word@localhost/{name}?{options}&password=hidden-word")
    };
    let (from, to) = (secret(&original, original.name()), secret(&team, team.name()));
    let (wrong, broken) = (secret(&team, "no_such"), "postgres://me:hidden-word?x@localhost/team".to_owned());
    let desk = Desk::with_file();
    desk.done(&["import", &original.url()]);
    let file = desk.named_store();
    let commands: [&[&str]; 16] = [
        &["import", &from],
        &["import", "--json", &from],
        &["--store", &to, "import", &from],
        &["--store", &to, "sessions", "--json"],
        &["--store", &to, "timeline", "last"],
        &["--store", &to, "export", "last"],
        &["--store", &to, "stats", "--json"],
        &["verify", "--json", &to],
        &["verify", &to],
        &["copy", &file, &to],
        &["copy", "--json", &to, &file],
        &["copy", &to, &to],
        &["copy", &file, &wrong],
        &["--store", &wrong, "sessions"],
        &["--store", &broken, "sessions"],
        &["import", &broken],
    ];
    for command in commands {
        let ran = desk.run(command);
        let said = format!("{}{}", String::from_utf8_lossy(&ran.out), ran.err);
        assert!(!said.contains("hidd"), "{said}");
        assert!(!said.is_empty(), "{command:?}");
    }
    for arguments in [vec![from.as_str()], vec!["--store", to.as_str()]] {
        let mut terminal = Terminal::start(&arguments, 200, 30);
        terminal.wait("a session", |grid| grid.has("canvas-0c5d8a52") || grid.has("Canvas: add"));
        terminal.press("\r");
        terminal.wait("its timeline", |grid| grid.depth() == Some(1));
        terminal.press("Q");
        assert_eq!(terminal.end(), Ok(0));
        assert!(!String::from_utf8_lossy(&terminal.bytes()).contains("hidd"));
    }
}

#[test]
fn what_stands_in_the_way_is_said_once() {
    let desk = Desk::with_file();
    let url = "postgres://me@127.0.0.1:1/team";
    let file = desk.write("a.jsonl", "{\"a\":1}\n");
    for command in [&["--store", url, "sessions"][..], &["--store", url, "import", text(&file)], &["import", url]] {
        let told = desk.refused(1, command).to_lowercase();
        for words in ["connection refused", "could not be reached"] {
            assert_eq!(told.matches(words).count(), 1, "{told}");
        }
    }
}
