//! Wrong usage: exit 2, and words that say what would be right.

use crate::desk::Desk;

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    let desk = Desk::new();
    let all = [
        &["--no-such-option"][..],
        &["sessions", "--no-such-option"],
        &["timeline"],
        &["show", "last"],
        &["show", "last", "event", "--part", "nonsense"],
        &["show", "last", "event", "-o", "file"],
        &["export", "last", "--format", "pdf"],
        &["search"],
        &["search", "x", "--limit", "many"],
        &["sessions", "--color", "sometimes"],
    ];
    for arguments in all {
        let ran = desk.run(arguments);
        assert_eq!((ran.code, ran.out.len()), (2, 0), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn what_the_program_itself_must_judge_is_wrong_usage_too() {
    let desk = Desk::new();
    assert!(desk.refused(2, &["sessions", "--tz", "Europe/Warsaw"]).contains("fixed offsets"));
    assert!(desk.refused(2, &["search", "re:("]).contains("regular expression"));
    assert!(desk.refused(2, &["sesions"]).contains("neither a command nor a file"));
    assert!(desk.refused(2, &["some/path", "--json", "sessions"]).contains("some/path"));
    assert!(!desk.store().exists());
}

#[test]
fn what_is_said_of_a_server_never_repeats_its_password() {
    let desk = Desk::new();
    let address = "postgres://me:secret@localhost:1/db";
    for (code, arguments) in [(1, &["--store", address, "sessions"][..]), (1, &["import", address]), (1, &[address])] {
        let reason = desk.refused(code, arguments);
        assert!(!reason.is_empty() && !reason.contains("secret"), "{reason}");
    }
}

#[test]
fn no_password_is_repeated_wherever_an_address_stands() {
    let desk = Desk::with_file();
    let address = "postgres://alice:SEKRET99@127.0.0.1:1/db";
    let path = format!("./{address}");
    let path = path.as_str();
    let commands = "demo sessions timeline show search check export report scan stats verify copy serve token quarantine \
                    recover reindex purge vacuum config completions man open import doctor";
    let mut all: Vec<Vec<&str>> = Vec::new();
    for command in commands.split_whitespace() {
        all.extend([vec![command, address], vec![command, address, address], vec![command, path]]);
        all.push(vec![command, "--no-such", address]);
    }
    for option in ["--theme", "--color", "--tz", "--prices", "--config", "--store"] {
        all.extend([vec![option, address, "sessions"], vec![option, path, "doctor"]]);
    }
    for foreign in ["pg://x:SEKRET99@h/d", "postgres:/x:SEKRET99@h/d", "mysql://x:a/SEKRET99@h/d"] {
        all.extend([vec![foreign], vec!["import", foreign], vec!["--store", foreign, "sessions"]]);
    }
    all.extend([vec![path], vec!["--store", path, "sessions"], vec!["--json", "--store", path, "doctor"]]);
    all.extend([vec!["serve", "--listen", address], vec!["search", "x", "--limit", address]]);
    for arguments in all {
        let ran = desk.run(&arguments);
        let told = format!("{}{}", String::from_utf8_lossy(&ran.out), ran.err);
        assert!(!told.contains("SEKRET99"), "{arguments:?}: {told}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let desk = Desk::new();
    let help = desk.done(&["--help"]);
    for command in ["demo", "import", "sessions", "timeline", "show", "search", "export", "stats", "verify"] {
        assert!(help.text().contains(command), "{command} is missing");
    }
    assert!(desk.done(&["--version"]).text().starts_with("turnscope "));
}

#[test]
fn browsing_needs_a_terminal_and_says_what_does_not() {
    let desk = Desk::new();
    assert!(desk.refused(1, &[]).contains("turnscope sessions"));
    assert!(desk.refused(1, &["missing/file.jsonl"]).contains("missing/file.jsonl"));
}

#[test]
fn a_file_that_is_no_store_is_named() {
    let desk = Desk::new();
    desk.write("notes.txt", "this is a text and no store, and long enough to be one\n".repeat(50));
    assert!(desk.refused(1, &["--store", "notes.txt", "sessions"]).contains("notes.txt"));
}
