//! A case of our own for every row of the table of routes: what such a span or log record says, and what it becomes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::dialect::{ANY_LOG, ANY_SPAN, ROUTES};
use super::{Encoding, Signal, decode};
use crate::domain::{Event, KeyKind, Role};

/// The rule, the name of the span or record, its attributes, and what it becomes.
pub(super) struct Case {
    rule: &'static str,
    name: &'static str,
    attributes: Value,
    /// Kind, type, label, model, tool, tokens, calls that it names, and status.
    becomes: &'static str,
    /// What went in and what came out.
    bodies: [&'static str; 2],
}

pub(super) fn case(
    rule: &'static str,
    name: &'static str,
    attributes: Value,
    becomes: &'static str,
    bodies: [&'static str; 2],
) -> Case {
    Case { rule, name, attributes, becomes, bodies }
}

fn attributes(pairs: &Value) -> Value {
    let wrap = |value: &Value| match value {
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(number) => json!({"doubleValue": number}),
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().map(|item| json!({"stringValue": item})).collect();
            json!({"arrayValue": {"values": items}})
        }
        other => json!({"stringValue": other}),
    };
    let pairs = pairs.as_object().expect("an object").iter();
    pairs.map(|(key, value)| json!({"key": key, "value": wrap(value)})).collect()
}

/// The first event of a span or log record with these attributes, and its bodies.
pub(super) fn told(case: &Case) -> (Event, Vec<(Role, Vec<u8>)>) {
    let is_log = ROUTES
        .iter()
        .chain([&ANY_LOG])
        .any(|route| route.signal == Signal::Logs && format!("{}.{}", route.dialect.name, route.rule) == case.rule);
    let ids = json!({"traceId": "5b".repeat(16), "spanId": "ee".repeat(8), "attributes": attributes(&case.attributes)});
    let mut element = ids;
    let (signal, request) = if is_log {
        element["eventName"] = json!(case.name);
        element["timeUnixNano"] = json!("1772445600000000000");
        (Signal::Logs, json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [element]}]}]}))
    } else {
        element["name"] = json!(case.name);
        element["startTimeUnixNano"] = json!("1772445600000000000");
        element["endTimeUnixNano"] = json!("1772445600250000000");
        (Signal::Traces, json!({"resourceSpans": [{"scopeSpans": [{"spans": [element]}]}]}))
    };
    let mut decoded = decode(request.to_string().as_bytes(), Encoding::Json, signal).expect("decodes");
    assert_eq!(decoded.rejected, 0, "{}: {:?}", case.rule, decoded.reasons);
    let draft = decoded.elements.remove(0).drafts.remove(0);
    (draft.event, draft.own)
}

fn outline(event: &Event) -> String {
    let calls: Vec<&str> = event.values(KeyKind::ToolCall).collect();
    let total = event.usage.as_ref().and_then(|usage| usage.total());
    [
        event.kind.name().to_owned(),
        event.event_type.clone(),
        event.label.clone(),
        event.model.clone().unwrap_or_default(),
        event.tool.clone().unwrap_or_default(),
        total.map(|total| total.to_string()).unwrap_or_default(),
        calls.join(" "),
        event.status.clone().unwrap_or_default(),
    ]
    .join(" | ")
}

