//! Settling: after events came in, whose they are (forks inherit) and what a session's own counts are.
//!
//! It depends only on what is stored, never on the order in which it arrived, nor on how many steps it takes.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;

use super::engine::{Row, Statement, Transaction, query};
use super::{Store, count, kinship, pair, rows, spans, told, wrapping};
use crate::domain::Kind;

/// How much one step takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// New events; and sessions, once all events are counted.
    pub events: i64,
    pub sessions: i64,
}

/// Everything at once.
const WHOLE: Step = Step { events: i64::MAX, sessions: i64::MAX };

/// What is reckoned at a time of what is left, and for how long.
const LEFT: Step = Step { events: 2000, sessions: 256 };
const MOMENT: Duration = Duration::from_millis(500);

impl Store {
    /// Reckons the counts of every session that changed since the last time.
    pub async fn settle(&self) -> Result<()> {
        self.settle_step(WHOLE).await?;
        Ok(())
    }

    /// Reckons a part of what has changed, in one short transaction. Says whether something is left.
    pub async fn settle_step(&self, step: Step) -> Result<bool> {
        let settled = self.take_step(step).await;
        settled.map_err(|error| super::trouble::explain(error, &self.address))
    }

    /// Reckons all that has changed, in short transactions that let others write between them. The steps grow, so that
    /// it comes to an end beside whoever goes on recording.
    pub(super) async fn settle_beside(&self, step: Step) -> Result<()> {
        let mut times = 1;
        for round in 1.. {
            if !self.settle_step(Step { events: step.events * times, sessions: step.sessions * times }).await? {
                break;
            }
            times = if round % 32 == 0 { (times * 2).min(1 << 16) } else { times };
        }
        Ok(())
    }

    /// Reckons what is not reckoned yet, so that whoever reads now reads one thing: a server does it within a second, and
    /// nobody where one was killed. It does so for a moment, and where something stands in the way, counts stay as they
    /// are until the next writer.
    pub async fn settle_left(&self) {
        if self.may_write {
            // Whoever asks only reads, and is told what is stored all the same.
            let _ = tokio::time::timeout(MOMENT, self.settle_beside(LEFT)).await;
        }
    }

    async fn take_step(&self, step: Step) -> Result<bool> {
        if query("SELECT 1 FROM sessions WHERE settled = 0 LIMIT 1").fetch_optional(&self.readers).await?.is_none() {
            return Ok(false);
        }
        let mut transaction = self.begin().await?;
        let fresh = count_new(&mut transaction, step.events).await?;
        let is_done = fresh.are_all && complete(&mut transaction, step.sessions, &fresh).await?;
        transaction.commit().await?;
        Ok(!is_done)
    }
}

/// Pairs, flags and counts new events. Sessions that must be counted anew are left for later.
async fn count_new(connection: &mut Transaction, most: i64) -> Result<count::Fresh> {
    let fresh = count::fresh(connection, most).await?;
    let anew = to_be_recounted(connection, &fresh.events.keys().copied().collect::<Vec<_>>()).await?;
    let counted = fresh.events.iter().filter(|(session, _)| !anew.contains(session));
    let loose = counted.flat_map(|(_, events)| events).filter(|seen| seen.is_loose_half());
    let loose: BTreeSet<i64> = loose.map(|seen| seen.event).collect();
    let mut moved = pair::pair_new(connection, &loose).await?;
    let known: Vec<i64> = fresh.events.keys().copied().filter(|session| !anew.contains(session)).collect();
    for session in spans::of_spans(connection, &known).await? {
        let Some(seen) = fresh.events.get(&session) else { continue };
        let new: Vec<i64> = seen.iter().map(|seen| seen.event).collect();
        let tools: Vec<i64> = seen.iter().filter(|seen| seen.kind == Kind::Tool).map(|seen| seen.event).collect();
        moved.extend(wrapping::flag_new(connection, session, &new).await?);
        moved.extend(told::tie_new(connection, session, &tools).await?);
        spans::name_after(connection, session, &new).await?;
    }
    count::grow(connection, &fresh, &moved, &anew).await?;
    Ok(fresh)
}

