//! Bytes: pieces and the blobs made of them, written once and read back in parts.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, anyhow};

use super::append::{Batch, NewBlob, NewBody, Place};
use super::engine::{Engine, Pool, Statement, Transaction, query};
use super::pieces::{Packer, digest, unpack};
use super::{Piece, Store, damaged, rows};
use crate::domain::Role;

/// No piece is longer, so a part of a blob is found without looking at all of its pieces.
pub(super) const LONGEST: i64 = 256 << 10;
/// Compressed pieces vary in size; statements stay small.
const PIECES: usize = 64;
/// How many bytes a statement takes: it has copies of its own of them.
const MOST_BYTES: usize = 4 << 20;
/// How many pieces are looked at together for those that nothing refers to.
const PART: i64 = 8_192;
/// So many bytes are worth a transaction of their own.
const WORTH: usize = 64 << 10;

/// Adds a body to a batch whose bytes are no part of a source.
pub fn add_blob(batch: &mut Batch, role: Role, bytes: &[u8]) -> NewBody {
    let mut packer = Packer::default();
    packer.push(bytes);
    packer.end_record();
    let (digest, size) = (digest(bytes), bytes.len() as i64);
    batch.blobs.push(NewBlob { digest, size, start: 0, pieces: packer.take() });
    NewBody { role, place: Place::Blob, size, digest }
}

impl Store {
    /// Part of a blob's bytes. Shorter than `size` only at the end of the blob.
    pub async fn read(&self, blob: i64, start: i64, size: i64) -> Result<Vec<u8>> {
        let end = start.saturating_add(size.max(0));
        let found = query(
            "SELECT blob_pieces.start, pieces.size, pieces.codec, pieces.bytes FROM blob_pieces \
             JOIN pieces ON pieces.piece = blob_pieces.piece \
             WHERE blob_pieces.blob = $1 AND blob_pieces.start > $2 AND blob_pieces.start < $3 \
             AND blob_pieces.start + pieces.size > $4 ORDER BY blob_pieces.start",
        )
        .bind(blob)
        .bind(start - LONGEST - 1)
        .bind(end)
        .bind(start)
        .fetch_all(&self.readers)
        .await?;
        let mut bytes = Vec::with_capacity(usize::try_from(end - start)?);
        let mut at = start;
        for row in found {
            let (from, length): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            if from + length <= at {
                continue;
            }
            if from > at {
                return Err(self.missing(blob, at, from).await);
            }
            let piece = unpack(row.try_get(2)?, length, row.try_get(3)?)?;
            let upto = (end - from).min(length);
            bytes.extend_from_slice(&piece[usize::try_from(at - from)?..usize::try_from(upto)?]);
            at = from + upto;
        }
        Ok(bytes)
    }

    /// From where on, between two places, a blob's bytes are all there up to the second one.
    pub async fn unbroken(&self, blob: i64, from: i64, end: i64) -> Result<i64> {
        let found = query(
            "SELECT blob_pieces.start, blob_pieces.start + pieces.size FROM blob_pieces \
             JOIN pieces ON pieces.piece = blob_pieces.piece WHERE blob_pieces.blob = $1 AND blob_pieces.start > $2 \
             AND blob_pieces.start < $3 ORDER BY blob_pieces.start DESC",
        )
        .bind(blob)
        .bind(from - LONGEST - 1)
        .bind(end)
        .fetch_all(&self.readers)
        .await?;
        let mut at = end;
        for row in found {
            let (start, behind): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            if behind < at {
                break;
            }
            at = start;
        }
        Ok(at.max(from).max(0))
    }

    /// Why bytes of a blob are not there: they were purged, or the store is damaged.
    async fn missing(&self, blob: i64, from: i64, upto: i64) -> anyhow::Error {
        match self.is_purged(blob).await {
            Ok(true) => anyhow!("these bytes were purged"),
            Ok(false) => damaged(format!("bytes {from} to {upto} of blob {blob} are missing")).into(),
            Err(error) => error,
        }
    }

    /// The size of a blob.
    pub async fn blob_size(&self, blob: i64) -> Result<i64> {
        let row = query("SELECT size FROM blobs WHERE blob = $1").bind(blob).fetch_optional(&self.readers).await?;
        Ok(row.with_context(|| damaged("there is no such blob"))?.try_get(0)?)
    }
}

