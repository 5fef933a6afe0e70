//! Releasing bytes: of records whose events are all purged, and of blobs and pieces that nothing refers to.
//!
//! A piece may hold several records. Where one of them stays, the piece is cut anew, so that the other's bytes are gone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::super::engine::{Statement, Transaction, query};
use super::super::pieces::{Piece, unpack};
use super::super::{Source, Store, bytes, rows};
use super::layout::{self, Layouts};
use super::receipt::Removed;
use crate::domain::flag;

/// What lies between two records of a file, such as a line end, goes with both of them.
const BETWEEN: i64 = 2;

/// Bytes of a content, from a place to another.
pub type Span = (i64, i64);

/// Those of these records that only purged events come from, and whose bytes are still there.
pub(super) async fn spent(connection: &mut Transaction, records: &[i64]) -> Result<Vec<i64>> {
    let mut spent = Vec::new();
    for chunk in records.chunks(rows::CHUNK) {
        let mut query = Statement::new("SELECT record FROM records WHERE purged IS NULL");
        query.push(" AND NOT EXISTS (SELECT 1 FROM events WHERE events.record = records.record AND events.flags & ");
        query.push_bind(flag::PURGED).push(
            " = 0) AND NOT EXISTS (SELECT 1 FROM event_origins JOIN events ON events.event = event_origins.event \
             WHERE event_origins.record = records.record AND events.flags & ",
        );
        query.push_bind(flag::PURGED).push(" = 0) AND record IN (");
        query.push_list(chunk.iter().copied());
        for row in query.push(") ORDER BY record").build().persistent(false).fetch_all(&mut *connection).await? {
            spent.push(row.try_get(0)?);
        }
    }
    Ok(spent)
}

/// Records that came in again, by session and record: where they lead to purged events alone, their bytes do not stay,
/// nor do those of the bodies that came with them.
pub(in crate::store) async fn forget_again(
    connection: &mut Transaction,
    named: &[(i64, i64)],
    bodies: &BTreeSet<i64>,
) -> Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = named.iter().map(|(_, record)| *record).collect();
    let spent = spent(connection, &numbers).await?;
    records(connection, &spent, &mut Layouts::default(), &mut Removed::default()).await?;
    blobs(connection, bodies, &mut Removed::default()).await?;
    let sessions: BTreeSet<i64> = named.iter().map(|(session, _)| *session).collect();
    bury(connection, &sessions).await
}

/// What a session is called and where it ran goes with the last of its events.
pub(super) async fn bury(connection: &mut Transaction, sessions: &BTreeSet<i64>) -> Result<()> {
    for session in sessions {
        let row = query(
            "SELECT EXISTS (SELECT 1 FROM events WHERE session = $1) \
             AND NOT EXISTS (SELECT 1 FROM events WHERE session = $1 AND flags & $2 = 0)",
        )
        .bind(session)
        .bind(flag::PURGED)
        .fetch_one(&mut *connection)
        .await?;
        if row.try_get(0)? {
            forget_session(connection, *session).await?;
        }
    }
    Ok(())
}

/// Takes away what a session is called and where it ran.
pub(super) async fn forget_session(connection: &mut Transaction, session: i64) -> Result<()> {
    for title in titles(connection, session).await? {
        forget_title(connection, session, &title).await?;
    }
    for statement in [
        "UPDATE sessions SET cwd = NULL, git_branch = NULL, host = NULL WHERE session = $1",
        "UPDATE tellings SET cwd = NULL, git_branch = NULL, host = NULL \
         WHERE session = (SELECT id FROM sessions WHERE session = $1)",
    ] {
        query(statement).bind(session).execute(&mut *connection).await?;
    }
    Ok(())
}

