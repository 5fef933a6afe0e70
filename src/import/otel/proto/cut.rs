//! Finds the spans and log records of a request in protobuf: places only, whatever stands in them.

use std::ops::Range;

use crate::import::otel::elements::too_many;
use crate::import::otel::item::Signal;

/// Lists inside requests and groups; the second is what the first was called before.
const GROUPS: u64 = 1;
const DESCRIPTION: u64 = 1;
const INNER: [u64; 2] = [2, 1000];
/// What a group may hold beside its elements.
const BESIDES: usize = 100;

/// An element with what is said around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub range: Range<usize>,
    pub resource: Option<Range<usize>>,
    pub scope: Option<Range<usize>>,
}

/// One field of a message.
struct Field {
    number: u64,
    wire: u64,
    /// Where its value lies; of a message without its length.
    range: Range<usize>,
}

/// The elements of a request; the error says at which byte it is none, or that there are more than `most`.
pub fn cut(bytes: &[u8], most: usize) -> Result<Vec<Element>, String> {
    let mut elements = Vec::new();
    for group in messages(bytes, 0..bytes.len(), &[GROUPS], most)? {
        let resource = messages(bytes, group.clone(), &[DESCRIPTION], most)?.pop();
        for scope in messages(bytes, group, &INNER, most)? {
            let described = messages(bytes, scope.clone(), &[DESCRIPTION], most)?.pop();
            for range in messages(bytes, scope, &INNER[..1], most - elements.len())? {
                elements.push(Element { range, resource: resource.clone(), scope: described.clone() });
            }
        }
    }
    Ok(elements)
}

/// What an element is, by the first of its fields that only one of the two has there; `None` where it has none such.
pub fn signal_of(element: &[u8]) -> Option<Signal> {
    let fields = fields(element, 0..element.len(), usize::MAX).unwrap_or_default();
    fields.iter().find_map(|field| match (field.number, field.wire) {
        // Ids, kind, times, moments and links of a span.
        (1 | 2 | 4 | 11 | 13 | 15, 2) | (6 | 10 | 12 | 14, 0) | (7 | 8, 1) | (16, 5) => Some(Signal::Traces),
        // Times, severity, attributes, ids and name of a log record.
        (1 | 11, 1) | (2 | 7, 0) | (6 | 10 | 12, 2) | (8, 5) => Some(Signal::Logs),
        _ => None,
    })
}

/// Whether an element is a metric: its name and description stand where the ids of a span do, and its points where
/// a span has its times and attributes.
pub fn is_metric(element: &[u8]) -> bool {
    const LENGTH: u64 = 2;
    const IDS: [(u64, usize); 2] = [(1, 16), (2, 8)];
    const POINTS: [u64; 5] = [5, 7, 9, 10, 11];
    let fields = fields(element, 0..element.len(), usize::MAX).unwrap_or_default();
    let has = |number: u64, wire: u64| fields.iter().any(|field| (field.number, field.wire) == (number, wire));
    let is_timed = has(7, 1) || has(8, 1) || has(1, 1) || has(11, 1);
    let is_text = |(number, size): (u64, usize)| {
        let text = fields.iter().find(|field| (field.number, field.wire) == (number, LENGTH));
        text.is_some_and(|text| text.range.len() != size && !text.range.is_empty())
    };
    !is_timed && IDS.into_iter().any(is_text) && POINTS.iter().any(|number| has(*number, LENGTH))
}

fn messages(bytes: &[u8], within: Range<usize>, numbers: &[u64], most: usize) -> Result<Vec<Range<usize>>, String> {
    let found = fields(bytes, within, most)?.into_iter();
    found
        .filter(|field| numbers.contains(&field.number))
        .map(|field| match field.wire {
            2 => Ok(field.range),
            _ => Err(format!("not a request in protobuf: no message at byte {}", field.range.start)),
        })
        .collect()
}

fn fields(bytes: &[u8], within: Range<usize>, most: usize) -> Result<Vec<Field>, String> {
    let broken = |at: usize| format!("not a request in protobuf: broken at byte {at}");
    let mut at = within.start;
    let mut found = Vec::new();
    while at < within.end {
        let start = at;
        let key = varint(&bytes[..within.end], &mut at).ok_or_else(|| broken(start))?;
        let (number, wire) = (key >> 3, key & 7);
        let size = match wire {
            0 => {
                let from = at;
                varint(&bytes[..within.end], &mut at).ok_or_else(|| broken(start))?;
                let size = at - from;
                at = from;
                size
            }
            1 => 8,
            2 => {
                let size = varint(&bytes[..within.end], &mut at).ok_or_else(|| broken(start))?;
                usize::try_from(size).map_err(|_| broken(start))?
            }
            5 => 4,
            _ => return Err(broken(start)),
        };
        let end = at.checked_add(size).filter(|end| *end <= within.end && number > 0).ok_or_else(|| broken(start))?;
        if found.len() >= most.saturating_add(BESIDES) {
            return Err(too_many(most));
        }
        found.push(Field { number, wire, range: at..end });
        at = end;
    }
    Ok(found)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
