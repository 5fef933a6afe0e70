//! `turnscope verify` of a store: what it shows is compared with what its records tell.

use std::fs;

use serde_json::json;

use crate::desk::{Desk, text};
use crate::forms::with_demo;
use crate::reindexing::{filled, told};
use crate::sample;
use crate::spoiling::spoil;

/// What is told of a store of which something was changed.
fn faults(desk: &Desk) -> String {
    desk.refused(1, &["verify", &desk.named_store()])
}

#[test]
fn the_list_of_sessions_says_before_a_check_what_it_finds_of_spans() {
    let desk = Desk::new();
    let span = |id: &str, parent: &str, operation: &str, tokens: u32| {
        json!({
            "traceId": "5b8efff798038103d269b633813fc60a", "spanId": id, "parentSpanId": parent, "name": operation,
            "startTimeUnixNano": "1772445600000000000", "endTimeUnixNano": "1772445601000000000", "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": operation}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": tokens.to_string()}},
                {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "1"}},
            ],
        })
    };
    let spans = [
        span("eee19b7ec3c1b170", "", "invoke_agent", 100),
        span("eee19b7ec3c1b171", "eee19b7ec3c1b170", "chat", 20),
        span("eee19b7ec3c1b172", "eee19b7ec3c1b170", "chat", 30),
    ];
    let request = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    desk.import(&desk.write("spans.jsonl", format!("{request}\n")));
    let before = desk.done(&["sessions", "--json"]).objects();
    let checked = desk.run(&["check", "--json"]);
    assert!(checked.text().contains("usage_mismatch"), "{checked:?}");
    assert_eq!(before[0]["findings"], json!(checked.objects().len()));
    assert_eq!(desk.done(&["sessions", "--json"]).objects(), before);
}

#[test]
fn all_events_of_files_are_compared_and_are_as_they_were_told() {
    for desk in [filled(), with_demo()] {
        let ran = desk.done(&["verify", &desk.named_store(), "--json"]);
        let found = ran.objects().remove(0);
        assert!(found["events"].as_u64() > Some(8) && found["compared"] == found["events"], "{found}");
        assert_eq!((&found["ok"], &found["left"], &found["problems"]), (&json!(true), &json!([]), &json!([])));
    }
}

#[test]
fn whatever_is_changed_of_what_is_shown_is_found_and_named() {
    for (statements, words) in [
        (
            &[
                "UPDATE events SET kind = 5, source = 'x', event_type = 'x', status = 'x', phase = 1, at = at + 1, \
                 order_time = order_time + 1, provider = 'x', participant = 'x', latency = 7, error = 'x', \
                 flags = flags | 32 WHERE id = 'u1'",
                "UPDATE events SET label = 'other' WHERE id = 'a1'",
                "UPDATE events SET usage_total = 7 WHERE usage_total = 59",
                "UPDATE events SET tool = 'x' WHERE tool = 'exec_command' AND phase = 1",
            ][..],
            &[
                "event u1: not as the record at byte 0",
                "tells it: time, kind, source, type, status, phase, provider, participant, latency, error, flags, order",
                "event a1: not as the record at byte 321 of",
                "tells it: label\n",
                "tells it: usage\n",
                "tells it: tool\n",
            ][..],
        ),
        (
            &[
                "UPDATE events SET model = 'x', turn = 'x', usage_input = 7, keys = '' WHERE id = 'a1'",
                "UPDATE events SET sequence = sequence + 1 WHERE id = 'u1'",
            ],
            &["tells it: turn, turn's hash, keys, model, usage\n", "tells it: order\n"],
        ),
        (
            &["UPDATE keys SET value = value || 'x' WHERE kind = 6", "UPDATE bodies SET role = 4 WHERE role = 0"],
            &["tells it: keys\n", "bodies\n"],
        ),
        (&["UPDATE attributes SET value = 'x'"], &["tells it: attributes\n"]),
        (
            &["UPDATE event_ids SET content = substr(content, 2) || substr(content, 1, 1) WHERE id = 'u1'"],
            &["tells it: content\n"],
        ),
        (
            &["UPDATE events SET id = 'x' WHERE id = 'u1'"],
            &["the event u1 of it is missing", "event x: the record at byte 0"],
        ),
        (
            &["UPDATE events SET session = (SELECT max(session) FROM sessions) WHERE id = 'u1'"],
            &["tells it: session", "not counted as its events are: events"],
        ),
        (
            &["UPDATE sessions SET title = 'x', cwd = 'x', turns = 99, tokens_output = 99, ended = 5"],
            &["not what its sources call it: title, cwd", "not counted as its events are: turns, tokens, ended"],
        ),
        (&["UPDATE tellings SET title = 'x' WHERE title IS NOT NULL"], &["tells it: title\n"]),
    ] {
        let desk = filled();
        spoil(&desk, statements);
        let told = faults(&desk);
        for words in words {
            assert!(told.contains(words), "{statements:?}: {words}: {told}");
        }
    }
}

