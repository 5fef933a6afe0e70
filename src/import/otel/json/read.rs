//! Reads one span or log record from JSON, in whatever spelling an exporter or a tracing store writes it.

use std::cell::RefCell;
use std::sync::Arc;

use super::spell::{
    ATTRIBUTES, CONTEXT, DROPPED, END, EVENT_ATTRIBUTES, EVENT_TIME, EVENTS, LOGGED, NAME, PARENT, PARENT_CONTEXT,
    SCOPE, SEVERITY, SPAN, START, TRACE, first, is_item, is_list_of_attributes,
};
use super::time::nanos;
use super::value::Reading;
use crate::domain::{Shape, Value, excerpt};
use crate::import::otel::any::{Any, Attributes, attribute};
use crate::import::otel::item::{
    Item, Moment, Nanos, Sender, Signal, failed_as_tagged, id_of_number, id_of_text, is_unset, judged,
};

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
    let odd = RefCell::default();
    let reading = Reading { bytes, odd: &odd };
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
        Some(list) => reading.attributes(list),
        None if is_list_of_attributes(element) => reading.attributes(element),
        None => Vec::new(),
    };
    reading.times(element, &mut item);
    reading.status(element, &mut item);
    item.events = reading.list(first(element, EVENTS), "events").map(|event| reading.moment(event)).collect();
    item.links = reading.list(first(element, &["links"]), "links").map(|link| reading.link(link)).collect();
    for (count, names) in item.dropped.iter_mut().zip(DROPPED) {
        *count = first(element, names).and_then(Value::integer).and_then(|count| count.try_into().ok()).unwrap_or(0);
    }
    if signal == Signal::Logs {
        reading.log(element, &mut item);
    }
    item.odd.append(&mut odd.take());
    Ok(item)
}

/// A sender as its group describes it: resource and scope, each a value with the bytes that it is written in.
pub fn sender_of(resource: Option<(Value<'_>, &[u8])>, scope: Option<(Value<'_>, &[u8])>) -> Sender {
    let odd = RefCell::default();
    let reading = |bytes| Reading { bytes, odd: &odd };
    let resource = resource.map(|(value, bytes)| reading(bytes).described(value)).unwrap_or_default();
    let scope = scope.map(|(value, bytes)| reading(bytes).scope(value)).unwrap_or_default();
    Sender { resource, scope, odd: odd.take() }
}

