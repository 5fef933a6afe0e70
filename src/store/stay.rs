//! Whether a store's file is still where it was opened: nobody finds again what is written to one that was moved away.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Result;

use super::Store;

/// Which file it is: device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inode(u64, u64);

/// The file is no longer at its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Gone {
    #[error("was moved or deleted while it was open; put it back, or start again")]
    Away,
    /// Not even a copy of it will do: what is open is the other one.
    #[error("was replaced by another file while it was open; restart to use the one that is there now")]
    Replaced,
}

impl Inode {
    pub(super) fn of(path: &Path) -> std::io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self(found.dev(), found.ino()))
    }
}

impl Store {
    /// Whether what is written now can be found again at the store's address.
    ///
    /// # Errors
    /// When another file lies there, or none.
    pub fn must_be_in_place(&self) -> Result<()> {
        let (Some(opened), Some(path)) = (self.inode, self.file()) else { return Ok(()) };
        match Inode::of(path) {
            Ok(found) if found == opened => Ok(()),
            // Where that cannot be asked, writing will tell.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Ok(()),
            Ok(_) => Err(super::trouble::explain(Gone::Replaced.into(), &self.address)),
            Err(_) => Err(super::trouble::explain(Gone::Away.into(), &self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::Kind;
    use crate::store::tests::{batch, event, file_desk, session};
    use crate::store::{Trouble, trouble};

    #[tokio::test]
    async fn nothing_is_stored_in_a_file_that_is_no_longer_there() {
        let desk = file_desk().await;
        let path = desk.store.file().expect("a file").to_owned();
        let of = |file: &str| [batch(file, &[session("s")], vec![event("s", "e1", 1, Kind::Model)])];
        desk.store.append(&of("/f")).await.expect("is stored");
        let elsewhere = path.with_extension("old");
        std::fs::rename(&path, &elsewhere).expect("is moved");
        for words in [
            "moved or deleted while it was open; put it back, or start again",
            "restart to use the one that is there now",
        ] {
            let error = desk.store.append(&of("/g")).await.expect_err("is gone");
            assert_eq!(trouble(&error), Trouble::Broken, "{error:#}");
            assert!(error.to_string().ends_with(words), "{error:#}");
            // Nor in another one that lies in its place.
            std::fs::write(&path, b"").expect("is written");
        }
        std::fs::rename(&elsewhere, &path).expect("is moved back");
        desk.store.append(&of("/g")).await.expect("is stored");
    }
}
