//! An event: one recorded fact, with a place in its session, its keys and its bodies.

use super::{Key, KeyKind, Timestamp, Usage};

/// What sort of fact an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Transcript,
    Model,
    Tool,
    Trace,
    Task,
    /// All else a source holds: titles, snapshots, hooks, compaction, unknown and unreadable records.
    Other,
}

impl Kind {
    pub const ALL: [Self; 6] = [Self::Transcript, Self::Model, Self::Tool, Self::Trace, Self::Task, Self::Other];

    pub fn name(self) -> &'static str {
        match self {
            Self::Transcript => "transcript",
            Self::Model => "model",
            Self::Tool => "tool",
            Self::Trace => "trace",
            Self::Task => "task",
            Self::Other => "other",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The part an event plays in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Belongs to no turn, or is the whole of it.
    Whole,
    /// The start: a request sent, a tool called.
    Call,
    /// In between: a part of an answer, a publication, a retry.
    Part,
    /// The end: an answer, a result, an error.
    Result,
}

impl Phase {
    pub const ALL: [Self; 4] = [Self::Whole, Self::Call, Self::Part, Self::Result];

    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Call => "call",
            Self::Part => "part",
            Self::Result => "result",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// The role a body plays for its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Input,
    Output,
    System,
    Context,
    Tools,
    Metadata,
    /// The whole record as the source wrote it.
    Raw,
}

impl Role {
    pub const ALL: [Self; 7] =
        [Self::Input, Self::Output, Self::System, Self::Context, Self::Tools, Self::Metadata, Self::Raw];

    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::System => "system",
            Self::Context => "context",
            Self::Tools => "tools",
            Self::Metadata => "metadata",
            Self::Raw => "raw",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Bits of [`Event::flags`].
pub mod flag {
    /// The status or the record says that something went wrong.
    pub const ERROR: i64 = 1;
    /// The time was not written; it is that of the record before it.
    pub const INFERRED_TIME: i64 = 1 << 1;
    /// Also in an ancestor that is in the store; counted there, not here.
    pub const INHERITED: i64 = 1 << 2;
    /// Written by a sub-agent inside its parent's file.
    pub const SIDECHAIN: i64 = 1 << 3;
    /// The record could not be read; its bytes are kept.
    pub const BAD: i64 = 1 << 4;
    /// The source says, or shows, that it cut a body.
    pub const TRUNCATED: i64 = 1 << 5;
    /// The written time runs against the order of the file.
    pub const TIME_RAN_BACK: i64 = 1 << 6;
    /// Another event has the same id and other content; both are kept.
    pub const CONFLICT: i64 = 1 << 7;
    /// Repeats what another event of the same turn says (a twin that the format writes twice).
    pub const TWIN: i64 = 1 << 8;
    /// The reported output tokens are far below what the text needs.
    pub const IMPLAUSIBLE_USAGE: i64 = 1 << 9;
    /// A type of record that turnscope does not know.
    pub const UNKNOWN: i64 = 1 << 10;
    /// A newer state of the same task, trace event or span is known.
    pub const SUPERSEDED: i64 = 1 << 11;
    /// The tokens that it reports are reported by other events too, and counted there.
    pub const REPEATS_USAGE: i64 = 1 << 12;
    /// Retention took away what it held; its place, its id and the receipt are left.
    pub const PURGED: i64 = 1 << 13;

    /// Those that say that something does not add up.
    pub const FINDINGS: [i64; 6] = [BAD, CONFLICT, TRUNCATED, IMPLAUSIBLE_USAGE, TIME_RAN_BACK, UNKNOWN];
}

/// How the ids of events begin that are told of spans.
pub const OF_SPAN: &str = "otlp:";
/// The attribute that says when the span of an event ended.
pub const ENDED: &str = "ended";

/// The names of the attributes by which importers and recorders note that something does not add up.
pub const NOTED: [&str; 9] = [
    "digest_mismatch",
    "blob_missing",
    "usage_mismatch",
    "last_token_usage_differs",
    "out_of_window",
    "time_out_of_range",
    "not_understood",
    "events_missing",
    "place_ambiguous",
];

/// The place of an event in its session; total with the event id behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Order {
    /// The running maximum of the written times of its file.
    pub time: Timestamp,
    /// A number for the file or emitter that wrote it, the same in every store.
    pub origin: i64,
    /// The byte offset, or the emitter's own count.
    pub sequence: i64,
}

/// One recorded fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The store's own number for it; 0 before it is stored.
    pub number: i64,
    /// The session's id.
    pub session: String,
    /// Unique within the lineage, but for revisions and conflicts.
    pub id: String,
    /// Which of several with that id: of states 0 is the newest, and the others count back in time.
    pub revision: i64,
    pub order: Order,
    /// The time as written.
    pub at: Option<Timestamp>,
    pub kind: Kind,
    /// Who emitted it: `claude-code`, `voice_agent` …
    pub source: String,
    /// What the source calls it: `assistant`, `tool_use`, `model_call` …
    pub event_type: String,
    pub status: Option<String>,
    /// At most 200 characters; lists show this and never touch bodies.
    pub label: String,
    /// The turn it belongs to; events of one session with equal turns are one row.
    pub turn: Option<String>,
    pub phase: Phase,
    pub keys: Vec<Key>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub tool: Option<String>,
    pub participant: Option<String>,
    pub usage: Option<Usage>,
    pub error: Option<String>,
    /// Microseconds.
    pub latency: Option<i64>,
    pub flags: i64,
    /// What has no field of its own: name and value.
    pub attributes: Vec<(String, String)>,
}

