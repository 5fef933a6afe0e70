//! `turnscope export` and `verify`: what leaves comes back, and every byte of it is accounted for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::desk::{Desk, text};
use crate::sample;

fn filled() -> Desk {
    let desk = Desk::new();
    for (name, content) in [("in/claude.jsonl", sample::claude()), ("in/codex.jsonl", sample::codex().into_bytes())] {
        let file = desk.write(name, content);
        desk.import(&file);
    }
    desk
}

fn manifest(path: &Path) -> Value {
    let slice: Value = serde_json::from_slice(&fs::read(path).expect("is there")).expect("is JSON");
    slice["manifest"].clone()
}

#[test]
fn a_slice_verifies_and_comes_back_with_an_equal_manifest() {
    let desk = filled();
    for session in [sample::CLAUDE, sample::CODEX] {
        let (first, second) = (desk.path(&format!("{session}.json")), desk.path(&format!("{session}-2.json")));
        desk.done(&["export", session, "-o", text(&first)]);
        desk.done(&["verify", text(&first)]);
        let store = format!("{session}.db");
        desk.done(&["--store", &store, "import", text(&first)]);
        desk.done(&["--store", &store, "export", session, "-o", text(&second)]);
        assert!(manifest(&first).is_object() || manifest(&first).is_array());
        assert_eq!(manifest(&first), manifest(&second));
        let timeline = |store: &[&str]| desk.done(&[store, &["timeline", session, "--json"]].concat()).out;
        assert_eq!(timeline(&[]), timeline(&["--store", &store]));
    }
}

#[test]
fn a_slice_of_some_rows_holds_whole_turns() {
    let desk = filled();
    let rows = desk.done(&["timeline", sample::CLAUDE, "--json"]).objects();
    let tool = rows.iter().find(|row| row["kind"] == "tool").expect("has a tool turn");
    let call = tool["events"][0].as_str().expect("an id");
    let file = desk.path("some.json");
    desk.done(&["export", sample::CLAUDE, "--events", call, "-o", text(&file)]);
    let verdict = &desk.done(&["verify", text(&file), "--json"]).objects()[0];
    assert_eq!((&verdict["ok"], &verdict["events"]), (&Value::Bool(true), &Value::from(2)));
    assert!(desk.refused(1, &["export", sample::CLAUDE, "--events", "nobody"]).contains("nobody"));
}

#[test]
fn a_changed_slice_does_not_verify() {
    let desk = filled();
    let file = desk.path("slice.json");
    desk.done(&["export", sample::CLAUDE, "-o", text(&file)]);
    let slice = fs::read_to_string(&file).expect("is there");
    assert!(slice.contains("I will count them."));
    let changed = desk.write("changed.json", slice.replace("I will count them.", "I shall count them."));
    desk.refused(1, &["verify", text(&changed)]);
    let ran = desk.run(&["verify", "--json", text(&changed)]);
    assert!(ran.code == 1 && !ran.objects()[0]["problems"].as_array().expect("a list").is_empty(), "{ran:?}");
    desk.refused(1, &["verify", text(&desk.write("no-slice.json", "{\"a\":1}"))]);
    desk.refused(1, &["verify", text(&desk.path("missing.json"))]);
}

#[test]
fn a_slice_is_private_whole_and_not_overwritten() {
    let desk = filled();
    let file = desk.write("out/slice.json", "mine");
    assert!(desk.refused(1, &["export", "last", "-o", text(&file)]).contains("--force"));
    assert_eq!(fs::read(&file).expect("is there"), b"mine");
    desk.done(&["export", "last", "-o", text(&file), "--force"]);
    assert_eq!(fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(desk.path("out")).expect("is there").count(), 1);
    assert_eq!(desk.done(&["export", "last"]).out, fs::read(&file).expect("is there"));
}

#[test]
fn the_files_a_session_came_from_are_written_again_byte_for_byte() {
    let desk = filled();
    fs::remove_dir_all(desk.path("in")).expect("takes the sources away");
    desk.done(&["export", sample::CLAUDE, "--format", "original", "-o", "back"]);
    desk.done(&["export", sample::CODEX, "--format", "original", "-o", "back"]);
    assert_eq!(fs::read(desk.path("back/claude.jsonl")).expect("is there"), sample::claude());
    assert_eq!(fs::read(desk.path("back/codex.jsonl")).expect("is there"), sample::codex().into_bytes());
    desk.refused(1, &["export", sample::CODEX, "--format", "original", "-o", "back"]);
    desk.done(&["export", sample::CODEX, "--format", "original", "-o", "back", "--force"]);
}
