//! Reads one span or log record from protobuf.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;

use super::message::{AnyValue, KeyValue, Kind, Link, LogRecord, Resource, Scope, Span};
use crate::import::otel::any::{Any, Attributes, attribute};
use crate::import::otel::item::{Item, Moment, Nanos, Sender, Signal, failed_as_tagged, id_of_bytes};

/// Reads an element; the error says what is wrong with it.
pub fn read(bytes: &[u8], signal: Signal, sender: &Arc<Sender>) -> Result<Item, String> {
    let broken = |error: prost::DecodeError| error.to_string();
    Ok(match signal {
        Signal::Traces => span(Span::decode(bytes).map_err(broken)?, sender),
        Signal::Logs => log(LogRecord::decode(bytes).map_err(broken)?, sender),
    })
}

/// Who sent the elements of a group, as far as that is not broken.
pub fn sender(resource: Option<&[u8]>, scope: Option<&[u8]>) -> Sender {
    let mut odd = Vec::new();
    let mut told = |what: &str, read: Result<Attributes, prost::DecodeError>| match read {
        Ok(attributes) => attributes,
        Err(error) => {
            odd.push(format!("its {what} is broken: {error}"));
            Vec::new()
        }
    };
    let resource = resource.map(|bytes| Resource::decode(bytes).map(|resource| attributes(resource.attributes)));
    let resource = resource.map_or_else(Vec::new, |read| told("resource", read));
    let scope = scope.map(|bytes| Scope::decode(bytes).map(words));
    let scope = scope.map_or_else(Vec::new, |read| told("scope", read));
    Sender { resource, scope, odd }
}

fn words(scope: Scope) -> Attributes {
    let named = [("otel.scope.name", scope.name), ("otel.scope.version", scope.version)];
    let named = named.into_iter().filter(|(_, value)| !value.is_empty());
    named.map(|(name, value)| (name.to_owned(), Any::Text(text(value)))).chain(attributes(scope.attributes)).collect()
}

fn span(span: Span, sender: &Arc<Sender>) -> Item {
    let status = span.status.unwrap_or_default();
    let moment = |event: super::message::Event| {
        let attributes = attributes(event.attributes);
        let named = || attribute(&attributes, "event").and_then(Any::word).unwrap_or_default();
        let name = Some(text(event.name)).filter(|name| !name.is_empty()).unwrap_or_else(named);
        Moment { name, at: time(event.time), attributes }
    };
    let tagged = attributes(span.attributes);
    let odd_status = (!(0..=2).contains(&status.code)).then(|| format!("its status is {}", status.code));
    Item {
        trace: id_of_bytes(&span.trace_id),
        span: id_of_bytes(&span.span_id),
        parent: id_of_bytes(&span.parent_span_id),
        name: text(span.name),
        start: time(span.start),
        end: time(span.end),
        events: span.events.into_iter().map(moment).collect(),
        links: span.links.into_iter().map(link).collect(),
        failed: match status.code {
            1 => Some(false),
            2 => Some(true),
            _ => failed_as_tagged(&tagged),
        },
        attributes: tagged,
        status_message: Some(text(status.message)).filter(|message| !message.is_empty()),
        dropped: [span.dropped_attributes, span.dropped_events, span.dropped_links].map(u64::from),
        odd: odd_status.into_iter().collect(),
        ..Item::new(Signal::Traces, Arc::clone(sender))
    }
}

fn log(log: LogRecord, sender: &Arc<Sender>) -> Item {
    let mut item = Item {
        trace: id_of_bytes(&log.trace_id),
        span: id_of_bytes(&log.span_id),
        name: text(log.event_name),
        start: time(log.time).or(time(log.observed)),
        attributes: attributes(log.attributes),
        body: log.body.map_or(Any::Null, any),
        severity: Some(text(log.severity_text)).filter(|severity| !severity.is_empty()),
        dropped: [u64::from(log.dropped_attributes), 0, 0],
        ..Item::new(Signal::Logs, Arc::clone(sender))
    };
    if item.name.is_empty() {
        item.name = item.get("event.name").and_then(Any::word).unwrap_or_default();
    }
    item.failed = failed_as_tagged(&item.attributes);
    let number = Some(log.severity_number).filter(|number| *number != 0).map(|number| number.to_string());
    item.severity = item.severity.or(number);
    item
}

fn link(link: Link) -> Any {
    let id = |bytes: &[u8]| id_of_bytes(bytes).map_or(Any::Null, Any::Text);
    let mut members = vec![("traceId".to_owned(), id(&link.trace_id)), ("spanId".to_owned(), id(&link.span_id))];
    if !link.attributes.is_empty() {
        members.push(("attributes".to_owned(), Any::Map(attributes(link.attributes))));
    }
    Any::Map(members)
}

fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs.into_iter().map(|pair| (text(pair.key), pair.value.map_or(Any::Null, any))).collect()
}

fn any(value: AnyValue) -> Any {
    match value.kind {
        None => Any::Null,
        Some(Kind::Text(bytes)) => Any::Text(text(bytes)),
        Some(Kind::Bool(truth)) => Any::Bool(truth),
        Some(Kind::Int(number)) => Any::Number(number.to_string()),
        Some(Kind::Double(number)) => Any::of_double(number),
        Some(Kind::List(list)) => Any::List(list.values.into_iter().map(any).collect()),
        Some(Kind::Map(map)) => Any::Map(attributes(map.values)),
        Some(Kind::Bytes(bytes)) => Any::Text(STANDARD.encode(bytes)),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn time(nanos: u64) -> Option<Nanos> {
    (nanos != 0).then_some(Nanos::from(nanos))
}
