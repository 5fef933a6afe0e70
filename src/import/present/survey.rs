//! The first reading of a document: what must be known before its rows can be told, such as the blobs behind them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::ops::Range;

use anyhow::Result;
use sha2::{Digest, Sha256};

use super::form::{Form, Part, form_of};
use super::part::{Piece, Taker, read_parts};
use super::payload::{Blob, Payloads};
use super::row::{Row, Table, scalar, shown};
use super::rows::{NATIVE, is_person};
use super::source::Source;
use crate::domain::{Key, Outline, Session, Timestamp, Value, excerpt};
use crate::import::{Control, telling};

const LONGEST_TITLE: usize = 80;
const LONGEST_VALUE: usize = 500;

/// A value that says what the document is.
#[derive(Debug)]
pub struct Heading {
    pub name: String,
    pub value: String,
    pub range: Range<u64>,
}

/// A row of the table of blobs.
#[derive(Debug)]
pub struct BlobRow {
    pub blob: Blob,
    pub range: Range<u64>,
    /// When it was made, and its keys.
    pub at: Option<Timestamp>,
    pub keys: Vec<Key>,
    /// Where the payload lies, where there is one.
    payload: Option<Range<u64>>,
}

/// What a document is about.
pub struct Survey<'a> {
    pub form: Form,
    pub session: Session,
    /// The earliest time in it; what has no time of its own stands there.
    pub time: Option<Timestamp>,
    pub headings: Vec<Heading>,
    pub blobs: Vec<BlobRow>,
    /// Ids of the rows that lie in lists of their own.
    pub listed: HashSet<(Table, String)>,
    /// Where and why it is no document any more.
    pub broken: Option<(u64, String)>,
    source: Source<'a>,
    by_id: HashMap<String, usize>,
    by_event: HashMap<(String, String), usize>,
}

impl<'a> Survey<'a> {
    /// Reads the file once. `stem` names a session that has no id of its own.
    pub fn of(file: &'a File, head: &Outline, stem: &str, control: &Control) -> Result<Self> {
        let form = form_of(head.root()).unwrap_or(Form::Report);
        let mut looking = Looking {
            form,
            source: Source { file },
            headings: Vec::new(),
            blobs: Vec::new(),
            listed: HashSet::new(),
            times: Times::default(),
            said: BTreeMap::new(),
            identity: Identity::default(),
        };
        let mut again = file.try_clone()?;
        std::io::Seek::rewind(&mut again)?;
        let broken = read_parts(&mut again, &mut looking, control)?;
        Ok(looking.finish(broken, stem))
    }

    /// A blob of the document by its place in the list.
    pub fn payload_of(&self, id: &str) -> Option<(&Blob, &Range<u64>)> {
        let row = &self.blobs[*self.by_id.get(id)?];
        Some((&row.blob, row.payload.as_ref()?))
    }

    /// The value of a heading.
    pub fn heading(&self, name: &str) -> Option<&str> {
        self.headings.iter().find(|heading| heading.name == name).map(|heading| heading.value.as_str())
    }
}

impl Payloads for Survey<'_> {
    fn by_id(&self, id: &str) -> Option<&Blob> {
        self.by_id.get(id).map(|place| &self.blobs[*place].blob)
    }

    fn by_event(&self, event_id: &str, kind: &str) -> Option<&Blob> {
        let place = self.by_event.get(&(event_id.to_owned(), kind.to_owned()))?;
        Some(&self.blobs[*place].blob)
    }

    fn outline(&self, blob: &Blob) -> Option<Outline> {
        let (_, range) = self.payload_of(&blob.id)?;
        self.source.outline_of_payload(range)
    }
}

/// Times by how much they say about when the session began.
#[derive(Debug, Default)]
struct Times {
    rows: Option<Timestamp>,
    run: Option<Timestamp>,
    session: Option<Timestamp>,
    document: Option<Timestamp>,
}

