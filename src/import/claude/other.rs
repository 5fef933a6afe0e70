//! Everything that is neither question nor answer: progress, titles, hooks, compaction, and what is not known yet.

use super::record::{Envelope, add_attribute, add_key, add_notified_call, base};
use super::{State, blocks};
use crate::domain::{Event, KeyKind, Role, Shape, Value, excerpt, flag};
use crate::import::Draft;
use crate::import::telling::{self, thousands};

/// The types of record that are known beside `user` and `assistant`.
const KNOWN: &[&str] = &[
    "agent-color",
    "agent-name",
    "agent-setting",
    "ai-title",
    "atis-latch",
    "attachment",
    "bridge-session",
    "custom-title",
    "file-history-delta",
    "file-history-snapshot",
    "frame-link",
    "last-prompt",
    "mode",
    "permission-mode",
    "pr-link",
    "progress",
    "queue-operation",
    "relocated",
    "result",
    "session_start",
    "started",
    "summary",
    "system",
    "tool_result",
    "tool_use",
    "worktree-state",
];

/// Whether a type of record is known.
pub fn is_known(kind: &str) -> bool {
    KNOWN.contains(&kind)
}

pub fn read(state: &mut State, envelope: &Envelope<'_>) -> Vec<Draft> {
    let root = envelope.root;
    let mut event = base(state, envelope, false);
    match &*envelope.kind {
        "tool_use" => return vec![blocks::call(envelope, &event, root, 0)],
        "tool_result" => return vec![old_result(envelope, &event)],
        _ => {}
    }
    event.event_type = event_type(envelope);
    event.label = telling::label(&label(envelope));
    if !is_known(&envelope.kind) {
        event.flags |= flag::UNKNOWN;
    }
    for holder in [Some(root), root.get("attachment")].into_iter().flatten() {
        add_key(&mut event, KeyKind::ToolCall, holder.word("toolUseID"));
        add_key(&mut event, KeyKind::ToolCall, holder.word("parentToolUseID"));
        let milliseconds = holder.get("durationMs").and_then(Value::integer);
        event.latency = event.latency.or(milliseconds.and_then(|milliseconds| milliseconds.checked_mul(1000)));
    }
    if let Some(agent) = root.at(&["data", "agentId"]).and_then(Value::text).filter(|_| !has_agent(&event)) {
        add_attribute(&mut event, "agent_id", Some(agent.into_owned()));
    }
    if let Some(text) = root.text_at(&["content"]) {
        add_notified_call(&mut event, &text);
    }
    judge(envelope, &mut event);
    let body = body(envelope);
    vec![body.into_iter().fold(Draft::new(event), |draft, (role, value)| draft.with(role, value.range()))]
}

fn has_agent(event: &Event) -> bool {
    event.attribute("agent_id").is_some()
}

/// A result that is a record of its own, as the oldest versions wrote it.
fn old_result(envelope: &Envelope<'_>, base: &Event) -> Draft {
    let mut draft = blocks::result(envelope, base, envelope.root, 0, None);
    draft.event.tool = envelope.root.word("name");
    match envelope.root.get("output") {
        Some(output) => {
            draft.event.label = telling::label(&telling::first_text(output).unwrap_or_default());
            draft.with(Role::Output, output.range())
        }
        None => draft,
    }
}

/// The type with the sub-type, wherever the record has it.
fn event_type(envelope: &Envelope<'_>) -> String {
    let root = envelope.root;
    let places: [&[&str]; 4] = [&["subtype"], &["data", "type"], &["attachment", "type"], &["operation"]];
    let part = places.iter().find_map(|path| root.text_at(path)).filter(|part| !part.trim().is_empty());
    let kind = if envelope.kind.is_empty() { "record" } else { &envelope.kind };
    match part {
        Some(part) => format!("{kind}/{part}"),
        None => kind.to_owned(),
    }
}

/// Sets status and error where a record tells of a failure.
fn judge(envelope: &Envelope<'_>, event: &mut Event) {
    let root = envelope.root;
    let failure = match &*event.event_type {
        "system/api_error" | "system/error" => {
            let error = root.get("error");
            for name in ["requestID", "requestId", "request_id"] {
                add_key(event, KeyKind::Request, error.and_then(|error| error.word(name)));
            }
            true
        }
        "system/api_refusal" | "attachment/hook_non_blocking_error" | "attachment/hook_blocking_error" => true,
        _ => false,
    };
    let code = root.at(&["attachment", "exitCode"]).and_then(Value::integer).unwrap_or(0);
    if failure || code != 0 {
        event.flags |= flag::ERROR;
        event.status = Some("error".to_owned());
        event.error = Some(excerpt(&event.label, 500)).filter(|text| !text.is_empty());
    }
}

/// What is shown of a record.
fn label(envelope: &Envelope<'_>) -> String {
    let root = envelope.root;
    let word = |name: &str| root.word(name).unwrap_or_default();
    match &*envelope.kind {
        "system" => system(root),
        "progress" => root.get("data").map(progress).unwrap_or_default(),
        "attachment" => root.get("attachment").map(attachment).unwrap_or_default(),
        "queue-operation" => {
            let content = root.get("content").and_then(telling::first_text).unwrap_or_default();
            if word("operation").is_empty() {
                content.into_owned()
            } else {
                format!("{}: {content}", word("operation"))
            }
        }
        "file-history-snapshot" => {
            let files = root.at(&["snapshot", "trackedFileBackups"]).map_or(0, Value::len);
            format!("files as they were: {files}")
        }
        "summary" => {
            let message = || root.at(&["message", "content"]).and_then(telling::first_text);
            root.word("summary").or_else(|| message().map(|text| text.into_owned())).unwrap_or_default()
        }
        "pr-link" => format!("{} {}", word("prRepository"), word("prUrl")),
        "permission-mode" | "mode" => root.word("permissionMode").unwrap_or_else(|| word("mode")),
        "custom-title" | "ai-title" | "agent-name" | "last-prompt" => {
            let names = ["customTitle", "aiTitle", "agentName", "lastPrompt"];
            names.iter().find_map(|name| root.word(name)).unwrap_or_default()
        }
        _ => unknown(root),
    }
}

