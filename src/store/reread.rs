//! Reading kept sources anew: their events go and come again within one transaction, so that nobody ever sees a half.
//!
//! The bytes stay what they are. Marks and notes hang on ids and not on rows, and find their events again. When an
//! event came in and when it expires is as it was.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;

use super::append::{Appended, Batch, append_within};
use super::engine::{Statement, Transaction, query};
use super::{Source, Store, count, trouble};

/// The events of some sources, on their way out and in again. Dropped without [`Self::finish`], all is as it was.
pub struct Rereading {
    store: Store,
    transaction: Transaction,
    kept: Vec<Kept>,
    /// The ids of the sessions that had events from the sources.
    sessions: BTreeSet<String>,
}

/// When the events of a stretch of a source came in, and when they expire.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    path: String,
    revision: i64,
    /// The first record of the stretch, and the one behind its last.
    start: i64,
    end: i64,
    received: i64,
    expires: Option<i64>,
}

/// What speaks for all events that came from one source by that alone.
const RECORDS: &str = "SELECT record FROM records WHERE source IN (";
const EVENTS: &str = "SELECT event FROM events WHERE record IN (SELECT record FROM records WHERE source IN (";

impl Store {
    /// All revisions of all sources, the first one that came in first.
    pub async fn all_sources(&self) -> Result<Vec<Source>> {
        let paths = query("SELECT path, min(source) FROM sources GROUP BY path ORDER BY min(source)");
        let mut all = Vec::new();
        for row in paths.fetch_all(&self.readers).await? {
            let path: String = row.try_get(0)?;
            all.extend(self.revisions_of(&path).await?);
        }
        all.sort_by_key(|source| source.number);
        Ok(all)
    }

