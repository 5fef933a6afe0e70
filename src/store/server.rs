//! Opens a store in PostgreSQL: pools with limits of time, and a schema that one of many programs makes.

use std::io;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, raw_sql};

use super::engine::{Pool, Server};
use super::parameter::{host_of, is_lent, limit, options};
use super::trouble::explain;
use super::{Address, Keeping, Store, Url};

/// The number of the schema that comes with the tables, which grew on SQLite by as many migrations.
pub(super) const FIRST: i64 = 10;
/// The migrations in order, from [`FIRST`] on; one that was released never changes.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema/postgres/0010_ledgers.sql"),
    include_str!("schema/postgres/0011_order.sql"),
    include_str!("schema/postgres/0012_long_ids.sql"),
    include_str!("schema/postgres/0013_newest.sql"),
];
/// How long a connection is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Several processes may have as many each.
const READERS: u32 = 4;
const WRITERS: u32 = 2;
/// How long an answer is waited for, and how much longer where the server does not even say that it took too long.
const TO_ANSWER: Duration = Duration::from_secs(60);
/// How long a writer waits for the answer to one statement. It is a last resort against a server that is gone without a
/// word: what takes long is the server's work and not cut short by it, and waiting for another writer ends before.
const TO_WRITE: Duration = Duration::from_secs(120);
const ON_THE_WAY: Duration = Duration::from_secs(5);
const A_MOMENT: Duration = Duration::from_secs(1);
/// What each connection is told first, or each transaction where a pooler lends connections. A writer waits half a minute
/// for another one; whoever forgets a transaction loses it. Compiling a statement takes longer than a screen may, and so
/// does starting processes that help with it.
///
/// Both find by an index what they can, as on SQLite, which knows no other joins. A reader that asks for a few bytes of a
/// long source would else go through all pieces there are, and one that asks before the tables were ever analysed through
/// whole tables once a row; and of a writer's statements a plan that was made for the first few rows is kept while there
/// come to be millions.
const READING: &[&str] = &[
    "search_path TO turnscope",
    "default_transaction_read_only TO on",
    "idle_in_transaction_session_timeout TO '120s'",
    "enable_seqscan TO off",
    "enable_hashjoin TO off",
    "enable_mergejoin TO off",
    "max_parallel_workers_per_gather TO 0",
    "jit TO off",
];
const WRITING: &[&str] = &[
    "search_path TO turnscope",
    "lock_timeout TO '30s'",
    "idle_in_transaction_session_timeout TO '120s'",
    "enable_seqscan TO off",
    "enable_hashjoin TO off",
    "enable_mergejoin TO off",
    "jit TO off",
];

/// What was given up ends on the server too: it looks each second whether anybody still waits. Older servers, and those of
/// other systems, do not know how.
const UNTIL_GONE: &str = "SELECT set_config('client_connection_check_interval', '1s', false) \
     WHERE current_setting('client_connection_check_interval', true) IS NOT NULL AND version() LIKE '%linux%'";

/// Opens the store at an address, and makes its tables where there are none.
pub(super) async fn open(url: &Url, patience: Duration) -> Result<Store> {
    let address = Address::Server(url.clone());
    connect(url, &address, patience).await.map_err(|error| explain(error, &address))
}

/// Whether the database has the tables of a store.
pub(super) async fn is_there(url: &Url) -> Result<bool> {
    let found = async {
        let options = options(url)?;
        let patience = limit(url, "connect_timeout", PATIENCE);
        let mut connection = alone(&options, patience).await?;
        let found = within(patience, version(&mut connection)).await?;
        within(patience, async { Ok(connection.close().await?) }).await?;
        Ok(found.is_some())
    };
    found.await.map_err(|error| explain(error, &Address::Server(url.clone())))
}

async fn connect(url: &Url, address: &Address, patience: Duration) -> Result<Store> {
    let (options, is_lent) = (options(url)?, is_lent(url));
    let to_answer = limit(url, "statement_timeout", TO_ANSWER);
    let to_write = limit(url, "write_timeout", TO_WRITE);
    prepare(&options, limit(url, "connect_timeout", patience), to_write).await?;
    let to_connect = limit(url, "connect_timeout", PATIENCE);
    let server = |most, begin: &str, settings: &[&str]| {
        if is_lent {
            let begin = format!("{begin}; {}", told("SET LOCAL", settings));
            return Server::lent(pool(&options, most, to_connect, String::new()), &begin);
        }
        Server::new(pool(&options, most, to_connect, format!("{}; {UNTIL_GONE}", told("SET", settings))))
    };
    let answer = format!("statement_timeout TO {}", to_answer.as_millis().max(1));
    let readers = server(READERS, "BEGIN READ ONLY", &[READING, &[answer.as_str()]].concat());
    let writer = server(WRITERS, "BEGIN", WRITING);
    Ok(Store {
        writer: Pool::Postgres(writer.patient(to_write)),
        readers: Pool::Postgres(readers.patient(to_answer + ON_THE_WAY)),
        address: address.clone(),
        keeping: Keeping::default(),
        may_write: true,
        inode: None,
        _copy: None,
    })
}

