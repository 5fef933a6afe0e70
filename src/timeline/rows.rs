//! The rows of a timeline: one line for a turn, or for a single event that belongs to none.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::gaps::{Gap, gaps};
use super::growing::Growing;
use crate::domain::{Head, Kind, Timestamp, flag};

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing to say: the row neither succeeds nor fails.
    Plain,
    Ok,
    Error,
    /// A call without a result: still open, or lost.
    NoResult,
    /// A result without a call.
    NoCall,
    /// A record that could not be read.
    Bad,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::NoResult => "no result",
            Self::NoCall => "no call",
            Self::Bad => "bad",
        }
    }
}

/// One line of a timeline, small enough for a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub kind: Kind,
    pub state: State,
    /// When its first event happened.
    pub time: Timestamp,
    /// When its last event happened.
    pub ended: Timestamp,
    /// Tokens of the last usage that its events report; -1 where unknown.
    pub tokens: i64,
    /// Microseconds from call to result, or as reported; -1 where unknown.
    pub latency: i64,
    /// All flags of its events.
    pub(super) flags: u32,
    /// Where its events stand in its chunk.
    first: u32,
    count: u32,
}

/// Rows that are copied together when they change.
const CHUNK: usize = 1024;

/// The rows of one session in order, with the numbers of the events in each.
///
/// They lie in chunks that copies share, so that a timeline that grows costs what it grows by.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    chunks: Vec<Arc<Chunk>>,
    /// Once they have been asked for.
    gaps: OnceLock<Vec<Gap>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Chunk {
    rows: Vec<Row>,
    /// Event numbers, row by row, the call first.
    members: Vec<i64>,
}

impl PartialEq for Rows {
    /// Gaps come from the rows.
    fn eq(&self, other: &Self) -> bool {
        self.chunks == other.chunks
    }
}

impl Eq for Rows {}

impl Rows {
    /// Groups events into rows. A row stands where its first event stands.
    ///
    /// `heads` must be in timeline order. Near-linear; events of one turn need not be neighbours.
    pub fn of(heads: &[Head]) -> Self {
        let mut growing = Growing::default();
        growing.extend(heads);
        growing.rows().clone()
    }

    /// The row of each event, events in timeline order.
    pub fn places(heads: &[Head]) -> Vec<u32> {
        let mut row_of_turn: HashMap<u64, u32> = HashMap::new();
        let mut count = 0;
        let place = |head: &Head| {
            let row = if head.turn == 0 { count } else { *row_of_turn.entry(head.turn).or_insert(count) };
            count += u32::from(row == count);
            row
        };
        heads.iter().map(place).collect()
    }

    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.rows.len())
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn get(&self, index: usize) -> Option<&Row> {
        self.chunks.get(index / CHUNK)?.rows.get(index % CHUNK)
    }

    /// Where nothing happened for long, in order. The first question looks at all rows.
    pub fn gaps(&self) -> &[Gap] {
        self.gaps.get_or_init(|| gaps(self))
    }

    /// The gap before a row.
    pub fn gap_before(&self, row: usize) -> Option<&Gap> {
        let gaps = self.gaps();
        let index = gaps.binary_search_by_key(&row, |gap| gap.row as usize).ok()?;
        gaps.get(index)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Row> + ExactSizeIterator {
        (0..self.len()).map(|index| &self.chunks[index / CHUNK].rows[index % CHUNK])
    }

    /// The numbers of the events of a row, the call first; empty where there is no such row.
    pub fn members(&self, index: usize) -> &[i64] {
        let Some(chunk) = self.chunks.get(index / CHUNK) else { return &[] };
        chunk.rows.get(index % CHUNK).map_or(&[], |row| &chunk.members[row.range()])
    }

    /// The row that holds an event.
    pub fn position(&self, event: i64) -> Option<usize> {
        self.chunks.iter().enumerate().find_map(|(place, chunk)| {
            let at = chunk.members.iter().position(|member| *member == event)? as u32;
            Some(place * CHUNK + chunk.rows.partition_point(|row| row.first <= at).saturating_sub(1))
        })
    }

    /// How many chunks are the same, and lie in memory once.
    #[cfg(test)]
    pub(super) fn shared_with(&self, other: &Self) -> usize {
        self.chunks.iter().zip(&other.chunks).filter(|(mine, theirs)| Arc::ptr_eq(mine, theirs)).count()
    }

    /// Puts a row without events behind all others.
    pub(super) fn begin(&mut self, head: &Head) {
        self.gaps = OnceLock::new();
        if self.chunks.last().is_none_or(|last| last.rows.len() == CHUNK) {
            self.chunks.push(Arc::default());
        }
        if let Some(last) = self.chunks.last_mut() {
            let chunk = Arc::make_mut(last);
            chunk.rows.push(Row::starting(head, chunk.members.len() as u32));
            if chunk.rows.len() == CHUNK {
                chunk.rows.shrink_to_fit();
            }
        }
    }

    /// Gives a row one more event, at a place among those that it has; answers with the row, to be summed up.
    pub(super) fn insert(&mut self, index: usize, place: usize, event: i64) -> Option<&mut Row> {
        self.gaps = OnceLock::new();
        let chunk = Arc::make_mut(self.chunks.get_mut(index / CHUNK)?);
        let within = index % CHUNK;
        let row = chunk.rows.get_mut(within)?;
        chunk.members.insert(row.first as usize + place.min(row.events()), event);
        row.count += 1;
        for behind in &mut chunk.rows[within + 1..] {
            behind.first += 1;
        }
        chunk.rows.get_mut(within)
    }
}

