//! Holds: sessions that no purge touches until they are released, with their sub-agents.

use anyhow::Result;

use super::super::Store;
use super::super::engine::query;

/// `held`: the sessions that are held, those that have adopted one that is, and all below them.
pub(super) const HELD: &str = "WITH RECURSIVE held (session, id) AS (SELECT sessions.session, sessions.id FROM holds \
     LEFT JOIN adopted ON adopted.first = holds.session JOIN sessions ON sessions.id IN (holds.session, adopted.session) \
     UNION SELECT child.session, child.id FROM sessions child JOIN held ON child.parent = held.id) ";

/// A session that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The session's id.
    pub session: String,
    pub reason: Option<String>,
    /// Since when, µs since 1970.
    pub held: i64,
}

impl Store {
    /// Holds a session; one that is held already gets the new reason, and stays held since it was.
    pub async fn hold(&self, hold: &Hold) -> Result<()> {
        query(format!(
            "INSERT INTO holds (session, reason, held) VALUES ($1, $2, $3) \
             ON CONFLICT ({}) DO UPDATE SET reason = coalesce(excluded.reason, holds.reason)",
            self.engine().unique("session")
        ))
        .bind(&hold.session)
        .bind(&hold.reason)
        .bind(hold.held)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Takes a hold back; whether there was one.
    pub async fn release(&self, session: &str) -> Result<bool> {
        let done = query("DELETE FROM holds WHERE session = $1").bind(session).execute(&self.writer).await?;
        Ok(done > 0)
    }

    /// All holds, the oldest first.
    pub async fn all_holds(&self) -> Result<Vec<Hold>> {
        let rows =
            query("SELECT session, reason, held FROM holds ORDER BY held, session").fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| Ok(Hold { session: row.try_get(0)?, reason: row.try_get(1)?, held: row.try_get(2)? }))
            .collect()
    }

    /// Whether a session is held, by itself or with a session above it.
    pub async fn is_held(&self, session: i64) -> Result<bool> {
        let row = super::due::head("SELECT EXISTS (SELECT 1 FROM held WHERE session = ")
            .push_bind(session)
            .push(")")
            .build()
            .fetch_one(&self.readers)
            .await?;
        Ok(row.try_get(0)?)
    }
}
