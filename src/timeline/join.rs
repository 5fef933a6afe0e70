//! Joins: why two rows belong together, with the key, the values and the rule that say so.

use std::collections::{BTreeMap, BTreeSet};

use super::Turn;
use crate::domain::{Event, Key, KeyKind, Kind, Phase};

/// How sure a join is, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    Exact,
    Keyed,
    Unique,
    Near,
    Ambiguous,
    Orphan,
}

impl Strength {
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Keyed => "keyed",
            Self::Unique => "unique",
            Self::Near => "near",
            Self::Ambiguous => "ambiguous",
            Self::Orphan => "orphan",
        }
    }
}

/// What a join stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// The kind of key, such as `message_id`.
    pub key: String,
    /// The rule that compared the values.
    pub rule: String,
    pub values: Vec<String>,
}

/// A link from one row to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The id of the row it leads to; empty for an orphan, and where several candidates stand open.
    pub to: String,
    /// The session of that row.
    pub session: String,
    pub strength: Strength,
    pub basis: Basis,
    /// The rows among which nothing was chosen.
    pub candidates: Vec<String>,
}

/// A rule of exact joins: rows with the same value of one kind of key.
struct Rule {
    kind: KeyKind,
    name: &'static str,
    /// Only values that this rule derived count, on both sides; `None` counts all.
    derived_by: Option<&'static str>,
}

const EXACT: &[Rule] = &[
    Rule { kind: KeyKind::Message, name: "same model message", derived_by: None },
    Rule { kind: KeyKind::ToolCall, name: "same tool call", derived_by: None },
    Rule { kind: KeyKind::Span, name: "same span", derived_by: None },
    // Other tasks tie rows too, but less surely.
    Rule { kind: KeyKind::Task, name: "sub-agent and the call that started it", derived_by: Some("claude.agent_id") },
];

impl Rule {
    fn takes(&self, key: &Key) -> bool {
        key.kind == self.kind && self.derived_by.is_none_or(|rule| key.rule.as_deref() == Some(rule))
    }
}

/// The kinds of key that [`joins`] compares.
pub fn joining_kinds() -> impl Iterator<Item = KeyKind> {
    EXACT.iter().map(|rule| rule.kind)
}

/// The exact joins of one row to others that share a key with it, and its orphan mark.
///
/// `others` are events that share at least one key value with the row; events of the row itself are passed over.
pub fn joins(turn: &Turn, own: &[Event], others: &[Event]) -> Vec<Join> {
    let mut found: BTreeMap<String, Join> = BTreeMap::new();
    for rule in EXACT {
        let values: BTreeSet<&str> = taken(rule, own).map(|(value, _)| value).collect();
        for (value, other) in taken(rule, others).filter(|(value, _)| values.contains(value)) {
            let to = other.turn.as_ref().unwrap_or(&other.id);
            if *to != turn.id || own.first().is_some_and(|event| event.session != other.session) {
                let basis = Basis {
                    key: rule.kind.name().to_owned(),
                    rule: rule.name.to_owned(),
                    values: vec![value.to_owned()],
                };
                let (to, session) = (to.clone(), other.session.clone());
                found.entry(to.clone()).or_insert(Join {
                    to,
                    session,
                    strength: Strength::Exact,
                    basis,
                    candidates: Vec::new(),
                });
            }
        }
    }
    let mut joins: Vec<Join> = found.into_values().collect();
    joins.extend(orphan(turn, own));
    joins
}

/// The values that a rule compares, with their events.
fn taken<'a>(rule: &'a Rule, events: &'a [Event]) -> impl Iterator<Item = (&'a str, &'a Event)> {
    let keys = events.iter().flat_map(|event| event.keys.iter().map(move |key| (key, event)));
    keys.filter(|(key, _)| rule.takes(key)).map(|(key, event)| (key.value.as_str(), event))
}

/// A tool row that lacks its call or its result, whether it failed or not.
fn orphan(turn: &Turn, own: &[Event]) -> Option<Join> {
    let has = |phase| own.iter().any(|event| event.phase == phase);
    let rule = match (has(Phase::Call), has(Phase::Result)) {
        (true, false) => "call without result",
        (false, true) => "result without call",
        _ => return None,
    };
    let values = turn.keys.iter().filter(|key| key.kind == KeyKind::ToolCall).map(|key| key.value.clone()).collect();
    let basis = Basis { key: KeyKind::ToolCall.name().to_owned(), rule: rule.to_owned(), values };
    (turn.kind == Kind::Tool).then_some(Join {
        to: String::new(),
        session: String::new(),
        strength: Strength::Orphan,
        basis,
        candidates: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::describe;

    fn event(id: &str, turn: &str, kind: Kind, keys: &[Key]) -> Event {
        let mut event = Event::new(kind, "claude-code", "x");
        (event.id, event.turn, event.session) = (id.to_owned(), Some(turn.to_owned()), "s".to_owned());
        event.phase = if kind == Kind::Tool { Phase::Call } else { Phase::Part };
        event.keys = keys.to_vec();
        event
    }

    #[test]
    fn a_tool_row_is_joined_to_the_message_that_called_it_and_says_why() {
        let message = Key::native(KeyKind::Message, "m1");
        let call = event("c", "tool:t1", Kind::Tool, &[message.clone(), Key::native(KeyKind::ToolCall, "t1")]);
        let model = event("a", "model:m1", Kind::Model, &[message]);
        let turn = describe(std::slice::from_ref(&call)).expect("has events");
        let joins = joins(&turn, &[call], &[model]);
        assert_eq!((joins[0].to.as_str(), joins[0].strength), ("model:m1", Strength::Exact));
        assert_eq!(
            (joins[0].basis.key.as_str(), joins[0].basis.values.as_slice()),
            ("message_id", ["m1".to_owned()].as_slice())
        );
        assert_eq!((joins[1].strength, joins[1].basis.rule.as_str()), (Strength::Orphan, "call without result"));
    }

    #[test]
    fn a_failed_result_without_a_call_is_an_orphan_too() {
        let mut result = event("r", "tool:t1", Kind::Tool, &[Key::native(KeyKind::ToolCall, "t1")]);
        (result.phase, result.flags) = (Phase::Result, crate::domain::flag::ERROR);
        let turn = describe(std::slice::from_ref(&result)).expect("has events");
        let joins = joins(&turn, &[result], &[]);
        assert_eq!(joins[0].basis.rule, "result without call");
    }

    #[test]
    fn equal_values_of_other_kinds_are_no_match() {
        let call = event("c", "tool:t1", Kind::Tool, &[Key::native(KeyKind::ToolCall, "x")]);
        let model =
            event("a", "model:x", Kind::Model, &[Key::native(KeyKind::Message, "x"), Key::native(KeyKind::Task, "x")]);
        let turn = describe(std::slice::from_ref(&call)).expect("has events");
        assert!(joins(&turn, &[call], &[model]).iter().all(|join| join.strength == Strength::Orphan));
    }
}
