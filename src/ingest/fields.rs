//! The original's telemetry body: one event, or an array of them, with every field that a ledger has.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::Failure;
use crate::domain::Timestamp;
use crate::record::{Item, Table, json};

/// Most events of one body.
const MOST_ITEMS: usize = 100_000;

/// A body as text. Where bytes of it are no UTF-8, something stands for them, and it is known where.
#[derive(Debug)]
pub(super) struct Text {
    text: String,
    /// Where in the text, and where in the body.
    broken: Vec<(usize, usize)>,
}

impl Text {
    pub(super) fn of(body: Vec<u8>) -> Self {
        let body = match String::from_utf8(body) {
            Ok(text) => return Self { text, broken: Vec::new() },
            Err(error) => error.into_bytes(),
        };
        let (mut text, mut broken, mut at) = (String::with_capacity(body.len()), Vec::new(), 0);
        for chunk in body.utf8_chunks() {
            text.push_str(chunk.valid());
            at += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                broken.push((text.len(), at));
                text.push(char::REPLACEMENT_CHARACTER);
                at += chunk.invalid().len();
            }
        }
        Self { text, broken }
    }

    /// Where in the body the first byte of a part of the text is that is no UTF-8.
    fn fault(&self, part: &str) -> Option<usize> {
        let from = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        let next = self.broken.partition_point(|(place, _)| *place < from);
        self.broken.get(next).filter(|(place, _)| *place < from + part.len()).map(|(_, at)| *at)
    }
}

/// An event of a body, as far as it could be understood.
pub(super) struct Sent {
    /// The item, or what is wrong and where.
    pub item: Result<Box<Item>, String>,
    /// Neither the event nor the request says what it is called: sent again, it is another event.
    pub generated: bool,
}

/// The events of a body, which are understood when they are asked for.
#[derive(Debug)]
pub(super) struct Events<'a> {
    body: &'a Text,
    values: Vec<&'a RawValue>,
    is_list: bool,
    /// Of the `Idempotency-Key` header.
    key: Option<String>,
}

impl<'a> Events<'a> {
    pub(super) fn of(body: &'a Text, key: Option<String>) -> Result<Self, Failure> {
        let value: &RawValue = serde_json::from_str(&body.text).map_err(|error| {
            let broken = body.broken.first().map(|(_, at)| format!("; byte {at} is no UTF-8"));
            Failure::bad(format!("the body is no JSON: {error}{}", broken.unwrap_or_default()))
        })?;
        let is_list = value.get().starts_with('[');
        let values: Vec<&RawValue> = match is_list {
            true => serde_json::from_str::<List<'_>>(value.get()).map_err(|error| Failure::bad(error.to_string()))?.0,
            false => vec![value],
        };
        Ok(Self { body, values, is_list, key })
    }

    /// Where the events lie that are understood together: so many bytes, but at least one event.
    pub(super) fn parts(&self, most_events: usize, most_bytes: usize) -> Vec<Range<usize>> {
        let (mut parts, mut from, mut bytes) = (Vec::new(), 0, 0);
        for (place, value) in self.values.iter().enumerate() {
            let size = value.get().len();
            if place > from && (place - from >= most_events || bytes + size > most_bytes) {
                parts.push(from..place);
                (from, bytes) = (place, 0);
            }
            bytes += size;
        }
        if from < self.values.len() {
            parts.push(from..self.values.len());
        }
        parts
    }

    pub(super) fn part(&self, part: Range<usize>, principal: &str) -> Vec<Sent> {
        let values = part.clone().zip(self.values.get(part).unwrap_or_default());
        let sent = values.map(|(place, value)| {
            let key = self.key.as_ref();
            let key = key.map(|key| if self.is_list { format!("{key}:{place}") } else { key.clone() });
            match self.body.fault(value.get()) {
                Some(at) => Sent { item: Err(format!("byte {at} of the body is no UTF-8")), generated: false },
                None => event(value, key, principal),
            }
        });
        sent.collect()
    }
}

fn event(value: &RawValue, key: Option<String>, principal: &str) -> Sent {
    let fields = Fields::of(value);
    match item(value, &fields, principal) {
        Ok(mut item) => {
            item.event_id = item.event_id.or(key);
            Sent { generated: item.event_id.is_none() && item.base.is_none(), item: Ok(Box::new(item)) }
        }
        Err(reason) => Sent { generated: false, item: Err(reason) },
    }
}

