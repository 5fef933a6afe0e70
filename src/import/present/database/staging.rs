//! Writes down what is new of a session as a document like the one beside the original's report.

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::list::Remote;
use super::or_cancelled;
use super::plan::{Ambiguous, Plan};
use super::state::State;
use crate::domain::present::row::{NUMBERS, Row, Table};
use crate::domain::{Outline, Timestamp};
use crate::import::{Control, Notice};
use crate::store::digest;
use crate::store::original::{Fetched, Original, RowKey, Span};

/// Rows that are brought at a time, and events whose blobs are; either may be long.
const PAGE: usize = 100;
const EVENTS: usize = 25;

/// The sections of the document.
const SECTIONS: [(&str, &str); 9] = [
    (Table::Transcript.name(), "transcript"),
    (Table::Task.name(), "tasks"),
    (Table::Trace.name(), "traces"),
    (Table::Model.name(), "modelIo"),
    (Table::Tool.name(), "toolIo"),
    (Table::Ledger.name(), "ledger"),
    (Table::Todo.name(), "todos"),
    (Table::Audit.name(), "audit"),
    (BLOBS, BLOBS),
];
/// Here only those that no row refers to; the others come with their rows.
const BLOBS: &str = "agent_io_blobs";

/// A document that is being written.
pub struct Staged<'a> {
    file: BufWriter<File>,
    remote: &'a Remote,
    /// The times that were asked for.
    within: Option<Span>,
    known: State,
    control: &'a Control,
    /// Something in it was not known before.
    is_new: bool,
    /// Digests of rows with when they were changed; those read again each time have no such time.
    seen: Vec<(String, Option<i64>)>,
    /// Ids of blobs, and of the events that they may be of.
    blobs: BTreeSet<String>,
    events: Vec<String>,
    /// Rows that could not be read, as they are told.
    unreadable: Vec<String>,
    /// Columns of which some value is none that can be counted with.
    misread: BTreeSet<(&'static str, &'static str)>,
    brought: u64,
}

impl<'a> Staged<'a> {
    pub fn new(
        path: &Path,
        (remote, within): (&'a Remote, Option<Span>),
        original: &Original,
        known: State,
        control: &'a Control,
    ) -> Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.with_context(|| format!("could not write {}", path.display()))?;
        let mut staged = Self {
            file: BufWriter::new(file),
            remote,
            within,
            known,
            control,
            is_new: false,
            seen: Vec::new(),
            blobs: BTreeSet::new(),
            events: Vec::new(),
            unreadable: Vec::new(),
            misread: BTreeSet::new(),
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
            let since = self.known.since(table, span.start);
            let newest = self.own_rows(original, table, (plan, since), &mut list).await?;
            let more = plan.more.get(table).map_or(&[][..], Vec::as_slice);
            for ids in more.chunks(PAGE) {
                let fetched = or_cancelled(self.control, original.rows(table, ids)).await?;
                self.page(table, fetched, &[], &mut list)?;
            }
            list.end(&mut self.file)?;
            let has_failed = original.failures().iter().any(|(failed, _)| *failed == table);
            let mark = if has_failed { None } else { newest.map(|newest: i64| newest.min(span.end)) };
            if let Some(mark) = mark.max(self.known.mark(table)) {
                let again = state.set_mark(table, mark);
                self.seen.retain(|(_, changed)| changed.is_none_or(|changed| changed >= again));
            }
            self.seen.drain(..).for_each(|(row, _)| state.remember(row));
        }
        self.ambiguous(&plan.ambiguous, &mut state)?;
        self.all_blobs(original).await?;
        self.unreadable(&mut state)?;
        self.warnings((original, plan), &mut state)?;
        self.file.write_all(b"\n}\n")?;
        self.file.flush()?;
        Ok((state, self.is_new))
    }

    /// The rows of a table that its room and window give; of those brought over before only what has changed since.
    /// Returns the newest change among them.
    async fn own_rows(
        &mut self,
        original: &mut Original,
        table: &'static str,
        (plan, since): (&Plan, Option<i64>),
        list: &mut List,
    ) -> Result<Option<i64>> {
        let (mut newest, mut behind) = (None, None::<String>);
        loop {
            let asked = original.row_keys(table, plan.own(), since, behind.as_deref());
            let mut keys = or_cancelled(self.control, asked).await?;
            let Some(last) = keys.last() else { return Ok(newest) };
            behind = Some(last.id.clone());
            newest = newest.max(keys.iter().filter_map(|key| key.changed).max());
            keys.retain(|key| plan.away.is_empty() || !plan.away.contains(&(table, key.id.clone())));
            if table == BLOBS {
                let ids: Vec<String> = keys.iter().map(|key| key.id.clone()).collect();
                let referenced = or_cancelled(self.control, original.referenced(&ids)).await?;
                keys.retain(|key| !referenced.contains(&key.id));
            }
            for page in keys.chunks(PAGE) {
                let ids: Vec<String> = page.iter().map(|key| key.id.clone()).collect();
                let fetched = or_cancelled(self.control, original.rows(table, &ids)).await?;
                self.page(table, fetched, page, list)?;
            }
        }
    }

