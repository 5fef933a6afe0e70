//! `turnscope import`: what it says of good, bad, empty and unreadable sources.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::desk::{Desk, names, text};
use crate::sample;

const NAMES: [&str; 7] = ["path", "agent", "sessions", "records", "represented", "bad", "events"];

#[test]
fn a_report_tells_of_each_source_and_stdout_holds_nothing_else() {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", sample::claude());
    let reports = desk.import(&file);
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!(names(report), NAMES);
    assert_eq!(report["path"], text(&file));
    assert_eq!((&report["agent"], &report["sessions"]), (&json!("claude-code"), &json!([sample::CLAUDE])));
    assert_eq!((&report["records"], &report["represented"], &report["bad"]), (&json!(4), &json!(4), &json!(0)));
    assert!(report["events"].as_u64().is_some_and(|events| events >= 4), "{report}");
}

#[test]
fn again_and_unchanged_says_the_same() {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", sample::claude());
    let first = desk.import(&file);
    let sessions = desk.done(&["sessions", "--json"]).out;
    assert_eq!(desk.import(&file), first);
    assert_eq!(desk.done(&["sessions", "--json"]).out, sessions);
    let table = desk.done(&["import", text(&file)]);
    assert!(table.text().contains("unchanged"), "{table:?}");
}

#[test]
fn a_folder_and_the_folders_of_known_agents_are_walked() {
    let desk = Desk::new();
    desk.write("home/.claude/projects/-work-blue/one.jsonl", sample::claude());
    desk.write("home/.codex/sessions/2026/03/02/rollout-2026-03-02T11-00-00-x.jsonl", sample::codex());
    let reports = desk.done(&["import", "--json"]).objects();
    let agents: Vec<_> = reports.iter().map(|report| report["agent"].as_str().unwrap_or_default()).collect();
    assert_eq!(agents, ["claude-code", "codex"]);
    assert_eq!(reports[1]["sessions"], json!([sample::CODEX]));
}

