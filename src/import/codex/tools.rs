//! Tool calls, their outputs, and the program's own account of how they went.

use serde::{Deserialize, Serialize};

use super::outcome::{self, Outcome};
use super::record::{Frame, add_attribute, add_key, base, join_call};
use super::{State, twins};
use crate::domain::{Event, Key, KeyKind, Kind, Phase, Role, Value, flag};
use crate::import::Draft;
use crate::import::telling;

/// Calls and outputs without an id are paired in their order.
const ORDER_RULE: &str = "codex.tool_order";

/// Calls that have no id.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Unnamed {
    count: u64,
    /// Those that wait for their output, with the tool's name.
    open: Vec<(String, u64)>,
}

/// A call: an event of the model, which made it, and one of the tool.
pub fn call(state: &mut State, frame: &Frame<'_>) -> Vec<Draft> {
    let ordinal = state.calls.item();
    let tool = tool_name(frame);
    let input = ["arguments", "input", "action", "args"].iter().find_map(|name| frame.item.get(name));
    let id = call_id(frame);
    let label = telling::call_label(&tool, input);
    let mut said = join_call(state, base(state, frame, Kind::Model, &frame.what), ordinal, Phase::Part);
    said.label = telling::label(&format!("calls {label}"));
    add_key(&mut said, KeyKind::ToolCall, id.clone());
    let mut called = base(state, frame, Kind::Tool, &frame.what);
    called.id = "#call".to_owned();
    called.label = label;
    called.phase = Phase::Call;
    called.turn = Some(match &id {
        Some(id) => format!("tool:{id}"),
        None => open_unnamed(state, &tool, &mut called),
    });
    add_key(&mut called, KeyKind::ToolCall, id);
    called.tool = Some(tool);
    let mut called = Draft::new(called);
    if let Some(input) = input {
        called = called.with(Role::Input, input.range());
    }
    if let Some(result) = frame.item.get("result").filter(|_| frame.what == "FunctionCall") {
        called = called.with(Role::Output, result.range());
        called.event.phase = Phase::Whole;
    }
    vec![Draft::new(said).with(Role::Output, frame.item.range()), called]
}

fn call_id(frame: &Frame<'_>) -> Option<String> {
    frame.item.word("call_id").or_else(|| frame.item.word("callId"))
}

fn tool_name(frame: &Frame<'_>) -> String {
    let item = frame.item;
    let function = || item.get("function").and_then(|function| function.word("name"));
    let named = item.word("name").or_else(function).or_else(|| item.word("tool"));
    match (item.word("namespace"), named) {
        (Some(space), Some(name)) => format!("{space}.{name}"),
        (None, Some(name)) => name,
        (_, None) => frame.what.trim_end_matches("_call").to_owned(),
    }
}

fn open_unnamed(state: &mut State, tool: &str, event: &mut Event) -> String {
    state.tools.count += 1;
    let number = state.tools.count;
    if state.tools.open.len() < 64 {
        state.tools.open.push((tool.to_owned(), number));
    }
    name_by_order(state, number, event)
}

fn name_by_order(state: &State, number: u64, event: &mut Event) -> String {
    let name = format!("{}:unnamed:{number}", state.identity.session);
    event.keys.push(Key::derived(KeyKind::ToolCall, &name, ORDER_RULE));
    format!("tool:{name}")
}

/// An output: the result of a call.
pub fn output(state: &mut State, frame: &Frame<'_>) -> Draft {
    state.calls.answered();
    let mut event = base(state, frame, Kind::Tool, &frame.what);
    let output = ["output", "result", "tools"].iter().find_map(|name| frame.item.get(name));
    event.phase = Phase::Result;
    event.turn = match call_id(frame) {
        Some(id) => {
            add_key(&mut event, KeyKind::ToolCall, Some(id.clone()));
            Some(format!("tool:{id}"))
        }
        None => close_unnamed(state, frame, &mut event),
    };
    outcome::of_output(frame.item, output).apply(&mut event);
    match output {
        Some(output) => Draft::new(event).with(Role::Output, output.range()),
        None => Draft::new(event),
    }
}

/// The oldest open call of the same tool, if there is one.
fn close_unnamed(state: &mut State, frame: &Frame<'_>, event: &mut Event) -> Option<String> {
    let tool = frame.item.word("name");
    event.tool.clone_from(&tool);
    let fits = |open: &(String, u64)| tool.as_ref().is_none_or(|tool| *tool == open.0);
    let place = state.tools.open.iter().position(fits)?;
    let (_, number) = state.tools.open.remove(place);
    Some(name_by_order(state, number, event))
}

