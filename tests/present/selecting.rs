//! Sessions as the original's report was asked for them, without the ones that it took instead.

use std::fs;

use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::example::{self, CANVAS, ROOM, SESSION};
use crate::report::{report, written};
use crate::world::stamp;

const OTHER: &str = "77777777-7c0d-4d55-9c39-0a6b1f2c3d4e";
const ELSEWHERE: &str = "99999999-9f4e-4b7e-8f0a-6a1b2c3d4e5f";

/// Two sessions in one room, on two canvases, and the session of a run.
fn desk() -> Desk {
    let desk = Desk::new();
    let first = report(&example::world());
    desk.import(&desk.write("one.json", written(&first)));
    let mut second =
        json!({"generatedAt": "x", "reportScope": "room_fallback_for_canvas+room_transcript", "room": ROOM});
    second["session"] =
        json!({"id": OTHER, "canvas_id": ELSEWHERE, "room_name": ROOM, "created_at": stamp(86_400_000)});
    second["transcript"] = json!([{"event_id": "x1", "participant_id": "user-ana", "text": "Later", "ts": 1_772_540_000_000_i64, "room_name": ROOM}]);
    desk.import(&desk.write("two.json", written(&second)));
    let run = json!({"runId": "smoke-1772088185349", "canvasId": CANVAS, "room": ROOM, "startedAt": stamp(0), "endedAt": stamp(9000),
        "turns": [{"prompt": "Draw"}]});
    desk.import(&desk.write("result.json", run.to_string()));
    desk
}

fn first_row(desk: &Desk, arguments: &[&str]) -> Value {
    let typed: Vec<&str> = ["timeline", "--json"].iter().chain(arguments).copied().collect();
    desk.done(&typed).objects().remove(0)
}

#[test]
fn a_session_is_found_by_what_is_exactly_its_own() {
    let desk = desk();
    let of_first = first_row(&desk, &[SESSION]);
    assert_eq!(first_row(&desk, &["--session-id", SESSION]), of_first);
    assert_eq!(first_row(&desk, &["--session-id", SESSION, "--room", ROOM, "--canvas-id", CANVAS]), of_first);
    let by_canvas = desk.done(&["timeline", "--json", "--canvas-id", ELSEWHERE]);
    assert!(by_canvas.err.contains(OTHER) && by_canvas.err.contains("found by canvas"), "{}", by_canvas.err);
    assert!(by_canvas.err.contains("scope canvas_id+room_transcript"), "{}", by_canvas.err);
    let by_run = desk.done(&["timeline", "--json", "--result-json", text(&desk.path("result.json"))]);
    assert!(by_run.err.contains("smoke-1772088185349, found by run id"), "{}", by_run.err);
    let checked = desk.run(&["check", "--json", "--canvas-id", ELSEWHERE]);
    assert!(checked.err.contains("found by canvas"), "{}", checked.err);
    let by_id = desk.run(&["check", "--json", SESSION]).objects();
    assert!(!by_id.is_empty() && desk.run(&["check", "--json", "--session-id", SESSION]).objects() == by_id);
}

/// What a report is called, and what its JSON file holds.
fn reported(desk: &Desk, arguments: &[&str]) -> (Value, Value) {
    let typed = [&["report", "--out-dir", "reports", "--force"], arguments].concat();
    let told = desk.done(&typed).objects().remove(0);
    let file = fs::read(desk.path(told["jsonPath"].as_str().expect("a path"))).expect("is there");
    (told["reportScope"].clone(), serde_json::from_slice(&file).expect("is JSON"))
}

#[test]
fn a_report_says_by_what_it_was_asked_for() {
    let desk = desk();
    let run = desk.path("result.json");
    for (arguments, scope) in [
        (&["--session-id", OTHER][..], "session_id+room_transcript"),
        (&["--canvas-id", ELSEWHERE], "canvas_id+room_transcript"),
        (&["--canvas-id", ELSEWHERE, "--room", ROOM], "canvas_id+room_transcript"),
        (&[OTHER], "session_id+room_transcript"),
        (&["--session-id", SESSION], "session_id"),
        (&["--result-json", text(&run)], "canvas_id+artifact_turns_transcript"),
    ] {
        let (told, report) = reported(&desk, arguments);
        assert_eq!((&told, &report["reportScope"]), (&json!(scope), &json!(scope)), "{arguments:?}");
    }
    let alone = Desk::new();
    let mut found = report(&example::world());
    found["reportScope"] = json!("canvas_id");
    alone.import(&alone.write("one.json", written(&found)));
    for (arguments, scope) in [
        (&["--room", ROOM][..], "room_name"),
        (&[ROOM], "room_name"),
        (&["--session-id", SESSION], "session_id"),
        (&["--canvas-id", CANVAS], "canvas_id"),
    ] {
        assert_eq!(reported(&alone, arguments).0, scope, "{arguments:?}");
    }
}

