//! Tallies: what the events of a session come to, row by row, so that what is new can be added to what was counted.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;

use super::engine::Row;
use super::rows;
use crate::domain::{Kind, Phase, flag};

/// The columns that [`Seen::of`] reads.
pub(super) const COLUMNS: &str = "event, session, turn_hash, kind, phase, flags, order_time, model, \
     CASE WHEN usage_rule IS NOT NULL THEN usage_source END, origin, sequence, CASE WHEN usage_rule IS NOT NULL THEN id END, \
     usage_input, usage_cache_read, usage_cache_write, usage_output, usage_reasoning, usage_total";

/// Input, cache read, cache write, output, reasoning, total.
type Buckets = [Option<i64>; 6];

/// A line of a timeline: the events of one turn, or an event without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Line {
    Turn(i64),
    Alone(i64),
}

/// How an event stands in its session, as far as settling decides that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    /// A hash of the turn; 0 for none.
    pub turn: i64,
    pub phase: Phase,
    pub flags: i64,
}

/// An event to which settling has given another stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moved {
    pub session: i64,
    pub event: i64,
    pub before: Stand,
    pub now: Stand,
}

impl Line {
    fn of(event: i64, turn: i64) -> Self {
        if turn == 0 { Self::Alone(event) } else { Self::Turn(turn) }
    }
}

/// What counting needs of an event.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub event: i64,
    pub session: i64,
    pub line: Line,
    pub kind: Kind,
    pub phase: Phase,
    flags: i64,
    time: i64,
    model: Option<String>,
    spent: Option<Spent>,
    /// How often its importer noted that something does not add up.
    pub noted: i64,
}

/// Usage, with the place of its event: of one line the last one counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Spent {
    place: (i64, i64, i64, String),
    buckets: Buckets,
    source: String,
}

impl Seen {
    pub(super) fn of(row: &Row) -> Result<Self> {
        let (event, turn, time): (i64, i64, i64) = (row.try_get(0)?, row.try_get(2)?, row.try_get(6)?);
        let spent = match row.try_get::<Option<String>>(8)? {
            Some(source) => Some(Spent {
                place: (time, row.try_get(9)?, row.try_get(10)?, row.try_get(11)?),
                buckets: [
                    row.try_get(12)?,
                    row.try_get(13)?,
                    row.try_get(14)?,
                    row.try_get(15)?,
                    row.try_get(16)?,
                    row.try_get(17)?,
                ],
                source,
            }),
            None => None,
        };
        Ok(Self {
            event,
            session: row.try_get(1)?,
            line: Line::of(event, turn),
            kind: rows::kind_of(row.try_get(3)?)?,
            phase: rows::phase_of(row.try_get(4)?)?,
            flags: row.try_get(5)?,
            time,
            model: row.try_get(7)?,
            spent,
            noted: 0,
        })
    }

    /// The same event with another stand.
    pub(super) fn standing(&self, stand: Stand) -> Self {
        let Stand { turn, phase, flags } = stand;
        Self { line: Line::of(self.event, turn), phase, flags, ..self.clone() }
    }

    /// Whether it is one half of a model call that names no turn: those are paired when settling.
    pub(super) fn is_loose_half(&self) -> bool {
        self.kind == Kind::Model
            && matches!(self.phase, Phase::Call | Phase::Result)
            && matches!(self.line, Line::Alone(_))
    }
}

/// What one line comes to.
#[derive(Debug, Default)]
struct Counted {
    is_turn: bool,
    has_error: bool,
    has_call: bool,
    has_result: bool,
    /// How often a tool was called under this line's name.
    calls: u32,
    spent: Option<Spent>,
}

/// What events come to, gathered line by line.
#[derive(Debug, Default)]
pub(super) struct Tally {
    lines: HashMap<Line, Counted>,
    events: i64,
    noted: i64,
    clock_skews: i64,
    models: BTreeSet<String>,
    started: Option<i64>,
    ended: Option<i64>,
}

