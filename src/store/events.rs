//! Events, read: small heads for the whole session, whole events for what is shown.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use futures_util::TryStreamExt;

use super::engine::{Row, Statement, query};
use super::{Store, damaged, rows};
use crate::domain::{Body, Event, Head, HeadSum, Key, KeyKind, Order, Role, Timestamp};

/// Events that one question about shared keys may bring.
const MOST_SHARED: i64 = 50_000;

/// The columns that [`head_of`] reads.
const HEAD_COLUMNS: &str = "event, order_time, turn_hash, kind, phase, flags, usage_total, latency";

/// A part of a session, told by a place in it.
enum Range<'a> {
    All,
    /// Behind a place, of the same time and file.
    SameFile(&'a (Order, String, i64)),
    /// Of the same time and later files.
    SameTime(&'a Order),
    Later(&'a Order),
}

impl Store {
    /// The events of a session in timeline order, small. `limit` takes only the first ones.
    pub async fn heads(&self, session: i64, limit: Option<i64>) -> Result<Vec<Head>> {
        let mut rows = query(
            "SELECT event, order_time, turn_hash, kind, phase, flags, usage_total, latency FROM events WHERE session = $1 \
             ORDER BY order_time, origin, sequence, id, revision LIMIT $2",
        )
        .bind(session)
        .bind(limit.unwrap_or(i64::MAX))
        .fetch(&self.readers);
        let mut heads = Vec::new();
        while let Some(row) = rows.try_next().await? {
            heads.push(head_of(&row)?);
        }
        Ok(heads)
    }

    /// The events of a session that follow one in timeline order, at most so many; after 0 come the first.
    ///
    /// Behind its place lie three ranges: those of its time and file, those of its time, and all later ones. Asked for
    /// as one they would be found by time alone, which is of no help where many events have the same one.
    pub async fn heads_after(&self, session: i64, event: i64, limit: i64) -> Result<Vec<Head>> {
        let mut heads = Vec::new();
        let Some(place) = self.place(event).await? else {
            return if event == 0 { self.heads_in(session, Range::All, limit).await } else { Ok(heads) };
        };
        for range in [Range::SameFile(&place), Range::SameTime(&place.0), Range::Later(&place.0)] {
            let left = limit - heads.len() as i64;
            if left > 0 {
                heads.extend(self.heads_in(session, range, left).await?);
            }
        }
        Ok(heads)
    }

    async fn place(&self, event: i64) -> Result<Option<(Order, String, i64)>> {
        let row = query("SELECT order_time, origin, sequence, id, revision FROM events WHERE event = $1")
            .bind(event)
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let order = Order { time: Timestamp(row.try_get(0)?), origin: row.try_get(1)?, sequence: row.try_get(2)? };
        Ok(Some((order, row.try_get(3)?, row.try_get(4)?)))
    }

    /// The first heads of a range, handed over as one text: a million rows one by one take seconds.
    async fn heads_in(&self, session: i64, range: Range<'_>, limit: i64) -> Result<Vec<Head>> {
        let mut query = Statement::new(
            "SELECT string_agg(head, ' ') FROM (SELECT format('%s %s %s %s %s %s %s %s', event, order_time, turn_hash, kind, \
             phase, flags, coalesce(usage_total, -1), coalesce(latency, -1)) AS head FROM events WHERE session = ",
        );
        query.push_bind(session);
        match range {
            Range::All => {}
            Range::SameFile((order, id, revision)) => {
                query.push(" AND order_time = ").push_bind(order.time.0).push(" AND origin = ").push_bind(order.origin);
                query.push(" AND (sequence, id, revision) > (").push_bind(order.sequence);
                query.push(", ").push_bind(id).push(", ").push_bind(revision).push(")");
            }
            Range::SameTime(order) => {
                query.push(" AND order_time = ").push_bind(order.time.0).push(" AND origin > ").push_bind(order.origin);
            }
            Range::Later(order) => {
                query.push(" AND order_time > ").push_bind(order.time.0);
            }
        }
        query.push(" ORDER BY order_time, origin, sequence, id, revision LIMIT ").push_bind(limit).push(") AS heads");
        let text: Option<String> = query.build().fetch_one(&self.readers).await?.try_get(0)?;
        heads_of(&text.unwrap_or_default())
    }

    /// Those of these events that are of a session, in timeline order.
    pub async fn heads_among(&self, session: i64, numbers: &[i64]) -> Result<Vec<Head>> {
        let mut found: Vec<((Order, String, i64), Head)> = Vec::with_capacity(numbers.len());
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query = Statement::new(
                "SELECT event, order_time, turn_hash, kind, phase, flags, usage_total, latency, origin, sequence, id, \
                 revision FROM events WHERE event IN (",
            );
            query.push_list(chunk.iter().copied());
            query.push(") AND session = ").push_bind(session);
            for row in query.build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await? {
                let head = head_of(&row)?;
                let order = Order { time: head.time, origin: row.try_get(8)?, sequence: row.try_get(9)? };
                found.push(((order, row.try_get(10)?, row.try_get(11)?), head));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found.into_iter().map(|(_, head)| head).collect())
    }

    /// The heads of a session added up, without reading them.
    pub async fn sum_of_heads(&self, session: i64) -> Result<HeadSum> {
        let row = query(
            "SELECT count(*), CAST(coalesce(sum(flags), 0) AS BIGINT), CAST(coalesce(sum(turn_hash & 4294967295), 0) AS BIGINT) \
             FROM events WHERE session = $1",
        )
        .bind(session)
        .fetch_one(&self.readers)
        .await?;
        Ok(HeadSum { events: row.try_get(0)?, flags: row.try_get(1)?, turns: row.try_get(2)? })
    }

    /// The largest number of an event; 0 where there is none.
    pub async fn newest_event(&self) -> Result<i64> {
        let row = query("SELECT coalesce(max(event), 0) FROM events").fetch_one(&self.readers).await?;
        Ok(row.try_get(0)?)
    }

    /// How many events of a session have a number above the first and up to the second.
    pub async fn came_between(&self, session: i64, above: i64, last: i64) -> Result<i64> {
        // The sign keeps the engine off the session's index: only what is new is to be looked at.
        let row = query("SELECT count(*) FROM events WHERE event > $1 AND event <= $2 AND +session = $3")
            .bind(above)
            .bind(last)
            .bind(session)
            .fetch_one(&self.readers)
            .await?;
        Ok(row.try_get(0)?)
    }

    /// The events of a session behind one of them in timeline order, small; at most `limit`, from the first where none
    /// is named.
    pub async fn heads_behind(&self, session: i64, event: Option<&Event>, limit: i64) -> Result<Vec<Head>> {
        let mut query = Statement::new("SELECT ");
        query.push(HEAD_COLUMNS).push(" FROM events WHERE session = ").push_bind(session);
        if let Some(event) = event {
            let Order { time, origin, sequence } = event.order;
            query.push(" AND (order_time, origin, sequence, id, revision) > (").push_bind(time.0);
            query.push(", ").push_bind(origin).push(", ").push_bind(sequence);
            query.push(", ").push_bind(event.id.clone()).push(", ").push_bind(event.revision).push(")");
        }
        query.push(" ORDER BY order_time, origin, sequence, id, revision LIMIT ").push_bind(limit);
        query.build().fetch_all(&self.readers).await?.iter().map(head_of).collect()
    }

    /// The events of turns by their hashes, small, in timeline order.
    pub async fn heads_of_turns(&self, session: i64, turns: &[u64]) -> Result<Vec<Head>> {
        let mut query = Statement::new("SELECT ");
        query.push(HEAD_COLUMNS).push(" FROM events WHERE session = ").push_bind(session);
        query.push(" AND turn_hash <> 0 AND turn_hash IN (");
        query.push_list(turns.iter().map(|turn| turn.cast_signed()));
        // The sum keeps SQLite from walking the whole session in its order.
        query.push(") ORDER BY order_time + 0, origin, sequence, id, revision");
        query.build().persistent(false).fetch_all(&self.readers).await?.iter().map(head_of).collect()
    }

    /// Events by number, in the order asked for. Numbers that are not there are left out.
    pub async fn events(&self, numbers: &[i64]) -> Result<Vec<Event>> {
        let mut found: HashMap<i64, (Event, String)> = HashMap::with_capacity(numbers.len());
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query = Statement::new("SELECT ");
            query
                .push(rows::EVENT_COLUMNS)
                .push(" FROM events JOIN sessions ON sessions.session = events.session WHERE events.event IN (");
            query.push_list(chunk.iter().copied());
            for row in query.push(")").build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await? {
                let (event, keys) = rows::event_of(&row)?;
                found.insert(event.number, (event, keys));
            }
        }
        self.add_keys(&mut found).await?;
        self.add_attributes(&mut found).await?;
        Ok(numbers.iter().filter_map(|number| found.get(number).map(|(event, _)| event.clone())).collect())
    }

    pub(super) async fn add_keys(&self, found: &mut HashMap<i64, (Event, String)>) -> Result<()> {
        let wanted: BTreeSet<i64> = found
            .values()
            .flat_map(|(_, keys)| rows::read_keys(keys).map(|(number, _)| number).collect::<Vec<_>>())
            .collect();
        let wanted: Vec<i64> = wanted.into_iter().collect();
        let mut known: HashMap<i64, (KeyKind, String)> = HashMap::with_capacity(wanted.len());
        for chunk in wanted.chunks(rows::CHUNK) {
            let mut query = Statement::new("SELECT key, kind, value FROM keys WHERE key IN (");
            query.push_list(chunk.iter().copied());
            known.extend(rows::keys_of(
                &query.push(")").build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await?,
            )?);
        }
        for (event, written) in found.values_mut() {
            for (number, rule) in rows::read_keys(written) {
                let (kind, value) =
                    known.get(&number).with_context(|| damaged("an event names a key that is not stored"))?.clone();
                event.keys.push(Key { kind, value, rule: rule.map(str::to_owned) });
            }
        }
        Ok(())
    }

    pub(super) async fn add_attributes(&self, found: &mut HashMap<i64, (Event, String)>) -> Result<()> {
        let numbers: Vec<i64> = found.keys().copied().collect();
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query: Statement = Statement::new("SELECT event, name, value FROM attributes WHERE event IN (");
            query.push_list(chunk.iter().copied());
            query.push(") ORDER BY event, position");
            for row in query.build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await? {
                if let Some((event, _)) = found.get_mut(&row.try_get::<i64>(0)?) {
                    event.attributes.push((row.try_get(1)?, row.try_get(2)?));
                }
            }
        }
        Ok(())
    }

    /// The numbers of the events of a session that have this name or id, are of the turn of this name, or come from
    /// the record with this id: what the name means first, then in timeline order.
    pub async fn named(&self, session: i64, name: &str) -> Result<Vec<i64>> {
        let (id, revision) = Event::parse_name(name).unwrap_or((name, 0));
        let rows = query(
            "SELECT event FROM (SELECT events.event, order_time, origin, sequence, events.id, events.revision, \
             CASE WHEN event_ids.id = $5 AND event_ids.revision = $6 THEN 0 WHEN event_ids.id = $1 THEN 1 ELSE 2 END AS far FROM event_ids \
             JOIN events ON events.event = event_ids.event WHERE (event_ids.id = $1 OR (event_ids.id > $1 || '#' AND event_ids.id < $1 || '$' \
             AND event_ids.id LIKE '%#%' AND substr(event_ids.id, 1, 250) >= substr($1 || '#', 1, 250) \
             AND substr(event_ids.id, 1, 250) <= substr($1 || '$', 1, 250)) \
             OR (event_ids.id = $5 AND event_ids.revision = $6)) AND event_ids.session = $2 \
             UNION ALL SELECT event, order_time, origin, sequence, id, revision, 0 AS far FROM events WHERE session = $2 AND turn_hash = $3 AND turn_hash <> $4 AND turn = $1) \
             AS named GROUP BY event ORDER BY min(far), min(order_time), min(origin), min(sequence), min(id), min(revision)",
        )
        .bind(name)
        .bind(session)
        .bind(rows::turn_hash(Some(name)))
        .bind(0_i64)
        .bind(id)
        .bind(revision)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The revisions of the events of a session that have one id, rising.
    pub async fn revisions(&self, session: i64, id: &str) -> Result<Vec<i64>> {
        let found = query("SELECT revision FROM event_ids WHERE id = $1 AND session = $2 ORDER BY revision")
            .bind(id)
            .bind(session)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The content hashes of events: what makes each the same event elsewhere.
    pub async fn contents(&self, numbers: &[i64]) -> Result<HashMap<i64, Vec<u8>>> {
        let mut contents = HashMap::with_capacity(numbers.len());
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query = Statement::new(
                "SELECT events.event, event_ids.content FROM events JOIN event_ids ON event_ids.id = events.id \
                 AND event_ids.session = events.session AND event_ids.revision = events.revision WHERE events.event IN (",
            );
            query.push_list(chunk.iter().copied());
            for row in query.push(")").build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await? {
                contents.insert(row.try_get(0)?, row.try_get(1)?);
            }
        }
        Ok(contents)
    }

    /// The numbers of all events of the turns that these events belong to, and of those that belong to none.
    pub async fn complete_turns(&self, numbers: &[i64]) -> Result<Vec<i64>> {
        let mut all: BTreeSet<i64> = numbers.iter().copied().collect();
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query = Statement::new(
                "SELECT theirs.event FROM events mine JOIN events theirs ON theirs.session = mine.session \
                 AND theirs.turn_hash = mine.turn_hash AND theirs.turn_hash <> 0 WHERE mine.event IN (",
            );
            query.push_list(chunk.iter().copied());
            for row in query.push(")").build().persistent(false).fetch_all(&self.readers).await? {
                all.insert(row.try_get(0)?);
            }
        }
        Ok(all.into_iter().collect())
    }

    /// The bodies of events, the whole record as `raw` included; by event, in the order of roles.
    ///
    /// One that a slice named and did not hold is left out; its event says so.
    pub async fn bodies(&self, numbers: &[i64]) -> Result<Vec<Body>> {
        let mut bodies = Vec::new();
        for chunk in numbers.chunks(rows::CHUNK) {
            for (head, tail) in [
                (
                    "SELECT event, role, blob, start, size, digest FROM bodies WHERE (size = 0 \
                     OR EXISTS (SELECT 1 FROM blob_pieces WHERE blob_pieces.blob = bodies.blob)) AND event IN (",
                    ")",
                ),
                (
                    "SELECT events.event, 6, sources.blob, records.start, records.size, records.digest FROM events \
                     JOIN records ON records.record = events.record JOIN sources ON sources.source = records.source \
                     WHERE NOT EXISTS (SELECT 1 FROM bodies WHERE bodies.event = events.event AND bodies.role = 6) \
                     AND NOT EXISTS (SELECT 1 FROM tombstones WHERE tombstones.event = events.event) AND events.event IN (",
                    ")",
                ),
            ] {
                let mut query = Statement::new(head);
                query.push_list(chunk.iter().copied());
                for row in query.push(tail).build().persistent(false).fetch_all(&self.readers).await? {
                    bodies.push(body_of(&row)?);
                }
            }
        }
        let place: HashMap<i64, usize> = numbers.iter().enumerate().map(|(place, number)| (*number, place)).collect();
        bodies.sort_by_key(|body| (place.get(&body.event).copied(), body.role));
        Ok(bodies)
    }

    /// The numbers of events of a lineage that share a key, key by key; keys that nothing else has are left out.
    ///
    /// Session and room are those of every event of a session and are passed over.
    pub async fn sharing(&self, lineage: &str, keys: &[Key]) -> Result<Vec<(Key, Vec<i64>)>> {
        let telling: Vec<&Key> =
            keys.iter().filter(|key| !matches!(key.kind, KeyKind::Session | KeyKind::Room)).collect();
        let mut shared = Vec::new();
        for chunk in telling.chunks(rows::CHUNK) {
            let found = self.events_with(lineage, chunk).await?;
            for key in chunk {
                let numbers = found.get(&(rows::key_code(key.kind), rows::clean(&key.value).into_owned()));
                if let Some(numbers) = numbers.filter(|numbers| numbers.len() > 1) {
                    shared.push(((*key).clone(), numbers.clone()));
                }
            }
        }
        Ok(shared)
    }

    /// The events of a lineage that have this value in a key, of whatever kind; of the first kind that has any.
    pub async fn holding(&self, lineage: &str, value: &str) -> Result<Option<(KeyKind, Vec<i64>)>> {
        let keys: Vec<Key> = KeyKind::ALL.into_iter().map(|kind| Key::native(kind, value)).collect();
        let mut found = self.events_with(lineage, &keys.iter().collect::<Vec<_>>()).await?;
        let clean = rows::clean(value).into_owned();
        let of = |kind| found.remove(&(rows::key_code(kind), clean.clone())).map(|events| (kind, events));
        Ok(KeyKind::ALL.into_iter().find_map(of))
    }

    async fn events_with(&self, lineage: &str, keys: &[&Key]) -> Result<HashMap<(i64, String), Vec<i64>>> {
        let mut query = Statement::new(
            "SELECT keys.kind, keys.value, event_keys.event FROM keys JOIN event_keys ON event_keys.key = keys.key \
             JOIN events ON events.event = event_keys.event JOIN sessions ON sessions.session = events.session \
             WHERE sessions.lineage = ",
        );
        query.push_bind(lineage).push(" AND (keys.kind, keys.value) IN (");
        query.push_values(keys, |mut row, key| {
            row.push_bind(rows::key_code(key.kind)).push_bind(rows::clean(&key.value));
        });
        query.push(") ORDER BY event_keys.event LIMIT ").push_bind(MOST_SHARED);
        let mut found: HashMap<(i64, String), Vec<i64>> = HashMap::new();
        let rows = query.build().persistent(keys.len() == rows::CHUNK).fetch_all(&self.readers).await?;
        for row in rows {
            found.entry((row.try_get(0)?, row.try_get(1)?)).or_default().push(row.try_get(2)?);
        }
        Ok(found)
    }
}

