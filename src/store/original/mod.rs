//! The original's own database, read as it stands: which of its tables are there, and their rows as JSON.
//!
//! Nothing is written and nothing is left behind: every question is one short read-only transaction that says itself how
//! long it may take, and no statement is kept prepared, so that a pooler in between may change servers. Rows come as the
//! JSON that the database makes of them, whatever their columns.

mod claim;
mod fault;
mod keys;
mod relation;
mod rows;
mod strays;

use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{Connection, Executor, Postgres, QueryBuilder, Row};

pub use claim::{Claim, RoomWindow, Span};
pub use fault::{Fault, FaultKind};
pub use keys::{KeyName, Keys};
pub use rows::{CanvasRow, Fetched, Group, RowKey};
pub use strays::{Shared, Stray};

use super::Url;
use super::parameter::{limit, options};
use relation::Relation;

/// How long a connection, and an answer, may take, unless the address says otherwise.
const TO_CONNECT: Duration = Duration::from_secs(10);
const TO_ANSWER: Duration = Duration::from_secs(15);
/// So much longer than the server an answer is waited for at most; never longer than the answer may take.
const ON_THE_WAY: Duration = Duration::from_secs(3);
/// A connection that was used so short a time ago is there still.
const A_WHILE: Duration = Duration::from_secs(1);

/// What a database holds.
#[derive(Debug)]
pub struct Found {
    /// The tables of a store of ours.
    pub store: bool,
    /// The tables of the original.
    pub original: Option<Original>,
}

/// A database with tables of the original.
#[derive(Debug)]
pub struct Original {
    server: Server,
    number: String,
    relations: Vec<Relation>,
    /// Tables that failed to answer, with the reason; they are not asked again.
    failed: Vec<(&'static str, Fault)>,
}

/// A connection, as long as it holds.
#[derive(Debug)]
struct Server {
    url: Url,
    options: PgConnectOptions,
    to_connect: Duration,
    to_answer: Duration,
    connection: Option<(PgConnection, Instant)>,
}

/// Looks at what a database holds.
pub async fn look(url: &Url) -> Result<Found, Fault> {
    let mut server = Server::of(url)?;
    let mut sql = QueryBuilder::new(
        "SELECT to_regclass('turnscope.schema_version') IS NOT NULL, oid::text FROM pg_database \
         WHERE datname = current_database()",
    );
    let rows = server.ask(&mut sql).await?;
    let row = rows.first().ok_or_else(|| Fault::gone(format!("the database {url} does not say which it is")))?;
    let read = || sqlx::Result::Ok((row.try_get(0)?, row.try_get(1)?));
    let (store, number): (bool, String) = read().map_err(|error| server.fault(&error))?;
    let names: Vec<String> = relation::KNOWN.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rows = server.ask_with(relation::CATALOG, names).await?;
    let lines = rows.iter().map(|row| {
        Ok(relation::Line {
            table: row.try_get(0)?,
            schema: row.try_get(1)?,
            column: row.try_get(2)?,
            kind: row.try_get(3)?,
            is_readable: row.try_get::<Option<bool>, _>(4)?.unwrap_or(false),
            is_indexed: row.try_get(5)?,
            size: row.try_get(6)?,
            is_sifted: row.try_get::<Option<bool>, _>(7)?.unwrap_or(false),
            base: row.try_get(8)?,
        })
    });
    let lines = lines.collect::<sqlx::Result<Vec<relation::Line>>>().map_err(|error| server.fault(&error))?;
    let relations = Relation::all(&lines);
    let original = (!relations.is_empty()).then_some(Original { server, number, relations, failed: Vec::new() });
    Ok(Found { store, original })
}

impl Original {
    pub fn url(&self) -> &Url {
        &self.server.url
    }

    /// What tells this database, as this user sees it, from every other one; without a password.
    pub fn name(&self) -> String {
        let options = &self.server.options;
        let host = match options.get_socket() {
            Some(folder) => folder.to_string_lossy().replace('/', "%2F"),
            None => options.get_host().to_owned(),
        };
        let user = options.get_username();
        format!("postgres://{user}@{host}:{}/{}", options.get_port(), options.get_database().unwrap_or(user))
    }

    /// Another one where the database was made anew under the same name.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// What is not as the original made it: tables and columns that are missing, or that the role may not read.
    pub fn lacks(&self) -> Vec<String> {
        let missing =
            relation::KNOWN.iter().filter(|(name, _)| !self.relations.iter().any(|there| there.name == *name));
        let missing = missing.map(|(name, _)| format!("there is no table {name}"));
        missing.chain(self.relations.iter().flat_map(Relation::lacks)).collect()
    }

    /// Whether any table can be read.
    pub fn is_readable(&self) -> bool {
        self.relations.iter().any(Relation::is_readable)
    }

    /// Whether a table is there and answers.
    pub fn can_ask(&self, table: &str) -> bool {
        self.relation(table).is_some()
    }

    /// Whether row-level security may hide rows of a table.
    pub fn may_hide(&self, table: &str) -> bool {
        self.relation(table).is_some_and(|relation| relation.is_sifted)
    }

