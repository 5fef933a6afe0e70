//! The suite of the store: one story a test, told through its public methods alone.
//!
//! It runs on SQLite, and on the PostgreSQL server that `TURNSCOPE_TEST_SERVER` names.

use std::ffi::OsStr;

use sqlx::{AssertSqlSafe, Connection};

use super::engine::{Pool, query};
use super::{
    Address, Annotation, Batch, NewBlob, NewBody, NewEvent, NewRecord, Packer, Place, RecordStatus, SourceStep, Stamp,
    Store, digest,
};
use crate::domain::{
    Event, HeadSum, Key, KeyKind, Kind, Order, Phase, Role, Session, Timestamp, Usage, UsageSource, flag,
};

pub(super) struct Desk {
    pub folder: tempfile::TempDir,
    pub store: Store,
}

pub(super) async fn desk() -> Desk {
    let Ok(server) = std::env::var("TURNSCOPE_TEST_SERVER") else { return file_desk().await };
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::at(&database(&server).await).await.expect("opens");
    Desk { folder, store }
}

/// A desk whose store is a file, whatever else there is.
pub(super) async fn file_desk() -> Desk {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("deep/store.db")).await.expect("opens");
    Desk { folder, store }
}

/// A new database on a server, which goes with the server.
async fn database(server: &str) -> Address {
    let mut connection = sqlx::PgConnection::connect(server).await.expect("connects");
    let name = format!("t{}", uuid::Uuid::now_v7().simple());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.expect("is made");
    let (before, behind) = server.split_once("/postgres?").expect("names the database postgres");
    Address::parse(OsStr::new(&format!("{before}/{name}?{behind}")))
}

/// The database itself, for what no method does.
pub(super) fn sqlite(store: &Store) -> &sqlx::SqlitePool {
    match &store.writer {
        Pool::Sqlite(pool) => pool,
        Pool::Postgres(_) => panic!("it is no file"),
    }
}

pub(super) fn session(id: &str) -> Session {
    Session { id: id.to_owned(), agent: "test".to_owned(), ..Session::default() }
}

pub(super) fn event(session: &str, id: &str, time: i64, kind: Kind) -> Event {
    let mut event = Event::new(kind, "test", "thing");
    (event.session, event.id, event.label) = (session.to_owned(), id.to_owned(), format!("label of {id}"));
    event.at = Some(Timestamp(time));
    event.order = Order { time: Timestamp(time), origin: 1, sequence: time };
    event
}

/// A batch of a source whose content is the ids of its events, one a line, each the output of its event.
pub(super) fn batch(path: &str, sessions: &[Session], events: Vec<Event>) -> Batch {
    let mut packer = Packer::default();
    let mut start = 0;
    let mut records = Vec::new();
    for event in events {
        let text = format!("{}\n", event.id);
        packer.push(text.as_bytes());
        packer.end_record();
        let size = text.len() as i64 - 1;
        let own = digest(event.id.as_bytes());
        let mut content = [0; 16];
        content.copy_from_slice(&digest(format!("{}{}", event.id, event.label).as_bytes())[..16]);
        let bodies = vec![NewBody { role: Role::Output, place: Place::Content(start), size, digest: own }];
        records.push(NewRecord {
            start,
            size,
            status: RecordStatus::Good,
            digest: own,
            content,
            events: vec![NewEvent { event, bodies }],
        });
        start += text.len() as i64;
    }
    let step = SourceStep {
        path: path.to_owned(),
        importer: "test".to_owned(),
        consumed: start,
        sessions: sessions.iter().map(|session| session.id.clone()).collect(),
        finished: Some(Stamp { size: start, modified: 1, inode: 2 }),
        state: "{}".to_owned(),
        ..SourceStep::default()
    };
    Batch {
        sessions: sessions.to_vec(),
        source: Some(step),
        pieces: packer.take(),
        records,
        received: 5,
        ..Batch::default()
    }
}

