//! Whose file it is: tells Claude Code's records from others, and finds the session, its parent and its lineage.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Opening, other};
use crate::domain::{Outline, Shape, Value};
use crate::import::telling::is_uuid;

/// The session that a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    pub session: String,
    pub parent: Option<String>,
    pub lineage: String,
}

impl Identity {
    pub fn of(opening: &Opening<'_>) -> Self {
        let stem = stem_of(opening.path);
        if let Some(agent) = sub_agent(&stem, opening.head)
            && let Some(parent) = parent_of(&agent, opening)
        {
            return Self { session: format!("{agent}@{parent}"), parent: Some(parent.clone()), lineage: parent };
        }
        let session = own_session(stem, opening);
        Self { parent: None, lineage: session.clone(), session }
    }
}

fn stem_of(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn own_session(stem: String, opening: &Opening<'_>) -> String {
    let mut named = opening.head.iter().filter_map(|record| record.root().word("sessionId"));
    if is_uuid(&stem) {
        let in_head = named.clone().any(|session| session == stem);
        if in_head || (opening.contains)(&format!("\"sessionId\":\"{stem}\"")) {
            return stem;
        }
    }
    named.next().unwrap_or(stem)
}

/// The id of the sub-agent whose file it is: all that was said in it was said on a side chain.
fn sub_agent(stem: &str, head: &[Outline]) -> Option<String> {
    let chat = |root: &Value<'_>| matches!(root.word("type").as_deref(), Some("user" | "assistant"));
    let said: Vec<_> = head.iter().map(Outline::root).filter(chat).collect();
    let beside = |root: &Value<'_>| root.get("isSidechain").and_then(Value::bool) == Some(true);
    if said.is_empty() || !said.iter().all(beside) {
        return None;
    }
    let mut agents = said.iter().map(|root| root.word("agentId"));
    let first = agents.next().flatten();
    match first {
        Some(first) if agents.all(|agent| agent.as_ref() == Some(&first)) => Some(first),
        _ => stem.strip_prefix("agent-").filter(|agent| !agent.is_empty()).map(str::to_owned),
    }
}

/// The session of a sub-agent's parent: what its records name, else the folder above `subagents`.
fn parent_of(agent: &str, opening: &Opening<'_>) -> Option<String> {
    let own = |session: &String| session == agent || session.strip_prefix("agent-") == Some(agent);
    let named = opening.head.iter().filter_map(|record| record.root().word("sessionId")).find(|name| !own(name));
    named.or_else(|| {
        let folder = opening.path.parent().filter(|folder| folder.ends_with("subagents"))?;
        Some(folder.parent()?.file_name()?.to_string_lossy().into_owned())
    })
}

/// Whether a record is one of an agent that took over Claude Code's envelope but not its messages, or of a digest.
pub fn is_foreign(root: Value<'_>) -> bool {
    let digest = root.get("v").is_some() && root.get("agent").is_some();
    digest || root.at(&["message", "parts"]).is_some() || root.get("systemPayload").is_some()
}

/// Whether a record is one of Claude Code's.
pub fn is_record(root: Value<'_>) -> bool {
    if root.shape() != Shape::Object || is_foreign(root) {
        return false;
    }
    let has = |name: &str| root.get(name).is_some_and(|value| !value.is_null());
    let session = root.word("sessionId").is_some();
    let message = root.get("message").is_some_and(|message| message.shape() == Shape::Object);
    match root.word("type").as_deref() {
        Some("user" | "assistant" | "system" | "progress" | "attachment") => {
            let named = has("uuid") || has("requestId") || root.get("parentUuid").is_some();
            (session && (named || message)) || (has("uuid") && (message || has("isSidechain")))
        }
        Some("file-history-snapshot") => has("messageId") && has("snapshot"),
        Some("summary") => has("leafUuid"),
        Some("queue-operation") => session && has("timestamp"),
        Some("tool_use" | "tool_result" | "session_start") => session && has("uuid"),
        Some("started" | "result") => has("agentId") && has("key"),
        Some(kind) if other::is_known(kind) => session,
        Some(_) => session && has("uuid") && root.get("parentUuid").is_some(),
        None => session && message && (has("requestId") || has("uuid")),
    }
}
