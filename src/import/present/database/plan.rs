//! Which rows a session brings along: those of its room and window, and those that its keys lead to.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::list::{Place, Remote, Remotes};
use super::web::{Web, Whose};
use crate::domain::Timestamp;
use crate::store::original::{Claim, Fault, Original, Span, Stray};

/// What to ask for, for one session.
#[derive(Debug, Default)]
pub struct Plan {
    session: String,
    room: Option<String>,
    place: Option<Place>,
    /// The windows of all sessions of its room, its own first where it has one.
    windows: Vec<Span>,
    /// The times that were asked for.
    within: Option<Span>,
    /// Rows that its room or emitter gives, and that keys lead away from it: table and id.
    pub away: HashSet<(&'static str, String)>,
    /// Rows elsewhere that its keys lead to.
    pub more: BTreeMap<&'static str, Vec<String>>,
    /// Rows that may be its own as well as others'.
    pub ambiguous: Vec<Ambiguous>,
    /// There are too many rows to follow keys.
    pub is_cut: bool,
}

/// Where the rows are that lie in a window that was asked for, and not in that of the session.
const BEYOND: &str = "lies in the window that was asked for and not in the session's own";

/// A row that may be that of several sessions, and so is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguous {
    pub table: &'static str,
    pub id: String,
    pub event: Option<String>,
    pub at: Option<Timestamp>,
    /// Why, and where it is.
    pub words: String,
    pub place: String,
}

impl Plan {
    /// `within` are the times that were asked for.
    pub async fn of(
        original: &mut Original,
        remotes: &Remotes,
        remote: &Remote,
        within: Option<Span>,
    ) -> Result<Self, Fault> {
        let session = &remote.session;
        let mut plan = Self {
            session: session.id.clone(),
            room: session.room.clone(),
            place: Some(remote.place.clone()),
            within,
            ..Self::default()
        };
        let (windows, ids) = remotes.windows();
        let own = ids.iter().position(|id| *id == session.id);
        plan.windows.extend(remote.window_within(within));
        let others: Vec<usize> = (0..ids.len())
            .filter(|place| Some(*place) != own && Some(&windows[*place].0) == session.room.as_ref())
            .collect();
        plan.windows.extend(others.iter().map(|place| windows[*place].1));
        match (&session.room, own) {
            (Some(room), Some(own)) => {
                plan.share(original, room, (&others, &ids)).await?;
                if let Some(narrower) = remote.widened_from {
                    plan.reach_beyond(original, room, narrower).await?;
                }
                if remotes.has_strays {
                    let keys = original.keys(plan.own()).await?;
                    let web = Web::of(original, keys, &windows).await?;
                    plan.follow(&web, &Whose::Window(own));
                    plan.ambiguous(&web, own, &ids);
                }
            }
            (Some(room), None) if remotes.has_roomless || !windows.is_empty() => {
                let keys = original.keys(plan.own()).await?;
                // Most rows share keys with rows of their own room alone.
                let mut leading = original.keys_elsewhere(&keys, room, &windows).await?;
                if remotes.has_roomless && windows.is_empty() {
                    leading = keys;
                }
                let web = Web::of(original, leading, &windows).await?;
                plan.follow(&web, &Whose::Room(room.clone()));
            }
            (None, None) => {
                if let Place::Emitter(emitter) = &remote.place {
                    let web = Web::of_roomless(original, &windows).await?;
                    plan.follow(&web, &Whose::Emitter(emitter.clone()));
                }
            }
            _ => {}
        }
        Ok(plan)
    }

    /// Takes what a web says is its own, and leaves what is not.
    fn follow(&mut self, web: &Web, own: &Whose) {
        self.is_cut |= web.is_cut;
        for (stray, whose) in web.rows() {
            let is_near = match own {
                Whose::Room(room) => stray.room.as_ref() == Some(room),
                Whose::Emitter(emitter) => stray.room.is_none() && stray.emitter == *emitter,
                Whose::Window(_) => false,
            };
            match (whose == *own, is_near) {
                (true, false) if !self.is_wanted(stray) => {}
                (true, false) => self.more.entry(stray.table).or_default().push(stray.id.clone()),
                (false, true) => {
                    self.away.insert((stray.table, stray.id.clone()));
                }
                _ => {}
            }
        }
    }

