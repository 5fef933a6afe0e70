//! Odd rows and odd documents: what is bad is told and kept, and never sinks the rest.

use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::example::{self, ROOM, voice};
use crate::report::{Told, attributes, ids, report, written};
use crate::world::{LINES, MODELS, SESSIONS, TASKS, TOOLS, World, stamp};

#[test]
fn a_row_that_is_no_object_is_told_with_its_line_and_kept() {
    let mut report = report(&example::world());
    report["toolIo"].as_array_mut().expect("a list").insert(3, json!("not a row"));
    let bytes = written(&report);
    let line =
        bytes.split(|byte| *byte == b'\n').position(|line| line.ends_with(b"\"not a row\",")).expect("there") + 1;
    let desk = Desk::new();
    let path = desk.write("report.json", &bytes);
    let ran = desk.run(&["import", "--json", text(&path)]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains(&format!("report.json:{line}: a row of agent_tool_io is no object")), "{}", ran.err);
    let import = ran.objects().remove(0);
    assert_eq!((&import["bad"], &import["records"]), (&json!(1), &import["represented"]));
    let rows = desk.done(&["timeline", example::SESSION, "--json"]).objects();
    assert_eq!(rows.iter().filter(|row| row["status"] == "bad").count(), 1);
}

#[test]
fn broken_json_inside_a_row_costs_that_row_alone() {
    let whole = String::from_utf8(written(&report(&example::world()))).expect("UTF-8");
    let broken = whole.replacen("\"manual\": true", "\"manual\": truly", 1);
    let told = Told::of_bytes(broken.as_bytes(), 3);
    assert_eq!(told.import["bad"], 1);
}

#[test]
fn a_document_that_breaks_off_keeps_what_stands_before() {
    let whole = written(&report(&example::world()));
    let told = Told::of_bytes(&whole[..whole.len() / 3], 3);
    assert_eq!(told.import["bad"], 1);
    told.desk.done(&["export", &told.session, "--format", "original", "-o", "out"]);
    assert_eq!(std::fs::read(told.desk.path("out/report.json")).expect("there"), &whole[..whole.len() / 3]);
}

#[test]
fn unknown_words_missing_columns_and_other_types_survive() {
    let mut world = World::default();
    let odd = json!({"event_id": "odd-1", "sequence": "7", "created_at": "2026-03-02 10:00:01.25+00", "source": "new_agent",
        "event_type": "dreamed", "status": "LUCID", "latency_ms": "12", "flavour": "mint", "tool_name": "t", "room": ROOM});
    world.add(TOOLS, odd);
    world.add(TOOLS, json!({"event_id": "odd-2", "created_at": "2026-03-02T10:00:02"}));
    world.add(MODELS, json!({"id": "odd-3", "created_at": 1_772_445_603_000_i64, "event_type": 5, "output_payload": "{\"textContent\":\"hi\"}"}));
    world.add(MODELS, json!({"event_id": "odd-4"}));
    world.add(TASKS, json!({"id": "odd-5", "created_at": stamp(5000), "task": "x", "params": "[1]", "resource_keys": "[\"room:r\"]"}));
    world.add(
        LINES,
        json!({"event_id": "odd-6", "ts": "1772445606000", "participant_id": "ada", "text": {"parts": ["hi", 3]}}),
    );
    let told = Told::of(&report(&world));
    let event = told.event("odd-1");
    assert_eq!(
        (&event["source"], &event["type"], &event["status"]),
        (&json!("new_agent"), &json!("dreamed"), &json!("LUCID"))
    );
    assert_eq!(
        (event["at"].as_str(), attributes(&event, "flavour")),
        (Some("2026-03-02T10:00:01.250000Z"), vec!["mint"])
    );
    assert_eq!(told.row("odd-1")["latency_ms"], 12.0);
    assert_eq!(told.event("odd-2")["at"], "2026-03-02T10:00:02.000000Z");
    assert_eq!((&told.event("odd-3")["label"], &told.event("odd-3")["type"]), (&json!("hi"), &json!("5")));
    assert_eq!(told.event("odd-4")["flags"], json!(["inferred_time"]));
    assert_eq!(told.event("odd-5")["kind"], "task");
    assert_eq!(told.event("odd-6")["label"], "{parts: [hi, 3]}");
}

#[test]
fn statuses_of_browsers_in_capitals_are_errors_too() {
    let mut world = World::default();
    let mut result = |status: &str| {
        let row = json!({"sequence": 1, "event_type": "tool_result", "status": status, "tool_name": "update_component", "tool_call_id": status, "output": {}});
        world.io(TOOLS, 0, &voice(), row)
    };
    let failed =
        ["ERROR", "FAILED", "FAILURE", "REJECTED", "TIMEOUT", "IGNORED", "UNAUTHORIZED", "INVALID"].map(&mut result);
    let fine = ["SUCCESS", "APPLIED", "OK", "COMPLETED", "QUEUED"].map(&mut result);
    let told = Told::of(&report(&world));
    assert!(failed.iter().all(|id| told.event(id)["flags"] == json!(["error"])));
    assert!(fine.iter().all(|id| told.event(id)["flags"] == json!([])));
}

