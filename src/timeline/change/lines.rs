//! Values and texts as lines that can be compared: JSON laid out, long lines divided where sentences end.

use serde_json::Value;

use crate::timeline::artifact::texts;

/// A line is divided at the end of a sentence once it has so many characters, and at the latest at so many.
const SENTENCE: usize = 40;
const LONGEST: usize = 160;

/// The lines of a value: of a text its own, of JSON one a member, with the lines of long strings below.
pub(super) fn lines_of(value: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    match value {
        Value::String(text) => lines.extend(text.lines().map(str::to_owned)),
        value => write(value, "", 0, &mut lines),
    }
    lines.iter().flat_map(|line| divided(line)).map(str::to_owned).collect()
}

/// The lines of what a message says.
pub(super) fn lines_of_content(content: &Value) -> Vec<String> {
    match texts(content) {
        Some(texts) => lines_of(&Value::String(texts.join("\n"))),
        None => lines_of(content),
    }
}

fn write(value: &Value, before: &str, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let inner = opened(before, &indent, depth, lines);
            for (name, value) in members {
                write(value, &format!("{name}: "), inner, lines);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let inner = opened(before, &indent, depth, lines);
            for item in items {
                write(item, "- ", inner, lines);
            }
        }
        Value::String(text) if text.contains('\n') => {
            lines.push(format!("{indent}{before}").trim_end().to_owned());
            lines.extend(text.lines().map(|line| format!("{indent}  {line}")));
        }
        plain => lines.push(format!("{indent}{before}{plain}")),
    }
}

/// A line of its own for the name of what is nested, and the depth of what is in it.
fn opened(before: &str, indent: &str, depth: usize, lines: &mut Vec<String>) -> usize {
    if before.is_empty() {
        return depth;
    }
    lines.push(format!("{indent}{before}").trim_end().to_owned());
    depth + 1
}

/// A long line in parts. Where it is divided depends on the words near by only, so that a change stays local.
fn divided(line: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut count, mut space) = (0, 0, None);
    let mut ended = false;
    for (at, letter) in line.char_indices() {
        if ended && letter == ' ' && count >= SENTENCE {
            parts.push(&line[start..at + 1]);
            (start, count, space, ended) = (at + 1, 0, None, false);
            continue;
        }
        if count >= LONGEST {
            let end = space.unwrap_or(at);
            parts.push(&line[start..end]);
            (start, count, space) = (end, line[end..at].chars().count(), None);
        }
        count += 1;
        ended = matches!(letter, '.' | '!' | '?' | ';' | ':' | '。');
        if letter == ' ' {
            space = Some(at + 1);
        }
    }
    if start < line.len() || parts.is_empty() {
        parts.push(&line[start..]);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_laid_out_and_long_strings_stand_below_their_names() {
        let value = json!({"a": {"b": [1, "x"]}, "text": "one\ntwo", "none": []});
        assert_eq!(lines_of(&value), ["a:", "  b:", "    - 1", "    - \"x\"", "text:", "  one", "  two", "none: []"]);
        assert_eq!(lines_of(&json!("one\n\ntwo")), ["one", "", "two"]);
    }

    #[test]
    fn a_change_at_the_beginning_of_a_long_line_stays_there() {
        let sentence = "This is a sentence that goes on for a good while. ";
        let (before, after) = (sentence.repeat(9), format!("Word. {}", sentence.repeat(9)));
        let (before, after) = (divided(&before), divided(&after));
        assert!(before.len() == 9 && before[1..] == after[1..], "{after:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_where_a_line_is_divided(line in "[a-z .日]{0,600}") {
            let parts = divided(&line);
            prop_assert_eq!(parts.concat(), line.as_str());
            prop_assert!(parts.iter().all(|part| part.chars().count() <= LONGEST + 1));
        }
    }
}
