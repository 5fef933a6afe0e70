//! A span or a log record, whatever its encoding was: what dialects are told apart on.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::any::{Any, Attributes, attribute};
use crate::domain::Timestamp;

/// What an element of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    Traces,
    Logs,
}

/// Nanoseconds since 1970.
pub type Nanos = i128;

/// Who sent it: the resource and the scope that a request names for many elements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sender {
    pub resource: Attributes,
    /// Name, version and attributes, as far as they are known.
    pub scope: Attributes,
    /// What of that was not understood.
    pub odd: Vec<String>,
}

/// One span or log record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub signal: Signal,
    /// 32 hex digits; as written where the source has other ids.
    pub trace: Option<String>,
    /// 16 hex digits; as written where the source has other ids.
    pub span: Option<String>,
    pub parent: Option<String>,
    /// The span's name, or that of the event which a log record is.
    pub name: String,
    pub start: Option<Nanos>,
    pub end: Option<Nanos>,
    /// A time that was written but is none.
    pub odd_time: Option<String>,
    pub attributes: Attributes,
    pub events: Vec<Moment>,
    pub links: Vec<Any>,
    pub failed: Option<bool>,
    pub status_message: Option<String>,
    /// Of a log record.
    pub severity: Option<String>,
    pub body: Any,
    /// Attributes, events and links that the sender dropped.
    pub dropped: [u64; 3],
    /// A session that the file names for all its spans.
    pub session: Option<String>,
    /// What of it was not understood: in words.
    pub odd: Vec<String>,
    pub sender: Arc<Sender>,
}

/// An event inside a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    pub name: String,
    pub at: Option<Nanos>,
    pub attributes: Attributes,
}

impl Item {
    pub fn new(signal: Signal, sender: Arc<Sender>) -> Self {
        Self {
            signal,
            trace: None,
            span: None,
            parent: None,
            name: String::new(),
            start: None,
            end: None,
            odd_time: None,
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            failed: None,
            status_message: None,
            severity: None,
            body: Any::Null,
            dropped: [0; 3],
            session: None,
            odd: Vec::new(),
            sender,
        }
    }

    /// An attribute of its own.
    pub fn get(&self, name: &str) -> Option<&Any> {
        attribute(&self.attributes, name)
    }

    /// An attribute of its own or, failing that, of who sent it.
    pub fn get_any(&self, name: &str) -> Option<&Any> {
        let sender = &self.sender;
        self.get(name).or_else(|| attribute(&sender.scope, name)).or_else(|| attribute(&sender.resource, name))
    }

    /// A hash of what it says, the same in every encoding; who sent it does not count, nor of a span the order of its
    /// attributes, which is another one where it was kept elsewhere.
    pub fn content(&self) -> [u8; 16] {
        let word = |text: &Option<String>| text.clone().map_or(Any::Null, Any::Text);
        let time = |nanos: Option<Nanos>| nanos.map_or(Any::Null, |nanos| Any::Number(nanos.to_string()));
        let moments = self.events.iter().map(|moment| {
            Any::List(vec![Any::Text(moment.name.clone()), time(moment.at), Any::Map(moment.attributes.clone())])
        });
        let said = [
            Any::Bool(self.signal == Signal::Traces),
            word(&self.trace),
            word(&self.span),
            word(&self.parent),
            Any::Text(self.name.clone()),
            time(self.start),
            time(self.end),
            Any::Map(self.attributes.clone()),
            Any::List(moments.collect()),
            Any::List(self.links.clone()),
            self.failed.map_or(Any::Null, Any::Bool),
            word(&self.status_message),
            word(&self.severity),
            self.body.clone(),
            word(&self.session),
        ]
        .into_iter()
        // What was not understood tells two of them apart as well.
        .chain(self.odd.iter().cloned().map(Any::Text));
        let mut said = Any::List(said.collect());
        // The hash is part of what a log record is called.
        if self.signal == Signal::Traces {
            said.sort();
        }
        let mut content = [0; 16];
        content.copy_from_slice(&Sha256::digest(said.json().as_bytes())[..16]);
        content
    }
}

/// Whether it failed, as its attributes say where nothing else does.
pub fn failed_as_tagged(attributes: &Attributes) -> Option<bool> {
    let said = attribute(attributes, "otel.status_code").and_then(Any::text).and_then(judged);
    said.or_else(|| matches!(attribute(attributes, "error"), Some(Any::Bool(true))).then_some(true))
}

