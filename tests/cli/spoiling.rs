//! Changes a store behind its back.

use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::desk::Desk;

/// Runs statements on the store of a desk, each of which must change something.
pub fn spoil(desk: &Desk, statements: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = desk.named_store();
        if store.starts_with("postgres") {
            let mut connection = sqlx::PgConnection::connect(&store).await.expect("connects");
            connection.execute("SET search_path TO turnscope").await.expect("is there");
            for statement in statements {
                let done = connection.execute(AssertSqlSafe(*statement)).await.expect("spoils");
                assert!(done.rows_affected() > 0, "{statement}");
            }
        } else {
            let mut connection = sqlx::SqliteConnection::connect(&store).await.expect("connects");
            for statement in statements {
                let done = connection.execute(AssertSqlSafe(*statement)).await.expect("spoils");
                assert!(done.rows_affected() > 0, "{statement}");
            }
        }
    });
}