/// Adds pieces behind what a blob holds.
pub(super) async fn extend_blob(connection: &mut Transaction, blob: i64, pieces: &[Piece]) -> Result<()> {
    let row = query("SELECT size FROM blobs WHERE blob = $1").bind(blob).fetch_one(&mut *connection).await?;
    let mut size: i64 = row.try_get(0)?;
    let mut places = Vec::with_capacity(pieces.len());
    for piece in pieces {
        places.push((blob, size, piece));
        size += piece.size as i64;
    }
    place_pieces(connection, &places).await?;
    query("UPDATE blobs SET size = $1 WHERE blob = $2").bind(size).bind(blob).execute(&mut *connection).await?;
    Ok(())
}

/// Makes an empty blob that will grow.
pub(super) async fn new_blob(connection: &mut Transaction) -> Result<i64> {
    let number = super::next_number(connection, "SELECT max(blob) FROM blobs").await?;
    query("INSERT INTO blobs (blob, digest, size) VALUES ($1, NULL, 0)").bind(number).execute(&mut *connection).await?;
    Ok(number)
}

/// Cuts a blob back to a size at which one of its pieces ends.
pub(super) async fn shorten_blob(connection: &mut Transaction, blob: i64, size: i64) -> Result<()> {
    query("DELETE FROM blob_pieces WHERE blob = $1 AND start >= $2")
        .bind(blob)
        .bind(size)
        .execute(&mut *connection)
        .await?;
    query("UPDATE blobs SET size = $1 WHERE blob = $2").bind(size).bind(blob).execute(&mut *connection).await?;
    Ok(())
}

/// The numbers of the blobs with these digests and sizes; one that is not there yet waits for its bytes.
pub(super) async fn blob_numbers(
    connection: &mut Transaction,
    wanted: &BTreeMap<[u8; 32], i64>,
) -> Result<HashMap<[u8; 32], i64>> {
    let wanted: Vec<([u8; 32], i64)> = wanted.iter().map(|(digest, size)| (*digest, *size)).collect();
    let mut numbers = HashMap::with_capacity(wanted.len());
    for chunk in rows::wanted(connection.engine(), &wanted) {
        let select = "SELECT blob, digest FROM blobs WHERE digest IN (";
        numbers.extend(numbers_of(connection, select, chunk.iter().map(|(digest, _)| digest).collect()).await?);
    }
    let new: Vec<&([u8; 32], i64)> = wanted.iter().filter(|(digest, _)| !numbers.contains_key(digest)).collect();
    if new.is_empty() {
        return Ok(numbers);
    }
    let next = super::next_number(connection, "SELECT max(blob) FROM blobs").await?;
    let new: Vec<(i64, &([u8; 32], i64))> = (next..).zip(new).collect();
    for chunk in rows::bulks(connection.engine(), &new, rows::CHUNK) {
        let mut insert = Statement::new("INSERT INTO blobs (blob, digest, size) ");
        insert.push_values(chunk, |mut row, (number, (digest, size))| {
            row.push_bind(*number).push_bind(digest.to_vec()).push_bind(*size);
        });
        insert.build().execute(&mut *connection).await?;
    }
    numbers.extend(new.into_iter().map(|(number, (digest, _))| (*digest, number)));
    Ok(numbers)
}

/// Numbers by digest, as a statement tells them that ends with a list of digests.
async fn numbers_of(
    connection: &mut Transaction,
    select: &'static str,
    digests: Vec<&[u8; 32]>,
) -> Result<HashMap<[u8; 32], i64>> {
    let mut query = Statement::new(select);
    query.push_wanted(digests, |mut row, digest| {
        row.push_bind(digest.to_vec());
    });
    let found = query.push(")").build().fetch_all(connection).await?;
    found.iter().map(|row| Ok((digest_of_row(row.try_get(1)?)?, row.try_get(0)?))).collect()
}

