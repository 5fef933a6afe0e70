//! Bodies: what went in and out, put together from where the dialect keeps it, and what else the element says.

use std::collections::BTreeSet;

use super::{identity, own};
use crate::domain::{Event, Kind, Outline, Role, Shape, Value, decode_string, flag};
use crate::import::otel::any::{Any, Attributes, unflatten};
use crate::import::otel::dialect::{Becomes, Lies, MODEL, Route, TOOL, Wanted};
use crate::import::otel::item::{Item, Moment, Nanos, Signal};
use crate::import::otel::json;
use crate::import::telling;

/// How deep an answer is searched for the calls that it makes.
const DEEPEST: usize = 12;

/// A body with its role.
pub type Body = (Role, Vec<u8>);

/// The bodies of an element. Notes on the event where something of them is missing.
pub fn bodies(item: &Item, route: &Route, event: &mut Event) -> Vec<Body> {
    let item = &with_details(item);
    let mut found = Found { taken: BTreeSet::new(), bodies: Vec::new(), has_gaps: false };
    match route.becomes {
        Becomes::Tool => found.look(item, TOOL),
        Becomes::Model | Becomes::Trace | Becomes::Task | Becomes::Other => found.look(item, MODEL),
        Becomes::Said => found.message(item, Role::Input),
        Becomes::Answer if item.name.ends_with("operation.details") => found.look(item, MODEL),
        Becomes::Answer => found.message(item, Role::Output),
        Becomes::Prompt => found.look(item, &[(Role::Input, &[Lies::At("prompt"), Lies::At("gen_ai.prompt")])]),
    }
    if found.has_gaps {
        event.flags |= flag::TRUNCATED;
        event.attributes.push(("truncated_by".to_owned(), "sender: some numbered attributes are missing".to_owned()));
    }
    if event.kind == Kind::Model
        && let Some((_, output)) = found.bodies.iter().find(|(role, _)| *role == Role::Output)
    {
        event.keys.extend(identity::named_calls(output));
        event.keys.sort();
        event.keys.dedup();
    }
    if matches!(route.becomes, Becomes::Model | Becomes::Trace) && !own::is_own(item) {
        let of = |role: Role| found.bodies.iter().find(|(known, _)| *known == role).map(|(_, bytes)| bytes.as_slice());
        let system = of(Role::Input).filter(|_| of(Role::System).is_none()).and_then(system_in);
        found.bodies.extend(system.map(|system| (Role::System, system)));
    }
    found.bodies.push((Role::Metadata, rest(item, &found.taken).json().into_bytes()));
    found.bodies
}

/// The latest conventions have an event inside the span that says what its attributes would.
fn with_details(item: &Item) -> std::borrow::Cow<'_, Item> {
    let details = item.events.iter().filter(|moment| moment.name == "gen_ai.client.inference.operation.details");
    let said: Attributes = details.flat_map(|moment| moment.attributes.iter().cloned()).collect();
    if said.is_empty() {
        return std::borrow::Cow::Borrowed(item);
    }
    let mut whole = item.clone();
    whole.attributes.extend(said.into_iter().filter(|(name, _)| item.get(name).is_none()));
    std::borrow::Cow::Owned(whole)
}

struct Found {
    /// Attributes that are in a body, and prefixes of those that are; a prefix ends in a dot.
    taken: BTreeSet<String>,
    bodies: Vec<Body>,
    has_gaps: bool,
}

impl Found {
    fn look(&mut self, item: &Item, wanted: &[Wanted]) {
        for (role, places) in wanted {
            let Some(value) = places.iter().find_map(|place| self.take(item, *place)) else { continue };
            let value = if *role == Role::Tools { plain_tools(value) } else { value };
            self.bodies.push((*role, value.body()));
        }
    }

    fn take(&mut self, item: &Item, place: Lies) -> Option<Any> {
        match place {
            Lies::At(name) => {
                let value = item.get(name).filter(|value| !value.is_blank())?.clone();
                self.taken.insert(name.to_owned());
                Some(value)
            }
            Lies::Flat(prefix) => {
                let found = unflatten(&item.attributes, prefix)?;
                self.taken.insert(format!("{prefix}."));
                self.has_gaps |= found.has_gaps;
                Some(found.value)
            }
            Lies::Parts(parts) => self.parts(item, parts),
            Lies::Events(names) => {
                let events: Vec<Any> = item
                    .events
                    .iter()
                    .filter(|moment| names.contains(&moment.name.as_str()))
                    .map(|moment| said_by(&moment.name, &moment.attributes))
                    .collect();
                (!events.is_empty()).then_some(Any::List(events))
            }
        }
    }

    /// Several attributes as one object; where only the text is there, the text itself.
    fn parts(&mut self, item: &Item, parts: &[(&str, &str)]) -> Option<Any> {
        let there: Vec<(&str, &str, &Any)> = parts
            .iter()
            .filter_map(|(name, from)| Some((*name, *from, item.get(from).filter(|value| !value.is_blank())?)))
            .collect();
        self.taken.extend(there.iter().map(|(_, from, _)| (*from).to_owned()));
        match there.as_slice() {
            [] => None,
            [("text", _, text)] => Some((*text).clone()),
            several => {
                let members = several.iter().map(|(name, _, value)| ((*name).to_owned(), (*value).clone()));
                Some(Any::Map(members.map(|(name, value)| (name, unwrapped(value))).collect()))
            }
        }
    }

