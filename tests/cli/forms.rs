//! The other forms of `turnscope export`: lines, Markdown, a page, spans; and what a branch holds.

use std::fs;

use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::sample;

/// A desk with a session of each agent.
pub fn filled() -> Desk {
    let desk = Desk::new();
    for (name, content) in [("in/claude.jsonl", sample::claude()), ("in/codex.jsonl", sample::codex().into_bytes())] {
        let file = desk.write(name, content);
        desk.import(&file);
    }
    desk
}

/// A desk with the sessions of the demo, which have every kind of row.
pub fn with_demo() -> Desk {
    let desk = Desk::new();
    desk.import(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/run/demo.json"));
    desk
}

fn ids(desk: &Desk) -> Vec<String> {
    let sessions = desk.done(&["sessions", "--json"]).objects();
    sessions.iter().map(|session| session["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn lines_hold_the_rows_of_the_slice_each_with_its_section() {
    let desk = filled();
    for session in [sample::CLAUDE, sample::CODEX] {
        let slice: Value = serde_json::from_slice(&desk.done(&["export", session]).out).expect("is JSON");
        let lines = desk.done(&["export", session, "--format", "ndjson"]);
        let mut built = serde_json::Map::new();
        for line in lines.objects() {
            let (section, value) = (line["section"].as_str().expect("a section"), line["value"].clone());
            match (&line["name"], &slice[section]) {
                (Value::String(name), _) => built.entry(section).or_insert_with(|| json!({}))[name] = value,
                (_, Value::Array(_)) if section != "warnings" => {
                    let list = built.entry(section).or_insert_with(|| json!([]));
                    list.as_array_mut().expect("a list").push(value);
                }
                _ => drop(built.insert(section.to_owned(), value)),
            }
        }
        for (name, value) in
            slice.as_object().expect("an object").iter().filter(|(name, _)| !["seal", "parts"].contains(&name.as_str()))
        {
            let is_empty = value == &json!([]) || value == &json!({});
            assert_eq!(
                built.get(name).unwrap_or(&json!(null)),
                if is_empty && name != "warnings" { &json!(null) } else { value },
                "{name}"
            );
        }
        assert_eq!(desk.done(&["export", session, "--format", "ndjson"]).out, lines.out, "the same each time");
    }
}

/// What a payload holds that would do something if it were Markdown or HTML.
const HOSTILE: &str = "```\n</code><img src=x onerror=alert(1)>\n[link](javascript:alert(1)) ![i](https://e.example/x.png)\n\
     https://e.example/auto <https://e.example> \u{202e}gnp.exe\u{1b}]52;c;aGk=\u{7}\n````\n~~~\n# heading\n| a | b |\n|-|-|\n<script>";

pub fn hostile() -> Desk {
    let desk = Desk::new();
    let head = |uuid: &str, second: u32| {
        json!({
            "uuid": uuid, "sessionId": sample::CLAUDE, "cwd": HOSTILE, "gitBranch": HOSTILE, "version": "2.1.0",
            "timestamp": format!("2026-03-02T10:00:{second:02}.250Z"),
        })
    };
    let with = |mut record: Value, kind: &str, message: Value| {
        record["type"] = json!(kind);
        record["message"] = message;
        record.to_string()
    };
    let call = json!([{ "type": "text", "text": HOSTILE }, { "type": "tool_use", "id": "t`1`", "name": HOSTILE, "input": { HOSTILE: HOSTILE } }]);
    let result = json!([{ "type": "tool_result", "tool_use_id": "t`1`", "is_error": true, "content": HOSTILE }]);
    let usage = json!({ "input_tokens": 3, "output_tokens": 4 });
    let lines = [
        with(head("u1", 0), "user", json!({ "role": "user", "content": HOSTILE })),
        with(
            head("a1", 1),
            "assistant",
            json!({ "id": "m1", "role": "assistant", "model": HOSTILE, "usage": usage, "content": call }),
        ),
        with(head("u2", 2), "user", json!({ "role": "user", "content": result })),
    ];
    let file = desk.write("in/hostile.jsonl", lines.join("\n") + "\n");
    desk.import(&file);
    desk
}

/// What of a document is no code: the text outside fences and spans, as CommonMark reads them.
fn outside_code(document: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<usize> = None;
    for line in document.lines() {
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        match fence {
            Some(open) if ticks >= open && line[ticks..].trim().is_empty() => fence = None,
            Some(_) => {}
            None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
            None => outside.push_str(&(outside_spans(line) + "\n")),
        }
    }
    assert_eq!(fence, None, "every fence is closed");
    outside
}

fn outside_spans(line: &str) -> String {
    let (mut outside, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        let ticks = rest[at..].bytes().take_while(|byte| *byte == b'`').count();
        outside.push_str(&rest[..at]);
        let inside = &rest[at + ticks..];
        let runs = inside.match_indices('`').map(|(start, _)| start).filter(|start| !inside[..*start].ends_with('`'));
        let length = |start: usize| inside[start..].bytes().take_while(|byte| *byte == b'`').count();
        let end = runs.clone().find(|start| length(*start) == ticks).expect("every span is closed");
        rest = &inside[end + ticks..];
    }
    outside + rest
}

#[test]
fn markdown_tells_the_session_and_nothing_of_a_payload_is_more_than_text() {
    let desk = filled();
    let document = desk.done(&["export", sample::CLAUDE, "--format", "md"]).text().to_owned();
    for told in [
        "Count the files, please. Żółw ünïcode",
        "I will count them.",
        "ls | wc -l",
        "cache read 100",
        "### 1 · transcript",
        "tool `Bash`: calls 1",
    ] {
        assert!(document.contains(told), "{told}: {document}");
    }
    let hostile = hostile();
    let document = hostile.done(&["export", sample::CLAUDE, "--format", "md"]).text().to_owned();
    assert!(document.contains("onerror=alert(1)") && document.contains("<U+202E>"), "{document}");
    assert!(!document.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{document}");
    let outside = outside_code(&document);
    for mark in ["<", "](", "https:", "javascript", "onerror", "|", "~~~"] {
        assert!(!outside.contains(mark), "{mark}: {outside}");
    }
}

#[test]
fn the_page_of_an_export_is_that_of_a_report() {
    let desk = filled();
    desk.done(&["export", sample::CLAUDE, "--format", "html", "-o", "page.html"]);
    let page = fs::read_to_string(desk.path("page.html")).expect("is there");
    assert!(page.starts_with("<!doctype html>") && page.contains("I will count them."));
    assert_eq!(desk.done(&["export", sample::CLAUDE, "--format", "html"]).text(), page, "to stdout it is the same");
    let calls = desk.done(&["export", sample::CLAUDE, "--format", "html", "--where", "kind:tool"]);
    assert!(!calls.text().contains("I will count them.") && calls.text().contains("ls | wc -l"));
}

/// What must be the same once spans have come back: rows with their kinds, times, keys and tokens, and the sums.
fn told(desk: &Desk, store: &[&str], session: &str) -> (Vec<Value>, Value) {
    let native = |keys: &Value| -> Value {
        let of = |(kind, values): (&String, &Value)| {
            let own = values.as_array().expect("a list").iter().filter(|value| value["origin"] == "native");
            (kind.clone(), own.map(|value| value["value"].clone()).collect::<Value>())
        };
        let all: serde_json::Map<String, Value> = keys.as_object().expect("an object").iter().map(of).collect();
        all.into_iter().filter(|(_, values)| values != &json!([])).collect::<serde_json::Map<_, _>>().into()
    };
    let rows = desk.done(&[store, &["timeline", session, "--json"]].concat()).objects();
    let row = |row: &Value| {
        json!([
            row["id"],
            row["kind"],
            row["at"],
            row["label"],
            row["status"],
            row["latency_ms"],
            row["source"],
            native(&row["keys"]),
            row["tokens"]
        ])
    };
    let sessions = desk.done(&[store, &["sessions", "--json"]].concat()).objects();
    let own = sessions.iter().find(|own| own["id"] == session).expect("is there");
    (rows.iter().map(row).collect(), json!([own["tokens"], own["errors"], own["models"]]))
}

#[test]
fn spans_come_back_with_the_same_rows_keys_and_tokens() {
    for desk in [filled(), with_demo()] {
        for (place, session) in ids(&desk).iter().enumerate() {
            let (file, store) = (format!("{place}.otlp.json"), format!("{place}.db"));
            let ran = desk.done(&["export", session, "--format", "otlp", "-o", &file]);
            assert!(ran.err.contains("no place in spans: "), "{ran:?}");
            let spans: Value = serde_json::from_slice(&fs::read(desk.path(&file)).expect("is there")).expect("is JSON");
            let span = &spans["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
            assert!(span["traceId"].as_str().is_some_and(|id| id.len() == 32), "{span}");
            desk.done(&["--store", &store, "import", &file]);
            let (before, after) = (told(&desk, &[], session), told(&desk, &["--store", &store], session));
            for (before, after) in before.0.iter().zip(&after.0) {
                assert_eq!(before, after);
            }
            assert_eq!((before.0.len(), before.1), (after.0.len(), after.1), "{session}");
        }
    }
}

#[test]
fn a_branch_holds_one_request_with_all_that_joins_lead_to() {
    let desk = with_demo();
    let sessions = ids(&desk);
    let unknown: Vec<(String, String)> = sessions
        .iter()
        .map(|session| (session.clone(), desk.refused(1, &["export", session, "--branch", "nobody"])))
        .collect();
    let (session, told) = unknown.iter().find(|(_, told)| told.contains("it has")).expect("some session has branches");
    let named: Vec<&str> = told.lines().skip(1).filter_map(|line| line.trim().split(' ').next()).collect();
    assert!(named.len() > 1 && named.iter().all(|name| name.contains(':')), "{told}");
    let whole: Value = serde_json::from_slice(&desk.done(&["export", session]).out).expect("is JSON");
    let events = |slice: &Value| -> usize {
        ["transcript", "tasks", "traces", "modelIo", "toolIo", "other", "ledger"]
            .iter()
            .map(|name| slice[*name].as_array().map_or(0, Vec::len))
            .sum()
    };
    let name = named[0];
    for format in ["json", "ndjson", "md", "html", "otlp"] {
        desk.done(&["export", session, "--branch", name, "--format", format]);
    }
    let file = desk.path("branch.json");
    desk.done(&["export", session, "--branch", name, "-o", text(&file)]);
    desk.done(&["verify", text(&file)]);
    let branch: Value = serde_json::from_slice(&fs::read(&file).expect("is there")).expect("is JSON");
    assert!(events(&branch) > 0 && events(&branch) < events(&whole), "{} of {}", events(&branch), events(&whole));
    assert_eq!(branch["selection"]["why"], format!("branch {name}"));
    let value = name.split_once(':').expect("a kind").1;
    let bare = desk.done(&["export", session, "--branch", value]).out;
    assert_eq!(serde_json::from_slice::<Value>(&bare).expect("is JSON")["manifest"], branch["manifest"]);
    desk.refused(2, &["export", session, "--branch", name, "--format", "original", "-o", "folder"]);
}
