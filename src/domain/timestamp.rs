//! A moment in microseconds since 1970, UTC: subtracts, sorts, and reads as RFC 3339.

use std::ops::RangeInclusive;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// The years 0001 to 9999.
const YEARS: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads RFC 3339, also with an offset; a time without a zone is taken as UTC.
    ///
    /// Returns `None` for anything else, and for times outside the years 0001 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let read = match text.parse::<jiff::Timestamp>() {
            Ok(moment) => Some(Self(moment.as_microsecond())),
            // The last day of the year 9999 is no moment for the library, but a day like any other.
            Err(_) => Self::of_civil(text),
        };
        read.filter(|moment| YEARS.contains(&moment.0))
    }

    fn of_civil(text: &str) -> Option<Self> {
        let bare = text.strip_suffix(['Z', 'z']);
        let moment = bare.unwrap_or(text).parse::<DateTime>().ok()?;
        i64::try_from(moment.duration_since(EPOCH).as_micros()).ok().map(Self)
    }

    /// Milliseconds since 1970, as JavaScript counts; `None` where it does not fit.
    pub fn from_millis(millis: i64) -> Option<Self> {
        millis.checked_mul(1000).map(Self)
    }

    /// RFC 3339 with microseconds, UTC: `2026-03-02T10:00:00.000000Z`.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => format!("{moment:.6}"),
            Err(_) => match EPOCH.checked_add(SignedDuration::from_micros(self.0)) {
                Ok(moment) => format!("{moment:.6}Z"),
                Err(_) => format!("{}us", self.0),
            },
        }
    }

    /// The clock part, `10:00:00.000`, UTC.
    pub fn clock(self) -> String {
        let text = self.rfc3339();
        text.get(11..23).map_or_else(|| text.clone(), str::to_owned)
    }

    /// The day, `2026-03-02`, UTC.
    pub fn day(self) -> String {
        let text = self.rfc3339();
        text.get(..10).map_or_else(|| text.clone(), str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offsets_and_writes_utc() {
        let moment = Timestamp::parse("2026-03-02T11:00:00.123+01:00").expect("valid");
        assert_eq!(moment.rfc3339(), "2026-03-02T10:00:00.123000Z");
        assert_eq!(moment.clock(), "10:00:00.123");
        assert_eq!(moment.day(), "2026-03-02");
    }

    #[test]
    fn a_time_without_a_zone_is_utc_and_words_are_none() {
        assert_eq!(
            Timestamp::parse("2026-03-02T10:00:00").map(Timestamp::rfc3339).as_deref(),
            Some("2026-03-02T10:00:00.000000Z")
        );
        assert_eq!(Timestamp::parse("[trimmed for fixture]"), None);
        assert_eq!(Timestamp::parse("10:00:00Z"), None);
    }

    #[test]
    fn the_year_9999_lasts_to_its_end() {
        for text in ["9999-12-31T23:59:59.999000Z", "0001-01-01T00:00:00.000000Z", "9999-12-30T00:00:00.000000Z"] {
            assert_eq!(Timestamp::parse(text).map(Timestamp::rfc3339).as_deref(), Some(text));
        }
        assert_eq!(Timestamp::parse("-000001-01-01T00:00:00Z"), None);
        assert_eq!(Timestamp::parse("10000-01-01T00:00:00Z"), None);
    }
}
