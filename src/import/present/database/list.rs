//! Which sessions a database holds: those of `canvas_sessions`, and where rows have none, rooms and emitters.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Counts, or_cancelled};
use crate::domain::present::row::Table;
use crate::domain::{Session, Timestamp};
use crate::import::Control;
use crate::store::original::{CanvasRow, Fault, Group, Original, Span};

/// Rows from so long before a session's first time, and after its last one, are taken for its own, as in the report.
const BEFORE: i64 = 5 * 60 * 1_000_000;
const AFTER: i64 = 30 * 60 * 1_000_000;

/// A session that lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// What is known of it before it is brought over. Its events are the rows that its room and its window give.
    pub session: Session,
    pub place: Place,
    pub counts: Counts,
    /// All rows of its room lie in its window alone.
    pub is_clear: bool,
    /// The row of `canvas_sessions`.
    pub row: Option<String>,
}

/// How its rows are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Canvas(Span),
    /// What no canvas session claims in the room.
    Room,
    /// Who wrote rows without a room.
    Emitter(String),
}

/// All sessions of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remotes {
    pub sessions: Vec<Remote>,
    /// There are rows without a room.
    pub has_roomless: bool,
}

impl Remote {
    /// What it has nothing of, in words.
    pub fn lacks(&self) -> Option<&'static str> {
        let count = |table| self.counts.get(&table).copied().unwrap_or(0);
        let replayed = count(Table::Model) + count(Table::Tool) > 0;
        match () {
            () if self.counts.is_empty() => Some("no rows"),
            () if !replayed => Some("no replay rows: recorded before the cut-over"),
            () if count(Table::Transcript) == 0 => Some("no transcript"),
            () => None,
        }
    }

    fn of_canvas(row: CanvasRow) -> Self {
        let times = [row.created, row.updated, row.first_line, row.last_line];
        let (first, last) = (times.iter().flatten().min().copied(), times.iter().flatten().max().copied());
        let window = match (first, last) {
            (Some(first), Some(last)) => Span { start: first.saturating_sub(BEFORE), end: last.saturating_add(AFTER) },
            _ => Span::ALWAYS,
        };
        let mut remote = Self::new(row.id, Place::Canvas(window));
        remote.session.title.clone_from(&row.room);
        remote.session.project.clone_from(&row.room);
        (remote.session.room, remote.session.canvas, remote.row) = (row.room, row.canvas, Some(row.json));
        (remote.session.started, remote.session.ended) = (first.map(Timestamp), last.map(Timestamp));
        if row.lines > 0 {
            remote.counts.insert(Table::Transcript, row.lines);
        }
        remote
    }

    fn new(id: String, place: Place) -> Self {
        let agent = super::super::AGENT.to_owned();
        let session = Session { lineage: id.clone(), id, agent, ..Session::default() };
        Self { session, place, counts: Counts::new(), is_clear: true, row: None }
    }

    fn add(&mut self, group: &Group) {
        *self.counts.entry(group.table).or_insert(0) += group.rows;
        let session = &mut self.session;
        let (first, last) = (group.first.map(Timestamp), group.last.map(Timestamp));
        session.started = [session.started, first].into_iter().flatten().min();
        session.ended = [session.ended, last].into_iter().flatten().max();
    }

    /// The window of a canvas session.
    pub fn window(&self) -> Option<Span> {
        match self.place {
            Place::Canvas(window) => Some(window),
            _ => None,
        }
    }
}

impl Remotes {
    /// Asks the database what it has, until the user has enough of waiting.
    pub async fn of(original: &mut Original, control: &Control) -> Result<Self> {
        or_cancelled(control, Self::ask(original)).await
    }

    async fn ask(original: &mut Original) -> Result<Self, Fault> {
        let rows = original.canvas_sessions().await?;
        let mut sessions: Vec<Remote> = rows.into_iter().map(Remote::of_canvas).collect();
        let groups = original.groups().await?;
        let mut by_room: BTreeMap<String, Vec<Group>> = BTreeMap::new();
        let mut others: BTreeMap<(Option<String>, Option<String>), Remote> = BTreeMap::new();
        for group in groups {
            match group.room.clone() {
                Some(room) => by_room.entry(room).or_default().push(group),
                None => add_other(&mut others, &group),
            }
        }
        let unclear = share_out(&mut sessions, &by_room, &mut others);
        let windows: Vec<(String, Span)> = unclear
            .iter()
            .filter_map(|place| Some((sessions[*place].session.room.clone()?, sessions[*place].window()?)))
            .collect();
        if !windows.is_empty() {
            for group in original.groups_by_window(&windows).await? {
                match group.window.and_then(|window| unclear.get(window)) {
                    Some(place) => sessions[*place].add(&group),
                    None => add_other(&mut others, &group),
                }
            }
        }
        sessions.extend(others.into_values());
        for remote in &mut sessions {
            remote.session.events = remote.counts.values().sum();
        }
        sessions.sort_by(|one, other| {
            other.session.ended.cmp(&one.session.ended).then_with(|| one.session.id.cmp(&other.session.id))
        });
        Ok(Self { sessions, has_roomless: original.has_roomless().await? })
    }
}

/// Gives the rows of each room to its session. Returns the sessions of rooms where that is not plain.
fn share_out(
    sessions: &mut [Remote],
    by_room: &BTreeMap<String, Vec<Group>>,
    others: &mut BTreeMap<(Option<String>, Option<String>), Remote>,
) -> Vec<usize> {
    let mut of_room: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, remote) in sessions.iter().enumerate() {
        if let Some(room) = &remote.session.room {
            of_room.entry(room.clone()).or_default().push(place);
        }
    }
    let mut unclear = Vec::new();
    for (room, groups) in by_room {
        // Lines that are here are of no session.
        let (lines, rows): (Vec<&Group>, Vec<&Group>) =
            groups.iter().partition(|group| group.table == Table::Transcript);
        lines.iter().for_each(|group| add_other(others, group));
        match of_room.get(room).map(Vec::as_slice) {
            None => rows.iter().for_each(|group| add_other(others, group)),
            Some([only]) if rows.iter().all(|group| is_within(group, sessions[*only].window())) => {
                rows.iter().for_each(|group| sessions[*only].add(group));
            }
            Some(several) => {
                several.iter().for_each(|place| sessions[*place].is_clear = false);
                unclear.extend(several);
            }
        }
    }
    unclear
}

fn is_within(group: &Group, window: Option<Span>) -> bool {
    let (Some(window), Some(start), Some(end)) = (window, group.first, group.last) else { return false };
    window.holds(Span { start, end })
}

/// Counts rows of no canvas session for their room, or for who wrote them.
fn add_other(others: &mut BTreeMap<(Option<String>, Option<String>), Remote>, group: &Group) {
    let remote = others.entry((group.room.clone(), group.emitter.clone())).or_insert_with(|| match &group.room {
        Some(room) => {
            let mut remote = Remote::new(format!("room:{room}"), Place::Room);
            (remote.session.room, remote.session.title) = (Some(room.clone()), Some(room.clone()));
            remote.session.project = Some(room.clone());
            remote
        }
        None => {
            let emitter = group.emitter.clone().unwrap_or_default();
            Remote::new(emitter.clone(), Place::Emitter(emitter))
        }
    });
    remote.add(group);
}
