//! Claude Code's records, one small case for each thing that a reader must not lose.

use crate::domain::{Event, KeyKind, Kind, Phase, Role, Session, flag};
use crate::import::corpus::{assert_same_in_parts, read_text};
use crate::import::{Draft, Reader};

const SESSION: &str = "0a1b2c3d-4e5f-4061-8071-2a3b4c5d6e7f";

/// A record with the members that all of them share.
fn record(members: &str) -> String {
    format!(r#"{{"sessionId":"{SESSION}","timestamp":"2026-03-02T10:00:00.000Z",{members}}}"#)
}

fn read(records: &[String]) -> (Vec<Draft>, Box<dyn Reader>) {
    let text = records.join("\n");
    let path = format!("/tmp/{SESSION}.jsonl");
    assert_same_in_parts(&path, &text);
    read_text(&path, &text)
}

fn events(records: &[String]) -> Vec<Event> {
    read(records).0.into_iter().map(|draft| draft.event).collect()
}

fn session(path: &str, records: &[String]) -> Session {
    read_text(path, &records.join("\n")).1.sessions().remove(0)
}

fn body(records: &[String], place: usize, role: Role) -> Vec<String> {
    let text = records.join("\n");
    let (drafts, _) = read_text("/tmp/x.jsonl", &text);
    let ranges = drafts[place].bodies.iter().filter(|(known, _)| *known == role);
    ranges.map(|(_, range)| text[range.start as usize..range.end as usize].to_owned()).collect()
}

fn conversation() -> Vec<String> {
    vec![
        record(
            r#""type":"user","uuid":"u1","parentUuid":null,"cwd":"/home/me/shop","gitBranch":"main","version":"2.1.0","message":{"role":"user","content":"List the files"}"#,
        ),
        record(
            r#""type":"assistant","uuid":"a1","parentUuid":"u1","version":"2.1.0","requestId":"req_1","message":{"id":"msg_1","model":"claude-opus-4","content":[{"type":"text","text":"I look."}],"usage":{"input_tokens":3,"output_tokens":1,"cache_read_input_tokens":10,"cache_creation_input_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":99}}}"#,
        ),
        record(
            r#""type":"assistant","uuid":"a2","parentUuid":"a1","requestId":"req_1","message":{"id":"msg_1","model":"claude-opus-4","content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"ls -la","timeout":5}},{"type":"tool_use","id":"toolu_2","name":"Read","input":{"file_path":"/a"}}],"usage":{"input_tokens":3,"output_tokens":50}}"#,
        ),
        record(
            r#""type":"user","uuid":"r1","parentUuid":"a2","sourceToolAssistantUUID":"a2","toolUseResult":{"stdout":"a.txt"},"message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"a.txt"},{"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"no such file"}],"is_error":true}]}"#,
        ),
    ]
}

#[test]
fn a_conversation_becomes_prompts_answers_calls_and_results() {
    let found = events(&conversation());
    let shown: Vec<_> = found.iter().map(|event| (event.kind, event.id.as_str(), event.label.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Kind::Transcript, "u1", "List the files"),
            (Kind::Model, "a1", "I look."),
            (Kind::Model, "a2", "calls Bash, Read"),
            (Kind::Tool, "a2#call:toolu_1", "Bash ls -la"),
            (Kind::Tool, "a2#call:toolu_2", "Read /a"),
            (Kind::Tool, "r1#result:toolu_1", "a.txt"),
            (Kind::Tool, "r1#result:toolu_2", "no such file"),
        ]
    );
    let turns: Vec<_> = found.iter().map(|event| (event.turn.as_deref(), event.phase)).collect();
    assert_eq!(turns[0], (None, Phase::Whole));
    assert_eq!(turns[1..3], [(Some("model:msg_1"), Phase::Part); 2]);
    assert_eq!(turns[3], (Some("tool:toolu_1"), Phase::Call));
    assert_eq!(turns[5], (Some("tool:toolu_1"), Phase::Result));
    assert_eq!(found[5].status.as_deref(), Some("ok"));
    assert!(found[6].has(flag::ERROR) && found[6].error.as_deref() == Some("no such file"));
}