/// Heads, eight numbers each: event, time, turn, kind, phase, flags, tokens, latency.
fn heads_of(text: &str) -> Result<Vec<Head>> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<i64>);
    let mut heads = Vec::new();
    while let Some(number) = numbers.next() {
        let mut next = || numbers.next().context("a head is cut short")?.context("a head holds no number");
        heads.push(Head {
            number: number.context("a head holds no number")?,
            time: Timestamp(next()?),
            turn: next()?.cast_unsigned(),
            kind: rows::kind_of(next()?)?,
            phase: rows::phase_of(next()?)?,
            flags: next()?,
            tokens: next()?,
            latency: next()?,
        });
    }
    Ok(heads)
}

/// A head, from the first eight columns: event, time, turn, kind, phase, flags, tokens, latency.
pub(super) fn head_of(row: &Row) -> Result<Head> {
    Ok(Head {
        number: row.try_get(0)?,
        time: Timestamp(row.try_get(1)?),
        turn: row.try_get::<i64>(2)?.cast_unsigned(),
        kind: rows::kind_of(row.try_get(3)?)?,
        phase: rows::phase_of(row.try_get(4)?)?,
        flags: row.try_get(5)?,
        tokens: row.try_get::<Option<i64>>(6)?.unwrap_or(-1),
        latency: row.try_get::<Option<i64>>(7)?.unwrap_or(-1),
    })
}

fn body_of(row: &Row) -> Result<Body> {
    let role: Role = rows::role_of(row.try_get(1)?)?;
    Ok(Body {
        event: row.try_get(0)?,
        role,
        blob: row.try_get(2)?,
        start: row.try_get(3)?,
        size: row.try_get(4)?,
        digest: super::bytes::digest_of_row(row.try_get(5)?)?,
    })
}
