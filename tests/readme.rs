//! The README says what is true: its key table is the program's, its commands run, and what it points at is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BEGIN: &str = "<!-- keys:begin -->\n";
const END: &str = "<!-- keys:end -->";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("there is a README")
}

/// `TURNSCOPE_WRITE=1 cargo test --test readme` writes the table instead of comparing it.
#[test]
fn its_keys_are_those_of_the_program() {
    let readme = readme();
    let (before, rest) = readme.split_once(BEGIN).expect("a beginning of the keys");
    let (written, after) = rest.split_once(END).expect("an end of the keys");
    let table = turnscope::ui::readme_table();
    let wanted = format!("\n{}\n\n", table.trim());
    if std::env::var_os("TURNSCOPE_WRITE").is_some() {
        fs::write(root().join("README.md"), format!("{before}{BEGIN}{wanted}{END}{after}")).expect("can be written");
        return;
    }
    assert_eq!(written, wanted, "TURNSCOPE_WRITE=1 cargo test --test readme writes it anew");
}

#[test]
fn what_it_points_at_is_there() {
    let readme = readme();
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let missing: Vec<&str> =
        targets.filter(|target| !target.starts_with("http") && !root().join(target).exists()).collect();
    assert_eq!(missing, [""; 0]);
}

/// The commands of the table, with an event that is there, and without those that open a screen or never end.
fn examples(readme: &str) -> Vec<Vec<String>> {
    let rows = readme.lines().filter(|line| line.starts_with("| ") && line.contains("| `turnscope"));
    let commands = rows.filter_map(|row| row.split('`').nth(1));
    let commands =
        commands.map(|command| words(&command.replace("EVENT", "u1").replace("--part output", "--part input")));
    let ends = |words: &Vec<String>| !words.iter().any(|word| word == "--watch");
    commands.filter(|words| words.first().is_some_and(|word| !word.starts_with('~'))).filter(ends).collect()
}

/// The words of a command as a shell would pass them on, as far as the README needs it.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for letter in command.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().expect("never empty").push(letter),
        }
    }
    words.split_off(1)
}

fn turnscope(home: &Path, arguments: &[String]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    command.args(arguments).current_dir(home).env_clear().env("HOME", home);
    for (name, folder) in [("XDG_DATA_HOME", "data"), ("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")] {
        command.env(name, home.join(folder));
    }
    command.output().expect("it runs")
}

#[test]
fn its_commands_do_what_they_say() {
    let home = tempfile::tempdir().expect("a folder");
    let projects = home.path().join(".claude/projects/shop");
    fs::create_dir_all(&projects).expect("a folder");
    let session = "8a1f0c52-0000-4000-8000-000000000001";
    let record = format!(
        r#"{{"type":"user","uuid":"u1","parentUuid":null,"sessionId":"{session}","timestamp":"2026-03-02T10:00:00Z","message":{{"role":"user","content":"a flaky test, \"not found\", E1234, a.b"}}}}"#
    );
    fs::write(projects.join(format!("{session}.jsonl")), format!("{record}\n")).expect("can be written");
    fs::write(home.path().join("session.jsonl"), "{\"a\":1}\n").expect("can be written");
    let examples = examples(&readme());
    assert!(examples.len() >= 10, "{examples:?}");
    for arguments in examples {
        let output = turnscope(home.path(), &arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn its_configuration_is_one() {
    let readme = readme();
    let (_, rest) = readme.split_once("```toml\nstore = ").expect("a configuration");
    let (written, _) = rest.split_once("```").expect("its end");
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("config/turnscope");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("config.toml"), format!("store = {written}")).expect("can be written");
    fs::write(folder.join("prices.toml"), "price = []\n").expect("can be written");
    let output = turnscope(home.path(), &["config", "check"].map(str::to_owned));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
