//! What leaves without its secrets, and the search for them.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::desk::{Desk, text};
use crate::sample;

const KEY: &str = "sk-ant-api03-Zq7Hx2Lm9Pz4Rt8Vb1Nc6Kd3Wy5Js0Fg";
const PASSWORD: &str = "pl4nted-Horse";
const MAIL: &str = "grace@example.org";

/// A session with secrets in a title, a prompt, a call, its result and its error, as they are and in base64.
fn secrets() -> String {
    let nested = json!({ "password": PASSWORD, "note": format!("mail {MAIL}") }).to_string();
    let encoded = STANDARD.encode(format!("key={KEY}"));
    let asked = format!("Use {KEY} please, password: {PASSWORD}");
    let head = |uuid: &str, second: u32| {
        json!({
            "uuid": uuid, "sessionId": sample::CLAUDE, "cwd": "/home/ada/blue", "version": "2.1.0", "isSidechain": false,
            "timestamp": format!("2026-03-02T10:00:{second:02}.250Z"),
        })
    };
    let with = |head: Value, more: Value| {
        let mut record = head;
        for (name, value) in more.as_object().expect("an object") {
            record[name] = value.clone();
        }
        record.to_string()
    };
    let usage = json!({ "input_tokens": 1234, "output_tokens": 20, "cache_read_input_tokens": 100 });
    let call = json!([{ "type": "tool_use", "id": sample::CALL, "name": "Bash", "input": { "command": format!("deploy {encoded}"), "env": nested } }]);
    let result = json!([{ "type": "tool_result", "tool_use_id": sample::CALL, "is_error": true, "content": format!("denied for {MAIL} with {KEY}") }]);
    [
        with(head("u1", 0), json!({ "type": "user", "message": { "role": "user", "content": asked } })),
        with(head("a1", 1), json!({ "type": "assistant", "requestId": "req_sample_1", "message": { "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sample-1", "usage": usage, "content": call } })),
        with(head("u2", 2), json!({ "type": "user", "message": { "role": "user", "content": result } })),
    ]
    .join("\n")
        + "\n"
}

fn filled() -> Desk {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", secrets());
    desk.import(&file);
    desk
}

fn holds_secret(text: &str) -> Option<&str> {
    let encoded = STANDARD.encode(format!("key={KEY}"));
    let planted = [KEY, PASSWORD, MAIL, "grace", "Zq7Hx2Lm"];
    planted.into_iter().find(|secret| text.contains(secret)).or(text.contains(&encoded).then_some("base64"))
}

#[test]
fn a_redacted_slice_holds_no_secret_verifies_and_comes_in_again() {
    let desk = filled();
    let whole = desk.done(&["export", sample::CLAUDE]).text().to_owned();
    assert!(holds_secret(&whole).is_some());
    let ran = desk.done(&["export", sample::CLAUDE, "--redact", "-o", "shared.json"]);
    assert!(ran.err.contains("different secrets") && ran.err.contains("anthropic-key"), "{}", ran.err);
    assert_eq!(holds_secret(&ran.err), None, "{}", ran.err);
    let shared = fs::read_to_string(desk.path("shared.json")).expect("is there");
    assert_eq!(holds_secret(&shared), None);
    desk.done(&["verify", "shared.json"]);
    let slice: Value = serde_json::from_str(&shared).expect("is JSON");
    let found = slice["redaction"]["rules"].as_array().expect("rules");
    assert!(found.iter().any(|rule| rule["name"] == "anthropic-key" && rule["found"].as_u64() > Some(0)));
    let timeline = |store: &[&str]| {
        let rows = desk.done(&[store, &["timeline", sample::CLAUDE, "--json"]].concat()).objects();
        let ids = |row: &Value| (row["id"].clone(), row["events"].clone(), row["keys"].clone(), row["tokens"].clone());
        rows.iter().map(ids).collect::<Vec<_>>()
    };
    desk.done(&["--store", "other.db", "import", "shared.json"]);
    assert_eq!(timeline(&["--store", "other.db"]), timeline(&[]));
    desk.done(&["--store", "other.db", "export", sample::CLAUDE, "-o", "again.json"]);
    let again = fs::read_to_string(desk.path("again.json")).expect("is there");
    let digest = |text: &str| serde_json::from_str::<Value>(text).expect("is JSON")["manifest"].clone();
    assert_eq!(digest(&again), digest(&shared));
    let original = serde_json::from_str::<Value>(&whole).expect("is JSON")["manifest"]["bodies"].clone();
    for body in original.as_array().expect("bodies") {
        let sha256 = body["sha256"].as_str().expect("a digest");
        let same = slice["bodies"].get(sha256).is_some();
        assert!(same || !shared.contains(sha256), "the digest of a body with a secret would let it be guessed");
    }
}