/// The counts of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub events: i64,
    pub turns: i64,
    pub errors: i64,
    /// But for the one that all clock skews are together.
    pub findings: i64,
    /// Events whose written time runs against the order of their source.
    pub clock_skews: i64,
    pub tokens: Buckets,
    pub sources: BTreeSet<String>,
    pub models: BTreeSet<String>,
    pub started: Option<i64>,
    pub ended: Option<i64>,
}

impl Tally {
    pub(super) fn add(&mut self, seen: &Seen) {
        if let Some(model) = seen.model.as_ref().filter(|model| !self.models.contains(*model)) {
            self.models.insert(model.clone());
        }
        if seen.time > 0 {
            self.started = Some(self.started.map_or(seen.time, |started| started.min(seen.time)));
            self.ended = self.ended.max(Some(seen.time));
        }
        // What was purged is not there to be counted.
        if seen.flags & (flag::INHERITED | flag::PURGED) != 0 {
            return;
        }
        self.events += 1;
        let is_skewed = seen.flags & flag::TIME_RAN_BACK != 0;
        let set = flag::FINDINGS.iter().filter(|bit| seen.flags & **bit != 0).count() as i64;
        self.noted += seen.noted + set - i64::from(is_skewed);
        self.clock_skews += i64::from(is_skewed);
        let line = self.lines.entry(seen.line).or_default();
        let can_pair = matches!(seen.kind, Kind::Model | Kind::Tool);
        line.is_turn |= can_pair && matches!(seen.line, Line::Turn(_));
        // An older telling of a span is in the row of the newest, which speaks for it.
        if seen.flags & flag::SUPERSEDED != 0 && matches!(seen.line, Line::Turn(_)) {
            return;
        }
        line.has_error |= seen.flags & flag::ERROR != 0;
        line.has_call |= can_pair && seen.phase == Phase::Call;
        line.has_result |= can_pair && seen.phase == Phase::Result;
        let calls = seen.kind == Kind::Tool && seen.phase == Phase::Call && seen.flags & flag::TWIN == 0;
        line.calls += u32::from(calls);
        let counts = seen.kind == Kind::Model && seen.flags & flag::REPEATS_USAGE == 0;
        if counts && seen.spent > line.spent {
            line.spent.clone_from(&seen.spent);
        }
    }

    /// The sums over all lines: inherited events are left out, and of a turn's usage the last snapshot counts.
    pub(super) fn counts(self) -> Counts {
        let mut counts = Counts {
            events: self.events,
            findings: self.noted,
            clock_skews: self.clock_skews,
            models: self.models,
            started: self.started,
            ended: self.ended,
            ..Counts::default()
        };
        for line in self.lines.into_values() {
            counts.turns += i64::from(line.is_turn);
            counts.errors += i64::from(line.has_error);
            counts.findings += i64::from(line.has_call != line.has_result) + i64::from(line.calls > 1);
            let Some(spent) = line.spent else { continue };
            for (sum, bucket) in counts.tokens.iter_mut().zip(spent.buckets) {
                *sum = bucket.map_or(*sum, |tokens| Some(sum.unwrap_or(0).saturating_add(tokens)));
            }
            counts.sources.insert(spent.source);
        }
        counts
    }
}

impl Counts {
    /// The counts when the lines that changed came to `before` and now come to `after`.
    ///
    /// `None` where that does not tell: something that was known of those lines is not known any more.
    pub(super) fn grown(mut self, before: &Self, after: &Self) -> Option<Self> {
        if !before.sources.is_subset(&after.sources) {
            return None;
        }
        self.events += after.events - before.events;
        self.turns += after.turns - before.turns;
        self.errors += after.errors - before.errors;
        self.findings += after.findings - before.findings;
        self.clock_skews += after.clock_skews - before.clock_skews;
        for (sum, (before, after)) in self.tokens.iter_mut().zip(before.tokens.iter().zip(after.tokens)) {
            *sum = match (before, after) {
                (Some(_), None) => return None,
                (None, None) => *sum,
                (before, Some(after)) => Some(sum.unwrap_or(0) - before.unwrap_or(0) + after),
            };
        }
        self.sources.extend(after.sources.iter().cloned());
        self.models.extend(after.models.iter().cloned());
        self.started = [self.started, after.started].into_iter().flatten().min();
        self.ended = self.ended.max(after.ended);
        Some(self)
    }
}
