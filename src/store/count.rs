//! Counting: what a session's own events come to, from what is new where that is exact, else from all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::{Context, Result};
use futures_util::TryStreamExt;

use super::engine::{On, Pool, Row, Statement, Transaction, query};
use super::tally::{COLUMNS, Counts, Line, Moved, Seen, Tally};
use super::{damaged, rows};
use crate::domain::NOTED;

/// Events that were stored since the last reckoning, by their sessions, as far as one step goes.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pub events: BTreeMap<i64, Vec<Seen>>,
    /// Everything up to here was reckoned before, and now everything up to there.
    from: i64,
    upto: i64,
    /// Whether there is nothing behind them.
    pub are_all: bool,
}

/// Reads what is new, at most so many events, and notes that it is counted.
pub(super) async fn fresh(connection: &mut Transaction, most: i64) -> Result<Fresh> {
    let row = query("SELECT upto FROM counted_events").fetch_one(&mut *connection).await?;
    let from = row.try_get(0)?;
    let mut fresh = Fresh { from, upto: from, ..Fresh::default() };
    let mut count = 0;
    {
        let statement = format!("SELECT {COLUMNS} FROM events WHERE event > $1 ORDER BY event LIMIT $2");
        let mut rows = query(statement).bind(from).bind(most).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            let seen = Seen::of(&row)?;
            (fresh.upto, count) = (seen.event, count + 1);
            fresh.events.entry(seen.session).or_default().push(seen);
        }
    }
    fresh.are_all = count < most;
    if count > 0 {
        let noted = noted(On::from(&mut *connection), from + 1, fresh.upto).await?;
        for seen in fresh.events.values_mut().flatten() {
            seen.noted = noted.get(&seen.event).copied().unwrap_or(0);
        }
        query("UPDATE counted_events SET upto = $1").bind(fresh.upto).execute(connection).await?;
    }
    Ok(fresh)
}

/// How often importers noted something of events between two numbers.
async fn noted(on: On<'_>, from: i64, to: i64) -> Result<HashMap<i64, i64>> {
    // The names stand in the statement itself, so that the index of such attributes can answer.
    let names = NOTED.map(|name| format!("'{name}'")).join(", ");
    let statement = format!(
        "SELECT event, count(*) FROM attributes WHERE name IN ({names}) AND event BETWEEN $1 AND $2 GROUP BY event"
    );
    let rows = query(statement).bind(from).bind(to).fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Adds to the counts of sessions what new events come to, and what became of others that stand otherwise now.
pub(super) async fn grow(
    connection: &mut Transaction,
    fresh: &Fresh,
    moved: &[Moved],
    left_out: &BTreeSet<i64>,
) -> Result<()> {
    let sessions = fresh.events.keys().copied().chain(moved.iter().map(|moved| moved.session));
    let sessions: BTreeSet<i64> = sessions.filter(|session| !left_out.contains(session)).collect();
    let mut known = stored(&mut On::from(&mut *connection), &sessions.iter().copied().collect::<Vec<_>>()).await?;
    // Of an event that was moved twice, where it stood first and where it stands at last.
    let mut moves: HashMap<i64, Moved> = HashMap::new();
    for step in moved {
        moves.entry(step.event).and_modify(|known| known.now = step.now).or_insert(*step);
    }
    let old = touched(connection, &sessions, fresh, &moves).await?;
    for session in sessions {
        let (mut before, mut after) = (Tally::default(), Tally::default());
        for seen in old.get(&session).into_iter().flatten() {
            after.add(seen);
            match moves.get(&seen.event) {
                Some(step) => before.add(&seen.standing(step.before)),
                None => before.add(seen),
            }
        }
        for seen in fresh.events.get(&session).into_iter().flatten() {
            match moves.get(&seen.event) {
                Some(step) => after.add(&seen.standing(step.now)),
                None => after.add(seen),
            }
        }
        let known = known.remove(&session).with_context(|| damaged("there is no such session"))?;
        match known.grown(&before.counts(), &after.counts()) {
            Some(counts) => store(connection, session, &counts).await?,
            None => recount(connection, session, fresh).await?,
        }
    }
    Ok(())
}

/// Events that were counted before, by their sessions: of the lines that new events belong to, and those that stand
/// otherwise now.
async fn touched(
    connection: &mut Transaction,
    sessions: &BTreeSet<i64>,
    fresh: &Fresh,
    moves: &HashMap<i64, Moved>,
) -> Result<HashMap<i64, Vec<Seen>>> {
    let mut turns: BTreeSet<(i64, i64)> = BTreeSet::new();
    for seen in fresh.events.values().flatten() {
        if let Line::Turn(hash) = seen.line {
            turns.insert((seen.session, hash));
        }
    }
    for step in moves.values() {
        turns.extend(
            [step.before.turn, step.now.turn].into_iter().filter(|hash| *hash != 0).map(|hash| (step.session, hash)),
        );
    }
    let turns: Vec<(i64, i64)> = turns.into_iter().filter(|(session, _)| sessions.contains(session)).collect();
    let mut found = Vec::new();
    for portion in rows::portions(&turns, rows::CHUNK) {
        let mut query = Statement::new("WITH touched (whose, hash) AS (");
        query.push_values(portion, |mut row, (session, turn)| {
            row.push_bind(*session).push_bind(*turn);
        });
        // SQLite begins on the left of a cross join.
        query.push(") SELECT ").push(COLUMNS).push(" FROM touched CROSS JOIN events WHERE session = whose ");
        query.push("AND turn_hash = hash AND turn_hash <> 0 AND event <= ").push_bind(fresh.from);
        found.extend(query.build().fetch_all(&mut *connection).await?);
    }
    let alone: Vec<i64> = moves.keys().copied().filter(|event| *event <= fresh.from).collect();
    for chunk in alone.chunks(rows::CHUNK) {
        let mut query = Statement::new("SELECT ");
        query.push(COLUMNS).push(" FROM events WHERE event IN (");
        query.push_list(chunk.iter().copied());
        found.extend(query.push(")").build().fetch_all(&mut *connection).await?);
    }
    let mut known = HashSet::new();
    let mut touched: HashMap<i64, Vec<Seen>> = HashMap::new();
    for row in &found {
        let seen = Seen::of(row)?;
        if known.insert(seen.event) {
            touched.entry(seen.session).or_default().push(seen);
        }
    }
    Ok(touched)
}

/// Counts a session anew, from all of its events that are counted by now, in one pass over them.
pub(super) async fn recount(connection: &mut Transaction, session: i64, fresh: &Fresh) -> Result<()> {
    let counts = counted(&mut On::from(&mut *connection), session, fresh.upto).await?;
    store(connection, session, &counts).await
}

/// What the events of a session come to, up to one of them.
async fn counted(on: &mut On<'_>, session: i64, upto: i64) -> Result<Counts> {
    let range = query("SELECT coalesce(min(event), 0), coalesce(max(event), 0) FROM events WHERE session = $1")
        .bind(session)
        .fetch_one(on.again())
        .await?;
    let noted = noted(on.again(), range.try_get(0)?, range.try_get(1)?).await?;
    let mut tally = Tally::default();
    let statement = format!("SELECT {COLUMNS} FROM events WHERE session = $1 AND event <= $2");
    let mut rows = query(statement).bind(session).bind(upto).fetch(on.again());
    while let Some(row) = rows.try_next().await? {
        let mut seen = Seen::of(&row)?;
        seen.noted = noted.get(&seen.event).copied().unwrap_or(0);
        tally.add(&seen);
    }
    Ok(tally.counts())
}

/// The counts of a session that are not those of its events, by their names.
pub(super) async fn differing(readers: &Pool, session: i64) -> Result<Vec<&'static str>> {
    let stored = stored(&mut On::from(readers), &[session]).await?.remove(&session);
    let stored = stored.with_context(|| damaged("there is no such session"))?;
    let counted = counted(&mut On::from(readers), session, i64::MAX).await?;
    let differs = [
        ("events", stored.events != counted.events),
        ("turns", stored.turns != counted.turns),
        ("errors", stored.errors != counted.errors),
        ("findings", (stored.findings, stored.clock_skews) != (counted.findings, counted.clock_skews)),
        ("tokens", stored.tokens != counted.tokens),
        ("usage source", source_of(&stored) != source_of(&counted)),
        ("models", stored.models != counted.models),
        ("started", stored.started != counted.started),
        ("ended", stored.ended != counted.ended),
    ];
    Ok(differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect())
}