#[test]
fn ids_that_look_like_secrets_stay_and_come_in_again() {
    const SESSION: &str = "ses_fe0515bcd9ffe1ZkQ7xYpLmN2a";
    const EVENT: &str = "run1:fetch_token:started:7";
    const REQUEST: &str = "req_011CSHoEeqs5C35K2UUqR7F0";
    const TOOL: &str = "toolu_01AbCdEfGhJkMnPqRsTuVwXy";
    let desk = Desk::new();
    let named = format!("\"{EVENT}\"");
    let renamed = [(sample::CLAUDE, SESSION), ("\"u1\"", &*named), ("req_sample_1", REQUEST), (sample::CALL, TOOL)];
    let lines = renamed.iter().fold(secrets(), |lines, (from, to)| lines.replace(from, to));
    let file = desk.write(&format!("in/{SESSION}.jsonl"), lines);
    desk.import(&file);
    desk.done(&["export", SESSION, "--redact", "-o", "shared.json"]);
    let shared = fs::read_to_string(desk.path("shared.json")).expect("is there");
    assert_eq!(holds_secret(&shared), None);
    let slice: Value = serde_json::from_str(&shared).expect("is JSON");
    for (id, wanted) in [
        (&slice["session"]["id"], SESSION),
        (&slice["selection"]["session"], SESSION),
        (&slice["transcript"][0]["turnscope"]["session"], SESSION),
    ] {
        assert_eq!(id, wanted);
    }
    let mut rows = slice.clone();
    rows["bodies"] = Value::Null;
    let rows = rows.to_string();
    for id in [EVENT, REQUEST, TOOL] {
        assert!(rows.contains(id), "{id} is not in {rows}");
    }
    assert!(!rows.contains("redacted:random-value:"), "{rows}");
    let told = |store: &[&str]| {
        let sessions = desk.done(&[store, &["sessions", "--json"]].concat()).objects();
        let rows = desk.done(&[store, &["timeline", SESSION, "--json"]].concat()).objects();
        let ids = |row: &Value| json!([row["id"], row["events"], row["keys"], row["tokens"]]);
        (sessions.len(), rows.iter().map(ids).collect::<Vec<_>>())
    };
    desk.done(&["--store", "other.db", "import", "shared.json"]);
    assert_eq!(told(&["--store", "other.db"]), told(&[]));
}

#[test]
fn a_label_that_repeats_a_secret_without_its_name_does_not_show_it() {
    let desk = Desk::new();
    let call = |place: u8, input: Value| {
        json!({
            "type": "assistant", "sessionId": sample::CLAUDE, "uuid": format!("u{place}"),
            "timestamp": format!("2026-01-01T00:00:0{place}Z"),
            "message": {
                "id": format!("m{place}"), "role": "assistant", "model": "claude-x",
                "content": [{ "type": "tool_use", "id": format!("toolu_{place}"), "name": "Login", "input": input }],
            },
        })
        .to_string()
    };
    let long = "pl4nted way ".repeat(40);
    let inputs = [
        json!({ "password": "pl4nted-Horse" }),
        json!({ "auth": "pl4ntedKs2Lq9Wm4Zx8Cv3Bn6Mt" }),
        json!({ "secret": long }),
    ];
    let lines: Vec<String> = (1..).zip(inputs).map(|(place, input)| call(place, input)).collect();
    desk.import(&desk.write("in/claude.jsonl", lines.join("\n") + "\n"));
    for form in ["json", "ndjson", "md", "html", "otlp"] {
        let out = format!("shared.{form}");
        desk.done(&["export", sample::CLAUDE, "--redact", "--format", form, "-o", &out]);
        let shared = fs::read_to_string(desk.path(&out)).expect("is there");
        assert!(shared.contains("Login") && !shared.contains("pl4nted"), "{form}: {shared}");
    }
    let slice = fs::read_to_string(desk.path("shared.json")).expect("is there");
    let told: Value = serde_json::from_str(&slice).expect("is JSON");
    let found = told["redaction"]["rules"].as_array().expect("are told").iter();
    let found: u64 = found.map(|rule| rule["found"].as_u64().expect("a number")).sum();
    assert_eq!(found, slice.matches("[redacted:").count() as u64 - 1, "one tells how stubs look");
}

