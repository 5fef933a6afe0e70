//! What a model row says to a reader of a list, and which tool calls a model named.

use super::plain_label;
use crate::domain::present::ids;
use crate::domain::present::row::{first_of, scalar};
use crate::domain::telling;
use crate::domain::{Event, Key, KeyKind, Shape, Value};

/// How deep an output is searched for the names of envelopes, and how many values are looked at.
const DEEPEST: usize = 3;
const MOST: usize = 400;

/// A label, and whether it is the text of an answer.
pub fn label(event: &Event, input: Option<Value<'_>>, output: Option<Value<'_>>) -> (String, bool) {
    let answer = output.and_then(answered);
    if let Some(text) = answer {
        return (telling::label(&text), true);
    }
    let calls = output.map(named_calls).unwrap_or_default();
    if !calls.is_empty() {
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        return (telling::label(&format!("calls {}", names.join(", "))), false);
    }
    let told = output.and_then(outcome).or_else(|| event.error.clone()).or_else(|| input.and_then(asked));
    match told {
        Some(told) => (telling::label(&format!("{}: {told}", plain_label(event))), false),
        None => (plain_label(event), false),
    }
}

/// The text of an answer, wherever the provider puts it.
fn answered(output: Value<'_>) -> Option<String> {
    let choice = output.get("choices").and_then(|choices| choices.items().next());
    let message = choice.and_then(|choice| choice.get("message"));
    let places =
        [output.get("textContent"), message.and_then(|message| message.get("content")), output.get("output_text")];
    let text = places.into_iter().flatten().find_map(|place| telling::first_text(place).map(|text| text.into_owned()));
    // A transcript's text counts as said, too.
    text.or_else(|| output.get("isFinal").and_then(|_| scalar(output.get("text")?)))
}

/// What came of it, in a few words.
fn outcome(output: Value<'_>) -> Option<String> {
    let count = |name: &str| output.get(name).and_then(Value::integer);
    if let Some(generated) = count("generatedActionCount") {
        let sent = count("dispatchedActionCount").map_or_else(String::new, |sent| format!(", {sent} dispatched"));
        return Some(format!("{generated} actions{sent}"));
    }
    if let Some(actions) = count("actionCount").or_else(|| count("actionsDispatched")) {
        return Some(format!("{actions} actions"));
    }
    first_of(output, &[&["kind"], &["reason"], &["message"], &["status"]])
}

/// What was asked: the last message of a person, else a message, a prompt or an intent.
fn asked(input: Value<'_>) -> Option<String> {
    let messages = if input.shape() == Shape::Array { Some(input) } else { input.get("messages") };
    let messages =
        messages.map(|messages| messages.items().filter(|message| message.word("role").as_deref() == Some("user")));
    let last = messages.and_then(Iterator::last).and_then(|message| message.get("content"));
    if let Some(text) = last.and_then(telling::first_text) {
        return Some(text.into_owned());
    }
    first_of(input, &[&["userMessage"], &["message"], &["intent"], &["followPrompt"], &["prompt"]])
}

/// A tool call that a model named.
pub struct Named {
    pub name: String,
    pub id: Option<String>,
}

pub fn named_calls(output: Value<'_>) -> Vec<Named> {
    let choices = output.get("choices").into_iter().flat_map(Value::items);
    let messages = choices.filter_map(|choice| choice.get("message")).chain([output]);
    let mut named: Vec<Named> = Vec::new();
    for message in messages {
        let lists = ["tool_calls", "toolCalls"].iter().filter_map(|name| message.get(name));
        let single = message.get("functionCall").or_else(|| message.get("function_call"));
        for call in lists.flat_map(Value::items).chain(single) {
            let name = first_of(call, &[&["function", "name"], &["name"], &["toolName"]]);
            let id = first_of(call, &[&["id"], &["call_id"], &["callId"], &["toolCallId"]]);
            if name.is_some() || id.is_some() {
                named.push(Named { name: name.unwrap_or_else(|| "unknown".to_owned()), id });
            }
        }
    }
    named
}

/// Keys for the tool calls that an output names: their own ids, and those that its emitter makes for them.
pub fn add_named_calls(event: &mut Event, output: Value<'_>) {
    let made_from = match event.source.as_str() {
        "fairy_router" => event.values(KeyKind::Intent).next().map(str::to_owned),
        source if source.starts_with("fast_") => native_request(event),
        _ => None,
    };
    for call in named_calls(output) {
        if event.source == "voice_agent" && call.id.is_none() {
            ids::add_voice_tool(event, &call.name, "present.tool_meant");
        }
        let made = made_from.as_ref().map(|base| format!("{base}:{}", call.name));
        for id in call.id.into_iter().chain(made) {
            ids::add_key(&mut event.keys, Key::derived(KeyKind::ToolCall, id, "present.named_call"));
        }
    }
}

fn native_request(event: &Event) -> Option<String> {
    let native = event.keys.iter().find(|key| key.kind == KeyKind::Request && key.rule.is_none());
    native.map(|key| key.value.clone())
}

/// Keys for the envelopes of the run that the outcome of its model call names.
pub fn add_envelopes(event: &mut Event, output: Value<'_>) {
    let Some(run) =
        event.values(KeyKind::Session).find_map(|session| session.strip_prefix(ids::RUN)).map(str::to_owned)
    else {
        return;
    };
    let mut left = MOST;
    let mut found = Vec::new();
    envelopes(output, &run, DEEPEST, &mut left, &mut found);
    for call in found {
        ids::add_key(&mut event.keys, Key::derived(KeyKind::ToolCall, call, "present.run_envelope"));
    }
}

fn envelopes(value: Value<'_>, run: &str, depth: usize, left: &mut usize, found: &mut Vec<String>) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    if let Some(text) = value.text() {
        found.extend(Some(text.into_owned()).filter(|text| ids::run_of_envelope(text) == Some(run)));
    } else if depth > 0 {
        value.items().for_each(|item| envelopes(item, run, depth - 1, left, found));
    }
}
