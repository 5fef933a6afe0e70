//! The questions that are asked of the original's tables: sessions, counts, keys, and rows as JSON.

use sqlx::{Postgres, QueryBuilder, Row};

use super::claim::{self, Claim, KeyName, Keys, Span};
use super::relation::{BLOBS, LINES, Relation, SESSIONS};
use super::{Fault, Original};
use crate::domain::present::row::Table;

/// Rows that are looked for at a time.
const KEYS: i64 = 20_000;
/// More different keys of a kind than this are not followed.
const MOST_KEYS: i64 = 100_000;

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
    /// The whole row.
    pub json: String,
}

/// Rows of one table that belong together, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub table: Table,
    /// `None` where the rows have no room.
    pub room: Option<String>,
    /// Which of the windows that were asked about they lie in; `None` for none or several.
    pub window: Option<usize>,
    /// Who wrote them, where they have no room.
    pub emitter: Option<String>,
    pub rows: i64,
    pub first: Option<i64>,
    pub last: Option<i64>,
}

/// A row by what tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowKey {
    pub id: String,
    /// When it was changed last, µs since 1970.
    pub changed: Option<i64>,
}

type Sql = QueryBuilder<Postgres>;

impl Original {
    /// All rows of `canvas_sessions`; none where the table cannot be read.
    pub async fn canvas_sessions(&mut self) -> Result<Vec<CanvasRow>, Fault> {
        let Some(sessions) = self.relation(SESSIONS) else { return Ok(Vec::new()) };
        let (identity, _) = sessions.identity();
        let mut sql = Sql::new(format!(
            "SELECT {identity}::text, {}, {}, {}, {}, row_to_json(r)::text FROM {} t CROSS JOIN LATERAL (SELECT {}) r ORDER BY 1",
            sessions.room(),
            sessions.text("canvas_id"),
            sessions.micros("created_at").unwrap_or_else(nothing),
            sessions.micros("updated_at").unwrap_or_else(nothing),
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
            "SELECT {}, min({time}), max({time}), count(*) FROM {} t GROUP BY 1",
            lines.text("session_id"),
            lines.place()
        ));
        for row in self.ask(LINES, &mut sql).await? {
            let read = || -> sqlx::Result<_> {
                let id: Option<String> = row.try_get(0)?;
                Ok((id, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))
            };
            let (id, first, last, count) = read().map_err(|error| self.server.fault(&error))?;
            if let Some(session) = sessions.iter_mut().find(|session| Some(&session.id) == id.as_ref()) {
                (session.first_line, session.last_line, session.lines) = (first, last, count);
            }
        }
        Ok(())
    }

