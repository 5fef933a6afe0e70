//! How bodies may come: slowly, in chunks, when they are asked for, and not at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::desk::{Server, answer};

const MIB: usize = 1 << 20;

/// A body of so many MiB, of which all is one event.
fn large(id: &str, size: usize) -> Vec<u8> {
    let text = "the quick brown fox ".repeat(size * MIB / 20);
    json!({"event": "x", "room": "large", "eventId": id, "payload": text}).to_string().into_bytes()
}

/// Begins to send a body: its head, with more of it, and the first bytes.
fn begin(server: &Server, more: &str, body: &[u8], first: usize) -> TcpStream {
    let mut stream = server.connect();
    let length = body.len();
    let head = format!("POST /api/agent/telemetry HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}");
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n").as_bytes()).expect("is sent");
    stream.write_all(&body[..first]).expect("is sent");
    stream
}

fn small(server: &Server, id: &str) -> Vec<String> {
    server.send(&json!({"event": "x", "room": "small", "eventId": id})).results()
}

/// What comes before the answer proper: its first line, or nothing within a moment.
fn first_line(stream: &TcpStream, within: Duration) -> Option<String> {
    stream.set_read_timeout(Some(within)).expect("is set");
    let mut line = String::new();
    let read = BufReader::with_capacity(1, stream).read_line(&mut line);
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("is set");
    read.ok().map(|_| line.trim().to_owned())
}

#[test]
fn large_bodies_that_come_slowly_keep_no_small_one_out() {
    let server = Server::start(&[]);
    let bodies: Vec<Vec<u8>> = (0..3).map(|place| large(&format!("l{place}"), 16)).collect();
    let slow: Vec<TcpStream> = bodies.iter().map(|body| begin(&server, "", body, MIB / 8)).collect();
    for place in 0..20 {
        assert_eq!(small(&server, &format!("s{place}")), ["stored"]);
    }
    std::thread::scope(|scope| {
        let sending = bodies.iter().zip(slow).map(|(body, mut stream)| {
            scope.spawn(move || {
                for part in body[MIB / 8..].chunks(MIB) {
                    stream.write_all(part).expect("is sent");
                    std::thread::sleep(Duration::from_millis(5));
                }
                answer(stream)
            })
        });
        let sending: Vec<_> = sending.collect();
        for place in 20..40 {
            assert_eq!(small(&server, &format!("s{place}")), ["stored"]);
        }
        for sending in sending {
            let told = sending.join().expect("is answered");
            assert_eq!((told.status, told.results()), (200, vec!["stored".to_owned()]), "{told:?}");
        }
    });
    assert_eq!((server.rows("small").len(), server.rows("large").len()), (40, 3));
}

#[test]
fn a_body_that_is_asked_for_is_sent_then_and_none_that_is_refused() {
    let server = Server::start(&[]);
    let asks = "Expect: 100-continue\r\n";
    let body = json!({"event": "x", "room": "r", "eventId": "1"}).to_string().into_bytes();
    let mut stream = begin(&server, asks, &body, 0);
    assert_eq!(first_line(&stream, Duration::from_secs(60)).as_deref(), Some("HTTP/1.1 100 Continue"));
    assert_eq!(first_line(&stream, Duration::from_secs(60)).as_deref(), Some(""));
    stream.write_all(&body).expect("is sent");
    assert_eq!(answer(stream).results(), ["stored"]);
    for (more, status) in [
        ("Content-Type: text/html\r\n", "415"),
        ("Content-Encoding: br\r\n", "415"),
        ("Authorization: Bearer wrong\r\n", "401"),
        ("Content-Type: application/json; charset=latin1\r\n", "415"),
    ] {
        let stream = begin(&server, &format!("{asks}{more}"), &body, 0);
        let told = first_line(&stream, Duration::from_secs(60)).unwrap_or_default();
        assert!(told.starts_with(&format!("HTTP/1.1 {status}")), "{more}: {told}");
    }
    // A large one is asked for when its turn comes.
    let (one, two) = (large("l1", 6), large("l2", 6));
    let mut first = begin(&server, "", &one, MIB);
    assert_eq!(small(&server, "s1"), ["stored"]);
    let mut second = begin(&server, asks, &two, 0);
    assert_eq!(first_line(&second, Duration::from_millis(300)), None);
    first.write_all(&one[MIB..]).expect("is sent");
    assert_eq!(answer(first).results(), ["stored"]);
    assert_eq!(first_line(&second, Duration::from_secs(60)).as_deref(), Some("HTTP/1.1 100 Continue"));
    assert_eq!(first_line(&second, Duration::from_secs(60)).as_deref(), Some(""));
    second.write_all(&two).expect("is sent");
    assert_eq!(answer(second).results(), ["stored"]);
}

