//! The committer: one answer an item, after the commit that holds it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use turnscope::domain::{Kind, Phase, Role, Timestamp, flag};
use turnscope::import::{Control, bring_in};
use turnscope::record::{Committer, GroupPolicy, Item, Outcome, Refusal, Table, json as raw};

use crate::desk::Desk;

fn call(id: &str) -> Item {
    let mut item = Item::model("canvas_runner", "model_call", "started");
    item.event_id = Some(id.to_owned());
    item.room = Some("standup".to_owned());
    item.at = Timestamp::parse("2026-03-02T10:00:00Z");
    item
}

fn names(outcomes: &[Outcome]) -> Vec<&'static str> {
    outcomes.iter().map(Outcome::name).collect()
}

async fn raw_connection(desk: &Desk) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(desk.path())).await.expect("connects")
}

#[tokio::test]
async fn payloads_come_back_as_the_bytes_that_were_handed_in() {
    let desk = Desk::new().await;
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let text = |json: &str| Some(serde_json::value::RawValue::from_string(json.to_owned()).expect("valid"));
    for (place, input) in [
        r#"{"b":1, "a": 1.50,"b":2}"#,
        r#"[1, "\u0000\ud800", {"x":null}]"#,
        r#""just text""#,
        "null",
        r#"{"value":[1]}"#,
        r#"{"value":"x"}"#,
        r#"{"value":{"x":1}}"#,
        r#"{"truncated":true,"size_bytes":9,"preview":"{"}"#,
        r#"{"encode_error":true,"type":"x"}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let item = Item { input: text(input), ..call(&format!("e{place}")) };
        let outcomes = committer.submit(vec![item]).await.expect("taken");
        assert_eq!(outcomes, [Outcome::Stored { id: format!("e{place}") }]);
        let events = desk.events("room:standup").await;
        let event = events.iter().find(|event| event.id == format!("e{place}")).expect("stored");
        assert_eq!(desk.part(event, Role::Input).await.as_deref(), Some(input));
        assert!(!event.has(flag::TRUNCATED), "{input}");
    }
}

