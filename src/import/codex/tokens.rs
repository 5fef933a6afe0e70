//! Token counts: a running total whose changes are the calls' usage.

use serde::{Deserialize, Serialize};

use super::State;
use super::record::{Frame, add_attribute, base, join_call};
use crate::domain::{Event, Kind, Phase, Shape, Usage, UsageSource, Value};
use crate::import::telling::{self, thousands};

/// The change of the running total; a total that drops starts again from zero.
const TOTAL_RULE: &str = "codex.total_token_usage.delta";
/// There was no running total, so the count of the last request is taken as it is.
const LAST_RULE: &str = "codex.last_token_usage";
/// The oldest counts were just `prompt` and `completion`.
const PROMPT_RULE: &str = "codex.token_count.prompt_completion";
/// Counts on the record itself; several on one call replace each other.
const FLAT_RULE: &str = "codex.token_count.flat";
/// A whole user turn's usage, where no count of its calls was written.
const TURN_RULE: &str = "codex.turn_completed.usage";

/// Input, cached input, cache writes, output, reasoning, total: each as Codex counts it.
const FIELDS: [&str; 6] = [
    "input_tokens",
    "cached_input_tokens",
    "cache_write_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "total_tokens",
];

type Counts = [Option<i64>; 6];

/// The running total so far.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    latest: Option<Counts>,
}

impl Totals {
    /// What a new total adds, and whether it starts from zero again.
    fn change(&mut self, total: Counts) -> (Counts, bool) {
        let before = self.latest.replace(total).unwrap_or_default();
        let drops = total.iter().zip(&before).any(|(now, before)| matches!((now, before), (Some(n), Some(b)) if n < b));
        if drops {
            return (total, true);
        }
        let added = |place: usize| total[place].map(|now| now.saturating_sub(before[place].unwrap_or(0)));
        (std::array::from_fn(added), false)
    }
}

/// The event of a token count, on the call that it counts.
pub fn token_count(state: &mut State, frame: &Frame<'_>) -> Event {
    let mut event = base(state, frame, Kind::Other, "token_count");
    let information = frame.item.get("info").filter(|info| info.shape() == Shape::Object);
    let Some(information) = information.or(Some(frame.item).filter(|item| item.get("input_tokens").is_some())) else {
        event.label = telling::label(&limits(frame.item));
        return event;
    };
    for reported in [Some(information), information.get("total_token_usage"), information.get("last_token_usage")] {
        reported.into_iter().for_each(|reported| telling::note_tokens(&mut event, reported, &FIELDS));
    }
    let last = information.get("last_token_usage").map(counts);
    if let Some(total) = information.get("total_token_usage").map(counts) {
        return running_total(state, event, total, last);
    }
    let (rule, counted) = match last {
        Some(last) => (LAST_RULE, last),
        None if information.get("prompt").is_some() => (PROMPT_RULE, prompt_and_completion(information)),
        None => (FLAT_RULE, counts(information)),
    };
    let nothing_yet = rule == FLAT_RULE && counted[3].unwrap_or(0) == 0;
    let ordinal = if nothing_yet { state.calls.announcement() } else { state.calls.count() };
    event.label = shown(&counted);
    event.usage = usage(&counted, rule);
    telling::doubt_usage(&mut event);
    join_call(state, event, ordinal, Phase::Part)
}

fn running_total(state: &mut State, mut event: Event, total: Counts, last: Option<Counts>) -> Event {
    let (change, reset) = state.totals.change(total);
    if reset {
        add_attribute(&mut event, "reset", Some("true".to_owned()));
    }
    if change.iter().flatten().all(|count| *count == 0) {
        event.label = format!("no tokens since the last count ({} in all)", thousands(total[5].unwrap_or(0)));
        add_attribute(&mut event, "repeat", Some("true".to_owned()));
        let latest = state.calls.latest();
        return latest.map_or(event.clone(), |ordinal| join_call(state, event, ordinal, Phase::Part));
    }
    event.label = shown(&change);
    event.usage = usage(&change, TOTAL_RULE);
    telling::doubt_usage(&mut event);
    if let Some(last) = last.filter(|last| last[..5] != change[..5]) {
        let both = format!("change {}; last {}", parts(&change), parts(&last));
        add_attribute(&mut event, "last_token_usage_differs", Some(both));
    }
    let ordinal = state.calls.count();
    join_call(state, event, ordinal, Phase::Part)
}