pub(super) async fn append(store: &Store, batch: Batch) -> super::Appended {
    let appended = store.append(&[batch]).await.expect("appends");
    store.settle().await.expect("settles");
    appended[0].clone()
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    let Desk { folder: _folder, store } = desk().await;
    let mut one = event("s", "e1", 1_000_000, Kind::Tool);
    one.keys = vec![Key::native(KeyKind::ToolCall, "t1"), Key::derived(KeyKind::Intent, "nul\0", "some.rule")];
    one.usage = Some(Usage { input: Some(1), output: Some(2), ..Usage::new("rule", UsageSource::Provider) });
    one.attributes = vec![("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())];
    (one.turn, one.phase, one.latency, one.error) =
        (Some("tool:t1".to_owned()), Phase::Call, Some(7), Some("bad".to_owned()));
    append(&store, batch("/f", &[session("s")], vec![one.clone(), event("s", "e2", 2_000_000, Kind::Other)])).await;
    let number = store.session("s").await.expect("reads").expect("is there").number;
    let heads = store.heads(number, None).await.expect("reads");
    assert_eq!(
        heads.iter().map(|head| (head.kind, head.tokens)).collect::<Vec<_>>(),
        [(Kind::Tool, 3), (Kind::Other, -1)]
    );
    let found = store.events(&[heads[1].number, 99, heads[0].number]).await.expect("reads");
    assert_eq!(found.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["e2", "e1"]);
    one.number = heads[0].number;
    one.keys[1].value = "nul\u{2400}".to_owned();
    assert_eq!(found[1], one);
    let bodies = store.bodies(&[one.number]).await.expect("reads");
    assert_eq!(bodies.iter().map(|body| body.role).collect::<Vec<_>>(), [Role::Output, Role::Raw]);
    assert_eq!(store.read(bodies[0].blob, bodies[0].start, 100).await.expect("reads"), b"e1\ne2\n");
    assert_eq!(store.origins(one.number).await.expect("reads")[0].path, "/f");
    assert_eq!(store.named(number, "tool:t1").await.expect("reads"), [one.number]);
    assert_eq!(store.named(number, "e1").await.expect("reads"), [one.number]);
}

#[tokio::test]
async fn appending_again_changes_nothing_and_says_so() {
    let Desk { folder: _folder, store } = desk().await;
    let events = || vec![event("s", "e1", 1, Kind::Other), event("s", "e2", 2, Kind::Other)];
    let first = append(&store, batch("/a", &[session("s")], events())).await;
    assert_eq!((first.added, first.duplicates, first.represented), (2, 0, 2));
    let again = append(&store, batch("/b", &[session("s")], events())).await;
    assert_eq!((again.added, again.duplicates, again.represented), (0, 2, 2));
    let mut other = event("s", "e1", 1, Kind::Other);
    other.label = "something else".to_owned();
    let rival = append(&store, batch("/c", &[session("s")], vec![other])).await;
    assert_eq!((rival.added, rival.conflicts), (1, 1));
    let number = store.session("s").await.expect("reads").expect("is there").number;
    let heads = store.heads(number, None).await.expect("reads");
    assert_eq!(heads.iter().filter(|head| head.flags & flag::CONFLICT != 0).count(), 2);
    let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
    let events = store.events(&numbers).await.expect("reads");
    let twice = events.iter().find(|event| event.label == "label of e1").expect("is there");
    assert_eq!(store.origins(twice.number).await.expect("reads").len(), 2, "both files are named");
}

#[tokio::test]
async fn the_order_of_a_timeline_is_total_whatever_came_first() {
    let Desk { folder: _folder, store } = desk().await;
    let mut events: Vec<Event> =
        (0..20).map(|index| event("s", &format!("e{index:02}"), 100 - index / 3, Kind::Other)).collect();
    for one in &mut events {
        one.order.sequence = 0;
    }
    append(&store, batch("/f", &[session("s")], events.clone())).await;
    let number = store.session("s").await.expect("reads").expect("is there").number;
    let numbers: Vec<i64> = store.heads(number, None).await.expect("reads").iter().map(|head| head.number).collect();
    let ids: Vec<String> = store.events(&numbers).await.expect("reads").into_iter().map(|event| event.id).collect();
    events.sort_by(|one, other| (one.order, &one.id).cmp(&(other.order, &other.id)));
    assert_eq!(ids, events.iter().map(|event| event.id.clone()).collect::<Vec<_>>());
    assert_eq!(store.heads(number, Some(3)).await.expect("reads").len(), 3);
}

#[tokio::test]
async fn of_a_turns_usage_the_last_snapshot_counts() {
    let Desk { folder: _folder, store } = desk().await;
    let snapshot = |id: &str, time: i64, turn: &str, output: i64| {
        let mut event = event("s", id, time, Kind::Model);
        event.turn = Some(turn.to_owned());
        event.usage =
            Some(Usage { input: Some(10), output: Some(output), ..Usage::new("rule", UsageSource::Provider) });
        event
    };
    let events = vec![snapshot("a", 1, "m1", 1), snapshot("b", 2, "m2", 5), snapshot("c", 3, "m1", 40)];
    append(&store, batch("/f", &[session("s")], events)).await;
    let session = store.session("s").await.expect("reads").expect("is there");
    assert_eq!((session.tokens.input, session.tokens.output, session.tokens.total), (Some(20), Some(45), Some(65)));
    assert_eq!((session.turns, session.events, session.usage_source.as_str()), (2, 3, "provider"));
}

#[tokio::test]
async fn counts_that_grew_are_those_of_all_events() {
    let Desk { folder: _folder, store } = desk().await;
    let mut chance: u64 = 7;
    let mut next = |below: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    for round in 0..12 {
        let mut events = Vec::new();
        for index in 0..40 {
            let kind = [Kind::Model, Kind::Tool, Kind::Transcript, Kind::Other][next(4) as usize];
            let mut one = event("s", &format!("e{round}-{index}"), 1 + next(100) as i64, kind);
            one.phase = [Phase::Whole, Phase::Call, Phase::Part, Phase::Result][next(4) as usize];
            one.turn = (next(5) > 0).then(|| format!("turn {}", next(40)));
            one.flags = [0, flag::ERROR, flag::BAD | flag::ERROR, flag::TWIN, flag::UNKNOWN][next(5) as usize];
            one.model = (next(3) == 0).then(|| format!("m{}", next(3)));
            if next(3) == 0 {
                one.keys = vec![Key::native(KeyKind::Request, format!("r{}", next(4)))];
            }
            if next(4) == 0 {
                one.attributes = vec![("usage_mismatch".to_owned(), "so".to_owned())];
            }
            if next(2) == 0 {
                let bucket = |known: u64, tokens: u64| (known > 0).then_some(tokens as i64);
                let source = [UsageSource::Provider, UsageSource::Sdk][usize::from(next(20) == 0)];
                let (input, output) = (bucket(next(9), next(50)), bucket(next(9), next(50)));
                one.usage = Some(Usage { input, output, ..Usage::new("rule", source) });
            }
            events.push(one);
        }
        append(&store, batch(&format!("/f{round}"), &[session("s")], events)).await;
        let grown = store.session("s").await.expect("reads");
        query("UPDATE sessions SET counted = 2, settled = 0").execute(&store.writer).await.expect("writes");
        store.settle().await.expect("settles");
        assert_eq!(grown, store.session("s").await.expect("reads"), "round {round}");
    }
}

#[tokio::test]
async fn a_blob_may_be_named_before_it_comes_and_is_stored_once() {
    let Desk { folder: _folder, store } = desk().await;
    let bytes = b"a body of its own".repeat(100);
    let body = NewBody { role: Role::Input, place: Place::Blob, size: bytes.len() as i64, digest: digest(&bytes) };
    let mut first = batch("/f", &[session("s")], vec![event("s", "e1", 1, Kind::Model)]);
    first.records[0].events[0].bodies.push(body);
    append(&store, first).await;
    for _ in 0..2 {
        let mut packer = Packer::default();
        packer.push(&bytes);
        packer.end_record();
        let blob = NewBlob { digest: digest(&bytes), size: bytes.len() as i64, start: 0, pieces: packer.take() };
        append(&store, Batch { blobs: vec![blob], ..Batch::default() }).await;
    }
    let bodies = store.bodies(&[1]).await.expect("reads");
    assert_eq!(store.read(bodies[0].blob, 0, 1 << 20).await.expect("reads"), bytes);
}

#[tokio::test]
async fn marks_and_notes_are_kept_and_cleared() {
    let Desk { folder: _folder, store } = desk().await;
    let mut mark =
        Annotation { session: "s".to_owned(), row: "r".to_owned(), marked: true, note: Some("why?".to_owned()) };
    store.annotate(&mark).await.expect("keeps");
    assert_eq!(store.annotations("s").await.expect("reads"), [mark.clone()]);
    (mark.marked, mark.note) = (false, None);
    store.annotate(&mark).await.expect("clears");
    assert!(store.annotations("s").await.expect("reads").is_empty());
}

#[tokio::test]
async fn rows_that_share_a_key_are_found_within_their_lineage() {
    let Desk { folder: _folder, store } = desk().await;
    let keyed = |session: &str, id: &str, value: &str| {
        let mut event = event(session, id, 1, Kind::Tool);
        event.keys = vec![Key::native(KeyKind::ToolCall, value)];
        event
    };
    let events = vec![keyed("s", "a", "t1"), keyed("s", "b", "t1"), keyed("s", "c", "t2"), keyed("other", "d", "t1")];
    append(&store, batch("/f", &[session("s"), session("other")], events)).await;
    let keys = [
        Key::native(KeyKind::ToolCall, "t1"),
        Key::native(KeyKind::ToolCall, "t2"),
        Key::native(KeyKind::Message, "t1"),
    ];
    let shared = store.sharing("s", &keys).await.expect("reads");
    assert_eq!(shared, [(keys[0].clone(), vec![1, 2])]);
}

#[tokio::test]
async fn the_originals_names_can_be_asked() {
    let Desk { folder: _folder, store } = desk().await;
    let mut one = event("s", "e1", 1_772_445_600_000_000, Kind::Tool);
    (one.tool, one.keys) = (Some("canvas".to_owned()), vec![Key::native(KeyKind::Request, "r1")]);
    append(&store, batch("/f", &[session("s")], vec![one])).await;
    let row = query("SELECT tool_name, request_id, created_at, output_size_bytes FROM agent_tool_io");
    let row = row.fetch_one(&store.readers).await.expect("answers");
    assert_eq!(
        (row.try_get::<String>(0).expect("is there"), row.try_get::<String>(1).expect("is there")),
        ("canvas".to_owned(), "r1".to_owned())
    );
    assert_eq!(
        (row.try_get::<String>(2).expect("is there"), row.try_get::<i64>(3).expect("is there")),
        ("2026-03-02T10:00:00.000Z".to_owned(), 2)
    );
    for view in [
        "agent_model_io",
        "agent_trace_events",
        "agent_tasks",
        "agent_io_blobs",
        "canvas_session_transcripts",
        "fairy_orchestration_ledger",
    ] {
        query(format!("SELECT * FROM {view}")).fetch_all(&store.readers).await.expect("answers");
    }
}

pub(super) fn mark(session: &str, row: &str) -> Annotation {
    Annotation { session: session.to_owned(), row: row.to_owned(), marked: true, note: None }
}

#[tokio::test]
async fn blobs_of_events_that_share_an_id_have_names_of_their_own() {
    let Desk { folder: _folder, store } = desk().await;
    for content in [1, 2] {
        let mut one = batch("/f", &[session("s")], vec![event("s", "e1", 1, Kind::Model)]);
        (one.source, one.pieces) = (None, Vec::new());
        one.records[0].content = [content; 16];
        let bytes = vec![content; 9];
        one.records[0].events[0].bodies.push(NewBody {
            role: Role::Input,
            place: Place::Blob,
            size: 9,
            digest: digest(&bytes),
        });
        append(&store, one).await;
    }
    let rows = query("SELECT id FROM agent_io_blobs ORDER BY id").fetch_all(&store.readers).await.expect("reads");
    let ids: Vec<String> = rows.iter().map(|row| row.try_get(0).expect("a text")).collect();
    assert_eq!(ids, ["e1:input", "e1:output", "e1~1:input", "e1~1:output"]);
    let rows =
        query("SELECT input_blob_id FROM agent_model_io ORDER BY 1").fetch_all(&store.readers).await.expect("reads");
    let ids: Vec<String> = rows.iter().map(|row| row.try_get(0).expect("a text")).collect();
    assert_eq!(ids, ["e1:input", "e1~1:input"]);
}

#[tokio::test]
async fn damage_names_the_store_wherever_it_is_met() {
    let desk = desk().await;
    let store = desk.store.address();
    let error = super::explain(desk.store.blob_size(99).await.expect_err("no such blob"), store);
    assert_eq!(format!("{error:#}"), format!("the store {store} is damaged: there is no such blob"));
    let error = super::explain(anyhow::anyhow!("something else"), store);
    assert_eq!(format!("{error:#}"), "something else");
}

#[tokio::test]
async fn what_lists_show_is_looked_through_in_bulk() {
    let desk = desk().await;
    let mut events: Vec<Event> = (0..20).map(|number| event("s", &format!("e{number}"), number, Kind::Tool)).collect();
    events[3].label = "a \u{1e}7\u{1f} Needle".to_owned();
    (events[5].tool, events[5].status) = (Some("needle".to_owned()), Some("ok".to_owned()));
    events[6].attributes = vec![("other".to_owned(), "needle".to_owned()), ("says".to_owned(), "text".to_owned())];
    desk.store.append(&[batch("/a", &[session("s")], events)]).await.expect("stores");
    let holds = |words: &str| words.to_lowercase().contains("needle");
    let all: Vec<i64> = (1..=20).collect();
    assert_eq!(desk.store.saying(&all, holds).await.expect("reads"), [4, 6]);
    assert_eq!(desk.store.saying(&[1, 6, 2000], holds).await.expect("reads"), [6]);
    assert_eq!(desk.store.saying(&[], holds).await.expect("reads"), [0; 0]);
    let listed = desk.store.listed(&[7, 6, 99]).await.expect("reads");
    let whole = desk.store.events(&[7, 6]).await.expect("reads");
    assert_eq!(listed[0].attribute("says"), Some("text"));
    for (listed, whole) in listed.iter().zip(&whole) {
        let shown = |event: &Event| {
            (event.number, event.label.clone(), event.tool.clone(), event.status.clone(), event.order, event.phase)
        };
        assert_eq!(shown(listed), shown(whole));
    }
}

#[tokio::test]
async fn a_store_for_one_sitting_is_used_like_any_other() {
    let desk = desk().await;
    desk.store.for_one_sitting().await.expect("is told");
    let events = vec![event("s", "e", 1, Kind::Tool)];
    desk.store.append(&[batch("/a", &[session("s")], events)]).await.expect("stores");
    assert_eq!(desk.store.heads(1, None).await.expect("reads").len(), 1);
}

#[tokio::test]
async fn heads_come_in_pages_that_add_up_to_all_of_them() {
    let desk = desk().await;
    let mut events: Vec<Event> =
        (0..40).map(|number| event("s", &format!("e {number:02}"), number / 12, Kind::Tool)).collect();
    for (number, event) in (0..).zip(&mut events) {
        // Of one time come some of two files, and some of the same place in them.
        (event.order.origin, event.order.sequence) = (number % 2, number % 4 / 2);
    }
    desk.store.append(&[batch("/a", &[session("s")], events)]).await.expect("stores");
    let number = desk.store.session("s").await.expect("reads").expect("is there").number;
    let all = desk.store.heads(number, None).await.expect("reads");
    let numbers: Vec<i64> = all.iter().rev().map(|head| head.number).collect();
    assert_eq!(desk.store.heads_among(number, &numbers).await.expect("reads"), all);
    let (mut paged, mut last) = (Vec::new(), 0);
    loop {
        let page = desk.store.heads_after(number, last, 7).await.expect("reads");
        last = page.last().map_or(last, |head| head.number);
        let short = page.len() < 7;
        paged.extend(page);
        if short {
            break;
        }
    }
    assert_eq!(paged, all);
    let mut sum = HeadSum::default();
    all.iter().for_each(|head| sum.add(head));
    assert_eq!(desk.store.sum_of_heads(number).await.expect("reads"), sum);
    assert_eq!(desk.store.came_between(number, 20, 24).await.expect("reads"), 4);
    assert_eq!(desk.store.came_between(number + 1, 0, 99).await.expect("reads"), 0);
}
