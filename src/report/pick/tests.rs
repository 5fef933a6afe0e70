//! That SQL never loses a row: over random sessions and random filters, with it and without it the same rows match.

use std::sync::Arc;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

use super::Pick;
use crate::domain::filter::{Filter, Frame, Pattern, Saved, Scope};
use crate::domain::{Event, Key, KeyKind, Kind, Order, Phase, Session, Timestamp, Usage, UsageSource, flag};
use crate::store::{Annotation, Batch, NewEvent, NewRecord, RecordStatus, Store, digest};
use crate::timeline::Rows;

/// 2026-03-02T10:00:00Z.
const START: i64 = 1_772_445_600_000_000;

/// Values as hostile to folding and to `LIKE` as they come.
const VALUES: [&str; 18] = [
    "Bash",
    "bash",
    "canvas.create",
    "can%vas",
    "a_b",
    "aXb",
    "żółw",
    "ŻÓŁW",
    "k",
    "\u{212a}",
    "İx",
    "ix",
    "ſs",
    "error",
    "ok",
    "no result",
    "back\\slash",
    "nul\0l",
];

fn values() -> impl Strategy<Value = String> {
    prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned)
}

fn some<T: Clone + std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(value)
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let kinds = prop::sample::select(vec![KeyKind::Trace, KeyKind::Request, KeyKind::ToolCall, KeyKind::Room]);
    prop::collection::vec((kinds, values()).prop_map(|(kind, value)| Key::native(kind, value)), 0..3)
}

fn usage() -> impl Strategy<Value = Usage> {
    (some(0i64..5), some(0i64..5)).prop_map(|(input, output)| Usage {
        input,
        output,
        ..Usage::new("rule", UsageSource::Provider)
    })
}

fn flags() -> impl Strategy<Value = i64> {
    let one = prop::sample::select(vec![0, 0, 0, flag::ERROR, flag::BAD, flag::TRUNCATED, flag::TWIN, flag::INHERITED]);
    (one.clone(), one).prop_map(|(one, other)| one | other)
}

/// An event without an id.
fn event() -> impl Strategy<Value = Event> {
    let what = (prop::sample::select(Kind::ALL.to_vec()), prop::sample::select(Phase::ALL.to_vec()), flags());
    let texts = (some(values()), some(values()), some(values()), some(values()), some(values()), some(values()));
    let always = (values(), values(), values());
    let numbers = (some(usage()), some(0i64..4_000_000), prop_oneof![1 => Just(0i64), 9 => 0i64..20]);
    (what, texts, always, numbers, keys(), some(0u8..4)).prop_map(|(what, texts, always, numbers, keys, turn)| {
        let mut event = Event::new(what.0, &always.0, &always.1);
        (event.phase, event.flags, event.label, event.keys) = (what.1, what.2, always.2, keys);
        (event.status, event.tool, event.model) = (texts.0, texts.1, texts.2);
        (event.participant, event.provider, event.error) = (texts.3, texts.4, texts.5);
        (event.usage, event.latency) = (numbers.0, numbers.1);
        let time = if numbers.2 == 0 { 0 } else { START + numbers.2 * 60_000_000 };
        event.order = Order { time: Timestamp(time), origin: 1, sequence: 0 };
        event.turn = turn.map(|turn| format!("turn:{turn}"));
        event
    })
}

/// A pattern that may well fit one of the values.
fn pattern() -> impl Strategy<Value = String> {
    (values(), 0usize..6, any::<bool>()).prop_map(|(value, way, upper)| {
        let value = if upper { value.to_uppercase() } else { value };
        let exact = Pattern::exactly(&value).written().to_owned();
        let head: String = value.chars().take(1).collect();
        let tail: String = value.chars().skip(1).collect();
        let written = match way {
            0 | 1 => exact,
            2 => format!("{}*", Pattern::exactly(&head).written()),
            3 => format!("*{}", Pattern::exactly(&tail).written()),
            4 => format!("?{}", Pattern::exactly(&tail).written()),
            _ => format!("{}*?", Pattern::exactly(&head).written()),
        };
        format!("\"{written}\"")
    })
}

