//! The timeline of one session: its rows, the words of those in sight, and what is hidden, found and marked.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::Tab;
use crate::domain::{Kind, Session, Timestamp};
use crate::report::Joined;
use crate::timeline::{Growing, Row, Rows, State as RowState};
use crate::ui::filter::{Filter, Phrase};
use crate::ui::list::List;
use crate::ui::message::{Mark, Members};
use crate::ui::payload::View;
use crate::ui::turns::Turns;
use crate::ui::words::Clock;

/// A filter and what it has found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filtered {
    pub filter: Filter,
    /// Rows in order.
    pub rows: Vec<u32>,
    /// The job that is still looking.
    pub job: Option<u64>,
    pub scanned: usize,
}

/// A search and what it has found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Searched {
    pub phrase: Phrase,
    /// Rows in order.
    pub rows: Vec<u32>,
    pub job: Option<u64>,
    /// The cursor goes to the first hit that is found.
    pub jump: bool,
    /// `Esc` takes the highlight away and keeps the phrase for `n`.
    pub lit: bool,
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
    /// Lines with errors, for the minimap.
    pub errors: Vec<u32>,
    /// The joins of all rows; `None` while they are worked out.
    pub joined: Option<Joined>,
    /// The joins have been asked for.
    pub weaving: bool,
    pub list: List,
    pub turns: Turns,
    pub hidden: HashSet<Kind>,
    /// How many rows of each hidden kind there are, most frequent first.
    pub hidden_counts: Vec<(Kind, usize)>,
    pub filter: Option<Filtered>,
    pub search: Option<Searched>,
    /// By the number of the leading event of the row.
    pub marks: BTreeMap<i64, Mark>,
    /// The line at which a selected range begins.
    pub range: Option<usize>,
    pub clock: Clock,
    pub preview: Preview,
    /// Where to go as soon as the row is here.
    pub wanted: Option<Wanted>,
    /// The end was asked for before all rows were here.
    pub end_wanted: bool,
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
            errors: Vec::new(),
            joined: None,
            weaving: false,
            list: List::default(),
            turns: Turns::default(),
            hidden: HashSet::new(),
            hidden_counts: Vec::new(),
            filter: None,
            search: None,
            marks: BTreeMap::new(),
            range: None,
            clock: Clock::default(),
            preview: Preview { on: true, ..Preview::default() },
            wanted: None,
            end_wanted: false,
        }
    }

    /// The number of lines.
    pub(crate) fn len(&self) -> usize {
        self.shown.as_ref().map_or(self.rows.len(), |shown| shown.len())
    }

    /// The row of a line.
    pub(crate) fn row_at(&self, line: usize) -> Option<usize> {
        match &self.shown {
            None => (line < self.rows.len()).then_some(line),
            Some(shown) => shown.get(line).map(|row| *row as usize),
        }
    }

    /// The line of a row, or of the next one that is shown.
    pub(crate) fn line_of(&self, row: usize) -> usize {
        let line = match &self.shown {
            None => row,
            Some(shown) => shown.partition_point(|shown| (*shown as usize) < row),
        };
        line.min(self.len().saturating_sub(1))
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
        (self.rows, self.complete) = (rows, complete);
        self.arrange(height);
        let wanted = self.wanted.filter(|wanted| self.rows.position(wanted.event).is_some());
        if let Some(row) = wanted.map(|wanted| wanted.event).or(stood).and_then(|event| self.rows.position(event)) {
            self.list.jump(self.line_of(row), self.len(), height);
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
        self.errors = self.failing_lines();
        self.hidden_counts = self.count_hidden();
        if let Some(row) = row {
            self.list.jump(self.line_of(row), self.len(), height);
        }
        self.list.keep(self.len(), height);
    }

    fn without_hidden(&self, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        rows.filter(|row| self.rows.get(*row as usize).is_some_and(|row| !self.hidden.contains(&row.kind))).collect()
    }

    fn failing_lines(&self) -> Vec<u32> {
        let fails = |row: Option<&Row>| row.is_some_and(|row| is_failure(row.state));
        match &self.shown {
            None => (0u32..).zip(self.rows.iter()).filter(|(_, row)| fails(Some(*row))).map(|(line, _)| line).collect(),
            Some(shown) => (0u32..)
                .zip(shown.iter())
                .filter(|(_, row)| fails(self.rows.get(**row as usize)))
                .map(|(line, _)| line)
                .collect(),
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
