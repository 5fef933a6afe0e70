//! `turnscope verify`: does a slice, or a store, still hold what it says?

use anyhow::Result;
use serde_json::json;

use super::location::{Location, is_store};
use super::output::Output;
use super::progress::Share;
use super::{Ended, complain, tell};
use crate::cli::Verify;
use crate::domain::safe;
use crate::report;
use crate::store::{self, Address};

pub async fn verify(wanted: &Verify, output: &mut Output) -> Result<Ended> {
    let address = Address::parse(wanted.file.as_os_str());
    let is_store = address.file().is_none_or(is_store);
    if is_store { store(&address, output).await } else { slice(wanted, output) }
}

fn slice(wanted: &Verify, output: &mut Output) -> Result<Ended> {
    let verdict = report::verify(&wanted.file)?;
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

async fn store(address: &Address, output: &mut Output) -> Result<Ended> {
    let explained = |error| store::explain(error, address);
    let location = Location { address: address.clone() };
    let store = location.open().await?;
    let mut share = Share::new("checking");
    let found = store.verify(&mut |done, all| share.tell(done, all)).await.map_err(explained)?;
    drop(share);
    store.close().await;
    let path = address.to_string();
    let sound = found.problems.is_empty();
    if output.json {
        output.object(&json!({
            "path": path,
            "ok": sound,
            "pieces": found.pieces,
            "records": found.records,
            "bodies": found.bodies,
            "problems": found.problems,
        }))?;
    } else if sound {
        let (records, bodies, pieces) = (found.records, found.bodies, found.pieces);
        output.line(&format!("{}: all well, {records} records and {bodies} bodies in {pieces} pieces", safe(&path)))?;
    }
    Ok(ended(&path, &found.problems))
}

fn ended(path: &str, problems: &[String]) -> Ended {
    for problem in problems {
        complain(&format!("{path}: {problem}"));
    }
    if problems.is_empty() { Ended::Well } else { Ended::Failed }
}
