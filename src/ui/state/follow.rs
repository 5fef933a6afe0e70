//! What is kept as new as the store: the open session, or the list of sessions.

use super::{State, Timeline};
use crate::domain::{Session, Timestamp};
use crate::timeline::{Row, State as RowState};

/// How long after its newest event a session counts as one that is being recorded, µs.
const LIVE: i64 = 60 * 1_000_000;

/// What is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Follow {
    /// The job that looks for news.
    pub job: u64,
    /// The number of the session; `None` for the list.
    pub session: Option<i64>,
    /// The user has moved away from the end, and is not taken back there.
    pub paused: bool,
}

impl State {
    /// What is followed, where that is the session that is open.
    pub(crate) fn followed(&self) -> Option<Follow> {
        let open = self.timeline.as_ref().map(|timeline| timeline.session.number);
        self.follow.filter(|follow| follow.session.is_some() && follow.session == open)
    }

    /// Whether something has happened in a session so shortly ago that more may be on its way.
    pub(crate) fn is_live(&self, session: &Session) -> bool {
        let Timestamp(now) = self.frame.now;
        session.ended.is_some_and(|Timestamp(ended)| (ended - LIVE..ended.saturating_add(LIVE)).contains(&now))
    }

    /// Whether a call without a result may still get one: it is part of what is being done now.
    pub(crate) fn is_open(&self, timeline: &Timeline, index: usize, row: &Row) -> bool {
        let is_under_way = || self.followed().is_some() || self.is_live(&timeline.session);
        row.state == RowState::NoResult && index >= timeline.last_request && is_under_way()
    }
}
