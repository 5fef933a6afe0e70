//! `turnscope quarantine`: the recorded rows that the store could not hold, listed or tried again.

use anyhow::Result;
use serde_json::json;

use super::location::Location;
use super::output::Output;
use super::table::{Column, Fit, Table};
use super::{Ended, complain, tell};
use crate::cli::Quarantine;
use crate::record::{Outcome, Policy, Quarantined, quarantined, redrive};

const COLUMNS: [Column; 5] = [
    Column::left("at", Fit::Whole),
    Column::left("session", Fit::Whole),
    Column::left("event", Fit::Whole),
    Column::left("source", Fit::Yields(1)),
    Column::left("reason", Fit::Shrinks(12)),
];

pub async fn quarantine(location: &Location, wanted: &Quarantine, output: &mut Output) -> Result<Ended> {
    let folder = Policy::from_env().folder;
    let (mut rows, mut are_all) = (Vec::new(), true);
    for row in quarantined(&location.address, folder.as_deref())? {
        match row {
            Ok(row) => rows.push(row),
            Err(error) => {
                complain(&format!("{error:#}"));
                are_all = false;
            }
        }
    }
    if let Some(unknown) = wanted.events.iter().find(|id| !rows.iter().any(|row| row.id == **id)) {
        complain(&format!("no event {unknown} is in the quarantine of {}", location.address));
        return Ok(Ended::Failed);
    }
    rows.retain(|row| wanted.events.is_empty() || wanted.events.contains(&row.id));
    let ended = match wanted.retry {
        // What could not be read is there.
        true if rows.is_empty() && !are_all => Ended::Well,
        true => retry(location, &rows, output).await?,
        false => list(&rows, output)?,
    };
    Ok(if are_all || ended != Ended::Well { ended } else { Ended::WithBadRecords })
}

fn list(rows: &[Quarantined], output: &mut Output) -> Result<Ended> {
    let mut table = Table::new(&COLUMNS);
    for row in rows {
        if output.json {
            output.object(&json!({
                "at": row.at.rfc3339(),
                "session": row.session,
                "event": row.id,
                "source": row.source,
                "reason": row.reason,
                "path": row.path.to_string_lossy(),
                "row": row.row,
            }))?;
        } else {
            let texts = [&row.session, &row.id, &row.source, &row.reason].map(String::to_owned);
            table.row(std::iter::once(output.time(Some(row.at))).chain(texts).collect());
        }
    }
    table.print(output)?;
    Ok(Ended::Well)
}

async fn retry(location: &Location, rows: &[Quarantined], output: &mut Output) -> Result<Ended> {
    if rows.is_empty() {
        tell("the quarantine is empty");
        return Ok(Ended::Well);
    }
    let store = location.open().await?;
    let outcomes = redrive(&store, rows).await?;
    store.close().await;
    for (row, outcome) in rows.iter().zip(&outcomes) {
        let reason = match outcome {
            Outcome::Rejected { reason, .. } => Some(reason),
            _ => None,
        };
        if output.json {
            output.object(&json!({
                "session": row.session, "event": row.id, "outcome": outcome.name(), "reason": reason,
            }))?;
        } else {
            output.line(&crate::domain::safe(&format!("{} {}", outcome.name(), row.id)))?;
        }
        if let Some(reason) = reason {
            complain(&format!("{}: {reason}", row.id));
        }
    }
    Ok(if outcomes.iter().all(Outcome::is_kept) { Ended::Well } else { Ended::WithBadRecords })
}