    /// Whether a row that keys lead to lies in the times that were asked for.
    fn is_wanted(&self, stray: &Stray) -> bool {
        self.within.is_none_or(|within| stray.at.is_some_and(|at| within.start <= at && at <= within.end))
    }

    /// Notes the rows that lie in its window and in another one.
    async fn share(
        &mut self,
        original: &mut Original,
        room: &str,
        (others, ids): (&[usize], &[String]),
    ) -> Result<(), Fault> {
        let Some((window, rest)) = self.windows.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            return Ok(());
        };
        for shared in original.shared(Claim::Shared { room, window: *window, others: rest }).await? {
            let sessions: BTreeSet<&str> =
                shared.others.iter().filter_map(|other| Some(ids[*others.get(*other)?].as_str())).collect();
            let sessions: Vec<&str> = std::iter::once(self.session.as_str()).chain(sessions).collect();
            self.ambiguous.push(Ambiguous {
                table: shared.table,
                id: shared.id,
                event: shared.event,
                at: shared.at.map(Timestamp),
                words: format!("lies in the windows of {}", sessions.join(" and ")),
                place: format!("room:{room}"),
            });
        }
        Ok(())
    }

    /// Notes the rows that are its own only because of the window that was asked for, which is the first.
    async fn reach_beyond(&mut self, original: &mut Original, room: &str, narrower: Span) -> Result<(), Fault> {
        let Some((window, others)) = self.windows.split_first() else { return Ok(()) };
        let others: Vec<Span> = others.iter().copied().chain([narrower]).collect();
        let claim = Claim::Window { session: &self.session, room, window: *window, others: &others };
        for row in original.shared(claim).await? {
            self.ambiguous.push(Ambiguous {
                table: row.table,
                id: row.id,
                event: row.event,
                at: row.at.map(Timestamp),
                words: BEYOND.to_owned(),
                place: format!("{} and, where that was brought over, in room:{room}", self.session),
            });
        }
        Ok(())
    }

    /// Notes the rows in no window that its keys lead to, and those of others as well.
    fn ambiguous(&mut self, web: &Web, own: usize, ids: &[String]) {
        for (stray, owners, whose) in web.ambiguous(own) {
            if !self.is_wanted(stray) {
                continue;
            }
            let sessions: Vec<&str> = owners.iter().map(|owner| ids[*owner].as_str()).collect();
            let place = match whose {
                Whose::Room(room) => format!("room:{room}"),
                Whose::Emitter(emitter) => emitter,
                Whose::Window(_) => continue,
            };
            self.ambiguous.push(Ambiguous {
                table: stray.table,
                id: stray.id.clone(),
                event: stray.event.clone(),
                at: stray.at.map(Timestamp),
                words: format!("shares keys with {}", sessions.join(" and ")),
                place,
            });
        }
    }

    /// When the rows that are asked for by time begin and end.
    pub fn span(&self) -> Span {
        match self.place {
            Some(Place::Canvas(_)) => self.windows.first().copied().unwrap_or(Span::ALWAYS),
            _ => self.within.unwrap_or(Span::ALWAYS),
        }
    }

    /// The rows of its own; of these only what has changed is asked for again.
    pub fn own(&self) -> Claim<'_> {
        let room = self.room.as_deref().unwrap_or_default();
        match (&self.place, self.windows.split_first()) {
            (Some(Place::Canvas(_)), Some((window, others))) => {
                Claim::Window { session: &self.session, room, window: *window, others }
            }
            (Some(Place::Emitter(emitter)), _) => Claim::Emitter { emitter, within: self.span() },
            _ => Claim::Rest { room, windows: &self.windows, within: self.span() },
        }
    }
}
