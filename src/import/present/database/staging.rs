//! Writes down what is new of a session as a document like the one beside the original's report.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::list::Remote;
use super::or_cancelled;
use super::plan::Plan;
use super::state::State;
use crate::domain::Outline;
use crate::domain::present::row::{Row, Table};
use crate::import::{Control, Notice};
use crate::store::digest;
use crate::store::original::{Claim, Original};

/// Rows that are brought at a time, and events whose blobs are; either may be long.
const PAGE: usize = 100;
const EVENTS: usize = 25;

/// The sections of the document.
const SECTIONS: [(Table, &str); 6] = [
    (Table::Transcript, "transcript"),
    (Table::Task, "tasks"),
    (Table::Trace, "traces"),
    (Table::Model, "modelIo"),
    (Table::Tool, "toolIo"),
    (Table::Ledger, "ledger"),
];

/// A document that is being written.
pub struct Staged<'a> {
    file: BufWriter<File>,
    remote: &'a Remote,
    known: State,
    control: &'a Control,
    /// Something in it was not known before.
    is_new: bool,
    /// Digests of rows with when they were changed; those read again each time have no such time.
    seen: Vec<(String, Option<i64>)>,
    /// Ids of blobs, and of the events that they may be of.
    blobs: BTreeSet<String>,
    events: Vec<String>,
    brought: u64,
}