/// What names the session.
#[derive(Debug, Default)]
struct Identity {
    session: Option<String>,
    run: Option<String>,
    room: Option<String>,
    canvas: Option<String>,
}

struct Looking<'a> {
    form: Form,
    source: Source<'a>,
    headings: Vec<Heading>,
    blobs: Vec<BlobRow>,
    listed: HashSet<(Table, String)>,
    times: Times,
    /// What persons said, by time and id; only the first is kept.
    said: BTreeMap<(i64, String), String>,
    identity: Identity,
}

impl Taker for Looking<'_> {
    fn bytes(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    fn piece(&mut self, piece: Piece) -> Result<()> {
        let part = piece.part(self.form);
        let Ok(outline) = &piece.outline else { return Ok(()) };
        let value = outline.root();
        match part {
            Part::Row(table) => self.row(table, value),
            Part::Blob => self.blob(&piece, value)?,
            Part::Turn => self.turn(value),
            Part::Step | Part::Run => self.step(value),
            Part::Other => self.other(&piece.section, value),
            Part::Header => self.heading(&piece, value),
            Part::Unreadable => {}
        }
        Ok(())
    }
}

impl<'a> Looking<'a> {
    fn row(&mut self, table: Table, value: Value<'_>) {
        let row = Row { value };
        let time = row.time("ts").filter(|_| table == Table::Transcript).or_else(|| row.time("created_at"));
        earliest(&mut self.times.rows, time);
        let room = if table == Table::Transcript { "room_name" } else { "room" };
        self.identity.room = self.identity.room.take().or_else(|| row.text(room));
        match table {
            Table::Transcript => self.line(row, time),
            Table::Task | Table::Trace => {
                self.listed.extend(row.text("id").map(|id| (table, id)));
            }
            _ => {}
        }
    }

    fn line(&mut self, row: Row<'_>, time: Option<Timestamp>) {
        let person = row.text("participant_id").is_none_or(|who| is_person(&who));
        let text = row.text("text").filter(|_| person);
        if let Some(text) = text {
            let place = (time.map_or(i64::MAX, |time| time.0), row.text("event_id").unwrap_or_default());
            self.said.insert(place, excerpt(&text, LONGEST_TITLE));
            while self.said.len() > 1 {
                self.said.pop_last();
            }
        }
    }

    fn turn(&mut self, value: Value<'_>) {
        if let Some(prompt) = value.word("prompt").filter(|_| self.said.is_empty()) {
            self.said.insert((i64::MIN, String::new()), excerpt(&prompt, LONGEST_TITLE));
        }
    }

    fn step(&mut self, value: Value<'_>) {
        let row = Row { value };
        earliest(&mut self.times.run, row.time("startedAt"));
        let events = value.get("metricEvents").into_iter().flat_map(Value::items);
        for event in events {
            earliest(&mut self.times.rows, Row { value: event }.time("ts"));
        }
    }

    fn other(&mut self, section: &str, value: Value<'_>) {
        let row = Row { value };
        match section {
            "session" => {
                self.identity.session = row.text("id");
                let room = row.text("room_name").or_else(|| row.text("room"));
                self.identity.room = room.or(self.identity.room.take());
                self.identity.canvas = row.text("canvas_id").or(self.identity.canvas.take());
                earliest(&mut self.times.session, row.time("created_at"));
            }
            "runArtifact" => {
                self.identity.run = row.text("runId");
                earliest(&mut self.times.run, row.time("startedAt"));
            }
            _ => {}
        }
    }

    fn heading(&mut self, piece: &Piece, value: Value<'_>) {
        let row = Row { value };
        let text = || scalar(value);
        match piece.section.as_str() {
            "runId" => self.identity.run = text(),
            "suiteId" => self.identity.session = text(),
            "sessionId" if self.form == Form::Report => self.identity.session = text(),
            "room" | "roomId" => self.identity.room = text().or(self.identity.room.take()),
            // Where there is no canvas, the report shows the room.
            "canvasId" => {
                self.identity.canvas = text().filter(|id| !id.starts_with("room:")).or(self.identity.canvas.take())
            }
            _ => {}
        }
        let time = || telling::time(row.value);
        match piece.section.as_str() {
            "startedAt" => earliest(&mut self.times.run, time()),
            "windowStartIso" | "generatedAt" => earliest(&mut self.times.document, time()),
            _ => {}
        }
        let value = shown(value, LONGEST_VALUE);
        self.headings.push(Heading { name: piece.section.clone(), value, range: piece.range.clone() });
    }

