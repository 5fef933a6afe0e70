//! What was kept is read anew: whatever rules had made of it, it becomes what a fresh import gives.

use serde_json::{Value, json};

use crate::desk::Desk;
use crate::sample;
use crate::spoiling::spoil;

/// Makes nonsense of everything that rules had made of records.
const SPOIL: [&str; 7] = [
    "UPDATE events SET label = 'wrong', tool = NULL, model = 'wrong', usage_input = 7, usage_total = 7, turn = NULL",
    "UPDATE sessions SET title = 'wrong', project = 'wrong', turns = 99, tokens_total = 99, errors = 99",
    "UPDATE tellings SET title = 'wrong', project = 'wrong'",
    "DELETE FROM event_keys",
    "DELETE FROM attributes",
    "UPDATE events SET kind = 5 WHERE event % 2 = 0",
    "UPDATE sources SET state = ''",
];

/// Everything that the commands say of a store.
pub fn told(desk: &Desk) -> Vec<Value> {
    let mut told = desk.done(&["sessions", "--json"]).objects();
    for id in told.iter().map(|session| session["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>() {
        told.extend(desk.done(&["timeline", &id, "--json"]).objects());
    }
    told.extend(desk.done(&["stats", "--json"]).objects());
    told.extend(desk.run(&["check", "--json"]).objects());
    told
}

pub fn filled() -> Desk {
    let desk = Desk::new();
    let first = desk.write("in/claude.jsonl", sample::claude());
    desk.import(&first);
    let codex = desk.write("in/codex.jsonl", sample::codex());
    desk.import(&codex);
    // The same events once more, from another file, and a file that nobody knows.
    let again = desk.write("in/other/claude.jsonl", sample::claude());
    desk.import(&again);
    let unknown = desk.write("in/odd.jsonl", "{\"a\":1}\nno JSON\n");
    desk.run(&["import", crate::desk::text(&unknown)]);
    desk
}

#[test]
fn what_was_made_of_records_comes_out_as_a_fresh_import_gives_it() {
    let desk = filled();
    let fresh = told(&desk);
    spoil(&desk, &SPOIL);
    assert_ne!(told(&desk), fresh);
    let done = desk.done(&["reindex", "--json"]).objects();
    assert_eq!((&done[0]["sources"], &done[0]["left"]), (&json!(4), &json!([])));
    let (now, was) = (told(&desk), fresh);
    assert_eq!(now.len(), was.len());
    for (now, was) in now.iter().zip(&was) {
        assert_eq!(now, was);
    }
    let verified = desk.run(&["verify", &desk.named_store()]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn what_these_rules_have_read_is_left_alone_and_files_are_still_known() {
    let desk = filled();
    let done = desk.done(&["reindex", "--json"]).objects();
    assert_eq!((&done[0]["sources"], &done[0]["current"]), (&json!(0), &json!(4)));
    let before = told(&desk);
    let done = desk.done(&["reindex", "--all", "--json"]).objects();
    assert_eq!(done[0]["sources"], json!(4));
    assert_eq!(told(&desk), before);
    let again = desk.done(&["import", crate::desk::text(&desk.path("in/claude.jsonl"))]);
    assert!(again.text().contains("unchanged"), "{again:?}");
}

#[test]
fn when_things_came_in_and_expire_stays() {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.done(&["import", "--retention", "5", crate::desk::text(&file)]);
    let due = |day: &str| desk.done(&["purge", "--as-of", day, "--json"]).objects()[0]["events"].clone();
    let (soon, late) = (due("in 4 days"), due("in 6 days"));
    assert_ne!(soon, late);
    desk.done(&["reindex", "--all"]);
    assert_eq!((due("in 4 days"), due("in 6 days")), (soon, late));
}

#[test]
fn what_a_damaged_store_still_holds_is_saved() {
    let desk = Desk::with_file();
    let mut lines = String::from_utf8_lossy(&sample::claude()).into_owned();
    // Enough for many pages, so that some can be damaged and others not.
    let noise: Vec<String> = (0..20_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    for part in noise.chunks(500) {
        lines.push_str(&format!("{{\"type\":\"odd\",\"text\":\"{}\"}}\n", part.concat()));
    }
    let file = desk.write("in/claude.jsonl", &lines);
    desk.import(&file);
    let whole = desk.run(&["recover", crate::desk::text(&desk.store()), "--out-dir", "whole", "--json"]);
    assert_eq!(whole.code, 0, "{whole:?}");
    let saved = whole.objects()[0]["file"].as_str().expect("a path").to_owned();
    assert_eq!(std::fs::read(desk.path(&saved)).expect("is there"), lines.as_bytes());
    let told = desk.refused(1, &["recover", crate::desk::text(&desk.store()), "--out-dir", "whole"]);
    assert!(told.contains("--force"), "{told}");
    // A few pages of the pieces, which lie behind the indexes.
    let mut bytes = std::fs::read(desk.store()).expect("can be read");
    let start = bytes.len() * 17 / 20;
    bytes[start..start + (16 << 10)].fill(0xff);
    std::fs::write(desk.path("broken.db"), bytes).expect("can be written");
    let ran = desk.run(&["recover", "broken.db", "--out-dir", "saved", "--json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let told = ran.objects().remove(0);
    let (saved, lost) = (told["bytes"].as_i64().expect("a number"), told["lost"].as_i64().expect("a number"));
    assert!(saved > 0 && lost > 0 && saved + lost == lines.len() as i64, "{ran:?}");
    assert!(ran.err.contains("not whole"), "{}", ran.err);
    // By its name, as its first lines, which tell whose it is, may be among what is lost.
    let file = told["file"].as_str().expect("a path");
    let back = desk.run(&["import", file, "--store", "new.db"]);
    assert!([0, 3].contains(&back.code), "{back:?}");
}
