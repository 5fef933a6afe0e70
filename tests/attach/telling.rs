//! Databases are told apart: a store of ours, the original's tables, neither; and what cannot be meant is refused.

use crate::database::Database;
use crate::desk::Desk;
use crate::example;
use crate::world::World;

#[test]
fn a_database_with_neither_is_refused() {
    let Some(database) = Database::empty() else { return };
    let desk = Desk::with_file();
    let told = desk.refused(1, &["import", &database.url()]);
    assert!(told.contains("holds neither a store of turnscope nor tables of the original"), "{told}");
    assert!(!desk.store().exists(), "no store is made for nothing");
}

#[test]
fn a_database_of_the_original_that_is_named_as_a_store_is_told_as_such() {
    let Some(database) = Database::of(&World::default()) else { return };
    let (desk, url) = (Desk::with_file(), database.url());
    for (code, command) in
        [(0, &["sessions"][..]), (0, &["search", "words"]), (1, &["timeline", "last"]), (1, &["show", "last", "e"])]
    {
        let ran = desk.run(&[&["--store", &url], command].concat());
        assert_eq!(ran.code, code, "{command:?}: {}", ran.err);
        assert!(ran.err.contains("no store yet at"), "{command:?}: {}", ran.err);
        assert!(ran.err.contains("this database is the original's: `turnscope URL` attaches it"), "{}", ran.err);
    }
    let Some(empty) = Database::empty() else { return };
    let told = desk.run(&["--store", &empty.url(), "sessions"]).err;
    assert!(told.contains("bring sessions in with `turnscope import`") && !told.contains("original"), "{told}");
}

#[test]
fn a_store_is_no_source() {
    let Some(database) = Database::empty() else { return };
    let desk = Desk::with_file();
    desk.done(&["--store", &database.url(), "import", crate::desk::text(&desk.write("a.jsonl", "{\"a\":1}\n"))]);
    let told = desk.refused(1, &["import", &database.url()]);
    assert!(told.contains("is a store of turnscope"), "{told}");
}

#[test]
fn a_store_may_lie_beside_the_original_and_takes_its_sessions() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let before = database.checksums();
    let desk = Desk::with_file();
    let url = database.url();
    desk.done(&["--store", &url, "import", &url]);
    let sessions = desk.done(&["--store", &url, "sessions", "--json"]).objects();
    assert_eq!(sessions.iter().map(|session| session["id"].clone()).collect::<Vec<_>>(), [example::SESSION]);
    let mut after = database.checksums();
    after.insert("objects".to_owned(), before["objects"].clone());
    assert_eq!(after, before, "the original's tables are as they were");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let Some(database) = Database::of(&World::default()) else { return };
    let (desk, url) = (Desk::with_file(), database.url());
    assert!(desk.refused(2, &["import", &url, "some.jsonl"]).contains("named alone"));
    assert!(desk.refused(2, &["import", "--watch", &url]).contains("--watch"));
    assert!(desk.refused(2, &["import", "some.jsonl", "--room", "blue"]).contains("a database"));
    let secret = url.replace("postgres://", "postgres://me:hidden@nowhere.invalid:1").replace("host=", "nothost=");
    for told in [desk.refused(2, &["import", &secret]), desk.refused(2, &[&secret.replace("://", "ql://"), "--json"])] {
        assert!(!told.contains("hidden"), "{told}");
    }
    for (wrong, named) in [
        ("sslmode=bogus", "sslmode=bogus, which must be disable, allow, prefer, require, verify-ca or verify-full"),
        ("connect_timeout=abc", "connect_timeout=abc, which must be a number of seconds above 0 and below 86400"),
        ("statement_timeout=", "statement_timeout=, which must be a number of seconds above 0 and below 86400"),
        ("sslmod=require", "sslmod, which is not known here; known are sslmode, "),
        ("foo", "foo, which is not known here"),
        ("sslmode=prefer&sslmode=bogus", "sslmode=bogus, which must be"),
        ("channel_binding=require", "channel_binding=require, which must be disable or prefer"),
        ("gssencmode=require", "gssencmode=require, which must be disable or prefer"),
        ("port=many", "port=many, which must be a number of a port"),
    ] {
        let wrong = format!("{url}&{wrong}");
        for command in [&["import", &wrong][..], &["--store", &wrong, "sessions"], &["copy", &wrong, "there.db"]] {
            let told = desk.refused(2, command);
            assert!(told.contains(named) && told.matches("postgres://").count() == 1, "{command:?}: {told}");
        }
    }
    for wrong in ["pool_mode=x", "write_timeout=-1"] {
        let told = desk.refused(2, &["--store", &format!("{url}&{wrong}"), "sessions"]);
        assert!(told.contains(wrong) && told.contains("must be"), "{told}");
    }
    let harmless = format!("{url}&keepalives=1&target_session_attrs=any&gssencmode=prefer&options=-c%20jit%3Doff");
    desk.done(&["import", &harmless]);
    let ran = desk.done(&["import", "--json", &url]);
    assert_eq!(ran.text(), "", "tables without rows hold no session");
}