/// Gives blobs their bytes; what one has it keeps.
pub(super) async fn fill_blobs(
    connection: &mut Transaction,
    blobs: &[&NewBlob],
    numbers: &HashMap<[u8; 32], i64>,
) -> Result<()> {
    for chunk in rows::wanted(connection.engine(), blobs) {
        let number =
            |blob: &NewBlob| numbers.get(&blob.digest).copied().with_context(|| damaged("a blob has no number"));
        let mut select = Statement::new(
            "SELECT blob_pieces.blob, max(blob_pieces.start + pieces.size) FROM blob_pieces \
             JOIN pieces ON pieces.piece = blob_pieces.piece WHERE blob_pieces.blob IN (",
        );
        select.push_wanted(chunk.iter().map(|blob| number(blob)).collect::<Result<Vec<_>>>()?, |mut row, number| {
            row.push_bind(number);
        });
        select.push(") GROUP BY blob_pieces.blob");
        let filled = select.build().fetch_all(&mut *connection).await?;
        let filled = filled.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let filled = filled.collect::<Result<HashMap<i64, i64>>>()?;
        let mut places: Vec<(i64, i64, &Piece)> = Vec::new();
        for blob in chunk {
            let (number, mut start) = (number(blob)?, blob.start);
            let there = filled.get(&number).copied().unwrap_or(0);
            for piece in &blob.pieces {
                let end = start + piece.size as i64;
                if end > there {
                    places.push((number, start, piece));
                }
                start = end;
            }
        }
        place_pieces(connection, &places).await?;
    }
    Ok(())
}

/// Stores pieces where they lie: blob, start, piece.
pub(super) async fn place_pieces(connection: &mut Transaction, places: &[(i64, i64, &Piece)]) -> Result<()> {
    for chunk in rows::bulks(connection.engine(), places, PIECES) {
        let numbers = put_pieces(connection, &chunk.iter().map(|(_, _, piece)| *piece).collect::<Vec<_>>()).await?;
        let mut query = Statement::new("INSERT INTO blob_pieces (blob, start, piece) ");
        query.push_values(chunk, |mut row, (blob, start, piece)| {
            row.push_bind(*blob).push_bind(*start).push_bind(numbers.get(&piece.digest).copied());
        });
        query.push(" ON CONFLICT (blob, start) DO NOTHING");
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// The numbers of pieces; those that are not there yet are stored.
async fn put_pieces(connection: &mut Transaction, pieces: &[&Piece]) -> Result<HashMap<[u8; 32], i64>> {
    let mut numbers = piece_numbers(connection, pieces).await?;
    if pieces.iter().any(|piece| !numbers.contains_key(&piece.digest)) {
        connection.alone_with_pieces().await?;
        if connection.engine() == Engine::Postgres {
            numbers = piece_numbers(connection, pieces).await?;
        }
        numbers.extend(insert_pieces(connection, pieces, &numbers).await?);
    }
    Ok(numbers)
}

async fn piece_numbers(connection: &mut Transaction, pieces: &[&Piece]) -> Result<HashMap<[u8; 32], i64>> {
    let select = "SELECT piece, digest FROM pieces WHERE digest IN (";
    numbers_of(connection, select, pieces.iter().map(|piece| &piece.digest).collect()).await
}

/// Stores the pieces that are not known, each once, in the order of their digests.
async fn insert_pieces(
    connection: &mut Transaction,
    pieces: &[&Piece],
    known: &HashMap<[u8; 32], i64>,
) -> Result<HashMap<[u8; 32], i64>> {
    let new = not_known(pieces, known);
    let mut numbers = HashMap::with_capacity(new.len());
    let engine = connection.engine();
    for chunk in in_bytes(&new).flat_map(|part| rows::bulks(engine, part, PIECES)) {
        // PostgreSQL numbers them itself: more than one may be at it.
        let next = match connection.engine() {
            Engine::Sqlite => Some(super::next_number(connection, "SELECT max(piece) FROM pieces").await?),
            Engine::Postgres => None,
        };
        let number = if next.is_some() { "piece, " } else { "" };
        let mut insert = Statement::new(format!("INSERT INTO pieces ({number}digest, size, codec, bytes) "));
        insert.push_values((0..).zip(chunk), |mut row, (place, piece)| {
            if let Some(next) = next {
                row.push_bind(next + place);
            }
            row.push_bind(piece.digest.to_vec()).push_bind(piece.size as i64);
            row.push_bind(piece.codec).push_bind(piece.bytes.clone());
        });
        insert.push(" ON CONFLICT DO NOTHING RETURNING piece, digest");
        for row in insert.build().fetch_all(&mut *connection).await? {
            numbers.insert(digest_of_row(row.try_get(1)?)?, row.try_get(0)?);
        }
    }
    Ok(numbers)
}

/// Pieces in parts of so many bytes at most, or one piece.
fn in_bytes<'a, 'b>(pieces: &'a [&'b Piece]) -> impl Iterator<Item = &'a [&'b Piece]> {
    let mut rest = pieces;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|piece| {
            bytes += piece.bytes.len();
            bytes <= MOST_BYTES
        });
        let (part, behind) = rest.split_at(fits.count().max(1).min(rest.len()));
        rest = behind;
        (!part.is_empty()).then_some(part)
    })
}

