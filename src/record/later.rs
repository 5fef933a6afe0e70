//! A database that is away when a recorder starts: it is opened with the first attempt that reaches it.

use anyhow::Result;
use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use super::committer::Sink;
use crate::store::{Address, Appended, Batch, Keeping, Step, Store};

/// A store that is not open yet.
pub(super) struct Later {
    address: Address,
    keeping: Keeping,
    store: OnceCell<Store>,
}

impl Later {
    pub fn new(address: Address, keeping: Keeping) -> Self {
        Self { address, keeping, store: OnceCell::new() }
    }

    async fn store(&self) -> Result<&Store> {
        self.store.get_or_try_init(async || Ok(Store::at(&self.address).await?.keeping(self.keeping))).await
    }
}

impl Sink for Later {
    fn append<'a>(&'a self, batches: &'a [Batch]) -> BoxFuture<'a, Result<Vec<Appended>>> {
        Box::pin(async { self.store().await?.append(batches).await })
    }

    fn settle(&self, step: Step) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move { self.store().await?.settle_step(step).await })
    }
}