/// The text of a record of an unknown type, without the envelope that all records share.
fn unknown(root: Value<'_>) -> String {
    if root.shape() != Shape::Object {
        return String::from_utf8_lossy(root.kept()).into_owned();
    }
    const ENVELOPE: &[&str] = &["type", "uuid", "parentUuid", "sessionId", "timestamp", "userType", "version", "cwd"];
    let own = |value: &Value<'_>| value.name().is_some_and(|name| !ENVELOPE.contains(&&*name));
    root.items().filter(own).find_map(telling::any_text).unwrap_or_default()
}

fn system(root: Value<'_>) -> String {
    let count = |path: &[&str]| root.at(path).and_then(Value::integer);
    let content = || root.word("content").unwrap_or_default();
    match root.word("subtype").as_deref() {
        Some("compact_boundary") => {
            let trigger = root.text_at(&["compactMetadata", "trigger"]).unwrap_or("unknown trigger".into());
            match count(&["compactMetadata", "preTokens"]) {
                Some(tokens) => format!("compacted ({trigger}, {} tokens before)", thousands(tokens)),
                None => format!("compacted ({trigger})"),
            }
        }
        Some("turn_duration") => format!("answered in {}", seconds(count(&["durationMs"]).unwrap_or(0))),
        Some("api_error") => api_error(root),
        Some("stop_hook_summary") => {
            let command = root.get("hookInfos").and_then(|hooks| hooks.items().next()?.word("command"));
            format!("{} stop hooks: {}", count(&["hookCount"]).unwrap_or(0), command.unwrap_or_default())
        }
        _ if content().is_empty() => root.get("error").and_then(telling::any_text).unwrap_or_default(),
        _ => content(),
    }
}

fn api_error(root: Value<'_>) -> String {
    let count = |path: &[&str]| root.at(path).and_then(Value::integer);
    let mut shown = "API error".to_owned();
    if let Some(status) = count(&["error", "status"]) {
        shown.push_str(&format!(" {status}"));
    }
    let deeper: [&[&str]; 3] = [&["error", "error", "error", "message"], &["error", "message"], &["error", "type"]];
    if let Some(message) = deeper.iter().find_map(|path| root.text_at(path)) {
        shown.push_str(&format!(": {message}"));
    }
    if let (Some(attempt), Some(most)) = (count(&["retryAttempt"]), count(&["maxRetries"])) {
        shown.push_str(&format!(" (attempt {attempt} of {most})"));
    }
    shown
}

fn seconds(milliseconds: i64) -> String {
    format!("{:.1} s", milliseconds as f64 / 1000.0)
}

fn progress(data: Value<'_>) -> String {
    let word = |name: &str| data.word(name).unwrap_or_default();
    match data.word("type").as_deref() {
        Some("bash_progress") => {
            let elapsed = data.get("elapsedTimeSeconds").and_then(Value::number).unwrap_or(0.0);
            let output = word("output");
            format!("running for {elapsed} s: {}", output.lines().last().unwrap_or_default())
        }
        Some("hook_progress") => format!("hook {} {}", word("hookName"), word("command")),
        Some("agent_progress") => {
            let said = data.at(&["message", "message", "content"]).and_then(telling::first_text);
            format!("sub-agent {}: {}", word("agentId"), said.unwrap_or_else(|| word("prompt").into()))
        }
        Some("mcp_progress") => format!("{} {} {}", word("serverName"), word("toolName"), word("status")),
        _ => telling::any_text(data).unwrap_or_default(),
    }
}

fn attachment(attachment: Value<'_>) -> String {
    const TELLING: &[&str] = &["displayPath", "filename", "prompt", "text", "hookName", "content", "stderr", "path"];
    let named = TELLING.iter().find_map(|name| attachment.word(name));
    let listed = || {
        let names = ["addedNames", "names", "addedTypes", "skillNames", "allowedTools"];
        let list = names.iter().find_map(|name| attachment.get(name)).filter(|list| !list.is_empty())?;
        Some(list.items().filter_map(Value::text).collect::<Vec<_>>().join(", "))
    };
    named.or_else(listed).or_else(|| telling::any_text(attachment)).unwrap_or_default()
}

/// The tools, skills and instructions that an attachment brings: the only trace of them in these files.
fn body<'a>(envelope: &Envelope<'a>) -> Option<(Role, Value<'a>)> {
    let attachment = envelope.root.get("attachment")?;
    let role = match attachment.word("type").as_deref()? {
        "deferred_tools_delta" | "agent_listing_delta" => Role::Tools,
        "skill_listing"
        | "mcp_instructions_delta"
        | "nested_memory"
        | "hook_additional_context"
        | "file"
        | "invoked_skills"
        | "queued_command"
        | "task_reminder"
        | "todo_reminder"
        | "edited_text_file" => Role::Context,
        _ => return None,
    };
    Some((role, attachment))
}
