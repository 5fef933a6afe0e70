//! The program in a real terminal: walked through, resized, stopped, and always gone without a trace.

#[path = "page/harm.rs"]
mod harm;
#[path = "terminal/harness.rs"]
mod harness;
#[path = "terminal/hostile.rs"]
mod hostile;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use harness::{Grid, Terminal};

const SESSIONS: usize = 0;
const TIMELINE: usize = 1;
const EVENT: usize = 2;
/// A title that is short enough to stand in full at 100 columns.
const RETRO: &str = "Sprint 14 retro";
/// How long a screen must be still to count as drawn, where there is nothing to wait for.
const STILL: Duration = Duration::from_millis(300);

/// The demo at its list of sessions.
fn demo() -> Terminal {
    let terminal = Terminal::start(&["demo"], 100, 30);
    at(&terminal, SESSIONS, RETRO);
    terminal
}

/// The demo in the timeline of the session at the whiteboard.
fn retro() -> Terminal {
    let mut terminal = demo();
    find(&mut terminal, "Sprint");
    terminal.press("\r");
    terminal.wait("its timeline", |grid| grid.depth() == Some(TIMELINE) && grid.breadcrumb().contains(RETRO));
    at(&terminal, TIMELINE, "voice runtime ready");
    terminal
}

/// Waits until the screen of a level is drawn, down to its last line, and shows a text.
fn at(terminal: &Terminal, depth: usize, text: &str) -> Grid {
    terminal.wait(&format!("level {depth} with {text:?}"), |grid| {
        grid.depth() == Some(depth) && grid.has(text) && grid.footer().contains("? help")
    })
}

/// Searches where we are, and waits until the prompt is gone and the screen is still.
fn find(terminal: &mut Terminal, text: &str) {
    terminal.press("/");
    terminal.settle(STILL);
    terminal.press(text);
    terminal.wait("the prompt", |grid| grid.has(text));
    terminal.press("\r");
    terminal.wait("the prompt to be gone", |grid| grid.footer().contains("? help"));
    terminal.settle(STILL);
}

/// Goes into the row that a search finds, and to one of its tabs.
fn open(terminal: &mut Terminal, text: &str, tab: u8) {
    find(terminal, text);
    terminal.press("\r");
    at(terminal, EVENT, "Summary");
    terminal.press(&format!("g{tab}"));
    terminal.settle(STILL);
}

