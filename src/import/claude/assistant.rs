//! What the model said: one event for the record, and one for each tool that it calls.

use super::record::{Envelope, add_attribute, add_key, base};
use super::{State, blocks};
use crate::domain::price::{HOUR_WRITES, SERVICE_TIER};
use crate::domain::{Event, KeyKind, Kind, Phase, Role, Shape, Usage, UsageSource, Value, excerpt, flag};
use crate::import::Draft;
use crate::import::telling;

/// Tokens of an answer stand on each of its records and grow; the last one counts.
const USAGE_RULE: &str = "claude.message.usage";
const COUNTS: [&str; 4] = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"];
/// Text shorter than this says nothing about the count of its tokens.
const TELLING_CHARACTERS: u64 = 400;
const CHARACTERS_PER_TOKEN: u64 = 4;
/// A count this many times below what the text needs is not the count of this text.
const IMPLAUSIBLE: u64 = 20;

pub fn read(state: &mut State, envelope: &Envelope<'_>) -> Vec<Draft> {
    let shared = base(state, envelope, false);
    let content = envelope.content();
    let calls = || content.into_iter().flat_map(Value::items).enumerate().filter(|(_, block)| blocks::is_call(*block));
    let mut said = model_event(envelope, shared.clone(), content);
    for (_, block) in calls() {
        state.tasks.note(block);
        add_key(&mut said.event, KeyKind::ToolCall, block.word("id"));
    }
    let mut drafts = vec![said];
    let mut shared = shared;
    shared.model = drafts[0].event.model.clone();
    shared.provider = drafts[0].event.provider.clone();
    drafts.extend(calls().map(|(place, block)| blocks::call(envelope, &shared, block, place)));
    let results = content.into_iter().flat_map(Value::items).enumerate();
    let results = results.filter(|(_, block)| blocks::is_result(*block));
    drafts.extend(results.map(|(place, block)| blocks::result(envelope, &shared, block, place, None)));
    drafts
}

fn model_event(envelope: &Envelope<'_>, mut event: Event, content: Option<Value<'_>>) -> Draft {
    let message = envelope.root.get("message");
    let word = |name: &str| message.and_then(|message| message.word(name));
    event.kind = Kind::Model;
    event.model = word("model");
    event.provider = event.model.as_ref().filter(|model| model.starts_with("claude")).map(|_| "anthropic".to_owned());
    let named = word("id").or_else(|| envelope.root.word("requestId")).or_else(|| envelope.uuid.clone());
    event.turn = named.map(|name| format!("model:{name}"));
    event.phase = if event.turn.is_some() { Phase::Part } else { Phase::Whole };
    event.label = label(content);
    for name in ["stop_reason", "stop_sequence"] {
        add_attribute(&mut event, name, word(name));
    }
    let reported = message.and_then(|message| message.get("usage"));
    event.usage = reported.and_then(usage);
    if let Some(reported) = reported {
        telling::note_tokens(&mut event, reported, &COUNTS);
        let hour = reported.get("cache_creation").and_then(|pair| pair.get("ephemeral_1h_input_tokens"));
        let hour = hour.and_then(telling::tokens).filter(|tokens| *tokens > 0);
        add_attribute(&mut event, HOUR_WRITES, hour.map(|tokens| tokens.to_string()));
        let tier = reported.word("service_tier").filter(|tier| tier != "standard");
        add_attribute(&mut event, SERVICE_TIER, tier);
    }
    telling::doubt_usage(&mut event);
    if implausible(event.usage.as_ref(), content) {
        event.flags |= flag::IMPLAUSIBLE_USAGE;
    }
    judge(envelope, &mut event);
    match content {
        Some(content) => Draft::new(event).with(Role::Output, content.range()),
        None => Draft::new(event),
    }
}

