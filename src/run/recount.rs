//! Findings counted after an import, so that the list of sessions says what `check` finds.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::import::Outcome;
use crate::report::count_findings;
use crate::store::Store;

/// Whose joins tell of more than their events do by themselves: rows of the original, and slices of any session.
const TOLD_BY_JOINS: [&str; 2] = ["present", "turnscope"];

/// Counts the findings of the sessions that an import has changed. One that was cancelled waits for nothing more.
pub async fn recount(store: &Store, outcome: &Outcome) -> Result<()> {
    let changed = outcome.reports.iter().filter(|report| !report.unchanged);
    let joined = changed.filter(|report| TOLD_BY_JOINS.contains(&report.agent.as_str()));
    let sessions: BTreeSet<String> = joined.flat_map(|report| report.sessions.iter().cloned()).collect();
    if outcome.cancelled {
        return Ok(());
    }
    count_findings(store, &sessions, now()).await
}

/// µs since 1970.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
