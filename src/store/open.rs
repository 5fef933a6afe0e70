//! Opens a store that is a file: one writer, several readers, and clear words when that cannot be.
//!
//! Opening to read leaves the file as it is and waits for nobody; the writer connects when something is written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Executor, Row};

use super::engine::Pool;
use super::stay::Inode;
use super::trouble::{BUSY, CANNOT_OPEN, READ_ONLY, explain, number_of};
use super::{Address, Keeping, PrivateFolder, Store};

/// The migrations in order; one that was released never changes.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_ledgers.sql"),
    include_str!("schema/0002_views.sql"),
    include_str!("schema/0003_filters.sql"),
    include_str!("schema/0004_blob_names.sql"),
    include_str!("schema/0005_settling.sql"),
    include_str!("schema/0006_states.sql"),
    include_str!("schema/0007_findings.sql"),
    include_str!("schema/0008_adopted.sql"),
    include_str!("schema/0009_tokens.sql"),
    include_str!("schema/0010_retention.sql"),
    include_str!("schema/0011_order.sql"),
];
/// Page caches, in KiB below zero: the writer looks up keys all over the file, readers mostly go along it.
const WRITER_CACHE: &str = "-32768";
const READER_CACHE: &str = "-4096";
/// Statements that stay prepared: most come for ten to twenty numbers of rows.
pub(super) const STATEMENTS: usize = 600;
/// How long a writer waits for another process.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon it tries again where the database does not wait by itself.
const AGAIN: Duration = Duration::from_millis(20);
/// What a store's file begins with, and where in it the number of its schema stands.
const MAGIC: &[u8] = b"SQLite format 3\0";
const SCHEMA_AT: usize = 60;

impl Store {
    /// Opens the store at an address; a file is made where there is none, and so are the tables in a database.
    pub async fn at(address: &Address) -> Result<Self> {
        match address {
            Address::File(path) => Self::open(path).await,
            Address::Server(url) => super::server::open(url, super::server::PATIENCE).await,
        }
    }

    /// As [`Self::at`], waiting only so long for a file that another process has locked, or for a server.
    pub async fn at_with(address: &Address, patience: Duration) -> Result<Self> {
        match address {
            Address::File(path) => Self::open_with(path, patience).await,
            Address::Server(url) => super::server::open(url, patience).await,
        }
    }

    /// As [`Self::at_with`], for whoever only looks: a file that is there is neither changed nor brought up to date.
    pub async fn to_look_at(address: &Address, patience: Duration) -> Result<Self> {
        match address {
            Address::File(path) => Self::open_to_read(path).await,
            Address::Server(url) if super::server::is_there(url).await? => super::server::open(url, patience).await,
            Address::Server(_) => bail!("there is no store at {address}"),
        }
    }

    /// Whether there is a store at an address.
    pub async fn is_there(address: &Address) -> Result<bool> {
        match address {
            Address::File(path) => {
                path.try_exists().with_context(|| format!("could not look for the store at {}", path.display()))
            }
            Address::Server(url) => super::server::is_there(url).await,
        }
    }