impl Reading<'_> {
    /// A description of a sender: its members and attributes side by side.
    fn described(self, value: Value<'_>) -> Attributes {
        if value.shape() != Shape::Object {
            self.note("its resource is no object");
        }
        self.members(value, str::to_owned)
    }

    /// The same of a scope, whose name and version stand under names that no attribute of it has.
    fn scope(self, value: Value<'_>) -> Attributes {
        if value.shape() != Shape::Object {
            self.note("its scope is no object");
        }
        let described = self.members(value, |name| match name {
            "name" => "otel.scope.name".to_owned(),
            "version" => "otel.scope.version".to_owned(),
            other => other.to_owned(),
        });
        let is_said = |(name, value): &(String, Any)| !name.starts_with("otel.scope.") || !value.is_blank();
        described.into_iter().filter(is_said).collect()
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
                "attributes" | "tags" if !member.is_null() => all.extend(self.attributes(member)),
                "attributes" | "tags" => {}
                "schema_url" | "schemaUrl" | "droppedAttributesCount" | "dropped_attributes_count" => {}
                "serviceName" => all.push(("service.name".to_owned(), self.plain(member))),
                _ => all.push((named(&name), self.plain(member))),
            }
        }
        all
    }

    /// The sender that the element itself names, else that of its group.
    fn sender(self, element: Value<'_>, of_group: &Arc<Sender>, processes: Option<(Value<'_>, &[u8])>) -> Arc<Sender> {
        let (resource, of_scope) = (first(element, &["resource"]), first(element, SCOPE));
        let named = element.get("scopeName").map(|name| vec![("otel.scope.name".to_owned(), self.plain(name))]);
        let id = element.get("processID").and_then(Value::text);
        let process = id.and_then(|id| processes.and_then(|(all, bytes)| Some((all.get(&id)?, bytes))));
        if resource.is_none() && of_scope.is_none() && named.is_none() && process.is_none() {
            return Arc::clone(of_group);
        }
        let resource = process.or(resource.map(|resource| (resource, self.bytes)));
        let resource = resource.map(|(value, bytes)| Reading { bytes, ..self }.described(value));
        let of_scope = named.or_else(|| of_scope.map(|value| self.scope(value)));
        let pick = |own: Option<Attributes>, other: &Attributes| {
            own.filter(|own| !own.is_empty()).unwrap_or_else(|| other.clone())
        };
        let (resource, scope) = (pick(resource, &of_group.resource), pick(of_scope, &of_group.scope));
        Arc::new(Sender { resource, scope, odd: of_group.odd.clone() })
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
        let code = code.and_then(|code| match self.plain(code) {
            Any::Number(word) | Any::Text(word) => Some(word),
            _ => {
                self.note("its status is neither a number nor a word");
                None
            }
        });
        item.failed = code.as_deref().and_then(judged);
        if let Some(odd) = code.filter(|word| item.failed.is_none() && !is_unset(word)) {
            self.note(format!("its status is {}", excerpt(&odd, 100)));
        }
        let message = status.and_then(|status| first(status, &["message", "description"]));
        let message = message.or_else(|| first(element, &["status_message", "statusMessage"]));
        item.status_message =
            message.and_then(Value::text).map(|text| text.into_owned()).filter(|text| !text.is_empty());
        item.failed = item.failed.or_else(|| failed_as_tagged(&item.attributes));
    }

    fn moment(self, event: Value<'_>) -> Moment {
        let attributes = first(event, EVENT_ATTRIBUTES).map_or_else(Vec::new, |list| self.attributes(list));
        let named = || attribute(&attributes, "event").and_then(Any::word).unwrap_or_default();
        let at = EVENT_TIME.iter().find_map(|name| nanos(name, event.get(name)?)).filter(|nanos| *nanos != 0);
        let name = first(event, NAME).and_then(Value::text).map(|name| name.into_owned());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(named);
        Moment { name, at, attributes }
    }

    /// A link with its ids as they are compared elsewhere.
    fn link(self, link: Value<'_>) -> Any {
        let context = first(link, CONTEXT).unwrap_or(link);
        let find = |names, size| first(context, names).and_then(|value| id(value, size)).map_or(Any::Null, Any::Text);
        let mut members = vec![("traceId".to_owned(), find(TRACE, 16)), ("spanId".to_owned(), find(SPAN, 8))];
        if let Some(list) = first(link, &["attributes"]).filter(|list| !list.is_empty()) {
            let attributes = match list.shape() {
                Shape::Object | Shape::Array => Any::Map(self.attributes(list)),
                // What is no list of attributes stays as it was written.
                _ => {
                    self.note("the attributes of one of its links are neither a list nor an object");
                    self.plain(list)
                }
            };
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
    fn parts_that_are_none_are_told_and_the_rest_is_read() {
        for (part, told) in [
            (r#""attributes":"x""#, "its attributes are neither a list nor an object"),
            (r#""attributes":[5,{"key":"a"},7]"#, "one of its attributes has no key"),
            (r#""events":{"name":"e"}"#, "its events are no list"),
            (
                r#""events":[7,{"name":"e","attributes":true}]"#,
                "one of its events is no object; its attributes are neither a list nor an object",
            ),
            (r#""links":3"#, "its links are no list"),
            (r#""links":["x"]"#, "one of its links is no object"),
            (r#""status":7"#, "its status is 7"),
            (r#""status":{"code":"broken"}"#, "its status is broken"),
            (r#""status":[2]"#, "its status is neither a number nor a word"),
            (r#""resource":"shop""#, "its resource is no object"),
            (r#""scope":[]"#, "its scope is no object"),
            (r#""resource":{"attributes":1}"#, "its attributes are neither a list nor an object"),
        ] {
            let item = read_one(&format!(r#"{{"name":"x","kind":1,"spanId":"eee19b7ec3c1b174",{part}}}"#));
            let item = item.expect("a span");
            assert_eq!((item.odd.join("; ").as_str(), item.name.as_str()), (told, "x"), "{part}");
        }
        for part in [
            r#""attributes":null,"events":null,"links":null,"status":null,"resource":null,"scope":null"#,
            r#""attributes":[],"events":[],"links":[],"status":{},"resource":{},"scope":{}"#,
            r#""status":{"code":0}"#,
            r#""status":{"code":"STATUS_CODE_UNSET"}"#,
            r#""status":"Ok""#,
            r#""status":"""#,
        ] {
            let item = read_one(&format!(r#"{{"name":"x","kind":1,"spanId":"eee19b7ec3c1b174",{part}}}"#));
            assert_eq!(item.expect("a span").odd, Vec::<String>::new(), "{part}");
        }
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
