//! Spans and log records, as exporters send them.

use serde_json::{Value, json};

use crate::desk::Server;

/// A span of a model call, as JSON.
pub fn span(trace: &str, id: &str) -> Value {
    json!({
        "traceId": trace, "spanId": id, "name": "chat m", "kind": 3,
        "startTimeUnixNano": "1772445600000000000", "endTimeUnixNano": "1772445601000000000",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "m"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}}
        ]
    })
}

pub fn request_of(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"scope": {"name": "s"}, "spans": spans}]}]})
}

/// A request of one span, and one of one log record, as protobuf.
pub fn protobuf_of(trace: &str) -> [Vec<u8>; 2] {
    let within = |number: u8, bytes: &[u8]| {
        let size = u8::try_from(bytes.len()).expect("is short").to_le_bytes();
        assert!(size[0] < 128, "its size is one byte");
        [&[number << 3 | 2], &size[..], bytes].concat()
    };
    let trace = hex::decode(trace).expect("is hex");
    let time = [&[7 << 3 | 1][..], &1_772_445_600_000_000_000_u64.to_le_bytes()].concat();
    let span = [within(1, &trace), within(2, &[7; 8]), within(5, b"chat m"), time].concat();
    let record = [within(5, &within(1, b"hello")), within(9, &trace), within(10, &[7; 8])].concat();
    [span, record].map(|element| within(1, &within(2, &within(2, &element))))
}

#[test]
fn spans_are_stored_once_and_what_cannot_be_read_is_counted() {
    let server = Server::start(&[]);
    let trace = "5b8efff798038103d269b633813fc60c";
    let post = |path: &str, kind: &str, body: &[u8]| {
        server.ask(&format!("POST {path} HTTP/1.1\r\nContent-Type: {kind}"), body)
    };
    let json_of = |value: &Value| post("/v1/traces", "application/json", value.to_string().as_bytes());
    let whole = request_of(&[span(trace, "eee19b7ec3c1b174"), span(trace, "eee19b7ec3c1b175")]);
    for _ in 0..2 {
        let answer = json_of(&whole);
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{answer:?}");
    }
    let counted = |result: &str| server.figure(&format!("turnscope_items_total{{result=\"{result}\"}}"));
    assert_eq!((counted("stored"), counted("duplicate")), (2, 2));
    let rows = server.rows(&format!("trace:{trace}"));
    assert_eq!(rows.iter().filter(|row| row["kind"] == "model").count(), 2, "{rows:?}");
    assert_eq!(json_of(&json!({"resourceSpans": []})).json(), json!({}));
    // Nothing at all is an empty request in protobuf, and so is its answer.
    let empty = post("/v1/traces", "application/x-protobuf", b"");
    assert_eq!((empty.status, empty.body.as_str()), (200, ""));
    assert!(empty.head.contains("content-type: application/x-protobuf"), "{empty:?}");
    let wrong_way = post("/v1/logs", "application/json", whole.to_string().as_bytes());
    assert!(wrong_way.status == 400 && wrong_way.body.contains("/v1/traces"), "{wrong_way:?}");
    assert_eq!(post("/v1/traces", "text/html", b"x").status, 415);
    assert_eq!(post("/v1/traces", "application/json", b"{\"resourceSpans\":").status, 400);
    assert_eq!(post("/v1/traces", "application/x-protobuf", b"\xff\xff\xff").status, 400);
    let broken = json_of(&request_of(&[json!(5), span(trace, "eee19b7ec3c1b176")]));
    assert_eq!((broken.status, &broken.json()["partialSuccess"]["rejectedSpans"]), (200, &json!("1")), "{broken:?}");
    assert_eq!((counted("stored"), counted("rejected")), (3, 1));
    // The bytes of a span are kept as they came, and so is what it says in them.
    let shown = |part: &str| {
        let id = rows[0]["id"].as_str().expect("an id");
        server.command(&["show", &format!("trace:{trace}"), id, "--part", part])
    };
    assert_eq!(shown("raw"), span(trace, "eee19b7ec3c1b174").to_string());
    assert!(shown("metadata").contains("gen_ai.request.model"), "{}", shown("metadata"));
}

#[test]
fn an_envelope_that_is_none_is_told_and_never_answered_for() {
    let server = Server::start(&[]);
    let one = || span("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174");
    let post = |path: &str, body: &Value| {
        server.ask(&format!("POST {path} HTTP/1.1\r\nContent-Type: application/json"), body.to_string().as_bytes())
    };
    for body in [
        json!({"resourceSpans": [{"scopeSpans": {"spans": [one()]}}]}),
        json!({"resourceSpans": {"scopeSpans": [{"spans": [one()]}]}}),
        json!({"resourceSpans": [{"scopeSpans": [{"spans": one()}]}]}),
        json!({"resourceSpans": "[]"}),
        json!({"resourceSpans": 5}),
        json!({"resourceSpans": [null, 5]}),
    ] {
        let answer = post("/v1/traces", &body);
        assert!(answer.status == 400 && answer.body.contains(" at byte "), "{body}: {answer:?}");
    }
    let logs = post("/v1/logs", &json!({"resourceLogs": [{"scopeLogs": [{"logRecords": {}}]}]}));
    assert!(logs.status == 400 && logs.body.contains("`logRecords` at byte"), "{logs:?}");
    // What is right beside it is stored.
    let mixed =
        json!({"resourceSpans": [{"scopeSpans": {"spans": [one()]}}, {"scopeSpans": [{"spans": [one()]}, null]}]});
    let answer = post("/v1/traces", &mixed);
    assert_eq!((answer.status, &answer.json()["partialSuccess"]["rejectedSpans"]), (200, &json!("1")), "{answer:?}");
    assert_eq!(server.figure("turnscope_items_total{result=\"stored\"}"), 1);
    // Each is counted, also those that are not told any more.
    let mut groups = vec![json!(5); 30];
    groups.push(json!({"scopeSpans": [{"spans": [one()]}]}));
    let many = json!({ "resourceSpans": groups });
    assert_eq!(post("/v1/traces", &many).json()["partialSuccess"]["rejectedSpans"], json!("30"));
    for empty in [json!({}), json!({"resourceSpans": []}), json!({"resourceSpans": [{"scopeSpans": null}]})] {
        assert_eq!(post("/v1/traces", &empty).json(), json!({}), "{empty}");
    }
}