    /// Opens a store that is a file, and makes it where there is none: the file and its folder readable by its owner
    /// alone.
    pub async fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, PATIENCE).await
    }

    /// As [`Self::open`], waiting only so long for a store that another process has locked.
    pub async fn open_with(path: &Path, patience: Duration) -> Result<Self> {
        if path.is_file() {
            refuse_newer(path).map_err(|error| explain(error, &path.into()))?;
        }
        if cannot_be_written(path) {
            return Self::open_to_read(path).await.map_err(|error| explain(error, &path.into()));
        }
        let until = Instant::now() + patience;
        let mut is_made = false;
        let opened = loop {
            let is_new = create(path).with_context(|| format!("could not make the store at {}", path.display()))?;
            is_made |= is_new;
            match Self::open_to_write(path, patience, is_new).await {
                // The file may be written and its folder not.
                Err(error) if !is_made && matches!(number_of(&error), Some(READ_ONLY | CANNOT_OPEN)) => {
                    break Self::open_to_read(path).await;
                }
                // Of two that make a store the database lets neither wait for the other.
                Err(error) if is_made && number_of(&error) == Some(BUSY) && Instant::now() < until => {
                    tokio::time::sleep(AGAIN).await;
                }
                opened => break opened,
            }
        };
        opened.map_err(|error| explain(error, &path.into()))
    }

    async fn open_to_write(path: &Path, patience: Duration, is_new: bool) -> Result<Self> {
        super::process::set_up();
        let options =
            SqliteConnectOptions::new().filename(path).busy_timeout(patience).statement_cache_capacity(STATEMENTS);
        let mut writing = options
            .clone()
            .pragma("cache_size", WRITER_CACHE)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        if is_new {
            // On a store that is there these would write, and wait for whoever else writes.
            writing = writing.auto_vacuum(SqliteAutoVacuum::Incremental).page_size(8192);
        }
        let one = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let writer = one.connect_lazy_with(writing);
        if is_new {
            migrate(&writer).await?;
        }
        // They never write, and may all the same tidy up beside the file when the last of them goes.
        let reading = options.pragma("cache_size", READER_CACHE).pragma("query_only", "ON");
        let several = SqlitePoolOptions::new().max_connections(4).idle_timeout(None).max_lifetime(None);
        let readers = several.connect_with(reading).await?;
        if !is_current(&readers).await? {
            migrate(&writer).await?;
        }
        let (writer, readers) = (Pool::Sqlite(writer), Pool::Sqlite(readers));
        let (address, keeping) = (path.into(), Keeping::default());
        let inode = Some(Inode::of(path)?);
        Ok(Self { writer, readers, address, keeping, may_write: true, inode, _copy: None })
    }

    /// Opens a store that may not be written, as it stands; what would change it fails with clear words.
    pub(super) async fn open_to_read(path: &Path) -> Result<Self> {
        let store = Self::open_as_it_is(path).await?;
        if let Pool::Sqlite(readers) = &store.readers
            && !is_current(readers).await?
        {
            bail!("it was made by an older turnscope and cannot be written, so it cannot be brought up to date");
        }
        Ok(store)
    }

    /// Opens a file to read, whatever is in it.
    pub(super) async fn open_as_it_is(path: &Path) -> Result<Self> {
        super::process::set_up();
        let plain = |path: &Path| SqliteConnectOptions::new().filename(path).read_only(true);
        let (readers, copy) = if !beside(path, "-wal").exists() {
            (readers(plain(path).immutable(true)).await?, None)
        } else if let Ok(readers) = readers(plain(path)).await {
            (readers, None)
        } else if waiting(path) == 0 {
            (readers(plain(path).immutable(true)).await?, None)
        } else {
            let copy = copied(path).context("newer data waits in its -wal file, which cannot be read in place")?;
            (readers(plain(&copy.path("copy.db"))).await?, Some(Arc::new(copy)))
        };
        let (readers, keeping) = (Pool::Sqlite(readers), Keeping::default());
        let (writer, address) = (readers.clone(), path.into());
        Ok(Self { writer, readers, address, keeping, may_write: false, inode: None, _copy: copy })
    }

    /// For whoever only writes: an error where this may only be read.
    pub fn must_be_written(&self) -> Result<()> {
        if self.may_write {
            return Ok(());
        }
        bail!("the store {} cannot be written (read-only)", self.address)
    }
}

/// Connections that only read, once one of them has read something.
async fn readers(options: SqliteConnectOptions) -> Result<SqlitePool> {
    let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
    schema(&readers).await?;
    Ok(readers)
}

/// Whether the store is there and this user may only read it.
fn cannot_be_written(path: &Path) -> bool {
    let refused =
        |error: &std::io::Error| matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem);
    path.is_file() && OpenOptions::new().append(true).open(path).is_err_and(|error| refused(&error))
}

