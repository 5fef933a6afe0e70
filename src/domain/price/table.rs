//! The table of prices: read from TOML, and asked what a call cost on its day.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use serde::Deserialize;

use super::{Call, Money};
use crate::domain::Timestamp;

const BUILT_IN: &str = include_str!("prices.toml");

static OURS: LazyLock<Arc<[Price]>> = LazyLock::new(|| {
    let rows = read(BUILT_IN).expect("the table that comes with the program is read by its tests");
    rows.into()
});

/// Prices of models: those that come with the program, and before them the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    own: Arc<[Price]>,
}

/// What is wrong with a table, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceFault {
    pub at: Option<Range<usize>>,
    pub reason: String,
}

/// One row: what some models cost from some day on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Price {
    vendor: String,
    models: Vec<String>,
    from: Option<Date>,
    source: Source,
    rates: Rates,
    /// Percent for a call in a batch.
    batch: Option<u8>,
    /// The longest input first.
    above: Vec<(i64, Rates)>,
}

/// Who says what models cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The page of whoever runs them.
    pub page: String,
    /// The table of a third party that it was read from; `None` where it was read from the page itself.
    pub through: Option<String>,
    /// The day, or the month, when it was read.
    pub seen: String,
}

/// Micro-dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rates {
    input: i64,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    cache_write_1h: Option<i64>,
    output: i64,
    reasoning: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    price: Option<Vec<Row>>,
}

/// A row as it is written; inside `above` one of rates alone.
#[derive(Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    vendor: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    from: Option<String>,
    source: Option<String>,
    through: Option<String>,
    seen: Option<String>,
    /// Of rates inside `above`: for inputs longer than this.
    tokens: Option<i64>,
    input: i64,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    #[serde(rename = "cache-write-1h")]
    cache_write_1h: Option<i64>,
    output: i64,
    reasoning: Option<i64>,
    batch: Option<u8>,
    #[serde(default)]
    above: Vec<Row>,
}

fn read(text: &str) -> Result<Vec<Price>, PriceFault> {
    let written: Written = toml::from_str(text)
        .map_err(|error| PriceFault { at: error.span(), reason: error.message().replace('\n', " ") })?;
    let missing = || PriceFault { at: None, reason: "it holds no price: each one begins with `[[price]]`".to_owned() };
    written.price.ok_or_else(missing)?.into_iter().map(Price::of).collect()
}

impl Row {
    fn rates(&self) -> Rates {
        let Self { input, cache_read, cache_write, cache_write_1h, output, reasoning, .. } = *self;
        Rates { input, cache_read, cache_write, cache_write_1h, output, reasoning }
    }

    /// The rates for inputs longer than so many tokens; `None` where the row says anything else besides.
    fn above(&self) -> Option<(i64, Rates)> {
        let Rates { input, cache_read, cache_write, cache_write_1h, output, reasoning } = self.rates();
        let tokens = self.tokens;
        let alone =
            Self { tokens, input, cache_read, cache_write, cache_write_1h, output, reasoning, ..Self::default() };
        self.tokens.filter(|_| *self == alone).map(|tokens| (tokens, self.rates()))
    }
}

impl Price {
    fn of(row: Row) -> Result<Self, PriceFault> {
        let fault = |reason: String| PriceFault { at: None, reason: format!("{}: {reason}", row.models.join(", ")) };
        if row.models.is_empty() {
            return Err(PriceFault { at: None, reason: "a row without models".to_owned() });
        }
        if row.tokens.is_some() {
            return Err(fault("tokens belong into a row of `above`".to_owned()));
        }
        let from = row.from.as_ref().map(|day| day.parse::<Date>().map_err(|_| fault(format!("`{day}` is no day"))));
        let above: Option<Vec<(i64, Rates)>> = row.above.iter().map(Row::above).collect();
        let mut above = above.ok_or_else(|| fault("a row of `above` has `tokens` and prices, no more".to_owned()))?;
        above.sort_by_key(|(tokens, _)| std::cmp::Reverse(*tokens));
        let rates = row.rates();
        if above.iter().map(|(_, rates)| rates).chain([&rates]).any(Rates::has_negative) {
            return Err(fault("a price below zero".to_owned()));
        }
        if row.batch.is_some_and(|percent| percent > 100) {
            return Err(fault("batch is a percentage".to_owned()));
        }
        let from = from.transpose()?;
        Ok(Self {
            vendor: row.vendor.unwrap_or_default(),
            models: row.models.iter().map(|model| model.to_lowercase()).collect(),
            from,
            source: Source {
                page: row.source.unwrap_or_default(),
                through: row.through,
                seen: row.seen.unwrap_or_default(),
            },
            rates,
            batch: row.batch,
            above,
        })
    }

