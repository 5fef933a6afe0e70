//! A store for one sitting, in the user's cache folder: readable by its owner alone, gone when the program ends.

use std::path::PathBuf;

use anyhow::Result;

use crate::store::{PrivateFolder, Store};

/// A folder with a store in it; both go when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PrivateFolder,
}

impl Scratch {
    pub fn new() -> Result<Self> {
        Ok(Self { folder: PrivateFolder::new()? })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }

    pub async fn store(&self) -> Result<Store> {
        Store::open(&self.path("browse.db")).await
    }
}
