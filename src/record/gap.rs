//! Gaps: what was refused is told as an event, which says how much is missing, of whom, from when to when, and why.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::row::{Form, Whose, Written};
use crate::domain::present::row::Row;
use crate::domain::{Event, Key, KeyKind, Kind, Order, Timestamp, flag, telling};

/// Who tells of gaps.
pub(super) const RECORDER: &str = "turnscope_recorder";
/// The attribute of what is missing, as the check of a session tells it.
const MISSING: &str = "events_missing";
/// What their files are called.
pub(super) const ENDING: &str = "gaps";
/// How often counts of a gap are synced at most.
const SYNC: Duration = Duration::from_millis(100);
/// A longer file is written anew.
const LONGEST_LOG: usize = 1 << 20;
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
    /// What an earlier recorder left cannot be read; how many are in it is not known.
    Unreadable,
}

impl Reason {
    fn words(self) -> &'static str {
        match self {
            Self::Full => "there was no room for them",
            Self::Closed => "the recorder had been stopped",
            Self::Rejected => "neither the store nor the quarantine could hold them",
            Self::Killed => "the recorder ended without being stopped",
            Self::Torn => "the journal in which they waited breaks off",
            Self::Unreadable => "what an earlier recorder left cannot be read",
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
    /// The file in which they may be.
    #[serde(default)]
    pub file: Option<String>,
}

impl Gap {
    /// A gap of which only the reason is known.
    pub fn unknown(id: String, reason: Reason, at: Timestamp) -> Self {
        let whose = Whose { id: format!("source:{RECORDER}"), room: None, canvas: None };
        Self { id, whose, reason, count: 0, bytes: 0, sources: BTreeMap::new(), from: at.0, to: at.0, file: None }
    }

    /// Events that may be missing, and the file in which they may be. Found again, it is the same gap.
    pub fn in_file(reason: Reason, name: &str, path: &Path, bytes: u64, at: Timestamp) -> Self {
        let word = if reason == Reason::Torn { "torn" } else { "unreadable" };
        let gap = Self::unknown(format!("gap-{word}-{name}"), reason, at);
        Self { bytes, file: Some(path.display().to_string()), ..gap }
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
            "bytes": self.bytes, "sources": self.sources, "file": self.file, "until": Timestamp(self.to).rfc3339(),
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
    let file = row.text("file").map_or(String::new(), |file| format!(" ({file})"));
    let words = format!("{missing}: {why}{file}");
    event.label = telling::label(&words);
    event.attributes.push((MISSING.to_owned(), words.clone()));
    event.error = Some(words);
    for name in ["count", "bytes", "until", "reason"] {
        event.attributes.extend(row.text(name).map(|value| (format!("missing_{name}"), value)));
    }
    event
}

/// Gaps that are not told yet. They stand in a file as well, so that they are told after a restart too.
///
/// The file is a log: each line is a gap as it stood, and of several of one gap the last one counts. A gap that begins
/// is on the disk, synced, before its first refusal is answered. Refusals that add to it are written as they come, so
/// that they outlive the process, and synced as often as [`SYNC`] says: what the power takes of them is a count, never
/// that something is missing.
#[derive(Debug)]
pub(super) struct Gaps {
    path: PathBuf,
    log: Option<Log>,
    open: Vec<Gap>,
    /// Those that are on their way into the store.
    telling: Vec<Gap>,
}

#[derive(Debug)]
struct Log {
    file: File,
    size: usize,
    synced: Instant,
}

impl Gaps {
    pub fn new(path: PathBuf) -> Self {
        Self { path, log: None, open: Vec::new(), telling: Vec::new() }
    }

    /// Notes that an event is missing.
    pub fn add(&mut self, row: &Written, reason: Reason) {
        let known = self.open.iter().position(|gap| gap.reason == reason && gap.whose == row.whose);
        let is_new = known.is_none();
        let place = known.unwrap_or_else(|| self.begin(row, reason));
        self.open[place].add(row);
        self.save(place, is_new);
    }

    /// Notes a gap that is known as a whole.
    pub fn put(&mut self, gap: Gap) {
        self.open.push(gap);
        self.save(self.open.len() - 1, true);
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
        self.log = None;
        // Where that fails they are told again, and known.
        let anew = if self.is_empty() { remove(&self.path) } else { self.begin_anew() };
        drop(anew);
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.telling.is_empty()
    }

