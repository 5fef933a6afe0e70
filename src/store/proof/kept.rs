//! Whether a source, its records and the numbers of events stand as reading it once more has them.

use anyhow::Result;

use super::super::engine::query;
use super::super::spans::named_after_events;
use super::super::{Source, Store, bytes};
use super::Telling;
use crate::domain::flag;

/// What reading a source once more came to, as its row has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Came {
    pub consumed: i64,
    pub lines: i64,
    pub records: i64,
    pub bad: i64,
    pub tail: Option<[u8; 32]>,
}

impl Store {
    /// The numbers by which events are found and that lead to another one.
    pub(super) async fn misnumbered(&self) -> Result<Vec<String>> {
        let statement = "SELECT event_ids.id, event_ids.revision, sessions.id FROM event_ids \
             JOIN sessions ON sessions.session = event_ids.session \
             LEFT JOIN events ON events.event = event_ids.event AND events.id = event_ids.id \
             AND events.session = event_ids.session AND events.revision = event_ids.revision \
             WHERE events.event IS NULL ORDER BY sessions.id, event_ids.id, event_ids.revision";
        let mut problems = Vec::new();
        for row in query(statement).fetch_all(&self.readers).await? {
            let (id, revision, session): (String, i64, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            problems.push(format!("session {session}: its id {id} with the number {revision} leads to another event"));
        }
        Ok(problems)
    }

    /// The sessions of spans that are not called after their events.
    pub(super) async fn misnamed_spans(&self) -> Result<Vec<String>> {
        let (title, project) = named_after_events("sessions.session");
        let is_told = |column: &str| {
            format!(
                "EXISTS (SELECT 1 FROM tellings WHERE tellings.session = sessions.id AND tellings.{column} IS NOT NULL)"
            )
        };
        let statement = format!(
            "SELECT id, sessions.title IS DISTINCT FROM {title} AND NOT {}, sessions.project IS DISTINCT FROM {project} AND NOT {} \
             FROM sessions WHERE agent = 'otel' AND settled = 1 \
             AND EXISTS (SELECT 1 FROM tellings WHERE tellings.session = sessions.id AND tellings.agent = 'otel') \
             AND NOT EXISTS (SELECT 1 FROM events WHERE events.session = sessions.session AND events.flags & {} <> 0) \
             ORDER BY id",
            is_told("title"),
            is_told("project"),
            flag::PURGED
        );
        let mut problems = Vec::new();
        for row in query(statement).fetch_all(&self.readers).await? {
            let id: String = row.try_get(0)?;
            let wrong = ["title", "project"].into_iter().zip([row.try_get::<bool>(1)?, row.try_get(2)?]);
            let wrong: Vec<&str> = wrong.filter(|(_, is)| *is).map(|(column, _)| column).collect();
            if !wrong.is_empty() {
                problems.push(format!("session {id}: not called after its events: {}", wrong.join(", ")));
            }
        }
        Ok(problems)
    }

    /// Notes where the row of a source is another one than reading it came to.
    pub(super) async fn compare_source(&self, telling: &mut Telling, source: &Source) -> Result<()> {
        let statement = "SELECT consumed, lines, records, bad, tail FROM sources WHERE source = $1";
        let Some(row) = query(statement).bind(source.number).fetch_optional(&self.readers).await? else {
            return Ok(());
        };
        let stored = Came {
            consumed: row.try_get(0)?,
            lines: row.try_get(1)?,
            records: row.try_get(2)?,
            bad: row.try_get(3)?,
            tail: Some(bytes::digest_of_row(row.try_get(4)?)?),
        };
        let told = &telling.came;
        let wrong = [
            ("consumed", stored.consumed != told.consumed),
            ("lines", stored.lines != told.lines),
            ("records", stored.records != told.records),
            ("bad", stored.bad != told.bad),
            ("tail", told.tail.is_some() && stored.tail != told.tail),
        ];
        let wrong: Vec<&str> = wrong.into_iter().filter(|(_, is)| *is).map(|(column, _)| column).collect();
        if told.tail.is_some() && !wrong.is_empty() {
            let problem = format!("{}: not stored as reading it once more came to: {}", source.path, wrong.join(", "));
            telling.problems.push(problem);
        }
        Ok(())
    }

    /// The states of the records of a source between two places, by these.
    pub(super) async fn statuses(
        &self,
        source: i64,
        (first, last): (i64, i64),
    ) -> Result<std::collections::HashMap<i64, i64>> {
        let statement = "SELECT start, status FROM records WHERE source = $1 AND start BETWEEN $2 AND $3";
        let found = query(statement).bind(source).bind(first).bind(last).fetch_all(&self.readers).await?;
        found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}