impl Row {
    fn starting(head: &Head, first: u32) -> Self {
        Self {
            kind: head.kind,
            state: State::Plain,
            time: head.time,
            ended: head.time,
            tokens: -1,
            latency: -1,
            flags: 0,
            first,
            count: 0,
        }
    }

    fn range(&self) -> Range<usize> {
        self.first as usize..self.first as usize + self.events()
    }

    /// The number of events in it.
    pub fn events(&self) -> usize {
        self.count as usize
    }

    pub fn has(&self, flag: i64) -> bool {
        i64::from(self.flags) & flag != 0
    }

    pub(super) fn judge(&self, call: bool, result: bool) -> State {
        if self.has(flag::BAD) {
            State::Bad
        } else if self.has(flag::ERROR) {
            State::Error
        } else {
            match (self.kind, call, result) {
                (Kind::Tool, true, false) => State::NoResult,
                (Kind::Tool, false, true) => State::NoCall,
                (Kind::Tool, _, _) => State::Ok,
                _ => State::Plain,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Phase;

    fn head(number: i64, turn: u64, kind: Kind, phase: Phase) -> Head {
        Head { number, time: Timestamp(number * 10), turn, kind, phase, flags: 0, tokens: -1, latency: -1 }
    }

    #[test]
    fn a_call_and_its_result_are_one_row_where_the_call_stands() {
        let heads = [
            head(1, 7, Kind::Tool, Phase::Call),
            head(2, 0, Kind::Other, Phase::Whole),
            head(3, 7, Kind::Tool, Phase::Result),
        ];
        let rows = Rows::of(&heads);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.members(0), [1, 3]);
        assert_eq!(rows.get(0).map(|row| (row.state, row.latency)), Some((State::Ok, 20)));
        assert_eq!((rows.position(3), rows.position(2), rows.position(9)), (Some(0), Some(1), None));
    }

    #[test]
    fn a_call_without_a_result_and_a_result_without_a_call_stay_visible() {
        let rows = Rows::of(&[head(1, 7, Kind::Tool, Phase::Call), head(2, 8, Kind::Tool, Phase::Result)]);
        let states: Vec<State> = rows.iter().map(|row| row.state).collect();
        assert_eq!(states, [State::NoResult, State::NoCall]);
    }

    #[test]
    fn the_last_usage_of_a_model_turn_wins() {
        let mut first = head(1, 5, Kind::Model, Phase::Part);
        let mut last = head(3, 5, Kind::Model, Phase::Part);
        (first.tokens, last.tokens) = (10, 110);
        let rows = Rows::of(&[first, head(2, 0, Kind::Other, Phase::Whole), last]);
        assert_eq!(rows.get(0).map(|row| row.tokens), Some(110));
    }

    #[test]
    fn the_call_comes_first_even_when_it_arrived_last() {
        let rows = Rows::of(&[head(1, 7, Kind::Tool, Phase::Result), head(2, 7, Kind::Tool, Phase::Call)]);
        assert_eq!(rows.members(0), [2, 1]);
    }
}
