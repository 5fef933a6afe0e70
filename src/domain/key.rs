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

impl Key {
    pub fn native(kind: KeyKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into(), rule: None }
    }

    pub fn derived(kind: KeyKind, value: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { kind, value: value.into(), rule: Some(rule.into()) }
    }
}