#[test]
fn every_event_has_the_keys_of_its_record_and_the_prompt_above_it() {
    for event in events(&conversation()) {
        assert_eq!(event.values(KeyKind::Session).collect::<Vec<_>>(), [SESSION]);
        let prompt = event.keys.iter().find(|key| key.kind == KeyKind::Intent).expect("a prompt");
        assert_eq!((prompt.value.as_str(), prompt.rule.as_deref()), ("u1", Some("claude.prompt_ancestor")));
        if event.kind == Kind::Model {
            assert_eq!(event.values(KeyKind::Message).chain(event.values(KeyKind::Request)).count(), 2);
            assert_eq!(event.provider.as_deref(), Some("anthropic"));
        }
    }
    let called: Vec<_> = events(&conversation())[2].values(KeyKind::ToolCall).map(str::to_owned).collect();
    assert_eq!(called, ["toolu_1", "toolu_2"]);
}

#[test]
fn the_flat_count_of_cache_writes_wins_and_every_snapshot_is_kept() {
    let found = events(&conversation());
    let first = found[1].usage.as_ref().expect("usage");
    assert_eq!((first.input, first.cache_read, first.cache_write, first.output), (Some(3), Some(10), Some(7), Some(1)));
    assert_eq!(first.rule, "claude.message.usage");
    let last = found[2].usage.as_ref().expect("usage");
    assert_eq!((last.cache_read, last.output, last.reasoning), (None, Some(50), None));
    assert!(found.iter().filter(|event| event.kind == Kind::Tool).all(|event| event.usage.is_none()));
}

