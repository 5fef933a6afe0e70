//! Looks through bodies: of one row at once, of a session beside the screen; and compares two rows.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::spawn_blocking;

use super::Worker;
use crate::domain::{Body, Event, Kind, Role, flag};
use crate::timeline::{
    Comparison, Focus, Found, Material, Offer, Rows, Side, Survey, Surveyor, Totals, Turn, Verdict, acts, arguments_of,
    compare, describe, judge, look, schema_of, speaker,
};
use crate::ui::insight::{Insight, Judged};
use crate::ui::message::{Before, Members, Message, Request};
use crate::ui::words::size;

/// Rows that are read at a time.
const BATCH: usize = 128;
/// A longer body is not looked into.
const LONGEST: i64 = 8 << 20;
/// The bodies of one row that are held at once.
const HELD: i64 = 32 << 20;
/// Rows that are looked back over for one to compare with.
const BACK: usize = 20_000;
/// After this time what is left of a comparison is compared roughly.
const COMPARING: Duration = Duration::from_secs(3);

/// A row with its events, and the bodies that are worth looking into.
type Read = (usize, Vec<Event>, Vec<(Body, Option<Vec<u8>>)>);

impl Worker {
    /// Requests that look through bodies.
    pub(super) async fn of_insight(&self, request: Request) -> Result<Option<Message>> {
        Ok(Some(match request {
            Request::Survey { job, session, rows } => {
                Message::Surveyed { job, session, survey: Arc::new(self.survey(job, &rows).await?) }
            }
            Request::Insight { session, row, members, survey } => {
                let insight = Arc::new(self.insight(row, &members, survey).await?);
                Message::Insight { session, key: members.key, insight }
            }
            Request::Totals { job, rows } => Message::Totals { job, totals: Arc::new(self.totals(job, &rows).await?) },
            Request::Compare { job, before, after, title, focus } => {
                let comparison = self.compare(&before, (&after, &title), focus).await?;
                Message::Compared { job, comparison: comparison.map(Arc::new) }
            }
            // What concerns the terminal and the jobs themselves is done by the loop.
            _ => return Ok(None),
        }))
    }

    /// Looks through all rows of a session.
    async fn survey(&self, job: u64, rows: &Rows) -> Result<Survey> {
        let mut surveyor = Surveyor::default();
        let mut reported = Instant::now();
        for start in (0..rows.len()).step_by(BATCH) {
            self.check()?;
            let batch: Vec<usize> = (start..rows.len().min(start + BATCH)).collect();
            let mut read = self.rows_with_bodies(rows, &batch, &surveyor).await?;
            surveyor = spawn_blocking(move || {
                for (row, events, bodies) in read.drain(..) {
                    surveyor.take(row, &events, &bodies);
                }
                surveyor
            })
            .await?;
            if reported.elapsed() >= super::REPORT_EVERY {
                reported = Instant::now();
                self.send(Message::Progress { job, words: format!("{}%", start * 100 / rows.len().max(1)) }).await;
            }
        }
        Ok(surveyor.finish(rows.len()))
    }

    async fn rows_with_bodies(&self, rows: &Rows, batch: &[usize], surveyor: &Surveyor) -> Result<Vec<Read>> {
        let members: Vec<Members> = batch.iter().map(|row| Members::of(rows, *row)).collect();
        let numbers: Vec<i64> = members.iter().flat_map(|row| row.numbers.iter().copied()).collect();
        let mut bodies: HashMap<i64, Vec<Body>> = HashMap::new();
        for body in self.backend.store.bodies(&numbers).await? {
            bodies.entry(body.event).or_default().push(body);
        }
        let mut read = Vec::with_capacity(batch.len());
        for (row, events) in batch.iter().zip(self.events_of(&members).await?) {
            let mut held = Vec::new();
            for event in &events {
                for body in bodies.remove(&event.number).unwrap_or_default() {
                    if !Surveyor::is_worth(event, body.role) {
                        continue;
                    }
                    let known = surveyor.knows(&body) || body.size > LONGEST;
                    let bytes = if known { None } else { Some(self.read(&body, 0, body.size).await?) };
                    held.push((body, bytes));
                }
                self.check()?;
            }
            read.push((*row, events, held));
        }
        Ok(read)
    }

