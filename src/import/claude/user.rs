//! Records in the user's name: prompts, tool results, and much that the program wrote itself.

use super::record::{Envelope, add_agent_task, add_notified_call, base};
use super::said::{Said, judge};
use super::{State, blocks};
use crate::domain::{Event, Key, KeyKind, Kind, Role, Shape, Value, excerpt, flag};
use crate::import::Draft;

/// The words of a sub-agent inside its parent's file are the prompt of the call that started it.
const TASK_RULE: &str = "claude.task_prompt";
/// How long a title made from a prompt may be.
const LONGEST_TITLE: usize = 80;

pub fn read(state: &mut State, envelope: &Envelope<'_>) -> Vec<Draft> {
    let content = envelope.content();
    let (results, parts) = split(content);
    let said = judge(envelope.root, &parts.iter().map(|(_, part)| *part).collect::<Vec<_>>());
    let is_prompt = matches!(said, Said::Prompt { .. });
    let shared = base(state, envelope, is_prompt);
    let account = envelope.root.get("toolUseResult").filter(|account| !account.is_null());
    let mut drafts = Vec::new();
    for (count, (place, block)) in results.iter().enumerate() {
        let account = account.filter(|_| count == 0);
        drafts.push(blocks::result(envelope, &shared, *block, *place, account));
    }
    if results.is_empty() {
        drafts.push(whole(state, envelope, shared, &said, content));
    } else if !parts.is_empty() {
        drafts.extend(beside_results(state, envelope, &shared, &parts));
    }
    state.prompted |= is_prompt;
    drafts
}

/// A block with its place in the content.
type Placed<'a> = (usize, Value<'a>);

/// Results on one side, everything else on the other.
fn split(content: Option<Value<'_>>) -> (Vec<Placed<'_>>, Vec<Placed<'_>>) {
    let Some(content) = content else { return (Vec::new(), Vec::new()) };
    if content.shape() != Shape::Array {
        return (Vec::new(), vec![(0, content)]);
    }
    content.items().enumerate().partition(|(_, block)| blocks::is_result(*block))
}

/// The one event of a record without results.
fn whole(state: &mut State, envelope: &Envelope<'_>, shared: Event, said: &Said, content: Option<Value<'_>>) -> Draft {
    let mut event = shared;
    let role = say(state, envelope, &mut event, said);
    if content.is_none() {
        event.flags |= flag::UNKNOWN;
    }
    match content {
        Some(content) => Draft::new(event).with(role, content.range()),
        None => Draft::new(event),
    }
}

/// One event for each block that stands among results.
fn beside_results(state: &mut State, envelope: &Envelope<'_>, shared: &Event, parts: &[Placed<'_>]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (count, (place, part)) in parts.iter().enumerate() {
        let mut event = shared.clone();
        if count > 0 {
            event.id = envelope.event_id(&format!("#part:{place}"));
        }
        let said = judge(envelope.root, &[*part]);
        let role = say(state, envelope, &mut event, &said);
        drafts.push(Draft::new(event).with(role, part.range()));
    }
    drafts
}

/// Makes an event say what was said; returns the role in which its text is kept.
fn say(state: &mut State, envelope: &Envelope<'_>, event: &mut Event, said: &Said) -> Role {
    match said {
        Said::Prompt { label } => {
            let from_parent = first_of_a_sub_agent(state, envelope);
            event.kind = Kind::Transcript;
            event.participant = Some(if from_parent { "parent agent" } else { "user" }.to_owned());
            event.label.clone_from(label);
            if from_parent {
                add_agent_task(event);
                if state.identity.parent.is_none() {
                    let call = state.tasks.take(&telling_text(envelope));
                    event.keys.extend(call.map(|call| Key::derived(KeyKind::ToolCall, call, TASK_RULE)));
                }
            }
            if !envelope.sidechain || state.identity.parent.is_some() {
                state.titles.asked(|| excerpt(label, LONGEST_TITLE));
            }
            Role::Input
        }
        Said::Injected { name, label } => {
            event.event_type = (*name).to_owned();
            event.label.clone_from(label);
            add_notified_call(event, &telling_text(envelope));
            if *name == "interrupted" {
                event.status = Some("interrupted".to_owned());
            }
            if matches!(*name, "command" | "bash_input") { Role::Input } else { Role::Context }
        }
        Said::Nothing => {
            event.label = "(empty)".to_owned();
            Role::Input
        }
    }
}

/// The prompt at the root of a side chain is its parent agent's, and so is the first one of a sub-agent's file.
fn first_of_a_sub_agent(state: &State, envelope: &Envelope<'_>) -> bool {
    envelope.sidechain && (envelope.parent.is_none() || (state.identity.parent.is_some() && !state.prompted))
}

fn telling_text(envelope: &Envelope<'_>) -> String {
    envelope.content().and_then(crate::import::telling::first_text).unwrap_or_default().into_owned()
}
