//! The JSON of a report: what the original's report counts, counted here from its rows by its own rules.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::example::{self, CANVAS, ROOM};
use crate::report::{report, written};
use crate::world::{BLOBS, LINES, MODELS, TASKS, TOOLS, TRACES, World};

/// A report of the worked example, imported from the original's own report.
pub fn reported(world: &World) -> (Desk, Value) {
    let desk = Desk::with_file();
    desk.write("original.json", written(&report(world)));
    desk.done(&["import", "original.json"]);
    let told = desk.done(&["report", "--canvas-id", CANVAS, "--out-dir", "out"]);
    let told = told.objects().remove(0);
    (desk, told)
}

fn read(desk: &Desk, told: &Value, name: &str) -> Value {
    let path = desk.path(told[name].as_str().expect("a path"));
    serde_json::from_slice(&std::fs::read(path).expect("is there")).expect("JSON")
}

/// The values of some columns over some rows.
fn values<'a>(rows: impl Iterator<Item = &'a Value>, columns: &[&str]) -> BTreeSet<String> {
    rows.flat_map(|row| columns.iter().filter_map(|column| row[*column].as_str().map(str::to_owned))).collect()
}

/// Facts §4.7: keys of tasks and traces, and the replay rows that have one of them, of the same kind.
fn correlation(world: &World) -> Value {
    let keys = |of_tasks: &[&str], of_traces: &[&str]| {
        let mut all = values(world.of(TASKS), of_tasks);
        all.extend(values(world.of(TRACES), of_traces));
        all
    };
    let named = [
        ("trace_id", keys(&["trace_id"], &["trace_id"])),
        ("request_id", keys(&["request_id"], &["request_id"])),
        ("intent_id", keys(&[], &["intent_id"])),
        ("task_id", keys(&["id"], &["task_id"])),
    ];
    let value = |row: &Value, column: &str| row[column].as_str().map(str::to_owned);
    let matched = |table: &'static str| {
        let has = |row: &&Value| {
            named.iter().any(|(column, known)| value(row, column).is_some_and(|value| known.contains(&value)))
        };
        world.of(table).filter(has).count()
    };
    let missing = |table: &'static str| {
        world.of(table).filter(|row| named.iter().all(|(column, _)| value(row, column).is_none())).count()
    };
    json!({
        "traceKeys": named[0].1.len(), "requestKeys": named[1].1.len(), "intentKeys": named[2].1.len(),
        "taskKeys": named[3].1.len(), "modelMatched": matched(MODELS), "toolMatched": matched(TOOLS),
        "modelMissingCorrelation": missing(MODELS), "toolMissingCorrelation": missing(TOOLS),
    })
}

#[test]
fn the_worked_example_counts_as_the_original_counts_it() {
    let world = example::world();
    let (desk, told) = reported(&world);
    let stem = format!("out/agent-chat-report-{CANVAS}");
    let expected = json!({
        "htmlPath": format!("{stem}.html"), "jsonPath": format!("{stem}.json"), "reportScope": "session_id", "room": ROOM,
    });
    assert_eq!(told, expected);
    let found = read(&desk, &told, "jsonPath");
    let counts = |table| world.of(table).count();
    let expected = json!({
        "transcript": counts(LINES), "tasks": counts(TASKS), "traces": counts(TRACES), "modelIo": counts(MODELS),
        "toolIo": counts(TOOLS), "blobCount": counts(BLOBS), "correlationSummary": correlation(&world),
    });
    for (name, count) in expected.as_object().expect("counts") {
        assert_eq!(&found["counts"][name], count, "{name}");
    }
    for name in
        ["generatedAt", "canvasId", "reportScope", "room", "session", "windowStartIso", "windowEndIso", "warnings"]
    {
        assert!(!found[name].is_null(), "{name}");
    }
    assert_eq!((&found["canvasId"], &found["runArtifact"]), (&json!(CANVAS), &Value::Null));
    assert_eq!(desk.done(&["verify", told["jsonPath"].as_str().expect("a path")]).code, 0);
    let again = desk.run(&["report", "--canvas-id", CANVAS, "--out-dir", "out"]);
    assert!(again.code == 1 && again.err.contains("--force"), "{again:?}");
    desk.done(&["report", "--canvas-id", CANVAS, "--out-dir", "out", "--force"]);
    let names: BTreeSet<String> = std::fs::read_dir(desk.path("out"))
        .expect("lists")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 2, "nothing is left beside the two files: {names:?}");
}

/// Facts §4.6: tables that are not there, or empty, are warned of by name, and the rest works.
#[test]
fn a_session_without_replay_rows_says_so() {
    let mut world = example::world();
    world.rows.retain(|(table, _)| ![MODELS, TOOLS, BLOBS].contains(table));
    let (desk, told) = reported(&world);
    let found = read(&desk, &told, "jsonPath");
    let warnings = found["warnings"].to_string();
    assert!(warnings.contains("agent_model_io, agent_tool_io"), "{warnings}");
    assert!(warnings.contains("canvas steward"), "the original's own warnings stay: {warnings}");
    let page = std::fs::read_to_string(desk.path(told["htmlPath"].as_str().expect("a path"))).expect("is text");
    assert!(page.contains("no replay rows of models or tools"), "without JavaScript, too");
}

#[test]
fn a_slice_of_a_report_comes_in_again() {
    let (desk, told) = reported(&example::world());
    let other = Desk::with_file();
    let json = other
        .write("report.json", std::fs::read(desk.path(told["jsonPath"].as_str().expect("a path"))).expect("reads"));
    let ran = other.done(&["import", "--json", text(&json)]);
    assert_eq!(ran.objects()[0]["agent"], "turnscope");
}
