//! Which span and which log record becomes which kind of event: the first rule that holds.

use super::{
    AI_SDK, Becomes, CLAUDE_CODE, CODEX, Dialect, GEMINI_CLI, GEN_AI, LIVEKIT, MCP, OPENINFERENCE, OPENLLMETRY, OTEL,
    Route, TURNSCOPE, When,
};
use crate::domain::own_span::KIND;
use crate::import::otel::item::Signal;

const fn span(dialect: &'static Dialect, rule: &'static str, when: When, becomes: Becomes) -> Route {
    Route { dialect, rule, signal: Signal::Traces, when, becomes }
}

const fn log(dialect: &'static Dialect, rule: &'static str, when: When, becomes: Becomes) -> Route {
    Route { dialect, rule, signal: Signal::Logs, when, becomes }
}

pub const ANY_SPAN: Route = span(&OTEL, "span", When::Always, Becomes::Trace);
pub const ANY_LOG: Route = log(&OTEL, "log", When::Always, Becomes::Trace);

const OPERATION: &str = "gen_ai.operation.name";
const OPENINFERENCE_KIND: &str = "openinference.span.kind";
const INNER: &[&str] = &[".doGenerate", ".doStream", ".doEmbed"];

pub const ROUTES: &[Route] = &[
    // What turnscope wrote says itself what it is.
    span(&TURNSCOPE, "transcript", When::Is(KIND, &["transcript"]), Becomes::Prompt),
    span(&TURNSCOPE, "model", When::Is(KIND, &["model"]), Becomes::Model),
    span(&TURNSCOPE, "tool", When::Is(KIND, &["tool"]), Becomes::Tool),
    span(&TURNSCOPE, "trace", When::Is(KIND, &["trace"]), Becomes::Trace),
    span(&TURNSCOPE, "task", When::Is(KIND, &["task"]), Becomes::Task),
    span(&TURNSCOPE, "other", When::Is(KIND, &["other"]), Becomes::Other),
    span(&OPENLLMETRY, "task", When::Has("gen_ai.task.id"), Becomes::Task),
    // The AI SDK repeats on the outer span what its inner one says.
    span(&AI_SDK, "call", When::Ends("ai.operationId", INNER), Becomes::Model),
    span(&AI_SDK, "call_by_name", When::All(&[When::NameBegins("ai."), When::NameEnds(INNER)]), Becomes::Model),
    span(&AI_SDK, "tool", When::Is("ai.operationId", &["ai.toolCall"]), Becomes::Tool),
    span(&AI_SDK, "tool_by_name", When::Named(&["ai.toolCall"]), Becomes::Tool),
    span(&AI_SDK, "outer", When::Has("ai.operationId"), Becomes::Trace),
    span(&LIVEKIT, "tool", When::Has("lk.function_tool.name"), Becomes::Tool),
    span(
        &LIVEKIT,
        "llm",
        When::All(&[When::Named(&["llm_node", "llm_request", "llm_request_run"]), When::Has("gen_ai.request.model")]),
        Becomes::Model,
    ),
    span(&LIVEKIT, "other", When::Begins("lk."), Becomes::Trace),
    span(&OPENINFERENCE, "tool", When::Is(OPENINFERENCE_KIND, &["TOOL", "RETRIEVER", "RERANKER"]), Becomes::Tool),
    span(&OPENINFERENCE, "model", When::Is(OPENINFERENCE_KIND, &["LLM", "EMBEDDING"]), Becomes::Model),
    span(&OPENINFERENCE, "outer", When::Has(OPENINFERENCE_KIND), Becomes::Trace),
    span(
        &GEN_AI,
        "tool",
        When::Is(
            OPERATION,
            &[
                "execute_tool",
                "retrieval",
                "create_memory",
                "update_memory",
                "upsert_memory",
                "delete_memory",
                "search_memory",
                "create_memory_store",
                "delete_memory_store",
            ],
        ),
        Becomes::Tool,
    ),
    span(
        &GEN_AI,
        "model",
        When::Is(
            OPERATION,
            &[
                "chat",
                "generate_content",
                "text_completion",
                "completion",
                "embeddings",
                "realtime_inference",
                "call_llm",
                "llm_call",
                "speech_to_text",
                "text_to_speech",
            ],
        ),
        Becomes::Model,
    ),
    span(&GEN_AI, "outer", When::Has(OPERATION), Becomes::Trace),
    span(&MCP, "tool", When::Is("mcp.method.name", &["tools/call"]), Becomes::Tool),
    span(&OPENLLMETRY, "tool", When::Is("traceloop.span.kind", &["tool"]), Becomes::Tool),
    span(&OPENLLMETRY, "model", When::Has("llm.request.type"), Becomes::Model),
    span(&OPENLLMETRY, "outer", When::Has("traceloop.span.kind"), Becomes::Trace),
    span(&OPENLLMETRY, "prompt", When::Begins("gen_ai.prompt."), Becomes::Model),
    span(
        &GEN_AI,
        "before_operations",
        When::All(&[When::Has("gen_ai.request.model"), When::Begins("gen_ai.usage.")]),
        Becomes::Model,
    ),
    span(
        &GEN_AI,
        "messages",
        When::All(&[When::Has("gen_ai.request.model"), When::Begins("gen_ai.output.messages")]),
        Becomes::Model,
    ),
    // Before conventions had input and output messages, content came as events beside the span.
    log(
        &GEN_AI,
        "message",
        When::Named(&[
            "gen_ai.system.message",
            "gen_ai.user.message",
            "gen_ai.assistant.message",
            "gen_ai.tool.message",
        ]),
        Becomes::Said,
    ),
    log(&GEN_AI, "content_prompt", When::Named(&["gen_ai.content.prompt"]), Becomes::Said),
    log(&GEN_AI, "choice", When::Named(&["gen_ai.choice", "gen_ai.content.completion"]), Becomes::Answer),
    log(&GEN_AI, "details", When::Named(&["gen_ai.client.inference.operation.details"]), Becomes::Answer),
    log(&CLAUDE_CODE, "prompt", When::Named(&["claude_code.user_prompt", "user_prompt"]), Becomes::Prompt),
    log(&CLAUDE_CODE, "api_request", When::Named(&["claude_code.api_request", "api_request"]), Becomes::Model),
    log(&CLAUDE_CODE, "api_error", When::Named(&["claude_code.api_error", "api_error"]), Becomes::Model),
    log(&CLAUDE_CODE, "tool", When::Named(&["claude_code.tool_result", "tool_result"]), Becomes::Tool),
    log(&CODEX, "prompt", When::Named(&["codex.user_prompt"]), Becomes::Prompt),
    log(
        &CODEX,
        "answer",
        When::All(&[When::Named(&["codex.sse_event"]), When::Is("event.kind", &["response.completed"])]),
        Becomes::Model,
    ),
    log(&CODEX, "tool", When::Named(&["codex.tool_result"]), Becomes::Tool),
    log(&GEMINI_CLI, "prompt", When::Named(&["gemini_cli.user_prompt"]), Becomes::Prompt),
    log(&GEMINI_CLI, "answer", When::Named(&["gemini_cli.api_response"]), Becomes::Model),
    log(&GEMINI_CLI, "api_error", When::Named(&["gemini_cli.api_error"]), Becomes::Model),
    log(&GEMINI_CLI, "tool", When::Named(&["gemini_cli.tool_call"]), Becomes::Tool),
];
