//! All findings of a session: from its flags, its joins, its counters, what importers noted, and what will expire.

use anyhow::Result;

use super::Joined;
use crate::domain::{Session, Timestamp};
use crate::store::Store;
use crate::timeline::{
    Finding, Severity, TELLING_ATTRIBUTES, dense_sources, flagged, holes, in_order, reused, unjoined,
};

/// What expires within so many days is said to be near its end.
const NEAR_EXPIRY_DAYS: i64 = 7;
const DAY: i64 = 86_400 * 1_000_000;

/// What does not add up in a session, in the order of its timeline. `now` is when it is asked, µs since 1970.
pub async fn findings(store: &Store, session: &Session, joined: &Joined, now: i64) -> Result<Vec<Finding>> {
    let heads = store.heads(session.number, None).await?;
    let mut findings = flagged(&heads);
    findings.extend(reused(&heads));
    if let Some(rows) = joined.rows(session.number) {
        findings.extend(unjoined(&joined.web, session.number, rows));
    }
    findings.extend(holes(&counted(store, session).await?));
    findings.extend(noted(store, session).await?);
    findings.extend(expiring(store, session, now).await?);
    in_order(&mut findings, &heads);
    Ok(findings)
}

/// The events whose sequences have no holes by themselves.
async fn counted(store: &Store, session: &Session) -> Result<Vec<crate::domain::Event>> {
    let sources: Vec<&str> = dense_sources().collect();
    let numbers = store.of_sources(session.number, &sources).await?;
    store.events(&numbers).await
}

/// What importers noted in attributes.
async fn noted(store: &Store, session: &Session) -> Result<Vec<Finding>> {
    let found = store.noted(session.number).await?;
    let finding = |(event, name, detail): (i64, String, String)| {
        let (_, severity, sort) = TELLING_ATTRIBUTES.iter().find(|(known, ..)| *known == name)?;
        Some(Finding { event, severity: *severity, name: sort, detail: detail.into() })
    };
    Ok(found.into_iter().filter_map(finding).collect())
}

/// What retention will take away soon, as one finding at the first event that goes.
async fn expiring(store: &Store, session: &Session, now: i64) -> Result<Option<Finding>> {
    let until = now.saturating_add(NEAR_EXPIRY_DAYS * DAY);
    Ok(store.expiring(session.number, until).await?.map(|(event, first, count)| Finding {
        event,
        severity: Severity::Info,
        name: "near_expiry",
        detail: format!(
            "{count} events expire within {NEAR_EXPIRY_DAYS} days, the first at {}",
            Timestamp(first).rfc3339()
        )
        .into(),
    }))
}
