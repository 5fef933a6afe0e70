//! Bytes: pieces and the blobs made of them, written once and read back in parts.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::append::NewBlob;
use super::pieces::unpack;
use super::{Piece, Store, rows};

/// No piece is longer, so a part of a blob is found without looking at all of its pieces.
const LONGEST: i64 = 256 << 10;
/// Compressed pieces vary in size; statements stay small.
const PIECES: usize = 32;

impl Store {
    /// Part of a blob's bytes. Shorter than `size` only at the end of the blob.
    pub async fn read(&self, blob: i64, start: i64, size: i64) -> Result<Vec<u8>> {
        let end = start.saturating_add(size.max(0));
        let found = sqlx::query(
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
                bail!("bytes {at} to {from} of blob {blob} are missing");
            }
            let piece = unpack(row.try_get(2)?, length, row.try_get(3)?)?;
            let upto = (end - from).min(length);
            bytes.extend_from_slice(&piece[usize::try_from(at - from)?..usize::try_from(upto)?]);
            at = from + upto;
        }
        Ok(bytes)
    }

    /// The size of a blob.
    pub async fn blob_size(&self, blob: i64) -> Result<i64> {
        let row =
            sqlx::query("SELECT size FROM blobs WHERE blob = $1").bind(blob).fetch_optional(&self.readers).await?;
        Ok(row.context("there is no such blob")?.try_get(0)?)
    }
}

/// Adds pieces behind what a blob holds.
pub(super) async fn extend_blob(connection: &mut SqliteConnection, blob: i64, pieces: &[Piece]) -> Result<()> {
    let row = sqlx::query("SELECT size FROM blobs WHERE blob = $1").bind(blob).fetch_one(&mut *connection).await?;
    let mut size: i64 = row.try_get(0)?;
    for chunk in pieces.chunks(PIECES) {
        let numbers = put_pieces(connection, chunk).await?;
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO blob_pieces (blob, start, piece) ");
        query.push_values(chunk, |mut row, piece| {
            row.push_bind(blob).push_bind(size).push_bind(numbers.get(&piece.digest).copied());
            size += piece.size as i64;
        });
        query.build().persistent(chunk.len() == PIECES).execute(&mut *connection).await?;
    }
    sqlx::query("UPDATE blobs SET size = $1 WHERE blob = $2").bind(size).bind(blob).execute(&mut *connection).await?;
    Ok(())
}

/// Makes an empty blob that will grow.
pub(super) async fn new_blob(connection: &mut SqliteConnection) -> Result<i64> {
    let number = super::next_number(connection, "SELECT max(blob) FROM blobs").await?;
    sqlx::query("INSERT INTO blobs (blob, digest, size) VALUES ($1, NULL, 0)")
        .bind(number)
        .execute(&mut *connection)
        .await?;
    Ok(number)
}

/// Cuts a blob back to a size at which one of its pieces ends.
pub(super) async fn shorten_blob(connection: &mut SqliteConnection, blob: i64, size: i64) -> Result<()> {
    sqlx::query("DELETE FROM blob_pieces WHERE blob = $1 AND start >= $2")
        .bind(blob)
        .bind(size)
        .execute(&mut *connection)
        .await?;
    sqlx::query("UPDATE blobs SET size = $1 WHERE blob = $2").bind(size).bind(blob).execute(&mut *connection).await?;
    Ok(())
}

/// Stores a whole blob; one that is there stays as it is.
pub(super) async fn put_blob(connection: &mut SqliteConnection, blob: &NewBlob) -> Result<i64> {
    let size: usize = blob.pieces.iter().map(|piece| piece.size).sum();
    let number = find_blob(connection, &blob.digest, size as i64).await?;
    let pieces = sqlx::query("SELECT count(*) FROM blob_pieces WHERE blob = $1")
        .bind(number)
        .fetch_one(&mut *connection)
        .await?;
    if pieces.try_get::<i64, _>(0)? == 0 && size > 0 {
        sqlx::query("UPDATE blobs SET size = 0 WHERE blob = $1").bind(number).execute(&mut *connection).await?;
        extend_blob(connection, number, &blob.pieces).await?;
    }
    Ok(number)
}

/// The blob with this digest; where there is none yet, one that waits for its bytes.
pub(super) async fn find_blob(connection: &mut SqliteConnection, digest: &[u8; 32], size: i64) -> Result<i64> {
    let known = sqlx::query("SELECT blob FROM blobs WHERE digest = $1")
        .bind(digest.to_vec())
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = known {
        return Ok(row.try_get(0)?);
    }
    let number = super::next_number(connection, "SELECT max(blob) FROM blobs").await?;
    sqlx::query("INSERT INTO blobs (blob, digest, size) VALUES ($1, $2, $3)")
        .bind(number)
        .bind(digest.to_vec())
        .bind(size)
        .execute(&mut *connection)
        .await?;
    Ok(number)
}

async fn put_pieces(connection: &mut SqliteConnection, pieces: &[Piece]) -> Result<HashMap<[u8; 32], i64>> {
    let next = super::next_number(connection, "SELECT max(piece) FROM pieces").await?;
    let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new("INSERT INTO pieces (piece, digest, size, codec, bytes) ");
    insert.push_values(pieces.iter().enumerate(), |mut row, (index, piece)| {
        row.push_bind(next + index as i64).push_bind(piece.digest.to_vec()).push_bind(piece.size as i64);
        row.push_bind(piece.codec).push_bind(piece.bytes.clone());
    });
    insert.push(" ON CONFLICT (digest) DO NOTHING");
    insert.build().persistent(pieces.len() == PIECES).execute(&mut *connection).await?;
    let mut select: QueryBuilder<Sqlite> = QueryBuilder::new("SELECT piece, digest FROM pieces WHERE digest IN (");
    rows::list(&mut select, pieces.iter().map(|piece| piece.digest.to_vec()));
    let mut numbers = HashMap::with_capacity(pieces.len());
    for row in select.push(")").build().persistent(pieces.len() == PIECES).fetch_all(&mut *connection).await? {
        let digest: Vec<u8> = row.try_get(1)?;
        let digest: [u8; 32] = digest.try_into().ok().context("a stored digest is not 32 bytes")?;
        numbers.insert(digest, row.try_get(0)?);
    }
    Ok(numbers)
}
