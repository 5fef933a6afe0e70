//! Sessions that lie elsewhere: listed with those of the store, and brought over into it when they are opened.

use std::collections::HashSet;
use std::fmt::Debug;

use anyhow::{Result, bail};

use super::follow::Answer;
use super::{Cancel, Worker};
use crate::domain::Session;
use crate::ui::message::Message;

/// Says how far something is.
pub type Told<'a> = &'a (dyn Fn(String) + Send + Sync);

/// Where sessions lie that are not in the store yet.
pub trait Elsewhere: Debug + Send + Sync {
    /// All of them, as far as they are known before they are brought over.
    fn sessions(&self) -> Vec<Session>;
    /// Brings one over, or what is new of it; says whether it lies there at all.
    fn bring<'a>(&'a self, id: &'a str, cancelled: Cancel, told: Told<'a>) -> Answer<'a>;
}

impl Worker {
    /// Adds the sessions that are not here yet; their numbers are below zero.
    pub(super) fn with_those_elsewhere(&self, mut sessions: Vec<Session>) -> Vec<Session> {
        let Some(elsewhere) = &self.backend.elsewhere else { return sessions };
        let here: HashSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
        let there = elsewhere.sessions().into_iter().filter(|session| !here.contains(&session.id));
        sessions.extend(there.zip(1..).map(|(session, place)| Session { number: -place, ..session }));
        sessions.sort_by(|one, other| other.ended.cmp(&one.ended).then_with(|| one.id.cmp(&other.id)));
        sessions
    }

    /// Brings a session over and hands it on to be opened. What is here already opens also where that fails.
    pub(super) async fn bring(&self, job: u64, id: &str) -> Result<Message> {
        let replies = self.replies.clone();
        let told = move |words: String| {
            // A screen that is busy has no need of every step.
            let _ = replies.try_send(Message::Progress { job, words });
        };
        let brought = match &self.backend.elsewhere {
            Some(elsewhere) => elsewhere.bring(id, self.cancel.clone(), &told).await,
            None => Ok(false),
        };
        let found = self.backend.store.session(id).await?.map(Box::new);
        match (brought, found) {
            (brought, Some(session)) => {
                let words = brought.err().map(|error| self.backend.reason(&error));
                Ok(Message::Brought(job, session, words))
            }
            (Err(error), None) => Err(error),
            (Ok(_), None) => bail!("{id} has no rows of its own: other sessions claim them"),
        }
    }
}
