//! Reads every real session file of a corpus and compares what came out with an independent count.
//!
//! Runs only where `TURNSCOPE_CORPUS` names a folder with `claude-code` and `codex` in it.

mod digest;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Draft, FORMATS, Format, Opening, Reader, Record};
use crate::domain::{KeyKind, Kind, Lexer, Outline, Phase, Progress, Usage};

/// A record with its place, as a driver would hand it over.
pub struct Placed {
    pub outline: Outline,
    pub offset: u64,
    pub line: u64,
}

/// The good records of a text, and how many lines hold something else.
pub fn records(text: &[u8]) -> (Vec<Placed>, usize) {
    let (mut found, mut bad, mut start) = (Vec::new(), 0, 0);
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let mut at = 0;
        while line[at..].iter().any(|byte| !byte.is_ascii_whitespace()) {
            let Some((outline, used)) = one_record(&line[at..]) else {
                bad += 1;
                break;
            };
            found.push(Placed { outline, offset: (start + at) as u64, line: number as u64 + 1 });
            at += used;
        }
        start += line.len();
    }
    (found, bad)
}

fn one_record(bytes: &[u8]) -> Option<(Outline, usize)> {
    let mut lexer = Lexer::new();
    let used = match lexer.feed(bytes).ok()? {
        Progress::Done { used } => used,
        Progress::More => {
            lexer.finish().ok()?;
            bytes.len()
        }
    };
    Some((lexer.outline(), used))
}

/// The first format that claims the records.
pub fn format_of(records: &[Placed]) -> &'static Format {
    let head: Vec<_> = records.iter().take(50).map(|record| record.outline.clone()).collect();
    FORMATS.iter().find(|format| (format.detect)(&head)).expect("the last format takes anything")
}

/// A reader for a text, as a driver would open it.
pub fn open(format: &Format, path: &Path, text: &[u8], known: &[Placed], saved: Option<&str>) -> Box<dyn Reader> {
    let head: Vec<_> = known.iter().take(50).map(|record| record.outline.clone()).collect();
    let contains = |needle: &str| memchr::memmem::find(text, needle.as_bytes()).is_some();
    let super::Open::Records(open) = format.open else { panic!("a slice has no reader") };
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    open(&Opening { path, head: &head, stem: &stem, saved, contains: &contains })
}

pub fn read(reader: &mut dyn Reader, record: &Placed) -> Vec<Draft> {
    reader.read(&Record { outline: &record.outline, offset: record.offset, line: record.line })
}

/// Reads a small text at once.
pub fn read_text(path: &str, text: &str) -> (Vec<Draft>, Box<dyn Reader>) {
    let (placed, _) = records(text.as_bytes());
    let mut reader = open(format_of(&placed), Path::new(path), text.as_bytes(), &placed, None);
    let drafts = placed.iter().flat_map(|record| read(reader.as_mut(), record)).collect();
    (drafts, reader)
}

/// Reads a small text in two parts, cut before every record in turn, and expects what reading at once gives.
pub fn assert_same_in_parts(path: &str, text: &str) {
    let describe = |drafts: &[Draft], reader: &dyn Reader| format!("{drafts:#?}\n{:#?}", reader.sessions());
    let (drafts, reader) = read_text(path, text);
    let whole = describe(&drafts, reader.as_ref());
    let (placed, _) = records(text.as_bytes());
    let format = format_of(&placed);
    for cut in 1..placed.len() {
        let (path, before) = (Path::new(path), &placed[..cut]);
        let mut first = open(format, path, text.as_bytes(), before, None);
        let mut drafts: Vec<_> = before.iter().flat_map(|record| read(first.as_mut(), record)).collect();
        let mut second = open(format, path, text.as_bytes(), &placed, Some(&first.save()));
        drafts.extend(placed[cut..].iter().flat_map(|record| read(second.as_mut(), record)));
        assert_eq!(describe(&drafts, second.as_ref()), whole, "cut before record {cut}");
    }
}

