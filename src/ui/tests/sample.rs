//! Three sessions made by hand: a turn of every sort, an error, a lost result, and text that attacks terminals.

use std::path::Path;

use crate::domain::{
    Event, Key, KeyKind, Kind, Order, Phase, Role, Session, Timestamp, Tokens, Usage, UsageSource, flag,
};
use crate::ui::request::stored::{
    Batch, NewBody, NewEvent, NewRecord, Piece, Place, RecordStatus, SourceStep, Store, digest,
};

/// 2026-03-02T10:00:00Z.
const START: i64 = 1_772_445_600_000_000;

/// Collects the records of one source, which is one session.
pub(super) struct Writer {
    pub(super) session: String,
    pub(super) content: Vec<u8>,
    pub(super) records: Vec<NewRecord>,
}

impl Writer {
    /// Adds a record of one event: its JSON holds the bodies one after the other.
    pub(super) fn add(&mut self, seconds: i64, mut event: Event, bodies: &[(Role, &str)]) {
        let start = self.content.len();
        event.session.clone_from(&self.session);
        event.id = format!("e{}", self.records.len() + 1);
        let time = Timestamp(START + seconds * 1_000_000);
        event.at = Some(time);
        event.order = Order { time, origin: 1, sequence: start as i64 };
        let mut record = format!("{{\"type\":\"{}\"", event.event_type).into_bytes();
        let mut placed = Vec::new();
        for (role, text) in bodies {
            record.extend_from_slice(format!(",\"{}\":", role.name()).as_bytes());
            let place = Place::Content((start + record.len()) as i64);
            placed.push(NewBody { role: *role, place, size: text.len() as i64, digest: digest(text.as_bytes()) });
            record.extend_from_slice(text.as_bytes());
        }
        record.push(b'}');
        let mut content = [0; 16];
        content.copy_from_slice(&digest(&record)[..16]);
        self.records.push(NewRecord {
            start: start as i64,
            size: record.len() as i64,
            status: RecordStatus::Good,
            digest: digest(&record),
            content,
            events: vec![NewEvent { event, bodies: placed }],
        });
        self.content.extend_from_slice(&record);
        self.content.push(b'\n');
    }

    pub(super) async fn store(self, store: &Store, session: Session) {
        let batch = Batch {
            source: Some(SourceStep {
                path: format!("demo/{}.jsonl", self.session),
                importer: session.agent.clone(),
                consumed: self.content.len() as i64,
                lines: self.records.len() as i64,
                sessions: vec![self.session.clone()],
                ..SourceStep::default()
            }),
            pieces: self.content.chunks(128 << 10).map(Piece::of).collect(),
            records: self.records,
            sessions: vec![session],
            received: START,
            ..Batch::default()
        };
        store.append(&[batch]).await.expect("is stored");
    }
}

pub(super) fn event(kind: Kind, event_type: &str, label: &str) -> Event {
    Event { label: label.to_owned(), ..Event::new(kind, "claude-code", event_type) }
}

fn tool(call: &str, name: &str, phase: Phase, label: &str) -> Event {
    Event {
        turn: Some(format!("tool:{call}")),
        phase,
        tool: Some(name.to_owned()),
        keys: vec![Key::native(KeyKind::ToolCall, call), Key::native(KeyKind::Message, "msg_1")],
        ..event(Kind::Tool, if phase == Phase::Call { "tool_use" } else { "tool_result" }, label)
    }
}

fn model(label: &str) -> Event {
    let usage = Usage {
        input: Some(12),
        cache_read: Some(20_000),
        output: Some(345),
        ..Usage::new("claude.message.usage", UsageSource::Provider)
    };
    Event {
        turn: Some("model:msg_1".to_owned()),
        model: Some("claude-demo-1".to_owned()),
        provider: Some("anthropic".to_owned()),
        keys: vec![Key::native(KeyKind::Message, "msg_1")],
        usage: Some(usage),
        attributes: vec![("says".to_owned(), "text".to_owned())],
        ..event(Kind::Model, "assistant", label)
    }
}

pub(super) fn session(id: &str, title: &str, agent: &str, project: &str) -> Session {
    Session {
        id: id.to_owned(),
        lineage: id.to_owned(),
        title: Some(title.to_owned()),
        agent: agent.to_owned(),
        project: Some(project.to_owned()),
        models: vec!["claude-demo-1".to_owned()],
        started: Some(Timestamp(START)),
        ended: Some(Timestamp(START + 754_000_000)),
        tokens: Tokens { total: Some(20_357), ..Tokens::default() },
        usage_source: "provider".to_owned(),
        ..Session::default()
    }
}