pub(super) fn body(bodies: &[(Role, Vec<u8>)], wanted: Role) -> String {
    let found = bodies.iter().find(|(role, _)| *role == wanted);
    found.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

#[test]
fn every_row_of_the_table_has_a_case_that_is_read_by_it() {
    let cases = cases();
    for case in &cases {
        let (event, bodies) = told(case);
        assert_eq!(event.attribute("convention"), Some(case.rule), "{} {}", case.name, case.attributes);
        assert_eq!(outline(&event), case.becomes, "{}", case.rule);
        assert_eq!([Role::Input, Role::Output].map(|role| body(&bodies, role)), case.bodies, "{}", case.rule);
    }
    let covered: BTreeSet<&str> = cases.iter().map(|case| case.rule).collect();
    let rows = ROUTES.iter().chain([&ANY_SPAN, &ANY_LOG]);
    let missing: Vec<String> = rows
        .map(|route| format!("{}.{}", route.dialect.name, route.rule))
        .filter(|rule| !covered.contains(rule.as_str()))
        .collect();
    assert_eq!(missing, [""; 0], "rows of the table without a case");
}

fn cases() -> Vec<Case> {
    let mut all = spans();
    all.extend(logs());
    all.extend(own());
    all
}

/// What turnscope itself writes.
fn own() -> Vec<Case> {
    let row = |kind: &str, label: &str, status: &str, more: Value| {
        let mut all = json!({
            "turnscope.kind": kind, "turnscope.row": format!("{kind}-1"), "turnscope.label": label,
            "turnscope.event_type": "own", "turnscope.status": status, "turnscope.key.tool_call_id": ["c1"],
        });
        more.as_object().expect("an object").iter().for_each(|(name, value)| all[name] = value.clone());
        all
    };
    let model = json!({
        "gen_ai.operation.name": "chat", "gen_ai.response.model": "m", "gen_ai.input.messages": ASKED,
        "gen_ai.output.messages": ASKED, "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2,
    });
    let tool = json!({
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Bash", "gen_ai.tool.call.id": "c1",
        "gen_ai.tool.call.arguments": "ls", "gen_ai.tool.call.result": "a b",
    });
    let other = json!({ "input.value": "in", "output.value": "out" });
    vec![
        case(
            "turnscope.transcript",
            "own",
            row("transcript", "hi", "user", json!({"gen_ai.prompt": "hi"})),
            "transcript | own | hi |  |  |  | c1 | user",
            ["hi", ""],
        ),
        case(
            "turnscope.model",
            "chat m",
            row("model", "hello", "completed", model),
            "model | own | hello | m |  | 7 | c1 | completed",
            [ASKED, ASKED],
        ),
        case(
            "turnscope.tool",
            "execute_tool Bash",
            row("tool", "ls", "received", tool),
            "tool | own | ls |  | Bash |  | c1 | received",
            ["ls", "a b"],
        ),
        case(
            "turnscope.trace",
            "own",
            row("trace", "queued", "queued", other.clone()),
            "trace | own | queued |  |  |  | c1 | queued",
            ["in", "out"],
        ),
        case(
            "turnscope.task",
            "own",
            row("task", "plan", "succeeded", other.clone()),
            "task | own | plan |  |  |  | c1 | succeeded",
            ["in", "out"],
        ),
        case(
            "turnscope.other",
            "own",
            row("other", "title", "created", other),
            "other | own | title |  |  |  | c1 | created",
            ["in", "out"],
        ),
    ]
}

const ASKED: &str = r#"[{"role":"user","content":"hi"}]"#;

fn spans() -> Vec<Case> {
    vec![
        case(
            "openllmetry.task",
            "plan",
            json!({"gen_ai.task.id": "t1", "gen_ai.task.name": "plan"}),
            "task | plan | plan |  |  |  |  | ok",
            ["", ""],
        ),
        case(
            "ai_sdk.call",
            "ai.generateText.doGenerate",
            json!({"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "m", "ai.prompt.messages": ASKED, "ai.response.text": "hello", "ai.response.toolCalls": r#"[{"toolCallType":"function","toolCallId":"c1","toolName":"ls","args":"{}"}]"#, "ai.usage.promptTokens": 5, "ai.usage.completionTokens": 2}),
            "model | ai.generatetext.dogenerate | hello | m |  | 7 | c1 | ok",
            [
                r#"[{"role":"user","content":"hi"}]"#,
                r#"{"text":"hello","toolCalls":[{"toolCallType":"function","toolCallId":"c1","toolName":"ls","args":"{}"}]}"#,
            ],
        ),
        case(
            "ai_sdk.call_by_name",
            "ai.streamText.doStream",
            json!({"ai.response.text": "hello", "ai.usage.inputTokens": 5, "ai.usage.outputTokens": 2}),
            "model | span | hello |  |  | 7 |  | ok",
            ["", "hello"],
        ),
        case(
            "ai_sdk.tool",
            "ai.toolCall",
            json!({"ai.operationId": "ai.toolCall", "ai.toolCall.name": "ls", "ai.toolCall.id": "c1", "ai.toolCall.args": r#"{"path":"x"}"#, "ai.toolCall.result": "[]"}),
            "tool | ai.toolcall | ls x |  | ls |  | c1 | ok",
            [r#"{"path":"x"}"#, "[]"],
        ),
        case(
            "ai_sdk.tool_by_name",
            "ai.toolCall",
            json!({"ai.toolCall.name": "ls", "ai.toolCall.id": "c1"}),
            "tool | span | ls |  | ls |  | c1 | ok",
            ["", ""],
        ),
        case(
            "ai_sdk.outer",
            "ai.generateText",
            json!({"ai.operationId": "ai.generateText", "ai.prompt": "hi", "ai.response.text": "hello", "ai.usage.inputTokens": 5}),
            "trace | ai.generatetext | ai.generateText |  |  |  |  | ok",
            ["hi", "hello"],
        ),
        case(
            "livekit.tool",
            "function_tool",
            json!({"lk.function_tool.name": "set_light", "lk.function_tool.id": "c1", "lk.pii.function_tool.arguments": r#"{"on":true}"#, "lk.pii.function_tool.output": "done", "lk.function_tool.is_error": true}),
            "tool | span | set_light |  | set_light |  | c1 | error",
            [r#"{"on":true}"#, "done"],
        ),
        case(
            "livekit.llm",
            "llm_request",
            json!({"gen_ai.request.model": "m", "lk.pii.chat_ctx": ASKED, "lk.pii.response.text": "hello", "lk.response.ttft": 0.25, "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2, "gen_ai.usage.input_cached_tokens": 3}),
            "model | span | hello | m |  | 7 |  | ok",
            [r#"[{"role":"user","content":"hi"}]"#, "hello"],
        ),
        case(
            "livekit.other",
            "user_turn",
            json!({"lk.pii.user_transcript": "lights on", "lk.transcript_confidence": 0.9}),
            "trace | span | user_turn |  |  |  |  | ok",
            ["", ""],
        ),
        case(
            "openinference.tool",
            "search",
            json!({"openinference.span.kind": "RETRIEVER", "input.value": "q", "output.value": "r", "tool.name": "search"}),
            "tool | retriever | search |  | search |  |  | ok",
            ["q", "r"],
        ),
        case(
            "openinference.model",
            "ChatOpenAI",
            json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "hi", "llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1", "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "ls", "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}", "llm.token_count.prompt": 5, "llm.token_count.completion": 2}),
            "model | llm | calls ls | m |  | 7 | c1 | ok",
            [
                r#"[{"message":{"role":"user","content":"hi"}}]"#,
                r#"[{"message":{"role":"assistant","tool_calls":[{"tool_call":{"id":"c1","function":{"name":"ls","arguments":"{}"}}}]}}]"#,
            ],
        ),
        case(
            "openinference.outer",
            "agent",
            json!({"openinference.span.kind": "AGENT", "input.value": "hi", "output.value": "hello"}),
            "trace | agent | agent |  |  |  |  | ok",
            ["hi", "hello"],
        ),
        case(
            "gen_ai.tool",
            "execute_tool ls",
            json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.id": "c1", "gen_ai.tool.call.arguments": r#"{"path":"x"}"#, "gen_ai.tool.call.result": "[]"}),
            "tool | execute_tool | ls x |  | ls |  | c1 | ok",
            [r#"{"path":"x"}"#, "[]"],
        ),
        case(
            "gen_ai.model",
            "chat m",
            json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.input.messages": ASKED, "gen_ai.output.messages": r#"[{"role":"assistant","parts":[{"type":"text","content":"hello"}]}]"#, "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2}),
            "model | chat | hello | m |  | 7 |  | ok",
            [
                r#"[{"role":"user","content":"hi"}]"#,
                r#"[{"role":"assistant","parts":[{"type":"text","content":"hello"}]}]"#,
            ],
        ),
        case(
            "gen_ai.outer",
            "invoke_agent a",
            json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", "gen_ai.usage.input_tokens": 5}),
            "trace | invoke_agent | invoke_agent a |  |  |  |  | ok",
            ["", ""],
        ),
        case(
            "mcp.tool",
            "tools/call ls",
            json!({"mcp.method.name": "tools/call", "gen_ai.tool.name": "ls", "mcp.session.id": "s", "jsonrpc.request.id": "1"}),
            "tool | span | ls |  | ls |  |  | ok",
            ["", ""],
        ),
        case(
            "openllmetry.tool",
            "ls.tool",
            json!({"traceloop.span.kind": "tool", "traceloop.entity.name": "ls", "traceloop.entity.input": "{}", "traceloop.entity.output": "[]"}),
            "tool | tool | ls |  | ls |  |  | ok",
            ["{}", "[]"],
        ),
        case(
            "openllmetry.model",
            "openai.chat",
            json!({"llm.request.type": "chat", "gen_ai.request.model": "m", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "hi", "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "hello", "gen_ai.usage.prompt_tokens": 5, "gen_ai.usage.completion_tokens": 2}),
            "model | chat | hello | m |  | 7 |  | ok",
            [r#"[{"role":"user","content":"hi"}]"#, r#"[{"role":"assistant","content":"hello"}]"#],
        ),
        case(
            "openllmetry.outer",
            "run.workflow",
            json!({"traceloop.span.kind": "workflow", "traceloop.workflow.name": "run", "traceloop.entity.input": "{}"}),
            "trace | workflow | run.workflow |  |  |  |  | ok",
            ["{}", ""],
        ),
        case(
            "openllmetry.prompt",
            "completion",
            json!({"gen_ai.prompt.0.content": "hi", "gen_ai.completion.0.content": "hello"}),
            "model | span | hello |  |  |  |  | ok",
            [r#"[{"content":"hi"}]"#, r#"[{"content":"hello"}]"#],
        ),
        case(
            "gen_ai.before_operations",
            "openai.call",
            json!({"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5}),
            "model | span | openai.call | m |  | 5 |  | ok",
            ["", ""],
        ),
        case(
            "gen_ai.messages",
            "call",
            json!({"gen_ai.request.model": "m", "gen_ai.output.messages": ASKED}),
            "model | span | hi | m |  |  |  | ok",
            ["", r#"[{"role":"user","content":"hi"}]"#],
        ),
        case(
            "otel.span",
            "GET /",
            json!({"http.request.method": "GET"}),
            "trace | span | GET / |  |  |  |  | ok",
            ["", ""],
        ),
    ]
}

fn logs() -> Vec<Case> {
    vec![
        case(
            "gen_ai.message",
            "gen_ai.user.message",
            json!({"content": "hi"}),
            "model | gen_ai.user.message | hi |  |  |  |  | ",
            [r#"{"role":"user","content":"hi"}"#, ""],
        ),
        case(
            "gen_ai.content_prompt",
            "gen_ai.content.prompt",
            json!({"gen_ai.prompt": "hi"}),
            "model | gen_ai.content.prompt | hi |  |  |  |  | ",
            [r#"{"gen_ai.prompt":"hi"}"#, ""],
        ),
        case(
            "gen_ai.choice",
            "gen_ai.choice",
            json!({"index": 0, "message": r#"{"role":"assistant","content":"hello"}"#}),
            "model | gen_ai.choice | hello |  |  |  |  | ",
            ["", r#"{"index":0,"message":{"role":"assistant","content":"hello"}}"#],
        ),
        case(
            "gen_ai.details",
            "gen_ai.client.inference.operation.details",
            json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.input.messages": ASKED, "gen_ai.output.messages": r#"[{"role":"assistant","content":"hello"}]"#}),
            "model | gen_ai.client.inference.operation.details | hello | m |  |  |  | ",
            [r#"[{"role":"user","content":"hi"}]"#, r#"[{"role":"assistant","content":"hello"}]"#],
        ),
        case(
            "claude_code.prompt",
            "claude_code.user_prompt",
            json!({"session.id": "s", "prompt": "fix it", "prompt_length": 6}),
            "transcript | claude_code.user_prompt | fix it |  |  |  |  | ",
            ["fix it", ""],
        ),
        case(
            "claude_code.api_request",
            "claude_code.api_request",
            json!({"session.id": "s", "model": "claude-x", "input_tokens": 5, "output_tokens": 2, "cache_read_tokens": 40, "cache_creation_tokens": 3, "cost_usd": 0.01, "duration_ms": 900}),
            "model | claude_code.api_request | claude_code.api_request | claude-x |  | 50 |  | ",
            ["", ""],
        ),
        case(
            "claude_code.api_error",
            "claude_code.api_error",
            json!({"session.id": "s", "model": "claude-x", "error": "overloaded", "attempt": 2}),
            "model | claude_code.api_error | claude_code.api_error | claude-x |  |  |  | error",
            ["", ""],
        ),
        case(
            "claude_code.tool",
            "claude_code.tool_result",
            json!({"session.id": "s", "tool_name": "Bash", "success": "true", "duration_ms": 12, "tool_parameters": r#"{"command":"ls"}"#}),
            "tool | claude_code.tool_result | Bash ls |  | Bash |  |  | ",
            [r#"{"command":"ls"}"#, ""],
        ),
        case(
            "codex.prompt",
            "codex.user_prompt",
            json!({"conversation.id": "s", "prompt": "fix it"}),
            "transcript | codex.user_prompt | fix it |  |  |  |  | ",
            ["fix it", ""],
        ),
        case(
            "codex.answer",
            "codex.sse_event",
            json!({"event.kind": "response.completed", "conversation.id": "s", "model": "gpt-x", "input_token_count": 50, "cached_token_count": 40, "output_token_count": 2, "reasoning_token_count": 1}),
            "model | codex.sse_event | codex.sse_event | gpt-x |  | 52 |  | ",
            ["", ""],
        ),
        case(
            "codex.tool",
            "codex.tool_result",
            json!({"conversation.id": "s", "tool_name": "shell", "call_id": "c1", "arguments": r#"{"command":["ls"]}"#, "output": "a.txt", "success": "true", "duration_ms": 12}),
            "tool | codex.tool_result | shell ls |  | shell |  | c1 | ",
            [r#"{"command":["ls"]}"#, "a.txt"],
        ),
        case(
            "gemini_cli.prompt",
            "gemini_cli.user_prompt",
            json!({"session.id": "s", "prompt": "fix it"}),
            "transcript | gemini_cli.user_prompt | fix it |  |  |  |  | ",
            ["fix it", ""],
        ),
        case(
            "gemini_cli.answer",
            "gemini_cli.api_response",
            json!({"session.id": "s", "model": "gemini-x", "input_token_count": 50, "cached_content_token_count": 40, "output_token_count": 2, "thoughts_token_count": 1, "total_token_count": 53, "duration_ms": 9}),
            "model | gemini_cli.api_response | gemini_cli.api_response | gemini-x |  | 53 |  | ",
            ["", ""],
        ),
        case(
            "gemini_cli.api_error",
            "gemini_cli.api_error",
            json!({"session.id": "s", "model": "gemini-x", "error": "quota", "duration_ms": 9}),
            "model | gemini_cli.api_error | gemini_cli.api_error | gemini-x |  |  |  | error",
            ["", ""],
        ),
        case(
            "gemini_cli.tool",
            "gemini_cli.tool_call",
            json!({"session.id": "s", "function_name": "ls", "function_args": r#"{"path":"x"}"#, "success": true, "duration_ms": 3}),
            "tool | gemini_cli.tool_call | ls x |  | ls |  |  | ",
            [r#"{"path":"x"}"#, ""],
        ),
        case("otel.log", "startup", json!({"version": "1"}), "trace | startup | startup |  |  |  |  | ", ["", ""]),
    ]
}
