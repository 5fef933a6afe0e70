//! What others made of real files: their expected results beside the sessions, held against ours line by line.
//!
//! They tell less than we do: one line for what a person said and one for an answer, with its tools and tokens. Their
//! tokens are the fresh input and the whole output of the last record of an answer. A line without tokens says nothing
//! of them, and an interruption is no person's words with us.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{objects, turnscope, walk};

const INTERRUPTED: &str = "[Request interrupted by user";

/// Every expected result with the file that it is of: `claude_expected2.jsonl` of `claude_full2.jsonl`.
fn pairs(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut files = Vec::new();
    walk(folder, &mut files);
    let full = |expected: &PathBuf| {
        let name = expected.file_name()?.to_str()?;
        let full = expected.with_file_name(name.replace("_expected", "_full"));
        (name.contains("_expected") && full.is_file()).then(|| (expected.clone(), full))
    };
    files.iter().filter_map(full).collect()
}

/// What differs, in words; the number of lines that were compared comes with it.
pub fn differences(folder: &Path) -> (usize, Vec<String>) {
    let (mut lines, mut wrong) = (0, Vec::new());
    for (expected, full) in pairs(folder) {
        let home = tempfile::tempdir().expect("a folder");
        let path = full.to_string_lossy();
        let report = objects(&turnscope(home.path(), &["import", "--json", &path])).next().expect("a report");
        let session = report["sessions"][0].as_str().expect("a session").to_owned();
        let rows: Vec<Value> = objects(&turnscope(home.path(), &["timeline", &session, "--json"])).collect();
        let told: Vec<Value> = objects(&fs::read(&expected).expect("can be read")).collect();
        lines += told.len();
        wrong.extend(compare(&told, &rows).into_iter().map(|reason| format!("{}: {reason}", full.display())));
    }
    (lines, wrong)
}

fn compare(told: &[Value], rows: &[Value]) -> Vec<String> {
    let by_id: BTreeMap<&str, &Value> = rows.iter().map(|row| (row["id"].as_str().expect("an id"), row)).collect();
    let mut wrong = Vec::new();
    for line in told {
        let blocks = || line["content"].as_array().into_iter().flatten();
        if line["type"] == "user" {
            wrong.extend(blocks().filter_map(|block| not_said(block, rows)));
        }
        for call in blocks().filter(|block| block["type"] == "tool_use") {
            let id = call["id"].as_str().expect("a call has an id");
            wrong.extend(differs(call, by_id.get(format!("tool:{id}").as_str()).copied(), id));
        }
    }
    wrong.extend(tokens(told, rows, &by_id));
    wrong
}

/// Words of a person that no transcript row begins with.
fn not_said(block: &Value, rows: &[Value]) -> Option<String> {
    let text = block["text"].as_str().filter(|text| !text.starts_with(INTERRUPTED))?;
    let words = |text: &str| text.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
    let wanted = words(text);
    let said = rows.iter().filter(|row| row["kind"] == "transcript").filter_map(|row| row["label"].as_str());
    (!said.map(words).any(|said| said == wanted)).then(|| format!("nobody says {wanted:?}"))
}

fn differs(call: &Value, row: Option<&Value>, id: &str) -> Option<String> {
    let Some(row) = row else { return Some(format!("no call {id}")) };
    let name = call["name"].as_str().unwrap_or_default();
    if !row["label"].as_str().is_some_and(|label| label.starts_with(name)) {
        return Some(format!("{id} is {}, expected {name}", row["label"]));
    }
    let events = row["events"].as_array().map_or(0, Vec::len);
    match call["result"]["status"].as_str() {
        Some("success") if row["status"] != "error" && events > 1 => None,
        Some("error") if row["status"] == "error" => None,
        Some(status) => Some(format!("{id} ended {}, expected {status}", row["status"])),
        None => None,
    }
}

/// By the id of the message, the last line counts; without ids, line by line in their order.
fn tokens(told: &[Value], rows: &[Value], by_id: &BTreeMap<&str, &Value>) -> Vec<String> {
    let counted = |line: &&Value| line["output_tokens"].is_number();
    let of = |row: &Value| {
        let bucket = |name: &str| row["tokens"][name].as_i64().unwrap_or(0);
        (bucket("input"), bucket("output") + bucket("reasoning"))
    };
    let expected =
        |line: &Value| (line["input_tokens"].as_i64().unwrap_or(0), line["output_tokens"].as_i64().unwrap_or(0));
    let mut last: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut unnamed = Vec::new();
    for line in told.iter().filter(counted) {
        match line["id"].as_str() {
            Some(id) => drop(last.insert(id, line)),
            None => unnamed.push(expected(line)),
        }
    }
    let mut wrong: Vec<String> = last
        .iter()
        .filter_map(|(id, line)| {
            let ours = by_id.get(format!("model:{id}").as_str()).map(|row| of(row));
            (ours != Some(expected(line))).then(|| format!("{id}: {ours:?} tokens, expected {:?}", expected(line)))
        })
        .collect();
    // Their input holds what came from the cache where the answers have no ids.
    let whole = |row: &Value| (of(row).0 + row["tokens"]["cache_read"].as_i64().unwrap_or(0), of(row).1);
    let ours: Vec<(i64, i64)> = rows.iter().filter(|row| row["tokens"].is_object()).map(whole).collect();
    if !unnamed.is_empty() && ours != unnamed {
        wrong.push(format!("{ours:?} tokens, expected {unnamed:?}"));
    }
    wrong
}
