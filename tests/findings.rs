//! What the list of sessions says of findings is what `check` counts, for every real session below `TURNSCOPE_CORPUS`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn turnscope(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_turnscope"))
        .args(arguments)
        .env("HOME", folder)
        .env("TURNSCOPE_STORE", folder.join("store.db"))
        .output()
        .expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3 | 4)), "{arguments:?}: {errors}");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("JSON")).collect()
}

/// Of each session what the list says, and what `check` counts.
fn counted(path: &Path) -> BTreeMap<String, (i64, i64)> {
    let folder = tempfile::tempdir().expect("a folder");
    turnscope(folder.path(), &["import", "--json", &path.to_string_lossy()]);
    let sessions = turnscope(folder.path(), &["sessions", "--json"]);
    let said = |session: &Value| {
        let id = session["id"].as_str().expect("an id").to_owned();
        (id, (session["findings"].as_i64().expect("a number"), 0))
    };
    let mut counts: BTreeMap<String, (i64, i64)> = sessions.iter().map(said).collect();
    for finding in turnscope(folder.path(), &["check", "--json"]) {
        counts.get_mut(finding["session"].as_str().expect("an id")).expect("is listed").1 += 1;
    }
    counts
}

#[test]
fn the_list_says_what_check_counts() {
    let demo = counted(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/run/demo.json")));
    assert!(demo.values().any(|(said, _)| *said > 0) && demo.values().all(|(said, found)| said == found), "{demo:?}");
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        writeln!(std::io::stderr(), "skipped: findings of real files (TURNSCOPE_CORPUS is not set)")
            .expect("stderr is open");
        return;
    };
    for agent in ["claude-code", "codex", "seed-present"] {
        let counts = counted(&PathBuf::from(&corpus).join(agent));
        let differ: Vec<_> = counts.iter().filter(|(_, (said, found))| said != found).collect();
        assert!(!counts.is_empty() && differ.is_empty(), "{agent}: {differ:?}");
    }
}
