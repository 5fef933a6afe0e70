//! Which events some pieces are part of: what a search reads first is each distinct piece, however many events share it.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use super::engine::{Engine, Statement, query};
use super::pieces::unpack;
use super::{Store, rows};

/// Events by the sessions that they are of.
pub type BySession = BTreeMap<i64, Vec<i64>>;

/// A piece as it is stored.
pub struct PackedPiece {
    pub number: i64,
    size: i64,
    codec: i64,
    bytes: Vec<u8>,
}

impl PackedPiece {
    /// Its bytes. This is slow work.
    pub fn unpacked(self) -> Result<Vec<u8>> {
        unpack(self.codec, self.size, self.bytes)
    }
}

impl Store {
    /// How many distinct pieces there are.
    pub async fn piece_count(&self) -> Result<i64> {
        Ok(query("SELECT count(*) FROM pieces").fetch_one(&self.readers).await?.try_get(0)?)
    }

    /// The pieces below a number, the last of them first, at most so many.
    pub async fn pieces_below(&self, number: i64, most: i64) -> Result<Vec<PackedPiece>> {
        let statement = "SELECT piece, size, codec, bytes FROM pieces WHERE piece < $1 ORDER BY piece DESC LIMIT $2";
        let found = query(statement).bind(number).bind(most).fetch_all(&self.readers).await?;
        found
            .iter()
            .map(|row| {
                let (number, size, codec) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                Ok(PackedPiece { number, size, codec, bytes: row.try_get(3)? })
            })
            .collect()
    }

    /// The events that have any byte of these pieces.
    pub async fn events_of_pieces(&self, pieces: &[i64]) -> Result<BySession> {
        let mut sources: HashMap<i64, i64> = HashMap::new();
        for row in query("SELECT blob, source FROM sources").fetch_all(&self.readers).await? {
            sources.insert(row.try_get(0)?, row.try_get(1)?);
        }
        let mut events = BySession::new();
        let mut blobs = Vec::new();
        for (blob, ranges) in self.ranges(pieces).await? {
            match sources.get(&blob) {
                Some(source) => self.add_of_source(*source, &ranges, &mut events).await?,
                None => blobs.push(blob),
            }
        }
        for chunk in blobs.chunks(rows::CHUNK) {
            let mut select = Statement::new(
                "SELECT events.session, events.event FROM bodies JOIN events ON events.event = bodies.event \
                 WHERE bodies.start = 0 AND bodies.blob IN (",
            );
            select.push_list(chunk.iter().copied());
            add(&mut events, select.push(")").build().fetch_all(&self.readers).await?)?;
        }
        tidied(events)
    }

    /// Where pieces lie: by blob, from where to where.
    async fn ranges(&self, pieces: &[i64]) -> Result<BTreeMap<i64, Vec<(i64, i64)>>> {
        let mut found: BTreeMap<i64, Vec<(i64, i64)>> = BTreeMap::new();
        for chunk in pieces.chunks(rows::CHUNK) {
            let mut select = Statement::new(
                "SELECT blob_pieces.blob, blob_pieces.start, blob_pieces.start + pieces.size FROM blob_pieces \
                 JOIN pieces ON pieces.piece = blob_pieces.piece WHERE blob_pieces.piece IN (",
            );
            select.push_list(chunk.iter().copied());
            for row in select.push(")").build().fetch_all(&self.readers).await? {
                found.entry(row.try_get(0)?).or_default().push((row.try_get(1)?, row.try_get(2)?));
            }
        }
        for ranges in found.values_mut() {
            ranges.sort_unstable();
            ranges.dedup_by(|next, before| {
                let touches = next.0 <= before.1;
                before.1 = if touches { before.1.max(next.1) } else { before.1 };
                touches
            });
        }
        Ok(found)
    }

    /// Adds the events of the records that lie in a source's content where ranges do, or reach into them.
    async fn add_of_source(&self, source: i64, ranges: &[(i64, i64)], events: &mut BySession) -> Result<()> {
        for (from, end) in ranges {
            for joined in [
                "events ON events.record = records.record",
                "event_origins ON event_origins.record = records.record JOIN events ON events.event = event_origins.event",
            ] {
                let select = query(format!(
                    "SELECT events.session, events.event FROM records JOIN {joined} WHERE records.source = $1 \
                     AND records.start >= coalesce((SELECT max(start) FROM records WHERE source = $1 AND start <= $2), 0) \
                     AND records.start < $3"
                ));
                add(events, select.bind(source).bind(from).bind(end).fetch_all(&self.readers).await?)?;
            }
        }
        Ok(())
    }

    /// The events whose label may hold a word of letters and digits, in whatever case.
    pub async fn events_labelled(&self, word: &str) -> Result<BySession> {
        let mut select = Statement::new("SELECT session, event FROM events WHERE ");
        if word.is_ascii() {
            let like = if self.engine() == Engine::Sqlite { "LIKE" } else { "ILIKE" };
            select.push(format_args!("label {like} ")).push_bind(format!("%{word}%"));
            // Two letters of other scripts are small forms of `k` and `s`.
            select.push(" OR label LIKE '%\u{212a}%' OR label LIKE '%\u{17f}%'");
        } else {
            // Case is not the same to both engines where letters are not those of ASCII.
            select.push("octet_length(label) <> length(label)");
        }
        let mut events = BySession::new();
        add(&mut events, select.build().fetch_all(&self.readers).await?)?;
        tidied(events)
    }
}

fn add(events: &mut BySession, found: Vec<super::engine::Row>) -> Result<()> {
    for row in found {
        events.entry(row.try_get(0)?).or_default().push(row.try_get(1)?);
    }
    Ok(())
}

/// Each event once.
fn tidied(mut events: BySession) -> Result<BySession> {
    for numbers in events.values_mut() {
        numbers.sort_unstable();
        numbers.dedup();
    }
    Ok(events)
}
