//! Rows: how values of the domain are written into columns and read back.

use std::borrow::Cow;
use std::collections::HashMap;

use anyhow::{Context, Result};

use super::append::{NewBody, NewEvent, NewRecord};
use super::damaged;
use super::engine::{Engine, Row, Statement, Transaction, Values};
use crate::domain::{Event, Key, KeyKind, Kind, Order, Phase, Role, Timestamp, Usage, UsageSource};

/// Rows a statement; full statements are prepared once.
pub(super) const CHUNK: usize = 512;
/// How many rows the statements take that write what is left over from full ones: one of each size is enough.
const LEFT_OVER: [usize; 17] = [384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1];
/// How many times as many rows a statement takes on PostgreSQL.
const AT_ONCE: usize = 4;

/// A record with its numbers.
pub(super) struct RecordRow<'a> {
    pub number: i64,
    pub source: i64,
    /// A hash of what stays the same when a fork copies it.
    pub copied: Option<i64>,
    pub new: &'a NewRecord,
}

/// Rows in portions of few sizes, so that each statement is prepared once: preparing a statement for some hundred
/// rows costs more than running it.
pub(super) fn portions<T>(all: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let sizes = [most].into_iter().chain(LEFT_OVER.into_iter().filter(|size| *size < most));
        let (portion, behind) = rest.split_at(sizes.into_iter().find(|size| *size <= rest.len())?);
        rest = behind;
        Some(portion)
    })
}

/// Rows for statements that take them as a table of values: on SQLite in portions; PostgreSQL prepares one statement for
/// any number of rows, and each one costs a message there and back.
pub(super) fn bulks<T>(engine: Engine, all: &[T], most: usize) -> impl Iterator<Item = &[T]> {
    let (small, large) = match engine {
        Engine::Sqlite => (all, &all[..0]),
        Engine::Postgres => (&all[..0], all),
    };
    portions(small, most).chain(large.chunks(most * AT_ONCE))
}

/// Items in portions for statements that look for them, as [`Statement::push_wanted`] writes them.
pub(super) fn wanted<T>(engine: Engine, all: &[T]) -> std::slice::Chunks<'_, T> {
    all.chunks(match engine {
        Engine::Sqlite => CHUNK,
        Engine::Postgres => CHUNK * AT_ONCE,
    })
}

/// An event with its numbers.
pub(super) struct EventRow<'a> {
    pub number: i64,
    pub session: i64,
    pub record: Option<i64>,
    pub revision: i64,
    /// How many newer ones with its id there are at least, as a slice says.
    pub said: i64,
    /// The digest of the record.
    pub digest: [u8; 32],
    /// Flags that the store adds.
    pub extra: i64,
    pub received: i64,
    /// When retention takes it away.
    pub expires: Option<i64>,
    pub content: [u8; 16],
    /// Where bodies lie that are part of the source's content.
    pub content_blob: i64,
    pub new: &'a NewEvent,
    pub keys: Vec<(&'a Key, i64)>,
}

pub(super) fn key_code(kind: KeyKind) -> i64 {
    kind as i64
}

pub(super) fn key_of(code: i64) -> Result<KeyKind> {
    KeyKind::ALL
        .into_iter()
        .find(|kind| key_code(*kind) == code)
        .with_context(|| damaged("an unknown kind of key is stored"))
}

pub(super) fn role_of(code: i64) -> Result<Role> {
    Role::ALL.into_iter().find(|role| *role as i64 == code).with_context(|| damaged("an unknown role is stored"))
}

pub(super) fn kind_of(code: i64) -> Result<Kind> {
    Kind::ALL
        .into_iter()
        .find(|kind| *kind as i64 == code)
        .with_context(|| damaged("an unknown kind of event is stored"))
}

pub(super) fn phase_of(code: i64) -> Result<Phase> {
    Phase::ALL.into_iter().find(|phase| *phase as i64 == code).with_context(|| damaged("an unknown phase is stored"))
}

/// Text for a column: not every engine takes NUL, so it is shown as a symbol. Bodies keep it.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{2400}")) } else { Cow::Borrowed(text) }
}

