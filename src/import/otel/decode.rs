//! Requests as they come in over HTTP: the same events that a file with the same spans gives, ready to be stored.

use std::collections::HashMap;

use anyhow::Result;

use super::elements::Elements;
use super::item::{Item, Signal};
use super::{Bytes, Draft, Sorter, json, proto};
use crate::domain::{Lexer, Progress, Session};

/// The session of spans and log records that name neither a conversation nor a trace.
const NAMELESS: &str = "untraced";
/// A request has no more elements.
const MOST_ELEMENTS: usize = 200_000;
/// A longer element is not read here: what it comes to takes several times its size.
const LONGEST_ELEMENT: u64 = 16 << 20;
/// So many reasons are told for elements that were rejected.
const MOST_REASONS: usize = 10;

/// How a request is encoded: `application/json` or `application/x-protobuf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Json,
    Protobuf,
}

/// Why a request cannot be read at all, in words for its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undecodable(pub String);

/// What a part of a request came to.
#[derive(Debug, Default)]
pub struct Decoded {
    /// One entry for each of its elements that could be read, in the order of the request.
    pub elements: Vec<Accepted>,
    /// The sessions that the events name; their counts are the store's business.
    pub sessions: Vec<Session>,
    /// Sessions that are known under another name by now: the first name and the true one.
    pub adopted: Vec<(String, String)>,
    /// How many elements could not be read.
    pub rejected: u64,
    /// Why: the first few of them, each with its place.
    pub reasons: Vec<String>,
}

/// A span or log record as events.
#[derive(Debug)]
pub struct Accepted {
    pub drafts: Vec<Draft>,
    /// The same for the same element, however it was encoded and whoever sent it on.
    pub content: [u8; 16],
    /// Its bytes as they came.
    pub raw: Vec<u8>,
}

/// A request that is decoded part by part, so that what it comes to is never there as a whole.
pub struct Decoding {
    request: Request,
    signal: Signal,
    ranges: Vec<std::ops::Range<u64>>,
    /// The element that comes next.
    next: usize,
    /// How often each content occurred among the elements without ids.
    nameless: HashMap<[u8; 16], u32>,
    /// What in the envelope cannot be read, until it is told.
    faults: (u64, Vec<String>),
}

impl Decoding {
    /// Begins to decode the body of an OTLP request.
    ///
    /// The error says that nothing of the request can be read: it is not of the encoding, or it is a request of the
    /// other signal.
    pub fn of(body: &[u8], encoding: Encoding, signal: Signal) -> Result<Self, Undecodable> {
        let mut request = match encoding {
            Encoding::Json => Request::Json(of_json(body)?),
            Encoding::Protobuf => Request::Protobuf(proto::Request::of(body, MOST_ELEMENTS).map_err(Undecodable)?),
        };
        if let Some(other) = request.signal(signal).filter(|other| *other != signal) {
            let (is, path) = match other {
                Signal::Traces => ("spans", "/v1/traces"),
                Signal::Logs => ("log records", "/v1/logs"),
            };
            return Err(Undecodable(format!("the request holds {is}: send it to {path}")));
        }
        let ranges = request.ranges();
        let faults = match &request {
            Request::Json(elements) => elements.strays(),
            Request::Protobuf(_) => (0, Vec::new()),
        };
        Ok(Self { request, signal, ranges, next: 0, nameless: HashMap::new(), faults })
    }

    /// The size of the element that comes next; `None` behind the last.
    pub fn next_size(&self) -> Option<usize> {
        let next = self.ranges.get(self.next)?;
        usize::try_from(next.end.saturating_sub(next.start).min(LONGEST_ELEMENT)).ok()
    }

    /// What the next elements come to, as many as lie in so many bytes and at least one; `None` behind the last. There
    /// are not more than `count` of them.
    ///
    /// An element that cannot be read does not stop the others. `body` is that of the whole request.
    pub fn next(&mut self, body: &[u8], most: u64, count: usize) -> Option<Decoded> {
        let first = self.ranges.get(self.next)?;
        let (told, reasons) = std::mem::take(&mut self.faults);
        let mut decoded = Decoded { rejected: told, reasons, ..Decoded::default() };
        let mut sorter = Sorter::new(NAMELESS);
        let (end, behind) = (first.start.saturating_add(most), self.next.saturating_add(count));
        let fits = |range: &&std::ops::Range<u64>, place: usize| place < behind && range.end <= end;
        let is_empty = |decoded: &Decoded| decoded.elements.is_empty() && decoded.rejected == told;
        while let Some(range) = self.ranges.get(self.next).filter(|range| is_empty(&decoded) || fits(range, self.next))
        {
            let place = self.next;
            match self.read(body, range.clone(), place) {
                Ok((item, raw)) => decoded.elements.push(accepted(&mut sorter, &item, raw)),
                Err(reason) => decoded.reject(place, self.signal, &reason),
            }
            self.next += 1;
        }
        decoded.sessions = sorter.all();
        decoded.adopted = sorter.adopted.into_iter().collect();
        name_nameless(&mut decoded.elements, &mut self.nameless);
        Some(decoded)
    }

