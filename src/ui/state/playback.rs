//! Playback: a moment that runs through the session in scaled time, with gaps cut short.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Timeline;
use crate::domain::Timestamp;
use crate::timeline::{Axis, Row, Rows};
use crate::ui::list::List;

/// What is left of a long gap.
const GAP: i64 = 2_000_000;
/// At most so many frames a second.
const FRAME: Duration = Duration::from_millis(50);
/// The clock moves at least so often, also where nothing happens.
const SLOWEST_FRAME: Duration = Duration::from_millis(500);
/// A whole session is at first played within this time.
const WHOLE: i64 = 60_000_000;
/// The exponents of the slowest and the fastest speed: a sixteenth, and 65,536 times.
const SPEEDS: std::ops::RangeInclusive<i32> = -4..=16;

/// A moment that runs through the session.
#[derive(Debug)]
pub(crate) struct Playback {
    rows: Arc<Rows>,
    axis: Axis,
    /// Where it is on the axis.
    place: i64,
    pub playing: bool,
    /// Two to this power times as fast as it was.
    speed: i32,
    /// When `place` was right.
    at: Instant,
    /// When the next frame is due; `None` while nothing plays.
    pub due: Option<Instant>,
    /// Where the cursor stood before, and the row that it was put on since.
    stood: (Option<i64>, List),
    row: Option<usize>,
}

impl Playback {
    pub(crate) fn now(&self) -> Timestamp {
        self.axis.time(self.place)
    }

    /// Whether a row has begun.
    pub(crate) fn has(&self, row: &Row) -> bool {
        row.time <= self.now()
    }

    /// Whether a row has begun and has not ended.
    pub(crate) fn is_open(&self, row: &Row) -> bool {
        self.has(row) && row.busy_until() > self.now()
    }

    /// How fast it plays: `1/2x`, `8x`.
    pub(crate) fn speed(&self) -> String {
        let times = 1i64 << self.speed.unsigned_abs();
        if self.speed < 0 { format!("1/{times}x") } else { format!("{times}x") }
    }

    pub(crate) fn percent(&self) -> i64 {
        (i128::from(self.place) * 100 / i128::from(self.axis.length().max(1))) as i64
    }

    fn ended(&self) -> bool {
        self.place >= self.axis.length()
    }

    /// So much of the session passes in a time of the user.
    fn scaled(&self, passed: Duration) -> i64 {
        let micros = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX).min(1 << 40);
        if self.speed < 0 { micros >> -self.speed } else { micros << self.speed }
    }

    /// The reverse, rounded up, so that what is waited for has come.
    fn unscaled(&self, micros: i64) -> Duration {
        let micros = micros.max(0);
        let passed = if self.speed < 0 { micros.saturating_mul(1 << -self.speed) } else { (micros >> self.speed) + 1 };
        Duration::from_micros(passed.unsigned_abs())
    }

    /// When something is to be seen next: the next row, or the clock.
    fn wait(&mut self) {
        let next = first_after(&self.rows, self.now());
        let until = self.rows.get(next).map_or(self.axis.length(), |row| self.axis.place(row.time));
        let wait = self.unscaled(until.saturating_sub(self.place)).clamp(FRAME, SLOWEST_FRAME);
        self.due = (self.playing).then(|| self.at + wait);
    }

    /// Lets the moment run on to now; stops at the end.
    pub(crate) fn run(&mut self, now: Instant) {
        if self.playing {
            let passed = self.scaled(now.saturating_duration_since(self.at));
            self.place = self.place.saturating_add(passed).min(self.axis.length());
            self.playing = !self.ended();
        }
        self.at = now;
        self.wait();
    }

    pub(crate) fn pause(&mut self) {
        (self.playing, self.due) = (false, None);
    }

    /// Plays on from where it is; from the start where that is the end.
    pub(crate) fn play(&mut self, now: Instant) {
        if self.ended() {
            self.place = 0;
        }
        (self.playing, self.at) = (true, now);
        self.wait();
    }

    /// Changes the speed by so many doublings.
    pub(crate) fn change_speed(&mut self, by: i32, now: Instant) {
        self.run(now);
        self.speed = (self.speed + by).clamp(*SPEEDS.start(), *SPEEDS.end());
        self.wait();
    }
}

