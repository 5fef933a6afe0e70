//! How the records of sources lie: looked through part by part, so that nobody is held up, and once a purge.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::Result;

use super::super::Store;
use super::super::engine::{On, Statement, Transaction, query};
use super::release::Span;

/// How many records are looked at together.
const PART: i64 = 8_192;

/// Sources in which records lie in each other, or bodies outside of their records.
#[derive(Debug, Default)]
pub(super) struct Layouts {
    tangled: HashMap<i64, bool>,
}

impl Layouts {
    /// Looks through the sources of events that are still unknown, before these go and whoever else writes has to wait.
    pub(super) async fn look(&mut self, store: &Store, events: &[i64]) -> Result<()> {
        for (source, blob) in sources_of(store, events).await? {
            if let Entry::Vacant(unknown) = self.tangled.entry(source) {
                unknown.insert(is_tangled(On::from(&store.readers), source, blob).await?);
            }
        }
        Ok(())
    }

    pub(super) async fn is_tangled(&mut self, connection: &mut Transaction, source: i64, blob: i64) -> Result<bool> {
        if let Some(known) = self.tangled.get(&source) {
            return Ok(*known);
        }
        let is_tangled = is_tangled(On::from(connection), source, blob).await?;
        self.tangled.insert(source, is_tangled);
        Ok(is_tangled)
    }
}

/// The sources that events come from, each with the blob of its content.
async fn sources_of(store: &Store, events: &[i64]) -> Result<Vec<(i64, i64)>> {
    let mut query = Statement::new(
        "SELECT DISTINCT sources.source, sources.blob FROM sources JOIN records ON records.source = sources.source \
         WHERE records.record IN (SELECT record FROM events WHERE event IN (",
    );
    query.push_list(events.iter().copied());
    query.push(") UNION SELECT record FROM event_origins WHERE event IN (");
    query.push_list(events.iter().copied());
    let found = query.push("))").build().persistent(false).fetch_all(&store.readers).await?;
    found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn is_tangled(mut on: On<'_>, source: i64, blob: i64) -> Result<bool> {
    let mut from = i64::MIN;
    loop {
        // Each part begins with the record that the one before ended with. Counts are taken from within: an engine that
        // knows nothing yet of the tables would go through all bodies for each record if it could.
        let row = query(
            "SELECT max(start), max(tangled) FROM (SELECT start, CASE WHEN lag(start + size) OVER (ORDER BY start) > start \
             OR (SELECT count(*) FROM events WHERE events.record = places.record AND (SELECT count(*) FROM bodies \
             WHERE bodies.event = events.event AND bodies.blob = $2 \
             AND (bodies.start < places.start OR bodies.start + bodies.size > places.start + places.size)) > 0) > 0 \
             THEN 1 ELSE 0 END AS tangled FROM (SELECT record, start, size FROM records WHERE source = $1 AND start >= $3 \
             ORDER BY start LIMIT $4) AS places) AS looked",
        )
        .bind(source)
        .bind(blob)
        .bind(from)
        .bind(PART)
        .fetch_one(on.again())
        .await?;
        let last: Option<i64> = row.try_get(0)?;
        if row.try_get::<Option<i64>>(1)? == Some(1) {
            return Ok(true);
        }
        match last.filter(|last| *last > from) {
            Some(last) => from = last,
            None => return Ok(false),
        }
    }
}

/// The bytes that records and bodies of a tangled source which are still there lie in.
pub(super) async fn kept(connection: &mut Transaction, source: i64, blob: i64) -> Result<Vec<Span>> {
    let found = query(
        "SELECT start, start + size FROM records WHERE source = $1 AND purged IS NULL UNION \
         SELECT bodies.start, bodies.start + bodies.size FROM records JOIN events ON events.record = records.record \
         JOIN bodies ON bodies.event = events.event WHERE records.source = $1 AND bodies.blob = $2 AND bodies.size > 0",
    )
    .bind(source)
    .bind(blob)
    .fetch_all(connection)
    .await?;
    found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}
