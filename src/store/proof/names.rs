//! Whether sessions are called what their sources tell of them, and whether these have told it.

use std::collections::HashMap;

use anyhow::Result;

use super::super::adopt::OF_TRACE;
use super::super::engine::query;
use super::super::telling::told_columns;
use super::super::{Source, Store, rows};
use super::Telling;

/// What a source tells of a session, in the order in which it is read here.
const TOLD: [&str; 14] = [
    "agent",
    "parent",
    "lineage",
    "forked_from",
    "title",
    "project",
    "room",
    "canvas",
    "cwd",
    "git_branch",
    "host",
    "title_rank",
    "title_time",
    "since",
];
/// The place of the title among them.
const TITLE: usize = 4;

impl Store {
    /// The sessions that are called otherwise than their sources call them.
    pub(super) async fn misnamed(&self) -> Result<Vec<String>> {
        let mut columns = told_columns("sessions.id");
        // The lineage follows from other sessions too.
        columns.retain(|(column, _)| *column != "lineage");
        let wrong = columns.iter().map(|(column, told)| match *column {
            // Sessions of spans are named after their events.
            "title" | "project" => format!("(agent <> 'otel' AND sessions.{column} IS DISTINCT FROM {told})"),
            _ => format!("(sessions.{column} IS DISTINCT FROM {told})"),
        });
        let wrong: Vec<String> = wrong.collect();
        let statement = format!(
            "SELECT id, {} FROM sessions WHERE EXISTS (SELECT 1 FROM tellings WHERE tellings.session = sessions.id) \
             AND ({}) ORDER BY id",
            wrong.join(", "),
            wrong.join(" OR ")
        );
        let mut problems = Vec::new();
        for row in query(statement).fetch_all(&self.readers).await? {
            let mut other = Vec::new();
            for (place, (column, _)) in columns.iter().enumerate() {
                if row.try_get::<bool>(place + 1)? {
                    other.push(*column);
                }
            }
            let id: String = row.try_get(0)?;
            problems.push(format!("session {id}: not what its sources call it: {}", other.join(", ")));
        }
        Ok(problems)
    }

    /// Notes what a source tells of sessions and what is not stored as it tells it. Nothing where the store never noted
    /// what this source tells.
    pub(super) async fn compare_tellings(&self, telling: &mut Telling, source: &Source) -> Result<()> {
        let statement = format!("SELECT session, {} FROM tellings WHERE source = $1", TOLD.join(", "));
        let mut stored: HashMap<String, Vec<Option<String>>> = HashMap::new();
        for row in query(statement).bind(source.number).fetch_all(&self.readers).await? {
            let mut told: Vec<Option<String>> = Vec::with_capacity(TOLD.len());
            for place in 1..=TOLD.len() - 3 {
                told.push(row.try_get(place)?);
            }
            // What a title is worth says nothing where there is none.
            let has_title = told[TITLE].is_some();
            for place in TOLD.len() - 2..TOLD.len() {
                let worth: i64 = row.try_get(place)?;
                told.push(has_title.then(|| worth.to_string()));
            }
            told.push(Some(row.try_get::<i64>(TOLD.len())?.to_string()));
            stored.insert(row.try_get(0)?, told);
        }
        if stored.is_empty() {
            return Ok(());
        }
        for (id, told) in telling.told() {
            let id = self.engine().stored(&id).into_owned();
            let Some(stored) = stored.get(&id) else {
                let problem = format!("session {id}: what {} tells of it is missing", source.path);
                match id.starts_with(OF_TRACE) {
                    true => telling.unsettled.push((id, None, problem)),
                    false => telling.problems.push(problem),
                }
                continue;
            };
            let differs = TOLD.iter().zip(stored.iter().zip(&told)).filter(|(_, (stored, told))| stored != told);
            let columns: Vec<&str> = differs.map(|(column, _)| *column).collect();
            if !columns.is_empty() {
                let columns = columns.join(", ");
                telling.problems.push(format!("session {id}: not stored as {} tells it: {columns}", source.path));
            }
        }
        Ok(())
    }
}

impl Telling {
    /// What was told of each session, as it is stored.
    fn told(&self) -> Vec<(String, Vec<Option<String>>)> {
        let clean = |text: &Option<String>| text.as_deref().map(|text| rows::clean(text).into_owned());
        let told = self.sessions.values().map(|session| {
            let lineage = Some(&session.lineage).filter(|lineage| !lineage.is_empty() && **lineage != session.id);
            let worth = session.title.as_ref().map(|_| session.title_worth);
            let columns = vec![
                Some(session.agent.clone()),
                session.parent.clone(),
                lineage.cloned(),
                self.forks.get(&session.id).filter(|ancestor| **ancestor != session.id).cloned(),
                clean(&session.title),
                clean(&session.project),
                clean(&session.room),
                clean(&session.canvas),
                clean(&session.cwd),
                clean(&session.git_branch),
                clean(&session.host),
                worth.map(|worth| (worth.rank as i64).to_string()),
                worth.map(|worth| worth.time.to_string()),
                self.since.get(&session.id).map(i64::to_string),
            ];
            (session.id.clone(), columns)
        });
        told.collect()
    }
}
