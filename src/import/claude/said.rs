//! Tells what a person typed from what the program wrote in a person's name.

use std::borrow::Cow;

use crate::domain::{Shape, Value};
use crate::import::telling;

/// Openings of text that the program wrote, with the name under which they are shown.
const WRAPPED: &[(&str, &str)] = &[
    ("<command-name>", "command"),
    ("<command-message>", "command"),
    ("<command-args>", "command"),
    ("<local-command-stdout>", "command_output"),
    ("<local-command-stderr>", "command_output"),
    ("<local-command-caveat>", "caveat"),
    ("Caveat: The messages below were generated", "caveat"),
    ("<bash-input>", "bash_input"),
    ("<bash-stdout>", "bash_output"),
    ("<bash-stderr>", "bash_output"),
    ("<system-reminder>", "system_reminder"),
    ("<task-notification>", "task_notification"),
    ("<ide_opened_file>", "ide_context"),
    ("<ide_selection>", "ide_context"),
    ("<ide_diagnostics>", "ide_context"),
    ("<teammate-message", "teammate_message"),
    ("<user-memory-input>", "memory_input"),
    ("<user-prompt-submit-hook>", "hook"),
    ("<session-start-hook>", "hook"),
    ("<environment_context>", "context"),
    ("[Request interrupted", "interrupted"),
    ("This session is being continued from a previous conversation", "compact_summary"),
];

/// Wrappers that stand before a prompt in the same text.
const PREFIXES: &[(&str, &str)] = &[
    ("<system-reminder>", "</system-reminder>"),
    ("<ide_opened_file>", "</ide_opened_file>"),
    ("<ide_selection>", "</ide_selection>"),
    ("<ide_diagnostics>", "</ide_diagnostics>"),
];

/// What a user record says beside tool results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A person typed it, or a parent agent asked it.
    Prompt { label: String },
    /// The program wrote it.
    Injected { name: &'static str, label: String },
    /// Nothing at all.
    Nothing,
}

/// Judges a user record by its flags and by the parts of its content that are not tool results.
pub fn judge(root: Value<'_>, parts: &[Value<'_>]) -> Said {
    let is = |name: &str| root.get(name).and_then(Value::bool) == Some(true);
    let texts: Vec<_> = parts.iter().filter_map(|part| part_text(*part)).collect();
    let shown = parts.iter().map(|part| part_label(*part)).find(|label| !label.is_empty());
    let wrapped = texts.iter().find_map(|text| wrapper(text));
    let origin = root.get("origin").and_then(|origin| origin.word("kind"));
    if is("isCompactSummary") {
        return Said::Injected { name: "compact_summary", label: shown.unwrap_or_default() };
    }
    if is("isMeta") || origin.as_deref() == Some("task-notification") {
        let name = wrapped.unwrap_or(if is("isMeta") { "meta" } else { "task_notification" });
        return Said::Injected { name, label: shown.unwrap_or_default() };
    }
    let typed = parts.iter().find(|part| is_typed(**part));
    match (typed, wrapped) {
        (Some(typed), _) => Said::Prompt { label: part_label(*typed) },
        (None, Some(name)) => Said::Injected { name, label: shown.unwrap_or_default() },
        (None, None) => Said::Nothing,
    }
}

fn part_text(part: Value<'_>) -> Option<Cow<'_, str>> {
    part.text().or_else(|| part.text_at(&["text"]))
}

fn is_typed(part: Value<'_>) -> bool {
    match part_text(part) {
        Some(text) => !text.trim().is_empty() && wrapper(&text).is_none(),
        None => part.shape() == Shape::Object && !part.is_empty(),
    }
}

/// The name of the wrapper when a text holds nothing but what the program wrote.
fn wrapper(text: &str) -> Option<&'static str> {
    let mut rest = text.trim_start();
    let (_, name) = WRAPPED.iter().find(|(opening, _)| rest.starts_with(opening))?;
    while let Some((_, closing)) = PREFIXES.iter().find(|(opening, _)| rest.starts_with(opening)) {
        let (_, after) = rest.split_once(closing)?;
        rest = after.trim_start();
    }
    let ends_wrapped = rest.is_empty() || WRAPPED.iter().any(|(opening, _)| rest.starts_with(opening));
    ends_wrapped.then_some(*name)
}

