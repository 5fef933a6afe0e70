//! What helps to type: completions with the sessions of the store, manual pages, moments in words.

use std::process::{Command, Stdio};

use crate::desk::{Desk, text};
use crate::sample;

/// What bash offers for a line, by its own rules: the last word may be empty.
fn offered(desk: &Desk, line: &str) -> Vec<String> {
    let script = String::from_utf8(desk.done(&["completions", "bash"]).out).expect("a script");
    let ask = format!(
        "{script}\nCOMP_WORDBREAKS=$' \\t\\n\"\\'><=;|&(:'\n\
         COMP_LINE='{line}'\n\
         COMP_WORDS=($(printf '%s' \"$COMP_LINE\" | sed -E 's/([:=])/ \\1 /g'))\n\
         [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')\n\
         COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         _turnscope\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", &ask]).env_clear().env("HOME", desk.path("home")).env("PATH", "/usr/bin:/bin");
    command.env("TURNSCOPE_STORE", desk.named_store()).current_dir(desk.path(".")).stdin(Stdio::null());
    let output = command.output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

#[test]
fn commands_options_and_sessions_are_completed() {
    let desk = Desk::with_file();
    let file = desk.write("in/claude.jsonl", sample::claude());
    let words = |line: &str| -> Vec<String> {
        offered(&desk, line).into_iter().filter(|word| !word.starts_with("--")).collect()
    };
    assert_eq!(words("turnscope show "), ["last"], "no store yet, and none is made");
    assert!(!desk.store().exists());
    desk.import(&file);
    assert_eq!(offered(&desk, "turnscope sess"), ["sessions"]);
    assert_eq!(offered(&desk, "turnscope check --sev"), ["--severity"]);
    assert_eq!(offered(&desk, "turnscope check --severity e"), ["error"]);
    let shown = offered(&desk, "turnscope timeline ");
    assert!(shown.iter().any(|word| word == "last") && shown.iter().any(|word| word == sample::CLAUDE), "{shown:?}");
    assert_eq!(offered(&desk, &format!("turnscope purge hold {}", &sample::CLAUDE[..6])), [sample::CLAUDE]);
    assert_eq!(
        offered(&desk, &format!("turnscope --json search --session {}", &sample::CLAUDE[..6])),
        [sample::CLAUDE]
    );
    assert!(offered(&desk, "turnscope show nothing-like-it").is_empty());
}

#[test]
fn an_id_with_a_colon_is_completed_behind_it() {
    let desk = Desk::with_file();
    let row = r#"{"type":"turnscope_row","x":1}"#;
    let file = desk.write("in/room:blue.jsonl", format!("{row}\n"));
    desk.import(&file);
    let sessions = desk.done(&["sessions", "--json"]).objects();
    assert_eq!(sessions[0]["id"], "room:blue");
    assert_eq!(offered(&desk, "turnscope show room:bl"), ["blue"]);
}

#[test]
fn every_shell_gets_what_asks_turnscope() {
    let desk = Desk::with_file();
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.done(&["completions", shell]);
        assert!(script.text().contains("TURNSCOPE_COMPLETE") && script.err.is_empty(), "{script:?}");
    }
}

#[test]
fn a_store_that_cannot_be_read_gives_no_sessions_and_no_words() {
    let desk = Desk::with_file();
    desk.write("home/.local/share/turnscope/turnscope.db", "no database, but long enough to be looked at".repeat(9));
    let mut command = desk.command(&["--", "turnscope", "show", ""]);
    command.env("TURNSCOPE_COMPLETE", "fish").env_remove("TURNSCOPE_STORE");
    let output = command.output().expect("runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let offered = String::from_utf8_lossy(&output.stdout);
    let words: Vec<&str> = offered.lines().filter(|line| !line.starts_with("--")).collect();
    assert_eq!(words, ["last\tthe session with the newest event"]);
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let desk = Desk::with_file();
    let whole = desk.done(&["man"]);
    assert!(whole.text().starts_with(".ie") && whole.text().contains(".SH SYNOPSIS"), "{}", whole.text());
    assert!(desk.done(&["man", "purge", "hold"]).text().contains("turnscope\\-purge\\-hold"));
    let pages = desk.path("pages");
    desk.done(&["man", "--out-dir", text(&pages)]);
    for page in ["turnscope.1", "turnscope-export.1", "turnscope-purge-hold.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
    assert!(desk.refused(2, &["man", "nothing"]).contains("no command `nothing`"));
}

#[test]
fn every_command_explains_itself_with_examples() {
    let desk = Desk::with_file();
    let help = desk.done(&["--help"]);
    let commands =
        help.text().lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "help") {
        let told = desk.done(&[name, "--help"]);
        assert!(told.text().contains("Examples:\n  "), "{name}: {}", told.text());
    }
}

#[test]
fn moments_may_be_written_in_words() {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    let rows = |arguments: &[&str]| desk.done(&[&["timeline", "last", "--json"], arguments].concat()).objects().len();
    assert_eq!(rows(&["--from", "2 hours ago"]), 0);
    assert_eq!(rows(&["--to", "yesterday 14:00"]), rows(&[]));
    assert_eq!(rows(&["--where", "before:\"an hour ago\""]), rows(&[]));
    assert_eq!(rows(&["--window-start", "since 3 months ago"]), 0);
    desk.done(&["purge", "--as-of", "in 2 weeks"]);
    let told = desk.refused(2, &["purge", "--as-of", "05/06/2026"]);
    assert!(told.contains("`--as-of 05/06/2026`") && told.contains("\"yesterday 14:00\""), "{told}");
}
