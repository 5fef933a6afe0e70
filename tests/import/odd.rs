//! Odd files: what stands at their ends, how long and deep their records are, how they are named and counted.

use super::{World, answer, claude, fs, prompt, write_original};

#[tokio::test]
async fn what_a_file_is_now_is_exported_under_its_name() {
    let world = World::new().await;
    for text in ["first", "second", "third one"] {
        world.import(&world.file("s1.jsonl", prompt("u1", "s1", 0, text).as_bytes())).await;
    }
    let out = tempfile::tempdir().expect("a folder");
    write_original(&world.store, "s1", out.path(), false).await.expect("writes");
    let written = fs::read_to_string(out.path().join("s1.jsonl")).expect("reads");
    assert_eq!(written, prompt("u1", "s1", 0, "third one"));
    assert_eq!(fs::read_dir(out.path()).expect("lists").count(), 3);
}

#[tokio::test]
async fn json_nested_too_deep_is_kept_as_it_is() {
    let world = World::new().await;
    let content = format!("{}{}\n", "[".repeat(5000), "]".repeat(5000));
    let (outcome, bad) = world.import(&world.file("deep.jsonl", content.as_bytes())).await;
    let report = &outcome.reports[0];
    assert_eq!((report.records, report.represented, report.bad, bad.len()), (1, 1, 1, 1));
    assert!(world.rebuilt("deep").await == [content.into_bytes()]);
}

#[tokio::test]
async fn a_format_is_told_behind_a_long_first_record() {
    let world = World::new().await;
    let long = "words ".repeat(100_000);
    let last = "\"uuid\":\"u1\",\"timestamp\":\"2026-03-02T10:00:00.000Z\",\"type\":\"user\",\"sessionId\":\"s1\"";
    let content =
        format!("{{\"message\":{{\"role\":\"user\",\"content\":\"{long}\"}},{last}}}\n") + &prompt("u2", "s1", 1, "b");
    world.file("some/a.jsonl", content.as_bytes());
    let snapshot =
        format!("{{\"type\":\"file-history-snapshot\",\"messageId\":\"m\",\"snapshot\":{{\"x\":\"{long}\"}}}}\n");
    world.file("some/b.jsonl", (snapshot + &prompt("u3", "s2", 1, "c")).as_bytes());
    let (outcome, _) = world.import(&world.folder.path().join("some")).await;
    let told: Vec<_> = outcome.reports.iter().map(|report| (report.agent.as_str(), report.sessions.clone())).collect();
    assert_eq!(told, [("claude-code", vec!["s1".to_owned()]), ("claude-code", vec!["s2".to_owned()])]);
}

#[tokio::test]
async fn a_bare_number_at_the_end_may_go_on() {
    let world = World::new().await;
    for (content, labels) in [("{\"a\":1}\n12", ["1", "12"]), ("{\"a\":1}\n1234\n", ["1", "1234"])] {
        let (outcome, bad) = world.import(&world.file("numbers.jsonl", content.as_bytes())).await;
        let report = &outcome.reports[0];
        assert_eq!((report.records, report.represented, report.bad, report.events, bad.len()), (2, 2, 0, 2, 0));
        assert!(world.rebuilt("numbers").await == [content.as_bytes()]);
        let session = world.store.session("numbers").await.expect("reads").expect("is there");
        let numbers: Vec<i64> =
            world.store.heads(session.number, None).await.expect("reads").iter().map(|head| head.number).collect();
        let events = world.store.events(&numbers).await.expect("reads");
        assert_eq!(events.last().map(|event| event.label.as_str()), labels.last().copied());
        assert_eq!(events.len(), 2);
    }
}

#[tokio::test]
async fn a_source_counts_each_of_its_events_once() {
    let world = World::new().await;
    let lines = [prompt("u1", "s1", 0, "one"), answer("a1", "s1", 1, "m1", 5)];
    let content = lines.concat() + &lines[1] + &lines[0];
    let path = world.file("s1.jsonl", content.as_bytes());
    let report = world.import(&path).await.0.reports[0].clone();
    assert_eq!((report.records, report.represented, report.events), (4, 4, 2));
    fs::write(&path, content + &lines[0] + &prompt("u2", "s1", 2, "two")).expect("writes");
    let report = world.import(&path).await.0.reports[0].clone();
    assert_eq!((report.records, report.represented, report.events), (6, 6, 3));
    let copy = world.import(&world.file("copy/s1.jsonl", lines[0].as_bytes())).await.0.reports[0].clone();
    assert_eq!((copy.records, copy.represented, copy.events), (1, 1, 1));
}

#[tokio::test]
async fn unknown_files_of_one_name_stay_two_sessions() {
    let world = World::new().await;
    let one = world.file("one/log.jsonl", b"{\"role\":\"user\",\"content\":\"a\"}\n");
    let two = world.file("two/log.jsonl", b"{\"role\":\"user\",\"content\":\"b\"}\n");
    let first = world.import(&one).await.0.reports[0].sessions.clone();
    let second = world.import(&two).await.0.reports[0].sessions.clone();
    assert_eq!(first, ["log"]);
    assert!(second.len() == 1 && second[0].starts_with("log@") && second[0].len() == 12, "{second:?}");
    for (path, id) in [(&one, &first), (&two, &second)] {
        let mut content = fs::read(path).expect("reads");
        content.extend_from_slice(b"{\"role\":\"assistant\",\"content\":\"c\"}\n");
        fs::write(path, content).expect("writes");
        assert_eq!(&world.import(path).await.0.reports[0].sessions, id);
    }
    assert_eq!(world.store.counts().await.expect("counts"), (2, 4));
}

#[tokio::test]
async fn what_is_no_time_and_no_count_is_noted_and_not_used() {
    let world = World::new().await;
    let odd = "{\"input_tokens\":-5,\"cache_read_input_tokens\":\"70\",\"output_tokens\":9}";
    let rest = format!("\"type\":\"assistant\",\"message\":{{\"id\":\"m1\",\"content\":[],\"usage\":{odd}}}");
    let content = prompt("u1", "s1", 0, "a").replace("2026-03-02T10", "12026-03-02T10")
        + &prompt("u2", "s1", 0, "b").replace("2026-03-02T10:00:00.000Z", "9999-12-31T23:59:59.999Z")
        + &claude("a1", "null", "s1", 1, &rest);
    world.import(&world.file("s1.jsonl", content.as_bytes())).await;
    let session = world.store.session("s1").await.expect("reads").expect("is there");
    assert_eq!((session.tokens.input, session.tokens.cache_read, session.tokens.output), (None, None, Some(9)));
    let mut noted = world.store.noted(session.number).await.expect("reads");
    noted.sort();
    let noted: Vec<_> = noted.into_iter().map(|(_, name, value)| (name, value)).collect();
    let expected = [
        ("time_out_of_range", "12026-03-02T10:00:00.000Z"),
        ("usage_mismatch", "no count: input_tokens is -5, cache_read_input_tokens is \"70\""),
    ];
    assert_eq!(noted, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(session.ended.map(|ended| ended.rfc3339()).as_deref(), Some("9999-12-31T23:59:59.999000Z"));
}
