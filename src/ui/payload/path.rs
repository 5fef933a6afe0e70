//! Where in a payload a line is, as jq would write it, and what its value is.

use std::ops::Range;

use super::compose::Stream;
use super::document::{Document, LineKind, NONE, Node, Sort};
use crate::domain::decode_string;

/// The path of the value at a line: `message.content[2].input.command`; empty outside JSON.
pub(super) fn path(document: &Document, line: usize) -> String {
    let mut steps = Vec::new();
    let mut node = document.lines.get(line).map_or(NONE, |line| line.node);
    while let Some(value) = document.node(node).filter(|value| !matches!(value.sort, Sort::Part | Sort::Text)) {
        steps.push(step(document, value));
        node = value.parent;
    }
    let path: String = steps.into_iter().rev().collect();
    match path.strip_prefix('.') {
        // A quoted name keeps its dot, as jq needs it.
        Some(bare) if !bare.starts_with('"') => bare.to_owned(),
        _ => path,
    }
}

fn step(document: &Document, node: &Node) -> String {
    let parsed = if node.encoded { "|fromjson" } else { "" };
    if node.has_key() {
        let name = decode_string(&document.text[node.key_start as usize..node.key_end as usize]);
        return format!(".{}{parsed}", quoted(&name));
    }
    match document.node(node.parent) {
        Some(parent) if parent.sort == Sort::Array => format!("[{}]{parsed}", node.index),
        _ if node.numbered => format!("[{}]{parsed}", node.index),
        _ => parsed.to_owned(),
    }
}

fn quoted(name: &str) -> String {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if starts && characters.all(|character| character.is_ascii_alphanumeric() || character == '_') {
        return name.to_owned();
    }
    serde_json::to_string(name).unwrap_or_else(|_| format!("{name:?}"))
}

/// The value at a line: text of a string, bytes as written of anything else; of text, the line.
pub(super) fn value(document: &Document, line: usize) -> Vec<u8> {
    let Some(line) = document.lines.get(line) else { return Vec::new() };
    let Some(node) = document.node(line.node) else { return Vec::new() };
    let bytes = |range: Range<usize>| document.text.get(range).unwrap_or_default();
    let written = bytes(node.start as usize..node.end as usize);
    match (line.kind, node.sort) {
        (LineKind::Note, _) => document.notes[line.start as usize].clone().into_bytes(),
        (LineKind::Text, Sort::Text) | (LineKind::Hex, _) => bytes(line.range()).to_vec(),
        (_, Sort::String | Sort::Block) => decode_string(written).into_owned().into_bytes(),
        _ if node.encoded => decode_string(written).into_owned().into_bytes(),
        _ => written.to_vec(),
    }
}

/// The exact text of lines: values decoded, nothing marked, JSON indented.
pub(super) fn text_of(document: &Document, lines: Range<usize>) -> String {
    let mut text = Vec::new();
    let lines = lines.start..lines.end.min(document.lines.len());
    for (count, number) in lines.enumerate() {
        let line = &document.lines[number];
        if count > 0 && line.kind != LineKind::Hex {
            text.push(b'\n');
        }
        if line.kind != LineKind::Text {
            text.extend(std::iter::repeat_n(b' ', 2 * usize::from(line.depth)));
        }
        text.extend_from_slice(&Stream::of(document, line, false).bytes());
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::source::{Hint, Mode, Part, Payload};
    use super::*;

    fn document(json: &str) -> Document {
        let part = Part::whole("", json.as_bytes().to_vec(), Hint::default());
        Document::new(Payload { parts: vec![part] }, Mode::Pretty)
    }

    #[test]
    fn paths_are_those_of_jq() {
        let json = r#"{"message":{"content":[1,{"in put":{"command":"a\nb"}}]},"é":null}"#;
        let document = document(json);
        let paths: Vec<String> = (0..document.lines.len()).map(|line| path(&document, line)).collect();
        assert_eq!(paths[0], "");
        assert_eq!(paths[3], "message.content[0]");
        assert!(paths.contains(&"message.content[1].\"in put\".command".to_owned()), "{paths:?}");
        assert!(paths.contains(&".\"é\"".to_owned()));
    }

    #[test]
    fn paths_go_through_strings_and_over_several_values() {
        let inner = document(r#"{"arguments":"{\"path\":\"x\"}"}"#);
        assert_eq!(path(&inner, 2), "arguments|fromjson.path");
        let several = document("{\"a\":1}\n{\"a\":2}\n");
        let paths: Vec<String> = (0..several.lines.len()).map(|line| path(&several, line)).collect();
        assert_eq!(paths, ["[0]", "[0].a", "[0]", "[1]", "[1].a", "[1]"]);
    }

    #[test]
    fn values_are_decoded_texts_or_bytes_as_written() {
        let document = document(r#"{"a": {"b": [1,  2]},"s":"x\ny","t":"\u0041"}"#);
        let values: Vec<String> =
            (0..document.lines.len()).map(|line| String::from_utf8(value(&document, line)).expect("text")).collect();
        assert_eq!(values[1], r#"{"b": [1,  2]}"#);
        assert_eq!(values[2], "[1,  2]");
        assert_eq!(values[4..8], ["x\ny", "x\ny", "x\ny", "A"]);
    }

    #[test]
    fn copied_text_is_exact() {
        let document = document(r#"{"s":"x\u001b\ny  "}"#);
        assert_eq!(text_of(&document, 2..4), "x\u{1b}\ny  ");
        assert_eq!(text_of(&document, 0..2), "{\n  \"s\": 2 lines of text");
        assert_eq!(text_of(&document, 4..99), "}");
    }
}
