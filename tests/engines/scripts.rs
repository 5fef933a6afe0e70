//! Search over texts of many scripts: either engine gives the same hits in the same order.
//!
//! `TURNSCOPE_SEARCH_RECORDS=100000` searches so many records in place of a few hundred.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::World;

const RECORDS: u64 = 600;
/// Records a file.
const A_FILE: u64 = 150;
/// What records are made of.
const WORDS: [&str; 40] = [
    "vote",
    "Flaky",
    "TIMEOUT",
    "naïve",
    "cafe\u{301}",
    "Straße",
    "STRASSE",
    "İstanbul",
    "ΟΔΥΣΣΕΥΣ",
    "οδυσσεύς",
    "привет",
    "ПРИВЕТ",
    "Ёлка",
    "שלום",
    "مرحبا",
    "كتاب",
    "नमस्ते",
    "ক্ষমতা",
    "வணக்கம்",
    "สวัสดีครับ",
    "ភាសាខ្មែរ",
    "မြန်မာ",
    "美香",
    "投票結果",
    "ひらがな",
    "カタカナ",
    "한국어",
    "조선말",
    "ⲙⲉⲣⲉ",
    "ᏣᎳᎩ",
    "e\u{200d}x",
    "👩\u{200d}💻",
    "file_name.rs",
    "camelCaseWord",
    "a-b-c",
    "0x1F",
    "1,000.50",
    "µs",
    "ﬁnal",
    "\u{202e}abc",
];
/// What is searched for.
const QUERIES: [&str; 34] = [
    "vote",
    "flaky",
    "timeout vote",
    "naïve",
    "café",
    "straße",
    "strasse",
    "istanbul",
    "οδυσσευς",
    "ΟΔΥΣΣΕΎΣ",
    "Привет",
    "ёлка",
    "שלום",
    "مرحبا كتاب",
    "नमस्ते",
    "க்ஷமதா",
    "வணக்கம்",
    "สวัสดีครับ",
    "ខ្មែរ",
    "မြန်မာ",
    "美香",
    "投票",
    "結果",
    "ひらがな カタカナ",
    "한국어",
    "ᏣᎳᎩ",
    "👩\u{200d}💻",
    "lit:file_name",
    "camelcaseword",
    "\"a b c\"",
    "re:0x[0-9A-F]+",
    "lit:1,000.50",
    "re:(?i)ПРИ",
    "lit:ﬁ",
];

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn records() -> u64 {
    std::env::var("TURNSCOPE_SEARCH_RECORDS").map_or(RECORDS, |count| count.parse().expect("a number"))
}

/// Sessions as Claude Code writes them, whose texts are of many scripts.
fn write(world: &World) -> Vec<PathBuf> {
    let mut dice = Dice(7);
    let mut paths = Vec::new();
    for first in (0..records()).step_by(A_FILE as usize) {
        let id = format!("00000000-0000-4000-8000-{first:012}");
        let mut lines = String::new();
        for number in first..(first + A_FILE).min(records()) {
            let words: Vec<&str> = (0..3 + dice.below(12)).map(|_| WORDS[dice.below(WORDS.len())]).collect();
            let of = if number % 2 == 0 { "user" } else { "assistant" };
            let message = json!({"role": of, "id": format!("m{number}"), "content": words.join(" ")});
            let second = 3_600 * 24 * 30 - number % 3_600;
            let time = format!("2026-03-02T10:{:02}:{:02}.{:03}Z", second / 60 % 60, second % 60, number % 1_000);
            let record = json!({"type": of, "uuid": format!("{id}-{number}"), "sessionId": id, "timestamp": time,
                "cwd": "/made-up", "message": message});
            lines.push_str(&format!("{record}\n"));
        }
        let path = world.home.path().join(format!("{id}.jsonl"));
        fs::write(&path, lines).expect("writes");
        paths.push(path);
    }
    paths
}

#[tokio::test]
async fn any_script_is_found_alike_on_either() {
    let Some(world) = World::new().await else { return };
    let paths = write(&world);
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().expect("is UTF-8")).collect();
    world.both(&[&["import"], paths.as_slice()].concat());
    let mut fruitless = 0;
    for query in QUERIES {
        fruitless += usize::from(world.both(&["search", query, "--all"]).is_empty());
        world.both(&["search", query, "--limit", "7"]);
    }
    // Some of them are of words that are in no record.
    assert!(fruitless < QUERIES.len() / 4, "{fruitless} find nothing");
}
