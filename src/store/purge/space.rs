//! Space: what a purge has freed inside the store, given back to the system; each engine in its own way.

use anyhow::{Result, bail};

use super::super::engine::{Engine, query};
use super::super::{Store, bytes, rows};

/// Pages given back in one transaction.
const PAGES: i64 = 2000;
/// The bytes of all tables of a store in PostgreSQL, with their indexes.
const TABLES: &str = "SELECT CAST(coalesce(sum(pg_total_relation_size(oid)), 0) AS BIGINT) FROM pg_class \
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'";
/// How many of them this role may not vacuum: PostgreSQL passes over these without an error. From version 17 on the right
/// to do so can be given, and is not looked for here.
const NOT_OWN: &str = "SELECT count(*) FROM pg_class t CROSS JOIN pg_database d \
     WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' AND d.datname = current_database() \
     AND NOT pg_has_role(t.relowner, 'USAGE') AND NOT pg_has_role(d.datdba, 'USAGE') \
     AND CAST(current_setting('server_version_num') AS INTEGER) < 170000";

/// How much room the store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of its file, with what waits beside it left out; or of its tables.
    pub bytes: i64,
    /// Bytes of it that are free, where the engine tells.
    pub free: i64,
}

/// What one step has given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    pub pages: i64,
    /// Whether there is more; it takes another step.
    pub more: bool,
}

impl Store {
    /// How much room the store takes, and how much of that is free.
    pub async fn room(&self) -> Result<Room> {
        if self.engine() == Engine::Postgres {
            return Ok(Room { bytes: self.number(TABLES).await?, free: 0 });
        }
        let page: i64 = self.number("PRAGMA page_size").await?;
        let (pages, free) = (self.number("PRAGMA page_count").await?, self.number("PRAGMA freelist_count").await?);
        Ok(Room { bytes: pages * page, free: free * page })
    }

    /// Gives some free pages back; called again until there is no more. With a receipt they are written down in it.
    ///
    /// A file that was made to keep its pages gives none; [`Self::vacuum`] writes it anew. PostgreSQL marks what is free
    /// as such, so that it is used again, and gives back what lies at the ends of its tables.
    pub async fn return_space(&self, receipt: Option<i64>) -> Result<Returned> {
        if self.engine() == Engine::Postgres {
            return self.vacuum_tables("VACUUM (ANALYZE)").await.map(|()| Returned { pages: 0, more: false });
        }
        let mut transaction = self.begin().await?;
        let free = "PRAGMA freelist_count";
        let before: i64 = query(free).fetch_one(&mut transaction).await?.try_get(0)?;
        // A pragma takes no bound values; the number is our own. Each row that is fetched is a page that goes.
        query(format!("PRAGMA incremental_vacuum({PAGES})")).fetch_all(&mut transaction).await?;
        let after: i64 = query(free).fetch_one(&mut transaction).await?.try_get(0)?;
        let pages = before - after;
        if let (Some(receipt), true) = (receipt, pages > 0) {
            query("UPDATE receipts SET pages = pages + $1 WHERE receipt = $2")
                .bind(pages)
                .bind(receipt)
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(Returned { pages, more: pages > 0 && after > 0 })
    }

    /// Writes what waits beside the store into its file, as far as nobody is reading there, and empties what waited.
    pub async fn write_through(&self) -> Result<()> {
        if self.engine() == Engine::Sqlite {
            query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&self.writer).await?;
        }
        Ok(())
    }

    /// Writes the whole store anew, without free pages. It takes as much room again while it runs, and whoever wants to
    /// write waits; in PostgreSQL whoever wants to read a table too, as long as that one is written.
    pub async fn vacuum(&self) -> Result<()> {
        if self.engine() == Engine::Postgres {
            if self.number(NOT_OWN).await? > 0 {
                bail!("the store {} lets this role not do that: whoever owns its tables may", self.address());
            }
            self.sweep().await?;
            return self.vacuum_tables("VACUUM (FULL, ANALYZE)").await;
        }
        for statement in ["PRAGMA auto_vacuum = INCREMENTAL", "VACUUM"] {
            query(statement).execute(&self.writer).await?;
        }
        self.write_through().await
    }

    /// Takes away what was stored ahead of something that did not come, which no event and no receipt can name. It is
    /// looked for beside whoever writes, and looked at again when it goes.
    pub(super) async fn sweep(&self) -> Result<()> {
        if self.engine() == Engine::Postgres {
            for unused in bytes::unused(&self.readers).await?.chunks(rows::CHUNK) {
                let mut transaction = self.begin().await?;
                bytes::sweep(&mut transaction, unused).await?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }

    /// Has what is deleted from now on overwritten, or no longer; PostgreSQL overwrites when it vacuums.
    pub(super) async fn overwrite(&self, wanted: bool) -> Result<()> {
        if self.engine() == Engine::Sqlite {
            let statement = if wanted { "PRAGMA secure_delete = ON" } else { "PRAGMA secure_delete = OFF" };
            query(statement).execute(&self.writer).await?;
        }
        Ok(())
    }

    async fn vacuum_tables(&self, vacuum: &str) -> Result<()> {
        let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND \
             relkind = 'r' ORDER BY relname";
        for row in query(tables).fetch_all(&self.readers).await? {
            let table: String = row.try_get(0)?;
            self.writer.execute_apart(format!("{vacuum} turnscope.{table}")).await?;
        }
        Ok(())
    }

    async fn number(&self, statement: &'static str) -> Result<i64> {
        Ok(query(statement).fetch_one(&self.writer).await?.try_get(0)?)
    }
}
