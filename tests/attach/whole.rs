//! The worked example lies in the database: every row comes over, reads as it does from a report, and nothing changes.

use serde_json::Value;

use crate::database::Database;
use crate::desk::Desk;
use crate::example::{self, CANVAS, ROOM, SESSION};
use crate::report::Told;
use crate::world::{BLOBS, LEDGER, LINES, MODELS, SESSIONS, TASKS, TOOLS, TRACES, World};

/// The rows of a session's timeline that rows of tables make.
pub fn rows(timeline: &str) -> Vec<Value> {
    let rows = timeline.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    rows.filter(|row| row["kind"] != "other").collect()
}

pub fn timeline(desk: &Desk, session: &str) -> Vec<Value> {
    rows(desk.done(&["timeline", session, "--json"]).text())
}

/// How many rows of each table a session holds.
pub fn counts(desk: &Desk, session: &str) -> Vec<usize> {
    let slice: Value = serde_json::from_slice(&desk.done(&["export", session]).out).expect("JSON");
    let count = |section: &&str| slice[section].as_array().map_or(0, Vec::len);
    let ledger = slice["other"].as_array().into_iter().flatten();
    let ledger = ledger.filter(|row| row["source"] == LEDGER).count() + count(&"ledger");
    let sections = ["transcript", "tasks", "traces", "modelIo", "toolIo"];
    sections.iter().map(count).chain([ledger]).collect()
}

pub fn expected(world: &World) -> Vec<usize> {
    let ledger = world.of(LEDGER).count();
    [LINES, TASKS, TRACES, MODELS, TOOLS].iter().map(|table| world.of(table).count()).chain([ledger]).collect()
}

/// A report of the same rows, as the database gives them to the original's generator.
fn report(database: &Database) -> String {
    let rows = |table: &str| database.texts(&format!("SELECT row_to_json(t)::text FROM {table} t ORDER BY id"));
    let list = |table: &str| rows(table).join(",\n  ");
    let blobs = database.texts(&format!("SELECT '\"' || id || '\":' || row_to_json(t)::text FROM {BLOBS} t"));
    format!(
        "{{\"reportScope\":\"session_id\",\"room\":\"{ROOM}\",\"canvasId\":\"{CANVAS}\",\"session\":{},\"transcript\":[{}],\
         \"tasks\":[{}],\"traces\":[{}],\"modelIo\":[{}],\"toolIo\":[{}],\"ledger\":[{}],\"blobs\":{{{}}}}}",
        list(SESSIONS),
        list(LINES),
        list(TASKS),
        list(TRACES),
        list(MODELS),
        list(TOOLS),
        list(LEDGER),
        blobs.join(",\n")
    )
}

#[test]
fn every_row_comes_over_and_reads_as_from_a_report() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let before = database.checksums();
    let desk = Desk::with_file();
    let ran = desk.done(&["import", "--json", &database.url()]);
    let told = ran.objects().remove(0);
    assert_eq!(
        (&told["agent"], &told["sessions"], &told["bad"]),
        (&"present".into(), &[SESSION].as_slice().into(), &0.into())
    );
    assert_eq!(told["records"], told["represented"]);
    assert!(told["path"].as_str().expect("a path").ends_with(&format!("/{}/{SESSION}", database.name())), "{told}");
    assert_eq!(counts(&desk, SESSION), expected(&world));
    let session = desk.done(&["sessions", "--json"]).objects().remove(0);
    let named = ["id", "room", "canvas", "title"].map(|name| session[name].as_str().unwrap_or_default().to_owned());
    assert_eq!(named, [SESSION, ROOM, CANVAS, "Canvas: add a sticky note with exact text \"Ship it\""]);
    let own = timeline(&desk, SESSION);
    let theirs = rows(&Told::of_bytes(report(&database).as_bytes(), 0).timeline);
    assert!(own.len() > 40, "{} rows", own.len());
    for (own, theirs) in own.iter().zip(&theirs) {
        assert_eq!(own, theirs);
    }
    assert_eq!(own.len(), theirs.len());
    assert_eq!(database.checksums(), before, "nothing in the database has changed");
}

#[test]
fn bodies_come_out_of_the_blobs_byte_for_byte() {
    let world = example::world();
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    desk.done(&["import", &database.url()]);
    let blob = world.of(BLOBS).find(|blob| blob["kind"] == "output").expect("a blob");
    let event = blob["event_id"].as_str().expect("an event");
    let shown = desk.done(&["show", SESSION, event, "--part", "output"]);
    assert_eq!(String::from_utf8_lossy(&shown.out), blob["payload"].as_str().expect("a text"));
}
