//! Keeps sessions: all the SQL of the program is here.
//!
//! Contract: events enter through [`Store::append`] alone; every body comes out byte for byte as it went in; a list
//! never reads a body; what a method cannot do it says in the user's words.

mod open;
mod append;
mod settle;
mod sitting;
mod pair;
mod sources;
mod sessions;
mod events;
mod labels;
mod ties;
mod integrity;
mod bytes;
mod annotations;
mod pieces;
mod rows;
#[cfg(test)]
mod tests;

pub use annotations::Annotation;
pub use append::{Appended, Batch, NewBlob, NewBody, NewEvent, NewRecord, Place, RecordStatus, SourceStep, Stamp};
pub use pieces::{Packer, Piece, digest, digest_of};
pub use sources::Source;

use std::path::{Path, PathBuf};

use anyhow::Result;
use sqlx::sqlite::SqlitePool;
use sqlx::{Row, SqliteConnection};

/// The session store: a file on this machine.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    path: PathBuf,
}

/// A record of a source: where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub importer: String,
    /// The file, or the address.
    pub path: String,
    pub offset: i64,
    pub size: i64,
}

impl Store {
    /// The file it lies in.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether an error is the store's: there is no point in going on with the next source.
pub fn is_failure(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<sqlx::Error>())
}

/// The number after the largest one; the transaction that asks is the only writer.
async fn next_number(connection: &mut SqliteConnection, largest: &'static str) -> Result<i64> {
    let row = sqlx::query(largest).fetch_one(connection).await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.unwrap_or(0) + 1)
}
