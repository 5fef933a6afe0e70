//! Reads OpenTelemetry: spans and log records of agents, from files and from requests, in whatever encoding they come.
//!
//! ```text
//!    bytes ─► elements: where each span lies ─► item: what it says, in one shape ─► tell: events, by the dialects
//!             (json, proto)                     (any, item)                         (dialect: tables)
//! ```
//!
//! Each span is a record of its own, so that one which is delivered twice is there once. What a span means depends on
//! nothing but itself; what follows from others is worked out in the store, whichever of them comes first.

mod any;
#[cfg(test)]
mod cases;
mod decode;
mod dialect;
mod elements;
mod item;
mod json;
mod proto;
mod tell;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub use decode::decode;
pub use decode::{Accepted, Decoded, Decoding, Encoding, Undecodable};
pub use item::Signal;
pub use proto::{is_protobuf, scan as scan_protobuf};

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::{Bytes, Draft, Format, Open, Opening, Part, Reader, Record, telling};
use crate::domain::{Event, Key, KeyKind, Kind, Outline, Session, Shape, Value, flag};
use elements::Elements;

/// The agent's name.
const AGENT: &str = "otel";

pub const FORMAT: Format = Format { agent: AGENT, detect, open: Open::Records(open) };

/// Envelopes of requests.
const REQUESTS: [&str; 6] =
    ["resourceSpans", "resource_spans", "resourceLogs", "resource_logs", "resourceMetrics", "resource_metrics"];

fn detect(head: &[Outline]) -> bool {
    head.iter().any(|outline| is_ours(outline.root()))
}

/// Whether a document holds spans or log records, by its first ones.
fn is_ours(root: Value<'_>) -> bool {
    if root.shape() == Shape::Array {
        return root.items().next().is_some_and(|one| json::is_item(one) || is_request(one));
    }
    if root.shape() != Shape::Object {
        return false;
    }
    let inner = root.get("trace").or_else(|| root.get("result"));
    is_request(root) || inner.is_some_and(is_request) || json::is_item(root)
}

fn is_request(value: Value<'_>) -> bool {
    let first = |name: &str| value.get(name).filter(|list| list.shape() == Shape::Array)?.items().next();
    // Nothing else has such names, whatever stands there.
    if REQUESTS.iter().any(|name| value.get(name).is_some()) {
        return true;
    }
    let has_spans = |group: Value<'_>| {
        ["scopeSpans", "scope_spans", "instrumentationLibrarySpans", "spans"]
            .iter()
            .any(|name| group.get(name).is_some())
    };
    if ["batches", "data"].iter().any(|name| first(name).is_some_and(has_spans)) {
        return true;
    }
    // Spans under any name.
    let lists = value.items().filter(|member| member.shape() == Shape::Array && !member.is_empty());
    let mut firsts = lists.filter_map(|list| list.items().next()).peekable();
    firsts.peek().is_some() && firsts.any(json::is_item) && value.shape() == Shape::Object
}

fn open(opening: &Opening<'_>) -> Box<dyn Reader> {
    let saved = opening.saved.and_then(|saved| serde_json::from_str::<Saved>(saved).ok());
    let name = saved.map_or_else(|| opening.stem.to_owned(), |saved| saved.id);
    Box::new(Reading {
        sorter: Sorter::new(&name),
        metrics: 0,
        elements: Elements::default(),
        parts: Vec::new(),
        request: None,
        fault: None,
    })
}

/// What must be known to go on when a file has grown.
#[derive(Serialize, Deserialize)]
struct Saved {
    id: String,
}

/// Which sessions there are, and which of them are one.
#[derive(Debug)]
struct Sorter {
    /// The session of what names none and has no trace.
    fallback: String,
    sessions: BTreeMap<String, Session>,
    adopted: BTreeSet<(String, String)>,
}

impl Sorter {
    fn new(fallback: &str) -> Self {
        Self { fallback: fallback.to_owned(), sessions: BTreeMap::new(), adopted: BTreeSet::new() }
    }

    fn tell(&mut self, item: &item::Item) -> (Vec<Draft>, [u8; 16]) {
        let told = tell::tell(item, &self.fallback);
        for draft in &told.drafts {
            self.add(&draft.event.session);
        }
        self.adopted.extend(told.adopts);
        (told.drafts, told.content)
    }

