//! Settling: after events came in, whose they are (forks inherit) and what a session's own counts are.
//!
//! It depends only on what is stored, never on the order in which it arrived.

use std::collections::BTreeSet;

use anyhow::Result;
use sqlx::{Row, SqliteConnection};

use super::Store;
use crate::domain::{Kind, flag};

impl Store {
    /// Reckons the counts of every session that changed since the last time.
    pub async fn settle(&self) -> Result<()> {
        let settled = self.settle_all().await;
        settled.map_err(|error| super::open::explain(error, &self.path))
    }

    async fn settle_all(&self) -> Result<()> {
        if waiting(&mut *self.readers.acquire().await?).await?.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let new = waiting(&mut transaction).await?;
        let mut waiting: BTreeSet<i64> = new.iter().copied().collect();
        for group in super::kinship::groups(&mut transaction, &new).await? {
            waiting.extend(super::kinship::settle(&mut transaction, &group).await?);
        }
        for session in new {
            root_lineage(&mut transaction, session).await?;
        }
        for session in waiting {
            super::pair::pair_calls(&mut transaction, session).await?;
            recount(&mut transaction, session).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// The sessions that changed since they were last reckoned.
async fn waiting(connection: &mut SqliteConnection) -> Result<Vec<i64>> {
    let rows = sqlx::query("SELECT session FROM sessions WHERE settled = 0").fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Sets the lineage of a session and of all sub-agents below it.
pub(super) async fn set_lineage(connection: &mut SqliteConnection, session: i64, lineage: &str) -> Result<()> {
    sqlx::query(
        "WITH RECURSIVE below (session, id) AS (SELECT session, id FROM sessions WHERE session = $1 \
         UNION SELECT child.session, child.id FROM sessions child JOIN below ON child.parent = below.id) \
         UPDATE sessions SET lineage = $2 WHERE lineage <> $2 AND session IN (SELECT session FROM below)",
    )
    .bind(session)
    .bind(lineage)
    .execute(connection)
    .await?;
    Ok(())
}

/// A child's lineage is that of its root, however many parents stand between; and so for its own children.
async fn root_lineage(connection: &mut SqliteConnection, session: i64) -> Result<()> {
    let row = sqlx::query(
        "SELECT parent, lineage, EXISTS (SELECT 1 FROM sessions child WHERE child.parent = sessions.id) FROM sessions \
         WHERE session = $1",
    )
    .bind(session)
    .fetch_one(&mut *connection)
    .await?;
    let mut parent: Option<String> = row.try_get(0)?;
    let mut lineage: String = row.try_get(1)?;
    let (is_child, has_children) = (parent.is_some(), row.try_get::<bool, _>(2)?);
    // A chain of parents that leads back to itself ends here.
    for _ in 0..64 {
        let Some(id) = parent.take() else { break };
        let row = sqlx::query("SELECT parent, lineage FROM sessions WHERE id = $1")
            .bind(&id)
            .fetch_optional(&mut *connection)
            .await?;
        lineage = match row {
            Some(row) => {
                parent = row.try_get(0)?;
                row.try_get(1)?
            }
            None => id,
        };
    }
    if is_child || has_children {
        set_lineage(connection, session, &lineage).await?;
    }
    Ok(())
}

/// A session's own counts: inherited events and children are left out; of a turn's usage the last snapshot counts.
async fn recount(connection: &mut SqliteConnection, session: i64) -> Result<()> {
    let models =
        sqlx::query("SELECT DISTINCT model FROM events WHERE session = $1 AND model IS NOT NULL ORDER BY model")
            .bind(session)
            .fetch_all(&mut *connection)
            .await?;
    let models = models.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    let findings = super::integrity::count(&mut *connection, session).await?;
    sqlx::query(
        "WITH own AS (SELECT * FROM events WHERE session = $1 AND (flags & $2) = 0), \
         counts AS (SELECT count(*) AS events, \
           count(DISTINCT turn_hash) FILTER (WHERE turn_hash <> 0 AND kind IN ($3, $4)) AS turns, \
           count(DISTINCT CASE WHEN turn_hash <> 0 THEN turn_hash ELSE -event END) FILTER (WHERE (flags & $5) <> 0) AS errors FROM own), \
         times AS (SELECT min(order_time) FILTER (WHERE order_time > 0) AS started, max(order_time) FILTER (WHERE order_time > 0) AS ended \
           FROM events WHERE session = $1), \
         ranked AS (SELECT *, row_number() OVER (PARTITION BY CASE WHEN turn_hash <> 0 THEN turn_hash ELSE -event END \
           ORDER BY order_time DESC, origin DESC, sequence DESC, id DESC) AS place FROM own WHERE usage_rule IS NOT NULL AND kind = $3), \
         spent AS (SELECT sum(usage_input) AS input, sum(usage_cache_read) AS cache_read, sum(usage_cache_write) AS cache_write, \
           sum(usage_output) AS output, sum(usage_reasoning) AS reasoning, sum(usage_total) AS total, \
           count(DISTINCT usage_source) AS sources, min(usage_source) AS source FROM ranked WHERE place = 1) \
         UPDATE sessions SET settled = 1, models = $6, findings = $7, events = counts.events, turns = counts.turns, errors = counts.errors, \
           started = times.started, ended = times.ended, \
           tokens_input = CAST(spent.input AS BIGINT), tokens_cache_read = CAST(spent.cache_read AS BIGINT), \
           tokens_cache_write = CAST(spent.cache_write AS BIGINT), tokens_output = CAST(spent.output AS BIGINT), \
           tokens_reasoning = CAST(spent.reasoning AS BIGINT), tokens_total = CAST(spent.total AS BIGINT), \
           usage_source = CASE spent.sources WHEN 0 THEN 'none' WHEN 1 THEN spent.source ELSE 'mixed' END \
         FROM counts, times, spent WHERE sessions.session = $1",
    )
    .bind(session)
    .bind(flag::INHERITED)
    .bind(Kind::Model as i64)
    .bind(Kind::Tool as i64)
    .bind(flag::ERROR)
    .bind(serde_json::to_string(&models)?)
    .bind(findings)
    .execute(connection)
    .await?;
    Ok(())
}
