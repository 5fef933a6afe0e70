//! The second reading of a document: every part becomes a record with its events.

use std::ops::Range;

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::benchmark::{self, Run};
use super::form::{self, Part};
use super::out::Out;
use super::part::{Piece, Taker};
use super::payload::Bytes;
use super::row::{Row, Table, scalar, shown};
use super::rows::{self, Context, Made};
use super::survey::Survey;
use crate::domain::{Event, Key, KeyKind, Kind, Order, Role, Shape, Timestamp, Value, excerpt, flag};
use crate::import::telling;

/// Between the lines that are made of an artifact's turns, as the original spaces them.
const BETWEEN_TURNS: i64 = 2_000_000;
const TO_DELIVERY: i64 = 1_000_000;
/// Events of no table stand before all that happened at the same time.
const FIRST: i64 = 0;

/// Turns parts into records.
pub struct Reading<'a> {
    survey: &'a Survey<'a>,
    pub out: Out<'a>,
    run: Run,
    turns: i64,
    others: i64,
}

impl<'a> Reading<'a> {
    pub fn new(survey: &'a Survey<'a>, out: Out<'a>) -> Self {
        Self { survey, out, run: Run::of_document(survey), turns: 0, others: 0 }
    }

    /// What is said at the end: the header, and the blobs with the rows that they belong to.
    pub fn finish(&mut self, size: u64) -> Result<()> {
        self.header()?;
        for row in &self.survey.blobs {
            match self.out.parent(&row.blob.id) {
                Some((session, id, content)) => self.out.also(&row.range, &session, &id, content)?,
                None => self.stray_blob(row)?,
            }
        }
        if let Some((at, reason)) = self.survey.broken.clone() {
            self.out.bad(&(at.min(size)..size), &reason)?;
        }
        self.out.send(true)
    }

    /// Single values say together what the document is.
    fn header(&mut self) -> Result<()> {
        let headings = &self.survey.headings;
        if headings.is_empty() {
            return Ok(());
        }
        let mut hasher = Sha256::new();
        headings.iter().for_each(|heading| hasher.update(format!("{}={}\n", heading.name, heading.value)));
        let mut content = [0; 16];
        content.copy_from_slice(&hasher.finalize()[..16]);
        let mut event = self.other("document");
        event.id = format!("r-{}", hex::encode(&content[..8]));
        let told = headings.iter().take(12).map(|heading| format!("{} {}", heading.name, heading.value));
        event.label = telling::label(&told.collect::<Vec<_>>().join(", "));
        event.attributes = headings.iter().map(|heading| (heading.name.clone(), heading.value.clone())).collect();
        let (id, session) = (event.id.clone(), event.session.clone());
        let (first, rest) = (&headings[0].range, &headings[1..]);
        self.out.record_as(first, content, vec![made(event)])?;
        rest.iter().try_for_each(|heading| self.out.also(&heading.range, &session, &id, content))
    }

    fn stray_blob(&mut self, row: &super::survey::BlobRow) -> Result<()> {
        let mut event = self.other("blob");
        let kind = row.blob.kind.as_deref().unwrap_or("payload");
        event.label = telling::label(&format!("{kind} of {} bytes that no row refers to", row.blob.size));
        event.attributes.push(("blob_without_row".to_owned(), row.blob.id.clone()));
        event.attributes.extend(row.blob.event_id.clone().map(|id| ("event_id".to_owned(), id)));
        event.keys.extend(row.keys.iter().cloned());
        if let Some(at) = row.at {
            (event.at, event.order.time) = (Some(at), at);
            event.flags &= !flag::INFERRED_TIME;
        }
        let mut made = made(event);
        if self.survey.payload_of(&row.blob.id).is_some() {
            made.bodies.push((Role::Output, Bytes::Blob(row.blob.id.clone())));
        }
        self.out.record(&row.range, vec![made])
    }