    /// Whether a model is one of these, under its plain name or behind that of the vendor.
    fn fits(&self, model: &str) -> bool {
        let plain =
            model.strip_prefix(self.vendor.as_str()).and_then(|rest| rest.strip_prefix(['/', ':'])).unwrap_or(model);
        let plain = plain.split('[').next().unwrap_or(plain);
        self.models.iter().any(|pattern| is_like(pattern, plain))
    }

    fn cost(&self, call: &Call<'_>) -> Option<Money> {
        let usage = call.usage;
        // Of a call of which only one side is known the other cost something too.
        let (input, output) = (usage.input?, usage.output?);
        let (read, written) = (usage.cache_read.unwrap_or(0), usage.cache_write.unwrap_or(0));
        let whole = input.checked_add(read)?.checked_add(written)?;
        let rates = self.above.iter().find(|(tokens, _)| whole > *tokens).map_or(&self.rates, |(_, rates)| rates);
        let hour = call.terms.hour_writes.clamp(0, written.max(0));
        let parts = [
            (input, Some(rates.input)),
            (read, rates.cache_read),
            (written - hour, rates.cache_write),
            (hour, rates.cache_write_1h),
            (output, Some(rates.output)),
            (usage.reasoning.unwrap_or(0), Some(rates.reasoning.unwrap_or(rates.output))),
        ];
        let mut sum: i128 = 0;
        for (tokens, rate) in parts {
            match (tokens, rate) {
                (..0, _) => return None,
                (0, _) => {}
                (tokens, rate) => sum += i128::from(tokens) * i128::from(rate?),
            }
        }
        match (call.terms.batch, self.batch) {
            (false, _) => Some(Money(sum)),
            (true, Some(percent)) => Some(Money(sum * i128::from(percent) / 100)),
            (true, None) => None,
        }
    }
}

impl Rates {
    fn has_negative(&self) -> bool {
        let Self { input, cache_read, cache_write, cache_write_1h, output, reasoning } = *self;
        let all = [Some(input), cache_read, cache_write, cache_write_1h, Some(output), reasoning];
        all.into_iter().flatten().any(|rate| rate < 0)
    }
}

/// Whether a name is like a pattern, in which `*` stands for anything.
fn is_like(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| is_like(after, &rest[at..]))
        }),
    }
}

impl Prices {
    /// The user's own prices, before those that come with the program.
    pub fn with(own: &str) -> Result<Self, PriceFault> {
        Ok(Self { own: read(own)?.into() })
    }

    /// What a call cost; `None` where its price, or a part of its usage, is not known.
    pub fn cost(&self, call: &Call<'_>) -> Option<Money> {
        self.row(call.model, call.at)?.cost(call)
    }

    /// Who says what a model cost at a moment.
    pub fn source(&self, model: &str, at: Option<Timestamp>) -> Option<&Source> {
        self.row(model, at).map(|price| &price.source)
    }

