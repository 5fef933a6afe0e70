//! Codex sessions: rollouts with an envelope, the bare records before them, and the stream of `codex exec --json`.

mod calls;
mod exec;
mod happened;
mod identity;
mod items;
mod meta;
mod outcome;
mod record;
mod said;
#[cfg(test)]
mod tests;
mod tokens;
mod tools;
mod twins;

use serde::{Deserialize, Serialize};

use super::{Draft, Format, Open, Opening, Reader, Record};
use crate::domain::{Outline, Session, Timestamp, TitleRank, TitleWorth};
use calls::Calls;
use identity::Identity;
use record::Frame;
use tokens::Totals;
use twins::Twins;

pub const FORMAT: Format = Format { agent: AGENT, detect, open: Open::Records(open) };

const AGENT: &str = "codex";

fn detect(head: &[Outline]) -> bool {
    head.iter().any(|record| identity::is_record(record.root()))
}

fn open(opening: &Opening<'_>) -> Box<dyn Reader> {
    let saved = opening.saved.and_then(|saved| serde_json::from_str(saved).ok());
    let state = saved.unwrap_or_else(|| State { identity: Identity::of(opening), ..State::default() });
    Box::new(Codex { state })
}

/// Reads one file; all it knows is its state.
struct Codex {
    state: State,
}

/// What must be known to go on when the file has grown.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    identity: Identity,
    /// A session_meta has been read; what follows of them repeats it or was copied from a parent.
    described: bool,
    cwd: Option<String>,
    git_branch: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    /// The start of the first prompt.
    prompt: Option<String>,
    /// The name that was given to the thread.
    name: Option<String>,
    /// When it was given, and when the first prompt was.
    titled: (Option<Timestamp>, Option<Timestamp>),
    /// The id of the user's turn that is going on.
    intent: Option<String>,
    calls: Calls,
    totals: Totals,
    twins: Twins,
    tools: tools::Unnamed,
    /// How many things were said by the user.
    said: u64,
}

impl Reader for Codex {
    fn read(&mut self, record: &Record<'_>) -> Vec<Draft> {
        let frame = Frame::of(record.outline.root());
        let state = &mut self.state;
        match &*frame.kind {
            "session_meta" => vec![meta::session(state, &frame)],
            "turn_context" => vec![meta::turn_context(state, &frame)],
            "compacted" => vec![meta::compacted(state, &frame)],
            "event_msg" => vec![happened::read(state, &frame)],
            "response_item" => items::read(state, &frame),
            _ if frame.is_wrapped => vec![meta::other(state, &frame)],
            _ if exec::is_record(frame.root) => exec::read(state, &frame),
            _ if identity::is_bare_header(frame.root) => vec![meta::session(state, &frame)],
            _ => items::read(state, &frame),
        }
    }

    fn sessions(&self) -> Vec<Session> {
        let State { identity, cwd, git_branch, .. } = &self.state;
        let last_part = |path: &String| path.rsplit(['/', '\\']).find(|part| !part.is_empty()).map(str::to_owned);
        let named = self.state.name.clone().zip(Some(TitleWorth::named(TitleRank::Generated, self.state.titled.0)));
        let asked = self.state.prompt.clone().zip(Some(TitleWorth::asked(self.state.titled.1)));
        let (title, title_worth) = named.or(asked).unzip();
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

    /// A fork copies the whole history before its own, some versions under the time of the fork.
    fn renewed(&self) -> &'static [&'static str] {
        &["timestamp"]
    }

    fn save(&self) -> String {
        serde_json::to_string(&self.state).expect("the state is texts, lists and counts")
    }
}
