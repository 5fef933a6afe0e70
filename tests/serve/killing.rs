//! Killed under load, again and again: all that was answered for is there, once, and what is sent again is known.
//!
//! `TURNSCOPE_KILLS=N` says how often; without it a few times. With `cargo test --release` thousands take minutes.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use crate::desk::{Client, Server};
use crate::otlp::{request_of, span};

const TELEMETRY: &str = "/api/agent/telemetry";
const TRACE: &str = "5b8efff798038103d269b633813fc60c";
/// How many clients send at once, each in its own way.
const CLIENTS: usize = 4;
/// So many kills share a store, so that a start takes as long after the last as after the first.
const ERA: usize = 50;
/// Stores that are killed side by side.
const LANES: usize = 2;

fn kills() -> usize {
    let wanted = std::env::var("TURNSCOPE_KILLS").ok();
    wanted.map_or(5, |kills| kills.parse().expect("TURNSCOPE_KILLS is a number"))
}

/// What is sent in one request: the path, the body, and what its events are called.
struct Sent {
    path: &'static str,
    body: Value,
    ids: Vec<String>,
}

impl Sent {
    fn by(&self, connection: &mut Client) -> std::io::Result<(u16, String)> {
        connection.post(self.path, "application/json", self.body.to_string().as_bytes())
    }
}

/// What came of the kills.
#[derive(Debug, Default)]
struct Told {
    kills: usize,
    answered: usize,
    /// Sent and not answered for when the server was killed, and how many of these were there all the same. Of spans
    /// no answer tells that.
    open: usize,
    there: usize,
    stored: usize,
}

impl Told {
    fn and(self, other: &Self) -> Self {
        let sum = |part: fn(&Self) -> usize| part(&self) + part(other);
        let (kills, answered, stored) = (sum(|told| told.kills), sum(|told| told.answered), sum(|told| told.stored));
        Self { kills, answered, open: sum(|told| told.open), there: sum(|told| told.there), stored }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, answered, open, there, stored } = self;
        write!(
            formatter,
            "{kills} kills, {answered} answered for, {open} more sent again of which {there} were there, "
        )?;
        write!(formatter, "{stored} stored: 0 lost, 0 twice, 0 torn")
    }
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

/// Sends from all clients until the server is killed, after so many answers; what was answered for, and what was not.
fn load(server: &mut Server, round: usize, after: usize) -> (Vec<Sent>, Vec<Sent>) {
    let (answers, kept, open) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let (address, began) = (server.address.clone(), Instant::now());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (answers, kept, open, address) = (&answers, &kept, &open, &address);
            scope.spawn(move || {
                let mut connection = Client::connect(address);
                for number in 0.. {
                    let sent = request(round, client, number);
                    let told = sent.by(&mut connection);
                    if !is_answered(&told, &sent) {
                        open.lock().expect("not poisoned").push(sent);
                        return;
                    }
                    kept.lock().expect("not poisoned").push(sent);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while answers.load(Ordering::Relaxed) < after {
            assert!(server.child.try_wait().expect("is asked").is_none(), "the server ended by itself");
            std::thread::sleep(Duration::from_micros(50));
        }
        // Anywhere between this answer and the next ones, not only where one was given.
        let cycle = began.elapsed() * CLIENTS as u32 / after as u32;
        std::thread::sleep(cycle * (round.wrapping_mul(40_503) % 128) as u32 / 128);
        server.child.kill().expect("is killed");
    });
    server.child.wait().expect("it is gone");
    (kept.into_inner().expect("not poisoned"), open.into_inner().expect("not poisoned"))
}

/// Sends what was not answered for to the next server, as a client would; how many events of it were there already.
fn resend(server: &Server, open: &[Sent]) -> usize {
    let mut connection = Client::connect(&server.address);
    let told = open.iter().map(|sent| {
        let told = sent.by(&mut connection);
        assert!(is_answered(&told, sent), "{told:?}");
        told.map_or(0, |(_, body)| body.matches("\"duplicate\"").count())
    });
    told.sum()
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

/// Kills the servers of one store, and looks at what it holds in the end.
fn era(rounds: Range<usize>) -> Told {
    let mut home = tempfile::tempdir().expect("a folder");
    let mut told = Told { kills: rounds.len(), ..Told::default() };
    let (mut all, mut open): (Vec<Sent>, Vec<Sent>) = (Vec::new(), Vec::new());
    for round in rounds {
        let mut server = Server::start_in(home, &[]);
        told.there += resend(&server, &open);
        all.append(&mut open);
        // Spread without a pattern that commits could follow.
        let after = 5 + round.wrapping_mul(2_654_435_761) % 97;
        let (mut kept, unanswered) = load(&mut server, round, after);
        assert!(kept.len() >= after);
        all.append(&mut kept);
        told.open += unanswered.iter().map(|sent| sent.ids.len()).sum::<usize>();
        open = unanswered;
        home = std::mem::replace(&mut server.home, tempfile::tempdir().expect("a folder"));
    }
    let server = Server::start_in(home, &[]);
    told.there += resend(&server, &open);
    all.append(&mut open);
    let found = stored(&server);
    let short: BTreeMap<&str, i64> =
        found.iter().map(|(id, count)| (id.rsplit(':').next().unwrap_or(id), *count)).collect();
    let ids = || all.iter().flat_map(|sent| &sent.ids);
    let lost: Vec<_> = ids().filter(|id| !short.contains_key(id.as_str())).collect();
    let twice: Vec<_> = found.iter().filter(|(_, count)| **count != 1).collect();
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, twice {twice:?}");
    // Whatever was sent was answered for in the end, so nothing else may be there.
    assert_eq!(ids().count(), found.len());
    // Sent again, all of the last ones are known, and none is there twice.
    let mut connection = Client::connect(&server.address);
    let again = &all[all.len().saturating_sub(200)..];
    let before = server.figure("turnscope_items_total{result=\"duplicate\"}");
    for sent in again {
        let (status, body) = sent.by(&mut connection).expect("is answered");
        assert!(status == 200 && !body.contains("\"stored\""), "{body}");
    }
    let sent_again: usize = again.iter().map(|sent| sent.ids.len()).sum();
    assert_eq!(server.figure("turnscope_items_total{result=\"duplicate\"}") - before, sent_again as u64);
    assert_eq!(stored(&server), found);
    // Every byte is what its digest says.
    server.command(&["verify", server.store().to_str().expect("is UTF-8")]);
    (told.answered, told.stored) = (found.len() - told.open, found.len());
    told
}

#[test]
fn what_was_answered_for_outlives_every_kill_and_is_there_once() {
    let kills = kills();
    let eras: Vec<Range<usize>> = (0..kills).step_by(ERA).map(|first| first..kills.min(first + ERA)).collect();
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Told::default()));
    std::thread::scope(|scope| {
        for _ in 0..LANES.min(eras.len()) {
            scope.spawn(|| {
                while let Some(rounds) = eras.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let told = era(rounds.clone());
                    let mut sum = sum.lock().expect("not poisoned");
                    *sum = std::mem::take(&mut *sum).and(&told);
                    if kills > ERA {
                        // The test runner keeps what a passing test prints.
                        writeln!(std::io::stderr(), "{sum}").expect("stderr is open");
                    }
                }
            });
        }
    });
    println!("{}", sum.into_inner().expect("not poisoned"));
}
