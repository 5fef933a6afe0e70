//! The envelope that most records share, and the event that every record's events start from.

use super::{AGENT, State};
use crate::domain::{Event, Key, KeyKind, Kind, Shape, Value, flag};
use crate::import::telling;

/// How the prompt above a record was found.
const PROMPT_RULE: &str = "claude.prompt_ancestor";
/// Where a call's id stands in the text of a notification.
const NOTIFICATION_RULE: &str = "claude.task_notification";

/// Members that become attributes under another name.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("parentUuid", "parent"),
    ("logicalParentUuid", "logical_parent"),
    ("sourceToolAssistantUUID", "source_tool_assistant"),
    ("agentId", "agent_id"),
    ("parentToolUseID", "parent_tool_use_id"),
    ("promptId", "prompt_id"),
    ("leafUuid", "leaf"),
    ("messageId", "record_message_id"),
    ("operation", "operation"),
    ("teamName", "team"),
    ("agentName", "agent_name"),
];

/// The members that nearly every record has.
pub struct Envelope<'a> {
    pub root: Value<'a>,
    /// The record's `type`; empty where it has none.
    pub kind: String,
    pub uuid: Option<String>,
    /// Also over a compaction, where only the logical parent is left.
    pub parent: Option<String>,
    pub sidechain: bool,
}

impl<'a> Envelope<'a> {
    pub fn of(root: Value<'a>) -> Self {
        Self {
            root,
            kind: root.word("type").unwrap_or_default(),
            uuid: root.word("uuid"),
            parent: root.word("parentUuid").or_else(|| root.word("logicalParentUuid")),
            sidechain: root.get("isSidechain").and_then(Value::bool) == Some(true),
        }
    }

    /// The value of `message.content`, unless it is null; a message that is a mere string is its own content.
    pub fn content(&self) -> Option<Value<'a>> {
        let message = self.root.get("message")?;
        let content = if message.shape() == Shape::String { Some(message) } else { message.get("content") };
        content.filter(|content| !content.is_null())
    }

    /// The id of an event of this record; starts with `#` where the record has no uuid.
    pub fn event_id(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.uuid.as_deref().unwrap_or_default())
    }
}

/// The event that all events of a record start from: its time, keys and attributes.
pub fn base(state: &mut State, envelope: &Envelope<'_>, is_prompt: bool) -> Event {
    let root = envelope.root;
    let mut event = Event::new(Kind::Other, AGENT, &envelope.kind);
    event.session = state.identity.session.clone();
    event.id = envelope.event_id("");
    event.at = root.get("timestamp").and_then(telling::time);
    telling::note_time(&mut event, root.get("timestamp"));
    if envelope.sidechain && state.identity.parent.is_none() {
        event.flags |= flag::SIDECHAIN;
    }
    for name in ["sessionId", "session_id"] {
        add_key(&mut event, KeyKind::Session, root.word(name));
    }
    add_key(&mut event, KeyKind::Request, root.word("requestId"));
    add_key(&mut event, KeyKind::Message, root.get("message").and_then(|message| message.word("id")));
    let prompt = state.prompts.note(envelope.uuid.as_deref(), envelope.parent.as_deref(), is_prompt);
    if let Some(prompt) = prompt {
        event.keys.push(Key::derived(KeyKind::Intent, prompt, PROMPT_RULE));
    }
    for (member, name) in ATTRIBUTES {
        add_attribute(&mut event, name, root.word(member));
    }
    add_attribute(&mut event, "forked_from", forked_from(root));
    add_attribute(&mut event, "version", state.new_version(envelope));
    event
}

/// A native key, once.
pub fn add_key(event: &mut Event, kind: KeyKind, value: Option<String>) {
    let key = value.map(|value| Key::native(kind, value));
    event.keys.extend(key.filter(|key| !event.keys.contains(key)));
}

/// A sub-agent and the call that started it name the same agent; for the correlation that is a task.
pub fn add_agent_task(event: &mut Event) {
    if let Some(agent) = event.attribute("agent_id") {
        let key = Key::derived(KeyKind::Task, agent, "claude.agent_id");
        event.keys.push(key);
    }
}

pub fn add_attribute(event: &mut Event, name: &str, value: Option<String>) {
    if let Some(value) = value {
        event.attributes.push((name.to_owned(), value));
    }
}

/// Ties a background task's notification to the call that started the task.
pub fn add_notified_call(event: &mut Event, text: &str) {
    let named = text.split_once("<tool-use-id>").and_then(|(_, rest)| rest.split_once("</tool-use-id>"));
    if let Some((call, _)) = named.filter(|(call, _)| !call.trim().is_empty()) {
        event.keys.push(Key::derived(KeyKind::ToolCall, call.trim(), NOTIFICATION_RULE));
    }
}

/// The session that a copied record was copied from.
fn forked_from(root: Value<'_>) -> Option<String> {
    let origin = root.get("forkedFrom")?;
    origin.text().map(|text| text.into_owned()).or_else(|| origin.word("sessionId"))
}
