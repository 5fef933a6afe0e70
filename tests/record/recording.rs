//! The recorder: whole events, answers for a caller's own, gaps for what is missing, and nothing lost at a restart.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use turnscope::domain::{Event, Kind, Role, flag};
use turnscope::record::{Flush, Flushed, Item, Limits, Overflow, Policy, Taken, json as raw, quarantined, redrive};
use turnscope::store::Store;

use crate::desk::{Desk, events};

/// Long enough for any machine; nothing waits for it in vain.
const LONG: Duration = Duration::from_secs(60);

fn item(id: &str) -> Item {
    let mut item = Item::model("canvas_runner", "model_call", "completed");
    item.event_id = Some(id.to_owned());
    item.room = Some("standup".to_owned());
    item.output = Some(raw(&json!({"text": id.repeat(20)})).expect("json"));
    item
}

fn policy(overflow: Overflow) -> Policy {
    Policy { queue_events: 4, wait: Duration::ZERO, overflow, drain: Duration::from_millis(200), ..Policy::default() }
}

async fn read(desk: &Desk) -> Vec<Event> {
    events(&Store::at(&desk.address).await.expect("opens"), "room:standup").await
}

fn ids(events: &[Event]) -> Vec<&str> {
    let mut ids: Vec<&str> =
        events.iter().filter(|event| event.kind == Kind::Model).map(|event| event.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

fn gaps(events: &[Event]) -> Vec<&Event> {
    events.iter().filter(|event| event.event_type == "gap").collect()
}

#[tokio::test]
async fn a_flush_answers_for_the_events_of_its_own_caller() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(Policy::default()).await;
        let other = recorder.caller();
        assert_eq!(other.flush(LONG).await.status, Flushed::Flushed);
        for id in ["a", "b", "c"] {
            assert_eq!(recorder.record(item(id)).await.expect("taken"), Taken::Queued);
        }
        other.record_now(&item("d")).expect("taken");
        let flushed = Flush { status: Flushed::Flushed, stored: 3, queued: 0, journaled: 0, dropped: 0 };
        assert_eq!(recorder.flush(LONG).await, flushed);
        assert_eq!(other.flush(LONG).await.stored, 1);
        assert_eq!(ids(&desk.events("room:standup").await), ["a", "b", "c", "d"]);
        assert_eq!(recorder.close().await, flushed);
        let refused = recorder.record(item("late")).await.expect_err("closed");
        assert!(refused.to_string().contains("late"), "{refused}");
        assert_eq!(recorder.flush(LONG).await.status, Flushed::Dropped);
    }
}

#[tokio::test]
async fn what_waits_is_stored_when_the_last_caller_goes() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(Policy { gather: LONG, ..Policy::default() }).await;
        recorder.record(item("a")).await.expect("taken");
        drop(recorder);
        assert_eq!(ids(&desk.events("room:standup").await), ["a"]);
        assert_eq!(desk.left(), Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn refused_events_come_back_as_a_gap() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(policy(Overflow::Refuse)).await;
        let held = desk.lock().await;
        let mut refused = 0;
        for place in 0..40 {
            refused += u64::from(recorder.record(item(&format!("e{place}"))).await.is_err());
        }
        assert!(refused >= 30);
        held.unlock().await;
        let flush = recorder.flush(LONG).await;
        assert_eq!((flush.status, flush.stored, flush.dropped), (Flushed::Dropped, 40 - refused, refused));
        // What was told once is not told again.
        assert_eq!(recorder.flush(LONG).await.status, Flushed::Flushed);
        recorder.close().await;
        let events = read(&desk).await;
        assert_eq!(ids(&events).len() as u64, 40 - refused);
        let missing: u64 =
            gaps(&events).iter().filter_map(|gap| gap.attribute("missing_count")?.parse::<u64>().ok()).sum();
        assert_eq!(missing, refused);
        let gap = gaps(&events)[0];
        assert!(gap.has(flag::ERROR) && gap.label.contains("canvas_runner"), "{}", gap.label);
        let (code, told, _) = desk.turnscope(&["check", "standup", "--json"]);
        let finding = told.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("is JSON"));
        let finding = finding.into_iter().find(|finding| finding["finding"] == "gap").expect("it is a finding");
        assert_eq!((code, finding["severity"].as_str()), (4, Some("error")));
        assert_eq!(finding["event"].as_str(), Some(gap.id.as_str()));
        assert!(finding["detail"].as_str().is_some_and(|words| words.contains("missing (canvas_runner")), "{finding}");
        // The list of sessions counts it before anybody has checked.
        let session = Store::at(&desk.address).await.expect("opens").session("room:standup").await.expect("reads");
        assert!(session.expect("is there").findings > 0);
    }
}

