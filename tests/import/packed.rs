//! Packed files: what is in them comes in as if they were not, and what breaks off comes in as far as it goes.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::World;
use crate::mounts::own_mounts;

const MIB: usize = 1 << 20;

fn request(span: u8, session: &str) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": format!("{span:016x}"), "name": "chat m",
        "startTimeUnixNano": "1772445600000000000", "endTimeUnixNano": "1772445601000000000",
        "attributes": [text("gen_ai.operation.name", "chat"), text("gen_ai.conversation.id", session)],
    });
    json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
}

fn lines(session: &str) -> Vec<u8> {
    (1..=40).flat_map(|span| format!("{}\n", request(span, session)).into_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packing.write_all(bytes).expect("packs");
    packing.finish().expect("packs")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).expect("packs")
}

fn framed(message: &[u8]) -> Vec<u8> {
    let packed = zstd(message);
    [&(packed.len() as u32).to_be_bytes()[..], &packed].concat()
}

/// A request with one span in protobuf: an id and a name.
fn protobuf(span: u8) -> Vec<u8> {
    let field = |number: u8, inner: Vec<u8>| [vec![number << 3 | 2, inner.len() as u8], inner].concat();
    let span = [field(1, vec![0x5B; 16]), field(2, vec![span; 8]), field(5, b"chat".to_vec())].concat();
    field(1, field(2, field(2, span)))
}

#[tokio::test]
async fn a_packed_file_is_read_like_what_is_in_it() {
    let world = World::new().await;
    let text = lines("packed");
    let halves = text.split_at(text.iter().position(|byte| *byte == b'\n').expect("a line") + 1);
    let plain = world.file("plain.jsonl", &text);
    assert_eq!(world.import(&plain).await.0.reports[0].added, 40);
    // Gzip and zstd both allow one after another.
    let members = [gzip(halves.0), gzip(halves.1)].concat();
    let frames = [zstd(halves.0), zstd(halves.1)].concat();
    for (name, bytes) in [("a.jsonl.gz", members), ("b.jsonl.zst", frames), ("no-name", gzip(&text))] {
        let path = world.file(name, &bytes);
        let (outcome, bad) = world.import(&path).await;
        let report = &outcome.reports[0];
        assert_eq!((report.added, report.duplicates, report.bad, bad.len()), (0, 40, 0, 0), "{name}");
        assert!(outcome.failures.is_empty() && report.sessions == ["packed"], "{name}: {outcome:?}");
        assert!(world.import(&path).await.0.reports[0].unchanged);
    }
    // A folder's packed files are found by their names.
    let (outcome, _) = world.import(world.folder.path()).await;
    assert_eq!(outcome.reports.len(), 3, "{outcome:?}");
    let rebuilt = world.rebuilt("packed").await;
    assert!(rebuilt.len() == 4 && rebuilt.iter().all(|file| *file == text));
}

#[tokio::test]
async fn what_a_collector_packs_message_by_message_is_read() {
    let world = World::new().await;
    let json: Vec<u8> = (1..=3).flat_map(|span| framed(request(span, "in-json").to_string().as_bytes())).collect();
    let (outcome, _) = world.import(&world.file("traces.json", &json)).await;
    assert_eq!((outcome.reports[0].added, &outcome.reports[0].sessions[..]), (3, &["in-json".to_owned()][..]));
    let binary: Vec<u8> = (1..=3).flat_map(|span| framed(&protobuf(span))).collect();
    let (outcome, _) = world.import(&world.file("traces.binpb", &binary)).await;
    assert_eq!((outcome.reports[0].added, outcome.reports[0].bad), (3, 0), "{outcome:?}");
}

#[tokio::test]
async fn a_packed_file_that_grows_is_read_on_from_where_it_ended() {
    let world = World::new().await;
    let (one, two) = (format!("{}\n", request(1, "grows")), format!("{}\n", request(2, "grows")));
    let path = world.file("grows.jsonl.zst", &zstd(one.as_bytes()));
    world.import(&path).await;
    world.file("grows.jsonl.zst", &[zstd(one.as_bytes()), zstd(two.as_bytes())].concat());
    let (outcome, _) = world.import(&path).await;
    let report = &outcome.reports[0];
    assert_eq!((report.records, report.added, report.duplicates), (2, 1, 0));
}

