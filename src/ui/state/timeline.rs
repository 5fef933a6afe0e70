//! The timeline of one session: its rows, the words of those in sight, and what is hidden, found and marked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::{Branches, Correlation, Lane, Minimap, Playback, Tab};
use crate::domain::filter::{Field, Filter};
use crate::domain::{Kind, Session, Timestamp};
use crate::report::Joined;
use crate::timeline::{Finding, Growing, Row, Rows, State as RowState, Survey};
use crate::ui::list::List;
use crate::ui::message::{Mark, Members};
use crate::ui::payload::View;
use crate::ui::phrase::Phrase;
use crate::ui::turns::Turns;
use crate::ui::words::Clock;

/// A cut record stands at most so many rows before the end.
const NEAR_THE_END: usize = 64;

/// A filter and what it has found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filtered {
    pub filter: Filter,
    /// Rows in order.
    pub rows: Vec<u32>,
    /// The job that is still looking.
    pub job: Option<u64>,
    pub scanned: usize,
    /// The row at which the cursor stood before; it goes back there, or near it, as rows come in.
    pub stood: Option<usize>,
    /// The row to which it has gone so far. Once the user goes elsewhere it stays.
    pub put: Option<usize>,
}

/// A search and what it has found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Searched {
    pub phrase: Phrase,
    /// Rows in order.
    pub rows: Vec<u32>,
    /// How many of them hold it only inside, not in what the list says of them.
    pub inside: usize,
    pub job: Option<u64>,
    /// How many looks at a row have been taken, of how many: one at what the list says, one inside.
    pub scanned: usize,
    pub total: usize,
    /// The cursor goes to the first hit that is found.
    pub jump: bool,
    /// `Esc` takes the highlight away and keeps the phrase for `n`.
    pub lit: bool,
}

impl Searched {
    /// A search that is done: these rows, in order, are what it found.
    pub(crate) fn found(phrase: Phrase, rows: Vec<u32>) -> Self {
        Self { phrase, rows, inside: 0, job: None, scanned: 0, total: 0, jump: false, lit: true }
    }

    /// Takes more rows that hold the phrase.
    pub(crate) fn add(&mut self, rows: &[u32]) {
        self.rows.extend_from_slice(rows);
        self.rows.sort_unstable();
        self.rows.dedup();
    }

    /// How far it had come, in percent, where it was stopped before its end.
    pub(crate) fn stopped_at(&self) -> Option<usize> {
        let stopped = self.job.is_none() && self.scanned < self.total;
        stopped.then(|| self.scanned * 100 / self.total.max(1))
    }
}

/// The pane beside the list.
#[derive(Debug, Default)]
pub(crate) struct Preview {
    pub on: bool,
    /// The keys that move go to it.
    pub focus: bool,
    /// It takes the place of the list.
    pub zoom: bool,
    pub top: usize,
    /// When the row under the cursor is to be shown: once input pauses.
    pub due: Option<Instant>,
    /// Input has paused, and the row has not been asked for yet.
    pub ready: bool,
    /// The row that was last under the cursor.
    pub row: Option<i64>,
    /// The row that is shown, and its beginnings.
    pub shown: Option<(i64, Box<View>)>,
}

/// A place in a timeline whose rows are still being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub event: i64,
    /// The tab to open the event with; `None` stays in the timeline.
    pub tab: Option<Tab>,
    /// The lines above it; `None` leaves that open.
    pub above: Option<usize>,
}

impl Wanted {
    /// The row of an event in the timeline.
    pub(crate) fn row(event: i64) -> Self {
        Self { event, tab: None, above: None }
    }
}

/// The timeline of one session.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub session: Session,
    pub rows: Arc<Rows>,
    /// `false` while only the first rows are here.
    pub complete: bool,
    /// What reading on begins with; empty while it is under way, and once nothing more comes in.
    pub growing: Box<Growing>,
    /// More rows are being read.
    pub reading: bool,
    /// The rows that are shown, in order; `None` for all.
    pub shown: Option<Arc<Vec<u32>>>,
    /// The last row that somebody said, which begins what is being done now; 0 where there is none.
    pub last_request: usize,
    /// Rows that failed and are shown, in order.
    pub errors: Vec<u32>,
    /// The joins of all rows; `None` while they are worked out.
    pub joined: Option<Joined>,
    /// The job that works out the joins.
    pub weaving: Option<u64>,
    pub correlation: Correlation,
    pub list: List,
    pub turns: Turns,
    pub hidden: HashSet<Kind>,
    /// How many rows of each hidden kind there are, most frequent first.
    pub hidden_counts: Vec<(Kind, usize)>,
    pub filter: Option<Filtered>,
    /// What a filter may name, once it has been asked for.
    pub values: Option<BTreeMap<Field, Vec<String>>>,
    pub search: Option<Searched>,
    /// By the number of the leading event of the row.
    pub marks: BTreeMap<i64, Mark>,
    /// The line at which a selected range begins.
    pub range: Option<usize>,
    pub clock: Clock,
    pub preview: Preview,
    pub lane: Lane,
    pub branches: Branches,
    pub minimap: Minimap,
    pub playback: Option<Playback>,
    /// Where to go as soon as the row is here.
    pub wanted: Option<Wanted>,
    /// The end was asked for before all rows were here.
    pub end_wanted: bool,
    /// What a look through all bodies found.
    pub survey: Option<Arc<Survey>>,
    /// The job that looks through them, or did last.
    pub surveying: Option<u64>,
}

