//! Secrets planted in every part of a session, in every encoding: none of them leaves in any form that is redacted.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::sample;

const ANY: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Kinds of secrets: what stands before and behind the part that nobody may read, its letters and how many there are.
const KINDS: [(&str, &str, usize, &str); 44] = [
    ("use sk-ant-api03-", ANY, 80, " here"),
    ("use sk-proj-", ANY, 48, " here"),
    ("use sk-or-v1-", HEX, 64, " here"),
    ("use AIza", ANY, 35, " here"),
    ("use ya29.", ANY, 60, " here"),
    ("use GOCSPX-", ANY, 28, " here"),
    ("use AKIA", CAPITALS, 16, " here"),
    ("clone with ghp_", ANY, 36, " now"),
    ("clone with github_pat_", ANY, 70, " now"),
    ("clone with glpat-", ANY, 20, " now"),
    ("post with xoxb-123456789012-", ANY, 24, " now"),
    ("post with xapp-1-", ANY, 40, " now"),
    ("pay with sk_live_", ANY, 24, " now"),
    ("check with whsec_", ANY, 32, " now"),
    ("pay with sq0atp-", ANY, 22, " now"),
    ("call with SK", HEX, 32, " now"),
    ("mail with key-", HEX, 32, " now"),
    ("publish with npm_", ANY, 36, " now"),
    ("publish with pypi-AgEIcHlwaS5vcmc", ANY, 70, " now"),
    ("push with dckr_pat_", ANY, 27, " now"),
    ("load with hf_", ANY, 34, " now"),
    ("ask with gsk_", ANY, 52, " now"),
    ("ask with xai-", ANY, 80, " now"),
    ("trace with lsv2_pt_", HEX, 42, " now"),
    ("rent with dop_v1_", HEX, 64, " now"),
    ("query with dapi", HEX, 32, " now"),
    ("query with sbp_", HEX, 40, " now"),
    ("read with hvs.", ANY, 24, " now"),
    ("sell with shpat_", HEX, 32, " now"),
    ("plan with lin_api_", ANY, 40, " now"),
    ("draw with figd_", ANY, 40, " now"),
    ("watch with NRAK-", ANY, 27, " now"),
    ("watch with glsa_", ANY, 32, "_1a2b3c4d now"),
    ("write with ATATT3", ANY, 60, " now"),
    ("open with AGE-SECRET-KEY-1", CAPITALS, 58, " now"),
    ("see eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.", ANY, 43, " now"),
    ("-----BEGIN RSA PRIVATE KEY-----\n", ANY, 64, "\nabcd\n-----END RSA PRIVATE KEY-----\nrest"),
    ("Authorization: Bearer ", ANY, 30, "\nHost: e.example"),
    ("open postgres://ada:", ANY, 14, "@db.example.com/shop"),
    ("Server=db;User Id=ada;Password=", ANY, 14, ";Encrypt=yes"),
    ("export DB_PASSWORD=", ANY, 14, "\nOTHER=1"),
    ("login --password ", ANY, 14, " --now"),
    ("X-Api-Key: ", ANY, 20, "\nHost: e.example"),
    ("Cookie: theme=dark; sid=", ANY, 26, "\nHost: e.example"),
];

/// How a text is written.
type Writing = fn(&str) -> String;

/// Ways in which a text may be written.
const ENCODINGS: [(&str, Writing); 7] = [
    ("plain", str::to_owned),
    ("JSON", |text| json!({ "note": text }).to_string()),
    ("JSON in JSON", |text| json!({ "inner": json!({ "note": text }).to_string() }).to_string()),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 in JSON", |text| json!({ "packed": URL_SAFE_NO_PAD.encode(text) }).to_string()),
    ("percent signs", |text| format!("https://e.example/?q={}", percent(text))),
    ("base64 in lines", |text| {
        let long = STANDARD
            .encode(format!("{text}\nand more words, so that it has several lines of its own, as mail has them"));
        long.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>().join("\n")
    }),
];

/// The parts of a session that hold what others wrote.
const PARTS: [&str; 6] = ["prompt", "answer", "argument", "output", "title", "folder"];

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Letters that look made by chance, the same each time.
fn letters(alphabet: &str, size: usize, seed: usize) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let mut state = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..size).map(|_| alphabet[(next() >> 33) as usize % alphabet.len()]).collect()
}

/// One secret: what it is and where, the part that nobody may read, and the text it stands in as it is written.
struct Planted {
    name: String,
    secret: String,
    written: String,
}

fn planted(kind: usize, part: usize, encoding: usize) -> Planted {
    let (before, alphabet, size, behind) = KINDS[kind];
    let secret = letters(alphabet, size, (kind * PARTS.len() + part) * ENCODINGS.len() + encoding);
    let (name, write) = ENCODINGS[encoding];
    let written = write(&format!("{before}{secret}{behind}"));
    Planted { name: format!("{before:?} in the {} as {name}", PARTS[part]), secret, written }
}

