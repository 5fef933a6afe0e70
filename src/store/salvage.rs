//! What can still be read of a store whose file is damaged: source by source, and of each the bytes that are whole.
//!
//! Nothing is taken for granted but that the file is one of the database's: not the schema, no index, no order.

use std::path::Path;

use anyhow::{Result, bail};

use super::engine::query;
use super::{Annotation, Source, Store, trouble};

/// What lies between places where reading is tried again behind a damaged one.
const STEP: i64 = 4096;
/// Bytes read at a time; pieces are no longer.
const PART: i64 = 256 << 10;

/// The sources that can be named, and how many rows of their table cannot be read.
#[derive(Debug, Default)]
pub struct Salvage {
    pub sources: Vec<Source>,
    pub lost: u64,
}

impl Store {
    /// Opens a file to save what is in it; whatever it takes, it is not changed.
    pub async fn open_damaged(path: &Path) -> Result<Self> {
        if !path.is_file() {
            bail!("there is no file {}", path.display());
        }
        Self::open_as_it_is(path).await.map_err(|error| trouble::explain(error, &path.into()))
    }

    /// All sources that can be read, one by one.
    pub async fn salvage(&self) -> Result<Salvage> {
        let last: Option<i64> = query("SELECT max(source) FROM sources").fetch_one(&self.readers).await?.try_get(0)?;
        let mut found = Salvage::default();
        for number in 1..=last.unwrap_or(0) {
            match self.source_numbered(number).await {
                Ok(source) => found.sources.extend(source),
                Err(_) => found.lost += 1,
            }
        }
        Ok(found)
    }

    /// The next bytes of a blob from a place on; empty where none can be read there, also where the blob ends.
    pub async fn salvage_bytes(&self, blob: i64, at: i64) -> Vec<u8> {
        match self.read(blob, at, PART).await {
            Ok(bytes) => bytes,
            // What is whole before the damaged piece may be shorter than a part.
            Err(_) => self.read(blob, at, STEP).await.unwrap_or_else(|_| Vec::new()),
        }
    }

    /// The place behind a damaged one from which on bytes can be read again, before the end of a blob.
    pub async fn behind_damage(&self, blob: i64, at: i64, size: i64) -> i64 {
        let mut next = at - at % STEP + STEP;
        while next < size && self.salvage_bytes(blob, next).await.is_empty() {
            next += STEP;
        }
        next.min(size)
    }

    /// All marks and notes, of whatever session.
    pub async fn all_annotations(&self) -> Result<Vec<Annotation>> {
        let rows = query("SELECT session, item, marked, note FROM annotations ORDER BY session, item");
        let rows = rows.fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                let marked: i64 = row.try_get(2)?;
                let (session, item) = (row.try_get(0)?, row.try_get(1)?);
                Ok(Annotation { session, row: item, marked: marked != 0, note: row.try_get(3)? })
            })
            .collect()
    }
}