/// Stores the pieces of batches before their writer's turn comes. Bytes are most of what is written, and for these
/// writers need not take turns.
pub(super) async fn send_ahead(pool: &Pool, batches: &[Batch]) -> Result<()> {
    let pieces = pieces_of(batches);
    if pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>() < WORTH {
        return Ok(());
    }
    let Some(mut transaction) = pool.begin_ahead().await? else { return Ok(()) };
    let known = piece_numbers(&mut transaction, &pieces).await?;
    insert_pieces(&mut transaction, &pieces, &known).await?;
    Ok(transaction.commit().await?)
}

fn pieces_of(batches: &[Batch]) -> Vec<&Piece> {
    let mut pieces = Vec::new();
    for batch in batches {
        pieces.extend(&batch.pieces);
        pieces.extend(batch.blobs.iter().flat_map(|blob| &blob.pieces));
    }
    pieces
}

fn not_known<'a>(pieces: &[&'a Piece], known: &HashMap<[u8; 32], i64>) -> Vec<&'a Piece> {
    let new = pieces.iter().filter(|piece| !known.contains_key(&piece.digest));
    let new: BTreeMap<[u8; 32], &Piece> = new.map(|piece| (piece.digest, *piece)).collect();
    new.into_values().collect()
}

/// Pieces that nothing refers to: what they were sent ahead of did not come, or not yet. Looked for part by part, since a
/// reader's statement may not take long.
pub(super) async fn unused(pool: &Pool) -> Result<Vec<i64>> {
    let (mut unused, mut last) = (Vec::new(), i64::MIN);
    loop {
        let part = "SELECT piece, NOT EXISTS (SELECT 1 FROM blob_pieces WHERE blob_pieces.piece = part.piece) \
             FROM (SELECT piece FROM pieces WHERE piece > $1 ORDER BY piece LIMIT $2) AS part ORDER BY piece";
        let found = query(part).bind(last).bind(PART).fetch_all(pool).await?;
        let Some(end) = found.last() else { return Ok(unused) };
        last = end.try_get(0)?;
        for row in &found {
            if row.try_get(1)? {
                unused.push(row.try_get(0)?);
            }
        }
    }
}

/// Takes those of these pieces away that nothing refers to.
pub(super) async fn sweep(connection: &mut Transaction, pieces: &[i64]) -> Result<()> {
    let mut query = Statement::new(
        "DELETE FROM pieces WHERE NOT EXISTS (SELECT 1 FROM blob_pieces WHERE blob_pieces.piece = pieces.piece) \
         AND piece IN (",
    );
    query.push_list(pieces.iter().copied());
    query.push(")").build().persistent(false).execute(connection).await?;
    Ok(())
}

pub(super) fn digest_of_row(digest: Vec<u8>) -> Result<[u8; 32]> {
    digest.try_into().ok().with_context(|| damaged("a stored digest is not 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_takes_few_bytes_and_one_piece_at_least() {
        let piece = |size: usize| Piece { digest: [0; 32], size, codec: 0, bytes: vec![0; size] };
        let pieces = [1 << 20, 3 << 20, 1, 5 << 20, 4 << 20, 7].map(piece);
        let pieces: Vec<&Piece> = pieces.iter().collect();
        assert_eq!(in_bytes(&pieces).map(<[_]>::len).collect::<Vec<_>>(), [2, 1, 1, 1, 1]);
        assert_eq!(in_bytes(&[]).count(), 0);
    }
}
