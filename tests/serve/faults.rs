//! What goes wrong around the server: hostile bodies, a full disk, a store that may not be written or is held.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::desk::{Answer, SERVE, Server, answer, in_own_mounts, turnscope};
use crate::mounts::{is_root, own_mounts};
use crate::otlp::{protobuf_of, request_of, span};

const TELEMETRY: &str = "/api/agent/telemetry";
const PATHS: [&str; 3] = [TELEMETRY, "/v1/traces", "/v1/logs"];
const TRACE: &str = "5b8efff798038103d269b633813fc60c";
const MIB: usize = 1 << 20;
/// What the server may use at most: MiB.
const MEMORY: u64 = 256;

fn post(server: &Server, path: &str, more: &str, body: &[u8]) -> Answer {
    server.ask(&format!("POST {path} HTTP/1.1\r\n{more}"), body)
}

fn is_up(server: &Server, id: &str) {
    let stored = server.send(&json!({"event": "after", "room": "up", "eventId": id}));
    assert_eq!((stored.status, stored.results()), (200, vec!["stored".to_owned()]), "{stored:?}");
    assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").status, 200);
}

/// So many times 16 MiB of spaces, packed: a hundredth of a percent of that.
fn bomb(times: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 16 * MIB]).expect("is packed");
    encoder.finish().expect("is packed").repeat(times)
}

#[test]
fn what_unpacks_to_gigabytes_is_given_up_early() {
    let server = Server::start(&[]);
    let bomb = bomb(256);
    assert!(bomb.len() < 8 * MIB);
    for path in PATHS {
        for kind in ["application/json", "application/x-protobuf"] {
            let told = post(&server, path, &format!("Content-Type: {kind}\r\nContent-Encoding: gzip"), &bomb);
            if path == TELEMETRY && kind != "application/json" {
                assert_eq!(told.status, 415, "{told:?}");
            } else {
                assert!(told.status == 413 && told.body.contains("64 MiB"), "{path} {kind}: {told:?}");
            }
        }
    }
    is_up(&server, "1");
    assert!(server.memory() <= MEMORY, "{} MiB", server.memory());
}

#[test]
fn a_body_that_is_one_byte_too_long_is_refused_however_it_comes() {
    let server = Server::start(&[]);
    let long = vec![b' '; 64 * MIB + 1];
    for path in PATHS {
        let told = post(&server, path, "Content-Type: application/json", &long);
        assert!(told.status == 413 && told.body.contains("64 MiB"), "{path}: {told:?}");
        let mut stream = server.connect();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n");
        stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).expect("is sent");
        for part in long.chunks(4 * MIB) {
            let sent = stream.write_all(format!("{:x}\r\n", part.len()).as_bytes());
            // A server that refuses need not read all of it.
            if sent.and_then(|()| stream.write_all(part)).and_then(|()| stream.write_all(b"\r\n")).is_err() {
                break;
            }
        }
        let _ = stream.write_all(b"0\r\n\r\n");
        let told = answer(stream);
        assert!(told.status == 413 && told.body.contains("64 MiB"), "{path}, chunked: {told:?}");
    }
    is_up(&server, "1");
    assert!(server.memory() <= MEMORY, "{} MiB", server.memory());
}

