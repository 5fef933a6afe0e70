//! The rows of a timeline: one line for a turn, or for a single event that belongs to none.

use std::collections::HashMap;

use super::gaps::{Gap, gaps};
use crate::domain::{Head, Kind, Phase, Timestamp, flag};

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
    pub flags: i64,
    first: u32,
    count: u32,
}

/// The rows of one session in order, with the numbers of the events in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    rows: Vec<Row>,
    /// Event numbers, row by row, the call first.
    members: Vec<i64>,
    gaps: Vec<Gap>,
}

impl Rows {
    /// Groups events into rows. A row stands where its first event stands.
    ///
    /// `heads` must be in timeline order. Near-linear; events of one turn need not be neighbours.
    pub fn of(heads: &[Head]) -> Self {
        let row_of_head = Self::places(heads);
        let mut rows: Vec<Row> = Vec::new();
        for (head, row) in heads.iter().zip(&row_of_head) {
            if *row as usize == rows.len() {
                rows.push(Row::starting(head));
            }
            rows[*row as usize].count += 1;
        }
        let mut next = 0;
        for row in &mut rows {
            row.first = next;
            next += row.count;
            row.count = 0;
        }
        let mut members = vec![0u32; heads.len()];
        for (index, row) in row_of_head.iter().enumerate() {
            let row = &mut rows[*row as usize];
            members[(row.first + row.count) as usize] = index as u32;
            row.count += 1;
        }
        for row in &mut rows {
            let own = &mut members[row.first as usize..(row.first + row.count) as usize];
            own.sort_by_key(|index| (heads[*index as usize].phase != Phase::Call, *index));
            row.sum_up(own.iter().map(|index| &heads[*index as usize]));
        }
        let members = members.into_iter().map(|index| heads[index as usize].number).collect();
        let gaps = gaps(&rows);
        Self { rows, members, gaps }
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
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn get(&self, index: usize) -> Option<&Row> {
        self.rows.get(index)
    }

    /// Where nothing happened for long, in order.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The gap before a row.
    pub fn gap_before(&self, row: usize) -> Option<&Gap> {
        let index = self.gaps.binary_search_by_key(&row, |gap| gap.row as usize).ok()?;
        self.gaps.get(index)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Row> + ExactSizeIterator {
        self.rows.iter()
    }

    /// The numbers of the events of a row, the call first; empty where there is no such row.
    pub fn members(&self, index: usize) -> &[i64] {
        self.rows.get(index).map_or(&[], |row| &self.members[row.first as usize..(row.first + row.count) as usize])
    }

    /// The row that holds an event.
    pub fn position(&self, event: i64) -> Option<usize> {
        let at = self.members.iter().position(|member| *member == event)? as u32;
        Some(self.rows.partition_point(|row| row.first <= at).saturating_sub(1))
    }
}

impl Row {
    fn starting(head: &Head) -> Self {
        Self {
            kind: head.kind,
            state: State::Plain,
            time: head.time,
            ended: head.time,
            tokens: -1,
            latency: -1,
            flags: 0,
            first: 0,
            count: 0,
        }
    }

    /// The number of events in it.
    pub fn events(&self) -> usize {
        self.count as usize
    }

    pub fn has(&self, flag: i64) -> bool {
        self.flags & flag != 0
    }

    fn sum_up<'a>(&mut self, heads: impl Iterator<Item = &'a Head>) {
        let (mut call, mut result) = (None::<Timestamp>, None::<Timestamp>);
        for head in heads {
            self.time = self.time.min(head.time);
            self.ended = self.ended.max(head.time);
            self.flags |= head.flags;
            if head.tokens >= 0 {
                self.tokens = head.tokens;
            }
            if head.latency >= 0 {
                self.latency = self.latency.max(head.latency);
            }
            match head.phase {
                Phase::Call => call = Some(call.map_or(head.time, |known| known.min(head.time))),
                Phase::Result => result = Some(result.map_or(head.time, |known| known.max(head.time))),
                Phase::Whole | Phase::Part => {}
            }
        }
        if let (Some(call), Some(result), true) = (call, result, self.latency < 0) {
            self.latency = (result.0 - call.0).max(0);
        }
        self.state = self.judge(call.is_some(), result.is_some());
    }

    fn judge(&self, call: bool, result: bool) -> State {
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
