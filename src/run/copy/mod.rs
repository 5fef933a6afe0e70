//! `turnscope copy`: sessions from one store to another.

mod redacted;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use serde_json::json;

use super::import::{cancel_on_interrupt, counted};
use super::location::Location;
use super::output::Output;
use super::progress::Share;
use super::recount::now;
use super::{Ended, redact, session, tell, usage};
use crate::cli::Copy;
use crate::report::count_findings;
use crate::store::{self, Copied, Store};

pub async fn copy(wanted: &Copy, output: &mut Output) -> Result<Ended> {
    let (from, to) = (Location::find(Some(&wanted.from))?, Location::find(Some(&wanted.to))?);
    if is_one(&from, &to) {
        return Err(usage("both are the same store"));
    }
    // A rule that cannot be read stops everything before anything is opened.
    let redaction = redact::redaction(&wanted.redact)?;
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_interrupt(Arc::clone(&cancelled))?;
    let source = from.open().await?;
    let sessions = chosen(&source, &wanted.session).await?;
    let veiled = match &redaction {
        None => {
            redacted::refuse_beside_redacted(&source, &to, &sessions).await?;
            None
        }
        Some(by) => {
            redacted::refuse_another_key(&to, &sessions, by).await?;
            Some(redacted::look(&source, &sessions, by, &wanted.redact, &cancelled, output).await?)
        }
    };
    let is_cancelled = cancelled.load(Ordering::Relaxed);
    if wanted.redact.dry_run || is_cancelled {
        source.close().await;
        return Ok(if is_cancelled { Ended::Cancelled } else { Ended::Well });
    }
    let target = to.open_or_make().await?;
    let copied = match &veiled {
        None => {
            let numbers: Vec<i64> = sessions.iter().map(|session| session.number).collect();
            move_over(&source, &target, &numbers, &cancelled).await
        }
        Some(leaving) => redacted::move_over(&source, &target, leaving, &cancelled).await,
    };
    // Either store may be what failed.
    let copied = copied.map_err(|error| store::explain(error, &to.address));
    let copied = copied.with_context(|| format!("could not copy {} to {}", from.address, to.address))?;
    let is_cancelled = cancelled.load(Ordering::Relaxed);
    if !is_cancelled {
        let ids: BTreeSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
        count_findings(&target, &ids, now()).await?;
    }
    source.close().await;
    target.close().await;
    print(&copied, sessions.len(), is_cancelled, output)?;
    Ok(if is_cancelled { Ended::Cancelled } else { Ended::Well })
}

/// Whether two addresses are those of one store, as far as that can be told.
fn is_one(one: &Location, other: &Location) -> bool {
    let real = |location: &Location| location.address.file().and_then(|path| path.canonicalize().ok());
    one.address == other.address || real(one).is_some_and(|path| Some(path) == real(other))
}

/// The sessions that are named, with their sub-agents; without names all.
async fn chosen(store: &Store, names: &[String]) -> Result<Vec<crate::domain::Session>> {
    let all = store.sessions().await?;
    if names.is_empty() {
        return Ok(all);
    }
    let mut wanted = BTreeSet::new();
    for name in names {
        wanted.insert(session::find(store, name).await?.id);
    }
    // A sub-agent may have its own.
    loop {
        let is_below = |session: &&crate::domain::Session| {
            !wanted.contains(&session.id) && session.parent.as_ref().is_some_and(|parent| wanted.contains(parent))
        };
        let below: Vec<String> = all.iter().filter(is_below).map(|session| session.id.clone()).collect();
        if below.is_empty() {
            return Ok(all.into_iter().filter(|session| wanted.contains(&session.id)).collect());
        }
        wanted.extend(below);
    }
}

async fn move_over(from: &Store, to: &Store, sessions: &[i64], cancelled: &AtomicBool) -> Result<Copied> {
    let mut copy = store::Copy::of(from, to, sessions).await?;
    let mut share = Share::new("copying");
    while !cancelled.load(Ordering::Relaxed) && copy.step().await? {
        let (done, all) = copy.progress();
        share.tell(i64::try_from(done)?, i64::try_from(all)?);
    }
    copy.end().await
}

fn print(copied: &Copied, sessions: usize, is_cancelled: bool, output: &mut Output) -> Result<()> {
    if output.json {
        return output.object(&json!({
            "cancelled": is_cancelled,
            "sessions": sessions,
            "sources": copied.sources,
            "unchanged": copied.unchanged,
            "without_bytes": copied.without_bytes,
            "added": copied.added,
            "duplicates": copied.duplicates,
            "conflicts": copied.conflicts,
            "purged": copied.purged,
        }));
    }
    let how = if is_cancelled { "cancelled: " } else { "" };
    output.line(&format!(
        "{how}{}, {} ({} unchanged), {} new, {} there already",
        counted(sessions as u64, "session"),
        counted(copied.sources + copied.unchanged + copied.without_bytes, "source"),
        copied.unchanged,
        counted(copied.added, "event"),
        copied.duplicates,
    ))?;
    if copied.purged > 0 {
        tell(&format!("{} purged events stayed behind: there is nothing left of them to copy", copied.purged));
    }
    if copied.without_bytes > 0 {
        tell(&format!("of {} sources parts were purged: their events went, their files did not", copied.without_bytes));
    }
    if is_cancelled {
        tell("the same command goes on from here");
    }
    Ok(())
}
