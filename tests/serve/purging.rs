//! A purge beside the server, killed again and again: the server goes on, and receipts tell what went.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::desk::{Client, Server, turnscope};
use crate::otlp::{request_of, span};

/// All that was stored so far has expired then.
const LATER: [&str; 5] = ["purge", "--apply", "--json", "--as-of", "2999-01-01T00:00:00Z"];
const TRACE: &str = "5b8efff798038103d269b633813fc60c";

/// Sends events and spans, one request after another, until it is told to end; how many were stored.
fn send(server: &Server, ends: &AtomicBool) -> usize {
    let mut connection = Client::connect(&server.address);
    let mut stored = 0;
    for number in 1.. {
        if ends.load(Ordering::Relaxed) {
            break;
        }
        let events: Value = (0..20)
            .map(|part| {
                let payload = format!("{number} {part} ").repeat(50);
                json!({"event": "n", "room": format!("room {}", number % 3), "eventId": format!("{number}-{part}"), "payload": payload})
            })
            .collect();
        let spans = request_of(&[span(TRACE, &format!("{number:016x}"))]);
        for (path, body, count) in [("/api/agent/telemetry", events, 20), ("/v1/traces", spans, 1)] {
            let told = connection.post(path, "application/json", body.to_string().as_bytes());
            let (status, told) = told.expect("it answers");
            assert_eq!(status, 200, "{told}");
            stored += count;
        }
    }
    stored
}

#[test]
fn a_purge_that_is_killed_leaves_the_server_and_its_receipts_sound() {
    let server = Server::start(&[]);
    let (ends, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let stored = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(&server, &ends));
        for round in 0..6 {
            let mut purge = turnscope(server.home.path(), &LATER);
            let mut purge = purge.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
            std::thread::sleep(Duration::from_millis(40 + round * 90));
            purge.kill().expect("is killed, or has ended");
            purge.wait().expect("it is gone");
            rounds.fetch_add(1, Ordering::Relaxed);
            assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").status, 200);
        }
        ends.store(true, Ordering::Relaxed);
        sending.join().expect("it is answered")
    });
    // What is left goes now, while the server still runs, and it takes more afterwards.
    let last: Value = serde_json::from_str(&server.command(&LATER)).expect("is JSON");
    assert_eq!(last["state"], "done", "{last}");
    let after = json!({"event": "after", "room": "room 0", "eventId": "after", "payload": "kept"});
    assert_eq!(server.send(&after).results(), ["stored"]);
    assert_eq!(server.send(&json!({"event": "n", "room": "room 1", "eventId": "1-0"})).status, 200);

    let receipts = server.command(&["purge", "receipts", "--json"]);
    let receipts: Vec<Value> = receipts.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    let purged: i64 = receipts.iter().map(|receipt| receipt["events"]["total"].as_i64().expect("a count")).sum();
    assert_eq!(purged, stored as i64, "{receipts:#?}");
    let killed = receipts.iter().filter(|receipt| receipt["state"] == "unfinished").count();
    assert!(killed > 0 && receipts.len() <= rounds.into_inner() + 1, "{receipts:#?}");
    let sound = server.command(&["verify", server.store().to_str().expect("is UTF-8")]);
    assert!(sound.contains("all well"), "{sound}");
    let rows = server.rows("room 0");
    let last = rows.last().expect("there are some");
    assert_eq!(server.command(&["show", "room 0", last["id"].as_str().expect("an id"), "--part", "input"]), "\"kept\"");
}

/// An exporter sends a span again that was purged in the meantime.
#[test]
fn what_was_purged_and_comes_again_leaves_no_bytes() {
    let server = Server::start(&[]);
    let secret = "the-secret-that-was-purged";
    let mut told = span(TRACE, "00000000000000aa");
    let prompt = json!({"key": "gen_ai.input.messages", "value": {"stringValue": format!(r#"[{{"role":"user","content":"{secret}"}}]"#)}});
    told["attributes"].as_array_mut().expect("a list").push(prompt);
    let send = || {
        let body = request_of(&[told.clone()]).to_string();
        let answer = server.ask("POST /v1/traces HTTP/1.1\r\nContent-Type: application/json", body.as_bytes());
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{answer:?}");
    };
    send();
    server.command(&["purge", "--session", &format!("trace:{TRACE}"), "--all", "--apply"]);
    send();
    let (_, home) = server.end();
    let run = |arguments: &[&str]| {
        let output = turnscope(home.path(), arguments).output().expect("runs");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("is text")
    };
    run(&["vacuum"]);
    let store = home.path().join(".local/share/turnscope/turnscope.db");
    let bytes = std::fs::read(&store).expect("is there");
    assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "its bytes are in the store again");
    let rows = run(&["timeline", &format!("trace:{TRACE}"), "--json"]);
    assert!(rows.contains("purged") && !rows.contains(secret), "{rows}");
    assert!(run(&["verify", store.to_str().expect("is UTF-8")]).contains("all well"));
}
