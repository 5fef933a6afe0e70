//! `turnscope export` and `verify`: what leaves comes back, and every byte of it is accounted for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::desk::{Desk, text};
use crate::sample;

fn filled(desk: Desk) -> Desk {
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
    let desk = filled(Desk::new());
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
    let desk = filled(Desk::new());
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
fn a_store_verifies_until_a_byte_of_it_is_another() {
    let desk = filled(Desk::with_file());
    let store = desk.store();
    let told = desk.done(&["verify", text(&store)]);
    assert!(String::from_utf8_lossy(&told.out).contains("all well"), "{told:?}");
    let verdict = &desk.done(&["verify", text(&store), "--json"]).objects()[0];
    assert_eq!(verdict["ok"], Value::Bool(true));
    assert!(verdict["records"].as_u64() > Some(3) && verdict["bodies"].as_u64() > Some(3), "{verdict}");
    let mut bytes = fs::read(&store).expect("is there");
    let half = bytes.len() / 2;
    bytes[half..].reverse();
    let spoilt = desk.write("spoilt.db", bytes);
    assert!(desk.refused(1, &["verify", text(&spoilt)]).contains("spoilt.db"));
}

#[test]
fn a_changed_slice_does_not_verify() {
    let desk = filled(Desk::new());
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
    let desk = filled(Desk::new());
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
    let desk = filled(Desk::new());
    fs::remove_dir_all(desk.path("in")).expect("takes the sources away");
    desk.done(&["export", sample::CLAUDE, "--format", "original", "-o", "back"]);
    desk.done(&["export", sample::CODEX, "--format", "original", "-o", "back"]);
    assert_eq!(fs::read(desk.path("back/claude.jsonl")).expect("is there"), sample::claude());
    assert_eq!(fs::read(desk.path("back/codex.jsonl")).expect("is there"), sample::codex().into_bytes());
    desk.refused(1, &["export", sample::CODEX, "--format", "original", "-o", "back"]);
    desk.done(&["export", sample::CODEX, "--format", "original", "-o", "back", "--force"]);
}

/// A slice of the Claude session, as text.
fn slice(desk: &Desk) -> String {
    desk.done(&["export", sample::CLAUDE]).text().to_owned()
}

#[test]
fn a_changed_row_breaks_the_seal_though_all_bodies_are_right() {
    let desk = filled(Desk::new());
    let changed = slice(&desk).replace("\"output\":20", "\"output\":99");
    let file = desk.write("changed.json", &changed);
    let reason = desk.refused(1, &["verify", text(&file)]);
    assert!(reason.contains("the seal"), "{reason}");
    let ran = desk.run(&["--store", "other.db", "import", "--json", text(&file)]);
    assert_eq!((ran.code, &ran.objects()[0]["bad"]), (3, &Value::from(1)), "{ran:?}");
    assert!(ran.err.contains("the seal"), "{ran:?}");
}

#[test]
fn a_slice_without_a_seal_is_checked_as_far_as_its_bodies_go() {
    let desk = filled(Desk::new());
    let sealed = slice(&desk);
    let (before, _) = sealed.split_once(",\n\"seal\"").expect("is sealed");
    let older = desk.write("older.json", before.replace("\n\"sealed\":true,", "") + "\n}\n");
    let ran = desk.done(&["verify", text(&older)]);
    assert!(ran.err.contains("only its bodies were checked"), "{ran:?}");
    assert_eq!(desk.done(&["verify", "--json", text(&older)]).objects()[0]["sealed"], Value::Bool(false));
    let stripped = desk.write("stripped.json", before.to_owned() + "\n}\n");
    assert!(desk.refused(1, &["verify", text(&stripped)]).contains("the seal is gone"));
    for wrong in [before.to_owned() + "\n},", before.replacen(":true", ":true,", 1) + "\n}\n"] {
        desk.refused(1, &["verify", text(&desk.write("wrong.json", wrong))]);
    }
}

#[test]
fn a_changed_body_comes_in_as_what_it_is_and_its_event_says_so() {
    let desk = filled(Desk::new());
    let events = desk.import(&desk.write("good.json", slice(&desk)))[0]["events"].clone();
    let changed = desk.write("changed.json", slice(&desk).replace("I will count them.", "I shall count them."));
    let ran = desk.run(&["--store", "other.db", "import", "--json", text(&changed)]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let line = &ran.objects()[0];
    let (bad, all) = (line["bad"].as_u64().expect("a count"), line["events"].as_u64().expect("a count"));
    assert!(bad >= 2 && Some(all - 1) == events.as_u64(), "{line}");
    let row = desk.done(&["--store", "other.db", "show", sample::CLAUDE, "a1", "--json"]).objects().remove(0);
    let event = &row["events"][0];
    let names =
        |list: &str, name: &str| event[list].as_array().is_some_and(|all| all.iter().any(|item| item["name"] == name));
    assert!(event["flags"].as_array().expect("a list").contains(&Value::from("truncated")), "{event}");
    assert!(names("attributes", "digest_mismatch"), "{event}");
    let out = desk.done(&["--store", "other.db", "show", sample::CLAUDE, "a1", "--part", "raw"]).out;
    assert!(String::from_utf8_lossy(&out).contains("I shall count them."));
    let again = desk.path("again.json");
    desk.done(&["--store", "other.db", "export", sample::CLAUDE, "-o", text(&again)]);
    desk.done(&["verify", text(&again)]);
}

#[test]
fn a_body_that_a_slice_does_not_hold_is_said_to_be_missing_until_it_comes() {
    let desk = filled(Desk::new());
    let whole = slice(&desk);
    let body = whole.lines().find(|line| line.contains("{\"text\":") && line.contains("I will count")).expect("a body");
    let without = desk.write("without.json", whole.replace(&format!("{body}\n"), ""));
    let ran = desk.run(&["--store", "other.db", "import", "--json", text(&without)]);
    assert!(ran.code == 3 && ran.err.contains("does not hold it"), "{ran:?}");
    desk.done(&["--store", "other.db", "export", sample::CLAUDE, "-o", "rest.json"]);
    desk.done(&["verify", "rest.json"]);
    let good = desk.write("good.json", whole);
    desk.done(&["--store", "other.db", "import", text(&good)]);
    let out = desk.done(&["--store", "other.db", "show", sample::CLAUDE, "a1", "--part", "raw"]).out;
    assert!(String::from_utf8_lossy(&out).contains("I will count them."));
}
