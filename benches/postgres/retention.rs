//! Retention: what batches and vacuum cost and give back, and what partitions by expiry would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Executor, PgPool, Row};
use turnscope::store::{Keeping, Scope, State, Store};

use crate::{events, say};

/// Events that expire, and events that stay.
const HALF: u64 = 100_000;
const AT_A_TIME: u64 = 2_000;
/// Weeks of a quarter.
const PARTITIONS: i64 = 13;

/// Purges half of a store, brings in as much again, and looks at the room it takes.
pub async fn measure(store: &Store, url: &str) {
    let pool = PgPool::connect(url).await.expect("connects");
    let kept = store.clone().keeping(Keeping::for_days(0));
    for from in (0..HALF).step_by(AT_A_TIME as usize) {
        store.append(&[events::batch("old", from, from + AT_A_TIME)]).await.expect("appends");
        kept.append(&[events::batch("new", from, from + AT_A_TIME)]).await.expect("appends");
    }
    store.settle().await.expect("settles");
    sizes(&pool, "before").await;
    partitions(&pool).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(meanwhile(kept.clone(), Arc::clone(&stop)));
    let began = Instant::now();
    let scope = Scope { as_of: i64::MAX, ..Scope::default() };
    let mut purge = store.purge(&scope, events::RECEIVED).await.expect("begins");
    let mut longest = Duration::ZERO;
    loop {
        let step = Instant::now();
        if purge.step().await.expect("purges").is_none() {
            break;
        }
        longest = longest.max(step.elapsed());
        // As `turnscope purge` does: whoever else writes gets as much of the time.
        tokio::time::sleep(step.elapsed()).await;
    }
    purge.end(State::Done, events::RECEIVED).await.expect("ends");
    say("purge --apply, with as long a pause after each batch as it took", "events/s", HALF as f64 / secs(began));
    say("the longest batch", "ms", longest.as_secs_f64() * 1000.0);
    stop.store(true, Ordering::Relaxed);
    let (write, read) = writing.await.expect("writes");
    say("meanwhile the longest append of 20 events", "ms", write.as_secs_f64() * 1000.0);
    say("meanwhile the longest reading of a page", "ms", read.as_secs_f64() * 1000.0);
    sizes(&pool, "after the purge").await;
    let began = Instant::now();
    store.return_space(None).await.expect("is vacuumed");
    say("VACUUM (ANALYZE) of all tables", "s", secs(began));
    sizes(&pool, "after the vacuum").await;
    for from in (0..HALF).step_by(AT_A_TIME as usize) {
        store.append(&[events::batch("next", from, from + AT_A_TIME)]).await.expect("appends");
    }
    store.settle().await.expect("settles");
    sizes(&pool, "after as much has come in again").await;
    let began = Instant::now();
    store.vacuum().await.expect("is written anew");
    say("VACUUM (FULL) of all tables", "s", secs(began));
    sizes(&pool, "after VACUUM (FULL)").await;
    pool.close().await;
}