fn part_label(part: Value<'_>) -> String {
    match part_text(part) {
        Some(text) => telling::label(&command(&text).unwrap_or_else(|| unwrapped(&text))),
        None => part.word("type").map(|kind| format!("[{kind}]")).unwrap_or_default(),
    }
}

/// A slash command as it was typed.
fn command(text: &str) -> Option<String> {
    let name = between(text, "<command-name>", "</command-name>")?;
    let arguments = between(text, "<command-args>", "</command-args>").unwrap_or_default();
    Some(format!("{} {}", name.trim(), arguments.trim()).trim().to_owned())
}

/// A text without the tags around it, or without the wrappers before it.
fn unwrapped(text: &str) -> String {
    let mut rest = text.trim();
    while let Some((_, closing)) = PREFIXES.iter().find(|(opening, _)| rest.starts_with(opening)) {
        match rest.split_once(closing) {
            Some((_, after)) if !after.trim().is_empty() => rest = after.trim_start(),
            _ => break,
        }
    }
    if !WRAPPED.iter().any(|(opening, _)| opening.starts_with('<') && rest.starts_with(opening)) {
        return rest.to_owned();
    }
    let inner = rest.split_once('>').map_or(rest, |(_, inner)| inner);
    inner.rsplit_once("</").map_or(inner, |(inner, _)| inner).trim().to_owned()
}

fn between<'a>(text: &'a str, opening: &str, closing: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(opening)?;
    rest.split_once(closing).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Outline;

    fn judged(record: &str) -> Said {
        let outline = Outline::of(record.as_bytes()).expect("valid");
        let root = outline.root();
        let content = root.get("content").expect("there");
        let parts: Vec<_> = if content.shape() == Shape::Array { content.items().collect() } else { vec![content] };
        judge(root, &parts)
    }

    fn injected(name: &'static str, label: &str) -> Said {
        Said::Injected { name, label: label.to_owned() }
    }

    #[test]
    fn typed_text_is_a_prompt_even_behind_what_the_editor_added() {
        let prompt = |label: &str| Said::Prompt { label: label.to_owned() };
        assert_eq!(judged(r#"{"content":"fix it"}"#), prompt("fix it"));
        assert_eq!(
            judged(
                r#"{"content":[{"type":"text","text":"<ide_opened_file>a.rs</ide_opened_file>"},{"type":"text","text":"fix"}]}"#
            ),
            prompt("fix")
        );
        assert_eq!(judged(r#"{"content":"<system-reminder>x</system-reminder>\nfix"}"#), prompt("fix"));
        assert_eq!(judged(r#"{"content":[{"type":"image","source":{}}]}"#), prompt("[image]"));
    }

    #[test]
    fn what_the_program_wrote_is_no_prompt() {
        assert_eq!(
            judged(r#"{"content":"<command-name>/model</command-name>\n<command-args>opus</command-args>"}"#),
            injected("command", "/model opus")
        );
        assert_eq!(
            judged(r#"{"content":"<local-command-stdout>done</local-command-stdout>"}"#),
            injected("command_output", "done")
        );
        assert_eq!(judged(r#"{"isMeta":true,"content":"odd"}"#), injected("meta", "odd"));
        assert_eq!(judged(r#"{"isCompactSummary":true,"content":"so far"}"#), injected("compact_summary", "so far"));
        assert_eq!(
            judged(r#"{"content":[{"type":"text","text":"[Request interrupted by user]"}]}"#),
            injected("interrupted", "[Request interrupted by user]")
        );
        assert_eq!(judged(r#"{"content":[]}"#), Said::Nothing);
    }
}