/// The values of a list that is not too long.
struct List<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for List<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = List<'de>;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a list")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    if values.len() >= MOST_ITEMS {
                        let words = format!("more than {MOST_ITEMS} events in one body: send them in several");
                        return Err(serde::de::Error::custom(words));
                    }
                    values.push(value);
                }
                Ok(List(values))
            }
        }
        deserializer.deserialize_seq(Visitor)
    }
}

/// The members of an object, in order, and those of its payload.
struct Fields<'a> {
    own: Vec<(String, &'a RawValue)>,
    payload: Vec<(String, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    fn of(value: &'a RawValue) -> Self {
        let own = members(value);
        let payload = own.iter().rev().find(|(name, _)| name == "payload").map(|(_, value)| members(value));
        Self { own, payload: payload.unwrap_or_default() }
    }

    /// A member; of several of one name the last, as JSON readers take it. `null` is as if it were not there.
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        find(&self.own, name)
    }

    /// A text that is not empty; an error where the member is something else.
    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text: String = serde_json::from_str(value.get()).map_err(|_| format!("{name}: a text is expected"))?;
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }

    /// A text of its own, else of the payload, as the original takes it: anything else is as if it were not there.
    fn lenient(&self, name: &str) -> Option<String> {
        text_of(self.get(name)).or_else(|| text_of(find(&self.payload, name)))
    }

    fn number(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number: f64 = serde_json::from_str(value.get()).map_err(|_| format!("{name}: a number is expected"))?;
        match serde_json::from_str(value.get()) {
            Ok(whole) => Ok(Some(whole)),
            Err(_) if number.abs() < 9e15 => Ok(Some(number.round() as i64)),
            Err(_) => Err(format!("{name}: the number is too large")),
        }
    }

    /// A time: RFC 3339, or milliseconds since 1970.
    fn time(&self, name: &str) -> Result<Option<Timestamp>, String> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || format!("{name}: a time is expected, RFC 3339 or ms since 1970");
        if let Ok(text) = serde_json::from_str::<String>(value.get()) {
            return Timestamp::parse(&text).map(Some).ok_or_else(wrong);
        }
        let milliseconds: f64 = serde_json::from_str(value.get()).map_err(|_| wrong())?;
        if milliseconds.abs() < 9e12 { Ok(Some(Timestamp((milliseconds * 1e3) as i64))) } else { Err(wrong()) }
    }

    fn raw(&self, name: &str) -> Option<Box<RawValue>> {
        self.get(name).map(RawValue::to_owned)
    }
}

/// The members that an item has places for; the others become columns of the row.
const KNOWN: [&str; 36] = [
    "kind",
    "event",
    "payload",
    "metadata",
    "status",
    "room",
    "sessionId",
    "traceId",
    "requestId",
    "intentId",
    "taskId",
    "canvasId",
    "toolCallId",
    "toolName",
    "source",
    "provider",
    "model",
    "providerRequestId",
    "spanId",
    "parentSpanId",
    "eventId",
    "sequence",
    "latencyMs",
    "timeToFirstTokenMs",
    "error",
    "input",
    "output",
    "systemPrompt",
    "contextPriming",
    "tools",
    "usage",
    "timestamp",
    "startedAt",
    "endedAt",
    "session",
    "eventBase",
];