/// A test, as it is typed.
fn test() -> impl Strategy<Value = String> {
    let texts = [
        "status",
        "tool",
        "model",
        "source",
        "provider",
        "participant",
        "who",
        "type",
        "id",
        "error",
        "text",
        "trace",
        "request",
        "call",
        "room",
        "session",
        "agent",
    ];
    let signs = || prop::sample::select(vec![">", ">=", "<", "<=", "="]);
    let inexact = || prop::sample::select(vec![">", ">=", "<", "<="]);
    let has = [
        "error",
        "bad",
        "truncated",
        "twin",
        "inherited",
        "usage",
        "orphan",
        "joined",
        "ambiguous",
        "finding",
        "mark",
        "note",
        "conflict",
    ];
    let moments = prop::sample::select(vec!["+5m", "10:05", "2026-03-02T10:10:00Z", "+0s"]);
    let kinds = prop::sample::select(vec!["tool", "t*", "model", "other,task", "*"]);
    let regexes = prop::sample::select(vec!["ba.h", "^k$", "ż", "a_b|ok", "."]);
    prop_oneof![
        6 => (prop::sample::select(texts.to_vec()), prop::collection::vec(pattern(), 1..3))
            .prop_map(|(field, patterns)| format!("{field}:{}", patterns.join(","))),
        2 => pattern(),
        1 => (prop::sample::select(texts.to_vec()), regexes).prop_map(|(field, regex)| format!("{field}~\"{regex}\"")),
        2 => kinds.prop_map(|kinds| format!("kind:{kinds}")),
        2 => prop::collection::vec(prop::sample::select(has.to_vec()), 1..3).prop_map(|has| format!("has:{}", has.join(","))),
        1 => (signs(), 0i64..9).prop_map(|(sign, number)| format!("tokens{sign}{number}")),
        1 => (signs(), 0i64..4).prop_map(|(sign, number)| format!("latency{sign}{number}s")),
        1 => (inexact(), moments).prop_map(|(sign, moment)| format!("at{sign}{moment}")),
        1 => prop::sample::select(vec!["since:2h", "before:1h50m", "after:+3m", "since:10:07"]).prop_map(str::to_owned),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    test().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) {other}")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one} or {other})")),
        ]
    })
}

fn frame() -> Frame {
    Frame { now: Timestamp(START + 7_200_000_000), ..Frame::default() }
}

/// Stores a session of these events, with a mark on the first row.
async fn stored(store: &Store, id: &str, mut events: Vec<Event>) -> Session {
    let mut records = Vec::new();
    for (place, event) in events.iter_mut().enumerate() {
        (event.session, event.id) = (id.to_owned(), format!("{id}-{place}"));
        event.order.sequence = place as i64;
        let own = digest(event.id.as_bytes());
        let mut content = [0; 16];
        content.copy_from_slice(&own[..16]);
        let events = vec![NewEvent { event: event.clone(), bodies: Vec::new() }];
        records.push(NewRecord { start: 0, size: 0, status: RecordStatus::Good, digest: own, content, events });
    }
    let session =
        Session { id: id.to_owned(), agent: "Bash".to_owned(), room: Some("ok".to_owned()), ..Session::default() };
    let batch = Batch { sessions: vec![session], records, received: START, ..Batch::default() };
    store.append(&[batch]).await.expect("appends");
    store.settle().await.expect("settles");
    if let Some(first) = events.first() {
        let row = first.turn.clone().unwrap_or_else(|| first.id.clone());
        let mark = Annotation { session: id.to_owned(), row, marked: true, note: None };
        store.annotate(&mark).await.expect("marks");
    }
    store.session(id).await.expect("reads").expect("is there")
}

