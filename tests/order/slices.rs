//! Slices of one session, with and without the files that they were made from.

use std::fs;

use crate::arrival::{WAYS, assert_always_same, assert_same, brought_in, file, permutations};
use crate::desk::text;

const SESSION: &str = "51ce0000-0000-4000-8000-00000000000a";

fn line(id: u8, second: u8, rest: &str) -> String {
    format!(
        "{{\"parentUuid\":null,\"isSidechain\":false,\"sessionId\":\"{SESSION}\",\"cwd\":\"/home/ada/shop\",\"uuid\":\"u{id}\",\
         \"timestamp\":\"2026-03-02T10:00:{second:02}.000Z\",{rest}}}\n"
    )
}

fn said(id: u8, second: u8) -> String {
    line(id, second, &format!("\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"prompt {id}\"}}"))
}

fn whole() -> String {
    let answer = |id: u8, second: u8, output: u8| {
        let body = format!(
            "\"type\":\"assistant\",\"message\":{{\"id\":\"m1\",\"model\":\"claude-x\",\"content\":[{{\"type\":\"text\",\"text\":\
             \"part {id}\"}}],\"usage\":{{\"input_tokens\":3,\"output_tokens\":{output}}}}}"
        );
        line(id, second, &body)
    };
    [said(1, 0), answer(2, 1, 1), answer(3, 1, 9), said(4, 2), said(1, 3), said(6, 4)].concat()
}

#[test]
fn slices_and_the_file_they_are_of_give_the_same_in_any_order() {
    let source = file("whole.jsonl", whole());
    let desk = brought_in(std::slice::from_ref(&source), &[0], WAYS[0]);
    let slice = |name: &str, from: &str, to: &str| {
        let path = desk.path(name);
        desk.done(&["export", SESSION, "--from", from, "--to", to, "-o", text(&path)]);
        file(name, fs::read(&path).expect("reads"))
    };
    let first = slice("first.json", "2026-03-02T10:00:00Z", "2026-03-02T10:00:02.5Z");
    let second = slice("second.json", "2026-03-02T10:00:01Z", "2026-03-02T10:00:09Z");
    assert_always_same(&[first.clone(), second.clone()]);
    assert_same(&[first, second, source], &permutations(3), &WAYS[..2]);
}
