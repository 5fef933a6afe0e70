//! What leaves without its secrets, and the search for them.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::sample;

const KEY: &str = "sk-ant-api03-Zq7Hx2Lm9Pz4Rt8Vb1Nc6Kd3Wy5Js0Fg";
const PASSWORD: &str = "pl4nted-Horse";
const MAIL: &str = "grace@example.org";

/// A session with secrets in a title, a prompt, a call, its result and its error, as they are and in base64.
fn secrets() -> String {
    let nested = json!({ "password": PASSWORD, "note": format!("mail {MAIL}") }).to_string();
    let encoded = STANDARD.encode(format!("key={KEY}"));
    let asked = format!("Use {KEY} please, password: {PASSWORD}");
    let head = |uuid: &str, second: u32| {
        json!({
            "uuid": uuid, "sessionId": sample::CLAUDE, "cwd": "/home/ada/blue", "version": "2.1.0", "isSidechain": false,
            "timestamp": format!("2026-03-02T10:00:{second:02}.250Z"),
        })
    };
    let with = |head: Value, more: Value| {
        let mut record = head;
        for (name, value) in more.as_object().expect("an object") {
            record[name] = value.clone();
        }
        record.to_string()
    };
    let usage = json!({ "input_tokens": 1234, "output_tokens": 20, "cache_read_input_tokens": 100 });
    let call = json!([{ "type": "tool_use", "id": sample::CALL, "name": "Bash", "input": { "command": format!("deploy {encoded}"), "env": nested } }]);
    let result = json!([{ "type": "tool_result", "tool_use_id": sample::CALL, "is_error": true, "content": format!("denied for {MAIL} with {KEY}") }]);
    [
        with(head("u1", 0), json!({ "type": "user", "message": { "role": "user", "content": asked } })),
        with(head("a1", 1), json!({ "type": "assistant", "requestId": "req_sample_1", "message": { "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sample-1", "usage": usage, "content": call } })),
        with(head("u2", 2), json!({ "type": "user", "message": { "role": "user", "content": result } })),
    ]
    .join("\n")
        + "\n"
}

fn filled() -> Desk {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", secrets());
    desk.import(&file);
    desk
}

fn holds_secret(text: &str) -> Option<&str> {
    let encoded = STANDARD.encode(format!("key={KEY}"));
    let planted = [KEY, PASSWORD, MAIL, "grace", "Zq7Hx2Lm"];
    planted.into_iter().find(|secret| text.contains(secret)).or(text.contains(&encoded).then_some("base64"))
}

#[test]
fn a_redacted_slice_holds_no_secret_verifies_and_comes_in_again() {
    let desk = filled();
    let whole = desk.done(&["export", sample::CLAUDE]).text().to_owned();
    assert!(holds_secret(&whole).is_some());
    let ran = desk.done(&["export", sample::CLAUDE, "--redact", "-o", "shared.json"]);
    assert!(ran.err.contains("different secrets") && ran.err.contains("anthropic-key"), "{}", ran.err);
    assert_eq!(holds_secret(&ran.err), None, "{}", ran.err);
    let shared = fs::read_to_string(desk.path("shared.json")).expect("is there");
    assert_eq!(holds_secret(&shared), None);
    desk.done(&["verify", "shared.json"]);
    let slice: Value = serde_json::from_str(&shared).expect("is JSON");
    let found = slice["redaction"]["rules"].as_array().expect("rules");
    assert!(found.iter().any(|rule| rule["name"] == "anthropic-key" && rule["found"].as_u64() > Some(0)));
    let timeline = |store: &[&str]| {
        let rows = desk.done(&[store, &["timeline", sample::CLAUDE, "--json"]].concat()).objects();
        let ids = |row: &Value| (row["id"].clone(), row["events"].clone(), row["keys"].clone(), row["tokens"].clone());
        rows.iter().map(ids).collect::<Vec<_>>()
    };
    desk.done(&["--store", "other.db", "import", "shared.json"]);
    assert_eq!(timeline(&["--store", "other.db"]), timeline(&[]));
    desk.done(&["--store", "other.db", "export", sample::CLAUDE, "-o", "again.json"]);
    let again = fs::read_to_string(desk.path("again.json")).expect("is there");
    let digest = |text: &str| serde_json::from_str::<Value>(text).expect("is JSON")["manifest"].clone();
    assert_eq!(digest(&again), digest(&shared));
    let original = serde_json::from_str::<Value>(&whole).expect("is JSON")["manifest"]["bodies"].clone();
    for body in original.as_array().expect("bodies") {
        let sha256 = body["sha256"].as_str().expect("a digest");
        let same = slice["bodies"].get(sha256).is_some();
        assert!(same || !shared.contains(sha256), "the digest of a body with a secret would let it be guessed");
    }
}

