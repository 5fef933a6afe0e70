//! Sources: the files that were read, how far, and the records found in them.

use std::collections::HashMap;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;

use super::append::{Appended, SourceStep, Stamp};
use super::engine::{Engine, Row, Transaction, query};
use super::{Origin, Store, bytes};
use crate::domain::Timestamp;

/// A source as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    pub number: i64,
    pub path: String,
    pub revision: i64,
    pub importer: String,
    pub size: i64,
    /// Nanoseconds since 1970.
    pub modified: i64,
    pub inode: i64,
    pub tail: Vec<u8>,
    pub consumed: i64,
    pub blob: i64,
    pub state: String,
    pub lines: i64,
    pub records: i64,
    pub represented: i64,
    pub bad: i64,
    pub events: i64,
    /// The ids of the sessions that have events from it.
    pub sessions: Vec<String>,
}

impl Source {
    /// What the file was when it was last read to its end.
    pub fn stamp(&self) -> Stamp {
        Stamp { size: self.size, modified: self.modified, inode: self.inode }
    }
}

pub(super) const COLUMNS: &str = "source, path, revision, importer, size, modified, inode, tail, consumed, blob, state, lines, \
     records, represented, bad, events, sessions";

impl Store {
    /// The newest revision of a source.
    pub async fn source(&self, path: &str) -> Result<Option<Source>> {
        let statement = format!("SELECT {COLUMNS} FROM sources WHERE path = $1 ORDER BY revision DESC LIMIT 1");
        let row = query(statement).bind(path).fetch_optional(&self.readers).await?;
        row.map(|row| source_of(&row)).transpose()
    }

    /// All revisions of a source, the oldest first.
    pub(super) async fn revisions_of(&self, path: &str) -> Result<Vec<Source>> {
        let statement = format!("SELECT {COLUMNS} FROM sources WHERE path = $1 ORDER BY revision");
        query(statement).bind(path).fetch_all(&self.readers).await?.iter().map(source_of).collect()
    }

    /// The newest revision of every source by its path, without what only reading on needs.
    pub async fn sources(&self) -> Result<HashMap<String, Source>> {
        let columns = COLUMNS.replace(" state,", " '' AS state,");
        let statement = format!("SELECT {columns} FROM sources ORDER BY path, revision");
        let mut rows = query(statement).fetch(&self.readers);
        let mut sources = HashMap::new();
        while let Some(row) = rows.try_next().await? {
            let source = source_of(&row)?;
            sources.insert(source.path.clone(), source);
        }
        Ok(sources)
    }

