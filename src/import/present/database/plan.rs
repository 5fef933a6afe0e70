//! Which rows a session brings along: those of its room and window, and those that its keys lead to.

use super::list::{Place, Remote, Remotes};
use crate::store::original::{Claim, Fault, Keys, Original, Span};

/// Keys lead to rows with further keys; a chain longer than this is no session's.
const MOST_STEPS: usize = 16;

/// What to ask for, for one session.
#[derive(Debug, Default)]
pub struct Plan {
    session: String,
    room: Option<String>,
    place: Option<Place>,
    /// The windows of all sessions of its room, its own first where it has one.
    windows: Vec<Span>,
    /// What may be in the rows of a room that have no window.
    within: Option<Span>,
    /// Keys that lead to rows of the room beyond all windows, and to rows of no room.
    keys: Keys,
    beyond: Keys,
    /// Keys by which sessions of the room take rows beyond their windows.
    taken: Keys,
}

impl Plan {
    pub async fn of(
        original: &mut Original,
        remotes: &Remotes,
        remote: &Remote,
        window: Option<Span>,
    ) -> Result<Self, Fault> {
        let session = &remote.session;
        let mut plan = Self {
            session: session.id.clone(),
            room: session.room.clone(),
            place: Some(remote.place.clone()),
            within: window,
            ..Self::default()
        };
        let Some(room) = session.room.clone() else {
            plan.windows.extend(remote.window());
            return Ok(plan);
        };
        let of_room = |other: &&Remote| other.session.room == session.room && other.session.id != session.id;
        let others: Vec<(&str, Span)> = remotes
            .sessions
            .iter()
            .filter(of_room)
            .filter_map(|other| Some((other.session.id.as_str(), other.window()?)))
            .collect();
        match remote.place {
            // A window that was asked for holds whatever there is in the room at that time, as in the report.
            Place::Canvas(own) => {
                plan.windows = vec![window.unwrap_or(own)];
                if window.is_none() {
                    plan.windows.extend(others.iter().map(|(_, window)| *window));
                }
                plan.follow(original, &room, remote.is_clear && window.is_none(), remotes.has_roomless).await?;
                if window.is_none() && !plan.beyond.is_empty() {
                    for (place, (id, _)) in others.iter().enumerate() {
                        let theirs = closure(original, (id, &room), &plan.windows, place + 1).await?;
                        plan.beyond = std::mem::take(&mut plan.beyond).without(&theirs);
                    }
                }
            }
            Place::Room => {
                if window.is_none() {
                    plan.windows = others.iter().map(|(_, window)| *window).collect();
                    plan.taken = taken(original, &room, &others).await?;
                }
                if remotes.has_roomless {
                    plan.keys = original.keys(plan.own(&room)).await?;
                }
            }
            Place::Emitter(_) => {}
        }
        Ok(plan)
    }

    /// Follows the keys of a canvas session.
    async fn follow(&mut self, original: &mut Original, room: &str, clear: bool, roomless: bool) -> Result<(), Fault> {
        if clear && !roomless {
            return Ok(());
        }
        if clear {
            self.keys = original.keys(self.own(room)).await?;
            return Ok(());
        }
        self.keys = closure(original, (&self.session, room), &self.windows, 0).await?;
        self.beyond = self.keys.clone();
        Ok(())
    }

    /// When the rows that are asked for by time begin and end.
    pub fn span(&self) -> Span {
        match self.place {
            Some(Place::Canvas(_)) => self.windows.first().copied().unwrap_or(Span::ALWAYS),
            _ => self.within.unwrap_or(Span::ALWAYS),
        }
    }

    /// The rows of its own; of these only what has changed is asked for again.
    fn own<'a>(&'a self, room: &'a str) -> Claim<'a> {
        match (&self.place, self.windows.split_first()) {
            (Some(Place::Canvas(_)), Some((window, others))) => {
                Claim::Window { session: &self.session, room, window: *window, others }
            }
            _ => Claim::Rest { room, windows: &self.windows, within: self.span(), taken: &self.taken },
        }
    }

    /// What to ask each table for; `true` where only changes are asked for.
    pub fn claims(&self) -> Vec<(Claim<'_>, bool)> {
        let Some(room) = &self.room else {
            return match &self.place {
                Some(Place::Emitter(emitter)) => vec![(Claim::Emitter(emitter), true)],
                // A canvas session without a room has its lines alone.
                _ => vec![(self.own(""), true)],
            };
        };
        let mut claims = vec![(self.own(room), true)];
        if !self.beyond.is_empty() {
            claims.push((Claim::Beyond { room, windows: &self.windows, keys: &self.beyond }, false));
        }
        if !self.keys.is_empty() {
            claims.push((Claim::Roomless(&self.keys), false));
        }
        claims
    }
}

/// The keys of a session's rows, and of those that these lead to in its room.
async fn closure(
    original: &mut Original,
    (session, room): (&str, &str),
    windows: &[Span],
    own: usize,
) -> Result<Keys, Fault> {
    let others: Vec<Span> =
        windows.iter().enumerate().filter(|(place, _)| *place != own).map(|(_, other)| *other).collect();
    let mut keys = original.keys(Claim::Window { session, room, window: windows[own], others: &others }).await?;
    for _ in 0..MOST_STEPS {
        let known = keys.clone();
        if known.is_empty() || !original.add_keys(Claim::Beyond { room, windows, keys: &known }, &mut keys).await? {
            break;
        }
    }
    Ok(keys)
}

/// The keys that exactly one session of a room has.
async fn taken(original: &mut Original, room: &str, sessions: &[(&str, Span)]) -> Result<Keys, Fault> {
    let windows: Vec<Span> = sessions.iter().map(|(_, window)| *window).collect();
    let mut all = Vec::with_capacity(sessions.len());
    for (place, (id, _)) in sessions.iter().enumerate() {
        all.push(closure(original, (id, room), &windows, place).await?);
    }
    let mut taken = Keys::default();
    for (place, own) in all.iter().enumerate() {
        let mut own = own.clone();
        for (other, theirs) in all.iter().enumerate() {
            if other != place {
                own = own.without(theirs);
            }
        }
        taken.extend(&own);
    }
    Ok(taken)
}
