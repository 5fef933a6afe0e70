//! Every real file below `TURNSCOPE_CORPUS`, imported alone with the binary: nothing is lost, the file is rebuilt
//! byte for byte, and pairs, orphans and tokens are those of an independent count over the raw file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[path = "corpus/oracles.rs"]
mod oracles;

const TOKENS: [&str; 6] = ["input", "cache_read", "cache_write", "output", "reasoning", "total"];

#[test]
fn claude_code() {
    check("claude-code");
}

#[test]
fn codex() {
    check("codex");
}

#[test]
fn what_others_expect_of_real_files_is_what_we_tell() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        writeln!(std::io::stderr(), "skipped: expected results (TURNSCOPE_CORPUS is not set)").expect("stderr is open");
        return;
    };
    let (mut lines, mut wrong) = (0, Vec::new());
    for agent in ["claude-code", "codex"] {
        let (compared, differences) = oracles::differences(&PathBuf::from(&corpus).join(agent));
        lines += compared;
        wrong.extend(differences);
    }
    writeln!(std::io::stderr(), "{lines} lines of expected results").expect("stderr is open");
    assert!(lines > 0 && wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Long ones take long to look through, and say nothing that the others do not.
const LONGEST_REDACTED: u64 = 192 << 10;

#[test]
fn sessions_that_are_copied_without_their_secrets_are_whole() {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        writeln!(std::io::stderr(), "skipped: redacted copies (TURNSCOPE_CORPUS is not set)").expect("stderr is open");
        return;
    };
    let mut files = Vec::new();
    ["claude-code", "codex"].iter().for_each(|agent| walk(&PathBuf::from(&corpus).join(agent), &mut files));
    files.retain(|file| fs::metadata(file).is_ok_and(|found| found.len() <= LONGEST_REDACTED));
    let folder = tempfile::tempdir().expect("a folder");
    let paths = files.iter().map(|file| file.to_str().expect("is UTF-8"));
    turnscope(folder.path(), &["import"].into_iter().chain(paths).collect::<Vec<_>>());
    let [from, to] = ["store.db", "redacted.db"].map(|name| folder.path().join(name).to_string_lossy().into_owned());
    turnscope(folder.path(), &["copy", "--redact", &from, &to]);
    let counts = |store: &str| -> BTreeMap<String, [Value; 4]> {
        let listed = objects(&turnscope(folder.path(), &["sessions", "--json", "--store", store]));
        let counts = |session: &Value| ["events", "turns", "errors", "tokens"].map(|name| session[name].clone());
        listed.map(|session| (session["id"].to_string(), counts(&session))).collect()
    };
    let (before, after) = (counts(&from), counts(&to));
    writeln!(std::io::stderr(), "{} sessions copied without their secrets", before.len()).expect("stderr is open");
    assert!(before.len() > 20);
    assert_eq!(before, after);
}

fn check(agent: &str) {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        // Written straight to the stream, because the test runner keeps what a passing test prints.
        writeln!(std::io::stderr(), "skipped: real files of {agent} (TURNSCOPE_CORPUS is not set)")
            .expect("stderr is open");
        return;
    };
    let mut files = Vec::new();
    walk(&PathBuf::from(corpus).join(agent), &mut files);
    assert!(!files.is_empty(), "no files of {agent}");
    let counts = count(agent, &files);
    let mut wrong = Vec::new();
    let mut records = 0;
    for file in &files {
        let counted = &counts[file];
        records += counted["records"].as_u64().expect("a number");
        wrong
            .extend(check_file(file, counted, agent).into_iter().map(|reason| format!("{}: {reason}", file.display())));
    }
    writeln!(std::io::stderr(), "{} files of {agent} with {records} records", files.len()).expect("stderr is open");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// The independent count, file by file.
fn count(agent: &str, files: &[PathBuf]) -> BTreeMap<PathBuf, Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/count.py");
    let output = Command::new("python3").arg(script).arg(agent).args(files).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    objects(&output.stdout).map(|object| (PathBuf::from(object["path"].as_str().expect("a path")), object)).collect()
}