fn clean_option(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(clean)
}

/// A hash of a turn's name that never is 0.
pub(super) fn turn_hash(turn: Option<&str>) -> i64 {
    let Some(turn) = turn else { return 0 };
    let digest = super::pieces::digest(turn.as_bytes());
    let hash =
        i64::from_le_bytes([digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]]);
    if hash == 0 { 1 } else { hash }
}

/// The statements that insert rows into a table. They are written one by one, as they are asked for.
fn inserts<'a, T>(
    engine: Engine,
    insert: &'static str,
    rows: &'a [T],
    behind: &'static str,
    write: impl Fn(Values<'_>, &'a T) + Copy + 'a,
) -> impl Iterator<Item = Statement> + 'a {
    bulks(engine, rows, CHUNK).map(move |chunk| {
        let mut statement = Statement::new(insert);
        statement.push_values(chunk, write).push(behind).build()
    })
}

pub(super) fn insert_records<'a>(engine: Engine, records: &'a [RecordRow<'_>]) -> impl Iterator<Item = Statement> + 'a {
    let insert = "INSERT INTO records (record, source, start, size, status, digest, copied) ";
    inserts(engine, insert, records, "", |mut row, record| {
        row.push_bind(record.number).push_bind(record.source).push_bind(record.new.start).push_bind(record.new.size);
        row.push_bind(record.new.status as i64).push_bind(record.new.digest.to_vec()).push_bind(record.copied);
    })
}

pub(super) fn insert_events<'a>(engine: Engine, events: &'a [EventRow<'_>]) -> impl Iterator<Item = Statement> + 'a {
    let insert = "INSERT INTO events (event, session, order_time, origin, sequence, id, revision, at, received, expires, \
         kind, source, event_type, status, label, turn, turn_hash, phase, record, keys, provider, model, tool, \
         participant, latency, usage_input, usage_cache_read, usage_cache_write, usage_output, usage_reasoning, \
         usage_total, usage_rule, usage_source, error, flags) ";
    inserts(engine, insert, events, "", |mut row, item| {
        let event = &item.new.event;
        row.push_bind(item.number).push_bind(item.session);
        row.push_bind(event.order.time.0).push_bind(event.order.origin).push_bind(event.order.sequence);
        row.push_bind(clean(&event.id)).push_bind(item.revision).push_bind(event.at.map(|at| at.0));
        row.push_bind(item.received).push_bind(item.expires);
        row.push_bind(event.kind as i64).push_bind(clean(&event.source)).push_bind(clean(&event.event_type));
        row.push_bind(clean_option(&event.status)).push_bind(clean(&event.label)).push_bind(clean_option(&event.turn));
        row.push_bind(turn_hash(event.turn.as_deref())).push_bind(event.phase as i64).push_bind(item.record);
        row.push_bind(written_keys(&item.keys));
        row.push_bind(clean_option(&event.provider)).push_bind(clean_option(&event.model));
        row.push_bind(clean_option(&event.tool)).push_bind(clean_option(&event.participant)).push_bind(event.latency);
        let usage = event.usage.as_ref();
        row.push_bind(usage.and_then(|usage| usage.input)).push_bind(usage.and_then(|usage| usage.cache_read));
        row.push_bind(usage.and_then(|usage| usage.cache_write)).push_bind(usage.and_then(|usage| usage.output));
        row.push_bind(usage.and_then(|usage| usage.reasoning)).push_bind(usage.and_then(Usage::total));
        row.push_bind(usage.map(|usage| usage.rule.as_str())).push_bind(usage.map(|usage| usage.source.name()));
        row.push_bind(clean_option(&event.error)).push_bind(event.flags | item.extra);
    })
}

fn written_keys(keys: &[(&Key, i64)]) -> String {
    let mut text = String::new();
    for (key, number) in keys {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&number.to_string());
        if let Some(rule) = &key.rule {
            text.push('=');
            text.push_str(&rule.replace(' ', "_"));
        }
    }
    text
}

pub(super) fn insert_ids<'a>(engine: Engine, events: &'a [EventRow<'_>]) -> impl Iterator<Item = Statement> + 'a {
    let insert = "INSERT INTO event_ids (id, session, revision, content, event, said) ";
    inserts(engine, insert, events, "", |mut row, item| {
        row.push_bind(clean(&item.new.event.id)).push_bind(item.session).push_bind(item.revision);
        row.push_bind(item.content.to_vec()).push_bind(item.number).push_bind(item.said);
    })
}

/// Pairs of keys and events. Session and room are those of every event of a session; they are looked up there.
pub(super) fn event_keys(events: &[EventRow<'_>]) -> Vec<(i64, i64)> {
    let mut pairs: Vec<(i64, i64)> = Vec::new();
    for row in events {
        let telling = row.keys.iter().filter(|(key, _)| !matches!(key.kind, KeyKind::Session | KeyKind::Room));
        pairs.extend(telling.map(|(_, number)| (*number, row.number)));
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

pub(super) fn insert_event_keys(engine: Engine, pairs: &[(i64, i64)]) -> impl Iterator<Item = Statement> + '_ {
    inserts(engine, "INSERT INTO event_keys (key, event) ", pairs, "", write_pair)
}

/// Takes pairs of keys and events away.
pub(super) async fn delete_event_keys(connection: &mut Transaction, pairs: &[(i64, i64)]) -> Result<()> {
    for chunk in wanted(connection.engine(), pairs) {
        let mut query = Statement::new("DELETE FROM event_keys WHERE (key, event) IN (");
        query.push_wanted(chunk, write_pair);
        query.push(")").build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Pairs of events and records.
pub(super) fn insert_origins(engine: Engine, pairs: &[(i64, i64)]) -> impl Iterator<Item = Statement> + '_ {
    let behind = " ON CONFLICT (event, record) DO NOTHING";
    inserts(engine, "INSERT INTO event_origins (event, record) ", pairs, behind, write_pair)
}

/// Pairs of sessions that hold the same event.
pub(super) fn insert_shared(engine: Engine, pairs: &[(i64, i64)]) -> impl Iterator<Item = Statement> + '_ {
    let behind = " ON CONFLICT (session, other) DO NOTHING";
    inserts(engine, "INSERT INTO shared_sessions (session, other) ", pairs, behind, write_pair)
}

fn write_pair(mut row: Values<'_>, (first, second): &(i64, i64)) {
    row.push_bind(*first).push_bind(*second);
}

/// An attribute of an event, and its place among them.
type Attribute<'a> = (i64, i64, &'a (String, String));

pub(super) fn attributes<'a>(events: &'a [EventRow<'_>]) -> Vec<Attribute<'a>> {
    let of = |row: &'a EventRow<'_>| {
        (0..).zip(&row.new.event.attributes).map(|(position, pair)| (row.number, position, pair))
    };
    events.iter().flat_map(of).collect()
}

pub(super) fn insert_attributes<'a>(
    engine: Engine,
    attributes: &'a [Attribute<'_>],
) -> impl Iterator<Item = Statement> + 'a {
    let insert = "INSERT INTO attributes (event, position, name, value) ";
    inserts(engine, insert, attributes, "", |mut row, (event, position, (name, value))| {
        row.push_bind(*event).push_bind(*position).push_bind(clean(name)).push_bind(clean(value));
    })
}

/// A body of an event, and where it lies: blob and start.
pub(super) type BodyRow<'a> = (i64, &'a NewBody, i64, i64);