/// What a span of an operation says while it is under way, and at its end.
fn told_twice(operation: &str, id: &str) -> [Value; 2] {
    let said = |name: &str, value: Value| json!({"key": name, "value": value});
    let mut begun = span("5b8efff798038103d269b633813fc60c", id);
    (begun["name"], begun["endTimeUnixNano"]) = (json!(format!("{operation} x")), json!("0"));
    begun["attributes"] = json!([
        said("gen_ai.operation.name", json!({"stringValue": operation})),
        said("gen_ai.tool.call.id", json!({"stringValue": id})),
    ]);
    if operation == "invoke_agent" {
        // What was heard is a line of its own.
        (begun["name"], begun["attributes"]) =
            (json!("user_turn"), json!([said("lk.user_transcript", json!({"stringValue": "hello"}))]));
    }
    let mut ended = begun.clone();
    ended["endTimeUnixNano"] = json!("1772445601000000000");
    let more = [
        said("gen_ai.usage.input_tokens", json!({"intValue": "7"})),
        said(
            "gen_ai.output.messages",
            json!({"stringValue": r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"ls","arguments":{}}]}]"#}),
        ),
    ];
    ended["attributes"].as_array_mut().expect("a list").extend(more);
    [begun, ended]
}

#[test]
fn a_span_that_was_sent_before_its_end_is_one_row_whichever_comes_first() {
    let mut shown = Vec::new();
    for order in [[0, 1], [1, 0]] {
        let server = Server::start(&[]);
        let all =
            [("chat", "eee19b7ec3c1b174"), ("execute_tool", "eee19b7ec3c1b175"), ("invoke_agent", "eee19b7ec3c1b176")];
        for which in order {
            let spans = all.map(|(operation, id)| told_twice(operation, id)[which].clone());
            let body = request_of(&spans).to_string();
            let answer = server.ask("POST /v1/traces HTTP/1.1\r\nContent-Type: application/json", body.as_bytes());
            assert_eq!((answer.status, answer.json()), (200, json!({})), "{answer:?}");
        }
        assert_eq!(server.figure("turnscope_items_total{result=\"conflict\"}"), 0);
        let session = "trace:5b8efff798038103d269b633813fc60c";
        let check = crate::desk::turnscope(server.home.path(), &["check", session, "--json"]).output().expect("runs");
        let check = String::from_utf8(check.stdout).expect("is UTF-8");
        assert!(!check.contains("conflict"), "{check}");
        let rows = server.rows(session);
        for kind in ["model", "trace"] {
            let own: Vec<&Value> = rows.iter().filter(|row| row["kind"] == kind).collect();
            assert!(own.len() == 1 && own[0]["status"] == "ok", "{kind}: {own:?}");
        }
        let spoken: Vec<&Value> = rows.iter().filter(|row| row["kind"] == "transcript").collect();
        assert!(spoken.len() == 1 && spoken[0]["events"].as_array().is_some_and(|told| told.len() == 2), "{rows:?}");
        shown.push(rows);
    }
    assert_eq!(shown[0], shown[1]);
}

#[test]
fn two_ends_of_a_span_are_rivals_only_as_long_as_no_later_one_is_known() {
    let told = |end: &str, tokens: &str| {
        let mut told = span("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174");
        told["endTimeUnixNano"] = json!(end);
        told["attributes"][2]["value"]["intValue"] = json!(tokens);
        told
    };
    let [one, other, later] =
        [("1772445601000000000", "7"), ("1772445601000000000", "8"), ("1772445602000000000", "9")]
            .map(|(end, tokens)| told(end, tokens));
    let conflicts = |order: &[&Value]| {
        let server = Server::start(&[]);
        for sent in order {
            let body = request_of(&[(*sent).clone()]).to_string();
            let answer = server.ask("POST /v1/traces HTTP/1.1\r\nContent-Type: application/json", body.as_bytes());
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let arguments = ["check", "trace:5b8efff798038103d269b633813fc60c", "--json"];
        let check = crate::desk::turnscope(server.home.path(), &arguments).output().expect("runs");
        String::from_utf8(check.stdout).expect("is UTF-8").matches("\"conflict\"").count()
    };
    assert_eq!(conflicts(&[&one, &other]), 2);
    for order in [[&one, &other, &later], [&later, &one, &other], [&one, &later, &other]] {
        assert_eq!(conflicts(&order), 0, "{order:?}");
    }
}