impl<'a> Staged<'a> {
    pub fn new(
        path: &Path,
        remote: &'a Remote,
        original: &Original,
        known: State,
        control: &'a Control,
    ) -> Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.with_context(|| format!("could not write {}", path.display()))?;
        let mut staged = Self {
            file: BufWriter::new(file),
            remote,
            known,
            control,
            is_new: false,
            seen: Vec::new(),
            blobs: BTreeSet::new(),
            events: Vec::new(),
            brought: 0,
        };
        staged.header(&original.name())?;
        Ok(staged)
    }

    /// Says the same each time, so that it is one event however often the session is brought over.
    fn header(&mut self, database: &str) -> Result<()> {
        let session = &self.remote.session;
        let mut header = serde_json::json!({"reportScope": "database", "database": database, "sessionId": session.id});
        if let Some(room) = &session.room {
            header["room"] = room.as_str().into();
        }
        if let Some(canvas) = &session.canvas {
            header["canvasId"] = canvas.as_str().into();
        }
        let header = header.to_string();
        let open = header.strip_suffix('}').unwrap_or(&header);
        self.file.write_all(open.as_bytes())?;
        Ok(())
    }

    /// Writes all that is new. Returns what is known then, and whether anything was new.
    pub async fn fill(mut self, original: &mut Original, plan: &Plan) -> Result<(State, bool)> {
        let span = plan.span();
        let mut state = State::new(original.number(), span.start);
        if let Some(row) = self.remote.row.as_deref().filter(|row| self.is_unknown(row, None)) {
            write!(self.file, ",\n\"session\":{row}")?;
        }
        for (table, section) in SECTIONS {
            let mut list = List::new(section);
            let mut newest = None;
            for (claim, only_changes) in plan.claims() {
                let since = self.known.since(table.name(), span.start).filter(|_| only_changes);
                let changed = self.rows(original, table, claim, (since, only_changes), &mut list).await?;
                newest = newest.max(changed.filter(|_| only_changes));
            }
            list.end(&mut self.file)?;
            let has_failed = original.failures().iter().any(|(failed, _)| *failed == table.name());
            let mark = if has_failed { None } else { newest.map(|newest: i64| newest.min(span.end)) };
            if let Some(mark) = mark.max(self.known.mark(table.name())) {
                let again = state.set_mark(table.name(), mark);
                self.seen.retain(|(_, changed)| changed.is_none_or(|changed| changed >= again));
            }
            self.seen.drain(..).for_each(|(row, _)| state.remember(row));
        }
        self.all_blobs(original).await?;
        self.warnings(original, &mut state)?;
        self.file.write_all(b"\n}\n")?;
        self.file.flush()?;
        Ok((state, self.is_new))
    }

    /// The rows of a table that a claim means. Returns the newest change among them.
    async fn rows(
        &mut self,
        original: &mut Original,
        table: Table,
        claim: Claim<'_>,
        (since, only_changes): (Option<i64>, bool),
        list: &mut List,
    ) -> Result<Option<i64>> {
        let (mut newest, mut behind) = (None, None::<String>);
        loop {
            let asked = original.row_keys(table, claim, since, behind.as_deref());
            let keys = or_cancelled(self.control, asked).await?;
            let Some(last) = keys.last() else { return Ok(newest) };
            behind = Some(last.id.clone());
            for page in keys.chunks(PAGE) {
                let ids: Vec<String> = page.iter().map(|key| key.id.clone()).collect();
                newest = newest.max(page.iter().filter_map(|key| key.changed).max());
                let changed: HashMap<&str, Option<i64>> =
                    page.iter().map(|key| (key.id.as_str(), key.changed)).collect();
                for (id, row) in or_cancelled(self.control, original.rows(table, &ids)).await? {
                    let changed = changed.get(id.as_str()).copied().flatten().filter(|_| only_changes);
                    self.row(table, &row, changed, list)?;
                }
                self.brought += page.len() as u64;
                let session = self.remote.session.id.clone();
                let all = self.remote.session.events.unsigned_abs();
                self.control.tell(Notice::Rows { session, done: self.brought, all: all.max(self.brought) });
            }
        }
    }

    fn row(&mut self, table: Table, row: &str, changed: Option<i64>, list: &mut List) -> Result<()> {
        if !self.is_unknown(row, changed) {
            return Ok(());
        }
        if matches!(table, Table::Model | Table::Tool)
            && let Ok(outline) = Outline::of(row.as_bytes())
        {
            let columns = Row { value: outline.root() };
            self.events.extend(columns.text("event_id"));
            self.blobs.extend(["input_blob_id", "output_blob_id"].iter().filter_map(|name| columns.text(name)));
        }
        list.add(&mut self.file, row)
    }

    /// Whether a row was not brought over before; it is from now on.
    fn is_unknown(&mut self, row: &str, changed: Option<i64>) -> bool {
        let own = hex::encode(&digest(row.as_bytes())[..8]);
        let is_unknown = !self.known.has_seen(&own);
        self.seen.push((own, changed));
        self.is_new |= is_unknown;
        is_unknown
    }

    /// The blobs of the rows that were written, each once.
    async fn all_blobs(&mut self, original: &mut Original) -> Result<()> {
        let blobs: Vec<String> = std::mem::take(&mut self.blobs).into_iter().collect();
        let events = std::mem::take(&mut self.events);
        let mut written = HashSet::new();
        let mut open = false;
        let none: &[String] = &[];
        let by_event = events.chunks(EVENTS).map(|events| (none, events));
        let by_id = blobs.chunks(EVENTS).map(|ids| (ids, none));
        for (ids, events) in by_event.chain(by_id) {
            if ids.iter().any(|id| !written.contains(id)) || !events.is_empty() {
                for (id, blob) in or_cancelled(self.control, original.blobs(ids, events)).await? {
                    if written.insert(id.clone()) {
                        let start = if open { ",\n" } else { ",\n\"blobs\":{\n" };
                        write!(self.file, "{start}{}:{blob}", serde_json::to_string(&id)?)?;
                        open = true;
                    }
                }
            }
        }
        if open {
            self.file.write_all(b"}")?;
        }
        Ok(())
    }

    /// What the database lacks, so that whoever looks at the session later knows why nothing is there.
    fn warnings(&mut self, original: &Original, state: &mut State) -> Result<()> {
        let mut warnings = original.lacks();
        warnings.extend(original.failures().iter().map(|(table, fault)| format!("{table}: {fault}")));
        warnings.extend(self.remote.lacks().map(str::to_owned));
        let mut list = List::new("warnings");
        for warning in warnings {
            let warning = serde_json::to_string(&warning)?;
            let own = hex::encode(&digest(warning.as_bytes())[..8]);
            if !self.known.has_seen(&own) {
                list.add(&mut self.file, &warning)?;
            }
            state.remember(own);
        }
        list.end(&mut self.file)
    }
}

/// A list of the document, which is not there where it would be empty.
struct List {
    section: &'static str,
    is_open: bool,
}

impl List {
    fn new(section: &'static str) -> Self {
        Self { section, is_open: false }
    }

    fn add(&mut self, file: &mut impl Write, value: &str) -> Result<()> {
        if self.is_open {
            file.write_all(b",\n")?;
        } else {
            write!(file, ",\n\"{}\":[\n", self.section)?;
            self.is_open = true;
        }
        file.write_all(value.as_bytes())?;
        Ok(())
    }

    fn end(self, file: &mut impl Write) -> Result<()> {
        if self.is_open {
            file.write_all(b"]")?;
        }
        Ok(())
    }
}
