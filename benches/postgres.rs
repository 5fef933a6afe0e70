//! How fast a store in PostgreSQL is, beside the bare database in the same run:
//! `TURNSCOPE_TEST_FSYNC=on tests/cluster cargo bench --bench postgres`.
//!
//! DESIGN's numbers: appending reaches 0.9 of `COPY` into a temporary table with `INSERT … SELECT … ON CONFLICT`.
//! Arguments: what is measured, all unless said: `append`, `writers`, `retention`, `screens`.

#[path = "postgres/events.rs"]
mod events;
#[path = "../tests/terminal/harness.rs"]
#[expect(dead_code, reason = "tests use all of it")]
mod harness;
#[path = "postgres/peer.rs"]
mod peer;
#[path = "postgres/retention.rs"]
mod retention;
#[path = "postgres/screens.rs"]
mod screens;

use std::ffi::OsStr;
use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};
use turnscope::store::{Address, Batch, Store};

/// Events a transaction, and how many transactions a round; each is measured in several rounds.
const AT_A_TIME: u64 = 2_000;
const TRANSACTIONS: u64 = 20;
const ROUNDS: usize = 7;
/// Writers at once.
const WRITERS: [u64; 3] = [1, 2, 4];

fn main() {
    let Ok(server) = std::env::var("TURNSCOPE_TEST_SERVER") else {
        eprintln!("needs a server: TURNSCOPE_TEST_FSYNC=on tests/cluster cargo bench --bench postgres");
        return;
    };
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_asked = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("starts");
    runtime.block_on(async {
        told(&server).await;
        if is_asked("append") {
            append(&server).await;
        }
        if is_asked("writers") {
            writers(&server).await;
        }
        if is_asked("retention") {
            let (url, store) = database(&server).await;
            retention::measure(&store, &url).await;
            remove(&server, &url, store).await;
        }
        if is_asked("screens") {
            let (url, store) = database(&server).await;
            screens::fill(&store).await;
            tokio::task::spawn_blocking(move || screens::measure("PostgreSQL", &url)).await.expect("is measured");
        }
    });
}

fn say(what: &str, unit: &str, value: f64) {
    println!("{what:<66} {value:>12.2} {unit}");
}

/// Says what server this is.
async fn told(server: &str) {
    let mut connection = PgConnection::connect(server).await.expect("connects");
    let statement = "SELECT current_setting('server_version') || ', fsync ' || current_setting('fsync') \
         || ', synchronous_commit ' || current_setting('synchronous_commit')";
    let row = sqlx::query(statement).fetch_one(&mut connection).await.expect("reads");
    println!("PostgreSQL {}", row.get::<String, _>(0));
    connection.close().await.expect("closes");
}

/// A new database with the tables of a store.
async fn database(server: &str) -> (String, Store) {
    let mut connection = PgConnection::connect(server).await.expect("connects");
    let name = format!("b{}", uuid::Uuid::now_v7().simple());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.expect("is made");
    connection.close().await.expect("closes");
    let url = server.replacen("/postgres?", &format!("/{name}?"), 1);
    let store = Store::at(&Address::parse(OsStr::new(&url))).await.expect("opens");
    (url, store)
}

/// Removes a database, and has the server write out what it holds back.
async fn remove(server: &str, url: &str, store: Store) {
    store.close().await;
    let name = url.split('?').next().and_then(|before| before.rsplit('/').next()).expect("has a name");
    let mut connection = PgConnection::connect(server).await.expect("connects");
    for statement in [format!("DROP DATABASE {name} WITH (FORCE)"), "CHECKPOINT".to_owned()] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.expect("runs");
    }
    connection.close().await.expect("closes");
}

/// Batches of one session, each a transaction.
fn batches(session: &str) -> Vec<Batch> {
    (0..TRANSACTIONS).map(|place| events::batch(session, place * AT_A_TIME, (place + 1) * AT_A_TIME)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How fast one writer is, against what a program could do that knows the rows beforehand.
async fn append(server: &str) {
    let (portions, batches) = (portions(server).await, batches("made-up"));
    let events = (TRANSACTIONS * AT_A_TIME) as f64;
    let (mut own, mut settled, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (url, store) = database(server).await;
        let began = Instant::now();
        for batch in &batches {
            store.append(std::slice::from_ref(batch)).await.expect("appends");
        }
        own.push(events / began.elapsed().as_secs_f64());
        store.settle().await.expect("settles");
        settled.push(events / began.elapsed().as_secs_f64());
        remove(server, &url, store).await;
        let (url, store) = database(server).await;
        let mut connection = peer::connect(&url).await;
        let began = Instant::now();
        for portion in &portions {
            peer::write(&mut connection, portion).await;
        }
        peer.push(events / began.elapsed().as_secs_f64());
        connection.close().await.expect("closes");
        remove(server, &url, store).await;
    }
    let (own, settled, peer) = (median(own), median(settled), median(peer));
    say(&format!("COPY into temporary tables and INSERT, {AT_A_TIME} events a transaction"), "events/s", peer);
    say("append", "events/s", own);
    say("append and settle", "events/s", settled);
    say("append against COPY and INSERT", "times", own / peer);
    say("append and settle against COPY and INSERT", "times", settled / peer);
}

/// The rows that each transaction writes, read back from a store.
async fn portions(server: &str) -> Vec<peer::Portion> {
    let (url, store) = database(server).await;
    let pool = PgPool::connect(&url).await.expect("connects");
    let mut portions = Vec::new();
    let mut before = peer::mark(&pool).await;
    for batch in batches("made-up") {
        store.append(&[batch]).await.expect("appends");
        let after = peer::mark(&pool).await;
        portions.push(peer::portion(&pool, &before, &after).await);
        before = after;
    }
    pool.close().await;
    remove(server, &url, store).await;
    portions
}

/// How much several writers store together, each with sessions of its own.
async fn writers(server: &str) {
    let mut alone = 0.0;
    for count in WRITERS {
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let (url, store) = database(server).await;
            let all: Vec<Vec<Batch>> = (0..count).map(|writer| batches(&format!("made-up-{writer}"))).collect();
            let began = Instant::now();
            let writing: Vec<_> = all.into_iter().map(|batches| tokio::spawn(write(url.clone(), batches))).collect();
            for writer in writing {
                writer.await.expect("writes");
            }
            rates.push((count * TRANSACTIONS * AT_A_TIME) as f64 / began.elapsed().as_secs_f64());
            remove(server, &url, store).await;
        }
        let rate = median(rates);
        say(&format!("{count} writers at once"), "events/s", rate);
        alone = if count == 1 { rate } else { alone };
        say(&format!("{count} writers against one"), "times", rate / alone);
    }
}

async fn write(url: String, batches: Vec<Batch>) {
    let store = Store::at(&Address::parse(OsStr::new(&url))).await.expect("opens");
    for batch in batches {
        store.append(&[batch]).await.expect("appends");
    }
    store.close().await;
}