    fn blob(&mut self, piece: &Piece, value: Value<'_>) -> Result<()> {
        let row = Row { value };
        let Some(id) = row.text("id").or_else(|| piece.name.clone()) else { return Ok(()) };
        let payload = row.get("payload").map(|payload| payload.range());
        let payload = payload.map(|range| piece.range.start + range.start..piece.range.start + range.end);
        let (mut size, mut hasher, mut first) = (0, Sha256::new(), None);
        if let Some(range) = &payload {
            self.source.decode(range, |bytes| {
                size += bytes.len() as u64;
                first = first.or_else(|| bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace()));
                hasher.update(bytes);
                Ok(())
            })?;
        }
        let full = row.integer("size_bytes").and_then(|size| u64::try_from(size).ok());
        let blob = Blob {
            id,
            event_id: row.text("event_id"),
            kind: row.text("kind"),
            size,
            digest: hasher.finalize().into(),
            full,
            said: row.text("sha256"),
            truncated: row.is("truncated"),
            first,
        };
        let keys = NATIVE.iter().filter_map(|(kind, column)| Some(Key::native(*kind, row.text(column)?))).collect();
        self.blobs.push(BlobRow { blob, range: piece.range.clone(), at: row.time("created_at"), keys, payload });
        Ok(())
    }

    fn finish(self, broken: Option<(u64, String)>, stem: &str) -> Survey<'a> {
        let index = |key: fn(&Blob) -> Option<(String, String)>| {
            let keys = self.blobs.iter().enumerate().rev();
            keys.filter_map(move |(place, row)| Some((key(&row.blob)?, place))).collect::<HashMap<_, _>>()
        };
        let by_id = index(|blob| Some((blob.id.clone(), String::new())));
        let by_event = index(|blob| Some((blob.event_id.clone()?, blob.kind.clone()?)));
        let named = self.headings.iter().find(|heading| matches!(heading.name.as_str(), "canvasName" | "suiteId"));
        let title = self.said.into_values().next().or_else(|| named.map(|heading| heading.value.clone()));
        let session = session_of(self.form, self.identity, title, stem);
        let times = self.times;
        Survey {
            form: self.form,
            session,
            time: times.rows.or(times.run).or(times.session).or(times.document),
            headings: self.headings,
            blobs: self.blobs,
            listed: self.listed,
            broken,
            source: self.source,
            by_id: by_id.into_iter().map(|((id, _), place)| (id, place)).collect(),
            by_event,
        }
    }
}

/// The session of a document: its own, its run, else that of the room.
fn session_of(form: Form, identity: Identity, title: Option<String>, stem: &str) -> Session {
    let room = identity.room;
    let of_room = || room.as_ref().map(|room| format!("room:{room}"));
    let id = match form {
        Form::Artifact | Form::Run => identity.run.or_else(of_room),
        Form::Room | Form::Canvas => of_room(),
        Form::Report | Form::Suite => identity.session.or(identity.run).or_else(of_room),
    };
    let id = id.unwrap_or_else(|| stem.to_owned());
    Session {
        lineage: id.clone(),
        id,
        title: title.or_else(|| room.clone()),
        agent: super::AGENT.to_owned(),
        project: room.clone(),
        room,
        canvas: identity.canvas,
        ..Session::default()
    }
}

fn earliest(known: &mut Option<Timestamp>, found: Option<Timestamp>) {
    *known = match (*known, found) {
        (Some(known), Some(found)) => Some(known.min(found)),
        (one, other) => one.or(other),
    };
}
