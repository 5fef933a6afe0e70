//! The session's title: what a person named it, else what the agent did, else what was first asked.

use serde::{Deserialize, Serialize};

use super::prompts::Prompts;
use super::record::Envelope;
use crate::domain::{Timestamp, TitleRank, TitleWorth};
use crate::import::telling;

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
    prompt: Option<String>,
    /// The latest time that was written so far.
    now: Option<Timestamp>,
    /// When each of these was told last: given, generated, summary; and when was first asked.
    told: [Option<Timestamp>; 4],
}

const GIVEN: usize = 0;
const GENERATED: usize = 1;
const SUMMARY: usize = 2;
const ASKED: usize = 3;

impl Titles {
    /// Learns from a record; `prompts` knows which records came before it.
    pub fn learn(&mut self, envelope: &Envelope<'_>, prompts: &Prompts) {
        let root = envelope.root;
        self.now = self.now.max(root.get("timestamp").and_then(telling::time));
        match &*envelope.kind {
            "custom-title" => {
                self.custom = root.word("customTitle").or_else(|| self.custom.take());
                self.told[GIVEN] = self.now;
            }
            "ai-title" => {
                self.generated = root.word("aiTitle").or_else(|| self.generated.take());
                self.told[GENERATED] = self.now;
            }
            "summary" => self.learn_summary(root.word("summary"), root.word("leafUuid"), prompts),
            _ => {}
        }
        if let Some(place) = self.foreign.iter().position(|(leaf, _)| Some(leaf) == envelope.uuid.as_ref()) {
            self.summary = Some(self.foreign.remove(place).1);
            self.told[SUMMARY] = self.now;
        }
    }

    fn learn_summary(&mut self, summary: Option<String>, leaf: Option<String>, prompts: &Prompts) {
        let Some(summary) = summary else { return };
        match leaf {
            Some(leaf) if prompts.knows(&leaf) => {
                self.summary = Some(summary);
                self.told[SUMMARY] = self.now;
            }
            leaf if self.foreign.len() < MOST_LEAVES => self.foreign.push((leaf.unwrap_or_default(), summary)),
            _ => {}
        }
    }

    /// Learns what was asked; only the first time counts.
    pub fn asked(&mut self, prompt: impl FnOnce() -> String) {
        if self.prompt.is_none() {
            self.prompt = Some(prompt());
            self.told[ASKED] = self.now;
        }
    }

    /// A summary of another file's records names this session only when nothing else does.
    pub fn best(&self) -> Option<(String, TitleWorth)> {
        let foreign = self.foreign.last().map(|(_, summary)| summary);
        let named = |rank, place: usize| TitleWorth::named(rank, self.told[place]);
        let ranked = [
            (self.custom.as_ref(), named(TitleRank::Given, GIVEN)),
            (self.generated.as_ref(), named(TitleRank::Generated, GENERATED)),
            (self.summary.as_ref(), named(TitleRank::Summed, SUMMARY)),
            (self.prompt.as_ref(), TitleWorth::asked(self.told[ASKED])),
            (foreign, TitleWorth::named(TitleRank::Beside, self.now)),
        ];
        ranked.into_iter().find_map(|(title, worth)| Some((title?.clone(), worth)))
    }
}
