//! Gaps: where nothing happened for long.

use super::{Row, Rows};
use crate::domain::{Kind, Timestamp};

/// Less than this is no gap anywhere.
const SHORTEST: i64 = 10_000_000;
/// A gap is so many times the usual pause between two rows of the session.
const UNUSUAL: i64 = 10;

/// A time in which nothing happened, before a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first row behind it.
    pub row: u32,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Gap {
    /// Microseconds.
    pub fn length(&self) -> i64 {
        self.to.0.saturating_sub(self.from.0)
    }
}

impl Row {
    /// Until when it kept something busy: a model or a tool until its last event, all else for a moment.
    pub fn busy_until(&self) -> Timestamp {
        match self.kind {
            Kind::Model | Kind::Tool => self.ended.max(Timestamp(self.time.0.saturating_add(self.latency.max(0)))),
            _ => self.time,
        }
    }
}

/// The gaps between rows in order of time: no row was busy for more than 10 seconds and 10 times the usual pause.
///
/// Rows without any time (0) are passed over. Linear.
pub fn gaps(rows: &Rows) -> Vec<Gap> {
    let timed = || (0u32..).zip(rows.iter()).filter(|(_, row)| row.time.0 > 0);
    let mut pauses: Vec<i64> =
        timed().zip(timed().skip(1)).map(|((_, one), (_, next))| next.time.0.saturating_sub(one.time.0)).collect();
    if pauses.is_empty() {
        return Vec::new();
    }
    let middle = (pauses.len() - 1) / 2;
    let usual = *pauses.select_nth_unstable(middle).1;
    let limit = SHORTEST.max(usual.saturating_mul(UNUSUAL));
    let mut busy = Timestamp(i64::MAX);
    let mut gaps = Vec::new();
    for (index, row) in timed() {
        if row.time.0.saturating_sub(busy.0) > limit {
            gaps.push(Gap { row: index, from: busy, to: row.time });
        }
        let first = busy.0 == i64::MAX;
        busy = if first { row.busy_until() } else { busy.max(row.busy_until()) };
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Head, Phase};
    use crate::timeline::Growing;

    const SECOND: i64 = 1_000_000;

    /// Moments of traces, given in seconds.
    fn at(seconds: &[i64]) -> Rows {
        let heads: Vec<Head> = seconds.iter().map(|second| head(*second, 0, Kind::Trace, Phase::Whole)).collect();
        Rows::of(&heads)
    }

    fn head(second: i64, turn: u64, kind: Kind, phase: Phase) -> Head {
        let time = Timestamp(second * SECOND);
        Head { number: second, time, turn, kind, phase, flags: 0, tokens: -1, latency: -1 }
    }

    fn found(rows: &Rows) -> Vec<(u32, i64)> {
        rows.gaps().iter().map(|gap| (gap.row, gap.length() / SECOND)).collect()
    }

    #[test]
    fn a_pause_of_more_than_ten_seconds_is_a_gap_where_rows_come_fast() {
        assert_eq!(found(&at(&[100, 100, 100, 111, 121])), [(3, 11)]);
        assert_eq!(found(&at(&[100, 101, 102, 112])), []);
    }

    #[test]
    fn where_rows_come_slowly_only_a_far_longer_pause_is_one() {
        assert_eq!(found(&at(&[100, 130, 160, 190, 490, 520])), []);
        assert_eq!(found(&at(&[100, 130, 160, 190, 491, 521])), [(4, 301)]);
    }

    #[test]
    fn a_tool_at_work_is_no_gap_and_a_task_that_waits_is_one() {
        let busy = |kind| {
            let heads = [
                head(100, 0, Kind::Trace, Phase::Whole),
                head(101, 7, kind, Phase::Call),
                head(102, 0, Kind::Trace, Phase::Whole),
                head(200, 7, kind, Phase::Result),
                head(205, 0, Kind::Trace, Phase::Whole),
            ];
            found(&Rows::of(&heads))
        };
        assert_eq!(busy(Kind::Tool), []);
        assert_eq!(busy(Kind::Task), [(3, 103)]);
    }

    #[test]
    fn rows_without_a_time_say_nothing_about_gaps() {
        assert_eq!(found(&at(&[0, 0, 1_700_000_000, 1_700_000_001])), []);
        assert_eq!(found(&at(&[])), []);
    }

    #[test]
    fn rows_that_grow_have_the_gaps_of_all_events() {
        let heads: Vec<Head> =
            (0..3000).map(|index| head(100 + index + index / 1000 * 50, 0, Kind::Trace, Phase::Whole)).collect();
        let mut growing = Growing::default();
        growing.extend(&heads[..1500]);
        let before = growing.rows().clone();
        assert_eq!((found(growing.rows()), found(&before)), (vec![(1000, 51)], vec![(1000, 51)]));
        growing.extend(&heads[1500..]);
        assert_eq!((found(growing.rows()), found(&before)), (vec![(1000, 51), (2000, 51)], vec![(1000, 51)]));
        assert_eq!(growing.rows().gap_before(2000), Rows::of(&heads).gap_before(2000));
    }
}
