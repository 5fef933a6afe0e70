//! Rows that lie in no session's window, and the keys by which it is found out whose they are.

use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row};

use super::claim::{self, Claim, RoomWindow};
use super::keys::{KeyName, Keys};
use super::relation::{BLOBS, LINES, Relation};
use super::rows::{BROUGHT, nothing};
use super::{Fault, Original};

/// More different keys than this are not followed.
const MOST_KEYS: i64 = 100_000;

/// A row that lies in no window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    pub table: &'static str,
    /// What tells it from others in its table.
    pub id: String,
    /// What its event is called.
    pub event: Option<String>,
    pub room: Option<String>,
    /// Who wrote it, where it has no room.
    pub emitter: String,
    /// µs since 1970.
    pub at: Option<i64>,
    /// Its time cannot be told.
    pub is_untold: bool,
    pub keys: Vec<(KeyName, String)>,
}

/// A row that may lie in the windows of several sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    pub table: &'static str,
    pub id: String,
    pub event: Option<String>,
    pub at: Option<i64>,
    /// Which of the other windows.
    pub others: Vec<usize>,
}

type Sql = QueryBuilder<Postgres>;

impl Original {
    /// The keys of the rows that are meant.
    pub async fn keys(&mut self, claim: Claim<'_>) -> Result<Keys, Fault> {
        let mut keys = Keys::default();
        for name in BROUGHT.into_iter().filter(|name| *name != BLOBS) {
            let Some(relation) = self.relation(name) else { continue };
            let (kinds, columns) = columns_of(&relation);
            if kinds.is_empty() {
                continue;
            }
            let mut sql =
                Sql::new(format!("SELECT DISTINCT {} FROM {} t WHERE ", columns.join(", "), relation.place()));
            claim::condition(&mut sql, &relation, claim, &self.askable());
            sql.push(format!(" LIMIT {MOST_KEYS}"));
            for row in self.ask(name, &mut sql).await? {
                for (key, value) in self.keys_of(&row, 0, &kinds)? {
                    keys.add(key, value);
                }
            }
        }
        Ok(keys)
    }

    /// Which of these keys rows have that lie in a window, in another room, or in none.
    pub async fn keys_elsewhere(&mut self, keys: &Keys, room: &str, windows: &[RoomWindow]) -> Result<Keys, Fault> {
        let mut found = Keys::default();
        for name in BROUGHT {
            let Some(relation) = self.relation(name) else { continue };
            let (kinds, columns) = columns_of(&relation);
            if !kinds.iter().any(|key| keys.has(*key)) {
                continue;
            }
            let mut sql =
                Sql::new(format!("SELECT DISTINCT {} FROM {} t WHERE ", columns.join(", "), relation.place()));
            claim::shares(&mut sql, &relation, keys);
            sql.push(format!(" AND ({} IS DISTINCT FROM ", relation.room())).push_bind(room.to_owned());
            sql.push(" OR NOT (TRUE");
            in_no_window(&mut sql, &relation, windows);
            sql.push("))");
            for row in self.ask(name, &mut sql).await? {
                for (key, value) in self.keys_of(&row, 0, &kinds)? {
                    if keys.holds(key, &value) {
                        found.add(key, value);
                    }
                }
            }
        }
        Ok(found)
    }

    /// The rows in no window that have one of these keys, at most so many of each table.
    pub async fn strays(&mut self, keys: &Keys, windows: &[RoomWindow], most: i64) -> Result<Vec<Stray>, Fault> {
        let has_some = |relation: &Relation| columns_of(relation).0.iter().any(|key| keys.has(*key));
        let condition = |sql: &mut Sql, relation: &Relation| {
            let wanted = has_some(relation);
            if wanted {
                claim::shares(sql, relation, keys);
            }
            wanted
        };
        self.strays_where(windows, most, condition).await
    }

    /// The rows of no room, at most so many of each table.
    pub async fn roomless(&mut self, most: i64) -> Result<Vec<Stray>, Fault> {
        let condition = |sql: &mut Sql, relation: &Relation| {
            claim::roomless(sql, relation);
            true
        };
        self.strays_where(&[], most, condition).await
    }

    /// All rows in no window, at most so many of each table.
    pub async fn all_strays(&mut self, windows: &[RoomWindow], most: i64) -> Result<Vec<Stray>, Fault> {
        let condition = |sql: &mut Sql, _: &Relation| {
            sql.push("TRUE");
            true
        };
        self.strays_where(windows, most, condition).await
    }

    async fn strays_where(
        &mut self,
        windows: &[RoomWindow],
        most: i64,
        condition: impl Fn(&mut Sql, &Relation) -> bool,
    ) -> Result<Vec<Stray>, Fault> {
        let mut strays = Vec::new();
        for name in BROUGHT.into_iter().filter(|name| *name != LINES) {
            let Some(relation) = self.relation(name) else { continue };
            let (kinds, mut columns) = columns_of(&relation);
            let first = [
                format!("{}::text", relation.identity().0),
                relation.text("event_id"),
                format!("nullif({}, '')", relation.room()),
                claim::label(&relation),
                relation.time().unwrap_or_else(nothing),
                format!("{} = 1", relation.untold_time()),
            ];
            columns.splice(0..0, first);
            let mut sql = Sql::new(format!("SELECT {} FROM {} t WHERE ", columns.join(", "), relation.place()));
            if !condition(&mut sql, &relation) {
                continue;
            }
            in_no_window(&mut sql, &relation, windows);
            if name == BLOBS {
                claim::unreferenced(&mut sql, &relation, &self.askable());
            }
            sql.push(format!(" LIMIT {most}"));
            for row in self.ask(name, &mut sql).await? {
                let read = || {
                    Ok(Stray {
                        table: name,
                        id: row.try_get(0)?,
                        event: row.try_get(1)?,
                        room: row.try_get(2)?,
                        emitter: row.try_get(3)?,
                        at: row.try_get(4)?,
                        is_untold: row.try_get(5)?,
                        keys: Vec::new(),
                    })
                };
                let stray: sqlx::Result<Stray> = read();
                let stray = stray.map_err(|error| self.server.fault(&error))?;
                strays.push(Stray { keys: self.keys_of(&row, 6, &kinds)?, ..stray });
            }
        }
        Ok(strays)
    }

