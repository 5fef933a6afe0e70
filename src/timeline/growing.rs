//! Rows that grow: events that come later, in order, join the rows that are there or begin new ones.

use std::collections::HashMap;

use super::Rows;
use crate::domain::{Head, HeadSum, Phase, flag};

/// The rows of a session as far as it was read, with what must be known to read on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Growing {
    rows: Rows,
    /// Where each turn stands among `turns`.
    known: HashMap<u64, u32>,
    turns: Vec<Turned>,
    last: i64,
    newest: i64,
    sum: HeadSum,
}

/// A turn: its row, and what the sums of that row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turned {
    row: u32,
    calls: u32,
    /// When the first call and the last result happened.
    call: i64,
    result: i64,
    /// The tokens are those of an event that is no call; calls stand before it.
    final_tokens: bool,
    /// The latency is as reported, and not reckoned from call and result.
    reported: bool,
}

/// No moment: times that do not fit are absent, so that this is none of them.
const NEVER: i64 = i64::MIN;

impl Growing {
    /// The rows so far. A copy shares all that later events leave as it is.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The number of the event that stands last; 0 where there is none.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The largest number of an event; 0 where there is none.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// How many events there are.
    pub fn events(&self) -> i64 {
        self.sum.events
    }

    /// What tells whether the events are still those of the store.
    pub fn sum(&self) -> HeadSum {
        self.sum
    }

    /// Takes the events that follow, in timeline order.
    pub fn extend(&mut self, heads: &[Head]) {
        for head in heads {
            self.take(head);
            self.newest = self.newest.max(head.number);
            self.sum.add(head);
        }
        self.last = heads.last().map_or(self.last, |head| head.number);
    }

    fn take(&mut self, head: &Head) {
        let fresh = Turned::at(self.rows.len() as u32);
        if head.turn == 0 {
            self.rows.begin(head);
            let mut alone = fresh;
            return alone.add(head, &mut self.rows);
        }
        let at = *self.known.entry(head.turn).or_insert(self.turns.len() as u32) as usize;
        if at == self.turns.len() {
            self.rows.begin(head);
            self.turns.push(fresh);
        }
        self.turns[at].add(head, &mut self.rows);
    }
}

impl Turned {
    fn at(row: u32) -> Self {
        Self { row, calls: 0, call: NEVER, result: NEVER, final_tokens: false, reported: false }
    }

    fn add(&mut self, head: &Head, rows: &mut Rows) {
        let call = head.phase == Phase::Call;
        // The calls stand first, in their order; all else behind them.
        let place = if call { self.calls as usize } else { usize::MAX };
        let Some(row) = rows.insert(self.row as usize, place, head.number) else { return };
        row.time = row.time.min(head.time);
        row.ended = row.ended.max(head.time);
        // An older telling of a span says nothing where a newer one is in its row.
        if head.turn != 0 && head.flags & flag::SUPERSEDED != 0 {
            row.flags |= if row.events() == 1 { bits(flag::SUPERSEDED) } else { 0 };
            return;
        }
        row.flags = row.flags & !bits(flag::SUPERSEDED) | bits(head.flags);
        if head.tokens >= 0 && !(call && self.final_tokens) {
            (row.tokens, self.final_tokens) = (head.tokens, !call);
        }
        self.calls += u32::from(call);
        match head.phase {
            Phase::Call if self.call == NEVER => self.call = head.time.0,
            Phase::Call => self.call = self.call.min(head.time.0),
            Phase::Result => self.result = self.result.max(head.time.0),
            Phase::Whole | Phase::Part => {}
        }
        if head.latency >= 0 {
            row.latency = if self.reported { row.latency.max(head.latency) } else { head.latency };
            self.reported = true;
        } else if self.call != NEVER && self.result != NEVER && !self.reported {
            row.latency = self.result.saturating_sub(self.call).max(0);
        }
        row.state = row.judge(self.call != NEVER, self.result != NEVER);
    }
}

