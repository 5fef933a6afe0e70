//! Merges what is found in several sessions so that the newest comes first, while it is still being found.
//!
//! Each session is searched from its end, a part at a time, and next is always the one that may still hold the newest.
//! A find is handed on once nothing newer can come. Of finds of the same time, those of the session that ended last
//! come first, and within a session the later one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A time, µs since 1970, before all others.
const NEVER: i64 = i64::MIN;

/// Finds under way; sessions are known by their place in the list, newest first.
#[derive(Debug)]
pub struct Newest<T> {
    /// By session: how new what it still holds may be. Those that were searched to their beginning are gone.
    open: BinaryHeap<(i64, Reverse<usize>)>,
    /// By time, session and order of finding.
    found: BTreeMap<(Reverse<i64>, usize, usize), T>,
    count: usize,
}

impl<T> Newest<T> {
    /// Takes how new the newest event of each session is; `None` where it has no time.
    pub fn of(ends: impl Iterator<Item = Option<i64>>) -> Self {
        let open = ends.enumerate().map(|(session, end)| (end.unwrap_or(NEVER), Reverse(session))).collect();
        Self { open, found: BTreeMap::new(), count: 0 }
    }

    /// The session to search next; `None` when all are done.
    pub fn next(&mut self) -> Option<usize> {
        self.open.pop().map(|(_, Reverse(session))| session)
    }

    /// Says how new what a session still holds is, after a part of it was searched; not called when it holds nothing.
    pub fn goes_on(&mut self, session: usize, newest: i64) {
        self.open.push((newest, Reverse(session)));
    }

    /// Adds what was found in a session, newest first.
    pub fn add(&mut self, session: usize, at: i64, find: T) {
        self.found.insert((Reverse(at), session, self.count), find);
        self.count += 1;
    }

    /// What can be handed on now, in order, each with its session.
    pub fn ready(&mut self) -> Vec<(usize, T)> {
        let newest = self.open.peek().map(|(newest, _)| *newest);
        let ready = |at: i64| newest.is_none_or(|newest| at > newest);
        let mut out = Vec::new();
        while let Some(entry) = self.found.first_entry().filter(|entry| ready(entry.key().0.0)) {
            let session = entry.key().1;
            out.push((session, entry.remove()));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_all_sessions_come_first_whatever_is_searched_when() {
        // Times of the finds of each session, newest first; they are searched two at a time.
        let sessions: [&[i64]; 4] = [&[90, 50, 50, 10], &[80, 70, 60], &[50, 40], &[]];
        let mut newest = Newest::of([Some(90), Some(80), Some(50), None].into_iter());
        let mut searched = [0; 4];
        let mut out = Vec::new();
        while let Some(session) = newest.next() {
            for at in sessions[session].iter().skip(searched[session]).take(2) {
                newest.add(session, *at, *at);
            }
            searched[session] += 2;
            if let Some(at) = sessions[session].get(searched[session]) {
                newest.goes_on(session, *at);
            }
            out.extend(newest.ready());
        }
        let order = [(0, 90), (1, 80), (1, 70), (1, 60), (0, 50), (0, 50), (2, 50), (2, 40), (0, 10)];
        assert_eq!(out, order);
    }
}
