//! Looks through one body for artifacts, the shallow before the deep.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::definition::{definitions, is_schema};
use super::names::{is_foreign, is_setting, is_words, kind_of, normal};
use super::{Artifact, ArtifactKind, Found, Setting, digest, text_of};
use crate::domain::{Event, Kind, Phase, Role};
use crate::timeline::material::{Material, within};

/// Values that are looked at in one body; the original stopped silently at 5,000.
const MOST: usize = 50_000;

/// A value that is still to be looked at.
struct Place<'a> {
    value: Cow<'a, Value>,
    path: String,
    /// The normal name under which it stands.
    name: String,
}

/// The artifacts in one body of an event.
pub fn look(event: &Event, material: &Material) -> Found {
    if !speaks_to_models(event, material.role) {
        return Found::default();
    }
    let mut search = Search { event: event.number, found: Found::default(), queue: VecDeque::new() };
    search.found.cut = material.partial;
    let root = material.role.name();
    let column = match material.role {
        Role::System => Some(ArtifactKind::SystemPrompt),
        Role::Context => Some(ArtifactKind::ContextPriming),
        Role::Tools if definitions(&material.value).is_empty() && is_schema(&material.value) => {
            Some(ArtifactKind::ToolSchemas)
        }
        Role::Tools => Some(ArtifactKind::ToolDescriptions),
        _ => None,
    };
    if let Some(kind) = column {
        search.take(kind, root.to_owned(), Cow::Borrowed(&material.value));
    }
    if !matches!(material.role, Role::System | Role::Tools) {
        search.push(Cow::Borrowed(&material.value), root.to_owned(), String::new());
        search.run();
    }
    search.found.artifacts.sort_by_key(|artifact| artifact.kind);
    search.found
}

/// Which bodies hold what a model is told. A tool's arguments and results, and what people say, never do.
fn speaks_to_models(event: &Event, role: Role) -> bool {
    match (event.kind, role) {
        (_, Role::Raw) | (Kind::Transcript, _) => false,
        (Kind::Tool, Role::Metadata) => event.phase != Phase::Result,
        (Kind::Tool | Kind::Other, Role::Input | Role::Output) => false,
        _ => true,
    }
}

struct Search<'a> {
    event: i64,
    found: Found,
    queue: VecDeque<Place<'a>>,
}

impl<'a> Search<'a> {
    fn push(&mut self, value: Cow<'a, Value>, path: String, name: String) {
        self.queue.push_back(Place { value, path, name });
    }

    fn run(&mut self) {
        let mut seen = 0;
        while let Some(place) = self.queue.pop_front() {
            seen += 1;
            if seen > MOST {
                self.found.cut = true;
                return;
            }
            self.visit(place);
        }
    }

