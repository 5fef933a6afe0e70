//! How events stand in the store that are shown as the records of a source tell them.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};

use super::super::engine::{Statement, query};
use super::super::{Source, Store, bytes, rows};
use super::{Event, Role};

/// An event as it is stored.
pub struct Standing {
    pub event: Event,
    pub turn_hash: i64,
    /// When it came in, and when it expires.
    pub received: i64,
    pub expires: Option<i64>,
    /// The sum of its tokens, which is stored with them.
    pub total: Option<i64>,
    /// What makes it the same event elsewhere; `None` where it has no identity.
    pub content: Option<Vec<u8>>,
    /// In the order of their roles.
    pub bodies: Vec<Laid>,
}

/// A body, and where it lies.
#[derive(Debug, PartialEq, Eq)]
pub struct Laid {
    pub role: Role,
    /// In the source's own content; `None` for one of its own.
    pub start: Option<i64>,
    pub size: i64,
    pub digest: [u8; 32],
}

impl Store {
    /// The events that stand as records of a source between two places tell them, by the places of their records and
    /// their ids.
    pub(super) async fn standing(
        &self,
        source: &Source,
        (first, last): (i64, i64),
    ) -> Result<HashMap<(i64, String), Standing>> {
        let statement = format!(
            "SELECT {}, records.start, events.turn_hash, events.usage_total, event_ids.content, \
             events.received, events.expires FROM records \
             JOIN events ON events.record = records.record JOIN sessions ON sessions.session = events.session \
             LEFT JOIN event_ids ON event_ids.id = events.id AND event_ids.session = events.session \
             AND event_ids.revision = events.revision \
             WHERE records.source = $1 AND records.start BETWEEN $2 AND $3",
            rows::EVENT_COLUMNS
        );
        let found = query(statement).bind(source.number).bind(first).bind(last).fetch_all(&self.readers).await?;
        let (mut events, mut places) = (HashMap::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for row in &found {
            let (event, keys) = rows::event_of(row)?;
            let content: Option<Vec<u8>> = row.try_get(33)?;
            let (start, turn_hash, total): (i64, i64, Option<i64>) =
                (row.try_get(30)?, row.try_get(31)?, row.try_get(32)?);
            let lasts: (i64, Option<i64>) = (row.try_get(34)?, row.try_get(35)?);
            places.push((event.number, start, turn_hash, total, content, lasts));
            events.insert(event.number, (event, keys));
        }
        self.add_keys(&mut events).await?;
        self.add_attributes(&mut events).await?;
        let mut bodies = self.laid(source, &events.keys().copied().collect::<Vec<_>>()).await?;
        let mut standing = HashMap::with_capacity(places.len());
        for (number, start, turn_hash, total, content, (received, expires)) in places {
            let (event, _) = events.remove(&number).context("an event is there once")?;
            let bodies = bodies.remove(&number).into_iter().flatten().collect();
            standing.insert(
                (start, event.id.clone()),
                Standing { event, turn_hash, received, expires, total, content, bodies },
            );
        }
        Ok(standing)
    }

    /// Where the bodies of events lie.
    async fn laid(&self, source: &Source, events: &[i64]) -> Result<HashMap<i64, Vec<Laid>>> {
        let mut laid: HashMap<i64, Vec<Laid>> = HashMap::new();
        for chunk in events.chunks(rows::CHUNK) {
            let mut query =
                Statement::new("SELECT event, role, blob, start, size, digest FROM bodies WHERE event IN (");
            query.push_list(chunk.iter().copied());
            query.push(") ORDER BY event, role");
            for row in query.build().persistent(chunk.len() == rows::CHUNK).fetch_all(&self.readers).await? {
                let (blob, start): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
                let body = Laid {
                    role: rows::role_of(row.try_get(1)?)?,
                    start: (blob == source.blob).then_some(start),
                    size: row.try_get(4)?,
                    digest: bytes::digest_of_row(row.try_get(5)?)?,
                };
                laid.entry(row.try_get(0)?).or_default().push(body);
            }
        }
        Ok(laid)
    }

    /// The events of which records of a source between two places are further origins: places and ids.
    pub(super) async fn origins_between(
        &self,
        source: i64,
        (first, last): (i64, i64),
    ) -> Result<HashSet<(i64, String)>> {
        let found = query(
            "SELECT records.start, events.id FROM records JOIN event_origins ON event_origins.record = records.record \
             JOIN events ON events.event = event_origins.event \
             WHERE records.source = $1 AND records.start BETWEEN $2 AND $3",
        )
        .bind(source)
        .bind(first)
        .bind(last)
        .fetch_all(&self.readers)
        .await?;
        found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}
