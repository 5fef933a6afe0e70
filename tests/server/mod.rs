//! A database of its own for a test, on the server that `tests/cluster` starts.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The address of a new and empty database, which goes with the server; `None` where no server is named.
pub async fn database() -> Option<String> {
    let server = std::env::var("TURNSCOPE_TEST_SERVER").ok()?;
    let mut connection = PgConnection::connect(&server).await.expect("connects");
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.expect("is made");
    connection.close().await.expect("closes");
    Some(server.replacen("/postgres?", &format!("/{name}?"), 1))
}
