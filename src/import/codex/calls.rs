//! Finds the model calls in a rollout, which names none of them.
//!
//! A call is the run of items that one request gave. A token count closes it (`codex.token_count_closes`), and so
//! does a tool's output that new items follow, a new user turn, or a word of the user. Older versions wrote the
//! count before the items of its call, newer ones behind the outputs; which of the two a file does shows itself.

use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Calls {
    /// How many calls there were.
    ordinal: u64,
    latest: Option<Call>,
    habit: Habit,
}

/// Where a file has the count of a call.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Habit {
    #[default]
    Unknown,
    BeforeItems,
    AfterItems,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Call {
    /// It has items, not only their announcements.
    has_items: bool,
    is_counted: bool,
    /// A tool that it called has answered.
    is_answered: bool,
    is_closed: bool,
}

impl Calls {
    /// The call that a new item of the model belongs to.
    pub fn item(&mut self) -> u64 {
        let open = self.latest.as_mut().filter(|call| !call.is_closed && !call.is_answered);
        match open {
            Some(call) => {
                if call.is_counted && !call.has_items && self.habit == Habit::Unknown {
                    self.habit = Habit::BeforeItems;
                }
                call.has_items = true;
                self.ordinal
            }
            None => self.begin(Call { has_items: true, ..Call::default() }),
        }
    }

    /// The call that the announcement of an item belongs to: it comes before the count, if it comes first at all.
    pub fn announcement(&mut self) -> u64 {
        match self.latest {
            Some(call) if !call.is_closed && !call.is_answered && !call.is_counted => self.ordinal,
            _ => self.begin(Call::default()),
        }
    }

    /// The call that a token count belongs to.
    pub fn count(&mut self) -> u64 {
        let habit = self.habit;
        let late = |call: &&mut Call| call.has_items && !(call.is_closed && habit == Habit::BeforeItems);
        let early = |call: &&mut Call| !call.has_items && !call.is_closed;
        match self.latest.as_mut().filter(|call| !call.is_counted) {
            Some(call) if late(&call) => {
                call.is_counted = true;
                call.is_closed = true;
                if habit == Habit::Unknown {
                    self.habit = Habit::AfterItems;
                }
                self.ordinal
            }
            Some(call) if early(&call) => {
                call.is_counted = true;
                call.is_closed = habit == Habit::AfterItems;
                self.ordinal
            }
            _ => {
                let is_closed = habit == Habit::AfterItems;
                self.begin(Call { is_counted: true, is_closed, ..Call::default() })
            }
        }
    }

    /// The latest call, for a count that adds nothing.
    pub fn latest(&self) -> Option<u64> {
        self.latest.map(|_| self.ordinal)
    }

    /// A tool has answered.
    pub fn answered(&mut self) {
        if let Some(call) = &mut self.latest {
            call.is_answered = true;
        }
    }

    /// Something was said or set that can only stand between two calls.
    pub fn close(&mut self) {
        if let Some(call) = &mut self.latest {
            call.is_closed = true;
        }
    }

    fn begin(&mut self, call: Call) -> u64 {
        self.ordinal += 1;
        self.latest = Some(call);
        self.ordinal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_behind_the_outputs_closes_the_call_before_them() {
        let mut calls = Calls::default();
        assert_eq!((calls.item(), calls.item()), (1, 1));
        calls.answered();
        assert_eq!(calls.count(), 1);
        assert_eq!(calls.announcement(), 2);
        assert_eq!((calls.item(), calls.count()), (2, 2));
        assert_eq!(calls.count(), 3, "a count alone is a call that left no items");
        assert_eq!(calls.item(), 4);
    }

    #[test]
    fn a_count_before_the_items_belongs_to_them() {
        let mut calls = Calls::default();
        for ordinal in 1..4 {
            assert_eq!(calls.announcement(), ordinal);
            assert_eq!(calls.count(), ordinal);
            assert_eq!((calls.item(), calls.item()), (ordinal, ordinal));
            calls.answered();
            calls.close();
        }
        assert_eq!((calls.count(), calls.item()), (4, 4), "also where nothing was announced");
    }

    #[test]
    fn items_behind_an_output_are_of_a_new_call_even_without_a_count() {
        let mut calls = Calls::default();
        assert_eq!(calls.item(), 1);
        calls.answered();
        assert_eq!(calls.item(), 2);
        calls.close();
        assert_eq!(calls.count(), 2, "a count that comes late is still the call's");
    }
}
