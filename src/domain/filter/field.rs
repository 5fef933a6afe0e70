//! The fields of the filter language: their names, what sort of value each takes, and where each means something.

use crate::domain::KeyKind;

/// What a test looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Kind,
    Status,
    Tool,
    Model,
    Source,
    Provider,
    Participant,
    /// Who, as the list shows it: the tool, the model, the participant or the type of the event.
    Who,
    /// What the source calls the event.
    Type,
    Id,
    Error,
    /// Everything that a bare word looks at.
    Text,
    Tokens,
    Latency,
    At,
    Since,
    After,
    Before,
    Key(KeyKind),
    Has,
    Agent,
    Project,
    Title,
    Errors,
    Turns,
    Events,
}

/// What a filter chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Rows,
    Sessions,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Sessions => "sessions",
        }
    }
}

/// What sort of value a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// One of a few known names.
    Name,
    /// A short text that must fit as a whole.
    Text,
    /// A long text in which the value must occur.
    Words,
    Number,
    Span,
    /// A moment, compared with `>` and its like.
    Moment,
    /// A moment, with the comparison in the field's own name.
    Bound,
    Has,
}

/// The fields with their names, the one that is printed first, in the order in which they are offered.
const FIELDS: &[(Field, &[&str], Sort, &[Scope])] = {
    const ROWS: &[Scope] = &[Scope::Rows];
    const BOTH: &[Scope] = &[Scope::Rows, Scope::Sessions];
    const SESSIONS: &[Scope] = &[Scope::Sessions];
    &[
        (Field::Kind, &["kind"], Sort::Name, ROWS),
        (Field::Status, &["status"], Sort::Text, ROWS),
        (Field::Tool, &["tool"], Sort::Text, ROWS),
        (Field::Model, &["model"], Sort::Text, BOTH),
        (Field::Source, &["source"], Sort::Text, ROWS),
        (Field::Has, &["has"], Sort::Has, BOTH),
        (Field::Text, &["text"], Sort::Words, BOTH),
        (Field::Error, &["error"], Sort::Words, ROWS),
        (Field::Tokens, &["tokens"], Sort::Number, BOTH),
        (Field::Latency, &["latency"], Sort::Span, ROWS),
        (Field::Since, &["since"], Sort::Bound, BOTH),
        (Field::After, &["after"], Sort::Bound, BOTH),
        (Field::Before, &["before"], Sort::Bound, BOTH),
        (Field::At, &["at"], Sort::Moment, BOTH),
        (Field::Who, &["who"], Sort::Text, ROWS),
        (Field::Participant, &["participant"], Sort::Text, ROWS),
        (Field::Provider, &["provider"], Sort::Text, ROWS),
        (Field::Type, &["type", "event_type"], Sort::Text, ROWS),
        (Field::Id, &["id"], Sort::Text, BOTH),
        (Field::Key(KeyKind::Trace), &["trace", "trace_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::Request), &["request", "request_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::Intent), &["intent", "intent_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::Task), &["task", "task_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::ToolCall), &["call", "tool_call", "tool_call_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::Span), &["span", "span_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::Message), &["message", "message_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::ProviderRequest), &["provider_request", "provider_request_id"], Sort::Text, ROWS),
        (Field::Key(KeyKind::Session), &["session", "session_id"], Sort::Text, BOTH),
        (Field::Key(KeyKind::Room), &["room"], Sort::Text, BOTH),
        (Field::Agent, &["agent"], Sort::Text, BOTH),
        (Field::Project, &["project"], Sort::Text, BOTH),
        (Field::Title, &["title"], Sort::Words, SESSIONS),
        (Field::Errors, &["errors"], Sort::Number, SESSIONS),
        (Field::Turns, &["turns"], Sort::Number, SESSIONS),
        (Field::Events, &["events"], Sort::Number, SESSIONS),
    ]
};

impl Field {
    /// All fields that mean something for rows or for sessions, in the order in which they are offered.
    pub fn all(scope: Scope) -> impl Iterator<Item = Self> {
        FIELDS.iter().filter(move |entry| entry.3.contains(&scope)).map(|entry| entry.0)
    }

    /// Its one name.
    pub fn name(self) -> &'static str {
        FIELDS.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.1[0])
    }

    /// The field of a name, or of another name of it; case does not count.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        FIELDS.iter().find(|entry| entry.1.contains(&name.as_str())).map(|entry| entry.0)
    }

    pub fn sort(self) -> Sort {
        FIELDS.iter().find(|entry| entry.0 == self).map_or(Sort::Text, |entry| entry.2)
    }

    pub fn means_something_for(self, scope: Scope) -> bool {
        FIELDS.iter().any(|entry| entry.0 == self && entry.3.contains(&scope))
    }
}

/// What a row can have, or a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    Error,
    Orphan,
    Truncated,
    Bad,
    Unknown,
    Conflict,
    Superseded,
    Purged,
    Inferred,
    Inherited,
    Sidechain,
    Twin,
    Backwards,
    Implausible,
    Usage,
    Note,
    Mark,
    Finding,
    Ambiguous,
    Joined,
}

impl Feature {
    pub const ALL: [Self; 20] = [
        Self::Error,
        Self::Orphan,
        Self::Truncated,
        Self::Bad,
        Self::Unknown,
        Self::Conflict,
        Self::Superseded,
        Self::Purged,
        Self::Inferred,
        Self::Inherited,
        Self::Sidechain,
        Self::Twin,
        Self::Backwards,
        Self::Implausible,
        Self::Usage,
        Self::Note,
        Self::Mark,
        Self::Finding,
        Self::Ambiguous,
        Self::Joined,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Orphan => "orphan",
            Self::Truncated => "truncated",
            Self::Bad => "bad",
            Self::Unknown => "unknown",
            Self::Conflict => "conflict",
            Self::Superseded => "superseded",
            Self::Purged => "purged",
            Self::Inferred => "inferred",
            Self::Inherited => "inherited",
            Self::Sidechain => "sidechain",
            Self::Twin => "twin",
            Self::Backwards => "backwards",
            Self::Implausible => "implausible",
            Self::Usage => "usage",
            Self::Note => "note",
            Self::Mark => "mark",
            Self::Finding => "finding",
            Self::Ambiguous => "ambiguous",
            Self::Joined => "joined",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|feature| feature.name().eq_ignore_ascii_case(name))
    }

    /// The features that are known of rows, or of sessions.
    pub fn all(scope: Scope) -> impl Iterator<Item = Self> {
        let of_sessions = [Self::Error, Self::Finding, Self::Usage];
        Self::ALL.into_iter().filter(move |feature| scope == Scope::Rows || of_sessions.contains(feature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_name_of_its_own_and_is_found_by_it() {
        let names: Vec<&str> = FIELDS.iter().flat_map(|entry| entry.1.iter().copied()).collect();
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
        assert!(FIELDS.iter().all(|entry| Field::parse(entry.0.name()) == Some(entry.0)));
        assert!(KeyKind::ALL.into_iter().all(|kind| Field::parse(kind.name()) == Some(Field::Key(kind))));
    }
}
