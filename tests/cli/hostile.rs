//! A session that means harm, in every table: what it holds is shown with marks, and steers nothing.

use crate::desk::{Desk, Ran};
use crate::harm::lines;

fn filled(image: &str) -> Desk {
    let desk = Desk::new();
    let lines: String = lines(image).iter().map(|line| format!("{line}\n")).collect();
    let file = desk.write("bad.jsonl", lines);
    desk.import(&file);
    desk
}

/// What makes a terminal do something, or a reader see something else than there is.
fn steers(letter: char) -> bool {
    let turns = matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // Tabs part the columns of what is piped.
    turns || (letter.is_control() && letter != '\n' && letter != '\t')
}

fn assert_plain(ran: &Ran, what: &[&str]) {
    for (name, shown) in [("stdout", ran.text()), ("stderr", &ran.err)] {
        let found = shown.char_indices().find(|(_, letter)| steers(*letter));
        let around = found.map(|(at, _)| &shown[shown.floor_char_boundary(at.saturating_sub(40))..]);
        assert!(
            found.is_none(),
            "{what:?}, {name}: {:?}",
            around.map(|text| text.chars().take(80).collect::<String>())
        );
    }
}

#[test]
fn no_table_and_no_json_lets_anything_through_that_steers() {
    let desk = filled("iVBORw0KGgo=");
    let row = desk.done(&["timeline", "last", "--json"]).objects()[1]["id"].as_str().expect("an id").to_owned();
    let commands: [&[&str]; 12] = [
        &["sessions"],
        &["timeline", "last"],
        &["show", "last", &row],
        &["search", "txt.exe"],
        &["search", "lit:onerror"],
        &["check", "last", "--severity", "info"],
        &["stats", "last"],
        &["stats"],
        &["scan", "last"],
        &["export", "last", "--redact", "--dry-run"],
        &["timeline", "last", "--where", "text~\"onerror\""],
        &["reindex", "--all"],
    ];
    for command in commands {
        assert_plain(&desk.run(command), command);
        let json = [command, &["--json"]].concat();
        let ran = desk.run(&json);
        assert!([0, 4].contains(&ran.code), "{ran:?}");
        assert_plain(&ran, &json);
        ran.objects();
    }
    let shown = desk.run(&["show", "last", &row]).text().to_owned();
    assert!(shown.contains("<U+202E>") && shown.contains("onerror"), "it is shown with marks: {shown}");
}

#[test]
fn an_error_that_names_what_means_harm_does_not_steer_either() {
    let desk = filled("iVBORw0KGgo=");
    for command in [&["show", "last", "u\u{1b}[31m\u{202e}"][..], &["timeline", "\u{1b}]52;c;eA==\u{7}"]] {
        let ran = desk.run(command);
        assert!(ran.code != 0 && !ran.err.is_empty(), "{ran:?}");
        assert_plain(&ran, command);
    }
}

#[test]
fn an_image_of_20_mb_is_no_line_of_a_table() {
    let mut image = String::from("iVBORw0KGgo");
    image.push_str(&"A".repeat((20 << 20) - image.len()));
    let desk = filled(&image);
    for command in [&["sessions"][..], &["timeline", "last"], &["stats", "last"], &["check", "last"]] {
        for command in [command.to_vec(), [command, &["--json"]].concat()] {
            let ran = desk.run(&command);
            assert!(ran.out.len() < 64 << 10, "{command:?} writes {} bytes", ran.out.len());
            assert_plain(&ran, &command);
        }
    }
    let row = desk.done(&["timeline", "last", "--json"]).objects().last().expect("a row")["id"].clone();
    let shown = desk.done(&["show", "last", row.as_str().expect("an id")]);
    assert!(shown.out.len() < 256 << 10, "{} bytes", shown.out.len());
    desk.done(&["show", "last", row.as_str().expect("an id"), "--part", "output", "-o", "output.json"]);
    assert!(std::fs::metadata(desk.path("output.json")).expect("is there").len() > 20 << 20, "all of it is there");
}