/// Settles some sessions of which all events are counted. Says whether those are all that wait.
async fn complete(connection: &mut Transaction, most: i64, fresh: &count::Fresh) -> Result<bool> {
    let mut sessions = waiting(connection, most.saturating_add(1)).await?;
    let is_last = i64::try_from(sessions.len())? <= most;
    sessions.truncate(usize::try_from(most)?);
    let mut anew = BTreeSet::new();
    // Where events are shared, more than what is new may have changed.
    for group in kinship::groups(connection, &sessions).await? {
        let kin = unsettled(connection, &group.iter().copied().collect::<Vec<_>>()).await?;
        sessions.extend(&kin);
        anew.extend(kin);
        anew.extend(kinship::settle(connection, &group).await?);
    }
    sessions.sort_unstable();
    sessions.dedup();
    for session in related(connection, &sessions).await? {
        root_lineage(connection, session).await?;
    }
    // Where events were taken away or are others now, halves may stand alone that did not before.
    let recounted = to_be_recounted(connection, &sessions).await?;
    for session in &recounted {
        pair::pair_all(connection, *session).await?;
    }
    for session in spans::of_spans(connection, &recounted.iter().copied().collect::<Vec<_>>()).await? {
        spans::flag_all(connection, session).await?;
        told::tie_all(connection, session).await?;
        spans::name_session(connection, session).await?;
    }
    anew.extend(recounted);
    for session in anew {
        count::recount(connection, session, fresh).await?;
    }
    for chunk in sessions.chunks(rows::CHUNK) {
        let mut query = Statement::new("UPDATE sessions SET settled = 1 WHERE session IN (");
        query.push_list(chunk.iter().copied()).push(")").build().execute(&mut *connection).await?;
    }
    Ok(is_last)
}

/// Sessions that changed since they were last settled, at most so many.
async fn waiting(connection: &mut Transaction, most: i64) -> Result<Vec<i64>> {
    let statement = "SELECT session FROM sessions WHERE settled = 0 ORDER BY session LIMIT $1";
    numbers(&query(statement).bind(most).fetch_all(connection).await?)
}

/// Those of some sessions that changed since they were last settled.
async fn unsettled(connection: &mut Transaction, sessions: &[i64]) -> Result<Vec<i64>> {
    of_these(connection, "SELECT session FROM sessions WHERE settled = 0 AND session IN (", sessions).await
}

/// Those of some sessions of which more has changed than that events came.
async fn to_be_recounted(connection: &mut Transaction, sessions: &[i64]) -> Result<BTreeSet<i64>> {
    let recounted = of_these(connection, "SELECT session FROM sessions WHERE counted = 2 AND session IN (", sessions);
    Ok(recounted.await?.into_iter().collect())
}

/// Those of some sessions that have a parent or children.
async fn related(connection: &mut Transaction, sessions: &[i64]) -> Result<Vec<i64>> {
    let statement = "SELECT session FROM sessions WHERE (parent IS NOT NULL OR EXISTS \
                     (SELECT 1 FROM sessions child WHERE child.parent = sessions.id)) AND session IN (";
    of_these(connection, statement, sessions).await
}

/// Asks which of some numbers meet the condition of a statement that goes on with them.
pub(super) async fn of_these(connection: &mut Transaction, statement: &'static str, all: &[i64]) -> Result<Vec<i64>> {
    let mut some = Vec::new();
    for chunk in all.chunks(rows::CHUNK) {
        let mut query = Statement::new(statement);
        query.push_list(chunk.iter().copied());
        some.extend(numbers(&query.push(")").build().fetch_all(&mut *connection).await?)?);
    }
    Ok(some)
}

fn numbers(rows: &[Row]) -> Result<Vec<i64>> {
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
    let row = query("SELECT parent, lineage FROM sessions WHERE session = $1")
        .bind(session)
        .fetch_one(&mut *connection)
        .await?;
    let mut parent: Option<String> = row.try_get(0)?;
    let mut lineage: String = row.try_get(1)?;
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
    set_lineage(connection, session, &lineage).await
}
