//! How a statement is written for each engine, and its values with it.
//!
//! SQLite takes a parameter for each value, without numbers: it looks for the name of each parameter from the first one
//! on, which takes seconds for a bulk of numbered ones. PostgreSQL takes rows column by column, as one list each: the text
//! is the same for any number of rows, so it is prepared once, and many rows cost one message.

use std::borrow::Cow;
use std::fmt::Write;

use sqlx::Arguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

use super::Engine;
use super::statement::{Part, Value};

/// Lists and tables with up to so many items have few sizes, so that a statement of each size is enough.
const FEW: usize = 512;

/// The text and the values for SQLite.
pub(super) fn for_sqlite(
    mut parts: Vec<Part>,
    values: Vec<Value>,
) -> sqlx::Result<(Cow<'static, str>, SqliteArguments)> {
    let (mut arguments, named) = (SqliteArguments::default(), named(&parts, values.len()));
    for value in filled_up(&mut parts, values, named, Engine::Sqlite) {
        match value {
            Value::Integer(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok((sqlite_text(parts, named), arguments))
}

/// The values, and in what an `IN (…)` looks for the last item as often as it takes up to the next power of two.
fn filled_up(parts: &mut [Part], values: Vec<Value>, named: usize, engine: Engine) -> Vec<Value> {
    let (mut all, mut values) = (Vec::with_capacity(values.len()), values.into_iter());
    all.extend(values.by_ref().take(named));
    for part in parts {
        let (count, width, is_filled) = match part {
            Part::Text(_) => continue,
            Part::List(count) => (count, 1, true),
            Part::Rows { count, width } => (count, *width, false),
            // PostgreSQL takes a table of any size.
            Part::Wanted { count, width } => (count, *width, engine == Engine::Sqlite),
        };
        all.extend(values.by_ref().take(*count * width));
        if is_filled && *count <= FEW {
            let (last, full) = (all.len() - width, count.next_power_of_two());
            for place in 0..(full - *count) * width {
                all.push(all[last + place % width].clone());
            }
            *count = full;
        }
    }
    all
}

/// How many of the values the text names itself; they come first.
fn named(parts: &[Part], values: usize) -> usize {
    let written = parts.iter().map(|part| match part {
        Part::Text(_) => 0,
        Part::List(count) => *count,
        Part::Rows { count, width } | Part::Wanted { count, width } => count * width,
    });
    values - written.sum::<usize>()
}

fn sqlite_text(mut parts: Vec<Part>, named: usize) -> Cow<'static, str> {
    if let [Part::Text(text)] = parts.as_mut_slice() {
        return std::mem::take(text);
    }
    let mut next = named;
    // Where some have numbers, all have.
    let mut list = |text: &mut String, count: usize| {
        for place in 0..count {
            text.push_str(if place == 0 { "" } else { ", " });
            next += 1;
            // Writing to a string does not fail.
            let _ = if named > 0 { write!(text, "${next}") } else { write!(text, "?") };
        }
    };
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(own) => text.push_str(&own),
            Part::List(count) => list(&mut text, count),
            Part::Rows { count, width } | Part::Wanted { count, width } => {
                text.push_str("VALUES ");
                if named == 0 {
                    let row = format!("({}?), ", "?, ".repeat(width.saturating_sub(1)));
                    text.push_str(&row.repeat(count)[..row.len() * count - 2]);
                    continue;
                }
                for place in 0..count {
                    text.push_str(if place == 0 { "(" } else { ", (" });
                    list(&mut text, width);
                    text.push(')');
                }
            }
        }
    }
    Cow::Owned(text)
}

/// The text and the values for PostgreSQL.
pub(super) fn for_postgres(mut parts: Vec<Part>, values: Vec<Value>) -> sqlx::Result<(Cow<'static, str>, PgArguments)> {
    let mut arguments = PgArguments::default();
    if let [Part::Text(text)] = parts.as_mut_slice() {
        values.into_iter().try_for_each(|value| add(&mut arguments, value))?;
        return Ok((std::mem::take(text), arguments));
    }
    let named = named(&parts, values.len());
    let values = filled_up(&mut parts, values, named, Engine::Postgres);
    let (mut text, mut values, mut next) = (String::new(), values.into_iter(), named + 1);
    values.by_ref().take(named).try_for_each(|value| add(&mut arguments, value))?;
    for part in parts {
        match part {
            Part::Text(own) => text.push_str(&own),
            Part::List(count) => {
                for (place, value) in values.by_ref().take(count).enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    // Writing to a string does not fail.
                    let _ = write!(text, "{comma}${next}");
                    add(&mut arguments, value)?;
                    next += 1;
                }
            }
            Part::Rows { count, width } | Part::Wanted { count, width } => {
                text.push_str("SELECT * FROM unnest(");
                for (place, column) in columns(values.by_ref().take(count * width), width).into_iter().enumerate() {
                    let comma = if place == 0 { "" } else { ", " };
                    let _ = write!(text, "{comma}${next}::{}[]", column.kind());
                    column.add(&mut arguments)?;
                    next += 1;
                }
                text.push(')');
            }
        }
    }
    Ok((Cow::Owned(text), arguments))
}

fn add(arguments: &mut PgArguments, value: Value) -> sqlx::Result<()> {
    match value {
        Value::Integer(number) => arguments.add(number),
        Value::Text(text) => arguments.add(text.map(without_nul)),
        Value::Bytes(bytes) => arguments.add(bytes),
    }
    .map_err(sqlx::Error::Encode)
}