#[tokio::test]
async fn what_an_earlier_recorder_left_and_cannot_be_read_is_told() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(policy(Overflow::Spill)).await;
        let folder = desk.kept();
        let held = desk.lock().await;
        for place in 0..10 {
            recorder.record(item(&format!("e{place}"))).await.expect("taken");
        }
        recorder.close().await;
        drop(recorder);
        held.unlock().await;
        let journal = std::fs::read_dir(&folder).expect("a folder").next().expect("one").expect("is read").path();
        // One is damaged in its last row, one is a folder and none, and the gaps of a third are broken.
        let mut bytes = std::fs::read(&journal).expect("reads");
        let last = bytes.len() - 10;
        bytes[last] ^= 1;
        std::fs::write(&journal, bytes).expect("writes");
        std::fs::create_dir(folder.join("none.journal")).expect("is made");
        std::fs::write(folder.join("third.journal"), "turnscope journal 1\n").expect("writes");
        std::fs::write(folder.join("third.gaps"), "{broken\n").expect("writes");
        for _ in 0..2 {
            desk.recorder(Policy::default()).await.close().await;
        }
        assert_eq!(ids(&read(&desk).await).len(), 9);
        let told = events(&Store::at(&desk.address).await.expect("opens"), "source:turnscope_recorder").await;
        let words: Vec<String> = gaps(&told).into_iter().filter_map(|gap| gap.error.clone()).collect();
        assert_eq!(words.len(), 4, "each once: {words:?}");
        let tells = |parts: &[&str]| words.iter().any(|words| parts.iter().all(|part| words.contains(part)));
        assert!(tells(&["breaks off", ".torn"]) && tells(&["cannot be read", "none.journal"]), "{words:?}");
        assert!(
            tells(&["what an earlier recorder left cannot be read"]) && tells(&["without being stopped"]),
            "{words:?}"
        );
        let torn = std::fs::read_dir(&folder).expect("a folder").filter_map(Result::ok);
        let torn = torn.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "torn")).count();
        assert_eq!(torn, 1, "it is kept for whoever wants to look");
    }
}

#[tokio::test]
async fn gaps_of_a_store_that_never_came_back_are_told_after_a_restart() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(policy(Overflow::Refuse)).await;
        let held = desk.lock().await;
        for place in 0..10 {
            // Some are taken and some refused; in the end none of them could be stored.
            let _ = recorder.record(item(&format!("e{place}"))).await;
        }
        assert_eq!(recorder.close().await.dropped, 10);
        drop(recorder);
        held.unlock().await;
        desk.recorder(Policy::default()).await.close().await;
        let events = read(&desk).await;
        let missing: u64 =
            gaps(&events).iter().filter_map(|gap| gap.attribute("missing_count")?.parse::<u64>().ok()).sum();
        // A commit that was on its way when the time was over may have come through after all.
        assert_eq!((missing, ids(&events).len() <= 4), (10, true));
    }
}

#[tokio::test]
async fn what_there_is_no_room_for_goes_through_the_journal_and_is_stored_once() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(policy(Overflow::Spill)).await;
        let held = desk.lock().await;
        let mut journaled = 0;
        for place in 0..40 {
            let taken = recorder.record(item(&format!("e{place:02}"))).await.expect("taken");
            journaled += u64::from(taken == Taken::Journaled);
        }
        assert!(journaled >= 30);
        let waiting = recorder.flush(Duration::ZERO).await;
        assert_eq!((waiting.status, waiting.queued, waiting.journaled), (Flushed::Queued, 40, journaled));
        held.unlock().await;
        assert_eq!(
            recorder.flush(LONG).await,
            Flush { status: Flushed::Flushed, stored: 40, queued: 0, journaled: 0, dropped: 0 }
        );
        recorder.close().await;
        let events = read(&desk).await;
        assert_eq!((ids(&events).len(), gaps(&events).len()), (40, 0));
    }
}

