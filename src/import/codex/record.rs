//! The envelope of a record, and the events that all others start from.

use super::{AGENT, State};
use crate::domain::{Event, Key, KeyKind, Kind, Phase, Shape, Timestamp, Value};
use crate::import::telling;

/// Codex names the session once per file.
const SESSION_RULE: &str = "codex.session_meta";
/// The user's turn that was going on when the record was written.
const INTENT_RULE: &str = "codex.current_turn";
/// Codex keeps no id of a model call: its place among the calls stands for it.
const REQUEST_RULE: &str = "codex.turn_ordinal";

/// A record without its envelope.
pub struct Frame<'a> {
    pub root: Value<'a>,
    /// The type of the envelope; empty where there is none.
    pub kind: String,
    pub is_wrapped: bool,
    /// What the envelope holds, or the record itself.
    pub item: Value<'a>,
    /// The type of the item; empty where it has none.
    pub what: String,
}

impl<'a> Frame<'a> {
    pub fn of(root: Value<'a>) -> Self {
        let payload = root.get("payload").filter(|payload| payload.shape() == Shape::Object);
        let item = payload.unwrap_or(root);
        Self {
            root,
            kind: payload.and_then(|_| root.word("type")).unwrap_or_default(),
            is_wrapped: payload.is_some(),
            item,
            what: item.word("type").unwrap_or_default(),
        }
    }

    /// A member of the item that is a text.
    pub fn word(&self, name: &str) -> String {
        self.item.word(name).unwrap_or_default()
    }

    /// When it was written.
    pub fn at(&self) -> Option<Timestamp> {
        self.times().into_iter().flatten().find_map(telling::time)
    }

    fn times(&self) -> [Option<Value<'a>>; 3] {
        [self.root.get("timestamp"), self.item.get("timestamp"), self.root.get("created_at")]
    }

    /// The id of the user's turn, where the record itself has it.
    fn intent(&self) -> Option<String> {
        let item = self.item;
        let inside = ["internal_chat_message_metadata_passthrough", "metadata"];
        let inner = || inside.iter().find_map(|name| item.get(name)?.word("turn_id"));
        item.word("turn_id").or_else(|| item.word("turnId")).or_else(inner)
    }
}

/// The event that all events of a record start from: its time and its keys.
pub fn base(state: &State, frame: &Frame<'_>, kind: Kind, event_type: &str) -> Event {
    let mut event = Event::new(kind, AGENT, event_type);
    event.session.clone_from(&state.identity.session);
    event.at = frame.at();
    telling::note_time(&mut event, frame.times().into_iter().flatten().next());
    event.keys.push(Key::derived(KeyKind::Session, event.session.clone(), SESSION_RULE));
    match (frame.intent(), &state.intent) {
        (Some(intent), _) => event.keys.push(Key::native(KeyKind::Intent, intent)),
        (None, Some(intent)) => event.keys.push(Key::derived(KeyKind::Intent, intent, INTENT_RULE)),
        (None, None) => {}
    }
    event
}

/// Makes an event a part of a model call.
pub fn join_call(state: &State, mut event: Event, ordinal: u64, phase: Phase) -> Event {
    event.kind = Kind::Model;
    event.phase = phase;
    event.turn = Some(format!("model:{}:{ordinal}", state.identity.session));
    event.provider.clone_from(&state.provider);
    event.model.clone_from(&state.model);
    let intent = event.values(KeyKind::Intent).next().map(|intent| format!("{intent}:{ordinal}"));
    if let Some(request) = intent {
        event.keys.push(Key::derived(KeyKind::Request, request, REQUEST_RULE));
    }
    event
}

pub fn add_key(event: &mut Event, kind: KeyKind, value: Option<String>) {
    if let Some(value) = value {
        event.keys.push(Key::native(kind, value));
    }
}

pub fn add_attribute(event: &mut Event, name: &str, value: Option<String>) {
    if let Some(value) = value {
        event.attributes.push((name.to_owned(), value));
    }
}
