//! The envelopes in which spans and log records come: what a value is, told by where it stands.

use crate::import::otel::item::Signal;

/// What a value is, told by where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A document, or an element of a list of documents: a request, or a span on its own.
    Start,
    /// A list of documents or spans under an unknown name.
    Guesses,
    /// A list of groups, and one of them.
    Groups(Signal),
    Group(Signal),
    Scopes(Signal),
    Scope(Signal),
    Elements(Signal),
    /// An element; its members do not matter here.
    Element(Signal),
    Resource,
    ScopeWords,
    Processes,
    Other,
}

impl Place {
    /// What the member of an object is.
    pub fn member(self, name: &str) -> Self {
        use Signal::{Logs, Traces};
        match (self, name) {
            (Self::Start, "resourceSpans" | "resource_spans" | "batches") => Self::Groups(Traces),
            (Self::Start, "resourceLogs" | "resource_logs") => Self::Groups(Logs),
            (Self::Start, "data") => Self::Groups(Traces),
            (Self::Start, "trace" | "result") => Self::Start,
            (Self::Start | Self::Group(_), "resource") => Self::Resource,
            (Self::Start, "spans") => Self::Elements(Traces),
            (Self::Start, "scope") => Self::ScopeWords,
            (Self::Start | Self::Group(_), "processes") => Self::Processes,
            (
                Self::Group(signal),
                "scopeSpans"
                | "scope_spans"
                | "instrumentationLibrarySpans"
                | "instrumentation_library_spans"
                | "scopeLogs"
                | "scope_logs",
            ) => Self::Scopes(signal),
            (Self::Scope(_), "scope" | "instrumentationLibrary" | "instrumentation_library") => Self::ScopeWords,
            (Self::Group(signal) | Self::Scope(signal), "spans" | "logRecords" | "log_records" | "logs") => {
                Self::Elements(signal)
            }
            (Self::Start, _) => Self::Guesses,
            _ => Self::Other,
        }
    }

    /// What an element of a list is.
    pub fn item(self) -> Self {
        match self {
            Self::Start | Self::Guesses => Self::Start,
            Self::Groups(signal) => Self::Group(signal),
            Self::Scopes(signal) => Self::Scope(signal),
            Self::Elements(signal) => Self::Element(signal),
            _ => Self::Other,
        }
    }

    pub fn is_container(self) -> bool {
        matches!(self, Self::Groups(_) | Self::Scopes(_) | Self::Elements(_))
    }

    /// Whether a member has a name that only requests have.
    pub fn is_of_request(self, name: &str) -> bool {
        self == Self::Start && name.starts_with("resource") && self.member(name).is_container()
    }
}
