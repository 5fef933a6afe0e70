//! Counting: what a session's own events come to, from what is new where that is exact, else from all of them.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use futures_util::TryStreamExt;

use super::engine::{Statement, Transaction, query};
use super::rows;
use super::tally::{COLUMNS, Counts, Line, Seen, Tally};
use crate::domain::NOTED;

/// The events of waiting sessions that were stored since the last reckoning.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub events: HashMap<i64, Vec<Seen>>,
    upto: i64,
}

/// Reads what is new of these sessions, and notes that it is counted with them.
pub(super) async fn fresh(connection: &mut Transaction, waiting: &BTreeSet<i64>) -> Result<Fresh> {
    let row = query("SELECT upto FROM counted_events").fetch_one(&mut *connection).await?;
    let mut fresh = Fresh { upto: row.try_get(0)?, ..Fresh::default() };
    let noted = noted(connection, fresh.upto + 1, i64::MAX).await?;
    let statement = format!("SELECT {COLUMNS} FROM events WHERE event > $1 ORDER BY event");
    let mut last = fresh.upto;
    {
        let mut rows = query(statement).bind(fresh.upto).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let mut seen = Seen::of(&row)?;
            last = seen.event;
            seen.noted = noted.get(&seen.event).copied().unwrap_or(0);
            if waiting.contains(&seen.session) {
                fresh.events.entry(seen.session).or_default().push(seen);
            }
        }
    }
    query("UPDATE counted_events SET upto = $1").bind(last).execute(connection).await?;
    Ok(fresh)
}

