//! `turnscope reindex`: what older rules have read is read anew from the kept records.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use super::import::cancel_on_interrupt;
use super::location::Location;
use super::output::Output;
use super::progress::follow;
use super::recount::now;
use super::{Ended, tell};
use crate::cli::Reindex;
use crate::import::{Control, RULES, Reindexed, reindex as read_anew};
use crate::report::count_findings;

pub async fn reindex(location: &Location, wanted: &Reindex, output: &mut Output) -> Result<Ended> {
    let store = location.open().await?;
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_interrupt(Arc::clone(&cancelled))?;
    let (notices, heard) = unbounded_channel();
    let (reading, all) = (store.clone(), wanted.all);
    // On a thread of its own, so that the telling goes on while it reads.
    let work = tokio::spawn(async move {
        let done = read_anew(&reading, all, &Control { notices, cancelled }).await?;
        count_findings(&reading, &done.sessions, now()).await?;
        anyhow::Ok(done)
    });
    follow(heard).await;
    let done = work.await.context("reading anew broke off")?.with_context(|| {
        format!("could not read anew what {} has kept; what was not read yet is as it was", location.address)
    })?;
    store.close().await;
    print(&done, output)?;
    Ok(if done.cancelled { Ended::Cancelled } else { Ended::Well })
}

fn print(done: &Reindexed, output: &mut Output) -> Result<()> {
    for (path, reason) in &done.left {
        tell(&format!("{path}: left as it was: {reason}"));
    }
    if output.json {
        return output.object(&json!({
            "rules": RULES,
            "sources": done.sources,
            "records": done.records,
            "events": done.events,
            "current": done.current,
            "left": done.left.iter().map(|(path, reason)| json!({"path": path, "reason": reason})).collect::<Vec<_>>(),
            "sessions": done.sessions.len(),
            "cancelled": done.cancelled,
        }));
    }
    let Reindexed { sources, records, events, current, .. } = done;
    let sessions = done.sessions.len();
    tell(&format!("read {sources} sources anew: {records} records, {events} events, {sessions} sessions"));
    if *current > 0 {
        tell(&format!("{current} sources are as the rules of this version (rules {RULES}) have them"));
    }
    if done.cancelled {
        tell("cancelled: the sources that were not read yet are as they were");
    }
    Ok(())
}