/// A search that the provider ran: the item has no id, only the notice before or behind it has.
pub fn search(state: &mut State, frame: &Frame<'_>) -> Draft {
    state.calls.item();
    let mut event = base(state, frame, Kind::Tool, &frame.what);
    event.tool = Some("web_search".to_owned());
    event.label = telling::call_label("web_search", frame.item.get("action"));
    event.status = frame.item.word("status");
    let query = [search_text(frame)];
    event.turn = Some(match state.twins.take(twins::Side::Item, twins::Sort::Search, &query) {
        Some(turn) => {
            event.flags |= flag::TWIN;
            event.phase = Phase::Part;
            turn
        }
        None => {
            state.tools.count += 1;
            let turn = format!("tool:{}:ws:{}", state.identity.session, state.tools.count);
            state.twins.wait(twins::Side::Item, twins::Sort::Search, &query, &turn);
            turn
        }
    });
    match frame.item.get("action") {
        Some(action) => Draft::new(event).with(Role::Input, action.range()),
        None => Draft::new(event),
    }
}

/// What tells two searches apart on both sides.
fn search_text(frame: &Frame<'_>) -> String {
    let action = frame.item.get("action");
    let part = |name: &str| action.and_then(|action| action.word(name)).unwrap_or_default();
    format!("{} {} {} {}", part("type"), part("query"), part("url"), part("pattern"))
}

/// An image that the provider made: call and result in one.
pub fn image(state: &mut State, frame: &Frame<'_>) -> Draft {
    state.calls.item();
    let mut event = base(state, frame, Kind::Tool, &frame.what);
    event.tool = Some("image_generation".to_owned());
    event.label = telling::label(&format!("image_generation {}", frame.word("revised_prompt")));
    event.status = frame.item.word("status");
    let id = frame.item.word("id");
    event.turn = id.as_ref().map(|id| format!("tool:{id}"));
    add_key(&mut event, KeyKind::ToolCall, id);
    match frame.item.get("result") {
        Some(result) => Draft::new(event).with(Role::Output, result.range()),
        None => Draft::new(event),
    }
}

/// Whether a notice tells how a call went.
pub fn is_account(frame: &Frame<'_>) -> bool {
    const ENDINGS: [&str; 5] = ["_begin", "_end", "_call_request", "_call_response", "_tool_call"];
    call_id(frame).is_some() && ENDINGS.iter().any(|ending| frame.what.ends_with(ending))
}

/// The program's own account of a call: repeats what call and output say, and adds how long it took.
pub fn account(state: &mut State, frame: &Frame<'_>) -> Draft {
    let mut event = base(state, frame, Kind::Tool, &frame.what);
    let id = call_id(frame).unwrap_or_default();
    let item = frame.item;
    event.phase = Phase::Part;
    event.flags |= flag::TWIN;
    event.turn = Some(account_turn(state, frame, &id));
    add_key(&mut event, KeyKind::ToolCall, Some(id));
    let invocation = item.get("invocation");
    let server = invocation.and_then(|invocation| invocation.word("server"));
    let called = invocation.and_then(|invocation| invocation.word("tool"));
    event.tool = match (server.or_else(|| item.word("namespace")), called.or_else(|| item.word("tool"))) {
        (Some(space), Some(tool)) => Some(format!("{space}.{tool}")),
        (_, tool) => tool,
    };
    let input = ["command", "arguments", "changes", "action", "prompt", "path"].iter().find_map(|name| item.get(name));
    let input = input.or_else(|| invocation.and_then(|invocation| invocation.get("arguments")));
    let output = ["aggregated_output", "result", "content_items", "results", "stdout", "agent_statuses"];
    let output = output.iter().find_map(|name| item.get(name)).filter(|output| !output.is_empty() || is_text(*output));
    event.label = telling::call_label(event.tool.as_deref().unwrap_or(&frame.what), input);
    Outcome { text: None, ..outcome::of_account(item) }.apply(&mut event);
    event.latency = outcome::duration(item);
    add_attribute(&mut event, "new_thread_id", item.word("new_thread_id"));
    add_attribute(&mut event, "receiver_thread_id", item.word("receiver_thread_id"));
    let bodies = [(Role::Input, input), (Role::Output, output)];
    bodies.into_iter().fold(Draft::new(event), |draft, (role, value)| match value {
        Some(value) => draft.with(role, value.range()),
        None => draft,
    })
}

fn is_text(value: Value<'_>) -> bool {
    value.text().is_some()
}

/// The call's own turn, but for a search, whose item has no id and waits for its notice or is waited for.
fn account_turn(state: &mut State, frame: &Frame<'_>, id: &str) -> String {
    let turn = format!("tool:{id}");
    if frame.what != "web_search_end" {
        return turn;
    }
    let query = [search_text(frame)];
    state.twins.take(twins::Side::Notice, twins::Sort::Search, &query).unwrap_or_else(|| {
        state.twins.wait(twins::Side::Notice, twins::Sort::Search, &query, &turn);
        turn
    })
}