/// The counts of sessions as they stand.
async fn stored(on: &mut On<'_>, sessions: &[i64]) -> Result<HashMap<i64, Counts>> {
    let mut stored = HashMap::with_capacity(sessions.len());
    for chunk in sessions.chunks(rows::CHUNK) {
        let mut query = Statement::new(
            "SELECT session, events, turns, errors, own_findings, clock_skews, tokens_input, tokens_cache_read, \
             tokens_cache_write, tokens_output, tokens_reasoning, tokens_total, usage_source, models, started, ended \
             FROM sessions WHERE session IN (",
        );
        query.push_list(chunk.iter().copied());
        for row in query.push(")").build().fetch_all(on.again()).await? {
            stored.insert(row.try_get(0)?, counts_of(&row)?);
        }
    }
    Ok(stored)
}

fn counts_of(row: &Row) -> Result<Counts> {
    let source: String = row.try_get(12)?;
    Ok(Counts {
        events: row.try_get(1)?,
        turns: row.try_get(2)?,
        errors: row.try_get(3)?,
        findings: row.try_get(4)?,
        clock_skews: row.try_get(5)?,
        tokens: [
            row.try_get(6)?,
            row.try_get(7)?,
            row.try_get(8)?,
            row.try_get(9)?,
            row.try_get(10)?,
            row.try_get(11)?,
        ],
        sources: if source == "none" { BTreeSet::new() } else { BTreeSet::from([source]) },
        models: serde_json::from_str(row.try_get(13)?).context("the models of a session are not a list")?,
        started: row.try_get(14)?,
        ended: row.try_get(15)?,
    })
}

/// Who counted the tokens, in a word.
fn source_of(counts: &Counts) -> &str {
    match counts.sources.first() {
        None => "none",
        Some(source) if counts.sources.len() == 1 => source,
        Some(_) => "mixed",
    }
}

async fn store(connection: &mut Transaction, session: i64, counts: &Counts) -> Result<()> {
    let [input, cache_read, cache_write, output, reasoning, total] = counts.tokens;
    query(
        "UPDATE sessions SET counted = 1, models = $1, findings = $2 + CASE WHEN $16 > 0 THEN 1 ELSE 0 END, own_findings = $2, clock_skews = $16, events = $3, \
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
    .bind(source_of(counts))
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