#[test]
fn garbage_says_where_it_is_none_and_leaves_nothing() {
    let server = Server::start(&[]);
    let garbage: Vec<u8> =
        (0..10 * MIB as u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect();
    let mut half = json!([{"event": "x", "payload": "y".repeat(10 * MIB)}]).to_string().into_bytes();
    half.truncate(9 * MIB);
    for path in PATHS {
        for body in [&garbage, &half] {
            let told = post(&server, path, "Content-Type: application/json", body);
            assert!(told.status == 400 && told.body.contains("JSON"), "{path}: {told:?}");
            assert!(["line 1 column", "at byte"].iter().any(|place| told.body.contains(place)), "{path}: {told:?}");
        }
    }
    for path in &PATHS[1..] {
        let told = post(&server, path, "Content-Type: application/x-protobuf", &garbage);
        assert!(told.status == 400 && told.body.contains("at byte"), "{path}: {told:?}");
    }
    is_up(&server, "1");
    assert_eq!(server.figure("turnscope_items_total{result=\"stored\"}"), 1);
    assert!(server.memory() <= MEMORY, "{} MiB", server.memory());
}

#[test]
fn types_and_signals_that_do_not_fit_are_told_with_what_would() {
    let server = Server::start(&[]);
    for (path, kind, wanted) in [
        (TELEMETRY, "application/x-protobuf", "application/json"),
        (TELEMETRY, "multipart/form-data; boundary=x", "application/json"),
        ("/v1/traces", "text/html", "application/x-protobuf"),
        ("/v1/logs", "text/plain", "application/x-protobuf"),
    ] {
        let told = post(&server, path, &format!("Content-Type: {kind}"), b"{}");
        let name = kind.split(';').next().unwrap_or(kind);
        assert!(told.status == 415 && told.body.contains(name) && told.body.contains(wanted), "{path}: {told:?}");
    }
    let spans = request_of(&[span(TRACE, "eee19b7ec3c1b174")]).to_string();
    let logs =
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "hello"}}]}]}]}).to_string();
    let [in_spans, in_logs] = protobuf_of(TRACE);
    let bodies =
        [("application/json", spans.into_bytes(), logs.into_bytes()), ("application/x-protobuf", in_spans, in_logs)];
    for (number, (kind, spans, logs)) in bodies.iter().enumerate() {
        let head = format!("Content-Type: {kind}");
        let told = post(&server, "/v1/logs", &head, spans);
        assert!(told.status == 400 && told.body.contains("spans: send it to /v1/traces"), "{told:?}");
        let told = post(&server, "/v1/traces", &head, logs);
        assert!(told.status == 400 && told.body.contains("log records: send it to /v1/logs"), "{told:?}");
        let [traces, logged] = [post(&server, "/v1/traces", &head, spans), post(&server, "/v1/logs", &head, logs)];
        assert_eq!((traces.status, logged.status), (200, 200), "{traces:?} {logged:?}");
        is_up(&server, &number.to_string());
    }
}

#[test]
fn clients_that_go_away_in_the_middle_leave_nothing_behind() {
    let server = Server::start(&[]);
    for path in PATHS {
        for (head, body) in
            [("Content-Length: 9999999", "[{\"event\":\"x\"},"), ("Transfer-Encoding: chunked", "5\r\n[{}")]
        {
            let mut gone = server.connect();
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{head}\r\n\r\n{body}");
            gone.write_all(head.as_bytes()).expect("is sent");
        }
        // Nor does one that does not wait for its answer.
        let mut gone = server.connect();
        let head = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 2";
        gone.write_all(format!("POST {path} HTTP/1.1\r\n{head}\r\n\r\n[]").as_bytes()).expect("is sent");
    }
    is_up(&server, "1");
    assert_eq!(server.figure("turnscope_items_total{result=\"stored\"}"), 1);
}

#[test]
fn clients_that_dawdle_give_way_to_those_who_do_not() {
    let server = Server::start(&[]);
    let begun = |number: usize| {
        let mut slow = server.connect();
        let head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        let rest = ["", "Content-Length: 100\r\n\r\n{"][number % 2];
        slow.write_all(format!("{head}{rest}").as_bytes()).expect("is sent");
        slow
    };
    // More than are served at once; none of them ever says all.
    let slow: Vec<_> = (0..520).map(begun).collect();
    is_up(&server, "1");
    let is_closed = |mut stream: &std::net::TcpStream| {
        stream.set_nonblocking(true).expect("is set");
        std::io::Read::read(&mut stream, &mut [0; 1]).is_ok()
    };
    // Were it their own time that is over, it would be over for all of them.
    let closed = slow.iter().filter(|stream| is_closed(stream)).count();
    assert!((1..200).contains(&closed), "{closed} had to go");
}

/// Text that packing makes hardly smaller.
fn noise(size: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'0' + (state >> 32) as u8 % 64)
    };
    std::iter::repeat_with(next).take(size).collect::<String>().replace('\\', "x")
}