/// Settings as they are made.
fn told(set: &str, settings: &[&str]) -> String {
    settings.iter().map(|setting| format!("{set} {setting}")).collect::<Vec<_>>().join("; ")
}

/// A connection of its own.
async fn alone(options: &PgConnectOptions, patience: Duration) -> Result<PgConnection> {
    let silence = || silence(format!("no answer from {} within {} s", host_of(options), patience.as_secs_f64()));
    let connected = tokio::time::timeout(patience, PgConnection::connect_with(options)).await;
    Ok(connected.map_err(|_| silence())??)
}

/// What a server answers, if it does so in time.
async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
    let words = || format!("no answer within {} s", patience.as_secs_f64());
    tokio::time::timeout(patience, answer).await.map_err(|_| silence(words()))?
}

fn silence(words: String) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, words))
}

fn pool(options: &PgConnectOptions, most: u32, to_connect: Duration, first: String) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(to_connect).test_before_acquire(false);
    let pool = pool.before_acquire(|connection, about| {
        Box::pin(async move {
            // One that was used a moment ago is there, and asking it whether it is takes as long as a question.
            if about.idle_for > A_MOMENT {
                connection.ping().await?;
            }
            Ok(true)
        })
    });
    // One that has still to answer what nobody waits for any more is closed: there are few of them.
    let pool = pool.after_release(|connection, _| {
        Box::pin(async move {
            let answer = tokio::time::timeout(A_MOMENT, connection.ping()).await;
            answer.map_err(|_| sqlx::Error::PoolTimedOut)?.map(|()| true)
        })
    });
    let pool = pool.after_connect(move |connection, _| {
        let first = first.clone();
        Box::pin(async move { connection.execute(AssertSqlSafe(first)).await.map(drop) })
    });
    pool.connect_lazy_with(options.clone().statement_cache_capacity(super::open::STATEMENTS))
}

/// Looks at the schema over a connection of its own, and brings it up to date where it is older.
async fn prepare(options: &PgConnectOptions, patience: Duration, to_write: Duration) -> Result<()> {
    let mut connection = alone(options, patience).await?;
    if within(patience, version(&mut connection)).await? != Some(current()) {
        within(to_write, migrate(&mut connection)).await?;
    }
    within(patience, async { Ok(connection.close().await?) }).await
}

pub(super) fn current() -> i64 {
    FIRST + MIGRATIONS.len() as i64 - 1
}

/// The number of the schema that is there; `None` where there is none. Nothing is prepared for it, as a pooler may lend
/// the connection for each question anew.
async fn version(connection: &mut PgConnection) -> Result<Option<i64>> {
    let known = "SELECT to_regclass('turnscope.schema_version') IS NOT NULL";
    if !raw_sql(known).fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    let row = raw_sql("SELECT version FROM turnscope.schema_version").fetch_one(connection).await?;
    let found: i64 = row.try_get(0)?;
    if found > current() {
        bail!("it was made by a newer turnscope (schema {found}; this one knows {})", current());
    }
    Ok(Some(found))
}

/// Brings the schema up to date in one transaction, one program at a time.
async fn migrate(connection: &mut PgConnection) -> Result<()> {
    let mut transaction = connection.begin().await?;
    transaction.execute("SET LOCAL lock_timeout TO '60s'").await?;
    transaction.execute("SELECT pg_advisory_xact_lock(hashtext('turnscope'), 0)").await?;
    let found = version(&mut transaction).await?;
    if found.is_none() {
        transaction.execute("CREATE SCHEMA IF NOT EXISTS turnscope").await.context("could not make its schema")?;
    }
    transaction.execute("SET LOCAL search_path TO turnscope").await?;
    if found.is_none() {
        transaction.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)").await?;
        transaction.execute("INSERT INTO schema_version (version) VALUES (0)").await?;
    }
    let done = found.map_or(0, |found| usize::try_from(found + 1 - FIRST).unwrap_or(0));
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute(*migration).await?;
    }
    let done = sqlx::query("UPDATE schema_version SET version = $1").bind(current()).persistent(false);
    done.execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}