fn quit(mut terminal: Terminal) {
    terminal.press("Q");
    let ended = terminal.end();
    assert_eq!(ended, Ok(0), "{}", terminal.wait("anything", |_| true));
    terminal.assert_restored();
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn slices(terminal: &Terminal) -> Vec<PathBuf> {
    let entries = fs::read_dir(terminal.home()).expect("the home can be listed").flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect()
}

#[test]
fn three_levels_in_and_three_levels_out_leave_the_terminal_as_it_was() {
    let mut terminal = retro();
    terminal.press("\r");
    at(&terminal, EVENT, "Summary");
    terminal.press("q");
    at(&terminal, TIMELINE, RETRO);
    terminal.press("q");
    at(&terminal, SESSIONS, RETRO);
    terminal.press("q");
    assert_eq!(terminal.end(), Ok(0));
    terminal.assert_restored();
}

#[test]
fn the_tabs_of_an_event_show_its_parts() {
    let mut terminal = retro();
    open(&mut terminal, "instructions", 4);
    at(&terminal, EVENT, "voice of a shared whiteboard");
    terminal.press("g6");
    at(&terminal, EVENT, "dispatch_to_conductor");
    terminal.press("g9");
    at(&terminal, EVENT, "system_prompt_loaded");
    quit(terminal);
}

#[test]
fn the_lens_goes_to_a_row_of_the_same_request_and_history_comes_back_to_the_same_place() {
    let mut terminal = retro();
    find(&mut terminal, "crowd_pulse, 0.86");
    let before = terminal.wait("a position", |grid| position(grid).is_some());
    terminal.press("c");
    terminal.wait("the rows of the request", |grid| grid.has("request_id") && grid.has("this row"));
    terminal.press("j\r");
    terminal.wait("another row", |grid| position(grid).is_some() && position(grid) != position(&before));
    // Control and O.
    terminal.press("\u{f}");
    terminal.wait("the list where it stood", |grid| {
        position(grid) == position(&before) && grid.lines[1..20] == before.lines[1..20]
    });
    quit(terminal);
}

#[test]
fn a_search_goes_to_its_hits_and_a_filter_hides_the_rest() {
    let mut terminal = retro();
    find(&mut terminal, "scorecard.run");
    at(&terminal, TIMELINE, "scorecard.run");
    let before = terminal.wait("a position", |grid| position(grid).is_some());
    terminal.press("n");
    terminal.wait("the next hit", |grid| position(grid).is_some() && position(grid) != position(&before));
    terminal.press("f");
    terminal.settle(STILL);
    terminal.press("commit_crowd_pulse\r");
    terminal.wait("fewer rows", |grid| grid.has("commit_crowd_pulse") && !grid.has("screenshot"));
    quit(terminal);
}

/// The position that the line above the footer shows: `12/345`.
fn position(grid: &Grid) -> Option<String> {
    let line = grid.lines.iter().rev().nth(1)?;
    let is = |word: &&str| {
        word.split_once('/').is_some_and(|(at, of)| at.parse::<u32>().is_ok() && of.parse::<u32>().is_ok())
    };
    line.split_whitespace().find(is).map(str::to_owned)
}

#[test]
fn e_walks_from_error_to_error() {
    let mut terminal = retro();
    terminal.press("gg");
    terminal.settle(STILL);
    let mut seen = Vec::new();
    for _ in 0..3 {
        terminal.press("e");
        terminal.settle(STILL);
        seen.push(terminal.wait("a position", |grid| position(grid).is_some()));
    }
    let mut places: Vec<_> = seen.iter().filter_map(position).collect();
    places.dedup();
    assert_eq!(places.len(), 3, "{}", seen[2]);
    quit(terminal);
}

#[test]
fn an_exported_slice_agrees_with_its_digests() {
    let mut terminal = demo();
    find(&mut terminal, "Sprint");
    terminal.press("x");
    terminal.wait("a name for the slice", |grid| grid.has(".json"));
    terminal.press("\r");
    terminal.wait("the word that it was written", |grid| grid.has("wrote") || grid.has("written"));
    let written = slices(&terminal);
    assert_eq!(written.len(), 1, "{written:?}");
    let verify = std::process::Command::new(env!("CARGO_BIN_EXE_turnscope")).arg("verify").arg(&written[0]).output();
    assert!(verify.expect("runs").status.success());
    quit(terminal);
}

#[test]
fn help_names_the_keys_of_this_place() {
    let mut terminal = retro();
    terminal.press("?");
    terminal.wait("the help", |grid| grid.has("Help for Timeline"));
    terminal.press("next err");
    terminal.wait("what was looked for", |grid| grid.has("next error") && !grid.has("half a page"));
    terminal.press("\x1b");
    at(&terminal, TIMELINE, RETRO);
    quit(terminal);
}

#[test]
fn nothing_is_written_while_nothing_happens() {
    let mut terminal = retro();
    for keys in ["", "\r", "q"] {
        terminal.press(keys);
        let before = terminal.settle(Duration::from_secs(1));
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(terminal.bytes().len(), before, "it writes while idle, after {keys:?}");
    }
    quit(terminal);
}

#[test]
fn one_cell_and_back_is_survived_on_every_level() {
    let mut terminal = retro();
    for depth in [TIMELINE, EVENT] {
        for (columns, rows) in [(1, 1), (20, 3), (3, 20), (300, 2), (100, 30)] {
            terminal.resize(columns, rows);
            terminal.settle(STILL);
            terminal.press("j");
            terminal.settle(STILL);
        }
        terminal.wait("the screen of before", |grid| grid.depth() == Some(depth) && grid.breadcrumb().contains(RETRO));
        terminal.press("\r");
    }
    quit(terminal);
}

#[test]
fn both_separators_stay_at_every_width_from_20() {
    let mut terminal = retro();
    terminal.press("\r");
    at(&terminal, EVENT, "Summary");
    for columns in [60, 40, 30, 20] {
        terminal.resize(columns, 24);
        terminal.wait("both separators", |grid| grid.depth() == Some(EVENT));
    }
    quit(terminal);
}

#[test]
fn what_a_payload_holds_cannot_steer_the_terminal() {
    let mut terminal = retro();
    open(&mut terminal, "read_note", 3);
    let grid = terminal.wait("the note with its marks", |grid| grid.has("URGENT") && grid.has("^["));
    assert!(grid.has("<U+202E>") && grid.has("<U+200B>"), "{grid}");
    for keys in ["X", "X", "r", "g9", "w", "g1"] {
        terminal.press(keys);
        terminal.settle(STILL);
    }
    let bytes = terminal.bytes();
    assert!(!contains(&bytes, b"\x1b]52;"), "something was copied");
    assert!(!contains(&bytes, b"Y3VybCBldmls\x07") && !contains(&bytes, "\u{202e}".as_bytes()));
    assert!(!contains(&bytes, "\u{200b}".as_bytes()) && !contains(&bytes, "\u{9b}".as_bytes()));
    quit(terminal);
}

#[test]
fn copying_is_the_only_thing_that_reaches_the_clipboard() {
    let mut terminal = retro();
    open(&mut terminal, "read_note", 3);
    terminal.press("yi");
    terminal.settle(STILL);
    let bytes = terminal.bytes();
    let copied: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"\x1b]52;c;")).collect();
    assert_eq!(copied.len(), 1, "one copy of our own");
    let ours = &bytes[copied[0] + 7..];
    assert!(!ours.starts_with(b"Y3VybCBldmls"), "what the payload wanted to copy");
    quit(terminal);
}

