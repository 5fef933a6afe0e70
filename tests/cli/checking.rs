//! `turnscope verify` and the JSON Schema: what leaves is what it says, and a changed byte is found where it is.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::forms::{filled, hostile, with_demo};
use crate::sample;

/// Where a range of bytes is named in what was told: `bytes 12 to 34`.
fn places(told: &str) -> Vec<(usize, usize)> {
    let number =
        |text: &str| text.split(|letter: char| !letter.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
    let found = told.match_indices("bytes ").filter_map(|(at, _)| {
        let rest = &told[at + "bytes ".len()..];
        Some((number(rest)?, number(rest.split_once(" to ")?.1)?))
    });
    found.collect()
}

#[test]
fn one_changed_byte_of_a_slice_its_lines_or_a_page_is_found_and_its_place_named() {
    let desk = with_demo();
    for format in ["json", "ndjson", "html"] {
        let file = desk.path(&format!("whole.{format}"));
        desk.done(&["export", "last", "--format", format, "-o", text(&file)]);
        let verdict = desk.done(&["verify", text(&file), "--json"]).objects().remove(0);
        assert_eq!((&verdict["ok"], &verdict["sealed"]), (&Value::from(true), &Value::from(true)), "{verdict}");
        assert!(verdict["bodies"].as_u64() > Some(20) && verdict["events"].as_u64() > Some(20), "{verdict}");
        let whole = fs::read(&file).expect("is there");
        let listed = memchr::memmem::rfind(&whole, b"\"list\":[[").expect("lists its parts");
        for step in 0..24 {
            let at = whole.len() * step / 24 + 7 * step;
            let mut changed = whole.clone();
            changed[at] ^= 1;
            let changed = desk.write("changed", changed);
            let told = desk.refused(1, &["verify", text(&changed)]);
            let is_named = places(&told).iter().any(|(from, to)| (*from..*to).contains(&at));
            let is_behind = told.contains("list of the digests") || told.contains("something behind them");
            assert!(
                is_named || (at > listed - 200 && is_behind) || (at < 64 && told.contains("is not a slice")),
                "byte {at} of {format}: {told}"
            );
        }
        let cut = desk.write("cut", &whole[..whole.len() * 2 / 3]);
        desk.refused(1, &["verify", text(&cut)]);
    }
}

#[test]
fn a_changed_payload_of_a_page_is_named_by_its_digest() {
    let desk = filled();
    let file = desk.path("page.html");
    desk.done(&["export", sample::CLAUDE, "--format", "html", "-o", text(&file)]);
    let page = fs::read_to_string(&file).expect("is there");
    assert!(page.contains("[0,\""), "payloads are numbered");
    let changed = page.replace("I will count them.", "I shall count them.");
    let told = desk.refused(1, &["verify", text(&desk.write("changed.html", changed))]);
    assert!(told.contains("payload ") && told.contains(" hashes to "), "{told}");
    let digest = page.split_once("\"manifest\":\"").expect("a manifest").1[..64].to_owned();
    let changed = page.replace(&digest, &"0".repeat(64));
    assert!(
        desk.refused(1, &["verify", text(&desk.write("changed.html", changed))]).contains("the manifest hashes to")
    );
    let sealed = page.rfind("<script type=\"application/json\" id=\"seal\">").expect("a seal");
    let stripped = format!("{}</body>\n</html>\n", &page[..sealed]);
    assert!(desk.refused(1, &["verify", text(&desk.write("changed.html", stripped))]).contains("no seal"));
    desk.refused(1, &["verify", text(&desk.write("other.html", "<!doctype html>\n<p>not ours"))]);
    let report = desk.done(&["report", sample::CLAUDE, "--out-dir", "reports"]).objects().remove(0);
    for path in ["htmlPath", "jsonPath"] {
        desk.done(&["verify", report[path].as_str().expect("a path")]);
    }
}

#[test]
fn of_what_is_no_slice_it_is_said_what_can_be_verified() {
    let desk = filled();
    for format in ["md", "otlp"] {
        let file = desk.path(&format!("report.{format}"));
        desk.done(&["export", sample::CLAUDE, "--format", format, "-o", text(&file)]);
        let told = desk.refused(1, &["verify", text(&file)]);
        assert!(told.contains("is not a slice") && told.contains("what can be verified is a slice (*.json"), "{told}");
    }
    let told = desk.refused(1, &["verify", "nothing.json"]);
    assert!(!told.contains("what can be verified"), "{told}");
}

/// The schema that the program prints.
struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn printed(desk: &Desk) -> Self {
        let printed: Value = serde_json::from_slice(&desk.done(&["export", "--schema"]).out).expect("is JSON");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("urn:slice", printed).expect("a resource");
        let index = compiler.compile("urn:slice", &mut schemas).expect("is a schema");
        Self { schemas, index }
    }

    /// What a slice does not keep to.
    fn faults(&self, slice: &[u8]) -> Option<String> {
        let slice: Value = serde_json::from_slice(slice).expect("is JSON");
        self.schemas.validate(&slice, self.index).err().map(|fault| format!("{fault:#}"))
    }

    fn assert_keeps(&self, desk: &Desk, arguments: &[&str]) {
        let slice = desk.done(&[&["export"], arguments].concat()).out;
        assert_eq!(self.faults(&slice), None, "{arguments:?}");
    }
}

