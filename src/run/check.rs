//! `turnscope check`: what does not add up, session by session.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use serde_json::json;

use super::Ended;
use super::location::Location;
use super::output::Output;
use super::selection::{self, Window};
use super::table::{Column, Fit, Table};
use super::{complain, recount::now};
use crate::cli::{Check, Gravity};
use crate::domain::Session;
use crate::report::{Joined, findings, in_families};
use crate::store::{self, Store};
use crate::timeline::{Finding, Severity};

/// Findings whose events are looked up at once.
const PART: usize = 500;

const COLUMNS: [Column; 5] = [
    Column::left("severity", Fit::Whole),
    Column::left("finding", Fit::Whole),
    Column::left("session", Fit::Whole),
    Column::left("event", Fit::Whole),
    Column::left("detail", Fit::Shrinks(12)),
];

pub async fn check(location: &Location, wanted: &Check, output: &mut Output) -> Result<Ended> {
    let least = severity(wanted.severity);
    let Some((store, sessions, window)) =
        selection::find_or_all(location, wanted.session.as_deref(), &wanted.original, &output.zone).await?
    else {
        return Ok(Ended::Well);
    };
    let mut table = Table::new(&COLUMNS);
    let mut before: Option<Joined> = None;
    let (mut found, now) = (false, now());
    for session in &in_families(sessions) {
        let joined = Joined::after(&store, session, before.take()).await?;
        let findings = findings(&store, session, &joined, now).await?;
        keep_count(&store, session, findings.len()).await;
        let findings = inside(&store, session, window, findings).await?;
        found |= findings.iter().any(|finding| finding.severity >= least);
        tell(&store, session, &findings, &mut table, output).await?;
        before = Some(joined);
    }
    store.close().await;
    Ok(if found { Ended::WithFindings } else { Ended::Well })
}

/// Has the list of sessions say how many there are, where it says otherwise.
async fn keep_count(store: &Store, session: &Session, count: usize) {
    if session.findings != count as i64
        && let Err(error) = store.set_findings(session.number, count).await
    {
        let reason = store::explain(error, store.address());
        complain(&format!("could not keep how many findings {} has: {reason}", session.id));
    }
}

/// The findings at events in the window. Joins are those of the whole session: what lies outside is not lost.
async fn inside(store: &Store, session: &Session, window: Window, mut findings: Vec<Finding>) -> Result<Vec<Finding>> {
    if !window.is_open() {
        let heads = window.narrow(store.heads(session.number, None).await?);
        let kept: HashSet<i64> = heads.iter().map(|head| head.number).collect();
        findings.retain(|finding| kept.contains(&finding.event));
    }
    Ok(findings)
}

async fn tell(
    store: &Store,
    session: &Session,
    findings: &[Finding],
    table: &mut Table,
    output: &mut Output,
) -> Result<()> {
    for part in findings.chunks(PART) {
        let numbers: Vec<i64> = part.iter().map(|finding| finding.event).collect();
        let events = store.events(&numbers).await?;
        let ids: HashMap<i64, String> = events.iter().map(|event| (event.number, event.name())).collect();
        tell_part(session, part, &ids, table, output)?;
        table.print(output)?;
    }
    Ok(())
}

fn tell_part(
    session: &Session,
    findings: &[Finding],
    ids: &HashMap<i64, String>,
    table: &mut Table,
    output: &mut Output,
) -> Result<()> {
    for finding in findings {
        let event = ids.get(&finding.event).map_or("", String::as_str);
        if output.json {
            output.object(&json!({
                "session": session.id,
                "severity": finding.severity.name(),
                "finding": finding.name,
                "event": event,
                "detail": finding.detail,
            }))?;
            continue;
        }
        let cells = [finding.severity.name(), finding.name, &session.id, event, &finding.detail];
        let cells = cells.map(str::to_owned).to_vec();
        if finding.severity == Severity::Error { table.red_row(cells) } else { table.row(cells) }
    }
    Ok(())
}

fn severity(gravity: Gravity) -> Severity {
    match gravity {
        Gravity::Info => Severity::Info,
        Gravity::Warning => Severity::Warning,
        Gravity::Error => Severity::Error,
    }
}
