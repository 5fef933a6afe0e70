//! Adoption: a trace is a session of its own until some span of it names a conversation, whose session it then is.
//!
//! Which of its spans comes first makes no difference: what has come moves, what is still to come goes the same way.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};

use super::engine::{Statement, Transaction, query};
use super::rows;
use super::telling::Teller;
use crate::domain::{KeyKind, Session};

/// What the session of a trace is called as long as nothing names another.
pub(super) const OF_TRACE: &str = "trace:";

/// The id of the session that a trace is until it is known whose it is.
pub fn trace_session(trace: &str) -> String {
    format!("{OF_TRACE}{trace}")
}

/// Those of some sessions that have been adopted, by their ids: the numbers of the ones that they are now.
pub(super) async fn adopters(
    connection: &mut Transaction,
    ids: &BTreeSet<Cow<'_, str>>,
) -> Result<HashMap<String, i64>> {
    let traces: Vec<&str> = ids.iter().map(AsRef::as_ref).filter(|id: &&str| id.starts_with(OF_TRACE)).collect();
    let mut adopters = HashMap::new();
    for chunk in rows::wanted(connection.engine(), &traces) {
        let mut select = Statement::new(
            "SELECT adopted.first, sessions.session FROM adopted JOIN sessions ON sessions.id = adopted.session \
             WHERE adopted.first IN (",
        );
        select.push_wanted(chunk, |mut row, id| {
            row.push_bind(*id);
        });
        for row in select.push(")").build().fetch_all(&mut *connection).await? {
            adopters.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    Ok(adopters)
}

/// The ids under which sessions are known by now, each once.
pub(super) async fn true_ids(connection: &mut Transaction, ids: &[String]) -> Result<BTreeSet<String>> {
    let mut known = BTreeSet::new();
    for id in ids {
        let row = match id.starts_with(OF_TRACE) {
            true => {
                query("SELECT session FROM adopted WHERE first = $1").bind(id).fetch_optional(&mut *connection).await?
            }
            false => None,
        };
        known.insert(row.map_or(Ok(id.clone()), |row| row.try_get(0))?);
    }
    Ok(known)
}

/// Notes that the session of a trace is another one, and moves its events there.
///
/// Where the spans of one trace name several sessions, those that name none belong to the first of them by name,
/// whichever came first.
pub(super) async fn adopt(connection: &mut Transaction, first: &str, session: &str) -> Result<()> {
    let row =
        query("SELECT session FROM adopted WHERE first = $1").bind(first).fetch_optional(&mut *connection).await?;
    let before: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
    if before.as_deref().is_some_and(|before| before <= session) {
        return Ok(());
    }
    let named =
        Session { id: session.to_owned(), lineage: session.to_owned(), agent: "otel".to_owned(), ..Session::default() };
    let teller = Teller { source: 0, since: None };
    let numbers = super::sessions::put(connection, teller, &[(&named, None)]).await?;
    let number = *numbers.get(session).context("a session has no number")?;
    query(format!(
        "INSERT INTO adopted (first, session) VALUES ($1, $2) \
         ON CONFLICT ({}) DO UPDATE SET session = excluded.session",
        connection.engine().unique("first")
    ))
    .bind(first)
    .bind(session)
    .execute(&mut *connection)
    .await?;
    let moved = move_events(connection, first, number).await?;
    if !moved.is_empty() {
        rename(connection, before.as_deref().unwrap_or(first), session, &moved).await?;
    }
    query(
        "DELETE FROM sessions WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM events WHERE events.session = sessions.session)",
    )
    .bind(first)
    .execute(&mut *connection)
    .await?;
    super::telling::forget(connection, first).await
}

/// Moves the events that are in a session only because of their trace; returns their numbers.
async fn move_events(connection: &mut Transaction, first: &str, to: i64) -> Result<Vec<i64>> {
    let Some(trace) = first.strip_prefix(OF_TRACE) else { return Ok(Vec::new()) };
    let named = query("SELECT key FROM keys WHERE kind = $1 AND value = $2")
        .bind(rows::key_code(KeyKind::Session))
        .bind(first)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(named) = named.map(|row| row.try_get::<i64>(0)).transpose()? else { return Ok(Vec::new()) };
    let found = query(
        "SELECT events.event, events.id, events.session, events.keys FROM keys JOIN event_keys \
         ON event_keys.key = keys.key JOIN events ON events.event = event_keys.event \
         WHERE keys.kind = $1 AND keys.value = $2 AND events.session <> $3 ORDER BY events.event",
    )
    .bind(rows::key_code(KeyKind::Trace))
    .bind(trace)
    .bind(to)
    .fetch_all(&mut *connection)
    .await?;
    let mut moved = Vec::with_capacity(found.len());
    let mut ids = BTreeSet::new();
    for row in found {
        // Those that name a conversation themselves stay in it.
        if !rows::read_keys(row.try_get(3)?).any(|(number, rule)| number == named && rule.is_some()) {
            continue;
        }
        let (event, id, from): (i64, String, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        move_event(connection, event, &id, from, to).await?;
        moved.push(event);
        ids.extend([(from, id.clone()), (to, id)]);
    }
    super::states::name_anew(connection, &ids).await?;
    super::count::must_count_anew(connection, &moved).await?;
    Ok(moved)
}

async fn move_event(connection: &mut Transaction, event: i64, id: &str, from: i64, to: i64) -> Result<()> {
    // The session that it leaves must be counted anew too.
    super::count::must_count_anew(connection, &[event]).await?;
    let row = query("SELECT coalesce(max(revision) + 1, 0) FROM event_ids WHERE id = $1 AND session = $2")
        .bind(id)
        .bind(to)
        .fetch_one(&mut *connection)
        .await?;
    let revision: i64 = row.try_get(0)?;
    query("UPDATE event_ids SET session = $1, revision = $2 WHERE id = $3 AND session = $4 AND event = $5")
        .bind(to)
        .bind(revision)
        .bind(id)
        .bind(from)
        .bind(event)
        .execute(&mut *connection)
        .await?;
    query("UPDATE events SET session = $1, revision = $2 WHERE event = $3")
        .bind(to)
        .bind(revision)
        .bind(event)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Names the session by its new id where it is named: in the sources of its events, and on the user's marks.
async fn rename(connection: &mut Transaction, before: &str, session: &str, moved: &[i64]) -> Result<()> {
    for chunk in moved.chunks(rows::CHUNK) {
        let mut select = Statement::new(
            "SELECT DISTINCT sources.source, sources.sessions FROM events JOIN records ON records.record = events.record \
             JOIN sources ON sources.source = records.source WHERE events.event IN (",
        );
        select.push_list(chunk.iter().copied());
        for row in select.push(")").build().persistent(false).fetch_all(&mut *connection).await? {
            let ids: Vec<String> =
                serde_json::from_str(row.try_get(1)?).context("the sessions of a source are not a list")?;
            let ids = true_ids(connection, &ids).await?;
            query("UPDATE sources SET sessions = $1 WHERE source = $2")
                .bind(serde_json::to_string(&ids)?)
                .bind(row.try_get::<i64>(0)?)
                .execute(&mut *connection)
                .await?;
        }
    }
    query(
        "INSERT INTO annotations (session, item, marked, note) SELECT $2, item, marked, note FROM annotations \
         WHERE session = $1 ON CONFLICT DO NOTHING",
    )
    .bind(before)
    .bind(session)
    .execute(&mut *connection)
    .await?;
    Ok(())
}