#[test]
fn every_slice_keeps_to_the_schema_and_what_is_none_does_not() {
    let desk = filled();
    let schema = Schema::printed(&desk);
    for session in [sample::CLAUDE, sample::CODEX] {
        schema.assert_keeps(&desk, &[session]);
        schema.assert_keeps(&desk, &[session, "--redact"]);
        schema.assert_keeps(&desk, &[session, "--where", "kind:tool"]);
    }
    let hostile = hostile();
    schema.assert_keeps(&hostile, &[sample::CLAUDE]);
    schema.assert_keeps(&hostile, &[sample::CLAUDE, "--redact"]);
    let demo = with_demo();
    for session in demo.done(&["sessions", "--json"]).objects() {
        schema.assert_keeps(&demo, &[session["id"].as_str().expect("an id")]);
    }
    let told = demo.done(&["report", "last", "--out-dir", "reports"]).objects().remove(0);
    let beside = fs::read(demo.path(told["jsonPath"].as_str().expect("a path"))).expect("is there");
    assert_eq!(schema.faults(&beside), None, "the JSON file of a report");
    let slice: Value = serde_json::from_slice(&desk.done(&["export", sample::CLAUDE]).out).expect("is JSON");
    for (pointer, wrong) in [
        ("/version", Value::from(2)),
        ("/modelIo/0/turnscope/kind", Value::from("modle")),
        ("/manifest/digest", Value::from("short")),
        ("/joins/0/strength", Value::from("certain")),
        ("/sessions/0/tokens/input", Value::from("10")),
        ("/toolIo/0/more", Value::Null),
    ] {
        let mut other = slice.clone();
        let (above, name) = pointer.rsplit_once('/').expect("a place");
        other.pointer_mut(above).expect("is there")[name] = wrong;
        assert!(schema.faults(&serde_json::to_vec(&other).expect("JSON")).is_some(), "{pointer}");
    }
}

#[test]
fn slices_of_real_sessions_keep_to_the_schema() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS").map(PathBuf::from) else {
        writeln!(std::io::stderr(), "skipped: schema of real sessions (TURNSCOPE_CORPUS is not set)")
            .expect("stderr is open");
        return;
    };
    let desk = Desk::new();
    desk.run(&["import", text(&corpus)]);
    let schema = Schema::printed(&desk);
    let mut wrong = Vec::new();
    let sessions = desk.done(&["sessions", "--json"]).objects();
    // Every agent is among each third of them.
    for session in sessions.iter().step_by(3) {
        let id = session["id"].as_str().expect("an id");
        let slice = desk.done(&["export", id]).out;
        wrong.extend(schema.faults(&slice).map(|fault| format!("{id}: {fault}")));
    }
    writeln!(std::io::stderr(), "{} real sessions", sessions.len()).expect("stderr is open");
    assert!(!sessions.is_empty() && wrong.is_empty(), "{}", wrong.join("\n"));
}

fn manifest(bytes: &[u8]) -> Value {
    let slice: Value = serde_json::from_slice(bytes).expect("is JSON");
    slice["manifest"].clone()
}

