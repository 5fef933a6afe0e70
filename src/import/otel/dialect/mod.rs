//! The dialects of spans and log records, as tables: which become which kind of event, and where each says what.
//!
//! Dialects change from month to month, so nothing of them stands in code: a new one is a few rows here, and the rule
//! that read an event, with the version of its dialect, is noted on the event.

mod bodies;
mod fields;
mod routes;

pub use bodies::{Lies, MODEL, TOOL, Wanted};
pub use fields::{FIELDS, Field, KEYS, METADATA, METADATA_KEYS, SESSION};
pub use routes::{ANY_LOG, ANY_SPAN, ROUTES};

use super::any::Any;
use super::item::{Item, Signal};
use crate::domain::Kind;

/// A family of instrumentations.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    pub name: &'static str,
    /// Of its conventions or its code, as far as these tables follow it.
    pub version: &'static str,
}

pub const GEN_AI: Dialect = Dialect { name: "gen_ai", version: "1.41" };
pub const OPENINFERENCE: Dialect = Dialect { name: "openinference", version: "2026-06" };
pub const AI_SDK: Dialect = Dialect { name: "ai_sdk", version: "5-7" };
pub const OPENLLMETRY: Dialect = Dialect { name: "openllmetry", version: "0.5" };
pub const LIVEKIT: Dialect = Dialect { name: "livekit", version: "1.7.0" };
pub const CLAUDE_CODE: Dialect = Dialect { name: "claude_code", version: "2.1" };
pub const CODEX: Dialect = Dialect { name: "codex", version: "0.146" };
pub const GEMINI_CLI: Dialect = Dialect { name: "gemini_cli", version: "0.40" };
pub const MCP: Dialect = Dialect { name: "mcp", version: "1.41" };
pub const TURNSCOPE: Dialect = Dialect { name: "turnscope", version: "1" };
pub const OTEL: Dialect = Dialect { name: "otel", version: "1.41" };

/// A rule by which a span or a log record becomes an event.
#[derive(Debug)]
pub struct Route {
    pub dialect: &'static Dialect,
    /// With the dialect's name before it, the name of the rule.
    pub rule: &'static str,
    pub signal: Signal,
    pub when: When,
    pub becomes: Becomes,
}

/// What an event is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    Model,
    Tool,
    Trace,
    Task,
    Other,
    /// What a person typed or said.
    Prompt,
    /// A part of what went into a model call, told apart from the span of that call.
    Said,
    /// What a model answered, told apart from the span of the call.
    Answer,
}

impl Becomes {
    pub fn kind(self) -> Kind {
        match self {
            Self::Model | Self::Said | Self::Answer => Kind::Model,
            Self::Tool => Kind::Tool,
            Self::Trace => Kind::Trace,
            Self::Task => Kind::Task,
            Self::Other => Kind::Other,
            Self::Prompt => Kind::Transcript,
        }
    }
}

/// What must hold for a rule.
#[derive(Debug)]
pub enum When {
    /// An attribute has one of these values, whatever its case.
    Is(&'static str, &'static [&'static str]),
    Has(&'static str),
    /// Some attribute begins so.
    Begins(&'static str),
    /// An attribute ends in one of these.
    Ends(&'static str, &'static [&'static str]),
    Named(&'static [&'static str]),
    NameBegins(&'static str),
    NameEnds(&'static [&'static str]),
    All(&'static [When]),
    Always,
}

impl When {
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Is(name, values) => {
                let word = item.get(name).and_then(Any::word);
                word.is_some_and(|word| values.iter().any(|value| value.eq_ignore_ascii_case(&word)))
            }
            Self::Has(name) => item.get(name).is_some_and(|value| !value.is_blank()),
            Self::Begins(begin) => item.attributes.iter().any(|(name, _)| name.starts_with(begin)),
            Self::Ends(name, ends) => {
                let word = item.get(name).and_then(Any::word);
                word.is_some_and(|word| ends.iter().any(|end| word.ends_with(end)))
            }
            Self::Named(names) => names.contains(&item.name.as_str()),
            Self::NameBegins(begin) => item.name.starts_with(begin),
            Self::NameEnds(ends) => ends.iter().any(|end| item.name.ends_with(end)),
            Self::All(all) => all.iter().all(|when| when.holds(item)),
            Self::Always => true,
        }
    }
}

/// The first rule that holds.
pub fn route(item: &Item) -> &'static Route {
    let all = ROUTES.iter().filter(|route| route.signal == item.signal);
    let last = if item.signal == Signal::Traces { &ANY_SPAN } else { &ANY_LOG };
    all.into_iter().find(|route| route.when.holds(item)).unwrap_or(last)
}
