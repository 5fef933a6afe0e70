//! Moments in words: `2 hours ago`, `in 3 days`, `yesterday 14:00`, `last monday`, `2pm`.

use jiff::Span;
use jiff::fmt::friendly::SpanParser;

use super::moment::{DAY, Moment, clock, parse_span};

/// What may be written where a moment is asked for.
pub const MOMENTS: &str = "10m or \"2 hours ago\" (before now), +10m (after the start), 12:30, \"yesterday 14:00\", \
     monday, \"2026-03-02 10:00\" or 2026-03-02T10:00:00Z";

/// A day that is named from today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Today,
    Yesterday,
    Tomorrow,
}

impl Named {
    pub const ALL: [Self; 3] = [Self::Today, Self::Yesterday, Self::Tomorrow];

    pub fn name(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::Tomorrow => "tomorrow",
        }
    }

    /// Days after today.
    pub fn ahead(self) -> i64 {
        match self {
            Self::Today => 0,
            Self::Yesterday => -1,
            Self::Tomorrow => 1,
        }
    }
}

/// The days of the week from Monday on.
pub const WEEK: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const SPANS: SpanParser = SpanParser::new();

/// Reads words; `None` where they say no moment, or more than one.
pub fn parse(text: &str) -> Option<Moment> {
    let text = text.trim().to_lowercase();
    let text = text.strip_prefix("since ").unwrap_or(&text);
    if text == "now" {
        return Some(Moment::Ago(0));
    }
    ago(text).or_else(|| day_and_clock(text))
}

/// A length of time in words or with units, `10 minutes`, `1h30m`, in microseconds.
pub fn parse_length(text: &str) -> Option<i64> {
    if let Some(span) = parse_span(text) {
        return Some(span);
    }
    let (months, micros) = length(&text.trim().to_lowercase())?;
    (months == 0).then_some(micros)
}

/// `2 hours ago`, `in 2 hours`; a length alone lies before now, as `10m` does.
fn ago(text: &str) -> Option<Moment> {
    let (text, ahead) = match text.strip_prefix("in ") {
        Some(text) => (text, true),
        None => (text.strip_suffix(" ago").unwrap_or(text), false),
    };
    match length(text)? {
        (0, micros) => Some(Moment::Ago(if ahead { -micros } else { micros })),
        // How long a month is hangs on the day from which it is counted; with hours beside it that would be guessed.
        (months, 0) => Some(Moment::MonthsAgo(if ahead { -months } else { months })),
        _ => None,
    }
}

/// A length in months and microseconds.
fn length(text: &str) -> Option<(i64, i64)> {
    let text = text.replace(" and ", " ");
    let text = match text.split_once(' ') {
        Some(("a" | "an", rest)) => format!("1 {rest}"),
        _ => text,
    };
    // A sign, or `ago` once more, would turn it round.
    if !text.starts_with(|first: char| first.is_ascii_digit()) || text.ends_with("ago") {
        return None;
    }
    let span: Span = SPANS.parse_span(&text).ok()?;
    let months = i64::from(span.get_years()).checked_mul(12)?.checked_add(i64::from(span.get_months()))?;
    let days = i64::from(span.get_weeks()).checked_mul(7)?.checked_add(i64::from(span.get_days()))?;
    let parts = [
        (days, DAY),
        (i64::from(span.get_hours()), 3_600_000_000),
        (span.get_minutes(), 60_000_000),
        (span.get_seconds(), 1_000_000),
        (span.get_milliseconds(), 1_000),
        (span.get_microseconds(), 1),
    ];
    let micros = parts.iter().try_fold(0i64, |sum, (count, size)| sum.checked_add(count.checked_mul(*size)?));
    Some((months, micros?))
}

/// `yesterday`, `monday 14:00`, `14:00 yesterday`, `last friday at 2pm`, `2pm`.
fn day_and_clock(text: &str) -> Option<Moment> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.retain(|word| *word != "at");
    let last = words.first() == Some(&"last");
    let words = if last { &words[1..] } else { &words[..] };
    let day = |word: &str| Day::parse(word, last);
    match words {
        [word] if !last => day(word).map(|day| day.at(0)).or_else(|| hour(word).map(Moment::Clock)),
        [word] => day(word).map(|day| day.at(0)),
        [word, rest @ ..] if day(word).is_some() => Some(day(word)?.at(hour(&rest.concat())?)),
        [rest @ .., word] if day(word).is_some() => Some(day(word)?.at(hour(&rest.concat())?)),
        rest if !last => hour(&rest.concat()).map(Moment::Clock),
        _ => None,
    }
}

