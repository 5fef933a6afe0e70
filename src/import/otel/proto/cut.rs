//! Finds the spans and log records of a request in protobuf: places only, whatever stands in them.

use std::ops::Range;

use crate::import::otel::item::Signal;

/// Lists inside requests and groups; the second is what the first was called before.
const GROUPS: u64 = 1;
const DESCRIPTION: u64 = 1;
const INNER: [u64; 2] = [2, 1000];

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

/// The elements of a request; the error says at which byte it is none.
pub fn cut(bytes: &[u8]) -> Result<Vec<Element>, String> {
    let mut elements = Vec::new();
    for group in messages(bytes, 0..bytes.len(), &[GROUPS])? {
        let resource = messages(bytes, group.clone(), &[DESCRIPTION])?.pop();
        for scope in messages(bytes, group, &INNER)? {
            let described = messages(bytes, scope.clone(), &[DESCRIPTION])?.pop();
            for range in messages(bytes, scope, &INNER[..1])? {
                elements.push(Element { range, resource: resource.clone(), scope: described.clone() });
            }
        }
    }
    Ok(elements)
}

/// What an element is: the ids of a span stand where a log record has its time.
pub fn signal_of(element: &[u8]) -> Signal {
    const LENGTH: u64 = 2;
    let fields = fields(element, 0..element.len()).unwrap_or_default();
    let is_log = fields.iter().any(|field| match field.number {
        1 => field.wire != LENGTH,
        7 | 8 => field.wire == 0 || field.wire == 5,
        11 => field.wire != LENGTH,
        _ => false,
    });
    if is_log { Signal::Logs } else { Signal::Traces }
}

/// Whether an element is a metric: its name and description stand where the ids of a span do, and its points where
/// a span has its times and attributes.
pub fn is_metric(element: &[u8]) -> bool {
    const LENGTH: u64 = 2;
    const IDS: [(u64, usize); 2] = [(1, 16), (2, 8)];
    const POINTS: [u64; 5] = [5, 7, 9, 10, 11];
    let fields = fields(element, 0..element.len()).unwrap_or_default();
    let has = |number: u64, wire: u64| fields.iter().any(|field| (field.number, field.wire) == (number, wire));
    let is_timed = has(7, 1) || has(8, 1) || has(1, 1) || has(11, 1);
    let is_text = |(number, size): (u64, usize)| {
        let text = fields.iter().find(|field| (field.number, field.wire) == (number, LENGTH));
        text.is_some_and(|text| text.range.len() != size && !text.range.is_empty())
    };
    !is_timed && IDS.into_iter().any(is_text) && POINTS.iter().any(|number| has(*number, LENGTH))
}

fn messages(bytes: &[u8], within: Range<usize>, numbers: &[u64]) -> Result<Vec<Range<usize>>, String> {
    let found = fields(bytes, within)?.into_iter();
    found
        .filter(|field| numbers.contains(&field.number))
        .map(|field| match field.wire {
            2 => Ok(field.range),
            _ => Err(format!("not a request in protobuf: no message at byte {}", field.range.start)),
        })
        .collect()
}

fn fields(bytes: &[u8], within: Range<usize>) -> Result<Vec<Field>, String> {
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
