//! Sessions: put, listed and found.

use anyhow::{Context, Result};

use super::Store;
use super::engine::{Row, Transaction, query};
use super::telling::Teller;
use crate::domain::{Session, Timestamp, TitleWorth, Tokens};

const COLUMNS: &str = "session, id, parent, lineage, title, agent, project, room, canvas, cwd, git_branch, host, models, \
     started, ended, events, turns, errors, findings, tokens_input, tokens_cache_read, tokens_cache_write, tokens_output, \
     tokens_reasoning, tokens_total, usage_source";

impl Store {
    /// All sessions, children and empty ones too, newest first.
    pub async fn sessions(&self) -> Result<Vec<Session>> {
        let statement = format!("SELECT {COLUMNS} FROM sessions ORDER BY ended DESC NULLS LAST, id");
        let rows = query(statement).fetch_all(&self.readers).await?;
        rows.iter().map(session_of).collect()
    }

    /// A session with all those of a lineage, and of a room where there is one, by their ids.
    pub(super) async fn sessions_of(&self, session: i64, lineage: &str, room: Option<&str>) -> Result<Vec<Session>> {
        let statement =
            format!("SELECT {COLUMNS} FROM sessions WHERE session = $1 OR lineage = $2 OR room = $3 ORDER BY id");
        let query = query(statement).bind(session).bind(lineage).bind(room);
        query.fetch_all(&self.readers).await?.iter().map(session_of).collect()
    }

    /// The newest sessions, so many of them.
    pub async fn newest_sessions(&self, limit: i64) -> Result<Vec<Session>> {
        let statement = format!("SELECT {COLUMNS} FROM sessions ORDER BY ended DESC NULLS LAST, id LIMIT $1");
        let rows = query(statement).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(session_of).collect()
    }

    /// The newest sessions whose id, or whose room, begins with a text, so many of them.
    pub async fn sessions_beginning(&self, start: &str, limit: i64) -> Result<Vec<Session>> {
        let size = i64::try_from(start.chars().count())?;
        let statement = format!(
            "SELECT {COLUMNS} FROM sessions WHERE substr(id, 1, CAST($1 AS INTEGER)) = $2 \
             OR substr(room, 1, CAST($1 AS INTEGER)) = $2 ORDER BY ended DESC NULLS LAST, id LIMIT $3"
        );
        let rows = query(statement).bind(size).bind(start).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(session_of).collect()
    }

    /// How many sessions and events there are, without reading them.
    pub async fn counts(&self) -> Result<(i64, i64)> {
        let row = query("SELECT count(*), CAST(coalesce(sum(events), 0) AS BIGINT) FROM sessions")
            .fetch_one(&self.readers)
            .await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }

    /// One session by its whole id.
    pub async fn session(&self, id: &str) -> Result<Option<Session>> {
        let statement = format!("SELECT {COLUMNS} FROM sessions WHERE id = $1");
        let row = query(statement).bind(id).fetch_optional(&self.readers).await?;
        row.map(|row| session_of(&row)).transpose()
    }
}

/// Stores what somebody tells of a session. Returns its number.
pub(super) async fn put(
    connection: &mut Transaction,
    teller: Teller,
    session: &Session,
    forked_from: Option<&str>,
) -> Result<i64> {
    if let Some(number) = super::adopt::adopter(connection, &session.id).await? {
        query("UPDATE sessions SET settled = 0 WHERE session = $1").bind(number).execute(connection).await?;
        return Ok(number);
    }
    let row = query(format!(
        "INSERT INTO sessions (session, id, lineage, agent) VALUES ((SELECT coalesce(max(session), 0) + 1 FROM sessions), \
         $1, $1, $2) ON CONFLICT ({}) DO UPDATE SET settled = 0 RETURNING session",
        connection.engine().unique("id")
    ))
    .bind(&session.id)
    .bind(&session.agent)
    .fetch_one(&mut *connection)
    .await?;
    if super::telling::note(connection, teller, session, forked_from).await? {
        super::telling::call(connection, &session.id).await?;
    }
    Ok(row.try_get(0)?)
}

fn session_of(row: &Row) -> Result<Session> {
    let models: String = row.try_get(12)?;
    Ok(Session {
        number: row.try_get(0)?,
        id: row.try_get(1)?,
        parent: row.try_get(2)?,
        lineage: row.try_get(3)?,
        title: row.try_get(4)?,
        title_worth: TitleWorth::default(),
        agent: row.try_get(5)?,
        project: row.try_get(6)?,
        room: row.try_get(7)?,
        canvas: row.try_get(8)?,
        cwd: row.try_get(9)?,
        git_branch: row.try_get(10)?,
        host: row.try_get(11)?,
        models: serde_json::from_str(&models).context("the models of a session are not a list")?,
        started: row.try_get::<Option<i64>>(13)?.map(Timestamp),
        ended: row.try_get::<Option<i64>>(14)?.map(Timestamp),
        events: row.try_get(15)?,
        turns: row.try_get(16)?,
        errors: row.try_get(17)?,
        findings: row.try_get(18)?,
        tokens: Tokens {
            input: row.try_get(19)?,
            cache_read: row.try_get(20)?,
            cache_write: row.try_get(21)?,
            output: row.try_get(22)?,
            reasoning: row.try_get(23)?,
            total: row.try_get(24)?,
        },
        usage_source: row.try_get(25)?,
    })
}