/// A session with a turn for each kind, and what is planted in it. Every kind stands in every part and in every encoding,
/// and every encoding in every part; all three together only where `TURNSCOPE_PLANTS=all`, as that takes minutes.
fn session() -> (String, Vec<Planted>) {
    let is_all = std::env::var_os("TURNSCOPE_PLANTS").is_some_and(|plants| plants == "all");
    let (mut lines, mut all) = (String::new(), Vec::new());
    for kind in 0..KINDS.len() {
        let mut of_part = |part: usize| -> String {
            let encodings =
                (0..ENCODINGS.len()).filter(|encoding| is_all || (kind + part + encoding).is_multiple_of(3));
            let here: Vec<Planted> = encodings.map(|encoding| planted(kind, part, encoding)).collect();
            let text = here.iter().map(|own| own.written.as_str()).collect::<Vec<_>>().join("\n\n");
            all.extend(here);
            text
        };
        let call = format!("toolu_planted_{kind}");
        let (prompt, answer, argument, output, title) = (of_part(0), of_part(1), of_part(2), of_part(3), of_part(4));
        let folder = planted(kind, 5, 0);
        let cwd = format!("/srv/{}", folder.written);
        all.push(folder);
        let mut line = |id: &str, second: usize, more: Value| {
            let mut record = json!({
                "uuid": format!("{id}{kind}"), "sessionId": sample::CLAUDE, "cwd": cwd, "version": "2.1.0",
                "timestamp": format!("2026-03-02T10:{kind:02}:{second:02}.250Z"),
            });
            more.as_object().expect("an object").iter().for_each(|(name, value)| record[name] = value.clone());
            lines.push_str(&(record.to_string() + "\n"));
        };
        let usage = json!({ "input_tokens": 1000 + kind, "output_tokens": 20, "cache_read_input_tokens": 100 });
        let content = json!([
            { "type": "text", "text": answer },
            { "type": "tool_use", "id": call, "name": "Bash", "input": { "command": argument, "timeout": 5 } },
        ]);
        let result = json!([{ "type": "tool_result", "tool_use_id": call, "is_error": true, "content": output }]);
        line("u", 0, json!({ "type": "user", "message": { "role": "user", "content": prompt } }));
        line(
            "a",
            1,
            json!({ "type": "assistant", "requestId": format!("req_{kind}"), "message": {
            "id": format!("msg_{kind}"), "role": "assistant", "model": "claude-sample-1", "usage": usage, "content": content } }),
        );
        line("r", 2, json!({ "type": "user", "message": { "role": "user", "content": result } }));
        lines.push_str(
            &(json!({ "type": "summary", "summary": title, "leafUuid": format!("u{kind}") }).to_string() + "\n"),
        );
    }
    (lines, all)
}

/// The ways in which the letters of a secret may stand in what leaves, wherever they begin.
fn traces(secret: &str) -> Vec<String> {
    let mut traces = vec![secret.to_owned(), hex::encode(secret)];
    for before in 0..3 {
        let encoded = STANDARD.encode(format!("{}{secret}", " ".repeat(before)));
        // The first and last letters depend on what stands before and behind.
        traces.push(encoded[4..encoded.len() - 4].to_owned());
    }
    traces
}

/// What is looked for: every way in which a secret may stand, and whose it is.
struct Sought<'a> {
    all: &'a [Planted],
    automaton: AhoCorasick,
    owners: Vec<usize>,
}

impl<'a> Sought<'a> {
    fn of(all: &'a [Planted]) -> Self {
        let each = all
            .iter()
            .enumerate()
            .flat_map(|(owner, own)| traces(&own.secret).into_iter().map(move |trace| (owner, trace)));
        let (owners, traces): (Vec<usize>, Vec<String>) = each.unzip();
        Self { all, automaton: AhoCorasick::new(traces).expect("can be searched for"), owners }
    }

    /// What of the planted secrets is in a text, each by its name.
    fn found(&self, text: &str) -> BTreeSet<&'a str> {
        // Base64 that stands in lines is one text, however often their ends are escaped.
        let joined =
            ["\\\\\\\\n", "\\\\n", "\\n", "\n"].iter().fold(text.to_owned(), |text, end| text.replace(end, ""));
        let hits = [text, &joined].into_iter().flat_map(|text| self.automaton.find_overlapping_iter(text));
        hits.map(|hit| self.all[self.owners[hit.pattern()]].name.as_str()).collect()
    }
}

#[test]
fn no_planted_secret_leaves_in_any_form_and_ids_and_counts_stay() {
    let (lines, all) = session();
    let names: BTreeSet<&str> = all.iter().map(|own| own.secret.as_str()).collect();
    assert_eq!(names.len(), all.len(), "every secret is one of its own");
    let desk = Desk::new();
    let file = desk.write("in/planted.jsonl", lines);
    desk.import(&file);
    let sought = Sought::of(&all);
    let whole = desk.done(&["export", sample::CLAUDE]);
    assert_eq!(sought.found(whole.text()).len(), all.len(), "all of them are there otherwise");
    for format in ["json", "ndjson", "md", "html", "otlp"] {
        let ran = desk.done(&["export", sample::CLAUDE, "--format", format, "--redact"]);
        let left = sought.found(ran.text());
        assert!(left.is_empty(), "{} of {} are in {format}: {left:#?}", left.len(), all.len());
        assert!(sought.found(&ran.err).is_empty(), "nor in what is said of it");
        desk.write(format, &ran.out);
    }
    for format in ["json", "ndjson"] {
        desk.done(&["verify", format]);
        let store = format!("{format}.db");
        desk.done(&["--store", &store, "import", format]);
        let told = |store: &[&str]| -> Vec<Value> {
            let rows = desk.done(&[store, &["timeline", sample::CLAUDE, "--json"]].concat()).objects();
            rows.iter().map(|row| json!([row["id"], row["events"], row["keys"], row["tokens"]])).collect()
        };
        assert_eq!(told(&["--store", &store]), told(&[]));
    }
}
