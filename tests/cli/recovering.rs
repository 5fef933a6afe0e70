//! What can be saved of a damaged store, and that it comes in again.

use std::fs;

use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::sample;

/// What a store of ours is written in.
const PAGE: usize = 8192;

/// A session of many pages: about 16 bytes a word.
fn long(words: u64) -> String {
    let mut lines = String::from_utf8_lossy(&sample::claude()).into_owned() + "\n";
    let noise: Vec<String> = (0..words).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    for part in noise.chunks(500) {
        lines.push_str(&format!("{{\"type\":\"odd\",\"text\":\"{}\"}}\n", part.concat()));
    }
    lines
}

#[test]
fn marks_and_notes_come_back_with_the_files() {
    let desk = Desk::with_file();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&file);
    let row = desk.done(&["timeline", sample::CLAUDE, "--json"]).objects()[0]["id"].clone();
    // A slice may carry them into a store, as other people's marks come along.
    desk.done(&["export", sample::CLAUDE, "-o", "slice.json"]);
    let slice = fs::read_to_string(desk.path("slice.json")).expect("is there");
    let note = json!({"session": sample::CLAUDE, "row": row, "marked": true, "note": "look \u{1b}here"});
    let slice = slice.replace("\"annotations\":[]", &format!("\"annotations\":[{note}]"));
    let slice = desk.write("noted.json", slice);
    let _ = desk.run(&["--store", "old.db", "import", text(&file)]);
    let _ = desk.run(&["--store", "old.db", "import", text(&slice)]);

    let ran = desk.run(&["recover", "old.db", "--out-dir", "saved"]);
    assert!(ran.code == 0 && ran.err.contains("1 marks and notes"), "{ran:?}");
    let marks = desk.path("saved/marks-and-notes.json");
    desk.done(&["verify", text(&marks)]);
    let back = desk.run(&["--store", "new.db", "import", "saved"]);
    assert!([0, 3].contains(&back.code), "{back:?}");
    desk.done(&["--store", "new.db", "export", sample::CLAUDE, "-o", "again.json"]);
    let again: Value = serde_json::from_slice(&fs::read(desk.path("again.json")).expect("is there")).expect("is JSON");
    assert_eq!(again["annotations"], json!([note]));
}

#[test]
fn no_page_of_an_index_takes_all_with_it() {
    let desk = Desk::with_file();
    let lines = long(20_000);
    let file = desk.write("in/claude.jsonl", &lines);
    desk.import(&file);
    let whole = fs::read(desk.store()).expect("reads");
    // Inner pages of tables and indexes, and leaves of indexes.
    let is_index = |page: usize| matches!(whole[page * PAGE], 0x02 | 0x05 | 0x0a);
    let pages: Vec<usize> = (1..whole.len() / PAGE).filter(|page| is_index(*page)).collect();
    assert!(pages.iter().any(|page| whole[page * PAGE] == 0x05), "some table has more than one page");
    for page in pages {
        let mut bytes = whole.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill(0xff);
        fs::write(desk.path("broken.db"), bytes).expect("writes");
        let ran = desk.run(&["recover", "broken.db", "--out-dir", "saved", "--force", "--json"]);
        assert!([0, 3].contains(&ran.code), "page {page}: {ran:?}");
        let told = ran.objects().remove(0);
        let saved = fs::read(desk.path(told["file"].as_str().expect("a path"))).expect("is there");
        assert!(saved == lines.as_bytes(), "page {page}, which is of {:#x}: {told}", whole[page * PAGE]);
    }
}

#[test]
fn damage_at_the_end_of_the_tables_loses_what_lies_there_and_no_more() {
    let desk = Desk::with_file();
    // So long that its pieces lie in many leaves.
    let lines = long(150_000);
    let file = desk.write("in/claude.jsonl", &lines);
    desk.import(&file);
    let mut bytes = fs::read(desk.store()).expect("reads");
    let leaves: Vec<usize> = (1..bytes.len() / PAGE).filter(|page| bytes[page * PAGE] == 0x0d).collect();
    // The first half holds the schema, without which nothing can be asked for.
    for page in leaves[leaves.len() / 2..].iter().step_by(3) {
        bytes[page * PAGE + 8..(page + 1) * PAGE].fill(0xee);
    }
    fs::write(desk.path("broken.db"), bytes).expect("writes");
    let ran = desk.run(&["recover", "broken.db", "--out-dir", "saved", "--json"]);
    assert_eq!(ran.code, 3, "it never breaks off: {ran:?}");
    let told = ran.objects();
    let lost: i64 = told.iter().map(|file| file["lost"].as_i64().expect("a number")).sum();
    let saved =
        told.iter().map(|file| fs::read(desk.path(file["file"].as_str().expect("a path"))).expect("is there").len());
    assert!(lost > 0 && saved.sum::<usize>() > lines.len() / 4, "{told:?}");
}

#[test]
fn without_the_page_of_the_schema_files_are_found_by_what_they_look_like() {
    let desk = Desk::with_file();
    let lines = long(20_000);
    for (name, content) in [("claude.jsonl", lines.clone()), ("codex.jsonl", sample::codex())] {
        let file = desk.write(&format!("in/{name}"), content);
        desk.import(&file);
    }
    let whole = fs::read(desk.store()).expect("reads");
    // The head of the file with all that follows, or the schema alone.
    for (from, words) in [(0, "not a database"), (100, "")] {
        let mut bytes = whole.clone();
        bytes[from..PAGE].fill(0xff);
        fs::write(desk.path("broken.db"), bytes).expect("writes");
        let ran = desk.run(&["recover", "broken.db", "--out-dir", "saved", "--force", "--json"]);
        assert!(ran.code == 3 && ran.err.contains("its pages are looked through"), "{ran:?}");
        assert!(ran.err.contains(words), "{ran:?}");
        let told = ran.objects();
        assert_eq!(told.len(), 2, "{told:?}");
        for file in told {
            let expected = if text_of(&file["source"]).contains("claude") { lines.clone() } else { sample::codex() };
            let saved = fs::read(desk.path(text_of(&file["file"]))).expect("is there");
            assert!(saved == expected.as_bytes() && file["lost"] == 0, "{file}");
        }
    }
    fs::write(desk.path("none.db"), vec![0xff; 5 * PAGE]).expect("writes");
    let told = desk.refused(1, &["recover", "none.db", "--out-dir", "nothing"]);
    assert!(told.contains("nothing of none.db can be read"), "{told}");
}

fn text_of(value: &Value) -> &str {
    value.as_str().expect("a text")
}