    fn add(&mut self, id: &str) {
        if !self.sessions.contains_key(id) {
            self.sessions.insert(id.to_owned(), named(id));
        }
    }

    fn all(&self) -> Vec<Session> {
        self.sessions.values().cloned().collect()
    }
}

/// Its title and project are worked out in the store, from the first of its events.
fn named(id: &str) -> Session {
    Session { id: id.to_owned(), lineage: id.to_owned(), agent: AGENT.to_owned(), ..Session::default() }
}

/// Reads one file.
struct Reading {
    sorter: Sorter,
    /// Records that hold metrics.
    metrics: u64,
    elements: Elements,
    /// The parts of the record that was cut last, where it is JSON: the number of an element, or why it is none.
    parts: Vec<Result<usize, String>>,
    /// The record that was cut last, where it is protobuf.
    request: Option<(proto::Request, Vec<u8>)>,
    /// Why the record that was cut last cannot be read at all.
    fault: Option<String>,
}

/// A request in protobuf begins with a line end, which no JSON record does.
fn is_request_in_protobuf(record: &dyn Bytes) -> Result<bool> {
    Ok(record.size() > 0 && record.at(&(0..1))? == [b'\n'])
}

impl Reader for Reading {
    /// A record without a single span.
    fn read(&mut self, record: &Record<'_>) -> Vec<Draft> {
        let root = record.outline.root();
        let mut event = Event::new(Kind::Other, AGENT, "record");
        event.session.clone_from(&self.sorter.fallback);
        self.sorter.add(&event.session);
        event.keys.push(Key::derived(KeyKind::Session, event.session.clone(), "same_file"));
        event.flags |= flag::INFERRED_TIME;
        let holds_metrics = json::holds_metrics(root);
        self.metrics += u64::from(holds_metrics);
        event.label = match holds_metrics {
            true => "metrics, which are kept and not read".to_owned(),
            false if root.is_null() || is_request(root) => "a request without spans or log records".to_owned(),
            false => {
                event.flags |= flag::UNKNOWN;
                telling::label(&telling::any_text(root).unwrap_or_default())
            }
        };
        vec![Draft::new(event)]
    }

    fn cut(&mut self, record: &dyn Bytes) -> Result<Vec<Range<u64>>> {
        (self.request, self.fault) = (None, None);
        if is_request_in_protobuf(record)? {
            let bytes = record.at(&(0..record.size()))?;
            return Ok(match proto::Request::of(&bytes, usize::MAX) {
                Ok(request) => {
                    let ranges = request.ranges();
                    self.request = Some((request, bytes));
                    ranges
                }
                // A request that is broken is one bad record.
                Err(fault) => {
                    self.fault = Some(fault);
                    std::iter::once(0..record.size()).collect()
                }
            });
        }
        self.elements = Elements::of_json(record, usize::MAX, usize::MAX)?;
        let (ranges, parts) = self.elements.parts().into_iter().unzip();
        self.parts = parts;
        Ok(ranges)
    }

    fn part(&mut self, place: usize, bytes: &[u8], record: &dyn Bytes) -> Result<Part> {
        if let Some(fault) = &self.fault {
            return Ok(Err(fault.clone()));
        }
        let item = match &mut self.request {
            Some((request, whole)) => request.item(place, whole),
            None => match self.parts.get(place) {
                Some(Ok(element)) => self.elements.item(*element, bytes, record)?,
                Some(Err(reason)) => Err(reason.clone()),
                None => Err("there is no such part".to_owned()),
            },
        };
        Ok(match item {
            Ok(item) => Ok(self.sorter.tell(&item)),
            Err(reason) => Err(reason),
        })
    }

    fn parts_name(&self) -> &'static str {
        "spans and log records of OTLP"
    }

    fn adopted(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.sorter.adopted).into_iter().collect()
    }

    fn remark(&self) -> Option<String> {
        let count = self.metrics;
        let records = if count == 1 { "record" } else { "records" };
        (count > 0).then(|| format!("{count} {records} with metrics, which are kept and not read"))
    }

    fn is_in_order(&self) -> bool {
        false
    }

    fn sessions(&self) -> Vec<Session> {
        let known = self.sorter.all();
        if known.is_empty() { vec![named(&self.sorter.fallback)] } else { known }
    }

    fn save(&self) -> String {
        serde_json::to_string(&Saved { id: self.sorter.fallback.clone() }).expect("the state is a text")
    }
}