    /// Whether some revision of a source has events of a session.
    pub async fn holds(&self, path: &str, session: &str) -> Result<bool> {
        let rows = query("SELECT sessions FROM sources WHERE path = $1").bind(path).fetch_all(&self.readers).await?;
        for row in rows {
            let sessions: Vec<String> = serde_json::from_str(row.try_get(0)?)?;
            if sessions.iter().any(|known| known == session) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The sources that hold a record of a session, with the size of their content.
    pub async fn sources_of(&self, session: i64) -> Result<Vec<Source>> {
        let statement = format!(
            "SELECT {COLUMNS} FROM sources WHERE source IN (\
             SELECT records.source FROM events JOIN records ON records.record = events.record WHERE events.session = $1 \
             UNION SELECT records.source FROM events JOIN event_origins ON event_origins.event = events.event \
             JOIN records ON records.record = event_origins.record WHERE events.session = $1) ORDER BY path, revision"
        );
        let rows = query(statement).bind(session).fetch_all(&self.readers).await?;
        rows.iter().map(source_of).collect()
    }

    /// Takes back what lies behind `consumed`: bytes of a record that was never completed, and the cut record itself.
    pub async fn rewind_source(&self, source: i64) -> Result<()> {
        let rewound = self.rewind(source).await;
        rewound.map_err(|error| super::trouble::explain(error, &self.address))
    }

    async fn rewind(&self, source: i64) -> Result<()> {
        let mut transaction = self.begin().await?;
        // Asked for here, because another process may have read on since it was last known.
        let row = query("SELECT blob, consumed FROM sources WHERE source = $1")
            .bind(source)
            .fetch_one(&mut transaction)
            .await?;
        let (blob, consumed): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        bytes::shorten_blob(&mut transaction, blob, consumed).await?;
        let cut = query("SELECT record FROM records WHERE source = $1 AND start >= $2")
            .bind(source)
            .bind(consumed)
            .fetch_all(&mut transaction)
            .await?;
        for row in cut {
            forget_record(&mut transaction, source, row.try_get(0)?).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Where the record of an event lies: all places, first the one whose telling of it is shown.
    pub async fn origins(&self, event: i64) -> Result<Vec<Origin>> {
        let rows = query(
            "SELECT sources.importer, sources.path, records.start, records.size FROM records \
             JOIN sources ON sources.source = records.source \
             WHERE records.record IN (SELECT record FROM events WHERE event = $1 \
             UNION SELECT record FROM event_origins WHERE event = $1) \
             ORDER BY (SELECT record FROM events WHERE event = $1) <> records.record, sources.path, sources.revision, \
             records.start",
        )
        .bind(event)
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Origin {
                    importer: row.try_get(0)?,
                    path: row.try_get(1)?,
                    offset: row.try_get(2)?,
                    size: row.try_get(3)?,
                })
            })
            .collect()
    }

    /// How often each derived event id occurs among the records of a source: ids and counts.
    pub async fn derived_ids(&self, source: i64) -> Result<Vec<String>> {
        // SQLite must be told which index leads there; PostgreSQL finds it.
        let events = match self.engine() {
            Engine::Sqlite => "events INDEXED BY events_derived CROSS JOIN",
            Engine::Postgres => "events JOIN",
        };
        // The numbers of a source's records rise with their places, so that few others lie between them.
        let rows = query(format!(
            "SELECT events.id FROM {events} records ON records.record = events.record \
             WHERE records.source = $1 AND events.id >= 'r-' AND events.id < 'r.' AND events.record BETWEEN \
             (SELECT record FROM records WHERE source = $1 ORDER BY start LIMIT 1) AND \
             (SELECT record FROM records WHERE source = $1 ORDER BY start DESC LIMIT 1)",
        ))
        .bind(source)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

/// Removes a record and the events that have no other origin.
async fn forget_record(connection: &mut Transaction, source: i64, record: i64) -> Result<()> {
    let events = query("SELECT event FROM events WHERE record = $1 AND NOT EXISTS (SELECT 1 FROM event_origins WHERE event_origins.event = events.event)")
        .bind(record)
        .fetch_all(&mut *connection)
        .await?;
    let numbers = events.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    super::count::must_count_anew(connection, &numbers).await?;
    for event in numbers {
        for statement in [
            "DELETE FROM event_ids WHERE event = $1 AND id = (SELECT id FROM events WHERE event = $1)",
            "DELETE FROM event_keys WHERE event = $1",
            "DELETE FROM attributes WHERE event = $1",
            "DELETE FROM bodies WHERE event = $1",
            "DELETE FROM events WHERE event = $1",
        ] {
            query(statement).bind(event).execute(&mut *connection).await?;
        }
    }
    super::count::lower_the_mark(connection).await?;
    // What other records tell too is theirs now.
    query(
        "UPDATE events SET record = (SELECT min(record) FROM event_origins WHERE event_origins.event = events.event \
         AND event_origins.record <> $1) WHERE record = $1",
    )
    .bind(record)
    .execute(&mut *connection)
    .await?;
    query("DELETE FROM event_origins WHERE record = $1").bind(record).execute(&mut *connection).await?;
    let deleted = query("DELETE FROM records WHERE record = $1 RETURNING status <> 0").bind(record);
    let is_bad: bool = deleted.fetch_one(&mut *connection).await?.try_get(0)?;
    query("UPDATE sources SET records = records - 1, represented = represented - 1, bad = bad - $1, events = events - $2 WHERE source = $3")
        .bind(i64::from(is_bad))
        .bind(events.len() as i64)
        .bind(source)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// The number of a source and the blob of its content; both are made with its first batch.
///
/// `None` where the content is not what the step continues: somebody else reads the same source.
pub(super) async fn begin(connection: &mut Transaction, step: &SourceStep) -> Result<Option<(i64, i64)>> {
    let statement = "SELECT sources.source, sources.blob, blobs.size FROM sources JOIN blobs ON blobs.blob = sources.blob \
         WHERE sources.path = $1 AND sources.revision = $2";
    let known = query(statement).bind(&step.path).bind(step.revision).fetch_optional(&mut *connection).await?;
    if let Some(row) = known {
        let size: i64 = row.try_get(2)?;
        let continues = step.base.is_none_or(|base| base == size);
        return Ok(if continues { Some((row.try_get(0)?, row.try_get(1)?)) } else { None });
    }
    let number = super::next_number(connection, "SELECT max(source) FROM sources").await?;
    let blob = bytes::new_blob(connection).await?;
    query(
        "INSERT INTO sources (source, path, revision, importer, size, modified, inode, tail, consumed, blob, state, \
         lines, records, represented, bad, events, sessions) VALUES ($1, $2, $3, $4, -1, 0, 0, $5, 0, $6, '', 0, 0, 0, 0, 0, '[]')",
    )
    .bind(number)
    .bind(&step.path)
    .bind(step.revision)
    .bind(&step.importer)
    .bind(Vec::new())
    .bind(blob)
    .execute(connection)
    .await?;
    Ok(Some((number, blob)))
}

/// Gives a time to what a source wrote before its first one.
pub(super) async fn date(connection: &mut Transaction, source: i64, time: Timestamp) -> Result<()> {
    let undated = query(
        "UPDATE events SET order_time = $1 WHERE order_time = 0 AND at IS NULL \
         AND record IN (SELECT record FROM records WHERE source = $2) RETURNING event",
    )
    .bind(time.0)
    .bind(source)
    .fetch_all(&mut *connection)
    .await?;
    let events = undated.iter().map(|row| row.try_get(0)).collect::<Result<Vec<i64>, _>>()?;
    super::count::must_count_anew(connection, &events).await
}

/// Whether a record of a source is already named as an origin of an event.
pub(super) async fn names(connection: &mut Transaction, source: i64, event: i64) -> Result<bool> {
    let row = query(
        "SELECT EXISTS (SELECT 1 FROM events JOIN records ON records.record = events.record WHERE events.event = $1 \
         AND records.source = $2) OR EXISTS (SELECT 1 FROM event_origins JOIN records \
         ON records.record = event_origins.record WHERE event_origins.event = $1 AND records.source = $2)",
    )
    .bind(event)
    .bind(source)
    .fetch_one(connection)
    .await?;
    Ok(row.try_get(0)?)
}

/// Notes how far a source was read, and what came of it.
pub(super) async fn step(
    connection: &mut Transaction,
    source: i64,
    step: &SourceStep,
    appended: &Appended,
    records: usize,
    bad: usize,
) -> Result<()> {
    let sessions = super::adopt::true_ids(connection, &step.sessions).await?;
    query(
        "UPDATE sources SET consumed = $1, lines = $2, tail = $3, state = $4, records = records + $5, \
         represented = represented + $6, bad = bad + $7, events = events + $8, sessions = $9, \
         size = coalesce($10, size), modified = coalesce($11, modified), inode = coalesce($12, inode) WHERE source = $13",
    )
    .bind(step.consumed)
    .bind(step.lines)
    .bind(step.tail.to_vec())
    .bind(&step.state)
    .bind(i64::try_from(records)?)
    .bind(i64::try_from(appended.represented)?)
    .bind(i64::try_from(bad)?)
    .bind(i64::try_from(appended.added + appended.duplicates - appended.repeated)?)
    .bind(serde_json::to_string(&sessions)?)
    .bind(step.finished.map(|stamp| stamp.size))
    .bind(step.finished.map(|stamp| stamp.modified))
    .bind(step.finished.map(|stamp| stamp.inode))
    .bind(source)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) fn source_of(row: &Row) -> Result<Source> {
    let sessions: String = row.try_get(16)?;
    Ok(Source {
        number: row.try_get(0)?,
        path: row.try_get(1)?,
        revision: row.try_get(2)?,
        importer: row.try_get(3)?,
        size: row.try_get(4)?,
        modified: row.try_get(5)?,
        inode: row.try_get(6)?,
        tail: row.try_get(7)?,
        consumed: row.try_get(8)?,
        blob: row.try_get(9)?,
        state: row.try_get(10)?,
        lines: row.try_get(11)?,
        records: row.try_get(12)?,
        represented: row.try_get(13)?,
        bad: row.try_get(14)?,
        events: row.try_get(15)?,
        sessions: serde_json::from_str(&sessions).context("the sessions of a source are not a list")?,
    })
}
