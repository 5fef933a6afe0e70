//! Which rows of the original's tables belong to a session: conditions for statements, and keys to follow.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Postgres, QueryBuilder};

use super::relation::{LINES, Relation};

/// A stretch of time in µs since 1970, both ends within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: i64,
    pub end: i64,
}

impl Span {
    pub const ALWAYS: Self = Self { start: i64::MIN, end: i64::MAX };

    pub fn holds(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// The kinds of keys that are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    Trace,
    Request,
    Intent,
    Task,
    /// The label of a voice job or of a run; other labels are one for all sessions of a process or a room.
    Session,
}

impl KeyName {
    pub(super) const ALL: [Self; 5] = [Self::Trace, Self::Request, Self::Intent, Self::Task, Self::Session];

    /// Labels that name one session begin so.
    pub(super) fn follows(self, value: &str) -> bool {
        self != Self::Session || value.starts_with("voice-") || value.starts_with("canvas-agent-")
    }
}

/// Values of keys by their kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    values: BTreeMap<KeyName, BTreeSet<String>>,
}

impl Keys {
    /// Says whether the value is new.
    pub(super) fn add(&mut self, key: KeyName, value: String) -> bool {
        self.values.entry(key).or_default().insert(value)
    }

    /// Leaves out what others have too.
    pub fn without(mut self, others: &Self) -> Self {
        for (key, values) in &mut self.values {
            if let Some(theirs) = others.values.get(key) {
                values.retain(|value| !theirs.contains(value));
            }
        }
        self
    }

    pub fn extend(&mut self, others: &Self) {
        for (key, values) in &others.values {
            self.values.entry(*key).or_default().extend(values.iter().cloned());
        }
    }

    pub fn is_empty(&self) -> bool {
        self.values.values().all(BTreeSet::is_empty)
    }
}

