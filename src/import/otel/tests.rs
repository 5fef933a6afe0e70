//! Whole requests and files against the store: what is told does not depend on the order in which spans arrive.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::cases::{body, case, told};
use super::elements::Elements;
use super::{Bytes, Decoded, Encoding, Signal, decode};
use crate::domain::{Role, flag};
use crate::store::{Appended, Batch, NewBody, NewEvent, NewRecord, RecordStatus, Store, add_blob};

const TRACE: &str = "5b8efff798038103d269b633813fc60c";

struct Desk {
    _folder: tempfile::TempDir,
    store: Store,
}

async fn desk() -> Desk {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
    Desk { _folder: folder, store }
}

/// One element of a session: its signal and its JSON.
type Sent = (Signal, Value);

fn attributes(pairs: &Value) -> Value {
    let pairs = pairs.as_object().expect("an object").iter();
    let wrapped = pairs.map(|(key, value)| match value {
        Value::Number(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
        other => json!({"key": key, "value": {"stringValue": other}}),
    });
    wrapped.collect()
}

/// A span that begins so many microseconds after the others.
fn span(id: u8, parent: u8, at: u64, name: &str, pairs: &Value) -> Sent {
    let parent = if parent == 0 { String::new() } else { format!("{parent:016x}") };
    let start = 1_700_000_000_000_000_000 + at * 1000;
    let span = json!({
        "traceId": TRACE, "spanId": format!("{id:016x}"), "parentSpanId": parent, "name": name,
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 5000).to_string(),
        "attributes": attributes(pairs), "status": {},
    });
    (Signal::Traces, span)
}

fn log(of: u8, at: u64, name: &str, pairs: &Value) -> Sent {
    let time = (1_700_000_000_000_000_000 + at * 1000).to_string();
    let span = format!("{of:016x}");
    (
        Signal::Logs,
        json!({"traceId": TRACE, "spanId": span, "timeUnixNano": time, "eventName": name, "attributes": attributes(pairs)}),
    )
}

fn request(signal: Signal, elements: &[&Value]) -> Vec<u8> {
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let request = match signal {
        Signal::Traces => json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": elements}]}]}),
        Signal::Logs => json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": elements}]}]}),
    };
    request.to_string().into_bytes()
}

async fn send(store: &Store, signal: Signal, elements: &[&Value]) -> Appended {
    let decoded = decode(&request(signal, elements), Encoding::Json, signal).expect("decodes");
    assert_eq!(decoded.rejected, 0, "{:?}", decoded.reasons);
    store.append(&[batch(decoded)]).await.expect("stores").remove(0)
}

/// What was decoded as the store takes it, each element a record.
fn batch(decoded: Decoded) -> Batch {
    let Decoded { elements, sessions, adopted, .. } = decoded;
    let mut batch = Batch { sessions, adopted, received: 7, ..Batch::default() };
    for (place, element) in elements.into_iter().enumerate() {
        let raw = add_blob(&mut batch, Role::Raw, &element.raw);
        let events = element.drafts.into_iter().map(|draft| {
            let mut bodies: Vec<NewBody> =
                draft.own.iter().map(|(role, bytes)| add_blob(&mut batch, *role, bytes)).collect();
            bodies.push(raw.clone());
            NewEvent { event: draft.event, bodies }
        });
        let events = events.collect();
        let (digest, content) = (raw.digest, element.content);
        let (start, size, status) = (place as i64, raw.size, RecordStatus::Good);
        batch.records.push(NewRecord { start, size, status, digest, content, events });
    }
    batch
}

