//! Protobuf against JSON: the same spans and log records are the same events, however they were encoded.

use prost::Message;
use serde_json::json;

use super::message::{AnyValue, Event, KeyValue, Kind, Link, List, LogRecord, Resource, Scope, Span, Status};
use super::{cut, is_protobuf};
use crate::import::otel::item::Signal;
use crate::import::otel::{Decoded, Encoding, decode};

/// A field that holds a message, or bytes.
fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
    bytes.extend_from_slice(inner);
    bytes
}

fn pair(key: &str, kind: Kind) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { kind: Some(kind) }) }
}

pub fn request(elements: &[Vec<u8>]) -> Vec<u8> {
    let resource = Resource { attributes: vec![pair("service.name", Kind::Text("shop".into()))] };
    let scope = Scope { name: "lib".into(), version: "1".into(), attributes: Vec::new() };
    let elements: Vec<u8> = elements.iter().flat_map(|element| field(2, element)).collect();
    let scope = [field(1, &scope.encode_to_vec()), elements].concat();
    field(1, &[field(1, &resource.encode_to_vec()), field(2, &scope)].concat())
}

fn span() -> Span {
    let text = |text: &str| AnyValue { kind: Some(Kind::Text(text.into())) };
    Span {
        trace_id: vec![0x5b; 16],
        span_id: vec![0xee; 8],
        parent_span_id: vec![0; 8],
        name: "chat m".into(),
        start: 1_700_000_000_000_000_001,
        end: 1_700_000_000_000_000_002,
        attributes: vec![
            pair("gen_ai.operation.name", Kind::Text("chat".into())),
            pair("gen_ai.usage.input_tokens", Kind::Int(7)),
            pair("gen_ai.request.temperature", Kind::Double(0.5)),
            pair("raw", Kind::Bytes(vec![1, 2, 255])),
            pair("list", Kind::List(List { values: vec![text("a"), text("b")] })),
        ],
        events: vec![Event { time: 1_700_000_000_000_000_001, name: "e".into(), attributes: Vec::new() }],
        links: vec![Link { trace_id: vec![1; 16], span_id: vec![2; 8], attributes: Vec::new() }],
        status: Some(Status { message: "no".into(), code: 2 }),
        ..Span::default()
    }
}

fn log() -> LogRecord {
    LogRecord {
        time: 1_700_000_000_000_000_003,
        severity_number: 9,
        body: Some(AnyValue { kind: Some(Kind::Text("hello".into())) }),
        trace_id: vec![0x5b; 16],
        span_id: vec![0xee; 8],
        event_name: "gen_ai.user.message".into(),
        ..LogRecord::default()
    }
}

/// What a request came to, but for its bytes as they were.
fn told(body: &[u8], encoding: Encoding, signal: Signal) -> String {
    let Decoded { elements, sessions, adopted, rejected, .. } = decode(body, encoding, signal).expect("decodes");
    let elements: Vec<_> = elements.into_iter().map(|element| (element.drafts, element.content)).collect();
    format!("{elements:#?} {sessions:#?} {adopted:?} {rejected}")
}

fn enveloped(list: &str, scoped: &str, inner: &str, element: &serde_json::Value) -> Vec<u8> {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let scope = json!({"scope": {"name": "lib", "version": "1"}, inner: [element]});
    json!({list: [{"resource": resource, scoped: [scope]}]}).to_string().into_bytes()
}

#[test]
fn a_span_in_protobuf_is_the_span_in_json() {
    let json = json!({
        "traceId": "5b".repeat(16), "spanId": "EE".repeat(8), "parentSpanId": "", "name": "chat m",
        "startTimeUnixNano": "1700000000000000001", "endTimeUnixNano": "1700000000000000002", "status": {"message": "no", "code": 2},
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}},
            {"key": "gen_ai.request.temperature", "value": {"doubleValue": 0.5}},
            {"key": "raw", "value": {"bytesValue": "AQL/"}},
            {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}}},
        ],
        "events": [{"timeUnixNano": "1700000000000000001", "name": "e"}],
        "links": [{"traceId": "01".repeat(16), "spanId": "02".repeat(8)}],
    });
    let body = request(&[span().encode_to_vec()]);
    assert!(is_protobuf(&body));
    let json = enveloped("resourceSpans", "scopeSpans", "spans", &json);
    assert_eq!(told(&body, Encoding::Protobuf, Signal::Traces), told(&json, Encoding::Json, Signal::Traces));
}

#[test]
fn a_log_record_in_protobuf_is_the_one_in_json() {
    let json = json!({
        "timeUnixNano": "1700000000000000003", "severityNumber": 9, "body": {"stringValue": "hello"},
        "traceId": "5b".repeat(16), "spanId": "ee".repeat(8), "eventName": "gen_ai.user.message",
    });
    let body = request(&[log().encode_to_vec()]);
    let json = enveloped("resourceLogs", "scopeLogs", "logRecords", &json);
    assert_eq!(told(&body, Encoding::Protobuf, Signal::Logs), told(&json, Encoding::Json, Signal::Logs));
    let refused = decode(&body, Encoding::Protobuf, Signal::Traces).expect_err("is refused").to_string();
    assert_eq!(refused, "the request holds log records: send it to /v1/logs");
}

#[test]
fn a_request_with_metrics_is_refused_and_a_span_with_odd_ids_is_not_one() {
    let metric = |unit: &str| {
        [field(1, b"gen_ai.client.token.usage"), field(3, unit.as_bytes()), field(9, &[9, 0, 0, 0, 0, 0, 0, 0, 0])]
            .concat()
    };
    let sum = [field(1, b"sixteen-letters!"), field(2, b"Tokens."), field(7, &[16, 2])].concat();
    for metric in [metric("{token}"), sum] {
        for signal in [Signal::Traces, Signal::Logs] {
            let refused =
                decode(&request(std::slice::from_ref(&metric)), Encoding::Protobuf, signal).expect_err("is refused");
            assert_eq!(refused.to_string(), "the request holds metrics, which are not kept here");
        }
    }
    for odd in [Span { trace_id: vec![1; 5], ..span() }, Span { start: 0, end: 0, ..span() }] {
        let decoded = decode(&request(&[odd.encode_to_vec()]), Encoding::Protobuf, Signal::Traces).expect("decodes");
        assert_eq!(decoded.elements.len(), 1);
    }
    let json = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"x","gauge":{}}]}]}]}"#;
    let refused = decode(json, Encoding::Json, Signal::Traces).expect_err("is refused").to_string();
    assert_eq!(refused, "the request holds metrics, which are not kept here");
}

#[test]
fn a_broken_element_is_rejected_alone_and_a_broken_request_whole() {
    let broken = field(9, &[0xFF, 0xFF]);
    let body = request(&[span().encode_to_vec(), broken]);
    let decoded = decode(&body, Encoding::Protobuf, Signal::Traces).expect("decodes");
    assert_eq!((decoded.elements.len(), decoded.rejected), (1, 1));
    for cut in [1, 2, body.len() - 1] {
        let error = decode(&body[..cut], Encoding::Protobuf, Signal::Traces).expect_err("is refused").to_string();
        assert!(error.starts_with("not a request in protobuf: broken at byte "), "{error}");
    }
    assert!(cut::cut(b"", 9).expect("an empty request").is_empty());
}
