//! The questions that are asked of the original's tables: sessions, counts, and rows as JSON.

use std::collections::HashSet;

use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};

use super::claim::{self, Claim, RoomWindow};
use super::relation::{BLOBS, LINES, Relation, SESSIONS};
use super::{Fault, FaultKind, Original};
use crate::domain::present::row::Table;

/// Rows that are looked for at a time.
const KEYS: i64 = 20_000;

/// The tables whose rows are brought over: those whose rows are events, and blobs to which no row refers.
pub(super) const BROUGHT: [&str; 9] = {
    let mut names = [BLOBS; 9];
    let mut place = 0;
    while place < Table::ALL.len() {
        names[place] = Table::ALL[place].name();
        place += 1;
    }
    names
};

/// A row of `canvas_sessions`, with the times of its transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanvasRow {
    pub id: String,
    pub room: Option<String>,
    pub canvas: Option<String>,
    /// µs since 1970.
    pub created: Option<i64>,
    pub updated: Option<i64>,
    pub first_line: Option<i64>,
    pub last_line: Option<i64>,
    pub lines: i64,
    /// Times of it and of its lines that cannot be told, such as infinite ones.
    pub untold: i64,
    /// The whole row.
    pub json: String,
}

/// Rows of one table that belong together, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub table: &'static str,
    pub room: String,
    /// Which of the windows that were asked about they lie in; `None` for none or several.
    pub window: Option<usize>,
    pub rows: i64,
    pub first: Option<i64>,
    pub last: Option<i64>,
    /// How many of them have a time that cannot be told.
    pub untold: i64,
}

/// A row by what tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey {
    pub id: String,
    /// When it was changed last, µs since 1970.
    pub changed: Option<i64>,
}

/// A row by what tells it from others, as JSON; or why it cannot be read.
pub type Fetched = (String, Result<String, Fault>);

type Sql = QueryBuilder<Postgres>;