/// The event of a finished user turn that carries usage; counted only where its calls were not.
pub fn turn_completed(state: &mut State, frame: &Frame<'_>) -> Event {
    let mut event = base(state, frame, Kind::Other, &frame.what);
    let reported = frame.item.get("usage").filter(|usage| usage.shape() == Shape::Object);
    let Some(counted) = reported.map(counts) else {
        event.label = telling::label(&frame.word("message"));
        return event;
    };
    event.label = shown(&counted);
    reported.into_iter().for_each(|reported| telling::note_tokens(&mut event, reported, &FIELDS));
    if state.totals.latest.is_some() {
        return event;
    }
    event.usage = usage(&counted, TURN_RULE);
    telling::doubt_usage(&mut event);
    let ordinal = state.calls.count();
    state.calls.close();
    join_call(state, event, ordinal, Phase::Part)
}

fn counts(reported: Value<'_>) -> Counts {
    FIELDS.map(|name| reported.get(name).and_then(telling::tokens))
}

fn prompt_and_completion(information: Value<'_>) -> Counts {
    let count = |name: &str| information.get(name).and_then(telling::tokens);
    [count("prompt"), None, None, count("completion"), None, None]
}

/// Exclusive buckets: Codex counts cached input inside input, and reasoning inside output.
fn usage(counts: &Counts, rule: &str) -> Option<Usage> {
    let [input, cached, written, output, reasoning, _] = *counts;
    let less = |count: i64, part: Option<i64>| count.saturating_sub(part.unwrap_or(0)).max(0);
    let mut usage = Usage::new(rule, UsageSource::Provider);
    usage.input = input.map(|input| less(less(input, cached), written));
    usage.cache_read = cached;
    usage.cache_write = written;
    usage.output = output.map(|output| less(output, reasoning));
    usage.reasoning = reasoning;
    usage.total().map(|_| usage)
}

fn shown(counts: &Counts) -> String {
    let count = |place: usize| thousands(counts[place].unwrap_or(0));
    format!("{} tokens in ({} cached), {} out", count(0), count(1), count(3))
}

fn parts(counts: &Counts) -> String {
    let count = |place: usize| counts[place].map_or("?".to_owned(), |count: i64| count.to_string());
    format!("input {} cached {} output {} reasoning {}", count(0), count(1), count(3), count(4))
}

/// How much of the limits is used up, which is all that a count without usage tells.
fn limits(item: Value<'_>) -> String {
    let used = |name: &str| {
        let percent = item.at(&["rate_limits", name, "used_percent"])?.number()?;
        Some(format!("{name} {percent} %"))
    };
    let known: Vec<_> = ["primary", "secondary"].iter().filter_map(|name| used(name)).collect();
    if known.is_empty() { "no usage".to_owned() } else { format!("limits used: {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_that_drops_in_any_field_starts_again_from_zero() {
        let total = |input, output| [Some(input), None, None, Some(output), None, None];
        let mut totals = Totals::default();
        assert_eq!(totals.change(total(100, 10)), (total(100, 10), false));
        assert_eq!(totals.change(total(150, 15)), (total(50, 5), false));
        assert_eq!(totals.change(total(150, 15)), (total(0, 0), false));
        assert_eq!(totals.change(total(160, 3)), (total(160, 3), true));
    }

    #[test]
    fn buckets_do_not_overlap() {
        let usage = usage(&[Some(100), Some(60), None, Some(30), Some(20), Some(130)], TOTAL_RULE).expect("counted");
        assert_eq!((usage.input, usage.cache_read, usage.cache_write), (Some(40), Some(60), None));
        assert_eq!((usage.output, usage.reasoning, usage.total()), (Some(10), Some(20), Some(130)));
    }
}
