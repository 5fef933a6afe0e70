//! Pairs starts with outcomes that no id ties: within one emitter and request, the order decides where it can.

use std::collections::HashMap;

use super::{Event, KeyKind, Order, Phase};

/// The start or the outcome of a model call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// The store's number of the event.
    pub event: i64,
    pub id: String,
    pub order: Order,
    pub is_start: bool,
    pub call: Call,
}

/// What both halves of a call say of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    pub source: String,
    /// The session of whoever called, where it says one.
    pub emitter: Option<String>,
    pub event_type: String,
    pub request: String,
}

impl Half {
    /// `None` for an event that is neither, or that names no request: nothing could tie it.
    pub fn of(event: &Event) -> Option<Self> {
        let is_start = match event.phase {
            Phase::Call => true,
            Phase::Result => false,
            Phase::Whole | Phase::Part => return None,
        };
        let first = |kind| event.values(kind).next().map(str::to_owned);
        let call = Call {
            source: event.source.clone(),
            emitter: first(KeyKind::Session),
            event_type: event.event_type.clone(),
            request: first(KeyKind::Request)?,
        };
        Some(Self { event: event.number, id: event.id.clone(), order: event.order, is_start, call })
    }
}

/// The outcomes that belong to a start: numbers of outcome and start.
///
/// An outcome is paired with the one start that is open before it. Where several are, none is chosen, and those
/// stay open: whoever shows them says so.
pub fn pair(halves: &[Half]) -> Vec<(i64, i64)> {
    let mut sorted: Vec<&Half> = halves.iter().collect();
    sorted.sort_by(|one, other| (one.order, &one.id).cmp(&(other.order, &other.id)));
    let mut open: HashMap<&Call, Vec<i64>> = HashMap::new();
    let mut pairs = Vec::new();
    for half in sorted {
        let starts = open.entry(&half.call).or_default();
        if half.is_start {
            starts.push(half.event);
        } else if let [start] = starts[..] {
            pairs.push((half.event, start));
            starts.clear();
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    fn half(event: i64, is_start: bool, request: &str) -> Half {
        let order = Order { time: Timestamp(event), origin: 0, sequence: event };
        let call = Call {
            source: "router".to_owned(),
            emitter: Some("s".to_owned()),
            event_type: "model_call".to_owned(),
            request: request.to_owned(),
        };
        Half { event, id: event.to_string(), order, is_start, call }
    }

    #[test]
    fn each_outcome_belongs_to_the_start_before_it() {
        let halves =
            [half(4, false, "a"), half(1, true, "a"), half(2, false, "a"), half(3, true, "a"), half(5, false, "b")];
        assert_eq!(pair(&halves), [(2, 1), (4, 3)]);
    }

    #[test]
    fn nothing_is_chosen_among_several_open_starts() {
        assert_eq!(pair(&[half(1, true, "a"), half(2, true, "a"), half(3, false, "a")]), []);
    }
}
