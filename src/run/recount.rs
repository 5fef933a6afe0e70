//! Findings counted after an import, so that the list of sessions says what `check` finds.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::import::Outcome;
use crate::report::count_findings;
use crate::store::Store;

/// Of whom more is found than their events tell by themselves: rows of the original and slices of any session, by their
/// joins, and spans, by those inside them.
const TOLD_TOGETHER: [&str; 3] = ["present", "turnscope", "otel"];

/// Counts the findings of the sessions that an import has changed. One that was cancelled waits for nothing more.
pub async fn recount(store: &Store, outcome: &Outcome) -> Result<()> {
    let changed = outcome.reports.iter().filter(|report| !report.unchanged);
    let told = changed.filter(|report| TOLD_TOGETHER.contains(&report.agent.as_str()));
    let sessions: BTreeSet<String> = told.flat_map(|report| report.sessions.iter().cloned()).collect();
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