#[tokio::test]
async fn a_journal_that_was_left_is_stored_at_the_next_start() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(policy(Overflow::Spill)).await;
        let held = desk.lock().await;
        for place in 0..10 {
            recorder.record(item(&format!("e{place}"))).await.expect("taken");
        }
        let closed = recorder.close().await;
        assert_eq!((closed.status, closed.journaled), (Flushed::Queued, 10));
        drop(recorder);
        held.unlock().await;
        desk.recorder(Policy::default()).await.close().await;
        let events = read(&desk).await;
        assert_eq!((ids(&events).len(), gaps(&events).len()), (10, 0));
        assert_eq!(desk.left(), Vec::<PathBuf>::new());
    }
}

#[tokio::test]
async fn errors_take_the_place_of_other_events() {
    for desk in Desk::all().await {
        let recorder = desk.recorder(policy(Overflow::Refuse)).await;
        let held = desk.lock().await;
        for place in 0..20 {
            let _ = recorder.record(item(&format!("e{place}"))).await;
        }
        // What is being stored cannot give way: with one of four taken, three can.
        let error = Item { error: Some("broken".to_owned()), ..item("error") };
        let taken = recorder.record(error).await;
        held.unlock().await;
        recorder.close().await;
        let events = read(&desk).await;
        assert_eq!(ids(&events).contains(&"error"), taken.is_ok());
        let missing: u64 =
            gaps(&events).iter().filter_map(|gap| gap.attribute("missing_count")?.parse::<u64>().ok()).sum();
        assert_eq!(missing + ids(&events).len() as u64, 21);
    }
}

#[tokio::test]
async fn poison_is_laid_aside_and_can_be_tried_again() {
    for desk in Desk::all().await {
        let mut other = desk.other().await;
        other.poison().await;
        let recorder = desk.recorder(Policy::default()).await;
        for id in ["a", "bad", "c"] {
            recorder.record(item(id)).await.expect("taken");
        }
        let flush = recorder.flush(LONG).await;
        assert_eq!((flush.status, flush.stored, flush.dropped), (Flushed::Dropped, 2, 1));
        recorder.close().await;
        let laid = quarantined(&desk.address, Some(desk.folder.path())).expect("reads");
        let laid: Vec<_> = laid.into_iter().map(|row| row.expect("is whole")).collect();
        assert_eq!((laid.len(), laid[0].id.as_str(), laid[0].session.as_str()), (1, "bad", "room:standup"));
        assert!(laid[0].reason.contains("poison"), "{}", laid[0].reason);
        let store = Store::at(&desk.address).await.expect("opens");
        assert!(!redrive(&store, &laid).await.expect("tried")[0].is_kept());
        assert_eq!(quarantined(&desk.address, Some(desk.folder.path())).expect("reads").len(), 1);
        let (code, told, _) = desk.turnscope(&["quarantine", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("one object");
        assert_eq!(
            (code, told["event"].as_str(), told["row"]["source"].as_str()),
            (0, Some("bad"), Some("canvas_runner"))
        );
        let (code, told, words) = desk.turnscope(&["quarantine", "--retry"]);
        assert_eq!((code, told.as_str()), (3, "rejected bad\n"));
        assert!(words.contains("poison"), "{words}");
        assert_eq!(desk.turnscope(&["quarantine", "other"]).0, 1);
        other.cure().await;
        assert!(redrive(&store, &laid).await.expect("tried")[0].is_kept());
        assert_eq!(quarantined(&desk.address, Some(desk.folder.path())).expect("reads").len(), 0);
        assert_eq!(ids(&read(&desk).await), ["a", "bad", "c"]);
    }
}

#[tokio::test]
async fn payloads_are_cut_only_where_the_policy_says_so_and_the_cut_is_told() {
    for desk in Desk::all().await {
        let limits = Limits { payload: Some(1000), column: Some(1024), preview: 200 };
        let recorder = desk.recorder(Policy { limits, ..Policy::default() }).await;
        let long = raw(&json!({"text": "é".repeat(2000)})).expect("json");
        recorder
            .record(Item { output: Some(long.clone()), metadata: Some(long), ..item("long") })
            .await
            .expect("taken");
        recorder.record(item("short")).await.expect("taken");
        recorder.close().await;
        let events = read(&desk).await;
        let [long, short] = ["long", "short"].map(|id| events.iter().find(|event| event.id == id).expect("stored"));
        assert!(long.has(flag::TRUNCATED) && !short.has(flag::TRUNCATED));
        assert_eq!((long.attribute("output_size"), long.attribute("output_missing")), (Some("4011"), Some("3012")));
        let left = desk.part(long, Role::Output).await.expect("a body");
        let left: serde_json::Value = serde_json::from_str(&left).expect("json");
        assert_eq!(left["preview"].as_str().map(str::len), Some(999));
    }
}
