//! Sessions made up for measuring: turns of a model and of tools, as many as are asked for, never the same bytes twice.

use turnscope::domain::{Event, Key, KeyKind, Kind, Order, Phase, Role, Session, Timestamp, Usage, UsageSource};
use turnscope::store::{Batch, NewBody, NewEvent, NewRecord, Packer, Place, RecordStatus, SourceStep, Stamp, digest};

/// Events a second of the made-up time.
const STEP: i64 = 250_000;
/// 2026-01-01.
const BEGAN: i64 = 1_767_225_600_000_000;
/// When all of it came in.
pub const RECEIVED: i64 = BEGAN + 86_400 * 1_000_000;

/// Events of a session from one number to another, as one file.
pub fn batch(session: &str, from: u64, to: u64) -> Batch {
    let mut packer = Packer::default();
    let (mut start, mut records) = (0, Vec::new());
    for number in from..to {
        let event = event(session, number);
        let text = record(&event, number);
        packer.push(text.as_bytes());
        packer.end_record();
        let size = text.len() as i64 - 1;
        let own = digest(&text.as_bytes()[..text.len() - 1]);
        let content = own[..16].try_into().expect("16 of 32");
        let role = if event.phase == Phase::Call { Role::Input } else { Role::Output };
        let bodies = vec![NewBody { role, place: Place::Content(start), size, digest: own }];
        let events = vec![NewEvent { event, bodies }];
        records.push(NewRecord { start, size, status: RecordStatus::Good, digest: own, content, events });
        start += text.len() as i64;
    }
    let sessions = vec![Session { id: session.to_owned(), agent: "bench".to_owned(), ..Session::default() }];
    let step = SourceStep {
        path: format!("/made-up/{session}/{from}.jsonl"),
        importer: "bench".to_owned(),
        consumed: start,
        lines: i64::try_from(to - from).expect("few"),
        sessions: vec![session.to_owned()],
        finished: Some(Stamp { size: start, modified: 1, inode: 2 }),
        state: "{}".to_owned(),
        ..SourceStep::default()
    };
    let pieces = packer.take();
    Batch { sessions, source: Some(step), pieces, records, received: RECEIVED, ..Batch::default() }
}

/// Every fourth is a line that somebody spoke; then come an answer of a model, the call of a tool, and its result.
fn event(session: &str, number: u64) -> Event {
    let (turn, part) = (number / 4, number % 4);
    let (kind, event_type, phase) = match part {
        0 => (Kind::Transcript, "user", Phase::Whole),
        1 => (Kind::Model, "assistant", Phase::Whole),
        2 => (Kind::Tool, "tool_use", Phase::Call),
        _ => (Kind::Tool, "tool_result", Phase::Result),
    };
    let mut event = Event::new(kind, "bench", event_type);
    (event.session, event.id) = (session.to_owned(), format!("{session}-{number:08x}"));
    event.label = format!("{number} {}", words(number, 60));
    let time = Timestamp(BEGAN + number as i64 * STEP);
    event.at = Some(time);
    event.order = Order { time, origin: 1, sequence: number as i64 };
    event.phase = phase;
    event.keys = vec![
        Key::native(KeyKind::Session, session),
        Key::native(KeyKind::Request, format!("{session}-request-{turn:x}")),
        Key::native(KeyKind::Trace, format!("{session}-trace-{:x}", number / 100)),
    ];
    match part {
        0 => event.participant = Some("somebody".to_owned()),
        1 => {
            (event.provider, event.model) = (Some("anthropic".to_owned()), Some("claude-opus".to_owned()));
            (event.status, event.latency) = (Some("completed".to_owned()), Some(1_500_000));
            let mut usage = Usage::new("bench", UsageSource::Provider);
            (usage.input, usage.output) = (Some(1200), Some(180));
            event.usage = Some(usage);
        }
        _ => {
            let call = format!("{session}-call-{turn:x}");
            event.turn = Some(call.clone());
            event.keys.push(Key::native(KeyKind::ToolCall, call));
            event.tool = Some("canvas.update".to_owned());
            event.attributes.push(("cwd".to_owned(), "/made-up/project".to_owned()));
        }
    }
    event
}

fn record(event: &Event, number: u64) -> String {
    format!("{{\"id\":\"{}\",\"type\":\"{}\",\"text\":\"{}\"}}\n", event.id, event.event_type, words(number, 500))
}

/// Text that compresses about as what agents write does.
fn words(seed: u64, size: usize) -> String {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(size + 16);
    while text.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(["shape ", "update ", "canvas ", "the ", "of ", "vote "][(state % 6) as usize]);
        text.push_str(&format!("{:x} ", state >> 48));
    }
    text
}
