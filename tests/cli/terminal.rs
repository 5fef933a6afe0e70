//! On a terminal: tables that fit, text that cannot steer it, and an import that Ctrl-C ends in good order.

use std::io::{Read, Write};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use serde_json::json;

use crate::desk::{Desk, text};
use crate::sample;

/// Runs the program on a terminal of so many columns; `cue` is awaited and answered by Ctrl-C.
fn on_terminal(desk: &Desk, columns: u16, variables: &[(&str, &str)], arguments: &[&str], cue: &str) -> (u32, String) {
    let size = PtySize { rows: 24, cols: columns, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("opens a terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_turnscope"));
    command.args(arguments);
    command.cwd(desk.path("."));
    command.env_clear();
    command.env("HOME", desk.path("home"));
    for (name, value) in variables {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).expect("starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("can be read");
    let mut writer = pair.master.take_writer().expect("can be written");
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    let mut answered = cue.is_empty();
    // A terminal whose program has ended gives an error or nothing, depending on the system.
    while let Ok(size) = reader.read(&mut buffer) {
        if size == 0 {
            break;
        }
        shown.extend_from_slice(&buffer[..size]);
        if !answered && String::from_utf8_lossy(&shown).contains(cue) {
            answered = true;
            writer.write_all(&[3]).expect("types Ctrl-C");
        }
    }
    let code = child.wait().expect("ends").exit_code();
    (code, String::from_utf8_lossy(&shown).replace("\r\n", "\n"))
}

fn filled() -> Desk {
    let desk = Desk::with_file();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    desk
}

fn width(line: &str) -> usize {
    line.chars().count()
}

#[test]
fn a_table_fits_and_only_its_heading_is_bold() {
    let desk = filled();
    for columns in [60, 80, 120] {
        let (code, shown) = on_terminal(&desk, columns, &[("NO_COLOR", "1")], &["sessions"], "");
        assert_eq!(code, 0, "{shown}");
        assert!(shown.lines().all(|line| width(line) <= usize::from(columns)), "{columns}: {shown}");
        assert!(shown.contains(sample::CLAUDE) && !shown.contains('\u{1b}'), "{shown}");
    }
    let (_, shown) = on_terminal(&desk, 80, &[], &["sessions"], "");
    assert!(shown.starts_with("\u{1b}[1mtitle") && shown.matches('\u{1b}').count() == 2, "{shown}");
    let (_, shown) = on_terminal(&desk, 80, &[], &["sessions", "--color", "never"], "");
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn findings_fit_however_narrow_the_terminal_is_and_ids_stay_whole() {
    let desk = Desk::with_file();
    let records = sample::claude_records();
    let session = desk.write("in/claude.jsonl", records[..3].join(&b"\n"[..]));
    desk.import(&session);
    for columns in [40, 60, 79, 80, 100] {
        let (code, shown) = on_terminal(&desk, columns, &[("NO_COLOR", "1")], &["check"], "");
        assert_eq!(code, 4, "{shown}");
        assert!(shown.contains(sample::CLAUDE) && shown.contains("a2"), "{columns}: {shown}");
        let before: Vec<&str> = shown.lines().filter(|line| width(line) > usize::from(columns)).collect();
        assert!(before.is_empty() || columns > 79, "{columns}: {shown}");
    }
}

#[test]
fn a_part_on_a_terminal_is_text_that_cannot_steer_it() {
    let desk = Desk::with_file();
    let text_with_escape = "before \\u001b[31mred \u{9b}2J\u{202e}after";
    let record = String::from_utf8_lossy(&sample::claude_records()[0]).replace("Count the files", text_with_escape);
    let file = desk.write("in/claude.jsonl", record);
    desk.import(&file);
    let (code, shown) = on_terminal(&desk, 80, &[], &["show", sample::CLAUDE, "u1", "--part", "raw"], "");
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("<U+009B>2J<U+202E>after") && shown.ends_with('\n'), "{shown}");
    assert!(!shown.chars().any(|character| character.is_control() && character != '\n'), "{shown}");
    let (code, shown) = on_terminal(&desk, 80, &[], &["export", sample::CLAUDE], "");
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.chars().any(|character| character.is_control() && character != '\n'), "{shown}");
}

#[test]
fn a_terminal_that_cannot_be_drawn_on_is_told_so_and_stays_as_it_is() {
    let desk = filled();
    for (terminal, reason) in [("dumb", "TERM=dumb"), ("", "TERM is empty")] {
        for arguments in [&[][..], &["demo"], &["in/claude.jsonl"]] {
            let (code, shown) = on_terminal(&desk, 80, &[("TERM", terminal)], arguments, "");
            assert!(code == 1 && shown.contains(reason) && shown.contains("turnscope timeline"), "{code} {shown}");
            assert!(!shown.contains('\u{1b}'), "{shown:?}");
        }
        let (code, shown) = on_terminal(&desk, 80, &[("TERM", terminal)], &["sessions"], "");
        assert!(code == 0 && shown.contains(sample::CLAUDE), "{shown}");
    }
}

#[test]
fn ctrl_c_ends_an_import_and_the_next_one_goes_on() {
    let desk = Desk::new();
    let line = String::from_utf8_lossy(&sample::claude_records()[0]).into_owned();
    let records = 10_000;
    let lines: Vec<String> = (0..records).map(|count| line.replace("\"u1\"", &format!("\"u-{count}\""))).collect();
    let file = desk.write("in/long.jsonl", lines.join("\n"));
    let (code, shown) = on_terminal(&desk, 80, &[], &["import", text(&file)], "0/1 sources");
    assert_eq!(code, 130, "{shown}");
    let report = &desk.import(&file)[0];
    assert_eq!((&report["records"], &report["represented"]), (&json!(records), &json!(records)));
    assert_eq!(desk.done(&["sessions", "--json"]).objects()[0]["events"], json!(records));
}