    /// An event of no table.
    fn other(&mut self, event_type: &str) -> Event {
        let mut event = Event::new(Kind::Other, super::AGENT, event_type);
        let session = &self.survey.session;
        event.session.clone_from(&session.id);
        event.keys.push(Key::derived(KeyKind::Session, session.id.clone(), "same_file"));
        event.keys.extend(session.room.iter().map(|room| Key::derived(KeyKind::Room, room.clone(), "same_file")));
        event.flags |= flag::INFERRED_TIME;
        event.order = Order { time: self.survey.time.unwrap_or_default(), origin: FIRST, sequence: self.others };
        self.others += 1;
        event
    }

    fn row(&mut self, table: Table, value: Value<'_>, range: &Range<u64>) -> Result<()> {
        if value.shape() != Shape::Object {
            let reason = format!("a row of {} is no object", table.name());
            return self.out.bad(range, &reason);
        }
        let context = Context { session: &self.survey.session.id, time: self.survey.time, payloads: self.survey };
        let mut made = rows::read(table, Row { value }, &context);
        // Places are those inside the row's own record.
        let start = value.range().start;
        for (_, bytes) in &mut made.bodies {
            if let Bytes::Range(range) = bytes {
                *range = range.start - start..range.end - start;
            }
        }
        self.out.record(range, vec![made])
    }

    /// Lines made of a turn of an artifact, for want of a transcript, and marked as made.
    fn turn(&mut self, value: Value<'_>, range: &Range<u64>) -> Result<()> {
        let index = self.turns;
        self.turns += 1;
        let start = self.survey.heading("startedAt").and_then(Timestamp::parse).or(self.survey.time);
        let time = |extra: i64| start.map(|start| Timestamp(start.0 + BETWEEN_TURNS * index + extra));
        let prompt = value.get("prompt").filter(|prompt| prompt.shape() == Shape::String);
        let word = |name: &str| value.get(name).and_then(scalar).unwrap_or_else(|| "unknown".to_owned());
        let delivery = format!(
            "delivery: ack={} delivered={} connected={} attempts={}",
            word("acked"),
            word("delivered"),
            word("connected"),
            word("attemptsUsed")
        );
        let text = prompt.and_then(Value::text).unwrap_or_default();
        let mut asked = made(self.made_line(index, "user", "canvas-user.synthetic", time(0), &text));
        asked.bodies.extend(prompt.map(|prompt| (Role::Input, Bytes::Range(prompt.range()))));
        let told = self.made_line(index, "delivery", "voice-agent.synthetic", time(TO_DELIVERY), &delivery);
        self.out.record(range, vec![asked, made(told)])
    }

    fn made_line(&self, index: i64, part: &str, who: &str, time: Option<Timestamp>, text: &str) -> Event {
        let mut event = Event::new(Kind::Transcript, Table::Transcript.name(), "transcript");
        event.session.clone_from(&self.survey.session.id);
        event.id = format!("showcase-turn-{}-{part}", index + 1);
        event.participant = Some(who.to_owned());
        event.label = telling::label(text);
        event.flags |= flag::INFERRED_TIME;
        event.order = Order { time: time.unwrap_or_default(), origin: Table::Transcript as i64 + 1, sequence: index };
        event
            .keys
            .extend(self.survey.session.room.iter().map(|room| Key::derived(KeyKind::Room, room.clone(), "same_file")));
        event
            .attributes
            .push(("synthetic".to_owned(), "made from the turns of the run, which keep no transcript".to_owned()));
        event
    }

