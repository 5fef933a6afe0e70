//! What a row says: its events summed up for a line of the list, a table or JSON.

use std::collections::BTreeSet;

use super::State;
use crate::domain::price::{Call, Cost, HOUR_WRITES, Prices, SERVICE_TIER, Terms};
use crate::domain::{Event, Key, Kind, Phase, Timestamp, Usage, flag};

/// A row with its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The name of the turn, or of the single event.
    pub id: String,
    pub kind: Kind,
    pub at: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// The time that was written, where the row stands at another one.
    pub written: Option<Timestamp>,
    pub label: String,
    pub state: State,
    /// The status as the source wrote it, else that of the state.
    pub status: String,
    pub source: String,
    /// Who: the tool, the model, the participant or the type of the event.
    pub who: String,
    pub tool: Option<String>,
    pub model: Option<String>,
    pub keys: Vec<Key>,
    pub usage: Option<Usage>,
    /// What its price hangs on besides.
    pub terms: Terms,
    /// Microseconds.
    pub latency: Option<i64>,
    pub error: Option<String>,
    pub flags: i64,
    /// The names of its events, the call first.
    pub events: Vec<String>,
}

impl Turn {
    /// The usage that counts: not what other rows report too.
    pub fn counted(&self) -> Option<&Usage> {
        self.usage.as_ref().filter(|_| self.flags & flag::REPEATS_USAGE == 0)
    }

    /// What it cost: nothing is counted for what is no call of a model, or used nothing.
    pub fn cost(&self, prices: &Prices) -> Cost {
        let mut cost = Cost::default();
        let used = self.counted().filter(|usage| self.kind == Kind::Model && usage.total() != Some(0));
        if let Some(usage) = used {
            let call = |model| Call { model, at: self.at, usage, terms: self.terms };
            cost.add(self.model.as_deref().and_then(|model| prices.cost(&call(model))));
        }
        cost
    }

    /// Who and what, for a line about this row: the name is not said twice.
    pub fn words(&self) -> String {
        if self.label.starts_with(&self.who) { self.label.clone() } else { format!("{} {}", self.who, self.label) }
    }
}

/// Sums up the events of one row, given with the call first. `None` for no events.
///
/// Older tellings of a span are in its row, and the newest speaks for them.
pub fn describe(events: &[Event]) -> Option<Turn> {
    let is_newest = |event: &&Event| !event.has(flag::SUPERSEDED);
    let newest = events.iter().filter(is_newest).count();
    if newest == 0 || newest == events.len() {
        return sum_up(events);
    }
    let newest: Vec<Event> = events.iter().filter(is_newest).cloned().collect();
    Some(Turn { events: events.iter().map(Event::name).collect(), ..sum_up(&newest)? })
}