fn item(value: &RawValue, fields: &Fields<'_>, principal: &str) -> Result<Item, String> {
    let event = text_of(fields.get("event")).map_or_else(|| "unknown".to_owned(), |event| event.trim().to_owned());
    let table = match fields.text("kind")?.as_deref() {
        None | Some("tool") => Table::Tool,
        Some("model") => Table::Model,
        Some(other) => return Err(format!("kind: `{other}` is neither tool nor model")),
    };
    let is_object = value.get().starts_with('{');
    let payload = if is_object { fields.raw("payload") } else { Some(value.to_owned()) };
    let metadata = object(fields.get("metadata")).or_else(|| object(find(&fields.payload, "metadata")));
    let tool_name = fields.text("toolName")?.or_else(|| (table == Table::Tool).then(|| event.clone()));
    let source = fields.text("source")?.unwrap_or_else(|| SOURCE.to_owned());
    let input = fields.raw("input");
    // Both were said: the payload stays beside the input.
    let (input, beside) = match (input, payload) {
        (Some(input), payload) => (Some(input), payload),
        (None, payload) => (payload, None),
    };
    let mut columns: Vec<(String, Box<RawValue>)> = fields
        .own
        .iter()
        .filter(|(name, _)| !KNOWN.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), (*value).to_owned()))
        .collect();
    columns.extend(beside.map(|payload| ("payload".to_owned(), payload)));
    let stamp = json(&principal).map_err(|error| error.to_string())?;
    Ok(Item {
        event_id: fields.text("eventId")?,
        base: fields.text("eventBase")?,
        status: fields.lenient("status"),
        session: fields.text("session")?,
        session_id: fields.lenient("sessionId"),
        room: fields.lenient("room"),
        canvas_id: fields.text("canvasId")?,
        trace_id: fields.lenient("traceId"),
        request_id: fields.lenient("requestId"),
        intent_id: fields.lenient("intentId"),
        task_id: fields.text("taskId")?,
        tool_call_id: fields.text("toolCallId")?,
        span_id: fields.text("spanId")?,
        parent_span_id: fields.text("parentSpanId")?,
        provider_request_id: fields.text("providerRequestId")?,
        sequence: fields.number("sequence")?,
        at: fields.time("timestamp")?,
        started: fields.time("startedAt")?,
        ended: fields.time("endedAt")?,
        provider: fields.text("provider")?,
        model: fields.text("model")?,
        tool_name,
        system_prompt: fields.text("systemPrompt")?,
        context_priming: fields.raw("contextPriming"),
        tools: fields.raw("tools"),
        input,
        output: fields.raw("output"),
        metadata,
        usage: fields.raw("usage"),
        error: fields.text("error")?,
        latency_ms: fields.number("latencyMs")?,
        time_to_first_token_ms: fields.number("timeToFirstTokenMs")?,
        columns,
        stamps: vec![("principal".to_owned(), stamp)],
        ..Item::new(table, source, event)
    })
}

/// Who is taken to be the emitter where nothing else is said, as in the original.
const SOURCE: &str = "agent_telemetry_api";

fn find<'a>(members: &[(String, &'a RawValue)], name: &str) -> Option<&'a RawValue> {
    let found = members.iter().rev().find(|(own, _)| own == name).map(|(_, value)| *value);
    found.filter(|value| value.get() != "null")
}

fn text_of(value: Option<&RawValue>) -> Option<String> {
    let text: Option<String> = value.and_then(|value| serde_json::from_str(value.get()).ok());
    text.filter(|text| !text.trim().is_empty())
}

fn object(value: Option<&RawValue>) -> Option<Box<RawValue>> {
    value.filter(|value| value.get().starts_with('{')).map(RawValue::to_owned)
}