    /// Writes rows that were fetched; `keys` say when they were changed.
    fn page(&mut self, table: &'static str, fetched: Vec<Fetched>, keys: &[RowKey], list: &mut List) -> Result<()> {
        self.brought += fetched.len() as u64;
        for (id, row) in fetched {
            let changed = keys.iter().find(|key| key.id == id).and_then(|key| key.changed);
            match row {
                Ok(row) => self.row(table, &row, changed, list)?,
                Err(fault) => {
                    let told = serde_json::json!({"table": table, "id": id, "reason": fault.to_string()});
                    self.unreadable.push(told.to_string());
                }
            }
        }
        let session = self.remote.session.id.clone();
        let all = self.remote.session.events.unsigned_abs();
        self.control.tell(Notice::Rows { session, done: self.brought, all: all.max(self.brought) });
        Ok(())
    }

    fn row(&mut self, table: &'static str, row: &str, changed: Option<i64>, list: &mut List) -> Result<()> {
        if !self.is_unknown(row, changed) {
            return Ok(());
        }
        if let Ok(outline) = Outline::of(row.as_bytes()) {
            let columns = Row { value: outline.root() };
            let misread =
                NUMBERS.split(' ').filter(|name| columns.get(name).is_some() && columns.integer(name).is_none());
            self.misread.extend(misread.map(|name| (table, name)));
            if [Table::Model.name(), Table::Tool.name()].contains(&table) {
                self.events.extend(columns.text("event_id"));
                self.blobs.extend(["input_blob_id", "output_blob_id"].iter().filter_map(|name| columns.text(name)));
            }
        }
        list.add(&mut self.file, row)
    }

    /// Whether a row was not brought over before; it is from now on.
    fn is_unknown(&mut self, row: &str, changed: Option<i64>) -> bool {
        let own = own_digest(row);
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

    /// The rows that may be its own and are not, so that whoever looks for them finds where they are.
    fn ambiguous(&mut self, rows: &[Ambiguous], state: &mut State) -> Result<()> {
        let told = rows.iter().map(|row| {
            let told = serde_json::json!({
                "id": format!("{}:{}", row.table, row.id), "table": row.table, "event_id": row.event,
                "created_at": row.at.map(Timestamp::rfc3339), "place": row.place,
                "place_ambiguous": format!("{}: it is in {}", row.words, row.place),
            });
            told.to_string()
        });
        let told: Vec<String> = told.collect();
        self.is_new |= told.iter().any(|row| !self.known.has_seen(&own_digest(row)));
        self.list("elsewhere", told, state)
    }

    fn unreadable(&mut self, state: &mut State) -> Result<()> {
        let rows = std::mem::take(&mut self.unreadable);
        self.is_new |= rows.iter().any(|row| !self.known.has_seen(&own_digest(row)));
        self.list("unreadable", rows, state)
    }

    /// What the database lacks, so that whoever looks at the session later knows why nothing is there.
    fn warnings(&mut self, (original, plan): (&Original, &Plan), state: &mut State) -> Result<()> {
        let mut warnings = original.lacks();
        warnings.extend(original.failures().iter().map(|(table, fault)| format!("{table}: {fault}")));
        original.failures().iter().for_each(|(table, _)| state.set_failed(table));
        let mended = self.known.failed().filter(|table| !state.has_failed(table));
        let mended: Vec<String> = mended.map(|table| format!("{table}: it answers again, and its rows came")).collect();
        self.is_new |= !mended.is_empty();
        warnings.extend(mended);
        for (table, column) in std::mem::take(&mut self.misread) {
            let words = format!("{table}: {column} is no whole number in some rows");
            self.control.tell(Notice::Bad(format!("{}: {words}", self.remote.session.id)));
            warnings.push(words);
        }
        warnings.extend(self.extent(state));
        if plan.is_cut {
            warnings.push("keys lead to too many rows: they were not followed beyond its window".to_owned());
        }
        let warnings: std::result::Result<Vec<String>, _> = warnings.iter().map(serde_json::to_string).collect();
        self.list("warnings", warnings?, state)
    }

    /// What is to be known of how much of the session is here; what was not brought over before may be now.
    fn extent(&mut self, state: &mut State) -> Option<String> {
        let was_cut = self.known.is_cut();
        let was_whole = self.known.is_known() && !was_cut;
        let cut = self.within.filter(|within| !was_whole && self.remote.is_cut_by(*within));
        state.set_cut(cut.is_some());
        match (was_cut, cut) {
            (true, None) => {
                self.is_new = true;
                Some("all its rows, no longer those of some times only".to_owned())
            }
            (true, Some(_)) => {
                let remark = self.remote.remark(cut);
                remark.map(|remark| format!("{remark}, beside those brought over before"))
            }
            (false, _) => self.remote.remark(cut),
        }
    }

    /// A list of values of which each is told once.
    fn list(&mut self, section: &'static str, values: Vec<String>, state: &mut State) -> Result<()> {
        let mut list = List::new(section);
        for value in values {
            let own = own_digest(&value);
            if !self.known.has_seen(&own) {
                list.add(&mut self.file, &value)?;
            }
            state.remember(own);
        }
        list.end(&mut self.file)
    }
}

/// By what a row is known again.
fn own_digest(row: &str) -> String {
    hex::encode(&digest(row.as_bytes())[..8])
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
