//! Totals: calls, errors, tokens and times by source, model and tool. Unknown is counted, not taken for zero.

use std::collections::BTreeMap;

use super::Turn;
use crate::domain::price::{Cost, Prices};
use crate::domain::{Event, Kind, Timestamp, Tokens, Usage, flag};

/// What is counted under one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    pub calls: usize,
    pub errors: usize,
    /// Calls of models.
    pub model_calls: usize,
    /// Those of them that report no usage.
    pub unreported: usize,
    pub tokens: Tokens,
    pub cost: Cost,
    /// Microseconds, of every call that has a latency; in order once [`Totals::finish`] has run.
    pub latencies: Vec<i64>,
}

impl Tally {
    /// Microseconds, all calls together; `None` where no call has a latency.
    pub fn spent(&self) -> Option<i64> {
        self.latencies.iter().copied().reduce(i64::saturating_add)
    }

    pub fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.model_calls += other.model_calls;
        self.unreported += other.unreported;
        self.tokens = sum(self.tokens, other.tokens);
        self.cost.merge(other.cost);
        self.latencies.extend(other.latencies);
    }

    fn count(&mut self, turn: &Turn, cost: Cost) {
        self.calls += 1;
        self.errors += usize::from(turn.flags & flag::ERROR != 0);
        self.latencies.extend(turn.latency);
        if turn.kind == Kind::Model {
            self.model_calls += 1;
            self.cost.merge(cost);
            match turn.counted() {
                Some(usage) => self.tokens = sum(self.tokens, tokens_of(usage)),
                None if turn.usage.is_some() => {}
                None => self.unreported += 1,
            }
        }
    }
}

/// The totals of a session, or of several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    pub prices: Prices,
    pub models: Tally,
    pub tools: Tally,
    pub by_source: BTreeMap<String, Tally>,
    pub by_model: BTreeMap<String, Tally>,
    pub by_tool: BTreeMap<String, Tally>,
    /// Rows that report the usage of what happened inside them; it is not summed.
    pub wrappers: usize,
    /// When tokens were reported, and how many.
    pub spending: Vec<(Timestamp, i64)>,
}

impl Totals {
    /// Nothing counted yet, and the prices by which it will be.
    pub fn with(prices: Prices) -> Self {
        Self { prices, ..Self::default() }
    }

    /// Counts a row, and says under which name: that of its model or tool. Events that an ancestor's session has
    /// counted must have been left out.
    pub fn add(&mut self, turn: &Turn, events: &[Event]) -> Option<String> {
        // What was purged is not there to be counted.
        if events.iter().all(|event| event.has(flag::PURGED)) {
            return None;
        }
        if turn.usage.is_some() && (turn.kind != Kind::Model || turn.counted().is_none()) {
            self.wrappers += 1;
        }
        let cost = turn.cost(&self.prices);
        let (all, by_name, name) = match turn.kind {
            Kind::Model if is_call(turn, events) => {
                (&mut self.models, &mut self.by_model, turn.model.as_deref().unwrap_or("unknown"))
            }
            Kind::Tool => (&mut self.tools, &mut self.by_tool, turn.who.as_str()),
            _ => return None,
        };
        all.count(turn, cost);
        by_name.entry(name.to_owned()).or_default().count(turn, cost);
        self.by_source.entry(turn.source.clone()).or_default().count(turn, cost);
        if let (Kind::Model, Some(at), Some(usage)) = (turn.kind, turn.at, turn.counted()) {
            self.spending.extend(usage.total().map(|tokens| (at, tokens)));
        }
        Some(name.to_owned())
    }

    /// Puts latencies in order, so that percentiles can be read.
    pub fn finish(mut self) -> Self {
        let groups = self.by_source.values_mut().chain(self.by_model.values_mut()).chain(self.by_tool.values_mut());
        for tally in groups.chain([&mut self.models, &mut self.tools]) {
            tally.latencies.sort_unstable();
        }
        self.spending.sort_unstable();
        self
    }

    /// Tokens over time in so many equal steps from the first report to the last.
    pub fn over_time(&self, steps: usize) -> Vec<i64> {
        let (Some((first, _)), Some((last, _))) = (self.spending.first(), self.spending.last()) else {
            return Vec::new();
        };
        let span = i128::from(last.0 - first.0) + 1;
        let mut sums = vec![0i64; steps];
        for (at, tokens) in &self.spending {
            let step = i128::from(at.0 - first.0) * steps as i128 / span;
            if let Some(sum) = sums.get_mut(step as usize) {
                *sum = sum.saturating_add(*tokens);
            }
        }
        sums
    }
}

/// Model rows of the original that tell of something else than the call of a model.
const NO_CALLS: &[&str] =
    &["transcript_final", "fairy_intent_received", "fairy_route_decision", "model_skipped", "model_fallback"];

