//! Opens a store in PostgreSQL: pools with limits of time, and a schema that one of many programs makes.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, Row};

use super::engine::Pool;
use super::trouble::explain;
use super::{Address, Keeping, Store, Url};

/// The number of the schema that comes with the tables, which grew on SQLite by as many migrations.
const FIRST: i64 = 10;
/// The migrations in order, from [`FIRST`] on; one that was released never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/postgres/0010_ledgers.sql"),
    include_str!("schema/postgres/0011_order.sql"),
    include_str!("schema/postgres/0012_long_ids.sql"),
];
/// How long a connection is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Several processes may have as many each.
const READERS: u32 = 4;
const WRITERS: u32 = 2;
/// What each connection is told first. A reader's statement may take a minute, a writer waits half a minute for another
/// one; whoever forgets a transaction loses it. Compiling a statement takes longer than a screen may. What a writer asks
/// for it finds by an index, always: a plan that was made for the first few rows is kept while there come to be millions.
const READING: &str = "SET search_path TO turnscope; SET default_transaction_read_only TO on; \
     SET statement_timeout TO '60s'; SET idle_in_transaction_session_timeout TO '120s'; SET jit TO off";
const WRITING: &str = "SET search_path TO turnscope; SET lock_timeout TO '30s'; \
     SET idle_in_transaction_session_timeout TO '120s'; SET enable_seqscan TO off; SET enable_hashjoin TO off; \
     SET enable_mergejoin TO off; SET jit TO off";

/// Opens the store at an address, and makes its tables where there are none.
pub(super) async fn open(url: &Url, patience: Duration) -> Result<Store> {
    let address = Address::Server(url.clone());
    connect(url, &address, patience).await.map_err(|error| explain(error, &address))
}

/// Whether the database has the tables of a store.
pub(super) async fn is_there(url: &Url) -> Result<bool> {
    let found = async {
        let mut connection = alone(&options(url)?, PATIENCE).await?;
        let found = version(&mut connection).await?;
        connection.close().await?;
        Ok(found.is_some())
    };
    found.await.map_err(|error| explain(error, &Address::Server(url.clone())))
}

async fn connect(url: &Url, address: &Address, patience: Duration) -> Result<Store> {
    let options = options(url)?;
    prepare(&options, patience).await?;
    let readers = pool(&options, READERS, READING);
    let writer = pool(&options, WRITERS, WRITING);
    Ok(Store {
        writer: Pool::Postgres(writer),
        readers: Pool::Postgres(readers),
        address: address.clone(),
        keeping: Keeping::default(),
        may_write: true,
        _copy: None,
    })
}

pub(super) fn options(url: &Url) -> Result<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url.secret());
    // What the driver says of an address may repeat the password.
    let options = options.map_err(|_| anyhow!("{url} is not the address of a PostgreSQL database"))?;
    Ok(options.application_name("turnscope"))
}

impl Url {
    /// What tells the database from others, whoever asks: host, port and name.
    ///
    /// # Errors
    /// When it is no address of a database.
    pub fn place(&self) -> Result<String> {
        let options = options(self)?;
        let host = match options.get_socket() {
            Some(folder) => folder.to_string_lossy().into_owned(),
            None => options.get_host().to_owned(),
        };
        let name = options.get_database().unwrap_or(options.get_username());
        Ok(format!("{host}:{}/{name}", options.get_port()))
    }
}

/// A connection of its own.
async fn alone(options: &PgConnectOptions, patience: Duration) -> Result<PgConnection> {
    let connecting = tokio::time::timeout(patience, PgConnection::connect_with(options)).await;
    Ok(connecting.map_err(|_| sqlx::Error::PoolTimedOut)??)
}

fn pool(options: &PgConnectOptions, most: u32, first: &'static str) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(PATIENCE);
    let pool = pool.after_connect(move |connection, _| {
        Box::pin(async move {
            connection.execute(first).await?;
            Ok(())
        })
    });
    pool.connect_lazy_with(options.clone().statement_cache_capacity(super::open::STATEMENTS))
}

/// Looks at the schema over a connection of its own, and brings it up to date where it is older.
async fn prepare(options: &PgConnectOptions, patience: Duration) -> Result<()> {
    let mut connection = alone(options, patience).await?;
    if version(&mut connection).await? != Some(current()) {
        migrate(&mut connection).await?;
    }
    connection.close().await?;
    Ok(())
}

pub(super) fn current() -> i64 {
    FIRST + MIGRATIONS.len() as i64 - 1
}

/// The number of the schema that is there; `None` where there is none.
async fn version(connection: &mut PgConnection) -> Result<Option<i64>> {
    let known = "SELECT to_regclass('turnscope.schema_version') IS NOT NULL";
    if !sqlx::query(known).fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
        return Ok(None);
    }
    let row = sqlx::query("SELECT version FROM turnscope.schema_version").fetch_one(connection).await?;
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
    sqlx::query("UPDATE schema_version SET version = $1").bind(current()).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}
