//! Dialects of token usage: each says under which names it counts, and what its counts include.

mod bodies;
mod spans;

use std::collections::BTreeMap;

use super::{Shape, Usage, UsageSource, Value};

/// A path of member names below a usage object.
type Path = &'static [&'static str];

/// How one family of programs writes usage.
#[derive(Debug)]
struct Dialect {
    /// The name of the rule, as it is shown.
    rule: &'static str,
    source: UsageSource,
    /// It is this dialect when one of these is there.
    marks: &'static [Path],
    /// All of these are input; most dialects have one.
    input: &'static [Path],
    /// The first of these that is there.
    cache_read: &'static [Path],
    cache_write: &'static [Path],
    output: &'static [Path],
    reasoning: &'static [Path],
    total: &'static [Path],
    /// Cached tokens are counted inside input.
    cache_inside: bool,
    /// Reasoning is counted inside output.
    reasoning_inside: bool,
}

/// Usage as it was read, and what does not add up in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub usage: Usage,
    /// The reported total and the sum of the buckets, where they differ.
    pub mismatch: Option<(i64, i64)>,
    /// The cached tokens and the input, where the dialect counts the ones inside the other and that cannot be: they are
    /// taken to stand beside each other.
    pub beside: Option<(i64, i64)>,
}

/// Reads a usage object of any known dialect into exclusive buckets.
///
/// `None` for what is no usage: text, settings, an object without a single count.
pub fn read_usage(reported: Value<'_>) -> Option<Reading> {
    read(bodies::DIALECTS, reported)
}

/// The same for the attributes of a span or log record: an object of counts by their names.
pub fn read_span_usage(attributes: Value<'_>) -> Option<Reading> {
    read(spans::DIALECTS, attributes)
}

/// What stands where a usage object of some dialect has a count and is none, because it is below zero or no whole number:
/// in words, `None` where there is nothing such.
pub fn odd_counts(reported: Value<'_>) -> Option<String> {
    odd(bodies::DIALECTS, reported)
}

/// The same for the attributes of a span or log record.
pub fn odd_span_counts(attributes: Value<'_>) -> Option<String> {
    odd(spans::DIALECTS, attributes)
}

fn odd(dialects: &[Dialect], reported: Value<'_>) -> Option<String> {
    let mut odd = BTreeMap::new();
    for path in dialects.iter().flat_map(Dialect::paths) {
        let Some(value) = reported.at(path) else { continue };
        let is_odd = value.integer().map_or(value.shape() == Shape::Number, |count| count < 0);
        if is_odd && !value.kept().is_empty() {
            odd.insert(path.join("."), String::from_utf8_lossy(value.kept()));
        }
    }
    let words: Vec<String> = odd.into_iter().map(|(name, written)| format!("{name} is {written}")).collect();
    (!words.is_empty()).then(|| format!("no count: {}", words.join(", ")))
}

fn read(dialects: &[Dialect], reported: Value<'_>) -> Option<Reading> {
    let dialect = dialects.iter().find(|dialect| dialect.marks.iter().any(|mark| count(reported, mark).is_some()))?;
    Some(dialect.read(reported))
}

impl Dialect {
    fn paths(&self) -> impl Iterator<Item = Path> + use<> {
        let all = [self.input, self.cache_read, self.cache_write, self.output, self.reasoning, self.total];
        all.into_iter().flatten().copied()
    }

    fn read(&self, reported: Value<'_>) -> Reading {
        let first = |paths: &[Path]| paths.iter().find_map(|path| count(reported, path));
        let inputs = self.input.iter().filter_map(|path| count(reported, path));
        let (input, output) = (inputs.reduce(i64::saturating_add), first(self.output));
        let (read, written) = (first(self.cache_read), first(self.cache_write));
        let (reasoning, total) = (first(self.reasoning), first(self.total));
        let mut usage = Usage::new(self.rule, self.source);
        (usage.cache_read, usage.cache_write, usage.reasoning) = (read, written, reasoning);
        let cached = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
        let inside = self.cache_inside && is_inside(cached, input, output, total);
        usage.input = input.map(|input| if inside { input.saturating_sub(cached) } else { input });
        let thought = reasoning.filter(|thought| self.reasoning_inside && output.is_none_or(|out| *thought <= out));
        usage.output = output.map(|output| output.saturating_sub(thought.unwrap_or(0)));
        let beside = input.map(|input| (cached, input)).filter(|(cached, input)| self.cache_inside && cached > input);
        let sum = usage.total();
        let mismatch = total.zip(sum).filter(|(total, sum)| total != sum);
        Reading { usage, mismatch, beside }
    }
}

/// Whether cached tokens are a part of the input that is reported with them.
///
/// Gateways mix conventions: more cached than input, or a total that has both side by side, says that they are not.
fn is_inside(cached: i64, input: Option<i64>, output: Option<i64>, total: Option<i64>) -> bool {
    let Some(input) = input else { return false };
    let beside = input.saturating_add(cached).saturating_add(output.unwrap_or(0));
    cached <= input && (cached == 0 || total != Some(beside))
}

