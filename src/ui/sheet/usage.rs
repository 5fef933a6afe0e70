//! Usage as a sheet: tokens by bucket and over time, then calls, errors, tokens and times by model, agent and tool.

use std::collections::BTreeMap;

use super::{Ink, Manner, Row};
use crate::domain::Tokens;
use crate::domain::price::Cost;
use crate::timeline::{Survey, Tally, Totals, percentile};
use crate::ui::text::{fit, left, right};
use crate::ui::words::{count, counted, duration, moment};

/// Names that are listed under one heading, those with the most calls first.
const MOST: usize = 200;
/// The columns of numbers, and of bars in the first part.
const NUMBER: usize = 6;
const LONGEST_BAR: usize = 40;

pub(super) fn rows(totals: &Totals, manner: Manner<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    tokens(&mut rows, totals, manner);
    over_time(&mut rows, totals, manner);
    table(&mut rows, "by model", &totals.by_model, manner);
    table(&mut rows, "by agent", &totals.by_source, manner);
    table(&mut rows, "by tool", &totals.by_tool, manner);
    if let Some(survey) = manner.survey {
        settings(&mut rows, survey);
    }
    rows
}

fn heading(rows: &mut Vec<Row>, words: String) {
    if !rows.is_empty() {
        rows.push(Vec::new());
    }
    rows.push(vec![(Ink::Title, words)]);
}

fn buckets(tokens: &Tokens) -> [(&'static str, Option<i64>); 6] {
    [
        ("input", tokens.input),
        ("cache read", tokens.cache_read),
        ("cache write", tokens.cache_write),
        ("output", tokens.output),
        ("reasoning", tokens.reasoning),
        ("total", tokens.total),
    ]
}

fn tokens(rows: &mut Vec<Row>, totals: &Totals, manner: Manner<'_>) {
    let models = &totals.models;
    heading(rows, format!("tokens of {}", counted(models.calls, "model call")));
    let most = models.tokens.total.unwrap_or(0);
    let room = manner.width.saturating_sub(13 + NUMBER + 1).min(LONGEST_BAR);
    for (name, tokens) in buckets(&models.tokens) {
        rows.push(match tokens {
            Some(tokens) => vec![
                (Ink::Dim, left(name, 12)),
                (Ink::Text, format!(" {} ", right(&count(tokens), NUMBER))),
                (Ink::Bar, bar(tokens, most, room, manner.ascii)),
            ],
            None => vec![(Ink::Dim, format!("{} {}", left(name, 12), right("unknown", NUMBER + 1)))],
        });
    }
    cost(rows, &models.cost);
    if models.unreported > 0 {
        rows.push(vec![(
            Ink::Bad,
            format!("{} of {} report none", models.unreported, counted(models.calls, "model call")),
        )]);
    }
    if totals.wrappers > 0 {
        let words = format!(
            "{} report the usage of calls inside them, which is not counted twice",
            counted(totals.wrappers, "row")
        );
        rows.push(vec![(Ink::Dim, words)]);
    }
}

/// What the calls cost by the price lists, and how many of them have no known price.
fn cost(rows: &mut Vec<Row>, cost: &Cost) {
    let known = cost.known().map(|money| (Ink::Text, format!(" {}", money)));
    let unpriced = match (cost.priced, cost.unpriced) {
        (_, 0) => None,
        (0, _) => Some(" unknown: no price is known for these models".to_owned()),
        (_, calls) => Some(format!(", and {} without a known price", counted(calls, "call"))),
    };
    if known.is_some() || unpriced.is_some() {
        let name = (Ink::Dim, left("cost", 12));
        rows.push([Some(name), known, unpriced.map(|words| (Ink::Dim, words))].into_iter().flatten().collect());
    }
}

fn over_time(rows: &mut Vec<Row>, totals: &Totals, manner: Manner<'_>) {
    let (Some((first, _)), Some((last, _))) = (totals.spending.first(), totals.spending.last()) else { return };
    let sums = totals.over_time(manner.width.clamp(1, 120));
    heading(rows, format!("tokens from {} to {}", moment(*first), moment(*last)));
    rows.push(vec![(Ink::Bar, spark(&sums, manner.ascii))]);
}

/// One column a step, eight heights; what is not nothing is seen.
fn spark(sums: &[i64], ascii: bool) -> String {
    let signs: &[char] = if ascii {
        &['.', ':', '-', '=', '+', '*', '%', '#']
    } else {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    };
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let sign = |sum: &i64| match *sum {
        0 => ' ',
        sum => signs[((i128::from(sum) * 8 - 1) / i128::from(most)).clamp(0, 7) as usize],
    };
    sums.iter().map(sign).collect()
}

/// A bar as long as a part is of the most; what is not nothing is seen.
fn bar(part: i64, most: i64, room: usize, ascii: bool) -> String {
    if part <= 0 || most <= 0 || room == 0 {
        return String::new();
    }
    let eighths = (i128::from(part) * room as i128 * 8 / i128::from(most)).clamp(1, room as i128 * 8) as usize;
    if ascii {
        return "#".repeat(eighths.div_ceil(8));
    }
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    format!("{}{rest}", "█".repeat(eighths / 8))
}

/// Which columns of times there is room for.
fn times(width: usize) -> &'static [(&'static str, usize)] {
    match width {
        0..50 => &[],
        50..66 => &[("p50", 50), ("max", 100)],
        66..90 => &[("p50", 50), ("p99", 99), ("max", 100)],
        _ => &[("p50", 50), ("p90", 90), ("p99", 99), ("max", 100)],
    }
}

