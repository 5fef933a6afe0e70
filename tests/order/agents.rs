//! Sessions of coding agents that lie in several files: resumed, forked, with sub-agents, in two rollouts.

use proptest::prelude::*;

use crate::arrival::{File, WAYS, assert_always_same, assert_same, cases, file, permutations};

const SESSION: &str = "0ff0a5e5-0000-4000-8000-00000000000a";
const FORK: &str = "0ff0a5e5-0000-4000-8000-00000000000b";

/// One record of a file of Claude Code.
#[derive(Debug, Clone)]
struct Line {
    id: u8,
    second: u8,
    says: u8,
}

fn head(session: &str, id: u8, second: u8, folder: &str, side: bool) -> String {
    let parent = if id == 0 { "null".to_owned() } else { format!("\"u{}\"", id - 1) };
    format!(
        "{{\"parentUuid\":{parent},\"isSidechain\":{side},\"sessionId\":\"{session}\",\"cwd\":\"/home/ada/{folder}\",\
         \"gitBranch\":\"{folder}-branch\",\"uuid\":\"u{id}\",\"timestamp\":\"2026-03-02T10:00:{second:02}.000Z\","
    )
}

fn record(session: &str, line: &Line, folder: &str, side: bool) -> String {
    let head = head(session, line.id, line.second, folder, side);
    let (id, says) = (line.id, line.says);
    let rest = match says % 6 {
        0 => format!("\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"prompt {id}\"}}"),
        1 | 2 => format!(
            "\"type\":\"assistant\",\"requestId\":\"r{}\",\"message\":{{\"id\":\"m{}\",\"model\":\"claude-x\",\"content\":[{{\"type\":\
             \"text\",\"text\":\"answer {id}\"}}],\"usage\":{{\"input_tokens\":3,\"output_tokens\":{id}}}}}",
            says / 6,
            says / 6
        ),
        3 => format!(
            "\"type\":\"assistant\",\"message\":{{\"id\":\"m{}\",\"model\":\"claude-y\",\"content\":[{{\"type\":\"tool_use\",\"id\":\
             \"call{}\",\"name\":\"Bash\",\"input\":{{\"command\":\"ls {id}\"}}}}]}}",
            says / 6,
            says / 12
        ),
        4 => format!(
            "\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\"type\":\"tool_result\",\"tool_use_id\":\"call{}\",\
             \"content\":\"out {id}\"}}]}}",
            says / 12
        ),
        _ => return format!("{{\"type\":\"ai-title\",\"sessionId\":\"{session}\",\"aiTitle\":\"title {says}\"}}\n"),
    };
    format!("{head}{rest}}}\n")
}

fn records(session: &str, lines: &[Line], folder: &str, side: bool) -> String {
    lines.iter().map(|line| record(session, line, folder, side)).collect()
}

fn lines(ids: std::ops::Range<u8>) -> impl Strategy<Value = Vec<Line>> {
    let (start, count) = (ids.start, usize::from(ids.end - ids.start));
    prop::collection::vec((0..6_u8, 0..24_u8), 1..count).prop_map(move |told| {
        let line = |(place, (second, says)): (usize, (u8, u8))| Line { id: start + place as u8, second, says };
        told.into_iter().enumerate().map(line).collect()
    })
}

/// A main file, one that resumes it under the same session, one that was forked from it, and a sub-agent's.
fn claude() -> impl Strategy<Value = Vec<File>> {
    (lines(0..8), 0..8_usize, lines(6..12), 0..8_usize, lines(8..14), lines(40..44)).prop_map(
        |(main, copied, resumed, forked, tail, agent)| {
            let prefix = |many: usize| main[..many.min(main.len())].to_vec();
            let whole = |copied: Vec<Line>, own: &[Line]| [copied, own.to_vec()].concat();
            vec![
                file(&format!("{SESSION}.jsonl"), records(SESSION, &main, "shop", false)),
                file("resumed.jsonl", records(SESSION, &whole(prefix(copied), &resumed), "till", false)),
                file(&format!("{FORK}.jsonl"), records(FORK, &whole(prefix(forked), &tail), "shop", false)),
                file(
                    &format!("{SESSION}/subagents/agent-7.jsonl"),
                    records(SESSION, &agent, "shop", true).replace("\"uuid\"", "\"agentId\":\"7\",\"uuid\""),
                ),
            ]
        },
    )
}