#[test]
fn a_signal_to_end_restores_the_terminal() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let mut terminal = retro();
        terminal.press("\r");
        at(&terminal, EVENT, "Summary");
        terminal.signal(signal);
        let ended = terminal.end();
        assert!(ended != Ok(0), "{signal}: {ended:?}");
        terminal.assert_restored();
    }
}

#[test]
fn suspending_hands_the_terminal_back_and_takes_it_again() {
    let mut terminal = Terminal::start_shell("\"$0\" demo; echo the shell has it; read answer; fg", 100, 30);
    at(&terminal, SESSIONS, RETRO);
    terminal.press("\x1a");
    terminal.wait("the shell", |grid| grid.has("the shell has it"));
    terminal.assert_restored();
    terminal.press("\r");
    at(&terminal, SESSIONS, RETRO);
    terminal.press("?");
    terminal.wait("the help", |grid| grid.has("Help for Sessions"));
    terminal.press("\x1b");
    at(&terminal, SESSIONS, RETRO);
    quit(terminal);
}

#[test]
fn a_terminal_that_is_closed_ends_the_program_as_a_hang_up_does() {
    let home = tempfile::tempdir().expect("a folder");
    let ended = harness::close_once_it_shows(&["demo"], home.path(), b"Sprint");
    assert_eq!(ended, 128 + 1);
}

#[test]
fn coming_back_to_the_front_takes_the_terminal_once() {
    let mut terminal = Terminal::start_shell("\"$0\" demo; echo the shell has it; read answer; fg", 100, 30);
    at(&terminal, SESSIONS, RETRO);
    terminal.press("\x1a");
    terminal.wait("the shell", |grid| grid.has("the shell has it"));
    let before = terminal.settle(STILL);
    terminal.press("\r");
    at(&terminal, SESSIONS, RETRO);
    terminal.settle(STILL);
    let taken = b"\x1b[?1049h";
    let after = &terminal.bytes()[before..];
    assert_eq!(after.windows(taken.len()).filter(|bytes| bytes == taken).count(), 1);
    quit(terminal);
}

#[test]
fn replies_of_the_terminal_act_on_nothing() {
    let mut terminal = retro();
    terminal.settle(STILL);
    let before = terminal.wait("a position", |grid| position(grid).is_some());
    for reply in ["\x1b[?2026;2$y", "\x1b]10;rgb:ffff/ffff/ffff\x1b\\", "\x1bP>|XTerm(379)\x1b\\", "\x1b[>41;379;0c"] {
        terminal.press(reply);
        terminal.settle(STILL);
        let after = terminal.wait("a position", |grid| position(grid).is_some());
        assert_eq!((&after.lines, position(&after)), (&before.lines, position(&before)), "{reply:?}");
    }
    terminal.press("j");
    terminal.wait("the next row", |grid| position(grid).is_some() && position(grid) != position(&before));
    quit(terminal);
}

