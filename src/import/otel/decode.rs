//! Requests as they come in over HTTP: the same events that a file with the same spans gives, ready to be stored.

use std::collections::HashMap;

use anyhow::Result;

use super::elements::Elements;
use super::item::{Item, Signal};
use super::{Bytes, Draft, Sorter, json, proto};
use crate::domain::{Lexer, Progress, Session};

/// The session of spans and log records that name neither a conversation nor a trace.
const NAMELESS: &str = "untraced";
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

/// What a request came to.
#[derive(Debug, Default)]
pub struct Decoded {
    /// One entry for each element that could be read, in the order of the request.
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

/// Decodes the body of an OTLP request.
///
/// An element that cannot be read does not stop the others. The error says that nothing of the request can be read:
/// it is not of the encoding, or it is a request of the other signal.
pub fn decode(body: &[u8], encoding: Encoding, signal: Signal) -> Result<Decoded, Undecodable> {
    let mut request = match encoding {
        Encoding::Json => Request::Json(of_json(body)?),
        Encoding::Protobuf => Request::Protobuf(proto::Request::of(body).map_err(Undecodable)?),
    };
    if let Some(other) = request.signal().filter(|other| *other != signal) {
        let (is, path) = match other {
            Signal::Traces => ("spans", "/v1/traces"),
            Signal::Logs => ("log records", "/v1/logs"),
        };
        return Err(Undecodable(format!("the request holds {is}: send it to {path}")));
    }
    let mut sorter = Sorter::new(NAMELESS);
    let mut decoded = Decoded::default();
    for (place, range) in request.ranges().into_iter().enumerate() {
        let read = body.at(&range).and_then(|raw| Ok((request.item(place, &raw, &body)?, raw)));
        match read {
            Ok((Ok(item), raw)) => decoded.elements.push(accepted(&mut sorter, &item, raw)),
            Ok((Err(reason), _)) => decoded.reject(place, signal, &reason),
            Err(error) => decoded.reject(place, signal, &error.to_string()),
        }
    }
    decoded.sessions = sorter.all();
    decoded.adopted = sorter.adopted.into_iter().collect();
    name_nameless(&mut decoded.elements);
    Ok(decoded)
}

/// The elements of a request in either encoding.
enum Request {
    Json(Elements),
    Protobuf(proto::Request),
}

impl Request {
    fn signal(&self) -> Option<Signal> {
        match self {
            Self::Json(elements) => elements.of(),
            Self::Protobuf(request) => request.signal,
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
    let elements = Elements::of_json(&body).map_err(|error| Undecodable(error.to_string()))?;
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
fn name_nameless(elements: &mut [Accepted]) {
    let mut seen: HashMap<[u8; 16], u32> = HashMap::new();
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