    /// The tables that failed to answer so far, each with the reason.
    pub fn failures(&self) -> &[(&'static str, Fault)] {
        &self.failed
    }

    /// Has tables that failed to answer asked again.
    pub fn try_again(&mut self) {
        self.failed.clear();
    }

    /// The place of a table among those that can be asked.
    fn relation(&self, name: &str) -> Option<Relation> {
        let failed = self.failed.iter().any(|(failed, _)| *failed == name);
        self.relations.iter().find(|there| there.name == name && there.is_readable() && !failed).cloned()
    }

    /// The tables that can be asked.
    fn askable(&self) -> Vec<Relation> {
        self.relations.iter().filter_map(|there| self.relation(there.name)).collect()
    }

    /// Asks a table. Where only the table is in the way, it has no rows from now on, and the rest goes on.
    async fn ask(&mut self, table: &'static str, sql: &mut QueryBuilder<Postgres>) -> Result<Vec<PgRow>, Fault> {
        match self.server.ask(sql).await {
            Ok(rows) => Ok(rows),
            Err(fault) => self.spoil(table, fault).map(|()| Vec::new()),
        }
    }

    /// Notes that a table failed to answer, unless nothing answers any more.
    fn spoil(&mut self, table: &'static str, fault: Fault) -> Result<(), Fault> {
        if fault.kind == FaultKind::Gone {
            return Err(fault);
        }
        self.failed.push((table, fault));
        Ok(())
    }
}

/// A question that was given up ends on the server too, and not only when its time is over: it looks each second whether
/// anybody still waits. Older servers, and those of other systems, do not know how.
const UNTIL_GONE: &str = "SELECT set_config(name, '1s', true) FROM pg_catalog.pg_settings \
     WHERE name = 'client_connection_check_interval' AND version() LIKE '%linux%'";

impl Server {
    fn of(url: &Url) -> Result<Self, Fault> {
        let options = options(url).map_err(|error| Fault::gone(format!("{url}: {error}")))?;
        Ok(Self {
            url: url.clone(),
            // A pooler passes no prepared statements on.
            options: options.statement_cache_capacity(0),
            to_connect: limit(url, "connect_timeout", TO_CONNECT),
            to_answer: limit(url, "statement_timeout", TO_ANSWER),
            connection: None,
        })
    }

    fn fault(&self, error: &sqlx::Error) -> Fault {
        Fault::of(error, &self.url, self.to_answer)
    }

    fn on_the_way(&self) -> Duration {
        ON_THE_WAY.min(self.to_answer)
    }

    async fn connected(&mut self) -> Result<PgConnection, Fault> {
        if let Some((mut connection, since)) = self.connection.take() {
            // One that nobody used for a while may have been closed by a pooler, a restart or a wall between.
            let patience = self.to_connect.min(self.on_the_way());
            let is_there = since.elapsed() < A_WHILE
                || tokio::time::timeout(patience, connection.ping()).await.is_ok_and(|pinged| pinged.is_ok());
            if is_there {
                return Ok(connection);
            }
        }
        match tokio::time::timeout(self.to_connect, PgConnection::connect_with(&self.options)).await {
            Ok(connected) => connected.map_err(|error| self.fault(&error)),
            Err(_) => Err(Fault::silence(&self.url, self.to_connect)),
        }
    }

    /// Asks one question whose text and values were put together.
    async fn ask(&mut self, sql: &mut QueryBuilder<Postgres>) -> Result<Vec<PgRow>, Fault> {
        self.answered(sql.build()).await
    }

    /// Asks one question that has a list of texts as its only value.
    async fn ask_with(&mut self, sql: &'static str, values: Vec<String>) -> Result<Vec<PgRow>, Fault> {
        self.answered(sqlx::query(sql).bind(values)).await
    }

    /// One question in a read-only transaction of its own. The connection is kept only if it is as it was before.
    async fn answered(
        &mut self,
        query: sqlx::query::Query<'_, Postgres, sqlx::postgres::PgArguments>,
    ) -> Result<Vec<PgRow>, Fault> {
        let mut connection = self.connected().await?;
        let patience = self.to_answer + self.on_the_way();
        let first = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout TO {}; SET LOCAL lock_timeout TO {0}; \
             SET LOCAL TimeZone TO 'UTC'; SET LOCAL extra_float_digits TO 1; {UNTIL_GONE}",
            self.to_answer.as_millis().max(1)
        );
        let asking = async {
            connection.execute(sqlx::AssertSqlSafe(first)).await?;
            let answer = query.persistent(false).fetch_all(&mut connection).await;
            let ended = connection.execute("ROLLBACK").await;
            let rows = answer?;
            ended?;
            sqlx::Result::Ok(rows)
        };
        let answer = match tokio::time::timeout(patience, asking).await {
            Ok(answer) => answer.map_err(|error| self.fault(&error)),
            Err(_) => Err(Fault::silence(&self.url, patience)),
        };
        if answer.as_ref().map_or_else(|fault| fault.kind != FaultKind::Gone, |_| true) {
            self.connection = Some((connection, Instant::now()));
        }
        answer
    }
}
