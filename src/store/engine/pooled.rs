//! The connections to a server, or to a pooler before it that lends one for no longer than a transaction lasts.
//!
//! What such a connection is told, and the statements it has prepared, are somebody else's a moment later. So there each
//! statement is a transaction of its own that begins with what a connection otherwise is told once, and none is kept.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::ready;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, PgPool, Postgres};
use tokio::runtime::Handle;

/// Rows on their way from a transaction to who asks for them.
const ON_THE_WAY: usize = 64;
/// How long taking a transaction back is waited for.
const A_MOMENT: Duration = Duration::from_secs(1);

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

/// A transaction on a server. What is not committed is taken back when it is dropped.
#[derive(Debug)]
pub(in crate::store) struct Within {
    /// There until this is dropped.
    connection: Option<PoolConnection<Postgres>>,
    is_open: bool,
    /// An answer did not come.
    is_silent: bool,
    is_lent: bool,
    patience: Option<Duration>,
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
        let connection = self.pool.acquire().await?;
        let mut within = Within {
            connection: Some(connection),
            is_open: true,
            is_silent: false,
            is_lent: self.begin.is_some(),
            patience: self.patience,
        };
        let begin = AssertSqlSafe(self.begin.as_deref().unwrap_or("BEGIN").to_owned());
        let begun = answered(within.patience, within.connection().execute(begin)).await;
        within.heard(begun)?;
        Ok(within)
    }

    pub(super) async fn execute(&self, query: Asked) -> sqlx::Result<u64> {
        if self.begin.is_none() {
            return Ok(answered(self.patience, query.execute(&self.pool)).await?.rows_affected());
        }
        let mut within = self.begin().await?;
        let done = within.execute(query).await?;
        within.commit().await?;
        Ok(done)
    }

    pub(super) async fn fetch_optional(&self, query: Asked) -> sqlx::Result<Option<PgRow>> {
        if self.begin.is_none() {
            return answered(self.patience, query.fetch_optional(&self.pool)).await;
        }
        let mut within = self.begin().await?;
        let row = within.fetch_optional(query).await?;
        within.commit().await?;
        Ok(row)
    }

    pub(super) fn fetch(&self, query: Asked) -> BoxStream<'_, sqlx::Result<PgRow>> {
        if self.begin.is_none() {
            return patiently(query.fetch(&self.pool), self.patience);
        }
        self.fetch_within(query)
    }

    /// The rows of a query that is a transaction of its own, as they come.
    fn fetch_within(&self, query: Asked) -> BoxStream<'_, sqlx::Result<PgRow>> {
        let (rows, mut waiting) = tokio::sync::mpsc::channel(ON_THE_WAY);
        let asking = async move {
            let mut within = self.begin().await?;
            let mut found = within.fetch(query);
            while let Some(row) = found.try_next().await? {
                // Whoever asked may have heard enough.
                if rows.send(row).await.is_err() {
                    break;
                }
            }
            drop(found);
            within.commit().await
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
    pub(super) async fn execute(&mut self, query: Asked) -> sqlx::Result<u64> {
        let query = self.fit(query);
        let done = answered(self.patience, query.execute(self.connection())).await;
        Ok(self.heard(done)?.rows_affected())
    }

    pub(super) async fn fetch_optional(&mut self, query: Asked) -> sqlx::Result<Option<PgRow>> {
        let query = self.fit(query);
        let row = answered(self.patience, query.fetch_optional(self.connection())).await;
        self.heard(row)
    }

    pub(super) fn fetch(&mut self, query: Asked) -> BoxStream<'_, sqlx::Result<PgRow>> {
        let query = self.fit(query);
        let Self { connection, is_silent, patience, .. } = self;
        let connection = connection.as_mut().expect(UNTIL_DROPPED);
        let rows = patiently(query.fetch(&mut **connection), *patience);
        rows.inspect_err(|error| *is_silent |= is_silence(error)).boxed()
    }

    /// Whoever gets no answer does not know whether it is done; doing it again does no harm.
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        let done = answered(self.patience, self.connection().execute("COMMIT")).await;
        self.heard(done)?;
        self.is_open = false;
        Ok(())
    }

    /// The query as it may be asked here: where the connection is lent, nothing stays prepared on it.
    fn fit(&self, query: Asked) -> Asked {
        if self.is_lent { query.persistent(false) } else { query }
    }

    fn connection(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(UNTIL_DROPPED)
    }

    /// Notes that an answer did not come.
    fn heard<T>(&mut self, answer: sqlx::Result<T>) -> sqlx::Result<T> {
        self.is_silent |= answer.as_ref().is_err_and(is_silence);
        answer
    }
}

const UNTIL_DROPPED: &str = "a transaction has its connection until it is dropped";

impl Drop for Within {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        match Handle::try_current() {
            Ok(runtime) if self.is_open && !self.is_silent => drop(runtime.spawn(take_back(connection))),
            // The server takes back what is not committed when it sees that this end is closed. As long as this waited
            // for it, nobody else could have a connection in its place.
            _ if self.is_open => drop(connection.detach()),
            _ => {}
        }
    }
}

/// Takes a transaction back, and keeps the connection if that is done at once.
async fn take_back(mut connection: PoolConnection<Postgres>) {
    let done = tokio::time::timeout(A_MOMENT, connection.execute("ROLLBACK")).await;
    if !done.is_ok_and(|done| done.is_ok()) {
        drop(connection.detach());
    }
}

/// Rows as they come, each waited for no longer than this.
fn patiently<'a>(
    rows: BoxStream<'a, sqlx::Result<PgRow>>,
    patience: Option<Duration>,
) -> BoxStream<'a, sqlx::Result<PgRow>> {
    stream::try_unfold(rows, move |mut rows| async move {
        let row = answered(patience, rows.try_next()).await?;
        Ok(row.map(|row| (row, rows)))
    })
    .boxed()
}

async fn answered<T>(patience: Option<Duration>, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let Some(patience) = patience else { return answer.await };
    let silence = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs_f64()));
    tokio::time::timeout(patience, answer).await.map_err(|_| silence())?
}

fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}
