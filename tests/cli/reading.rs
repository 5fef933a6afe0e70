//! `turnscope sessions`, `timeline`, `search` and `stats`: shapes, order, and the session that is meant.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::desk::{Desk, names, text};
use crate::sample;

fn filled() -> Desk {
    let desk = Desk::new();
    let claude = desk.write("in/claude.jsonl", sample::claude());
    let codex = desk.write("in/codex.jsonl", sample::codex());
    desk.done(&["import", text(&claude), text(&codex)]);
    desk
}

#[test]
fn sessions_are_listed_newest_first_with_all_they_have() {
    let desk = filled();
    let sessions = desk.done(&["sessions", "--json"]).objects();
    let ids: Vec<_> = sessions.iter().map(|session| session["id"].as_str().unwrap_or_default()).collect();
    assert_eq!(ids, [sample::CODEX, sample::CLAUDE]);
    let shape = [
        "id",
        "parent_id",
        "lineage",
        "title",
        "agent",
        "project",
        "room",
        "canvas",
        "cwd",
        "git_branch",
        "started",
        "ended",
        "events",
        "turns",
        "errors",
        "findings",
        "models",
        "tokens",
        "usage_source",
    ];
    assert_eq!(names(&sessions[1]), shape);
    let claude = &sessions[1];
    assert_eq!((&claude["cwd"], &claude["git_branch"]), (&json!("/home/ada/blue"), &json!("main")));
    assert_eq!((&claude["project"], &claude["models"]), (&json!("blue"), &json!(["claude-sample-1"])));
    assert_eq!(claude["started"], json!("2026-03-02T10:00:00.250000Z"));
    assert_eq!(
        claude["tokens"],
        json!({"input": 10, "cache_read": 100, "cache_write": 5, "output": 20, "reasoning": null, "total": 135})
    );
}

#[test]
fn a_table_in_a_pipe_is_separated_by_tabs_and_ids_are_whole() {
    let table = filled().done(&["--tz", "+02:00", "sessions"]);
    let rows: Vec<Vec<&str>> = table.text().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((rows.len(), rows[0][0], rows[2][8]), (3, "title", sample::CLAUDE));
    assert_eq!(rows[2][3], "2026-03-02T12:00:00.250000+02:00");
    assert!(!table.text().contains('\u{1b}'));
}

#[test]
fn a_timeline_has_one_object_a_row_and_joins_call_and_result() {
    let rows = filled().done(&["timeline", sample::CLAUDE, "--json"]).objects();
    let shape = [
        "id",
        "kind",
        "at",
        "ended",
        "label",
        "status",
        "source",
        "depth",
        "keys",
        "joins",
        "tokens",
        "latency_ms",
        "events",
        "cost",
    ];
    for row in &rows {
        assert_eq!(names(row), shape);
    }
    let kinds: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["transcript", "model", "tool"]);
    let tool = &rows[2];
    assert_eq!(tool["events"].as_array().map(Vec::len), Some(2), "{tool}");
    assert_eq!((&tool["latency_ms"], &tool["status"]), (&json!(2000), &json!("ok")));
    assert_eq!(tool["keys"]["tool_call_id"], json!([{"value": sample::CALL, "origin": "native"}]));
    let join = tool["joins"].as_array().and_then(|joins| joins.first()).expect("is joined to the model turn");
    assert_eq!(names(join), ["to", "strength", "basis", "candidates"]);
    assert_eq!((&join["to"], &join["strength"]), (&rows[1]["id"], &json!("exact")));
    assert_eq!(names(&join["basis"]), ["key", "rule", "values"]);
}

#[test]
fn json_on_stdout_steers_no_terminal() {
    let desk = filled();
    for arguments in [&["timeline", sample::CLAUDE, "--json"][..], &["search", "lit:red", "--json"], &["search", "red"]]
    {
        let ran = desk.done(arguments);
        let harmless = |character: char| character == '\n' || character == '\t' || !character.is_control();
        assert!(ran.text().chars().all(harmless), "{arguments:?}");
        assert!(!ran.text().contains('\u{2028}'), "{arguments:?}");
    }
}

#[test]
fn a_session_is_named_by_its_id_the_beginning_of_it_or_last() {
    let desk = filled();
    let whole = desk.done(&["timeline", sample::CODEX, "--json"]).out;
    assert_eq!(desk.done(&["timeline", "5e551022", "--json"]).out, whole);
    assert_eq!(desk.done(&["timeline", "last", "--json"]).out, whole);
}

#[test]
fn an_unknown_or_ambiguous_session_lists_candidates() {
    let desk = filled();
    for name in ["5e55", "nobody"] {
        let reason = desk.refused(1, &["timeline", name, "--json"]);
        assert!(reason.contains(name) && reason.contains(sample::CLAUDE) && reason.contains(sample::CODEX), "{reason}");
    }
}

#[test]
fn a_search_finds_words_phrases_patterns_and_exact_text() {
    let desk = filled();
    let hits = |query: &str| desk.done(&["search", query, "--json"]).objects();
    let found = hits("ŻÓŁW files");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(names(&found[0]), ["session", "event", "row", "at", "role", "snippet"]);
    assert_eq!(
        (&found[0]["session"], &found[0]["at"]),
        (&json!(sample::CLAUDE), &json!("2026-03-02T10:00:00.250000Z"))
    );
    assert_eq!(hits("\"will count them\"").len(), 1);
    assert_eq!(hits("\"count will them\"").len(), 0);
    assert_eq!(hits("re:M[aeiou]nday\\.").len(), 1);
    assert!(!hits("lit:Monday").is_empty() && hits("lit:monday").is_empty());
}