    /// Sources that tell the same events: pairs of their numbers.
    pub async fn telling_the_same(&self) -> Result<Vec<(i64, i64)>> {
        let rows = query(
            "SELECT DISTINCT one.source, other.source FROM event_origins \
             JOIN records one ON one.record = event_origins.record JOIN events ON events.event = event_origins.event \
             JOIN records other ON other.record = events.record WHERE one.source <> other.source",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Takes the events of these sources out, to come in again by [`Rereading::append`].
    pub async fn reread(&self, sources: &[Source]) -> Result<Rereading> {
        self.must_be_written()?;
        let begun = self.take_out(sources).await;
        begun.map_err(|error| trouble::explain(error, &self.address))
    }

    async fn take_out(&self, sources: &[Source]) -> Result<Rereading> {
        let mut transaction = self.begin().await?;
        let numbers: Vec<i64> = sources.iter().map(|source| source.number).collect();
        let mut kept = Vec::new();
        for source in sources {
            kept.extend(stretches(&mut transaction, source).await?);
        }
        let sessions = sources.iter().flat_map(|source| source.sessions.iter().cloned()).collect();
        must_count_anew(&mut transaction, &numbers).await?;
        for (before, list) in [
            ("DELETE FROM event_ids WHERE event IN (", EVENTS),
            ("DELETE FROM event_keys WHERE event IN (", EVENTS),
            ("DELETE FROM attributes WHERE event IN (", EVENTS),
            ("DELETE FROM bodies WHERE event IN (", EVENTS),
            ("DELETE FROM event_origins WHERE record IN (", RECORDS),
            ("DELETE FROM events WHERE record IN (", RECORDS),
        ] {
            let mut statement = Statement::new(before);
            statement.push(list).push_list(numbers.iter().copied());
            statement.push(if list == EVENTS { ")))" } else { "))" });
            statement.build().persistent(false).execute(&mut transaction).await?;
        }
        for before in ["DELETE FROM records WHERE source IN (", "DELETE FROM tellings WHERE source IN ("] {
            let mut statement = Statement::new(before);
            statement.push_list(numbers.iter().copied()).push(")");
            statement.build().persistent(false).execute(&mut transaction).await?;
        }
        for source in sources {
            // The pieces stay until what is read anew refers to them again.
            for statement in [
                "DELETE FROM blob_pieces WHERE blob = $1",
                "DELETE FROM blobs WHERE blob = $1",
                "DELETE FROM sources WHERE blob = $1",
            ] {
                query(statement).bind(source.blob).execute(&mut transaction).await?;
            }
        }
        count::lower_the_mark(&mut transaction).await?;
        Ok(Rereading { store: self.clone(), transaction, kept, sessions })
    }
}

impl Rereading {
    /// Stores what was read anew.
    pub async fn append(&mut self, batches: &[Batch]) -> Result<Vec<Appended>> {
        let sessions = batches.iter().flat_map(|batch| &batch.sessions);
        self.sessions.extend(sessions.map(|session| session.id.clone()));
        let appended = append_within(&mut self.transaction, self.store.keeping, batches).await;
        appended.map_err(|error| trouble::explain(error, &self.store.address))
    }

    /// Makes it last. Returns the ids of the sessions that may look different now.
    pub async fn finish(self) -> Result<BTreeSet<String>> {
        let address = self.store.address.clone();
        self.put_right().await.map_err(|error| trouble::explain(error, &address))
    }

    async fn put_right(mut self) -> Result<BTreeSet<String>> {
        let mut numbers: HashMap<(String, i64), i64> = HashMap::new();
        for Kept { path, revision, start, end, received, expires } in &self.kept {
            let name = (path.clone(), *revision);
            if !numbers.contains_key(&name) {
                let found = query("SELECT source FROM sources WHERE path = $1 AND revision = $2")
                    .bind(path)
                    .bind(*revision)
                    .fetch_optional(&mut self.transaction)
                    .await?;
                let Some(row) = found else { continue };
                numbers.insert(name.clone(), row.try_get(0)?);
            }
            query(
                "UPDATE events SET received = $1, expires = $2 WHERE record IN (SELECT record FROM records \
                 WHERE source = $3 AND start >= $4 AND start < $5)",
            )
            .bind(*received)
            .bind(*expires)
            .bind(numbers[&name])
            .bind(*start)
            .bind(*end)
            .execute(&mut self.transaction)
            .await?;
        }
        for id in &self.sessions {
            super::telling::call(&mut self.transaction, id).await?;
            // A session of which nothing tells any more was one by the old rules alone.
            query(
                "DELETE FROM sessions WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM tellings WHERE tellings.session = $1) \
                 AND NOT EXISTS (SELECT 1 FROM events WHERE events.session = sessions.session)",
            )
            .bind(id)
            .execute(&mut self.transaction)
            .await?;
        }
        self.transaction.commit().await?;
        Ok(self.sessions)
    }
}

/// The stretches of a source whose events came in together and expire together.
async fn stretches(transaction: &mut Transaction, source: &Source) -> Result<Vec<Kept>> {
    let found = query(
        "SELECT records.start, events.received, events.expires FROM records JOIN events ON events.record = records.record \
         WHERE records.source = $1 ORDER BY records.start",
    )
    .bind(source.number)
    .fetch_all(transaction)
    .await?;
    let mut kept: Vec<Kept> = Vec::new();
    for row in found {
        let (start, received, expires) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        match kept.last_mut().filter(|last| last.received == received && last.expires == expires) {
            Some(last) => last.end = start + 1,
            None => {
                let (path, revision) = (source.path.clone(), source.revision);
                kept.push(Kept { path, revision, start, end: start + 1, received, expires });
            }
        }
    }
    Ok(kept)
}

/// Says that the counts of all sessions with events of these sources no longer hold.
async fn must_count_anew(transaction: &mut Transaction, sources: &[i64]) -> Result<()> {
    let mut statement = Statement::new(
        "UPDATE sessions SET counted = 2, settled = 0 WHERE session IN (SELECT session FROM events WHERE event IN (",
    );
    statement.push(EVENTS).push_list(sources.iter().copied()).push("))))");
    statement.build().persistent(false).execute(transaction).await?;
    Ok(())
}