/// A secret as it may stand in a page: with the escapes of JSON in JSON, without `<`, and in encodings.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), hex::encode(secret)];
    for depth in 0..3 {
        let escaped = json!(forms[if depth == 0 { 0 } else { forms.len() - 1 }]).to_string();
        forms.push(escaped[1..escaped.len() - 1].to_owned());
    }
    forms.extend(forms.clone().iter().map(|form| form.replace('<', "\\u003c")));
    // The letters of base64 in the middle are the same whatever stands before and behind.
    forms.extend((0..3).map(|before| {
        let letters = STANDARD.encode(format!("{}{secret}", " ".repeat(before)));
        letters[4..letters.len() - 8].to_owned()
    }));
    forms
}

#[test]
fn a_redacted_report_holds_no_secret_in_either_of_its_files() {
    const ODD: &str = "qu<\"ote-0rchid-77";
    let desk = Desk::new();
    let odd = json!({
        "uuid": "u3", "sessionId": sample::CLAUDE, "type": "user", "timestamp": "2026-03-02T10:00:03.250Z",
        "message": { "role": "user", "content": json!({ "password": ODD, "packed": STANDARD.encode(format!("token={KEY}")) }).to_string() },
    });
    let file = desk.write("in/claude.jsonl", format!("{}{odd}\n", secrets()));
    desk.import(&file);
    let whole: Value = serde_json::from_str(desk.done(&["export", sample::CLAUDE]).text()).expect("is JSON");
    let plain = desk.done(&["report", sample::CLAUDE, "--out-dir", "plain"]).objects().remove(0);
    let read = |path: &Value| fs::read_to_string(desk.path(path.as_str().expect("a path"))).expect("is there");
    assert!(forms(ODD).iter().any(|form| read(&plain["htmlPath"]).contains(form)), "it is there otherwise");

    let dry = desk.done(&["report", sample::CLAUDE, "--out-dir", "shared", "--redact", "--dry-run", "--json"]);
    assert!(dry.objects().iter().any(|row| row["rule"] == "anthropic-key"), "{dry:?}");
    assert!(!desk.path("shared").exists());

    let ran = desk.done(&["report", sample::CLAUDE, "--out-dir", "shared", "--redact"]);
    let told = ran.objects().remove(0);
    let (page, json) = (read(&told["htmlPath"]), read(&told["jsonPath"]));
    for (name, text) in [("page", &page), ("JSON", &json), ("stderr", &ran.err)] {
        for secret in [KEY, PASSWORD, MAIL, ODD] {
            for form in forms(secret) {
                assert!(!text.contains(&form), "{form} of {secret} is in the {name}");
            }
        }
        assert!(name == "stderr" || text.contains("[redacted:anthropic-key:1:"), "the {name} has stubs");
    }
    let slice: Value = serde_json::from_str(&json).expect("is JSON");
    for body in whole["manifest"]["bodies"].as_array().expect("bodies") {
        let sha256 = body["sha256"].as_str().expect("a digest");
        let same = slice["bodies"].get(sha256).is_some();
        assert!(same || !page.contains(sha256), "the digest of a body with a secret would let it be guessed");
    }
    let digest = slice["manifest"]["digest"].as_str().expect("a digest");
    assert!(page.contains(digest), "page and JSON are of the same bodies");
    assert!(page.contains("<dt>taken out</dt>"), "and the page says that it was redacted");
    desk.done(&["verify", told["jsonPath"].as_str().expect("a path")]);
    desk.refused(2, &["report", sample::CLAUDE, "--out-dir", "shared", "--also", "home"]);
}

#[test]
fn a_dry_run_lists_what_would_be_hidden_and_writes_nothing() {
    let desk = filled();
    let ran = desk.done(&["export", sample::CLAUDE, "--redact", "--dry-run", "--json", "-o", "shared.json"]);
    assert_eq!(holds_secret(ran.text()), None);
    let rows = ran.objects();
    let key = rows.iter().find(|row| row["rule"] == "anthropic-key").expect("the key is found");
    assert_eq!(key["hint"], format!("sk-ant-… ({} characters)", KEY.len()));
    assert!(key["count"].as_u64() > Some(2) && key["places"][0]["part"].is_string(), "{key}");
    assert!(!desk.path("shared.json").exists());
}

