//! Checks that the events which a key leads to are those that have it.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use futures_util::TryStreamExt;

use super::engine::query;
use super::{Store, rows};
use crate::domain::KeyKind;

/// Pairs of keys and events, in whatever order they come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pairs {
    count: u64,
    sum: u64,
}

impl Pairs {
    fn add(&mut self, key: i64, event: i64) {
        let mixed = key.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ event.cast_unsigned();
        let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        self.count += 1;
        self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 29));
    }
}

impl Store {
    /// What does not agree between the keys of events and the table by which they are found; `None` where all does.
    pub(super) async fn verify_keys(&self) -> Result<Option<String>> {
        let passed_over = [KeyKind::Session, KeyKind::Room].map(rows::key_code);
        let mut telling: HashSet<i64> = HashSet::new();
        let mut keys = query("SELECT key, kind FROM keys").fetch(&self.readers);
        while let Some(row) = keys.try_next().await? {
            if !passed_over.contains(&row.try_get::<i64>(1)?) {
                telling.insert(row.try_get(0)?);
            }
        }
        drop(keys);
        let (mut named, mut found) = (Pairs::default(), Pairs::default());
        let mut events = query("SELECT event, keys FROM events").fetch(&self.readers);
        while let Some(row) = events.try_next().await? {
            let event = row.try_get(0)?;
            let own: BTreeSet<i64> = rows::read_keys(row.try_get(1)?).map(|(key, _)| key).collect();
            own.iter().filter(|key| telling.contains(key)).for_each(|key| named.add(*key, event));
        }
        drop(events);
        let mut pairs = query("SELECT key, event FROM event_keys").fetch(&self.readers);
        while let Some(row) = pairs.try_next().await? {
            found.add(row.try_get(0)?, row.try_get(1)?);
        }
        let (have, lead) = (named.count, found.count);
        Ok((named != found).then(|| {
            format!("events are not found by the keys that they have: they have {have}, and {lead} lead to events")
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Key, KeyKind, Kind};
    use crate::store::engine::query;
    use crate::store::tests::{append, batch, desk, event, session};

    #[tokio::test]
    async fn keys_that_lead_elsewhere_are_told() {
        let desk = desk().await;
        let keyed = |id: &str, request: &str| {
            let mut keyed = event("s", id, 1, Kind::Model);
            keyed.keys = vec![Key::native(KeyKind::Request, request), Key::native(KeyKind::Session, "s")];
            keyed
        };
        append(&desk.store, batch("/f", &[session("s")], vec![keyed("a", "r1"), keyed("b", "r2")])).await;
        assert_eq!(desk.store.verify_keys().await.expect("reads"), None);
        for change in ["UPDATE event_keys SET event = 3 - event", "DELETE FROM event_keys"] {
            query(change).execute(&desk.store.writer).await.expect("is changed");
            let told = desk.store.verify_keys().await.expect("reads").expect("is told");
            assert!(told.starts_with("events are not found by the keys that they have: they have 2"), "{told}");
        }
    }
}