/// A count of tokens; what is negative or no whole number is none.
fn count(reported: Value<'_>, path: Path) -> Option<i64> {
    reported.at(path)?.integer().filter(|count| *count >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Outline;

    /// Rule; input, cache read, cache write, output, reasoning; mismatch.
    type Told = (String, [Option<i64>; 5], Option<(i64, i64)>);

    fn read(json: &str) -> Option<Told> {
        let outline = Outline::of(json.as_bytes()).expect("valid");
        let Reading { usage, mismatch, .. } = read_usage(outline.root())?;
        let buckets = [usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning];
        Some((usage.rule, buckets, mismatch))
    }

    fn told(rule: &str, buckets: [i64; 5], mismatch: Option<(i64, i64)>) -> Option<Told> {
        Some((rule.to_owned(), buckets.map(|count| (count >= 0).then_some(count)), mismatch))
    }

    /// Unknown.
    const NO: i64 = -1;

    #[test]
    fn every_dialect_comes_to_exclusive_buckets() {
        for (json, expected) in [
            (
                r#"{"inputTokens":14210,"outputTokens":1333,"totalTokens":15543,"cachedInputTokens":9216,"reasoningTokens":33}"#,
                told("ai_sdk.usage", [4994, 9216, NO, 1300, 33], None),
            ),
            (
                r#"{"prompt_tokens":1180,"completion_tokens":22,"total_tokens":1202,"prompt_tokens_details":{"cached_tokens":1024},"completion_tokens_details":{"reasoning_tokens":20}}"#,
                told("chat.usage", [156, 1024, NO, 2, 20], None),
            ),
            (
                r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":30,"output_tokens_details":{"reasoning_tokens":10},"total_tokens":130}"#,
                told("responses.usage", [40, 60, NO, 20, 10], None),
            ),
            (
                r#"{"input_tokens":10,"cache_read_input_tokens":500,"cache_creation_input_tokens":20,"output_tokens":7}"#,
                told("anthropic.usage", [10, 500, 20, 7, NO], None),
            ),
            (
                r#"{"promptTokenCount":200,"cachedContentTokenCount":150,"candidatesTokenCount":12,"thoughtsTokenCount":30,"totalTokenCount":242}"#,
                told("gemini.usage", [50, 150, NO, 12, 30], None),
            ),
            (
                r#"{"promptTokens":5,"completionTokens":4,"totalTokens":9}"#,
                told("ai_sdk.prompt_completion", [5, NO, NO, 4, NO], None),
            ),
        ] {
            assert_eq!(read(json), expected, "{json}");
        }
    }

    #[test]
    fn a_total_that_does_not_add_up_is_told_with_the_sum() {
        let json = r#"{"prompt_tokens":100,"completion_tokens":10,"total_tokens":150}"#;
        assert_eq!(read(json), told("chat.usage", [100, NO, NO, 10, NO], Some((150, 110))));
    }

    #[test]
    fn cached_tokens_beside_the_input_are_not_taken_out_of_it() {
        let more = r#"{"inputTokens":12,"cachedInputTokens":900,"outputTokens":5}"#;
        assert_eq!(read(more), told("ai_sdk.usage", [12, 900, NO, 5, NO], None));
        let by_total = r#"{"inputTokens":1000,"cachedInputTokens":900,"outputTokens":5,"totalTokens":1905}"#;
        assert_eq!(read(by_total), told("ai_sdk.usage", [1000, 900, NO, 5, NO], None));
    }

    #[test]
    fn zero_is_zero_and_absent_is_unknown() {
        let zeros = r#"{"inputTokens":0,"outputTokens":0,"totalTokens":0}"#;
        assert_eq!(read(zeros), told("ai_sdk.usage", [0, NO, NO, 0, NO], None));
        assert_eq!(read(r#"{"inputTokens":"7"}"#), told("ai_sdk.usage", [7, NO, NO, NO, NO], None));
    }

    #[test]
    fn what_is_below_zero_or_no_whole_number_is_no_count_and_is_told() {
        for (json, expected) in [
            (r#"{"input_tokens":-4,"output_tokens":5}"#, Some("no count: input_tokens is -4")),
            (
                r#"{"inputTokens":1.5,"outputTokens":99999999999999999999}"#,
                Some("no count: inputTokens is 1.5, outputTokens is 99999999999999999999"),
            ),
            (r#"{"inputTokens":"many","maxTokens":-1,"outputTokens":0}"#, None),
        ] {
            let outline = Outline::of(json.as_bytes()).expect("valid");
            assert_eq!(odd_counts(outline.root()).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn settings_and_texts_are_no_usage() {
        for json in
            [r#"{"maxTokens":4096,"max_tokens":9}"#, r#""input_tokens: 5""#, r#"{"inputTokens":"many"}"#, "null"]
        {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