#[test]
fn bodies_are_the_bytes_of_their_values() {
    let records = conversation();
    assert_eq!(body(&records[2..3], 1, Role::Input), [r#"{"command":"ls -la","timeout":5}"#]);
    assert_eq!(body(&records[3..4], 0, Role::Output), [r#""a.txt""#]);
    assert_eq!(body(&records[3..4], 0, Role::Metadata), [r#"{"stdout":"a.txt"}"#]);
    assert!(body(&records[3..4], 1, Role::Metadata).is_empty());
}

#[test]
fn the_session_is_named_after_its_prompt_until_something_better_comes() {
    let (_, reader) = read(&conversation());
    let known = reader.sessions().remove(0);
    assert_eq!((known.id.as_str(), known.lineage.as_str(), known.parent), (SESSION, SESSION, None));
    assert_eq!((known.project.as_deref(), known.git_branch.as_deref()), (Some("shop"), Some("main")));
    assert_eq!(known.title.as_deref(), Some("List the files"));
    let mut records = conversation();
    records.push(r#"{"type":"summary","summary":"Of another file","leafUuid":"elsewhere"}"#.to_owned());
    assert_eq!(session("/tmp/x.jsonl", &records).title.as_deref(), Some("List the files"));
    records.push(r#"{"type":"summary","summary":"Files listed","leafUuid":"a2"}"#.to_owned());
    assert_eq!(session("/tmp/x.jsonl", &records).title.as_deref(), Some("Files listed"));
    records.push(record(r#""type":"custom-title","customTitle":"Mine""#));
    records.push(record(r#""type":"ai-title","aiTitle":"Its""#));
    assert_eq!(session("/tmp/x.jsonl", &records).title.as_deref(), Some("Mine"));
}

#[test]
fn a_sub_agents_file_is_a_child_of_the_session_that_its_records_name() {
    let side = |members: &str| record(&format!(r#""isSidechain":true,"agentId":"a77",{members}"#));
    let records = [
        side(r#""type":"user","uuid":"s1","parentUuid":null,"message":{"content":"Search"}"#),
        side(r#""type":"assistant","uuid":"s2","parentUuid":"s1","message":{"content":"Found."}"#),
    ];
    let known = session("/tmp/agent-a77.jsonl", &records);
    assert_eq!(known.id, format!("a77@{SESSION}"));
    assert_eq!((known.parent.as_deref(), known.lineage.as_str()), (Some(SESSION), SESSION));
    let found = events(&records);
    assert_eq!(found[0].participant.as_deref(), Some("parent agent"));
    assert!(!found[0].has(flag::SIDECHAIN), "the whole session is beside the parent's");
    let bare = records.map(|record| record.replace(r#""agentId":"a77","#, ""));
    assert_eq!(session("/tmp/agent-b1.jsonl", &bare).id, format!("b1@{SESSION}"));
    let own = bare.map(|record| record.replace(SESSION, "agent-b1"));
    let beside = session("/tmp/p1/subagents/agent-b1.jsonl", &own);
    assert_eq!((beside.id.as_str(), beside.parent.as_deref()), ("b1@p1", Some("p1")));
}

#[test]
fn a_side_chain_inside_the_main_file_stays_there() {
    let mut records = conversation();
    records.push(record(
        r#""type":"user","uuid":"s1","parentUuid":null,"isSidechain":true,"message":{"content":"Search"}"#,
    ));
    let (drafts, reader) = read(&records);
    assert_eq!(reader.sessions()[0].id, SESSION);
    let last = &drafts.last().expect("there").event;
    assert!(last.has(flag::SIDECHAIN));
    assert_eq!((last.session.as_str(), last.participant.as_deref()), (SESSION, Some("parent agent")));
}

#[test]
fn the_file_name_decides_only_where_the_records_agree() {
    let records = conversation();
    assert_eq!(session("/tmp/renamed.jsonl", &records).id, SESSION);
    assert_eq!(session("/tmp/11111111-2222-4333-8444-555555555555.jsonl", &records).id, SESSION);
    let nameless = [r#"{"type":"summary","summary":"x","leafUuid":"y"}"#.to_owned()];
    assert_eq!(session("/tmp/nameless.jsonl", &nameless).id, "nameless");
}

#[test]
fn odd_contents_are_kept_and_never_stop_a_file() {
    let records = vec![
        record(r#""type":"assistant","message":{"content":null}"#),
        record(r#""type":"assistant","uuid":"a1","message":{"content":["bare",{"type":"hologram"}]}"#),
        record(
            r#""type":"assistant","uuid":"a2","message":{"content":[{"type":"thinking","thinking":"","signature":"x"}]}"#,
        ),
        record(r#""type":"user","uuid":"u1","message":"error""#),
        record(r#""type":"user","uuid":"u2","message":{"contenst":[]}"#),
        record(
            r#""type":"user","uuid":"u3","message":{"content":[{"type":"tool_result","content":"no id"},{"type":"tool_result","content":"no id"}]}"#,
        ),
        record(r#""type":"future_event","uuid":"f1","detail":{"note":"new"}"#),
        record(r#""message":{"usage":{"input_tokens":5}},"requestId":"r""#),
        "42".to_owned(),
        r#""massive error""#.to_owned(),
    ];
    let found = events(&records);
    let shown: Vec<_> = found.iter().map(|event| (event.id.as_str(), event.label.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("", "(no content)"),
            ("a1", "bare"),
            ("a2", "hidden thinking"),
            ("u1", "error"),
            ("u2", "(empty)"),
            ("u3#result:0", "no id"),
            ("u3#result:1", "no id"),
            ("f1", "new"),
            ("", "r"),
            ("", "42"),
            ("", r#""massive error""#),
        ]
    );
    assert!(found[7].has(flag::UNKNOWN) && found[8].has(flag::UNKNOWN) && found[8].usage.is_none());
}

#[test]
fn two_blocks_with_the_same_call_have_different_ids() {
    let call = r#"{"type":"tool_use","id":"t","name":"X","input":{}}"#;
    let with_uuid = record(&format!(r#""type":"assistant","uuid":"a","message":{{"content":[{call},{call}]}}"#));
    let without = record(&format!(r#""type":"assistant","message":{{"content":[{call}]}}"#));
    let ids: Vec<_> = events(&[with_uuid, without]).into_iter().map(|event| event.id).collect();
    assert_eq!(ids, ["a", "a#call:t", "a#call:t#2", "", "#call:t"]);
}

#[test]
fn tools_that_ran_elsewhere_are_calls_and_results_too() {
    let records = [record(
        r#""type":"assistant","uuid":"a","message":{"content":[{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"rust"}},{"type":"web_search_tool_result","tool_use_id":"s1","content":{"type":"web_search_tool_result_error","error_code":"max_uses"}},{"type":"mcp_tool_use","id":"m1","name":"find","server_name":"docs","input":{}},{"type":"mcp_tool_result","tool_use_id":"m1","is_error":false,"content":[{"type":"text","text":"ok"}]}]}"#,
    )];
    let found = events(&records);
    let tools: Vec<_> = found.iter().filter(|event| event.kind == Kind::Tool).collect();
    let shown: Vec<_> =
        tools.iter().map(|event| (event.turn.as_deref(), event.phase, event.has(flag::ERROR))).collect();
    assert_eq!(
        shown,
        [
            (Some("tool:s1"), Phase::Call, false),
            (Some("tool:m1"), Phase::Call, false),
            (Some("tool:s1"), Phase::Result, true),
            (Some("tool:m1"), Phase::Result, false),
        ]
    );
}

#[test]
fn compaction_errors_and_queues_say_what_happened() {
    let records = vec![
        record(r#""type":"user","uuid":"p","message":{"content":"Go"}"#),
        record(
            r#""type":"system","subtype":"compact_boundary","uuid":"c","parentUuid":null,"logicalParentUuid":"p","content":"Conversation compacted","compactMetadata":{"trigger":"auto","preTokens":155000}"#,
        ),
        record(r#""type":"user","uuid":"s","parentUuid":"c","isCompactSummary":true,"message":{"content":"So far"}"#),
        record(
            r#""type":"system","subtype":"api_error","uuid":"e","error":{"status":529,"requestID":"req_9","error":{"error":{"message":"Overloaded"}}},"retryAttempt":1,"maxRetries":10"#,
        ),
        record(
            r#""type":"assistant","uuid":"x","isApiErrorMessage":true,"message":{"id":"m","model":"<synthetic>","content":[{"type":"text","text":"API Error"}]}"#,
        ),
        record(
            r#""type":"queue-operation","operation":"enqueue","content":"and then <tool-use-id>toolu_7</tool-use-id>""#,
        ),
        record(
            r#""type":"user","uuid":"i","message":{"content":[{"type":"text","text":"[Request interrupted by user]"}]}"#,
        ),
    ];
    let found = events(&records);
    let shown: Vec<_> = found.iter().map(|event| (event.event_type.as_str(), event.label.as_str())).collect();
    assert_eq!(shown[1], ("system/compact_boundary", "compacted (auto, 155,000 tokens before)"));
    assert_eq!(shown[2], ("compact_summary", "So far"));
    assert_eq!(shown[3], ("system/api_error", "API error 529: Overloaded (attempt 1 of 10)"));
    assert_eq!(shown[4], ("assistant", "(synthetic) API Error"));
    assert_eq!(shown[5].0, "queue-operation/enqueue");
    assert_eq!(shown[6].0, "interrupted");
    assert_eq!(found[2].values(KeyKind::Intent).collect::<Vec<_>>(), ["p"], "over the compaction");
    assert!(found[3].has(flag::ERROR) && found[4].has(flag::ERROR));
    assert_eq!(found[5].values(KeyKind::ToolCall).collect::<Vec<_>>(), ["toolu_7"]);
}

#[test]
fn a_placeholder_count_and_a_cut_result_are_flagged() {
    let long = "word ".repeat(200);
    let answer = |tokens: u32| {
        record(&format!(
            r#""type":"assistant","uuid":"a{tokens}","message":{{"id":"m{tokens}","content":[{{"type":"text","text":"{long}"}}],"usage":{{"output_tokens":{tokens}}}}}"#
        ))
    };
    let cut = record(
        r#""type":"user","uuid":"r","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"Output too large. Full output saved to: /tmp/x"}]}"#,
    );
    let found = events(&[answer(1), answer(200), cut]);
    assert!(found[0].has(flag::IMPLAUSIBLE_USAGE) && !found[1].has(flag::IMPLAUSIBLE_USAGE));
    assert!(found[2].has(flag::TRUNCATED));
}

#[test]
fn text_among_results_is_an_event_of_its_own() {
    let records = [record(
        r#""type":"user","uuid":"u","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":"x"},{"type":"text","text":"stop here"},{"type":"text","text":"[Request interrupted by user for tool use]"}]}"#,
    )];
    let found = events(&records);
    let shown: Vec<_> = found.iter().map(|event| (event.kind, event.id.as_str(), event.event_type.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Kind::Tool, "u#result:t", "tool_result"),
            (Kind::Transcript, "u", "user"),
            (Kind::Other, "u#part:2", "interrupted"),
        ]
    );
}

#[test]
fn a_sub_agent_inside_its_parents_file_is_tied_to_the_call_with_its_prompt() {
    let call = |id: &str, prompt: &str| {
        record(&format!(
            r#""type":"assistant","uuid":"a{id}","message":{{"id":"m{id}","content":[{{"type":"tool_use","id":"{id}","name":"Task","input":{{"prompt":"{prompt}"}}}}]}}"#
        ))
    };
    let side = |uuid: &str, prompt: &str| {
        record(&format!(
            r#""type":"user","uuid":"{uuid}","parentUuid":null,"isSidechain":true,"message":{{"content":"{prompt}"}}"#
        ))
    };
    let records = [
        call("t1", "look here"),
        call("t2", "look there"),
        call("t3", "twice"),
        call("t4", "twice"),
        side("s2", "look there"),
        side("s1", "look here"),
        side("s3", "twice"),
        side("s4", "never asked"),
    ];
    let found = events(&records);
    let prompts = found.iter().filter(|event| event.kind == Kind::Transcript);
    let calls: Vec<_> = prompts.map(|event| event.values(KeyKind::ToolCall).collect::<Vec<_>>()).collect();
    assert_eq!(calls, [vec!["t2"], vec!["t1"], vec![], vec![]]);
}
