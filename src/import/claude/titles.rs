//! The session's title: what a person named it, else what the agent did, else what was first asked.

use serde::{Deserialize, Serialize};

use super::prompts::Prompts;
use super::record::Envelope;

/// Summaries whose leaf has not been met; a file of summaries only would otherwise grow without bound.
const MOST_LEAVES: usize = 256;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Titles {
    custom: Option<String>,
    generated: Option<String>,
    /// The last summary whose leaf is a record of this file.
    summary: Option<String>,
    /// Summaries with their leaves, which so far are of another file.
    foreign: Vec<(String, String)>,
    /// The start of the first prompt.
    pub prompt: Option<String>,
}

impl Titles {
    /// Learns from a record; `prompts` knows which records came before it.
    pub fn learn(&mut self, envelope: &Envelope<'_>, prompts: &Prompts) {
        let root = envelope.root;
        match &*envelope.kind {
            "custom-title" => self.custom = root.word("customTitle").or_else(|| self.custom.take()),
            "ai-title" => self.generated = root.word("aiTitle").or_else(|| self.generated.take()),
            "summary" => self.learn_summary(root.word("summary"), root.word("leafUuid"), prompts),
            _ => {}
        }
        if let Some(place) = self.foreign.iter().position(|(leaf, _)| Some(leaf) == envelope.uuid.as_ref()) {
            self.summary = Some(self.foreign.remove(place).1);
        }
    }

    fn learn_summary(&mut self, summary: Option<String>, leaf: Option<String>, prompts: &Prompts) {
        let Some(summary) = summary else { return };
        match leaf {
            Some(leaf) if prompts.knows(&leaf) => self.summary = Some(summary),
            leaf if self.foreign.len() < MOST_LEAVES => self.foreign.push((leaf.unwrap_or_default(), summary)),
            _ => {}
        }
    }

    /// A summary of another file's records names this session only when nothing else does.
    pub fn best(&self) -> Option<String> {
        let foreign = self.foreign.last().map(|(_, summary)| summary);
        let ranked =
            [self.custom.as_ref(), self.generated.as_ref(), self.summary.as_ref(), self.prompt.as_ref(), foreign];
        ranked.into_iter().flatten().next().cloned()
    }
}
