//! What is so of a store in PostgreSQL, and of no other. Needs the server that `TURNSCOPE_TEST_SERVER` names.

use std::io::Write;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::engine::{Engine, query};
use super::tests::{Desk, append, batch, desk, event, session};
use super::{Address, Purge, Scope, State, Store};
use crate::domain::Kind;

/// A store in a database; `None`, and said so, where no server is named.
async fn served() -> Option<Store> {
    let Desk { store, .. } = desk().await;
    if store.engine() == Engine::Postgres {
        return Some(store);
    }
    // Straight to stderr: libtest keeps what passing tests print, and a skipped check must be seen.
    writeln!(std::io::stderr(), "skipped: a store in PostgreSQL (TURNSCOPE_TEST_SERVER is not set)").expect("is open");
    None
}

/// Another one with the same store.
async fn another(store: &Store) -> Store {
    let Address::Server(url) = store.address() else { panic!("it is no server") };
    Store::at(&Address::Server(url.clone())).await.expect("opens")
}

async fn run(store: &Store, statement: &'static str) {
    query(statement).persistent(false).execute(&store.writer).await.expect("runs");
}

async fn number(store: &Store, statement: &'static str) -> i64 {
    query(statement).persistent(false).fetch_one(&store.readers).await.expect("reads").try_get(0).expect("a number")
}

/// How often the tables of bytes were gone through from end to end.
async fn walks(store: &Store) -> i64 {
    let fresh = another(store).await;
    // A connection tells of them when it ends.
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
         AND backend_type = 'client backend'";
    while number(&fresh, others).await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let walks =
        "SELECT CAST(sum(seq_scan) AS BIGINT) FROM pg_stat_user_tables WHERE relname IN ('pieces', 'blob_pieces')";
    let found = number(&fresh, walks).await;
    fresh.close().await;
    found
}

#[tokio::test]
async fn a_few_bytes_of_a_long_source_are_found_without_going_through_all_pieces() {
    let Some(store) = served().await else { return };
    append(&store, batch("/f", &[session("s")], vec![event("s", "first", 1, Kind::Tool)])).await;
    let blob = number(&store, "SELECT blob FROM sources").await;
    // One long source and many short ones, so that nobody can tell how many pieces lie at its beginning.
    for statement in [
        "INSERT INTO pieces (digest, size, codec, bytes) SELECT sha256(CAST(CAST(n AS TEXT) AS BYTEA)), 10, 0, 'ten letters' \
         FROM generate_series(1, 30000) AS n",
        "INSERT INTO blob_pieces (blob, start, piece) SELECT CASE WHEN piece % 3 = 0 THEN (SELECT blob FROM sources) \
         ELSE 1000 + piece END, CASE WHEN piece % 3 = 0 THEN 1000000 + 10 * piece ELSE 0 END, piece FROM pieces WHERE size = 10",
        "ANALYZE",
    ] {
        run(&store, statement).await;
    }
    store.close().await;
    let before = walks(&store).await;
    let looking = another(&store).await;
    assert_eq!(looking.read(blob, 0, 5).await.expect("reads"), b"first");
    looking.close().await;
    assert_eq!(walks(&store).await, before);
}

/// Somebody who has the writers' turn, and others who wait for it one behind the other.
struct Turn {
    held: super::Transaction,
    store: Store,
    waiting: i64,
}

impl Turn {
    async fn of(store: &Store) -> Self {
        let store = another(store).await;
        Self { held: store.begin().await.expect("begins"), store, waiting: 0 }
    }

    /// Lets something begin, and comes back when it waits.
    async fn queue<T: Send + 'static>(&mut self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let begun = tokio::spawn(work);
        self.waiting += 1;
        let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        while number(&self.store, waiting).await < self.waiting {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begun
    }

    async fn end(self) {
        self.held.commit().await.expect("ends");
        self.store.close().await;
    }
}

async fn steps(mut purge: Purge) -> Purge {
    while purge.step().await.expect("purges").is_some() {}
    purge
}

/// Readers have four connections; as many questions that cannot be answered were given up.
#[tokio::test]
async fn a_question_that_was_given_up_leaves_its_connection_to_others() {
    let Some(store) = served().await else { return };
    append(&store, batch("/f", &[session("s")], vec![event("s", "first", 1, Kind::Tool)])).await;
    let other = another(&store).await;
    let mut held = other.begin().await.expect("begins");
    query("LOCK TABLE sessions").persistent(false).execute(&mut held).await.expect("locks");
    for _ in 0..8 {
        let asked = tokio::time::timeout(Duration::from_millis(20), store.session("s")).await;
        assert!(asked.is_err(), "{asked:?}");
    }
    assert_eq!(store.newest_event().await.expect("reads"), 1);
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while number(&store, waiting).await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    held.commit().await.expect("ends");
    assert!(store.session("s").await.expect("reads").is_some());
}

/// Forty sessions of thirty events each.
async fn forty(store: &Store) {
    for number in 0..40 {
        let name = format!("s{number:02}");
        let events = (0..30).map(|number| event(&name, &format!("{name}-{number}"), 1 + number, Kind::Tool)).collect();
        store.append(&[batch(&format!("/{name}"), &[session(&name)], events)]).await.expect("appends");
    }
    store.settle().await.expect("settles");
}

#[tokio::test]
async fn an_append_waits_for_one_batch_of_a_purge_and_not_for_all_of_them() {
    let Some(store) = served().await else { return };
    let events = (0..1_000).map(|number| event("s", &format!("e{number}"), 1 + number, Kind::Tool)).collect();
    append(&store, batch("/f", &[session("s")], events)).await;
    forty(&store).await;
    let purge = store.purge(&Scope { as_of: i64::MAX, ..Scope::default() }, 1).await.expect("begins");
    let mut turn = Turn::of(&store).await;
    let purging = turn.queue(steps(purge)).await;
    let writer = another(&store).await;
    let beside = batch("/beside", &[session("beside")], vec![event("beside", "b", 1, Kind::Tool)]);
    let writing = turn.queue(async move { writer.append(&[beside]).await.map(drop) }).await;
    turn.end().await;
    writing.await.expect("runs").expect("appends");
    let purge = purging.await.expect("runs");
    // Transactions are numbered in the order in which writers had their turns.
    let before = "SELECT count(*) FROM tombstones WHERE CAST(CAST(xmin AS TEXT) AS BIGINT) < \
         (SELECT CAST(CAST(xmin AS TEXT) AS BIGINT) FROM events WHERE id = 'b')";
    assert_eq!(number(&store, before).await, 200);

    // So it is when the purge is at its end, and counts what is left.
    let mut turn = Turn::of(&store).await;
    let ending = turn.queue(purge.end(State::Done, 2)).await;
    let writer = another(&store).await;
    let beside = batch("/last", &[session("last")], vec![event("last", "l", 1, Kind::Tool)]);
    let writing = turn.queue(async move { writer.append(&[beside]).await.map(drop) }).await;
    turn.end().await;
    writing.await.expect("runs").expect("appends");
    ending.await.expect("runs").expect("ends");
    let behind = "SELECT count(*) FROM sessions WHERE id LIKE 's%' AND CAST(CAST(xmin AS TEXT) AS BIGINT) > \
         (SELECT CAST(CAST(xmin AS TEXT) AS BIGINT) FROM events WHERE id = 'l')";
    assert!(number(&store, behind).await >= 30, "all were counted before anybody else could write");
}
