//! Spans and log records as protobuf: requests, and the files in which collectors keep them one after another.

mod cut;
mod frames;
mod message;
mod read;
#[cfg(test)]
mod tests;

pub use frames::{is_protobuf, scan};

use std::ops::Range;
use std::sync::Arc;

use super::item::{Item, Sender, Signal};
use cut::Element;

/// Why a request of the third signal is none here.
pub const METRICS: &str = "the request holds metrics, which are not kept here";

/// The elements of one request, in the order in which they stand.
#[derive(Debug, Default)]
pub struct Request {
    elements: Vec<Element>,
    /// `None` for a request that may be either.
    pub signal: Option<Signal>,
    /// The sender of the element that was read last, for those beside it that follow.
    last: Option<(Element, Arc<Sender>)>,
}

impl Request {
    /// Finds the elements of a request; the error says at which byte it is none, or that there are more than `most`.
    pub fn of(bytes: &[u8], most: usize) -> Result<Self, String> {
        let elements = cut::cut(bytes, most)?;
        if elements.first().is_some_and(|element| cut::is_metric(&bytes[element.range.clone()])) {
            return Err(METRICS.to_owned());
        }
        let signal = elements.iter().find_map(|element| cut::signal_of(&bytes[element.range.clone()]));
        Ok(Self { elements, signal, last: None })
    }

    pub fn ranges(&self) -> Vec<Range<u64>> {
        self.elements.iter().map(|element| element.range.start as u64..element.range.end as u64).collect()
    }

    /// Reads one element of the request whose bytes are given; the error says what is wrong with it.
    pub fn item(&mut self, place: usize, request: &[u8]) -> Result<Item, String> {
        let Some(element) = self.elements.get(place).cloned() else {
            return Err("there is no such element".to_owned());
        };
        let sender = match &self.last {
            Some((last, sender)) if (&last.resource, &last.scope) == (&element.resource, &element.scope) => {
                Arc::clone(sender)
            }
            _ => {
                let part = |range: &Option<Range<usize>>| range.clone().and_then(|range| request.get(range));
                Arc::new(read::sender(part(&element.resource), part(&element.scope)))
            }
        };
        let bytes = request.get(element.range.clone()).unwrap_or_default();
        let item = read::read(bytes, self.signal.unwrap_or(Signal::Traces), &sender);
        self.last = Some((element, sender));
        item
    }
}
