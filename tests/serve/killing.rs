//! Killed under load, again and again: all that was answered for is there, once, and what is sent again is known.
//!
//! `TURNSCOPE_KILLS=N` says how often; without it a few times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use crate::desk::{Client, Server};
use crate::otlp::{request_of, span};

const TELEMETRY: &str = "/api/agent/telemetry";
const TRACE: &str = "5b8efff798038103d269b633813fc60c";
/// How many clients send at once, each in its own way.
const CLIENTS: usize = 4;

fn kills() -> usize {
    std::env::var("TURNSCOPE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(5)
}

/// What is sent in one request: the path, the body, and what its events are called.
struct Sent {
    path: &'static str,
    body: Value,
    ids: Vec<String>,
}

fn event(id: &str) -> Value {
    json!({"event": "n", "room": "kills", "eventId": id, "kind": "model", "payload": {"text": id.repeat(20)}})
}

/// The request of a client with a number.
fn request(round: usize, client: usize, number: usize) -> Sent {
    let ids = |many: usize| (0..many).map(|part| format!("{round}-{client}-{number}-{part}")).collect::<Vec<_>>();
    match client % 3 {
        0 => {
            let ids = ids(1);
            Sent { path: TELEMETRY, body: event(&ids[0]), ids }
        }
        1 => {
            let ids = ids(7);
            Sent { path: TELEMETRY, body: ids.iter().map(|id| event(id)).collect(), ids }
        }
        _ => {
            let spans: Vec<String> = (1..6)
                .map(|part| format!("{:016x}", ((round << 40) | (client << 32) | (number << 4) | part) as u64))
                .collect();
            let body = request_of(&spans.iter().map(|id| span(TRACE, id)).collect::<Vec<_>>());
            Sent { path: "/v1/traces", body, ids: spans }
        }
    }
}

/// Whether everything in a request was answered for.
fn is_answered(told: &std::io::Result<(u16, String)>, sent: &Sent) -> bool {
    let Ok((status, body)) = told else { return false };
    assert_eq!(*status, 200, "{body}");
    let told: Value = serde_json::from_str(body).expect("an answer is whole");
    if sent.path != TELEMETRY {
        assert_eq!(told, json!({}));
        return true;
    }
    let results = told["results"].as_array().expect("a list");
    assert_eq!(results.len(), sent.ids.len());
    results.iter().all(|result| matches!(result["result"].as_str(), Some("stored" | "duplicate")))
}

/// Sends from all clients until the server is killed, after so many answers; what was answered for.
fn load(server: &mut Server, round: usize, after: usize) -> Vec<Sent> {
    let (answers, kept) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let address = server.address.clone();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (answers, kept, address) = (&answers, &kept, &address);
            scope.spawn(move || {
                let mut connection = Client::connect(address);
                for number in 0.. {
                    let sent = request(round, client, number);
                    let told = connection.post(sent.path, "application/json", sent.body.to_string().as_bytes());
                    if !is_answered(&told, &sent) {
                        return;
                    }
                    kept.lock().expect("not poisoned").push(sent);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while answers.load(Ordering::Relaxed) < after {
            assert!(server.child.try_wait().expect("is asked").is_none(), "the server ended by itself");
            std::thread::yield_now();
        }
        server.child.kill().expect("is killed");
    });
    server.child.wait().expect("it is gone");
    kept.into_inner().expect("not poisoned")
}

/// How often each event is there, past all that the program hides.
fn stored(server: &Server) -> BTreeMap<String, i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(server.store());
        let mut connection = SqliteConnection::connect_with(&options).await.expect("connects");
        let sound = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection).await.expect("checks");
        assert_eq!(sound.try_get::<String, _>(0).expect("a text"), "ok");
        let rows = sqlx::query("SELECT id, count(*) FROM events GROUP BY id").fetch_all(&mut connection).await;
        rows.expect("reads")
            .iter()
            .map(|row| (row.try_get(0).expect("a text"), row.try_get(1).expect("a count")))
            .collect()
    })
}

#[test]
fn what_was_answered_for_outlives_every_kill_and_is_there_once() {
    let mut home = tempfile::tempdir().expect("a folder");
    let mut all: Vec<Sent> = Vec::new();
    for round in 0..kills() {
        let mut server = Server::start_in(home, &[]);
        // Spread without a pattern that commits could follow.
        let after = 5 + round.wrapping_mul(2_654_435_761) % 97;
        let kept = load(&mut server, round, after);
        assert!(kept.len() >= after);
        all.extend(kept);
        home = std::mem::replace(&mut server.home, tempfile::tempdir().expect("a folder"));
    }
    let server = Server::start_in(home, &[]);
    let found = stored(&server);
    let answered: BTreeSet<&String> = all.iter().flat_map(|sent| &sent.ids).collect();
    let short: BTreeSet<&str> = found.keys().map(|id| id.rsplit(':').next().unwrap_or(id)).collect();
    let lost: Vec<_> = answered.iter().filter(|id| !short.contains(id.as_str())).collect();
    let twice: Vec<_> = found.iter().filter(|(_, count)| **count != 1).collect();
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}");
    // Sent again, all of the last ones are known, and none is there twice.
    let mut connection = Client::connect(&server.address);
    let again = &all[all.len().saturating_sub(200)..];
    let before = server.figure("turnscope_items_total{result=\"duplicate\"}");
    for sent in again {
        let told = connection.post(sent.path, "application/json", sent.body.to_string().as_bytes());
        let (status, body) = told.expect("is answered");
        assert!(status == 200 && !body.contains("\"stored\""), "{body}");
    }
    let sent_again: usize = again.iter().map(|sent| sent.ids.len()).sum();
    assert_eq!(server.figure("turnscope_items_total{result=\"duplicate\"}") - before, sent_again as u64);
    assert_eq!(stored(&server), found);
    let sound = server.command(&["verify", server.store().to_str().expect("is UTF-8")]);
    println!("{} kills, {} answered for, {} stored, 0 lost, 0 twice; {sound}", kills(), answered.len(), found.len());
}
