//! Which session a row belongs to: by room and window, by keys beyond them, else the room's or the emitter's own.

use serde_json::{Value, json};

use crate::database::Database;
use crate::desk::Desk;
use crate::example::{emitter, voice};
use crate::world::{MODELS, SESSIONS, TOOLS, World, stamp, uuid, with};

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;

pub fn session(world: &mut World, name: &str, room: &str, start: i64, end: i64) -> String {
    let id = uuid(name);
    world.add(
        SESSIONS,
        json!({"id": id, "canvas_id": uuid(&format!("canvas {name}")), "room_name": room, "participants": [], "transcript": [],
            "created_at": stamp(start), "updated_at": stamp(end)}),
    );
    id
}

/// A row of tools with a name as its event id.
pub fn row(world: &mut World, name: &str, millis: i64, room: Option<&str>, more: Value) {
    let more = with(
        json!({"sequence": 1, "event_type": "tool_call", "status": "completed", "tool_name": name, "room": room}),
        more,
    );
    world.io(TOOLS, millis, &emitter("test", "pseudo", None, None, None), more);
    world.rows.last_mut().expect("a row").1["event_id"] = json!(name);
}

/// The ids of the events of a session's tool rows, sorted.
pub fn events(desk: &Desk, session: &str) -> Vec<String> {
    let ran = desk.run(&["export", session]);
    if ran.code != 0 {
        return Vec::new();
    }
    let slice: Value = serde_json::from_slice(&ran.out).expect("JSON");
    let rows = slice["toolIo"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> = rows.iter().map(|row| row["event_id"].as_str().expect("an id").to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn rows_go_to_the_one_session_that_claims_them() {
    let mut world = World::default();
    let one = session(&mut world, "one", "blue", 0, HOUR);
    let two = session(&mut world, "two", "blue", HOUR + 20 * MINUTE, 2 * HOUR);
    let trace = |id: &str| json!({"trace_id": id});
    row(&mut world, "in-one", 10 * MINUTE, Some("blue"), json!({"trace_id": "T1", "intent_id": "some"}));
    row(&mut world, "in-two", 2 * HOUR, Some("blue"), json!({"trace_id": "T2", "request_id": "both"}));
    // Half an hour is added behind the first, five minutes before the second.
    row(&mut world, "in-both", HOUR + 20 * MINUTE, Some("blue"), json!({}));
    row(&mut world, "beyond", 9 * HOUR, Some("blue"), json!({"trace_id": "T1", "task_id": "chain"}));
    row(&mut world, "beyond-by-a-chain", 10 * HOUR, Some("blue"), json!({"task_id": "chain"}));
    row(&mut world, "of-nobody", 11 * HOUR, Some("blue"), trace("T9"));
    row(&mut world, "other-room", 10 * MINUTE, Some("green"), trace("T1"));
    row(&mut world, "of-both", 10 * MINUTE, Some("green"), json!({"intent_id": "some", "request_id": "both"}));
    // A window of its own room claims a row, whatever keys it has.
    let three = session(&mut world, "three", "red", 0, HOUR);
    row(&mut world, "in-three", 10 * MINUTE, Some("red"), json!({"trace_id": "T2"}));
    row(&mut world, "no-room-of-one", 40 * HOUR, None, json!({"session_id": "canvas-agent-1-a", "trace_id": "T7"}));
    row(&mut world, "leads-there", 20 * HOUR, Some("red"), trace("T7"));
    // Two sessions have its key in their windows.
    row(&mut world, "no-room-of-two", 30 * HOUR, None, trace("T2"));
    row(&mut world, "no-room-by-key", 30 * HOUR, None, json!({"request_id": "own"}));
    row(&mut world, "in-two-as-well", 2 * HOUR, Some("blue"), json!({"request_id": "own"}));
    row(&mut world, "no-room-at-all", 30 * HOUR, None, json!({"session_id": "voice-a", "trace_id": "T8"}));
    row(&mut world, "nothing-known", 31 * HOUR, None, json!({"session_id": null}));
    // The same string in another kind of key is no match.
    row(&mut world, "same-string", 12 * HOUR, Some("blue"), json!({"request_id": "T1"}));
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    let told = desk.done(&["import", "--json", &database.url()]).objects();
    let is_empty = |source: &Value| source["sessions"].as_array().is_none_or(Vec::is_empty);
    assert!(!told.iter().any(is_empty), "no session is listed that has no rows: {told:?}");
    assert_eq!(events(&desk, &one), ["beyond", "beyond-by-a-chain", "in-one", "other-room"]);
    assert_eq!(events(&desk, &two), ["in-two", "in-two-as-well", "no-room-by-key"]);
    assert_eq!(events(&desk, &three), ["in-three"]);
    assert_eq!(events(&desk, "room:blue"), ["in-both", "of-nobody", "same-string"]);
    assert_eq!(events(&desk, "room:green"), ["of-both"]);
    assert_eq!(events(&desk, "room:red"), ["leads-there", "no-room-of-one"]);
    assert_eq!(events(&desk, "session:voice-a"), ["no-room-at-all"]);
    assert_eq!(events(&desk, "source:test"), ["nothing-known"]);
    assert_eq!(events(&desk, "session:pseudo"), ["no-room-of-two"]);
    // Whoever looks at a session that may have had a row finds where it is, and a finding says so.
    for (session, other) in [(&one, &two), (&two, &one)] {
        let told = elsewhere(&desk, session);
        let windows = told.iter().find(|told| told.contains("in-both")).expect("it is told");
        assert!(windows.contains("lies in the windows of") && windows.contains(other.as_str()), "{windows}");
        assert!(windows.ends_with("it is in room:blue"), "{windows}");
        assert!(told.iter().any(|told| told.contains("of-both shares keys with") && told.contains("room:green")));
    }
    assert!(elsewhere(&desk, &three).iter().any(|told| told.contains("no-room-of-two shares keys with")));
    let check = desk.run(&["check", &one, "--json"]);
    let found = check.objects().into_iter().filter(|finding| finding["finding"] == "ambiguous_join").count();
    assert_eq!(found, 2, "{}", check.text());
    // Each row is in one session, however often and in whatever order they are brought over.
    let before = desk.done(&["stats", "--json"]).out;
    desk.done(&["import", &database.url(), "--room", "green"]);
    desk.done(&["import", &database.url()]);
    assert_eq!(desk.done(&["stats", "--json"]).out, before);
}

/// What a session tells of rows that may have been its own.
fn elsewhere(desk: &Desk, session: &str) -> Vec<String> {
    let rows = desk.done(&["timeline", session, "--json"]).objects();
    let labels = rows.iter().filter(|row| row["kind"] == "other").map(|row| row["label"].as_str().unwrap_or_default());
    labels.filter(|label| label.contains("it is in ")).map(str::to_owned).collect()
}

#[test]
fn options_choose_as_the_original_did() {
    let mut world = World::default();
    let one = session(&mut world, "one", "blue", 0, HOUR);
    let two = session(&mut world, "two", "green", 0, HOUR);
    row(&mut world, "early", MINUTE, Some("blue"), json!({}));
    row(&mut world, "late", 50 * MINUTE, Some("blue"), json!({}));
    row(&mut world, "green", 50 * MINUTE, Some("green"), json!({}));
    let Some(database) = Database::of(&world) else { return };
    let url = database.url();
    let ids = |desk: &Desk| {
        let sessions = desk.done(&["sessions", "--json"]).objects();
        sessions.iter().map(|session| session["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    let canvas = uuid("canvas two");
    for (option, value, chosen) in
        [("--room", "blue", &one), ("--session-id", two.as_str(), &two), ("--canvas-id", canvas.as_str(), &two)]
    {
        let desk = Desk::with_file();
        desk.done(&["import", &url, option, value]);
        assert_eq!(ids(&desk), std::slice::from_ref(chosen), "{option}");
    }
    let desk = Desk::with_file();
    let (start, end) = (stamp(40 * MINUTE), stamp(2 * HOUR));
    desk.done(&["import", &url, "--room", "blue", "--window-start", &start, "--window-end", &end]);
    assert_eq!(events(&desk, &one), ["late"]);
    // What was left out comes over with the next import that asks for it.
    desk.done(&["import", &url, "--room", "blue"]);
    assert_eq!(events(&desk, &one), ["early", "late"]);
    let unknown = desk.refused(1, &["import", &url, "--session-id", &uuid("three"), "--room", "blue"]);
    assert!(unknown.contains("no session is exactly of") && unknown.contains(&one), "{unknown}");
    let wrong = desk.refused(2, &["import", &url, "--session-id", "blue"]);
    assert!(wrong.contains("is no UUID"), "{wrong}");
}

#[test]
fn a_session_from_before_the_cut_over_says_that_it_has_no_replay_rows() {
    let mut world = World::default();
    let old = session(&mut world, "old", "blue", 0, HOUR);
    world.line("blue", &old, ("user-ana", "Ana"), MINUTE, "Hello", false);
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url()]);
    assert!(ran.err.contains(&format!("{old}: no replay rows: recorded before the cut-over")), "{}", ran.err);
    let other = desk.done(&["timeline", &old]);
    assert!(other.text().contains("no replay rows"), "{}", other.text());
    // Rows that may be another session's are there from its time, so that it is not from before they were recorded.
    let mut more = World::default();
    session(&mut more, "too", "blue", 0, HOUR);
    row(&mut more, "whose", MINUTE, Some("blue"), json!({}));
    database.add(&more);
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url()]);
    assert!(ran.err.contains(&format!("{old}: no replay rows of its own")), "{}", ran.err);
    assert!(!ran.err.contains("cut-over"), "{}", ran.err);
}

#[test]
fn odd_rows_do_not_fail_a_session() {
    let mut world = World::default();
    let id = session(&mut world, "odd", "blue", 0, HOUR);
    row(&mut world, "plain", MINUTE, Some("blue"), json!({}));
    world.io(
        MODELS,
        MINUTE,
        &with(voice(), json!({"room": "blue"})),
        json!({"sequence": 1, "event_type": "🤖 \u{7}", "status": "x"}),
    );
    let Some(database) = Database::of(&world) else { return };
    database.execute(
        "UPDATE agent_tool_io SET metadata = '{\"n\": 1e400, \"deep\": [[[[1]]]]}', expires_at = 'infinity'; \
         INSERT INTO agent_tool_io (event_id, source, event_type, tool_name, room, created_at) \
         VALUES ('forever', 's', 'e', 't', 'blue', 'infinity'), ('ages-ago', 's', 'e', 't', 'blue', '4000-01-01 BC')",
    );
    let desk = Desk::with_file();
    desk.done(&["import", &database.url()]);
    assert_eq!(events(&desk, &id), ["plain"]);
    assert_eq!(events(&desk, "room:blue"), ["ages-ago", "forever"]);
}
