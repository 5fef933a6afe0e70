//! Opens a store: one file, one writer, several readers, and clear words when that cannot be.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Executor, Row};

use super::Store;

/// The migrations in order; one that was released never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_ledgers.sql"),
    include_str!("schema/0002_views.sql"),
    include_str!("schema/0003_filters.sql"),
];
/// Page caches, in KiB below zero: the writer looks up keys all over the file, readers mostly go along it.
const WRITER_CACHE: &str = "-32768";
const READER_CACHE: &str = "-4096";
/// How long a writer waits for another process.
const PATIENCE: Duration = Duration::from_secs(5);

impl Store {
    /// Opens a store, and makes it where there is none: the file and its folder readable by its owner alone.
    pub async fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, PATIENCE).await
    }

    /// As [`Self::open`], waiting only so long for a store that another process has locked.
    pub async fn open_with(path: &Path, patience: Duration) -> Result<Self> {
        if cannot_be_written(path) {
            return Self::open_to_read(path).await;
        }
        create(path).with_context(|| format!("could not make the store at {}", path.display()))?;
        let told = |error: anyhow::Error| explain(error, path);
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(patience).statement_cache_capacity(200);
        let writing = options
            .clone()
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .page_size(8192)
            .pragma("cache_size", WRITER_CACHE)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let writer =
            SqlitePoolOptions::new().max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
        let writer = writer.connect_with(writing).await.map_err(|error| told(error.into()))?;
        migrate(&writer).await.map_err(told)?;
        let readers = SqlitePoolOptions::new().max_connections(4).idle_timeout(None).max_lifetime(None);
        let readers = readers
            .connect_with(options.pragma("cache_size", READER_CACHE).read_only(true))
            .await
            .map_err(|error| told(error.into()))?;
        Ok(Self { writer, readers, path: path.to_owned() })
    }

    /// Opens a store that may not be written, as it stands; what would change it fails with clear words.
    async fn open_to_read(path: &Path) -> Result<Self> {
        let told = |error: anyhow::Error| explain(error, path);
        let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await
            .map_err(|error| told(error.into()))?;
        let version: i64 = sqlx::query("PRAGMA user_version")
            .fetch_one(&readers)
            .await
            .map_err(|error| told(error.into()))?
            .try_get(0)?;
        if version != MIGRATIONS.len() as i64 {
            return Err(told(anyhow::anyhow!(
                "it has schema {version}, this one knows {}, and it cannot be written",
                MIGRATIONS.len()
            )));
        }
        Ok(Self { writer: readers.clone(), readers, path: path.to_owned() })
    }

    /// Closes the connections, so that the file alone holds everything.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Whether the store is there and this user may only read it.
fn cannot_be_written(path: &Path) -> bool {
    let refused =
        |error: &std::io::Error| matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem);
    path.is_file() && OpenOptions::new().append(true).open(path).is_err_and(|error| refused(&error))
}

fn create(path: &Path) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if !path.exists() {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    }
    if path.is_dir() {
        bail!("it is a folder");
    }
    Ok(())
}

/// Brings the schema up to date, in one transaction.
async fn migrate(writer: &SqlitePool) -> Result<()> {
    let known = MIGRATIONS.len() as i64;
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(writer).await?.try_get(0)?;
    if version > known {
        bail!("it was made by a newer turnscope (schema {version}; this one knows {known})");
    }
    if version == known {
        return Ok(());
    }
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *transaction).await?.try_get(0)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version)?) {
        transaction.execute(*migration).await?;
    }
    // A pragma takes no bound values; the number is our own.
    sqlx::query(AssertSqlSafe(format!("PRAGMA user_version = {known}"))).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Says what went wrong with the store in the user's words.
pub(super) fn explain(error: anyhow::Error, path: &Path) -> anyhow::Error {
    let words = code_of(&error).and_then(|code| words_of(code, path));
    error.context(words.unwrap_or_else(|| format!("could not use the store {}", path.display())))
}

impl Store {
    /// What went wrong with this store, in the user's words and each thing once; `None` where it was not the store.
    pub fn explained(&self, error: &anyhow::Error) -> Option<String> {
        let cause = error.chain().find(|cause| cause.is::<sqlx::Error>())?;
        let words = code_of(error).and_then(|code| words_of(code, &self.path));
        let words = words.unwrap_or_else(|| format!("could not use the store {}: {cause}", self.path.display()));
        let outer = error.to_string();
        let is_said = outer == cause.to_string() || words.starts_with(&outer);
        Some(if is_said { words } else { format!("{outer}: {words}") })
    }
}

/// The primary result code of SQLite.
fn code_of(error: &anyhow::Error) -> Option<i64> {
    let error = error.chain().find_map(|cause| cause.downcast_ref::<sqlx::Error>())?;
    match error {
        sqlx::Error::Database(database) => Some(database.code()?.parse::<i64>().ok()? & 0xff),
        _ => None,
    }
}

fn words_of(code: i64, path: &Path) -> Option<String> {
    let store = path.display();
    Some(match code {
        5 | 6 => format!("the store {store} is locked by another process; try again when it is done"),
        8 => format!("the store {store} cannot be written (read-only)"),
        10 | 14 if !path.exists() => format!("the store {store} is gone"),
        10 => format!("the store {store} could not be read or written"),
        11 | 26 => format!("the store {store} is damaged or is no turnscope store"),
        13 => format!("the disk is full: {store}"),
        14 => format!("the store {store} could not be opened"),
        _ => return None,
    })
}