fn sum_up(events: &[Event]) -> Option<Turn> {
    let lead = events.iter().find(|event| !event.has(flag::TWIN)).or(events.first())?;
    let last = events.iter().max_by_key(|event| (event.order, &event.id))?;
    let first = events.iter().min_by_key(|event| (event.order, &event.id))?;
    let flags = events.iter().fold(0, |flags, event| flags | event.flags);
    let state = judge(lead.kind, flags, events);
    let reporting = events.iter().filter(|event| event.usage.is_some()).max_by_key(|event| event.order);
    let spoken = events.iter().rev().find_map(|event| event.status.clone());
    Some(Turn {
        id: lead.row(),
        kind: lead.kind,
        at: known(first.order.time),
        ended: known(last.order.time),
        written: first.at.filter(|at| *at != first.order.time),
        label: label(lead, events),
        state,
        status: spoken
            .filter(|status| state != State::NoResult || status != "ok")
            .unwrap_or_else(|| state.name().to_owned()),
        source: lead.source.clone(),
        who: who(lead, events),
        tool: events.iter().find_map(|event| event.tool.clone()),
        model: events.iter().find_map(|event| event.model.clone()),
        keys: events.iter().flat_map(|event| event.keys.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect(),
        usage: reporting.and_then(|event| event.usage.clone()),
        terms: reporting.map(terms).unwrap_or_default(),
        latency: latency(events),
        error: events.iter().find_map(|event| event.error.clone()),
        flags,
        events: events.iter().map(Event::name).collect(),
    })
}

/// The terms of a call, as its source noted them.
fn terms(event: &Event) -> Terms {
    let hour_writes = event.attribute(HOUR_WRITES).and_then(|tokens| tokens.parse().ok()).unwrap_or(0);
    Terms { hour_writes, batch: event.attribute(SERVICE_TIER) == Some("batch") }
}

/// A session without any written time has none.
fn known(time: Timestamp) -> Option<Timestamp> {
    (time.0 > 0).then_some(time)
}

fn judge(kind: Kind, flags: i64, events: &[Event]) -> State {
    let has = |phase| events.iter().any(|event| event.phase == phase);
    if flags & flag::BAD != 0 {
        return State::Bad;
    }
    if flags & flag::ERROR != 0 {
        return State::Error;
    }
    match (kind, has(Phase::Call), has(Phase::Result)) {
        (Kind::Tool, true, false) => State::NoResult,
        (Kind::Tool, false, true) => State::NoCall,
        (Kind::Tool, _, _) => State::Ok,
        _ => State::Plain,
    }
}

/// The words of a model turn come from what it said; of all others from the first event.
fn label(lead: &Event, events: &[Event]) -> String {
    if lead.kind != Kind::Model {
        return lead.label.clone();
    }
    let said = |event: &&Event| !event.label.is_empty() && event.attribute("says") == Some("text");
    let speaking = events.iter().find(said);
    let any = events.iter().find(|event| !event.label.is_empty());
    speaking.or(any).map(|event| event.label.clone()).unwrap_or_default()
}

fn who(lead: &Event, events: &[Event]) -> String {
    let of = |pick: fn(&Event) -> &Option<String>| events.iter().find_map(|event| pick(event).clone());
    let name = match lead.kind {
        Kind::Tool => of(|event| &event.tool),
        Kind::Model => of(|event| &event.model),
        Kind::Transcript => of(|event| &event.participant),
        Kind::Trace | Kind::Task | Kind::Other => None,
    };
    name.unwrap_or_else(|| lead.event_type.clone())
}

fn latency(events: &[Event]) -> Option<i64> {
    // As in the rows: what is below zero was not measured.
    let reported = events.iter().filter_map(|event| event.latency).filter(|latency| *latency >= 0).max();
    reported.or_else(|| {
        let call = events.iter().filter(|event| event.phase == Phase::Call).map(|event| event.order.time).min()?;
        let result = events.iter().filter(|event| event.phase == Phase::Result).map(|event| event.order.time).max()?;
        Some((result.0 - call.0).max(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{KeyKind, Order};

    #[test]
    fn a_tool_turn_speaks_for_its_call_and_its_result() {
        let mut call = Event::new(Kind::Tool, "claude-code", "tool_use");
        call.phase = Phase::Call;
        (call.id, call.turn, call.tool) = ("a#call".into(), Some("tool:t1".into()), Some("Bash".into()));
        call.label = "ls".into();
        call.keys = vec![Key::native(KeyKind::ToolCall, "t1")];
        let mut result = Event::new(Kind::Tool, "claude-code", "tool_result");
        result.phase = Phase::Result;
        (result.id, result.turn, result.status) = ("b".into(), Some("tool:t1".into()), Some("ok".into()));
        result.order = Order { time: Timestamp(1500), origin: 0, sequence: 9 };
        let turn = describe(&[call, result]).expect("has events");
        assert_eq!((turn.id.as_str(), turn.who.as_str(), turn.label.as_str()), ("tool:t1", "Bash", "ls"));
        assert_eq!((turn.state, turn.latency, turn.events.len()), (State::Ok, Some(1500), 2));
    }
}