/// A conversation of one trace: an outer call around an inner one, the inner one told twice, an embedding, a tool, and
/// the inner call's messages apart from it. Two spans name conversations, the others none.
///
/// The answer makes three calls, whose results the last call brings: of one the span says its id, of one it does not,
/// and one has no span.
fn conversation() -> Vec<Sent> {
    let usage = |pairs: Value| {
        let mut whole = json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 10});
        whole.as_object_mut().expect("an object").extend(pairs.as_object().expect("an object").clone());
        whole
    };
    let call = |id: &str, tool: &str| json!({"type": "tool_call", "id": id, "name": tool, "arguments": {"path": "x"}});
    let calls = json!([{"role": "assistant", "parts": [call("c1", "ls"), call("c2", "cat"), call("c3", "grep")]}]);
    let result = |id: &str| json!({"type": "tool_call_response", "id": id, "response": format!("of {id}")});
    let results = json!([calls[0], {"role": "tool", "parts": [result("c1"), result("c2"), result("c3")]}]);
    vec![
        span(
            1,
            0,
            0,
            "invoke_agent",
            &json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 105}),
        ),
        span(2, 1, 10, "chat", &usage(json!({}))),
        span(
            3,
            2,
            20,
            "chat m",
            &usage(
                json!({"gen_ai.request.model": "m", "gen_ai.response.id": "r1", "gen_ai.output.messages": calls.to_string()}),
            ),
        ),
        span(
            4,
            2,
            21,
            "ChatOpenAI",
            &usage(json!({"gen_ai.response.id": "r1", "gen_ai.output.messages": calls.to_string()})),
        ),
        span(5, 3, 25, "embeddings e", &json!({"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 5})),
        span(
            6,
            1,
            40,
            "execute_tool ls",
            &json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": "c1",
            "gen_ai.conversation.id": "conv-1", "gen_ai.tool.call.arguments": "{\"path\":\"x\"}"}),
        ),
        span(7, 1, 50, "step", &json!({"gen_ai.conversation.id": "conv-2"})),
        span(8, 1, 55, "grep", &json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "grep"})),
        span(9, 1, 60, "chat m", &usage(json!({"gen_ai.input.messages": results.to_string()}))),
        log(3, 22, "gen_ai.user.message", &json!({"content": "list the files"})),
        log(3, 26, "gen_ai.choice", &json!({"message": "{\"content\":\"here they are\"}"})),
    ]
}

/// All that a person sees of a store.
async fn seen(store: &Store) -> Vec<String> {
    store.settle().await.expect("reckons");
    let mut told = Vec::new();
    let mut sessions = store.sessions().await.expect("reads");
    sessions.sort_by(|one, other| one.id.cmp(&other.id));
    for session in sessions {
        told.push(format!(
            "{} {:?} {:?} {} events {} turns {} findings {:?} {:?}",
            session.id,
            session.title,
            session.project,
            session.events,
            session.turns,
            session.findings,
            session.tokens,
            session.models
        ));
        let heads = store.heads(session.number, None).await.expect("reads");
        let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
        for event in store.events(&numbers).await.expect("reads") {
            told.push(format!(
                "{} {:?} {:?} {:?} {} {:?} {}",
                event.name(),
                event.kind,
                event.phase,
                event.turn,
                event.label,
                event.keys,
                event.flags
            ));
        }
    }
    told
}

async fn told_in(order: &[usize], size: usize) -> Vec<String> {
    let desk = desk().await;
    let all = conversation();
    for group in order.chunks(size) {
        for signal in [Signal::Traces, Signal::Logs] {
            let of: Vec<&Value> =
                group.iter().map(|place| &all[*place]).filter(|sent| sent.0 == signal).map(|sent| &sent.1).collect();
            if !of.is_empty() {
                send(&desk.store, signal, &of).await;
            }
            // What is worked out on the way must not stay where it turns out otherwise.
            desk.store.settle().await.expect("reckons");
        }
    }
    seen(&desk.store).await
}

