//! `turnscope show`: one row in full, and its parts byte for byte.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::desk::{Desk, text};
use crate::sample;

fn filled() -> Desk {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    desk
}

fn tool_row(desk: &Desk) -> Value {
    let rows = desk.done(&["timeline", sample::CLAUDE, "--json"]).objects();
    rows.into_iter().find(|row| row["kind"] == "tool").expect("has a tool turn")
}

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

#[test]
fn parts_come_out_byte_for_byte_by_the_row_and_by_each_of_its_events() {
    let desk = filled();
    let row = tool_row(&desk);
    let (call, result) = (id(&row["events"][0]), id(&row["events"][1]));
    for event in [&id(&row["id"]), &call, &result] {
        let part = |part: &str| desk.done(&["show", sample::CLAUDE, event, "--part", part]).out;
        assert_eq!(part("input"), sample::TOOL_INPUT, "{event}");
        assert_eq!(part("output"), sample::TOOL_OUTPUT, "{event}");
    }
    let records = sample::claude_records();
    let raw = |event: &str| desk.done(&["show", sample::CLAUDE, event, "--part", "raw"]).out;
    assert_eq!((raw(&call), raw(&result)), (records[2].clone(), records[3].clone()));
}

#[test]
fn several_bodies_of_one_part_are_told() {
    let desk = filled();
    let ran = desk.done(&["show", sample::CLAUDE, &id(&tool_row(&desk)["id"]), "--part", "raw"]);
    assert!(ran.err.contains("1 more"), "{ran:?}");
}

