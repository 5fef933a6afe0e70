//! The keys of all events of a session, by number: what tells which row belongs below which.

use anyhow::Result;
use futures_util::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{Store, rows};
use crate::domain::KeyKind;

impl Store {
    /// The numbers of the keys of some kinds on the events of a session, with the event and the kind; in no order.
    pub async fn ties(&self, session: i64, kinds: &[KeyKind]) -> Result<Vec<(i64, KeyKind, i64)>> {
        let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
            "SELECT event_keys.event, keys.kind, keys.key FROM events JOIN event_keys ON event_keys.event = events.event \
             JOIN keys ON keys.key = event_keys.key WHERE events.session = ",
        );
        query.push_bind(session).push(" AND keys.kind IN (");
        rows::list(&mut query, kinds.iter().map(|kind| rows::key_code(*kind)));
        query.push(")");
        let mut found = query.build().persistent(false).fetch(&self.readers);
        let mut ties = Vec::new();
        while let Some(row) = found.try_next().await? {
            ties.push((row.try_get(0)?, rows::key_of(row.try_get(1)?)?, row.try_get(2)?));
        }
        Ok(ties)
    }
}