    /// An element and its bytes; the error says why it cannot be read.
    fn read(&mut self, body: &[u8], range: std::ops::Range<u64>, place: usize) -> Result<(Item, Vec<u8>), String> {
        let size = range.end.saturating_sub(range.start);
        if size > LONGEST_ELEMENT {
            let [size, most] = [size, LONGEST_ELEMENT].map(|bytes| bytes >> 20);
            return Err(format!("it has {size} MiB, more than {most}: `turnscope import` reads such ones from a file"));
        }
        let raw = body.at(&range).map_err(|error| error.to_string())?;
        let item = self.request.item(place, &raw, &body).map_err(|error| error.to_string())?;
        Ok((item?, raw))
    }
}

/// All of a request at once.
#[cfg(test)]
pub fn decode(body: &[u8], encoding: Encoding, signal: Signal) -> Result<Decoded, Undecodable> {
    Decoding::of(body, encoding, signal)
        .map(|mut decoding| decoding.next(body, u64::MAX, usize::MAX).unwrap_or_default())
}

/// The elements of a request in either encoding.
enum Request {
    Json(Elements),
    Protobuf(proto::Request),
}

impl Request {
    /// What it is a request of; what may be either is what is wanted.
    fn signal(&mut self, wanted: Signal) -> Option<Signal> {
        match self {
            Self::Json(elements) => elements.of(),
            Self::Protobuf(request) => Some(*request.signal.get_or_insert(wanted)),
        }
    }

    fn ranges(&self) -> Vec<std::ops::Range<u64>> {
        match self {
            Self::Json(elements) => elements.ranges(),
            Self::Protobuf(request) => request.ranges(),
        }
    }

    fn item(&mut self, place: usize, raw: &[u8], body: &&[u8]) -> Result<Result<Item, String>> {
        match self {
            Self::Json(elements) => elements.item(place, raw, body),
            Self::Protobuf(request) => Ok(request.item(place, body)),
        }
    }
}

fn of_json(body: &[u8]) -> Result<Elements, Undecodable> {
    let mut lexer = Lexer::new();
    let used = match lexer.feed(body) {
        Ok(Progress::Done { used }) => Ok(used),
        Ok(Progress::More) => lexer.finish().map(|()| body.len()),
        Err(fault) => Err(fault),
    };
    let used = used.map_err(|fault| Undecodable(format!("not JSON: {fault}")))?;
    if !body[used..].trim_ascii().is_empty() {
        return Err(Undecodable(format!("not JSON: something follows the value at byte {used}")));
    }
    let outline = lexer.outline();
    if outline.root().shape() != crate::domain::Shape::Object {
        return Err(Undecodable("a request must be a JSON object".to_owned()));
    }
    let elements =
        Elements::of_json(&body, MOST_ELEMENTS, MOST_REASONS).map_err(|error| Undecodable(error.to_string()))?;
    if let Some(fault) = elements.strays().1.into_iter().next().filter(|_| elements.ranges().is_empty()) {
        return Err(Undecodable(fault));
    }
    if elements.ranges().is_empty() && json::holds_metrics(outline.root()) {
        return Err(Undecodable(proto::METRICS.to_owned()));
    }
    Ok(elements)
}

fn accepted(sorter: &mut Sorter, item: &Item, raw: Vec<u8>) -> Accepted {
    let (drafts, content) = sorter.tell(item);
    Accepted { drafts, content, raw }
}

/// Elements without ids are told apart by what they say, and by how often that occurs.
fn name_nameless(elements: &mut [Accepted], seen: &mut HashMap<[u8; 16], u32>) {
    for element in elements {
        let is_nameless = |draft: &Draft| draft.event.id.is_empty() || draft.event.id.starts_with('#');
        if !element.drafts.iter().any(is_nameless) {
            continue;
        }
        let count = seen.entry(element.content).or_insert(0);
        *count += 1;
        let mut base = format!("r-{}", hex::encode(&element.content[..8]));
        if *count > 1 {
            base = format!("{base}-{count}");
        }
        for draft in element.drafts.iter_mut().filter(|draft| is_nameless(draft)) {
            draft.event.id = format!("{base}{}", draft.event.id);
        }
    }
}

impl Decoded {
    fn reject(&mut self, place: usize, signal: Signal, reason: &str) {
        self.rejected += 1;
        if self.reasons.len() < MOST_REASONS {
            let what = if signal == Signal::Traces { "span" } else { "log record" };
            self.reasons.push(format!("{what} {}: {reason}", place + 1));
        }
    }
}
