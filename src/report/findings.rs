//! All findings of a session: from its flags, its joins, its counters, what importers noted, and what will expire.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::Result;

use super::Joined;
use crate::domain::{Head, Session, Timestamp, flag};
use crate::store::{Store, Wrapped};
use crate::timeline::{
    Finding, Severity, TELLING_ATTRIBUTES, dense_sources, flagged, holes, in_order, is_purged, ran_back, reused,
    unjoined,
};

/// What expires within so many days is said to be near its end.
const NEAR_EXPIRY_DAYS: i64 = 7;
/// Joins of more events than these are not worked out only to count findings.
const MOST_COUNTED: i64 = 200_000;
/// Of the times that run back so many are told by name.
const FURTHEST: i64 = 3;
const DAY: i64 = 86_400 * 1_000_000;

/// What does not add up in a session, in the order of its timeline. `now` is when it is asked, µs since 1970.
pub async fn findings(store: &Store, session: &Session, joined: &Joined, now: i64) -> Result<Vec<Finding>> {
    let heads = store.heads(session.number, None).await?;
    let mut findings = flagged(&heads);
    findings.extend(reused(&heads));
    if heads.iter().any(|head| head.flags & flag::TIME_RAN_BACK != 0) {
        findings.extend(ran_back(&heads, &store.ran_back(session.number, FURTHEST).await?));
    }
    if let Some(rows) = joined.rows(session.number) {
        findings.extend(unjoined(&joined.web, session.number, rows));
    }
    findings.extend(holes(&counted(store, session).await?));
    findings.extend(noted(store, session).await?);
    findings.extend(misreported(store, session).await?);
    let gone: HashSet<i64> = heads.iter().filter(|head| is_purged(head)).map(|head| head.number).collect();
    findings.retain(|finding| !gone.contains(&finding.event));
    findings.extend(purged(store, session, &heads).await?);
    findings.extend(expiring(store, session, now).await?);
    in_order(&mut findings, &heads);
    Ok(findings)
}

/// Sessions that share their joins stand together, so that these are worked out once.
pub fn in_families(sessions: Vec<Session>) -> Vec<Session> {
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut placed: Vec<(usize, Session)> = Vec::with_capacity(sessions.len());
    for (place, session) in sessions.into_iter().enumerate() {
        let family =
            session.room.as_ref().map_or_else(|| format!("of {}", session.lineage), |room| format!("in {room}"));
        placed.push((*first.entry(family).or_insert(place), session));
    }
    placed.sort_by_key(|(family, _)| *family);
    placed.into_iter().map(|(_, session)| session).collect()
}

/// Counts the findings of these sessions and of those that they may be joined with, and keeps the counts with them.
///
/// A session that has, with all that it may be joined with, more than 200,000 events keeps what its events
/// tell of by themselves. `now` is as for [`findings`].
pub async fn count_findings(store: &Store, ids: &BTreeSet<String>, now: i64) -> Result<()> {
    let mut wanted: BTreeMap<i64, Session> = BTreeMap::new();
    for id in ids {
        let Some(session) = store.session(id).await? else { continue };
        let related = store.related(&session).await?;
        wanted.extend(related.into_iter().map(|session| (session.number, session)));
    }
    let mut before = None;
    for session in in_families(wanted.into_values().collect()) {
        let events: i64 = store.related(&session).await?.iter().map(|related| related.events).sum();
        if events > MOST_COUNTED {
            continue;
        }
        let joined = Joined::after(store, &session, before.take()).await?;
        let found = findings(store, &session, &joined, now).await?;
        store.set_findings(session.number, found.len()).await?;
        before = Some(joined);
    }
    Ok(())
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

/// Spans that report other tokens than the calls inside them, each of which counts by itself.
async fn misreported(store: &Store, session: &Session) -> Result<Vec<Finding>> {
    let wrapped = store.wrapped(session.number).await?;
    let differs = wrapped.into_iter().filter(|wrapped| wrapped.told != wrapped.inside);
    let told = |Wrapped { event, told, inside }| Finding {
        event,
        severity: Severity::Warning,
        name: "usage_mismatch",
        detail: format!("reports {told} tokens; the calls inside it come to {inside}, which count").into(),
    };
    Ok(differs.map(told).collect())
}

/// What retention took away, purge by purge, at the first event that went.
async fn purged(store: &Store, session: &Session, heads: &[Head]) -> Result<Vec<Finding>> {
    let Some(first) = heads.iter().find(|head| is_purged(head)) else { return Ok(Vec::new()) };
    let told = |(receipt, begun, count): (i64, i64, i64)| Finding {
        event: first.number,
        severity: Severity::Info,
        name: "purged",
        detail: format!("{} purged at {} by receipt {receipt}", were(count), Timestamp(begun).rfc3339()).into(),
    };
    Ok(store.purges_of(session.number).await?.into_iter().map(told).collect())
}

/// What has expired and is still there, and what will expire soon, each as one finding at the first event that goes.
/// Nothing of a session that is held goes, and there is nothing to tell.
async fn expiring(store: &Store, session: &Session, now: i64) -> Result<Vec<Finding>> {
    let until = now.saturating_add(NEAR_EXPIRY_DAYS * DAY);
    let Some((event, first, _)) = store.expiring(session.number, i64::MIN, until).await? else { return Ok(Vec::new()) };
    if store.is_held(session.number).await? {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    let mut told = |event: i64, detail: String| {
        findings.push(Finding { event, severity: Severity::Info, name: "near_expiry", detail: detail.into() });
    };
    let first_time = Timestamp(first).rfc3339();
    if first <= now {
        let count = store.expiring(session.number, i64::MIN, now).await?.map_or(0, |(.., count)| count);
        told(
            event,
            format!("{} expired, the first at {first_time}: `turnscope purge` tells and takes away", have(count)),
        );
    }
    if let Some((event, first, count)) = store.expiring(session.number, now, until).await? {
        let first_time = Timestamp(first).rfc3339();
        told(event, format!("{} within {NEAR_EXPIRY_DAYS} days, the first at {first_time}", expire(count)));
    }
    Ok(findings)
}

fn were(count: i64) -> String {
    if count == 1 { "1 event was".to_owned() } else { format!("{count} events were") }
}

fn have(count: i64) -> String {
    if count == 1 { "1 event has".to_owned() } else { format!("{count} events have") }
}

fn expire(count: i64) -> String {
    if count == 1 { "1 event expires".to_owned() } else { format!("{count} events expire") }
}
