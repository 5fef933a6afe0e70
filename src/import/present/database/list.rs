//! Which sessions a database holds: those of `canvas_sessions`, and where rows have none, rooms and emitters.

use std::collections::BTreeMap;

use anyhow::Result;

use super::web::{MOST_LISTED, Web, Whose};
use super::{Counts, or_cancelled};
use crate::domain::present::row::Table;
use crate::domain::{Session, Timestamp};
use crate::import::Control;
use crate::store::original::{CanvasRow, Fault, Group, Original, RoomWindow, Span, Stray};

/// Rows from so long before a session's first time, and after its last one, are taken for its own, as in the report.
const BEFORE: i64 = 5 * 60 * 1_000_000;
const AFTER: i64 = 30 * 60 * 1_000_000;

/// Why a session may have none of the rows that others have.
const CUT_OVER: &str = ": recorded before the cut-over";
const ELSEWHERE: &str = " of its own";
const HIDDEN: &str = ": row-level security may hide them from this role";
/// The tables of replay rows.
const REPLAY: [Table; 2] = [Table::Model, Table::Tool];

/// A session that lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// What is known of it before it is brought over. Its events are the rows that its room and its window give.
    pub session: Session,
    pub place: Place,
    pub counts: Counts,
    /// Blobs that no row refers to.
    pub blobs: i64,
    /// Times that cannot be told, such as infinite ones.
    untold: i64,
    /// When the first of its replay rows happened, µs since 1970; the earliest there is where that cannot be told.
    replayed_from: Option<i64>,
    /// Why it may have no rows; empty where that is not known.
    why: &'static str,
    /// The row of `canvas_sessions`.
    pub row: Option<String>,
    /// Its own window, where one that was asked for stands in its place.
    pub widened_from: Option<Span>,
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
    /// There are rows without a room, and rows in no window.
    pub has_roomless: bool,
    pub has_strays: bool,
}

