//! Tool calls and tool results, which are blocks inside the records of both sides.

use super::record::{Envelope, add_agent_task, add_attribute, add_key, add_notified_call};
use crate::domain::{Event, KeyKind, Kind, Phase, Role, Shape, Value, excerpt, flag};
use crate::import::Draft;
use crate::import::telling;

/// What a source writes into a result that it has cut.
const CUT: &[&str] =
    &["Full output saved to:", "<persisted-output>", "[truncated", " truncated] ...", "Output too large"];
/// How long an error shown in a list may be.
const LONGEST_ERROR: usize = 500;

/// Whether a block calls a tool; `server_tool_use` and `mcp_tool_use` run elsewhere but are calls all the same.
pub fn is_call(block: Value<'_>) -> bool {
    block.text_at(&["type"]).is_some_and(|kind| kind == "tool_use" || kind.ends_with("_tool_use"))
}

pub fn is_result(block: Value<'_>) -> bool {
    block.text_at(&["type"]).is_some_and(|kind| kind == "tool_result" || kind.ends_with("_tool_result"))
}

/// The call that a block makes; `base` has the keys of its record.
pub fn call(envelope: &Envelope<'_>, base: &Event, block: Value<'_>, place: usize) -> Draft {
    let mut event = base.clone();
    let tool = block.word("name").unwrap_or_else(|| "tool".to_owned());
    event.kind = Kind::Tool;
    event.event_type = block.word("type").unwrap_or_default();
    event.phase = Phase::Call;
    event.label = telling::call_label(&tool, block.get("input"));
    let id = block.word("id");
    name(&mut event, envelope, "#call:", id.as_deref(), place);
    event.keys.retain(|key| key.kind != KeyKind::ToolCall);
    add_key(&mut event, KeyKind::ToolCall, id);
    add_attribute(&mut event, "server", block.word("server_name"));
    event.tool = Some(tool);
    match block.get("input") {
        Some(input) => Draft::new(event).with(Role::Input, input.range()),
        None => Draft::new(event),
    }
}

/// The id and the turn: those of the call's id, or of the block's place where the source gave none.
fn name(event: &mut Event, envelope: &Envelope<'_>, kind: &str, id: Option<&str>, place: usize) {
    let place = place.to_string();
    event.id = envelope.event_id(&format!("{kind}{}", id.unwrap_or(&place)));
    event.turn = match (id, &envelope.uuid) {
        (Some(id), _) => Some(format!("tool:{id}")),
        (None, Some(uuid)) => Some(format!("tool:{uuid}#{place}")),
        (None, None) => None,
    };
}

/// The result that a block brings; the first of a record has the record's own account of it.
pub fn result(
    envelope: &Envelope<'_>,
    base: &Event,
    block: Value<'_>,
    place: usize,
    account: Option<Value<'_>>,
) -> Draft {
    let mut event = base.clone();
    event.kind = Kind::Tool;
    event.event_type = block.word("type").unwrap_or_default();
    event.phase = Phase::Result;
    let id = block.word("tool_use_id").or_else(|| envelope.root.word("sourceToolUseID").filter(|_| place == 0));
    name(&mut event, envelope, "#result:", id.as_deref(), place);
    add_key(&mut event, KeyKind::ToolCall, id);
    let content = block.get("content");
    let text = content.and_then(telling::first_text);
    event.label = telling::label(text.as_deref().unwrap_or_default());
    if event.label.is_empty() {
        event.label = content.map(unspoken).unwrap_or_default();
    }
    judge(&mut event, block, text.as_deref());
    if content.is_some_and(says_cut) || account.is_some_and(account_says_cut) {
        event.flags |= flag::TRUNCATED;
    }
    if event.attribute("agent_id").is_none() {
        let agent = account.and_then(|account| account.word("agentId").or_else(|| account.word("agent_id")));
        add_attribute(&mut event, "agent_id", agent);
        add_agent_task(&mut event);
    }
    if let Some(text) = &text {
        add_notified_call(&mut event, text);
    }
    let bodies = [(Role::Output, content), (Role::Metadata, account)];
    let draft = Draft::new(event);
    bodies.into_iter().fold(draft, |draft, (role, value)| match value {
        Some(value) => draft.with(role, value.range()),
        None => draft,
    })
}

/// Sets the status, and the error's text where there is one.
fn judge(event: &mut Event, block: Value<'_>, text: Option<&str>) {
    let failed = block.get("is_error").and_then(Value::bool) == Some(true)
        || block.at(&["content", "type"]).and_then(Value::text).is_some_and(|kind| kind.ends_with("_error"));
    event.status = Some(if failed { "error" } else { "ok" }.to_owned());
    if failed {
        event.flags |= flag::ERROR;
        let code = || block.at(&["content", "error_code"])?.text().map(|code| code.into_owned());
        event.error = text.map(|text| excerpt(text, LONGEST_ERROR)).filter(|text| !text.is_empty()).or_else(code);
    }
}

/// The label of a result that holds no text.
fn unspoken(content: Value<'_>) -> String {
    let kinds: Vec<_> = content.items().filter_map(|part| part.word("type")).map(|kind| format!("[{kind}]")).collect();
    if kinds.is_empty() { "(no output)".to_owned() } else { telling::label(&kinds.join(" ")) }
}

fn says_cut(content: Value<'_>) -> bool {
    telling::texts(content).iter().any(|text| telling::holds(text, CUT))
}

fn account_says_cut(account: Value<'_>) -> bool {
    account.shape() == Shape::Object
        && (account.word("persistedOutputPath").is_some()
            || account.get("truncated").and_then(Value::bool) == Some(true))
}