fn table(rows: &mut Vec<Row>, by: &str, tallies: &BTreeMap<String, Tally>, manner: Manner<'_>) {
    if tallies.is_empty() {
        return;
    }
    let times = times(manner.width);
    // Calls, errors, tokens, the percentiles, and the time altogether; each with a space before it.
    let numbers = (3 + times.len() + usize::from(!times.is_empty())) * (NUMBER + 1);
    let room = manner.width.saturating_sub(numbers + 1);
    // A short bar is worth more than the end of a long name.
    let name = room.saturating_sub(9).clamp(8, 28);
    let bars = room.saturating_sub(name + 1).min(LONGEST_BAR);
    let mut head = format!("{}{}{}{}", left(by, name), cell("calls"), cell("errors"), cell("tokens"));
    head.extend(times.iter().map(|(name, _)| cell(name)));
    head.push_str(&if times.is_empty() { String::new() } else { cell("time") });
    heading(rows, head);
    let most = tallies.values().filter_map(|tally| tally.tokens.total).max();
    let widest = tallies.values().map(|tally| tally.calls as i64).max().unwrap_or(0);
    let mut sorted: Vec<(&String, &Tally)> = tallies.iter().collect();
    sorted.sort_by_key(|(_, tally)| std::cmp::Reverse((tally.tokens.total, tally.calls)));
    for (who, tally) in sorted.iter().take(MOST) {
        let mut numbers = cell(&count(tally.calls as i64));
        let errors = cell(&count(tally.errors as i64));
        let mut behind = cell(&tally.tokens.total.map_or_else(|| "-".to_owned(), count));
        behind.extend(times.iter().map(|(_, percent)| {
            cell(&percentile(&tally.latencies, *percent).map_or_else(|| "-".to_owned(), duration))
        }));
        if !times.is_empty() {
            let spent = tally.spent().map_or_else(|| "-".to_owned(), duration);
            behind.push_str(&cell(&spent));
        }
        // Tools have no tokens: their bars show calls.
        let (part, all) = most.map_or((tally.calls as i64, widest), |most| (tally.tokens.total.unwrap_or(0), most));
        numbers.insert_str(0, &left(&fit(who, name), name));
        rows.push(vec![
            (Ink::Text, numbers),
            (if tally.errors > 0 { Ink::Bad } else { Ink::Text }, errors),
            (Ink::Text, format!("{behind} ")),
            (Ink::Bar, bar(part, all, bars, manner.ascii)),
        ]);
        if tally.unreported > 0 {
            let words =
                format!("  {} of {} report no tokens", tally.unreported, counted(tally.model_calls, "model call"));
            rows.push(vec![(Ink::Dim, words)]);
        }
    }
    if sorted.len() > MOST {
        rows.push(vec![(Ink::Dim, format!("and {} more", sorted.len() - MOST))]);
    }
}

fn cell(text: &str) -> String {
    format!(" {}", right(text, NUMBER))
}

/// Limits that somebody set stand apart: nothing was measured.
fn settings(rows: &mut Vec<Row>, survey: &Survey) {
    if survey.settings.is_empty() {
        return;
    }
    heading(rows, "set, not measured".to_owned());
    for ((speaker, name), values) in survey.settings.iter().take(MOST) {
        let values: Vec<String> = values.iter().take(8).map(|value| count(*value)).collect();
        let words = fit(&format!("{speaker} {name}"), 60);
        rows.push(vec![(Ink::Dim, format!("{words}  ")), (Ink::Text, values.join(", "))]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::price::Money;
    use crate::ui::text::width;

    fn totals() -> Totals {
        let mut totals = Totals::default();
        let tally = Tally {
            calls: 20,
            model_calls: 20,
            errors: 1,
            unreported: 3,
            tokens: Tokens { input: Some(400), output: Some(600), total: Some(1_000), ..Tokens::default() },
            cost: Cost { money: Money(1_500_000_000_000), priced: 15, unpriced: 2 },
            latencies: vec![1_000, 2_000_000],
        };
        totals.models = tally.clone();
        totals.by_model.insert("haiku".to_owned(), tally);
        totals.by_tool.insert("日本\u{1b}[2J".to_owned(), Tally { calls: 2, ..Tally::default() });
        totals.spending = vec![(Timestamp(1), 900), (Timestamp(100), 100)];
        totals
    }

    fn lines(width: usize) -> Vec<String> {
        let manner = Manner { width, ascii: false, survey: None, progress: "" };
        rows(&totals(), manner).iter().map(|row| row.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn unknown_is_not_zero_and_turns_without_usage_are_counted() {
        let lines = lines(78);
        assert!(lines.iter().any(|line| line.trim_end() == "cache read   unknown"), "{lines:?}");
        assert!(lines.contains(&"3 of 20 model calls report none".to_owned()));
        assert!(lines.contains(&"cost         $1.50, and 2 calls without a known price".to_owned()), "{lines:?}");
        assert!(lines.contains(&"  3 of 20 model calls report no tokens".to_owned()));
        assert!(
            lines.iter().any(|line| line.starts_with("haiku") && line.contains("1ms   2.0s   2.0s   2.0s")),
            "{lines:?}"
        );
    }

    #[test]
    fn no_line_with_numbers_is_wider_than_the_screen_and_nothing_steers_it() {
        for columns in [38, 52, 60, 78, 118, 198] {
            for line in lines(columns) {
                assert!(width(&line) <= columns.max(60) && !line.contains('\u{1b}'), "{columns}: {line}");
            }
        }
    }

    #[test]
    fn bars_and_sparks_show_what_is_not_nothing() {
        assert_eq!((bar(1, 1_000_000, 10, false), bar(5, 10, 4, false)), ("▏".to_owned(), "██".to_owned()));
        assert_eq!((bar(0, 10, 4, false), bar(1, 10, 4, true)), (String::new(), "#".to_owned()));
        assert_eq!(spark(&[0, 1, 500, 1_000], false), " ▁▄█");
    }
}
