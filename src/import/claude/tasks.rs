//! Sub-agents inside their parent's file: which call started the one whose first words are these.

use serde::{Deserialize, Serialize};

use crate::domain::{Shape, Value};
use crate::store::digest;

/// So many of the latest calls are remembered; a sub-agent speaks soon after it was called.
const MOST: usize = 64;

/// Calls that handed a prompt to a sub-agent which has not spoken yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tasks {
    waiting: Vec<(String, String)>,
}

impl Tasks {
    /// Notes a call that hands on a prompt.
    pub fn note(&mut self, call: Value<'_>) {
        let is_task = matches!(call.word("name").as_deref(), Some("Task" | "Agent"));
        let prompt = call.at(&["input", "prompt"]).filter(|prompt| prompt.shape() == Shape::String && is_task);
        let (Some(prompt), Some(id)) = (prompt.and_then(Value::text), call.word("id")) else { return };
        if self.waiting.len() >= MOST {
            self.waiting.remove(0);
        }
        self.waiting.push((name(&prompt), id));
    }

    /// The call that handed on this prompt. `None` also where several did: nothing tells them apart.
    pub fn take(&mut self, prompt: &str) -> Option<String> {
        let name = name(prompt);
        let mut same = (0..self.waiting.len()).filter(|place| self.waiting[*place].0 == name);
        let (Some(place), None) = (same.next(), same.next()) else { return None };
        Some(self.waiting.remove(place).1)
    }
}

fn name(prompt: &str) -> String {
    hex::encode(&digest(prompt.trim().as_bytes())[..8])
}
