//! An axis of time on which long gaps are cut short, so that three days with two busy hours can be read.

use super::Gap;
use crate::domain::Timestamp;

/// A gap on the axis: what is left of it, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub from: Timestamp,
    pub to: Timestamp,
    /// Where it begins on the axis, and what it takes there.
    pub start: i64,
    pub kept: i64,
}

/// Maps times to places from 0 to `length`, in microseconds, and back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Axis {
    start: Timestamp,
    length: i64,
    cuts: Vec<Cut>,
}

impl Axis {
    /// From one time to another, with at most `most` left of every gap between them.
    pub fn new(start: Timestamp, end: Timestamp, gaps: &[Gap], most: i64) -> Self {
        let most = most.max(1);
        let end = end.max(start);
        let mut cuts = Vec::new();
        let mut lost = 0;
        let first = gaps.partition_point(|gap| gap.from < start);
        for gap in gaps[first..].iter().take_while(|gap| gap.to <= end).filter(|gap| gap.length() > most) {
            let place = gap.from.0.saturating_sub(start.0) - lost;
            cuts.push(Cut { from: gap.from, to: gap.to, start: place, kept: most });
            lost += gap.length() - most;
        }
        Self { start, length: end.0.saturating_sub(start.0) - lost, cuts }
    }

    /// The same, with gaps cut to so much that together they take at most half of it, and each at most a tenth.
    pub fn readable(start: Timestamp, end: Timestamp, gaps: &[Gap]) -> Self {
        let first = gaps.partition_point(|gap| gap.from < start);
        let inside = || gaps[first..].iter().take_while(|gap| gap.to <= end);
        let quiet: i64 = inside().map(Gap::length).sum();
        let busy = end.0.saturating_sub(start.0).saturating_sub(quiet).max(0);
        let count = inside().count() as i64;
        Self::new(start, end, gaps, busy / (count.max(9)))
    }

    pub fn length(&self) -> i64 {
        self.length
    }

    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The gaps that are cut, in order.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// The place of a time; what lies before or behind the axis is put at its end.
    pub fn place(&self, time: Timestamp) -> i64 {
        let next = self.cuts.partition_point(|cut| cut.from < time);
        let place = match next.checked_sub(1).map(|last| self.cuts[last]) {
            None => time.0.saturating_sub(self.start.0),
            Some(cut) if time >= cut.to => cut.start + cut.kept + time.0.saturating_sub(cut.to.0),
            Some(cut) => {
                let (past, whole) = (time.0 - cut.from.0, cut.to.0 - cut.from.0);
                cut.start + (i128::from(past) * i128::from(cut.kept) / i128::from(whole.max(1))) as i64
            }
        };
        place.clamp(0, self.length)
    }

    /// The time at a place.
    pub fn time(&self, place: i64) -> Timestamp {
        let place = place.clamp(0, self.length);
        let next = self.cuts.partition_point(|cut| cut.start < place);
        match next.checked_sub(1).map(|last| self.cuts[last]) {
            None => Timestamp(self.start.0 + place),
            Some(cut) if place >= cut.start + cut.kept => Timestamp(cut.to.0 + place - cut.start - cut.kept),
            Some(cut) => {
                let (past, whole) = (place - cut.start, cut.to.0 - cut.from.0);
                Timestamp(cut.from.0 + (i128::from(past) * i128::from(whole) / i128::from(cut.kept)) as i64)
            }
        }
    }

    /// The part of a line of so many units that a time lies at: 0 to `units`.
    pub fn scaled(&self, time: Timestamp, units: usize) -> usize {
        if self.length <= 0 {
            return 0;
        }
        (i128::from(self.place(time)) * units as i128 / i128::from(self.length)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(row: u32, from: i64, to: i64) -> Gap {
        Gap { row, from: Timestamp(from), to: Timestamp(to) }
    }

    #[test]
    fn a_gap_takes_only_what_is_left_of_it() {
        let axis = Axis::new(Timestamp(100), Timestamp(1_200), &[gap(1, 200, 1_100)], 50);
        assert_eq!(axis.length(), 250);
        let places = [100, 200, 650, 1_100, 1_200, 5_000, 0].map(|time| axis.place(Timestamp(time)));
        assert_eq!(places, [0, 100, 125, 150, 250, 250, 0]);
        assert_eq!(axis.scaled(Timestamp(1_100), 10), 6);
    }

    #[test]
    fn places_lead_back_to_their_times() {
        let gaps = [gap(1, 200, 1_100), gap(2, 1_150, 9_000), gap(3, 9_001, 9_002)];
        let axis = Axis::new(Timestamp(100), Timestamp(9_100), &gaps, 40);
        assert_eq!(axis.cuts().len(), 2, "a gap that is short already stays whole");
        for time in [100, 150, 200, 1_100, 1_120, 1_150, 9_000, 9_100] {
            assert_eq!(axis.time(axis.place(Timestamp(time))), Timestamp(time));
        }
    }

    #[test]
    fn gaps_take_at_most_half_of_what_is_read() {
        let gaps: Vec<Gap> = (0..100)
            .map(|index| gap(index, i64::from(index) * 1_000_000, i64::from(index) * 1_000_000 + 999_000))
            .collect();
        let axis = Axis::readable(Timestamp(0), Timestamp(100_000_000), &gaps);
        let kept: i64 = axis.cuts().iter().map(|cut| cut.kept).sum();
        assert!(kept * 2 <= axis.length(), "{kept} of {}", axis.length());
        assert_eq!(axis.cuts().len(), 100);
    }

    #[test]
    fn an_axis_of_one_moment_has_no_length() {
        let axis = Axis::readable(Timestamp(7), Timestamp(7), &[]);
        assert_eq!((axis.length(), axis.scaled(Timestamp(7), 80)), (0, 0));
    }
}
