//! What the screen follows: the files of a session, as far as they are on this machine, and those that were named.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use tokio::sync::Mutex;
use tokio::sync::mpsc::unbounded_channel;

use super::recount::recount;
use crate::domain::Session;
use crate::import::{Control, Watch, path_of};
use crate::store::Store;
use crate::ui::{Answer, Refresh};

/// Files that are watched while something is followed.
#[derive(Debug)]
pub struct Files {
    store: Store,
    /// What was named to be browsed; empty where the store is browsed as it is.
    named: Vec<PathBuf>,
    /// An import of what was named is under way, and brings in what is new by itself.
    importing: Arc<AtomicBool>,
    watch: Mutex<Option<Watch>>,
}

impl Files {
    pub fn of(store: &Store, named: &[PathBuf], importing: &Arc<AtomicBool>) -> Arc<Self> {
        Arc::new(Self {
            store: store.clone(),
            named: named.to_vec(),
            importing: Arc::clone(importing),
            watch: Mutex::new(None),
        })
    }

    /// The files that a session was read from, each with the folder beside it in which its sub-agents lie.
    async fn files_of(&self, session: &Session) -> Result<Vec<PathBuf>> {
        let sources = self.store.sources_of(session.number).await?;
        let files: Vec<PathBuf> =
            sources.iter().map(|source| path_of(&source.path)).filter(|path| path.is_file()).collect();
        let folders: Vec<PathBuf> =
            files.iter().map(|file| file.with_extension("")).filter(|folder| folder.is_dir()).collect();
        Ok(files.into_iter().chain(folders).collect())
    }

    async fn bring_in(&self) -> Result<bool> {
        if self.importing.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let mut watch = self.watch.lock().await;
        let Some(watch) = watch.as_mut() else { return Ok(false) };
        let (notices, _) = unbounded_channel();
        let control = Control { notices, cancelled: Arc::default() };
        let outcome = watch.bring_in(&self.store, &control).await?;
        if let Some(outcome) = &outcome {
            recount(&self.store, outcome).await?;
        }
        Ok(outcome.is_some_and(|outcome| outcome.reports.iter().any(|report| !report.unchanged)))
    }
}

impl Refresh for Files {
    fn watch<'a>(&'a self, session: Option<&'a Session>) -> Answer<'a> {
        Box::pin(async move {
            let paths = match session {
                Some(session) => self.files_of(session).await?,
                None => self.named.clone(),
            };
            *self.watch.lock().await = Some(Watch::from_the_start(paths));
            Ok(false)
        })
    }

    fn refresh(&self) -> Answer<'_> {
        Box::pin(self.bring_in())
    }
}