#[test]
fn large_bodies_together_stay_within_the_memory() {
    let server = Server::start(&[]);
    let text = "the quick brown fox ".repeat(MIB / 20);
    let events: Vec<_> = (0..60)
        .map(|place| json!({"event": "x", "room": "big", "eventId": place.to_string(), "payload": text}))
        .collect();
    let many: Vec<_> =
        (0..3000).map(|place| json!({"event": "x", "room": "many", "eventId": place.to_string()})).collect();
    let long = |size: usize| {
        let mut long = span(TRACE, "eee19b7ec3c1b174");
        long["attributes"] = json!([{"key": "gen_ai.prompt", "value": {"stringValue": text.repeat(size)}}]);
        long
    };
    let spans: Vec<_> = (1..3000).map(|id| span(TRACE, &format!("{id:016x}"))).collect();
    let bodies = [
        (TELEMETRY, json!(events).to_string()),
        (TELEMETRY, json!(many).to_string()),
        ("/v1/traces", request_of(&[long(15)]).to_string()),
        ("/v1/traces", request_of(&[long(60)]).to_string()),
        ("/v1/traces", request_of(&spans).to_string()),
        (
            "/v1/traces",
            format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{}{{}}]}}]}}]}}", "{},".repeat(20 * MIB)),
        ),
        (TELEMETRY, format!("[{}1]", "1,".repeat(30 * MIB))),
        (TELEMETRY, json!({"event": "x", "room": "one", "eventId": "one", "payload": noise(60 * MIB)}).to_string()),
    ];
    let told = ["\"59\",\"result\":\"stored\"", "\"2999\",\"result\":\"stored\"", "{}", "59 MiB, more than 16", "{}"];
    let refused = [(400, "more than 200000"), (400, "more than 100000")];
    let told = told.into_iter().map(|told| (200, told)).chain(refused).chain([(200, "\"one\",\"result\":\"stored\"")]);
    for ((path, body), (status, words)) in bodies.iter().zip(told) {
        assert!(body.len() <= 64 * MIB, "{} MiB", body.len() / MIB);
        let told = post(&server, path, "Content-Type: application/json", body.as_bytes());
        assert!(told.status == status && told.body.contains(words), "{path}, {} MiB: {told:?}", body.len() / MIB);
    }
    // All at once: who finds no room is told to come again.
    std::thread::scope(|scope| {
        let sending = bodies[..5].iter().map(|(path, body)| {
            scope.spawn(|| post(&server, path, "Content-Type: application/json", body.as_bytes()).status)
        });
        for sending in sending.collect::<Vec<_>>() {
            let status = sending.join().expect("is answered");
            assert!(matches!(status, 200 | 503), "{status}");
        }
    });
    is_up(&server, "1");
    assert!(server.memory() <= MEMORY, "{} MiB", server.memory());
}

/// Sends events until one is refused; how many were answered for, and the refusal.
fn fill(server: &Server) -> (Vec<String>, Answer) {
    let mut kept = Vec::new();
    loop {
        let id = format!("e{}", kept.len());
        // What does not compress.
        let noise: String = (0..20_000_u64)
            .map(|n| format!("{:x}", (n + 1).wrapping_mul(kept.len() as u64 ^ 0x9e37_79b9_7f4a_7c15)))
            .collect();
        let told = server.send(&json!({"event": "fill", "room": "full", "eventId": id, "payload": noise}));
        if told.status != 200 {
            return (kept, told);
        }
        assert_eq!(told.results(), ["stored"]);
        kept.push(id);
        assert!(kept.len() < 1000, "it never gets full");
    }
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter()
        .flat_map(|row| row["events"].as_array().expect("a list"))
        .map(|id| id.as_str().expect("a text").to_owned())
        .collect()
}

#[test]
fn a_file_that_may_not_grow_is_told_and_what_was_answered_for_stays() {
    let server = Server::start_short_of_room(tempfile::tempdir().expect("a folder"), 6000);
    let (kept, told) = fill(&server);
    assert!(!kept.is_empty());
    assert!(matches!(told.status, 503 | 507) && told.head.contains("retry-after"), "{told:?}");
    assert!(told.body.contains("turnscope.db") || told.body.contains("disk"), "{told:?}");
    assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").status, 200);
    let spans = request_of(&[span(TRACE, "eee19b7ec3c1b174")]).to_string();
    let spans = post(&server, "/v1/traces", "Content-Type: application/json", spans.as_bytes());
    assert!(matches!(spans.status, 200 | 503 | 507), "{spans:?}");
    let (code, home) = server.end();
    assert_eq!(code, Some(0));
    let server = Server::start_in(home, &[]);
    assert_eq!(ids(&server.rows("full"))[..kept.len()], kept);
    let again =
        server.send(&json!({"event": "fill", "room": "full", "eventId": format!("e{}", kept.len()), "payload": 1}));
    assert_eq!(again.status, 200);
}

