//! Rows that either engine answers with, and the types that columns are read as.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, TypeInfo};

/// One row of an answer.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What a column can be read as.
pub(in crate::store) trait Column<'row>: Sized {
    fn of_sqlite(row: &'row SqliteRow, index: usize) -> sqlx::Result<Self>;
    fn of_postgres(row: &'row PgRow, index: usize) -> sqlx::Result<Self>;
}

impl Row {
    /// The value of a column; columns count from 0.
    pub(in crate::store) fn try_get<'row, T: Column<'row>>(&'row self, index: usize) -> sqlx::Result<T> {
        match self {
            Self::Sqlite(row) => T::of_sqlite(row, index),
            Self::Postgres(row) => T::of_postgres(row, index),
        }
    }
}

macro_rules! columns {
    ($($column:ty),+) => {$(
        impl<'row> Column<'row> for $column {
            fn of_sqlite(row: &'row SqliteRow, index: usize) -> sqlx::Result<Self> {
                row.try_get(index)
            }

            fn of_postgres(row: &'row PgRow, index: usize) -> sqlx::Result<Self> {
                row.try_get(index)
            }
        }
    )+};
}

columns!(bool, String, &'row str, Vec<u8>, &'row [u8]);
columns!(Option<String>, Option<&'row str>, Option<Vec<u8>>, Option<&'row [u8]>);

impl<'row> Column<'row> for i64 {
    fn of_sqlite(row: &'row SqliteRow, index: usize) -> sqlx::Result<Self> {
        row.try_get(index)
    }

    fn of_postgres(row: &'row PgRow, index: usize) -> sqlx::Result<Self> {
        <Option<Self>>::of_postgres(row, index)?
            .ok_or_else(|| sqlx::Error::ColumnDecode { index: index.to_string(), source: "it is null".into() })
    }
}

impl<'row> Column<'row> for Option<i64> {
    fn of_sqlite(row: &'row SqliteRow, index: usize) -> sqlx::Result<Self> {
        row.try_get(index)
    }

    /// Lengths and literals are of four bytes there.
    fn of_postgres(row: &'row PgRow, index: usize) -> sqlx::Result<Self> {
        match row.columns().get(index).map(|column| column.type_info().name()) {
            Some("INT4") => Ok(row.try_get::<Option<i32>, _>(index)?.map(i64::from)),
            _ => row.try_get(index),
        }
    }
}
