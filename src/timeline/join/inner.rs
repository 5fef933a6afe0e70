//! Why the events of one row are one row: joins between the leading event and each of the others.

use super::explain::shared;
use super::rule::RULES;
use super::{Basis, Join, Strength};
use crate::domain::{Event, KeyKind, Kind, Phase, Via};

/// The keys that make events one row, the most telling first: its kind, how each side has it, and the rule's name.
const TELLING: &[(KeyKind, Via, Via, &str)] = &[
    (KeyKind::ToolCall, Via::Same, Via::Same, "same tool call"),
    (KeyKind::Message, Via::Same, Via::Same, "same model call"),
    (KeyKind::ProviderRequest, Via::Same, Via::Same, "same request at the provider"),
    (KeyKind::Request, Via::SpokenAt, Via::Same, "same speaker at the same millisecond"),
    (KeyKind::Span, Via::Same, Via::Same, "same span"),
];
/// The rule by which events of a derived base are told apart from those of a message.
const BASE: &str = "present.event_base";

/// The joins between the events of one row, given with the call first.
pub fn inner(row: &str, events: &[Event]) -> Vec<Join> {
    let Some((lead, others)) = events.split_first() else { return Vec::new() };
    others.iter().map(|other| join(row, lead, other)).collect()
}

fn join(row: &str, lead: &Event, other: &Event) -> Join {
    let (strength, basis) = basis(lead, other);
    Join {
        to: row.to_owned(),
        session: other.session.clone(),
        of: String::new(),
        from_event: lead.name(),
        to_event: other.name(),
        strength,
        basis,
        candidates: Vec::new(),
        rejected: Vec::new(),
    }
}

fn basis(lead: &Event, other: &Event) -> (Strength, Basis) {
    let (one, two) = (std::slice::from_ref(lead), std::slice::from_ref(other));
    for (kind, ours, theirs, name) in TELLING {
        let found = shared(*kind, one, *ours, two, *theirs).or_else(|| shared(*kind, two, *ours, one, *theirs));
        if let Some((value, ..)) = found {
            let by_base = |event: &Event| event.keys.iter().any(|key| key.rule.as_deref() == Some(BASE));
            let is_base = *kind == KeyKind::Message && by_base(lead) && by_base(other);
            let rule = if is_base { "same base of the event ids" } else { name };
            return (Strength::Exact, said(kind.name(), rule, vec![value]));
        }
    }
    let request = shared(KeyKind::Request, one, Via::Same, two, Via::Same);
    let halves = lead.kind == Kind::Model && lead.phase == Phase::Call && other.phase == Phase::Result;
    match request {
        Some((value, ..)) if halves => {
            (Strength::Unique, said(KeyKind::Request.name(), "open start of the same call", vec![value]))
        }
        Some((value, ..)) => (Strength::Keyed, said(KeyKind::Request.name(), "same request", vec![value])),
        // What the source itself holds together: a record and what it says again.
        None => (Strength::Exact, said("record", "parts of one record", lead.turn.iter().cloned().collect())),
    }
}

fn said(key: &str, rule: &str, values: Vec<String>) -> Basis {
    debug_assert!(
        rule.starts_with("same base") || rule.starts_with("parts") || RULES.iter().any(|known| known.name == rule)
    );
    Basis { key: key.to_owned(), rule: rule.to_owned(), values }
}
