//! Compares what was read of a session with the digest of it that its own tool made.
//!
//! Such a digest has one line for each prompt and each answer, with texts, calls, outcomes and two token counts.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{format_of, open, read, records};
use crate::domain::{Event, KeyKind, Kind, Phase, Role};
use crate::import::Draft;

/// Sessions with their digests, below the corpus.
const PAIRS: &[(&str, &str)] = &[
    ("claude-code/shaneholloman__entire-cli/claude_full.jsonl", "claude_expected.jsonl"),
    ("claude-code/shaneholloman__entire-cli/claude_full2.jsonl", "claude_expected2.jsonl"),
    ("codex/shaneholloman__entire-cli/codex_full.jsonl", "codex_expected.jsonl"),
];

/// What a session says, in the words of its digest.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    prompts: Vec<String>,
    answers: Vec<String>,
    /// The call's id with the tool's name, its arguments, and whether and how it ended.
    calls: BTreeMap<String, (String, Value, Option<String>)>,
    /// Input and output of each answer that has tokens, in order.
    tokens: Vec<(i64, i64)>,
}

fn of_digest(text: &str) -> Told {
    let mut told = Told::default();
    let mut tokens = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let record: Value = serde_json::from_str(line).expect("a digest is JSON");
        let from_user = record["type"] == "user";
        if let (Some(input), Some(output)) = (record["input_tokens"].as_i64(), record["output_tokens"].as_i64()) {
            let answer = record["id"].as_str().map_or_else(|| place.to_string(), str::to_owned);
            set_last(&mut tokens, answer, (input, output));
        }
        for block in record["content"].as_array().expect("blocks") {
            if block["type"] == "tool_use" {
                let ended = block["result"]["status"].as_str().map(|status| status.replace("success", "ok"));
                let name = block["name"].as_str().unwrap_or_default().to_owned();
                told.calls
                    .insert(block["id"].as_str().unwrap_or_default().to_owned(), (name, block["input"].clone(), ended));
            } else if let Some(text) = block["text"].as_str() {
                // To us an interruption is no prompt.
                if text.starts_with("[Request interrupted") {
                    continue;
                }
                let side = if from_user { &mut told.prompts } else { &mut told.answers };
                side.push(text.trim().to_owned());
            }
        }
    }
    told.tokens = tokens.into_iter().map(|(_, tokens)| tokens).collect();
    told
}

fn of_session(path: &Path) -> Told {
    let text = std::fs::read(path).expect("a readable file");
    let (placed, _) = records(&text);
    let mut reader = open(format_of(&placed), path, &text, &placed, None);
    let mut told = Told::default();
    let mut tokens: Vec<(String, (i64, i64))> = Vec::new();
    for record in &placed {
        for draft in read(reader.as_mut(), record) {
            let bytes = |role: Role| body(&draft, role).map(|range| &text[record.offset as usize..][range]);
            tell(&mut told, &draft.event, bytes);
            count(&mut tokens, &draft.event);
        }
    }
    told.tokens = tokens.into_iter().map(|(_, tokens)| tokens).collect();
    told
}

fn body(draft: &Draft, role: Role) -> Option<std::ops::Range<usize>> {
    let (_, range) = draft.bodies.iter().find(|(known, _)| *known == role)?;
    Some(range.start as usize..range.end as usize)
}

/// What the program itself wrote in the model's name cost nothing, and has no count in a digest.
fn count(tokens: &mut Vec<(String, (i64, i64))>, event: &Event) {
    let (Some(usage), Some(turn)) = (&event.usage, &event.turn) else { return };
    if event.model.as_deref() != Some("<synthetic>") {
        set_last(tokens, turn.clone(), (usage.input.unwrap_or(0), usage.output.unwrap_or(0)));
    }
}

/// An answer is worth the last count on it, also where its records do not stand together.
fn set_last(tokens: &mut Vec<(String, (i64, i64))>, answer: String, count: (i64, i64)) {
    match tokens.iter_mut().find(|(known, _)| *known == answer) {
        Some((_, known)) => *known = count,
        None => tokens.push((answer, count)),
    }
}

fn tell<'a>(told: &mut Told, event: &Event, bytes: impl Fn(Role) -> Option<&'a [u8]>) {
    let json = |role: Role| bytes(role).and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok());
    let is_twin = event.has(crate::domain::flag::TWIN);
    let call = event.values(KeyKind::ToolCall).next().map(str::to_owned);
    match (event.kind, event.phase) {
        (Kind::Transcript, _) if !is_twin => told.prompts.extend(texts(json(Role::Input))),
        (Kind::Model, _) if !is_twin && event.event_type != "function_call" && event.event_type != "reasoning" => {
            told.answers.extend(texts(json(Role::Output)));
        }
        (Kind::Tool, Phase::Call) => {
            let input = json(Role::Input).unwrap_or_default();
            let input = input.as_str().and_then(|inner| serde_json::from_str(inner).ok()).unwrap_or(input);
            let call = call.expect("a call has an id");
            told.calls.insert(call, (event.tool.clone().unwrap_or_default(), input, None));
        }
        (Kind::Tool, Phase::Result) => {
            if let Some(known) = told.calls.get_mut(&call.expect("a result has an id")) {
                known.2.clone_from(&event.status);
            }
        }
        _ => {}
    }
}

/// The texts of a content value, thoughts left out.
fn texts(content: Option<Value>) -> Vec<String> {
    let texts = match content {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(blocks)) => {
            blocks.iter().filter_map(|block| block["text"].as_str()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    texts.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

#[test]
fn what_is_read_agrees_with_the_digests_of_the_corpus() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        println!("skipped: TURNSCOPE_CORPUS is not set");
        return;
    };
    for (session, digest) in PAIRS {
        let path = Path::new(&corpus).join(session);
        let digest = std::fs::read_to_string(path.with_file_name(digest)).expect("a digest");
        let (mut ours, expected) = (of_session(&path), of_digest(&digest));
        // The digest leaves out the results of some calls that were made side by side; the session has them.
        for (call, (_, _, ended)) in &mut ours.calls {
            *ended = ended.take().filter(|_| expected.calls.get(call).is_some_and(|known| known.2.is_some()));
        }
        assert_eq!(ours.calls, expected.calls, "{session}");
        assert_eq!(ours.answers, expected.answers, "{session}");
        assert_eq!(ours.prompts, expected.prompts, "{session}");
        assert_eq!(ours.tokens, expected.tokens, "{session}");
    }
}