#[test]
fn a_flipped_byte_of_a_store_is_found_or_changes_nothing_that_is_shown() {
    let desk = Desk::with_file();
    for (name, content) in [("claude", sample::claude()), ("codex", sample::codex().into_bytes())] {
        desk.import(&desk.write(&format!("in/{name}.jsonl"), content));
    }
    let (fresh, whole) = (told(&desk), fs::read(desk.store()).expect("reads"));
    // Pages with rows in them, at places that a multiplication scatters.
    let rows: Vec<usize> = whole.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(at, _)| at).collect();
    let mut found = 0;
    for step in 0..40_usize {
        let at = rows[step.wrapping_mul(0x9e37_79b9) % rows.len()];
        let mut changed = whole.clone();
        changed[at] ^= 1 << (step % 8);
        fs::write(desk.store(), changed).expect("writes");
        if desk.run(&["verify", text(&desk.store())]).code == 0 {
            assert_eq!(told(&desk), fresh, "byte {at}");
        } else {
            found += 1;
        }
    }
    assert!(found > 20, "{found} of 40 flipped bytes were found");
}

#[test]
fn what_cannot_be_compared_is_said_and_no_fault() {
    let desk = filled();
    spoil(&desk, &["UPDATE sources SET state = '' WHERE importer = 'codex'"]);
    let ran = desk.done(&["verify", &desk.named_store()]);
    assert!(ran.err.contains("1 source not compared: older rules have read it"), "{ran:?}");
    let found = desk.done(&["verify", &desk.named_store(), "--json"]).objects().remove(0);
    assert!(found["compared"].as_u64() < found["events"].as_u64(), "{found}");
    assert_eq!(found["left"][0]["path"], text(&desk.path("in/codex.jsonl")));
}

#[test]
fn a_file_that_grew_is_as_if_it_was_read_at_once() {
    let desk = Desk::new();
    let content = sample::claude();
    for cut in [content.len() / 3, content.len() / 2, content.len()] {
        let file = desk.write("in/claude.jsonl", &content[..cut]);
        desk.run(&["import", text(&file)]);
        let found = desk.done(&["verify", &desk.named_store(), "--json"]).objects().remove(0);
        assert_eq!(found["compared"], found["events"], "{found}");
    }
}

/// Two spans of one trace, in files of their own; one alone names the conversation.
fn spans() -> [String; 2] {
    let span = |id: &str, attributes: &str| {
        format!(
            "{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\
             \"spanId\":\"{id}\",\"name\":\"step\",\"startTimeUnixNano\":\"1700000000000000000\",\
             \"endTimeUnixNano\":\"1700000000000005000\",\"attributes\":[{attributes}]}}]}}]}}]}}\n"
        )
    };
    let named = "{\"key\":\"gen_ai.conversation.id\",\"value\":{\"stringValue\":\"conv-1\"}}";
    [span("00000000000000a1", ""), span("00000000000000a2", named)]
}

