//! A server that dies, stalls or is slow ends in a message, and what had come is kept; nothing hangs.

use crate::database::Database;
use crate::desk::Desk;
use crate::example::{self, SESSION};
use crate::proxy::{Proxy, Then};
use crate::whole::{counts, expected};

fn address(database: &Database, proxy: &Proxy) -> String {
    format!(
        "postgres://tester@127.0.0.1:{}/{}?statement_timeout=0.5&connect_timeout=1&sslmode=disable",
        proxy.port,
        database.name()
    )
}

#[test]
fn a_server_that_goes_or_stalls_anywhere_ends_in_a_message() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let size = {
        let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
        Desk::with_file().done(&["import", &address(&database, &proxy)]);
        100_000
    };
    for (after, then) in [
        (0, Then::Stall),
        (0, Then::BreakOff),
        (400, Then::Stall),
        (400, Then::BreakOff),
        (8000, Then::Stall),
        (8000, Then::BreakOff),
        (size, Then::Stall),
        (size, Then::BreakOff),
    ] {
        let proxy = Proxy::start(&database.socket(), after, then);
        let desk = Desk::with_file();
        let told = desk.refused(1, &["import", &address(&database, &proxy)]);
        let expected = if then == Then::Stall { "does not answer" } else { "could not be reached" };
        assert!(told.contains(expected), "{after} {then:?}: {told}");
        // What was brought over or not: the next time all of it comes.
        desk.done(&["import", &database.url()]);
        assert_eq!(counts(&desk, SESSION), crate::whole::expected(&world), "{after} {then:?}");
    }
}

#[test]
fn what_a_server_refuses_is_told_once_with_its_number_and_what_it_adds() {
    let Some(database) = Database::empty() else { return };
    let (desk, url) = (Desk::with_file(), database.url());
    let file = desk.write("a.jsonl", "{\"a\":1}\n");
    desk.done(&["--store", &url, "import", crate::desk::text(&file)]);
    database.execute(
        "CREATE FUNCTION turnscope.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'not today' USING DETAIL = 'It is closed.', HINT = 'Come tomorrow.', ERRCODE = 'P0001'; END $$; \
         CREATE TRIGGER refuse BEFORE INSERT ON turnscope.sources FOR EACH ROW EXECUTE FUNCTION turnscope.refuse()",
    );
    let other = desk.write("b.jsonl", "{\"b\":1}\n");
    let told = desk.refused(1, &["--store", &url, "import", crate::desk::text(&other)]);
    let place = url.split('?').next().expect("a place");
    let expected = format!(
        "turnscope: could not bring sessions into {place}: could not use the store {place}: \
         not today (SQLSTATE P0001); It is closed; hint: Come tomorrow\n"
    );
    assert_eq!(told, expected);
}

#[test]
fn a_table_that_is_slow_is_named_and_the_rest_comes() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(
        "ALTER TABLE agent_tool_io RENAME TO real_tool_io; \
         CREATE VIEW agent_tool_io AS SELECT t.* FROM real_tool_io t, (SELECT pg_sleep(60)) s",
    );
    let desk = Desk::with_file();
    let told = desk.refused(1, &["import", &format!("{}&statement_timeout=0.5", database.url())]);
    assert!(told.contains("agent_tool_io: it took longer than 0.5 s to answer"), "{told}");
    let mut left = expected(&world);
    left[4] = 0;
    assert_eq!(counts(&desk, SESSION), left);
    database.execute("DROP VIEW agent_tool_io; ALTER TABLE real_tool_io RENAME TO agent_tool_io");
    desk.done(&["import", &database.url()]);
    assert_eq!(counts(&desk, SESSION), expected(&world), "what was missed comes with the next import");
    let rows = desk.done(&["timeline", SESSION, "--json"]).objects();
    let labels: Vec<&str> = rows.iter().filter_map(|row| row["label"].as_str()).collect();
    assert!(labels.contains(&"agent_tool_io: it answers again, and its rows came"), "{labels:?}");
    let before = desk.done(&["stats", "--json"]).out;
    desk.done(&["import", &database.url()]);
    assert_eq!(desk.done(&["stats", "--json"]).out, before, "it is said once");
}

#[test]
fn a_pooler_that_changes_servers_between_transactions_notices_nothing() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    Desk::with_file().done(&["import", &address(&database, &proxy).replace("=0.5", "=10")]);
    let heard = proxy.heard.lock().expect("no panic").clone();
    let text = String::from_utf8_lossy(&heard);
    assert!(text.contains("BEGIN READ ONLY"), "it is asked in transactions that only read");
    assert!(!text.contains("extra_float_digits\0"), "no setting that poolers refuse stands in the greeting");
    let (mut at, mut parsed, mut open) = (greeting(&heard), 0, false);
    while at + 5 <= heard.len() {
        let size = u32::from_be_bytes(heard[at + 1..at + 5].try_into().expect("four bytes")) as usize;
        let body = &heard[at + 5..at + 1 + size];
        match heard[at] {
            b'P' => {
                assert_eq!(body[0], 0, "a prepared statement has a name");
                assert!(open, "a statement outside a transaction");
                parsed += 1;
            }
            b'Q' => {
                let text = String::from_utf8_lossy(body);
                open = text.starts_with("BEGIN READ ONLY");
                assert!(open || text.starts_with("ROLLBACK"), "{text}");
            }
            _ => {}
        }
        at += 1 + size;
    }
    assert!(parsed > 10, "{parsed} questions");
}

/// How long the first message is; it has no type.
fn greeting(heard: &[u8]) -> usize {
    u32::from_be_bytes(heard[..4].try_into().expect("four bytes")) as usize
}
