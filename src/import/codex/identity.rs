//! Whose file it is: tells Codex's records from others, and finds the session, its parent and its lineage.

use serde::{Deserialize, Serialize};

use super::Opening;
use super::exec;
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
        let roots = || opening.head.iter().map(Outline::root);
        let described = roots().find_map(|root| {
            let meta = meta_of(root)?;
            Some((meta, meta.word("id")?))
        });
        let Some((meta, session)) = described else {
            let thread = roots().filter(|root| exec::is_record(*root)).find_map(|root| root.word("thread_id"));
            let session = thread.unwrap_or_else(|| from_name(opening));
            return Self { parent: None, lineage: session.clone(), session };
        };
        let parent = parent_of(meta);
        let lineage = parent.clone().or_else(|| meta.word("forked_from_id")).unwrap_or_else(|| session.clone());
        Self { session, parent, lineage }
    }
}

/// The thread that spawned this one.
pub fn parent_of(meta: Value<'_>) -> Option<String> {
    let spawned = meta.at(&["source", "subagent", "thread_spawn"]).and_then(|spawn| spawn.word("parent_thread_id"));
    spawned.or_else(|| meta.word("parent_thread_id"))
}

/// What a record says of the session as a whole, where it is there to say that.
fn meta_of(root: Value<'_>) -> Option<Value<'_>> {
    match root.word("type").as_deref() {
        Some("session_meta") => root.get("payload"),
        _ => Some(root).filter(|root| is_bare_header(*root)),
    }
}

/// The UUID at the end of a rollout's name, else the whole name.
fn from_name(opening: &Opening<'_>) -> String {
    let stem = opening.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let uuid = stem.len().checked_sub(36).and_then(|at| stem.get(at..)).filter(|uuid| is_uuid(uuid));
    match uuid {
        Some(uuid) if stem.starts_with("rollout-") => uuid.to_owned(),
        _ => stem,
    }
}

/// The first line of a bare rollout, which has no type.
pub fn is_bare_header(root: Value<'_>) -> bool {
    root.get("type").is_none()
        && root.word("id").is_some()
        && root.word("timestamp").is_some()
        && root.get("instructions").is_some()
}

/// Whether a record is one of Codex's.
pub fn is_record(root: Value<'_>) -> bool {
    if root.shape() != Shape::Object || (root.get("v").is_some() && root.get("agent").is_some()) {
        return false;
    }
    let kind = root.word("type");
    let wrapped = root.get("payload").is_some_and(|payload| payload.shape() == Shape::Object);
    let has = |name: &str| root.get(name).is_some();
    match kind.as_deref() {
        Some("session_meta" | "turn_context" | "event_msg" | "response_item" | "compacted") => wrapped,
        Some("function_call" | "custom_tool_call") => has("call_id") && has("name"),
        Some("function_call_output" | "custom_tool_call_output") => has("call_id") && has("output"),
        Some("reasoning") => has("summary") && has("encrypted_content") && has("content"),
        Some(_) => exec::is_record(root),
        None => is_bare_header(root) || root.word("record_type").as_deref() == Some("state"),
    }
}
