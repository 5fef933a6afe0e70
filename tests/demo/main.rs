//! The built-in demo session is what its generator writes, agrees with its own digests, and shows what it should.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};
use turnscope::domain::{KeyKind, Kind, Phase, Role, flag, is_unsafe};

const DEMO: &str = include_str!("../../src/run/demo.json");
const SECTIONS: [&str; 7] = ["transcript", "tasks", "traces", "modelIo", "toolIo", "ledger", "other"];

/// The events of the demo in the order of its sections, as the `turnscope` part of their rows.
fn events(demo: &Value) -> Vec<&Value> {
    SECTIONS.iter().flat_map(|name| list(&demo[name])).map(|row| &row["turnscope"]).collect()
}

fn demo() -> Value {
    serde_json::from_str(DEMO).expect("the demo is JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn has(event: &Value, wanted: i64) -> bool {
    event["flags"].as_i64().expect("flags") & wanted != 0
}

#[test]
fn the_generator_gives_the_committed_bytes() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/demo/generate.py");
    let run = Command::new("python3").arg(script).env("PYTHONDONTWRITEBYTECODE", "1").output();
    let Ok(output) = run else {
        // Straight to stderr: libtest keeps what passing tests print, and a skipped check must be seen.
        writeln!(std::io::stderr(), "skipped: the demo's generator (no python3)").expect("stderr is open");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout == DEMO.as_bytes(), "run tests/demo/generate.py >src/run/demo.json and commit the result");
}

#[test]
fn every_body_agrees_with_its_digest_and_is_used() {
    let demo = demo();
    let bodies = demo["bodies"].as_object().expect("bodies");
    let mut sizes = BTreeMap::new();
    for (digest, body) in bodies {
        let bytes = text(body, "text").as_bytes();
        assert_eq!(&hex::encode(Sha256::digest(bytes)), digest);
        sizes.insert(digest.as_str(), bytes.len() as u64);
    }
    let mut used = BTreeSet::new();
    for body in events(&demo).into_iter().flat_map(|event| list(&event["bodies"])) {
        assert_eq!(sizes.get(text(body, "sha256")).copied(), body["size"].as_u64(), "{body}");
        used.insert(text(body, "sha256"));
    }
    assert_eq!(used, sizes.keys().copied().collect());
    let listed: String = sizes.iter().map(|(digest, size)| format!("{digest} {size}\n")).collect();
    assert_eq!(text(&demo["manifest"], "digest"), hex::encode(Sha256::digest(listed)));
    let manifest = list(&demo["manifest"]["bodies"]).iter().map(|body| (text(body, "sha256"), body["size"].as_u64()));
    assert!(manifest.eq(sizes.into_iter().map(|(digest, size)| (digest, Some(size)))));
}

#[test]
fn every_event_is_written_in_the_words_of_the_domain() {
    let demo = demo();
    let sessions: Vec<&str> = list(&demo["sessions"]).iter().map(|session| text(session, "id")).collect();
    let mut ids = BTreeSet::new();
    for event in events(&demo) {
        assert!(sessions.contains(&text(event, "session")), "{event}");
        assert!(ids.insert((text(event, "session"), text(event, "id"))), "twice: {event}");
        assert!(Kind::parse(text(event, "kind")).is_some() && Phase::parse(text(event, "phase")).is_some(), "{event}");
        assert!(list(&event["keys"]).iter().all(|key| KeyKind::parse(text(key, "kind")).is_some()), "{event}");
        assert!(list(&event["bodies"]).iter().all(|body| Role::parse(text(body, "role")).is_some()), "{event}");
        assert!(list(&event["bodies"]).iter().any(|body| body["role"] == "raw"), "{event}");
        assert!(event["label"].as_str().is_some_and(|label| label.chars().count() <= 200), "{event}");
    }
}

#[test]
fn the_members_stand_in_the_order_of_the_format() {
    let demo = demo();
    let names: Vec<&str> = demo.as_object().expect("an object").keys().map(String::as_str).collect();
    let before = ["format", "version", "session", "sessions", "windowStartIso", "windowEndIso", "counts", "warnings"];
    let after = ["annotations", "joins", "findings", "usage", "selection", "blobs", "bodies", "manifest"];
    assert_eq!(names, [before.as_slice(), &SECTIONS, &after].concat());
}

