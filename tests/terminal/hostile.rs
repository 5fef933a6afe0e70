//! A session that means harm, on the screen: nothing of it reaches the terminal as it is, and a large image costs nothing.

use std::fs;

use super::harness::Terminal;
use super::{EVENT, SESSIONS, STILL, TIMELINE, at};
use crate::harm::lines;

/// A file of the session, brought in and opened at its list.
fn opened(image: &str) -> Terminal {
    let terminal = Terminal::start_shell(
        "until [ -e bad.jsonl ]; do sleep 0.05; done; \"$0\" import bad.jsonl >/dev/null; \"$0\"; echo ended with $?",
        100,
        30,
    );
    let lines: String = lines(image).iter().map(|line| format!("{line}\n")).collect();
    let (part, whole) = (terminal.home().join("part"), terminal.home().join("bad.jsonl"));
    fs::write(&part, lines).expect("is written");
    fs::rename(part, whole).expect("is renamed");
    at(&terminal, SESSIONS, "script");
    terminal
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

/// Goes through every row and every tab.
fn walk(terminal: &mut Terminal) {
    terminal.press("\r");
    at(terminal, TIMELINE, "script");
    terminal.press("G");
    terminal.settle(STILL);
    terminal.press("\r");
    at(terminal, EVENT, "Summary");
    for _ in 0..3 {
        for tab in ["g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9", "r", "X", "C", "r"] {
            terminal.press(tab);
            terminal.settle(STILL / 3);
        }
        terminal.press("{");
        terminal.settle(STILL);
    }
}

#[test]
fn nothing_of_a_hostile_session_reaches_the_terminal() {
    let mut terminal = opened("iVBORw0KGgo=");
    walk(&mut terminal);
    terminal.press("Q");
    terminal.wait("the shell", |grid| grid.has("ended with 0"));
    let bytes = terminal.bytes();
    for wanted in [&b"\x1b]52;"[..], b"aGFybQ==\x07", b"\x1b[31mred", "\u{9b}2J".as_bytes(), "\u{202e}".as_bytes()] {
        assert!(!contains(&bytes, wanted), "{:?} was written", String::from_utf8_lossy(wanted));
    }
    for hidden in ["\u{2066}", "\u{200b}"] {
        assert!(!contains(&bytes, hidden.as_bytes()), "{hidden:?} was written");
    }
}

#[test]
fn an_image_of_20_mb_is_opened_like_a_small_one() {
    let mut image = String::from("iVBORw0KGgo");
    image.push_str(&"A".repeat((20 << 20) - image.len()));
    let mut terminal = opened(&image);
    terminal.press("\r");
    at(&terminal, TIMELINE, "script");
    terminal.press("G");
    terminal.settle(STILL);
    let before = terminal.settle(STILL);
    terminal.press("\r");
    at(&terminal, EVENT, "Summary");
    terminal.press("g3");
    let after = terminal.settle(STILL);
    assert!(after - before < 64 << 10, "{} bytes for a screen", after - before);
    terminal.press("Q");
    terminal.wait("the shell", |grid| grid.has("ended with 0"));
}