enum Day {
    Named(Named),
    OfWeek { day: u8, last: bool },
}

impl Day {
    fn parse(word: &str, last: bool) -> Option<Self> {
        if let Some(named) = Named::ALL.into_iter().find(|named| named.name() == word) {
            return (!last).then_some(Self::Named(named));
        }
        let fits = |name: &&str| *name == word || (word.len() >= 3 && name[..3] == *word);
        let day = WEEK.iter().position(fits)?;
        Some(Self::OfWeek { day: day as u8, last })
    }

    fn at(self, into: i64) -> Moment {
        match self {
            Self::Named(named) => Moment::Day(named, into),
            Self::OfWeek { day, last } => Moment::Weekday { day, last, into },
        }
    }
}

/// `14:00`, `2pm`, `2:30pm`, `noon`, in microseconds of a day.
fn hour(text: &str) -> Option<i64> {
    let half = 12 * 3_600_000_000;
    match text {
        "noon" => return Some(half),
        "midnight" => return Some(0),
        _ => {}
    }
    let (digits, afternoon) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => return clock(text),
    };
    let time = clock(digits).or_else(|| clock(&format!("{digits}:00")))?;
    // Twelve comes first: 12am is midnight, 12pm noon. There is no 0am and no 13pm.
    let hours = (3_600_000_000..13 * 3_600_000_000).contains(&time).then_some(time % half)?;
    Some(if afternoon { hours + half } else { hours })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::filter::Frame;

    /// A Thursday, just after two in the afternoon two hours east of UTC.
    fn at(text: &str) -> Option<String> {
        let now = Timestamp::parse("2026-03-05T12:10:00Z").expect("valid");
        let frame = Frame { now, offset: 7200, start: None };
        Moment::parse(text).and_then(|moment| moment.at(&frame)).map(|at| at.rfc3339().replace(".000000", ""))
    }

    #[test]
    fn what_people_write_is_understood() {
        for (text, expected) in [
            ("now", "2026-03-05T12:10:00Z"),
            ("2 hours ago", "2026-03-05T10:10:00Z"),
            ("since 2 hours ago", "2026-03-05T10:10:00Z"),
            ("since 2h", "2026-03-05T10:10:00Z"),
            ("an hour and 30 minutes ago", "2026-03-05T10:40:00Z"),
            ("1 week ago", "2026-02-26T12:10:00Z"),
            ("A week Ago", "2026-02-26T12:10:00Z"),
            ("in 3 days", "2026-03-08T12:10:00Z"),
            ("1 month ago", "2026-02-05T12:10:00Z"),
            ("a year ago", "2025-03-05T12:10:00Z"),
            ("today", "2026-03-04T22:00:00Z"),
            ("yesterday", "2026-03-03T22:00:00Z"),
            ("yesterday 14:00", "2026-03-04T12:00:00Z"),
            ("yesterday at 2:30 pm", "2026-03-04T12:30:00Z"),
            ("14:00 yesterday", "2026-03-04T12:00:00Z"),
            ("tomorrow noon", "2026-03-06T10:00:00Z"),
            ("monday", "2026-03-01T22:00:00Z"),
            ("mon 9:30", "2026-03-02T07:30:00Z"),
            ("thursday", "2026-03-04T22:00:00Z"),
            // Today's is still to come, so that of last week is meant.
            ("thursday 15:00", "2026-02-26T13:00:00Z"),
            ("last thursday", "2026-02-25T22:00:00Z"),
            ("2pm", "2026-03-05T12:00:00Z"),
            ("12am", "2026-03-04T22:00:00Z"),
            ("2026-03-02 14:00", "2026-03-02T12:00:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_could_mean_several_things_or_nothing_is_none() {
        for text in [
            "05/06/2026",
            "12",
            "2026",
            "soon",
            "last",
            "last yesterday",
            "next monday",
            "monday tuesday",
            "13pm",
            "0am",
            "ago",
            "2 hours ago ago",
            "-2 hours ago",
            "a month and 2 hours ago",
            "yesterday 25:00",
            "in",
            "m",
            "monday yesterday 14:00",
            "2 fortnights ago",
            "99999999999999 hours ago",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_written_out_is_read_again() {
        for text in
            ["in 3 days", "3 months ago", "in 2 months", "today", "yesterday 14:00", "last friday 2pm", "sunday"]
        {
            let moment = Moment::parse(text).expect("valid");
            assert_eq!(Moment::parse(&moment.to_string()), Some(moment), "{text}: {moment}");
        }
    }
}
