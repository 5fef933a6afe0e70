//! What stands in the user's name: prompts, and the context that the program puts there.

use super::State;
use super::record::{Frame, base};
use super::twins::{Side, Sort};
use crate::domain::{Event, Kind, Phase, Role, Value, excerpt, flag};
use crate::import::Draft;
use crate::import::telling;

/// Openings of text that the program wrote, with the name under which they are shown.
const CONTEXT: &[(&str, &str)] = &[
    ("<environment_context>", "environment_context"),
    ("# AGENTS.md", "agents_md"),
    ("<INSTRUCTIONS>", "instructions"),
    ("<user_instructions>", "user_instructions"),
    ("<permissions instructions>", "permissions"),
    ("<turn_aborted>", "turn_aborted"),
    ("<collaboration_mode>", "collaboration_mode"),
    ("<personality_spec>", "personality"),
    ("<model_switch>", "model_switch"),
    ("<skills_instructions>", "skills"),
    ("<skill", "skill"),
    ("<apps_instructions>", "apps"),
    ("<plugins_instructions>", "plugins"),
    ("<subagent_notification>", "subagent_notification"),
    ("<user_shell_command>", "user_shell_command"),
    ("<user_action>", "user_action"),
];
/// Behind this line stands what a person asked from inside an editor.
const EDITOR_REQUEST: &str = "## My request for Codex:";
const LONGEST_TITLE: usize = 80;

/// The event of a message that is not the model's.
pub fn message(state: &mut State, frame: &Frame<'_>, role: &str) -> Draft {
    let content = ["content", "message", "text"].iter().find_map(|name| frame.item.get(name));
    state.calls.close();
    let texts = content.map(telling::texts).unwrap_or_default();
    let typed = texts.iter().find(|text| !text.trim().is_empty() && context_name(text).is_none());
    let images = content.is_some_and(|content| content.items().any(is_image));
    let body = |event: Event, role: Role| match content {
        Some(content) => Draft::new(event).with(role, content.range()),
        None => Draft::new(event),
    };
    if role == "user" && (typed.is_some() || (texts.is_empty() && images)) {
        let said = typed.map_or("[image]", |text| request(text));
        let forms = forms(content);
        return body(prompt(state, frame, Side::Item, "message", said, &forms), Role::Input);
    }
    let shown = texts.iter().find(|text| !text.trim().is_empty());
    let name = shown.and_then(|text| context_name(text)).unwrap_or(if role == "user" { "empty" } else { role });
    let mut event = base(state, frame, Kind::Other, &format!("context/{name}"));
    event.participant = Some(role.to_owned());
    event.label = telling::label(shown.map_or("(empty)", |text| text));
    body(event, if role == "system" { Role::System } else { Role::Context })
}

/// The event of a notice that the user has said something.
pub fn notice(state: &mut State, frame: &Frame<'_>) -> Draft {
    state.calls.close();
    let message = frame.item.get("message");
    let text = message.and_then(Value::text).unwrap_or_default();
    let role = Role::Input;
    let event = match context_name(&text) {
        Some(name) => {
            let mut event = base(state, frame, Kind::Other, &format!("context/{name}"));
            event.label = telling::label(&text);
            event
        }
        None => prompt(state, frame, Side::Notice, "user_message", request(&text), &[text.clone().into_owned()]),
    };
    match message {
        Some(message) => Draft::new(event).with(role, message.range()),
        None => Draft::new(event),
    }
}

/// A prompt's event, in the turn of its twin where that one has been read.
fn prompt(state: &mut State, frame: &Frame<'_>, side: Side, event_type: &str, said: &str, forms: &[String]) -> Event {
    let mut event = base(state, frame, Kind::Transcript, event_type);
    event.participant = Some("user".to_owned());
    event.label = telling::label(said);
    match state.twins.take(side, Sort::Prompt, forms) {
        Some(turn) => {
            event.turn = Some(turn);
            event.phase = Phase::Part;
            event.flags |= flag::TWIN;
        }
        None => {
            state.said += 1;
            let turn = format!("said:{}", state.said);
            state.twins.wait(side, Sort::Prompt, forms, &turn);
            event.turn = Some(turn);
        }
    }
    if state.prompt.is_none() && !said.trim().is_empty() {
        state.prompt = Some(excerpt(said, LONGEST_TITLE));
        state.titled.1 = frame.at();
    }
    event
}

/// The forms that a message's parts may take in its notice.
fn forms(content: Option<Value<'_>>) -> Vec<String> {
    let texts = content.map(telling::texts).unwrap_or_default();
    let mut forms = vec![texts.concat(), texts.join("\n")];
    forms.extend(texts.into_iter().map(std::borrow::Cow::into_owned));
    forms.retain(|form| !form.trim().is_empty());
    forms
}

fn is_image(part: Value<'_>) -> bool {
    part.text_at(&["type"]).is_some_and(|kind| kind.ends_with("image"))
}

fn context_name(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    CONTEXT.iter().find(|(opening, _)| text.starts_with(opening)).map(|(_, name)| *name)
}

/// What was asked, without what the editor put before it.
fn request(text: &str) -> &str {
    let asked = text.split_once(EDITOR_REQUEST).map(|(_, request)| request.trim());
    asked.filter(|request| !request.is_empty()).unwrap_or(text)
}