fn main_records(writer: &mut Writer) {
    let user =
        Event { participant: Some("user".to_owned()), ..event(Kind::Transcript, "user", "Fix the flaky login test") };
    writer.add(0, user, &[(Role::Input, "\"Fix the flaky login test\"")]);
    writer.add(4, model("I will run the tests first."), &[(Role::Output, "\"I will run the tests first.\"")]);
    let input = r#"{"command":"cargo test login\ncargo clippy","timeout":60,"env":{"RUST_LOG":"debug","CI":null}}"#;
    writer.add(5, tool("t1", "Bash", Phase::Call, "Bash cargo test login"), &[(Role::Input, input)]);
    let failed = Event {
        flags: flag::ERROR,
        status: Some("error".to_owned()),
        error: Some("exit code 101: login::expires panicked".to_owned()),
        ..tool("t1", "Bash", Phase::Result, "")
    };
    writer.add(17, failed, &[(Role::Output, "\"running 3 tests\\ntest login::expires ... FAILED\\n\"")]);
    let read = tool("t2", "Read", Phase::Call, "Read src/login.rs");
    writer.add(20, read, &[(Role::Input, r#"{"file_path":"src/login.rs"}"#)]);
    let done = Event { status: Some("ok".to_owned()), ..tool("t2", "Read", Phase::Result, "") };
    writer.add(21, done, &[(Role::Output, "\"fn login() {}\"")]);
    writer.add(
        30,
        tool("t3", "Edit", Phase::Call, "Edit src/login.rs"),
        &[(Role::Input, r#"{"file_path":"src/login.rs"}"#)],
    );
    writer.add(40, event(Kind::Task, "todo", "Make the clock a parameter"), &[]);
    writer.add(41, event(Kind::Trace, "hook", "PostToolUse: format"), &[]);
    let hostile = "title \u{1b}]0;owned\u{7} and \u{202e}txt.exe 日本語 👩\u{200d}💻";
    writer.add(
        50,
        Event { flags: flag::UNKNOWN, ..event(Kind::Other, "surprise", hostile) },
        &[(Role::Input, &format!("\"{hostile}\""))],
    );
}

/// Makes a new store in a folder.
pub(super) async fn empty_in(folder: &Path) -> Store {
    Store::open(&folder.join("store.db")).await.expect("opens")
}

/// Fills a new store with one row whose output is a text.
pub(super) async fn output_in(folder: &Path, text: &str) -> Store {
    let store = empty_in(folder).await;
    let mut writer = Writer { session: "long".to_owned(), content: Vec::new(), records: Vec::new() };
    writer.add(0, model("a long answer"), &[(Role::Output, &format!("\"{text}\""))]);
    writer.store(&store, session("long", "A long answer", "claude-code", "shop")).await;
    store.settle().await.expect("settles");
    store
}

/// Fills a new store in a folder.
pub(super) async fn store_in(folder: &Path) -> Store {
    let store = empty_in(folder).await;
    let mut main = Writer { session: "main".to_owned(), content: Vec::new(), records: Vec::new() };
    main_records(&mut main);
    main.store(&store, session("main", "Fix the flaky login test", "claude-code", "shop")).await;
    let mut child = Writer { session: "child".to_owned(), content: Vec::new(), records: Vec::new() };
    child.add(31, event(Kind::Transcript, "user", "Look › around"), &[(Role::Input, "\"Look › around\"")]);
    let parent = Some("main".to_owned());
    let of_main = session("child", "Explore › the repository", "claude-code", "shop");
    child.store(&store, Session { parent, lineage: "main".to_owned(), ..of_main }).await;
    let mut other = Writer { session: "other".to_owned(), content: Vec::new(), records: Vec::new() };
    for number in 0..60 {
        other.add(number * 7, event(Kind::Trace, "span", &format!("span number {number}")), &[]);
    }
    let earlier = session("other", "Trace the checkout", "codex", "checkout-service");
    other.store(&store, Session { started: Some(Timestamp(START - 3_600_000_000)), ..earlier }).await;
    store.settle().await.expect("settles");
    store
}
