//! Stripping: takes away what events hold and leaves their tombstones: place, id, turn, and the receipt.

use std::collections::BTreeSet;

use anyhow::Result;

use super::super::engine::{Statement, Transaction, query};
use super::super::{count, rows};
use super::layout::Layouts;
use super::receipt::Removed;
use super::release;
use crate::domain::{KeyKind, Kind, Timestamp, flag};

/// A title at least this long is known again in a label that goes, and a label in a title.
const TELLING: usize = 8;

/// An event that is about to go.
#[derive(Debug)]
pub(super) struct Doomed {
    pub event: i64,
    pub session: i64,
    pub session_id: String,
    pub kind: Kind,
    pub id: String,
    pub revision: i64,
    pub record: Option<i64>,
    pub keys: Vec<i64>,
    pub label: String,
    /// The hash of its content.
    pub content: Vec<u8>,
}

/// Those of these events that are due now, ascending.
pub(super) async fn doomed(connection: &mut Transaction, events: &[i64], as_of: i64, all: bool) -> Result<Vec<Doomed>> {
    let mut query = super::due::head(
        "SELECT events.event, events.session, sessions.id, events.kind, events.id, events.revision, events.record, \
         events.keys, events.label, event_ids.content FROM events JOIN sessions ON sessions.session = events.session \
         JOIN event_ids ON event_ids.id = events.id AND event_ids.session = events.session \
         AND event_ids.revision = events.revision WHERE events.session NOT IN (SELECT session FROM held) \
         AND events.event IN (",
    );
    query.push_list(events.iter().copied());
    query.push(")");
    super::due::expired(&mut query, as_of, all);
    query.push(" ORDER BY events.event");
    let found = query.build().persistent(false).fetch_all(connection).await?;
    found
        .iter()
        .map(|row| {
            let keys: String = row.try_get(7)?;
            Ok(Doomed {
                event: row.try_get(0)?,
                session: row.try_get(1)?,
                session_id: row.try_get(2)?,
                kind: rows::kind_of(row.try_get(3)?)?,
                id: row.try_get(4)?,
                revision: row.try_get(5)?,
                record: row.try_get(6)?,
                keys: rows::read_keys(&keys).map(|(number, _)| number).collect(),
                label: row.try_get(8)?,
                content: row.try_get(9)?,
            })
        })
        .collect()
}

/// Makes tombstones of events, and takes away all bytes that nothing else refers to.
pub(super) async fn strip(
    connection: &mut Transaction,
    receipt: i64,
    doomed: &[Doomed],
    layouts: &mut Layouts,
) -> Result<Removed> {
    let events: Vec<i64> = doomed.iter().map(|event| event.event).collect();
    if events.is_empty() {
        return Ok(Removed::default());
    }
    count::must_count_anew(connection, &events).await?;
    let blobs = blobs_of(connection, &events).await?;
    forget_keys(connection, doomed).await?;
    for statement in ["DELETE FROM bodies WHERE event IN (", "DELETE FROM attributes WHERE event IN ("] {
        each(connection, statement, &events).await?;
    }
    bury(connection, receipt, &events).await?;
    forget_titles(connection, doomed).await?;
    let mut removed = Removed::default();
    release::blobs(connection, &blobs, &mut removed).await?;
    let spent = spent_records(connection, doomed, &events).await?;
    release::records(connection, &spent, layouts, &mut removed).await?;
    Ok(removed)
}