/// Writes a little and reads a little, over and over, until it is told to stop: how long the longest write and the
/// longest read took.
async fn meanwhile(store: Store, stop: Arc<AtomicBool>) -> (Duration, Duration) {
    let (mut write, mut read) = (Duration::ZERO, Duration::ZERO);
    let session = store.session("new").await.expect("reads").expect("is there").number;
    for from in (HALF * 8..).step_by(20) {
        let began = Instant::now();
        store.append(&[events::batch("beside", from, from + 20)]).await.expect("appends");
        write = write.max(began.elapsed());
        let began = Instant::now();
        store.heads_after(session, 0, 200).await.expect("reads");
        read = read.max(began.elapsed());
        if stop.load(Ordering::Relaxed) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (write, read)
}

/// The events in one table and in partitions by expiry: what it costs to find events, and to take an eighth away.
async fn partitions(pool: &PgPool) {
    let week = 7 * 86_400 * 1_000_000_i64;
    let (from, upto) = (events::RECEIVED, events::RECEIVED + PARTITIONS * week);
    pool.execute("CREATE TABLE public.one (LIKE turnscope.events)").await.expect("makes");
    pool.execute("CREATE TABLE public.many (LIKE turnscope.events) PARTITION BY RANGE (expires)").await.expect("makes");
    for number in 0..PARTITIONS {
        let (from, upto) = (from + number * week, from + (number + 1) * week);
        run(
            pool,
            format!("CREATE TABLE public.many_{number} PARTITION OF public.many FOR VALUES FROM ({from}) TO ({upto})"),
        )
        .await;
    }
    let columns = "SELECT string_agg(CASE attname WHEN 'expires' THEN '__' ELSE attname END, ', ' ORDER BY attnum) \
         FROM pg_attribute WHERE attrelid = 'turnscope.events'::regclass AND attnum > 0";
    let columns: String = sqlx::query(columns).fetch_one(pool).await.expect("reads").get(0);
    let spread = columns.replace("__", &format!("{from} + event * 7919 % ({upto} - {from})"));
    for (table, key) in [("one", "event"), ("many", "event, expires")] {
        run(pool, format!("ALTER TABLE public.{table} ADD PRIMARY KEY ({key})")).await;
        for index in ["record", "session, turn_hash", "session, order_time, origin, sequence, id, revision"] {
            run(pool, format!("CREATE INDEX ON public.{table} ({index})")).await;
        }
        let began = Instant::now();
        run(pool, format!("INSERT INTO public.{table} SELECT {spread} FROM turnscope.events")).await;
        say(&format!("events into {table}"), "events/s", (HALF * 2) as f64 / secs(began));
        run(pool, format!("VACUUM ANALYZE public.{table}")).await;
        let began = Instant::now();
        let statement = format!("SELECT label FROM public.{table} WHERE event = $1");
        for number in 0..2_000_i64 {
            let event = 1 + number * 7919 % (HALF as i64 * 2);
            let found = sqlx::query(AssertSqlSafe(statement.clone())).bind(event);
            found.fetch_one(pool).await.expect("is there");
        }
        say(&format!("an event by its number from {table}"), "ms", secs(began) * 1000.0 / 2_000.0);
        let began = Instant::now();
        let page = format!(
            "SELECT event FROM public.{table} WHERE session = 1 AND (order_time, origin, sequence, id, revision) > (1, 1, 1, '', 0) \
             ORDER BY order_time, origin, sequence, id, revision LIMIT 200"
        );
        for _ in 0..100 {
            run(pool, page.clone()).await;
        }
        say(&format!("a page of a timeline from {table}"), "ms", secs(began) * 1000.0 / 100.0);
    }
    let began = Instant::now();
    run(pool, format!("DELETE FROM public.one WHERE expires < {}", from + week)).await;
    run(pool, "VACUUM public.one".to_owned()).await;
    say("DELETE of a thirteenth from one, and VACUUM", "ms", secs(began) * 1000.0);
    let began = Instant::now();
    run(pool, "DROP TABLE public.many_0".to_owned()).await;
    say("DROP of a partition of many", "ms", secs(began) * 1000.0);
    run(pool, "DROP TABLE public.one, public.many".to_owned()).await;
}

async fn run(pool: &PgPool, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(pool).await.expect("runs");
}

async fn sizes(pool: &PgPool, when: &str) {
    let statement = "SELECT sum(pg_table_size(oid))::int8, sum(pg_indexes_size(oid))::int8 FROM pg_class \
         WHERE relnamespace = 'turnscope'::regnamespace AND relkind = 'r'";
    let row = sqlx::query(statement).fetch_one(pool).await.expect("reads");
    let (tables, indexes): (i64, i64) = (row.get(0), row.get(1));
    say(&format!("tables {when}"), "MB", tables as f64 / 1e6);
    say(&format!("indexes {when}"), "MB", indexes as f64 / 1e6);
}

fn secs(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}
