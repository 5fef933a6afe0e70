//! A statement with its values, and running it on either engine.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use futures_util::future::join;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

use super::{Pool, Row, Transaction, render};

/// A value that is bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Our own text; it may name parameters itself, as `$1`, where it is all there is.
    Text(Cow<'static, str>),
    /// Parameters of an `IN (…)`, a comma between.
    List(usize),
    /// Rows of as many parameters each.
    Rows { count: usize, width: usize },
    /// The same as what an `IN (…)` looks for, so that it does no harm to name one of them twice.
    Wanted { count: usize, width: usize },
}

/// A statement in what both engines understand.
#[derive(Debug, Default)]
pub(in crate::store) struct Statement {
    parts: Vec<Part>,
    values: Vec<Value>,
    /// Not worth being kept prepared for the next time.
    passing: bool,
}

/// Where a statement runs.
pub(in crate::store) enum On<'a> {
    Pool(&'a Pool),
    Transaction(&'a mut Transaction),
}

/// A statement whose text is known; its parameters are `$1`, `$2` and so on, and values are bound in their order.
pub(in crate::store) fn query(text: impl Into<Cow<'static, str>>) -> Statement {
    Statement { parts: vec![Part::Text(text.into())], ..Statement::default() }
}

/// Runs statements one after the other. Each is written while the one before it runs.
pub(in crate::store) async fn run_all(
    transaction: &mut Transaction,
    statements: impl Iterator<Item = Statement>,
) -> sqlx::Result<()> {
    match transaction {
        Transaction::Sqlite(within) => {
            let mut written = statements.map(Statement::for_sqlite);
            let mut next = written.next().transpose()?;
            while let Some(query) = next {
                let (ran, following) = join(query.execute(&mut **within), async { written.next() }).await;
                ran?;
                next = following.transpose()?;
            }
        }
        Transaction::Postgres(within) => {
            let mut written = statements.map(Statement::for_postgres);
            let mut next = written.next().transpose()?;
            while let Some(query) = next {
                let (ran, following) = join(within.execute(query), async { written.next() }).await;
                ran?;
                next = following.transpose()?;
            }
        }
    }
    Ok(())
}

impl Statement {
    /// A statement that begins so, and is written piece by piece.
    pub(in crate::store) fn new(text: impl Into<Cow<'static, str>>) -> Self {
        query(text)
    }

    /// Binds the next value of a text that names its parameters itself.
    pub(in crate::store) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Writes on. What is written is our own text; values of others are bound.
    pub(in crate::store) fn push(&mut self, text: impl Display) -> &mut Self {
        if !matches!(self.parts.last(), Some(Part::Text(_))) {
            self.parts.push(Part::Text(Cow::default()));
        }
        if let Some(Part::Text(before)) = self.parts.last_mut() {
            // Writing to a string does not fail.
            let _ = write!(before.to_mut(), "{text}");
        }
        self
    }

    /// Writes the next parameter and binds its value.
    pub(in crate::store) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.parts.push(Part::List(1));
        self
    }

    /// Writes the parameters of an `IN (…)`, a comma between, and binds their values; without any nothing is in it.
    pub(in crate::store) fn push_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        let before = self.values.len();
        self.values.extend(values.into_iter().map(Into::into));
        let count = self.values.len() - before;
        if count == 0 {
            return self.push("NULL");
        }
        self.parts.push(Part::List(count));
        self
    }

    /// Writes rows as a table of values, a bracket for each item; there is at least one.
    pub(in crate::store) fn push_values<I: IntoIterator>(
        &mut self,
        items: I,
        write: impl FnMut(Values<'_>, I::Item),
    ) -> &mut Self {
        let (count, width) = self.bind_rows(items, write);
        self.parts.push(Part::Rows { count, width });
        self
    }

    /// Writes rows as what an `IN (…)` looks for, as a table of values; there is at least one.
    ///
    /// Unlike lists that are written one by one, they make few different statements, however many they are.
    pub(in crate::store) fn push_wanted<I: IntoIterator>(
        &mut self,
        items: I,
        write: impl FnMut(Values<'_>, I::Item),
    ) -> &mut Self {
        let (count, width) = self.bind_rows(items, write);
        self.parts.push(Part::Wanted { count, width });
        self
    }

    /// Binds the values of rows: how many rows there are, and how wide they are.
    fn bind_rows<I: IntoIterator>(&mut self, items: I, mut write: impl FnMut(Values<'_>, I::Item)) -> (usize, usize) {
        let (before, mut count) = (self.values.len(), 0);
        for item in items {
            write(Values { values: &mut self.values }, item);
            count += 1;
        }
        (count, (self.values.len() - before).checked_div(count).unwrap_or(0))
    }

    /// Whether it stays prepared for the next time; it does unless this says otherwise.
    pub(in crate::store) fn persistent(mut self, stays: bool) -> Self {
        self.passing = !stays;
        self
    }

    /// The statement as it stands; what wrote it is empty.
    pub(in crate::store) fn build(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Runs it; how many rows it has changed.
    pub(in crate::store) async fn execute(self, on: impl Into<On<'_>>) -> sqlx::Result<u64> {
        Ok(match on.into() {
            On::Pool(Pool::Sqlite(pool)) => self.for_sqlite()?.execute(pool).await?.rows_affected(),
            On::Pool(Pool::Postgres(server)) => server.execute(self.for_postgres()?).await?,
            On::Transaction(Transaction::Sqlite(within)) => {
                self.for_sqlite()?.execute(&mut **within).await?.rows_affected()
            }
            On::Transaction(Transaction::Postgres(within)) => within.execute(self.for_postgres()?).await?,
        })
    }

    /// Runs it; its first row, if there is one.
    pub(in crate::store) async fn fetch_optional(self, on: impl Into<On<'_>>) -> sqlx::Result<Option<Row>> {
        Ok(match on.into() {
            On::Pool(Pool::Sqlite(pool)) => self.for_sqlite()?.fetch_optional(pool).await?.map(Row::Sqlite),
            On::Pool(Pool::Postgres(server)) => server.fetch_optional(self.for_postgres()?).await?.map(Row::Postgres),
            On::Transaction(Transaction::Sqlite(within)) => {
                self.for_sqlite()?.fetch_optional(&mut **within).await?.map(Row::Sqlite)
            }
            On::Transaction(Transaction::Postgres(within)) => {
                within.fetch_optional(self.for_postgres()?).await?.map(Row::Postgres)
            }
        })
    }

    /// Runs it; its rows as they come.
    pub(in crate::store) fn fetch<'a>(self, on: impl Into<On<'a>>) -> BoxStream<'a, sqlx::Result<Row>> {
        let rows = match on.into() {
            On::Pool(Pool::Sqlite(pool)) => {
                self.for_sqlite().map(|query| query.fetch(pool).map_ok(Row::Sqlite).boxed())
            }
            On::Pool(Pool::Postgres(server)) => {
                self.for_postgres().map(|query| server.fetch(query).map_ok(Row::Postgres).boxed())
            }
            On::Transaction(Transaction::Sqlite(within)) => {
                self.for_sqlite().map(|query| query.fetch(&mut **within).map_ok(Row::Sqlite).boxed())
            }
            On::Transaction(Transaction::Postgres(within)) => {
                self.for_postgres().map(|query| within.fetch(query).map_ok(Row::Postgres).boxed())
            }
        };
        rows.unwrap_or_else(|error| stream::iter([Err(error)]).boxed())
    }

    /// Runs it; all its rows.
    pub(in crate::store) async fn fetch_all(self, on: impl Into<On<'_>>) -> sqlx::Result<Vec<Row>> {
        self.fetch(on).try_collect().await
    }

    /// Runs it; its one row.
    pub(in crate::store) async fn fetch_one(self, on: impl Into<On<'_>>) -> sqlx::Result<Row> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    fn for_sqlite(self) -> sqlx::Result<Query<'static, Sqlite, SqliteArguments>> {
        let (text, arguments) = render::for_sqlite(self.parts, self.values)?;
        Ok(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(!self.passing))
    }

    fn for_postgres(self) -> sqlx::Result<Query<'static, Postgres, PgArguments>> {
        let (text, arguments) = render::for_postgres(self.parts, self.values)?;
        Ok(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(!self.passing))
    }
}

impl On<'_> {
    /// The same place for another statement.
    pub(in crate::store) fn again(&mut self) -> On<'_> {
        match self {
            Self::Pool(pool) => On::Pool(pool),
            Self::Transaction(transaction) => On::Transaction(transaction),
        }
    }
}

impl<'a> From<&'a Pool> for On<'a> {
    fn from(pool: &'a Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'a> From<&'a mut Transaction> for On<'a> {
    fn from(transaction: &'a mut Transaction) -> Self {
        Self::Transaction(transaction)
    }
}

macro_rules! values {
    ($($from:ty => $variant:ident),+) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(Some(value.into()))
            }
        }

        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(Into::into))
            }
        }
    )+};
}

values!(i64 => Integer, String => Text, &str => Text, Cow<'_, str> => Text, Vec<u8> => Bytes, &[u8] => Bytes);

impl From<Option<&String>> for Value {
    fn from(value: Option<&String>) -> Self {
        Self::Text(value.cloned())
    }
}

impl From<&i64> for Value {
    fn from(value: &i64) -> Self {
        Self::Integer(Some(*value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

/// The inside of one bracket of values.
pub(in crate::store) struct Values<'a> {
    values: &'a mut Vec<Value>,
}

impl Values<'_> {
    /// Binds the next value of the bracket.
    pub(in crate::store) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self
    }
}
