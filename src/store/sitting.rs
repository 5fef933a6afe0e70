//! A store for one sitting: nobody needs it after a crash, so it waits for no disk and keeps little in memory.

use anyhow::Result;

use super::Store;
use super::engine::{Engine, query};

/// Page cache of the writer, in KiB below zero: the system keeps the file in memory as long as it can.
const CACHE: &str = "PRAGMA cache_size = -8192";

impl Store {
    /// From here on nothing is waited for until it is on the disk.
    pub async fn for_one_sitting(&self) -> Result<()> {
        if self.engine() == Engine::Postgres {
            return Ok(());
        }
        for statement in ["PRAGMA synchronous = OFF", CACHE] {
            query(statement).execute(&self.writer).await?;
        }
        Ok(())
    }
}
