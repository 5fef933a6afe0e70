//! `--where`, `--from` and `--to`: the same language for `timeline`, `search` and `export`.

use std::fs;

use serde_json::Value;

use crate::desk::{Desk, text};
use crate::sample;

fn filled() -> Desk {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    desk
}

/// The kinds of the rows that a filter leaves.
fn kinds(desk: &Desk, arguments: &[&str]) -> Vec<String> {
    let rows = desk.done(&[&["timeline", sample::CLAUDE, "--json"], arguments].concat()).objects();
    rows.iter().filter_map(|row| row["kind"].as_str()).map(str::to_owned).collect()
}

#[test]
fn a_timeline_lists_only_rows_that_match() {
    let desk = filled();
    assert_eq!(kinds(&desk, &[]), ["transcript", "model", "tool"]);
    for (filter, expected) in [
        ("kind:tool", &["tool"][..]),
        ("not kind:tool", &["transcript", "model"]),
        ("tool:BASH latency>1s", &["tool"]),
        ("not tool:Read", &["tool"]),
        ("ŻÓŁW", &["transcript"]),
        ("tokens>=100 or call:toolu_sample_*", &["model", "tool"]),
        ("has:usage", &["model"]),
        ("status:error", &[]),
        ("  ", &["transcript", "model", "tool"]),
    ] {
        assert_eq!(kinds(&desk, &["--where", filter]), expected, "{filter}");
    }
}

#[test]
fn times_are_those_of_the_session_and_its_zone() {
    let desk = filled();
    assert_eq!(kinds(&desk, &["--from", "+1s"]), ["model", "tool"]);
    assert_eq!(kinds(&desk, &["--from", "10:00:01", "--to", "10:00:02"]), ["model"]);
    assert_eq!(kinds(&desk, &["--tz", "+02:00", "--where", "before:12:00:01"]), ["transcript"]);
    assert_eq!(kinds(&desk, &["--where", "since:1s"]), [""; 0]);
    assert_eq!(kinds(&desk, &["--to", "2026-03-02T10:00:00.250Z"]), ["transcript"]);
    assert!(desk.refused(2, &["timeline", "last", "--from", "soon"]).contains("--from soon"));
}

#[test]
fn a_timeline_without_a_row_says_what_none_of_them_matches() {
    let desk = filled();
    let id = sample::CLAUDE;
    for (arguments, why) in [
        (&["--from", "2200-01-01T00:00:00Z"][..], "from 2200-01-01T00:00:00Z"),
        (&["--where", "status:error", "--to", "10:00:02"], "filter \"status:error\" to 10:00:02"),
        (&["--window-start", "2200-01-01T00:00:00Z"], "2200-01-01T00:00:00.000000Z to the end"),
    ] {
        let ran = desk.done(&[&["timeline", id], arguments].concat());
        assert_eq!(ran.err, format!("no row of session {id} matches: {why}\n"), "{ran:?}");
    }
    assert_eq!(desk.done(&["timeline", id, "--where", "kind:tool"]).err, "");
}

#[test]
fn what_is_wrong_is_shown_with_a_caret() {
    let desk = filled();
    for command in [&["timeline", "last"][..], &["export", "last"], &["search", "x"]] {
        let told = desk.refused(2, &[command, &["--where", "kind:tool tol:x"]].concat());
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "turnscope: unknown field \"tol\" at 11; did you mean \"tool\"?");
        assert_eq!(&lines[1..3], ["  kind:tool tol:x", "            ^"]);
    }
    assert!(desk.refused(2, &["timeline", "last", "--where", "@nobody"]).contains("no filter is saved as \"nobody\""));
}

#[test]
fn a_slice_of_a_filter_holds_whole_turns_and_says_why() {
    let desk = filled();
    let file = desk.path("tools.json");
    desk.done(&["export", "last", "--where", "kind:tool", "-o", text(&file)]);
    desk.done(&["verify", text(&file)]);
    let slice: Value = serde_json::from_slice(&fs::read(&file).expect("is there")).expect("is JSON");
    assert_eq!(slice["selection"]["why"], "filter \"kind:tool\"");
    assert_eq!(
        (slice["toolIo"].as_array().map(Vec::len), slice["modelIo"].as_array().map(Vec::len)),
        (Some(2), Some(0))
    );
    assert!(desk.refused(1, &["export", "last", "--where", "status:error"]).contains("no row of session"));
    assert_eq!(desk.run(&["export", "last", "--where", "kind:tool", "--events", "u1"]).code, 2);
    desk.refused(2, &["export", "last", "--where", "kind:tool", "--format", "original", "-o", "folder"]);
}

#[test]
fn a_search_looks_only_into_rows_that_match() {
    let desk = filled();
    let hits = |filter: &str| desk.done(&["search", "count", "--json", "--where", filter]).objects().len();
    // The text of the answer, the input of the call, and the record that names the call.
    assert_eq!((hits("kind:transcript"), hits("kind:model,tool"), hits("kind:other")), (1, 3, 0));
}
