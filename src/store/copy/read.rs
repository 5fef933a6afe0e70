//! What a copy reads that nobody else needs: records with their events, pieces as they are packed, times of receipt.

use std::collections::HashMap;

use anyhow::{Context, Result};

use super::super::engine::{Row, Statement, query};
use super::super::{Piece, Store, bytes, damaged, rows};
use super::{Origin, Stored, Told};
use crate::domain::{Session, TitleRank, TitleWorth};

/// Pieces read at a time.
const PIECES: i64 = 64;

impl Store {
    /// The events of a session that come from no source, by their numbers.
    pub(super) async fn sourceless(&self, session: i64) -> Result<Vec<i64>> {
        let found = query("SELECT event FROM events WHERE session = $1 AND record IS NULL ORDER BY event")
            .bind(session)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The records of a source in the order in which they lie, each with the events that it is an origin of.
    pub(super) async fn records(&self, source: i64) -> Result<Vec<Origin>> {
        let found = query(
            "SELECT record, start, size, status, digest, copied FROM records WHERE source = $1 ORDER BY start, record",
        );
        let mut places = HashMap::new();
        let mut records = Vec::new();
        for row in found.bind(source).fetch_all(&self.readers).await? {
            places.insert(row.try_get::<i64>(0)?, records.len());
            records.push(Origin {
                start: row.try_get(1)?,
                size: row.try_get(2)?,
                status: row.try_get(3)?,
                digest: row.try_get(4)?,
                copied: row.try_get(5)?,
                events: Vec::new(),
            });
        }
        let found = query(
            "SELECT records.record, events.event FROM records JOIN events ON events.record = records.record \
             WHERE records.source = $1 UNION SELECT records.record, event_origins.event FROM records \
             JOIN event_origins ON event_origins.record = records.record WHERE records.source = $1 ORDER BY 1, 2",
        );
        for row in found.bind(source).fetch_all(&self.readers).await? {
            if let Some(place) = places.get(&row.try_get::<i64>(0)?) {
                records[*place].events.push(row.try_get(1)?);
            }
        }
        Ok(records)
    }

    /// Pieces of a blob as they are packed, from a place where one begins; none at its end.
    pub(super) async fn pieces(&self, blob: i64, start: i64) -> Result<Vec<Piece>> {
        let found = query(
            "SELECT pieces.digest, pieces.size, pieces.codec, pieces.bytes FROM blob_pieces \
             JOIN pieces ON pieces.piece = blob_pieces.piece WHERE blob_pieces.blob = $1 AND blob_pieces.start >= $2 \
             ORDER BY blob_pieces.start LIMIT $3",
        );
        let found = found.bind(blob).bind(start).bind(PIECES).fetch_all(&self.readers).await?;
        let piece = |row: &Row| {
            Ok(Piece {
                digest: bytes::digest_of_row(row.try_get(0)?)?,
                size: usize::try_from(row.try_get::<i64>(1)?)?,
                codec: row.try_get(2)?,
                bytes: row.try_get(3)?,
            })
        };
        found.iter().map(piece).collect()
    }

    /// What a source tells of sessions: 0 for what came without one.
    pub(super) async fn told(&self, source: i64) -> Result<Vec<Told>> {
        let found = query(
            "SELECT session, agent, parent, lineage, title, title_rank, title_time, project, room, canvas, cwd, git_branch, \
             host, forked_from, since FROM tellings WHERE source = $1 ORDER BY session",
        );
        let found = found.bind(source).fetch_all(&self.readers).await?;
        found.iter().map(told_of).collect()
    }

    /// When events were received and expire, and what tells them from others of their ids.
    pub(super) async fn stored(&self, numbers: &[i64]) -> Result<HashMap<i64, Stored>> {
        let mut stored = HashMap::with_capacity(numbers.len());
        for chunk in numbers.chunks(rows::CHUNK) {
            let mut query = Statement::new(
                "SELECT events.event, events.received, events.expires, event_ids.content, event_ids.said, \
                 records.source, records.start FROM events LEFT JOIN records ON records.record = events.record JOIN event_ids \
                 ON event_ids.id = events.id AND event_ids.session = events.session \
                 AND event_ids.revision = events.revision WHERE events.event IN (",
            );
            query.push_list(chunk.iter().copied());
            for row in query.push(")").build().persistent(false).fetch_all(&self.readers).await? {
                let place = row.try_get::<Option<i64>>(5)?.zip(row.try_get::<Option<i64>>(6)?);
                let (kept, content, said) = ((row.try_get(1)?, row.try_get(2)?), row.try_get(3)?, row.try_get(4)?);
                stored.insert(row.try_get(0)?, Stored { kept, content, said, place });
            }
        }
        Ok(stored)
    }
}

fn told_of(row: &Row) -> Result<Told> {
    let rank = usize::try_from(row.try_get::<i64>(5)?).ok().and_then(|rank| TitleRank::ALL.get(rank).copied());
    let rank = rank.with_context(|| damaged("an unknown rank of a title is stored"))?;
    let session = Session {
        id: row.try_get(0)?,
        agent: row.try_get(1)?,
        parent: row.try_get(2)?,
        // Without one it is its own.
        lineage: row.try_get::<Option<String>>(3)?.unwrap_or_else(String::new),
        title: row.try_get(4)?,
        title_worth: TitleWorth { rank, time: row.try_get(6)? },
        project: row.try_get(7)?,
        room: row.try_get(8)?,
        canvas: row.try_get(9)?,
        cwd: row.try_get(10)?,
        git_branch: row.try_get(11)?,
        host: row.try_get(12)?,
        ..Session::default()
    };
    let since: i64 = row.try_get(14)?;
    Ok(Told { session, forked_from: row.try_get(13)?, since: (since < i64::MAX).then_some(since) })
}
