//! Spans that turnscope itself wrote: each is a row again, under its own id, with the keys that its sources wrote.

use crate::domain::own_span::{EVENT_TYPE, KEY, LABEL, LATENCY, PARTICIPANT, PLACE, ROW, STATUS, TURN};
use crate::domain::{Event, Key, KeyKind, telling};
use crate::import::otel::any::Any;
use crate::import::otel::item::Item;

/// Whether turnscope wrote it.
pub fn is_own(item: &Item) -> bool {
    item.get(ROW).and_then(Any::text).is_some_and(|id| !id.is_empty())
}

/// Gives the event back what the conventions have no name for.
///
/// Ids of trace and span may have been made up where the row had none, so they are no keys of it; nor do other spans
/// tell of its calls, which are rows of their own.
pub fn restore(item: &Item, event: &mut Event) {
    let text = |name: &str| item.get(name).and_then(Any::text).map(str::to_owned);
    event.id = text(ROW).unwrap_or_default();
    event.turn = Some(event.id.clone()).filter(|_| item.get(TURN) == Some(&Any::Bool(true)));
    event.label = text(LABEL).map(|label| telling::label(&label)).unwrap_or_default();
    event.status = text(STATUS);
    event.participant = text(PARTICIPANT);
    event.event_type = text(EVENT_TYPE).unwrap_or_else(|| event.event_type.clone());
    let place = item.get(PLACE).and_then(Any::number);
    event.order.sequence = place.map_or(event.order.sequence, |place| place as i64);
    event.latency = item.get(LATENCY).and_then(Any::number).map(|micros| micros as i64);
    event.keys = keys(item);
}

fn keys(item: &Item) -> Vec<Key> {
    let mut keys = Vec::new();
    for kind in KeyKind::ALL {
        let values = match item.get(&format!("{KEY}{}", kind.name())) {
            Some(Any::List(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        keys.extend(values.iter().filter_map(Any::text).map(|value| Key::native(kind, value)));
    }
    keys.sort();
    keys.dedup();
    keys
}
