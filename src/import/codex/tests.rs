//! Codex's records, one small case for each thing that a reader must not lose.

use crate::domain::{Event, KeyKind, Kind, Phase, Role, flag};
use crate::import::corpus::{assert_same_in_parts, read_text};
use crate::import::{Draft, Reader};

fn wrapped(kind: &str, payload: &str) -> String {
    format!(r#"{{"timestamp":"2026-03-02T10:00:00.000Z","type":"{kind}","payload":{{{payload}}}}}"#)
}

fn item(payload: &str) -> String {
    wrapped("response_item", payload)
}

fn notice(payload: &str) -> String {
    wrapped("event_msg", payload)
}

fn meta() -> String {
    wrapped(
        "session_meta",
        r#""id":"thread-1","cwd":"/home/me/shop","cli_version":"0.140.0","model_provider":"openai","git":{"branch":"main"},"base_instructions":{"text":"Be good."},"dynamic_tools":[{"name":"t"}]"#,
    )
}

fn said(role: &str, text: &str) -> String {
    let part = if role == "assistant" { "output_text" } else { "input_text" };
    item(&format!(r#""type":"message","role":"{role}","content":[{{"type":"{part}","text":"{text}"}}]"#))
}

fn total(input: i64, cached: i64, output: i64, reasoning: i64) -> String {
    let counts = format!(
        r#"{{"input_tokens":{input},"cached_input_tokens":{cached},"output_tokens":{output},"reasoning_output_tokens":{reasoning},"total_tokens":{}}}"#,
        input + output
    );
    notice(&format!(r#""type":"token_count","info":{{"total_token_usage":{counts}}}"#))
}

fn call(id: &str) -> String {
    item(&format!(r#""type":"function_call","name":"exec_command","call_id":"{id}","arguments":"{{\"cmd\":\"ls\"}}""#))
}

fn output(id: &str, text: &str) -> String {
    item(&format!(r#""type":"function_call_output","call_id":"{id}","output":"{text}""#))
}

fn read(records: &[String]) -> (Vec<Draft>, Box<dyn Reader>) {
    let text = records.join("\n");
    assert_same_in_parts("/tmp/rollout.jsonl", &text);
    read_text("/tmp/rollout.jsonl", &text)
}

fn events(records: &[String]) -> Vec<Event> {
    read(records).0.into_iter().map(|draft| draft.event).collect()
}

fn shown(events: &[Event]) -> Vec<(Kind, &str, &str)> {
    events.iter().map(|event| (event.kind, event.event_type.as_str(), event.label.as_str())).collect()
}

/// A turn of two calls, the first of which runs a tool that fails.
fn rollout() -> [String; 15] {
    [
        meta(),
        notice(r#""type":"task_started","turn_id":"turn-1""#),
        wrapped("turn_context", r#""turn_id":"turn-1","model":"gpt-5","effort":"high","trace_id":"tr-1""#),
        said("user", "List the files"),
        notice(r#""type":"user_message","message":"List the files""#),
        item(r#""type":"reasoning","summary":[],"encrypted_content":"x""#),
        notice(r#""type":"agent_message","message":"I look.""#),
        said("assistant", "I look."),
        call("c1"),
        notice(
            r#""type":"exec_command_end","call_id":"c1","command":["bash","-lc","ls"],"exit_code":2,"duration":{"secs":1,"nanos":500000000},"aggregated_output":"no""#,
        ),
        output("c1", r"Chunk ID: x\nWall time: 1.5 seconds\nProcess exited with code 2\nOutput:\nno"),
        total(100, 60, 30, 10),
        said("assistant", "Nothing there."),
        total(250, 160, 40, 10),
        notice(r#""type":"task_complete","turn_id":"turn-1","duration_ms":1200,"last_agent_message":"Nothing there.""#),
    ]
}

#[test]
fn a_rollout_gives_calls_with_their_items_tools_and_tokens() {
    let found = events(&rollout());
    let models: Vec<_> = found.iter().filter(|event| event.kind == Kind::Model).collect();
    let turns: Vec<_> = models.iter().map(|event| event.turn.as_deref().unwrap_or_default()).collect();
    let first = ["model:thread-1:1"; 5];
    assert_eq!(turns[..5], first);
    assert_eq!(turns[5..], ["model:thread-1:2"; 2]);
    assert_eq!(models[0].label, "hidden reasoning");
    assert_eq!((models[0].model.as_deref(), models[0].provider.as_deref()), (Some("gpt-5"), Some("openai")));
    let usage = models[4].usage.as_ref().expect("usage");
    assert_eq!(
        (usage.input, usage.cache_read, usage.output, usage.reasoning),
        (Some(40), Some(60), Some(20), Some(10))
    );
    let usage = models[6].usage.as_ref().expect("usage");
    assert_eq!(
        (usage.input, usage.cache_read, usage.output, usage.reasoning),
        (Some(50), Some(100), Some(10), Some(0))
    );
    let request = models[6].keys.iter().find(|key| key.kind == KeyKind::Request).expect("derived");
    assert_eq!((request.value.as_str(), request.rule.as_deref()), ("turn-1:2", Some("codex.turn_ordinal")));
    let tools: Vec<_> = found.iter().filter(|event| event.kind == Kind::Tool).collect();
    assert!(tools.iter().all(|event| event.turn.as_deref() == Some("tool:c1")));
    let phases: Vec<_> = tools.iter().map(|event| event.phase).collect();
    assert_eq!(phases, [Phase::Call, Phase::Part, Phase::Result]);
    assert_eq!((tools[0].label.as_str(), tools[0].id.as_str()), ("exec_command ls", "#call"));
    assert_eq!((tools[1].latency, tools[1].has(flag::TWIN)), (Some(1_500_000), true));
    assert_eq!((tools[2].status.as_deref(), tools[2].error.as_deref()), (Some("error"), Some("no")));
}

#[test]
fn the_session_is_described_by_its_first_meta_and_named_by_its_first_prompt() {
    let copied = wrapped("session_meta", r#""id":"thread-0","cwd":"/elsewhere""#);
    let records =
        [meta(), copied, said("user", "<environment_context>x</environment_context>"), said("user", "Fix it")];
    let (drafts, reader) = read(&records);
    let session = reader.sessions().remove(0);
    assert_eq!((session.id.as_str(), session.parent, session.lineage.as_str()), ("thread-1", None, "thread-1"));
    assert_eq!((session.cwd.as_deref(), session.project.as_deref()), (Some("/home/me/shop"), Some("shop")));
    assert_eq!((session.git_branch.as_deref(), session.title.as_deref()), (Some("main"), Some("Fix it")));
    assert!(drafts.iter().all(|draft| draft.event.session == "thread-1"));
    let roles: Vec<_> = drafts[0].bodies.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, [Role::System, Role::Tools]);
    assert_eq!(drafts[2].event.event_type, "context/environment_context");
}

#[test]
fn sub_agents_are_children_and_forks_are_of_the_same_lineage() {
    let open = |payload: &str| events_of_meta(payload);
    let spawned = open(r#""id":"b","source":{"subagent":{"thread_spawn":{"parent_thread_id":"a","depth":1}}}"#);
    assert_eq!((spawned.parent.as_deref(), spawned.lineage.as_str()), (Some("a"), "a"));
    let forked = open(r#""id":"b","forked_from_id":"a""#);
    assert_eq!((forked.parent.as_deref(), forked.lineage.as_str()), (None, "a"));
}

fn events_of_meta(payload: &str) -> crate::domain::Session {
    let (drafts, reader) = read(&[wrapped("session_meta", payload)]);
    assert_eq!(drafts.len(), 1);
    reader.sessions().remove(0)
}

#[test]
fn a_prompt_and_its_notice_share_a_turn_and_the_second_is_the_twin() {
    let records = [
        meta(),
        notice(r#""type":"user_message","message":"One""#),
        said("user", "One"),
        said("user", "Two"),
        notice(r#""type":"user_message","message":"Two""#),
        notice(r##""type":"user_message","message":"# Context\n\n## My request for Codex:\nThree""##),
    ];
    let found = events(&records);
    let told: Vec<_> = found[1..]
        .iter()
        .map(|event| (event.turn.as_deref().unwrap_or_default(), event.has(flag::TWIN), event.label.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("said:1", false, "One"),
            ("said:1", true, "One"),
            ("said:2", false, "Two"),
            ("said:2", true, "Two"),
            ("said:3", false, "Three"),
        ]
    );
    assert!(found[1..].iter().all(|event| event.kind == Kind::Transcript));
}

#[test]
fn counts_that_repeat_drop_or_are_missing_are_told_apart() {
    let records = [
        meta(),
        total(100, 0, 10, 0),
        total(100, 0, 10, 0),
        total(40, 0, 4, 0),
        notice(r#""type":"token_count","info":null,"rate_limits":{"primary":{"used_percent":12.5}}"#),
        notice(r#""type":"token_count","info":{"last_token_usage":{"input_tokens":7,"output_tokens":1}}"#),
        notice(
            r#""type":"token_count","info":{"total_token_usage":{"input_tokens":50,"output_tokens":5},"last_token_usage":{"input_tokens":9,"output_tokens":1}}"#,
        ),
    ];
    let found = events(&records);
    let totals: Vec<_> = found[1..].iter().map(|event| event.usage.as_ref().and_then(|usage| usage.total())).collect();
    assert_eq!(totals, [Some(110), None, Some(44), None, Some(8), Some(11)]);
    assert_eq!(found[2].attribute("repeat"), Some("true"));
    assert_eq!(found[3].attribute("reset"), Some("true"));
    assert_eq!((found[4].kind, found[4].label.as_str()), (Kind::Other, "limits used: primary 12.5 %"));
    assert_eq!(found[5].usage.as_ref().map(|usage| usage.rule.as_str()), Some("codex.last_token_usage"));
    let differs = found[6].attribute("last_token_usage_differs").expect("noted");
    assert!(differs.starts_with("change input 10") && differs.contains("last input 9"), "{differs}");
}

#[test]
fn a_search_and_its_notice_share_a_turn_though_only_the_notice_has_an_id() {
    let action = r#""action":{"type":"search","query":"rust"}"#;
    let found = events(&[
        meta(),
        notice(&format!(r#""type":"web_search_end","call_id":"ws_1","query":"rust",{action}"#)),
        item(&format!(r#""type":"web_search_call","status":"completed",{action}"#)),
        item(r#""type":"web_search_call","status":"completed","action":{"type":"search","query":"other"}"#),
    ]);
    let turns: Vec<_> = found[1..].iter().map(|event| event.turn.as_deref().unwrap_or_default()).collect();
    assert_eq!(turns, ["tool:ws_1", "tool:ws_1", "tool:thread-1:ws:1"]);
    assert_eq!(found[3].label, "web_search other");
}

#[test]
fn bare_rollouts_without_an_envelope_are_read() {
    let records = [
        r#"{"id":"bare-1","timestamp":"2025-05-01T10:00:00.000Z","instructions":"Be good.","git":{"branch":"dev"}}"#,
        r#"{"record_type":"state"}"#,
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi\u0000"}]}"#,
        r#"{"type":"reasoning","id":"r","summary":[],"content":null,"encrypted_content":null}"#,
        r#"{"type":"function_call","name":"shell","arguments":"{\"command\":[\"ls\"]}","call_id":"c1"}"#,
        r#"{"type":"function_call_output","call_id":"c1","output":"{\"output\":\"a\",\"metadata\":{\"exit_code\":0}}"}"#,
    ]
    .map(|record| format!("{record}\r"));
    let (drafts, reader) = read(&records);
    let session = reader.sessions().remove(0);
    assert_eq!((session.id.as_str(), session.git_branch.as_deref()), ("bare-1", Some("dev")));
    let found: Vec<_> = drafts.iter().map(|draft| draft.event.clone()).collect();
    assert_eq!(
        shown(&found)[1..],
        [
            (Kind::Other, "state", "state"),
            (Kind::Transcript, "message", "Hi\0"),
            (Kind::Model, "reasoning", "hidden reasoning"),
            (Kind::Model, "function_call", "calls shell ls"),
            (Kind::Tool, "function_call", "shell ls"),
            (Kind::Tool, "function_call_output", "a"),
        ]
    );
    assert!(found[0].at.is_some() && found[2].at.is_none());
    assert_eq!(drafts[0].bodies[0].0, Role::System);
}

#[test]
fn the_stream_of_exec_is_read() {
    let records = [
        r#"{"type":"thread.started","thread_id":"t-1"}"#,
        r#"{"type":"turn.started"}"#,
        r#"{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"I look."}}"#,
        r#"{"type":"item.started","item":{"id":"item_1","type":"command_execution","command":"ls","status":"in_progress"}}"#,
        r#"{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"ls","aggregated_output":"a","exit_code":1,"status":"failed"}}"#,
        r#"{"type":"turn.completed","usage":{"input_tokens":10,"cached_input_tokens":4,"output_tokens":3}}"#,
    ]
    .map(str::to_owned);
    let (drafts, reader) = read(&records);
    assert_eq!(reader.sessions()[0].id, "t-1");
    let found: Vec<_> = drafts.into_iter().map(|draft| draft.event).collect();
    assert_eq!((found[2].kind, found[2].label.as_str()), (Kind::Model, "I look."));
    assert_eq!((found[3].phase, found[4].phase), (Phase::Call, Phase::Result));
    assert!(found[4].has(flag::ERROR));
    assert_eq!(found[5].usage.as_ref().and_then(|usage| usage.total()), Some(13));
    assert!(found.iter().all(|event| !event.has(flag::UNKNOWN)));
}

#[test]
fn calls_without_an_id_are_paired_in_order_and_say_so() {
    let found = events(&[
        meta(),
        item(r#""type":"tool_call","function":{"name":"run"},"arguments":{"command":"ls"}"#),
        item(r#""type":"tool_result","name":"run","result":{"stdout":"a","exitCode":1}"#),
    ]);
    assert_eq!(found[2].turn, found[3].turn);
    let key = found[3].keys.iter().find(|key| key.kind == KeyKind::ToolCall).expect("derived");
    assert_eq!(key.rule.as_deref(), Some("codex.tool_order"));
    assert!(found[3].has(flag::ERROR));
}

#[test]
fn what_is_not_known_or_went_wrong_is_kept_and_said() {
    let found = events(&[
        meta(),
        wrapped("future_record", r#""note":"new""#),
        item(r#""type":"hologram","text":"odd""#),
        notice(r#""type":"error","message":"limit reached""#),
        notice(r#""type":"turn_aborted","reason":"interrupted""#),
        wrapped("compacted", r#""message":"so far","replacement_history":[{},{}]"#),
        "[1]".to_owned(),
    ]);
    assert_eq!(
        shown(&found)[1..],
        [
            (Kind::Other, "future_record", "new"),
            (Kind::Other, "hologram", "odd"),
            (Kind::Other, "error", "limit reached"),
            (Kind::Other, "turn_aborted", "turn aborted: interrupted"),
            (Kind::Other, "compacted", "compacted to 2 items so far"),
            (Kind::Other, "record", ""),
        ]
    );
    assert!(found[1].has(flag::UNKNOWN) && found[2].has(flag::UNKNOWN) && found[6].has(flag::UNKNOWN));
    assert!(found[3].has(flag::ERROR) && !found[4].has(flag::ERROR));
}
