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
        let waiting = sqlx::query("SELECT session FROM sessions WHERE settled = 0").fetch_all(&self.readers).await?;
        let mut waiting = waiting.iter().map(|row| row.try_get(0)).collect::<Result<BTreeSet<i64>, _>>()?;
        if waiting.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let mut pairs = Vec::new();
        for session in waiting.clone() {
            for other in relatives(&mut transaction, session).await? {
                pairs.push((session.min(other), session.max(other)));
                waiting.insert(other);
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        for (first, second) in pairs {
            inherit(&mut transaction, first, second).await?;
        }
        for session in waiting {
            root_lineage(&mut transaction, session).await?;
            super::pair::pair_calls(&mut transaction, session).await?;
            recount(&mut transaction, session).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Sessions that share events with this one, or say that they were forked from it, or it from them.
async fn relatives(connection: &mut SqliteConnection, session: i64) -> Result<Vec<i64>> {
    let rows = sqlx::query(
        "SELECT other FROM shared_sessions WHERE session = $1 UNION SELECT session FROM shared_sessions WHERE other = $1 \
         UNION SELECT theirs.session FROM sessions mine JOIN sessions theirs ON theirs.id = mine.forked_from WHERE mine.session = $1 \
         UNION SELECT theirs.session FROM sessions mine JOIN sessions theirs ON theirs.forked_from = mine.id WHERE mine.session = $1",
    )
    .bind(session)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Marks what the younger of two sessions has from the older one.
async fn inherit(connection: &mut SqliteConnection, first: i64, second: i64) -> Result<()> {
    let (ancestor, heir) =
        if is_ancestor(connection, first, second).await? { (first, second) } else { (second, first) };
    sqlx::query(
        "UPDATE sessions SET lineage = (SELECT lineage FROM sessions WHERE session = $1) WHERE session = $2 AND parent IS NULL",
    )
    .bind(ancestor)
    .bind(heir)
    .execute(&mut *connection)
    .await?;
    for (from, to, statement) in [
        (
            ancestor,
            heir,
            "UPDATE events SET flags = flags | $1 WHERE (flags & $1) = 0 AND event IN (SELECT event FROM (SELECT mine.event AS event FROM events mine_event JOIN event_ids mine ON mine.id = mine_event.id AND mine.session = mine_event.session AND mine.revision = mine_event.revision JOIN event_ids theirs ON theirs.id = mine.id AND theirs.session = $2 AND theirs.content = mine.content WHERE mine_event.session = $3))",
        ),
        (
            heir,
            ancestor,
            "UPDATE events SET flags = flags & ~$1 WHERE (flags & $1) <> 0 AND event IN (SELECT event FROM (SELECT mine.event AS event FROM events mine_event JOIN event_ids mine ON mine.id = mine_event.id AND mine.session = mine_event.session AND mine.revision = mine_event.revision JOIN event_ids theirs ON theirs.id = mine.id AND theirs.session = $2 AND theirs.content = mine.content WHERE mine_event.session = $3))",
        ),
    ] {
        sqlx::query(statement).bind(flag::INHERITED).bind(from).bind(to).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Whether the first of two sessions that share events is the older one.
///
/// By what they say of themselves; else the one that has nothing of its own, or went on alone first.
async fn is_ancestor(connection: &mut SqliteConnection, first: i64, second: i64) -> Result<bool> {
    let said = sqlx::query(
        "SELECT count(*) FILTER (WHERE heir.session = $2), count(*) FILTER (WHERE heir.session = $1) \
         FROM sessions heir JOIN sessions ancestor ON ancestor.id = heir.forked_from \
         WHERE (heir.session = $2 AND ancestor.session = $1) OR (heir.session = $1 AND ancestor.session = $2)",
    )
    .bind(first)
    .bind(second)
    .fetch_one(&mut *connection)
    .await?;
    match (said.try_get::<i64, _>(0)?, said.try_get::<i64, _>(1)?) {
        (1.., 0) => return Ok(true),
        (0, 1..) => return Ok(false),
        _ => {}
    }
    let (mine, theirs) = (first_own(connection, first, second).await?, first_own(connection, second, first).await?);
    Ok(match (mine, theirs) {
        (None, Some(_)) => true,
        (Some(_), None) => false,
        (Some(mine), Some(theirs)) if mine != theirs => mine < theirs,
        _ => id_of(connection, first).await? < id_of(connection, second).await?,
    })
}

/// When the first event happened that a session does not share with another.
async fn first_own(connection: &mut SqliteConnection, session: i64, other: i64) -> Result<Option<i64>> {
    let row = sqlx::query(
        "SELECT min(order_time) FROM events WHERE session = $1 AND NOT EXISTS (\
         SELECT 1 FROM event_ids WHERE event_ids.id = events.id AND event_ids.session = $2)",
    )
    .bind(session)
    .bind(other)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

async fn id_of(connection: &mut SqliteConnection, session: i64) -> Result<String> {
    Ok(sqlx::query("SELECT id FROM sessions WHERE session = $1")
        .bind(session)
        .fetch_one(connection)
        .await?
        .try_get(0)?)
}

/// A child's lineage is that of its root, however many parents stand between.
async fn root_lineage(connection: &mut SqliteConnection, session: i64) -> Result<()> {
    let mut parent: Option<String> = sqlx::query("SELECT parent FROM sessions WHERE session = $1")
        .bind(session)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let mut root = None;
    // A chain of parents that leads back to itself ends here.
    for _ in 0..64 {
        let Some(id) = parent.take() else { break };
        let row = sqlx::query("SELECT parent, lineage FROM sessions WHERE id = $1")
            .bind(&id)
            .fetch_optional(&mut *connection)
            .await?;
        root = Some(match row {
            Some(row) => {
                parent = row.try_get(0)?;
                row.try_get(1)?
            }
            None => id,
        });
    }
    if let Some(root) = root {
        sqlx::query("UPDATE sessions SET lineage = $1 WHERE session = $2")
            .bind(root)
            .bind(session)
            .execute(connection)
            .await?;
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
