//! What the server answers to whom, and what it does when it is told to stop.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use crate::desk::{Server, answer, turnscope};

#[test]
fn what_is_answered_for_is_there_and_a_resend_is_a_duplicate() {
    let server = Server::start(&[]);
    let body = json!({"event": "saved", "room": "blue", "eventId": "e1", "payload": {"file": "a.txt"}});
    let first = server.send(&body);
    assert_eq!(
        (first.status, first.json()),
        (200, json!({"status": "ok", "results": [{"id": "e1", "result": "stored"}]}))
    );
    assert_eq!(server.send(&body).results(), ["duplicate"]);
    let other = json!({"event": "saved", "room": "blue", "eventId": "e1", "payload": {"file": "b.txt"}});
    assert_eq!(server.send(&other).results(), ["conflict"]);
    let rows = server.rows("blue");
    assert_eq!(rows.len(), 2, "{rows:?}");
    // Without a name it is another event each time, and the answer says so.
    let unnamed = json!({"event": "tick", "room": "green"});
    assert_eq!(server.send(&unnamed).json()["results"][0]["generated"], json!(true));
    assert_eq!(server.send(&unnamed).results(), ["stored"]);
    for expected in ["stored", "duplicate"] {
        assert_eq!(server.send_with("\r\nIdempotency-Key: k1", &unnamed).results(), [expected]);
    }
    assert_eq!(server.rows("green").len(), 3);
    let (code, _) = server.end();
    assert_eq!(code, Some(0));
}

#[test]
fn a_wrong_event_sinks_no_other_and_a_body_of_wrong_ones_is_refused() {
    let server = Server::start(&[]);
    let mixed = server.send(&json!([{"event": "a", "eventId": "1"}, {"eventId": 2}, {"event": "c", "eventId": "3"}]));
    assert_eq!((mixed.status, mixed.results()), (200, ["stored", "rejected", "stored"].map(str::to_owned).to_vec()));
    assert_eq!(mixed.json()["results"][1]["reason"], json!("eventId: a text is expected"));
    let wrong = server.send(&json!({"kind": "voice"}));
    assert_eq!((wrong.status, wrong.results()), (400, vec!["rejected".to_owned()]));
    let empty = server.send(&json!([]));
    assert_eq!((empty.status, empty.results().len()), (200, 0));
}