#[test]
fn a_full_disk_is_told_as_such_and_works_again_when_there_is_room() {
    let Some(server) =
        in_own_mounts("mount -t tmpfs -o size=64m none . && cd \"$1\" && head -c 33000000 /dev/zero >ballast")
    else {
        return;
    };
    let (kept, told) = fill(&server);
    assert!(told.status == 507 && told.head.contains("retry-after") && told.body.contains("disk is full"), "{told:?}");
    assert!(!kept.is_empty());
    let health = server.ask("GET /healthz HTTP/1.1", b"");
    assert!(health.status == 507 && health.body.contains("disk is full"), "{health:?}");
    let spans: Vec<_> = (1..20_000).map(|id| span(TRACE, &format!("{id:016x}"))).collect();
    let spans =
        post(&server, "/v1/traces", "Content-Type: application/json", request_of(&spans).to_string().as_bytes());
    // Exporters would not try again after a 507.
    assert!(spans.status == 503 && spans.head.contains("retry-after"), "{spans:?}");
    assert!(spans.body.contains("disk is full"), "{spans:?}");
    // Room comes back little by little; in between somebody else takes all that was left.
    let ballast = File::options().append(true).open(server.inside("ballast")).expect("is there");
    for place in 0..2 {
        let id = format!("e{}", kept.len() + place);
        let mebibytes = room_for(&server, &ballast, &id);
        assert!([1..3, 10..20][place].contains(&mebibytes), "{mebibytes} MiB came back");
        while (&ballast).write_all(&[0; 4096]).is_ok() {}
    }
    let store = server.inside(".local/share/turnscope/turnscope.db");
    let store = store.to_str().expect("is UTF-8");
    let rows = server.command(&["--store", store, "timeline", "full", "--json"]);
    assert_eq!(rows.lines().count(), kept.len() + 2);
}

/// Makes a file shorter, MiB by MiB, until an event is taken; how many it took.
fn room_for(server: &Server, ballast: &File, id: &str) -> u64 {
    let whole = ballast.metadata().expect("is there").len();
    for mebibytes in 1.. {
        ballast.set_len(whole - mebibytes * MIB as u64).expect("is shorter");
        let told = server.send(&json!({"event": "fill", "room": "full", "eventId": id, "payload": 1}));
        if told.status == 200 {
            assert_eq!(told.results(), ["stored"], "{told:?}");
            return mebibytes;
        }
        assert!(told.status == 507 && told.body.contains("disk is full"), "{told:?}");
    }
    unreachable!("a file cannot be made shorter for ever")
}

#[test]
fn a_request_that_was_stored_in_part_is_whole_and_counted_once_when_it_comes_again() {
    // Its parts are of a thousand each. Ids, none at all, and the same element several times.
    let spans: Vec<_> = (0..4000)
        .map(|place: usize| {
            let mut span = span(TRACE, &format!("{:016x}", place + 1));
            span["attributes"][2]["value"]["intValue"] = json!(place.to_string());
            match place % 4 {
                0 => span["spanId"] = json!(""),
                1 => (span["traceId"], span["spanId"]) = (json!(null), json!(null)),
                2 => (span["spanId"], span["name"]) = (json!(""), json!("the same")),
                _ => {}
            }
            if place % 4 == 2 {
                span["attributes"] = json!([]);
            }
            span
        })
        .collect();
    let spans = request_of(&spans).to_string();
    let records: Vec<_> = (0..4000)
        .map(|place: usize| json!({"timeUnixNano": "1772445600000000000", "body": {"intValue": place.to_string()}}))
        .collect();
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).to_string();
    let tokens: usize = (0..4000).filter(|place| place % 4 != 2).sum();
    let first = Server::start(&[]);
    is_up(&first, "1");
    let short = Server::start_short_of_room(first.end().1, 5000);
    let json = "Content-Type: application/json";
    let told = post(&short, "/v1/traces", json, spans.as_bytes());
    assert!(matches!(told.status, 503 | 507) && told.head.contains("retry-after"), "{told:?}");
    let first = short.figure("turnscope_items_total{result=\"stored\"}");
    assert!((1000..4000).contains(&first), "{first} were stored of it");
    let server = Server::start_in(short.end().1, &[]);
    for round in 0..2 {
        for (path, body) in [("/v1/traces", &spans), ("/v1/logs", &logs)] {
            let told = post(&server, path, json, body.as_bytes());
            assert_eq!((told.status, told.body.as_str()), (200, "{}"), "{path}");
        }
        let counted = ["stored", "duplicate"]
            .map(|result| server.figure(&format!("turnscope_items_total{{result=\"{result}\"}}")));
        assert_eq!(counted, [8000 - first, first + 8000 * round]);
    }
    let (_, home) = server.end();
    let sessions = turnscope(home.path(), &["sessions", "--json"]).output().expect("runs").stdout;
    let sessions: Vec<Value> =
        sessions.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let sum = |count: fn(&Value) -> &Value| sessions.iter().filter_map(|session| count(session).as_u64()).sum::<u64>();
    assert_eq!(sum(|session| &session["events"]), 8001);
    assert_eq!(sum(|session| &session["tokens"]["total"]), tokens as u64);
}

