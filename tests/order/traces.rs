//! A conversation whose spans and log records lie in files of their own.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arrival::{File, WAYS, assert_always_same, assert_same, cases, file};

const TRACES: [&str; 2] = ["5b8efff798038103d269b633813fc60c", "6b8efff798038103d269b633813fc60d"];
const START: u64 = 1_700_000_000_000_000_000;

fn attributes(pairs: &Value) -> Value {
    let wrapped = pairs.as_object().expect("an object").iter().map(|(key, value)| match value {
        Value::Number(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
        other => json!({"key": key, "value": {"stringValue": other}}),
    });
    wrapped.collect()
}

/// What an element says beside its place.
fn pairs(says: u8) -> Value {
    match says % 5 {
        0 => {
            json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": says, "gen_ai.usage.output_tokens": 2})
        }
        1 => {
            json!({"gen_ai.operation.name": "chat", "gen_ai.response.id": "r1", "gen_ai.usage.input_tokens": 9, "gen_ai.usage.output_tokens": 2})
        }
        2 => json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": format!("c{}", says / 10)}),
        3 => json!({"gen_ai.conversation.id": format!("conv-{}", says / 10)}),
        _ => json!({}),
    }
}

fn span((trace, id, parent, at, says): (u8, u8, u8, u64, u8)) -> Value {
    let start = START + at * 1_000_000;
    let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
    // Some were sent before they had ended, and some ended later than others with their ids.
    let end = match says % 4 {
        0 => 0,
        1 => start + 9000,
        _ => start + 5000,
    };
    json!({
        "traceId": TRACES[usize::from(trace % 2)], "spanId": format!("{:016x}", u64::from(id) + 1), "parentSpanId": parent,
        "name": format!("step {says}"), "startTimeUnixNano": start.to_string(), "endTimeUnixNano": end.to_string(),
        "attributes": attributes(&pairs(says)), "status": {},
    })
}

fn log((trace, id, _, at, says): (u8, u8, u8, u64, u8)) -> Value {
    let name = ["gen_ai.user.message", "gen_ai.choice"][usize::from(says % 2)];
    json!({
        "traceId": TRACES[usize::from(trace % 2)], "spanId": format!("{:016x}", u64::from(id) + 1),
        "timeUnixNano": (START + at * 1_000_000).to_string(), "eventName": name,
        "attributes": attributes(&json!({"content": format!("said {says}")})),
    })
}

fn resource(name: &str) -> Value {
    json!({"attributes": [{"key": "service.name", "value": {"stringValue": name}}]})
}

fn spans(service: &str, spans: &[Value]) -> Vec<u8> {
    json!({"resourceSpans": [{"resource": resource(service), "scopeSpans": [{"spans": spans}]}]})
        .to_string()
        .into_bytes()
}

fn logs(service: &str, logs: &[Value]) -> Vec<u8> {
    json!({"resourceLogs": [{"resource": resource(service), "scopeLogs": [{"logRecords": logs}]}]})
        .to_string()
        .into_bytes()
}

fn files() -> impl Strategy<Value = Vec<File>> {
    let element = || (0..4_u8, 0..6_u8, 0..6_u8, 0..5_u64, 0..50_u8);
    let some = move || prop::collection::vec(element(), 1..6);
    (some(), some(), some()).prop_map(|(one, other, said)| {
        let spans_of = |told: &[_]| told.iter().copied().map(span).collect::<Vec<_>>();
        vec![
            file("spans-1.json", spans("shop", &spans_of(&one))),
            file("spans-2.json", spans("till", &spans_of(&other))),
            file("logs.json", logs("shop", &said.iter().copied().map(log).collect::<Vec<_>>())),
        ]
    })
}

/// A span that is in a session because of its trace has the id of another one there, until a third moves it away.
#[test]
fn what_a_span_leaves_behind_has_no_rival_any_more() {
    let (first, other) = (span((1, 0, 0, 0, 3)), [span((1, 0, 0, 0, 33)), span((1, 0, 0, 0, 0))]);
    assert_always_same(&[file("spans-1.json", spans("shop", &[first])), file("spans-2.json", spans("till", &other))]);
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn files_of_spans_and_logs_give_the_same_in_any_order(files in files()) {
        assert_same(&files, &[vec![0, 1, 2], vec![2, 1, 0], vec![1, 2, 0]], &WAYS);
    }
}