#[tokio::test]
async fn what_breaks_off_comes_in_as_far_as_it_goes_and_says_so() {
    let world = World::new().await;
    // What looks random does not pack well, so that there is something before the cut.
    let noise = |line: u64| {
        (0..800_u64)
            .map(|at| format!("{:x}", (line * 800 + at).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect::<String>()
    };
    let text: Vec<u8> = (1..=40)
        .flat_map(|span| {
            let mut request = request(span, &format!("cut-{}", span % 2));
            request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = json!(noise(u64::from(span))[..32]);
            request["noise"] = json!(noise(u64::from(span)));
            format!("{request}\n").into_bytes()
        })
        .collect();
    for (name, whole) in [("cut.jsonl.gz", gzip(&text)), ("cut.jsonl.zst", zstd(&text))] {
        let (outcome, _) = world.import(&world.file(name, &whole[..whole.len() / 4 * 3])).await;
        let read = outcome.reports[0].added + outcome.reports[0].duplicates;
        assert!((10..40).contains(&read), "{name}: {outcome:?}");
        let [failure] = &outcome.failures[..] else { panic!("{name}: {outcome:?}") };
        let told =
            failure.contains(name) && failure.contains("data is read up to byte ") && failure.contains(" only: ");
        assert!(told, "{failure}");
    }
    let text = lines("head");
    let nothing = world.import(&world.file("head.jsonl.gz", &gzip(&text)[..12])).await.0;
    assert!(nothing.reports.is_empty() && nothing.failures[0].contains("read up to byte 0 only"), "{nothing:?}");
    let frame = framed(request(1, "frames").to_string().as_bytes());
    let cut = [&frame[..], &frame[..frame.len() - 3]].concat();
    let (outcome, _) = world.import(&world.file("cut.frames", &cut)).await;
    assert_eq!((outcome.reports[0].added, outcome.failures.len()), (1, 1), "{outcome:?}");
}

/// Imports a packed file of forty spans and many blanks with the program itself; what it tells, and what it has then.
fn import_bomb(home: &Path, mut command: Command) -> (String, String) {
    let text = [lines("bomb"), vec![b' '; 64 * MIB]].concat();
    std::fs::write(home.join("bomb.jsonl.gz"), gzip(&text)).expect("writes");
    let told = command.output().expect("runs");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let sessions = Command::new(env!("CARGO_BIN_EXE_turnscope"))
        .args(["sessions", "--json"])
        .env_clear()
        .env("HOME", home)
        .output()
        .expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("is UTF-8");
    (text(told.stderr), text(sessions.stdout))
}

#[test]
fn what_unpacks_to_more_than_is_allowed_is_read_as_far_as_that() {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    command.args(["import", "bomb.jsonl.gz"]).current_dir(&home).env_clear().env("HOME", home.path());
    command.env("TURNSCOPE_UNPACKED_MAX", "9");
    let (told, sessions) = import_bomb(home.path(), command);
    assert!(
        told.contains("bomb.jsonl.gz: the gzip data is read up to byte 9437184 only: it unpacks to more"),
        "{told}"
    );
    assert!(told.contains("9 MiB; TURNSCOPE_UNPACKED_MAX"), "{told}");
    assert!(sessions.contains("\"events\":40,"), "{sessions}");
    let mut wrong = Command::new(env!("CARGO_BIN_EXE_turnscope"));
    wrong.args(["import", "bomb.jsonl.gz"]).current_dir(&home).env_clear().env("HOME", home.path());
    let wrong = wrong.env("TURNSCOPE_UNPACKED_MAX", "all").output().expect("runs");
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(1) && told.contains("must be a number of MiB"), "{told}");
    // With leave for more, the rest of it is read as well.
    std::fs::write(
        home.path().join("bomb.jsonl.gz"),
        gzip(&[lines("bomb"), vec![b' '; 20 * MIB], lines("more")].concat()),
    )
    .expect("writes");
    for (most, told, status) in
        [("9", "byte 9437184 only", 1), ("9", "byte 9437184 only", 1), ("30", "80 events (40 new)", 0)]
    {
        let mut again = Command::new(env!("CARGO_BIN_EXE_turnscope"));
        again.args(["import", "bomb.jsonl.gz"]).current_dir(&home).env_clear().env("HOME", home.path());
        let again = again.env("TURNSCOPE_UNPACKED_MAX", most).output().expect("runs");
        let words = String::from_utf8_lossy(&[again.stderr, again.stdout].concat()).into_owned();
        assert!(again.status.code() == Some(status) && words.contains(told), "{words}");
    }
}

#[test]
fn what_unpacks_to_more_than_there_is_room_for_leaves_some_of_it() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(home.path().join("small")).expect("a folder");
    let small = "mount -t tmpfs -o size=44m none small && export TMPDIR=\"$1/small\"";
    let arguments = ["import", "bomb.jsonl.gz"];
    let Some(command) = own_mounts(home.path(), small, env!("CARGO_BIN_EXE_turnscope"), &arguments) else { return };
    let (told, sessions) = import_bomb(home.path(), command);
    assert!(told.contains("less than 4 MiB are free in ") && told.contains("/small; TMPDIR names another"), "{told}");
    assert!(sessions.contains("\"events\":40,"), "{sessions}");
}

#[tokio::test]
async fn metrics_in_a_file_are_kept_and_told_once() {
    let world = World::new().await;
    let metrics =
        json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "x", "gauge": {"dataPoints": []}}]}]}]});
    let text = format!("{metrics}\n{}\n{metrics}\n", request(1, "measured"));
    let (outcome, told) = world.import(&world.file("all.jsonl", text.as_bytes())).await;
    let report = &outcome.reports[0];
    assert_eq!((report.records, report.represented, report.bad), (3, 3, 0), "{outcome:?}");
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(told.ends_with("all.jsonl: 2 records with metrics, which are kept and not read"), "{told}");
}