/// How often importers noted something of events between two numbers.
async fn noted(connection: &mut Transaction, from: i64, to: i64) -> Result<HashMap<i64, i64>> {
    // The names stand in the statement itself, so that the index of such attributes can answer.
    let names = NOTED.map(|name| format!("'{name}'")).join(", ");
    let statement = format!(
        "SELECT event, count(*) FROM attributes WHERE name IN ({names}) AND event BETWEEN $1 AND $2 GROUP BY event"
    );
    let rows = query(statement).bind(from).bind(to).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Reckons a session's own counts and stores them.
pub(super) async fn recount(connection: &mut Transaction, session: i64, fresh: &mut Fresh, anew: bool) -> Result<()> {
    let (counted, known) = stored(connection, session).await?;
    let new = fresh.events.remove(&session).unwrap_or_default();
    let counts = match counted {
        0 if !anew => sum(&new),
        1 if !anew => match grown(connection, session, known, &new, fresh.upto).await? {
            Some(counts) => counts,
            None => all(connection, session).await?,
        },
        _ => all(connection, session).await?,
    };
    store(connection, session, &counts).await
}

fn sum(events: &[Seen]) -> Counts {
    let mut tally = Tally::default();
    events.iter().for_each(|seen| tally.add(seen));
    tally.counts()
}

/// What was known, and what the lines that new events belong to add to it.
async fn grown(
    connection: &mut Transaction,
    session: i64,
    known: Counts,
    new: &[Seen],
    upto: i64,
) -> Result<Option<Counts>> {
    let turns: BTreeSet<i64> =
        new.iter().filter_map(|seen| if let Line::Turn(hash) = seen.line { Some(hash) } else { None }).collect();
    let turns: Vec<i64> = turns.into_iter().collect();
    let (mut before, mut after) = (Tally::default(), Tally::default());
    for chunk in turns.chunks(rows::CHUNK) {
        let mut query = Statement::new("SELECT ");
        query.push(COLUMNS).push(" FROM events WHERE session = ").push_bind(session);
        query.push(" AND event <= ").push_bind(upto).push(" AND turn_hash <> 0 AND turn_hash IN (");
        query.push_list(chunk.iter().copied());
        let found = query.push(")").build().persistent(chunk.len() == 1).fetch_all(&mut *connection).await?;
        for row in &found {
            let seen = Seen::of(row)?;
            before.add(&seen);
            after.add(&seen);
        }
    }
    new.iter().for_each(|seen| after.add(seen));
    Ok(known.grown(&before.counts(), &after.counts()))
}

/// The counts from all events of a session, in one pass over them.
async fn all(connection: &mut Transaction, session: i64) -> Result<Counts> {
    let range = query("SELECT coalesce(min(event), 0), coalesce(max(event), 0) FROM events WHERE session = $1")
        .bind(session)
        .fetch_one(&mut *connection)
        .await?;
    let noted = noted(connection, range.try_get(0)?, range.try_get(1)?).await?;
    let statement = format!("SELECT {COLUMNS} FROM events WHERE session = $1");
    let mut rows = query(statement).bind(session).fetch(connection);
    let mut tally = Tally::default();
    while let Some(row) = rows.try_next().await? {
        let mut seen = Seen::of(&row)?;
        seen.noted = noted.get(&seen.event).copied().unwrap_or(0);
        tally.add(&seen);
    }
    Ok(tally.counts())
}

/// How far a session was counted, and its counts as they stand.
async fn stored(connection: &mut Transaction, session: i64) -> Result<(i64, Counts)> {
    let row = query(
        "SELECT counted, events, turns, errors, own_findings, clock_skews, tokens_input, tokens_cache_read, tokens_cache_write, \
         tokens_output, tokens_reasoning, tokens_total, usage_source, models, started, ended FROM sessions WHERE session = $1",
    )
    .bind(session)
    .fetch_one(connection)
    .await?;
    let tokens =
        [row.try_get(6)?, row.try_get(7)?, row.try_get(8)?, row.try_get(9)?, row.try_get(10)?, row.try_get(11)?];
    let source: String = row.try_get(12)?;
    let counts = Counts {
        events: row.try_get(1)?,
        turns: row.try_get(2)?,
        errors: row.try_get(3)?,
        findings: row.try_get(4)?,
        clock_skews: row.try_get(5)?,
        tokens,
        sources: if source == "none" { BTreeSet::new() } else { BTreeSet::from([source]) },
        models: serde_json::from_str(row.try_get(13)?).context("the models of a session are not a list")?,
        started: row.try_get(14)?,
        ended: row.try_get(15)?,
    };
    Ok((row.try_get(0)?, counts))
}

async fn store(connection: &mut Transaction, session: i64, counts: &Counts) -> Result<()> {
    let source = match counts.sources.first() {
        None => "none",
        Some(source) if counts.sources.len() == 1 => source,
        Some(_) => "mixed",
    };
    let [input, cache_read, cache_write, output, reasoning, total] = counts.tokens;
    query(
        "UPDATE sessions SET settled = 1, counted = 1, models = $1, findings = $2 + CASE WHEN $16 > 0 THEN 1 ELSE 0 END, own_findings = $2, clock_skews = $16, events = $3, \
         turns = $4, errors = $5, started = $6, ended = $7, tokens_input = $8, tokens_cache_read = $9, \
         tokens_cache_write = $10, tokens_output = $11, tokens_reasoning = $12, tokens_total = $13, usage_source = $14 \
         WHERE session = $15",
    )
    .bind(serde_json::to_string(&counts.models)?)
    .bind(counts.findings)
    .bind(counts.events)
    .bind(counts.turns)
    .bind(counts.errors)
    .bind(counts.started)
    .bind(counts.ended)
    .bind(input)
    .bind(cache_read)
    .bind(cache_write)
    .bind(output)
    .bind(reasoning)
    .bind(total)
    .bind(source)
    .bind(session)
    .bind(counts.clock_skews)
    .execute(connection)
    .await?;
    Ok(())
}

/// Says that the counts of the sessions that hold these events no longer follow from what is new.
pub(super) async fn must_count_anew(connection: &mut Transaction, events: &[i64]) -> Result<()> {
    for chunk in events.chunks(rows::CHUNK) {
        let mut query = Statement::new(
            "UPDATE sessions SET counted = 2, settled = 0 WHERE session IN (SELECT session FROM events WHERE event IN (",
        );
        query.push_list(chunk.iter().copied());
        query.push("))").build().persistent(false).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Says that events were taken back: numbers behind the last one will be given again.
pub(super) async fn lower_the_mark(connection: &mut Transaction) -> Result<()> {
    query(
        "UPDATE counted_events SET upto = (SELECT coalesce(max(event), 0) FROM events) \
         WHERE upto > (SELECT coalesce(max(event), 0) FROM events)",
    )
    .execute(connection)
    .await?;
    Ok(())
}
