//! Where the store is, and opening it: commands that only read never make one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use etcetera::base_strategy::{BaseStrategy, Xdg};

use super::{tell, usage};
use crate::store::original::look;
use crate::store::{Address, Store, Url};

/// What a store's file begins with.
const STORE: &[u8] = b"SQLite format 3\0";

/// Where the store is kept, whether it is there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub address: Address,
}

impl Location {
    /// What was named, else `turnscope/turnscope.db` in the user's data folder.
    pub fn find(named: Option<&OsStr>) -> Result<Self> {
        let address = match named.filter(|named| !named.is_empty()) {
            Some(named) => {
                if let Some(foreign) = Address::foreign(named) {
                    return Err(usage(format!("{foreign} is no store: name a path, or postgres://…")));
                }
                let address = Address::parse(named);
                if let Address::Server(url) = &address {
                    checked(url)?;
                }
                address
            }
            None => {
                let folders = Xdg::new().context("could not find the home folder; name a store with --store")?;
                Address::File(folders.data_dir().join("turnscope").join("turnscope.db"))
            }
        };
        Ok(Self { address })
    }

    /// Opens the store, and makes it and its folder where there is none.
    pub async fn open_or_make(&self) -> Result<Store> {
        Store::at(&self.address).await
    }

    /// Opens the store for a command that names a session in it.
    pub async fn open(&self) -> Result<Store> {
        if !self.is_there().await? {
            bail!("there is {}", self.nothing_yet().await);
        }
        self.at_rest().await
    }

    /// Opens the store for a list. Without a store the list is empty, and a hint on stderr says so.
    pub async fn open_if_there(&self) -> Result<Option<Store>> {
        if !self.is_there().await? {
            tell(&self.nothing_yet().await);
            return Ok(None);
        }
        self.at_rest().await.map(Some)
    }

    /// That there is no store, and what can be done about it.
    async fn nothing_yet(&self) -> String {
        let is_original = match &self.address {
            // A database that says no more has said that it is no store.
            Address::Server(url) => look(url).await.is_ok_and(|found| found.original.is_some()),
            Address::File(_) => false,
        };
        // The address as it is shown lacks its password and options.
        let hint = match is_original {
            true => {
                "this database is the original's: `turnscope URL` attaches it, and `turnscope import URL` brings its sessions over"
            }
            false => "bring sessions in with `turnscope import`",
        };
        format!("no store yet at {}: {hint}", self.address)
    }

    /// The store with its counts as far as they can be had.
    async fn at_rest(&self) -> Result<Store> {
        let store = Store::at(&self.address).await?;
        store.settle_left().await;
        Ok(store)
    }

    async fn is_there(&self) -> Result<bool> {
        Store::is_there(&self.address).await
    }
}

/// Whether a file is a store, as its first bytes tell.
pub fn is_store(path: &Path) -> bool {
    let mut start = [0; STORE.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == STORE
}

/// An address that cannot be meant is a mistake of whoever typed it.
pub fn checked(url: &Url) -> Result<()> {
    url.check().map_err(|error| usage(format!("{error:#}")))
}

/// The one database that is named; `None` where files and folders are.
pub fn database(paths: &[PathBuf]) -> Result<Option<Url>> {
    let addresses = paths.iter().filter_map(|path| match Address::parse(path.as_os_str()) {
        Address::Server(url) => Some(url),
        Address::File(_) => None,
    });
    match (addresses.collect::<Vec<_>>().as_slice(), paths) {
        ([], _) => Ok(None),
        ([url], [_]) => {
            checked(url)?;
            Ok(Some(url.clone()))
        }
        // An address may hold a password, so it is not repeated.
        _ => Err(usage("a database is named alone, without other databases, files or folders")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_store_wins() {
        let location = Location::find(Some(OsStr::new("here.db"))).expect("valid");
        assert_eq!(location.address.file(), Some(Path::new("here.db")));
    }
}