/// Whether a model row is a call of a model: it reports usage, or it is a turn.
///
/// What only says that a session or a prompt is ready, or what somebody said, is none.
fn is_call(turn: &Turn, events: &[Event]) -> bool {
    let called = |event: &Event| event.turn.is_some() && !NO_CALLS.contains(&event.event_type.as_str());
    turn.usage.is_some() || events.iter().any(called)
}

/// The smallest value that at least so many of a hundred do not exceed; of values in order.
pub fn percentile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

pub fn tokens_of(usage: &Usage) -> Tokens {
    Tokens {
        input: usage.input,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        output: usage.output,
        reasoning: usage.reasoning,
        total: usage.total(),
    }
}

/// Unknown and unknown is unknown; else what is known counts.
pub fn sum(one: Tokens, other: Tokens) -> Tokens {
    let add = |one: Option<i64>, other: Option<i64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (known, None) | (None, known) => known,
    };
    Tokens {
        input: add(one.input, other.input),
        cache_read: add(one.cache_read, other.cache_read),
        cache_write: add(one.cache_write, other.cache_write),
        output: add(one.output, other.output),
        reasoning: add(one.reasoning, other.reasoning),
        total: add(one.total, other.total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Phase, UsageSource};
    use crate::timeline::describe;

    fn event(kind: Kind, source: &str, latency: i64, output: Option<i64>) -> Event {
        let mut event = Event::new(kind, source, "model_call");
        (event.turn, event.phase) = (Some("t".to_owned()), Phase::Call);
        (event.model, event.tool) = (Some("haiku".to_owned()), Some("Bash".to_owned()));
        event.latency = Some(latency);
        event.order.time = Timestamp(latency);
        event.usage = output.map(|output| {
            let mut usage = Usage::new("test", UsageSource::Provider);
            (usage.input, usage.output) = (Some(10), Some(output));
            usage
        });
        event
    }

    fn totals(events: &[Event]) -> Totals {
        let mut totals = Totals::default();
        for event in events {
            let own = std::slice::from_ref(event);
            totals.add(&describe(own).expect("has an event"), own);
        }
        totals.finish()
    }

    /// Weakness 29: there were no totals of tokens, latencies, errors by agent and model.
    #[test]
    fn calls_are_counted_by_source_model_and_tool() {
        let mut failed = event(Kind::Tool, "runner", 30, None);
        failed.flags = flag::ERROR;
        let totals = totals(&[
            event(Kind::Model, "runner", 20, Some(5)),
            event(Kind::Model, "router", 10, Some(7)),
            event(Kind::Model, "router", 40, None),
            failed,
        ]);
        let model = &totals.by_model["haiku"];
        assert_eq!((model.calls, model.errors, model.unreported, model.tokens.output), (3, 0, 1, Some(12)));
        assert_eq!((model.latencies.as_slice(), model.spent()), ([10, 20, 40].as_slice(), Some(70)));
        assert_eq!((totals.by_tool["Bash"].errors, totals.by_tool["Bash"].tokens), (1, Tokens::default()));
        assert_eq!(Tally::default().spent(), None);
        assert_eq!((totals.by_source["runner"].calls, totals.by_source["router"].unreported), (2, 1));
    }

    /// Weakness 10 and DESIGN §7: only leaf model turns are summed.
    #[test]
    fn what_wraps_other_calls_is_counted_and_not_summed() {
        let totals = totals(&[event(Kind::Model, "a", 1, Some(5)), event(Kind::Task, "a", 2, Some(5))]);
        assert_eq!((totals.models.tokens.total, totals.wrappers), (Some(15), 1));
    }

    #[test]
    fn a_row_that_only_says_that_something_is_ready_is_no_call() {
        let mut ready = event(Kind::Model, "voice_agent", 1, None);
        (ready.turn, ready.phase, ready.event_type) = (None, Phase::Whole, "system_prompt_loaded".to_owned());
        assert_eq!(totals(&[ready]).models.calls, 0);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<i64> = (1..=20).collect();
        assert_eq!([50, 90, 99].map(|percent| percentile(&sorted, percent)), [Some(10), Some(18), Some(20)]);
        assert_eq!((percentile(&[7], 50), percentile(&[], 95)), (Some(7), None));
    }

    #[test]
    fn unknown_tokens_stay_unknown_when_summed() {
        let known = Tokens { output: Some(3), ..Tokens::default() };
        assert_eq!((sum(known, known).output, sum(known, known).input), (Some(6), None));
    }

    #[test]
    fn tokens_over_time_fall_into_equal_steps() {
        let at = |time| event(Kind::Model, "a", time, Some(0));
        assert_eq!(totals(&[at(1), at(2), at(99)]).over_time(4), [20, 0, 0, 10]);
        assert!(totals(&[]).over_time(4).is_empty());
    }
}
