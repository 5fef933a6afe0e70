//! Small sessions of two agents, written by hand after the shape of real ones.

pub const CLAUDE: &str = "5e551011-0000-4000-8000-000000000001";
pub const CODEX: &str = "5e551022-0000-7000-8000-000000000002";

/// The source bytes of the input of the tool call.
pub const TOOL_INPUT: &[u8] = br#"{"command":"ls | wc -l", "description" : "count \u0000 and \ud83d alone"}"#;

/// The source bytes of the tool's output: a NUL escape, a lone surrogate, a byte that is no UTF-8, a line separator.
pub const TOOL_OUTPUT: &[u8] = b"\"12\\n\\u0000\\udc00 \xff \xe2\x80\xa8 \xc2\x9b2J \\u001b[31mred\"";

pub const CALL: &str = "toolu_sample_1";

fn head(uuid: &str, parent: Option<&str>, second: u32) -> String {
    let parent = parent.map_or("null".to_owned(), |parent| format!("\"{parent}\""));
    format!(
        "{{\"parentUuid\":{parent},\"isSidechain\":false,\"userType\":\"external\",\"cwd\":\"/home/ada/blue\",\
         \"sessionId\":\"{CLAUDE}\",\"version\":\"2.1.0\",\"gitBranch\":\"main\",\"uuid\":\"{uuid}\",\
         \"timestamp\":\"2026-03-02T10:00:{second:02}.250Z\","
    )
}

fn glue(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The records of a session in which a tool is called once.
pub fn claude_records() -> Vec<Vec<u8>> {
    let usage = r#""usage":{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":100,"output_tokens":20}"#;
    let message =
        format!(r#""id":"msg_sample_1","type":"message","role":"assistant","model":"claude-sample-1",{usage}"#);
    vec![
        glue(&[
            head("u1", None, 0).as_bytes(),
            r#""type":"user","message":{"role":"user","content":"Count the files, please. Żółw ünïcode"}}"#.as_bytes(),
        ]),
        glue(&[
            head("a1", Some("u1"), 1).as_bytes(),
            format!(r#""type":"assistant","requestId":"req_sample_1","message":{{{message},"content":[{{"type":"text","text":"I will count them."}}]}}}}"#).as_bytes(),
        ]),
        glue(&[
            head("a2", Some("a1"), 2).as_bytes(),
            format!(r#""type":"assistant","requestId":"req_sample_1","message":{{{message},"content":[{{"type":"tool_use","id":"{CALL}","name":"Bash","input":"#).as_bytes(),
            TOOL_INPUT,
            b"}]}}",
        ]),
        glue(&[
            head("u2", Some("a2"), 4).as_bytes(),
            format!(r#""type":"user","message":{{"role":"user","content":[{{"tool_use_id":"{CALL}","type":"tool_result","content":"#).as_bytes(),
            TOOL_OUTPUT,
            b",\"is_error\":false}]}}",
        ]),
    ]
}

/// A file with unlike line ends, a blank line and no end of its last line.
pub fn claude() -> Vec<u8> {
    claude_records().join(&b"\r\n\n"[..])
}

pub fn codex() -> String {
    let line = |second: u32, kind: &str, payload: &str| {
        format!(r#"{{"timestamp":"2026-03-02T11:00:{second:02}.500Z","type":"{kind}","payload":{payload}}}"#) + "\n"
    };
    [
        line(0, "session_meta", &format!(
            r#"{{"id":"{CODEX}","timestamp":"2026-03-02T11:00:00.000Z","cwd":"/home/ada/green","originator":"codex_cli_rs","cli_version":"0.98.0","source":"cli","git":{{"branch":"trunk"}},"base_instructions":{{"text":"You are careful."}}}}"#
        )),
        line(1, "turn_context", r#"{"cwd":"/home/ada/green","model":"gpt-sample-5","turn_id":"turn-1","effort":"low"}"#),
        line(2, "response_item", r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Which day is it?"}]}"#),
        line(3, "response_item", r#"{"type":"function_call","name":"exec_command","arguments":"{\"cmd\":\"date\"}","call_id":"call_sample_1"}"#),
        line(5, "response_item", r#"{"type":"function_call_output","call_id":"call_sample_1","output":"Monday"}"#),
        line(6, "response_item", r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"It is Monday."}]}"#),
        line(7, "event_msg", r#"{"type":"token_count","info":{"total_token_usage":{"input_tokens":50,"cached_input_tokens":30,"output_tokens":9,"reasoning_output_tokens":4,"total_tokens":59},"last_token_usage":{"input_tokens":50,"cached_input_tokens":30,"output_tokens":9,"reasoning_output_tokens":4,"total_tokens":59}}}"#),
    ]
    .concat()
}
