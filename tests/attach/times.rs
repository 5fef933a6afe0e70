//! Times that cannot be told, such as infinite ones: unknown in every list, noted, and the rows are there.

use serde_json::{Value, json};

use crate::database::Database;
use crate::desk::Desk;
use crate::example::emitter;
use crate::harness::Terminal;
use crate::world::{LINES, SESSIONS, TOOLS, World, stamp, uuid};

/// A session of whose rows some are at no time that can be told, and one that is itself at none.
fn world() -> (World, [String; 2]) {
    let mut world = World::default();
    let ids = [uuid("known"), uuid("endless")];
    for (id, room) in ids.iter().zip(["blue", "red"]) {
        world.add(
            SESSIONS,
            json!({"id": id, "canvas_id": null, "room_name": room, "participants": [], "transcript": [],
                "created_at": stamp(0), "updated_at": stamp(3_600_000)}),
        );
        for name in ["good", "late", "early"] {
            let row = json!({"sequence": 1, "event_type": "tool_call", "status": "completed", "tool_name": name, "room": room});
            world.io(TOOLS, 600_000, &emitter("test", "pseudo", None, None, None), row);
            world.rows.last_mut().expect("a row").1["event_id"] = json!(format!("{room}-{name}"));
        }
    }
    world.line("blue", &ids[0], ("user-ana", "Ana"), 60_000, "Hello", false);
    world.line("blue", &ids[0], ("user-ana", "Ana"), 61_000, "Hello for ever", false);
    (world, ids)
}

const ODD: &str = "UPDATE agent_tool_io SET created_at = 'infinity' WHERE tool_name = 'late'; \
     UPDATE agent_tool_io SET created_at = '-infinity' WHERE tool_name = 'early'; \
     UPDATE canvas_session_transcripts SET ts = 9223372036854775807 WHERE text = 'Hello for ever'; \
     UPDATE canvas_sessions SET created_at = '-infinity', updated_at = 'infinity' WHERE room_name = 'red'";

#[test]
fn a_time_that_cannot_be_told_is_unknown_and_noted_and_its_row_is_there() {
    let (world, [known, endless]) = world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(ODD);
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url()]);
    for told in [
        format!("{known}: 1 impossible time"),
        format!("{endless}: no transcript; 2 impossible times"),
        "room:blue: no transcript; 2 impossible times".to_owned(),
    ] {
        assert!(ran.err.contains(&format!("{told}\n")), "{told}: {}", ran.err);
    }
    let sessions = desk.done(&["sessions", "--json"]).objects();
    let times = |id: &str| {
        let session = sessions.iter().find(|session| session["id"] == *id).unwrap_or_else(|| panic!("{id} is listed"));
        [session["started"].clone(), session["ended"].clone()]
    };
    let at = |millis: i64| Value::String(stamp(millis).replace("+00:00", "000Z"));
    assert_eq!(times(&known), [at(60_000), at(600_000)]);
    assert_eq!(times(&endless), [at(600_000), at(600_000)]);
    assert_eq!(times("room:blue"), [Value::Null, Value::Null]);
    let rows = desk.done(&["timeline", "room:blue", "--json"]).objects();
    let tools: Vec<&Value> = rows.iter().filter(|row| row["kind"] == "tool").map(|row| &row["at"]).collect();
    assert_eq!(tools, [&Value::Null, &Value::Null], "{rows:?}");
    let lines = desk.done(&["timeline", &known, "--json"]).objects();
    assert_eq!(lines.iter().filter(|row| row["source"] == LINES).count(), 2);
    for (session, count) in [("room:blue", 2), (known.as_str(), 1)] {
        let found = desk.run(&["check", session, "--json"]).objects();
        let noted = found.iter().filter(|finding| finding["finding"] == "time_out_of_range").count();
        assert_eq!(noted, count, "{found:?}");
    }
    // What has no time is no reason to leave out what comes later.
    database.execute(
        "UPDATE agent_tool_io SET event_id = 'blue-more', id = gen_random_uuid() WHERE event_id = 'blue-good'",
    );
    desk.done(&["import", &database.url()]);
    let more = desk.done(&["timeline", &known, "--json"]).objects();
    assert!(more.iter().any(|row| row["id"] == "blue-more"), "{more:?}");
}

#[test]
fn the_list_of_a_database_shows_no_time_that_cannot_be() {
    let (world, _) = world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(ODD);
    let mut terminal = Terminal::start(&[&database.url()], 160, 30);
    terminal.wait("the sessions, and what is odd about them", |grid| {
        grid.has("blue") && grid.has("not brought over; no transcript; 2 impossible times") && !grid.has("00000000")
    });
    terminal.press("Q");
    assert_eq!(terminal.end(), Ok(0));
}