/// Takes tombstones away, so that their events can be stored again.
pub(in crate::store) async fn revive(connection: &mut Transaction, events: &[i64]) -> Result<()> {
    count::must_count_anew(connection, events).await?;
    for statement in [
        "DELETE FROM event_ids WHERE (id, session, revision) IN (SELECT id, session, revision FROM events WHERE event IN (",
        "DELETE FROM event_origins WHERE (event IN (",
        "DELETE FROM tombstones WHERE (event IN (",
        "DELETE FROM events WHERE (event IN (",
    ] {
        for chunk in events.chunks(rows::CHUNK) {
            let mut query = Statement::new(statement);
            query.push_list(chunk.iter().copied());
            query.push("))").build().persistent(false).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

async fn each(connection: &mut Transaction, statement: &'static str, events: &[i64]) -> Result<()> {
    let mut query = Statement::new(statement);
    query.push_list(events.iter().copied());
    query.push(")").build().persistent(false).execute(connection).await?;
    Ok(())
}

/// The blobs that bodies of these events are; the contents of sources are not among them.
async fn blobs_of(connection: &mut Transaction, events: &[i64]) -> Result<BTreeSet<i64>> {
    let mut query = Statement::new(
        "SELECT DISTINCT bodies.blob FROM bodies JOIN blobs ON blobs.blob = bodies.blob \
         WHERE blobs.digest IS NOT NULL AND bodies.event IN (",
    );
    query.push_list(events.iter().copied());
    let found = query.push(")").build().persistent(false).fetch_all(connection).await?;
    found.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Takes the keys of events away, and values that no event has any more.
async fn forget_keys(connection: &mut Transaction, doomed: &[Doomed]) -> Result<()> {
    let pairs: Vec<(i64, i64)> =
        doomed.iter().flat_map(|event| event.keys.iter().map(move |key| (*key, event.event))).collect();
    rows::delete_event_keys(connection, &pairs).await?;
    let keys: BTreeSet<i64> = pairs.into_iter().map(|(key, _)| key).collect();
    for chunk in keys.into_iter().collect::<Vec<_>>().chunks(rows::CHUNK) {
        // Sessions and rooms are keys of nearly every event, and are not listed event by event.
        let mut query = Statement::new("DELETE FROM keys WHERE kind NOT IN (");
        query.push_list([KeyKind::Session, KeyKind::Room].into_iter().map(rows::key_code));
        query.push(") AND NOT EXISTS (SELECT 1 FROM event_keys WHERE event_keys.key = keys.key) AND key IN (");
        query.push_list(chunk.iter().copied());
        query.push(")").build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Leaves of each event what says that it was there, and by which receipt it went.
async fn bury(connection: &mut Transaction, receipt: i64, events: &[i64]) -> Result<()> {
    let begun: i64 = query("SELECT begun FROM receipts WHERE receipt = $1")
        .bind(receipt)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    let words = format!("purged on {} by receipt {receipt}", Timestamp(begun).day());
    let kept = flag::INFERRED_TIME | flag::INHERITED | flag::SIDECHAIN | flag::TWIN | flag::SUPERSEDED;
    let mut query = Statement::new("UPDATE events SET label = ");
    query.push_bind(words).push(", flags = (flags & ").push_bind(kept).push(") | ").push_bind(flag::PURGED);
    query.push(
        ", status = 'purged', keys = '', expires = NULL, provider = NULL, model = NULL, tool = NULL, participant = NULL, \
         latency = NULL, error = NULL, usage_input = NULL, usage_cache_read = NULL, usage_cache_write = NULL, \
         usage_output = NULL, usage_reasoning = NULL, usage_total = NULL, usage_rule = NULL, usage_source = NULL \
         WHERE event IN (",
    );
    query.push_list(events.iter().copied());
    query.push(")").build().persistent(false).execute(&mut *connection).await?;
    let mut query = Statement::new("INSERT INTO tombstones (event, receipt) ");
    query.push_values(events, |mut row, event| {
        row.push_bind(*event).push_bind(receipt);
    });
    query.build().persistent(false).execute(connection).await?;
    Ok(())
}

/// A session's title goes with the event that it was taken from.
async fn forget_titles(connection: &mut Transaction, doomed: &[Doomed]) -> Result<()> {
    let sessions: BTreeSet<i64> = doomed.iter().map(|event| event.session).collect();
    for session in sessions {
        for title in release::titles(connection, session).await? {
            let says = |label: &str| {
                label.contains(title.trim()) || (label.len() >= TELLING && title.contains(label.trim_end_matches('…')))
            };
            if doomed.iter().any(|event| event.session == session && says(&event.label)) {
                release::forget_title(connection, session, &title).await?;
            }
        }
    }
    Ok(())
}

/// The records of events that are the origin of nothing else that is still there.
async fn spent_records(connection: &mut Transaction, doomed: &[Doomed], events: &[i64]) -> Result<Vec<i64>> {
    let mut named: BTreeSet<i64> = doomed.iter().filter_map(|event| event.record).collect();
    let mut query = Statement::new("SELECT record FROM event_origins WHERE event IN (");
    query.push_list(events.iter().copied());
    for row in query.push(")").build().persistent(false).fetch_all(&mut *connection).await? {
        named.insert(row.try_get(0)?);
    }
    release::spent(connection, &named.into_iter().collect::<Vec<_>>()).await
}
