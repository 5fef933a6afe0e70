//! Writers to a store in PostgreSQL whose server falls silent: they give up in time, and what they send again is there once.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::database::Database;
use crate::desk::{Desk, text};
use crate::proxy::{Proxy, Then};

/// Far below the deadline that is usual, and far above what a test takes that goes well.
const IN_TIME: Duration = Duration::from_secs(60);

fn address(database: &Database, proxy: &Proxy) -> String {
    format!(
        "postgres://tester@127.0.0.1:{}/{}?write_timeout=1&statement_timeout=1&connect_timeout=2&sslmode=disable",
        proxy.port,
        database.name()
    )
}

#[test]
fn an_import_gives_up_when_a_commit_is_not_answered_and_the_next_one_changes_nothing() {
    let Some(database) = Database::empty() else { return };
    let desk = Desk::with_file();
    let lines: String = (0..50).map(|number| format!("{{\"message\":\"number {number}\"}}\n")).collect();
    let file = desk.write("a.jsonl", lines);
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    // The tables are there.
    desk.done(&["--store", &database.url(), "import", text(&desk.write("b.jsonl", "{\"b\":1}\n"))]);
    *proxy.silent_at.lock().expect("no panic") = Some(b"COMMIT");
    let began = Instant::now();
    let told = desk.refused(1, &["--store", &address(&database, &proxy), "import", text(&file)]);
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
    assert!(told.contains("took too long to answer: no answer within 1 s"), "{told}");
    assert_eq!(*proxy.silent_at.lock().expect("no panic"), None, "it was the commit that was not answered");
    desk.done(&["--store", &database.url(), "import", text(&file)]);
    let session = |store: &str| {
        let sessions = desk.done(&["--store", store, "sessions", "--json"]).objects();
        sessions.into_iter().find(|session| session["id"] == "a").expect("is there")
    };
    let plain = desk.named_store();
    desk.done(&["--store", &plain, "import", text(&file)]);
    assert_eq!(session(&database.url()), session(&plain), "as if nothing had gone wrong");
}

#[test]
fn a_server_that_falls_silent_anywhere_holds_no_import_for_ever() {
    let Some(database) = Database::empty() else { return };
    let desk = Desk::with_file();
    desk.done(&["--store", &database.url(), "import", text(&desk.write("b.jsonl", "{\"b\":1}\n"))]);
    for (number, after) in [0, 300, 900, 1500, 2500, 4000].into_iter().enumerate() {
        let file = desk.write(&format!("s{number}.jsonl"), format!("{{\"message\":\"after {after}\"}}\n"));
        let proxy = Proxy::start(&database.socket(), after, Then::Stall);
        let began = Instant::now();
        let ran = desk.run(&["--store", &address(&database, &proxy), "import", text(&file)]);
        assert!(ran.code == 1 && began.elapsed() < IN_TIME, "{after}: {ran:?}, {:?}", began.elapsed());
        desk.done(&["--store", &database.url(), "import", text(&file)]);
        let events = database.texts(&format!(
            "SELECT count(*)::text FROM turnscope.events e JOIN turnscope.sessions s USING (session) WHERE s.id = 's{number}'"
        ));
        assert_eq!(events, ["1"], "{after}");
    }
}

/// A running server; it goes with the test.
struct Serving {
    process: Child,
    place: String,
}

impl Serving {
    fn start(desk: &Desk, store: &str) -> Self {
        let mut command = desk.command(&["--store", store, "serve", "--listen", "127.0.0.1:0"]);
        let mut process = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("starts");
        let mut told = BufReader::new(process.stderr.take().expect("is piped"));
        let mut line = String::new();
        while !line.contains("listening on http://") {
            line.clear();
            assert!(told.read_line(&mut line).expect("reads") > 0, "it listens");
        }
        let place = line.trim().rsplit("http://").next().expect("a place").to_owned();
        // What it says later must not block it.
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        Self { process, place }
    }

    /// The status and the body of the answer to an event.
    fn post(&self, event: &Value) -> (String, String) {
        let body = event.to_string();
        let mut stream = TcpStream::connect(&self.place).expect("connects");
        stream.set_read_timeout(Some(IN_TIME)).expect("is set");
        let request = format!(
            "POST /api/agent/telemetry HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.place,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer in time");
        let status = answer.split(' ').nth(1).expect("a status").to_owned();
        (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_of_ours_answers_503_and_goes_on_over_another_connection() {
    let Some(database) = Database::empty() else { return };
    let desk = Desk::with_file();
    let proxy = Proxy::start(&database.socket(), 0, Then::GoOn);
    let serving = Serving::start(&desk, &address(&database, &proxy));
    let event = |id: &str| {
        json!({"kind": "model", "eventId": id, "sessionId": "voice-1", "room": "blue", "source": "voice_agent",
            "eventType": "conversation_item_added", "status": "user", "input": {"text": id}})
    };
    let (status, body) = serving.post(&event("first"));
    assert_eq!(status, "200", "{body}");
    *proxy.silent_at.lock().expect("no panic") = Some(b"COMMIT");
    let (status, body) = serving.post(&event("second"));
    assert_eq!(status, "503", "{body}");
    // That connection stays silent for ever.
    let began = Instant::now();
    let (status, body) = loop {
        let (status, body) = serving.post(&event("second"));
        if status != "503" {
            break (status, body);
        }
        assert!(began.elapsed() < IN_TIME, "{body}");
    };
    assert_eq!(status, "200", "{body}");
    assert!(body.contains("duplicate") || body.contains("stored"), "{body}");
    let (status, body) = serving.post(&event("third"));
    assert_eq!(status, "200", "{body}");
    let ids = database.texts("SELECT id FROM turnscope.events WHERE id IN ('first', 'second', 'third') ORDER BY id");
    assert_eq!(ids, ["first", "second", "third"]);
}