#[test]
fn a_log_of_spans_that_is_cut_at_its_front_stops_nothing() {
    let desk = Desk::new();
    let span = |trace: &str| {
        let span = json!({
            "traceId": trace, "spanId": "eee19b7ec3c1b174", "name": "chat m",
            "startTimeUnixNano": "1772445600000000000", "endTimeUnixNano": "1772445601000000000", "attributes": [],
        });
        json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string()
    };
    let traces =
        ["5b8efff798038103d269b633813fc60a", "5b8efff798038103d269b633813fc60b", "5b8efff798038103d269b633813fc60c"];
    desk.write("in/a.jsonl", span(traces[0]));
    desk.write("in/b.jsonl", format!("tr\":1}}]}}\n{}\n", span(traces[1])));
    desk.write("in/c.jsonl", span(traces[2]));
    let ran = desk.run(&["import", "--json", text(&desk.path("in"))]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let records: Vec<_> = ran.objects().iter().map(|told| (told["records"].clone(), told["bad"].clone())).collect();
    assert_eq!(records, [(json!(1), json!(0)), (json!(2), json!(1)), (json!(1), json!(0))]);
    for trace in traces {
        assert_eq!(desk.done(&["timeline", &format!("trace:{trace}"), "--json"]).objects().len(), 1, "{trace}");
    }
}

#[test]
fn what_is_wrong_in_an_envelope_of_spans_is_told_and_the_rest_comes_in() {
    let desk = Desk::new();
    let good = r#"{"traceId":"5b8efff798038103d269b633813fc60a","spanId":"eee19b7ec3c1b174","name":"chat m"}"#;
    let request = |groups: &str| format!("{{\"resourceSpans\":{groups}}}\n");
    let told_of = |name: &str, lines: &str| {
        let ran = desk.run(&["import", "--json", text(&desk.write(name, lines))]);
        let report = ran.objects().remove(0);
        (ran.code, report["records"].clone(), report["bad"].clone(), ran.err)
    };
    for (place, (groups, words)) in [
        ("{}", "`resourceSpans` is no list at byte 17"),
        ("7", "`resourceSpans` is no list at byte 17"),
        ("[7]", "what stands here is no object at byte 18"),
        (r#"[{"scopeSpans":3}]"#, "`scopeSpans` is no list at byte 32"),
        (r#"[{"scopeSpans":[[]]}]"#, "what stands here is no object at byte 33"),
        (r#"[{"scopeSpans":[{"spans":"x"}]}]"#, "`spans` is no list at byte 42"),
    ]
    .into_iter()
    .enumerate()
    {
        let (code, records, bad, err) = told_of(&format!("{place}.jsonl"), &request(groups));
        assert_eq!((code, records, bad), (3, json!(1), json!(1)), "{groups}: {err}");
        assert!(err.contains(&format!("{place}.jsonl:1: {words}")), "{groups}: {err}");
    }
    let mixed = request(&format!(r#"[{{"scopeSpans":[{{"spans":[{good}]}},5]}},{{"scopeSpans":{{"spans":[1]}}}}]"#));
    let (code, records, bad, err) = told_of("mixed.jsonl", &(request("null") + &mixed));
    assert_eq!((code, records, bad), (3, json!(4), json!(2)), "{err}");
    assert!(err.contains("mixed.jsonl:2: what stands here is no object at byte 136"), "{err}");
    assert_eq!(desk.done(&["timeline", "trace:5b8efff798038103d269b633813fc60a", "--json"]).objects().len(), 1);
    // What other documents have under names like these is theirs.
    let (code, _, bad, err) = told_of("other.jsonl", "{\"data\":5,\"spans\":{},\"result\":{\"spans\":1}}\n");
    assert_eq!((code, bad), (0, json!(0)), "{err}");
}

#[test]
fn a_bad_record_is_told_and_the_rest_comes_in() {
    let desk = Desk::new();
    let mut content = sample::claude_records();
    content.insert(1, b"{\"type\":\"user\", oops".to_vec());
    let file = desk.write("bad.jsonl", content.join(&b"\n"[..]));
    let ran = desk.run(&["import", "--json", text(&file)]);
    assert_eq!(ran.code, 3, "{ran:?}");
    let report = &ran.objects()[0];
    assert_eq!((&report["records"], &report["represented"], &report["bad"]), (&json!(5), &json!(5), &json!(1)));
    let told: Vec<&str> = ran.err.lines().filter(|line| line.starts_with(text(&file))).collect();
    assert_eq!(told.len(), 1, "{ran:?}");
    assert!(told[0].starts_with(&format!("{}:2: ", text(&file))), "{told:?}");
}

#[test]
fn an_empty_file_gives_no_session_and_is_no_error() {
    let desk = Desk::new();
    let file = desk.write("empty.jsonl", "");
    let reports = desk.import(&file);
    assert!(reports.iter().all(|report| report["sessions"] == json!([]) && report["records"] == json!(0)));
    assert_eq!(desk.done(&["sessions", "--json"]).out, b"");
}

#[test]
fn lines_of_json_of_an_agent_unknown_are_a_session() {
    let desk = Desk::new();
    let file = desk.write("odd-thing.jsonl", "{\"a\":1}\n{\"a\":2}{\"a\":3}\n\n[4]\n");
    let report = &desk.import(&file)[0];
    assert_eq!((&report["agent"], &report["sessions"]), (&json!("unknown"), &json!(["odd-thing"])));
    assert_eq!((&report["records"], &report["events"]), (&json!(4), &json!(4)));
}

#[test]
fn what_leads_to_no_session_fails_and_is_named() {
    let desk = Desk::new();
    let folder = desk.path("nothing");
    fs::create_dir(&folder).expect("makes a folder");
    let binary = desk.write("picture.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00");
    for path in [&folder, &binary, &desk.path("missing.jsonl")] {
        let ran = desk.run(&["import", "--json", text(path)]);
        assert_eq!((ran.code, ran.out.len()), (1, 0), "{ran:?}");
        assert!(ran.err.contains(text(path)), "{ran:?}");
    }
}

#[test]
fn one_source_that_fails_does_not_keep_the_others_out() {
    let desk = Desk::new();
    let file = desk.write("claude.jsonl", sample::claude());
    let ran = desk.run(&["import", "--json", "missing.jsonl", text(&file)]);
    assert_eq!((ran.code, ran.objects().len()), (1, 1), "{ran:?}");
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    let desk = Desk::new();
    let file = desk.write("locked.jsonl", sample::claude());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).expect("takes the rights away");
    if fs::read(&file).is_ok() {
        // Whoever may read everything, such as root, cannot see this fail.
        return;
    }
    assert!(desk.refused(1, &["import", text(&file)]).contains("locked.jsonl"));
}

#[test]
fn nothing_to_import_is_said() {
    let desk = Desk::new();
    assert!(desk.refused(1, &["import"]).contains("no folder of an agent"));
}

#[test]
fn sources_are_not_touched_and_the_store_is_private() {
    let desk = Desk::with_file();
    let file = desk.write("claude.jsonl", sample::claude());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).expect("makes it read-only");
    let before = fs::metadata(&file).expect("is there").modified().expect("has a time");
    desk.import(&file);
    assert_eq!(fs::metadata(&file).expect("is there").modified().expect("has a time"), before);
    let mode = |path| fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(desk.store()), 0o600);
    assert_eq!(mode(desk.store().parent().expect("lies in a folder").to_owned()), 0o700);
}

#[test]
fn an_unchanged_source_with_bad_records_says_again_why_it_ends_so() {
    let desk = Desk::new();
    let mut content = sample::claude();
    content.extend_from_slice(b"\n{broken\n");
    let file = desk.write("in/claude.jsonl", content);
    assert_eq!(desk.run(&["import", text(&file)]).code, 3);
    let again = desk.run(&["import", text(&file)]);
    let told = format!("{}: 1 records could not be read (unchanged since the last import)", text(&file));
    assert!(again.code == 3 && again.err.contains(&told), "{again:?}");
}

#[test]
fn reading_waits_for_no_writer_and_changes_no_byte() {
    let desk = Desk::with_file();
    desk.import(&desk.write("in/claude.jsonl", sample::claude()));
    let before = fs::read(desk.store()).expect("is there");
    for arguments in [
        &["sessions"][..],
        &["timeline", "last"],
        &["show", "last", "u1"],
        &["search", "files"],
        &["stats"],
        &["export", "last"],
    ] {
        desk.done(arguments);
        assert!(fs::read(desk.store()).expect("is there") == before, "{arguments:?}");
    }
}

#[test]
fn a_time_zone_a_day_away_is_refused() {
    assert!(Desk::new().refused(2, &["--tz", "+25:00", "sessions"]).contains("further from UTC"));
}