impl Timeline {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            rows: Arc::default(),
            complete: false,
            growing: Box::default(),
            reading: false,
            shown: None,
            last_request: 0,
            errors: Vec::new(),
            joined: None,
            weaving: None,
            correlation: Correlation::default(),
            list: List::default(),
            turns: Turns::default(),
            hidden: HashSet::new(),
            hidden_counts: Vec::new(),
            filter: None,
            values: None,
            search: None,
            marks: BTreeMap::new(),
            range: None,
            clock: Clock::default(),
            preview: Preview { on: true, ..Preview::default() },
            lane: Lane::default(),
            branches: Branches::default(),
            minimap: Minimap::default(),
            playback: None,
            wanted: None,
            end_wanted: false,
            survey: None,
            surveying: None,
        }
    }

    /// The number of lines.
    pub(crate) fn len(&self) -> usize {
        match (self.nested(), &self.shown) {
            (Some(nested), _) => nested.len(),
            (None, Some(shown)) => shown.len(),
            (None, None) => self.rows.len(),
        }
    }

    /// The row of a line.
    pub(crate) fn row_at(&self, line: usize) -> Option<usize> {
        match (self.nested(), &self.shown) {
            (Some(nested), _) => nested.row_at(line),
            (None, None) => (line < self.rows.len()).then_some(line),
            (None, Some(shown)) => shown.get(line).map(|row| *row as usize),
        }
    }

    /// The line of a row, of the next one that is shown, or of the fold in which that lies.
    pub(crate) fn line_of(&self, row: usize) -> usize {
        let place = self.place_of(row);
        let line = match (self.nested(), &self.shown) {
            (None, _) => place,
            (Some(nested), shown) => {
                let passing = shown.as_ref().map_or(Some(place), |shown| shown.get(place).map(|row| *row as usize));
                let rank = passing.and_then(|row| nested.tree.rank(row));
                rank.map_or(usize::MAX, |rank| nested.line_of(rank))
            }
        };
        line.min(self.len().saturating_sub(1))
    }

    /// The place of a row among those that pass, or that of the next one.
    pub(crate) fn place_of(&self, row: usize) -> usize {
        self.shown.as_ref().map_or(row, |shown| shown.partition_point(|shown| (*shown as usize) < row))
    }

    /// The row, or the next one that passes.
    pub(crate) fn row_at_or_after(&self, row: usize) -> Option<usize> {
        match &self.shown {
            None => Some(row),
            Some(shown) => shown.get(self.place_of(row)).map(|row| *row as usize),
        }
    }

    /// Whether a row is shown at all.
    pub(crate) fn shows(&self, row: usize) -> bool {
        self.row_at(self.line_of(row)) == Some(row)
    }

    pub(crate) fn current(&self) -> Option<usize> {
        self.row_at(self.list.at)
    }

    pub(crate) fn row(&self, line: usize) -> Option<&Row> {
        self.rows.get(self.row_at(line)?)
    }

    pub(crate) fn members(&self, row: usize) -> Option<Members> {
        let numbers = self.rows.members(row);
        Some(Members { key: *numbers.first()?, numbers: numbers.to_vec() })
    }

    /// The number by which a row is known.
    pub(crate) fn key(&self, row: usize) -> Option<i64> {
        self.rows.members(row).first().copied()
    }

    pub(crate) fn start(&self) -> Timestamp {
        self.rows.get(0).map_or_else(Timestamp::default, |row| row.time)
    }

    /// Takes new rows; the cursor stays with its event. Answers with the place to go on to, if one was waited for.
    pub(crate) fn take(&mut self, rows: Arc<Rows>, complete: bool, height: usize) -> Option<Wanted> {
        // A cursor that was never moved stays at the top.
        let stood = self.current().and_then(|row| self.key(row)).filter(|_| self.list.at > 0);
        self.keep_folds(&rows);
        (self.rows, self.complete) = (rows, complete);
        self.last_request = self.rows.iter().rposition(|row| row.kind == Kind::Transcript).unwrap_or(0);
        self.take_parents();
        self.arrange(height);
        let wanted = self.wanted.filter(|wanted| self.rows.position(wanted.event).is_some());
        if let Some(row) = wanted.map(|wanted| wanted.event).or(stood).and_then(|event| self.rows.position(event)) {
            self.list.jump(self.line_of(row), self.len(), height);
        }
        if let Some(above) = wanted.and_then(|wanted| wanted.above) {
            self.list.scroll_to(above, self.len(), height);
        }
        if complete || wanted.is_some() {
            self.wanted = None;
        }
        if complete && std::mem::take(&mut self.end_wanted) {
            self.list.jump(self.len().saturating_sub(1), self.len(), height);
        }
        wanted
    }

    /// Works out which rows are shown, and keeps the cursor at its row or near it.
    pub(crate) fn arrange(&mut self, height: usize) {
        let row = self.current();
        self.shown = match (&self.filter, self.hidden.is_empty()) {
            (None, true) => None,
            (None, false) => Some(Arc::new(self.without_hidden(0..self.rows.len() as u32))),
            (Some(found), _) => Some(Arc::new(self.without_hidden(found.rows.iter().copied()))),
        };
        if let Some(isolated) = &self.correlation.isolated {
            let shown = |row: &u32| {
                self.shown.as_ref().is_none_or(|shown| shown.binary_search(row).is_ok())
                    && (*row as usize) < self.rows.len()
            };
            self.shown = Some(Arc::new(isolated.rows.iter().filter(|row| shown(row)).copied().collect()));
        }
        self.errors = self.failing_rows();
        self.hidden_counts = self.count_hidden();
        if let Some(row) = row {
            self.list.jump(self.line_of(row), self.len(), height);
        }
        self.list.keep(self.len(), height);
    }

    /// Brings the cursor back to where it stood before the filter, as far as the rows are here.
    pub(crate) fn stand_again(&mut self, height: usize) {
        let current = self.current();
        let Some(found) = self.filter.as_ref().filter(|found| found.put.is_none() || found.put == current) else {
            return;
        };
        let Some(stood) = found.stood.filter(|_| self.len() > 0) else { return };
        self.list.jump(self.line_of(stood), self.len(), height);
        let put = self.current();
        if let Some(found) = &mut self.filter {
            found.put = put;
        }
    }

    fn without_hidden(&self, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        rows.filter(|row| self.rows.get(*row as usize).is_some_and(|row| !self.hidden.contains(&row.kind))).collect()
    }

    fn failing_rows(&self) -> Vec<u32> {
        let fails = |row: &u32| self.rows.get(*row as usize).is_some_and(|row| is_failure(row.state));
        match &self.shown {
            None => (0..self.rows.len() as u32).filter(fails).collect(),
            Some(shown) => shown.iter().copied().filter(fails).collect(),
        }
    }

    fn count_hidden(&self) -> Vec<(Kind, usize)> {
        let count = |kind: Kind| self.rows.iter().filter(|row| row.kind == kind).count();
        let hidden = Kind::ALL.into_iter().filter(|kind| self.hidden.contains(kind));
        let mut counts: Vec<(Kind, usize)> =
            hidden.map(|kind| (kind, count(kind))).filter(|(_, count)| *count > 0).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    }

    /// Takes what does not add up, with the rows to go to.
    pub(crate) fn take_findings(&mut self, findings: Vec<Finding>) {
        let place_of: HashMap<i64, u32> = (0..self.rows.len())
            .flat_map(|row| self.rows.members(row).iter().map(move |number| (*number, row as u32)))
            .collect();
        let mut rows: Vec<u32> = findings.iter().filter_map(|finding| place_of.get(&finding.event).copied()).collect();
        rows.sort_unstable();
        rows.dedup();
        (self.correlation.findings, self.correlation.finding_rows) = (findings, rows);
    }

    /// Whether a record that could not be read stands near the end: perhaps it was only half written.
    pub(crate) fn ends_badly(&self) -> bool {
        self.rows.iter().rev().take(NEAR_THE_END).any(|row| row.state == RowState::Bad)
    }

    /// The lines of the selected range, in order.
    pub(crate) fn selected(&self) -> Option<std::ops::RangeInclusive<usize>> {
        let start = self.range?;
        Some(start.min(self.list.at)..=start.max(self.list.at))
    }

    pub(crate) fn mark(&self, row: usize) -> Option<&Mark> {
        self.marks.get(&self.key(row)?)
    }

    /// The rows that carry a mark, in order.
    pub(crate) fn marked_rows(&self) -> Vec<usize> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        let mut rows: Vec<usize> =
            self.marks.iter().filter(|(_, mark)| mark.marked).filter_map(|(key, _)| self.rows.position(*key)).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

/// Whether a state is one that `e` looks for.
pub(crate) fn is_failure(state: RowState) -> bool {
    matches!(state, RowState::Error | RowState::Bad)
}