#[test]
fn a_report_without_a_session_row_or_replay_tables_comes_in() {
    let mut world = example::world();
    world.rows.retain(|(table, _)| [LINES, TASKS].contains(table));
    let synthetic = json!({"id": format!("synthetic:{ROOM}"), "canvas_id": null, "room_name": ROOM, "created_at": stamp(0), "updated_at": stamp(0)});
    world.add(SESSIONS, synthetic);
    let mut report = report(&world);
    (report["reportScope"], report["canvasId"]) =
        (json!("synthetic_room+room_transcript"), json!(format!("room:{ROOM}")));
    let told = Told::of(&report);
    let session = told.desk.done(&["sessions", "--json"]).objects().remove(0);
    assert_eq!((&session["id"], &session["canvas"]), (&json!(format!("synthetic:{ROOM}")), &Value::Null));
    let rows = told.rows();
    let found = rows.iter().find(|row| row["label"].as_str().is_some_and(|label| label == "canvas session"));
    let event = told.event(found.expect("the session")["id"].as_str().expect("an id"));
    let marked = !attributes(&event, "synthetic").is_empty();
    assert!(marked, "nobody is left to believe that the session was recorded");
}

#[test]
fn an_artifact_alone_is_a_session_of_its_run_with_lines_marked_as_made() {
    let task = json!({"id": "t-9", "created_at": stamp(3000), "room": ROOM, "task": "fairy.intent", "status": "succeeded",
        "request_id": "r9", "resolved_trace_id": "r9", "trace_integrity": "resolved_from_events"});
    let trace = json!({"id": "tr-9", "created_at": stamp(4000), "room": ROOM, "stage": "queued", "status": "queued", "task": "fairy.intent"});
    let artifact = json!({"runId": "smoke-1772088185349", "canvasId": example::CANVAS, "room": ROOM, "startedAt": stamp(1000),
        "endedAt": stamp(9000), "video": "x.webm",
        "turns": [{"prompt": "Draw a note", "acked": true, "delivered": true, "connected": true, "attemptsUsed": 1}, {"prompt": "And one more"}],
        "sessionCorrelation": {"status": 200, "body": {"tasks": [task], "traces": [trace]}}});
    let told = Told::of(&artifact);
    assert_eq!((told.session.as_str(), &told.import["agent"]), ("smoke-1772088185349", &json!("present")));
    let lines = ["user", "delivery"].map(|part| told.event(&format!("showcase-turn-1-{part}")));
    assert_eq!(lines[0]["label"], "Draw a note");
    assert_eq!(lines[1]["label"], "delivery: ack=true delivered=true connected=true attempts=1");
    assert_eq!(lines[1]["at"], "2026-03-02T10:00:02.000000Z");
    assert!(lines.iter().all(|line| attributes(line, "synthetic").len() == 1));
    assert_eq!(told.event("showcase-turn-2-user")["at"], "2026-03-02T10:00:03.000000Z");
    assert_eq!(attributes(&told.event("t-9"), "trace_integrity"), ["resolved_from_events"]);
    assert_eq!(told.event("tr-9")["kind"], "trace");
    let raw: Value = serde_json::from_slice(&told.part("tr-9", "raw")).expect("the row alone");
    assert_eq!(raw, trace);
}

#[test]
fn rows_of_an_artifact_that_a_report_lists_anyway_are_not_told_twice() {
    let world = example::world();
    let mut report = report(&world);
    let known = world.of(TASKS).next().expect("a task").clone();
    let only_here =
        json!({"id": "only-here", "created_at": stamp(10), "room": ROOM, "task": "auto", "status": "queued"});
    report["runArtifact"] = json!({"runId": "smoke-1", "room": ROOM, "turns": [{"prompt": "x"}],
        "sessionCorrelation": {"body": {"tasks": [known, only_here], "traces": []}}});
    let told = Told::of(&report);
    let tasks = told.rows().iter().filter(|row| row["kind"] == "task").count();
    assert_eq!(tasks, world.of(TASKS).count() + 1);
    let lines = told.rows().iter().filter(|row| row["kind"] == "transcript").count();
    assert_eq!(lines, world.of(LINES).count(), "turns are no lines where there is a transcript");
}

#[test]
fn the_session_api_gives_a_session_of_the_room() {
    let task = json!({"id": "t-9", "created_at": stamp(3000), "room": "blue", "task": "auto", "status": "queued", "params": {"message": "hello"}});
    let told =
        Told::of(&json!({"ok": true, "room": "blue", "summary": {"totalTasks": 1}, "tasks": [task], "traces": []}));
    assert_eq!((told.session.as_str(), &told.event("t-9")["label"]), ("room:blue", &json!("auto queued: hello")));
}

#[test]
fn two_voice_jobs_in_one_room_stay_apart_by_their_keys() {
    let mut world = example::world();
    let other = json!({"session_id": "voice-22222222-2222-4333-8444-555555555555", "sequence": 1, "event_type": "runtime_init", "status": "ready"});
    let id = world.io(MODELS, 30_000, &voice(), other);
    let told = Told::of(&report(&world));
    assert_eq!(told.event(&id)["keys"]["session_id"][0]["value"], "voice-22222222-2222-4333-8444-555555555555");
    assert_eq!(told.desk.done(&["sessions", "--json"]).objects().len(), 1, "a voice job is a key, not a session");
    assert_eq!(ids(&world, MODELS, &[("event_type", "runtime_init")]).len(), 3);
}