#[test]
fn a_dry_run_lists_what_would_be_hidden_and_writes_nothing() {
    let desk = filled();
    let ran = desk.done(&["export", sample::CLAUDE, "--redact", "--dry-run", "--json", "-o", "shared.json"]);
    assert_eq!(holds_secret(ran.text()), None);
    let rows = ran.objects();
    let key = rows.iter().find(|row| row["rule"] == "anthropic-key").expect("the key is found");
    assert_eq!(key["hint"], format!("sk-ant-… ({} characters)", KEY.len()));
    assert!(key["count"].as_u64() > Some(2) && key["places"][0]["part"].is_string(), "{key}");
    assert!(!desk.path("shared.json").exists());
}

#[test]
fn equal_secrets_are_told_across_exports_only_under_one_key() {
    let desk = filled();
    let key = desk.write("key", "sixteen bytes and more");
    let stub = |arguments: &[&str]| {
        let out = desk.done(&[&["export", sample::CLAUDE, "--redact"], arguments].concat());
        let at = out.text().find("[redacted:anthropic-key:").expect("a stub");
        out.text()[at..at + 40].to_owned()
    };
    assert_eq!(stub(&["--redact-key", text(&key)]), stub(&["--redact-key", text(&key)]));
    assert_ne!(stub(&[]), stub(&[]));
    let short = desk.write("short", "key");
    desk.refused(1, &["export", sample::CLAUDE, "--redact", "--redact-key", text(&short)]);
}

#[test]
fn rules_of_ones_own_are_used_and_a_wrong_one_stops_before_the_first_byte() {
    let desk = filled();
    let rules = desk
        .write("rules.toml", "[[rule]]\nname = 'command'\npattern = 'deploy'\n[[rule]]\nname = 'email'\noff = true\n");
    let out = desk.done(&["export", sample::CLAUDE, "--redact", "--rules", text(&rules), "--also", "home"]);
    assert!(out.text().contains("[redacted:command:1:") && out.text().contains("/home/[redacted:home:1:"));
    assert!(out.text().contains(MAIL));
    let wrong = desk.write("wrong.toml", "[[rule]]\nname = 'x'\npattern = '('\n");
    let told = desk.refused(1, &["export", sample::CLAUDE, "--redact", "--rules", text(&wrong), "-o", "shared.json"]);
    assert!(told.contains("wrong.toml") && told.contains("rule `x`") && !desk.path("shared.json").exists(), "{told}");
    desk.refused(2, &["export", sample::CLAUDE, "--also", "home"]);
    desk.refused(2, &["export", sample::CLAUDE, "--redact", "--except", "nothing"]);
    desk.refused(2, &["export", sample::CLAUDE, "--redact", "--format", "original", "-o", "folder"]);
}

#[test]
fn a_scan_names_rule_and_place_and_never_the_value() {
    let desk = filled();
    let ran = desk.run(&["scan", sample::CLAUDE, "--json"]);
    assert_eq!((ran.code, holds_secret(ran.text())), (4, None), "{ran:?}");
    let rules: Vec<Value> = ran.objects().iter().map(|row| row["rule"].clone()).collect();
    for rule in ["anthropic-key", "email", "password"] {
        assert!(rules.contains(&Value::from(rule)), "{rule}: {rules:?}");
    }
    let all = desk.run(&["scan"]);
    assert_eq!((all.code, holds_secret(all.text())), (4, None), "{all:?}");
    let file = desk.run(&["scan", "in/claude.jsonl", "--json"]);
    assert_eq!((file.code, holds_secret(file.text())), (4, None), "{file:?}");
    assert!(file.objects().iter().any(|row| row["rule"] == "password" && row["at"].is_u64()), "{file:?}");
    let clean = desk.write("clean.txt", "nothing to see");
    assert_eq!(desk.run(&["scan", text(&clean)]).code, 0);
    assert!(desk.done(&["scan", "--list"]).text().contains("anthropic-key"));
}
