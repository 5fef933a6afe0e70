//! A statement with its values, and running it on either engine.

use std::borrow::Cow;
use std::fmt::{Display, Write};

use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Postgres, Sqlite};

use super::{Pool, Row, Transaction};

/// A value that is bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A statement in what both engines understand: its parameters are `$1`, `$2` and so on.
#[derive(Debug, Default)]
pub(in crate::store) struct Statement {
    text: Cow<'static, str>,
    values: Vec<Value>,
    /// Where in the text the parameters belong that are written with their values, and their numbers. They are written
    /// when it is known for which engine.
    places: Vec<(usize, usize)>,
    /// Not worth being kept prepared for the next time.
    passing: bool,
}

/// Where a statement runs.
pub(in crate::store) enum On<'a> {
    Pool(&'a Pool),
    Transaction(&'a mut Transaction),
}

/// A statement whose text is known; values are bound in their order.
pub(in crate::store) fn query(text: impl Into<Cow<'static, str>>) -> Statement {
    Statement { text: text.into(), ..Statement::default() }
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
        // Writing to a string does not fail.
        let _ = write!(self.text.to_mut(), "{text}");
        self
    }

    /// Writes the next parameter and binds its value.
    pub(in crate::store) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.places.push((self.text.len(), self.values.len()));
        self
    }

    /// Writes the parameters of an `IN (…)`, a comma between, and binds their values; without any nothing is in it.
    pub(in crate::store) fn push_list<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        let before = self.values.len();
        for value in values {
            if self.values.len() > before {
                self.text.to_mut().push_str(", ");
            }
            self.push_bind(value);
        }
        if self.values.len() == before { self.push("NULL") } else { self }
    }

    /// Writes `VALUES (…), (…)`, a bracket for each item.
    pub(in crate::store) fn push_values<I: IntoIterator>(
        &mut self,
        items: I,
        mut write: impl FnMut(Values<'_>, I::Item),
    ) -> &mut Self {
        self.push("VALUES ");
        for (index, item) in items.into_iter().enumerate() {
            self.text.to_mut().push_str(if index == 0 { "(" } else { ", (" });
            write(Values { statement: self, is_first: true }, item);
            self.text.to_mut().push(')');
        }
        self
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
            On::Pool(Pool::Postgres(pool)) => self.for_postgres()?.execute(pool).await?.rows_affected(),
            On::Transaction(Transaction::Sqlite(within)) => {
                self.for_sqlite()?.execute(&mut **within).await?.rows_affected()
            }
            On::Transaction(Transaction::Postgres(within)) => {
                self.for_postgres()?.execute(&mut **within).await?.rows_affected()
            }
        })
    }

    /// Runs it; its first row, if there is one.
    pub(in crate::store) async fn fetch_optional(self, on: impl Into<On<'_>>) -> sqlx::Result<Option<Row>> {
        Ok(match on.into() {
            On::Pool(Pool::Sqlite(pool)) => self.for_sqlite()?.fetch_optional(pool).await?.map(Row::Sqlite),
            On::Pool(Pool::Postgres(pool)) => self.for_postgres()?.fetch_optional(pool).await?.map(Row::Postgres),
            On::Transaction(Transaction::Sqlite(within)) => {
                self.for_sqlite()?.fetch_optional(&mut **within).await?.map(Row::Sqlite)
            }
            On::Transaction(Transaction::Postgres(within)) => {
                self.for_postgres()?.fetch_optional(&mut **within).await?.map(Row::Postgres)
            }
        })
    }

    /// Runs it; its rows as they come.
    pub(in crate::store) fn fetch<'a>(self, on: impl Into<On<'a>>) -> BoxStream<'a, sqlx::Result<Row>> {
        let rows = match on.into() {
            On::Pool(Pool::Sqlite(pool)) => {
                self.for_sqlite().map(|query| query.fetch(pool).map_ok(Row::Sqlite).boxed())
            }
            On::Pool(Pool::Postgres(pool)) => {
                self.for_postgres().map(|query| query.fetch(pool).map_ok(Row::Postgres).boxed())
            }
            On::Transaction(Transaction::Sqlite(within)) => {
                self.for_sqlite().map(|query| query.fetch(&mut **within).map_ok(Row::Sqlite).boxed())
            }
            On::Transaction(Transaction::Postgres(within)) => {
                self.for_postgres().map(|query| query.fetch(&mut **within).map_ok(Row::Postgres).boxed())
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
        let mut arguments = SqliteArguments::default();
        let count = self.values.len();
        for value in self.values {
            match value {
                Value::Integer(number) => arguments.add(number),
                Value::Text(text) => arguments.add(text),
                Value::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        let text = if self.places.len() == count {
            without_numbers(self.text, &self.places)
        } else {
            with_numbers(self.text, &self.places)
        };
        Ok(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(!self.passing))
    }

    fn for_postgres(self) -> sqlx::Result<Query<'static, Postgres, PgArguments>> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            match value {
                Value::Integer(number) => arguments.add(number),
                // It stores no NUL in texts, so nothing that has one can be found either.
                Value::Text(text) => arguments.add(text.map(|text| text.replace('\0', ""))),
                Value::Bytes(bytes) => arguments.add(bytes),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        let text = with_numbers(self.text, &self.places);
        Ok(sqlx::query_with(AssertSqlSafe(text), arguments).persistent(!self.passing))
    }
}

/// The text with `?` for each parameter in its order. SQLite looks for the name of each parameter from the first one on,
/// which takes seconds for a bulk of numbered ones; these have no name.
fn without_numbers(text: Cow<'static, str>, places: &[(usize, usize)]) -> Cow<'static, str> {
    written(text, places, |whole, _| whole.push('?'))
}

/// The text with `$1`, `$2` and so on for its parameters.
fn with_numbers(text: Cow<'static, str>, places: &[(usize, usize)]) -> Cow<'static, str> {
    written(text, places, |whole, number| {
        // Writing to a string does not fail.
        let _ = write!(whole, "${number}");
    })
}

/// The text with each parameter written in its place.
fn written(
    text: Cow<'static, str>,
    places: &[(usize, usize)],
    mut write: impl FnMut(&mut String, usize),
) -> Cow<'static, str> {
    if places.is_empty() {
        return text;
    }
    let mut whole = String::with_capacity(text.len() + places.len() * 2);
    let mut at = 0;
    for (place, number) in places {
        whole.push_str(&text[at..*place]);
        write(&mut whole, *number);
        at = *place;
    }
    whole.push_str(&text[at..]);
    Cow::Owned(whole)
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
    statement: &'a mut Statement,
    is_first: bool,
}

impl Values<'_> {
    /// Binds the next value of the bracket.
    pub(in crate::store) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.statement.text.to_mut().push_str(", ");
        }
        self.statement.push_bind(value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_written_with_their_values_have_no_numbers_on_sqlite() {
        let mut statement = Statement::new("SELECT '$1' WHERE a = ");
        statement.push_bind(1_i64).push(" AND b IN (").push_list([2_i64, 3]).push(")");
        let Statement { text, places, .. } = statement;
        assert_eq!(with_numbers(text.clone(), &places), "SELECT '$1' WHERE a = $1 AND b IN ($2, $3)");
        assert_eq!(without_numbers(text, &places), "SELECT '$1' WHERE a = ? AND b IN (?, ?)");
    }
}
