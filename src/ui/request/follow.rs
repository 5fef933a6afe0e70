//! Follows what comes into the store while the screen is open: from others, and from files that grow.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use anyhow::Result;

use super::Worker;
use crate::domain::Session;
use crate::ui::message::Message;

/// How long a look at the store comes after the one before.
const PAUSE: Duration = Duration::from_millis(250);

/// Answers when it is done.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;

/// Brings into the store what the files of a session hold by now.
pub trait Refresh: Debug + Send + Sync {
    /// Begins to watch the files of a session; without one, all that were named.
    fn watch<'a>(&'a self, session: Option<&'a Session>) -> Answer<'a>;
    /// Brings in what has come since the last look; says whether anything has.
    fn refresh(&self) -> Answer<'_>;
}

impl Worker {
    /// Tells of what is new, until it is cancelled.
    pub(super) async fn follow(&self, job: u64, session: Option<&Session>) -> Result<Option<Message>> {
        let store = &self.backend.store;
        let files = self.backend.files.as_deref();
        if let Some(files) = files {
            files.watch(session).await?;
        }
        let mut known = None;
        while self.check().is_ok() {
            let brought = match files {
                Some(files) => files.refresh().await?,
                None => false,
            };
            let newest = store.newest_event().await?;
            // What has come between the reading of the rows and the first look is told as well.
            if brought || known != Some(newest) {
                known = Some(newest);
                self.send(Message::News { job }).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(None)
    }
}
