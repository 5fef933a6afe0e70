//! Keeps sessions: all the SQL of the program is here.
//!
//! Contract: times go in and out as [`Timestamp`], events enter through [`Store::append`] alone, every body comes
//! out byte for byte as it went in, and a list never reads a body.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::domain::{Body, Event, Head, Key, Session};

/// A record of a source: where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub importer: String,
    /// The file, or the address.
    pub path: String,
    pub offset: i64,
    pub size: i64,
}

/// A mark or a note of the user's, kept apart from the data and keyed by stable ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub session: String,
    /// The id of a row.
    pub row: String,
    pub marked: bool,
    pub note: Option<String>,
}

/// The session store: a file on this machine.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// Opens a store, and makes it where there is none.
    pub async fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned() })
    }

    /// All sessions, children too, newest first.
    pub async fn sessions(&self) -> Result<Vec<Session>> {
        bail!("not yet: {}", self.path.display())
    }

    /// How many sessions and events there are, without reading them.
    pub async fn counts(&self) -> Result<(i64, i64)> {
        bail!("not yet")
    }

    pub async fn session(&self, _id: &str) -> Result<Option<Session>> {
        bail!("not yet")
    }

    /// The events of a session in timeline order, small. `limit` takes only the first ones.
    pub async fn heads(&self, _session: i64, _limit: Option<i64>) -> Result<Vec<Head>> {
        bail!("not yet")
    }

    /// Events by number, in the order asked for. Numbers that are not there are left out.
    pub async fn events(&self, _numbers: &[i64]) -> Result<Vec<Event>> {
        bail!("not yet")
    }

    /// The numbers of the events of a session that have this id, or are of the turn of this name.
    pub async fn named(&self, _session: i64, _id: &str) -> Result<Vec<i64>> {
        bail!("not yet")
    }

    /// The bodies of events, the whole record as `raw` included.
    pub async fn bodies(&self, _numbers: &[i64]) -> Result<Vec<Body>> {
        bail!("not yet")
    }

    /// Part of a body's bytes. Shorter than `size` only at the end of the blob.
    pub async fn read(&self, _blob: i64, _start: i64, _size: i64) -> Result<Vec<u8>> {
        bail!("not yet")
    }

    /// The numbers of events of a lineage that share a key, key by key.
    pub async fn sharing(&self, _lineage: &str, _keys: &[Key]) -> Result<Vec<(Key, Vec<i64>)>> {
        bail!("not yet")
    }

    /// Where the record of an event lies: all places, the first one first.
    pub async fn origins(&self, _number: i64) -> Result<Vec<Origin>> {
        bail!("not yet")
    }

    /// The marks and notes of a session.
    pub async fn annotations(&self, _session: &str) -> Result<Vec<Annotation>> {
        bail!("not yet")
    }

    /// Sets or clears a mark or a note; an annotation with neither is removed.
    pub async fn annotate(&self, _annotation: &Annotation) -> Result<()> {
        bail!("not yet")
    }
}