/// Makes a folder and those above it that are missing, readable by their owner alone. When this returns, the power may
/// go: it and what is put into it are found under its name.
///
/// # Errors
/// When that may not be.
pub fn make_folder(folder: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for above in missing.into_iter().filter_map(Path::parent) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        File::open(above)?.sync_all()?;
    }
    Ok(())
}

/// Makes an empty file where there is none; whether it is empty.
fn create(path: &Path) -> Result<bool> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        make_folder(folder)?;
    }
    // Another import may make it at the same moment: then it is there, which is all that is asked.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists && !path.exists() => return Err(error.into()),
        _ => {}
    }
    if path.is_dir() {
        bail!("it is a folder");
    }
    Ok(fs::metadata(path)?.len() == 0)
}

/// A file that the database keeps beside the store.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Bytes that wait beside the store to be written into it.
fn waiting(path: &Path) -> u64 {
    fs::metadata(beside(path, "-wal")).map_or(0, |found| found.len())
}

/// The store and what waits beside it, in a folder where they can be put together.
fn copied(path: &Path) -> Result<PrivateFolder> {
    let folder = PrivateFolder::new()?;
    for ending in ["", "-wal"] {
        let from = beside(path, ending);
        let mut read = File::open(&from).with_context(|| format!("could not open {}", from.display()))?;
        let mut options = OpenOptions::new();
        let mut written =
            options.write(true).create_new(true).mode(0o600).open(folder.path(&format!("copy.db{ending}")))?;
        std::io::copy(&mut read, &mut written).with_context(|| format!("could not copy {}", from.display()))?;
    }
    Ok(folder)
}

/// Refuses a store made by a newer version before anything touches it, where the file alone tells.
fn refuse_newer(path: &Path) -> Result<()> {
    let mut head = Vec::new();
    File::open(path)?.take(100).read_to_end(&mut head)?;
    let schema = head.get(SCHEMA_AT..SCHEMA_AT + 4).filter(|_| head.starts_with(MAGIC) && waiting(path) == 0);
    match schema.map(<[u8; 4]>::try_from) {
        Some(Ok(schema)) => refuse_schema(i64::from(i32::from_be_bytes(schema))),
        _ => Ok(()),
    }
}

/// The schema that this version makes.
pub(super) fn newest_schema() -> i64 {
    MIGRATIONS.len() as i64
}

fn refuse_schema(found: i64) -> Result<()> {
    let known = MIGRATIONS.len() as i64;
    if found > known {
        bail!("it was made by a newer turnscope (schema {found}; this one knows {known})");
    }
    Ok(())
}

async fn schema(store: &SqlitePool) -> Result<i64> {
    Ok(sqlx::query("PRAGMA user_version").fetch_one(store).await?.try_get(0)?)
}

/// Whether the schema is the one that this version knows; an older one waits to be brought up to date.
async fn is_current(store: &SqlitePool) -> Result<bool> {
    let found = schema(store).await?;
    refuse_schema(found)?;
    let tables = "SELECT count(*), count(*) FILTER (WHERE name = 'event_ids') FROM sqlite_schema WHERE type = 'table'";
    let row = sqlx::query(tables).fetch_one(store).await?;
    let (all, own): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if all > 0 && own == 0 {
        bail!("it is a database of another program");
    }
    Ok(found == MIGRATIONS.len() as i64)
}

/// Brings the schema up to date, in one transaction.
async fn migrate(writer: &SqlitePool) -> Result<()> {
    let known = MIGRATIONS.len() as i64;
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let version: i64 = sqlx::query("PRAGMA user_version").fetch_one(&mut *transaction).await?.try_get(0)?;
    refuse_schema(version)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(version)?) {
        transaction.execute(*migration).await?;
    }
    // A pragma takes no bound values; the number is our own.
    sqlx::query(AssertSqlSafe(format!("PRAGMA user_version = {known}"))).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}
