//! `turnscope purge` and `vacuum`: what has expired goes, and everything that is left says so.

use std::fs;

use serde_json::{Value, json};

use crate::desk::{Desk, Ran, text};
use crate::sample;

/// When all that is brought in now has expired.
const LATE: &str = "2200-01-01T00:00:00Z";

fn filled(desk: Desk) -> Desk {
    for (name, content) in [("in/claude.jsonl", sample::claude()), ("in/codex.jsonl", sample::codex().into_bytes())] {
        let file = desk.write(name, content);
        desk.import(&file);
    }
    desk
}

fn object(ran: &Ran) -> Value {
    ran.objects().remove(0)
}

fn purged(desk: &Desk, arguments: &[&str]) -> Value {
    object(&desk.done(&[&["purge", "--json", "--as-of", LATE], arguments].concat()))
}

fn events_of(desk: &Desk, session: &str) -> Value {
    let sessions = desk.done(&["sessions", "--json"]).objects();
    sessions.iter().find(|one| one["id"] == session).expect("is listed")["events"].clone()
}

#[test]
fn a_dry_run_counts_and_removes_nothing() {
    let desk = filled(Desk::new());
    let before = desk.done(&["timeline", sample::CLAUDE, "--json"]).out;
    assert_eq!(object(&desk.done(&["purge", "--json"]))["events"]["total"], 0, "nothing has expired yet");
    let dry = purged(&desk, &[]);
    assert_eq!((&dry["mode"], &dry["sessions"]), (&json!("dry-run"), &json!(2)));
    assert!(dry["events"]["total"].as_i64() > Some(5) && dry["bytes"].as_i64() > Some(1000), "{dry}");
    assert_eq!(desk.done(&["timeline", sample::CLAUDE, "--json"]).out, before);
    assert!(desk.done(&["purge", "receipts", "--json"]).objects().is_empty());
}

#[test]
fn what_is_purged_is_gone_and_its_rows_say_by_which_receipt() {
    let desk = filled(Desk::with_file());
    let kept = desk.done(&["timeline", sample::CODEX, "--json"]).out;
    let (dry, rows) =
        (purged(&desk, &["--session", sample::CLAUDE]), desk.done(&["timeline", sample::CLAUDE, "--json"]).objects());
    let done = purged(&desk, &["--session", sample::CLAUDE, "--apply", "--vacuum"]);
    assert_eq!((&done["events"], &done["bytes"], &done["remaining"]), (&dry["events"], &dry["bytes"], &json!(0)));
    assert_eq!((&done["state"], &done["receipt"], &done["records"]), (&json!("done"), &json!(1), &json!(4)));
    assert_eq!(desk.done(&["timeline", sample::CODEX, "--json"]).out, kept, "the other session is as it was");
    let left = desk.done(&["timeline", sample::CLAUDE, "--json"]).objects();
    assert_eq!(left.len(), rows.len());
    assert!(left.iter().all(|row| row["label"].as_str().is_some_and(|label| label.ends_with("by receipt 1"))));
    assert_eq!(
        left.iter().map(|row| &row["id"]).collect::<Vec<_>>(),
        rows.iter().map(|row| &row["id"]).collect::<Vec<_>>()
    );
    assert_eq!(events_of(&desk, sample::CLAUDE), 0);
    let store = fs::read(desk.store()).expect("is there");
    for gone in ["Count the files", "I will count them", "req_sample_1", "claude-sample-1"] {
        assert!(memchr::memmem::find(&store, gone.as_bytes()).is_none(), "{gone}");
    }
    assert!(desk.done(&["search", "lit:Count the files", "--json"]).objects().is_empty());
    let findings = desk.done(&["check", sample::CLAUDE, "--json"]).objects();
    assert_eq!((findings.len(), &findings[0]["finding"]), (1, &json!("purged")), "{findings:?}");
    let shown = object(&desk.done(&["show", sample::CLAUDE, "u1", "--json"]));
    assert_eq!((&shown["events"][0]["flags"], &shown["events"][0]["bodies"]), (&json!(["purged"]), &json!([])));
    let reason = desk.refused(1, &["show", sample::CLAUDE, "u1", "--part", "raw"]);
    assert!(reason.contains("purged"), "{reason}");
    // What was purged is not held against what is left.
    let whole = desk.done(&["verify", &desk.named_store()]);
    let verified = object(&desk.done(&["verify", &desk.named_store(), "--json"]));
    let (went, left) = (done["events"]["total"].as_u64().expect("a count"), verified["compared"].as_u64());
    assert_eq!((verified["purged"].as_u64(), verified["events"].as_u64()), (Some(went), left.map(|left| left + went)));
    assert!(whole.err.contains(&format!("{went} events purged; of each only the tombstone is left")), "{whole:?}");
    let left = left.unwrap_or(0);
    assert!(whole.err.contains(&format!("{left} of {left} events are as their records tell them")), "{whole:?}");
    let receipts = desk.done(&["purge", "receipts", "--json"]).objects();
    assert_eq!((receipts.len(), &receipts[0]["digest"]), (1, &done["digest"]));
}

