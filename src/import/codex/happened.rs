//! Notices of what happened: turns that begin and end, tokens, errors, and twins of items.

use super::record::{Frame, add_attribute, base};
use super::twins::Sort;
use super::{State, items, meta, said, tokens, tools};
use crate::domain::{Kind, Value, excerpt, flag};
use crate::import::Draft;
use crate::import::telling;

pub fn read(state: &mut State, frame: &Frame<'_>) -> Draft {
    match &*frame.what {
        "user_message" => said::notice(state, frame),
        "agent_message" => items::notice(state, frame, Sort::Answer),
        "agent_reasoning" | "agent_reasoning_raw_content" => items::notice(state, frame, Sort::Thought),
        "token_count" => Draft::new(tokens::token_count(state, frame)),
        "turn.completed" => Draft::new(tokens::turn_completed(state, frame)),
        "task_started" | "turn_started" => started(state, frame),
        "task_complete" | "task_completed" | "turn_complete" | "turn_completed" | "turn_aborted" => ended(state, frame),
        "error" | "stream_error" => error(state, frame),
        "thread_name_updated" => {
            state.name = frame.item.word("thread_name").or_else(|| state.name.take());
            state.titled.0 = frame.at();
            meta::other(state, frame)
        }
        "context_compacted" => {
            state.calls.close();
            meta::other(state, frame)
        }
        _ if tools::is_account(frame) => tools::account(state, frame),
        _ => meta::other(state, frame),
    }
}

/// A user's turn begins: what follows belongs to it.
fn started(state: &mut State, frame: &Frame<'_>) -> Draft {
    state.calls.close();
    state.intent = frame.item.word("turn_id");
    let mut event = base(state, frame, Kind::Other, &frame.what);
    event.label = "turn started".to_owned();
    Draft::new(event)
}

/// A user's turn ends, well or not.
fn ended(state: &mut State, frame: &Frame<'_>) -> Draft {
    state.calls.close();
    let mut event = base(state, frame, Kind::Other, &frame.what);
    state.intent = None;
    let count = |name: &str| frame.item.get(name).and_then(Value::integer);
    event.latency = count("duration_ms").and_then(|milliseconds| milliseconds.checked_mul(1000));
    let first = count("time_to_first_token_ms").map(|milliseconds| milliseconds.to_string());
    add_attribute(&mut event, "time_to_first_token_ms", first);
    let reason = frame.item.word("reason");
    let error = frame.item.get("error").and_then(telling::any_text);
    let (status, label) = match (&error, &reason) {
        (Some(error), _) => ("error", error.clone()),
        (None, Some(reason)) => (reason.as_str(), format!("turn aborted: {reason}")),
        (None, None) => ("ok", frame.item.word("last_agent_message").unwrap_or_else(|| "turn ended".to_owned())),
    };
    event.label = telling::label(&label);
    event.status = Some(status.to_owned());
    if error.is_some() || status == "error" {
        event.flags |= flag::ERROR;
        event.error = error.map(|error| excerpt(&error, 500));
    }
    Draft::new(event)
}

fn error(state: &mut State, frame: &Frame<'_>) -> Draft {
    let mut event = base(state, frame, Kind::Other, &frame.what);
    let error = frame.item.get("error");
    let said = frame.item.word("message").or_else(|| error?.word("message")).or_else(|| telling::any_text(error?));
    event.label = telling::label(&said.unwrap_or_else(|| frame.what.clone()));
    event.flags |= flag::ERROR;
    event.status = Some("error".to_owned());
    event.error = Some(event.label.clone());
    add_attribute(&mut event, "codex_error_info", frame.item.get("codex_error_info").and_then(telling::any_text));
    Draft::new(event)
}