#[tokio::test]
async fn a_conversation_counts_each_call_once() {
    let all: Vec<usize> = (0..conversation().len()).collect();
    let told = told_in(&all, all.len()).await;
    assert!(told[0].starts_with("conv-1 Some(\"list the files\") Some(\"shop\") 19 events"), "{}", told[0]);
    // The inner call, the embedding and the last call; neither the call around it, nor its twin, nor the agent.
    assert!(told[0].contains("total: Some(225)"), "{}", told[0]);
    let of_call = told.iter().filter(|line| line.contains(&format!("span:{TRACE}:0000000000000003"))).count();
    assert_eq!(of_call, 3, "the call and its two messages are one row: {told:#?}");
    // What messages tell of a call is a part of the row of its span; without one, it is the row.
    let of = |turn: &str| {
        told.iter()
            .filter(|line| line.contains(turn))
            .map(|line| line.split(' ').nth(2).unwrap_or(""))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&format!("Some(\"tool:{TRACE}:c1")), ["Part", "Part", "Whole", "Part"]);
    assert_eq!(of(&format!("Some(\"tool:{TRACE}:c2")), ["Call", "Part", "Result"]);
    assert_eq!(of(&format!("Some(\"span:{TRACE}:0000000000000008")), ["Part", "Part", "Whole", "Part"]);
    assert!(told.iter().any(|line| line.starts_with("conv-2 ") && line.contains(" 1 events")), "{told:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn any_order_and_any_repetition_tells_the_same(
        seed in prop::collection::vec(any::<u32>(), 11),
        again in prop::collection::vec(0..11_usize, 0..6),
        size in 1..5_usize,
    ) {
        let all: Vec<usize> = (0..conversation().len()).collect();
        let mut order: Vec<(u32, usize)> = seed.into_iter().zip(all.iter().copied()).collect();
        order.sort_unstable();
        let order: Vec<usize> = order.into_iter().map(|(_, place)| place).chain(again).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        prop_assert_eq!(runtime.block_on(told_in(&order, size)), runtime.block_on(told_in(&all, all.len())));
    }
}

#[tokio::test]
async fn a_span_that_two_requests_deliver_is_a_duplicate_and_another_content_a_conflict() {
    let desk = desk().await;
    let usage = json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 7});
    let (_, one) = span(1, 0, 0, "chat", &usage);
    let (_, two) = span(2, 0, 1, "chat", &usage);
    let first = send(&desk.store, Signal::Traces, &[&one]).await;
    // The same span in another company.
    let again = send(&desk.store, Signal::Traces, &[&two, &one]).await;
    assert_eq!((first.added, first.duplicates), (1, 0));
    assert_eq!((again.added, again.duplicates, again.conflicts), (1, 1, 0));
    desk.store.settle().await.expect("reckons");
    let sessions = desk.store.sessions().await.expect("reads");
    assert_eq!((sessions.len(), sessions[0].tokens.total), (1, Some(14)));
    let (_, other) = span(1, 0, 0, "chat", &json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 8}));
    assert_eq!(send(&desk.store, Signal::Traces, &[&other]).await.conflicts, 1);
    let heads = desk.store.heads(sessions[0].number, None).await.expect("reads");
    assert_eq!(heads.iter().filter(|head| head.flags & flag::CONFLICT != 0).count(), 2);
}

#[test]
fn a_severity_is_a_word_and_a_message_of_a_call_has_none() {
    let status = |severity: Value, name: &str| {
        let (_, mut record) = log(3, 0, name, &json!({"content": "x"}));
        record["severityNumber"] = severity;
        let body = request(Signal::Logs, &[&record]);
        let decoded = decode(&body, Encoding::Json, Signal::Logs).expect("decodes");
        decoded.elements[0].drafts[0].event.status.clone()
    };
    let word = |severity: Value| status(severity, "saved").unwrap_or_default();
    assert_eq!(
        [1, 8, 9, 16, 17, 24, 25].map(|number| word(json!(number))),
        ["trace", "debug", "info", "warn", "error", "fatal", "25"]
    );
    assert_eq!(status(json!(9), "gen_ai.choice"), None);
}

