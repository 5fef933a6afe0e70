//! Joins: why two rows belong together, with the key, the values and the rule that say so.

use std::collections::BTreeMap;

use super::Turn;
use crate::domain::{Event, KeyKind, Kind};

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
    pub strength: Strength,
    pub basis: Basis,
    /// The rows among which nothing was chosen.
    pub candidates: Vec<String>,
}

/// A rule of exact joins: equal values of one kind of key, between two kinds of rows.
const EXACT: &[(KeyKind, &str)] =
    &[(KeyKind::Message, "same model message"), (KeyKind::ToolCall, "same tool call"), (KeyKind::Span, "same span")];

/// The exact joins of one row to others that share a key with it, and its orphan mark.
///
/// `others` are events that share at least one key value with the row; events of the row itself are passed over.
pub fn joins(turn: &Turn, own: &[Event], others: &[Event]) -> Vec<Join> {
    let mut found: BTreeMap<(Strength, String), Join> = BTreeMap::new();
    for (kind, rule) in EXACT {
        for event in own {
            for value in event.values(*kind) {
                for other in others.iter().filter(|other| other.values(*kind).any(|theirs| theirs == value)) {
                    let to = other.turn.clone().unwrap_or_else(|| other.id.clone());
                    if to == turn.id {
                        continue;
                    }
                    let basis =
                        Basis { key: kind.name().to_owned(), rule: (*rule).to_owned(), values: vec![value.to_owned()] };
                    found.entry((Strength::Exact, to.clone())).or_insert(Join {
                        to,
                        strength: Strength::Exact,
                        basis,
                        candidates: Vec::new(),
                    });
                }
            }
        }
    }
    let mut joins: Vec<Join> = found.into_values().collect();
    joins.extend(orphan(turn));
    joins
}

fn orphan(turn: &Turn) -> Option<Join> {
    let rule = match turn.state {
        super::State::NoResult => "call without result",
        super::State::NoCall => "result without call",
        _ => return None,
    };
    let values = turn.keys.iter().filter(|key| key.kind == KeyKind::ToolCall).map(|key| key.value.clone()).collect();
    let basis = Basis { key: KeyKind::ToolCall.name().to_owned(), rule: rule.to_owned(), values };
    (turn.kind == Kind::Tool).then_some(Join {
        to: String::new(),
        strength: Strength::Orphan,
        basis,
        candidates: Vec::new(),
    })
}