#[test]
fn equal_secrets_are_told_across_exports_only_under_one_key() {
    let desk = filled();
    let key = desk.write("key", "sixteen bytes and more");
    let stub = |arguments: &[&str]| {
        let out = desk.done(&[&["export", sample::CLAUDE, "--redact"], arguments].concat());
        let at = out.text().find("[redacted:anthropic-key:").expect("a stub");
        out.text()[at..at + 40].to_owned()
    };
    assert_eq!(stub(&["--redact-key", text(&key)]), stub(&["--redact-key", text(&key)]));
    assert_ne!(stub(&[]), stub(&[]));
    let short = desk.write("short", "key");
    desk.refused(1, &["export", sample::CLAUDE, "--redact", "--redact-key", text(&short)]);
}

#[test]
fn rules_of_ones_own_are_used_and_a_wrong_one_stops_before_the_first_byte() {
    let desk = filled();
    let rules = desk
        .write("rules.toml", "[[rule]]\nname = 'command'\npattern = 'deploy'\n[[rule]]\nname = 'email'\noff = true\n");
    let out = desk.done(&["export", sample::CLAUDE, "--redact", "--rules", text(&rules), "--also", "home"]);
    assert!(out.text().contains("[redacted:command:1:") && out.text().contains("/home/[redacted:home:1:"));
    assert!(out.text().contains(MAIL));
    let wrong = desk.write("wrong.toml", "[[rule]]\nname = 'x'\npattern = '('\n");
    let told = desk.refused(1, &["export", sample::CLAUDE, "--redact", "--rules", text(&wrong), "-o", "shared.json"]);
    assert!(told.contains("wrong.toml") && told.contains("rule `x`") && !desk.path("shared.json").exists(), "{told}");
    desk.refused(2, &["export", sample::CLAUDE, "--also", "home"]);
    desk.refused(2, &["export", sample::CLAUDE, "--redact", "--except", "nothing"]);
    desk.refused(2, &["export", sample::CLAUDE, "--redact", "--format", "original", "-o", "folder"]);
}

#[test]
fn a_scan_names_rule_and_place_and_never_the_value() {
    let desk = filled();
    let ran = desk.run(&["scan", sample::CLAUDE, "--json"]);
    assert_eq!((ran.code, holds_secret(ran.text())), (4, None), "{ran:?}");
    let rules: Vec<Value> = ran.objects().iter().map(|row| row["rule"].clone()).collect();
    for rule in ["anthropic-key", "email", "password"] {
        assert!(rules.contains(&Value::from(rule)), "{rule}: {rules:?}");
    }
    let all = desk.run(&["scan"]);
    assert_eq!((all.code, holds_secret(all.text())), (4, None), "{all:?}");
    let file = desk.run(&["scan", "in/claude.jsonl", "--json"]);
    assert_eq!((file.code, holds_secret(file.text())), (4, None), "{file:?}");
    assert!(file.objects().iter().any(|row| row["rule"] == "password" && row["at"].is_u64()), "{file:?}");
    let clean = desk.write("clean.txt", "nothing to see");
    assert_eq!(desk.run(&["scan", text(&clean)]).code, 0);
    assert!(desk.done(&["scan", "--list"]).text().contains("anthropic-key"));
}

/// All bytes of a store that is a file: its tables as a slice of every session, and its origins.
fn holdings(desk: &Desk, store: &str) -> String {
    let out = desk.done(&["--store", store, "export", sample::CLAUDE]).text().to_owned();
    let shown = desk.done(&["--store", store, "show", sample::CLAUDE, "u1", "--json"]).text().to_owned();
    out + &shown
}

