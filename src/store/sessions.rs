//! Sessions: put, listed and found.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};

use super::engine::{Row, Statement, Transaction, query};
use super::telling::Teller;
use super::{Store, rows};
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

/// Stores what somebody tells of sessions, and of which each was forked. Returns their numbers by their ids.
pub(super) async fn put(
    connection: &mut Transaction,
    teller: Teller,
    told: &[(&Session, Option<&str>)],
) -> Result<HashMap<String, i64>> {
    let engine = connection.engine();
    let ids: BTreeSet<Cow<'_, str>> = told.iter().map(|(session, _)| engine.stored(&session.id)).collect();
    let mut numbers = super::adopt::adopters(connection, &ids).await?;
    let own: Vec<&str> = ids.iter().map(AsRef::as_ref).filter(|id| !numbers.contains_key(*id)).collect();
    let telling = told.iter().copied().filter(|(session, _)| !numbers.contains_key(&*engine.stored(&session.id)));
    let telling: Vec<_> = telling.collect();
    for chunk in rows::wanted(engine, &own) {
        let mut select = Statement::new("SELECT id, session FROM sessions WHERE id IN (");
        select.push_wanted(chunk, |mut row, id| {
            row.push_bind(*id);
        });
        for row in select.push(")").build().fetch_all(&mut *connection).await? {
            numbers.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    let known: Vec<i64> = numbers.values().copied().collect();
    for chunk in known.chunks(rows::CHUNK) {
        let mut unsettle = Statement::new("UPDATE sessions SET settled = 0 WHERE settled <> 0 AND session IN (");
        unsettle.push_list(chunk.iter().copied()).push(")").build().execute(&mut *connection).await?;
    }
    insert(connection, &telling, &mut numbers).await?;
    for id in super::telling::note(connection, teller, &telling).await? {
        super::telling::call(connection, &id).await?;
    }
    let of = |session: &Session| numbers.get(&*engine.stored(&session.id)).copied().context("a session has no number");
    told.iter().map(|(session, _)| Ok((session.id.clone(), of(session)?))).collect()
}

/// Stores the sessions that have no number yet.
async fn insert(
    connection: &mut Transaction,
    told: &[(&Session, Option<&str>)],
    numbers: &mut HashMap<String, i64>,
) -> Result<()> {
    let engine = connection.engine();
    if told.iter().all(|(session, _)| numbers.contains_key(&*engine.stored(&session.id))) {
        return Ok(());
    }
    let mut next = super::next_number(connection, "SELECT max(session) FROM sessions").await?;
    let mut new: Vec<(i64, &Session)> = Vec::new();
    for (session, _) in told {
        if let Entry::Vacant(free) = numbers.entry(engine.stored(&session.id).into_owned()) {
            new.push((*free.insert(next), session));
            next += 1;
        }
    }
    for chunk in rows::bulks(engine, &new, rows::CHUNK) {
        let mut insert = Statement::new("INSERT INTO sessions (session, id, lineage, agent) ");
        insert.push_values(chunk, |mut row, (number, session)| {
            row.push_bind(*number).push_bind(&session.id).push_bind(&session.id).push_bind(&session.agent);
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
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
        elsewhere: None,
    })
}