#[test]
fn keys_typed_before_the_list_is_there_wait_for_it() {
    let mut terminal = Terminal::start(&["demo"], 100, 30);
    terminal.press("j\r");
    terminal.wait("a timeline", |grid| grid.depth() == Some(TIMELINE));
    quit(terminal);
}

#[test]
fn quitting_while_a_file_is_read_waits_for_nothing() {
    let mut terminal = Terminal::start_shell(
        "until [ -e big.jsonl ]; do sleep 0.05; done; \"$0\" big.jsonl; echo ended with $?",
        100,
        30,
    );
    let line = format!("{{\"type\":\"user\",\"text\":\"{}\"}}\n", "x".repeat(2000));
    let first = "{\"type\":\"first\",\"text\":\"what is seen at once\"}\n";
    let (part, whole) = (terminal.home().join("part"), terminal.home().join("big.jsonl"));
    fs::write(&part, first.to_owned() + &line.repeat(20_000)).expect("is written");
    fs::rename(part, whole).expect("is renamed");
    terminal.wait("the first row", |grid| grid.has("what is seen at once"));
    terminal.press("Q");
    terminal.wait("the shell", |grid| grid.has("ended with 0"));
    let cache = terminal.home().join("cache/turnscope");
    assert_eq!(fs::read_dir(cache).expect("is there").count(), 0);
}

#[test]
fn a_screen_is_drawn_anew_on_a_terminal_that_answers_nothing() {
    let mut terminal = retro();
    let before = terminal.settle(STILL);
    terminal.press("\x0c");
    terminal.settle(STILL);
    at(&terminal, TIMELINE, "voice runtime ready");
    assert!(terminal.bytes().len() > before + 1000, "nothing was drawn");
    quit(terminal);
}

#[test]
fn control_c_twice_quits_and_escape_never_does() {
    let mut terminal = demo();
    for _ in 0..3 {
        terminal.press("\x1b");
        terminal.settle(STILL);
    }
    at(&terminal, SESSIONS, RETRO);
    terminal.press("\x03");
    terminal.settle(STILL);
    terminal.press("\x03");
    let ended = terminal.end();
    assert!(matches!(ended, Ok(0 | 130)), "{ended:?}");
    terminal.assert_restored();
}

#[test]
fn a_command_that_prints_leaves_the_terminal_alone() {
    let mut terminal = Terminal::start(&["--help"], 100, 60);
    terminal.wait("the help", |grid| grid.has("turnscope demo"));
    assert_eq!(terminal.end(), Ok(0));
    terminal.assert_restored();
}

#[test]
fn a_path_with_nothing_in_it_says_why_on_the_screen_and_to_whoever_called() {
    for (made, reason, code) in [("echo some words", "holds no JSON records", 1), ("true", "there is nothing in it", 0)]
    {
        let mut terminal = Terminal::start_shell(&format!("{made} >named; \"$0\" named"), 100, 30);
        let grid = at(&terminal, SESSIONS, reason);
        assert!(!grid.has("turnscope import"), "{grid}");
        terminal.press("q");
        assert_eq!(terminal.end(), Ok(code));
    }
}

#[test]
fn text_typed_at_once_behind_a_slash_is_searched_for_and_never_run() {
    let mut terminal = retro();
    terminal.press("\r");
    at(&terminal, EVENT, "Summary");
    terminal.press("/exec\r\r");
    terminal.wait("the search to be done", |grid| grid.has("not found: exec") || grid.has("/exec "));
    terminal.settle(STILL);
    assert_eq!(slices(&terminal), Vec::<PathBuf>::new());
    quit(terminal);
}