    /// Where the disk takes nothing, they are kept in memory and written with the next.
    fn save(&mut self, place: usize, is_new: bool) {
        let saved = match &mut self.log {
            Some(log) if log.size < LONGEST_LOG => log.add(&self.open[place], is_new),
            _ => self.begin_anew(),
        };
        if saved.is_err() {
            // There is nobody to tell: the callers know that their events were refused.
            self.log = None;
        }
    }

    /// Writes the file anew, with each gap once.
    fn begin_anew(&mut self) -> io::Result<()> {
        let new = self.path.with_extension("gaps-new");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut log = Log { file, size: 0, synced: Instant::now() };
        for gap in self.telling.iter().chain(&self.open) {
            log.write(gap)?;
        }
        log.file.sync_all()?;
        fs::rename(&new, &self.path)?;
        sync_folder_of(&self.path)?;
        self.log = Some(log);
        Ok(())
    }
}

impl Log {
    fn write(&mut self, gap: &Gap) -> io::Result<()> {
        let mut line = serde_json::to_vec(gap)?;
        line.push(b'\n');
        self.size += line.len();
        self.file.write_all(&line)
    }

    fn add(&mut self, gap: &Gap, is_new: bool) -> io::Result<()> {
        self.write(gap)?;
        if is_new || self.synced.elapsed() >= SYNC {
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(())
    }
}

/// Has the folder of a file keep its name.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

pub(super) fn new_id() -> String {
    format!("gap-{}", uuid::Uuid::now_v7())
}

/// The gaps that a recorder left behind, and how many bytes of what it left are none.
pub(super) fn left(path: &Path) -> io::Result<(Vec<Gap>, u64)> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let mut gaps: Vec<Gap> = Vec::new();
    let mut damaged = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match serde_json::from_slice::<Gap>(line) {
            Ok(gap) => match gaps.iter_mut().find(|known| known.id == gap.id) {
                Some(known) => *known = gap,
                None => gaps.push(gap),
            },
            // What was being written when the recorder ended was not answered for.
            Err(_) if !line.ends_with(b"\n") => {}
            Err(_) => damaged += line.len() as u64,
        }
    }
    Ok((gaps, damaged))
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::row;
    use crate::record::{Item, Limits};

    fn row(room: &str) -> Written {
        let item = Item { room: Some(room.to_owned()), ..Item::model("runner", "call", "started") };
        row::write(&item, Timestamp(1_000_000), &Limits::default(), None)
    }

    fn counts(gaps: &[Gap]) -> Vec<(&str, u64)> {
        gaps.iter().map(|gap| (gap.whose.id.as_str(), gap.count)).collect()
    }

    #[test]
    fn what_was_noted_is_in_the_file_until_it_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.gaps");
        let mut gaps = Gaps::new(path.clone());
        for room in ["a", "b", "a", "a"] {
            gaps.add(&row(room), Reason::Full);
        }
        let (left_behind, damaged) = left(&path).expect("reads");
        assert_eq!((counts(&left_behind), damaged), (vec![("room:a", 3), ("room:b", 1)], 0));
        assert_eq!(counts(&gaps.take()), [("room:a", 3), ("room:b", 1)]);
        gaps.add(&row("a"), Reason::Full);
        assert_eq!(counts(&left(&path).expect("reads").0), [("room:a", 3), ("room:b", 1), ("room:a", 1)]);
        gaps.told();
        assert_eq!(counts(&left(&path).expect("reads").0), [("room:a", 1)]);
        gaps.take();
        gaps.told();
        assert!(gaps.is_empty() && !path.exists());
    }

    #[test]
    fn a_log_that_breaks_off_tells_what_stood_before_and_damage_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.gaps");
        let mut gaps = Gaps::new(path.clone());
        (0..3).for_each(|_| gaps.add(&row("a"), Reason::Full));
        let whole = fs::read(&path).expect("reads");
        let lines: Vec<usize> = memchr::memchr_iter(b'\n', &whole).collect();
        for end in lines[1] + 1..whole.len() {
            fs::write(&path, &whole[..end]).expect("writes");
            let count = if end + 1 == whole.len() { 3 } else { 2 };
            assert_eq!(
                (counts(&left(&path).expect("reads").0), left(&path).expect("reads").1),
                (vec![("room:a", count)], 0)
            );
        }
        let mut damaged = whole.clone();
        damaged[lines[0] + 1] = b'#';
        fs::write(&path, &damaged).expect("writes");
        let (left_behind, bytes) = left(&path).expect("reads");
        assert_eq!((counts(&left_behind), bytes as usize), (vec![("room:a", 3)], lines[1] - lines[0]));
    }
}