impl Remote {
    /// What it has nothing of with the reason, and what cannot be told of it, in words.
    pub fn lacks(&self) -> Option<String> {
        let lacks = self.lack().map(|(lack, why)| format!("{lack}{why}"));
        let untold = match self.untold {
            0 => None,
            1 => Some("1 impossible time".to_owned()),
            several => Some(format!("{several} impossible times")),
        };
        let words: Vec<String> = lacks.into_iter().chain(untold).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// What it has nothing of, and why.
    fn lack(&self) -> Option<(&'static str, &'static str)> {
        let count = |table| self.counts.get(&table).copied().unwrap_or(0);
        let replayed = REPLAY.into_iter().map(count).sum::<i64>() > 0;
        // Nothing else is known of rows that are no session's.
        let why = if self.window().is_some() || self.why == HIDDEN { self.why } else { "" };
        match self.counts.is_empty() {
            true if self.blobs > 0 => Some(("no rows", ", only blobs that no row names")),
            true => Some(("no rows", if why == CUT_OVER { "" } else { why })),
            false if !replayed => Some(("no replay rows", why)),
            false if count(Table::Transcript) == 0 => Some(("no transcript", "")),
            false => None,
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
        remote.untold = row.untold;
        remote
    }

    fn new(id: String, place: Place) -> Self {
        let agent = super::super::AGENT.to_owned();
        let session = Session { lineage: id.clone(), id, agent, ..Session::default() };
        Self {
            session,
            place,
            counts: Counts::new(),
            blobs: 0,
            untold: 0,
            replayed_from: None,
            why: "",
            row: None,
            widened_from: None,
        }
    }

    fn add(&mut self, group: &Group) {
        match table_of(group.table) {
            Some(table) => *self.counts.entry(table).or_insert(0) += group.rows,
            None => self.blobs += group.rows,
        }
        self.untold += group.untold;
        if table_of(group.table).is_some_and(|table| REPLAY.contains(&table)) {
            let from = group.first.filter(|_| group.untold == 0).unwrap_or(Span::ALWAYS.start);
            self.replayed_from = Some(self.replayed_from.map_or(from, |known| known.min(from)));
        }
        let session = &mut self.session;
        let (first, last) = (group.first.map(Timestamp), group.last.map(Timestamp));
        session.started = [session.started, first].into_iter().flatten().min();
        session.ended = [session.ended, last].into_iter().flatten().max();
    }

    /// Takes rows out of the counts.
    fn take(&mut self, group: &Group) {
        match table_of(group.table) {
            Some(table) => {
                let left = self.counts.get(&table).map_or(0, |count| count - group.rows);
                self.counts.insert(table, left);
                self.counts.retain(|_, count| *count > 0);
            }
            None => self.blobs -= group.rows,
        }
        self.untold -= group.untold;
    }

    /// What is to be known of it: what it lacks, or that only rows of the times that were asked for come over.
    pub fn remark(&self, within: Option<Span>) -> Option<String> {
        match within {
            Some(within) if self.is_cut_by(within) => Some(self.cut_words(within)),
            _ => self.lacks(),
        }
    }

    /// Whether it may have rows outside of some times.
    pub fn is_cut_by(&self, within: Span) -> bool {
        let known = self.session.started.zip(self.session.ended);
        let known = known.map(|(started, ended)| Span { start: started.0, end: ended.0 });
        let all = self.widened_from.or(self.window()).or(known.filter(|_| self.untold == 0));
        !within.holds(all.unwrap_or(Span::ALWAYS))
    }

    fn cut_words(&self, within: Span) -> String {
        let time = |micros: i64| Timestamp(micros).rfc3339();
        let words = match (within.start, within.end) {
            (i64::MIN, end) => format!("rows until {} only", time(end)),
            (start, i64::MAX) => format!("rows from {} on only", time(start)),
            (start, end) => format!("rows from {} to {} only", time(start), time(end)),
        };
        // Its lines name it, and are its own at any time.
        let has_lines = self.window().is_some() && self.counts.contains_key(&Table::Transcript);
        if has_lines { format!("{words}, and all lines of its transcript") } else { words }
    }

    /// Its window as far as it lies in the times that were asked for.
    pub fn window_within(&self, within: Option<Span>) -> Option<Span> {
        let window = self.window()?;
        within.map_or(Some(window), |within| window.meet(within))
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
        let sessions: Vec<Remote> = rows.into_iter().map(Remote::of_canvas).collect();
        let mut remotes = Self { sessions, ..Self::default() };
        let mut by_room: BTreeMap<String, Vec<Group>> = BTreeMap::new();
        for group in original.groups().await? {
            by_room.entry(group.room.clone()).or_default().push(group);
        }
        let mut others = Others::default();
        let unclear = share_out(&mut remotes.sessions, &by_room, &mut others);
        let windows: Vec<RoomWindow> = unclear
            .iter()
            .filter_map(|place| {
                let remote = &remotes.sessions[*place];
                Some((remote.session.room.clone()?, remote.window()?))
            })
            .collect();
        if !windows.is_empty() {
            for group in original.groups_by_window(&windows).await? {
                match group.window.and_then(|window| unclear.get(window)) {
                    Some(place) => remotes.sessions[*place].add(&group),
                    None => others.of_room(&group.room).add(&group),
                }
            }
        }
        remotes.add_strays(original, &mut others).await?;
        let all = remotes.sessions.iter().chain(others.0.values());
        let recorded_from = all.filter_map(|remote| remote.replayed_from).min();
        remotes.has_strays = !others.0.is_empty() || remotes.has_roomless;
        others.0.retain(|_, remote| !remote.counts.is_empty() || remote.blobs > 0);
        remotes.sessions.extend(others.0.into_values());
        for remote in &mut remotes.sessions {
            remote.session.events = remote.counts.values().sum::<i64>() + remote.blobs;
            remote.why = why(remote, original, recorded_from);
        }
        remotes.sessions.sort_by(|one, other| {
            other.session.ended.cmp(&one.session.ended).then_with(|| one.session.id.cmp(&other.session.id))
        });
        Ok(remotes)
    }

    /// The sessions as they are where the rows of some times are asked for of those chosen. The one session of a room
    /// that is chosen has whatever there is in the room at that time, as in the report; several keep their own windows.
    pub fn asked(&self, chosen: &[usize], within: Span) -> Self {
        let mut asked = self.clone();
        let rooms = chosen.iter().map(|place| &self.sessions[*place]).filter(|remote| remote.window().is_some());
        let rooms: Vec<Option<&String>> = rooms.map(|remote| remote.session.room.as_ref()).collect();
        for place in chosen {
            let remote = &mut asked.sessions[*place];
            let room = remote.session.room.clone();
            let is_alone = rooms.iter().filter(|other| **other == room.as_ref()).count() == 1;
            if let Some(own) = remote.window().filter(|_| room.is_some() && is_alone) {
                (remote.place, remote.widened_from) = (Place::Canvas(within), Some(own));
            }
        }
        asked
    }

    /// The windows of sessions in rooms, with the ids of these sessions.
    pub fn windows(&self) -> (Vec<RoomWindow>, Vec<String>) {
        let windowed = self.sessions.iter().filter_map(|remote| {
            let window = (remote.session.room.clone()?, remote.window()?);
            Some((window, remote.session.id.clone()))
        });
        windowed.unzip()
    }

    /// Gives the rows in no window to those whose they are; where they are many, only those of no room, so that a room
    /// may be listed of which other sessions claim all.
    async fn add_strays(&mut self, original: &mut Original, others: &mut Others) -> Result<(), Fault> {
        let (windows, ids) = self.windows();
        let of_rooms: i64 = others.0.values().map(|remote| remote.counts.values().sum::<i64>() + remote.blobs).sum();
        let all = if of_rooms <= MOST_LISTED { Some(Web::of_all(original, &windows).await?) } else { None };
        let web = match all.filter(|web| !web.is_cut) {
            Some(web) => web,
            None => Web::of_roomless(original, &windows).await?,
        };
        if web.is_cut {
            // So many that each stays with whoever wrote it.
            self.has_roomless = true;
            for group in original.groups_by_emitter().await? {
                others.of_emitter(&group.room).add(&group);
            }
            return Ok(());
        }
        for (stray, whose) in web.rows() {
            self.has_roomless |= stray.room.is_none();
            let group = group_of(stray);
            match (&stray.room, whose) {
                (room, Whose::Window(place)) => {
                    let own = self.sessions.iter_mut().find(|remote| remote.session.id == ids[place]);
                    own.into_iter().for_each(|remote| remote.add(&group));
                    room.iter().for_each(|room| others.of_room(room).take(&group));
                }
                // It is counted there already.
                (Some(_), _) => {}
                (None, Whose::Room(room)) => others.of_room(&room).add(&group),
                (None, Whose::Emitter(emitter)) => others.of_emitter(&emitter).add(&group),
            }
        }
        Ok(())
    }
}

/// Why a session may have no rows. Where replay rows were recorded before it ended, in whatever room, it is none from
/// before the cut-over: then what it has none of may be another session's, or a room's.
fn why(remote: &Remote, original: &Original, recorded_from: Option<i64>) -> &'static str {
    let asked = if remote.counts.is_empty() { &Table::ALL[..] } else { &REPLAY[..] };
    if asked.iter().any(|table| original.may_hide(table.name())) {
        return HIDDEN;
    }
    if !REPLAY.iter().all(|table| original.can_ask(table.name())) {
        return "";
    }
    let end = remote.window().map_or(Span::ALWAYS.end, |window| window.end);
    if recorded_from.is_some_and(|from| from <= end) { ELSEWHERE } else { CUT_OVER }
}

/// A row alone, counted.
fn group_of(stray: &Stray) -> Group {
    let (first, last, untold) = (stray.at, stray.at, i64::from(stray.is_untold));
    Group { table: stray.table, room: String::new(), window: None, rows: 1, first, last, untold }
}

/// The table of rows that are events; `None` for blobs.
fn table_of(name: &str) -> Option<Table> {
    Table::ALL.into_iter().find(|table| table.name() == name)
}

/// Gives the rows of each room to its session. Returns the sessions of rooms where that is not plain.
fn share_out(sessions: &mut [Remote], by_room: &BTreeMap<String, Vec<Group>>, others: &mut Others) -> Vec<usize> {
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
            groups.iter().partition(|group| table_of(group.table) == Some(Table::Transcript));
        lines.iter().for_each(|group| others.of_room(room).add(group));
        match of_room.get(room).map(Vec::as_slice) {
            None => rows.iter().for_each(|group| others.of_room(room).add(group)),
            Some([only]) if rows.iter().all(|group| is_within(group, sessions[*only].window())) => {
                rows.iter().for_each(|group| sessions[*only].add(group));
            }
            Some(several) => unclear.extend(several),
        }
    }
    unclear
}

fn is_within(group: &Group, window: Option<Span>) -> bool {
    let (Some(window), Some(start), Some(end)) = (window, group.first, group.last) else { return false };
    group.untold == 0 && window.holds(Span { start, end })
}

/// What no canvas session claims, by its id.
#[derive(Debug, Default)]
struct Others(BTreeMap<String, Remote>);

impl Others {
    fn of_room(&mut self, room: &str) -> &mut Remote {
        let id = format!("room:{room}");
        self.0.entry(id.clone()).or_insert_with(|| {
            let mut remote = Remote::new(id, Place::Room);
            let name = Some(room.to_owned());
            (remote.session.room, remote.session.title) = (name.clone(), name.clone());
            remote.session.project = name;
            remote
        })
    }

    fn of_emitter(&mut self, emitter: &str) -> &mut Remote {
        let place = Place::Emitter(emitter.to_owned());
        self.0.entry(emitter.to_owned()).or_insert_with(|| Remote::new(emitter.to_owned(), place))
    }
}
