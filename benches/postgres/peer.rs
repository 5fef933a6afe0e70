//! The peer: the same rows by `COPY` into temporary tables and `INSERT … SELECT … ON CONFLICT`, into the same tables.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, PgPool, Row};

/// The tables that an append fills, each with how its rows of one transaction are told from those of others: by the
/// first and the last of a number.
const TABLES: [(&str, &str); 14] = [
    ("sessions", "session"),
    ("tellings", "source"),
    ("pieces", "piece"),
    ("blobs", "blob"),
    ("blob_pieces", "blob"),
    ("sources", "source"),
    ("keys", "key"),
    ("records", "record"),
    ("events", "event"),
    ("event_ids", "event"),
    ("event_keys", "event"),
    ("attributes", "event"),
    ("bodies", "event"),
    ("event_origins", "event"),
];
/// The tables that give those numbers out.
const NUMBERS: [(&str, &str); 7] = [
    ("sessions", "session"),
    ("pieces", "piece"),
    ("blobs", "blob"),
    ("sources", "source"),
    ("keys", "key"),
    ("records", "record"),
    ("events", "event"),
];

/// How far the numbers have come.
pub type Mark = Vec<(&'static str, i64)>;

/// The largest number of each table.
pub async fn mark(pool: &PgPool) -> Mark {
    let mut mark = Vec::new();
    for (table, number) in NUMBERS {
        let statement = format!("SELECT coalesce(max({number}), 0) FROM turnscope.{table}");
        let row = sqlx::query(AssertSqlSafe(statement)).fetch_one(pool).await.expect("reads");
        mark.push((number, row.get(0)));
    }
    mark
}

/// What one transaction wrote: for each table that it wrote into, the rows as `COPY` takes them.
pub struct Portion(Vec<(&'static str, Vec<u8>)>);

/// The rows between two marks.
pub async fn portion(pool: &PgPool, before: &Mark, after: &Mark) -> Portion {
    use futures_util::TryStreamExt;

    let mut tables = Vec::new();
    for (table, number) in TABLES {
        let of = |mark: &Mark| mark.iter().find(|(name, _)| *name == number).expect("is counted").1;
        let statement = format!(
            "COPY (SELECT * FROM turnscope.{table} WHERE {number} > {} AND {number} <= {}) TO STDOUT (FORMAT binary)",
            of(before),
            of(after)
        );
        let mut connection = pool.acquire().await.expect("connects");
        let parts = connection.copy_out_raw(&statement).await.expect("copies");
        let rows: Vec<_> = parts.try_collect().await.expect("copies");
        let rows = rows.concat();
        // A header of 19 bytes and an end of 2 are no rows.
        if rows.len() > 21 {
            tables.push((table, rows));
        }
    }
    Portion(tables)
}

/// A connection with the temporary tables.
pub async fn connect(url: &str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.expect("connects");
    connection.execute("SET search_path TO turnscope").await.expect("sets");
    for (table, _) in TABLES {
        let statement = format!("CREATE TEMPORARY TABLE new_{table} (LIKE turnscope.{table}) ON COMMIT DELETE ROWS");
        connection.execute(AssertSqlSafe(statement)).await.expect("makes");
    }
    connection
}

/// Writes a portion in one transaction.
pub async fn write(connection: &mut PgConnection, portion: &Portion) {
    let mut transaction = connection.begin().await.expect("begins");
    for (table, rows) in &portion.0 {
        let mut copy = transaction
            .copy_in_raw(&format!("COPY new_{table} FROM STDIN (FORMAT binary)"))
            .await
            .expect("begins to copy");
        copy.send(rows.as_slice()).await.expect("sends");
        copy.finish().await.expect("ends");
        let insert = format!("INSERT INTO turnscope.{table} SELECT * FROM new_{table} ON CONFLICT DO NOTHING");
        transaction.execute(AssertSqlSafe(insert)).await.expect("inserts");
    }
    transaction.commit().await.expect("commits");
}
