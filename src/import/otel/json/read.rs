//! Reads one span or log record from JSON, in whatever spelling an exporter or a tracing store writes it.

use std::sync::Arc;

use super::spell::{
    ATTRIBUTES, CONTEXT, DROPPED, END, EVENT_ATTRIBUTES, EVENT_TIME, EVENTS, LOGGED, NAME, PARENT, PARENT_CONTEXT,
    SCOPE, SEVERITY, SPAN, START, TRACE, first, is_item, is_list_of_attributes,
};
use crate::domain::{Outline, Shape, Timestamp, Value, decode_string, excerpt};
use crate::import::otel::any::{Any, Attributes, attribute};
use crate::import::otel::item::{
    Item, Moment, Nanos, Sender, Signal, failed_as_tagged, id_of_number, id_of_text, judged,
};

/// A value with the bytes that it is written in.
#[derive(Clone, Copy)]
struct Reading<'a> {
    bytes: &'a [u8],
}

/// Reads an element; the error says why it is neither a span nor a log record.
///
/// `processes` are those of a document of Jaeger, from which the element names one.
pub fn read(
    element: Value<'_>,
    bytes: &[u8],
    signal: Option<Signal>,
    sender: &Arc<Sender>,
    processes: Option<(Value<'_>, &[u8])>,
) -> Result<Item, String> {
    let reading = Reading { bytes };
    if element.shape() != Shape::Object {
        return Err(match signal {
            Some(Signal::Logs) => "a log record must be an object".to_owned(),
            _ => "a span must be an object".to_owned(),
        });
    }
    if element.is_empty() || (signal.is_none() && !is_item(element)) {
        return Err("neither a span nor a log record: it has no name, no ids and no attributes".to_owned());
    }
    let is_log = |element: Value<'_>| first(element, SEVERITY).is_some() && element.get("body").is_some();
    let signal = signal.unwrap_or(if is_log(element) { Signal::Logs } else { Signal::Traces });
    let own = reading.sender(element, sender, processes);
    let mut item = Item::new(signal, own);
    reading.ids(element, &mut item);
    item.name = first(element, NAME).and_then(Value::text).map(|name| name.into_owned()).unwrap_or_default();
    item.attributes = match first(element, ATTRIBUTES) {
        Some(list) => reading.attributes(list)?,
        None if is_list_of_attributes(element) => reading.attributes(element)?,
        None => Vec::new(),
    };
    reading.times(element, &mut item);
    reading.status(element, &mut item);
    item.events = reading.moments(element)?;
    let links = element.get("links").filter(|links| links.shape() == Shape::Array);
    item.links = links.into_iter().flat_map(Value::items).map(|link| reading.link(link)).collect();
    for (count, names) in item.dropped.iter_mut().zip(DROPPED) {
        *count = first(element, names).and_then(Value::integer).and_then(|count| count.try_into().ok()).unwrap_or(0);
    }
    if signal == Signal::Logs {
        reading.log(element, &mut item);
    }
    Ok(item)
}

/// A description of a sender: its members and attributes side by side.
pub fn described(value: Value<'_>, bytes: &[u8]) -> Attributes {
    Reading { bytes }.described(value)
}

/// The same of a scope, whose name and version stand under names that no attribute of it has.
pub fn scope(value: Value<'_>, bytes: &[u8]) -> Attributes {
    let described = Reading { bytes }.members(value, |name| match name {
        "name" => "otel.scope.name".to_owned(),
        "version" => "otel.scope.version".to_owned(),
        other => other.to_owned(),
    });
    let is_said = |(name, value): &(String, Any)| !name.starts_with("otel.scope.") || !value.is_blank();
    described.into_iter().filter(is_said).collect()
}

/// A plain JSON value; `None` for what is no JSON.
pub fn value_of(bytes: &[u8]) -> Option<Any> {
    let outline = Outline::of(bytes).ok()?;
    (!outline.partial).then(|| Reading { bytes }.plain(outline.root()))
}

impl Reading<'_> {
    fn described(self, value: Value<'_>) -> Attributes {
        self.members(value, str::to_owned)
    }

    /// The members of a description under the names that they are given; its attributes stand beside them.
    fn members(self, value: Value<'_>, named: impl Fn(&str) -> String) -> Attributes {
        if value.shape() != Shape::Object {
            return Vec::new();
        }
        let mut all = Vec::new();
        for member in value.items() {
            let Some(name) = member.name() else { continue };
            match &*name {
                "attributes" | "tags" => all.extend(self.attributes(member).unwrap_or_default()),
                "schema_url" | "schemaUrl" | "droppedAttributesCount" | "dropped_attributes_count" => {}
                "serviceName" => all.push(("service.name".to_owned(), self.plain(member))),
                _ => all.push((named(&name), self.plain(member))),
            }
        }
        all
    }

    /// The sender that the element itself names, else that of its group.
    fn sender(self, element: Value<'_>, of_group: &Arc<Sender>, processes: Option<(Value<'_>, &[u8])>) -> Arc<Sender> {
        let resource = element.get("resource").filter(|resource| resource.shape() == Shape::Object);
        let of_scope = first(element, SCOPE).filter(|scope| scope.shape() == Shape::Object);
        let named = element.get("scopeName").map(|name| vec![("otel.scope.name".to_owned(), self.plain(name))]);
        let id = element.get("processID").and_then(Value::text);
        let process = id.and_then(|id| processes.and_then(|(all, bytes)| Some((all.get(&id)?, bytes))));
        if resource.is_none() && of_scope.is_none() && named.is_none() && process.is_none() {
            return Arc::clone(of_group);
        }
        let resource = process.or(resource.map(|resource| (resource, self.bytes)));
        let resource = resource.map(|(value, bytes)| described(value, bytes));
        let of_scope = named.or_else(|| of_scope.map(|value| scope(value, self.bytes)));
        let pick = |own: Option<Attributes>, other: &Attributes| {
            own.filter(|own| !own.is_empty()).unwrap_or_else(|| other.clone())
        };
        Arc::new(Sender { resource: pick(resource, &of_group.resource), scope: pick(of_scope, &of_group.scope) })
    }

    fn ids(self, element: Value<'_>, item: &mut Item) {
        let context = first(element, CONTEXT).filter(|context| context.shape() == Shape::Object);
        let find = |names, size| {
            let written = first(element, names).or_else(|| context.and_then(|context| first(context, names)));
            written.and_then(|value| id(value, size))
        };
        item.trace = find(TRACE, 16);
        item.span = find(SPAN, 8);
        let parent = first(element, PARENT_CONTEXT).filter(|parent| parent.shape() == Shape::Object);
        let referred = element.get("references").into_iter().flat_map(Value::items);
        let referred = referred.filter(|reference| reference.word("refType").is_none_or(|kind| kind == "CHILD_OF"));
        item.parent = first(element, PARENT)
            .and_then(|value| id(value, 8))
            .or_else(|| id(first(parent?, SPAN)?, 8))
            .or_else(|| referred.filter_map(|reference| id(first(reference, SPAN)?, 8)).next());
    }

    fn attributes(self, list: Value<'_>) -> Result<Attributes, String> {
        match list.shape() {
            Shape::Object => {
                Ok(list.items().filter_map(|member| Some((member.name()?.into_owned(), self.plain(member)))).collect())
            }
            Shape::Array => list.items().map(|pair| self.pair(pair)).collect(),
            _ => Err("its attributes are neither a list nor an object".to_owned()),
        }
    }

    /// `{key, value}` as in OTLP, or `{key, type, value}` as in Jaeger.
    fn pair(self, pair: Value<'_>) -> Result<(String, Any), String> {
        let key = pair.get("key").or_else(|| pair.get("name"));
        // Encoders leave out what is empty.
        let name = match key {
            None if pair.shape() == Shape::Object => String::new(),
            key => key.and_then(Value::text).ok_or("one of its attributes has no key")?.into_owned(),
        };
        Ok((name, pair.get("value").map_or(Any::Null, |value| self.any(value))))
    }

    /// A value as OTLP wraps it; a plain one as it is.
    fn any(self, value: Value<'_>) -> Any {
        if value.shape() != Shape::Object {
            return self.plain(value);
        }
        let Some(inner) = value.items().next() else { return Any::Null };
        match &*inner.name().unwrap_or_default() {
            "stringValue" | "string_value" | "bytesValue" | "bytes_value" | "boolValue" | "bool_value" => {
                self.plain(inner)
            }
            "intValue" | "int_value" => match inner.integer() {
                Some(number) => Any::Number(number.to_string()),
                None => self.plain(inner),
            },
            "doubleValue" | "double_value" => inner.number().map_or_else(|| self.plain(inner), Any::of_double),
            "arrayValue" | "array_value" => {
                let values = inner.get("values").into_iter().flat_map(Value::items);
                Any::List(values.map(|value| self.any(value)).collect())
            }
            "kvlistValue" | "kvlist_value" => {
                let values = inner.get("values").into_iter().flat_map(Value::items);
                Any::Map(values.filter_map(|pair| self.pair(pair).ok()).collect())
            }
            _ => self.plain(value),
        }
    }

    fn plain(self, value: Value<'_>) -> Any {
        match value.shape() {
            Shape::Null => Any::Null,
            Shape::Bool => Any::Bool(value.bool() == Some(true)),
            Shape::Number => Any::Number(String::from_utf8_lossy(self.written(value)).into_owned()),
            Shape::String => Any::Text(decode_string(self.written(value)).into_owned()),
            Shape::Array => Any::List(value.items().map(|item| self.plain(item)).collect()),
            Shape::Object => {
                let members = value.items().filter_map(|item| Some((item.name()?.into_owned(), self.plain(item))));
                Any::Map(members.collect())
            }
        }
    }

    fn written(&self, value: Value<'_>) -> &[u8] {
        let range = value.range();
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    fn times(self, element: Value<'_>, item: &mut Item) {
        let (starts, ends) = if item.signal == Signal::Logs { (LOGGED, &[][..]) } else { (START, END) };
        let mut time = |names: &[&str]| {
            let written = names.iter().find_map(|name| {
                let value = element.get(name).filter(|value| !value.is_null())?;
                let nanos = nanos(name, value);
                (nanos != Some(0)).then_some((nanos, value))
            });
            let (nanos, value) = written?;
            // No span began before 1970.
            let read = nanos.filter(|nanos| *nanos > 0);
            if read.is_none() {
                item.odd_time = Some(excerpt(&String::from_utf8_lossy(self.written(value)), 100));
            }
            read
        };
        let (end, start) = (time(ends), time(starts));
        (item.start, item.end) = (start, end);
        // Jaeger counts microseconds, and says how long a span lasted.
        if let (Some(start), Some(lasted), None) = (item.start, element.get("duration"), item.end) {
            item.end = lasted.integer().map(|micros| start + Nanos::from(micros) * 1000);
        }
    }

    fn status(self, element: Value<'_>, item: &mut Item) {
        let status = element.get("status").filter(|status| !status.is_null());
        let code = status.and_then(|status| match status.shape() {
            Shape::Object => first(status, &["code", "status_code", "statusCode"]),
            _ => Some(status),
        });
        let code = code.or_else(|| first(element, &["status_code", "statusCode"]));
        item.failed = code.and_then(|code| match self.plain(code) {
            Any::Number(number) => match number.as_str() {
                "2" => Some(true),
                "1" => Some(false),
                _ => None,
            },
            Any::Text(text) => judged(&text),
            _ => None,
        });
        let message = status.and_then(|status| first(status, &["message", "description"]));
        let message = message.or_else(|| first(element, &["status_message", "statusMessage"]));
        item.status_message =
            message.and_then(Value::text).map(|text| text.into_owned()).filter(|text| !text.is_empty());
        item.failed = item.failed.or_else(|| failed_as_tagged(&item.attributes));
    }

    fn moments(self, element: Value<'_>) -> Result<Vec<Moment>, String> {
        let Some(list) = first(element, EVENTS).filter(|list| list.shape() == Shape::Array) else {
            return Ok(Vec::new());
        };
        let events = list.items().filter(|event| event.shape() == Shape::Object);
        events
            .map(|event| {
                let attributes = first(event, EVENT_ATTRIBUTES).map_or(Ok(Vec::new()), |list| self.attributes(list))?;
                let named = || attribute(&attributes, "event").and_then(Any::word).unwrap_or_default();
                let at = EVENT_TIME.iter().find_map(|name| nanos(name, event.get(name)?)).filter(|nanos| *nanos != 0);
                let name = first(event, NAME).and_then(Value::text).map(|name| name.into_owned());
                let name = name.filter(|name| !name.is_empty()).unwrap_or_else(named);
                Ok(Moment { name, at, attributes })
            })
            .collect()
    }

    /// A link with its ids as they are compared elsewhere.
    fn link(self, link: Value<'_>) -> Any {
        let context = first(link, CONTEXT).unwrap_or(link);
        let find = |names, size| first(context, names).and_then(|value| id(value, size)).map_or(Any::Null, Any::Text);
        let mut members = vec![("traceId".to_owned(), find(TRACE, 16)), ("spanId".to_owned(), find(SPAN, 8))];
        if let Some(list) = link.get("attributes").filter(|list| !list.is_empty()) {
            // What is no list of attributes stays as it was written.
            let attributes = self.attributes(list).map_or_else(|_| self.plain(list), Any::Map);
            members.push(("attributes".to_owned(), attributes));
        }
        Any::Map(members)
    }

    fn log(self, element: Value<'_>, item: &mut Item) {
        let named = first(element, &["eventName", "event_name"]).and_then(Value::text).map(|name| name.into_owned());
        let attribute = item.get("event.name").and_then(Any::word);
        item.name = named.filter(|name| !name.is_empty()).or(attribute).unwrap_or_default();
        item.body = element.get("body").map_or(Any::Null, |body| self.any(body));
        let mut severities = SEVERITY.iter().filter_map(|name| self.plain(element.get(name)?).word());
        item.severity = severities.find(|severity| severity != "0");
    }
}

