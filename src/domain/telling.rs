//! What a list shows of a record: its most telling argument, its first text, its time however it is spelt.

use std::borrow::Cow;

use crate::domain::{Event, Outline, Shape, Timestamp, Usage, Value, excerpt};

/// Labels are at most this long.
const LONGEST: usize = 200;
/// How deep a record is searched for a text.
const DEEPEST: usize = 8;
/// No call of a model takes more tokens.
const MOST_TOKENS: i64 = 1_000_000_000;

/// The arguments that say most about a tool call, the most telling first.
const TELLING: &[&str] = &[
    "command",
    "cmd",
    "file_path",
    "notebook_path",
    "pattern",
    "query",
    "url",
    "skill",
    "description",
    "prompt",
    "path",
    "subject",
    "question",
    "taskId",
    "name",
    "title",
    "text",
    "message",
    "input",
];

/// A label: one line of at most 200 characters.
pub fn label(text: &str) -> String {
    excerpt(text, LONGEST)
}

/// A tool's name with its most telling argument: `Bash ls -la`.
pub fn call_label(tool: &str, input: Option<Value<'_>>) -> String {
    match input.and_then(argument) {
        Some(argument) => label(&format!("{tool} {argument}")),
        None => label(tool),
    }
}

/// The most telling argument of a tool's input, which may also be JSON inside a string.
pub fn argument(input: Value<'_>) -> Option<String> {
    match input.shape() {
        Shape::Object => telling_member(input),
        Shape::Array => plain(input),
        Shape::String => {
            let text = input.text()?;
            let inner = Outline::of(text.as_bytes()).ok().filter(|inner| inner.root().shape() == Shape::Object);
            match inner {
                Some(inner) => telling_member(inner.root()),
                None => filled(text.into_owned()),
            }
        }
        _ => None,
    }
}

fn telling_member(input: Value<'_>) -> Option<String> {
    let named = TELLING.iter().find_map(|name| plain(input.get(name)?));
    named.or_else(|| any_text(input))
}

/// A text, or a list of words as a command line; a shell's `-lc` wrapper is left out.
fn plain(value: Value<'_>) -> Option<String> {
    match value.shape() {
        Shape::String => filled(value.text()?.into_owned()),
        Shape::Array => {
            let words: Vec<_> = value.items().filter_map(Value::text).collect();
            match words.as_slice() {
                [_, option, script] if option == "-lc" || option == "-c" => filled(script.clone().into_owned()),
                words => filled(words.join(" ")),
            }
        }
        _ => None,
    }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

/// The texts of a content value: a string, a list of strings and of objects with a text, or one such object.
pub fn texts<'a>(content: Value<'a>) -> Vec<Cow<'a, str>> {
    match content.shape() {
        Shape::String => content.text().into_iter().collect(),
        Shape::Array => content.items().filter_map(text_of).collect(),
        _ => text_of(content).into_iter().collect(),
    }
}

