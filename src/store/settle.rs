//! Settling: after events came in, whose they are (forks inherit) and what a session's own counts are.
//!
//! It depends only on what is stored, never on the order in which it arrived.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Store;
use super::engine::{On, Transaction, query};
use super::tally::Seen;

impl Store {
    /// Reckons the counts of every session that changed since the last time.
    pub async fn settle(&self) -> Result<()> {
        let settled = self.settle_all().await;
        settled.map_err(|error| super::trouble::explain(error, &self.address))
    }

    async fn settle_all(&self) -> Result<()> {
        if waiting(&self.readers).await?.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let new = waiting(&mut transaction).await?;
        let waiting: BTreeSet<i64> = new.iter().copied().collect();
        // Where events are shared, more than what is new may have changed.
        let mut anew = BTreeSet::new();
        for group in super::kinship::groups(&mut transaction, &new).await? {
            anew.extend(group.intersection(&waiting));
            anew.extend(super::kinship::settle(&mut transaction, &group).await?);
        }
        for session in &new {
            root_lineage(&mut transaction, *session).await?;
        }
        let mut fresh = super::count::fresh(&mut transaction, &waiting).await?;
        // Where events were taken away or are others now, halves may stand alone that did not before.
        let changed = changed(&mut transaction).await?;
        for session in fresh.events.keys().chain(&changed).copied().collect::<BTreeSet<_>>() {
            let news = fresh.events.get(&session).into_iter().flatten();
            let loose: Vec<i64> = news.filter(|seen| seen.is_loose_half()).map(|seen| seen.event).collect();
            let new = (!changed.contains(&session)).then_some(loose.as_slice());
            if new.is_none_or(|new| !new.is_empty()) && super::pair::pair_calls(&mut transaction, session, new).await? {
                anew.insert(session);
            }
        }
        let mut of_spans = BTreeSet::new();
        for session in fresh.events.keys().chain(&waiting).copied().collect::<BTreeSet<_>>() {
            if super::spans::is_of_spans(&mut transaction, session).await? {
                of_spans.insert(session);
                if super::spans::flag_wrappers(&mut transaction, session).await? {
                    anew.insert(session);
                }
                let has_tools = fresh.events.get(&session).is_some_and(|events| events.iter().any(Seen::is_of_tool));
                if (has_tools || changed.contains(&session)) && super::told::tie(&mut transaction, session).await? {
                    anew.insert(session);
                }
            }
        }
        for session in waiting.union(&anew) {
            super::count::recount(&mut transaction, *session, &mut fresh, anew.contains(session)).await?;
        }
        for session in of_spans {
            super::spans::name_session(&mut transaction, session).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// The sessions that changed since they were last reckoned.
async fn waiting(on: impl Into<On<'_>>) -> Result<Vec<i64>> {
    let rows = query("SELECT session FROM sessions WHERE settled = 0").fetch_all(on).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Those of them of which more has changed than that events came.
async fn changed(connection: &mut Transaction) -> Result<BTreeSet<i64>> {
    let rows = query("SELECT session FROM sessions WHERE settled = 0 AND counted = 2").fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Sets the lineage of a session and of all sub-agents below it.
pub(super) async fn set_lineage(connection: &mut Transaction, session: i64, lineage: &str) -> Result<()> {
    query(
        "WITH RECURSIVE below (session, id) AS (SELECT session, id FROM sessions WHERE session = $1 \
         UNION SELECT child.session, child.id FROM sessions child JOIN below ON child.parent = below.id) \
         UPDATE sessions SET lineage = $2 WHERE lineage <> $2 AND session IN (SELECT session FROM below)",
    )
    .bind(session)
    .bind(lineage)
    .execute(connection)
    .await?;
    Ok(())
}

/// A child's lineage is that of its root, however many parents stand between; and so for its own children.
async fn root_lineage(connection: &mut Transaction, session: i64) -> Result<()> {
    let row = query(
        "SELECT parent, lineage, EXISTS (SELECT 1 FROM sessions child WHERE child.parent = sessions.id) FROM sessions \
         WHERE session = $1",
    )
    .bind(session)
    .fetch_one(&mut *connection)
    .await?;
    let mut parent: Option<String> = row.try_get(0)?;
    let mut lineage: String = row.try_get(1)?;
    let (is_child, has_children) = (parent.is_some(), row.try_get::<bool>(2)?);
    // A chain of parents that leads back to itself ends here.
    for _ in 0..64 {
        let Some(id) = parent.take() else { break };
        let row = query("SELECT parent, lineage FROM sessions WHERE id = $1")
            .bind(&id)
            .fetch_optional(&mut *connection)
            .await?;
        lineage = match row {
            Some(row) => {
                parent = row.try_get(0)?;
                row.try_get(1)?
            }
            None => id,
        };
    }
    if is_child || has_children {
        set_lineage(connection, session, &lineage).await?;
    }
    Ok(())
}
