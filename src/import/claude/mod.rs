//! Claude Code sessions: one JSON record per block of an answer, tied together by uuids.

mod assistant;
mod blocks;
mod identity;
mod other;
mod prompts;
mod record;
mod said;
mod tasks;
#[cfg(test)]
mod tests;
mod titles;
mod user;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Draft, Format, Open, Opening, Reader, Record};
use crate::domain::{Outline, Session};
use identity::Identity;
use prompts::Prompts;
use record::Envelope;
use tasks::Tasks;
use titles::Titles;

pub const FORMAT: Format = Format { agent: AGENT, detect, open: Open::Records(open) };

const AGENT: &str = "claude-code";

fn detect(head: &[Outline]) -> bool {
    let roots = || head.iter().map(Outline::root);
    roots().any(identity::is_record) && !roots().any(identity::is_foreign)
}

fn open(opening: &Opening<'_>) -> Box<dyn Reader> {
    let saved = opening.saved.and_then(|saved| serde_json::from_str(saved).ok());
    let state = saved.unwrap_or_else(|| State { identity: Identity::of(opening), ..State::default() });
    Box::new(Claude { state })
}

/// Reads one file; all it knows is its state.
struct Claude {
    state: State,
}

/// What must be known to go on when the file has grown.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    identity: Identity,
    prompts: Prompts,
    titles: Titles,
    tasks: Tasks,
    cwd: Option<String>,
    git_branch: Option<String>,
    /// The version that wrote the record before, so that only a change is noted.
    version: Option<String>,
    /// A prompt has been seen; in a sub-agent's file the first one is from its parent.
    prompted: bool,
}

impl State {
    /// Learns what a record says about the whole session.
    fn learn(&mut self, envelope: &Envelope<'_>) {
        self.cwd = self.cwd.take().or_else(|| envelope.root.word("cwd"));
        self.git_branch = self.git_branch.take().or_else(|| envelope.root.word("gitBranch"));
        self.titles.learn(envelope, &self.prompts);
    }

    /// The version, where it is another than that of the record before.
    fn new_version(&mut self, envelope: &Envelope<'_>) -> Option<String> {
        let version = envelope.root.word("version").filter(|version| self.version.as_ref() != Some(version))?;
        self.version = Some(version.clone());
        Some(version)
    }
}

impl Reader for Claude {
    fn read(&mut self, record: &Record<'_>) -> Vec<Draft> {
        let envelope = Envelope::of(record.outline.root());
        self.state.learn(&envelope);
        let drafts = match &*envelope.kind {
            "assistant" => assistant::read(&mut self.state, &envelope),
            "user" => user::read(&mut self.state, &envelope),
            _ => other::read(&mut self.state, &envelope),
        };
        distinct(drafts)
    }

    fn sessions(&self) -> Vec<Session> {
        let State { identity, titles, cwd, git_branch, .. } = &self.state;
        let last_part = |path: &String| path.rsplit(['/', '\\']).find(|part| !part.is_empty()).map(str::to_owned);
        let (title, title_worth) = titles.best().unzip();
        vec![Session {
            id: identity.session.clone(),
            parent: identity.parent.clone(),
            lineage: identity.lineage.clone(),
            title,
            title_worth: title_worth.unwrap_or_default(),
            agent: AGENT.to_owned(),
            project: cwd.as_ref().and_then(last_part),
            cwd: cwd.clone(),
            git_branch: git_branch.clone(),
            ..Session::default()
        }]
    }

    fn save(&self) -> String {
        serde_json::to_string(&self.state).expect("the state is texts, lists and flags")
    }
}

/// Gives the second of two equal ids in one record a number: two blocks may name the same call.
fn distinct(mut drafts: Vec<Draft>) -> Vec<Draft> {
    let mut counts: HashMap<String, usize> = HashMap::with_capacity(drafts.len());
    for draft in &mut drafts {
        let id = &mut draft.event.id;
        let count = counts.entry(id.clone()).or_insert(0);
        *count += 1;
        if *count > 1 {
            *id = format!("{id}#{count}");
        }
    }
    drafts
}
