//! What stands beside the ledgers, such as to-dos and blobs that no row refers to; and rows that cannot be read.

use serde_json::{Value, json};

use crate::database::Database;
use crate::desk::Desk;
use crate::example::{emitter, voice};
use crate::world::{BLOBS, MODELS, SESSIONS, TOOLS, World, stamp, uuid, with};

const RUN: &str = "1772445660123-k3x9qa";
const TODOS: &str = "canvas_agent_todos";
const AUDIT: &str = "agent_ops_audit_log";

fn world() -> (World, String) {
    let mut world = World::default();
    let id = uuid("one");
    world.add(
        SESSIONS,
        json!({"id": id, "canvas_id": null, "room_name": "blue", "participants": [], "transcript": [],
            "created_at": stamp(0), "updated_at": stamp(3_600_000)}),
    );
    let runner = emitter("canvas_runner", &format!("canvas-agent-{RUN}"), None, None, None);
    for (name, trace) in [("good", "T1"), ("bad", "T1"), ("better", "T1")] {
        let row = json!({"sequence": 1, "event_type": "tool_call", "status": "completed", "tool_name": name,
            "room": "blue", "trace_id": trace});
        world.io(TOOLS, 600_000, &runner, row);
        world.rows.last_mut().expect("a row").1["event_id"] = json!(name);
    }
    (world, id)
}

/// The rows of a session that are of no other kind: source, id, label.
fn others(desk: &Desk, session: &str) -> Vec<(String, String, String)> {
    let rows = desk.done(&["timeline", session, "--json"]).objects();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let others = rows.iter().filter(|row| row["kind"] == "other");
    others.map(|row| (text(row, "source"), text(row, "id"), text(row, "label"))).collect()
}

#[test]
fn todos_and_what_operators_did_come_with_the_session_that_they_are_about() {
    let (mut world, session) = world();
    let (todo, actor) = (uuid("todo"), uuid("actor"));
    world.add(
        TODOS,
        json!({"id": todo, "session_id": RUN, "text": "tidy the board", "status": "open", "position": 1, "created_at": stamp(700_000)}),
    );
    let did = |name: &str, trace: Option<&str>| {
        json!({"id": uuid(name), "created_at": stamp(9_000_000), "actor_user_id": actor, "action": "retry",
            "target_trace_id": trace, "reason": "stuck", "before_status": "failed", "after_status": "queued", "result": {"ok": true}})
    };
    world.add(AUDIT, did("audit", Some("T1")));
    world.add(AUDIT, did("audit of nothing", None));
    let Some(database) = Database::of(&world) else { return };
    database.execute("INSERT INTO agent_worker_heartbeats (worker_id) VALUES ('conductor-1')");
    let desk = Desk::with_file();
    desk.done(&["import", &database.url()]);
    let of = |source: &str, session: &str| {
        others(&desk, session).into_iter().filter(|(own, ..)| own == source).collect::<Vec<_>>()
    };
    assert_eq!(of(TODOS, &session), [(TODOS.to_owned(), todo.clone(), "todo open: tidy the board".to_owned())]);
    let audit = |id: &str| [(AUDIT.to_owned(), uuid(id), "retry failed → queued: stuck".to_owned())];
    assert_eq!(of(AUDIT, &session), audit("audit"));
    assert_eq!(of(AUDIT, &format!("source:{AUDIT}")), audit("audit of nothing"));
    database.execute(&format!("UPDATE {TODOS} SET status = 'done', resolved_at = '{}'", stamp(800_000)));
    for _ in 0..2 {
        desk.done(&["import", &database.url()]);
    }
    let labels: Vec<String> = of(TODOS, &session).into_iter().map(|(.., label)| label).collect();
    assert_eq!(labels, ["todo open: tidy the board", "todo done: tidy the board"]);
    // What is no text is shown as it is written, and what is nothing is not shown as an empty one.
    let [odd, none] = ["jsonb_build_object('do', text)", "NULL"];
    for (status, value) in [("odd", odd), ("none", none)] {
        let change = format!(
            "ALTER TABLE {TODOS} DROP CONSTRAINT IF EXISTS {TODOS}_status_check, ALTER text DROP NOT NULL, \
             ALTER text TYPE jsonb USING {value}; UPDATE {TODOS} SET status = '{status}'"
        );
        database.execute(&change);
        desk.done(&["import", &database.url()]);
    }
    let labels: Vec<String> = of(TODOS, &session).into_iter().map(|(.., label)| label).collect();
    assert_eq!(labels[2..], ["todo none", "todo odd: {do: tidy the board}"]);
    // A row of heartbeats says which workers live now; it is no event of a session.
    assert!(
        desk.done(&["sessions", "--json"])
            .objects()
            .iter()
            .all(|session| session["id"] != "source:agent_worker_heartbeats")
    );
}