#[test]
fn it_is_small_and_safe_to_print() {
    assert!(DEMO.len() < 430_000, "{} bytes", DEMO.len());
    assert!((100..=200).contains(&events(&demo()).len()));
    assert_eq!(DEMO.chars().find(|character| *character != '\n' && is_unsafe(*character)), None);
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/demo.json");

/// What the program prints, with a store in this folder.
fn turnscope(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    let output = command.arg("--store").arg(folder.join("demo.db")).args(arguments).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn at_least_three_rules_of_every_strength_occur_with_rows_that_were_not_chosen() {
    let folder = tempfile::tempdir().expect("a folder");
    turnscope(folder.path(), &["import", FILE, "--json"]);
    let mut rules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut considered: BTreeMap<String, usize> = BTreeMap::new();
    for session in list(&demo()["sessions"]) {
        for line in turnscope(folder.path(), &["timeline", text(session, "id"), "--json"]).lines() {
            let row: Value = serde_json::from_str(line).expect("JSON");
            for join in list(&row["joins"]) {
                let strength = text(join, "strength").to_owned();
                *considered.entry(strength.clone()).or_default() += list(&join["candidates"]).len();
                rules.entry(strength).or_default().insert(text(&join["basis"], "rule").to_owned());
            }
        }
    }
    for strength in ["exact", "keyed", "unique", "near", "ambiguous", "orphan"] {
        assert!(rules.get(strength).is_some_and(|rules| rules.len() >= 3), "{strength}: {:?}", rules.get(strength));
        assert!(considered.get(strength).is_some_and(|count| *count > 0), "{strength} rejects nothing");
    }
}

#[test]
fn the_store_counts_its_sessions_as_the_demo_does() {
    let folder = tempfile::tempdir().expect("a folder");
    turnscope(folder.path(), &["import", FILE, "--json"]);
    let by_id = |sessions: Vec<Value>| -> BTreeMap<String, Value> {
        sessions.into_iter().map(|session| (text(&session, "id").to_owned(), session)).collect()
    };
    let lines = turnscope(folder.path(), &["sessions", "--json"]);
    let stored = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let demo = demo();
    assert_eq!(by_id(stored), by_id(list(&demo["sessions"]).to_vec()));
    assert_eq!(demo["session"], demo["sessions"][0]);
}

/// The phases of each tool turn with its tool and request, and whether it was told that it failed.
fn tool_turns(demo: &Value) -> BTreeMap<&str, Vec<&Value>> {
    let mut turns: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for event in events(demo).into_iter().filter(|event| event["kind"] == "tool" && event["turn"].is_string()) {
        turns.entry(text(event, "turn")).or_default().push(event);
    }
    turns
}

#[test]
fn it_shows_what_goes_wrong_in_such_sessions() {
    let demo = demo();
    let events = events(&demo);
    let turns = tool_turns(&demo);
    let only = |phase: &str, missing: &str| {
        let is = |events: &[&Value], wanted: &str| events.iter().any(|event| event["phase"] == wanted);
        turns.values().filter(|events| is(events, phase) && !is(events, missing)).count()
    };
    assert!(only("call", "result") >= 4, "calls without a result: two of one request, a lost one, an interrupted one");
    assert!(only("result", "call") >= 2, "results without a call: a stray one, an ambiguous one");
    assert!(events.iter().any(|event| has(event, flag::TRUNCATED)), "a body that the source cut");
    assert!(events.iter().any(|event| has(event, flag::TWIN)), "a line that is written twice");
    assert!(events.iter().filter(|event| has(event, flag::ERROR)).count() >= 6, "errors");
    let rules = events.iter().flat_map(|event| list(&event["keys"])).filter_map(|key| key["rule"].as_str());
    assert!(rules.collect::<BTreeSet<_>>().len() >= 4, "derived keys");
    let dialects = events.iter().filter_map(|event| event["usage"]["rule"].as_str());
    assert_eq!(dialects.collect::<BTreeSet<_>>().len(), 3, "dialects of usage");
    let bodies = demo["bodies"].as_object().expect("bodies");
    assert!(bodies.values().any(|body| text(body, "text").contains("\u{1b}]52;")), "a hostile body");
}
