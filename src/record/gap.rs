//! Gaps: what was refused is told as an event, which says how much is missing, of whom, from when to when, and why.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::row::{Form, Whose, Written};
use crate::domain::present::row::Row;
use crate::domain::{Event, Key, KeyKind, Kind, Order, Timestamp, flag, telling};

/// Who tells of gaps.
pub(super) const RECORDER: &str = "turnscope_recorder";
/// Gaps of more sessions than these at a time are told together.
const MOST: usize = 500;

/// Why events are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There was no room for them.
    Full,
    /// They came after the recorder was stopped.
    Closed,
    /// The store could not hold them, and nor could the quarantine.
    Rejected,
    /// The recorder ended without having been stopped; how many still waited is not known.
    Killed,
    /// The journal in which they waited breaks off; how many are behind that is not known.
    Torn,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Self::Full => "there was no room for them",
            Self::Closed => "the recorder had been stopped",
            Self::Rejected => "neither the store nor the quarantine could hold them",
            Self::Killed => "the recorder ended without being stopped",
            Self::Torn => "the journal in which they waited breaks off",
        }
    }
}

/// What is missing of one session for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gap {
    pub id: String,
    pub whose: Whose,
    pub reason: Reason,
    /// 0 where it is not known.
    pub count: u64,
    pub bytes: u64,
    /// How many of which emitter.
    pub sources: BTreeMap<String, u64>,
    /// When the first and the last of them happened: µs.
    pub from: i64,
    pub to: i64,
}

impl Gap {
    /// A gap of which only the reason is known.
    pub fn unknown(id: String, reason: Reason, at: Timestamp) -> Self {
        let whose = Whose { id: format!("source:{RECORDER}"), room: None, canvas: None };
        Self { id, whose, reason, count: 0, bytes: 0, sources: BTreeMap::new(), from: at.0, to: at.0 }
    }

    fn add(&mut self, row: &Written) {
        self.count += 1;
        self.bytes += row.bytes.len() as u64;
        *self.sources.entry(row.source.clone()).or_insert(0) += 1;
        (self.from, self.to) = (self.from.min(row.at), self.to.max(row.at));
    }

    /// The gap as a row.
    pub fn written(&self) -> Written {
        let row = serde_json::json!({
            "event_id": self.id, "created_at": Timestamp(self.from).rfc3339(), "source": RECORDER, "event_type": "gap",
            "status": "missing", "reason": self.reason, "room": self.whose.room, "count": self.count,
            "bytes": self.bytes, "sources": self.sources, "until": Timestamp(self.to).rfc3339(),
        });
        let bytes = row.to_string().into_bytes();
        let (whose, source) = (self.whose.clone(), RECORDER.to_owned());
        let said = bytes.len();
        Written {
            form: Form::Gap,
            whose,
            id: self.id.clone(),
            source,
            at: self.from,
            said,
            left_out: Vec::new(),
            bytes,
        }
    }
}

/// The event of a gap's row.
pub(super) fn read(row: Row<'_>, whose: &Whose) -> Event {
    let mut event = Event::new(Kind::Other, RECORDER, "gap");
    (event.session, event.id) = (whose.id.clone(), row.text("event_id").unwrap_or_default());
    event.status = row.text("status");
    event.at = row.time("created_at");
    event.order = Order { time: event.at.unwrap_or_default(), ..Order::default() };
    event.flags = flag::ERROR;
    event.keys.extend(whose.room.iter().map(|room| Key::native(KeyKind::Room, room.clone())));
    let reason = row.text("reason").and_then(|reason| serde_json::from_value::<Reason>(reason.into()).ok());
    let why = reason.map_or("for an unknown reason", Reason::words);
    let count = row.integer("count").unwrap_or(0);
    let sources = row.get("sources").into_iter().flat_map(|sources| sources.items().collect::<Vec<_>>());
    let sources: Vec<String> =
        sources.filter_map(|source| Some(format!("{} {}", source.name()?, source.integer()?))).collect();
    let missing = match count {
        0 => "events may be missing".to_owned(),
        1 => format!("1 event is missing ({})", sources.join(", ")),
        many => format!("{} events are missing ({})", telling::thousands(many), sources.join(", ")),
    };
    event.error = Some(format!("{missing}: {why}"));
    event.label = telling::label(&format!("{missing}: {why}"));
    for name in ["count", "bytes", "until", "reason"] {
        event.attributes.extend(row.text(name).map(|value| (format!("missing_{name}"), value)));
    }
    event
}

/// Gaps that are not told yet. They stand in a file as well, so that they are told after a restart too.
#[derive(Debug)]
pub(super) struct Gaps {
    path: PathBuf,
    open: Vec<Gap>,
    /// Those that are on their way into the store.
    telling: Vec<Gap>,
}

impl Gaps {
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: Vec::new(), telling: Vec::new() }
    }

    /// Notes that an event is missing.
    pub fn add(&mut self, row: &Written, reason: Reason) {
        let known = self.open.iter().position(|gap| gap.reason == reason && gap.whose == row.whose);
        let place = known.unwrap_or_else(|| self.begin(row, reason));
        self.open[place].add(row);
        self.save();
    }

    /// Notes a gap that is known as a whole.
    pub fn put(&mut self, gap: Gap) {
        self.open.push(gap);
        self.save();
    }

    fn begin(&mut self, row: &Written, reason: Reason) -> usize {
        let mut gap = Gap { from: row.at, to: row.at, ..Gap::unknown(new_id(), reason, Timestamp(row.at)) };
        if self.open.len() < MOST {
            gap.whose = row.whose.clone();
        } else if let Some(known) = self.open.iter().position(|gap| gap.whose.id == format!("source:{RECORDER}")) {
            return known;
        }
        self.open.push(gap);
        self.open.len() - 1
    }

    /// All that are to be told now; they stay in the file until [`Self::told`], and are not added to any more.
    pub fn take(&mut self) -> Vec<Gap> {
        self.telling.append(&mut self.open);
        self.telling.clone()
    }

    /// Those that were taken are in the store.
    pub fn told(&mut self) {
        self.telling.clear();
        self.save();
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.telling.is_empty()
    }

    /// Where the disk takes nothing, they are kept in memory and written with the next.
    fn save(&self) {
        let saved = if self.is_empty() { remove(&self.path) } else { self.replace() };
        // There is nobody to tell: the callers know that their events were refused.
        drop(saved);
    }

    fn replace(&self) -> io::Result<()> {
        let new = self.path.with_extension("gaps-new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&[&self.telling[..], &self.open[..]].concat())?)?;
        fs::rename(&new, &self.path)
    }
}

pub(super) fn new_id() -> String {
    format!("gap-{}", uuid::Uuid::now_v7())
}

/// The gaps that a recorder left behind.
pub(super) fn left(path: &Path) -> io::Result<Vec<Gap>> {
    match fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
