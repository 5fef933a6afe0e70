//! The driver and the readers against the store: what goes in comes out, whatever the file looks like.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use turnscope::import::{Control, Notice, Outcome, bring_in};
use turnscope::report::{Selection, verify, write_original, write_slice};
use turnscope::store::Store;

#[path = "serve/mounts.rs"]
#[expect(dead_code, reason = "others ask for more of it")]
mod mounts;
#[path = "import/odd.rs"]
mod odd;
#[path = "import/packed.rs"]
mod packed;

struct World {
    folder: tempfile::TempDir,
    store: Store,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
        Self { folder, store }
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("has a folder")).expect("makes the folder");
        fs::write(&path, content).expect("writes");
        path
    }

    async fn import(&self, path: &Path) -> (Outcome, Vec<String>) {
        let (notices, mut told) = tokio::sync::mpsc::unbounded_channel();
        let control = Control { notices, cancelled: Arc::new(AtomicBool::new(false)) };
        let outcome = bring_in(&self.store, &[path.to_owned()], &control).await.expect("the store works");
        let mut bad = Vec::new();
        while let Ok(notice) = told.try_recv() {
            if let Notice::Bad(reason) = notice {
                bad.push(reason);
            }
        }
        (outcome, bad)
    }

    async fn rebuilt(&self, session: &str) -> Vec<Vec<u8>> {
        let out = tempfile::tempdir().expect("a folder");
        let written = write_original(&self.store, session, out.path(), false).await.expect("writes");
        written.iter().map(|file| fs::read(&file.path).expect("reads")).collect()
    }
}

fn claude(uuid: &str, parent: &str, session: &str, second: u32, rest: &str) -> String {
    format!(
        "{{\"parentUuid\":{parent},\"isSidechain\":false,\"sessionId\":\"{session}\",\"cwd\":\"/home/ada/shop\",\"uuid\":\"{uuid}\",\
         \"timestamp\":\"2026-03-02T10:00:{second:02}.000Z\",{rest}}}\n"
    )
}

fn prompt(uuid: &str, session: &str, second: u32, text: &str) -> String {
    claude(
        uuid,
        "null",
        session,
        second,
        &format!("\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"{text}\"}}"),
    )
}

fn answer(uuid: &str, session: &str, second: u32, message: &str, output: u32) -> String {
    let usage = format!("{{\"input_tokens\":3,\"cache_read_input_tokens\":100,\"output_tokens\":{output}}}");
    let body = format!(
        "\"type\":\"assistant\",\"message\":{{\"id\":\"{message}\",\"model\":\"claude-x\",\"content\":[{{\"type\":\"text\",\"text\":\"done\"}}],\"usage\":{usage}}}"
    );
    claude(uuid, "null", session, second, &body)
}

#[tokio::test]
async fn odd_files_are_rebuilt_byte_for_byte() {
    let world = World::new().await;
    let mut content = Vec::new();
    content.extend_from_slice(prompt("u1", "s1", 0, r"nul \u0000 lone \ud800 sep \u2028").as_bytes());
    content.extend_from_slice(b"\r\n  \n");
    content.extend_from_slice(prompt("u2", "s1", 1, "crlf").trim_end().as_bytes());
    content.extend_from_slice(b"\r\n{\"type\":\"summary\",\"summary\":\"\xff\xfe\",\"leafUuid\":\"u1\"}{\"type\":\"mode\",\"sessionId\":\"s1\"}\n");
    content.extend_from_slice(b"{\"type\":\"user\", broken\n");
    content.extend_from_slice("{\"x\":\"\u{2028}\u{feff}\"}".as_bytes());
    let path = world.file("odd.jsonl", &content);
    let (outcome, bad) = world.import(&path).await;
    let report = &outcome.reports[0];
    assert_eq!((report.records, report.represented, report.bad), (6, 6, 1));
    assert!(bad[0].ends_with("odd.jsonl:6: expected a name, found `b` at byte 16"), "{bad:?}");
    assert_eq!(report.sessions, ["s1"]);
    assert!(world.rebuilt("s1").await == [content]);
    let (again, _) = world.import(&path).await;
    assert!(again.reports[0].unchanged);
}

