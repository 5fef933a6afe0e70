//! Slices and pages that were cut on their way: told as what they are, and what stands before the cut comes in.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::desk::{Desk, Ran, text};
use crate::forms::{filled, with_demo};
use crate::sample;

#[test]
fn a_slice_that_is_cut_says_so_and_what_stands_before_the_cut_comes_in() {
    let desk = with_demo();
    for format in ["json", "ndjson"] {
        let whole = desk.done(&["export", "last", "--format", format]).out;
        let all = with_demo().done(&["sessions", "--json"]).objects()[0]["events"].clone();
        for (part, store) in [(whole.len() / 3, "third.db"), (whole.len() * 9 / 10, "most.db")] {
            let store = format!("{format}-{store}");
            let cut = desk.write(&format!("cut.{format}"), &whole[..part]);
            let ran = desk.run(&["--store", &store, "import", "--json", text(&cut)]);
            assert_eq!(ran.code, 3, "{format} {part}: {ran:?}");
            let words = format!("a turnscope slice that is cut at byte {part}");
            assert!(ran.err.contains(&words) && ran.err.lines().count() == 1, "{ran:?}");
            let report = ran.objects().remove(0);
            assert!(report["events"].as_u64() > Some(10) && report["bad"].as_u64() > Some(0), "{report} of {all}");
            assert_eq!(report["records"], report["represented"]);
            let again = desk.run(&["--store", &store, "import", text(&cut)]);
            assert!(again.code == 3 && again.text().contains("unchanged"), "{again:?}");
            let checked = desk.done(&["verify", &store, "--json"]).objects().remove(0);
            assert_eq!(checked["compared"], checked["events"], "{checked}");

            let told = desk.refused(1, &["verify", text(&cut)]);
            assert!(told.contains(&words) && told.lines().count() == 1, "{told}");
            assert!(told.lines().all(|line| line.len() < 300), "{told}");
        }
        // Whole again, its events are those that were there.
        let whole = desk.write(&format!("whole.{format}"), &whole);
        let ran = desk.run(&["--store", &format!("{format}-third.db"), "import", text(&whole)]);
        assert!([0, 3].contains(&ran.code), "{ran:?}");
    }
}

#[test]
fn of_a_slice_that_is_cut_before_its_first_session_nothing_can_be_read() {
    let desk = filled();
    let whole = desk.done(&["export", sample::CLAUDE]).out;
    let cut = desk.write("cut.json", &whole[..60]);
    let told = desk.refused(1, &["--store", "other.db", "import", text(&cut)]);
    assert!(told.contains("a turnscope slice that is cut at byte 60, before its first session"), "{told}");
}

#[test]
fn a_page_that_is_cut_is_told_in_few_words() {
    let desk = with_demo();
    let page = desk.done(&["export", "last", "--format", "html"]).out;
    let cut = desk.write("cut.html", &page[..page.len() * 2 / 3]);
    let told = desk.refused(1, &["verify", text(&cut)]);
    assert!(told.contains("it was cut or changed") && told.lines().count() < 6, "{told}");
}

fn piped(desk: &Desk, content: &[u8]) -> Ran {
    let mut import = desk.command(&["import", "--json", "-"]);
    import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut import = import.spawn().expect("starts");
    import.stdin.take().expect("a pipe").write_all(content).expect("writes");
    let ended = import.wait_with_output().expect("ends");
    let err = String::from_utf8(ended.stderr).expect("words are UTF-8");
    Ran { code: ended.status.code().unwrap_or(-1), out: ended.stdout, err }
}