    /// The row that holds for a model on its day: the newest one that had begun by then.
    fn row(&self, model: &str, at: Option<Timestamp>) -> Option<&Price> {
        let model = model.to_lowercase();
        let day = at.and_then(|at| jiff::Timestamp::from_microsecond(at.0).ok());
        let day = day.map(|at| jiff::tz::TimeZone::UTC.to_datetime(at).date());
        let begun = |price: &&Price| price.from.zip(day).is_none_or(|(from, day)| from <= day);
        let newest = |rows: &'_ [Price]| -> Option<usize> {
            let fitting = rows.iter().enumerate().filter(|(_, price)| price.fits(&model) && begun(price));
            // Of equally new ones the first counts.
            fitting.rev().max_by_key(|(_, price)| price.from).map(|(index, _)| index)
        };
        let ours: &'static [Price] = &OURS;
        newest(&self.own).map(|index| &self.own[index]).or_else(|| newest(ours).map(|index| &ours[index]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::price::Terms;
    use crate::domain::{Usage, UsageSource};

    fn usage(input: i64, output: i64) -> Usage {
        let mut usage = Usage::new("test", UsageSource::Provider);
        (usage.input, usage.output) = (Some(input), Some(output));
        usage
    }

    fn micros(prices: &Prices, model: &str, at: Option<&str>, usage: &Usage, terms: Terms) -> Option<i64> {
        let at = at.and_then(Timestamp::parse);
        prices.cost(&Call { model, at, usage, terms }).map(Money::micros)
    }

    fn plain(model: &str, usage: &Usage) -> Option<i64> {
        micros(&Prices::default(), model, None, usage, Terms::default())
    }

    #[test]
    fn every_row_has_a_source_and_a_day_and_every_plain_name_finds_its_row() {
        assert!(OURS.len() > 40);
        for price in OURS.iter() {
            let Source { page, through, seen } = &price.source;
            assert!(page.starts_with("https://") && seen.starts_with("202"), "{price:?}");
            // What was not read from the page of whoever runs the model says so.
            assert_eq!(through.is_some(), price.vendor != "anthropic", "{price:?}");
            assert!(through.iter().all(|table| table.starts_with("https://") && table != page), "{price:?}");
            assert!(price.rates.output >= price.rates.input, "{price:?}");
            for model in price.models.iter().filter(|model| !model.contains('*')) {
                let found = Prices::default().row(model, None).map(|found| found.rates.input);
                assert_eq!(found, Some(price.rates.input), "{model}");
            }
        }
    }

    #[test]
    fn buckets_have_prices_of_their_own() {
        let mut usage = usage(1_000_000, 1_000_000);
        assert_eq!(plain("claude-opus-4-6", &usage), Some(30_000_000));
        (usage.cache_read, usage.cache_write) = (Some(1_000_000), Some(2_000_000));
        assert_eq!(plain("claude-opus-4-6", &usage), Some(30_000_000 + 500_000 + 12_500_000));
        let terms = Terms { hour_writes: 1_000_000, batch: false };
        let hour = micros(&Prices::default(), "claude-opus-4-6", None, &usage, terms);
        assert_eq!(hour, Some(30_000_000 + 500_000 + 6_250_000 + 10_000_000));
        let terms = Terms { batch: true, ..terms };
        let batch = micros(&Prices::default(), "claude-opus-4-6", None, &usage, terms);
        assert_eq!(batch, Some(46_750_000 / 2));
        usage.reasoning = Some(1_000_000);
        (usage.cache_read, usage.cache_write) = (None, None);
        assert_eq!(plain("gpt-5", &usage), Some(1_250_000 + 20_000_000));
    }

    #[test]
    fn one_token_is_not_lost() {
        let prices = Prices::default();
        let usage = usage(1, 0);
        let call = Call { model: "gpt-5-nano", at: None, usage: &usage, terms: Terms::default() };
        assert_eq!(prices.cost(&call), Some(Money(50_000)));
    }

    #[test]
    fn a_long_input_has_other_prices_for_all_of_it() {
        let mut long = usage(150_000, 1_000);
        long.cache_read = Some(50_000);
        assert_eq!(plain("claude-sonnet-4-5-20250929", &long), Some(450_000 + 15_000 + 15_000));
        long.cache_read = Some(50_001);
        assert_eq!(plain("claude-sonnet-4-5-20250929", &long), Some(900_000 + 30_001 + 22_500));
    }

    const OWN: &str = "[[price]]\nmodels = [\"m\"]\ninput = 10\ncache-read = 1\noutput = 100\nreasoning = 1000\nbatch = 25\n\
                       [[price.above]]\ntokens = 1_000_000\ninput = 20\noutput = 200\n\
                       [[price.above]]\ntokens = 3_000_000\ninput = 30\ncache-read = 3\noutput = 300\nreasoning = 3000\n\
                       [[price]]\nmodels = [\"n\"]\ninput = 10\noutput = 100\n";

    #[test]
    fn of_several_lengths_the_one_above_holds_with_all_its_prices() {
        let prices = Prices::with(OWN).expect("sound");
        let cost = |usage: &Usage| micros(&prices, "m", None, usage, Terms::default());
        assert_eq!(cost(&usage(1_000_000, 1_000_000)), Some(110), "up to a length is not above it");
        assert_eq!(cost(&usage(2_000_000, 1_000_000)), Some(240));
        assert_eq!(cost(&usage(4_000_000, 1_000_000)), Some(420));
        let mut read = usage(500_000, 0);
        read.cache_read = Some(1_000_000);
        assert_eq!(cost(&read), None, "what caches held counts to the length, and has no price there");
        read.cache_read = Some(3_000_000);
        assert_eq!(cost(&read), Some(15 + 9));
    }

    #[test]
    fn what_was_thought_costs_what_its_row_says_else_as_output() {
        let prices = Prices::with(OWN).expect("sound");
        let mut thought = usage(0, 1_000_000);
        thought.reasoning = Some(1_000_000);
        assert_eq!(micros(&prices, "m", None, &thought, Terms::default()), Some(1100));
        assert_eq!(micros(&prices, "n", None, &thought, Terms::default()), Some(200));
        thought.input = Some(2_000_000);
        assert_eq!(micros(&prices, "m", None, &thought, Terms::default()), Some(40 + 200 + 200), "above as output");
    }

    #[test]
    fn a_batch_costs_its_share_of_everything_and_nothing_known_without_one() {
        let prices = Prices::with(OWN).expect("sound");
        let batch = Terms { batch: true, hour_writes: 0 };
        assert_eq!(micros(&prices, "m", None, &usage(2_000_000, 1_000_000), batch), Some(60));
        assert_eq!(micros(&prices, "n", None, &usage(1, 1), batch), None);
    }

    #[test]
    fn counts_that_cannot_be_have_no_price() {
        let mut wrong = usage(10, 10);
        wrong.cache_write = Some(-5);
        assert_eq!(plain("claude-opus-4-6", &wrong), None);
        wrong.cache_write = Some(5);
        // More that stays for an hour than was written at all: all of it does.
        let more = Terms { hour_writes: 1_000_000, batch: false };
        let all = Terms { hour_writes: 5, batch: false };
        let of = |terms| micros(&Prices::default(), "claude-opus-4-6", None, &wrong, terms);
        assert_eq!(of(more), of(all));
    }

    #[test]
    fn what_is_not_known_has_no_price() {
        let known = usage(10, 10);
        for model in ["gpt-6", "claude-opus-4-60", "my/claude-opus-4-6", "", "gpt-5-mini-turbo"] {
            assert_eq!(plain(model, &known), None, "{model}");
        }
        let mut half = usage(10, 10);
        half.output = None;
        assert_eq!(plain("gpt-5", &half), None);
        let mut written = usage(10, 10);
        written.cache_write = Some(5);
        assert_eq!(plain("gpt-5", &written), None, "it has no price for that");
        for model in ["openai/gpt-5", "OpenAI:GPT-5", "gpt-5-2025-08-07", "claude-sonnet-4.6", "claude-haiku-5-5[1m]"] {
            assert!(plain(model, &known).is_some(), "{model}");
        }
    }

    #[test]
    fn a_price_holds_from_its_day_on() {
        let mut usage = usage(0, 0);
        usage.cache_read = Some(1_000_000);
        let on = |day| micros(&Prices::default(), "claude-sonnet-5-5", Some(day), &usage, Terms::default());
        assert_eq!(on("2026-10-06T23:59:59Z"), Some(200_000));
        assert_eq!(on("2026-10-07T00:00:00Z"), Some(100_000));
    }

    #[test]
    fn the_users_prices_go_first_and_faults_are_told() {
        let own = "[[price]]\nmodels = [\"gpt-5\", \"mine-*\"]\ninput = 7\noutput = 9\n";
        let prices = Prices::with(own).expect("sound");
        let usage = usage(1_000_000, 1_000_000);
        assert_eq!(micros(&prices, "gpt-5", None, &usage, Terms::default()), Some(16));
        assert_eq!(micros(&prices, "mine-large", None, &usage, Terms::default()), Some(16));
        assert_eq!(micros(&prices, "gpt-4o", None, &usage, Terms::default()), Some(12_500_000));
        for (text, reason) in [
            ("[[price]]\nmodels = [\"a\"]\ninput = 1.5\noutput = 1\n", "expected i64"),
            ("[[price]]\nmodels = [\"a\"]\ninput = -1\noutput = 1\n", "below zero"),
            ("[[price]]\nmodels = []\ninput = 1\noutput = 1\n", "without models"),
            ("[[price]]\nmodels = [\"a\"]\nfrom = \"May\"\ninput = 1\noutput = 1\n", "is no day"),
            ("[[price]]\nmodels = [\"a\"]\ntokens = 1\ninput = 1\noutput = 1\n", "belong into a row of `above`"),
            (
                "[[price]]\nmodels = [\"a\"]\ninput = 1\noutput = 1\n[[price.above]]\ninput = 1\noutput = 1\n",
                "has `tokens` and prices, no more",
            ),
            (
                "[[price]]\nmodels = [\"a\"]\ninput = 1\noutput = 1\n[[price.above]]\ntokens = 1\nbatch = 50\ninput = 1\noutput = 1\n",
                "has `tokens` and prices, no more",
            ),
            ("[[price]]\nmodels = [\"a\"]\nprice = 1\ninput = 1\noutput = 1\n", "unknown field"),
        ] {
            let fault = Prices::with(text).expect_err("wrong");
            assert!(fault.reason.contains(reason), "{}", fault.reason);
        }
    }
}