fn objects(bytes: &[u8]) -> impl Iterator<Item = Value> + use<> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect::<Vec<_>>().into_iter()
}

fn turnscope(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_turnscope"))
        .args(arguments)
        .env("HOME", folder)
        .env("TURNSCOPE_STORE", folder.join("store.db"))
        .output()
        .expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {errors}");
    output.stdout
}

fn check_file(file: &Path, counted: &Value, agent: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let imported: Vec<Value> =
        objects(&turnscope(folder.path(), &["import", "--json", &file.to_string_lossy()])).collect();
    let report = &imported[0];
    let mut wrong = Vec::new();
    let mut same = |what: &str, ours: &Value, theirs: &Value| {
        if ours != theirs {
            wrong.push(format!("{what}: {ours}, counted {theirs}"));
        }
    };
    same("represented", &report["represented"], &report["records"]);
    // A document that is spread over lines is one record here and bad lines to a reader of lines.
    let is_lines = file.extension().is_some_and(|ending| ending == "jsonl");
    if is_lines {
        same("bad", &report["bad"], &counted["bad"]);
        let all = counted["records"].as_u64().expect("a number") + counted["bad"].as_u64().expect("a number");
        same("records", &report["records"], &Value::from(all));
    }
    if is_lines && report["agent"] == agent {
        let told = told(folder.path(), report);
        for name in ["pairs", "calls_without_result", "results_without_call"] {
            same(name, &told[name], &counted[name]);
        }
        for name in TOKENS {
            let counted = counted["tokens"][name].as_i64().unwrap_or(0);
            same(name, &told[name], &Value::from(counted));
        }
    }
    if let Some(session) = report["sessions"][0].as_str() {
        let out = folder.path().join("out");
        turnscope(folder.path(), &["export", session, "--format", "original", "-o", &out.to_string_lossy()]);
        let written = out.join(file.file_name().expect("a name"));
        if fs::read(&written).ok() != fs::read(file).ok() {
            wrong.push("the file was not rebuilt byte for byte".to_owned());
        }
    }
    wrong
}

/// What the binary tells of a file's sessions, added up.
fn told(folder: &Path, report: &Value) -> Value {
    let sessions: BTreeSet<&str> =
        report["sessions"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    let (mut pairs, mut calls, mut results) = (0, 0, 0);
    let mut tokens = [0; TOKENS.len()];
    for session in objects(&turnscope(folder, &["sessions", "--json"])) {
        if !sessions.contains(session["id"].as_str().expect("an id")) {
            continue;
        }
        for (sum, name) in tokens.iter_mut().zip(TOKENS) {
            *sum += session["tokens"][name].as_i64().unwrap_or(0);
        }
    }
    for session in &sessions {
        for row in objects(&turnscope(folder, &["timeline", session, "--json"])) {
            // A search of the web has no call id of its own, and a notice that something ended is no result.
            let value = row["keys"]["tool_call_id"][0]["value"].as_str();
            if row["kind"] != "tool" || value.is_none_or(|value| row["id"] != format!("tool:{value}")) {
                continue;
            }
            let is_search = row["label"].as_str().is_some_and(|label| label.starts_with("web_search"));
            if is_search || row["keys"]["tool_call_id"][0]["origin"] == "derived" {
                continue;
            }
            match row["joins"].as_array().expect("a list").iter().find(|join| join["strength"] == "orphan") {
                None if row["events"].as_array().is_some_and(|events| events.len() > 1) => pairs += 1,
                None => {}
                Some(join) if join["basis"]["rule"] == "call without result" => calls += 1,
                Some(_) => results += 1,
            }
        }
    }
    let mut told =
        serde_json::json!({ "pairs": pairs, "calls_without_result": calls, "results_without_call": results });
    for (sum, name) in tokens.iter().zip(TOKENS) {
        told[name] = Value::from(*sum);
    }
    told
}