#[test]
fn a_part_goes_to_a_file_of_its_own_that_is_not_overwritten() {
    let desk = filled();
    let event = id(&tool_row(&desk)["id"]);
    let file = desk.path("part.json");
    let arguments = ["show", sample::CLAUDE, &event, "--part", "output", "-o", text(&file)];
    assert!(desk.done(&arguments).out.is_empty());
    assert_eq!(fs::read(&file).expect("is there"), sample::TOOL_OUTPUT);
    assert_eq!(fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
    assert!(desk.refused(1, &arguments).contains("--force"));
    desk.done(&[&arguments[..], &["--force"]].concat());
}

#[test]
fn the_object_names_keys_bodies_and_origins() {
    let desk = filled();
    let row = tool_row(&desk);
    let whole = &desk.done(&["show", sample::CLAUDE, &id(&row["id"]), "--json"]).objects()[0];
    assert_eq!((&whole["id"], &whole["keys"]), (&row["id"], &row["keys"]));
    let call = &whole["events"][0];
    let input = call["bodies"].as_array().and_then(|bodies| bodies.iter().find(|body| body["role"] == "input"));
    let input = input.expect("has an input");
    assert_eq!(input["size"], json!(sample::TOOL_INPUT.len()));
    assert_eq!(input["sha256"], json!(hex::encode(Sha256::digest(sample::TOOL_INPUT))));
    let origin = &call["origins"][0];
    let records = sample::claude_records();
    let offset = records[0].len() + records[1].len() + 2 * "\r\n\n".len();
    assert!(id(&origin["path"]).ends_with("in/claude.jsonl"), "{origin}");
    assert_eq!((&origin["offset"], &origin["size"]), (&json!(offset), &json!(records[2].len())));
}

#[test]
fn the_summary_says_it_in_words_and_safely() {
    let desk = filled();
    let ran = desk.done(&["show", sample::CLAUDE, &id(&tool_row(&desk)["id"])]);
    for word in ["tool_call_id", sample::CALL, "native", "input", "sha256", "claude.jsonl"] {
        assert!(ran.text().contains(word), "{word} is missing: {ran:?}");
    }
    assert!(!ran.text().chars().any(|character| character.is_control() && character != '\n'));
}

#[test]
fn a_part_that_is_not_there_names_those_that_are() {
    let desk = filled();
    let event = id(&tool_row(&desk)["id"]);
    let reason = desk.refused(1, &["show", sample::CLAUDE, &event, "--part", "system"]);
    assert!(reason.contains("input") && reason.contains("raw"), "{reason}");
    assert!(desk.refused(1, &["show", sample::CLAUDE, "nothing-like-it"]).contains("nothing-like-it"));
}

/// The Claude session twice, the second time with another first prompt, and another output of its tool, under the same
/// ids.
fn conflicting() -> Desk {
    let desk = Desk::new();
    let other = String::from_utf8_lossy(&sample::claude()).replace("Count the files", "Count the folders");
    for (name, content) in [("in/one.jsonl", sample::claude()), ("in/two.jsonl", other.into_bytes())] {
        desk.done(&["import", text(&desk.write(name, content))]);
    }
    desk
}

#[test]
fn events_that_share_an_id_are_rows_of_their_own_with_names_of_their_own() {
    let desk = conflicting();
    let rows = desk.done(&["timeline", sample::CLAUDE, "--json"]).objects();
    let mut ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
    assert!(ids.contains(&"u1") && ids.contains(&"u1~1"), "{ids:?}");
    let label = |name: &str| {
        let ran = desk.done(&["show", sample::CLAUDE, name, "--json"]);
        (ran.objects()[0]["label"].as_str().unwrap_or_default().to_owned(), ran.err)
    };
    let (first, told) = label("u1");
    assert!(first.contains("files") && told.contains("u1~1"), "{first} {told}");
    let (second, told) = label("u1~1");
    assert!(second.contains("folders") && told.is_empty(), "{second} {told}");
    let part = desk.done(&["show", sample::CLAUDE, "u1~1", "--part", "raw"]).out;
    assert!(String::from_utf8_lossy(&part).contains("folders"));
    let hits = desk.done(&["search", "folders", "--json"]).objects();
    assert_eq!((&hits[0]["event"], &hits[0]["row"]), (&json!("u1~1"), &json!("u1~1")));
}

#[test]
fn events_that_share_an_id_keep_their_names_and_bodies_over_a_round_trip() {
    let desk = conflicting();
    let first = desk.done(&["export", sample::CLAUDE]).text().to_owned();
    let result = format!("u2#result:{}", sample::CALL);
    let blobs =
        first.lines().filter(|line| line.starts_with("\"u2") && line.contains("\"event_id\":\"u2#result:")).count();
    let distinct = serde_json::from_str::<Value>(&first).expect("is JSON")["blobs"]
        .as_object()
        .map_or(0, |blobs| blobs.values().filter(|blob| blob["event_id"] == result).count());
    assert!(blobs == distinct && blobs >= 2, "{blobs} rows and {distinct} names");
    let file = desk.write("first.json", &first);
    desk.done(&["verify", text(&file)]);
    desk.done(&["--store", "other.db", "import", text(&file)]);
    let second = desk.done(&["--store", "other.db", "export", sample::CLAUDE]).text().to_owned();
    let part = |slice: &str, from: &str| slice[slice.find(from).expect("is there")..].to_owned();
    assert_eq!(
        part(&first, "\n\"bodies\":{").split("\"seal\"").next(),
        part(&second, "\n\"bodies\":{").split("\"seal\"").next()
    );
    let rows = |slice: &str| serde_json::from_str::<Value>(slice).expect("is JSON")["transcript"].clone();
    assert_eq!(rows(&first), rows(&second));
    desk.done(&["export", sample::CLAUDE, "--events", "u1~1", "-o", "one.json"]);
}

#[test]
fn the_id_of_a_record_that_gave_several_events_is_not_called_ambiguous() {
    let desk = filled();
    for id in ["a1", "a2", "u2"] {
        let ran = desk.done(&["show", sample::CLAUDE, id]);
        assert!(ran.err.is_empty(), "{id}: {ran:?}");
    }
}