#[test]
fn events_that_stand_in_the_session_that_another_source_names_are_where_they_belong() {
    let desk = Desk::with_file();
    for (place, span) in spans().iter().enumerate() {
        desk.import(&desk.write(&format!("in/{place}.json"), span));
    }
    assert_eq!(desk.done(&["sessions", "--json"]).objects().len(), 1);
    let store = text(&desk.store()).to_owned();
    desk.done(&["copy", &store, "copy.db"]);
    for store in [store.as_str(), "copy.db"] {
        let found = desk.done(&["verify", store, "--json"]).objects().remove(0);
        assert_eq!((&found["compared"], &found["events"]), (&json!(2), &json!(2)), "{found}");
    }
    desk.import(&desk.write("in/odd.jsonl", "{\"a\":1}\n"));
    spoil(&desk, &["UPDATE events SET session = (SELECT session FROM sessions WHERE id = 'odd') WHERE id LIKE '%a1'"]);
    let told = faults(&desk);
    assert!(told.contains("not in the session that its trace belongs to"), "{told}");
}

/// All sorts of sources, of which some expire, with a trace that another source names.
fn with_traces() -> Desk {
    let desk = filled();
    for (place, span) in spans().iter().enumerate() {
        desk.import(&desk.write(&format!("in/{place}.json"), span));
    }
    let lasting =
        String::from_utf8_lossy(&sample::claude()).replace("5e551011-", "5e551099-").replace("\"u1\"", "\"l1\"");
    let lasting = desk.write("in/lasting.jsonl", lasting);
    desk.done(&["import", "--retention", "5", text(&lasting)]);
    desk
}

#[test]
fn what_is_changed_around_events_is_found_and_named() {
    for (statement, words) in [
        ("UPDATE sessions SET title = 'x' WHERE agent = 'otel'", "not called after its events: title\n"),
        ("UPDATE sessions SET project = 'x' WHERE agent = 'otel'", "not called after its events: project\n"),
        (
            "UPDATE sources SET lines = lines + 1 WHERE path LIKE '%in/claude.jsonl'",
            "in/claude.jsonl: not stored as reading it once more came to: lines\n",
        ),
        (
            "UPDATE sources SET records = records - 1 WHERE path LIKE '%in/codex.jsonl'",
            "in/codex.jsonl: not stored as reading it once more came to: records\n",
        ),
        ("UPDATE sources SET bad = 0 WHERE bad > 0", "in/odd.jsonl: not stored as reading it once more came to: bad\n"),
        ("UPDATE tellings SET since = since + 1 WHERE agent = 'codex'", "codex.jsonl tells it: since\n"),
        (
            "UPDATE records SET status = 1 WHERE status = 0",
            "the record at byte 0 is not stored as good, bad or cut as it is\n",
        ),
        ("UPDATE events SET expires = expires + 1 WHERE id = 'l1'", "tells it: expires\n"),
        ("UPDATE events SET received = received + 1 WHERE id = 'l1'", "tells it: expires\n"),
        ("UPDATE events SET received = 0 WHERE id = 'u1'", "tells it: expires\n"),
        (
            "UPDATE event_ids SET event = (SELECT max(event) FROM events) WHERE id = 'u1'",
            "its id u1 with the number 0 leads to another event\n",
        ),
    ] {
        let desk = with_traces();
        spoil(&desk, &[statement]);
        let told = faults(&desk);
        assert!(told.contains(words), "{statement}: {told}");
    }
}

#[test]
fn a_store_that_was_copied_or_purged_is_still_as_it_was_told() {
    let desk = with_traces();
    let sound = |store: &str| desk.done(&["verify", store]);
    let store = desk.named_store();
    sound(&store);
    desk.done(&["copy", &store, "copy.db"]);
    sound("copy.db");
    for session in [sample::CLAUDE, "conv-1"] {
        for store in [store.as_str(), "copy.db"] {
            let purge = ["purge", "--as-of", "2200-01-01T00:00:00Z", "--apply", "--session", session, "--store", store];
            desk.done(&purge);
            sound(store);
        }
    }
    desk.done(&["copy", "copy.db", "again.db"]);
    sound("again.db");
}
