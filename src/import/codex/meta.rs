//! What is said of the session, of its turns and of its compactions; and every record that has no meaning of its own.

use super::State;
use super::identity::parent_of;
use super::record::{Frame, add_attribute, add_key, base};
use crate::domain::{Event, Key, KeyKind, Kind, Role, Shape, Value, flag};
use crate::import::Draft;
use crate::import::telling;

/// Records that are known to carry nothing but themselves.
const KNOWN: &[&str] = &[
    "FileChange",
    "account/rateLimits/updated",
    "agent_message",
    "background_event",
    "codex/event/raw_item",
    "compaction",
    "context_compacted",
    "deprecation_notice",
    "entered_review_mode",
    "exited_review_mode",
    "ghost_snapshot",
    "guardian_assessment",
    "inter_agent_communication_metadata",
    "item_completed",
    "item_started",
    "plan_update",
    "state",
    "sub_agent_activity",
    "thread_goal_updated",
    "thread_name_updated",
    "thread_rolled_back",
    "thread_settings_applied",
    "turn_diff",
    "undo_completed",
    "undo_started",
    "view_image_tool_call",
    "warning",
    "world_state",
];

/// A description of the session; the first is its own, later ones repeat it or were copied from a parent.
pub fn session(state: &mut State, frame: &Frame<'_>) -> Draft {
    let meta = frame.item;
    let mut event = base(state, frame, Kind::Other, "session_meta");
    if let Some(id) = meta.word("id") {
        event.keys.retain(|key| key.kind != KeyKind::Session);
        event.keys.push(Key::native(KeyKind::Session, id));
    }
    if !state.described {
        learn(state, meta);
    }
    let version = meta.word("cli_version").unwrap_or_else(|| "?".to_owned());
    event.label = telling::label(&format!("Codex {version} in {}", meta.word("cwd").unwrap_or_default()));
    event.provider = meta.word("model_provider");
    add_attribute(&mut event, "forked_from", meta.word("forked_from_id"));
    add_attribute(&mut event, "parent_thread_id", parent_of(meta));
    for name in ["originator", "cli_version", "agent_nickname", "agent_role"] {
        add_attribute(&mut event, name, meta.word(name));
    }
    let base_instructions = meta.get("base_instructions");
    let system =
        base_instructions.and_then(|base| base.get("text").or(Some(base))).or_else(|| meta.get("instructions"));
    let bodies = [(Role::System, system), (Role::Tools, meta.get("dynamic_tools"))];
    with_bodies(event, &bodies)
}

fn learn(state: &mut State, meta: Value<'_>) {
    state.described = true;
    state.cwd = meta.word("cwd").or_else(|| state.cwd.take());
    state.git_branch = meta.get("git").and_then(|git| git.word("branch"));
    state.provider = meta.word("model_provider");
    state.model = meta.word("model").or_else(|| state.model.take());
}

fn with_bodies(event: Event, bodies: &[(Role, Option<Value<'_>>)]) -> Draft {
    let filled = |value: &Value<'_>| !value.is_null() && value.text().is_none_or(|text| !text.is_empty());
    bodies.iter().fold(Draft::new(event), |draft, (role, value)| match value.filter(filled) {
        Some(value) => draft.with(*role, value.range()),
        None => draft,
    })
}

/// The settings of a turn.
pub fn turn_context(state: &mut State, frame: &Frame<'_>) -> Draft {
    let context = frame.item;
    state.calls.close();
    state.model = context.word("model").or_else(|| state.model.take());
    state.intent = context.word("turn_id").or_else(|| state.intent.take());
    state.cwd = state.cwd.take().or_else(|| context.word("cwd"));
    let mut event = base(state, frame, Kind::Other, "turn_context");
    add_key(&mut event, KeyKind::Trace, context.word("trace_id"));
    event.model.clone_from(&state.model);
    event.provider.clone_from(&state.provider);
    let settings: Vec<_> =
        ["model", "effort", "approval_policy", "cwd"].iter().filter_map(|name| context.word(name)).collect();
    event.label = telling::label(&settings.join(" · "));
    let system = context.get("developer_instructions").or_else(|| context.get("base_instructions"));
    with_bodies(event, &[(Role::Context, context.get("user_instructions")), (Role::System, system)])
}

/// The history was replaced by a shorter one, which is kept in the record and not played again.
pub fn compacted(state: &mut State, frame: &Frame<'_>) -> Draft {
    state.calls.close();
    let mut event = base(state, frame, Kind::Other, "compacted");
    let kept = frame.item.get("replacement_history").map_or(0, Value::len);
    let message = frame.word("message");
    event.label = telling::label(format!("compacted to {kept} items {message}").trim_end());
    add_attribute(&mut event, "window_number", frame.item.get("window_number").and_then(number));
    match frame.item.get("message").filter(|_| !message.is_empty()) {
        Some(message) => Draft::new(event).with(Role::Context, message.range()),
        None => Draft::new(event),
    }
}

fn number(value: Value<'_>) -> Option<String> {
    value.integer().map(|number| number.to_string())
}

/// A record that is no part of a call, a turn or a description.
pub fn other(state: &mut State, frame: &Frame<'_>) -> Draft {
    let what = [frame.what.as_str(), frame.kind.as_str()].into_iter().find(|name| !name.is_empty());
    let what = what.map(str::to_owned).or_else(|| frame.item.word("record_type"));
    let known = what.as_deref().is_some_and(|what| KNOWN.contains(&what) || what.ends_with("_end"));
    let part = frame.item.get("item").and_then(|item| item.word("type"));
    let name = what.unwrap_or_else(|| "record".to_owned());
    let mut event = base(state, frame, Kind::Other, &part.map_or(name.clone(), |part| format!("{name}/{part}")));
    if !known {
        event.flags |= flag::UNKNOWN;
    }
    event.label = telling::label(&label(frame));
    for (member, attribute) in [("agent_thread_id", "agent_thread_id"), ("thread_id", "thread_id")] {
        add_attribute(&mut event, attribute, frame.item.word(member));
    }
    Draft::new(event)
}

fn label(frame: &Frame<'_>) -> String {
    let item = frame.item;
    if item.shape() != Shape::Object {
        return String::from_utf8_lossy(item.kept()).into_owned();
    }
    const DULL: &[&str] = &["type", "timestamp", "thread_id", "turn_id", "threadId", "turnId", "call_id", "id"];
    let told = |value: &Value<'_>| value.name().is_some_and(|name| !DULL.contains(&&*name));
    if let Some(turns) = item.get("num_turns").and_then(Value::integer) {
        return format!("rolled back {turns} turns");
    }
    ["thread_name", "message", "text"]
        .iter()
        .find_map(|name| item.word(name))
        .or_else(|| item.items().filter(told).find_map(telling::any_text))
        .unwrap_or_default()
}
