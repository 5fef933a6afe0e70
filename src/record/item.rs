//! An item: one event as an agent hands it over, in the words of the original's tables.

use serde_json::value::{RawValue, to_raw_value};

use crate::domain::Timestamp;
pub use crate::domain::present::row::Table;

/// Which items give way when there is no room for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    Normal,
    /// Kept before others: errors, unless something else is said.
    High,
}

/// One event on its way into the store: a row of a table. What is `None` was not said; JSON `null` is a value.
///
/// Payloads are kept as the bytes that they are. Empty texts count as not said.
#[derive(Debug, Clone)]
pub struct Item {
    pub table: Table,
    /// What the event is called. Without it and without `base` a new id is made, and a repetition is a new event.
    pub event_id: Option<String>,
    /// What the rows of one call share; the event is then called `base:event_type:status:sequence`.
    pub base: Option<String>,
    /// Who emitted it: `voice_agent`, `canvas_runner` …
    pub source: String,
    pub event_type: String,
    pub status: Option<String>,
    /// turnscope's session, where it is not that of the room, of the canvas or of the emitter.
    pub session: Option<String>,
    /// The emitter's own label of its run, such as `voice-<uuid>`.
    pub session_id: Option<String>,
    pub room: Option<String>,
    pub canvas_id: Option<String>,
    pub trace_id: Option<String>,
    pub request_id: Option<String>,
    pub intent_id: Option<String>,
    pub task_id: Option<String>,
    pub tool_call_id: Option<String>,
    pub span_id: Option<String>,
    pub parent_span_id: Option<String>,
    pub provider_request_id: Option<String>,
    /// The emitter's own count.
    pub sequence: Option<i64>,
    /// When it happened; without it, when it was handed over.
    pub at: Option<Timestamp>,
    /// When what it tells of began and ended.
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub provider_source: Option<String>,
    pub provider_path: Option<String>,
    pub tool_name: Option<String>,
    pub system_prompt: Option<String>,
    pub context_priming: Option<Box<RawValue>>,
    /// Descriptions or schemas of the tools that a model was offered.
    pub tools: Option<Box<RawValue>>,
    pub input: Option<Box<RawValue>>,
    pub output: Option<Box<RawValue>>,
    pub metadata: Option<Box<RawValue>>,
    /// Token usage in the words of whoever counted it.
    pub usage: Option<Box<RawValue>>,
    pub error: Option<String>,
    pub latency_ms: Option<i64>,
    pub time_to_first_token_ms: Option<i64>,
    pub priority: Option<Priority>,
    /// Further columns of the row, such as `stage` and `payload` of a trace, or `text` and `ts` of a line.
    pub columns: Vec<(String, Box<RawValue>)>,
    /// Columns that say how it came here, such as who sent it: kept, but no part of what makes it the same event.
    pub stamps: Vec<(String, Box<RawValue>)>,
}

impl Item {
    /// A row of any table with nothing but its emitter and its type.
    pub fn new(table: Table, source: impl Into<String>, event_type: impl Into<String>) -> Self {
        Self {
            table,
            event_id: None,
            base: None,
            source: source.into(),
            event_type: event_type.into(),
            status: None,
            session: None,
            session_id: None,
            room: None,
            canvas_id: None,
            trace_id: None,
            request_id: None,
            intent_id: None,
            task_id: None,
            tool_call_id: None,
            span_id: None,
            parent_span_id: None,
            provider_request_id: None,
            sequence: None,
            at: None,
            started: None,
            ended: None,
            provider: None,
            model: None,
            provider_source: None,
            provider_path: None,
            tool_name: None,
            system_prompt: None,
            context_priming: None,
            tools: None,
            input: None,
            output: None,
            metadata: None,
            usage: None,
            error: None,
            latency_ms: None,
            time_to_first_token_ms: None,
            priority: None,
            columns: Vec::new(),
            stamps: Vec::new(),
        }
    }

    /// A model turn, or a part of one.
    pub fn model(source: impl Into<String>, event_type: impl Into<String>, status: impl Into<String>) -> Self {
        Self { status: Some(status.into()), ..Self::new(Table::Model, source, event_type) }
    }

    /// A tool turn, or a part of one.
    pub fn tool(
        source: impl Into<String>,
        event_type: impl Into<String>,
        status: impl Into<String>,
        tool_name: impl Into<String>,
    ) -> Self {
        let item = Self::new(Table::Tool, source, event_type);
        Self { status: Some(status.into()), tool_name: Some(tool_name.into()), ..item }
    }

    /// What a client outside reports: the event is its type and its tool, the payload its input.
    pub fn external(event: impl Into<String>, payload: Option<Box<RawValue>>) -> Self {
        let event = event.into();
        let item = Self::new(Table::Tool, EXTERNAL, event.clone());
        Self { tool_name: Some(event), input: payload, ..item }
    }

    /// Another column of the row.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn with(mut self, column: impl Into<String>, value: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        self.columns.push((column.into(), to_raw_value(value)?));
        Ok(self)
    }

    /// What was said of its priority, else high for an error.
    pub fn priority(&self) -> Priority {
        let failed = self.error.as_deref().is_some_and(|error| !error.trim().is_empty());
        self.priority.unwrap_or(if failed { Priority::High } else { Priority::Normal })
    }

    /// About how many bytes it holds in memory.
    pub fn weight(&self) -> usize {
        let raw = [&self.context_priming, &self.tools, &self.input, &self.output, &self.metadata, &self.usage];
        let raw: usize = raw.into_iter().flatten().map(|value| value.get().len()).sum();
        let texts = [&self.system_prompt, &self.error].into_iter().flatten().map(String::len).sum::<usize>();
        let more = self.columns.iter().chain(&self.stamps).map(|(name, value)| name.len() + value.get().len());
        raw + texts + more.sum::<usize>() + size_of::<Self>()
    }
}

/// The emitter of what clients outside report.
const EXTERNAL: &str = "agent_telemetry_api";

/// A payload from any value.
///
/// # Errors
/// When the value cannot be written as JSON, such as a map whose keys are no texts.
pub fn json(value: &impl serde::Serialize) -> Result<Box<RawValue>, serde_json::Error> {
    to_raw_value(value)
}