/// Calls, results and tokens of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    records: u64,
    bad: u64,
    calls: u64,
    results: u64,
    pairs: u64,
    tokens: BTreeMap<String, Option<i64>>,
}

impl Count {
    fn of(drafts: &[Draft], records: usize, bad: usize) -> Self {
        let tools = |phase| {
            let events = drafts.iter().map(|draft| &draft.event);
            let named = events.filter(move |event| event.kind == Kind::Tool && event.phase == phase);
            // Ids that a rule derived are not in the files.
            let keys = named.flat_map(|event| &event.keys).filter(|key| key.rule.is_none());
            keys.filter(|key| key.kind == KeyKind::ToolCall).map(|key| &key.value).collect::<BTreeSet<_>>()
        };
        let (calls, results) = (tools(Phase::Call), tools(Phase::Result));
        Self {
            records: records as u64,
            bad: bad as u64,
            calls: calls.len() as u64,
            results: results.len() as u64,
            pairs: calls.intersection(&results).count() as u64,
            tokens: tokens(drafts),
        }
    }

    /// What the independent counter says.
    fn counted(line: &str) -> (String, Self) {
        let value: serde_json::Value = serde_json::from_str(line).expect("the counter prints JSON");
        let count = |name: &str| value[name].as_u64().expect("a count");
        let tokens = value["tokens"].as_object().expect("buckets");
        let counted = Self {
            records: count("records"),
            bad: count("bad"),
            calls: count("calls"),
            results: count("results"),
            pairs: count("pairs"),
            tokens: tokens.iter().map(|(bucket, count)| (bucket.clone(), count.as_i64())).collect(),
        };
        (value["path"].as_str().expect("a path").to_owned(), counted)
    }
}

/// Reads one bucket of a usage.
type Bucket = fn(&Usage) -> Option<i64>;

/// The sums over the model turns, of which each is worth its last usage.
fn tokens(drafts: &[Draft]) -> BTreeMap<String, Option<i64>> {
    let mut turns: HashMap<String, &Usage> = HashMap::new();
    for (place, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.event.kind == Kind::Model) {
        if let Some(usage) = &draft.event.usage {
            let turn = draft.event.turn.clone().unwrap_or_else(|| place.to_string());
            turns.insert(turn, usage);
        }
    }
    let buckets: [(&str, Bucket); 5] = [
        ("input", |usage| usage.input),
        ("cache_read", |usage| usage.cache_read),
        ("cache_write", |usage| usage.cache_write),
        ("output", |usage| usage.output),
        ("reasoning", |usage| usage.reasoning),
    ];
    let sum = |bucket: Bucket| turns.values().copied().filter_map(bucket).reduce(|a, b| a + b);
    let mut sums: BTreeMap<_, _> = buckets.iter().map(|(name, bucket)| ((*name).to_owned(), sum(*bucket))).collect();
    let total = sums["input"].or(sums["output"]).map(|_| sums.values().flatten().sum());
    sums.insert("total".to_owned(), total);
    sums
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("a readable folder").flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for path in entries.iter().map(std::fs::DirEntry::path) {
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => files_below(&path, found),
            Some("jsonl") => found.push(path),
            _ => {}
        }
    }
}

/// Reads a whole file and counts; what no file may do is checked on the way.
fn count_file(agent: &str, path: &Path) -> Count {
    let text = std::fs::read(path).expect("a readable file");
    let (placed, bad) = records(&text);
    let format = FORMATS.iter().find(|format| format.agent == agent).expect("a known agent");
    let mut reader = open(format, path, &text, &placed, None);
    let mut all = Vec::new();
    for record in &placed {
        let drafts = read(reader.as_mut(), record);
        assert!(!drafts.is_empty(), "{}:{} gives no event", path.display(), record.line);
        check_ids(&drafts, path, record);
        all.extend(drafts);
    }
    let session = &reader.sessions()[0];
    assert!(all.iter().all(|draft| draft.event.session == session.id), "{}", path.display());
    Count::of(&all, placed.len(), bad)
}