impl Original {
    /// All rows of `canvas_sessions`; none where the table cannot be read.
    pub async fn canvas_sessions(&mut self) -> Result<Vec<CanvasRow>, Fault> {
        let Some(sessions) = self.relation(SESSIONS) else { return Ok(Vec::new()) };
        let (identity, _) = sessions.identity();
        let mut sql = Sql::new(format!(
            "SELECT {identity}::text, {}, {}, {}, {}, row_to_json(r)::text, ({} + {})::bigint FROM {} t \
             CROSS JOIN LATERAL (SELECT {}) r ORDER BY 1",
            sessions.room(),
            sessions.text("canvas_id"),
            sessions.micros("created_at").unwrap_or_else(nothing),
            sessions.micros("updated_at").unwrap_or_else(nothing),
            sessions.untold("created_at"),
            sessions.untold("updated_at"),
            sessions.place(),
            sessions.list()
        ));
        let rows = self.ask(SESSIONS, &mut sql).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let read = || {
                Ok(CanvasRow {
                    id: row.try_get(0)?,
                    room: row.try_get::<Option<String>, _>(1)?.filter(|room| !room.is_empty()),
                    canvas: row.try_get(2)?,
                    created: row.try_get(3)?,
                    updated: row.try_get(4)?,
                    first_line: None,
                    last_line: None,
                    lines: 0,
                    untold: row.try_get(6)?,
                    json: row.try_get(5)?,
                })
            };
            found.push(read().map_err(|error| self.server.fault(&error))?);
        }
        self.times_of_lines(&mut found).await?;
        Ok(found)
    }

    async fn times_of_lines(&mut self, sessions: &mut [CanvasRow]) -> Result<(), Fault> {
        let Some(lines) = self.relation(LINES).filter(|lines| lines.has("session_id")) else { return Ok(()) };
        let time = lines.time().unwrap_or_else(nothing);
        let mut sql = Sql::new(format!(
            "SELECT {}, min({time}), max({time}), count(*), sum({}) FROM {} t GROUP BY 1",
            lines.text("session_id"),
            lines.untold_time(),
            lines.place()
        ));
        for row in self.ask(LINES, &mut sql).await? {
            let read = || -> sqlx::Result<_> {
                let id: Option<String> = row.try_get(0)?;
                Ok((id, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get::<i64, _>(4)?))
            };
            let (id, first, last, count, untold) = read().map_err(|error| self.server.fault(&error))?;
            if let Some(session) = sessions.iter_mut().find(|session| Some(&session.id) == id.as_ref()) {
                (session.first_line, session.last_line, session.lines) = (first, last, count);
                session.untold += untold;
            }
        }
        Ok(())
    }

    /// The rows of each table, counted by rooms.
    pub async fn groups(&mut self) -> Result<Vec<Group>, Fault> {
        let mut groups = Vec::new();
        for name in BROUGHT {
            let Some(relation) = self.relation(name) else { continue };
            let (room, time) = (relation.room(), relation.time().unwrap_or_else(nothing));
            let mut sql = Sql::new(format!(
                "SELECT {room}, NULL::bigint, count(*), min({time}), max({time}), sum({}) FROM {} t WHERE {room} <> ''",
                relation.untold_time(),
                relation.place()
            ));
            let all = self.askable();
            match name {
                LINES => claim::of_no_session(&mut sql, &relation, &all),
                BLOBS => claim::unreferenced(&mut sql, &relation, &all),
                _ => {}
            }
            sql.push(" GROUP BY 1");
            groups.extend(self.grouped(name, &mut sql).await?);
        }
        Ok(groups)
    }

    /// The rows of no room, counted by who wrote them, who stands in the place of the room.
    pub async fn groups_by_emitter(&mut self) -> Result<Vec<Group>, Fault> {
        let mut groups = Vec::new();
        for name in BROUGHT.into_iter().filter(|name| *name != LINES) {
            let Some(relation) = self.relation(name) else { continue };
            let time = relation.time().unwrap_or_else(nothing);
            let mut sql = Sql::new(format!(
                "SELECT {}, NULL::bigint, count(*), min({time}), max({time}), sum({}) FROM {} t WHERE ",
                claim::label(&relation),
                relation.untold_time(),
                relation.place()
            ));
            claim::roomless(&mut sql, &relation);
            if name == BLOBS {
                claim::unreferenced(&mut sql, &relation, &self.askable());
            }
            sql.push(" GROUP BY 1");
            groups.extend(self.grouped(name, &mut sql).await?);
        }
        Ok(groups)
    }

    /// The rows of rooms, counted by the one window in which they lie.
    pub async fn groups_by_window(&mut self, windows: &[RoomWindow]) -> Result<Vec<Group>, Fault> {
        let rooms: Vec<String> = windows.iter().map(|(room, _)| room.clone()).collect();
        let mut groups = Vec::new();
        for name in BROUGHT.into_iter().filter(|name| *name != LINES) {
            let Some(relation) = self.relation(name) else { continue };
            let (room, time) = (relation.room(), relation.time().unwrap_or_else(nothing));
            let mut sql = Sql::new(
                "SELECT q.room, CASE WHEN w.n = 1 THEN w.i END, count(*), min(q.at), max(q.at), sum(q.untold) FROM (SELECT ",
            );
            let untold = relation.untold_time();
            sql.push(format!("{room} AS room, {time} AS at, {untold} AS untold FROM {} t ", relation.place()));
            sql.push(format!("WHERE {room} = ANY("));
            sql.push_bind(rooms.clone()).push(")");
            if name == BLOBS {
                claim::unreferenced(&mut sql, &relation, &self.askable());
            }
            sql.push(") q CROSS JOIN LATERAL (SELECT count(*) AS n, min(w.i) - 1 AS i FROM ");
            claim::windows(&mut sql, windows);
            sql.push(" WHERE w.room = q.room AND q.at BETWEEN w.a AND w.b) w GROUP BY 1, 2");
            groups.extend(self.grouped(name, &mut sql).await?);
        }
        Ok(groups)
    }

    async fn grouped(&mut self, table: &'static str, sql: &mut Sql) -> Result<Vec<Group>, Fault> {
        let rows = self.ask(table, sql).await?;
        let read = rows.iter().map(|row| {
            let window: Option<i64> = row.try_get(1)?;
            Ok(Group {
                table,
                room: row.try_get(0)?,
                window: window.and_then(|window| usize::try_from(window).ok()),
                rows: row.try_get(2)?,
                first: row.try_get(3)?,
                last: row.try_get(4)?,
                untold: row.try_get(5)?,
            })
        });
        let groups = read.collect::<sqlx::Result<Vec<_>>>();
        groups.map_err(|error| self.server.fault(&error))
    }

    /// The next rows of a table that are meant, behind one; those that were changed at or after `since`.
    pub async fn row_keys(
        &mut self,
        table: &'static str,
        claim: Claim<'_>,
        since: Option<i64>,
        behind: Option<&str>,
    ) -> Result<Vec<RowKey>, Fault> {
        let Some(relation) = self.relation(table) else { return Ok(Vec::new()) };
        let (identity, kind) = relation.identity();
        let changed = relation.changed();
        let mut sql = Sql::new(format!(
            "SELECT {identity}::text, {} FROM {} t WHERE ",
            changed.clone().unwrap_or_else(nothing),
            relation.place()
        ));
        claim::condition(&mut sql, &relation, claim, &self.askable());
        if let (Some(since), Some(changed)) = (since, changed) {
            // A row without a time is read again each time.
            sql.push(format!(" AND coalesce({changed} >= ")).push_bind(since).push(", TRUE)");
        }
        if let Some(behind) = behind {
            sql.push(format!(" AND {identity} > ")).push_bind(behind.to_owned()).push(format!("::{kind}"));
        }
        sql.push(format!(" ORDER BY {identity} LIMIT {KEYS}"));
        let rows = self.ask(table, &mut sql).await?;
        let read = rows.iter().map(|row| Ok(RowKey { id: row.try_get(0)?, changed: row.try_get(1)? }));
        let keys = read.collect::<sqlx::Result<Vec<_>>>();
        keys.map_err(|error| self.server.fault(&error))
    }

    /// Rows of a table by what tells them apart, in the order of their time. One that cannot be read does not take the
    /// others with it.
    pub async fn rows(&mut self, table: &'static str, ids: &[String]) -> Result<Vec<Fetched>, Fault> {
        let Some(relation) = self.relation(table) else { return Ok(Vec::new()) };
        let mut fetched = Vec::with_capacity(ids.len());
        let mut open = vec![ids];
        while let Some(ids) = open.pop() {
            match self.whole_rows(&relation, ids).await {
                Ok(rows) => fetched.extend(rows.into_iter().map(|(id, json)| (id, Ok(json)))),
                Err(fault) if fault.kind != FaultKind::Other => {
                    self.spoil(table, fault)?;
                    return Ok(fetched);
                }
                Err(fault) if ids.len() == 1 => fetched.push((ids[0].clone(), Err(fault))),
                Err(_) => {
                    let (first, rest) = ids.split_at(ids.len() / 2);
                    open.extend([rest, first]);
                }
            }
        }
        Ok(fetched)
    }

    async fn whole_rows(&mut self, relation: &Relation, ids: &[String]) -> Result<Vec<(String, String)>, Fault> {
        let (identity, kind) = relation.identity();
        let mut sql = as_json(relation);
        sql.push(format!(" WHERE {identity} = ANY(")).push_bind(ids.to_vec()).push(format!("::text[]::{kind}[])"));
        sql.push(format!(" ORDER BY {}, {identity}::text COLLATE \"C\"", relation.time().unwrap_or_else(nothing)));
        let rows = self.server.ask(&mut sql).await?;
        self.texts_of(&rows)
    }

    /// Which of these blobs some row refers to.
    pub async fn referenced(&mut self, ids: &[String]) -> Result<HashSet<String>, Fault> {
        let mut found = HashSet::new();
        for relation in self.askable().into_iter().filter(Relation::has_blobs) {
            for column in ["input_blob_id", "output_blob_id"].into_iter().filter(|column| relation.has(column)) {
                let text = relation.text(column);
                let mut sql = Sql::new(format!("SELECT {text} FROM {} t WHERE {text} = ANY(", relation.place()));
                sql.push_bind(ids.to_vec()).push(")");
                for row in self.ask(relation.name, &mut sql).await? {
                    found.insert(row.try_get(0).map_err(|error| self.server.fault(&error))?);
                }
            }
        }
        Ok(found)
    }

    /// The blobs with one of these ids, or of one of these events; each with its id.
    pub async fn blobs(&mut self, ids: &[String], events: &[String]) -> Result<Vec<(String, String)>, Fault> {
        let Some(relation) = self.relation(BLOBS) else { return Ok(Vec::new()) };
        let (identity, kind) = relation.identity();
        let is_one = |id: &&String| kind != "uuid" || uuid::Uuid::try_parse(id).is_ok();
        let ids: Vec<String> = ids.iter().filter(is_one).cloned().collect();
        let mut sql = as_json(&relation);
        sql.push(format!(" WHERE {identity} = ANY(")).push_bind(ids).push(format!("::text[]::{kind}[])"));
        if relation.has("event_id") {
            sql.push(format!(" OR {} = ANY(", relation.text("event_id"))).push_bind(events.to_vec()).push(")");
        }
        sql.push(format!(" ORDER BY {identity}::text COLLATE \"C\""));
        self.texts(BLOBS, &mut sql).await
    }

    async fn texts(&mut self, table: &'static str, sql: &mut Sql) -> Result<Vec<(String, String)>, Fault> {
        let rows = self.ask(table, sql).await?;
        self.texts_of(&rows)
    }

    fn texts_of(&self, rows: &[PgRow]) -> Result<Vec<(String, String)>, Fault> {
        let texts = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<sqlx::Result<Vec<_>>>();
        texts.map_err(|error| self.server.fault(&error))
    }
}

fn as_json(relation: &Relation) -> Sql {
    Sql::new(format!(
        "SELECT {}::text, row_to_json(r)::text FROM {} t CROSS JOIN LATERAL (SELECT {}) r",
        relation.identity().0,
        relation.place(),
        relation.list()
    ))
}

pub(super) fn nothing() -> String {
    "NULL::bigint".to_owned()
}
