//! Moments and spans of time as a person writes them: `10m`, `+10m`, `12:30`, `2026-03-02T10:00:00Z`.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp as Instant};

use super::spoken::{self, Named, WEEK};
use crate::domain::Timestamp;

pub const DAY: i64 = 86_400_000_000;

/// A moment as written; which one it is depends on the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `10m`: so many microseconds before now; behind it where they are negative, `in 10m`.
    Ago(i64),
    /// `3 months ago`, at this time of the day.
    MonthsAgo(i64),
    /// `yesterday 14:00`: a day, and microseconds into it.
    Day(Named, i64),
    /// `monday 14:00`: the last such moment; `last monday` is before today.
    Weekday { day: u8, last: bool, into: i64 },
    /// `+10m`: so many microseconds after the session's start.
    FromStart(i64),
    /// `12:30`: microseconds into the day on which the session starts, or the next one.
    Clock(i64),
    /// `2026-03-02T10:00`: a day and a time on the clock of the zone, written as if that were UTC.
    Local(Timestamp),
    /// RFC 3339 with its zone.
    At(Timestamp),
}

/// What moments are reckoned from. There is no clock in here: who asks says what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frame {
    pub now: Timestamp,
    /// Seconds east of UTC, for times on the clock.
    pub offset: i32,
    /// When the session starts; unknown for a list of sessions.
    pub start: Option<Timestamp>,
}

impl Moment {
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(span) = text.strip_prefix('+') {
            return spoken::parse_length(span).map(Self::FromStart);
        }
        if let Some(span) = parse_span(text) {
            return Some(Self::Ago(span));
        }
        if let Some(clock) = clock(text) {
            return Some(Self::Clock(clock));
        }
        if let Some(moment) = spoken::parse(text) {
            return Some(moment);
        }
        let text = text.to_ascii_uppercase();
        let has_clock = text.contains(['T', ' ']);
        let has_zone = has_clock && (text.ends_with('Z') || text.rfind(['+', '-']).is_some_and(|at| at > 10));
        if has_zone {
            return Timestamp::parse(&text).map(Self::At);
        }
        let begins_with_day = text.len() >= 10 && text.as_bytes()[4] == b'-';
        Timestamp::parse(&text).filter(|_| begins_with_day).map(Self::Local)
    }

    /// The moment itself; unknown where it hangs on a start that is not known.
    pub fn at(self, frame: &Frame) -> Option<Timestamp> {
        let offset = i64::from(frame.offset) * 1_000_000;
        let today = frame.now.0.saturating_add(offset).div_euclid(DAY);
        let on = |day: i64, into: i64| day.saturating_mul(DAY).saturating_add(into).saturating_sub(offset);
        Some(Timestamp(match self {
            Self::Ago(span) => frame.now.0.saturating_sub(span),
            Self::MonthsAgo(months) => months_before(frame.now, offset, months)?,
            Self::Day(named, into) => on(today.saturating_add(named.ahead()), into),
            Self::Weekday { day, last, into } => {
                // The first day of 1970 was a Thursday.
                let back = (today + 3 - i64::from(day)).rem_euclid(7);
                let is_to_come = on(today - back, into) > frame.now.0 || (last && back == 0);
                on(today - if is_to_come { back + 7 } else { back }, into)
            }
            Self::FromStart(span) => frame.start?.0.saturating_add(span),
            Self::Clock(time) => {
                let start = frame.start.unwrap_or(frame.now).0;
                let midnight = start.saturating_add(offset).div_euclid(DAY).saturating_mul(DAY);
                let at = midnight.saturating_add(time).saturating_sub(offset);
                // Who writes a clock without seconds means the minute in which the session starts, too.
                let next_day = frame.start.is_some() && at.saturating_add(60_000_000) <= start;
                if next_day { at.saturating_add(DAY) } else { at }
            }
            Self::Local(time) => time.0.saturating_sub(offset),
            Self::At(time) => time.0,
        }))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ago(span) if *span < 0 => write!(formatter, "in {}", write_span(span.saturating_neg())),
            Self::Ago(span) => formatter.write_str(&write_span(*span)),
            Self::MonthsAgo(months) if *months < 0 => write!(formatter, "in {} months", months.saturating_neg()),
            Self::MonthsAgo(months) => write!(formatter, "{months} months ago"),
            Self::Day(named, into) => write!(formatter, "{} {}", named.name(), Self::Clock(*into)),
            Self::Weekday { day, last, into } => {
                let name = WEEK[usize::from(*day) % WEEK.len()];
                write!(formatter, "{}{name} {}", if *last { "last " } else { "" }, Self::Clock(*into))
            }
            Self::FromStart(span) => write!(formatter, "+{}", write_span(*span)),
            Self::Clock(time) => {
                let seconds = time / 1_000_000;
                write!(formatter, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
                if time % 1_000_000 == 0 { Ok(()) } else { write!(formatter, ".{:06}", time % 1_000_000) }
            }
            Self::Local(time) => formatter.write_str(time.rfc3339().trim_end_matches('Z')),
            Self::At(time) => formatter.write_str(&time.rfc3339()),
        }
    }
}