/// Sets status and error of an answer that is none, and marks what the program itself wrote.
fn judge(envelope: &Envelope<'_>, event: &mut Event) {
    let is = |name: &str| envelope.root.get(name).and_then(Value::bool) == Some(true);
    if is("isApiErrorMessage") {
        event.flags |= flag::ERROR;
        event.status = Some("error".to_owned());
        event.error = Some(excerpt(&event.label, 500)).filter(|text| !text.is_empty());
        let code = envelope.root.get("apiErrorStatus").and_then(Value::integer);
        add_attribute(event, "api_error_status", code.map(|code| code.to_string()));
    } else if is("isAbortedMidStream") {
        event.status = Some("aborted".to_owned());
    }
    if event.model.as_deref() == Some("<synthetic>") {
        event.label = telling::label(&format!("(synthetic) {}", event.label));
    }
}

/// The first text; else what the record holds instead of one.
fn label(content: Option<Value<'_>>) -> String {
    let Some(content) = content else { return "(no content)".to_owned() };
    if content.shape() == Shape::String {
        return telling::label(&content.text().unwrap_or_default());
    }
    let blocks = || content.items();
    let text = blocks().find_map(|block| block.text().or_else(|| block.text_at(&["text"])).filter(|text| !blank(text)));
    if let Some(text) = text {
        return telling::label(&text);
    }
    let tools: Vec<_> = blocks().filter(|block| blocks::is_call(*block)).filter_map(|b| b.word("name")).collect();
    if !tools.is_empty() {
        return telling::label(&format!("calls {}", tools.join(", ")));
    }
    blocks().find_map(without_text).unwrap_or_else(|| "(empty)".to_owned())
}

fn blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// What a block without text or call is shown as.
fn without_text(block: Value<'_>) -> Option<String> {
    let kind = block.word("type")?;
    Some(match &*kind {
        "thinking" => match block.word("thinking") {
            Some(thought) => telling::label(&format!("thinking: {thought}")),
            None => "hidden thinking".to_owned(),
        },
        "redacted_thinking" => "hidden thinking".to_owned(),
        "text" => return None,
        "fallback" => telling::label(&format!("[fallback] {}", telling::any_text(block).unwrap_or_default())),
        kind => telling::label(&format!("[{kind}]")),
    })
}

/// The buckets of `message.usage`; the flat count of cache writes wins over the pair it was later split into.
fn usage(reported: Value<'_>) -> Option<Usage> {
    let count = |value: Value<'_>, name: &str| value.get(name).and_then(telling::tokens);
    let split = reported.get("cache_creation").and_then(|pair| {
        let parts = ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"].map(|name| count(pair, name));
        parts.into_iter().flatten().reduce(i64::saturating_add)
    });
    let mut usage = Usage::new(USAGE_RULE, UsageSource::Provider);
    usage.input = count(reported, "input_tokens");
    usage.cache_read = count(reported, "cache_read_input_tokens");
    usage.cache_write = count(reported, "cache_creation_input_tokens").or(split);
    usage.output = count(reported, "output_tokens");
    let known = [usage.input, usage.cache_read, usage.cache_write, usage.output];
    known.iter().any(Option::is_some).then_some(usage)
}

/// Whether the reported output cannot have made the text of this record: some versions kept a placeholder.
///
/// It is judged record by record; the count of the turn's last record is the one that is shown.
fn implausible(usage: Option<&Usage>, content: Option<Value<'_>>) -> bool {
    let Some(output) = usage.and_then(|usage| usage.output) else { return false };
    let characters = content.map_or(0, visible_characters);
    let reported = u64::try_from(output).unwrap_or(0).saturating_mul(IMPLAUSIBLE);
    characters > TELLING_CHARACTERS && characters / CHARACTERS_PER_TOKEN > reported
}

/// Characters of texts, thoughts and arguments; bytes where a text is too long to be kept whole.
fn visible_characters(content: Value<'_>) -> u64 {
    let length = |value: Value<'_>| match value.text().filter(|_| value.is_whole()) {
        Some(text) => text.chars().count() as u64,
        None => value.range().end - value.range().start,
    };
    if content.shape() == Shape::String {
        return length(content);
    }
    let of_block = |block: Value<'_>| {
        let part = ["text", "thinking", "input"].iter().find_map(|name| block.get(name));
        part.or(Some(block).filter(|block| block.shape() == Shape::String)).map_or(0, length)
    };
    content.items().map(of_block).sum()
}
