//! Tellings: what each source says of a session, and what it is called by all of them together.
//!
//! What the session is called depends on what is told and not on which source came first.

use std::collections::HashSet;

use anyhow::Result;

use super::engine::{Engine, Statement, Transaction, Values, query};
use super::rows;
use crate::domain::Session;

/// Who tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller {
    /// The number of the source; 0 for none.
    pub source: i64,
    /// The first time that the source wrote, where what it tells is what all of it says. `None` for a stream, each
    /// part of which speaks for itself.
    pub since: Option<i64>,
}

const UNTIL_KNOWN: i64 = i64::MAX;

/// Agents whose word counts only where no other has one, the least first.
const LEAST: &str = "CASE agent WHEN 'unknown' THEN 2 WHEN 'otel' THEN 1 ELSE 0 END";

const COLUMNS: [&str; 13] = [
    "agent",
    "parent",
    "lineage",
    "forked_from",
    "title",
    "title_rank",
    "title_time",
    "project",
    "room",
    "canvas",
    "cwd",
    "git_branch",
    "host",
];

/// What a source tells now, put together with what it told before.
fn merged(column: &str, teller: Teller) -> String {
    match column {
        // What it says of these first is of the session, and what follows of those that it was copied from.
        "agent" | "forked_from" if teller.since.is_some() => format!("coalesce(tellings.{column}, excluded.{column})"),
        "title_rank" | "title_time" => {
            format!("CASE WHEN excluded.title IS NULL THEN tellings.{column} ELSE excluded.{column} END")
        }
        // What it says no more stays.
        "title" => "coalesce(excluded.title, tellings.title)".to_owned(),
        _ if teller.since.is_some() => format!("coalesce(excluded.{column}, tellings.{column})"),
        // Of a stream the least value counts, whichever came first.
        _ => format!(
            "CASE WHEN excluded.{column} < tellings.{column} THEN excluded.{column} \
             ELSE coalesce(tellings.{column}, excluded.{column}) END"
        ),
    }
}

/// Notes what is told of sessions, and of which each was forked. Returns the ids of those of which anything is new.
pub(super) async fn note(
    connection: &mut Transaction,
    teller: Teller,
    told: &[(&Session, Option<&str>)],
) -> Result<Vec<String>> {
    let engine = connection.engine();
    let (columns, behind) = (COLUMNS.join(", "), behind(engine, teller));
    let mut changed = Vec::new();
    for chunk in apart(engine, told).into_iter().flat_map(|told| rows::bulks(engine, told, rows::CHUNK)) {
        let mut insert = Statement::new(format!("INSERT INTO tellings (session, source, since, {columns}) "));
        insert.push_values(chunk, |row, (session, forked_from)| bind(row, teller, session, *forked_from));
        for row in insert.push(&behind).build().fetch_all(&mut *connection).await? {
            changed.push(row.try_get(0)?);
        }
    }
    Ok(changed)
}

/// Parts in which each session is told of once: a statement takes none twice.
fn apart<'a, 'b>(
    engine: Engine,
    told: &'a [(&'b Session, Option<&'b str>)],
) -> Vec<&'a [(&'b Session, Option<&'b str>)]> {
    let (mut parts, mut rest) = (Vec::new(), told);
    while !rest.is_empty() {
        let mut known = HashSet::new();
        let size = rest.iter().take_while(|(session, _)| known.insert(engine.stored(&session.id))).count();
        let (part, behind) = rest.split_at(size);
        parts.push(part);
        rest = behind;
    }
    parts
}

/// What becomes of a telling where there was one.
fn behind(engine: Engine, teller: Teller) -> String {
    let told: Vec<(&str, String)> = COLUMNS.iter().map(|column| (*column, merged(column, teller))).collect();
    let set: Vec<String> = told.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    let differs: Vec<String> =
        told.iter().map(|(column, value)| format!("tellings.{column} IS DISTINCT FROM {value}")).collect();
    format!(
        " ON CONFLICT ({}, source) DO UPDATE SET since = excluded.since, {} \
         WHERE tellings.since <> excluded.since OR {} RETURNING session",
        engine.unique("session"),
        set.join(", "),
        differs.join(" OR "),
    )
}

fn bind(mut row: Values<'_>, teller: Teller, session: &Session, forked_from: Option<&str>) {
    let lineage = Some(&session.lineage).filter(|lineage| !lineage.is_empty() && **lineage != session.id);
    // As with events, a NUL is shown as a symbol: PostgreSQL takes none.
    let clean = |text: &Option<String>| text.as_deref().map(|text| rows::clean(text).into_owned());
    row.push_bind(&session.id).push_bind(teller.source).push_bind(teller.since.unwrap_or(UNTIL_KNOWN));
    row.push_bind(&session.agent).push_bind(&session.parent).push_bind(lineage);
    row.push_bind(forked_from.filter(|ancestor| *ancestor != session.id)).push_bind(clean(&session.title));
    row.push_bind(session.title_worth.rank as i64).push_bind(session.title_worth.time);
    row.push_bind(clean(&session.project)).push_bind(clean(&session.room)).push_bind(clean(&session.canvas));
    row.push_bind(clean(&session.cwd)).push_bind(clean(&session.git_branch)).push_bind(clean(&session.host));
}

/// Calls a session what its sources tell of it: each thing as the source has it that began first.
///
/// Sessions of spans are named after their events, here and when they are settled.
pub(super) async fn call(connection: &mut Transaction, id: &str) -> Result<()> {
    let set: Vec<String> = told_columns("$1").into_iter().map(|(column, told)| format!("{column} = {told}")).collect();
    query(format!("UPDATE sessions SET {} WHERE id = $1", set.join(", "))).bind(id).execute(&mut *connection).await?;
    let named = query("SELECT session FROM sessions WHERE id = $1 AND agent = 'otel'").bind(id);
    match named.fetch_optional(&mut *connection).await? {
        Some(row) => super::spans::name_session(connection, row.try_get(0)?).await,
        None => Ok(()),
    }
}

/// The columns of a session, and what its sources together tell that they hold.
pub(super) fn told_columns(id: &str) -> Vec<(&'static str, String)> {
    let first = |column: &str, order: &str| {
        format!(
            "(SELECT {column} FROM tellings WHERE tellings.session = {id} AND {column} IS NOT NULL ORDER BY {order}since, \
             {column} LIMIT 1)"
        )
    };
    let agent = first("agent", &format!("{LEAST}, "));
    let of_spans = |column: &str, told: &str| {
        format!("CASE WHEN {agent} = 'otel' THEN coalesce({told}, sessions.{column}) ELSE {told} END")
    };
    let mut columns = vec![
        ("agent", format!("coalesce({agent}, sessions.agent)")),
        ("title", of_spans("title", &first("title", "title_rank DESC, title_time DESC, "))),
        ("project", of_spans("project", &first("project", ""))),
        ("lineage", format!("coalesce({}, sessions.lineage)", first("lineage", ""))),
    ];
    let plain = ["parent", "forked_from", "room", "canvas", "cwd", "git_branch", "host"];
    columns.extend(plain.map(|column| (column, first(column, ""))));
    columns
}

/// Takes away what is told of a session.
pub(super) async fn forget(connection: &mut Transaction, id: &str) -> Result<()> {
    query("DELETE FROM tellings WHERE session = $1").bind(id).execute(connection).await?;
    Ok(())
}
