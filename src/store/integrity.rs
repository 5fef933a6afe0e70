//! What the check of a session asks of the store: counters, notes and warnings of importers, and what expires.

use anyhow::Result;

use super::Store;
use super::engine::{Statement, query};
use crate::domain::{Event, Kind, NOTED, flag};

impl Store {
    /// The numbers of the events of a session that these sources wrote, in timeline order.
    pub async fn of_sources(&self, session: i64, sources: &[&str]) -> Result<Vec<i64>> {
        let mut query = Statement::new("SELECT event FROM events WHERE session = ");
        query.push_bind(session).push(" AND source IN (");
        query.push_list(sources.iter().map(|source| (*source).to_owned()));
        let found = query
            .push(") ORDER BY order_time, origin, sequence, id, revision")
            .build()
            .persistent(false)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// What importers noted where something does not add up: event, name, value.
    pub async fn noted(&self, session: i64) -> Result<Vec<(i64, String, String)>> {
        let mut query = Statement::new(
            "SELECT attributes.event, attributes.name, attributes.value FROM events JOIN attributes \
             ON attributes.event = events.event WHERE events.session = ",
        );
        query.push_bind(session).push(" AND attributes.name IN (");
        query.push_list(NOTED.iter().map(|name| (*name).to_owned()));
        let found = query
            .push(") ORDER BY attributes.event, attributes.position")
            .build()
            .persistent(false)
            .fetch_all(&self.readers)
            .await?;
        found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    }

    /// What importers warned of a session as a whole, in timeline order.
    pub async fn warnings(&self, session: i64) -> Result<Vec<String>> {
        let found = query(
            "SELECT label FROM events WHERE session = $1 AND kind = $2 AND event_type = 'warnings' \
             ORDER BY order_time, origin, sequence, id, revision",
        )
        .bind(session)
        .bind(Kind::Other as i64)
        .fetch_all(&self.readers)
        .await?;
        found.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The names of a session's own events whose written times lie furthest behind their order, and how far, µs.
    pub async fn ran_back(&self, session: i64, most: i64) -> Result<Vec<(String, i64)>> {
        let found = query(
            "SELECT id, revision, order_time - at FROM events WHERE session = $1 AND flags & $2 = $3 AND at IS NOT NULL \
             ORDER BY order_time - at DESC, order_time, origin, sequence, id, revision LIMIT $4",
        )
        .bind(session)
        .bind(flag::TIME_RAN_BACK | flag::INHERITED)
        .bind(flag::TIME_RAN_BACK)
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        found.iter().map(|row| Ok((Event::name_of(row.try_get(0)?, row.try_get(1)?), row.try_get(2)?))).collect()
    }

    /// Of what expires after a time and until another: the event of a session that is first, when it expires, and how
    /// many do; `None` for none.
    pub async fn expiring(&self, session: i64, after: i64, until: i64) -> Result<Option<(i64, i64, i64)>> {
        let row = query(
            "SELECT event, expires, (SELECT count(*) FROM events WHERE session = $1 AND expires > $2 AND expires <= $3) \
             FROM events WHERE session = $1 AND expires > $2 AND expires <= $3 \
             ORDER BY expires, order_time, origin, sequence, id, revision LIMIT 1",
        )
        .bind(session)
        .bind(after)
        .bind(until)
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).transpose()
    }

    /// Notes how many findings a session has.
    pub async fn set_findings(&self, session: i64, count: usize) -> Result<()> {
        query("UPDATE sessions SET findings = $1 WHERE session = $2 AND findings <> $1")
            .bind(i64::try_from(count)?)
            .bind(session)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}