#[test]
fn a_body_in_chunks_of_any_size_is_the_same_body() {
    let server = Server::start(&[]);
    for (id, size, step) in [("1", 0, 7), ("2", 1, 4001), ("3", 6, MIB)] {
        let body = large(id, size);
        let mut stream = server.connect();
        let head = "POST /api/agent/telemetry HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).expect("is sent");
        for part in body.chunks(step) {
            let chunk = [format!("{:X};x=y\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
            stream.write_all(&chunk).expect("is sent");
        }
        stream.write_all(b"0\r\nTrailer: x\r\n\r\n").expect("is sent");
        let told = answer(stream);
        assert_eq!((told.status, told.results()), (200, vec!["stored".to_owned()]), "{id}: {told:?}");
    }
    // What ends in the middle of a chunk was no body.
    let mut stream = server.connect();
    let head = "POST /api/agent/telemetry HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let begun = format!("{head}Transfer-Encoding: chunked\r\n\r\nff\r\n{{\"event\":\"x\"}}");
    stream.write_all(begun.as_bytes()).expect("is sent");
    stream.shutdown(Shutdown::Write).expect("is shut");
    let mut told = String::new();
    let _ = stream.read_to_string(&mut told);
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 400"), "{told}");
    assert_eq!(server.figure("turnscope_items_total{result=\"stored\"}"), 3);
}

#[test]
fn who_goes_away_while_waiting_for_a_turn_holds_up_nobody() {
    let server = Server::start(&[]);
    let body = large("l1", 8);
    let mut first = begin(&server, "", &body, MIB);
    let waiting: Vec<TcpStream> = (0..8).map(|_| begin(&server, "", &body, 100)).collect();
    // They have been seen when one behind them is answered.
    assert_eq!(small(&server, "s1"), ["stored"]);
    drop(waiting);
    first.write_all(&body[MIB..]).expect("is sent");
    assert_eq!(answer(first).results(), ["stored"]);
    // Nor does one that goes when it is its turn.
    drop(begin(&server, "", &body, 2 * MIB));
    let last = large("l2", 8);
    let mut stream = begin(&server, "", &last, MIB);
    stream.write_all(&last[MIB..]).expect("is sent");
    assert_eq!(answer(stream).results(), ["stored"]);
    assert_eq!(server.rows("large").len(), 2);
}

/// A user's token with a header.
fn token(header: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"sub": "ada", "exp": jiff::Timestamp::now().as_second() + 600});
    let message = format!("{}.{}", part(header), part(&claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"a secret"), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_users_token_that_asks_for_what_is_not_known_opens_nothing() {
    let server = Server::start(&[("TURNSCOPE_JWT_SECRET", "a secret")]);
    let status = |header: Value| {
        let more = format!("\r\nAuthorization: Bearer {}", token(&header));
        server.send_with(&more, &json!({"event": "x", "room": "r", "eventId": "1"})).status
    };
    assert_eq!(status(json!({"alg": "HS256"})), 200);
    for header in [json!({"alg": "HS256", "crit": ["b64"], "b64": false}), json!({"alg": "HS256", "crit": []})] {
        assert_eq!(status(header), 401);
    }
    assert_eq!(status(json!({"alg": "none"})), 401);
}