    /// What lies in the bodies of a row, and what the schema in force says of a call.
    async fn insight(&self, row: usize, members: &Members, survey: Option<Arc<Survey>>) -> Result<Insight> {
        let (turn, events, side) = self.side(members).await?;
        let speaks = events.iter().find(|event| event.kind == Kind::Model).or(events.first());
        let who = speaks.map(speaker).unwrap_or_default();
        let judged = match (&survey, turn.kind) {
            (Some(survey), Kind::Tool) => Some(self.judge(&turn, &events, &side, row, survey).await?),
            _ => None,
        };
        let mut insight = Insight { row, speaker: who, judged, survey, ..Insight::default() };
        let mut counts = Vec::new();
        for material in &side.materials {
            let Some(event) = events.iter().find(|event| event.number == material.event) else { continue };
            let own = acts(event, material);
            let arrays = own.arrays.into_iter().map(|(path, value)| (event.number, path, Arc::new(value)));
            insight.actions.extend(arrays);
            counts.extend(own.counts.into_iter().filter(|(_, count)| *count > 0));
        }
        if insight.actions.is_empty() {
            insight.counts = counts;
        }
        (insight.found, insight.unread) = (side.found, side.unread);
        Ok(insight)
    }

    /// The events of a row and its bodies, read as far as they are not too long.
    async fn side(&self, members: &Members) -> Result<(Turn, Vec<Event>, Side)> {
        let events = self.backend.store.events(&members.numbers).await?;
        let turn = describe(&events).context("the row is no longer in the store")?;
        let mut side = Side { title: format!("{} {}", turn.who, turn.label), ..Side::default() };
        let mut left = HELD;
        let mut found = Found::default();
        for body in self.backend.store.bodies(&members.numbers).await? {
            let Some(event) = events.iter().find(|event| event.number == body.event) else { continue };
            if body.role == Role::Raw {
                continue;
            }
            if body.size > LONGEST.min(left) {
                let words = format!("{} of {}: {}", body.role.name(), event.event_type, size(body.size.max(0) as u64));
                side.unread.push(format!("not looked into, as it is too long: {words}"));
                continue;
            }
            left -= body.size;
            self.check()?;
            let bytes = self.read(&body, 0, body.size).await?;
            let (role, number, event) = (body.role, body.event, event.clone());
            let (material, own) = spawn_blocking(move || {
                let material = Material::read(number, role, &bytes);
                let own = look(&event, &material);
                (material, own)
            })
            .await?;
            found.merge(own);
            side.materials.push(material);
        }
        side.found = found;
        Ok((turn, events, side))
    }

    async fn judge(&self, turn: &Turn, events: &[Event], side: &Side, row: usize, survey: &Survey) -> Result<Judged> {
        let none = |words: &str| Judged { schema: String::new(), verdict: Verdict::NoSchema(words.to_owned()) };
        let who = events.first().map(speaker).unwrap_or_default();
        let offers = survey.versions.offered(&turn.who, &who, row);
        let offer = match offers.as_slice() {
            [] => return Ok(none("none is recorded before this call")),
            [offer] => (*offer).clone(),
            several => {
                let named: Vec<&str> = several.iter().map(|offer| offer.speaker.as_str()).collect();
                let words = format!("none is chosen: told of this tool were {}", named.join(", "));
                return Ok(none(&words));
            }
        };
        let schema = format!("{} of {}, since turn {}", offer.path, offer.speaker, offer.row + 1);
        let input = side.materials.iter().find(|material| material.role == Role::Input);
        let Some(input) = input else {
            return Ok(Judged { schema, verdict: Verdict::BadArguments("the arguments are not recorded".to_owned()) });
        };
        let (tool, input) = (turn.who.clone(), input.value.clone());
        let offered = self.offered(&offer).await?;
        let verdict = spawn_blocking(move || {
            let Some(artifact) = offered else {
                return Verdict::NoSchema("the tools are no longer in the store".to_owned());
            };
            match (schema_of(&artifact, &tool), arguments_of(&input)) {
                (Err(words), _) => Verdict::NoSchema(words),
                (_, Err(words)) => Verdict::BadArguments(words),
                (Ok(schema), Ok(arguments)) => judge(schema, &arguments),
            }
        });
        Ok(Judged { schema, verdict: verdict.await? })
    }

