//! Looks through what is to leave for secrets, before the screen shows them and a second walk writes.

use std::sync::Arc;

use anyhow::{Result, anyhow};

use super::Worker;
use crate::report::{Extra, Redaction, Review, review};
use crate::ui::message::Message;
use crate::ui::sheet::Wish;

impl Worker {
    /// The same key as before, so that what was spared is known again.
    pub(super) async fn review(&self, job: u64, wish: Box<Wish>, before: Option<Arc<Review>>) -> Result<Message> {
        let rules = wish.choices.rules().map_err(|fault| anyhow!(fault))?;
        let redaction = match before {
            None => Redaction::new(rules)?,
            Some(before) => before.redaction.changed(rules, wish.choices.marks())?,
        };
        let mut tell = |done: u64| {
            self.check()?;
            // A full channel only loses a line about progress.
            let _ = self.replies.try_send(Message::Progress { job, words: crate::ui::words::size(done) });
            Ok(())
        };
        let review = review(&self.backend.store, &wish.selection, &Extra::new(), &redaction, &mut tell).await?;
        Ok(Message::Reviewed(job, Arc::new(review), wish))
    }
}