    /// Whether some table has rows of no room.
    pub async fn has_roomless(&mut self) -> Result<bool, Fault> {
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Transcript) {
            let Some(relation) = self.relation(table.name()) else { continue };
            let mut sql = Sql::new(format!("SELECT 1 FROM {} t WHERE ", relation.place()));
            claim::roomless(&mut sql, &relation);
            sql.push(" LIMIT 1");
            if !self.ask(table.name(), &mut sql).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The rows of each table, counted by rooms; those without one by who wrote them.
    pub async fn groups(&mut self) -> Result<Vec<Group>, Fault> {
        let mut groups = Vec::new();
        for table in Table::ALL {
            let Some(relation) = self.relation(table.name()) else { continue };
            let (room, time) = (relation.room(), relation.time().unwrap_or_else(nothing));
            let mut sql = Sql::new(format!(
                "SELECT {room}, NULL::bigint, NULL::text, count(*), min({time}), max({time}) FROM {} t WHERE {room} <> ''",
                relation.place()
            ));
            if table == Table::Transcript {
                self.of_no_session(&mut sql, &relation);
            }
            sql.push(" GROUP BY 1");
            groups.extend(self.grouped(table, &mut sql).await?);
            let mut sql = Sql::new(format!(
                "SELECT NULL::text, NULL::bigint, {}, count(*), min({time}), max({time}) FROM {} t WHERE ",
                claim::label(&relation),
                relation.place()
            ));
            claim::roomless(&mut sql, &relation);
            let all = self.askable();
            claim::unclaimed(&mut sql, &relation, &all);
            if table == Table::Transcript {
                self.of_no_session(&mut sql, &relation);
            }
            sql.push(" GROUP BY 3");
            groups.extend(self.grouped(table, &mut sql).await?);
        }
        Ok(groups)
    }

    /// Lines of a transcript that no session claims.
    fn of_no_session(&self, sql: &mut Sql, lines: &Relation) {
        if let Some(sessions) = self.relation(SESSIONS).filter(|sessions| sessions.has("id")) {
            sql.push(format!(
                " AND NOT EXISTS (SELECT 1 FROM {} s WHERE s.\"id\"::text = {})",
                sessions.place(),
                lines.text("session_id")
            ));
        }
    }

    /// The rows of rooms, counted by the one window in which they lie.
    pub async fn groups_by_window(&mut self, windows: &[(String, Span)]) -> Result<Vec<Group>, Fault> {
        let rooms: Vec<String> = windows.iter().map(|(room, _)| room.clone()).collect();
        let starts: Vec<i64> = windows.iter().map(|(_, window)| window.start).collect();
        let ends: Vec<i64> = windows.iter().map(|(_, window)| window.end).collect();
        let mut groups = Vec::new();
        for table in Table::ALL.into_iter().filter(|table| *table != Table::Transcript) {
            let Some(relation) = self.relation(table.name()) else { continue };
            let (room, time) = (relation.room(), relation.time().unwrap_or_else(nothing));
            let mut sql = Sql::new(
                "SELECT q.room, CASE WHEN w.n = 1 THEN w.i END, NULL::text, count(*), min(q.at), max(q.at) FROM (SELECT ",
            );
            sql.push(format!("{room} AS room, {time} AS at FROM {} t WHERE {room} = ANY(", relation.place()));
            sql.push_bind(rooms.clone())
                .push(")) q CROSS JOIN LATERAL (SELECT count(*) AS n, min(w.i) - 1 AS i FROM unnest(");
            sql.push_bind(rooms.clone()).push("::text[], ").push_bind(starts.clone()).push("::bigint[], ");
            sql.push_bind(ends.clone()).push(
                "::bigint[]) WITH ORDINALITY AS w(room, a, b, i) WHERE w.room = q.room AND q.at BETWEEN w.a AND w.b) w GROUP BY 1, 2",
            );
            groups.extend(self.grouped(table, &mut sql).await?);
        }
        Ok(groups)
    }

    async fn grouped(&mut self, table: Table, sql: &mut Sql) -> Result<Vec<Group>, Fault> {
        let rows = self.ask(table.name(), sql).await?;
        let read = rows.iter().map(|row| {
            let window: Option<i64> = row.try_get(1)?;
            Ok(Group {
                table,
                room: row.try_get(0)?,
                window: window.and_then(|window| usize::try_from(window).ok()),
                emitter: row.try_get(2)?,
                rows: row.try_get(3)?,
                first: row.try_get(4)?,
                last: row.try_get(5)?,
            })
        });
        let groups = read.collect::<sqlx::Result<Vec<_>>>();
        groups.map_err(|error| self.server.fault(&error))
    }

    /// The keys of the rows that are meant.
    pub async fn keys(&mut self, claim: Claim<'_>) -> Result<Keys, Fault> {
        let mut keys = Keys::default();
        self.add_keys(claim, &mut keys).await?;
        Ok(keys)
    }

    /// Adds the keys of the rows that are meant; says whether any was new.
    pub async fn add_keys(&mut self, claim: Claim<'_>, keys: &mut Keys) -> Result<bool, Fault> {
        let mut grown = false;
        for table in Table::ALL {
            let Some(relation) = self.relation(table.name()) else { continue };
            let columns: Vec<_> = KeyName::ALL.iter().filter_map(|key| Some((*key, relation.key(*key)?))).collect();
            for (key, column) in columns {
                let mut sql = Sql::new(format!("SELECT DISTINCT {column} FROM {} t WHERE ", relation.place()));
                claim::condition(&mut sql, &relation, claim, &self.askable());
                sql.push(format!(" AND {column} <> '' LIMIT {MOST_KEYS}"));
                for row in self.ask(table.name(), &mut sql).await? {
                    let value: String = row.try_get(0).map_err(|error| self.server.fault(&error))?;
                    grown |= key.follows(&value) && keys.add(key, value);
                }
            }
        }
        Ok(grown)
    }

    /// The next rows of a table that are meant, behind one; those that were changed at or after `since`.
    pub async fn row_keys(
        &mut self,
        table: Table,
        claim: Claim<'_>,
        since: Option<i64>,
        behind: Option<&str>,
    ) -> Result<Vec<RowKey>, Fault> {
        let Some(relation) = self.relation(table.name()) else { return Ok(Vec::new()) };
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
        let rows = self.ask(table.name(), &mut sql).await?;
        let read = rows.iter().map(|row| Ok(RowKey { id: row.try_get(0)?, changed: row.try_get(1)? }));
        let keys = read.collect::<sqlx::Result<Vec<_>>>();
        keys.map_err(|error| self.server.fault(&error))
    }

    /// Rows of a table by what tells them apart, each with it, as JSON, in the order of their time.
    pub async fn rows(&mut self, table: Table, ids: &[String]) -> Result<Vec<(String, String)>, Fault> {
        let Some(relation) = self.relation(table.name()) else { return Ok(Vec::new()) };
        let (identity, kind) = relation.identity();
        let mut sql = as_json(&relation);
        sql.push(format!(" WHERE {identity} = ANY(")).push_bind(ids.to_vec()).push(format!("::text[]::{kind}[])"));
        sql.push(format!(" ORDER BY {}, {identity}::text COLLATE \"C\"", relation.time().unwrap_or_else(nothing)));
        self.texts(table.name(), &mut sql).await
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

fn nothing() -> String {
    "NULL::bigint".to_owned()
}
