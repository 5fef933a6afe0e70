//! The server from outside: what it answers, and that what it has answered for is there.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A server in a home of its own.
struct Server {
    home: tempfile::TempDir,
    child: Child,
    address: String,
}

/// What was answered: the status, the head, the body.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What became of each event.
    fn results(&self) -> Vec<String> {
        let results = self.json()["results"].as_array().cloned().unwrap_or_default();
        results.iter().map(|result| result["result"].as_str().unwrap_or("?").to_owned()).collect()
    }
}

fn turnscope(home: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    command.args(arguments).current_dir(home).env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

impl Server {
    fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), variables)
    }

    fn start_in(home: tempfile::TempDir, variables: &[(&str, &str)]) -> Self {
        let mut command = turnscope(home.path(), &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.envs(variables.iter().copied()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut told = BufReader::new(child.stderr.take().expect("is piped"));
        let mut line = String::new();
        told.read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line}")).to_owned();
        // Nobody else reads what it says.
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        Self { home, child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("is set");
        stream
    }

    fn ask(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let length = body.len();
        let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("is sent");
        // A server that refuses need not read all of it.
        let _ = stream.write_all(body);
        answer(stream)
    }

    fn send(&self, body: &Value) -> Answer {
        self.send_with("", body)
    }

    fn send_with(&self, more: &str, body: &Value) -> Answer {
        let head = format!("POST /api/agent/telemetry HTTP/1.1\r\nContent-Type: application/json{more}");
        self.ask(&head, body.to_string().as_bytes())
    }

    fn command(&self, arguments: &[&str]) -> String {
        let output = turnscope(self.home.path(), arguments).output().expect("runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("is UTF-8")
    }

    fn rows(&self, session: &str) -> Vec<Value> {
        let rows = self.command(&["timeline", session, "--json"]);
        rows.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect()
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().expect("kill runs");
        assert!(done.success());
    }

    fn end(mut self) -> (Option<i32>, tempfile::TempDir) {
        self.signal("TERM");
        let code = self.child.wait().expect("it ends").code();
        (code, std::mem::replace(&mut self.home, tempfile::tempdir().expect("a folder")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // Where it closed before all was sent the connection is reset behind the answer.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

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
    // What is known of tokens is a second old at most.
    let soon = |bearer: &str, wanted: u16| {
        (0..200).any(|_| {
            status(bearer) == wanted || {
                std::thread::sleep(Duration::from_millis(25));
                false
            }
        })
    };
    assert!(soon(&format!("Bearer {ci}"), 200) && status(&format!("Bearer {board}")) == 403);
    let fresh = made(&["token", "rotate", "ci", "--keep", "1h"]);
    assert!(soon(&format!("Bearer {fresh}"), 200) && status(&format!("Bearer {ci}")) == 200, "both open for a while");
    made(&["token", "revoke", "ci"]);
    assert!(soon(&format!("Bearer {fresh}"), 401));
    let listed = server.command(&["token", "list", "--json"]);
    assert!(listed.lines().count() == 3 && !listed.contains(&fresh[10..]), "{listed}");
    // Who sent a row stands on it.
    let rows = server.rows("r");
    let shown = server.command(&["show", "r", rows[0]["id"].as_str().expect("an id"), "--part", "raw"]);
    assert!(shown.contains("service:environment"), "{shown}");
}

/// A span of a model call, as JSON.
fn span(trace: &str, id: &str) -> Value {
    json!({
        "traceId": trace, "spanId": id, "name": "chat m", "kind": 3,
        "startTimeUnixNano": "1772445600000000000", "endTimeUnixNano": "1772445601000000000",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}
        ]
    })
}

fn request_of(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "s"}, "spans": spans}]}]})
}

#[test]
fn spans_are_stored_once_and_what_cannot_be_read_is_counted() {
    let server = Server::start(&[]);
    let trace = "5b8efff798038103d269b633813fc60c";
    let post = |path: &str, kind: &str, body: &[u8]| {
        server.ask(&format!("POST {path} HTTP/1.1\r\nContent-Type: {kind}"), body)
    };
    let json_of = |value: &Value| post("/v1/traces", "application/json", value.to_string().as_bytes());
    let whole = request_of(&[span(trace, "eee19b7ec3c1b174"), span(trace, "eee19b7ec3c1b175")]);
    for _ in 0..2 {
        let answer = json_of(&whole);
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{answer:?}");
    }
    let rows = server.rows(&format!("trace:{trace}"));
    assert_eq!(rows.iter().filter(|row| row["kind"] == "model").count(), 2, "{rows:?}");
    assert_eq!(json_of(&json!({"resourceSpans": []})).json(), json!({}));
    // Nothing at all is an empty request in protobuf, and so is its answer.
    let empty = post("/v1/traces", "application/x-protobuf", b"");
    assert_eq!((empty.status, empty.body.as_str()), (200, ""));
    assert!(empty.head.contains("content-type: application/x-protobuf"), "{empty:?}");
    let wrong_way = post("/v1/logs", "application/json", whole.to_string().as_bytes());
    assert!(wrong_way.status == 400 && wrong_way.body.contains("/v1/traces"), "{wrong_way:?}");
    assert_eq!(post("/v1/traces", "text/html", b"x").status, 415);
    assert_eq!(post("/v1/traces", "application/json", b"{\"resourceSpans\":").status, 400);
    assert_eq!(post("/v1/traces", "application/x-protobuf", b"\xff\xff\xff").status, 400);
    let broken = json_of(&request_of(&[json!(5), span(trace, "eee19b7ec3c1b176")]));
    assert_eq!((broken.status, &broken.json()["partialSuccess"]["rejectedSpans"]), (200, &json!("1")), "{broken:?}");
}

#[test]
fn what_was_answered_for_outlives_a_kill() {
    let mut home = tempfile::tempdir().expect("a folder");
    let mut answered = 0;
    for round in 0..5 {
        let server = Server::start_in(home, &[]);
        for number in 0..20 + round * 7 {
            let body = json!({"event": "n", "room": "k", "eventId": format!("{round}-{number}"), "payload": number});
            assert_eq!(server.send(&body).results(), ["stored"]);
            answered += 1;
        }
        server.signal("KILL");
        let mut server = server;
        server.child.wait().expect("it is gone");
        home = std::mem::replace(&mut server.home, tempfile::tempdir().expect("a folder"));
    }
    let server = Server::start_in(home, &[]);
    assert_eq!(server.rows("k").len(), answered);
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
