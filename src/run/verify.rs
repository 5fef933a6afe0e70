//! `turnscope verify`: does a slice, or a store, still hold what it says?

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use super::import::counted;
use super::location::{Location, checked, is_store};
use super::output::Output;
use super::progress::{Share, follow};
use super::{Ended, complain, tell};
use crate::cli::Verify;
use crate::domain::safe;
use crate::import::{Control, Proven, prove};
use crate::report;
use crate::store::{self, Address, Store};

pub async fn verify(wanted: &Verify, output: &mut Output) -> Result<Ended> {
    let address = Address::parse(wanted.file.as_os_str());
    let is_store = address.file().is_none_or(is_store);
    if is_store { store(&address, output).await } else { slice(wanted, output) }
}

fn slice(wanted: &Verify, output: &mut Output) -> Result<Ended> {
    let verdict = report::verify(&wanted.file).map_err(hinted)?;
    let path = wanted.file.to_string_lossy();
    let sound = verdict.problems.is_empty();
    if output.json {
        output.object(&json!({
            "path": path,
            "ok": sound,
            "sealed": verdict.sealed,
            "events": verdict.events,
            "bodies": verdict.bodies,
            "problems": verdict.problems,
        }))?;
    } else if sound {
        output.line(&format!("{}: all well, {} events and {} bodies", safe(&path), verdict.events, verdict.bodies))?;
    }
    if sound && !verdict.sealed {
        tell(&format!("{path}: it has no seal, so only its bodies were checked, not its rows"));
    }
    Ok(ended(&path, &verdict.problems))
}

/// Of a file that was read and is none of ours, which ones are.
fn hinted(error: anyhow::Error) -> anyhow::Error {
    if error.chain().any(|cause| cause.is::<std::io::Error>()) {
        return error;
    }
    anyhow!(
        "{error:#}; what can be verified is a slice (*.json, *.ndjson) or a page (*.html) from `turnscope export` or \
         `report`, or a store: reports in other forms hold no digests"
    )
}

async fn store(address: &Address, output: &mut Output) -> Result<Ended> {
    if let Address::Server(url) = address {
        checked(url)?;
    }
    let cancelled = Arc::new(AtomicBool::new(false));
    // What reads on another thread ends when it is told so.
    tokio::select! {
        ended = check_store(address, Arc::clone(&cancelled), output) => ended,
        _ = tokio::signal::ctrl_c() => {
            cancelled.store(true, Ordering::Relaxed);
            Ok(Ended::Cancelled)
        }
    }
}

async fn check_store(address: &Address, cancelled: Arc<AtomicBool>, output: &mut Output) -> Result<Ended> {
    let explained = |error| store::explain(error, address);
    let location = Location { address: address.clone() };
    let store = location.open().await?;
    let mut share = Share::new("checking");
    let mut found = store.verify(&mut |done, all| share.tell(done, all)).await.map_err(explained)?;
    drop(share);
    let proven = match compare(&store, cancelled).await {
        Ok(proven) => proven,
        Err(error) => {
            found.problems.push(format!("what it shows could not be compared: {:#}", explained(error)));
            Proven::default()
        }
    };
    store.close().await;
    found.problems.extend(proven.problems.iter().cloned());
    let path = address.to_string();
    let sound = found.problems.is_empty();
    if output.json {
        let left = proven.left.iter().map(|(path, reason)| json!({"path": path, "reason": reason}));
        output.object(&json!({
            "path": path,
            "ok": sound,
            "pieces": found.pieces,
            "records": found.records,
            "bodies": found.bodies,
            "missing": found.missing,
            "events": found.events,
            "purged": found.purged,
            "compared": proven.events,
            "left": left.collect::<Vec<_>>(),
            "problems": found.problems,
        }))?;
    } else if sound {
        let (records, bodies, pieces) = (found.records, found.bodies, found.pieces);
        output.line(&format!("{}: all well, {records} records and {bodies} bodies in {pieces} pieces", safe(&path)))?;
    }
    let ended = ended(&path, &found.problems);
    if found.missing > 0 {
        let bodies = found.missing;
        tell(&format!("{path}: {bodies} bodies were missing from slices when these came in, as their events say"));
    }
    tell_compared(&path, (found.events, found.purged), &proven);
    Ok(ended)
}

/// Compares what the store shows with what its records tell, and says how far that is.
async fn compare(store: &Store, cancelled: Arc<AtomicBool>) -> Result<Proven> {
    let (notices, heard) = unbounded_channel();
    let reading = store.clone();
    let work = tokio::spawn(async move { prove(&reading, &Control { notices, cancelled }).await });
    follow(heard).await;
    work.await.context("comparing broke off")?
}

/// Says which events were compared with their records, and why others were not.
fn tell_compared(path: &str, (events, purged): (u64, u64), proven: &Proven) {
    let left = events.saturating_sub(purged);
    if purged > 0 {
        let went = counted(purged, "event");
        tell(&format!("{path}: {went} purged; of each only the tombstone is left, and nothing to compare"));
    }
    if left > 0 || purged == 0 {
        tell(&format!("{path}: {} of {left} events are as their records tell them", proven.events));
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, reason) in &proven.left {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, sources) in reasons {
        tell(&format!("{path}: {} not compared: {reason}", counted(sources as u64, "source")));
    }
}

fn ended(path: &str, problems: &[String]) -> Ended {
    for problem in problems {
        complain(&format!("{path}: {problem}"));
    }
    if problems.is_empty() { Ended::Well } else { Ended::Failed }
}
