//! The items of a conversation: what the model said, thought and called, and what its tools answered.

use super::record::{Frame, base, join_call};
use super::twins::{Side, Sort};
use super::{State, meta, said, tokens, tools};
use crate::domain::{Event, Kind, Phase, Role, Value, flag};
use crate::import::Draft;
use crate::import::telling;

pub fn read(state: &mut State, frame: &Frame<'_>) -> Vec<Draft> {
    match &*frame.what {
        "message" | "Message" => vec![message(state, frame)],
        "" if frame.item.get("role").is_some() => vec![message(state, frame)],
        "reasoning" => vec![reasoning(state, frame)],
        "token_count" => vec![Draft::new(tokens::token_count(state, frame))],
        "function_call" | "custom_tool_call" | "local_shell_call" | "tool_search_call" => tools::call(state, frame),
        "tool_call" | "FunctionCall" => tools::call(state, frame),
        "web_search_call" => vec![tools::search(state, frame)],
        "image_generation_call" => vec![tools::image(state, frame)],
        kind if kind.ends_with("_output") || kind == "tool_result" => vec![tools::output(state, frame)],
        _ => vec![meta::other(state, frame)],
    }
}

fn message(state: &mut State, frame: &Frame<'_>) -> Draft {
    match &*frame.word("role") {
        "assistant" => answer(state, frame),
        role => said::message(state, frame, role),
    }
}

/// A message of the model.
fn answer(state: &mut State, frame: &Frame<'_>) -> Draft {
    let content = ["content", "message", "text"].iter().find_map(|name| frame.item.get(name));
    let texts: Vec<_> = content.map(telling::texts).unwrap_or_default();
    let forms = [texts.concat()];
    let mut event = model_event(state, frame, Side::Item, Sort::Answer, &forms);
    let shown = texts.into_iter().find(|text| !text.trim().is_empty());
    event.label = telling::label(&shown.unwrap_or("(empty)".into()));
    add_phase(&mut event, frame);
    match content {
        Some(content) => Draft::new(event).with(Role::Output, content.range()),
        None => Draft::new(event),
    }
}

/// Codex says whether a message is a comment on the way or the final answer.
fn add_phase(event: &mut Event, frame: &Frame<'_>) {
    super::record::add_attribute(event, "phase", frame.item.word("phase"));
}

/// A thought, of which often only the encrypted form was kept.
fn reasoning(state: &mut State, frame: &Frame<'_>) -> Draft {
    let mut forms: Vec<String> = Vec::new();
    for part in [frame.item.get("summary"), frame.item.get("content")].into_iter().flatten() {
        forms.extend(telling::texts(part).into_iter().map(std::borrow::Cow::into_owned));
    }
    forms.retain(|form| !form.trim().is_empty());
    let mut event = model_event(state, frame, Side::Item, Sort::Thought, &forms);
    event.label = match forms.first() {
        Some(thought) => telling::label(thought),
        None => "hidden reasoning".to_owned(),
    };
    Draft::new(event).with(Role::Output, frame.item.range())
}

/// The event of a notice that the model has said or thought something.
pub fn notice(state: &mut State, frame: &Frame<'_>, sort: Sort) -> Draft {
    let text = frame.item.get("message").or_else(|| frame.item.get("text"));
    let said = text.and_then(Value::text).unwrap_or_default();
    let mut event = model_event(state, frame, Side::Notice, sort, &[said.clone().into_owned()]);
    event.label = telling::label(&said);
    add_phase(&mut event, frame);
    match text {
        Some(text) => Draft::new(event).with(Role::Output, text.range()),
        None => Draft::new(event),
    }
}

/// An event of the current model call, or of the call of the twins of its texts.
///
/// A thought has several texts with a notice each; a thought is a twin when all of them were read before.
fn model_event(state: &mut State, frame: &Frame<'_>, side: Side, sort: Sort, forms: &[String]) -> Event {
    let event = base(state, frame, Kind::Model, &frame.what);
    let paired: Vec<_> = forms.iter().map(|form| state.twins.take(side, sort, std::slice::from_ref(form))).collect();
    let ordinal = if side == Side::Item { state.calls.item() } else { notice_ordinal(state, &paired) };
    let mut event = join_call(state, event, ordinal, Phase::Part);
    if let Some(turn) = paired.iter().flatten().next() {
        event.turn = Some(turn.clone());
    }
    if !paired.is_empty() && paired.iter().all(Option::is_some) {
        event.flags |= flag::TWIN;
    }
    let turn = event.turn.clone().unwrap_or_default();
    for (form, paired) in forms.iter().zip(&paired) {
        if paired.is_none() && !form.trim().is_empty() {
            state.twins.wait(side, sort, std::slice::from_ref(form), &turn);
        }
    }
    event
}

/// A notice behind its item belongs to the item's call; one before it belongs to the call that begins.
fn notice_ordinal(state: &mut State, paired: &[Option<String>]) -> u64 {
    let latest = state.calls.latest().filter(|_| paired.iter().any(Option::is_some));
    latest.unwrap_or_else(|| state.calls.announcement())
}