pub(super) fn insert_bodies<'a>(engine: Engine, bodies: &'a [BodyRow<'_>]) -> impl Iterator<Item = Statement> + 'a {
    let insert = "INSERT INTO bodies (event, role, blob, start, size, digest) ";
    inserts(engine, insert, bodies, " ON CONFLICT (event, role) DO NOTHING", |mut row, (event, body, blob, start)| {
        row.push_bind(*event).push_bind(body.role as i64).push_bind(*blob).push_bind(*start);
        row.push_bind(body.size).push_bind(body.digest.to_vec());
    })
}

/// The columns that [`event_of`] reads.
pub(super) const EVENT_COLUMNS: &str = "events.event, sessions.id, events.order_time, events.origin, events.sequence, \
     events.id, events.revision, events.at, events.kind, events.source, events.event_type, events.status, events.label, \
     events.turn, events.phase, events.keys, events.provider, events.model, events.tool, events.participant, \
     events.latency, events.usage_input, events.usage_cache_read, events.usage_cache_write, events.usage_output, \
     events.usage_reasoning, events.usage_rule, events.usage_source, events.error, events.flags";

/// An event without its keys and attributes, and the numbers of its keys as they are written.
pub(super) fn event_of(row: &Row) -> Result<(Event, String)> {
    let mut event = Event::new(kind_of(row.try_get(8)?)?, row.try_get(9)?, row.try_get(10)?);
    event.number = row.try_get(0)?;
    event.session = row.try_get(1)?;
    event.order = Order { time: Timestamp(row.try_get(2)?), origin: row.try_get(3)?, sequence: row.try_get(4)? };
    event.id = row.try_get(5)?;
    event.revision = row.try_get(6)?;
    event.at = row.try_get::<Option<i64>>(7)?.map(Timestamp);
    event.status = row.try_get(11)?;
    event.label = row.try_get(12)?;
    event.turn = row.try_get(13)?;
    event.phase = phase_of(row.try_get(14)?)?;
    event.provider = row.try_get(16)?;
    event.model = row.try_get(17)?;
    event.tool = row.try_get(18)?;
    event.participant = row.try_get(19)?;
    event.latency = row.try_get(20)?;
    event.usage = usage_of(row)?;
    event.error = row.try_get(28)?;
    event.flags = row.try_get(29)?;
    Ok((event, row.try_get(15)?))
}

fn usage_of(row: &Row) -> Result<Option<Usage>> {
    let (Some(rule), Some(source)) = (row.try_get::<Option<String>>(26)?, row.try_get::<Option<String>>(27)?) else {
        return Ok(None);
    };
    Ok(Some(Usage {
        input: row.try_get(21)?,
        cache_read: row.try_get(22)?,
        cache_write: row.try_get(23)?,
        output: row.try_get(24)?,
        reasoning: row.try_get(25)?,
        rule,
        source: UsageSource::parse(&source).with_context(|| damaged("an unknown source of usage is stored"))?,
    }))
}

/// The numbers of keys as written, each with its rule.
pub(super) fn read_keys(written: &str) -> impl Iterator<Item = (i64, Option<&str>)> {
    written.split_ascii_whitespace().filter_map(|part| match part.split_once('=') {
        Some((number, rule)) => Some((number.parse().ok()?, Some(rule))),
        None => Some((part.parse().ok()?, None)),
    })
}

/// The keys of some kinds among these numbers, with their values.
pub(super) async fn key_values(
    connection: &mut Transaction,
    numbers: &[i64],
    kinds: &[KeyKind],
) -> Result<HashMap<i64, (KeyKind, String)>> {
    let kinds = kinds.iter().map(|kind| key_code(*kind).to_string()).collect::<Vec<_>>().join(", ");
    let mut values = HashMap::with_capacity(numbers.len());
    for chunk in numbers.chunks(CHUNK) {
        let mut query = Statement::new("SELECT key, kind, value FROM keys WHERE key IN (");
        query.push_list(chunk.iter().copied());
        // The plus keeps SQLite from going through all keys of the kinds.
        query.push(format_args!(") AND +kind IN ({kinds})"));
        values.extend(keys_of(&query.build().fetch_all(&mut *connection).await?)?);
    }
    Ok(values)
}

/// Key values by number.
pub(super) fn keys_of(rows: &[Row]) -> Result<HashMap<i64, (KeyKind, String)>> {
    let mut keys = HashMap::with_capacity(rows.len());
    for row in rows {
        keys.insert(row.try_get(0)?, (key_of(row.try_get(1)?)?, row.try_get(2)?));
    }
    Ok(keys)
}
