//! The worked example comes in whole: rows of each table, turns, usage, errors, bodies, and the file itself.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::example::{self, ROOM, RUN, SESSION, intent, queued};
use crate::report::{Told, attributes, ids, report, written};
use crate::turns::PROMPT;
use crate::world::{BLOBS, LEDGER, LINES, MODELS, T0, TASKS, TOOLS, TRACES, World, uuid};

fn told() -> (World, Told) {
    let world = example::world();
    let told = Told::of(&report(&world));
    (world, told)
}

#[test]
fn every_row_of_every_table_is_one_event_of_its_kind() {
    let (world, told) = told();
    let session = told.desk.done(&["sessions", "--json"]).objects().remove(0);
    let named =
        ["id", "agent", "room", "project", "title"].map(|name| session[name].as_str().unwrap_or_default().to_owned());
    assert_eq!(named, [SESSION, "present", ROOM, ROOM, "Canvas: add a sticky note with exact text \"Ship it\""]);
    let slice = told.desk.done(&["export", SESSION]);
    let slice: Value = serde_json::from_slice(&slice.out).expect("JSON");
    for (section, table) in
        [("transcript", LINES), ("tasks", TASKS), ("traces", TRACES), ("modelIo", MODELS), ("toolIo", TOOLS)]
    {
        assert_eq!(slice[section].as_array().map(Vec::len), Some(world.of(table).count()), "{section}");
    }
    let entry = &slice["ledger"][0];
    let row = world.of(LEDGER).next().expect("an entry");
    assert_eq!(slice["ledger"].as_array().map(Vec::len), Some(world.of(LEDGER).count()));
    for column in ["id", "action_type", "task_id", "task_title", "task_status", "trace_id", "request_id"] {
        assert_eq!(entry[column], row[column], "{column}");
    }
    // The header, the session, its counts and its warning.
    assert_eq!(slice["other"].as_array().map(Vec::len), Some(4));
    assert_eq!(told.import["bad"], 0);
    let headings = 7;
    let records = world.rows.len() + headings + 2;
    assert_eq!(told.import["records"], records, "rows, headings, counts and a warning");
    assert_eq!(told.import["events"], world.rows.len() - world.of(BLOBS).count() + 3);
}

#[test]
fn the_file_comes_back_byte_for_byte() {
    let (world, told) = told();
    told.desk.done(&["export", SESSION, "--format", "original", "-o", "out"]);
    assert_eq!(fs::read(told.desk.path("out/report.json")).expect("there"), written(&report(&world)));
}

#[test]
fn calls_and_outcomes_are_one_turn_and_whole_rows_are_no_orphans() {
    let (world, told) = told();
    let states: BTreeMap<String, (usize, String)> = told
        .rows()
        .into_iter()
        .filter(|row| row["kind"] == "tool" || row["id"].as_str().is_some_and(|id| id.starts_with("model:")))
        .map(|row| {
            let (id, status) = (row["id"].as_str().expect("an id"), row["status"].as_str().unwrap_or_default());
            (id.to_owned(), (row["events"].as_array().map_or(0, Vec::len), status.to_owned()))
        })
        .collect();
    let (id_c, id_b) = (intent("C"), intent("B"));
    for (turn, events, status) in [
        ("tool:voice_agent:call-A".to_owned(), 3, "QUEUED"),
        (format!("tool:{}#0", queued("A")), 2, "succeeded"),
        (format!("tool:{}#0", queued("D")), 2, "retrying"),
        (format!("tool:{}#1", queued("D")), 2, "succeeded"),
        (format!("tool:fairy_router:{id_b}:route_intent"), 2, "completed"),
        (format!("tool:fast_crowd_pulse_steward:{id_c}:commit_crowd_pulse"), 2, "error"),
        (format!("tool:canvas_runner:{RUN}:0:partial"), 2, "ack_received"),
        (format!("tool:canvas_runner:{RUN}:1:final"), 3, "ack_received_retry"),
        (format!("tool:canvas_runner:{}", uuid("S1")), 2, "received"),
        (format!("model:{}", uuid("base B1")), 2, "completed"),
    ] {
        assert_eq!(states.get(&turn), Some(&(events, status.to_owned())), "{turn}");
    }
    let orphans: Vec<String> = told
        .rows()
        .iter()
        .filter(|row| row["joins"].as_array().expect("joins").iter().any(|join| join["strength"] == "orphan"))
        .map(|row| row["id"].to_string())
        .collect();
    // The browser's answer to a call of the conductor, which nobody recorded.
    assert_eq!(orphans, [format!("\"tool:voice_agent:{}\"", uuid("no one asked"))]);
    let lines = ids(&world, LINES, &[("participant_id", "user-ben")]);
    let heard = told.row(&lines[0]);
    assert_eq!(
        (heard["id"].as_str(), heard["events"].as_array().map(Vec::len)),
        (Some(format!("said:user-ben:{}", T0 + 140_000).as_str()), Some(2))
    );
    assert_eq!(heard["kind"], "transcript");
}

