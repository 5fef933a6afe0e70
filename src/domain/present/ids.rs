//! Identifiers of the original: which strings are run ids, where a request id ends and its suffix begins.

use sha2::{Digest, Sha256};

use crate::domain::{Event, Key, KeyKind, Outline, Shape, Value};

/// The session label of a canvas run is this and the bare run id.
pub const RUN: &str = "canvas-agent-";
/// Derived ids are cut at this length.
const LONGEST: usize = 160;

/// Whether a text is a bare run id: milliseconds and a few letters, `1772445660123-k3x9qa`.
pub fn is_run(text: &str) -> bool {
    let Some((millis, letters)) = text.split_once('-') else { return false };
    millis.len() >= 12
        && millis.bytes().all(|byte| byte.is_ascii_digit())
        && (4..=8).contains(&letters.len())
        && letters.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// The run of an envelope's call id: `<run>:<seq>:partial`.
pub fn run_of_envelope(call: &str) -> Option<&str> {
    let mut parts = call.rsplitn(3, ':');
    let (kind, sequence, run) = (parts.next()?, parts.next()?, parts.next()?);
    let numbered = !sequence.is_empty() && sequence.bytes().all(|byte| byte.is_ascii_digit());
    (matches!(kind, "partial" | "final" | "fallback") && numbered && is_run(run)).then_some(run)
}

/// What stands before the suffix of a follow-up (`:d1:a1b2c3d4e5`) or an admin's retry (`:retry:1772445660123`).
pub fn parent_request(request: &str) -> Option<&str> {
    let mut parts = request.rsplitn(3, ':');
    let (last, mark, parent) = (parts.next()?, parts.next()?, parts.next()?);
    let depth = mark.strip_prefix('d').filter(|digits| is_digits(digits));
    let followed = depth.is_some() && last.len() == 10 && last.bytes().all(|byte| byte.is_ascii_hexdigit());
    let retried = mark == "retry" && is_digits(last);
    (!parent.is_empty() && (followed || retried)).then_some(parent)
}

/// The base of `<base>:<event type>:<status>:<sequence>`.
pub fn event_base<'a>(id: &'a str, event_type: &str, status: Option<&str>, sequence: i64) -> Option<&'a str> {
    let suffix = format!(":{event_type}:{}:{sequence}", status.unwrap_or("unknown"));
    id.strip_suffix(suffix.as_str()).filter(|base| !base.is_empty())
}

