//! Tellings: what each source says of a session, and what it is called by all of them together.
//!
//! What the session is called depends on what is told and not on which source came first.

use anyhow::Result;

use super::engine::{Transaction, query};
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

/// Notes what is told of a session. Says whether anything of it is new.
pub(super) async fn note(
    connection: &mut Transaction,
    teller: Teller,
    session: &Session,
    forked_from: Option<&str>,
) -> Result<bool> {
    let told: Vec<(&str, String)> = COLUMNS.iter().map(|column| (*column, merged(column, teller))).collect();
    let set: Vec<String> = told.iter().map(|(column, value)| format!("{column} = {value}")).collect();
    let differs: Vec<String> =
        told.iter().map(|(column, value)| format!("tellings.{column} IS DISTINCT FROM {value}")).collect();
    let statement = format!(
        "INSERT INTO tellings (session, source, since, {}) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
         ON CONFLICT ({}, source) DO UPDATE SET since = excluded.since, {} \
         WHERE tellings.since <> excluded.since OR {} RETURNING session",
        COLUMNS.join(", "),
        connection.engine().unique("session"),
        set.join(", "),
        differs.join(" OR "),
    );
    let lineage = Some(&session.lineage).filter(|lineage| !lineage.is_empty() && **lineage != session.id);
    let changed = query(statement)
        .bind(&session.id)
        .bind(teller.source)
        .bind(teller.since.unwrap_or(UNTIL_KNOWN))
        .bind(&session.agent)
        .bind(&session.parent)
        .bind(lineage)
        .bind(forked_from.filter(|ancestor| *ancestor != session.id))
        .bind(&session.title)
        .bind(session.title_worth.rank as i64)
        .bind(session.title_worth.time)
        .bind(&session.project)
        .bind(&session.room)
        .bind(&session.canvas)
        .bind(&session.cwd)
        .bind(&session.git_branch)
        .bind(&session.host)
        .fetch_optional(connection)
        .await?;
    Ok(changed.is_some())
}

/// Calls a session what its sources tell of it: each thing as the source has it that began first.
///
/// Sessions of spans are named after their events, here and when they are settled.
pub(super) async fn call(connection: &mut Transaction, id: &str) -> Result<()> {
    let first = |column: &str, order: &str| {
        format!(
            "(SELECT {column} FROM tellings WHERE tellings.session = $1 AND {column} IS NOT NULL ORDER BY {order}since, \
             {column} LIMIT 1)"
        )
    };
    let agent = first("agent", &format!("{LEAST}, "));
    let title = first("title", "title_rank DESC, title_time DESC, ");
    let of_spans = |column: &str, told: &str| {
        format!("CASE WHEN {agent} = 'otel' THEN coalesce({told}, sessions.{column}) ELSE {told} END")
    };
    let plain = ["parent", "forked_from", "room", "canvas", "cwd", "git_branch", "host"];
    let plain: Vec<String> = plain.iter().map(|column| format!("{column} = {}", first(column, ""))).collect();
    let statement = format!(
        "UPDATE sessions SET agent = coalesce({agent}, agent), title = {}, project = {}, lineage = coalesce({}, lineage), {} \
         WHERE id = $1",
        of_spans("title", &title),
        of_spans("project", &first("project", "")),
        first("lineage", ""),
        plain.join(", "),
    );
    query(statement).bind(id).execute(&mut *connection).await?;
    let named = query("SELECT session FROM sessions WHERE id = $1 AND agent = 'otel'").bind(id);
    match named.fetch_optional(&mut *connection).await? {
        Some(row) => super::spans::name_session(connection, row.try_get(0)?).await,
        None => Ok(()),
    }
}

/// Takes away what is told of a session.
pub(super) async fn forget(connection: &mut Transaction, id: &str) -> Result<()> {
    query("DELETE FROM tellings WHERE session = $1").bind(id).execute(connection).await?;
    Ok(())
}