    /// The artifact in which a tool was offered, read again.
    async fn offered(&self, offer: &Offer) -> Result<Option<crate::timeline::Artifact>> {
        let (_, _, side) = self.side(&Members { key: offer.event, numbers: vec![offer.event] }).await?;
        let mut all = side.found.artifacts.into_iter();
        Ok(all.find(|artifact| artifact.kind == offer.kind && artifact.digest == offer.digest))
    }

    /// Counts calls, errors, tokens and times.
    async fn totals(&self, job: u64, rows: &Rows) -> Result<Totals> {
        let mut totals = Totals::with(self.backend.prices.clone());
        let mut reported = Instant::now();
        for start in (0..rows.len()).step_by(super::BATCH) {
            self.check()?;
            let end = rows.len().min(start + super::BATCH);
            let members: Vec<Members> = (start..end).map(|row| Members::of(rows, row)).collect();
            for mut events in self.events_of(&members).await? {
                // What an ancestor's session has already counted is not counted again.
                events.retain(|event| !event.has(flag::INHERITED));
                if let Some(turn) = describe(&events) {
                    totals.add(&turn, &events);
                }
            }
            if reported.elapsed() >= super::REPORT_EVERY {
                reported = Instant::now();
                self.send(Message::Progress { job, words: format!("{}%", start * 100 / rows.len().max(1)) }).await;
            }
        }
        Ok(totals.finish())
    }

    /// Compares a row with another one, or with the one like it before.
    async fn compare(&self, before: &Before, after: (&Members, &str), focus: Focus) -> Result<Option<Comparison>> {
        let (members, title) = match before {
            Before::Row(members, title) => (members.clone(), title.clone()),
            Before::Like { rows, row } => match self.like(rows, *row).await? {
                Some(found) => (Members::of(rows, found), format!("turn {}", found + 1)),
                None => return Ok(None),
            },
        };
        let (_, _, mut old) = self.side(&members).await?;
        let (_, _, mut new) = self.side(after.0).await?;
        old.title = format!("{title}: {}", old.title);
        new.title = format!("{}: {}", after.1, new.title);
        self.check()?;
        let deadline = Instant::now() + COMPARING;
        Ok(Some(spawn_blocking(move || compare(&old, &new, focus, Some(deadline))).await?))
    }

    /// The row before with the same kind, source and name.
    async fn like(&self, rows: &Rows, row: usize) -> Result<Option<usize>> {
        let Some(kind) = rows.get(row).map(|row| row.kind) else { return Ok(None) };
        let wanted = self.describe(&[Members::of(rows, row)]).await?;
        let Some((_, _, Some(wanted))) = wanted.first() else { return Ok(None) };
        let same = |index: &usize| rows.get(*index).is_some_and(|other| other.kind == kind);
        let mut candidates: VecDeque<usize> = (row.saturating_sub(BACK)..row).rev().filter(same).collect();
        while !candidates.is_empty() {
            self.check()?;
            let batch: Vec<usize> = candidates.drain(..candidates.len().min(64)).collect();
            let members: Vec<Members> = batch.iter().map(|row| Members::of(rows, *row)).collect();
            for (index, (_, _, turn)) in batch.iter().zip(self.describe(&members).await?) {
                if turn.is_some_and(|turn| turn.source == wanted.source && turn.who == wanted.who) {
                    return Ok(Some(*index));
                }
            }
        }
        Ok(None)
    }
}
