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
