//! Where a model row keeps its token usage: known places only, never what went in, never a setting.

use crate::domain::present::payload::Content;
use crate::domain::{Event, Reading, Value, odd_counts, read_usage, telling};

/// Places below the output.
const IN_OUTPUT: &[&[&str]] = &[
    &["usage"],
    &["response", "usage"],
    &["response", "body", "usage"],
    &["usageMetadata"],
    &["response", "usageMetadata"],
];
/// Places below the metadata.
const IN_METADATA: &[&[&str]] = &[&["usage"], &["usageMetadata"]];

/// What one place reports.
struct Found {
    place: String,
    reading: Reading,
}

/// Sets the usage of a model row: of several places the one that tells most; what contradicts it is noted.
///
/// `column` is what a recorder was told, apart from any payload.
pub fn set(event: &mut Event, column: Option<Value<'_>>, output: Option<&Content<'_>>, metadata: Option<Value<'_>>) {
    note_odd(event, column, output, metadata);
    let mut found: Vec<Found> = Vec::new();
    if let Some(reading) = column.filter(|reported| reported.is_complete()).and_then(read_usage) {
        found.push(Found { place: "usage".to_owned(), reading });
    }
    if let Some(output) = output {
        let value = output.value();
        found.extend(IN_OUTPUT.iter().filter_map(|path| read_at(value, "output", path)));
        found.extend(of_provider(value));
        if output.cut {
            for found in &mut found {
                found.reading.usage.rule.push_str(".recovered");
            }
        }
    }
    if let Some(metadata) = metadata {
        found.extend(IN_METADATA.iter().filter_map(|path| read_at(metadata, "metadata", path)));
    }
    // The last of equals is the first in order.
    let Some(best) = found.iter().rev().max_by_key(|found| known(found)) else { return };
    if let Some((total, sum)) = best.reading.mismatch {
        note(event, "usage_mismatch", format!("{}: total {total}, sum of the parts {sum}", best.place));
    }
    for other in &found {
        if other.reading.usage.total() != best.reading.usage.total() {
            let totals = [other, best]
                .map(|found| found.reading.usage.total().map_or("?".to_owned(), |total| total.to_string()));
            note(
                event,
                "usage_mismatch",
                format!("{} has {}, {} has {}", other.place, totals[0], best.place, totals[1]),
            );
        }
    }
    note(event, "usage_at", best.place.clone());
    event.usage = Some(best.reading.usage.clone());
    if let Some(output) = output {
        add_cache_write(event, output.value());
    }
    telling::doubt_usage(event);
}

/// Notes what stands in these places for a count and is none.
fn note_odd(event: &mut Event, column: Option<Value<'_>>, output: Option<&Content<'_>>, metadata: Option<Value<'_>>) {
    let below = |value: Option<Value<'_>>, places: &[&[&str]]| -> Vec<String> {
        let places = places.iter().filter_map(|path| value?.at(path));
        places.filter_map(odd_counts).collect()
    };
    let mut odd: Vec<String> = column.and_then(odd_counts).into_iter().collect();
    odd.extend(below(output.map(Content::value), IN_OUTPUT));
    odd.extend(below(metadata, IN_METADATA));
    odd.dedup();
    odd.into_iter().for_each(|words| note(event, "usage_mismatch", words));
}

fn read_at(value: Value<'_>, name: &str, path: &[&str]) -> Option<Found> {
    let reported = value.at(path).filter(|reported| reported.is_complete())?;
    Some(Found { place: format!("{name}.{}", path.join(".")), reading: read_usage(reported)? })
}

/// `output.providerMetadata.<provider>.usage`.
fn of_provider(output: Value<'_>) -> Vec<Found> {
    let Some(metadata) = output.get("providerMetadata") else { return Vec::new() };
    let providers = metadata.items().filter_map(|provider| Some((provider.name()?, provider)));
    let read = |(name, provider): (std::borrow::Cow<'_, str>, Value<'_>)| {
        let reported = provider.get("usage").filter(|usage| usage.is_complete())?;
        Some(Found { place: format!("output.providerMetadata.{name}.usage"), reading: read_usage(reported)? })
    };
    providers.filter_map(read).collect()
}

fn known(found: &Found) -> usize {
    let usage = &found.reading.usage;
    [usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning].iter().flatten().count()
}

/// What was written to the cache stands beside the usage that the SDK sums up; it is a part of its input.
fn add_cache_write(event: &mut Event, output: Value<'_>) {
    let written = output.at(&["providerMetadata", "anthropic", "cacheCreationInputTokens"]).and_then(Value::integer);
    let Some((usage, written)) = event.usage.as_mut().zip(written.filter(|written| *written >= 0)) else { return };
    if usage.cache_write.is_none() && usage.rule.starts_with("ai_sdk.") {
        usage.cache_write = Some(written);
        usage.input = usage.input.map(|input| if input >= written { input - written } else { input });
    }
}

fn note(event: &mut Event, name: &str, value: String) {
    event.attributes.push((name.to_owned(), value));
}