#[test]
fn a_store_that_may_only_be_read_is_no_store_to_serve() {
    let first = Server::start(&[]);
    is_up(&first, "1");
    let (_, home) = first.end();
    let folder = home.path().join(".local/share/turnscope");
    let read_only = "mount --bind .local .local && mount -o remount,bind,ro .local";
    let refused = own_mounts(home.path(), read_only, env!("CARGO_BIN_EXE_turnscope"), &SERVE);
    let output = match refused {
        Some(mut command) => command.output().expect("runs"),
        // Whoever is not root may be kept out by the file itself.
        None if !is_root() => {
            set_mode(&folder.join("turnscope.db"), 0o444);
            turnscope(home.path(), &SERVE).output().expect("runs")
        }
        None => return,
    };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("turnscope.db") && told.contains("cannot be written (read-only)"), "{told}");
}

#[test]
fn nothing_is_answered_for_that_goes_into_a_store_which_was_moved_away() {
    let server = Server::start(&[]);
    is_up(&server, "e1");
    let (store, elsewhere) = (server.store(), server.home.path().join("old.db"));
    std::fs::rename(&store, &elsewhere).expect("is moved");
    let refused = server.send(&json!({"event": "x", "eventId": "e2"}));
    assert!(refused.status == 503 && refused.body.contains("put it back, or start again"), "{refused:?}");
    assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").status, 503);
    server.must_say("nothing can be stored: the store");
    // A copy in its place is another file, and what is sent would be in neither.
    std::fs::copy(&elsewhere, &store).expect("is copied");
    for told in [server.send(&json!({"event": "x", "eventId": "e2"})), server.ask("GET /healthz HTTP/1.1", b"")] {
        assert!(told.status == 503 && told.body.contains("restart to use the one that is there now"), "{told:?}");
    }
    server.must_say("restart to use the one that is there now");
    std::fs::rename(&elsewhere, &store).expect("is moved back");
    assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").status, 200);
    is_up(&server, "e2");
    server.must_say("what is sent is stored again");
}

fn set_mode(path: &Path, mode: u32) {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions).expect("is set");
}

#[test]
fn a_store_that_another_process_holds_is_busy_until_it_is_free() {
    let server = Server::start(&[]);
    is_up(&server, "1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    let options = SqliteConnectOptions::new().filename(server.store());
    let mut other = runtime.block_on(async {
        let mut other = SqliteConnection::connect_with(&options).await.expect("connects");
        sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.expect("locks");
        other
    });
    let spans = request_of(&[span(TRACE, "eee19b7ec3c1b174")]).to_string();
    std::thread::scope(|scope| {
        let traces = scope.spawn(|| post(&server, "/v1/traces", "Content-Type: application/json", spans.as_bytes()));
        let event = server.send(&json!({"event": "x", "room": "up", "eventId": "2"}));
        for told in [event, traces.join().expect("is answered")] {
            assert!(told.status == 503 && told.head.contains("retry-after"), "{told:?}");
            assert!(told.body.contains("busy"), "{told:?}");
        }
    });
    assert_eq!(server.ask("GET /healthz HTTP/1.1", b"").status, 200);
    runtime.block_on(sqlx::query("ROLLBACK").execute(&mut other)).expect("frees");
    let again = server.send(&json!({"event": "x", "room": "up", "eventId": "2"}));
    assert!(again.status == 200, "{again:?}");
    is_up(&server, "3");
    assert_eq!(server.rows("up").len(), 3);
}