    fn whole(&mut self, piece: &Piece, value: Value<'_>) -> Result<()> {
        let mut event = self.other(&piece.section);
        let row = Row { value };
        event.at = ["created_at", "createdAt", "startedAt"].iter().find_map(|name| row.time(name));
        telling::note_time(&mut event, row.get("created_at"));
        event.status = row.text("status");
        event.label = telling::label(&format!("{}: {}", piece.section, shown(value, 200)));
        if piece.section == "session" {
            self.describe_session(row, &mut event);
        } else if piece.section == "elsewhere" {
            let word = |name: &str| row.text(name).unwrap_or_default();
            let told = format!("{} {} {}", word("table"), word("event_id"), word("place_ambiguous"));
            event.label = telling::label(&told);
            event.order.time = event.at.unwrap_or(event.order.time);
        } else if value.shape() == Shape::String {
            event.label = telling::label(&value.text().unwrap_or_default());
        }
        for member in value.items().filter(|_| value.shape() == Shape::Object) {
            let (Some(name), Some(text)) = (member.name(), scalar(member)) else { continue };
            event.attributes.push((name.into_owned(), excerpt(&text, 500)));
        }
        if !form::is_known(&piece.section) {
            event.flags |= flag::UNKNOWN;
        }
        self.out.record(&piece.range, vec![made(event)])?;
        self.nested(piece, value)
    }

    fn describe_session(&self, row: Row<'_>, event: &mut Event) {
        event.event_type = "canvas_session".to_owned();
        let people = row.inner("participants");
        let people = people.iter().flat_map(|people| people.root().items());
        let names: Vec<String> = people
            .filter_map(|person| {
                let person = Row { value: person };
                person.text("name").or_else(|| person.text("identity"))
            })
            .collect();
        event.label = match names.is_empty() {
            true => "canvas session".to_owned(),
            false => telling::label(&format!("canvas session with {}", names.join(", "))),
        };
        event.attributes.extend((!names.is_empty()).then(|| ("participants".to_owned(), names.join(", "))));
        let id = row.text("id").unwrap_or_default();
        if !telling::is_uuid(&id) {
            event
                .attributes
                .push(("synthetic".to_owned(), "the report found no session and made this one up".to_owned()));
        }
    }

    /// Rows that lie deeper, unless they also stand in a list of their own.
    fn nested(&mut self, piece: &Piece, value: Value<'_>) -> Result<()> {
        for (path, table) in form::nested(&piece.section) {
            let Some(found) = value.at(path) else { continue };
            let rows: Vec<Value<'_>> =
                if found.shape() == Shape::Array { found.items().collect() } else { vec![found] };
            for row in rows {
                let id = (Row { value: row }).text("id");
                let listed =
                    piece.section == "runArtifact" && id.is_some_and(|id| self.survey.listed.contains(&(*table, id)));
                if row.is_null() || listed {
                    continue;
                }
                let place = row.range();
                self.row(*table, row, &(piece.range.start + place.start..piece.range.start + place.end))?;
            }
        }
        Ok(())
    }
}

impl Taker for Reading<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.content(bytes)
    }

    fn piece(&mut self, piece: Piece) -> Result<()> {
        let value = match &piece.outline {
            Ok(outline) => outline.root(),
            Err(fault) => return self.out.bad(&piece.range, &fault.to_string()),
        };
        let is_object = value.shape() == Shape::Object;
        match piece.part(self.survey.form) {
            Part::Row(table) => self.row(table, value, &piece.range),
            Part::Turn if is_object => self.turn(value, &piece.range),
            Part::Run if is_object => benchmark::run(value, &piece.range, self.survey, &mut self.out),
            Part::Step if is_object => benchmark::step(value, &piece.range, &self.run, &mut self.out),
            Part::Blob if !is_object => self.out.bad(&piece.range, "a row of agent_io_blobs is no object"),
            Part::Turn | Part::Run | Part::Step => self.out.bad(&piece.range, "an element of the list is no object"),
            Part::Other => self.whole(&piece, value),
            Part::Unreadable => {
                let word = |name: &str| value.get(name).and_then(scalar).unwrap_or_default();
                let reason = format!("{}: the row {} could not be read: {}", word("table"), word("id"), word("reason"));
                self.out.bad(&piece.range, &reason)
            }
            // Told at the end.
            Part::Blob | Part::Header => Ok(()),
        }
    }
}

fn made(event: Event) -> Made {
    Made { event, bodies: Vec::new(), blobs: Vec::new() }
}
