//! Which rows of the original's tables are meant: conditions for statements.

use sqlx::{Postgres, QueryBuilder};

use super::keys::{KeyName, Keys};
use super::relation::{BLOBS, LINES, Relation, SESSIONS};

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

    /// What lies in both.
    pub fn meet(self, other: Self) -> Option<Self> {
        let both = Self { start: self.start.max(other.start), end: self.end.min(other.end) };
        (both.start <= both.end).then_some(both)
    }
}

/// Which rows are meant. Lines of a transcript name their session, so windows are not for them.
#[derive(Debug, Clone, Copy)]
pub enum Claim<'a> {
    /// The rows of a room inside a window and in none of the others; lines of the session itself.
    Window { session: &'a str, room: &'a str, window: Span, others: &'a [Span] },
    /// The rows of a room inside a window and in one of the others as well.
    Shared { room: &'a str, window: Span, others: &'a [Span] },
    /// The rows of a room in none of the windows or in several.
    Rest { room: &'a str, windows: &'a [Span], within: Span },
    /// The rows of no room that an emitter wrote.
    Emitter { emitter: &'a str, within: Span },
}

/// The window of a session in its room.
pub type RoomWindow = (String, Span);

type Sql = QueryBuilder<Postgres>;

/// Writes the condition; `all` are the tables that there are.
pub(super) fn condition(sql: &mut Sql, relation: &Relation, claim: Claim<'_>, all: &[Relation]) {
    let is_lines = relation.name == LINES && relation.has("session_id");
    match claim {
        Claim::Window { session, .. } if is_lines => {
            sql.push(format!("{} = ", relation.text("session_id"))).push_bind(session.to_owned());
        }
        Claim::Shared { .. } if is_lines => {
            sql.push("FALSE");
        }
        Claim::Window { room, window, others, .. } => {
            in_room(sql, relation, room);
            inside(sql, relation, window);
            count_of(sql, relation, others, "= 0");
        }
        Claim::Shared { room, window, others } => {
            in_room(sql, relation, room);
            inside(sql, relation, window);
            count_of(sql, relation, others, "> 0");
        }
        Claim::Rest { room, windows, within: span } => {
            in_room(sql, relation, room);
            if span != Span::ALWAYS {
                inside(sql, relation, span);
            }
            if is_lines {
                of_no_session(sql, relation, all);
            } else if !windows.is_empty() {
                count_of(sql, relation, windows, "<> 1");
            }
        }
        Claim::Emitter { emitter, within: span } => {
            roomless(sql, relation);
            if span != Span::ALWAYS {
                inside(sql, relation, span);
            }
            sql.push(format!(" AND {} = ", label(relation))).push_bind(emitter.to_owned());
        }
    }
    if relation.name == BLOBS {
        unreferenced(sql, relation, all);
    }
}

/// Who wrote a row: its own label, else its source, as the recorder names sessions of no room.
pub(super) fn label(relation: &Relation) -> String {
    let source = format!("coalesce('source:' || {}, 'source:{}')", relation.text("source"), relation.name);
    match relation.label() {
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

/// Lines of a transcript that no session claims.
pub(super) fn of_no_session(sql: &mut Sql, lines: &Relation, all: &[Relation]) {
    let sessions = all.iter().find(|relation| relation.name == SESSIONS && relation.has("id"));
    if let Some(sessions) = sessions.filter(|_| lines.has("session_id")) {
        sql.push(format!(
            " AND NOT EXISTS (SELECT 1 FROM {} s WHERE s.\"id\"::text = {})",
            sessions.place(),
            lines.text("session_id")
        ));
    }
}

/// Blobs of events that no row is of.
pub(super) fn unreferenced(sql: &mut Sql, blobs: &Relation, all: &[Relation]) {
    for rows in all.iter().filter(|rows| rows.has_blobs() && rows.has("event_id") && blobs.has("event_id")) {
        sql.push(format!(
            " AND NOT EXISTS (SELECT 1 FROM {} o WHERE o.\"event_id\"::text = {})",
            rows.place(),
            blobs.text("event_id")
        ));
    }
}

/// That a row lies in a window. One without a time is in none, not even in one without ends.
fn inside(sql: &mut Sql, relation: &Relation, span: Span) {
    match relation.time() {
        Some(time) => {
            sql.push(format!(" AND {time} BETWEEN ")).push_bind(span.start).push(" AND ").push_bind(span.end);
        }
        None => {
            sql.push(" AND FALSE");
        }
    }
}

/// In how many of the windows a row lies; one without a time in none.
fn count_of(sql: &mut Sql, relation: &Relation, windows: &[Span], comparison: &str) {
    let Some(time) = relation.time().filter(|_| !windows.is_empty()) else {
        let holds = if comparison == "> 0" { "FALSE" } else { "TRUE" };
        sql.push(format!(" AND {holds}"));
        return;
    };
    let starts: Vec<i64> = windows.iter().map(|window| window.start).collect();
    let ends: Vec<i64> = windows.iter().map(|window| window.end).collect();
    sql.push(" AND (SELECT count(*) FROM unnest(").push_bind(starts).push("::bigint[], ").push_bind(ends);
    sql.push(format!("::bigint[]) AS w(a, b) WHERE {time} BETWEEN w.a AND w.b) {comparison}"));
}

/// Whether a row has one of these values as a key of the same kind.
pub(super) fn shares(sql: &mut Sql, relation: &Relation, keys: &Keys) {
    sql.push("coalesce(FALSE");
    for key in KeyName::ALL {
        let values = keys.of(key);
        if let Some((own, values, cast)) = relation.is_one(key, &values).filter(|(_, values, _)| !values.is_empty()) {
            sql.push(format!(" OR {own} = ANY(")).push_bind(values).push(format!("{cast})"));
        }
    }
    // A column that is null shares nothing.
    sql.push(", FALSE)");
}

/// The windows as a table `w` of room, start, end and place.
pub(super) fn windows(sql: &mut Sql, windows: &[RoomWindow]) {
    let rooms: Vec<String> = windows.iter().map(|(room, _)| room.clone()).collect();
    let starts: Vec<i64> = windows.iter().map(|(_, window)| window.start).collect();
    let ends: Vec<i64> = windows.iter().map(|(_, window)| window.end).collect();
    sql.push("unnest(").push_bind(rooms).push("::text[], ").push_bind(starts).push("::bigint[], ").push_bind(ends);
    sql.push("::bigint[]) WITH ORDINALITY AS w(room, a, b, i)");
}