fn id(value: Value<'_>, size: usize) -> Option<String> {
    match value.shape() {
        Shape::String => id_of_text(&value.text()?, size),
        Shape::Number => id_of_number(std::str::from_utf8(value.kept()).ok()?, size),
        _ => None,
    }
}

/// A time as nanoseconds: counted in the unit that its name says or its size tells, as a pair, or as a date.
fn nanos(name: &str, value: Value<'_>) -> Option<Nanos> {
    match value.shape() {
        Shape::Array => {
            let mut parts = value.items().map(|part| part.integer().map(Nanos::from));
            let (seconds, nanos) = (parts.next()??, parts.next()??);
            Some(seconds * 1_000_000_000 + nanos)
        }
        Shape::Object => {
            let seconds = first(value, &["seconds", "secs"])?.integer()?;
            let nanos = first(value, &["nanos", "nanoseconds"]).and_then(Value::integer).unwrap_or(0);
            Some(Nanos::from(seconds) * 1_000_000_000 + Nanos::from(nanos))
        }
        Shape::String | Shape::Number => counted(name, value),
        Shape::Bool | Shape::Null => None,
    }
}

fn counted(name: &str, value: Value<'_>) -> Option<Nanos> {
    let text = value.text().unwrap_or_else(|| String::from_utf8_lossy(value.kept()));
    let text = text.trim();
    let is_nanos = name.to_ascii_lowercase().ends_with("nano");
    if let Ok(count) = text.parse::<Nanos>() {
        return Some(match count.unsigned_abs() {
            _ if is_nanos => count,
            0..100_000_000_000 => count * 1_000_000_000,
            100_000_000_000..100_000_000_000_000 => count * 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => count * 1000,
            _ => count,
        });
    }
    if let Some(at) = Timestamp::parse(&text.replacen(' ', "T", 1)) {
        return Some(Nanos::from(at.0) * 1000);
    }
    let count: f64 = text.parse().ok()?;
    // A fraction is one of seconds, or of what its size tells.
    let scale = match count.abs() {
        _ if is_nanos => 1.0,
        ..1e11 => 1e9,
        1e11..1e14 => 1e6,
        1e14..1e17 => 1e3,
        _ => 1.0,
    };
    (count.abs() < 1e19).then_some((count * scale) as Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Outline;

    fn read_one(json: &str) -> Result<Item, String> {
        let outline = Outline::of(json.as_bytes()).expect("valid");
        read(outline.root(), json.as_bytes(), None, &Arc::default(), None)
    }

    const IDS: (&str, &str) = ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174");
    /// The same span in the encodings that exporters write.
    const SPELLINGS: &[&str] = &[
        r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"","name":"chat",
            "startTimeUnixNano":"1544712660000000001","endTimeUnixNano":1544712661000000001,"kind":1,"status":{"code":2,"message":"no"},
            "attributes":[{"key":"n","value":{"intValue":"5"}},{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}}]}"#,
        r#"{"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ=","name":"chat","startTimeUnixNano":1544712660000000001,
            "endTimeUnixNano":"1544712661000000001","kind":"SPAN_KIND_INTERNAL","status":{"code":"STATUS_CODE_ERROR","message":"no"},
            "attributes":[{"key":"n","value":{"intValue":5}},{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}}]}"#,
        r#"{"name":"chat","context":{"trace_id":"0x5b8efff798038103d269b633813fc60c","span_id":"0xeee19b7ec3c1b174"},
            "parent_id":null,"start_time":1544712660000000001,"end_time":1544712661000000001,
            "status":{"status_code":"ERROR","description":"no"},"attributes":{"n":5,"l":["a"]}}"#,
        r#"{"name":"chat","spanContext":{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"},
            "startTime":[1544712660,1],"endTime":[1544712661,1],"status":{"code":2,"message":"no"},"attributes":{"n":5,"l":["a"]}}"#,
        r#"{"name":"chat","context":{"trace_id":121702245401190319682828931810593850892,"span_id":17213210219539181940},
            "parent":{"span_id":0},"start_time":1544712660000000001,"end_time":1544712661000000001,
            "status":{"status_code":"error","description":"no"},"attributes":{"n":5,"l":["a"]}}"#,
    ];

    #[test]
    fn one_span_is_the_same_in_every_spelling() {
        let first = read_one(SPELLINGS[0]).expect("a span");
        assert_eq!((first.trace.as_deref(), first.span.as_deref()), (Some(IDS.0), Some(IDS.1)));
        assert_eq!((first.start, first.end), (Some(1_544_712_660_000_000_001), Some(1_544_712_661_000_000_001)));
        assert_eq!((first.failed, first.parent.as_ref()), (Some(true), None));
        for spelling in &SPELLINGS[1..] {
            let other = read_one(spelling).expect("a span");
            assert_eq!(other, first, "{spelling}");
            assert_eq!(other.content(), first.content());
        }
    }

    #[test]
    fn a_time_is_the_same_in_every_spelling() {
        let whole = 1_544_712_660_000_000_000;
        for (written, more) in [
            (r#""1544712660000000001""#, 1),
            ("1544712660000000001", 1),
            ("1544712660000001", 1000),
            ("1544712660001", 1_000_000),
            ("1544712660", 0),
            ("1544712660.5", 500_000_000),
            (r#""1544712660""#, 0),
            ("[1544712660,1]", 1),
            (r#"{"seconds":"1544712660","nanos":1}"#, 1),
            (r#""2018-12-13T14:51:00.000001Z""#, 1000),
            (r#""2018-12-13T15:51:00+01:00""#, 0),
            (r#""2018-12-13 14:51:00.000001+00:00""#, 1000),
        ] {
            let item =
                read_one(&format!(r#"{{"name":"x","kind":1,"spanId":"eee19b7ec3c1b174","start_time":{written}}}"#))
                    .expect("a span");
            assert_eq!((item.start, item.odd_time), (Some(whole + more), None), "{written}");
        }
        for absent in ["null", "0", r#""0""#] {
            let item =
                read_one(&format!(r#"{{"name":"x","kind":1,"spanId":"eee19b7ec3c1b174","start_time":{absent}}}"#))
                    .expect("a span");
            assert_eq!((item.start, item.odd_time), (None, None), "{absent}");
        }
    }

    #[test]
    fn jaeger_names_processes_references_and_lengths() {
        let json = r#"{"traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b174","operationName":"op","processID":"p1",
            "references":[{"refType":"CHILD_OF","traceID":"5b8efff798038103d269b633813fc60c","spanID":"00000000000000aa"}],
            "startTime":1544712660000000,"duration":1500,"tags":[{"key":"error","type":"bool","value":true}],
            "logs":[{"timestamp":1544712660000100,"fields":[{"key":"event","type":"string","value":"e"}]}]}"#;
        let processes = r#"{"p1":{"serviceName":"router","tags":[]}}"#;
        let (outline, all) =
            (Outline::of(json.as_bytes()).expect("valid"), Outline::of(processes.as_bytes()).expect("valid"));
        let item =
            read(outline.root(), json.as_bytes(), None, &Arc::default(), Some((all.root(), processes.as_bytes())));
        let item = item.expect("a span");
        assert_eq!(item.parent.as_deref(), Some("00000000000000aa"));
        assert_eq!(item.end.zip(item.start).map(|(end, start)| end - start), Some(1_500_000));
        assert_eq!((item.failed, item.events[0].name.as_str()), (Some(true), "e"));
        assert_eq!(item.get_any("service.name").and_then(Any::word).as_deref(), Some("router"));
    }

    #[test]
    fn what_is_no_span_says_why() {
        for json in ["5", "[]", "{}", r#"{"captureDate":"2026","results":[]}"#] {
            assert!(read_one(json).is_err(), "{json}");
        }
        let odd = r#"{"name":"x","kind":1,"spanId":"eee19b7ec3c1b174","attributes":"none"}"#;
        assert_eq!(read_one(odd), Err("its attributes are neither a list nor an object".to_owned()));
        let odd = r#"{"name":"x","spanId":"00000000000000000","startTimeUnixNano":"soon","status":null}"#;
        let item = read_one(odd).expect("a span");
        assert_eq!((item.span.as_deref(), item.odd_time.as_deref()), (None, Some("\"soon\"")));
        let times = |start: &str, end: &str| {
            let ids = r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174""#;
            let item =
                read_one(&format!(r#"{{"name":"x",{ids},"startTimeUnixNano":{start},"endTimeUnixNano":{end}}}"#));
            item.map(|item| (item.start, item.end, item.odd_time)).expect("a span")
        };
        let (start, end) = (Some(1_700_000_000_000_000_000), Some(1_700_000_001_000_000_000));
        assert_eq!(times("1.7e+18", "1.700000001e18"), (start, end, None));
        assert_eq!(times("-5", "1700000001000000000"), (None, end, Some("-5".to_owned())));
        assert_eq!(times("1700000000000000000", "\"soon\""), (start, None, Some("\"soon\"".to_owned())));
        assert_eq!(times("1700000000000000000", "0"), (start, None, None));
    }

    #[test]
    fn values_of_every_shape_are_unwrapped() {
        let json = r#"{"name":"x","spanId":"eee19b7ec3c1b174","attributes":[{"key":"a","value":{"arrayValue":{}}},{"key":"d","value":{"doubleValue":"NaN"}},
            {"key":"k","value":{"kvlistValue":{"values":[{"key":"x","value":{"boolValue":true}}]}}},{"key":"e","value":{}},{"key":"u","value":{"stringValue":"\ud800\u2028"}}]}"#;
        let item = read_one(json).expect("a span");
        let json = Any::Map(item.attributes).json();
        assert_eq!(json, "{\"a\":[],\"d\":\"NaN\",\"k\":{\"x\":true},\"e\":null,\"u\":\"\u{FFFD}\u{2028}\"}");
    }
}