fn text_of(part: Value<'_>) -> Option<Cow<'_, str>> {
    part.text().or_else(|| ["text", "content", "message", "output"].iter().find_map(|name| part.get(name)?.text()))
}

/// The first text of a content value that is not blank.
pub fn first_text(content: Value<'_>) -> Option<Cow<'_, str>> {
    texts(content).into_iter().find(|text| !text.trim().is_empty())
}

/// The first string anywhere below a value that is not blank, names and kinds left out.
pub fn any_text(value: Value<'_>) -> Option<String> {
    any_text_within(value, DEEPEST)
}

fn any_text_within(value: Value<'_>, depth: usize) -> Option<String> {
    let dull = |part: &Value<'_>| part.name().is_some_and(|name| matches!(&*name, "type" | "role" | "id"));
    match value.text() {
        Some(text) => filled(text.into_owned()),
        None if depth == 0 => None,
        None => value.items().filter(|part| !dull(part)).find_map(|part| any_text_within(part, depth - 1)),
    }
}

/// A time as RFC 3339, or counted since 1970 in seconds, or in a thousandth, millionth or billionth of them.
pub fn time(value: Value<'_>) -> Option<Timestamp> {
    if let Some(moment) = value.text().and_then(|text| Timestamp::parse(&text)) {
        return Some(moment);
    }
    let Some(count) = value.integer() else {
        let seconds = value.number().filter(|seconds| seconds.abs() < 1e11)?;
        return Some(Timestamp((seconds * 1e6).round() as i64));
    };
    match count.unsigned_abs() {
        0..100_000_000_000 => count.checked_mul(1_000_000).map(Timestamp),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millis(count),
        100_000_000_000_000..100_000_000_000_000_000 => Some(Timestamp(count)),
        _ => Some(Timestamp(count / 1000)),
    }
}

/// Notes a time that was written but cannot be held, as it was written: a date that does not exist, or one too far.
pub fn note_time(event: &mut Event, written: Option<Value<'_>>) {
    let Some(value) = written.filter(|_| event.at.is_none()) else { return };
    let text = match value.shape() {
        Shape::Number => Some(String::from_utf8_lossy(value.kept()).into_owned()),
        Shape::String => value.text().map(|text| text.trim().to_owned()).filter(|text| is_dated(text)),
        _ => None,
    };
    event.attributes.extend(text.map(|text| ("time_out_of_range".to_owned(), excerpt(&text, LONGEST))));
}

/// Whether a text begins as a date does, years and a month, or is one without end.
fn is_dated(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    if text == "infinity" {
        return true;
    }
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let years = digits(text);
    years >= 4 && text.get(years..).and_then(|rest| rest.strip_prefix('-')).is_some_and(|rest| digits(rest) == 2)
}

/// Tokens as a count: a whole number that is not below zero, and not a text.
pub fn tokens(value: Value<'_>) -> Option<i64> {
    value.integer().filter(|count| value.shape() == Shape::Number && *count >= 0)
}

/// Notes counts of tokens that are none: they are unknown, and not what they seem to say.
pub fn note_tokens(event: &mut Event, reported: Value<'_>, names: &[&str]) {
    let odd = names.iter().filter_map(|name| {
        let value = reported.get(name).filter(|value| !value.is_null() && tokens(*value).is_none())?;
        let shown = if value.kept().is_empty() { Cow::Borrowed("…") } else { String::from_utf8_lossy(value.kept()) };
        Some(format!("{name} is {shown}"))
    });
    let odd: Vec<String> = odd.collect();
    if !odd.is_empty() {
        event
            .attributes
            .push(("usage_mismatch".to_owned(), excerpt(&format!("no count: {}", odd.join(", ")), LONGEST)));
    }
}

/// Keeps tokens that are more than a call can take as they were reported, and has none of them count.
pub fn doubt_usage(event: &mut Event) {
    let most = |usage: &Usage| usage.named().into_iter().filter_map(|(_, tokens)| tokens).max().unwrap_or(0);
    let Some(usage) = event.usage.take_if(|usage| most(usage) > MOST_TOKENS) else { return };
    let words = format!("{} tokens are more than a call can take: none of them count", most(&usage));
    event.attributes.push(("usage_mismatch".to_owned(), words));
    report_usage(event, &usage);
}

/// Keeps tokens that an event reports and that do not count as its own.
pub fn report_usage(event: &mut Event, usage: &Usage) {
    for (name, tokens) in usage.named() {
        event.attributes.extend(tokens.map(|tokens| (format!("reported_usage.{name}"), tokens.to_string())));
    }
}

/// Whether a text holds one of some marks; texts may be long, so they are searched as bytes.
pub fn holds(text: &str, marks: &[&str]) -> bool {
    marks.iter().any(|mark| memchr::memmem::find(text.as_bytes(), mark.as_bytes()).is_some())
}

/// A count with separators: `155,000`.
pub fn thousands(count: i64) -> String {
    let digits = count.unsigned_abs().to_string();
    let mut shown = String::from(if count < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Whether a text is written like a UUID.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(place, character)| match place {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}

/// What the operating system says of an error, without its number.
pub fn in_plain_words(error: &std::io::Error) -> String {
    let words = error.to_string();
    let words = words.split(" (os error").next().unwrap_or(&words);
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument_of(json: &str) -> Option<String> {
        argument(Outline::of(json.as_bytes()).expect("valid").root())
    }

    #[test]
    fn the_most_telling_argument_is_found_in_any_shape() {
        assert_eq!(argument_of(r#"{"timeout":5,"command":"ls -la"}"#).as_deref(), Some("ls -la"));
        assert_eq!(argument_of(r#"{"command":["bash","-lc","rg x"]}"#).as_deref(), Some("rg x"));
        assert_eq!(argument_of(r#""{\"cmd\":\"git status\"}""#).as_deref(), Some("git status"));
        assert_eq!(argument_of(r#""*** Begin Patch""#).as_deref(), Some("*** Begin Patch"));
        assert_eq!(argument_of(r#"{"plan":[{"status":3,"step":"look"}]}"#).as_deref(), Some("look"));
        assert_eq!(argument_of(r#"{"depth":3}"#), None);
        assert_eq!(argument_of("null"), None);
    }

    #[test]
    fn times_are_read_in_every_unit() {
        let read = |json: &str| time(Outline::of(json.as_bytes()).expect("valid").root()).map(|moment| moment.0);
        assert_eq!(read("1700000000"), Some(1_700_000_000_000_000));
        assert_eq!(read("1700000000123"), Some(1_700_000_000_123_000));
        assert_eq!(read("\"1700000000123\""), Some(1_700_000_000_123_000));
        assert_eq!(read("1700000000.5"), Some(1_700_000_000_500_000));
        assert_eq!(read("\"2023-11-14T22:13:20Z\""), Some(1_700_000_000_000_000));
        assert_eq!(read("\"[trimmed for fixture]\""), None);
    }

    #[test]
    fn counts_and_ids_are_recognised() {
        assert_eq!(thousands(155_000), "155,000");
        assert_eq!(thousands(-12), "-12");
        assert!(is_uuid("0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f"));
        assert!(!is_uuid("agent-a0ad4f44468bdf20d"));
    }
}
