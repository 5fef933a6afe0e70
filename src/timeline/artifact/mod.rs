//! Artifacts: what a model was told besides the conversation, each with the path where it was found.
//!
//! Nothing here comes from a person's words, a tool's arguments or results: those are no instructions to the model.

mod definition;
mod names;
mod search;

pub use definition::{Definition, definitions, is_schema};
pub use names::normal;
pub use search::look;

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The kinds of artifacts, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactKind {
    SystemPrompt,
    ContextPriming,
    Instructions,
    ToolDescriptions,
    ToolSchemas,
    Skills,
    ActionOptions,
}

impl ArtifactKind {
    pub const ALL: [Self; 7] = [
        Self::SystemPrompt,
        Self::ContextPriming,
        Self::Instructions,
        Self::ToolDescriptions,
        Self::ToolSchemas,
        Self::Skills,
        Self::ActionOptions,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::SystemPrompt => "system prompt",
            Self::ContextPriming => "context priming",
            Self::Instructions => "instructions",
            Self::ToolDescriptions => "tool descriptions",
            Self::ToolSchemas => "tool schemas",
            Self::Skills => "skills",
            Self::ActionOptions => "action options",
        }
    }
}

/// One artifact.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    pub kind: ArtifactKind,
    /// The number of the event in which it was found.
    pub event: i64,
    /// The role of the body, then the way through it; `→` enters JSON that stands in a string.
    pub path: String,
    /// Other paths that lead to the same.
    pub also: Vec<String>,
    /// The SHA-256 of [`text_of`].
    pub digest: [u8; 32],
    /// The bytes of that text.
    pub size: usize,
    pub value: Arc<Value>,
}

/// A number that somebody set as a limit or a budget: no measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    pub path: String,
    pub value: i64,
}

/// What was found in one body, or in all bodies of a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    pub artifacts: Vec<Artifact>,
    pub settings: Vec<Setting>,
    /// The search ended before it had seen everything.
    pub cut: bool,
}

impl Found {
    /// Adds what was found elsewhere; what is the same is one artifact with several paths.
    pub fn merge(&mut self, other: Self) {
        for artifact in other.artifacts {
            self.add(artifact);
        }
        for setting in other.settings {
            if !self.settings.contains(&setting) {
                self.settings.push(setting);
            }
        }
        self.cut |= other.cut;
        self.artifacts.sort_by_key(|artifact| (artifact.kind, !is_column(&artifact.path)));
    }

    fn add(&mut self, artifact: Artifact) {
        let same = |known: &&mut Artifact| known.kind == artifact.kind && known.digest == artifact.digest;
        match self.artifacts.iter_mut().find(same) {
            None => self.artifacts.push(artifact),
            Some(known) if known.path == artifact.path || known.also.contains(&artifact.path) => {}
            Some(known) if is_column(&artifact.path) && !is_column(&known.path) => {
                known.event = artifact.event;
                let before = std::mem::replace(&mut known.path, artifact.path);
                known.also.insert(0, before);
            }
            Some(known) => known.also.push(artifact.path),
        }
    }

    /// The first artifact of a kind: columns come before what lies in bodies, the shallow before the deep.
    pub fn first(&self, kind: ArtifactKind) -> Option<&Artifact> {
        self.artifacts.iter().find(|artifact| artifact.kind == kind)
    }
}

/// Whether a path names a whole body.
fn is_column(path: &str) -> bool {
    !path.contains(['.', '[', '→'])
}

/// The text of an artifact: of texts in blocks the texts alone, of anything else its JSON with members in order.
pub fn text_of(value: &Value) -> String {
    match texts(value) {
        Some(texts) => texts.join("\n"),
        None => canonical(value),
    }
}

/// The texts of a message's content in any dialect; `None` where there is more than text.
pub fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(blocks) if !blocks.is_empty() => {
            let each: Option<Vec<Vec<&str>>> = blocks.iter().map(texts).collect();
            Some(each?.into_iter().flatten().collect())
        }
        Value::Object(block) => {
            let content = block.get("text").or_else(|| block.get("parts"))?;
            let plain =
                block.keys().all(|key| matches!(key.as_str(), "text" | "parts" | "type" | "role" | "cache_control"));
            if plain { texts(content) } else { None }
        }
        _ => None,
    }
}

/// JSON with the members of every object in order of their names, so that equal values have equal texts.
pub(super) fn canonical(value: &Value) -> String {
    ordered(value).to_string()
}

fn ordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(ordered).collect(),
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            sorted.into_iter().map(|(name, value)| (name.clone(), ordered(value))).collect()
        }
        plain => plain.clone(),
    }
}

pub(super) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests;