#[test]
fn blobs_that_no_row_refers_to_come_over_as_they_are() {
    let (mut world, session) = world();
    let at = world.io(
        MODELS,
        600_000,
        &with(voice(), json!({"room": "blue"})),
        json!({"sequence": 1, "event_type": "e", "status": "s", "output": {"kept": true}}),
    );
    let blob = |name: &str, room: Option<&str>| {
        json!({"id": uuid(name), "event_id": name, "kind": "output", "created_at": stamp(700_000), "expires_at": stamp(9_000_000_000_i64),
            "room": room, "payload": format!("{{\"of\": \"{name}\"}}"), "encoding": "utf8", "mime_type": "application/json", "truncated": false})
    };
    world.add(BLOBS, blob("lost", Some("blue")));
    world.add(BLOBS, blob("nowhere", None));
    let Some(database) = Database::of(&world) else { return };
    let desk = Desk::with_file();
    let ran = desk.done(&["import", &database.url()]);
    let alone = "source:agent_io_blobs: no rows, only blobs that no row names\n";
    assert!(ran.err.contains(alone) && !ran.err.contains("cut-over"), "{}", ran.err);
    let blobs = |session: &str| {
        others(&desk, session)
            .into_iter()
            .filter(|(.., label)| label.contains("that no row refers to"))
            .collect::<Vec<_>>()
    };
    let [(_, lost, _)] = &blobs(&session)[..] else { panic!("one: {:?}", blobs(&session)) };
    let shown = desk.done(&["show", &session, lost, "--part", "output"]);
    assert_eq!(shown.out, b"{\"of\": \"lost\"}");
    assert_eq!(blobs("source:agent_io_blobs").len(), 1);
    let kept = desk.done(&["show", &session, &at, "--part", "output"]);
    assert_eq!(kept.out, b"{\"kept\":true}");
    let before = desk.done(&["stats", "--json"]).out;
    desk.done(&["import", &database.url()]);
    assert_eq!(desk.done(&["stats", "--json"]).out, before, "nothing is new");
}

#[test]
fn a_row_that_cannot_be_read_is_told_and_the_others_come() {
    let (world, session) = world();
    let Some(database) = Database::of(&world) else { return };
    database.execute(
        "ALTER TABLE agent_tool_io RENAME TO real_tool_io; \
         CREATE VIEW agent_tool_io AS SELECT t.*, 1 / (CASE WHEN tool_name = 'bad' THEN 0 ELSE 1 END) AS more FROM real_tool_io t",
    );
    let desk = Desk::with_file();
    let ran = desk.run(&["import", "--json", &database.url()]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("agent_tool_io: the row") && ran.err.contains("division by zero"), "{}", ran.err);
    assert_eq!(ran.objects()[0]["bad"], 1);
    let tools = |desk: &Desk| crate::whole::counts(desk, &session)[4];
    assert_eq!(tools(&desk), 2);
    let rows = desk.done(&["timeline", &session, "--json"]).objects();
    assert_eq!(rows.iter().filter(|row| row["status"] == "bad").count(), 1);
    desk.run(&["import", &database.url()]);
    assert_eq!(tools(&desk), 2);
    database.execute("CREATE OR REPLACE VIEW agent_tool_io AS SELECT t.*, 1 AS more FROM real_tool_io t");
    desk.run(&["import", &database.url()]);
    assert_eq!(tools(&desk), 3, "it comes when it can be read");
}