/// Nothing that has a NUL can be found either.
fn without_nul(text: String) -> String {
    if let Cow::Owned(stored) = Engine::Postgres.stored(&text) { stored } else { text }
}

/// The values of one column.
enum Column {
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    /// Of more than one type.
    Mixed,
}

impl Column {
    fn kind(&self) -> &'static str {
        match self {
            Self::Integers(_) => "int8",
            Self::Texts(_) | Self::Mixed => "text",
            Self::Bytes(_) => "bytea",
        }
    }

    fn of(first: &Value, count: usize) -> Self {
        match first {
            Value::Integer(_) => Self::Integers(Vec::with_capacity(count)),
            Value::Text(_) => Self::Texts(Vec::with_capacity(count)),
            Value::Bytes(_) => Self::Bytes(Vec::with_capacity(count)),
        }
    }

    fn push(&mut self, value: Value) {
        match (&mut *self, value) {
            (Self::Integers(column), Value::Integer(number)) => column.push(number),
            (Self::Texts(column), Value::Text(text)) => column.push(text.map(without_nul)),
            (Self::Bytes(column), Value::Bytes(bytes)) => column.push(bytes),
            _ => *self = Self::Mixed,
        }
    }

    fn add(self, arguments: &mut PgArguments) -> sqlx::Result<()> {
        match self {
            Self::Integers(column) => arguments.add(column),
            Self::Texts(column) => arguments.add(column),
            Self::Bytes(column) => arguments.add(column),
            Self::Mixed => Err("a column of values has more than one type".into()),
        }
        .map_err(sqlx::Error::Encode)
    }
}

/// Values row by row as values column by column.
fn columns(values: impl ExactSizeIterator<Item = Value>, width: usize) -> Vec<Column> {
    let count = values.len().checked_div(width).unwrap_or(0);
    let mut columns: Vec<Column> = Vec::with_capacity(width);
    for (place, value) in values.enumerate() {
        if place < width {
            columns.push(Column::of(&value, count));
        }
        columns[place % width].push(value);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Vec<Part> {
        let text = |text: &'static str| Part::Text(text.into());
        let rows = Part::Rows { count: 3, width: 2 };
        vec![
            text("INSERT INTO t (a, b) "),
            rows,
            text(" WHERE a = "),
            Part::List(1),
            text(" AND b IN ("),
            Part::List(2),
        ]
    }

    #[test]
    fn parameters_have_no_numbers_on_sqlite() {
        let text = sqlite_text(parts(), 0);
        assert_eq!(text, "INSERT INTO t (a, b) VALUES (?, ?), (?, ?), (?, ?) WHERE a = ? AND b IN (?, ?");
    }

    #[test]
    fn parameters_that_the_text_names_come_first() {
        let parts = || vec![Part::Text("WHERE a = $1 AND b IN (".into()), Part::List(2)];
        assert_eq!(sqlite_text(parts(), 1), "WHERE a = $1 AND b IN ($2, $3");
        let values = vec![Value::Integer(Some(1)); 3];
        let (text, arguments) = for_postgres(parts(), values).expect("is written");
        assert_eq!((text.as_ref(), arguments.len()), ("WHERE a = $1 AND b IN ($2, $3", 3));
    }

    #[test]
    fn what_is_wanted_is_filled_up_with_what_is_wanted_already() {
        let text = |text: &'static str| Part::Text(text.into());
        let table = Part::Wanted { count: 3, width: 2 };
        let parts = vec![text("WHERE (a, b) IN ("), table, text(") AND c IN ("), Part::List(3), text(") LIMIT $1")];
        let values: Vec<Value> = (0..10).map(Value::from).collect();
        let filled = |engine| {
            let mut parts = parts.clone();
            let values = filled_up(&mut parts, values.clone(), 1, engine);
            (parts, values.into_iter().map(|value| if let Value::Integer(Some(n)) = value { n } else { -1 }).collect())
        };
        let (parts, values): (_, Vec<i64>) = filled(Engine::Sqlite);
        assert_eq!(values, [0, 1, 2, 3, 4, 5, 6, 5, 6, 7, 8, 9, 9]);
        let text =
            "WHERE (a, b) IN (VALUES ($2, $3), ($4, $5), ($6, $7), ($8, $9)) AND c IN ($10, $11, $12, $13) LIMIT $1";
        assert_eq!(sqlite_text(parts, 1), text);
        let (_, values): (_, Vec<i64>) = filled(Engine::Postgres);
        assert_eq!(values, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]);
    }

    #[test]
    fn rows_are_lists_of_their_columns_on_postgres() {
        let (number, text) = (Value::Integer(Some(1)), Value::Text(None));
        let rows = [number.clone(), text.clone(), number.clone(), text.clone(), number.clone(), text];
        let values = [&rows[..], &[number.clone(), number.clone(), number]].concat();
        let (text, arguments) = for_postgres(parts(), values.clone()).expect("is written");
        let rows = "SELECT * FROM unnest($1::int8[], $2::text[])";
        assert_eq!(text, format!("INSERT INTO t (a, b) {rows} WHERE a = $3 AND b IN ($4, $5"));
        assert_eq!(arguments.len(), 5);
        let mixed = [&values[1..2], &values[1..]].concat();
        assert!(for_postgres(parts(), mixed).is_err());
    }
}
