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
        "htmlPath": format!("{stem}.html"), "jsonPath": format!("{stem}.json"), "reportScope": "canvas_id", "room": ROOM,
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

/// The arrays in the scripts of a class, one after another.
fn scripts(page: &str, class: &str) -> Vec<Value> {
    let opening = format!("class=\"{class}\"");
    let parts = page.split("<script type=\"application/json\" ").filter(|part| part.starts_with(&opening));
    let json = parts.filter_map(|part| Some(part.split_once('>')?.1.split_once("</script>")?.0));
    json.flat_map(|json| serde_json::from_str::<Vec<Value>>(json).expect("JSON")).collect()
}

/// Facts §4.8, without the slips of §9.28: the ids of the rows of tables that the original shows in a section.
fn original(world: &World, section: &str) -> BTreeSet<String> {
    let word = |row: &Value, column: &str| row[column].as_str().unwrap_or("").to_owned();
    let id = |row: &Value| row["event_id"].as_str().or(row["id"].as_str()).expect("an id").to_owned();
    let mut ids = BTreeSet::new();
    for (table, row) in &world.rows {
        let (source, task) = (word(row, "source"), word(row, "task"));
        let steward = ["canvas.", "scorecard.", "flowchart.", "youtube."].iter().any(|start| task.starts_with(start));
        let (replay, queue) = ([MODELS, TOOLS].contains(table), [TASKS, TRACES].contains(table));
        let fast = source.starts_with("fast_")
            || word(row, "provider_path") == "fast"
            || word(row, "provider") == "cerebras"
            || task.starts_with("fast_");
        let is_there = match section {
            "transcript" => *table == LINES,
            "timeline" => replay || queue || *table == LINES,
            "voice" => {
                (replay && source == "voice_agent")
                    || (*table == LINES && word(row, "participant_id").contains("voice-agent"))
            }
            "transcription" => replay && source == "transcription_agent",
            "orchestration" => {
                (replay && source == "orchestration_agent")
                    || (*table == TRACES && !fast && !steward && !task.contains("fairy"))
            }
            "steward" => {
                (*table == MODELS && ["canvas_runner", "canvas_steward"].contains(&source.as_str()))
                    || (*table == TOOLS && ["canvas_runner", "conductor_worker"].contains(&source.as_str()))
                    || (queue && steward && !(fast && *table == TRACES))
            }
            "fairy" => {
                (replay && source == "fairy_router")
                    || (*table == TOOLS && word(row, "tool_name") == "fairy.intent")
                    || (queue && task == "fairy.intent")
            }
            "fast" => (replay || *table == TRACES) && fast,
            other => panic!("{other}"),
        };
        if is_there {
            ids.insert(id(row));
        }
    }
    ids
}

/// The header, the transcript, the timeline, prompts, actions, and the six sections of agents: facts §4.8.
#[test]
fn all_eleven_sections_hold_what_the_original_has_in_them() {
    let world = example::world();
    let (desk, told) = reported(&world);
    let page = std::fs::read_to_string(desk.path(told["htmlPath"].as_str().expect("a path"))).expect("is text");
    for id in ["top", "transcript", "timeline", "prompts", "actions"] {
        assert!(page.contains(&format!(" id=\"{id}\"")), "{id}");
    }
    let (lines, rows) = (scripts(&page, "index"), scripts(&page, "rows"));
    assert_eq!(lines.len(), rows.len());
    let in_section = |id: &str| -> BTreeSet<String> {
        let opening = format!("<section id=\"{id}\" data-rows=\"");
        let bit = page.split_once(&opening).and_then(|(_, rest)| rest.split_once('"')).map(|(bit, _)| bit);
        let bit: Option<u64> = bit.map(|bit| bit.parse().expect("a number"));
        assert_eq!(bit.is_none(), id == "timeline", "{id} says which rows are its own");
        let here = |line: &Value| bit.is_none_or(|bit| line[10].as_u64().expect("a mask") & (1 << bit) != 0);
        let own = lines.iter().zip(&rows).filter(|(line, _)| here(line)).map(|(_, row)| row);
        own.flat_map(|row| row["events"].as_array().expect("events"))
            .map(|event| event["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    for id in ["transcript", "timeline", "voice", "transcription", "orchestration", "steward", "fairy", "fast"] {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "{id}");
        let (expected, found) = (original(&world, id), in_section(id));
        assert!(!expected.is_empty(), "the example has rows of {id}");
        let missing: Vec<&String> = expected.difference(&found).collect();
        assert!(missing.is_empty(), "{id} lacks {missing:?}");
        assert!(id == "timeline" || found.len() < in_section("timeline").len(), "{id} holds everything");
    }
    assert!(page.contains("<section id=\"ledger\""), "and the ledger, which the original never read");
}

/// Facts §4.6, table by table: what is empty or not there is named, and nothing else is missing for it.
#[test]
fn each_missing_table_is_warned_of_by_its_name() {
    for (gone, name) in [
        (&[LINES][..], "canvas_session_transcripts"),
        (&[TASKS], "agent_tasks"),
        (&[TRACES], "agent_trace_events"),
        (&[MODELS, TOOLS, BLOBS], "agent_model_io, agent_tool_io"),
    ] {
        let mut world = example::world();
        world.rows.retain(|(table, _)| !gone.contains(table));
        let (desk, told) = reported(&world);
        let found = read(&desk, &told, "jsonPath");
        assert!(found["warnings"].to_string().contains(name), "{name}: {}", found["warnings"]);
        for (section, table) in [("transcript", LINES), ("tasks", TASKS), ("traces", TRACES), ("modelIo", MODELS)] {
            assert_eq!(found["counts"][section], world.of(table).count(), "{section} without {name}");
        }
    }
}