    /// A log record that is one message.
    fn message(&mut self, item: &Item, role: Role) {
        let mut said = match &item.body {
            Any::Map(members) => members.clone(),
            Any::Null => Vec::new(),
            other => vec![("content".to_owned(), other.clone())],
        };
        if said.is_empty() {
            said = item.attributes.iter().filter(|(name, _)| is_content(name)).cloned().collect();
            self.taken.extend(said.iter().map(|(name, _)| name.clone()));
        }
        if !said.is_empty() {
            let role_of = if item.name == "gen_ai.system.message" { Role::System } else { role };
            self.bodies.push((role_of, said_by(&item.name, &said).body()));
        }
    }
}

/// Whether an attribute of an event is a part of what was said and not of its envelope.
fn is_content(name: &str) -> bool {
    !matches!(name, "event.name" | "gen_ai.system" | "gen_ai.provider.name" | "event_name")
}

/// A message with the role that the name of its event says, where it does not say one itself.
fn said_by(event: &str, attributes: &Attributes) -> Any {
    let role = event.strip_prefix("gen_ai.").and_then(|rest| rest.strip_suffix(".message"));
    let mut members: Attributes = attributes
        .iter()
        .filter(|(name, _)| is_content(name))
        .map(|(name, value)| (name.clone(), unwrapped(value.clone())))
        .collect();
    if let Some(role) = role.filter(|_| members.iter().all(|(name, _)| name != "role")) {
        members.insert(0, ("role".to_owned(), Any::Text(role.to_owned())));
    }
    Any::Map(members)
}

/// JSON inside a string as the value that it is.
fn unwrapped(value: Any) -> Any {
    let inner = value.text().map(str::trim).filter(|text| text.starts_with(['{', '[']));
    inner.and_then(|text| json::value_of(text.as_bytes())).unwrap_or(value)
}

/// Definitions of tools as models are told them, without what the dialect wraps them in.
fn plain_tools(tools: Any) -> Any {
    let Any::List(items) = unwrapped(tools.get("values").cloned().unwrap_or(tools)) else { return Any::Null };
    let plain = |item: Any| {
        let inner = item.get("tool").and_then(|tool| tool.get("json_schema")).cloned().unwrap_or(item);
        let inner = inner.get("stringValue").cloned().unwrap_or(inner);
        let mut inner = unwrapped(inner);
        if let Any::Map(members) = &mut inner {
            for (_, value) in members.iter_mut().filter(|(name, _)| name == "parameters") {
                *value = unwrapped(value.clone());
            }
        }
        inner
    };
    Any::List(items.into_iter().map(plain).collect())
}

/// All that is in no other body: attributes, events, links, and who sent it.
fn rest(item: &Item, taken: &BTreeSet<String>) -> Any {
    let is_taken = |name: &str| {
        taken.contains(name) || taken.iter().any(|prefix| prefix.ends_with('.') && name.starts_with(prefix.as_str()))
    };
    let mut all = vec![("name".to_owned(), Any::Text(item.name.clone()))];
    let mut add = |name: &str, value: Any| {
        if !value.is_blank() {
            all.push((name.to_owned(), value));
        }
    };
    let text = |text: &Option<String>| text.clone().map_or(Any::Null, Any::Text);
    add("traceId", text(&item.trace));
    add("spanId", text(&item.span));
    add("parentSpanId", text(&item.parent));
    let time = |nanos: Option<Nanos>| nanos.map_or(Any::Null, |nanos| Any::Text(nanos.to_string()));
    match item.signal {
        Signal::Traces => {
            add("startTimeUnixNano", time(item.start));
            add("endTimeUnixNano", time(item.end));
        }
        Signal::Logs => {
            add("timeUnixNano", time(item.start));
            add("severity", text(&item.severity));
            add("body", item.body.clone());
        }
    }
    add("status", item.failed.map_or(Any::Null, |failed| Any::Text(if failed { "error" } else { "ok" }.to_owned())));
    add("statusMessage", text(&item.status_message));
    add("attributes", Any::Map(item.attributes.iter().filter(|(name, _)| !is_taken(name)).cloned().collect()));
    add("events", Any::List(item.events.iter().map(moment).collect()));
    add("links", Any::List(item.links.clone()));
    add("scope", Any::Map(item.sender.scope.clone()));
    add("resource", Any::Map(item.sender.resource.clone()));
    Any::Map(all)
}

fn moment(moment: &Moment) -> Any {
    let time = moment.at.map_or(Any::Null, |nanos| Any::Text(nanos.to_string()));
    Any::Map(vec![
        ("name".to_owned(), Any::Text(moment.name.clone())),
        ("timeUnixNano".to_owned(), time),
        ("attributes".to_owned(), Any::Map(moment.attributes.clone())),
    ])
}

