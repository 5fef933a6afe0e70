//! Two engines behind one face: pools, transactions, statements and rows that are those of SQLite or of PostgreSQL.
//!
//! A statement is written once, with `$1`, in what both engines understand; where they cannot do the same, the store
//! asks which one it is ([`Pool::engine`]).

mod pooled;
mod render;
mod row;
mod statement;

pub(in crate::store) use pooled::Server;
pub(in crate::store) use row::Row;
pub(in crate::store) use statement::{On, Statement, Values, query, run_all};

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Executor, Sqlite, SqlitePool};

use pooled::Within;

/// Which database holds a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// A text as it is stored: PostgreSQL takes no NUL.
    pub(in crate::store) fn stored(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Postgres if text.contains('\0') => Cow::Owned(text.replace('\0', "")),
            Self::Sqlite | Self::Postgres => Cow::Borrowed(text),
        }
    }

    /// What `ON CONFLICT` names a column of ids by. On PostgreSQL it is unique by a digest, which fits into an index
    /// however long the ids are.
    pub(in crate::store) fn unique(self, column: &str) -> String {
        match self {
            Self::Sqlite => column.to_owned(),
            Self::Postgres => format!("md5({column})"),
        }
    }
}

/// Connections to the store.
#[derive(Debug, Clone)]
pub(in crate::store) enum Pool {
    Sqlite(SqlitePool),
    Postgres(Server),
}

/// Statements of which all are carried out, or none.
#[derive(Debug)]
pub(in crate::store) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(Within),
}

/// Writers of one PostgreSQL store take this lock one after the other, for as long as a transaction lasts. So numbers
/// of events are those of commits there too, nothing is stored twice, and no two writers can wait for each other.
const WRITING: &str = "SELECT pg_advisory_xact_lock(hashtext(current_schema()), 1)";

/// Pieces that are sent ahead are stored without that lock, by as many as like to. Whoever has the lock and still has to
/// store a piece waits until no other is at it, and so nobody waits for a piece of somebody who waits for him.
const AHEAD: &str = "SELECT pg_advisory_xact_lock_shared(hashtext(current_schema()), 2), \
     set_config('synchronous_commit', 'off', true)";
const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtext(current_schema()), 2)";

const BEGIN: &str = "BEGIN IMMEDIATE";

impl Pool {
    pub(in crate::store) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Begins to write: nobody else does until this ends.
    pub(in crate::store) async fn begin_writing(&self) -> sqlx::Result<Transaction> {
        match self {
            Self::Sqlite(pool) => {
                let mut begun = pool.begin_with(BEGIN).await;
                if matches!(begun, Err(sqlx::Error::InvalidSavePointStatement)) {
                    // Where the disk is full, the database takes a transaction back by itself; the connection did not
                    // expect that, and would take itself to be in one for ever.
                    pool.acquire().await?.close().await?;
                    begun = pool.begin_with(BEGIN).await;
                }
                Ok(Transaction::Sqlite(begun?))
            }
            Self::Postgres(server) => {
                let mut transaction = Transaction::Postgres(server.begin().await?);
                query(WRITING).execute(&mut transaction).await?;
                Ok(transaction)
            }
        }
    }

    /// Begins to send pieces ahead of a transaction that will write, where writers take turns. What is sent is on the
    /// disk when that transaction is. `None` where there is nothing to win.
    pub(in crate::store) async fn begin_ahead(&self) -> sqlx::Result<Option<Transaction>> {
        let Self::Postgres(server) = self else { return Ok(None) };
        let mut transaction = Transaction::Postgres(server.begin().await?);
        query(AHEAD).execute(&mut transaction).await?;
        Ok(Some(transaction))
    }

    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(server) => server.close().await,
        }
    }

    /// Runs a statement without values that must not be in a transaction, as those that vacuum.
    pub(in crate::store) async fn execute_apart(&self, text: String) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(pool) => pool.execute(AssertSqlSafe(text)).await.map(drop),
            Self::Postgres(server) => server.execute_apart(text).await,
        }
    }
}

impl Transaction {
    pub(in crate::store) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Waits until nobody sends pieces ahead, and lets nobody do so until this ends.
    pub(in crate::store) async fn alone_with_pieces(&mut self) -> sqlx::Result<()> {
        if self.engine() == Engine::Postgres {
            query(ALONE).execute(self).await?;
        }
        Ok(())
    }

    /// Carries all of it out. When this returns, it is on the disk.
    pub(in crate::store) async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(within) => within.commit().await,
        }
    }
}