/// A record of a session, in which somebody says something.
fn said(number: u32, text: &str) -> String {
    format!(
        "{{\"type\":\"user\",\"uuid\":\"u{number}\",\"sessionId\":\"growing\",\"timestamp\":\
         \"2026-03-02T10:00:{number:02}Z\",\"message\":{{\"role\":\"user\",\"content\":\"{text}\"}}}}\n"
    )
}

#[test]
fn a_file_that_grows_is_followed_until_the_user_moves() {
    let mut terminal =
        Terminal::start_shell("until [ -e live.jsonl ]; do sleep 0.05; done; exec \"$0\" live.jsonl", 100, 30);
    let path = terminal.home().join("live.jsonl");
    let part = terminal.home().join("part");
    fs::write(&part, said(1, "the first words") + &said(2, "the second words")).expect("is written");
    fs::rename(part, &path).expect("is renamed");
    let append = |text: &str| {
        let mut file = fs::File::options().append(true).open(&path).expect("opens");
        file.write_all(text.as_bytes()).expect("is written");
    };
    at(&terminal, TIMELINE, "the second words");
    terminal.press("F");
    terminal.wait("the badge", |grid| grid.has("  follow"));
    append(&said(3, "the third words"));
    terminal.wait("what came in", |grid| grid.has("the third words") && position(grid).as_deref() == Some("3/3"));
    let (half, rest) = (said(4, "the fourth words"), said(5, "the fifth words"));
    append(&half[..40]);
    append(&(half[40..].to_owned() + &rest));
    terminal.wait("both at the end", |grid| grid.has("the fifth words") && position(grid).as_deref() == Some("5/5"));
    terminal.press("gg");
    terminal.wait("the pause", |grid| grid.has("follow paused") && position(grid).as_deref() == Some("1/5"));
    append(&said(6, "the sixth words"));
    terminal
        .wait("a cursor that stays", |grid| grid.has("the sixth words") && position(grid).as_deref() == Some("1/6"));
    terminal.press("G");
    terminal.wait("the end", |grid| !grid.has("follow paused") && position(grid).as_deref() == Some("6/6"));
    quit(terminal);
}

#[test]
fn a_redacted_export_shows_what_it_hides_before_the_first_byte_is_written() {
    let mut terminal = Terminal::start_shell(
        "until [ -e told.jsonl ]; do sleep 0.05; done; \"$0\" import told.jsonl; \"$0\"; echo ended with $?",
        80,
        24,
    );
    let line = "{\"type\":\"user\",\"uuid\":\"u1\",\"sessionId\":\"5d3f1b4e-0000-4000-8000-000000000001\",\
                \"timestamp\":\"2026-03-02T10:00:00Z\",\"message\":{\"role\":\"user\",\"content\":\
                \"the key is AKIAIOSFODNN7ABCDEFG and password=hunter2secret\"}}\n";
    let (part, whole) = (terminal.home().join("part"), terminal.home().join("told.jsonl"));
    fs::write(&part, line).expect("is written");
    fs::rename(part, whole).expect("is renamed");
    at(&terminal, SESSIONS, "the key is");
    terminal.press("\r");
    at(&terminal, TIMELINE, "the key is");
    terminal.press("x");
    terminal.wait("the prompt", |grid| grid.has("write to:"));
    terminal.press("\t");
    terminal
        .wait("what is hidden", |grid| grid.has("To be hidden: 2 secrets") && grid.footer().contains("Enter writes"));
    assert!(slices(&terminal).is_empty());
    // The first rule passes, so that it is looked again before anything is written.
    terminal.press(" ");
    terminal.wait("the choice", |grid| grid.has("passes") && grid.footer().contains("Enter looks again"));
    terminal.press("\r");
    terminal
        .wait("the second look", |grid| grid.has("To be hidden: 1 secret ") && grid.footer().contains("Enter writes"));
    assert!(slices(&terminal).is_empty());
    terminal.press("\r");
    terminal.wait("the file", |grid| grid.has("wrote "));
    let written = fs::read_to_string(&slices(&terminal)[0]).expect("is there");
    assert_eq!(["AKIAIOSFODNN7ABCDEFG", "hunter2secret"].map(|secret| written.contains(secret)), [false, true]);
    terminal.press("Q");
    terminal.wait("the shell", |grid| grid.has("ended with 0"));
}