#[test]
fn what_cannot_be_taken_is_answered_by_its_code_and_the_server_goes_on() {
    let server = Server::start(&[]);
    let post = |more: &str, body: &[u8]| server.ask(&format!("POST /api/agent/telemetry HTTP/1.1{more}"), body);
    assert_eq!(post("", b"{\"a\":").status, 400);
    assert_eq!(post("", b"\xff\xfe").status, 400);
    assert_eq!(post("\r\nContent-Type: application/x-protobuf", b"x").status, 415);
    assert_eq!(post("\r\nContent-Encoding: br", b"x").status, 415);
    assert_eq!(post("\r\nContent-Encoding: gzip", b"no gzip").status, 400);
    assert_eq!(post("\r\nOrigin: https://elsewhere.example", b"{}").status, 403);
    assert_eq!(post("\r\nOrigin: http://localhost:3000", b"{}").status, 200);
    let refused = post("\r\nAuthorization: Bearer wrong", b"{}");
    assert!(refused.status == 401 && refused.head.contains("www-authenticate: bearer"), "{refused:?}");
    let garbage: Vec<u8> = (0..10 << 20).map(|place: u32| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(post("", &garbage).status, 400);
    assert_eq!(post("", &vec![b' '; (64 << 20) + 1]).status, 413);
    assert_eq!(server.ask("GET /api/agent/telemetry HTTP/1.1", b"").status, 405);
    assert_eq!(server.ask("GET /nothing HTTP/1.1", b"").status, 404);
    // One that goes away in the middle of its body is nobody's trouble.
    let mut gone = server.connect();
    gone.write_all(b"POST /api/agent/telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{\"ev")
        .expect("is sent");
    drop(gone);
    assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").json(), json!({"status": "ok"}));
    let figures = server.ask("GET /metrics HTTP/1.1", b"").body;
    assert!(figures.contains("turnscope_items_total{result=\"stored\"} 1\n"), "{figures}");
}

#[test]
fn tokens_decide_who_may_send_and_end_when_they_are_revoked() {
    let server = Server::start(&[("AGENT_TELEMETRY_INGEST_TOKEN", " env-token ")]);
    let status = |bearer: &str| {
        let more = if bearer.is_empty() { String::new() } else { format!("\r\nAuthorization: {bearer}") };
        server.send_with(&more, &json!({"event": "x", "room": "r"})).status
    };
    assert_eq!((status(""), status("Bearer no"), status("Bearer env-token")), (401, 401, 200));
    let made = |arguments: &[&str]| server.command(arguments).trim().to_owned();
    let (ci, board) = (made(&["token", "add", "ci"]), made(&["token", "add", "board", "--scope", "read"]));
    // What is known of those that are revoked is a second old at most.
    let soon = |bearer: &str, wanted: u16| {
        (0..200).any(|_| {
            status(bearer) == wanted || {
                std::thread::sleep(Duration::from_millis(25));
                false
            }
        })
    };
    // A new one opens at once.
    assert_eq!((status(&format!("Bearer {ci}")), status(&format!("Bearer {board}"))), (200, 403));
    let fresh = made(&["token", "rotate", "ci", "--keep", "1h"]);
    assert_eq!((status(&format!("Bearer {fresh}")), status(&format!("Bearer {ci}"))), (200, 200), "both for a while");
    made(&["token", "revoke", "ci"]);
    assert!(soon(&format!("Bearer {fresh}"), 401) && soon(&format!("Bearer {ci}"), 401), "and neither then");
    let listed = server.command(&["token", "list", "--json"]);
    assert!(listed.lines().count() == 3 && !listed.contains(&fresh[10..]), "{listed}");
    // Who sent a row stands on it.
    let rows = server.rows("r");
    let shown = server.command(&["show", "r", rows[0]["id"].as_str().expect("an id"), "--part", "raw"]);
    assert!(shown.contains("service:environment"), "{shown}");
}

#[test]
fn stopping_finishes_what_was_begun() {
    let server = Server::start(&[]);
    let mut begun = server.connect();
    begun.write_all(b"POST /api/agent/telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 42\r\n\r\n").expect("is sent");
    begun.write_all(b"{\"event\":\"late\",\"room\":").expect("is sent");
    // It is being read now: a question on another connection is answered behind it.
    assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").status, 200);
    server.signal("TERM");
    begun.write_all(b"\"l\",\"eventId\":\"e1\"}").expect("is sent");
    assert_eq!(answer(begun).results(), ["stored"]);
    let (code, home) = server.end();
    assert_eq!(code, Some(0));
    let output = turnscope(home.path(), &["timeline", "l", "--json"]).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
}

#[test]
fn an_address_that_is_taken_and_keys_that_cannot_be_read_are_told() {
    let server = Server::start(&[]);
    let told = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = turnscope(server.home.path(), arguments).envs(variables.iter().copied()).output().expect("runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let taken = told(&["serve", "--listen", &server.address], &[]);
    assert!(taken.contains("could not listen on") && taken.contains("in use"), "{taken}");
    let missing: PathBuf = server.home.path().join("no.pem");
    let missing = missing.to_str().expect("is UTF-8");
    let no_key = told(&["serve", "--listen", "127.0.0.1:0"], &[("TURNSCOPE_JWT_PUBLIC_KEY", missing)]);
    assert!(no_key.contains("no.pem"), "{no_key}");
    fs::write(server.home.path().join("x.pem"), "no certificate").expect("is written");
    let no_certificate = told(&["serve", "--listen", "127.0.0.1:0", "--certificate", "x.pem", "--key", "x.pem"], &[]);
    assert!(no_certificate.contains("x.pem"), "{no_certificate}");
}

#[test]
fn a_secret_that_is_set_and_empty_opens_no_server() {
    let server = Server::start(&[]);
    for (name, value) in [
        ("AGENT_TELEMETRY_INGEST_TOKEN", ""),
        ("TURNSCOPE_JWT_SECRET", " "),
        ("TURNSCOPE_JWT_PUBLIC_KEY", ""),
        ("TURNSCOPE_JWKS", ""),
        ("TURNSCOPE_JWT_AUDIENCE", ""),
        ("TURNSCOPE_JWT_ISSUER", ""),
    ] {
        let output = turnscope(server.home.path(), &["serve", "--listen", "127.0.0.1:0"]).env(name, value).output();
        let output = output.expect("runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.contains(name)), (Some(2), true), "{told}");
    }
}

#[test]
fn what_is_received_expires_when_it_is_said_to() {
    let due = |arguments: &[&str], when: &str| {
        let server = Server::start_with(arguments);
        assert_eq!(server.send(&json!({"event": "x", "room": "r", "eventId": "1"})).status, 200);
        let spans =
            crate::otlp::request_of(&[crate::otlp::span("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")]);
        let head = "POST /v1/traces HTTP/1.1\r\nContent-Type: application/json";
        assert_eq!(server.ask(head, spans.to_string().as_bytes()).status, 200);
        let told = server.command(&["purge", "--json", "--as-of", when]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("is JSON");
        told["events"]["total"].as_i64().expect("a count")
    };
    let in_days = |days: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days)).to_string();
    assert_eq!((due(&[], &in_days(89)), due(&[], &in_days(91))), (0, 2));
    assert_eq!((due(&["--retention", "7"], &in_days(6)), due(&["--retention", "7"], &in_days(8))), (0, 2));
    assert_eq!(due(&["--retention", "0"], "2999-01-01T00:00:00Z"), 0);
    assert_eq!(due(&["--retention", "4294967295"], "2999-01-01T00:00:00Z"), 0);
}
