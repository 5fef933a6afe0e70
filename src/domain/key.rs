//! Keys: the identifiers that tie events together, each native or derived by a named rule.

/// The kinds of key, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    Session,
    Room,
    Trace,
    Request,
    Intent,
    Task,
    ToolCall,
    Span,
    Message,
    ProviderRequest,
}

impl KeyKind {
    pub const ALL: [Self; 10] = [
        Self::Session,
        Self::Room,
        Self::Trace,
        Self::Request,
        Self::Intent,
        Self::Task,
        Self::ToolCall,
        Self::Span,
        Self::Message,
        Self::ProviderRequest,
    ];

    /// The one name of this kind, in SQL, JSON, HTTP and on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session_id",
            Self::Room => "room",
            Self::Trace => "trace_id",
            Self::Request => "request_id",
            Self::Intent => "intent_id",
            Self::Task => "task_id",
            Self::ToolCall => "tool_call_id",
            Self::Span => "span_id",
            Self::Message => "message_id",
            Self::ProviderRequest => "provider_request_id",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One value of one kind of key on one event. An event may have several values of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub kind: KeyKind,
    pub value: String,
    /// `None` where the source wrote the value; else the rule that derived it.
    pub rule: Option<String>,
}

/// What a key says of its event: mostly that the event has this value; some derived keys say something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// The event has this value, as the source wrote it or by a rule that stands for it.
    Same,
    /// Who spoke and when, as the recogniser names the request of a line.
    SpokenAt,
    /// The beginning of a task's id, read from a status line.
    TaskInText,
    /// The beginning of the id of the task that the event is.
    TaskBeginning,
    /// The request that this one follows up, as its parameters name it.
    FollowUpOf,
    /// The run that this one follows up, as its parameters name it.
    FollowUpRun,
    /// The request that an id with a suffix for follow-ups and retries begins with.
    BeforeSuffix,
    /// The run that the event belongs to.
    OfRun,
    /// A sub-agent, named by the call that started it and by what it said itself.
    SubAgent,
    /// A key by which a result looks for its call, where the source may report it without the call's id.
    ResultOf,
    /// A tool that the voice agent's model decided to call; several calls may fit.
    ToolMeant,
    /// A tool call of the voice agent, as it may have been meant.
    ToolCalled,
    /// The span that caused the event.
    ParentSpan,
}

/// The derivation rules whose keys say more than that two events have the same value.
const TELLING: &[(&str, Via)] = &[
    ("present.transcript_ts", Via::SpokenAt),
    ("present.status_line_task", Via::TaskInText),
    ("present.task_prefix", Via::TaskBeginning),
    ("present.followup_parent", Via::FollowUpOf),
    ("present.followup_run", Via::FollowUpRun),
    ("present.request_parent", Via::BeforeSuffix),
    ("present.run_id", Via::OfRun),
    ("claude.agent_id", Via::SubAgent),
    ("present.result_of", Via::ResultOf),
    ("present.tool_meant", Via::ToolMeant),
    ("present.tool_called", Via::ToolCalled),
    ("otel.parent_span", Via::ParentSpan),
];

impl Via {
    /// What keys derived by a rule say; `None` is a native key.
    pub fn of(rule: Option<&str>) -> Self {
        let known = rule.and_then(|rule| TELLING.iter().find(|(name, _)| *name == rule));
        known.map_or(Self::Same, |(_, via)| *via)
    }
}

impl Key {
    pub fn via(&self) -> Via {
        Via::of(self.rule.as_deref())
    }

    pub fn native(kind: KeyKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into(), rule: None }
    }

    pub fn derived(kind: KeyKind, value: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { kind, value: value.into(), rule: Some(rule.into()) }
    }
}