#[test]
fn an_import_brings_back_what_was_purged_only_when_it_is_told_to() {
    let desk = filled(Desk::new());
    let before = desk.done(&["timeline", sample::CLAUDE, "--json"]).out;
    purged(&desk, &["--session", sample::CLAUDE, "--apply"]);
    let (first, copy) = (desk.path("in/claude.jsonl"), desk.write("copy/claude.jsonl", sample::claude()));
    desk.done(&["import", text(&first), text(&copy)]);
    assert_eq!(events_of(&desk, sample::CLAUDE), 0);
    desk.done(&["export", sample::CLAUDE, "--format", "original", "-o", "none"]);
    let name = |name: &str| fs::read(desk.path(name)).expect("is there");
    assert!(name("none/claude.partial.jsonl").is_empty() && name("none/claude.partial-2.jsonl").is_empty());
    desk.done(&["import", "--purged", text(&first)]);
    assert_eq!(desk.done(&["timeline", sample::CLAUDE, "--json"]).out, before);
    let raw = desk.done(&["show", sample::CLAUDE, "u1", "--part", "raw"]).out;
    assert_eq!(raw, sample::claude_records()[0]);
}

#[test]
fn a_file_that_grew_after_a_purge_goes_out_without_what_was_purged() {
    let desk = Desk::new();
    let records = sample::claude_records();
    let part = |records: &[Vec<u8>]| [records.join(&b'\n'), vec![b'\n']].concat();
    let file = desk.write("in/claude.jsonl", part(&records[..2]));
    desk.import(&file);
    purged(&desk, &["--apply"]);
    desk.write("in/claude.jsonl", part(&records));
    desk.import(&file);
    let ran = desk.done(&["export", sample::CLAUDE, "--format", "original", "-o", "out"]);
    assert!(ran.err.contains("were purged and are left out"), "{ran:?}");
    assert_eq!(fs::read(desk.path("out/claude.partial.jsonl")).expect("is there"), part(&records[2..]));
    assert_eq!(desk.done(&["search", "lit:Count the files", "--json"]).objects().len(), 0);
    desk.done(&["verify", &desk.named_store()]);
    purged(&desk, &["--apply"]);
    let ran = desk.done(&["verify", &desk.named_store()]);
    assert!(ran.err.contains("only the tombstone is left") && !ran.err.contains("0 of 0"), "{ran:?}");
}

#[test]
fn what_is_held_stays_until_it_is_released() {
    let desk = filled(Desk::new());
    desk.done(&["purge", "hold", sample::CLAUDE, "--reason", "case 12"]);
    let holds = desk.done(&["purge", "holds", "--json"]).objects();
    assert_eq!((&holds[0]["session"], &holds[0]["reason"]), (&json!(sample::CLAUDE), &json!("case 12")));
    let done = purged(&desk, &["--apply"]);
    assert_eq!((&done["sessions"], &done["held"]["sessions"]), (&json!(1), &json!([sample::CLAUDE])));
    assert_ne!(events_of(&desk, sample::CLAUDE), 0);
    desk.done(&["purge", "release", sample::CLAUDE]);
    desk.refused(1, &["purge", "release", sample::CLAUDE]);
    assert_eq!(purged(&desk, &["--apply"])["sessions"], 1);
    assert_eq!(events_of(&desk, sample::CLAUDE), 0);
}

#[test]
fn scopes_narrow_and_what_cannot_be_meant_is_refused() {
    let desk = filled(Desk::new());
    let of = |scope: &[&str]| purged(&desk, scope)["sessions"].clone();
    assert_eq!((of(&["--agent", "codex"]), of(&["--session", sample::CLAUDE])), (json!(1), json!(1)));
    desk.refused(1, &["purge", "--agent", "codex", "--session", sample::CLAUDE]);
    let all = object(&desk.done(&["purge", "--json", "--agent", "codex", "--all"]));
    assert!(all["events"]["total"].as_i64() > Some(0), "{all}");
    desk.refused(1, &["purge", "--room", "nowhere"]);
    desk.refused(1, &["purge", "--session", "nobody"]);
    desk.refused(2, &["purge", "--as-of", "one fine day"]);
    assert_eq!(desk.run(&["purge", "--all"]).code, 2);
    assert_eq!(desk.run(&["purge", "--vacuum"]).code, 2);
}

#[test]
fn how_long_things_are_kept_is_said_by_option_or_environment() {
    let desk = Desk::new();
    let file = desk.write("in/claude.jsonl", sample::claude());
    desk.done(&["import", "--retention", "0", text(&file)]);
    assert_eq!(purged(&desk, &[])["events"]["total"], 0, "it is kept for ever");
    let copy = desk.write("in/codex.jsonl", sample::codex());
    let mut command = desk.command(&["import", text(&copy)]);
    assert!(command.env("AGENT_REPLAY_RETENTION_DAYS", "30000").output().expect("runs").status.success());
    assert_eq!(object(&desk.done(&["purge", "--json", "--as-of", "2100-01-01T00:00:00Z"]))["events"]["total"], 0);
    assert_ne!(purged(&desk, &[])["events"]["total"], 0);
}

#[test]
fn a_store_that_is_written_anew_is_no_larger() {
    let desk = filled(Desk::with_file());
    purged(&desk, &["--apply"]);
    let done = object(&desk.done(&["vacuum", "--json"]));
    assert!(done["bytes_after"].as_i64() <= done["bytes_before"].as_i64(), "{done}");
    assert_eq!(done["bytes_after"].as_u64(), Some(fs::metadata(desk.store()).expect("is there").len()));
}