#[test]
fn usage_is_read_where_it_stands_and_in_its_dialect() {
    let (world, told) = told();
    let usage = |source: &str| {
        let id =
            ids(&world, MODELS, &[("source", source), ("event_type", "model_call"), ("status", "completed")]).remove(0);
        let shown = told.desk.done(&["show", SESSION, &id, "--json"]).objects().remove(0);
        let tokens = &told.event(&id)["tokens"];
        let counts =
            ["input", "cache_read", "cache_write", "output", "reasoning", "total"].map(|name| tokens[name].as_i64());
        (
            shown["usage"]["rule"].as_str().expect("a rule").to_owned(),
            shown["usage"]["source"].as_str().expect("a source").to_owned(),
            counts,
        )
    };
    let told_by = |rule: &str, source: &str, counts| (rule.to_owned(), source.to_owned(), counts);
    assert_eq!(
        usage("fairy_router"),
        told_by("chat.usage", "provider", [Some(156), Some(1024), None, Some(22), None, Some(1202)])
    );
    assert_eq!(
        usage("canvas_runner"),
        told_by("ai_sdk.usage", "sdk", [Some(4994), Some(9216), Some(0), Some(1333), None, Some(15543)])
    );
    assert_eq!(
        usage("fast_crowd_pulse_steward"),
        told_by("chat.usage", "provider", [Some(612), None, None, Some(68), Some(73), Some(753)])
    );
    let session = told.desk.done(&["sessions", "--json"]).objects().remove(0);
    assert_eq!(
        (session["tokens"]["total"].as_i64(), session["usage_source"].as_str()),
        (Some(1202 + 15543 + 753 + 940), Some("mixed"))
    );
}

#[test]
fn what_failed_says_so_and_why() {
    let (world, told) = told();
    let wrong = |row: &Value| ["error", "retrying", "failed"].iter().any(|status| row["status"] == *status);
    let errors: Vec<String> =
        told.rows().iter().filter(|row| wrong(row)).map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    let failed = ids(&world, TRACES, &[("stage", "failed")]).remove(0);
    assert_eq!(
        errors,
        [
            format!("tool:fast_crowd_pulse_steward:{}:commit_crowd_pulse", intent("C")),
            format!("tool:{}#0", queued("D")),
            failed.clone()
        ]
    );
    let session = told.desk.done(&["sessions", "--json"]).objects().remove(0);
    // Those three, and the envelope whose first deadline passed.
    assert_eq!(session["errors"], 4);
    assert_eq!(told.event(&failed)["error"], "model is busy");
    let late = ids(&world, TOOLS, &[("status", "ack_timeout")]).remove(0);
    assert_eq!((&told.event(&late)["error"], &told.event(&late)["flags"]), (&json!("ack_timeout"), &json!(["error"])));
}

#[test]
fn bodies_are_the_bytes_of_the_row_and_the_best_copy() {
    let (world, told) = told();
    let id = ids(&world, MODELS, &[("source", "fairy_router"), ("status", "started")]).remove(0);
    // A list stands bare in the blob, and wrapped in the row.
    assert!(told.part(&id, "input").starts_with(b"[{\"role\":\"system\""));
    assert_eq!(told.part(&id, "system"), b"\"You route.\"");
    assert!(told.part(&id, "tools").starts_with(b"{\n") && told.part(&id, "context").starts_with(b"{\n"));
    let row: Value = serde_json::from_slice(&told.part(&id, "raw")).expect("the row");
    assert_eq!(&row, world.of(MODELS).find(|row| row["event_id"] == *id).expect("there"));
    let cut = ids(&world, MODELS, &[("event_type", "model_context_ready")]).remove(0);
    let event = told.event(&cut);
    let blob = world.of(BLOBS).find(|blob| blob["event_id"] == *cut).expect("a blob");
    let payload = blob["payload"].as_str().expect("text").as_bytes();
    assert_eq!(told.part(&cut, "input"), payload);
    assert_eq!(attributes(&event, "input_copy"), ["cut blob"]);
    let full = blob["size_bytes"].as_u64().expect("a size");
    assert_eq!(attributes(&event, "input_size"), [full.to_string()]);
    assert_eq!(attributes(&event, "input_missing"), [(full - payload.len() as u64).to_string()]);
    assert!(full as usize == PROMPT && event["flags"] == json!(["truncated"]));
    assert_eq!(world.of(LEDGER).count(), 1);
}

#[test]
fn the_order_of_rows_and_a_second_import_change_nothing() {
    let (world, told) = told();
    let mut turned = world.clone();
    turned.rows.reverse();
    let mut report = report(&turned);
    // Blobs may also stand before the rows that name them.
    let members = report.as_object_mut().expect("an object");
    let blobs = members.shift_remove("blobs").expect("blobs");
    members.shift_insert(0, "blobs".to_owned(), blobs);
    let other = Told::of(&report);
    assert_eq!(sorted(&other.timeline), sorted(&told.timeline));
    let again = told.desk.write("again.json", written(&report));
    told.desk.import(&again);
    assert_eq!(told.desk.done(&["timeline", SESSION, "--json"]).text(), told.timeline);
}

/// What the document says of itself has no time; among such events the file's order counts.
fn sorted(timeline: &str) -> Vec<&str> {
    let (mut others, mut lines): (Vec<&str>, Vec<&str>) =
        timeline.lines().partition(|line| line.contains("\"kind\":\"other\""));
    others.sort_unstable();
    lines.append(&mut others);
    lines
}
