//! Conformance: random requests from OpenTelemetry's own encoders are the same events in protobuf and in JSON.
//!
//! `tests/conformance/make.py` makes them; some lie beside it. `TURNSCOPE_CONFORMANCE=N cargo test --test conformance`
//! installs OpenTelemetry's messages for Python from their registry and makes N others.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use turnscope::domain::Kind;
use turnscope::import::{Decoded, Decoding, Draft, Encoding, Signal};

/// One request in several encodings.
#[derive(Deserialize)]
struct Case {
    signal: String,
    protobuf: String,
    json: Box<RawValue>,
    /// JSON with ids, times and numbers as other exporters and stores spell them.
    odd: Box<RawValue>,
    /// How many elements do what, as whoever made them counted.
    counts: BTreeMap<String, usize>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn cases(lines: &str) -> Vec<Case> {
    lines.lines().map(|line| serde_json::from_str(line).expect("a case")).collect()
}

fn decode(body: &[u8], encoding: Encoding, signal: Signal) -> Decoded {
    let decoding = Decoding::of(body, encoding, signal);
    let mut decoding = decoding.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)));
    decoding.next(body, u64::MAX, usize::MAX).unwrap_or_default()
}

/// All that a request came to, but for the bytes of its elements.
fn told(decoded: &Decoded) -> Vec<String> {
    let drafts = |drafts: &[Draft]| -> Vec<_> {
        let own = |draft: &Draft| -> Vec<_> {
            draft.own.iter().map(|(role, bytes)| (*role, String::from_utf8_lossy(bytes).into_owned())).collect()
        };
        drafts.iter().map(|draft| (draft.event.clone(), draft.bodies.clone(), own(draft))).collect()
    };
    let elements: Vec<_> =
        decoded.elements.iter().map(|element| (drafts(&element.drafts), hex::encode(element.content))).collect();
    let Decoded { sessions, adopted, rejected, reasons, .. } = decoded;
    let all = format!("{elements:#?}\n{sessions:#?}\n{adopted:#?}\n{rejected} {reasons:?}");
    all.lines().map(str::to_owned).collect()
}

fn must_agree(place: usize, what: &str, one: &[String], other: &[String]) {
    let differs = (0..one.len().max(other.len())).find(|line| one.get(*line) != other.get(*line));
    if let Some(line) = differs {
        let near =
            |lines: &[String]| lines[line.saturating_sub(12).min(lines.len())..lines.len().min(line + 3)].join("\n");
        panic!("case {place}, {what}: protobuf gives\n{}\nand JSON gives\n{}", near(one), near(other));
    }
}

/// A request in JSON, or a group of one, and its elements as they stand in it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Group {
    #[serde(rename = "resourceSpans", alias = "resourceLogs", alias = "scopeSpans", alias = "scopeLogs")]
    groups: Vec<Group>,
    #[serde(rename = "spans", alias = "logRecords")]
    elements: Vec<Box<RawValue>>,
}

impl Group {
    fn all(&self) -> Vec<&str> {
        let inner = self.groups.iter().flat_map(Self::all);
        self.elements.iter().map(|element| element.get()).chain(inner).collect()
    }
}

fn check(place: usize, case: &Case) {
    let signal = if case.signal == "traces" { Signal::Traces } else { Signal::Logs };
    let protobuf = STANDARD.decode(&case.protobuf).expect("is base64");
    let json = case.json.get();
    let of_protobuf = decode(&protobuf, Encoding::Protobuf, signal);
    let of_json = decode(json.as_bytes(), Encoding::Json, signal);
    must_agree(place, "as it is written", &told(&of_protobuf), &told(&of_json));
    let of_odd = decode(case.odd.get().as_bytes(), Encoding::Json, signal);
    must_agree(place, "in odd spellings", &told(&of_protobuf), &told(&of_odd));

    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for element in &of_protobuf.elements {
        let kind = match (signal, element.drafts[0].event.kind) {
            (Signal::Logs, _) => "log".to_owned(),
            (Signal::Traces, kind) => kind.name().to_owned(),
        };
        *counts.entry(kind).or_default() += 1;
    }
    assert_eq!(counts, case.counts, "case {place}");
    assert!(of_protobuf.elements.iter().all(|element| element.drafts[0].event.kind != Kind::Transcript));

    // What was sent is kept as it was sent.
    let sent: Group = serde_json::from_str(json).expect("is a request");
    let kept: Vec<_> = of_json.elements.iter().map(|element| String::from_utf8_lossy(&element.raw)).collect();
    assert_eq!(kept, sent.all(), "case {place}");
    let mut at = 0;
    for element in &of_protobuf.elements {
        // Behind its number and its length, each behind the one before.
        let mut framed = vec![2 << 3 | 2];
        prost::encoding::encode_varint(element.raw.len() as u64, &mut framed);
        framed.extend_from_slice(&element.raw);
        let found = protobuf[at..].windows(framed.len()).position(|part| part == framed);
        at += found.unwrap_or_else(|| panic!("case {place}: not as it was sent")) + framed.len();
    }
}

#[test]
fn recorded_requests_are_the_same_events_in_every_encoding() {
    let packed = std::fs::read(folder().join("requests.jsonl.gz")).expect("is there");
    let mut lines = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut lines).expect("is packed");
    let cases = cases(&lines);
    assert!(cases.len() >= 60);
    cases.iter().enumerate().for_each(|(place, case)| check(place, case));
}

#[test]
fn other_requests_are_the_same_events_in_every_encoding() {
    let Some(count) = std::env::var_os("TURNSCOPE_CONFORMANCE") else {
        writeln!(
            std::io::stderr(),
            "skipped: other random requests (set TURNSCOPE_CONFORMANCE=N; needs python3 and a network)"
        )
        .expect("stderr is open");
        return;
    };
    let home = tempfile::tempdir().expect("a folder");
    let run = |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().expect("runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("is UTF-8")
    };
    let environment = home.path().join("python");
    run(Path::new("python3"), &["-m", "venv", environment.to_str().expect("is UTF-8")]);
    let python = environment.join("bin/python");
    run(&python, &["-m", "pip", "install", "--quiet", "opentelemetry-proto"]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("is later").as_secs();
    let (script, seed) = (folder().join("make.py"), now.to_string());
    let lines = run(&python, &[script.to_str().expect("is UTF-8"), count.to_str().expect("is UTF-8"), &seed]);
    let cases = cases(&lines);
    println!("{} requests of seed {seed}", cases.len());
    cases.iter().enumerate().for_each(|(place, case)| check(place, case));
}