#[test]
fn entries_of_the_ledger_stand_in_a_section_of_their_own_and_come_back_there() {
    let desk = with_demo();
    let session = "5b0e6c1e-7c0d-4d55-9c39-0a6b1f2c3d4e";
    let slice: Value = serde_json::from_slice(&desk.done(&["export", session]).out).expect("is JSON");
    let entry = &slice["ledger"][0];
    for (column, value) in [
        ("action_type", "create-task"),
        ("task_id", "t-1"),
        ("assigned_to", "nobody"),
        ("id", "7bd0b920-9de7-4bf8-9e29-4dfa51ac3183"),
    ] {
        assert_eq!(entry[column], value, "{entry}");
    }
    assert!(slice["other"].as_array().expect("a list").iter().all(|row| row["source"] != "fairy_orchestration_ledger"));
    let count = slice["ledger"].as_array().map(Vec::len);
    assert_eq!(count, slice["counts"]["ledger"].as_u64().map(|count| count as usize));
    desk.done(&["export", session, "-o", "first.json"]);
    desk.done(&["--store", "other.db", "import", "first.json"]);
    let again: Value =
        serde_json::from_slice(&desk.done(&["--store", "other.db", "export", session]).out).expect("is JSON");
    assert_eq!((&again["ledger"], &again["other"]), (&slice["ledger"], &slice["other"]));
}

/// Every form that can come back gives the same bodies, whatever way it takes.
#[test]
fn every_form_that_comes_back_does_so_with_an_equal_manifest() {
    for desk in [filled(), with_demo(), hostile()] {
        let sessions = desk.done(&["sessions", "--json"]).objects();
        for (place, session) in sessions.iter().enumerate() {
            let id = session["id"].as_str().expect("an id");
            let first = desk.done(&["export", id]).out;
            // What a sub-agent is joined with lies outside its own slice.
            let timeline = |store: &str| -> Vec<Value> {
                let rows = desk.done(&["--store", store, "timeline", id, "--json"]).objects();
                rows.iter().map(|row| json!([row["id"], row["events"], row["keys"], row["tokens"]])).collect()
            };
            for (format, redact) in [("json", false), ("ndjson", false), ("json", true), ("ndjson", true)] {
                let name = format!("{place}-{format}-{redact}");
                let mut arguments = vec!["export", id, "--format", format, "-o", &name];
                arguments.extend(redact.then_some("--redact"));
                desk.done(&arguments);
                let store = format!("{name}.db");
                desk.done(&["--store", &store, "import", &name]);
                let second = desk.done(&["--store", &store, "export", id]).out;
                if redact {
                    let redacted = desk.path(&format!("{name}.json"));
                    desk.done(&["--store", &store, "export", id, "-o", text(&redacted)]);
                    desk.done(&["verify", text(&redacted)]);
                } else {
                    assert_eq!(manifest(&second), manifest(&first), "{name}");
                    assert_eq!(timeline(&store), timeline(&desk.named_store()), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_slice_comes_in_from_a_pipe_and_a_reader_that_goes_away_is_no_error() {
    use std::io::Read;
    use std::process::Stdio;
    let desk = filled();
    for format in ["json", "ndjson"] {
        let slice = desk.done(&["export", sample::CLAUDE, "--format", format]).out;
        let store = format!("{format}.db");
        let mut import = desk.command(&["--store", &store, "import", "--json", "-"]);
        let mut import = import.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
        import.stdin.take().expect("a pipe").write_all(&slice).expect("writes");
        let ended = import.wait_with_output().expect("ends");
        let line: Value = serde_json::from_slice(&ended.stdout).expect("a line");
        assert_eq!((ended.status.code(), &line["sessions"][0]), (Some(0), &Value::from(sample::CLAUDE)), "{line}");
        let again = desk.done(&["--store", &store, "export", sample::CLAUDE]).out;
        assert_eq!(manifest(&again), manifest(&desk.done(&["export", sample::CLAUDE]).out));
    }
    // More than a pipe holds, so that all of them are still writing when their reader goes.
    let long = format!("{}\n", json!({"type": "log", "text": "many words ".repeat(100_000)}));
    let long = desk.write("in/long.jsonl", long);
    let session = desk.import(&long)[0]["sessions"][0].as_str().expect("an id").to_owned();
    for format in ["json", "ndjson", "md", "html", "otlp"] {
        let mut export = desk.command(&["export", &session, "--format", format]);
        let mut export = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut out = export.stdout.take().expect("a pipe");
        let mut first = [0; 1];
        out.read_exact(&mut first).expect("a byte");
        drop(out);
        let ended = export.wait_with_output().expect("ends");
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success() && !words.contains("pipe"), "{format}: {words}");
    }
    assert!(desk.refused(2, &["import", "--watch", "-"]).contains("a pipe"));
}