#[test]
fn the_same_bytes_from_a_pipe_are_the_same_source_and_name_no_temporary_file() {
    let desk = Desk::new();
    let first = piped(&desk, &sample::claude()).objects().remove(0);
    let path = first["path"].as_str().expect("a path").to_owned();
    assert!(path.starts_with("stdin:") && path.len() == "stdin:".len() + 16, "{path}");
    let before = desk.done(&["show", sample::CLAUDE, "u1", "--json"]).out;
    assert!(String::from_utf8_lossy(&before).contains(&path));
    assert_eq!(piped(&desk, &sample::claude()).objects(), [first]);
    assert_eq!(desk.done(&["show", sample::CLAUDE, "u1", "--json"]).out, before);
    let other = piped(&desk, b"{\"a\":1}\nnone\n");
    assert!(other.code == 3 && other.err.starts_with("stdin:"), "{other:?}");
    let other = other.objects().remove(0);
    assert!(other["path"] != json!(path) && other["sessions"] == json!([other["path"]]), "{other}");
    let checked: Value = desk.done(&["verify", &desk.named_store(), "--json"]).objects().remove(0);
    assert_eq!((&checked["compared"], &checked["left"]), (&checked["events"], &json!([])));
    desk.done(&["export", sample::CLAUDE, "--format", "original", "-o", "files"]);
    assert_eq!(fs::read(desk.path(&format!("files/{path}"))).expect("is there"), sample::claude());
}

#[test]
fn of_otlp_that_is_cut_the_whole_spans_come_in_and_the_rest_when_the_file_has_grown() {
    // Long ones pass in parts.
    for size in [10, 90_000] {
        let said: String = (0..size).map(|number| format!("{number} ")).collect();
        let span = |id: u32| {
            format!(
                "{{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"00000000000000a{id}\",\"name\":\"step {id}\",\
                 \"startTimeUnixNano\":\"170000000000000{id}000\",\"endTimeUnixNano\":\"1700000000000009000\",\
                 \"attributes\":[{{\"key\":\"said\",\"value\":{{\"stringValue\":\"{id} {said}\"}}}}]}}"
            )
        };
        let spans = [1, 2, 3].map(span).join(",");
        let one_line = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}\n");
        for (name, whole) in [("line", one_line.clone()), ("lines", one_line.replace("[{", "[\n{"))] {
            let desk = Desk::with_file();
            let cut = whole.find("step 3").expect("is there") + said.len() / 2;
            let file = desk.write(&format!("in/{name}.json"), &whole[..cut]);
            let ran = desk.run(&["import", "--json", text(&file)]);
            assert_eq!(ran.code, 3, "{ran:?}");
            assert!(ran.err.contains("whole spans and log records of OTLP before that place are kept: 2"), "{ran:?}");
            let report = ran.objects().remove(0);
            assert_eq!((&report["agent"], &report["events"], &report["bad"]), (&json!("otel"), &json!(3), &json!(1)));
            desk.done(&["verify", text(&desk.store())]);
            fs::write(&file, &whole).expect("writes");
            desk.import(&file);
            let rows = desk.done(&["timeline", "last", "--json"]).objects();
            assert_eq!(rows.len(), 3, "{rows:?}");
            desk.done(&["verify", text(&desk.store())]);
        }
    }
}

#[test]
fn of_a_long_record_at_the_end_of_a_file_no_byte_is_missing() {
    let said: String = (0..400_000).map(|number| format!("{number} ")).collect();
    let line = |id: &str, said: &str| {
        json!({"type": "user", "uuid": id, "sessionId": "s1", "timestamp": "2026-01-01T00:00:00Z",
            "message": {"role": "user", "content": said}})
    };
    let record = format!("{}\n{}", line("u1", "hi"), line("u2", &said));
    for (whole, end) in [(true, record.len()), (false, record.len() - 20)] {
        let desk = Desk::with_file();
        let file = desk.write("in/s1.jsonl", &record[..end]);
        assert_eq!(desk.run(&["import", text(&file)]).code, if whole { 0 } else { 3 });
        desk.done(&["verify", text(&desk.store())]);
        fs::write(&file, format!("{record}\n")).expect("writes");
        desk.import(&file);
        desk.done(&["verify", text(&desk.store())]);
    }
}