fn rollout(lines: &[Line], folder: &str, header: u8) -> String {
    let wrap = |second: u8, kind: &str, payload: &str| {
        format!("{{\"timestamp\":\"2026-03-02T11:00:{second:02}.500Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n")
    };
    let meta = format!(
        "{{\"id\":\"{SESSION}\",\"timestamp\":\"2026-03-02T11:00:{header:02}.000Z\",\"cwd\":\"/home/ada/{folder}\",\"originator\":\
         \"codex_cli_rs\",\"cli_version\":\"0.98.0\",\"source\":\"cli\",\"git\":{{\"branch\":\"{folder}-branch\"}}}}"
    );
    let mut text = wrap(header, "session_meta", &meta);
    for Line { id, second, says } in lines {
        let call = says / 6;
        let (kind, payload) = match says % 6 {
            0 => (
                "response_item",
                format!(
                    "{{\"type\":\"message\",\"role\":\"user\",\"content\":[{{\"type\":\"input_text\",\"text\":\"prompt {id}\"}}]}}"
                ),
            ),
            1 => (
                "response_item",
                format!(
                    "{{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{{\"type\":\"output_text\",\"text\":\"answer {id}\"}}]}}"
                ),
            ),
            2 => (
                "response_item",
                format!(
                    "{{\"type\":\"function_call\",\"name\":\"exec_command\",\"arguments\":\"{{}}\",\"call_id\":\"call{call}\"}}"
                ),
            ),
            3 => (
                "response_item",
                format!("{{\"type\":\"function_call_output\",\"call_id\":\"call{call}\",\"output\":\"out {id}\"}}"),
            ),
            4 => (
                "turn_context",
                format!("{{\"cwd\":\"/home/ada/{folder}\",\"model\":\"gpt-{call}\",\"turn_id\":\"turn-{id}\"}}"),
            ),
            _ => ("event_msg", format!("{{\"type\":\"thread_name_updated\",\"thread_name\":\"name {id}\"}}")),
        };
        text += &wrap(*second, kind, &payload);
    }
    text
}

fn codex() -> impl Strategy<Value = Vec<File>> {
    (lines(0..8), 0..8_usize, lines(6..12), 0..4_u8).prop_map(|(one, copied, other, header)| {
        let both = [&one[..copied.min(one.len())], &other].concat();
        vec![
            file(&format!("rollout-2026-03-02T11-00-00-{SESSION}.jsonl"), rollout(&one, "shop", 0)),
            file(&format!("rollout-2026-03-02T12-00-00-{SESSION}.jsonl"), rollout(&both, "till", header)),
        ]
    })
}

#[test]
fn a_title_that_was_given_wins_over_a_prompt_and_the_last_one_given_wins() {
    let line = |id, second, says| Line { id, second, says };
    let named = |title: &str, second| {
        let title = format!("{{\"type\":\"custom-title\",\"sessionId\":\"{SESSION}\",\"customTitle\":\"{title}\"}}\n");
        records(SESSION, &[line(30 + second, second, 1)], "shop", false) + &title
    };
    let files = [
        file("a.jsonl", named("first name", 2)),
        file("b.jsonl", records(SESSION, &[line(0, 0, 0), line(2, 1, 5)], "shop", false)),
        file("c.jsonl", named("second name", 4)),
        file("d.jsonl", records(SESSION, &[line(9, 9, 0)], "till", false)),
    ];
    let told = assert_same(&files, &permutations(4), &WAYS[1..2]);
    let session: serde_json::Value = serde_json::from_str(told.lines().nth(1).expect("a session")).expect("JSON");
    assert_eq!((&session["title"], &session["cwd"]), (&"second name".into(), &"/home/ada/shop".into()));
    assert_eq!(
        (&session["started"], &session["ended"], &session["git_branch"]),
        (&"2026-03-02T10:00:00.000000Z".into(), &"2026-03-02T10:00:09.000000Z".into(), &"shop-branch".into())
    );
}

#[test]
fn rivals_for_one_id_have_the_same_names_whichever_came_first() {
    let line = |second, says| Line { id: 5, second, says };
    let files = [
        file("a.jsonl", records(SESSION, &[line(1, 0)], "shop", false)),
        file("b.jsonl", records(SESSION, &[line(2, 1)], "shop", false)),
        file("c.jsonl", records(SESSION, &[line(2, 7)], "shop", false)),
    ];
    let told = assert_always_same(&files);
    for name in ["\"u5\"", "\"u5~1\"", "\"u5~2\""] {
        assert!(told.contains(name), "{name} in {told}");
    }
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn files_of_claude_code_give_the_same_in_any_order(files in claude(), seed in any::<usize>()) {
        let orders = permutations(files.len());
        let some: Vec<Vec<usize>> = (0..3).map(|place| orders[(seed.wrapping_add(place * 7)) % orders.len()].clone()).collect();
        assert_same(&files, &some, &WAYS);
    }

    #[test]
    fn rollouts_of_codex_give_the_same_in_any_order(files in codex()) {
        assert_always_same(&files);
    }
}
