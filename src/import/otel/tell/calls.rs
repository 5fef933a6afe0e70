//! Tool calls as messages tell of them: a model's answer makes them, and the next request brings their results.
//!
//! Where no span tells of a call, these are its row. Where one does, they are parts of the row of that span, whichever
//! of them comes first: see `store::told`.

use std::collections::BTreeMap;

use super::RULE;
use super::body::{Body, call_of, walk, written};
use crate::domain::told::{CALL, RESULT, turn};
use crate::domain::{Event, Key, KeyKind, Kind, Order, Outline, Phase, Role, Shape, Value, flag};
use crate::import::otel::dialect::{Becomes, Route};
use crate::import::otel::item::{Item, Nanos, moment};
use crate::import::{Draft, telling};

/// Who answers, in the words of the dialects.
const MODELS: [&str; 4] = ["assistant", "model", "ai", "agent"];
/// What a model's own part of a conversation is called where messages have no roles.
const OWN: [&str; 3] = ["function_call", "reasoning", "tool_call"];
const RESULTS: [&str; 5] =
    ["tool_call_response", "tool-result", "tool_result", "function_call_output", "server_tool_call_response"];

/// One half of a call: its id, and the value that goes in or comes out.
struct Half<'a> {
    phase: Phase,
    tool: Option<String>,
    value: Option<Value<'a>>,
    has_failed: bool,
}

/// The halves of tool calls that a model call tells of.
pub fn told(item: &Item, route: &Route, of: &Event, bodies: &[Body]) -> Vec<Draft> {
    if !matches!(route.becomes, Becomes::Model | Becomes::Said | Becomes::Answer) {
        return Vec::new();
    }
    let mut drafts = Vec::new();
    for (role, bytes) in bodies {
        let Ok(outline) = Outline::of(bytes) else { continue };
        let (halves, at) = match role {
            Role::Input => (brought(outline.root()), item.start),
            Role::Output => (made(outline.root()), item.end.or(item.start)),
            _ => continue,
        };
        drafts.extend(halves.into_iter().map(|((id, _), half)| draft(item, of, &id, &half, bytes, at)));
    }
    drafts
}

type Halves<'a> = BTreeMap<(String, &'static str), Half<'a>>;

/// What an answer makes: calls, and the results of those that the provider ran itself.
fn made(output: Value<'_>) -> Halves<'_> {
    let mut found = Halves::new();
    walk(output, 0, &mut |value| {
        if let Some((id, half)) = result_of(value) {
            found.entry((id, RESULT)).or_insert(half);
        } else if let Some((id, tool)) = call_of(value) {
            let function = value.get("function").unwrap_or(value);
            let value = ["arguments", "input", "args"].iter().find_map(|name| function.get(name));
            found.entry((id, CALL)).or_insert(Half { phase: Phase::Call, tool, value, has_failed: false });
        }
    });
    found
}

/// The results that a request brings for the first time: those behind the last answer in it.
fn brought(input: Value<'_>) -> Halves<'_> {
    let listed = ["messages", "contents"].iter().find_map(|name| input.get(name)).unwrap_or(input);
    let messages: Vec<Value<'_>> = if listed.shape() == Shape::Array { listed.items().collect() } else { vec![listed] };
    let first = messages.iter().rposition(|message| is_of_model(*message)).map_or(0, |last| last + 1);
    let mut found = Halves::new();
    for message in &messages[first..] {
        walk(*message, 0, &mut |value| {
            if let Some((id, half)) = result_of(value) {
                found.entry((id, RESULT)).or_insert(half);
            }
        });
    }
    found
}

fn is_of_model(message: Value<'_>) -> bool {
    let message = message.get("message").unwrap_or(message);
    let is = |name: &str, words: &[&str]| message.word(name).is_some_and(|word| words.contains(&&*word));
    is("role", &MODELS) || is("type", &OWN)
}

/// A result in any dialect, with the id of its call.
fn result_of(value: Value<'_>) -> Option<(String, Half<'_>)> {
    let says_so = value.word("type").is_some_and(|kind| RESULTS.contains(&&*kind));
    let content = ["response", "result", "output", "content"].iter().find_map(|name| value.get(name));
    let named = ["tool_call_id", "toolCallId", "tool_use_id", "call_id"].iter().find_map(|name| value.word(name));
    // A message may have an id of its own around the results in it.
    let is_plain = says_so || content.is_some_and(|content| content.shape() != Shape::Array);
    let id = named.or_else(|| value.word("id").filter(|_| is_plain))?;
    let is_message = value.word("role").as_deref() == Some("tool") && content.is_some();
    let tool = ["toolName", "tool_name", "name"].iter().find_map(|name| value.word(name));
    let has_failed = ["is_error", "isError"].iter().any(|name| value.get(name).and_then(Value::bool) == Some(true));
    (says_so || is_message).then_some((id, Half { phase: Phase::Result, tool, value: content, has_failed }))
}

fn draft(item: &Item, of: &Event, id: &str, half: &Half<'_>, bytes: &[u8], at: Option<Nanos>) -> Draft {
    let (rule, what, role) = match half.phase {
        Phase::Call => (CALL, "call", Role::Input),
        _ => (RESULT, "result", Role::Output),
    };
    let mut event = Event::new(Kind::Tool, &of.source, &format!("tool_{what}"));
    event.session.clone_from(&of.session);
    event.id = format!("{}#{what}:{id}", of.id);
    event.turn = Some(turn(item.trace.as_deref().unwrap_or_default(), id));
    event.phase = half.phase;
    event.at = at.and_then(moment);
    event.order = Order { time: event.at.unwrap_or(of.order.time), ..of.order };
    event.flags |= flag::INFERRED_TIME;
    let envelope = of.keys.iter().filter(|key| {
        let is_span =
            matches!(key.kind, KeyKind::Span | KeyKind::ToolCall | KeyKind::ProviderRequest | KeyKind::Message);
        !is_span
    });
    event.keys = envelope.cloned().chain([Key::derived(KeyKind::ToolCall, id, rule)]).collect();
    event.attributes.push((RULE.to_owned(), rule.to_owned()));
    event.tool.clone_from(&half.tool);
    if half.has_failed {
        event.flags |= flag::ERROR;
        event.status = Some("error".to_owned());
    }
    let tool = half.tool.clone().unwrap_or_else(|| id.to_owned());
    event.label = match half.phase {
        Phase::Call => call_label(&tool, half.value),
        _ => telling::label(&half.value.and_then(telling::any_text).unwrap_or(tool)),
    };
    let own = half.value.map(|value| (role, written(value, bytes)));
    Draft { own: own.into_iter().collect(), ..Draft::new(event) }
}

/// Arguments are mostly JSON inside a text.
fn call_label(tool: &str, value: Option<Value<'_>>) -> String {
    let inner = value.and_then(Value::text).map(|text| text.into_owned().into_bytes());
    let inner = inner.as_deref().and_then(|bytes| Outline::of(bytes).ok());
    telling::call_label(tool, inner.as_ref().map(Outline::root).or(value))
}