    /// Which of these keys are those of rows that lie in exactly one window, and in which.
    pub async fn owners(
        &mut self,
        keys: &Keys,
        windows: &[RoomWindow],
    ) -> Result<Vec<(KeyName, String, usize)>, Fault> {
        let mut owners = Vec::new();
        for name in BROUGHT.into_iter().filter(|name| !matches!(*name, LINES | BLOBS)) {
            let Some(relation) = self.relation(name) else { continue };
            let Some(time) = relation.time().filter(|_| !windows.is_empty()) else { continue };
            let (kinds, columns) = columns_of(&relation);
            if !kinds.iter().any(|key| keys.has(*key)) {
                continue;
            }
            let mut sql = Sql::new(format!(
                "SELECT DISTINCT w.i, {} FROM {} t CROSS JOIN LATERAL (SELECT count(*) AS n, min(w.i) - 1 AS i FROM ",
                columns.join(", "),
                relation.place()
            ));
            claim::windows(&mut sql, windows);
            sql.push(format!(" WHERE w.room = {} AND {time} BETWEEN w.a AND w.b) w ", relation.room()));
            sql.push("WHERE w.n = 1 AND ");
            claim::shares(&mut sql, &relation, keys);
            for row in self.ask(name, &mut sql).await? {
                let window: i64 = row.try_get(0).map_err(|error| self.server.fault(&error))?;
                let Ok(window) = usize::try_from(window) else { continue };
                let own = self.keys_of(&row, 1, &kinds)?.into_iter().filter(|(key, value)| keys.holds(*key, value));
                owners.extend(own.map(|(key, value)| (key, value, window)));
            }
        }
        Ok(owners)
    }

    /// The rows of a room that are meant, with the other windows in which they lie.
    pub async fn shared(&mut self, claim: Claim<'_>) -> Result<Vec<Shared>, Fault> {
        let others = if let Claim::Shared { others, .. } = claim { others } else { &[] };
        let mut shared = Vec::new();
        for name in BROUGHT.into_iter().filter(|name| *name != LINES) {
            let Some(relation) = self.relation(name) else { continue };
            let Some(time) = relation.time() else { continue };
            let windows: Vec<RoomWindow> = others.iter().map(|other| (String::new(), *other)).collect();
            let mut sql = Sql::new(format!(
                "SELECT {}::text, {}, {time}, ARRAY(SELECT w.i - 1 FROM ",
                relation.identity().0,
                relation.text("event_id")
            ));
            claim::windows(&mut sql, &windows);
            sql.push(format!(" WHERE {time} BETWEEN w.a AND w.b ORDER BY 1) FROM {} t WHERE ", relation.place()));
            claim::condition(&mut sql, &relation, claim, &self.askable());
            sql.push(format!(" ORDER BY {time}, 1"));
            for row in self.ask(name, &mut sql).await? {
                let read = || {
                    let others: Vec<i64> = row.try_get(3)?;
                    let others = others.into_iter().filter_map(|other| usize::try_from(other).ok()).collect();
                    Ok(Shared { table: name, id: row.try_get(0)?, event: row.try_get(1)?, at: row.try_get(2)?, others })
                };
                let read: sqlx::Result<Shared> = read();
                shared.push(read.map_err(|error| self.server.fault(&error))?);
            }
        }
        Ok(shared)
    }

    /// The keys in the columns of a row from a place on.
    fn keys_of(&self, row: &PgRow, from: usize, kinds: &[KeyName]) -> Result<Vec<(KeyName, String)>, Fault> {
        let mut keys = Vec::new();
        for (place, key) in kinds.iter().enumerate() {
            let value: Option<String> = row.try_get(from + place).map_err(|error| self.server.fault(&error))?;
            keys.extend(value.filter(|value| !value.is_empty() && key.follows(value)).map(|value| (*key, value)));
        }
        Ok(keys)
    }
}

/// The kinds of keys that a table has, with their columns.
fn columns_of(relation: &Relation) -> (Vec<KeyName>, Vec<String>) {
    KeyName::ALL.iter().filter_map(|key| Some((*key, relation.key(*key)?))).unzip()
}

/// That a row lies in none of the windows.
fn in_no_window(sql: &mut Sql, relation: &Relation, windows: &[RoomWindow]) {
    let Some(time) = relation.time().filter(|_| !windows.is_empty()) else { return };
    sql.push(" AND NOT EXISTS (SELECT 1 FROM ");
    claim::windows(sql, windows);
    sql.push(format!(" WHERE w.room = {} AND {time} BETWEEN w.a AND w.b)", relation.room()));
}