#[test]
fn what_cannot_be_read_is_told_and_stops_nothing() {
    let (_, good) = span(1, 0, 0, "chat", &json!({}));
    let odd = json!({});
    let Decoded { elements, rejected, reasons, .. } =
        decode(&request(Signal::Traces, &[&json!(7), &good, &odd]), Encoding::Json, Signal::Traces).expect("decodes");
    assert_eq!((elements.len(), rejected), (1, 2));
    assert_eq!(
        reasons,
        [
            "span 1: a span must be an object",
            "span 3: neither a span nor a log record: it has no name, no ids and no attributes"
        ]
    );
    let wrong = |body: &[u8], signal| decode(body, Encoding::Json, signal).expect_err("is refused").to_string();
    assert_eq!(wrong(br#"{"resourceLogs":[]}"#, Signal::Traces), "the request holds log records: send it to /v1/logs");
    assert!(wrong(b"{\"resourceSpans\":[", Signal::Traces).starts_with("not JSON: "));
    assert!(wrong(b"[1]", Signal::Traces).starts_with("a request must be"));
    assert!(decode(b"{}", Encoding::Json, Signal::Logs).expect("an empty request").elements.is_empty());
}

#[test]
fn every_span_file_of_the_corpus_agrees_with_the_independent_count() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        println!("skipped: TURNSCOPE_CORPUS is not set");
        return;
    };
    let mut files = Vec::new();
    for folder in ["otlp", "otel-spans"] {
        files_below(&Path::new(&corpus).join(folder), &mut files);
    }
    let counter = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/spans.py");
    let output = Command::new("python3").arg(counter).args(&files).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut wrong, mut spans) = (Vec::new(), 0);
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let counted: Value = serde_json::from_str(line).expect("the counter prints JSON");
        let path = counted["path"].as_str().expect("a path");
        let ours = operations(&std::fs::read(path).expect("a readable file"));
        spans += ours.values().sum::<u64>();
        if json!(ours) != counted["operations"] {
            wrong.push(format!("{path}\n  ours    {ours:?}\n  counted {}", counted["operations"]));
        }
    }
    println!("{spans} spans and log records in {} files", files.len());
    assert!(spans > 200 && wrong.is_empty(), "{} files differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// How many elements a document has of each operation.
fn operations(bytes: &[u8]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    let mut elements = Elements::of_json(&bytes, usize::MAX, usize::MAX).expect("reads");
    for (place, range) in elements.ranges().into_iter().enumerate() {
        let own = bytes.at(&range).expect("reads");
        let item = elements.item(place, &own, &bytes).expect("reads").expect("an element");
        let names = ["gen_ai.operation.name", "ai.operationId", "openinference.span.kind", "traceloop.span.kind"];
        let operation = names.iter().find_map(|name| item.get(name)?.word());
        *counts.entry(operation.unwrap_or_else(|| "none".to_owned())).or_insert(0) += 1;
    }
    counts
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("a readable folder").flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for path in entries.iter().map(std::fs::DirEntry::path) {
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn instructions_that_stand_in_the_input_are_the_system_prompt() {
    for (attributes, expected) in [
        (
            json!({"openinference.span.kind": "LLM", "llm.input_messages.0.message.role": "system",
                "llm.input_messages.0.message.content": "Be \"brief\".", "llm.input_messages.1.message.role": "user",
                "llm.input_messages.1.message.content": "hi"}),
            "Be \"brief\".",
        ),
        (
            json!({"llm.request.type": "chat", "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be brief.",
                "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": "hi"}),
            "Be brief.",
        ),
        (
            json!({"ai.operationId": "ai.generateText", "ai.prompt": r#"{"system":"Be brief.","messages":[]}"#}),
            "Be brief.",
        ),
        (
            json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages":
                r#"[{"role":"system","parts":[{"type":"text","content":"One."}]},{"role":"developer","content":"Two."},{"role":"user","content":"hi"}]"#}),
            r#"["One.","Two."]"#,
        ),
        (
            json!({"gen_ai.operation.name": "chat", "gen_ai.system_instructions": "Own.",
                "gen_ai.input.messages": r#"[{"role":"system","content":"Other."}]"#}),
            "Own.",
        ),
        (json!({"gen_ai.operation.name": "chat", "gen_ai.input.messages": r#"[{"role":"user","content":"hi"}]"#}), ""),
    ] {
        let (_, bodies) = told(&case("", "chat", attributes.clone(), "", [""; 2]));
        assert_eq!(body(&bodies, Role::System), expected, "{attributes}");
    }
}

#[test]
fn what_no_span_can_be_is_told() {
    let usage = |tokens: i64| {
        let usage = json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 2});
        told(&case("", "chat", usage, "", [""; 2])).0
    };
    // It is shown as it was reported, and counts nowhere.
    let event = usage(1 << 62);
    let words = "4611686018427387906 tokens are more than a call can take: none of them count";
    assert_eq!((event.attribute("usage_mismatch"), &event.usage), (Some(words), &None));
    assert_eq!(event.attribute("reported_usage.input"), Some("4611686018427387904"));
    let event = usage(-4);
    assert_eq!(event.attribute("usage_mismatch"), Some("no count: gen_ai.usage.input_tokens is -4"));
    assert_eq!(event.usage.map(|usage| (usage.input, usage.output)), Some((None, Some(2))));
    let (trace, span) = ("5b".repeat(16), "ee".repeat(8));
    let backwards = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": trace, "spanId": span, "name": "x", "startTimeUnixNano": "1772445603000000000",
        "endTimeUnixNano": "1772445600500000000",
    }]}]}]});
    let decoded = decode(backwards.to_string().as_bytes(), Encoding::Json, Signal::Traces).expect("decodes");
    let event = &decoded.elements[0].drafts[0].event;
    assert_eq!(event.attribute("time_out_of_range"), Some("it ended 2.500000 s before it began"));
    assert_eq!(event.latency, None);
}