    fn visit(&mut self, place: Place<'a>) {
        let Place { value, path, name } = place;
        match value {
            Cow::Borrowed(Value::Object(members)) => {
                let items = members.iter().map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value)));
                self.object(members, &path, items.collect());
            }
            Cow::Owned(Value::Object(members)) => {
                let shell = outer(&members);
                let items = members.into_iter().map(|(name, value)| (Cow::Owned(name), Cow::Owned(value)));
                self.object(&shell, &path, items.collect());
            }
            Cow::Borrowed(Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.push(Cow::Borrowed(item), format!("{path}[{index}]"), name.clone());
                }
            }
            Cow::Owned(Value::Array(items)) => {
                for (index, item) in items.into_iter().enumerate() {
                    self.push(Cow::Owned(item), format!("{path}[{index}]"), name.clone());
                }
            }
            value => {
                let text = value.as_str().filter(|_| !is_words(&name));
                if let Some(inner) = text.and_then(within) {
                    self.push(Cow::Owned(inner), format!("{path}→"), name);
                }
            }
        }
    }

    /// `shell` tells what sort of object it is, `items` are its members.
    fn object(&mut self, shell: &Map<String, Value>, path: &str, items: Vec<(Cow<'a, str>, Cow<'a, Value>)>) {
        let voice = voice(shell);
        if voice == Voice::Foreign {
            return;
        }
        let asks = shell.contains_key("messages") || shell.contains_key("contents");
        for (key, value) in items {
            let name = normal(&key);
            let inner = step(path, &key);
            match kind_of(&name) {
                _ if voice == Voice::System => {
                    if name == "content" || name == "parts" {
                        self.take(ArtifactKind::SystemPrompt, inner, value);
                    }
                }
                _ if name == "system" && asks => self.take(ArtifactKind::SystemPrompt, inner, value),
                Some(ArtifactKind::ContextPriming) => {
                    self.take(ArtifactKind::ContextPriming, inner.clone(), value.clone());
                    self.push(value, inner, name);
                }
                Some(kind) => self.take(kind, inner, value),
                None if is_foreign(&name) => {}
                None if is_setting(&name) && value.is_number() => self.set(inner, &value),
                None => self.push(value, inner, name),
            }
        }
    }

    fn set(&mut self, path: String, value: &Value) {
        if let Some(value) = value.as_i64() {
            self.found.settings.push(Setting { path, value });
        }
    }

    fn take(&mut self, kind: ArtifactKind, mut path: String, value: Cow<'a, Value>) {
        // A flag or a number is a count of something, or a switch.
        if is_blank(&value) || value.is_boolean() || value.is_number() {
            return;
        }
        let structured = !matches!(kind, ArtifactKind::SystemPrompt | ArtifactKind::Instructions);
        let value = match value.as_str().filter(|_| structured).and_then(within) {
            Some(inner) => {
                path.push('→');
                inner
            }
            None => value.into_owned(),
        };
        if kind == ArtifactKind::ToolDescriptions {
            self.take_schemas(&path, &value);
        }
        self.add(kind, path, value);
    }

    /// The schemas in definitions of tools are an artifact of their own.
    fn take_schemas(&mut self, path: &str, tools: &Value) {
        let all = definitions(tools);
        let with: Map<String, Value> =
            all.iter().filter_map(|one| Some((one.name.to_owned(), one.schema?.clone()))).collect();
        if let Some(field) = all.iter().find(|one| one.schema.is_some()).map(|one| one.field) {
            self.add(ArtifactKind::ToolSchemas, format!("{path}[].{field}"), Value::Object(with));
        }
    }

    fn add(&mut self, kind: ArtifactKind, path: String, value: Value) {
        let text = text_of(&value);
        let (digest, size) = (digest(&text), text.len());
        let artifact =
            Artifact { kind, event: self.event, path, also: Vec::new(), digest, size, value: Arc::new(value) };
        self.found.add(artifact);
    }
}

/// Who speaks in an object, where it is a message or a part of one.
#[derive(PartialEq, Eq)]
enum Voice {
    None,
    System,
    /// A person, a tool, or the model itself.
    Foreign,
}

fn voice(members: &Map<String, Value>) -> Voice {
    match members.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => return Voice::System,
        Some("user" | "human" | "assistant" | "model" | "ai" | "tool" | "function") => return Voice::Foreign,
        _ => {}
    }
    match members.get("type").and_then(Value::as_str) {
        Some(
            "tool_use"
            | "tool_result"
            | "function_call"
            | "function_call_output"
            | "custom_tool_call"
            | "input_text"
            | "output_text"
            | "input_image"
            | "thinking"
            | "reasoning",
        ) => Voice::Foreign,
        _ => Voice::None,
    }
}

/// The members of an object that tell what sort of object it is, without their contents.
fn outer(members: &Map<String, Value>) -> Map<String, Value> {
    let telling = |value: &Value| if value.is_string() { value.clone() } else { Value::Null };
    ["role", "type", "messages", "contents"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), telling(members.get(name)?))))
        .collect()
}

fn step(path: &str, key: &str) -> String {
    let dot = if path.ends_with('→') { "" } else { "." };
    format!("{path}{dot}{key}")
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