/// The first row that has not begun at a time.
fn first_after(rows: &Rows, time: Timestamp) -> usize {
    let (mut low, mut high) = (0, rows.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if rows.get(middle).is_some_and(|row| row.time > time) { high = middle } else { low = middle + 1 }
    }
    low
}

/// The axis of all rows that have a time.
fn axis_of(rows: &Rows) -> Axis {
    let start = rows.iter().map(|row| row.time).find(|time| time.0 > 0).unwrap_or_default();
    let end = rows.iter().filter(|row| row.time.0 > 0).map(Row::busy_until).max().unwrap_or(start);
    Axis::new(start, end, rows.gaps(), GAP)
}

impl Timeline {
    /// Plays from the row under the cursor on; from the start where that is the last one.
    pub(crate) fn start_playback(&mut self, now: Instant) {
        let axis = axis_of(&self.rows);
        let row = self.current();
        let last = row.is_some_and(|row| row + 1 == self.rows.len());
        let place = row.filter(|_| !last).and_then(|row| self.rows.get(row)).map_or(0, |row| axis.place(row.time));
        let speed = SPEEDS.clone().find(|speed| *speed >= 0 && axis.length() >> speed <= WHOLE);
        let mut playback = Playback {
            rows: self.rows.clone(),
            place,
            axis,
            playing: true,
            speed: speed.unwrap_or(*SPEEDS.end()),
            at: now,
            due: None,
            stood: (row.and_then(|row| self.key(row)), self.list),
            row,
        };
        playback.wait();
        self.playback = Some(playback);
    }

    /// Whether the session has a time to be played in.
    pub(crate) fn can_play(&self) -> bool {
        let last = self.rows.iter().next_back();
        last.is_some_and(|row| row.time.0 > 0) && self.rows.len() > 1
    }

    /// Ends the playback and goes back to where it began.
    pub(crate) fn end_playback(&mut self, height: usize) -> bool {
        let Some(playback) = self.playback.take() else { return false };
        let (key, list) = playback.stood;
        self.list = list;
        if let Some(row) = key.and_then(|key| self.rows.position(key)).filter(|row| self.current() != Some(*row)) {
            self.land_on(row, height);
        }
        self.list.keep(self.len(), height);
        true
    }

    /// Brings moment and cursor together: one that the user has moved is where the moment goes to and stops.
    pub(crate) fn follow_playback(&mut self, now: Instant, height: usize) {
        let current = self.current();
        let Some(playback) = &mut self.playback else { return };
        if !Arc::ptr_eq(&playback.rows, &self.rows) {
            let time = playback.now();
            (playback.rows, playback.axis) = (self.rows.clone(), axis_of(&self.rows));
            (playback.place, playback.row) = (playback.axis.place(time), current);
        }
        if current != playback.row {
            if let Some(row) = current.and_then(|row| self.rows.get(row)) {
                playback.place = playback.axis.place(row.time);
            }
            playback.row = current;
            playback.pause();
            return;
        }
        if playback.due.is_none_or(|due| now < due) {
            return;
        }
        playback.run(now);
        let behind = first_after(&playback.rows, playback.now());
        let last = self.last_shown(behind);
        if let Some(row) = last {
            let (line, length) = (self.line_of(row), self.len());
            self.list.jump(line, length, height);
        }
        let current = self.current();
        if let Some(playback) = &mut self.playback {
            playback.row = current;
        }
    }

    /// The last row before one that passes.
    fn last_shown(&self, before: usize) -> Option<usize> {
        match &self.shown {
            None => before.checked_sub(1),
            Some(shown) => {
                let place = shown.partition_point(|row| (*row as usize) < before);
                place.checked_sub(1).and_then(|place| shown.get(place)).map(|row| *row as usize)
            }
        }
    }
}
