//! The time zone of tables: UTC or a fixed offset. JSON is always UTC.

use anyhow::Result;
use jiff::tz::{Offset, TimeZone};

use super::usage;
use crate::domain::Timestamp;

/// No zone is a day away from UTC.
const DAY: i32 = 24 * 3600;

/// Where on the clock a table shows its times.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    zone: TimeZone,
    is_utc: bool,
}

impl Zone {
    /// The zone that is named, else UTC.
    pub fn named(name: Option<&str>) -> Result<Self> {
        Self::parse(name.unwrap_or("UTC"))
    }

    pub fn parse(text: &str) -> Result<Self> {
        match seconds(text) {
            Some(0) => Ok(Self { zone: TimeZone::UTC, is_utc: true }),
            Some(seconds) => match Offset::from_seconds(seconds) {
                Ok(offset) if seconds.abs() < DAY => Ok(Self { zone: TimeZone::fixed(offset), is_utc: false }),
                _ => Err(usage(format!("`--tz {text}` is further from UTC than any zone"))),
            },
            None => Err(usage(format!(
                "could not read the time zone `{text}`: this version knows UTC and fixed offsets such as +02:00"
            ))),
        }
    }

    /// Seconds east of UTC.
    pub fn offset(&self) -> i32 {
        self.zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds()
    }

    /// RFC 3339 with microseconds.
    pub fn full(&self, time: Timestamp) -> String {
        match jiff::Timestamp::from_microsecond(time.0) {
            Ok(moment) if !self.is_utc => {
                let offset = self.zone.to_offset(moment);
                format!("{:.6}", moment.display_with_offset(offset))
            }
            _ => time.rfc3339(),
        }
    }

    /// Day and clock to the second, for a list.
    pub fn short(&self, time: Timestamp) -> String {
        let text = self.full(time);
        match (text.get(..10), text.get(11..19)) {
            (Some(day), Some(clock)) => format!("{day} {clock}"),
            _ => text,
        }
    }

    /// The clock to the millisecond.
    pub fn clock(&self, time: Timestamp) -> String {
        let text = self.full(time);
        text.get(11..23).map_or_else(|| text.clone(), str::to_owned)
    }
}

/// `UTC`, `Z`, `+02:00`, `-0530` or `+2` in seconds.
fn seconds(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match (digits.split_once(':'), digits.len()) {
        (Some((hours, minutes)), 5) => (hours, minutes),
        (None, 4) => digits.split_at_checked(2)?,
        (None, 1 | 2) => (digits, "0"),
        _ => return None,
    };
    if ![hours, minutes].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_in_every_common_spelling() {
        assert_eq!(["UTC", "z", "+02:00", "-0530", "+2"].map(seconds), [0, 0, 7200, -19800, 7200].map(Some));
        assert_eq!(["Europe/Warsaw", "+2:0", "", "+", "+0x:00", "02:00", "+02:60"].map(seconds), [None; 7]);
    }

    #[test]
    fn a_table_shows_its_zone_and_utc_is_the_default() {
        let time = Timestamp::parse("2026-03-02T23:30:00.5Z").expect("valid");
        let zone = Zone::parse("+02:00").expect("valid");
        assert_eq!(zone.full(time), "2026-03-03T01:30:00.500000+02:00");
        assert_eq!(zone.short(time), "2026-03-03 01:30:00");
        assert_eq!(Zone::parse("UTC").expect("valid").full(time), "2026-03-02T23:30:00.500000Z");
    }

    #[test]
    fn a_day_from_utc_is_too_far() {
        assert!(Zone::parse("+23:59").is_ok() && Zone::parse("-14:00").is_ok());
        for text in ["+24:00", "-25:00", "+25:00"] {
            assert!(Zone::parse(text).expect_err("too far").to_string().contains("further from UTC"), "{text}");
        }
    }

    #[test]
    fn a_zone_name_is_refused_with_a_reason() {
        let error = Zone::parse("Europe/Warsaw").expect_err("no names");
        assert!(error.to_string().contains("fixed offsets"));
    }
}