/// A status in words: whether it failed.
pub fn judged(text: &str) -> Option<bool> {
    let text = text.to_ascii_uppercase();
    match text.rsplit(['_', '.']).next().unwrap_or(&text) {
        "ERROR" | "2" => Some(true),
        "OK" | "1" => Some(false),
        _ => None,
    }
}

/// Whether a status in words, or its number, says that nothing is known of it.
pub fn is_unset(text: &str) -> bool {
    let text = text.trim().to_ascii_uppercase();
    matches!(text.rsplit(['_', '.']).next().unwrap_or(&text), "" | "UNSET" | "0")
}

/// An id as text in its canonical form: hex in lower case. `None` for blanks and for an id of zeros, which is none.
///
/// `size` is how many bytes such an id has. Senders write base64 too; what is neither stays as it is.
pub fn id_of_text(text: &str, size: usize) -> Option<String> {
    let text = text.trim();
    let (digits, is_prefixed) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && digits.bytes().all(|byte| byte == b'0') {
        return None;
    }
    if is_hex && (is_prefixed || digits.len() == 2 * size) {
        return Some(format!("{:0>width$}", digits.to_ascii_lowercase(), width = 2 * size));
    }
    if let Ok(bytes) = STANDARD.decode(text)
        && text.ends_with('=')
        && bytes.len() == size
    {
        return id_of_bytes(&bytes);
    }
    (!text.is_empty()).then(|| text.to_owned())
}

/// An id of raw bytes; `None` where there are none, or only zeros.
pub fn id_of_bytes(bytes: &[u8]) -> Option<String> {
    bytes.iter().any(|byte| *byte != 0).then(|| hex::encode(bytes))
}

/// An id written as a number of up to 128 bits.
pub fn id_of_number(text: &str, size: usize) -> Option<String> {
    let number: u128 = text.trim().parse().ok()?;
    (number != 0).then(|| format!("{number:0width$x}", width = 2 * size))
}

/// Microseconds; `None` where that does not fit.
pub fn moment(nanos: Nanos) -> Option<Timestamp> {
    i64::try_from(nanos.div_euclid(1000)).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_the_same_in_whatever_order_its_attributes_come() {
        let number = |name: &str, value: u8| (name.to_owned(), Any::Number(value.to_string()));
        let content = |signal, attributes: Vec<(String, Any)>| {
            let event = Moment { name: "m".to_owned(), at: None, attributes: attributes.clone() };
            let nested = vec![("in".to_owned(), Any::Map(attributes))];
            let events = vec![event];
            Item { attributes: nested, events, ..Item::new(signal, Arc::default()) }.content()
        };
        let (one, two) = (vec![number("a", 1), number("b", 2)], vec![number("b", 2), number("a", 1)]);
        let other = vec![number("a", 2), number("b", 1)];
        assert_eq!(content(Signal::Traces, one.clone()), content(Signal::Traces, two.clone()));
        assert_ne!(content(Signal::Traces, one.clone()), content(Signal::Traces, other));
        // What a log record is called has it in it.
        assert_ne!(content(Signal::Logs, one), content(Signal::Logs, two));
    }

    #[test]
    fn an_id_is_the_same_in_every_spelling() {
        let hex = Some("5b8efff798038103d269b633813fc60c".to_owned());
        for text in
            ["5B8EFFF798038103D269B633813FC60C", "0x5b8efff798038103d269b633813fc60c", "W47/95gDgQPSabYzgT/GDA=="]
        {
            assert_eq!(id_of_text(text, 16), hex, "{text}");
        }
        assert_eq!(id_of_number("121702245401190319682828931810593850892", 16), hex);
        assert_eq!(id_of_bytes(&hex::decode("eee19b7ec3c1b174").expect("hex")).as_deref(), Some("eee19b7ec3c1b174"));
        assert_eq!(id_of_number("255", 8).as_deref(), Some("00000000000000ff"));
    }

    #[test]
    fn zeros_are_no_id_and_strange_ids_stay() {
        assert_eq!(id_of_text("00000000000000000000000000000000", 16), None);
        assert_eq!(id_of_text("0x0", 8), None);
        assert_eq!(id_of_text(" ", 8), None);
        assert_eq!(id_of_number("0", 8), None);
        assert_eq!(id_of_text("tool1234567890ab", 8).as_deref(), Some("tool1234567890ab"));
        assert_eq!(id_of_text("adot-trace-1", 16).as_deref(), Some("adot-trace-1"));
    }
}