/// The first characters of the task that a status line names: `… queued (task 1a2b3c4d)`.
pub fn status_line_task(text: &str) -> Option<&str> {
    let rest = &text[text.rfind("(task ")? + "(task ".len()..];
    let task = rest.split(')').next()?.trim();
    (task.len() == 8 && task.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(task)
}

/// A derived id as the original cuts it.
pub fn cut(text: &str) -> String {
    text.trim().chars().take(LONGEST).collect()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Adds a key that does not say yet what the event has; one value may say several things, such as whom it follows.
pub fn add_key(keys: &mut Vec<Key>, key: Key) {
    let same = |known: &Key| known.kind == key.kind && known.value == key.value && known.via() == key.via();
    if !keys.iter().any(same) {
        keys.push(key);
    }
}

/// Adds the session of a run.
pub fn add_run(keys: &mut Vec<Key>, run: &str, rule: &str) {
    add_key(keys, Key::derived(KeyKind::Session, format!("{RUN}{run}"), rule));
}

/// Adds a key by which the voice agent's decision to call a tool and the calls that it may have meant find each other.
pub fn add_voice_tool(event: &mut Event, tool: &str, rule: &str) {
    let Some(session) = event.values(KeyKind::Session).next() else { return };
    let value = format!("{session}/{tool}");
    add_key(&mut event.keys, Key::derived(KeyKind::ToolCall, value, rule));
}

/// A hash of what a row says: the same however its members are ordered and spaced, and whether null columns are named.
pub fn content_of(value: Value<'_>) -> [u8; 16] {
    content_without(value, &[])
}

/// The same, where some columns do not count.
pub fn content_without(value: Value<'_>, columns: &[&str]) -> [u8; 16] {
    let mut hasher = Sha256::new();
    feed(&mut hasher, value, Some(columns));
    let mut content = [0; 16];
    content.copy_from_slice(&hasher.finalize()[..16]);
    content
}

/// The content of a row given as bytes; what is no JSON counts as written.
pub fn content_of_bytes(bytes: &[u8]) -> [u8; 16] {
    match Outline::of(bytes) {
        Ok(outline) if !outline.partial => content_of(outline.root()),
        _ => {
            let mut content = [0; 16];
            content.copy_from_slice(&Sha256::digest(bytes)[..16]);
            content
        }
    }
}

/// `left_out` are columns of a row, of which those that are null do not count either.
fn feed(hasher: &mut Sha256, value: Value<'_>, left_out: Option<&[&str]>) {
    match value.shape() {
        Shape::Object => {
            let counts = |name: &str, member: Value<'_>| {
                left_out.is_none_or(|left_out| !member.is_null() && !left_out.contains(&name))
            };
            let members = value.items().filter_map(|member| Some((member.name()?, member)));
            let mut members: Vec<_> = members.filter(|(name, member)| counts(name, *member)).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            hasher.update(b"{");
            for (name, member) in members {
                hasher.update((name.len() as u64).to_le_bytes());
                hasher.update(name.as_bytes());
                feed(hasher, member, None);
            }
            hasher.update(b"}");
        }
        Shape::Array => {
            hasher.update(b"[");
            value.items().for_each(|item| feed(hasher, item, None));
            hasher.update(b"]");
        }
        // As written, because decoding makes one character of all that are none.
        _ => {
            hasher.update((value.kept().len() as u64).to_le_bytes());
            hasher.update(value.kept());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_and_envelopes_are_told_from_other_labels() {
        assert!(is_run("1772445660123-k3x9qa"));
        assert!(!is_run("quick-text-IA") && !is_run("5b0e6c1e-7c0d-4d55-9c39-0a6b1f2c3d4e"));
        assert_eq!(run_of_envelope("1772445660123-k3x9qa:0:partial"), Some("1772445660123-k3x9qa"));
        assert_eq!(run_of_envelope("1772445660123-k3x9qa:x:partial"), None);
        assert_eq!(run_of_envelope("req:route_intent"), None);
    }

    #[test]
    fn suffixes_name_a_parent_and_nothing_else_does() {
        assert_eq!(parent_request("IB:d1:a1b2c3d4e5"), Some("IB"));
        assert_eq!(parent_request("a:b:retry:1772445660123"), Some("a:b"));
        assert_eq!(parent_request("IB:d1:a1b2c3d4e5:d2:0011223344"), Some("IB:d1:a1b2c3d4e5"));
        assert_eq!((parent_request("IB:dx:a1b2c3d4e5"), parent_request("crowd-pulse:room:17")), (None, None));
    }

    #[test]
    fn an_event_base_is_what_stands_before_the_known_suffix() {
        assert_eq!(event_base("a:b:model_call:started:5", "model_call", Some("started"), 5), Some("a:b"));
        assert_eq!(event_base("b:model_call:unknown:0", "model_call", None, 0), Some("b"));
        assert_eq!(event_base("0a1b", "model_call", Some("started"), 5), None);
    }

    #[test]
    fn a_status_line_names_the_beginning_of_its_task() {
        assert_eq!(status_line_task("fairy.intent queued (task 1a2b3c4d)"), Some("1a2b3c4d"));
        assert_eq!(status_line_task("we queue (task for later)"), None);
    }

    #[test]
    fn order_space_and_null_columns_make_no_other_row() {
        let content = |json: &str| content_of_bytes(json.as_bytes());
        assert_eq!(content(r#"{"a":1,"b":{"c":null}}"#), content("{ \"b\": {\"c\": null},\n \"z\":null, \"a\": 1}"));
        assert_ne!(content(r#"{"a":1}"#), content(r#"{"a":"1"}"#));
        assert_ne!(content(r#"{"b":{"c":null}}"#), content(r#"{"b":{}}"#));
    }
}