#[tokio::test]
async fn a_grown_file_costs_its_growth_and_a_cut_line_waits_for_its_rest() {
    let world = World::new().await;
    let whole = [prompt("u1", "s1", 0, "one"), answer("a1", "s1", 1, "m1", 1), answer("a2", "s1", 2, "m1", 9)].concat();
    let mut seen = 0;
    for cut in [whole.len() / 2, whole.len() - 40, whole.len()] {
        let path = world.file("s1.jsonl", &whole.as_bytes()[..cut]);
        let (outcome, _) = world.import(&path).await;
        let report = &outcome.reports[0];
        assert_eq!(report.records, report.represented);
        assert!(report.duplicates <= seen, "only what is new is read");
        seen += report.added;
        let id = report.sessions.last().expect("a session").clone();
        assert!(world.rebuilt(&id).await.contains(&whole.as_bytes()[..cut].to_vec()));
    }
    let session = world.store.session("s1").await.expect("reads").expect("is there");
    assert_eq!(
        (session.events, session.turns, session.tokens.output, session.tokens.total),
        (3, 1, Some(9), Some(112))
    );
}

#[tokio::test]
async fn a_prefix_of_the_same_session_elsewhere_adds_nothing() {
    let world = World::new().await;
    let lines = [prompt("u1", "s1", 0, "one"), answer("a1", "s1", 1, "m1", 5), prompt("u2", "s1", 2, "two")];
    world.import(&world.file("old/s1.jsonl", lines[..2].concat().as_bytes())).await;
    let (outcome, _) = world.import(&world.file("new/s1.jsonl", lines.concat().as_bytes())).await;
    let report = &outcome.reports[0];
    assert_eq!((report.records, report.represented, report.added, report.duplicates), (3, 3, 1, 2));
}

#[tokio::test]
async fn a_fork_inherits_whatever_the_order_of_import() {
    let shared = |session: &str| [prompt("u1", session, 0, "one"), answer("a1", session, 1, "m1", 5)].concat();
    let ancestor = shared("s1") + &answer("a2", "s1", 2, "m2", 7);
    let fork = shared("s2") + &answer("a3", "s2", 30, "m3", 11);
    for order in [[0, 1], [1, 0]] {
        let world = World::new().await;
        for index in order {
            let (name, content) = [("s1.jsonl", &ancestor), ("s2.jsonl", &fork)][index];
            world.import(&world.file(name, content.as_bytes())).await;
        }
        let one = world.store.session("s1").await.expect("reads").expect("is there");
        let two = world.store.session("s2").await.expect("reads").expect("is there");
        assert_eq!((one.events, one.tokens.output), (3, Some(12)), "{order:?}");
        assert_eq!((two.events, two.tokens.output), (1, Some(11)), "{order:?}");
        assert_eq!(two.lineage, "s1");
        assert_eq!(world.store.heads(two.number, None).await.expect("reads").len(), 3, "the fork still shows its past");
    }
}

#[tokio::test]
async fn a_fork_of_a_fork_counts_nothing_twice_whatever_the_order_of_import() {
    let run = |session: &str, name: &str, from: u32, count: u32| {
        let pair = |at: u32| {
            let second = from + 2 * at;
            prompt(&format!("{name}u{at}"), session, second, "go on")
                + &answer(&format!("{name}a{at}"), session, second + 1, &format!("{name}m{at}"), 10)
        };
        (0..count).map(pair).collect::<String>()
    };
    let files = [
        ("s1.jsonl", run("s1", "x", 0, 3)),
        ("s2.jsonl", run("s2", "x", 0, 2) + &run("s2", "y", 10, 2)),
        ("s3.jsonl", run("s3", "x", 0, 2) + &run("s3", "y", 10, 1) + &run("s3", "z", 20, 1)),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let world = World::new().await;
        for place in order {
            let (name, content): &(_, String) = &files[place];
            world.import(&world.file(name, content.as_bytes())).await;
        }
        let mut counts = Vec::new();
        for id in ["s1", "s2", "s3"] {
            let session = world.store.session(id).await.expect("reads").expect("is there");
            counts.push((session.events, session.turns, session.tokens.output, session.lineage));
        }
        let expected = [(6, 3, Some(30)), (4, 2, Some(20)), (2, 1, Some(10))];
        assert_eq!(
            counts,
            expected.map(|(events, turns, output)| (events, turns, output, "s1".to_owned())),
            "{order:?}"
        );
    }
}