fn check_ids(drafts: &[Draft], path: &Path, record: &Placed) {
    let ids: BTreeSet<_> = drafts.iter().map(|draft| &draft.event.id).collect();
    assert_eq!(ids.len(), drafts.len(), "{}:{} repeats an id", path.display(), record.line);
    let size = record.outline.root().range().end;
    for draft in drafts {
        assert!(draft.bodies.iter().all(|(_, range)| range.end <= size && range.start < range.end));
        assert!(draft.event.label.chars().count() <= 200);
        assert!(draft.event.phase == Phase::Whole || draft.event.turn.is_some() || draft.event.id.starts_with('#'));
    }
}

fn compare(agent: &str) {
    let Some(corpus) = std::env::var_os("TURNSCOPE_CORPUS") else {
        println!("skipped: TURNSCOPE_CORPUS is not set");
        return;
    };
    let mut files = Vec::new();
    files_below(&Path::new(&corpus).join(agent), &mut files);
    let files: Vec<_> = files.into_iter().filter(|path| claims(agent, path)).collect();
    let counter = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/count.py");
    let output = Command::new("python3").arg(counter).arg(agent).args(&files).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut different = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let (path, counted) = Count::counted(line);
        let ours = count_file(agent, Path::new(&path));
        if ours != counted {
            different.push(format!("{path}\n  ours    {ours:?}\n  counted {counted:?}"));
        }
    }
    println!("{agent}: {} files compared", files.len());
    assert!(different.is_empty(), "{} files differ:\n{}", different.len(), different.join("\n"));
}

/// Whether the format claims a file; those of another shape that lie among them are the unknown reader's.
fn claims(agent: &str, path: &Path) -> bool {
    let (placed, _) = records(&std::fs::read(path).expect("a readable file"));
    let claimed = format_of(&placed).agent == agent;
    if !claimed {
        println!("{}: not {agent}", path.display());
    }
    claimed
}

#[test]
fn every_claude_code_file_of_the_corpus_agrees_with_the_independent_count() {
    compare("claude-code");
}

#[test]
fn every_codex_file_of_the_corpus_agrees_with_the_independent_count() {
    compare("codex");
}

#[test]
fn a_format_is_told_by_the_content_of_any_of_the_first_records() {
    let agent = |text: &str| format_of(&records(text.as_bytes()).0).agent;
    let claude = r#"{"type":"user","uuid":"u","sessionId":"s","message":{"content":"x"}}"#;
    let codex = r#"{"type":"event_msg","payload":{"type":"user_message","message":"x"}}"#;
    assert_eq!(agent(&format!("{{\"new\":1}}\n42\n{claude}\n")), "claude-code");
    assert_eq!(agent(&format!("{{\"new\":1}}\n{codex}")), "codex");
    assert_eq!(
        agent(r#"{"type":"queue-operation","operation":"enqueue","sessionId":"s","timestamp":"t"}"#),
        "claude-code"
    );
    assert_eq!(agent(r#"{"resourceSpans":[{"scopeSpans":[]}]}"#), "otel");
    let others = [
        r#"{"v":1,"agent":"claude-code","type":"user","uuid":"u","sessionId":"s","content":[]}"#,
        r#"{"sessionId":"s","projectHash":"h","startTime":"t","messages":[]}"#,
        r#"{"type":"user","uuid":"u","sessionId":"s","parentUuid":null,"message":{"role":"user","parts":[]}}"#,
        r#"{"timestamp":"t","role":"user","content":"x"}"#,
        r#"{"type":"reasoning","id":"r","summary":[],"encrypted_content":"x"}"#,
        r#"{"type":"session.start","data":{"sessionId":"s"},"id":"i","timestamp":"t","parentId":null}"#,
    ];
    for other in others {
        assert_eq!(agent(other), "unknown", "{other}");
    }
}