/// So many months before a moment, on the calendar of a place.
fn months_before(now: Timestamp, offset: i64, months: i64) -> Option<i64> {
    let there: DateTime = TimeZone::UTC.to_datetime(Instant::from_microsecond(now.0.checked_add(offset)?).ok()?);
    let then = there.checked_sub(Span::new().try_months(months).ok()?).ok()?;
    let then = TimeZone::UTC.to_timestamp(then).ok()?;
    then.as_microsecond().checked_sub(offset)
}

/// `12:30`, `12:30:15` or `12:30:15.250`, in microseconds.
pub fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next().unwrap_or("0"));
    let whole = |part: &str, most: i64| {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i64>().ok().filter(|number| digits && *number < most)
    };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let micros = format!("{fraction:0<6}");
    let micros = micros.parse::<i64>().ok().filter(|_| micros.len() == 6 && !fraction.contains(['+', '-']))?;
    let seconds = whole(hours, 24)? * 3600 + whole(minutes, 60)? * 60 + whole(seconds, 60)?;
    parts.next().is_none().then_some(seconds * 1_000_000 + micros)
}

/// The units of spans in microseconds, the largest first.
const UNITS: &[(&str, i64)] =
    &[("d", DAY), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1), ("µs", 1)];

/// A span with its units, `90s`, `1h30m`, `1.5s`, in microseconds.
pub fn parse_span(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let letters = rest[digits..].find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len() - digits);
        let unit = &rest[digits..digits + letters];
        let (_, size) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
        let (whole, fraction) = rest[..digits].split_once('.').unwrap_or((&rest[..digits], ""));
        let mut part = whole.parse::<i64>().ok()?.checked_mul(*size)?;
        let mut place = *size;
        for digit in fraction.chars() {
            place /= 10;
            part = part.checked_add(i64::from(digit.to_digit(10)?) * place)?;
        }
        total = total.checked_add(part)?;
        rest = &rest[digits + letters..];
    }
    (!text.is_empty()).then_some(total)
}

/// A span that [`parse_span`] reads again: `1h30m`.
pub fn write_span(micros: i64) -> String {
    let mut rest = micros.max(0);
    let mut text = String::new();
    for (name, size) in UNITS {
        if rest >= *size {
            text.push_str(&format!("{}{name}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_may_have_parts_and_fractions() {
        let read = ["1h30m", "250ms", "1.5s", "2S", "0s"].map(parse_span);
        assert_eq!(read, [Some(5_400_000_000), Some(250_000), Some(1_500_000), Some(2_000_000), Some(0)]);
        assert_eq!(["5", "", "m", "5x", "1.s.", "99999999999999d"].map(parse_span), [None; 6]);
        assert_eq!([5_400_000_000, 250_001, 0].map(write_span), ["1h30m", "250ms1us", "0s"]);
    }

    #[test]
    fn every_way_to_write_a_moment_is_understood() {
        let frame = Frame {
            now: Timestamp::parse("2026-03-05T12:00:00Z").expect("valid"),
            offset: 7200,
            start: Timestamp::parse("2026-03-02T20:30:30Z"),
        };
        let at = |text: &str| Moment::parse(text).and_then(|moment| moment.at(&frame)).map(|at| at.rfc3339());
        for (text, expected) in [
            ("10m", "2026-03-05T11:50:00.000000Z"),
            ("+10m", "2026-03-02T20:40:30.000000Z"),
            // 22:30 on the zone's clock is in the minute of the start; 22:29 is that of the next day.
            ("22:30", "2026-03-02T20:30:00.000000Z"),
            ("22:29", "2026-03-03T20:29:00.000000Z"),
            ("23:00:01.5", "2026-03-02T21:00:01.500000Z"),
            ("2026-03-02", "2026-03-01T22:00:00.000000Z"),
            ("2026-03-02T10:00", "2026-03-02T08:00:00.000000Z"),
            ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00.000000Z"),
            ("2026-03-02t10:00:00-01:00", "2026-03-02T11:00:00.000000Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(["", "25:00", "1:2:3:4", "soon", "+", "12:30:", "12:-1"].map(Moment::parse), [None; 7]);
    }

    #[test]
    fn what_hangs_on_an_unknown_start_is_unknown_and_a_clock_then_means_today() {
        let now = Timestamp::parse("2026-03-05T12:00:00Z").expect("valid");
        let frame = Frame { now, ..Frame::default() };
        assert_eq!(Moment::FromStart(5).at(&frame), None);
        let clock = Moment::parse("07:00").and_then(|moment| moment.at(&frame));
        assert_eq!(clock, Timestamp::parse("2026-03-05T07:00:00Z"));
    }
}
