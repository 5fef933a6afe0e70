//! Where the user has been: back, forward, and the last place.

use super::keymap::Place;

/// A place to come back to.
#[derive(Debug, Clone)]
pub(crate) struct Visit {
    pub place: Place,
    /// The id of the session that was open or under the cursor.
    pub session: Option<String>,
    /// The number of the leading event of the row.
    pub event: Option<i64>,
    pub tab: u8,
    /// The lines between the top of the screen and the cursor.
    pub above: usize,
}

/// How far a place was scrolled makes it no other one.
impl PartialEq for Visit {
    fn eq(&self, other: &Self) -> bool {
        let place = |visit: &Self| (visit.place, visit.event, visit.tab);
        place(self) == place(other) && self.session == other.session
    }
}

/// Places in the order in which they were left.
#[derive(Debug, Default)]
pub(crate) struct History {
    back: Vec<Visit>,
    forward: Vec<Visit>,
    /// The place that was left last, whichever way.
    left: Option<Visit>,
}

/// More than anybody walks back.
const MOST: usize = 500;

impl History {
    /// Remembers a place that is left by a jump.
    pub(crate) fn leave(&mut self, visit: Visit) {
        self.left = Some(visit.clone());
        self.back.pop_if(|last| *last == visit);
        self.back.push(visit);
        if self.back.len() > MOST {
            self.back.remove(0);
        }
        self.forward.clear();
    }

    /// The place before, given the present one.
    pub(crate) fn back(&mut self, present: Visit) -> Option<Visit> {
        let visit = loop {
            let visit = self.back.pop()?;
            if visit != present {
                break visit;
            }
        };
        self.left = Some(present.clone());
        self.forward.push(present);
        Some(visit)
    }

    pub(crate) fn forward(&mut self, present: Visit) -> Option<Visit> {
        let visit = self.forward.pop()?;
        self.left = Some(present.clone());
        self.back.push(present);
        Some(visit)
    }

    /// The last place; asking again comes back.
    pub(crate) fn last(&mut self, present: Visit) -> Option<Visit> {
        let before = || self.back.iter().rev().find(|visit| **visit != present);
        let last = self.left.as_ref().filter(|visit| **visit != present).or_else(before)?.clone();
        match self.back.iter().rposition(|visit| *visit == last) {
            Some(index) => self.back[index] = present.clone(),
            None => self.back.push(present.clone()),
        }
        self.left = Some(present);
        Some(last)
    }

    pub(crate) fn has_last(&self) -> bool {
        self.left.is_some() || self.can_go_back()
    }

    pub(crate) fn can_go_back(&self) -> bool {
        !self.back.is_empty()
    }

    pub(crate) fn can_go_forward(&self) -> bool {
        !self.forward.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(event: i64) -> Visit {
        Visit { place: Place::Timeline, session: None, event: Some(event), tab: 1, above: 0 }
    }

    #[test]
    fn back_and_forward_undo_each_other() {
        let mut history = History::default();
        history.leave(at(1));
        history.leave(at(2));
        assert_eq!(history.back(at(3)), Some(at(2)));
        assert_eq!(history.back(at(2)), Some(at(1)));
        assert_eq!(history.forward(at(1)), Some(at(2)));
        assert_eq!(history.forward(at(2)), Some(at(3)));
        assert_eq!(history.forward(at(3)), None);
    }

    #[test]
    fn the_last_place_goes_there_and_back() {
        let mut history = History::default();
        history.leave(at(1));
        assert_eq!(history.last(at(2)), Some(at(1)));
        assert_eq!(history.last(at(1)), Some(at(2)));
        assert_eq!(history.back(at(2)), Some(at(1)));
        assert_eq!(history.last(at(1)), Some(at(2)), "the place that was left by going back");
    }
}