/// Which rows are meant. Lines of a transcript name their session, so windows are not for them.
#[derive(Debug, Clone, Copy)]
pub enum Claim<'a> {
    /// The rows of a room inside a window and in none of the others; lines of the session itself.
    Window { session: &'a str, room: &'a str, window: Span, others: &'a [Span] },
    /// The rows of a room in none of the windows or in several, unless only a session's keys speak for them.
    Rest { room: &'a str, windows: &'a [Span], within: Span, taken: &'a Keys },
    /// The rows of a room in none of the windows that share a key.
    Beyond { room: &'a str, windows: &'a [Span], keys: &'a Keys },
    /// The rows of no room that share a key.
    Roomless(&'a Keys),
    /// The rows of no room that an emitter wrote, and with which no row of a room shares a key.
    Emitter(&'a str),
}

type Sql = QueryBuilder<Postgres>;

/// Writes the condition; `all` are the tables that there are.
pub(super) fn condition(sql: &mut Sql, relation: &Relation, claim: Claim<'_>, all: &[Relation]) {
    let is_lines = relation.name == LINES && relation.has("session_id");
    match claim {
        Claim::Window { session, .. } if is_lines => {
            sql.push(format!("{} = ", relation.text("session_id"))).push_bind(session.to_owned());
        }
        Claim::Window { room, window, others, .. } => {
            in_room(sql, relation, room);
            within(sql, relation, window);
            count_of(sql, relation, others, "= 0");
        }
        Claim::Rest { room, within: span, .. } if is_lines => {
            in_room(sql, relation, room);
            within(sql, relation, span);
            if let Some(sessions) =
                all.iter().find(|relation| relation.name == super::relation::SESSIONS && relation.has("id"))
            {
                sql.push(format!(
                    " AND NOT EXISTS (SELECT 1 FROM {} s WHERE s.\"id\"::text = {})",
                    sessions.place(),
                    relation.text("session_id")
                ));
            }
        }
        Claim::Rest { room, windows, within: span, taken } => {
            in_room(sql, relation, room);
            within(sql, relation, span);
            if windows.is_empty() {
                return;
            }
            count_of(sql, relation, windows, "<> 1");
            if taken.is_empty() {
                return;
            }
            sql.push(" AND NOT (TRUE");
            count_of(sql, relation, windows, "= 0");
            sql.push(" AND ");
            shares(sql, relation, taken);
            sql.push(")");
        }
        Claim::Beyond { room, windows, keys } => {
            in_room(sql, relation, room);
            count_of(sql, relation, windows, "= 0");
            sql.push(" AND ");
            shares(sql, relation, keys);
        }
        Claim::Roomless(keys) => {
            roomless(sql, relation);
            sql.push(" AND ");
            shares(sql, relation, keys);
        }
        Claim::Emitter(emitter) => {
            roomless(sql, relation);
            sql.push(format!(" AND {} = ", label(relation))).push_bind(emitter.to_owned());
            unclaimed(sql, relation, all);
        }
    }
}

/// Who wrote a row: its own label, else its source, as the recorder names sessions of no room.
pub(super) fn label(relation: &Relation) -> String {
    let source = format!("coalesce('source:' || {}, 'source:{}')", relation.text("source"), relation.name);
    match relation.key(KeyName::Session) {
        Some(session) => format!("coalesce('session:' || nullif({session}, ''), {source})"),
        None => source,
    }
}

fn in_room(sql: &mut Sql, relation: &Relation, room: &str) {
    sql.push(format!("{} = ", relation.room())).push_bind(room.to_owned());
}

pub(super) fn roomless(sql: &mut Sql, relation: &Relation) {
    let room = relation.room();
    sql.push(format!("({room} IS NULL OR {room} = '')"));
}

fn within(sql: &mut Sql, relation: &Relation, span: Span) {
    if span == Span::ALWAYS {
        return;
    }
    match relation.time() {
        Some(time) => {
            sql.push(format!(" AND {time} BETWEEN ")).push_bind(span.start).push(" AND ").push_bind(span.end);
        }
        // Rows without a time are in no window.
        None => {
            sql.push(" AND FALSE");
        }
    }
}

/// In how many of the windows a row lies; one without a time in none.
fn count_of(sql: &mut Sql, relation: &Relation, windows: &[Span], comparison: &str) {
    let Some(time) = relation.time().filter(|_| !windows.is_empty()) else {
        let holds = if comparison == "<> 1" || comparison == "= 0" { "TRUE" } else { "FALSE" };
        sql.push(format!(" AND {holds}"));
        return;
    };
    let starts: Vec<i64> = windows.iter().map(|window| window.start).collect();
    let ends: Vec<i64> = windows.iter().map(|window| window.end).collect();
    sql.push(" AND (SELECT count(*) FROM unnest(").push_bind(starts).push("::bigint[], ").push_bind(ends);
    sql.push(format!("::bigint[]) AS w(a, b) WHERE {time} BETWEEN w.a AND w.b) {comparison}"));
}

/// Whether a row has one of these values as a key of the same kind.
fn shares(sql: &mut Sql, relation: &Relation, keys: &Keys) {
    sql.push("coalesce(FALSE");
    for (key, values) in &keys.values {
        if let Some(own) = relation.key(*key).filter(|_| !values.is_empty()) {
            let values: Vec<String> = values.iter().cloned().collect();
            sql.push(format!(" OR {own} = ANY(")).push_bind(values).push(")");
        }
    }
    // A column that is null shares nothing.
    sql.push(", FALSE)");
}

/// Leaves out rows with which a row of some room shares a key: they come with that one.
pub(super) fn unclaimed(sql: &mut Sql, relation: &Relation, all: &[Relation]) {
    for key in KeyName::ALL {
        let Some(own) = relation.key(key) else { continue };
        for other in all.iter().filter(|other| other.is_readable()) {
            let Some(theirs) = other.key_of("o", key) else { continue };
            let room = other.room_of("o");
            let follows = match key {
                KeyName::Session => format!(" AND ({theirs} LIKE 'voice-%' OR {theirs} LIKE 'canvas-agent-%')"),
                _ => String::new(),
            };
            sql.push(format!(
                " AND NOT EXISTS (SELECT 1 FROM {} o WHERE {theirs} = {own} AND {room} <> ''{follows})",
                other.place()
            ));
        }
    }
}
