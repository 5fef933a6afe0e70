//! Work on whole sessions, and on all of them.

use std::sync::Arc;

use anyhow::Result;
use tokio::task::spawn_blocking;

use super::Worker;
use crate::domain::Session;
use crate::report::{Found, Query, Search, Sifting};
use crate::timeline::{Rows, Tree};
use crate::ui::message::Message;
use crate::ui::state::Hit;

/// Hits in all sessions that are listed; the others are only counted.
const MOST_LISTED: usize = 1_000;

impl Worker {
    /// Looks through all sessions, the newest first.
    pub(super) async fn find(&self, job: u64, text: &str) -> Result<Message> {
        let query = Query::parse(text)?;
        let sessions = self.backend.store.sessions().await?;
        let (count, mut total, mut listed) = (sessions.len(), 0, 0);
        let events = sessions.iter().map(|session| session.events).sum::<i64>();
        let mut sifting = Sifting::start(&self.backend.store, &query, usize::try_from(events)?);
        let mut sifted = None;
        for (index, session) in sessions.into_iter().enumerate() {
            let session = Arc::new(session);
            let mut search = Search::of(&self.backend.store, &session, &query, sifted.as_ref()).await?;
            while let Some(found) = search.next().await? {
                self.check()?;
                if let Some(done) = sifting.done().await {
                    search.narrow(&done);
                    sifted = Some(done);
                }
                if found.is_empty() {
                    continue;
                }
                total += found.len();
                let hits: Vec<Hit> =
                    found.into_iter().take(MOST_LISTED - listed).map(|found| hit(&session, found)).collect();
                listed += hits.len();
                self.send(Message::Found { job, hits, total }).await;
            }
            self.check()?;
            let percent = (index + 1) * 100 / count;
            self.send(Message::Progress { job, words: format!("{percent}%") }).await;
        }
        Ok(Message::Ended { job, words: format!("{} in all sessions", crate::ui::words::counted(total, "hit")) })
    }
}

fn hit(session: &Arc<Session>, found: Found) -> Hit {
    let (event, at) = (found.event.number, found.event.order.time);
    Hit { session: session.clone(), event, at, role: found.role, snippet: found.snippet }
}

/// Nests many rows beside the loop.
pub(super) async fn nest(
    session: i64,
    rows: Arc<Rows>,
    parents: Arc<Vec<Option<u32>>>,
    shown: Option<Arc<Vec<u32>>>,
) -> Result<Message> {
    let (of, passing) = (rows.clone(), shown.clone());
    let nest = move || Tree::of(&of, &parents, passing.as_ref().map(|shown| shown.as_slice()));
    let tree = Box::new(spawn_blocking(nest).await?);
    Ok(Message::Nested { session, rows, shown, tree })
}
