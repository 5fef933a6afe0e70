//! A file that is read while it grows gives what it gives when it is read whole.

use std::fs;

use crate::arrival::{WAYS, brought_in, difference, file, told};
use crate::desk::{Desk, text};

const SESSION: &str = "92000000-0000-4000-8000-00000000000a";

/// Records without a time, then some with one.
fn content(before: usize) -> String {
    let untimed: String = (0..before)
        .map(|place| format!("{{\"type\":\"summary\",\"summary\":\"summary {place}\",\"leafUuid\":\"u{place}\"}}\n"))
        .collect();
    let prompt = |id: u8, second: u8| {
        format!(
            "{{\"parentUuid\":null,\"isSidechain\":false,\"sessionId\":\"{SESSION}\",\"cwd\":\"/home/ada/shop\",\"uuid\":\"p{id}\",\
             \"timestamp\":\"2026-03-02T10:00:{second:02}.000Z\",\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"go on {id}\"}}}}\n"
        )
    };
    untimed + &prompt(1, 5) + &prompt(2, 7)
}

fn grown(content: &str, cuts: &[usize]) -> String {
    let desk = Desk::new();
    for cut in cuts.iter().copied().chain([content.len()]) {
        let path = desk.write(&format!("one/{SESSION}.jsonl"), &content[..cut]);
        let ran = desk.run(&["import", text(&path)]);
        assert!(matches!(ran.code, 0 | 3), "{ran:?}");
    }
    let written = desk.path("out");
    desk.done(&["export", SESSION, "--format", "original", "-o", text(&written)]);
    assert_eq!(fs::read_to_string(written.join(format!("{SESSION}.jsonl"))).expect("reads"), content);
    told(&desk)
}

#[test]
fn what_stands_before_the_first_time_takes_it_whenever_that_comes() {
    let content = content(3);
    let whole = told(&brought_in(&[file(&format!("{SESSION}.jsonl"), content.clone())], &[0], WAYS[0]));
    let line = content.find('\n').expect("a line") + 1;
    for cuts in [&[line][..], &[2 * line + 20], &[line, 3 * line], &[3 * line + 30]] {
        let now = grown(&content, cuts);
        assert!(whole == now, "{cuts:?}:\n{}", difference(&whole, &now));
    }
}

#[test]
fn many_records_before_the_first_time_take_it_too() {
    let content = content(2500);
    let desk = brought_in(&[file(&format!("{SESSION}.jsonl"), content)], &[0], WAYS[0]);
    let rows = desk.done(&["timeline", SESSION, "--json"]).objects();
    assert_eq!(rows.len(), 2502);
    assert!(rows[..2501].iter().all(|row| row["at"] == "2026-03-02T10:00:05.000000Z"), "{}", rows[0]);
}
