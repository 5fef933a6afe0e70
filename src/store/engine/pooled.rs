//! The connections to a server, or to a pooler before it that lends one for no longer than a transaction lasts.
//!
//! What such a connection is told, and the statements it has prepared, are somebody else's a moment later. So there each
//! statement is a transaction of its own that begins with what a connection otherwise is told once, and none is kept.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::ready;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgPool, Postgres};

/// Rows on their way from a transaction to who asks for them.
const ON_THE_WAY: usize = 64;

type Asked = Query<'static, Postgres, PgArguments>;

/// The connections to a server.
#[derive(Debug, Clone)]
pub(in crate::store) struct Server {
    pool: PgPool,
    /// What each transaction begins with, where connections are lent.
    begin: Option<Arc<str>>,
    /// How long an answer, and each row of it, is waited for.
    patience: Option<Duration>,
}

/// A transaction on a server.
#[derive(Debug)]
pub(in crate::store) struct Within {
    pub(super) transaction: sqlx::Transaction<'static, Postgres>,
    is_lent: bool,
}

impl Server {
    /// Connections that keep what they are told.
    pub(in crate::store) fn new(pool: PgPool) -> Self {
        Self { pool, begin: None, patience: None }
    }

    /// Connections that a pooler lends; `begin` are the statements that each transaction begins with.
    pub(in crate::store) fn lent(pool: PgPool, begin: &str) -> Self {
        Self { pool, begin: Some(begin.into()), patience: None }
    }

    /// From here on waits no longer than this for an answer, even when nothing at all comes.
    pub(in crate::store) fn patient(self, patience: Duration) -> Self {
        Self { patience: Some(patience), ..self }
    }

    pub(super) async fn begin(&self) -> sqlx::Result<Within> {
        let transaction = match &self.begin {
            Some(begin) => self.pool.begin_with(AssertSqlSafe(begin.to_string())).await?,
            None => self.pool.begin().await?,
        };
        Ok(Within { transaction, is_lent: self.begin.is_some() })
    }

    pub(super) async fn execute(&self, query: Asked) -> sqlx::Result<u64> {
        if self.begin.is_none() {
            return Ok(query.execute(&self.pool).await?.rows_affected());
        }
        let mut within = self.begin().await?;
        let done = within.fit(query).execute(&mut *within.transaction).await?;
        within.transaction.commit().await?;
        Ok(done.rows_affected())
    }

    pub(super) async fn fetch_optional(&self, query: Asked) -> sqlx::Result<Option<PgRow>> {
        answered(self.patience, async {
            if self.begin.is_none() {
                return query.fetch_optional(&self.pool).await;
            }
            let mut within = self.begin().await?;
            let row = within.fit(query).fetch_optional(&mut *within.transaction).await?;
            within.transaction.commit().await?;
            Ok(row)
        })
        .await
    }

    pub(super) fn fetch(&self, query: Asked) -> BoxStream<'_, sqlx::Result<PgRow>> {
        let rows = if self.begin.is_none() { query.fetch(&self.pool) } else { self.fetch_within(query) };
        let patience = self.patience;
        stream::try_unfold(rows, move |mut rows| async move {
            let row = answered(patience, rows.try_next()).await?;
            Ok(row.map(|row| (row, rows)))
        })
        .boxed()
    }

    /// The rows of a query that is a transaction of its own, as they come.
    fn fetch_within(&self, query: Asked) -> BoxStream<'_, sqlx::Result<PgRow>> {
        let (rows, mut waiting) = tokio::sync::mpsc::channel(ON_THE_WAY);
        let asking = async move {
            let mut within = self.begin().await?;
            let query = within.fit(query);
            let mut found = query.fetch(&mut *within.transaction);
            while let Some(row) = found.try_next().await? {
                // Whoever asked may have heard enough.
                if rows.send(row).await.is_err() {
                    break;
                }
            }
            drop(found);
            within.transaction.commit().await
        };
        let failure = stream::once(asking).filter_map(|ended| ready(ended.err().map(Err)));
        let found = stream::poll_fn(move |context| waiting.poll_recv(context)).map(Ok);
        stream::select(found, failure).boxed()
    }

    /// Runs a statement that must not be in a transaction.
    pub(super) async fn execute_apart(&self, text: String) -> sqlx::Result<()> {
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&self.pool).await?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

impl Within {
    /// The query as it may be asked here: where the connection is lent, nothing stays prepared on it.
    pub(super) fn fit(&self, query: Asked) -> Asked {
        if self.is_lent { query.persistent(false) } else { query }
    }
}

async fn answered<T>(patience: Option<Duration>, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let Some(patience) = patience else { return answer.await };
    let silence = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs()));
    tokio::time::timeout(patience, answer).await.map_err(|_| silence())?
}