/// A Codex rollout: a header, and turns that ask, answer and count.
fn rollout(id: &str, origin: Option<&str>, turns: &[(&str, u32, u32)], minute: u32) -> String {
    let record = |second: u32, kind: &str, payload: &str| {
        format!(
            "{{\"timestamp\":\"2026-03-02T10:{minute:02}:{second:02}.000Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n"
        )
    };
    let origin = origin.map(|origin| format!(",\"forked_from_id\":\"{origin}\"")).unwrap_or_default();
    let mut text = record(0, "session_meta", &format!("{{\"id\":\"{id}\",\"cwd\":\"/w\"{origin}}}"));
    for (name, second, total) in turns {
        text +=
            &record(*second, "turn_context", &format!("{{\"turn_id\":\"{name}\",\"cwd\":\"/w\",\"model\":\"gpt-5\"}}"));
        text += &record(*second, "event_msg", "{\"type\":\"user_message\",\"message\":\"go on\"}");
        let usage = format!("{{\"input_tokens\":{total},\"output_tokens\":0,\"total_tokens\":{total}}}");
        text += &record(
            *second,
            "event_msg",
            &format!("{{\"type\":\"token_count\",\"info\":{{\"total_token_usage\":{usage}}}}}"),
        );
    }
    text
}

#[tokio::test]
async fn a_codex_fork_that_copies_under_its_own_time_counts_only_its_own() {
    let ancestor = rollout("p", None, &[("p1", 1, 1000), ("p2", 5, 2000)], 0);
    let copied = rollout("p", None, &[("p1", 0, 1000), ("p2", 0, 2000)], 20);
    let own = rollout("f", Some("p"), &[("f1", 1, 2500)], 20);
    let (header, turn) = own.split_once('\n').expect("two lines");
    let fork = format!("{header}\n{copied}{turn}");
    let files = [("rollout-p.jsonl", ancestor), ("rollout-f.jsonl", fork)];
    for order in [[0, 1], [1, 0]] {
        let world = World::new().await;
        for place in order {
            let (name, content): &(_, String) = &files[place];
            world.import(&world.file(name, content.as_bytes())).await;
        }
        let mut counts = Vec::new();
        for id in ["p", "f"] {
            let session = world.store.session(id).await.expect("reads").expect("is there");
            counts.push((session.events, session.tokens.input, session.lineage));
        }
        assert_eq!(counts, [(7, Some(2000), "p".to_owned()), (4, Some(500), "p".to_owned())], "{order:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_may_be_made_by_several_at_once() {
    let world = World::new().await;
    for round in 0..10 {
        let path = world.folder.path().join(format!("new/{round}.db"));
        let opening: Vec<_> = (0..6)
            .map(|_| {
                let path = path.clone();
                tokio::spawn(async move { Store::open(&path).await.map(drop) })
            })
            .collect();
        for opened in opening {
            opened.await.expect("ends").expect("opens");
        }
    }
}

#[tokio::test]
async fn two_imports_at_once_store_everything_once() {
    let world = World::new().await;
    let folder = world.folder.path().join("many");
    for session in 0..60 {
        let name = format!("s{session}");
        let lines = (0..60).map(|at| prompt(&format!("{name}u{at}"), &name, at % 60, &"words ".repeat(300)));
        let line = answer(&format!("{name}a"), &name, 59, &format!("{name}m"), 10);
        world.file(&format!("many/{name}.jsonl"), (lines.collect::<String>() + &line).as_bytes());
    }
    let path = world.folder.path().join("shared.db");
    let import = |only: &'static str| {
        let (folder, path) = (folder.clone(), path.clone());
        tokio::spawn(async move {
            let store = Store::open(&path).await.expect("opens");
            let (notices, _told) = tokio::sync::mpsc::unbounded_channel();
            let control = Control { notices, cancelled: Arc::new(AtomicBool::new(false)) };
            let mut paths: Vec<PathBuf> =
                fs::read_dir(&folder).expect("lists").map(|entry| entry.expect("is").path()).collect();
            paths.retain(|path| path.to_string_lossy().contains(only));
            paths.sort();
            bring_in(&store, &paths, &control).await
        })
    };
    let both = tokio::join!(import("s"), import("s"), import("s2"));
    for outcome in [both.0, both.1, both.2] {
        let outcome = outcome.expect("ends").expect("the store works");
        assert_eq!(outcome.failures, Vec::<String>::new());
        assert!(
            outcome.reports.iter().all(|report| (report.records, report.represented, report.events) == (61, 61, 61))
        );
    }
    let store = Store::open(&path).await.expect("opens");
    let sessions = store.sessions().await.expect("reads");
    assert_eq!(sessions.len(), 60);
    assert!(sessions.iter().all(|session| (session.events, session.tokens.output) == (61, Some(10))));
    for session in ["s0", "s20", "s59"] {
        let out = tempfile::tempdir().expect("a folder");
        let written = write_original(&store, session, out.path(), false).await.expect("writes");
        let original = fs::read(folder.join(format!("{session}.jsonl"))).expect("reads");
        assert_eq!(written.len(), 1);
        assert!(fs::read(&written[0].path).expect("reads") == original);
    }
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict_and_both_are_kept() {
    let world = World::new().await;
    let content = [prompt("u1", "s1", 0, "one"), prompt("u1", "s1", 1, "other")].concat();
    let (outcome, _) = world.import(&world.file("s1.jsonl", content.as_bytes())).await;
    assert_eq!((outcome.reports[0].added, outcome.reports[0].conflicts), (2, 1));
}

#[tokio::test]
async fn a_line_of_many_megabytes_comes_in_and_out() {
    let world = World::new().await;
    let big = "xyz 012 ".repeat(1 << 20);
    let content = [prompt("u1", "s1", 0, &big), prompt("u2", "s1", 1, "after")].concat();
    let path = world.file("s1.jsonl", content.as_bytes());
    let (outcome, _) = world.import(&path).await;
    assert_eq!((outcome.reports[0].records, outcome.reports[0].bad), (2, 0));
    assert!(world.rebuilt("s1").await == [content.clone().into_bytes()]);
    let heads = world.store.heads(1, None).await.expect("reads");
    let bodies = world.store.bodies(&[heads[0].number]).await.expect("reads");
    let input = bodies.iter().find(|body| body.role == turnscope::domain::Role::Input).expect("has an input");
    assert_eq!(input.size as usize, big.len() + 2);
    let bytes = world.store.read(input.blob, input.start, input.size).await.expect("reads");
    assert_eq!(turnscope::store::digest(&bytes), input.digest);
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_stops_nothing() {
    let world = World::new().await;
    let (outcome, _) = world.import(&world.folder.path().join("none.jsonl")).await;
    assert!(outcome.failures[0].ends_with("none.jsonl: no such file or directory"), "{:?}", outcome.failures);
    let (outcome, _) = world.import(&world.file("binary", b"\x7fELF\0\0\0")).await;
    assert!(outcome.failures[0].contains("holds no JSON records"), "{:?}", outcome.failures);
    let (outcome, _) = world.import(&world.file("empty.jsonl", b"")).await;
    assert_eq!((outcome.failures.len(), outcome.reports[0].records), (0, 0));
    fs::create_dir(world.folder.path().join("nothing")).expect("makes");
    let folder = world.folder.path().join("nothing");
    for (name, content) in
        [("", &b""[..]), ("a.json", b"{\"name\":\"left-pad\"}"), ("b.jsonl", b""), ("c.jsonl", b"\x7fELF")]
    {
        if !name.is_empty() {
            world.file(&format!("nothing/{name}"), content);
        }
        let (outcome, _) = world.import(&folder).await;
        assert_eq!(outcome.failures, [format!("no sessions found below {}", folder.display())], "with {name:?}");
    }
}

#[tokio::test]
async fn what_is_no_file_in_a_folder_is_passed_over() {
    let world = World::new().await;
    world.file("deep/a.jsonl", prompt("u1", "s1", 0, "one").as_bytes());
    let folder = world.folder.path().join("deep");
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe.jsonl")).status().expect("runs");
    assert!(made.success());
    std::os::unix::fs::symlink(folder.join("pipe.jsonl"), folder.join("link.jsonl")).expect("links");
    std::os::unix::fs::symlink("/dev/zero", folder.join("device.jsonl")).expect("links");
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket.jsonl")).expect("binds");
    let (outcome, _) = world.import(&folder).await;
    assert_eq!((outcome.reports.len(), outcome.failures), (1, Vec::new()));
}

#[tokio::test]
async fn a_cancelled_import_goes_on_the_next_time() {
    let world = World::new().await;
    let path = world.file("s1.jsonl", b"");
    let mut file = fs::File::create(&path).expect("makes");
    for index in 0..5000 {
        file.write_all(prompt(&format!("u{index}"), "s1", 0, "again").as_bytes()).expect("writes");
    }
    let (notices, mut told) = tokio::sync::mpsc::unbounded_channel();
    let control = Control { notices, cancelled: Arc::new(AtomicBool::new(false)) };
    let flag = control.cancelled.clone();
    let stop = tokio::spawn(async move {
        while let Some(notice) = told.recv().await {
            if matches!(notice, Notice::Stored { .. }) {
                flag.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
    });
    let outcome = bring_in(&world.store, std::slice::from_ref(&path), &control).await.expect("the store works");
    drop(control);
    stop.await.expect("ends");
    assert!(outcome.cancelled);
    let (outcome, _) = world.import(&path).await;
    assert_eq!((outcome.reports[0].records, outcome.reports[0].represented), (5000, 5000));
}

#[tokio::test]
async fn a_slice_comes_back_with_the_same_ids_and_digests() {
    let world = World::new().await;
    let lines = [
        prompt("u1", "s1", 0, r"nul \u0000 lone \ud800"),
        answer("a1", "s1", 1, "m1", 5),
        "{\"type\":\"mode\"}\n".to_owned(),
    ];
    let mut content = lines.concat().into_bytes();
    content.extend_from_slice(b"{\"type\":\"x\",\"raw\":\"\xff\"}\n{broken\n");
    world.import(&world.file("s1.jsonl", &content)).await;
    let slice = |store: Store| async move {
        let selection =
            Selection { session: "s1".to_owned(), events: None, why: "whole session".to_owned(), veil: None };
        let mut bytes = Vec::new();
        let summary = write_slice(&store, &selection, &mut bytes).await.expect("writes");
        assert_eq!(summary.bytes as usize, bytes.len());
        (bytes, summary)
    };
    let (first, summary) = slice(world.store.clone()).await;
    assert_eq!((summary.events, summary.bodies), (5, 7));
    let path = world.file("slice.json", &first);
    let verdict = verify(&path).expect("is a slice");
    assert_eq!((verdict.events, verdict.bodies, verdict.problems), (5, 7, Vec::new()));

    let other = World::new().await;
    let (outcome, bad) = other.import(&path).await;
    assert_eq!((bad, outcome.reports[0].agent.as_str(), outcome.reports[0].records), (Vec::new(), "turnscope", 5));
    let (second, again) = slice(other.store.clone()).await;
    assert_eq!(summary.digest, again.digest);
    let rows = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON")["other"].clone();
    assert_eq!(rows(&first), rows(&second));
    let (outcome, _) = world.import(&path).await;
    assert_eq!((outcome.reports[0].added, outcome.reports[0].duplicates), (0, 5), "what is there is recognised");
}

#[tokio::test]
async fn a_changed_body_is_found_out() {
    let world = World::new().await;
    world.import(&world.file("s1.jsonl", prompt("u1", "s1", 0, "original words").as_bytes())).await;
    let selection = Selection { session: "s1".to_owned(), events: None, why: "whole session".to_owned(), veil: None };
    let mut bytes = Vec::new();
    write_slice(&world.store, &selection, &mut bytes).await.expect("writes");
    let changed = String::from_utf8(bytes)
        .expect("text")
        .replace("\"text\":\"\\\"original words", "\"text\":\"\\\"0riginal words");
    let verdict = verify(&world.file("changed.json", changed.as_bytes())).expect("is a slice");
    assert_eq!(verdict.problems.len(), 3, "the seal, the part and the body: {:?}", verdict.problems);
    let error = verify(&world.file("other.json", b"{\"a\":1}")).expect_err("no slice");
    assert!(error.to_string().ends_with("other.json is not a slice"));
}

#[tokio::test]
async fn every_flipped_bit_of_a_slice_is_noticed() {
    let world = World::new().await;
    let file = world.file("s.jsonl", prompt("u1", "s", 0, "żółw \u{1f980} or not").repeat(3).as_bytes());
    world.import(&file).await;
    let selection = Selection { session: "s".to_owned(), events: None, why: "whole session".to_owned(), veil: None };
    let mut slice = Vec::new();
    write_slice(&world.store, &selection, &mut slice).await.expect("writes");
    let problems = |bytes: &[u8]| verify(&world.file("slice.json", bytes)).map(|verdict| verdict.problems);
    assert_eq!(problems(&slice).expect("is a slice"), Vec::<String>::new());
    let mut state = 7_u64;
    for _ in 0..600 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let bit = (state >> 16) as usize % (slice.len() * 8);
        let mut other = slice.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        let noticed = problems(&other).is_ok_and(|problems| problems.is_empty());
        assert!(!noticed, "bit {} of byte {}", bit % 8, bit / 8);
    }
    assert!(!problems(&[&slice[..], b"\n"].concat()).expect("is a slice").is_empty());
}

#[tokio::test]
async fn original_files_that_cannot_be_written_whole_leave_nothing_behind() {
    let world = World::new().await;
    world.import(&world.file("s.jsonl", prompt("u1", "s", 0, "words").as_bytes())).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(world.store.file().expect("is a file"));
    let other = sqlx::SqlitePool::connect_with(options).await.expect("opens");
    sqlx::query("DELETE FROM blob_pieces").execute(&other).await.expect("damages it");
    let folder = world.folder.path().join("deep/back");
    let error = write_original(&world.store, "s", &folder, false).await.expect_err("bytes are missing");
    assert!(error.to_string().contains("holds less of"), "{error:#}");
    assert!(!world.folder.path().join("deep").exists());
}
