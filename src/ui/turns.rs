//! The words of the rows in sight, kept within bounds.

use std::collections::HashMap;
use std::sync::Arc;

use super::message::Described;
use crate::timeline::Turn;

/// How many rows keep their words; a label has at most 200 characters, so this is a few megabytes.
const MOST: usize = 2_000;

#[derive(Debug)]
struct Kept {
    /// `None` where the store did not have the events that it named before.
    turn: Option<Arc<Turn>>,
    /// The number of events that were asked for.
    events: usize,
    used: u64,
}

/// The words of rows by the number of their leading event. The least used go first.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    kept: HashMap<i64, Kept>,
    uses: u64,
    /// A request is under way; the next one waits for its answer.
    pub asked: bool,
    /// The last request failed; the next key tries again.
    pub failed: bool,
}

impl Turns {
    pub(crate) fn get(&self, key: i64) -> Option<&Arc<Turn>> {
        self.kept.get(&key)?.turn.as_ref()
    }

    /// Whether the words of a row with that many events are here.
    pub(crate) fn has(&self, key: i64, events: usize) -> bool {
        self.kept.get(&key).is_some_and(|kept| kept.events == events)
    }

    /// Takes words; where there are too many, the half that was longest not taken goes.
    pub(crate) fn take(&mut self, turns: Vec<Described>) {
        self.uses += 1;
        for (key, events, turn) in turns {
            self.kept.insert(key, Kept { turn: turn.map(Arc::new), events, used: self.uses });
        }
        if self.kept.len() > MOST {
            let mut ages: Vec<u64> = self.kept.values().map(|kept| kept.used).collect();
            ages.sort_unstable();
            let limit = ages[ages.len() / 2];
            self.kept.retain(|_, kept| kept.used > limit || kept.used == self.uses);
        }
    }

    /// Says that rows are in sight, so that their words are kept.
    pub(crate) fn touch(&mut self, keys: impl Iterator<Item = i64>) {
        self.uses += 1;
        for key in keys {
            if let Some(kept) = self.kept.get_mut(&key) {
                kept.used = self.uses;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Event, Kind};
    use crate::timeline::describe;

    #[test]
    fn words_are_bounded_and_those_in_sight_stay() {
        let turn = describe(&[Event::new(Kind::Tool, "s", "t")]).expect("has an event");
        let mut turns = Turns::default();
        turns.take(vec![(-1, 1, Some(turn.clone()))]);
        for batch in 0..100 {
            turns.touch([-1].into_iter());
            turns.take((0..100).map(|row| (batch * 100 + row, 1, Some(turn.clone()))).collect());
        }
        assert!(turns.kept.len() <= MOST);
        assert!(turns.has(-1, 1));
        assert!(turns.has(9_999, 1));
    }
}
