//! Text as Markdown that stays text: whatever a payload holds, it opens no tag, link, image or fence, and closes none.
//!
//! Payloads stand in code, which no dialect of Markdown looks into: in spans and fences longer than any run of
//! backticks in them. What could steer a terminal or deceive a reader becomes a visible mark.

use serde_json::Value;

use crate::domain::safe;
use crate::timeline::{texts, value_of};

/// One line of untrusted text as a span of code.
pub fn code(text: &str) -> String {
    let text = safe(text);
    let text = text.trim();
    if text.is_empty() {
        return "` `".to_owned();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    // One blank on either side is taken away again.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Untrusted text of several lines as a block of code; the word that says what it is must be our own.
pub fn fence(word: &str, text: &str) -> String {
    let ticks = "`".repeat(longest_run(text).max(2) + 1);
    let mut block = format!("{ticks}{word}\n");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        for (place, part) in line.split('\t').enumerate() {
            if place > 0 {
                block.push('\t');
            }
            block.push_str(&safe(part));
        }
        block.push('\n');
    }
    block + &ticks + "\n"
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// Something of a body that is shown as one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What it is, where it is not plain text.
    pub what: Option<&'static str>,
    /// The word behind the fence.
    pub word: &'static str,
    pub text: String,
}

/// What a body says: its texts as they read, and anything else as JSON.
pub fn blocks(bytes: &[u8]) -> Vec<Block> {
    let (value, _) = value_of(bytes);
    match &value {
        Value::Array(items) if texts(&value).is_none() && !items.is_empty() && items.iter().all(Value::is_object) => {
            items.iter().filter_map(block).collect()
        }
        value => block(value).into_iter().collect(),
    }
}

/// `None` for a text that is blank.
fn block(value: &Value) -> Option<Block> {
    let plain =
        |what, text: String| Some(Block { what, word: "text", text }).filter(|block| !block.text.trim().is_empty());
    if let Some(texts) = texts(value) {
        return plain(None, texts.join("\n"));
    }
    if let Some(thought) = ["thinking", "reasoning"].iter().find_map(|name| value[*name].as_str()) {
        return plain(Some("thought"), thought.to_owned());
    }
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
    Some(Block { what: None, word: "json", text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_the_code_that_it_stands_in() {
        assert_eq!(code("plain <b>"), "`plain <b>`");
        assert_eq!(code("a `b` ``c``"), "``` a `b` ``c`` ```");
        assert_eq!(code("two\nlines\u{202e}\u{1b}[0m"), "`two⏎lines<U+202E>^[[0m`");
        assert_eq!(code(" "), "` `");
        assert_eq!(fence("text", "a\n```\n<img>\n"), "````text\na\n```\n<img>\n````\n");
        assert_eq!(fence("json", "x\ty\r\nz\u{2028}"), "```json\nx\ty\nz<U+2028>\n```\n");
    }

    #[test]
    fn texts_read_as_text_and_all_else_as_json() {
        let of =
            |json: &str| blocks(json.as_bytes()).into_iter().map(|block| (block.word, block.text)).collect::<Vec<_>>();
        assert_eq!(of("\"said\""), [("text", "said".to_owned())]);
        assert_eq!(of("no JSON"), [("text", "no JSON".to_owned())]);
        assert_eq!(of(r#"[{"type":"text","text":"a"},{"type":"text","text":"b"}]"#), [("text", "a\nb".to_owned())]);
        let mixed =
            of(r#"[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"},{"type":"tool_use","id":"t"}]"#);
        assert_eq!(mixed.iter().map(|(word, _)| *word).collect::<Vec<_>>(), ["text", "text", "json"]);
        assert_eq!(of(r#"{"a":1}"#), [("json", "{\n  \"a\": 1\n}".to_owned())]);
        assert_eq!(of("[]"), [("json", "[]".to_owned())]);
    }
}
