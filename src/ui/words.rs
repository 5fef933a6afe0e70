//! Numbers in words: counts, durations, sizes and times as the columns show them.

use crate::domain::Timestamp;

/// A count in at most five columns: `999`, `12.3k`, `4.56M`.
pub(crate) fn count(number: i64) -> String {
    let (value, unit) = match number.unsigned_abs() {
        0..10_000 => return number.to_string(),
        10_000..1_000_000 => (number as f64 / 1e3, "k"),
        1_000_000..1_000_000_000 => (number as f64 / 1e6, "M"),
        _ => (number as f64 / 1e9, "G"),
    };
    three(value, unit)
}

/// A duration given in microseconds: `870µs`, `12ms`, `3.4s`, `5m07s`, `2h03m`, `3d04h`.
pub(crate) fn duration(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    match micros {
        i64::MIN..0 => format!("-{}", duration(micros.saturating_neg().max(0))),
        0 => "0".to_owned(),
        1..1_000 => format!("{micros}µs"),
        1_000..1_000_000 => format!("{}ms", micros / 1_000),
        1_000_000..10_000_000 => format!("{:.1}s", micros as f64 / 1e6),
        10_000_000..60_000_000 => format!("{seconds}s"),
        60_000_000..3_600_000_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600_000_000..86_400_000_000 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A size in bytes: `512 B`, `14.2 KB`, `3.07 MB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => three(bytes as f64 / 1e3, " KB"),
        1_000_000..1_000_000_000 => three(bytes as f64 / 1e6, " MB"),
        _ => three(bytes as f64 / 1e9, " GB"),
    }
}

fn three(value: f64, unit: &str) -> String {
    match value.abs() {
        0.0..9.995 => format!("{value:.2}{unit}"),
        9.995..99.95 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
    }
}

/// A number with the word it counts: `1 row`, `2 rows`.
pub(crate) fn counted(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// What went wrong and why, each cause once; what the operating system says comes without its number.
pub(crate) fn reason(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain() {
        let words = cause.to_string();
        let words = words.split(" (os error").next().unwrap_or(&words).to_owned();
        if !said.iter().any(|said| said.contains(&words)) {
            said.push(words);
        }
    }
    said.join(": ")
}

/// How a timeline writes times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Clock {
    #[default]
    TimeOfDay,
    SinceStart,
    Delta,
    Date,
}

impl Clock {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::TimeOfDay => Self::SinceStart,
            Self::SinceStart => Self::Delta,
            Self::Delta => Self::Date,
            Self::Date => Self::TimeOfDay,
        }
    }

    /// The name that the status line and `:time` use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TimeOfDay => "clock",
            Self::SinceStart => "since start",
            Self::Delta => "delta",
            Self::Date => "date",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::TimeOfDay, Self::SinceStart, Self::Delta, Self::Date]
            .into_iter()
            .find(|clock| clock.name() == name || (*clock == Self::SinceStart && name == "start"))
    }

    /// The columns it needs.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::TimeOfDay => 12,
            Self::SinceStart | Self::Delta => 9,
            Self::Date => 19,
        }
    }

    /// A moment, given the start of the session and the moment of the row before.
    pub(crate) fn write(self, at: Timestamp, start: Timestamp, before: Option<Timestamp>) -> String {
        // No record of the session has a time.
        if at.0 == 0 {
            return String::new();
        }
        match self {
            Self::TimeOfDay => at.clock(),
            Self::SinceStart => format!("+{}", duration(at.0.saturating_sub(start.0))),
            Self::Delta => before.map_or_else(String::new, |before| gap(at, before)),
            Self::Date => moment(at),
        }
    }
}

fn gap(at: Timestamp, before: Timestamp) -> String {
    match at.0.saturating_sub(before.0) {
        0 => "Δ0".to_owned(),
        gap => format!("Δ{}", duration(gap)),
    }
}

/// A day and a time to the second, UTC: `2026-03-02 10:00:00`.
pub(crate) fn moment(at: Timestamp) -> String {
    at.rfc3339().chars().take(19).map(|character| if character == 'T' { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stay_short() {
        let shown: Vec<String> = [0, 9_999, 12_345, 4_560_000, 999_999, i64::MAX].map(count).into();
        assert_eq!(shown, ["0", "9999", "12.3k", "4.56M", "1000k", "9223372037G"]);
    }

    #[test]
    fn durations_choose_their_unit() {
        let shown: Vec<String> =
            [5, 12_000, 3_400_000, 59_000_000, 307_000_000, 7_380_000_000, 273_600_000_000, -5].map(duration).into();
        assert_eq!(shown, ["5µs", "12ms", "3.4s", "59s", "5m07s", "2h03m", "3d04h", "-5µs"]);
    }

    #[test]
    fn sizes_name_their_unit() {
        assert_eq!([512, 14_200, 3_070_000].map(size), ["512 B", "14.2 KB", "3.07 MB"]);
    }

    #[test]
    fn a_time_can_be_written_in_four_ways() {
        let start = Timestamp::parse("2026-03-02T10:00:00Z").expect("valid");
        let at = Timestamp(start.0 + 90_000_000);
        let write = |clock: Clock| clock.write(at, start, Some(Timestamp(at.0 - 1_500_000)));
        assert_eq!(write(Clock::TimeOfDay), "10:01:30.000");
        assert_eq!(write(Clock::SinceStart), "+1m30s");
        assert_eq!(write(Clock::Delta), "Δ1.5s");
        assert_eq!(write(Clock::Date), "2026-03-02 10:01:30");
    }
}
