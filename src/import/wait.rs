//! Waiting for another process that reads the same source, as long as it gets on.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Control, Notice};
use crate::store::{Source, Store};

/// A process that reads the same source and does not get on for so long has stopped.
const STALLED: Duration = Duration::from_secs(3);
const LOOK_UP: Duration = Duration::from_millis(50);

/// Whether somebody has begun with a source and is not done with it, or was not when he stopped.
pub fn is_under_way(source: &Source) -> bool {
    source.size < source.consumed
}

/// Waits while somebody else gets on with a source, unless the user has enough of waiting.
pub async fn wait_for_the_other(store: &Store, name: &str, control: &Control) -> Result<()> {
    control.tell(Notice::Waiting { source: name.to_owned() });
    let mut seen = None;
    let mut since = Instant::now();
    while since.elapsed() < STALLED && !control.is_cancelled() {
        tokio::time::sleep(LOOK_UP).await;
        let now = store.source(name).await?;
        if now.as_ref().is_some_and(|source| !is_under_way(source)) {
            return Ok(());
        }
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
    Ok(())
}
