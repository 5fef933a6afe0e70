//! What is due: which events of which sessions have expired at a time, and what is held back.

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::engine::Statement;
use super::super::{Store, rows};
use super::hold::HELD;
use crate::domain::{Kind, flag};

/// Which events a purge is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The id of a session; its sub-agents go with it.
    pub session: Option<String>,
    pub room: Option<String>,
    pub agent: Option<String>,
    /// Everything, expired or not.
    pub all: bool,
    /// The time at which expiry is judged, µs since 1970.
    pub as_of: i64,
}

/// What a purge would take away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    pub sessions: Vec<DueSession>,
    /// What is due and held back.
    pub held: Vec<DueSession>,
    /// Bytes of the records of what is due, as their sources wrote them.
    pub bytes: i64,
    /// Whether any session is in the scope at all.
    pub is_known: bool,
}

/// A session with events that are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueSession {
    pub number: i64,
    pub id: String,
    pub kinds: BTreeMap<Kind, i64>,
}

impl Due {
    /// How many events of each kind are due.
    pub fn kinds(&self) -> BTreeMap<Kind, i64> {
        let mut kinds = BTreeMap::new();
        for (kind, count) in self.sessions.iter().flat_map(|session| &session.kinds) {
            *kinds.entry(*kind).or_insert(0) += count;
        }
        kinds
    }

    pub fn events(&self) -> i64 {
        self.sessions.iter().flat_map(|session| session.kinds.values()).sum()
    }

    /// How many events are due and held back.
    pub fn held_events(&self) -> i64 {
        self.held.iter().flat_map(|session| session.kinds.values()).sum()
    }
}

impl Store {
    /// What is due in a scope, session by session.
    pub async fn due(&self, scope: &Scope) -> Result<Due> {
        let bytes = self.due_bytes(scope).await?;
        Ok(Due { bytes, is_known: self.is_known(scope).await?, ..self.due_sessions(scope).await? })
    }

    /// The sessions of what is due, without the rest, which takes longer to find.
    pub(super) async fn due_sessions(&self, scope: &Scope) -> Result<Due> {
        let mut query = head(
            "SELECT sessions.session, sessions.id, events.kind, count(*), sessions.session IN (SELECT session FROM held)",
        );
        due(&mut query, scope);
        query.push(" GROUP BY sessions.session, events.kind ORDER BY sessions.session");
        let mut due = Due::default();
        for row in query.build().persistent(false).fetch_all(&self.readers).await? {
            let (number, kind, count): (i64, i64, i64) = (row.try_get(0)?, row.try_get(2)?, row.try_get(3)?);
            let sessions = if row.try_get(4)? { &mut due.held } else { &mut due.sessions };
            if sessions.last().is_none_or(|last| last.number != number) {
                sessions.push(DueSession { number, id: row.try_get(1)?, kinds: BTreeMap::new() });
            }
            if let Some(last) = sessions.last_mut() {
                last.kinds.insert(rows::kind_of(kind)?, count);
            }
        }
        Ok(due)
    }

    async fn due_bytes(&self, scope: &Scope) -> Result<i64> {
        let mut query =
            head("SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM records WHERE record IN (SELECT events.record");
        due(&mut query, scope);
        query.push(" AND sessions.session NOT IN (SELECT session FROM held))");
        Ok(query.build().persistent(false).fetch_one(&self.readers).await?.try_get(0)?)
    }

    /// Whether there is a session in the scope.
    async fn is_known(&self, scope: &Scope) -> Result<bool> {
        let mut query = head("SELECT EXISTS (SELECT 1 FROM sessions WHERE TRUE");
        within(&mut query, scope);
        query.push(")");
        Ok(query.build().persistent(false).fetch_one(&self.readers).await?.try_get(0)?)
    }

    /// The numbers of the events of a session that are due, ascending.
    pub(super) async fn due_of(&self, session: i64, as_of: i64, all: bool) -> Result<Vec<i64>> {
        let mut query = Statement::new("SELECT event FROM events WHERE session = ");
        query.push_bind(session);
        expired(&mut query, as_of, all);
        let rows = query.push(" ORDER BY event").build().persistent(false).fetch_all(&self.readers).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

/// Begins a statement in which `held` are the sessions that are held.
pub(super) fn head(statement: &'static str) -> Statement {
    let mut query = Statement::new(HELD);
    query.push(statement);
    query
}

fn due(query: &mut Statement, scope: &Scope) {
    query.push(" FROM events JOIN sessions ON sessions.session = events.session WHERE TRUE");
    expired(query, scope.as_of, scope.all);
    within(query, scope);
}

/// What expires at a time has expired then.
pub(super) fn expired(query: &mut Statement, as_of: i64, all: bool) {
    query.push(" AND events.flags & ").push_bind(flag::PURGED).push(" = 0");
    if !all {
        query.push(" AND events.expires <= ").push_bind(as_of);
    }
}

fn within(query: &mut Statement, scope: &Scope) {
    if let Some(session) = &scope.session {
        query.push(
            " AND sessions.session IN (WITH RECURSIVE below (session, id) AS (SELECT session, id FROM sessions WHERE id = ",
        );
        query.push_bind(session.clone()).push(
            " UNION SELECT child.session, child.id FROM sessions child JOIN below ON child.parent = below.id) \
             SELECT session FROM below)",
        );
    }
    if let Some(room) = &scope.room {
        query.push(" AND sessions.room = ").push_bind(room.clone());
    }
    if let Some(agent) = &scope.agent {
        query.push(" AND sessions.agent = ").push_bind(agent.clone());
    }
}