/// The members of an object in their order; none of anything else.
fn members(value: &RawValue) -> Vec<(String, &RawValue)> {
    struct Members<'a>(Vec<(String, &'a RawValue)>);
    impl<'de> Deserialize<'de> for Members<'de> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members<'de>;
                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                    let mut members = Vec::new();
                    while let Some(member) = map.next_entry()? {
                        members.push(member);
                    }
                    Ok(Members(members))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    // It has been read as JSON already: what is no object has no members.
    serde_json::from_str::<Members<'_>>(value.get()).map_or_else(|_| Vec::new(), |members| members.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(body: &[u8], key: Option<&str>, principal: &str) -> Result<Vec<Sent>, Failure> {
        let text = Text::of(body.to_vec());
        let events = Events::of(&text, key.map(str::to_owned))?;
        // In parts as small as they can be: that must not matter.
        Ok(events.parts(1, 1).into_iter().flat_map(|part| events.part(part, principal)).collect())
    }

    fn items(body: &str) -> Vec<Item> {
        let sent = events(body.as_bytes(), None, "anonymous").expect("is a body");
        sent.into_iter().map(|sent| *sent.item.expect("is an item")).collect()
    }

    fn wrong(body: &str) -> String {
        let sent = events(body.as_bytes(), None, "anonymous").expect("is a body").remove(0);
        sent.item.expect_err("is wrong")
    }

    fn get(value: &Option<Box<RawValue>>) -> &str {
        value.as_ref().map_or("", |value| value.get())
    }

    #[test]
    fn the_original_s_body_is_read_as_the_original_reads_it() {
        let item = &items(
            r#"{"event":"  tool_done ","payload":{"a": 1,"room":"blue","traceId":"t1","metadata":{"m":1}},"status":"","sessionId":"s","traceId":7}"#,
        )[0];
        assert_eq!((item.event_type.as_str(), item.tool_name.as_deref()), ("tool_done", Some("tool_done")));
        assert_eq!((item.source.as_str(), item.status.as_deref()), (SOURCE, None));
        // What is no text at the top is looked for in the payload.
        assert_eq!((item.room.as_deref(), item.trace_id.as_deref()), (Some("blue"), Some("t1")));
        assert_eq!((item.session_id.as_deref(), get(&item.metadata)), (Some("s"), r#"{"m":1}"#));
        assert_eq!(get(&item.input), r#"{"a": 1,"room":"blue","traceId":"t1","metadata":{"m":1}}"#);
        // Any JSON will do, and nothing is required.
        for (body, input) in [("{}", ""), ("5", "5"), ("\"x\"", "\"x\""), ("null", "null")] {
            let item = &items(body)[0];
            assert_eq!((item.event_type.as_str(), get(&item.input)), ("unknown", input), "{body}");
        }
    }

    #[test]
    fn every_field_of_a_ledger_has_its_place_and_others_are_kept() {
        let item = &items(
            r#"{"kind":"model","event":"reply","source":"voice_agent","eventId":"e1","sequence":3,"latencyMs":12.4,
            "provider":"p","model":"m","systemPrompt":"s","input":[1],"output":{"o":2},"usage":{"total_tokens":5},
            "payload":{"p":1},"error":"e","toolCallId":"c","taskId":"k","timestamp":"2026-03-02T10:00:00Z","colour":"red"}"#,
        )[0];
        assert_eq!((item.table, item.tool_name.as_deref()), (Table::Model, None));
        assert_eq!((item.event_id.as_deref(), item.sequence, item.latency_ms), (Some("e1"), Some(3), Some(12)));
        assert_eq!((get(&item.input), get(&item.output)), ("[1]", r#"{"o":2}"#));
        assert_eq!(item.at, Some(Timestamp(1_772_445_600_000_000)));
        let columns: Vec<(&str, &str)> =
            item.columns.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(columns, [("colour", "\"red\""), ("payload", r#"{"p":1}"#)]);
        assert_eq!(item.stamps[0].1.get(), "\"anonymous\"");
    }

    #[test]
    fn a_wrong_event_says_what_and_where_and_sinks_no_other() {
        assert_eq!(wrong(r#"{"sequence":"x"}"#), "sequence: a number is expected");
        assert_eq!(wrong(r#"{"kind":"voice"}"#), "kind: `voice` is neither tool nor model");
        assert_eq!(wrong(r#"{"timestamp":"soon"}"#), "timestamp: a time is expected, RFC 3339 or ms since 1970");
        let sent = events(br#"[{"event":"a"},{"eventId":5},{"event":"c"}]"#, None, "x").expect("is a body");
        assert_eq!(sent.iter().map(|sent| sent.item.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        let failure = events(b"{\"a\":", None, "x").err().expect("is no JSON");
        assert!(failure.words.contains("line 1 column 5"), "{}", failure.words);
        let body = b"[{\"event\":\"\xef\xbf\xbd\"},{\"a\":\"\xff\"},{\"event\":\"c\"}]";
        let sent = events(body, None, "x").expect("is a body");
        assert_eq!(sent.iter().map(|sent| sent.item.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(sent[1].item.as_ref().err().map(String::as_str), Some("byte 23 of the body is no UTF-8"));
    }

    #[test]
    fn an_idempotency_key_names_what_has_no_name() {
        let names = |body: &str, key| -> Vec<(Option<String>, bool)> {
            let sent = events(body.as_bytes(), key, "x").expect("is a body");
            sent.into_iter().map(|sent| (sent.item.expect("is one").event_id, sent.generated)).collect()
        };
        assert_eq!(names("{}", None), [(None, true)]);
        assert_eq!(names("{}", Some("k")), [(Some("k".to_owned()), false)]);
        let both = names(r#"[{},{"eventId":"own"}]"#, Some("k"));
        assert_eq!(both, [(Some("k:0".to_owned()), false), (Some("own".to_owned()), false)]);
    }

    #[test]
    fn parts_hold_every_event_once() {
        let text = |body: &str| Text::of(body.as_bytes().to_vec());
        let body = text(r#"[1,22,"333",[],{"a":55555},6]"#);
        let events = Events::of(&body, None).expect("is a body");
        assert_eq!(events.parts(2, 100), [0..2, 2..4, 4..6]);
        assert_eq!(events.parts(9, 5), [0..2, 2..3, 3..4, 4..5, 5..6]);
        assert!(Events::of(&text("[]"), None).expect("is a body").parts(2, 5).is_empty());
        assert_eq!(Events::of(&text("{}"), None).expect("is a body").parts(2, 5).first(), Some(&(0..1)));
    }
}
