//! Stores that fail, for tests: at the commit, before it and after it, or not at all for a while.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::committer::Sink;
use crate::store::{Appended, Batch, Step, Store};

/// What happens at one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store cannot be used.
    Fails,
    /// All is stored, and then the caller is told that it was not.
    CutBehind,
}

/// A store with faults, in the order in which commits come; then it works.
pub struct Faulty {
    pub store: Store,
    pub faults: Mutex<VecDeque<Fault>>,
    /// A commit waits for one of these.
    pub gate: Arc<Semaphore>,
}

impl Faulty {
    pub fn new(store: Store, faults: impl IntoIterator<Item = Fault>) -> Self {
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS >> 1));
        Self { store, faults: Mutex::new(faults.into_iter().collect()), gate }
    }

    fn next(&self) -> Option<Fault> {
        self.faults.lock().expect("not poisoned").pop_front()
    }
}

impl Sink for Faulty {
    fn append<'a>(&'a self, batches: &'a [Batch]) -> BoxFuture<'a, Result<Vec<Appended>>> {
        Box::pin(async move {
            self.gate.acquire().await?.forget();
            let broken = || anyhow::Error::from(sqlx::Error::PoolClosed);
            match self.next() {
                Some(Fault::Fails) => Err(broken()),
                Some(Fault::CutBehind) => {
                    Store::append(&self.store, batches).await?;
                    Err(broken())
                }
                None => Store::append(&self.store, batches).await,
            }
        })
    }

    fn settle(&self, step: Step) -> BoxFuture<'_, Result<bool>> {
        Box::pin(Store::settle_step(&self.store, step))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::record::{Committer, GroupPolicy, Item, Outcome, Refusal};

    fn item(id: &str) -> Item {
        let item = Item::model("runner", "model_call", "started");
        Item { event_id: Some(id.to_owned()), room: Some("r".to_owned()), ..item }
    }

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
        (folder, store)
    }

    #[tokio::test]
    async fn a_commit_that_failed_for_all_it_seemed_is_known_when_it_comes_again() {
        let (_folder, store) = store().await;
        let faulty = Faulty::new(store.clone(), [Fault::CutBehind, Fault::Fails]);
        let committer = Committer::start_on(Arc::new(faulty), GroupPolicy::default());
        for _ in 0..2 {
            let refused = committer.submit(vec![item("a"), item("b")]).await.expect_err("broken");
            assert!(matches!(refused, Refusal::Failed(_)), "{refused}");
        }
        let outcomes = committer.submit(vec![item("a"), item("b"), item("c")]).await.expect("taken");
        assert_eq!(outcomes.iter().map(Outcome::name).collect::<Vec<_>>(), ["duplicate", "duplicate", "stored"]);
        committer.close().await;
        assert_eq!(store.session("room:r").await.expect("reads").expect("there").events, 3);
    }

    #[tokio::test]
    async fn a_store_that_stands_still_is_busy_for_whoever_does_not_wait_longer() {
        let (_folder, store) = store().await;
        let faulty = Faulty { gate: Arc::new(Semaphore::new(0)), ..Faulty::new(store, []) };
        let gate = Arc::clone(&faulty.gate);
        let policy = GroupPolicy { patience: Duration::from_millis(1), waiting_items: 3, ..GroupPolicy::default() };
        let committer = Committer::start_on(Arc::new(faulty), policy);
        let refused = committer.submit(vec![item("a"), item("b")]).await.expect_err("stands still");
        assert!(matches!(refused, Refusal::Busy { .. }));
        // They still wait, so that there is no room for two more.
        assert_eq!(committer.figures().waiting, 2);
        assert!(matches!(committer.submit(vec![item("c"), item("d")]).await, Err(Refusal::Busy { .. })));
        assert_eq!(committer.figures().waiting, 2);
        gate.add_permits(10);
        committer.close().await;
        assert_eq!((committer.figures().stored, committer.figures().refused), (2, 4));
    }
}