/// The rows that match, and how many SQL has ruled out.
async fn picked(store: &Store, session: &Session, text: &str, narrow: bool) -> (Vec<usize>, usize) {
    let filter = Filter::parse(text, Scope::Rows, &Saved::new()).map_err(|fault| format!("{text}: {fault}"));
    let expression = filter.expect("valid").expect("is one").expression;
    let heads = store.heads(session.number, None).await.expect("reads");
    let rows = Arc::new(Rows::of(&heads));
    let frame = Frame { start: session.started, ..frame() };
    let pick = Pick::of(store, store, session, rows.clone(), &expression, frame).await;
    let mut pick = pick.map_err(|error| format!("{text}: {error:#}")).expect("asks");
    if !narrow {
        pick.candidates = (0..rows.len() as u32).collect();
    }
    let ruled_out = pick.decided();
    let mut found = Vec::new();
    while !pick.is_done() {
        found.extend(pick.part().await.expect("reads").into_iter().map(|(row, _)| row));
    }
    (found, ruled_out)
}

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
    (folder, store)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn sql_narrows_down_and_never_loses_a_row(
        events in prop::collection::vec(event(), 1..14),
        filters in prop::collection::vec(filter(), 40),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (_folder, store) = store().await;
            let session = stored(&store, "s", events).await;
            for text in filters {
                let (found, _) = picked(&store, &session, &text, true).await;
                let (expected, _) = picked(&store, &session, &text, false).await;
                assert_eq!(found, expected, "{text}");
            }
        });
    }
}

#[tokio::test]
async fn rows_without_such_a_join_are_not_read() {
    let (_folder, store) = store().await;
    let call = |place: usize, phase: Phase| {
        let mut event = Event::new(Kind::Tool, "source", "type");
        (event.phase, event.tool) = (phase, Some("Bash".to_owned()));
        event.turn = Some(format!("tool:{place}"));
        event.order.time = Timestamp(START + place as i64);
        event
    };
    let calls = (0..40).map(|place| call(place, Phase::Call));
    // Each tenth call is left open.
    let results = (0..40).filter(|place| place % 10 != 3).map(|place| call(place, Phase::Result));
    let session = stored(&store, "s", calls.chain(results).collect()).await;
    for (text, expected, most) in [
        ("has:orphan", vec![3, 13, 23, 33], 36),
        ("has:finding", vec![3, 13, 23, 33], 36),
        ("has:orphan not has:orphan", vec![], 36),
        ("has:ambiguous", vec![], 40),
        ("has:joined", vec![], 40),
    ] {
        let (found, ruled_out) = picked(&store, &session, text, true).await;
        assert_eq!((found, ruled_out), (expected, most), "{text}");
    }
    assert_eq!(picked(&store, &session, "not has:orphan", true).await.0.len(), 36);
}

#[tokio::test]
async fn rows_that_cannot_match_are_not_read() {
    let (_folder, store) = store().await;
    let rows = 100usize;
    let events = (0..rows).map(|place| {
        let mut event = Event::new(if place % 2 == 0 { Kind::Tool } else { Kind::Model }, "source", "type");
        event.order.time = Timestamp(START + place as i64);
        event.flags = if place % 10 == 4 { flag::ERROR } else { 0 };
        event.tool = (place % 2 == 0).then(|| "Bash".to_owned());
        event.keys = vec![Key::native(KeyKind::Trace, format!("trace-{place}"))];
        event
    });
    let session = stored(&store, "s", events.collect()).await;
    for (text, expected) in [
        ("kind:tool status:error", 10),
        ("status:error", 10),
        ("not has:error kind:tool", 40),
        ("trace:trace-7", 1),
        ("trace:TRACE-7*", 11),
        ("tool:bash", 50),
        ("not tool:bash", 0),
        ("trace-42", 1),
        ("at>=+1m", 0),
        ("latency>2s", 0),
        ("has:mark", 1),
        ("has:orphan", 0),
        ("has:ambiguous,joined", 0),
        ("kind:model has:finding", 0),
    ] {
        let (found, ruled_out) = picked(&store, &session, text, true).await;
        assert_eq!(found.len(), expected, "{text}");
        // Marks do not stand with the events, and tools without a tool are all that `not` can be asked about.
        let narrows = !matches!(text, "has:mark");
        assert_eq!(ruled_out >= rows / 2, narrows, "{text}: {ruled_out}");
    }
}
