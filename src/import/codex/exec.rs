//! The stream that `codex exec --json` prints: items that start and complete, in an outline of the session.

use super::outcome::{self, Outcome};
use super::record::{Frame, add_key, base, join_call};
use super::{State, meta, tokens};
use crate::domain::{Event, KeyKind, Kind, Phase, Role, Shape, Value, excerpt, flag};
use crate::import::Draft;
use crate::import::telling;

/// Whether a record is one of this stream.
pub fn is_record(root: Value<'_>) -> bool {
    let is_object = |name: &str| root.get(name).is_some_and(|value| value.shape() == Shape::Object);
    match root.word("type").as_deref() {
        Some("thread.started") => root.word("thread_id").is_some(),
        Some("turn.completed") => is_object("usage"),
        Some("turn.started") => root.len() == 1,
        Some("turn.failed") => is_object("error"),
        Some("item.started" | "item.updated" | "item.completed") => {
            root.get("item").is_some_and(|item| item.word("type").is_some() && item.word("id").is_some())
        }
        _ => false,
    }
}

pub fn read(state: &mut State, frame: &Frame<'_>) -> Vec<Draft> {
    let Some(item) = frame.item.get("item") else { return vec![around(state, frame)] };
    let kind = item.word("type").unwrap_or_default();
    let drafts = match &*kind {
        "agent_message" | "reasoning" => said(state, frame, item, &kind),
        "command_execution" | "mcp_tool_call" | "file_change" | "web_search" | "collab_tool_call" => {
            tool(state, frame, item, &kind)
        }
        _ => {
            let mut event = base(state, frame, Kind::Other, &format!("{}/{kind}", frame.what));
            event.label = telling::label(&telling::any_text(item).unwrap_or_default());
            if kind == "error" {
                fail(&mut event);
            }
            Draft::new(event)
        }
    };
    vec![drafts]
}

/// The turn and the thread around the items.
fn around(state: &mut State, frame: &Frame<'_>) -> Draft {
    match &*frame.what {
        "turn.completed" => Draft::new(tokens::turn_completed(state, frame)),
        "turn.failed" => {
            let mut event = base(state, frame, Kind::Other, &frame.what);
            event.label = telling::label(&frame.item.get("error").and_then(telling::any_text).unwrap_or_default());
            fail(&mut event);
            Draft::new(event)
        }
        _ => {
            state.calls.close();
            let mut draft = meta::other(state, frame);
            draft.event.flags &= !flag::UNKNOWN;
            add_key(&mut draft.event, KeyKind::Session, frame.item.word("thread_id"));
            draft
        }
    }
}

fn fail(event: &mut Event) {
    event.flags |= flag::ERROR;
    event.status = Some("error".to_owned());
    event.error = Some(excerpt(&event.label, 500));
}

fn said(state: &mut State, frame: &Frame<'_>, item: Value<'_>, kind: &str) -> Draft {
    let ordinal = state.calls.item();
    let mut event = join_call(state, base(state, frame, Kind::Model, kind), ordinal, Phase::Part);
    let text = item.get("text");
    event.label = telling::label(&text.and_then(Value::text).unwrap_or_default());
    match text {
        Some(text) => Draft::new(event).with(Role::Output, text.range()),
        None => Draft::new(event),
    }
}

/// A tool's item: its start is the call, its end the result.
fn tool(state: &mut State, frame: &Frame<'_>, item: Value<'_>, kind: &str) -> Draft {
    let id = item.word("id");
    let mut event = base(state, frame, Kind::Tool, &format!("{}/{kind}", frame.what));
    let input = ["command", "arguments", "changes", "query"].iter().find_map(|name| item.get(name));
    let output = ["aggregated_output", "result"].iter().find_map(|name| item.get(name));
    let tool = item.word("tool").map(|tool| format!("{}.{tool}", item.word("server").unwrap_or_default()));
    event.label = telling::call_label(tool.as_deref().unwrap_or(kind), input);
    event.tool = tool.or_else(|| Some(kind.to_owned()));
    event.turn = id.as_ref().map(|id| format!("tool:{id}"));
    add_key(&mut event, KeyKind::ToolCall, id);
    let mut draft = Draft::new(event);
    if let Some(input) = input {
        draft = draft.with(Role::Input, input.range());
    }
    draft.event.phase = match &*frame.what {
        "item.started" => Phase::Call,
        "item.updated" => Phase::Part,
        // These are told only when they are done.
        _ if matches!(kind, "file_change" | "web_search") => Phase::Whole,
        _ => Phase::Result,
    };
    if draft.event.phase == Phase::Call {
        state.calls.item();
        return draft;
    }
    state.calls.answered();
    Outcome { text: None, ..outcome::of_account(item) }.apply(&mut draft.event);
    match output.filter(|output| !output.is_null()) {
        Some(output) => draft.with(Role::Output, output.range()),
        None => draft,
    }
}