/// The words of a body for a label: its text, or the tools that it calls.
pub fn words(bytes: &[u8]) -> Option<String> {
    let Ok(outline) = Outline::of(bytes) else {
        return Some(String::from_utf8_lossy(bytes).into_owned()).filter(|text| !text.trim().is_empty());
    };
    let mut calls = Vec::new();
    walk(outline.root(), 0, &mut |value| calls.extend(call_of(value).and_then(|(_, name)| name)));
    let mut texts = Vec::new();
    walk(outline.root(), 0, &mut |value| texts.extend(text_of(value)));
    let text = texts.into_iter().find(|text| !text.trim().is_empty());
    let called = (!calls.is_empty()).then(|| format!("calls {}", calls.join(", ")));
    text.or(called).or_else(|| telling::any_text(outline.root()))
}

/// The instructions of a model as its input holds them: the text of the message, or a list where there are several.
fn system_in(input: &[u8]) -> Option<Vec<u8>> {
    let outline = Outline::of(input).ok()?;
    let root = outline.root();
    if let Some(system) = root.get("system").filter(|system| system.shape() == Shape::String) {
        return Some(written(system, input)).filter(|text| !text.is_empty());
    }
    let listed = ["messages", "contents"].iter().find_map(|name| root.get(name)).unwrap_or(root);
    let messages = listed.items().map(|message| message.get("message").unwrap_or(message));
    let is_system = |message: &Value<'_>| matches!(message.word("role").as_deref(), Some("system" | "developer"));
    let said = messages.filter(is_system).filter_map(|message| {
        let content = ["content", "parts", "contents"].iter().find_map(|name| message.get(name))?;
        // A list of one text is that text.
        let only = (content.shape() == Shape::Array && content.len() == 1).then(|| content.items().next()).flatten();
        let text = only.and_then(|part| ["content", "text"].iter().find_map(|name| part.get(name)));
        Some(text.filter(|text| text.shape() == Shape::String).unwrap_or(content))
    });
    match said.collect::<Vec<_>>().as_slice() {
        [] => None,
        [only] => Some(written(*only, input)),
        several => {
            let raw = several.iter().map(|value| {
                let range = value.range();
                input.get(range.start as usize..range.end as usize).unwrap_or_default()
            });
            Some([&b"["[..], &raw.collect::<Vec<_>>().join(&b","[..]), b"]"].concat())
        }
    }
}

/// A text as it is, any other value as it was written.
pub fn written(value: Value<'_>, bytes: &[u8]) -> Vec<u8> {
    let range = value.range();
    let own = bytes.get(range.start as usize..range.end as usize).unwrap_or_default();
    match value.shape() {
        Shape::String => decode_string(own).into_owned().into_bytes(),
        _ => own.to_vec(),
    }
}

/// What a person asked: the text of the first message of theirs.
pub fn asked(bytes: &[u8]) -> Option<String> {
    let outline = Outline::of(bytes).ok()?;
    let mut found = None;
    walk(outline.root(), 0, &mut |value| {
        if found.is_none() && matches!(value.word("role").as_deref(), Some("user" | "human")) {
            let inner = value.get("message").unwrap_or(value);
            let content = ["content", "parts", "contents"].iter().find_map(|name| inner.get(name));
            found = content.and_then(telling::any_text).filter(|text| !text.trim().is_empty());
        }
    });
    found
}

/// The text of a message or of a part of one.
fn text_of(value: Value<'_>) -> Option<String> {
    let is_part = value.shape() == Shape::Object && call_of(value).is_none();
    let kind = value.word("type");
    if !is_part || kind.is_some_and(|kind| !matches!(&*kind, "text" | "output_text" | "message")) {
        return None;
    }
    ["content", "text"].iter().find_map(|name| value.get(name)?.text()).map(|text| text.into_owned())
}

/// The ids of the tool calls that an answer makes, each once.
pub fn tool_calls(bytes: &[u8]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    if let Ok(outline) = Outline::of(bytes) {
        walk(outline.root(), 0, &mut |value| ids.extend(call_of(value).map(|(id, _)| id)));
    }
    ids
}

/// Id and name of a tool call in any dialect.
pub fn call_of(value: Value<'_>) -> Option<(String, Option<String>)> {
    let id = ["toolCallId", "tool_call_id", "call_id", "id"].iter().find_map(|name| value.word(name))?;
    let function = value.get("function");
    let name = ["toolName", "tool_name", "name"].iter().find_map(|name| value.word(name));
    let name = name.or_else(|| function.and_then(|function| function.word("name")));
    let kind = value.word("type");
    let says_so = kind
        .is_some_and(|kind| matches!(&*kind, "tool_call" | "tool-call" | "tool_use" | "function_call" | "function"));
    let has_input = ["arguments", "input", "args"].iter().any(|name| value.get(name).is_some());
    ((says_so && name.is_some()) || function.is_some() || (has_input && name.is_some())).then_some((id, name))
}

/// Visits a value and all that is in it.
pub fn walk<'a>(value: Value<'a>, depth: usize, visit: &mut impl FnMut(Value<'a>)) {
    visit(value);
    if depth < DEEPEST {
        value.items().for_each(|item| walk(item, depth + 1, visit));
    }
}