#[test]
fn a_redacted_copy_holds_rows_and_notes_and_no_secret() {
    let desk = filled();
    let (from, key) = (desk.named_store(), desk.write("key", "sixteen bytes and more"));
    let dry = desk.done(&["copy", &from, "shared.db", "--redact", "--dry-run", "--json"]);
    assert!(dry.objects().iter().any(|row| row["rule"] == "anthropic-key"), "{dry:?}");
    assert!(!desk.path("shared.db").exists(), "a dry run writes nothing");
    let wrong = desk.write("wrong.toml", "[[rule]]\nname = 'x'\npattern = '('\n");
    desk.refused(1, &["copy", &from, "shared.db", "--redact", "--rules", text(&wrong)]);
    assert!(!desk.path("shared.db").exists(), "nor does a rule that cannot be read");

    let with_key = ["copy", &from, "shared.db", "--redact", "--redact-key", text(&key)];
    let ran = desk.done(&with_key);
    assert!(ran.err.contains(&format!("session {}:", sample::CLAUDE)), "{}", ran.err);
    let timeline = |store: &str| {
        let rows = desk.done(&["--store", store, "timeline", sample::CLAUDE, "--json"]).objects();
        rows.iter().map(|row| (row["id"].clone(), row["events"].clone(), row["tokens"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(timeline("shared.db"), timeline(&from));
    let held = holdings(&desk, "shared.db");
    assert_eq!(holds_secret(&held), None);
    assert!(held.contains("[redacted:anthropic-key:1:") && !held.contains(text(&desk.path(""))), "nor paths of here");
    let file = fs::read(desk.path("shared.db")).expect("is there");
    for secret in [KEY, PASSWORD, MAIL] {
        assert!(!file.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
    }
    desk.done(&["verify", "shared.db"]);

    let again = desk.done(&[&with_key[..], &["--json"]].concat()).objects().remove(0);
    assert_eq!(
        (&again["unchanged"], &again["added"], &again["conflicts"]),
        (&json!(1), &json!(0), &json!(0)),
        "{again}"
    );
    let told = desk.refused(1, &["copy", &from, "shared.db", "--redact"]);
    assert!(told.contains("--redact-key"), "another key would give other stubs: {told}");
    let told = desk.refused(1, &["copy", &from, "shared.db"]);
    assert!(told.contains("without its secrets"), "{told}");
    assert_eq!(timeline("shared.db"), timeline(&from));
    desk.done(&["copy", "shared.db", "further.db"]);
    let again = desk.done(&["copy", "shared.db", "further.db", "--json"]).objects().remove(0);
    assert_eq!((&again["added"], timeline("further.db")), (&json!(0), timeline(&from)), "{again}");
}

#[test]
fn the_configuration_adds_rules_everywhere() {
    let desk = filled();
    let config = desk.write(
        "home/.config/turnscope/config.toml",
        "[redaction]\nexempt.values = [\"grace@example.org\"]\n[[redaction.rule]]\nname = \"command\"\npattern = \"deploy\"\n",
    );
    let out = desk.done(&["export", sample::CLAUDE, "--redact"]);
    assert!(out.text().contains("[redacted:command:1:") && out.text().contains(MAIL));
    assert!(
        !desk.done(&["export", sample::CLAUDE, "--redact", "--except", "command"]).text().contains("[redacted:command")
    );
    let scanned = desk.run(&["scan", sample::CLAUDE, "--json"]).objects();
    assert!(scanned.iter().any(|row| row["rule"] == "command") && scanned.iter().all(|row| row["rule"] != "email"));
    assert!(desk.done(&["scan", "--list"]).text().contains("command"));
    desk.done(&["export", sample::CLAUDE]);
    desk.done(&["config", "check"]);
    desk.write("home/.config/turnscope/config.toml", "[[redaction.rule]]\nname = \"command\"\npattern = \"(\"\n");
    let told = desk.run(&["config", "check"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.text().contains(":2: redaction: rule `command`: its pattern cannot be read"), "{told:?}");
    let told = desk.refused(2, &["export", sample::CLAUDE, "--redact", "-o", "shared.json"]);
    assert!(told.contains(text(&config)) && !desk.path("shared.json").exists(), "{told}");
}

/// The most memory that the program has needed, KiB, once it has written nearly all of a redacted slice.
fn peak(size: usize) -> u64 {
    let desk = Desk::with_file();
    let lines = "a line of a long log with nothing in it\n".repeat(50) + &format!("and one with {MAIL} in it\n");
    let record = json!({ "type": "log", "text": lines.repeat(size / lines.len()) });
    let file = desk.write("in/long.jsonl", format!("{record}\n"));
    desk.import(&file);
    let mut command = desk.command(&["export", "last", "--redact"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
    let mut out = child.stdout.take().expect("is piped");
    let mut slice = vec![0; size * 9 / 10];
    out.read_exact(&mut slice).expect("writes");
    // It cannot end before the rest is read.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it still runs");
    out.read_to_end(&mut slice).expect("writes");
    assert!(child.wait().expect("ends").success());
    let slice = String::from_utf8(slice).expect("is text");
    assert!(!slice.contains(MAIL) && slice.contains("[redacted:email:1:"));
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it tells of memory");
    most.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[test]
fn a_long_body_needs_no_more_memory_than_a_short_one() {
    // Both are longer than what is searched as a whole.
    let (short, long) = (peak(6 << 20), peak(18 << 20));
    assert!(long < short + (8 << 10), "{short} KiB for 6 MiB, {long} KiB for 18 MiB");
}
