//! Where each dialect keeps single values: names, ids, times. The first attribute that holds something counts.

use crate::domain::KeyKind;

/// A single value of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Operation,
    Provider,
    /// The model that answered, and the one that was asked for.
    Model,
    AskedModel,
    ToolName,
    ToolType,
    ToolDescription,
    Agent,
    FinishReason,
    ErrorType,
    ErrorMessage,
    /// Time to the first token.
    FirstTokenSeconds,
    FirstTokenMillis,
    /// How long it took, where there is no span to say so.
    LastedMillis,
    /// Whether it went well, in a word.
    Success,
    /// Whether it failed, where that is what is said.
    Failed,
    Interrupted,
    /// What a person said, in a span of a voice agent.
    Heard,
    Spoken,
    /// What a person typed.
    Prompt,
    Participant,
    /// What the sender says it cost.
    Cost,
    /// Whose turn it was.
    Attempt,
}

pub const FIELDS: &[(Field, &[&str])] = &[
    (
        Field::Operation,
        &[
            "gen_ai.operation.name",
            "ai.operationId",
            "openinference.span.kind",
            "llm.request.type",
            "traceloop.span.kind",
        ],
    ),
    (
        Field::Provider,
        &["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider", "model_provider"],
    ),
    (
        Field::Model,
        &[
            "gen_ai.response.model",
            "llm.response.model_name",
            "ai.response.model",
            "gen_ai.request.model",
            "llm.request.model_name",
            "llm.model_name",
            "ai.model.id",
            "embedding.model_name",
            "model",
            "model_name",
        ],
    ),
    (Field::AskedModel, &["gen_ai.request.model", "llm.request.model_name", "ai.model.id"]),
    (
        Field::ToolName,
        &[
            "gen_ai.tool.name",
            "ai.toolCall.name",
            "tool.name",
            "lk.function_tool.name",
            "mcp.tool.name",
            "traceloop.entity.name",
            "tool_name",
            "function_name",
        ],
    ),
    (Field::ToolType, &["gen_ai.tool.type", "tool_type"]),
    (Field::ToolDescription, &["gen_ai.tool.description", "tool.description"]),
    (
        Field::Agent,
        &["gen_ai.agent.name", "agent.name", "lk.agent_name", "ai.telemetry.functionId", "traceloop.workflow.name"],
    ),
    (
        Field::FinishReason,
        &[
            "gen_ai.response.finish_reasons",
            "ai.response.finishReason",
            "llm.finish_reason",
            "gen_ai.completion.0.finish_reason",
        ],
    ),
    (Field::ErrorType, &["error.type", "exception.type", "http.response.status_code_text"]),
    (Field::ErrorMessage, &["error.message", "exception.message", "error", "error_message"]),
    (
        Field::FirstTokenSeconds,
        &[
            "gen_ai.response.time_to_first_chunk",
            "gen_ai.client.operation.time_to_first_chunk",
            "gen_ai.server.time_to_first_token",
            "lk.response.ttft",
        ],
    ),
    (Field::FirstTokenMillis, &["ai.response.msToFirstChunk", "ttft_ms"]),
    (Field::LastedMillis, &["duration_ms"]),
    (Field::Success, &["success", "gen_ai.tool.status"]),
    (Field::Failed, &["lk.function_tool.is_error"]),
    (Field::Interrupted, &["lk.interrupted"]),
    (Field::Heard, &["lk.pii.user_transcript", "lk.user_transcript"]),
    (Field::Spoken, &["lk.pii.response.text", "lk.response.text"]),
    (Field::Prompt, &["prompt", "gen_ai.prompt"]),
    (Field::Participant, &["lk.pii.participant_identity", "lk.participant_id"]),
    (Field::Cost, &["cost_usd", "llm.cost.total", "operation.cost", "gen_ai.usage.cost"]),
    (Field::Attempt, &["attempt", "lk.retry_count", "http.request.resend_count"]),
];

/// The conversation that a span says it belongs to, also by what its sender says.
pub const SESSION: &[&str] = &[
    "langfuse.session.id",
    "session.id",
    "gen_ai.conversation.id",
    "conversation.id",
    "gen_ai.realtime_session.id",
    "ai.telemetry.metadata.sessionId",
    "ai.settings.context.sessionId",
    "ai.settings.runtimeContext.sessionId",
    "traceloop.association.properties.session_id",
    "traceloop.association.properties.conversation_id",
    "traceloop.association.properties.thread_id",
    "langsmith.metadata.session_id",
    "langsmith.metadata.thread_id",
    "langsmith.trace.session_id",
    "claude.code.session_id",
    "claude.cowork.session_id",
    "gcp.vertex.agent.session_id",
    "copilot_chat.chat_session_id",
    "copilot_chat.session_id",
    "group_id",
    "lk.job_id",
    "job_id",
];

/// Keys under names of their own.
pub const KEYS: &[(KeyKind, &[&str])] = &[
    (KeyKind::Room, &["lk.pii.room_name", "lk.room_name", "room_id", "room"]),
    (KeyKind::Request, &["http.request.header.x-request-id"]),
    (KeyKind::Intent, &["prompt.id", "prompt_id", "turn.id"]),
    (KeyKind::Task, &["gen_ai.task.id"]),
    (
        KeyKind::ToolCall,
        &[
            "gen_ai.tool.call.id",
            "ai.toolCall.id",
            "tool.id",
            "tool_call.id",
            "lk.function_tool.id",
            "tool_use_id",
            "call_id",
        ],
    ),
    (
        KeyKind::ProviderRequest,
        &["gen_ai.response.id", "ai.response.id", "lk.provider_request_ids", "request_id", "response_id"],
    ),
];

/// What senders put before names of their own in attributes.
pub const METADATA: &[&str] = &[
    "ai.telemetry.metadata.",
    "ai.settings.context.",
    "ai.settings.runtimeContext.",
    "traceloop.association.properties.",
    "langfuse.trace.metadata.",
    "langfuse.observation.metadata.",
    "langsmith.metadata.",
    "metadata.",
];

/// Keys by their names in what senders add, however these are spelt: in lower case, without underscores.
pub const METADATA_KEYS: &[(KeyKind, &str)] = &[
    (KeyKind::Room, "room"),
    (KeyKind::Room, "roomid"),
    (KeyKind::Trace, "traceid"),
    (KeyKind::Request, "requestid"),
    (KeyKind::Intent, "intentid"),
    (KeyKind::Task, "taskid"),
];
