//! A store in a folder of its own, and what it holds after something was recorded.

use std::path::PathBuf;

use turnscope::domain::{Event, Role};
use turnscope::store::Store;

pub struct Desk {
    pub folder: tempfile::TempDir,
    pub store: Store,
}

impl Desk {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
        Self { folder, store }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// All events of a session, in order.
    pub async fn events(&self, session: &str) -> Vec<Event> {
        events(&self.store, session).await
    }

    /// The bytes of a part of an event.
    pub async fn part(&self, event: &Event, role: Role) -> Option<String> {
        let bodies = self.store.bodies(&[event.number]).await.expect("reads");
        let body = bodies.into_iter().find(|body| body.role == role)?;
        let bytes = self.store.read(body.blob, body.start, body.size).await.expect("reads");
        assert_eq!(turnscope::store::digest(&bytes), body.digest);
        Some(String::from_utf8(bytes).expect("text"))
    }
}

pub async fn events(store: &Store, session: &str) -> Vec<Event> {
    let Some(session) = store.session(session).await.expect("reads") else { return Vec::new() };
    let heads = store.heads(session.number, None).await.expect("reads");
    let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
    store.events(&numbers).await.expect("reads")
}