/// Flags in the room that a row has for them: all that are named are low bits.
fn bits(flags: i64) -> u32 {
    (flags & i64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop, prop_assert_eq, proptest};

    use super::*;
    use crate::domain::{Kind, Timestamp};
    use crate::timeline::State;

    fn head(number: i64, turn: u64, phase: Phase, tokens: i64, latency: i64) -> Head {
        Head { number, time: Timestamp(number * 10), turn, kind: Kind::Tool, phase, flags: 0, tokens, latency }
    }

    fn heads() -> impl Strategy<Value = Vec<Head>> {
        let one = (0u64..6, 0usize..4, -1i64..3, -1i64..3, 0i64..4);
        prop::collection::vec(one, 0..60).prop_map(|all| {
            let numbered = (1..).zip(all);
            numbered
                .map(|(number, (turn, phase, tokens, latency, flags))| Head {
                    flags: if flags == 0 { flag::ERROR } else { 0 },
                    ..head(number, turn, Phase::ALL[phase], tokens, latency)
                })
                .collect()
        })
    }

    /// A row as it is said to be, from all its events at once.
    fn summed(own: &[&Head]) -> (State, i64, i64, i64) {
        let mut own = own.to_vec();
        own.sort_by_key(|head| head.phase != Phase::Call);
        let times = |phase| own.iter().filter(move |head| head.phase == phase).map(|head| head.time.0);
        let (call, result) = (times(Phase::Call).min(), times(Phase::Result).max());
        let tokens = own.iter().rev().map(|head| head.tokens).find(|tokens| *tokens >= 0).unwrap_or(-1);
        let reported = own.iter().map(|head| head.latency).max().filter(|latency| *latency >= 0);
        let reckoned = call.zip(result).map(|(call, result)| (result - call).max(0));
        let state = match (own.iter().any(|head| head.flags != 0), call.is_some(), result.is_some()) {
            (true, ..) => State::Error,
            (_, true, false) => State::NoResult,
            (_, false, true) => State::NoCall,
            _ => State::Ok,
        };
        let ended = own.iter().map(|head| head.time.0).max().unwrap_or_default();
        (state, tokens, reported.or(reckoned).unwrap_or(-1), ended)
    }

    proptest! {
        #[test]
        fn rows_that_grow_are_the_rows_of_all_events(heads in heads(), step in 1usize..20) {
            let mut growing = Growing::default();
            for part in heads.chunks(step) {
                let before = growing.rows().clone();
                growing.extend(part);
                prop_assert_eq!(before.len() <= growing.rows().len(), true);
            }
            let rows = growing.rows();
            prop_assert_eq!(rows, &Rows::of(&heads));
            let places = Rows::places(&heads);
            for index in 0..rows.len() {
                let own: Vec<&Head> =
                    heads.iter().zip(&places).filter(|(_, row)| **row as usize == index).map(|(head, _)| head).collect();
                let mut numbers: Vec<(bool, i64)> =
                    own.iter().map(|head| (head.phase != Phase::Call, head.number)).collect();
                numbers.sort_unstable();
                let numbers: Vec<i64> = numbers.into_iter().map(|(_, number)| number).collect();
                prop_assert_eq!(rows.members(index), numbers);
                let (state, tokens, latency, ended) = summed(&own);
                let row = rows.get(index).copied().expect("a row");
                prop_assert_eq!((row.state, row.tokens, row.latency), (state, tokens, latency));
                prop_assert_eq!((row.time, row.ended.0), (own[0].time, ended));
            }
        }
    }

    #[test]
    fn a_copy_stays_as_it_was_and_shares_what_does_not_change() {
        let mut growing = Growing::default();
        let heads: Vec<Head> = (1..=5000).map(|number| head(number, 0, Phase::Whole, -1, -1)).collect();
        growing.extend(&heads);
        let before = growing.rows().clone();
        growing.extend(&[head(5001, 0, Phase::Whole, -1, -1)]);
        assert_eq!((before.len(), growing.rows().len()), (5000, 5001));
        assert_eq!((growing.last(), growing.newest()), (5001, 5001));
        assert_eq!(before.shared_with(growing.rows()), 4);
        assert_eq!(growing.rows().position(5001), Some(5000));
    }

    #[test]
    fn a_row_is_small_and_every_flag_fits_into_it() {
        assert_eq!(size_of::<crate::timeline::Row>(), 48);
        assert_eq!(i64::from(bits(flag::PURGED)), flag::PURGED);
    }
}