#[tokio::test]
async fn everything_that_was_said_has_its_place() {
    let desk = Desk::new().await;
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let mut item = Item::model("canvas_runner", "model_call", "completed");
    item.base = Some("B1".to_owned());
    item.sequence = Some(9);
    item.room = Some("standup".to_owned());
    item.span_id = Some("00f1".to_owned());
    item.parent_span_id = Some("00f0".to_owned());
    item.model = Some("claude-x".to_owned());
    item.at = Timestamp::parse("2026-03-02T10:00:02Z");
    item.started = Timestamp::parse("2026-03-02T10:00:00Z");
    item.ended = Timestamp::parse("2026-03-02T10:00:01.5Z");
    item.time_to_first_token_ms = Some(320);
    item.tools = Some(raw(&json!([{"name": "draw"}])).expect("json"));
    item.usage = Some(raw(&json!({"inputTokens": 10, "outputTokens": 5, "totalTokens": 15})).expect("json"));
    item.system_prompt = Some("be kind".to_owned());
    committer.submit(vec![item]).await.expect("taken");
    let [event] = &desk.events("room:standup").await[..] else { panic!("one event") };
    assert_eq!((event.id.as_str(), event.phase), ("B1:model_call:completed:9", Phase::Result));
    assert_eq!(event.turn.as_deref(), Some("model:B1"));
    assert_eq!((event.latency, event.provider.as_deref()), (Some(1_500_000), Some("anthropic")));
    assert_eq!(event.usage.as_ref().and_then(|usage| usage.total()), Some(15));
    assert_eq!(event.attribute("time_to_first_token_ms"), Some("320"));
    assert_eq!(event.attribute("parent_span_id"), Some("00f0"));
    assert_eq!(event.values(turnscope::domain::KeyKind::Span).collect::<Vec<_>>(), ["00f1"]);
    assert_eq!(desk.part(event, Role::Tools).await.as_deref(), Some(r#"[{"name":"draw"}]"#));
    assert_eq!(desk.part(event, Role::System).await.as_deref(), Some(r#""be kind""#));
}

#[tokio::test]
async fn sessions_are_named_by_room_canvas_and_emitter() {
    let desk = Desk::new().await;
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let item = || Item::external("agent_begin", None);
    let some = |text: &str| Some(text.to_owned());
    let items = vec![
        Item { room: some(" r "), canvas_id: some("c"), ..item() },
        Item { canvas_id: some("c"), session_id: some("s"), ..item() },
        Item { session_id: some("voice-1"), ..item() },
        Item { room: some(""), ..item() },
        Item { session: some("mine"), room: some("r"), ..item() },
    ];
    committer.submit(items).await.expect("taken");
    committer.close().await;
    let mut ids: Vec<String> =
        desk.store.sessions().await.expect("reads").into_iter().map(|session| session.id).collect();
    ids.sort();
    assert_eq!(ids, ["canvas:c", "mine", "room:r", "session:voice-1", "source:agent_telemetry_api"]);
}

#[tokio::test]
async fn what_comes_again_is_a_duplicate_and_what_differs_is_kept_beside_it() {
    let desk = Desk::new().await;
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let timeless =
        || Item { at: None, stamps: vec![("principal".to_owned(), raw(&"ana").expect("json"))], ..call("b") };
    let state = |status: &str| {
        let mut item =
            Item::new(Table::Task, "agent_tasks", "fairy.intent").with("task", &"fairy.intent").expect("json");
        item.event_id = Some("t1".to_owned());
        item.room = Some("standup".to_owned());
        Item { status: Some(status.to_owned()), ..item }
    };
    let first = committer.submit(vec![call("a"), timeless(), state("queued")]).await.expect("taken");
    assert_eq!(names(&first), ["stored", "stored", "stored"]);
    let changed = Item { error: Some("no".to_owned()), ..call("a") };
    let elsewhere = Item { stamps: vec![("principal".to_owned(), raw(&"ben").expect("json"))], ..timeless() };
    let again =
        committer.submit(vec![call("a"), elsewhere, changed, state("running"), call("a")]).await.expect("taken");
    assert_eq!(names(&again), ["duplicate", "duplicate", "conflict", "revision", "duplicate"]);
    let figures = committer.figures();
    assert_eq!((figures.stored, figures.duplicates, figures.conflicts, figures.revisions), (3, 3, 1, 1));
}

#[tokio::test]
async fn a_recorded_row_and_the_same_row_of_a_document_are_one_event() {
    let desk = Desk::new().await;
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let mut item = Item::tool("voice_agent", "tool_call_created", "created", "create_component");
    item.event_id = Some("e1".to_owned());
    (item.room, item.tool_call_id) = (Some("standup".to_owned()), Some("c1".to_owned()));
    (item.at, item.sequence) = (Timestamp::parse("2026-03-02T10:00:00Z"), Some(4));
    item.input = Some(raw(&json!(["x", 1])).expect("json"));
    committer.submit(vec![item]).await.expect("taken");
    let row = json!({"sequence": 4, "event_id": "e1", "created_at": "2026-03-02T10:00:00.000000Z", "room": "standup",
        "tool_call_id": "c1", "source": "voice_agent", "event_type": "tool_call_created", "status": "created",
        "tool_name": "create_component", "input_payload": {"value": ["x", 1]}, "output_payload": null});
    let traces = json!([{"id": "x", "stage": "queued", "room": "standup", "created_at": "2026-03-02T10:00:00Z"}]);
    let document = json!({"room": "standup", "traces": traces, "agent_tool_io": [row]});
    let file = desk.folder.path().join("room.json");
    std::fs::write(&file, document.to_string()).expect("written");
    let (notices, _told) = tokio::sync::mpsc::unbounded_channel();
    let control = Control { notices, cancelled: Arc::new(AtomicBool::new(false)) };
    let outcome = bring_in(&desk.store, &[file], &control).await.expect("imports");
    assert_eq!((outcome.reports[0].duplicates, outcome.reports[0].conflicts), (1, 0));
    let events = desk.events("room:standup").await;
    let tools: Vec<&str> =
        events.iter().filter(|event| event.kind == Kind::Tool).map(|event| event.id.as_str()).collect();
    assert_eq!(tools, ["e1"]);
}

#[tokio::test]
async fn one_item_that_the_store_cannot_hold_does_not_sink_the_others() {
    let desk = Desk::new().await;
    let mut connection = raw_connection(&desk).await;
    sqlx::query("CREATE TRIGGER poison BEFORE INSERT ON events WHEN NEW.id LIKE 'bad%' BEGIN SELECT RAISE(ABORT, 'poison'); END")
        .execute(&mut connection)
        .await
        .expect("a trigger");
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let items = ["a", "bad1", "b", "c", "bad2"].map(call).to_vec();
    let outcomes = committer.submit(items).await.expect("taken");
    assert_eq!(names(&outcomes), ["stored", "rejected", "stored", "stored", "rejected"]);
    let Outcome::Rejected { reason, .. } = &outcomes[1] else { panic!("rejected") };
    assert!(reason.contains("poison"), "{reason}");
    let ids: Vec<String> = desk.events("room:standup").await.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_store_that_is_held_by_another_is_busy_and_takes_items_when_it_is_free() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store.db");
    let store = turnscope::store::Store::open_with(&path, Duration::from_millis(20)).await.expect("opens");
    let desk = Desk { folder, store, address: (&path).into(), url: None };
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let mut other = raw_connection(&desk).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("locks");
    let refused = committer.submit(vec![call("a")]).await.expect_err("locked");
    assert!(matches!(refused, Refusal::Busy { .. }), "{refused}");
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("frees");
    assert_eq!(names(&committer.submit(vec![call("a")]).await.expect("taken")), ["stored"]);
    assert_eq!(committer.figures().refused, 1);
}

#[tokio::test]
async fn after_closing_nothing_is_taken_and_all_that_was_is_counted() {
    let desk = Desk::new().await;
    let committer = Committer::start(desk.store.clone(), GroupPolicy::default());
    let callers = (0..20).map(|place| {
        let committer = committer.clone();
        tokio::spawn(async move { committer.submit(vec![call(&format!("e{place}"))]).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(names(&caller.await.expect("runs").expect("taken")), ["stored"]);
    }
    committer.close().await;
    assert_eq!(committer.submit(vec![call("late")]).await, Err(Refusal::Closed));
    let session = desk.store.session("room:standup").await.expect("reads").expect("there");
    assert_eq!((session.events, session.agent.as_str()), (20, "present"));
    let figures = committer.figures();
    assert_eq!((figures.stored, figures.waiting), (20, 0));
    assert!((1..=20).contains(&figures.commits) && figures.bytes > 0);
}