#[test]
fn a_search_says_how_many_hits_there_are_and_shows_the_newest() {
    let desk = filled();
    let ran = desk.done(&["search", "re:.", "--limit", "2", "--json"]);
    let hits = ran.objects();
    assert_eq!((hits.len(), &hits[0]["session"]), (2, &json!(sample::CODEX)));
    assert!(hits[0]["at"].as_str() >= hits[1]["at"].as_str());
    assert!(ran.err.contains("the first 2 are shown"), "{ran:?}");
    let all = desk.done(&["search", "re:.", "--all", "--session", "5e551011", "--json"]).objects();
    assert!(all.len() >= 4 && all.iter().all(|hit| hit["session"] == sample::CLAUDE));
    let none = desk.done(&["search", "zebra"]);
    assert_eq!((none.out.len(), none.err.as_str()), (0, "0 hits\n"));
}

#[test]
fn stats_count_by_session_agent_model_and_tool() {
    let stats = filled().done(&["stats", "--json"]).objects();
    let find = |by: &str, name: &str| -> Value {
        let found = stats.iter().find(|one| one["by"] == by && one["name"] == name);
        found.unwrap_or_else(|| panic!("no {by} {name} in {stats:?}")).clone()
    };
    let tool = find("tool", "Bash");
    assert_eq!((&tool["turns"], &tool["errors"], &tool["latency_ms"]["p50"]), (&json!(1), &json!(0), &json!(2000)));
    assert_eq!(find("model", "claude-sample-1")["tokens"]["total"], json!(135));
    assert_eq!(find("session", sample::CLAUDE)["tokens"]["output"], json!(20));
    assert_eq!(find("agent", "codex")["sessions"], json!(1));
    assert_eq!(tool["latency_ms"], json!({"p50": 2000, "p90": 2000, "p95": 2000, "p99": 2000, "max": 2000}));
    assert_eq!((&tool["time_ms"], &tool["unreported"]), (&json!(2000), &json!(0)));
    assert_eq!(find("source", "claude-code")["tokens"]["total"], json!(135));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let desk = Desk::new();
    let mut records = sample::claude_records();
    let line = records.remove(0);
    let many: Vec<Vec<u8>> = (0..3000)
        .map(|count| String::from_utf8_lossy(&line).replace("\"u1\"", &format!("\"u1-{count}\"")).into_bytes())
        .collect();
    let file = desk.write("long.jsonl", many.join(&b"\n"[..]));
    desk.done(&["import", text(&file)]);
    let mut child = desk
        .command(&["timeline", sample::CLAUDE, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::with_capacity(64, child.stdout.take().expect("is piped")).read_line(&mut line).expect("reads");
    let output = child.wait_with_output().expect("ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

#[test]
fn without_a_store_lists_are_empty_and_nothing_is_made() {
    let desk = Desk::new();
    for arguments in [&["sessions"][..], &["sessions", "--json"], &["search", "x"], &["stats", "--json"]] {
        let ran = desk.done(arguments);
        assert!(ran.out.is_empty() && ran.err.contains("turnscope import"), "{ran:?}");
    }
    assert!(desk.refused(1, &["timeline", "last"]).contains("no store"));
    assert!(!desk.store().exists());
    assert!(!desk.path("home/.local").exists());
}

#[test]
fn a_store_is_named_by_option_or_variable() {
    let desk = Desk::new();
    let file = desk.write("claude.jsonl", sample::claude());
    desk.done(&["--store", "a/b.db", "import", text(&file)]);
    let named = desk.done(&["sessions", "--store", "a/b.db", "--json"]).out;
    let output = desk.command(&["sessions", "--json"]).env("TURNSCOPE_STORE", "a/b.db").output().expect("runs");
    assert_eq!(output.stdout, named);
    assert!(!named.is_empty() && !desk.store().exists());
}

#[test]
fn a_search_shows_the_newest_of_all_sessions_first() {
    let desk = Desk::new();
    // One session runs from 10:00 to 10:00:04; another one lies inside it, a third one ends later.
    let inside =
        String::from_utf8_lossy(&sample::claude()).replace("5e551011", "5e551099").replace("10:00:0", "10:00:1");
    desk.done(&["import", text(&desk.write("in/a.jsonl", sample::claude()))]);
    desk.done(&[
        "import",
        text(&desk.write("in/b.jsonl", inside.replace("10:00:10", "10:00:02").replace("\"u1\"", "\"v1\""))),
    ]);
    desk.done(&["import", text(&desk.write("in/c.jsonl", sample::codex()))]);
    let hits = desk.done(&["search", "re:.", "--json", "--all"]).objects();
    let times: Vec<&str> = hits.iter().filter_map(|hit| hit["at"].as_str()).collect();
    let mut sorted = times.clone();
    sorted.sort_by(|one, other| other.cmp(one));
    assert!(times == sorted && times.len() > 8, "{hits:?}");
    let newest = desk.done(&["search", "re:.", "--json", "--limit", "3"]).objects();
    assert_eq!(newest, hits[..3]);
}