/// What a session is called, and what each of its sources calls it.
pub(super) async fn titles(connection: &mut Transaction, session: i64) -> Result<BTreeSet<String>> {
    let rows = query(
        "SELECT title FROM sessions WHERE session = $1 AND title IS NOT NULL UNION SELECT tellings.title FROM tellings \
         JOIN sessions ON sessions.id = tellings.session WHERE sessions.session = $1 AND tellings.title IS NOT NULL",
    )
    .bind(session)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Takes a title of a session away, also where its sources' readers noted it to go on with.
pub(super) async fn forget_title(connection: &mut Transaction, session: i64, title: &str) -> Result<()> {
    for statement in [
        "UPDATE sessions SET title = NULL WHERE session = $1 AND title = $2",
        "UPDATE tellings SET title = NULL WHERE session = (SELECT id FROM sessions WHERE session = $1) AND title = $2",
    ] {
        query(statement).bind(session).bind(title).execute(&mut *connection).await?;
    }
    let id: String = query("SELECT id FROM sessions WHERE session = $1")
        .bind(session)
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
    super::super::telling::call(connection, &id).await?;
    // What a reader notes is JSON in a string of the state, which is JSON itself.
    let noted = serde_json::to_string(&serde_json::to_string(title)?)?;
    let noted = format!(":{}", &noted[1..noted.len() - 1]);
    // Which sources told of a session from before they were told apart, only its events say.
    query(
        "UPDATE sources SET state = replace(state, $1, ':null') WHERE state <> replace(state, $1, ':null') AND \
         (source IN (SELECT source FROM tellings WHERE session = $2) OR \
         EXISTS (SELECT 1 FROM tellings WHERE session = $2 AND source = 0) AND \
         EXISTS (SELECT 1 FROM records JOIN events ON events.record = records.record \
         WHERE records.source = sources.source AND events.session = $3))",
    )
    .bind(noted)
    .bind(id)
    .bind(session)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the bytes of records away.
pub(super) async fn records(
    connection: &mut Transaction,
    spent: &[i64],
    layouts: &mut Layouts,
    removed: &mut Removed,
) -> Result<()> {
    let mut sources: BTreeMap<(i64, i64), BTreeMap<i64, i64>> = BTreeMap::new();
    for chunk in spent.chunks(rows::CHUNK) {
        mark(connection, chunk).await?;
        let mut query = Statement::new(
            "SELECT sources.source, sources.blob, records.start, records.size FROM records \
             JOIN sources ON sources.source = records.source WHERE records.record IN (",
        );
        query.push_list(chunk.iter().copied());
        for row in query.push(")").build().persistent(false).fetch_all(&mut *connection).await? {
            let source = sources.entry((row.try_get(0)?, row.try_get(1)?)).or_default();
            source.insert(row.try_get(2)?, row.try_get(3)?);
        }
    }
    removed.records += spent.len() as i64;
    removed.bytes += sources.values().flat_map(BTreeMap::values).sum::<i64>();
    for ((source, blob), gone) in sources {
        let spans = spans(connection, source, blob, &gone, layouts).await?;
        clear(connection, blob, &spans, removed).await?;
    }
    Ok(())
}

/// Notes by which receipt records went: that of an event which came from them.
async fn mark(connection: &mut Transaction, records: &[i64]) -> Result<()> {
    let mut query = Statement::new(
        "UPDATE records SET purged = coalesce((SELECT max(receipt) FROM tombstones JOIN events \
         ON events.event = tombstones.event WHERE events.record = records.record), (SELECT max(receipt) FROM tombstones \
         JOIN event_origins ON event_origins.event = tombstones.event WHERE event_origins.record = records.record)) \
         WHERE record IN (",
    );
    query.push_list(records.iter().copied());
    query.push(")").build().persistent(false).execute(connection).await?;
    Ok(())
}

/// The bytes that go with records of a source: theirs, and what lies between two that are gone.
async fn spans(
    connection: &mut Transaction,
    source: i64,
    blob: i64,
    gone: &BTreeMap<i64, i64>,
    layouts: &mut Layouts,
) -> Result<Vec<Span>> {
    let (Some(first), Some(last)) = (gone.keys().next(), gone.keys().next_back()) else { return Ok(Vec::new()) };
    if !is_any_left(connection, source).await? {
        return Ok(vec![(0, size_of(connection, blob).await?)]);
    }
    let found = query(
        "SELECT start, size, purged IS NOT NULL FROM records WHERE source = $1 \
         AND start >= coalesce((SELECT max(start) FROM records WHERE source = $1 AND start < $2), $2) \
         AND start <= coalesce((SELECT min(start) FROM records WHERE source = $1 AND start > $3), $3) ORDER BY start",
    )
    .bind(source)
    .bind(first)
    .bind(last)
    .fetch_all(&mut *connection)
    .await?;
    let mut spans: Vec<Span> = Vec::new();
    let mut is_run = false;
    for row in found {
        let (start, size, is_gone): (i64, i64, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        match spans.last_mut().filter(|last| is_run && is_gone && start - last.1 <= BETWEEN) {
            Some(last) => last.1 = last.1.max(start + size),
            None if is_gone => spans.push((start, start + size)),
            None => {}
        }
        is_run = is_gone;
    }
    if layouts.is_tangled(connection, source, blob).await? {
        for kept in layout::kept(connection, source, blob).await? {
            spans = spans.into_iter().flat_map(|span| without(span, kept)).collect();
        }
    }
    Ok(spans)
}

/// What is left of a span without another.
fn without(span: Span, kept: Span) -> impl Iterator<Item = Span> {
    let before = (span.0, span.1.min(kept.0));
    let behind = (span.0.max(kept.1), span.1);
    let apart = kept.1 <= span.0 || kept.0 >= span.1;
    let parts = if apart { [span, (0, 0)] } else { [before, behind] };
    parts.into_iter().filter(|(start, end)| start < end)
}

/// Whether a record of a source is still there. Purges go from the first to the last, so the last is asked first.
async fn is_any_left(connection: &mut Transaction, source: i64) -> Result<bool> {
    let row = query("SELECT record FROM records WHERE source = $1 AND purged IS NULL ORDER BY start DESC LIMIT 1")
        .bind(source)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

async fn size_of(connection: &mut Transaction, blob: i64) -> Result<i64> {
    Ok(query("SELECT size FROM blobs WHERE blob = $1").bind(blob).fetch_one(connection).await?.try_get(0)?)
}

/// Takes bytes out of a content; pieces that lie partly in them are cut anew.
async fn clear(connection: &mut Transaction, blob: i64, spans: &[Span], removed: &mut Removed) -> Result<()> {
    let mut touched: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (start, end) in spans {
        let found = query(
            "SELECT blob_pieces.start, pieces.piece, pieces.size FROM blob_pieces JOIN pieces ON pieces.piece = blob_pieces.piece \
             WHERE blob_pieces.blob = $1 AND blob_pieces.start > $2 AND blob_pieces.start < $3 \
             AND blob_pieces.start + pieces.size > $4",
        )
        .bind(blob)
        .bind(start - bytes::LONGEST - 1)
        .bind(end)
        .bind(start)
        .fetch_all(&mut *connection)
        .await?;
        for row in found {
            touched.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
        }
    }
    let mut numbers = BTreeSet::new();
    for (at, (piece, size)) in touched {
        let mut left: Vec<Span> = vec![(at, at + size)];
        for span in spans.iter().filter(|span| span.1 > at && span.0 < at + size) {
            left = left.into_iter().flat_map(|part| without(part, *span)).collect();
        }
        let parts = if left.is_empty() { Vec::new() } else { cut(connection, piece, at, &left).await? };
        query("DELETE FROM blob_pieces WHERE blob = $1 AND start = $2")
            .bind(blob)
            .bind(at)
            .execute(&mut *connection)
            .await?;
        let places: Vec<(i64, i64, &Piece)> = parts.iter().map(|(start, piece)| (blob, *start, piece)).collect();
        bytes::place_pieces(connection, &places).await?;
        numbers.insert(piece);
    }
    forget_pieces(connection, &numbers, removed).await
}

/// Parts of a piece that lies at a place, as pieces of their own.
async fn cut(connection: &mut Transaction, piece: i64, at: i64, parts: &[Span]) -> Result<Vec<(i64, Piece)>> {
    let row = query("SELECT codec, size, bytes FROM pieces WHERE piece = $1").bind(piece).fetch_one(connection).await?;
    let plain = unpack(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?;
    let part = |(start, end): &Span| -> Result<(i64, Piece)> {
        let range = usize::try_from(start - at)?..usize::try_from(end - at)?;
        Ok((*start, Piece::of(&plain[range])))
    };
    parts.iter().map(part).collect()
}

/// Takes away those of these blobs that no body is any more.
pub(super) async fn blobs(connection: &mut Transaction, blobs: &BTreeSet<i64>, removed: &mut Removed) -> Result<()> {
    let mut numbers = BTreeSet::new();
    for blob in blobs {
        let row = query(
            "SELECT size, EXISTS (SELECT 1 FROM bodies WHERE blob = $1 AND start = 0) FROM blobs WHERE blob = $1",
        )
        .bind(blob)
        .fetch_one(&mut *connection)
        .await?;
        let (size, is_named): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
        if is_named {
            continue;
        }
        let found = query("DELETE FROM blob_pieces WHERE blob = $1 RETURNING piece")
            .bind(blob)
            .fetch_all(&mut *connection)
            .await?;
        for row in found {
            numbers.insert(row.try_get(0)?);
        }
        query("DELETE FROM blobs WHERE blob = $1").bind(blob).execute(&mut *connection).await?;
        removed.blobs += 1;
        removed.bytes += size;
    }
    forget_pieces(connection, &numbers, removed).await
}

/// Takes away those of these pieces that nothing refers to any more.
async fn forget_pieces(connection: &mut Transaction, pieces: &BTreeSet<i64>, removed: &mut Removed) -> Result<()> {
    for chunk in pieces.iter().copied().collect::<Vec<_>>().chunks(rows::CHUNK) {
        let mut query = Statement::new(
            "DELETE FROM pieces WHERE NOT EXISTS (SELECT 1 FROM blob_pieces WHERE blob_pieces.piece = pieces.piece) \
             AND piece IN (",
        );
        query.push_list(chunk.iter().copied());
        query.push(") RETURNING length(bytes)");
        for row in query.build().persistent(false).fetch_all(&mut *connection).await? {
            removed.pieces += 1;
            removed.stored_bytes += row.try_get::<i64>(0)?;
        }
    }
    Ok(())
}

impl Store {
    /// Whether records of the source that a blob is the content of were purged.
    pub(in crate::store) async fn is_purged(&self, blob: i64) -> Result<bool> {
        let row = query(
            "SELECT EXISTS (SELECT 1 FROM sources JOIN records ON records.source = sources.source \
             WHERE sources.blob = $1 AND records.purged IS NOT NULL)",
        )
        .bind(blob)
        .fetch_one(&self.readers)
        .await?;
        Ok(row.try_get(0)?)
    }

    /// Whether records of a source were purged.
    pub async fn has_purged(&self, source: &Source) -> Result<bool> {
        self.is_purged(source.blob).await
    }

    /// The bytes of a source's content that are there, from a place to another, in order; parts of it may be purged.
    pub async fn held_bytes(&self, source: &Source) -> Result<Vec<Span>> {
        self.spans_of(source.blob).await
    }

    /// The bytes of a blob that are there.
    pub(in crate::store) async fn spans_of(&self, blob: i64) -> Result<Vec<Span>> {
        let rows = query(
            "SELECT blob_pieces.start, blob_pieces.start + pieces.size FROM blob_pieces \
             JOIN pieces ON pieces.piece = blob_pieces.piece WHERE blob_pieces.blob = $1 ORDER BY blob_pieces.start",
        )
        .bind(blob)
        .fetch_all(&self.readers)
        .await?;
        let mut spans: Vec<Span> = Vec::new();
        for row in rows {
            let (start, end) = (row.try_get(0)?, row.try_get(1)?);
            match spans.last_mut().filter(|last| last.1 >= start) {
                Some(last) => last.1 = end,
                None => spans.push((start, end)),
            }
        }
        Ok(spans)
    }
}
