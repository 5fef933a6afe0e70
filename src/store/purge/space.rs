//! Space: what a purge has freed inside the store's file, given back to the system.

use anyhow::Result;

use super::super::Store;
use super::super::engine::{Row, query};

/// Pages given back in one transaction.
const PAGES: i64 = 2000;

/// How much room the store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of its file, with what waits beside it left out.
    pub bytes: i64,
    /// Bytes of it that are free.
    pub free: i64,
}

/// What one step has given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    pub pages: i64,
    /// Whether there is more; it takes another step.
    pub more: bool,
}

impl Store {
    /// How much room the store takes, and how much of that is free.
    pub async fn room(&self) -> Result<Room> {
        let page: i64 = self.number("PRAGMA page_size").await?;
        let (pages, free) = (self.number("PRAGMA page_count").await?, self.number("PRAGMA freelist_count").await?);
        Ok(Room { bytes: pages * page, free: free * page })
    }

    /// Gives some free pages back; called again until there is no more. With a receipt they are written down in it.
    ///
    /// A store that was made to keep its pages gives none; [`Self::vacuum`] writes it anew.
    pub async fn return_space(&self, receipt: Option<i64>) -> Result<Returned> {
        let mut transaction = self.begin().await?;
        let free = |row: Row| row.try_get::<i64>(0);
        let before = free(query("PRAGMA freelist_count").fetch_one(&mut transaction).await?)?;
        // A pragma takes no bound values; the number is our own. Each row that is fetched is a page that goes.
        let statement = format!("PRAGMA incremental_vacuum({PAGES})");
        query(statement).fetch_all(&mut transaction).await?;
        let after = free(query("PRAGMA freelist_count").fetch_one(&mut transaction).await?)?;
        let pages = before - after;
        if let (Some(receipt), true) = (receipt, pages > 0) {
            query("UPDATE receipts SET pages = pages + $1 WHERE receipt = $2")
                .bind(pages)
                .bind(receipt)
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(Returned { pages, more: pages > 0 && after > 0 })
    }

    /// Writes what waits beside the store into its file, as far as nobody is reading there, and empties what waited.
    pub async fn write_through(&self) -> Result<()> {
        query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_all(&self.writer).await?;
        Ok(())
    }

    /// Writes the whole store anew, without free pages. It takes as much room again while it runs, and whoever wants to
    /// write waits.
    pub async fn vacuum(&self) -> Result<()> {
        for statement in ["PRAGMA auto_vacuum = INCREMENTAL", "VACUUM"] {
            query(statement).execute(&self.writer).await?;
        }
        self.write_through().await
    }

    async fn number(&self, statement: &'static str) -> Result<i64> {
        Ok(query(statement).fetch_one(&self.writer).await?.try_get(0)?)
    }
}
