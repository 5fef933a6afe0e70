//! Keeps sessions: all the SQL of the program is here.
//!
//! Contract: events enter through [`Store::append`] alone; every body comes out byte for byte as it went in; a list
//! never reads a body; what a method cannot do it says in the user's words.

mod address;
mod engine;
mod open;
mod parameter;
mod server;
pub mod original;
mod trouble;
mod append;
mod plan;
mod copies;
mod states;
mod stay;
mod adopt;
mod settle;
mod sieve;
mod spans;
mod sitting;
mod copy;
mod count;
mod tally;
mod kinship;
mod family;
mod pair;
mod sources;
mod sessions;
mod telling;
mod events;
mod labels;
mod links;
mod ties;
mod integrity;
mod verify;
mod named;
mod bytes;
mod annotations;
mod filters;
mod free;
mod prefilter;
mod pieces;
mod private;
mod process;
mod proof;
mod health;
mod purge;
mod reread;
mod rows;
mod salvage;
mod told;
mod tokens;
mod wrapped;
mod wrapping;
#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod long_tests;
#[cfg(test)]
mod old_tests;
#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod tests;

pub use address::{Address, Url};
pub use adopt::trace_session;
pub use annotations::Annotation;
pub use append::{
    Appended, Batch, Fate, NewBlob, NewBody, NewEvent, NewRecord, Place, RecordStatus, SourceStep, Stamp,
};
pub use bytes::add_blob;
pub use copy::{Copied, Copy};
pub use engine::Engine;
pub use free::{Disk, SPARE};
pub use health::{Drift, Health};
pub use open::make_folder;
pub use pieces::{Packer, Piece, digest, digest_of};
pub use prefilter::Prefilter;
pub use private::PrivateFolder;
pub use proof::{Proof, Telling};
pub use purge::{Due, DueSession, Hold, Keeping, Purge, Receipt, Removed, Returned, Room, Scope, State};
pub use reread::Rereading;
pub use salvage::Salvage;
pub use settle::Step;
pub use sieve::{BySession, PackedPiece};
pub use sources::Source;
pub use tokens::Token;
pub use trouble::{Trouble, is_away, trouble};
pub use verify::Soundness;
pub use wrapped::Wrapped;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use engine::{Pool, Transaction, query};

/// The session store: a file on this machine, or a team's PostgreSQL.
#[derive(Debug, Clone)]
pub struct Store {
    writer: Pool,
    readers: Pool,
    address: Address,
    keeping: Keeping,
    may_write: bool,
    /// The file that was opened to be written.
    inode: Option<stay::Inode>,
    /// Where a copy lies that is read in its place; it goes with the last user.
    _copy: Option<Arc<PrivateFolder>>,
}

/// How often a writer waits its time out while nothing is written: one transaction may take longer than that.
const SILENT: u32 = 3;

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
    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The file it lies in, where it is one.
    pub fn file(&self) -> Option<&Path> {
        self.address.file()
    }

    /// Which database holds it.
    pub fn engine(&self) -> Engine {
        self.readers.engine()
    }

    /// Closes the connections, so that a file alone holds everything.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Begins to write. It waits for another process as long as that one gets on with its own writing.
    async fn begin(&self) -> Result<Transaction> {
        if self.engine() == Engine::Postgres {
            return Ok(self.writer.begin_writing().await?);
        }
        self.must_be_in_place()?;
        let (mut seen, mut silent) = (self.changes().await?, 0);
        loop {
            match self.writer.begin_writing().await {
                Err(error) if trouble::is_locked(&error) => {
                    let now = self.changes().await?;
                    silent = if now == seen { silent + 1 } else { 0 };
                    if silent == SILENT {
                        return Err(error.into());
                    }
                    seen = now;
                }
                begun => return Ok(begun?),
            }
        }
    }

    /// A number that changes when another process has written to the file.
    async fn changes(&self) -> Result<i64> {
        Ok(query("PRAGMA data_version").fetch_one(&self.writer).await?.try_get(0)?)
    }
}

/// What is stored does not agree with itself.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Damaged(String);

fn damaged(words: impl Into<String>) -> Damaged {
    Damaged(words.into())
}

/// Whether an error is the store's: there is no point in going on with the next source.
pub fn is_failure(error: &anyhow::Error) -> bool {
    trouble::cause::<Damaged>(error).is_some()
        || trouble::cause::<sqlx::Error>(error).is_some()
        || trouble::cause::<stay::Gone>(error).is_some()
}

/// Names the store in an error of its own.
pub fn explain(error: anyhow::Error, address: &Address) -> anyhow::Error {
    if is_failure(&error) { trouble::explain(error, address) } else { error }
}

/// The number after the largest one; the transaction that asks is the only writer.
async fn next_number(connection: &mut Transaction, largest: &'static str) -> Result<i64> {
    let row = query(largest).fetch_one(connection).await?;
    Ok(row.try_get::<Option<i64>>(0)?.unwrap_or(0) + 1)
}
