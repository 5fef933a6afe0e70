//! Reports of one session of the original, made at different times, with more or less in them.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::arrival::{File, WAYS, assert_always_same, assert_same, brought_in, cases, file};

const SESSION: &str = "5e551010-0000-4000-8000-000000000001";

fn time(second: u8) -> String {
    format!("2026-03-02T10:00:{second:02}.000+00:00")
}

fn line(id: u8, second: u8, text: &str) -> Value {
    json!({"id": format!("line-{id}"), "event_id": format!("l{id}"), "session_id": SESSION, "room_name": "room-a",
        "participant_id": "ada", "participant_name": "Ada", "text": text, "ts": 1_772_445_600_000_i64 + i64::from(second) * 1000,
        "manual": false, "created_at": time(second)})
}

fn model(id: u8, second: u8, status: &str) -> Value {
    json!({"id": format!("row-{id}-{status}"), "event_id": format!("m{id}:model_call:{status}:0"), "session_id": SESSION, "room": "room-a",
        "source": "canvas_runner", "event_type": "model_call", "status": status, "sequence": 0, "created_at": time(second),
        "request_id": format!("q{id}"), "trace_id": format!("q{id}"), "intent_id": null, "task_id": null, "provider": "openai",
        "model": "gpt", "output_payload": null, "output_blob_id": format!("blob-{id}-{status}")})
}

fn task(id: u8, second: u8, status: &str) -> Value {
    json!({"id": format!("task-{id}"), "created_at": time(0), "updated_at": time(second), "room": "room-a", "task": "canvas.draw",
        "params": {}, "status": status, "priority": 0, "attempt": 0, "request_id": format!("q{id}")})
}

fn blob(id: u8, status: &str) -> (String, Value) {
    let name = format!("blob-{id}-{status}");
    let payload = format!("{{\"text\":\"the whole answer {id}\"}}");
    let row = json!({"id": name, "event_id": format!("m{id}:model_call:{status}:0"), "kind": "output", "payload": payload,
        "size_bytes": payload.len(), "encoding": "utf8", "truncated": false});
    (name, row)
}

fn report(
    made: u8,
    title: &str,
    lines: Vec<Value>,
    models: Vec<Value>,
    tasks: Vec<Value>,
    blobs: Vec<(String, Value)>,
) -> Vec<u8> {
    let blobs: Map<String, Value> = blobs.into_iter().collect();
    let canvas = format!("canvas-{made}");
    let report = json!({
        "generatedAt": time(made), "canvasId": canvas, "canvasName": title, "reportScope": "session_id", "runArtifact": null, "room": "room-a",
        "session": {"id": SESSION, "room_name": "room-a", "canvas_id": canvas, "created_at": time(0)},
        "windowStartIso": time(0), "windowEndIso": time(59), "counts": {}, "warnings": [],
        "transcript": lines, "tasks": tasks, "traces": [], "modelIo": models, "toolIo": [], "blobs": blobs,
    });
    serde_json::to_vec_pretty(&report).expect("writes")
}

#[test]
fn a_body_that_comes_later_is_there_and_stays() {
    let row = || vec![model(1, 5, "completed")];
    let files = [
        file("poor.json", report(40, "x", vec![], row(), vec![], vec![])),
        file("rich.json", report(50, "x", vec![], row(), vec![], vec![blob(1, "completed")])),
    ];
    assert_always_same(&files);
    for order in [[0, 1], [1, 0]] {
        let desk = brought_in(&files, &order, WAYS[1]);
        let output = desk.done(&["show", SESSION, "m1:model_call:completed:0", "--part", "output"]);
        assert_eq!(output.text(), "{\"text\":\"the whole answer 1\"}", "{order:?}");
        let shown = desk.done(&["show", SESSION, "m1:model_call:completed:0", "--json"]).objects().remove(0);
        let origins = shown["events"][0]["origins"].as_array().expect("origins").len();
        assert!(origins >= 2, "both reports are named: {shown}");
    }
}

#[test]
fn an_older_and_a_newer_report_give_the_same_in_any_order() {
    let old = report(
        20,
        "before",
        vec![line(1, 4, "first")],
        vec![model(1, 5, "started")],
        vec![task(1, 6, "queued")],
        vec![],
    );
    let new = report(
        40,
        "after",
        vec![line(1, 4, "first"), line(2, 2, "said before")],
        vec![model(1, 5, "started"), model(1, 9, "completed")],
        vec![task(1, 12, "done")],
        vec![blob(1, "completed")],
    );
    assert_always_same(&[file("report.json", old.clone()), file("again/report.json", new), file("other.json", old)]);
}

fn some() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop::collection::vec((0..3_u8, 0..4_u8), 0..3);
    let models = prop::collection::vec((0..3_u8, 0..4_u8, any::<bool>()), 0..4);
    let tasks = prop::collection::vec((0..2_u8, 0..3_u8), 0..3);
    let blobs = prop::collection::vec((0..3_u8, any::<bool>()), 0..3);
    (20..50_u8, lines, models, tasks, blobs).prop_map(|(made, lines, models, tasks, blobs)| {
        let status = |done: bool| if done { "completed" } else { "started" };
        report(
            made,
            &format!("canvas {made}"),
            lines.into_iter().map(|(id, second)| line(id, second, &format!("said {id}"))).collect(),
            models.into_iter().map(|(id, second, done)| model(id, second, status(done))).collect(),
            tasks.into_iter().map(|(id, second)| task(id, second, &format!("state {second}"))).collect(),
            blobs.into_iter().map(|(id, done)| blob(id, status(done))).collect(),
        )
    })
}

fn files() -> impl Strategy<Value = Vec<File>> {
    prop::collection::vec(some(), 3).prop_map(|reports| {
        let named = |(place, content): (usize, Vec<u8>)| file(&format!("{place}.json"), content);
        reports.into_iter().enumerate().map(named).collect()
    })
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn reports_give_the_same_in_any_order(files in files()) {
        assert_same(&files, &[vec![0, 1, 2], vec![2, 1, 0], vec![1, 2, 0]], &WAYS);
    }
}