#[test]
fn what_a_report_warned_of_holds_for_every_part_of_it() {
    let desk = desk();
    let warning = json!("no replay rows for the canvas steward");
    for window in [&[][..], &["--window-start", &stamp(0), "--window-end", &stamp(5000)]] {
        let (_, report) = reported(&desk, &[&["--session-id", SESSION], window].concat());
        let warnings = report["warnings"].as_array().expect("a list");
        assert_eq!(warnings.iter().filter(|told| **told == warning).count(), 1, "{window:?}: {warnings:?}");
    }
}

#[test]
fn what_fits_several_or_only_half_is_refused_with_candidates() {
    let desk = desk();
    let room = desk.refused(1, &["timeline", "--room", ROOM]);
    for told in [SESSION, OTHER, "smoke-1772088185349", "room (newest there)", "[room_name]"] {
        assert!(room.contains(told), "{told}: {room}");
    }
    let gone = "00000000-0000-4000-8000-000000000000";
    let fallen_back = desk.refused(1, &["timeline", "--session-id", gone, "--room", ROOM]);
    assert!(fallen_back.contains(SESSION) && fallen_back.contains(gone), "{fallen_back}");
    let canvas = desk.refused(1, &["timeline", "--canvas-id", gone, "--room", ROOM]);
    assert!(canvas.contains(&format!("other canvas {ELSEWHERE}")), "{canvas}");
    let time = desk.refused(
        1,
        &["timeline", "--room", ROOM, "--window-start", "2026-03-02T09:00:00Z", "--window-end", "2026-03-02T11:00:00Z"],
    );
    assert!(time.contains("time overlaps"), "{time}");
    let nothing = desk.refused(1, &["timeline", "--room", "nowhere"]);
    assert!(nothing.contains("no session is of room nowhere"), "{nothing}");
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    let desk = desk();
    for (arguments, reason) in [
        (vec!["timeline", "--session-id", "smoke-1"], "is no UUID"),
        (vec!["timeline", "--canvas-id", "gggggggg-7c0d-4d55-9c39-0a6b1f2c3d4e"], "is no UUID"),
        (vec!["timeline", SESSION, "--window-start", "someday"], "could not read the time"),
        (vec!["timeline", SESSION, "--window-start", "2026-03-02", "--window-end", "2026-03-01"], "ends before"),
        (vec!["timeline", SESSION, "--room", ROOM], "both name a session"),
        (vec!["export", SESSION, "--format", "original", "-o", "x", "--window-start", "2026-03-02"], "no window"),
    ] {
        let error = desk.refused(2, &arguments);
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
    assert_eq!(desk.run(&["timeline"]).code, 2);
    assert_eq!(desk.run(&["show", "--room", ROOM]).code, 2);
    desk.refused(1, &["timeline", "--result-json", "absent.json"]);
}

#[test]
fn bounds_narrow_every_command() {
    let desk = desk();
    let window =
        ["--session-id", SESSION, "--window-start", "2026-03-02T10:02:00Z", "--window-end", "2026-03-02T10:02:25Z"];
    let with = |command: &[&'static str]| -> Vec<&str> { command.iter().chain(&window).copied().collect() };
    let rows = desk.done(&with(&["timeline", "--json"])).objects();
    assert!(!rows.is_empty());
    for row in &rows {
        let at = row["at"].as_str().expect("a time");
        assert!(("2026-03-02T10:02:00".."2026-03-02T10:02:26").contains(&at), "{row}");
    }
    assert!(rows.iter().any(|row| row["label"] == "How many hands for option two?"));
    let event = rows[0]["events"][0].as_str().expect("an id").to_owned();
    let shown: Vec<&str> = ["show", &event].into_iter().chain(window).collect();
    desk.done(&shown);
    let hits = desk.done(&with(&["search", "hands", "--json"])).objects();
    assert!(!hits.is_empty() && desk.done(&with(&["search", "retro", "--json"])).objects().is_empty());
    let stats = desk.done(&with(&["stats", "--json"])).objects();
    let events: usize = rows.iter().map(|row| row["events"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(stats[0]["events"], events);
    assert_eq!(stats[0]["tokens"]["total"], 753);
    let checked = |arguments: &[&str]| desk.run(arguments).objects();
    let (part, whole) = (checked(&with(&["check", "--json"])), checked(&["check", SESSION, "--json"]));
    let own: Vec<&Value> = rows.iter().flat_map(|row| row["events"].as_array().expect("a list")).collect();
    let expected: Vec<&Value> = whole.iter().filter(|finding| own.contains(&&finding["event"])).collect();
    assert!(!part.is_empty() && part.len() < whole.len(), "{} of {}", part.len(), whole.len());
    assert_eq!(part.iter().collect::<Vec<_>>(), expected);
    desk.done(&with(&["export", "-o", "part.json"]));
    let slice: Value = serde_json::from_slice(&fs::read(desk.path("part.json")).expect("there")).expect("JSON");
    assert_eq!(slice["transcript"].as_array().map(Vec::len), Some(2));
}