impl Event {
    /// What it is called: its id, and behind `~` which of several events with that id it is.
    pub fn name(&self) -> String {
        Self::name_of(&self.id, self.revision)
    }

    /// What the event with an id and a revision is called.
    pub fn name_of(id: &str, revision: i64) -> String {
        if revision == 0 { id.to_owned() } else { format!("{id}~{revision}") }
    }

    /// What the row is called that it is in: its turn, or the event itself.
    pub fn row(&self) -> String {
        self.turn.clone().unwrap_or_else(|| self.name())
    }

    /// The id and the revision in a name that has one.
    pub fn parse_name(name: &str) -> Option<(&str, i64)> {
        let (id, revision) = name.rsplit_once('~')?;
        let plain = revision.bytes().all(|byte| byte.is_ascii_digit()) && !revision.starts_with('0');
        Some((id, revision.parse().ok().filter(|_| plain)?))
    }

    pub fn new(kind: Kind, source: &str, event_type: &str) -> Self {
        Self {
            number: 0,
            session: String::new(),
            id: String::new(),
            revision: 0,
            order: Order::default(),
            at: None,
            kind,
            source: source.to_owned(),
            event_type: event_type.to_owned(),
            status: None,
            label: String::new(),
            turn: None,
            phase: Phase::Whole,
            keys: Vec::new(),
            provider: None,
            model: None,
            tool: None,
            participant: None,
            usage: None,
            error: None,
            latency: None,
            flags: 0,
            attributes: Vec::new(),
        }
    }

    /// When it expires, where its source says so: the original's `expires_at`.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.attribute("expires_at").and_then(Timestamp::parse)
    }

    pub fn has(&self, flag: i64) -> bool {
        self.flags & flag != 0
    }

    /// The values of one kind of key.
    pub fn values(&self, kind: KeyKind) -> impl Iterator<Item = &str> {
        self.keys.iter().filter(move |key| key.kind == kind).map(|key| key.value.as_str())
    }

    /// The keys of several events, each value of each kind once.
    pub fn distinct_keys(events: &[Self]) -> Vec<Key> {
        let mut keys: Vec<Key> = events.iter().flat_map(|event| event.keys.iter().cloned()).collect();
        keys.sort();
        keys.dedup_by(|one, other| one.kind == other.kind && one.value == other.value);
        keys
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What a timeline needs of an event to be laid out: small, so that a million of them fit in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub number: i64,
    pub time: Timestamp,
    /// A hash of the turn's name; 0 for an event that belongs to none.
    pub turn: u64,
    pub kind: Kind,
    pub phase: Phase,
    pub flags: i64,
    /// The total of the usage on this event; -1 where unknown.
    pub tokens: i64,
    /// Microseconds; -1 where unknown.
    pub latency: i64,
}

/// Heads added up: two lists of events that differ in what the store may change later have different sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeadSum {
    pub events: i64,
    pub flags: i64,
    /// The low 32 bits of the turns.
    pub turns: i64,
}

impl HeadSum {
    pub fn add(&mut self, head: &Head) {
        self.events += 1;
        self.flags += head.flags;
        self.turns += (head.turn & u64::from(u32::MAX)).cast_signed();
    }
}

/// Where one body of an event lies, and what it must hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// The number of the event it belongs to.
    pub event: i64,
    pub role: Role,
    /// The stored bytes it is a part of.
    pub blob: i64,
    pub start: i64,
    pub size: i64,
    pub digest: [u8; 32],
}
