//! The rules of joining as one table, the strongest first.

use super::Strength;
use crate::domain::{KeyKind, Kind, Via};

/// One side of a rule: which keys count, on rows of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    pub via: Via,
    /// `None` for rows of any kind.
    pub kind: Option<Kind>,
}

/// How the other row is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The first row with the value, which stands for all that have it.
    First,
    /// The only row with the value whose time lies so near, in microseconds; several are ambiguous.
    Only(i64),
    /// The newest state of the same thing.
    NewestState,
    /// The only open call before a result that has none of its own.
    OpenCall,
    /// The only open start before an outcome that has none of its own.
    OpenStart,
    /// The only model row that says the same words at about the same time.
    SameWords,
    /// The nearest line of a person before.
    PromptBefore,
    /// Nothing: a half without its other half.
    None,
}

/// When two rows belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub name: &'static str,
    pub strength: Strength,
    /// The kind of key that both sides must have the same value of; `None` where time or text decides.
    pub key: Option<KeyKind>,
    pub ours: Side,
    pub theirs: Side,
    pub choice: Choice,
    /// Only between rows that no rule above has tied, directly or over others.
    pub apart: bool,
}

/// As long as the original waits for the result of a call.
pub const PATIENCE: i64 = 30_000_000;
/// A tool call follows the decision to make it within this.
const SOON: i64 = 5_000_000;
/// The same words within this are the same utterance.
pub const UTTERANCE: i64 = 30_000_000;
/// What an agent does this long after a person spoke need not be an answer.
pub const ATTENTION: i64 = 300_000_000;
const EVER: i64 = i64::MAX;

const ANY: Side = Side { via: Via::Same, kind: None };
const MODEL: Side = of(Kind::Model);
const TOOL: Side = of(Kind::Tool);
const TASK: Side = of(Kind::Task);
const RESULT: Side = Side { via: Via::ResultOf, kind: Some(Kind::Tool) };

const fn of(kind: Kind) -> Side {
    Side { via: Via::Same, kind: Some(kind) }
}

const fn by(via: Via) -> Side {
    Side { via, kind: None }
}

const fn rule(name: &'static str, strength: Strength, key: KeyKind, ours: Side, theirs: Side) -> Rule {
    Rule { name, strength, key: Some(key), ours, theirs, choice: Choice::First, apart: false }
}

const fn exact(name: &'static str, key: KeyKind, ours: Side, theirs: Side) -> Rule {
    rule(name, Strength::Exact, key, ours, theirs)
}

const fn keyed(name: &'static str, key: KeyKind) -> Rule {
    rule(name, Strength::Keyed, key, ANY, ANY).if_apart()
}

const fn without_key(name: &'static str, strength: Strength, ours: Side, theirs: Side, choice: Choice) -> Rule {
    Rule { name, strength, key: None, ours, theirs, choice, apart: false }
}

impl Rule {
    const fn if_apart(mut self) -> Self {
        self.apart = true;
        self
    }

    const fn to_newest_state(mut self) -> Self {
        self.choice = Choice::NewestState;
        self
    }

    const fn only(mut self, within: i64) -> Self {
        self.choice = Choice::Only(within);
        self
    }

    /// Whether it finds the other half of a call or of a start.
    pub(super) fn pairs_halves(&self) -> bool {
        matches!(self.choice, Choice::OpenCall | Choice::OpenStart)
    }

    /// The name of what it compares: a kind of key, `text` or `time`.
    pub fn compares(&self) -> &'static str {
        match (self.key, self.choice) {
            (Some(key), _) => key.name(),
            (None, Choice::SameWords) => "text",
            (None, Choice::PromptBefore) => "time",
            (None, Choice::OpenCall) => "request_id",
            (None, _) => "tool_call_id",
        }
    }
}

/// Every rule. The first one that ties two rows is the reason that is given.
pub const RULES: &[Rule] = &[
    exact("the model's answer names the tool call", KeyKind::ToolCall, TOOL, MODEL),
    exact("same tool call", KeyKind::ToolCall, ANY, TOOL).if_apart(),
    exact("same model call", KeyKind::Message, ANY, MODEL),
    exact("same message", KeyKind::Message, ANY, ANY).if_apart(),
    exact("same request at the provider", KeyKind::ProviderRequest, ANY, ANY).if_apart(),
    exact("same span", KeyKind::Span, ANY, ANY).if_apart(),
    exact("the span that caused it", KeyKind::Span, by(Via::ParentSpan), ANY),
    exact("same speaker at the same millisecond", KeyKind::Request, by(Via::SpokenAt), MODEL),
    exact("the newest state of the same task", KeyKind::Task, TASK, TASK).to_newest_state(),
    exact("the queue task that it names", KeyKind::Task, ANY, TASK),
    exact(
        "sub-agent and the call that started it",
        KeyKind::Task,
        by(Via::SubAgent),
        Side { via: Via::SubAgent, kind: Some(Kind::Tool) },
    ),
    exact("follow-up of the request that its parameters name", KeyKind::Request, by(Via::FollowUpOf), ANY),
    exact("follow-up of the run that its parameters name", KeyKind::Session, by(Via::FollowUpRun), ANY),
    exact("same run", KeyKind::Session, by(Via::OfRun), ANY),
    keyed("same request", KeyKind::Request),
    keyed("same trace", KeyKind::Trace),
    keyed("same intent", KeyKind::Intent),
    keyed("same task", KeyKind::Task),
    without_key("open call with the same key", Strength::Unique, RESULT, TOOL, Choice::OpenCall),
    without_key("open start of the same call", Strength::Unique, MODEL, MODEL, Choice::OpenStart),
    rule("the request that its id begins with", Strength::Unique, KeyKind::Request, by(Via::BeforeSuffix), ANY)
        .if_apart(),
    rule(
        "call of the tool that the model meant",
        Strength::Unique,
        KeyKind::ToolCall,
        by(Via::ToolMeant),
        by(Via::ToolCalled),
    )
    .only(SOON),
    rule(
        "the text names the beginning of the task's id",
        Strength::Near,
        KeyKind::Task,
        by(Via::TaskInText),
        by(Via::TaskBeginning),
    )
    .only(EVER),
    without_key("same words at about the same time", Strength::Near, ANY, MODEL, Choice::SameWords),
    without_key("the nearest prompt before", Strength::Near, MODEL, ANY, Choice::PromptBefore),
    without_key("open call long before, with the same key", Strength::Near, RESULT, TOOL, Choice::OpenCall),
    without_key("call without result", Strength::Orphan, ANY, ANY, Choice::None),
    without_key("result without call", Strength::Orphan, ANY, ANY, Choice::None),
    without_key("start without outcome", Strength::Orphan, ANY, ANY, Choice::None),
    without_key("outcome without start", Strength::Orphan, ANY, ANY, Choice::None),
];

/// The place of a rule in the table.
pub(super) fn number(name: &str) -> u8 {
    RULES.iter().position(|rule| rule.name == name).map_or(u8::MAX, |place| place as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_weaker_rule_stands_above_a_stronger_one() {
        assert!(RULES.windows(2).all(|pair| pair[0].strength <= pair[1].strength));
    }

    #[test]
    fn every_strength_has_its_rules_and_names_are_told_apart() {
        for strength in [Strength::Exact, Strength::Keyed, Strength::Unique, Strength::Near, Strength::Orphan] {
            assert!(RULES.iter().filter(|rule| rule.strength == strength).count() >= 3, "{}", strength.name());
        }
        assert!(RULES.iter().enumerate().all(|(place, rule)| usize::from(number(rule.name)) == place));
    }
}