#[test]
fn a_time_in_another_unit_stays_and_is_told() {
    for (written, told) in [
        (
            "1764000000",
            "1764000000 ns is 1970-01-01T00:00:01.764000Z, before the year 2000; it may be counted in seconds",
        ),
        (
            "1764000000000",
            "1764000000000 ns is 1970-01-01T00:29:24.000000Z, before the year 2000; it may be counted in milliseconds",
        ),
        (
            "1764000000000000",
            "1764000000000000 ns is 1970-01-21T10:00:00.000000Z, before the year 2000; it may be counted in microseconds",
        ),
        ("5", "5 ns is 1970-01-01T00:00:00.000000Z, before the year 2000"),
    ] {
        let (_, mut early) = span(1, 0, 0, "chat", &json!({}));
        early["startTimeUnixNano"] = json!(written);
        let decoded = decode(&request(Signal::Traces, &[&early]), Encoding::Json, Signal::Traces).expect("decodes");
        let event = &decoded.elements[0].drafts[0].event;
        let micros = written.parse::<i64>().expect("a number") / 1000;
        assert_eq!((event.attribute("time_out_of_range"), event.at.map(|at| at.0)), (Some(told), Some(micros)));
    }
    let (_, now) = span(1, 0, 0, "chat", &json!({}));
    let decoded = decode(&request(Signal::Traces, &[&now]), Encoding::Json, Signal::Traces).expect("decodes");
    assert_eq!(decoded.elements[0].drafts[0].event.attribute("time_out_of_range"), None);
}

#[test]
fn who_sent_spans_and_what_they_say_is_told_where_it_is_not_understood() {
    let (_, mut one) = span(1, 0, 0, "chat", &json!({}));
    (one["attributes"], one["status"]) = (json!("x"), json!(7));
    let (_, two) = span(2, 0, 0, "chat", &json!({}));
    let groups = json!([
        {"resource": "shop", "scopeSpans": [{"scope": 5, "spans": [one, two]}]},
        {"resource": null, "scopeSpans": [{"scope": null, "spans": [two]}]},
    ]);
    let body = json!({"resourceSpans": groups}).to_string();
    let decoded = decode(body.as_bytes(), Encoding::Json, Signal::Traces).expect("decodes");
    let told = |place: usize| decoded.elements[place].drafts[0].event.attribute("not_understood");
    let of_sender = "its resource is no object; its scope is no object";
    let all = format!("{of_sender}; its attributes are neither a list nor an object; its status is 7");
    assert_eq!((decoded.rejected, told(0), told(1), told(2)), (0, Some(all.as_str()), Some(of_sender), None));
    // Who sent it does not make it another span.
    assert_eq!(decoded.elements[1].content, decoded.elements[2].content);
}

#[test]
fn more_cached_tokens_than_input_are_told_as_the_guess_that_they_are() {
    let usage = |more: Value| {
        let mut attributes = json!({"gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 2});
        attributes.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let (event, _) = told(&case("", "chat", attributes, "", [""; 2]));
        let usage = event.usage.clone().expect("usage");
        (usage.input, usage.cache_read, event.attribute("usage_mismatch").map(str::to_owned))
    };
    let inside = json!({"gen_ai.usage.input_tokens": 60, "gen_ai.usage.cache_read.input_tokens": 50});
    assert_eq!(usage(inside), (Some(10), Some(50), None));
    let beside = json!({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read.input_tokens": 50});
    let words = "50 cached of 5 input: taken to stand beside it".to_owned();
    assert_eq!(usage(beside), (Some(5), Some(50), Some(words)));
}
