//! Moments that an option names, reckoned from now in the zone of the tables.

use anyhow::Result;

use super::usage;
use super::zone::Zone;
use crate::domain::filter::{Frame, MOMENTS, Moment};
use crate::domain::{Timestamp, safe};

/// The moment that an option names.
pub fn moment(option: &str, text: &str, zone: &Zone) -> Result<Timestamp> {
    let frame = Frame { now: now(), offset: zone.offset(), start: None };
    match read(option, text)? {
        Moment::FromStart(_) => {
            Err(usage(format!("`{option} {}` counts from a start that is not known here", safe(text))))
        }
        read => read.at(&frame).ok_or_else(|| no_time(option, text)),
    }
}

/// What an option says, before it is known from where it is reckoned.
pub fn read(option: &str, text: &str) -> Result<Moment> {
    Moment::parse(text).ok_or_else(|| no_time(option, text))
}

fn no_time(option: &str, text: &str) -> anyhow::Error {
    usage(format!("could not read the time `{option} {}`: write {MOMENTS}", safe(text)))
}

pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_reckoned_in_the_zone_and_a_wrong_one_says_what_may_be_written() {
        let zone = Zone::parse("+02:00").expect("valid");
        let read = |text: &str| moment("--as-of", text, &zone).map(Timestamp::rfc3339);
        assert_eq!(read("2026-03-02 10:00").expect("valid"), "2026-03-02T08:00:00.000000Z");
        assert_eq!(read("2026-03-02 10:00Z").expect("valid"), "2026-03-02T10:00:00.000000Z");
        for (text, reason) in [("05/06/2026", "\"yesterday 14:00\""), ("+10m", "counts from a start")] {
            let error = read(text).expect_err("no moment").to_string();
            assert!(error.contains(reason) && error.contains(text), "{error}");
        }
    }
}
