//! A database with the original's tables, filled from a world of rows, on the server of the tests.

use std::collections::BTreeMap;
use std::io::Write;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::runtime::Runtime;

use crate::world::World;

pub const TABLES: &str = include_str!("tables.sql");

/// A database of its own; it goes with the server.
pub struct Database {
    url: String,
    runtime: Runtime,
}

impl Database {
    /// An empty one; `None`, and said so, where no server is named.
    pub fn empty() -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("starts");
        let Some(url) = runtime.block_on(crate::server::database()) else {
            // Straight to stderr: libtest keeps what passing tests print, and a skipped check must be seen.
            writeln!(
                std::io::stderr(),
                "skipped: PostgreSQL with the original's tables (TURNSCOPE_TEST_SERVER is not set)"
            )
            .expect("stderr takes it");
            return None;
        };
        Some(Self { url, runtime })
    }

    /// One with all tables and the rows of a world.
    pub fn of(world: &World) -> Option<Self> {
        let database = Self::empty()?;
        database.execute(TABLES);
        database.add(world);
        Some(database)
    }

    pub fn add(&self, world: &World) {
        self.runtime.block_on(async {
            let mut connection = self.connect().await;
            for (table, row) in &world.rows {
                let insert =
                    format!("INSERT INTO {table} SELECT * FROM json_populate_record(NULL::{table}, $1::text::json)");
                let insert = sqlx::query(AssertSqlSafe(insert)).bind(row.to_string());
                insert.execute(&mut connection).await.unwrap_or_else(|error| panic!("{table}: {error}\n{row}"));
            }
        });
    }

    async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.expect("connects")
    }

    pub fn execute(&self, statements: &str) {
        self.runtime.block_on(async {
            let mut connection = self.connect().await;
            connection.execute(AssertSqlSafe(statements.to_owned())).await.expect("is done");
        });
    }

    /// A transaction that has run this, and is there until what this gives is dropped.
    pub fn hold(&self, statement: &str) -> PgConnection {
        self.runtime.block_on(async {
            let mut connection = self.connect().await;
            connection.execute("BEGIN").await.expect("begins");
            connection.execute(AssertSqlSafe(statement.to_owned())).await.expect("is done");
            connection
        })
    }

    /// Lets nobody in any more, and ends what is open.
    pub fn close(&self) {
        self.runtime.block_on(async {
            let server = self.url.replacen(&format!("/{}?", self.name()), "/postgres?", 1);
            let mut connection = PgConnection::connect(&server).await.expect("connects");
            let shut = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name());
            connection.execute(AssertSqlSafe(shut)).await.expect("is done");
            let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
            sqlx::query(end).bind(self.name()).execute(&mut connection).await.expect("is done");
        });
    }

    /// Lets everybody in again.
    pub fn reopen(&self) {
        self.runtime.block_on(async {
            let server = self.url.replacen(&format!("/{}?", self.name()), "/postgres?", 1);
            let mut connection = PgConnection::connect(&server).await.expect("connects");
            let open = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name());
            connection.execute(AssertSqlSafe(open)).await.expect("is done");
        });
    }

    /// The first column of each row, as text.
    pub fn texts(&self, question: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let mut connection = self.connect().await;
            let rows =
                sqlx::query(AssertSqlSafe(question.to_owned())).fetch_all(&mut connection).await.expect("answers");
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// Its address for the program.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn name(&self) -> &str {
        let (place, _) = self.url.split_once('?').expect("options");
        place.rsplit('/').next().expect("a name")
    }

    /// The same for another user.
    pub fn url_as(&self, user: &str) -> String {
        self.url().replace("user=tester", &format!("user={user}"))
    }

    /// The socket of the server.
    pub fn socket(&self) -> String {
        let (_, host) = self.url.split_once("host=").expect("a socket");
        format!("{}/.s.PGSQL.5432", host.split('&').next().expect("a folder"))
    }

    /// Everything in it, as digests: rows with who wrote them last, what there is besides tables, and what is held.
    pub fn checksums(&self) -> BTreeMap<String, String> {
        let tables = self
            .texts("SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'");
        let mut sums: BTreeMap<String, String> = tables
            .into_iter()
            .map(|table| {
                let sum = format!(
                    "SELECT coalesce(md5(string_agg(t.xmin::text || t.ctid::text || row_to_json(t)::text, '' ORDER BY t.ctid)), 'empty') FROM {table} t"
                );
                let sum = self.texts(&sum).remove(0);
                (table, sum)
            })
            .collect();
        let objects = "SELECT md5(string_agg(oid::text || relname, '' ORDER BY oid)) FROM pg_class WHERE relnamespace <> 'pg_toast'::regnamespace";
        sums.insert("objects".to_owned(), self.texts(objects).remove(0));
        sums
    }
}
