//! Where each dialect keeps what went in and what came out: the first place that holds something.

use crate::domain::Role;

/// A place where a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lies {
    /// An attribute.
    At(&'static str),
    /// Attributes below a prefix, put together again.
    Flat(&'static str),
    /// Several attributes that are one body: its members, and the attributes that they come from.
    Parts(&'static [(&'static str, &'static str)]),
    /// Events inside the span, each a message: their names.
    Events(&'static [&'static str]),
}

/// A body that is looked for, and where.
pub type Wanted = (Role, &'static [Lies]);

use Lies::{At, Events, Flat, Parts};

const SAID: &[&str] = &[
    "gen_ai.system.message",
    "gen_ai.user.message",
    "gen_ai.assistant.message",
    "gen_ai.tool.message",
    "gen_ai.content.prompt",
];
const ANSWERED: &[&str] = &["gen_ai.choice", "gen_ai.content.completion"];

/// Of model calls, and of what stands around them.
pub const MODEL: &[Wanted] = &[
    (
        Role::Input,
        &[
            At("gen_ai.input.messages"),
            At("gen_ai.input.messages_ref"),
            Flat("gen_ai.prompt"),
            Events(SAID),
            At("gen_ai.prompt"),
            Flat("llm.input_messages"),
            At("ai.prompt.messages"),
            At("ai.prompt"),
            At("ai.values"),
            At("ai.value"),
            At("lk.pii.chat_ctx"),
            At("lk.chat_ctx"),
            At("gcp.vertex.agent.llm_request"),
            At("pydantic_ai.all_messages"),
            Flat("llm.prompts"),
            Flat("embedding.embeddings"),
            At("input.value"),
            At("traceloop.entity.input"),
            At("langwatch.input"),
            At("request_text"),
            At("input"),
        ],
    ),
    (
        Role::Output,
        &[
            At("gen_ai.output.messages"),
            At("gen_ai.output.messages_ref"),
            Flat("gen_ai.completion"),
            Events(ANSWERED),
            At("gen_ai.completion"),
            Flat("llm.output_messages"),
            Parts(&[
                ("text", "ai.response.text"),
                ("reasoning", "ai.response.reasoning"),
                ("toolCalls", "ai.response.toolCalls"),
                ("object", "ai.response.object"),
                ("files", "ai.response.files"),
            ]),
            At("ai.embeddings"),
            At("ai.embedding"),
            Parts(&[("text", "lk.pii.response.text"), ("functionCalls", "lk.pii.response.function_calls")]),
            Parts(&[("text", "lk.response.text"), ("functionCalls", "lk.response.function_calls")]),
            At("gcp.vertex.agent.llm_response"),
            Flat("llm.choices"),
            At("gen_ai.output"),
            At("output.value"),
            At("traceloop.entity.output"),
            At("langwatch.output"),
            At("response_text"),
            At("output"),
        ],
    ),
    (
        Role::System,
        &[At("gen_ai.system_instructions"), At("lk.pii.instructions"), At("lk.instructions"), At("system_prompt")],
    ),
    (
        Role::Tools,
        &[
            At("gen_ai.tool.definitions"),
            At("ai.prompt.tools"),
            Flat("llm.tools"),
            Flat("llm.request.functions"),
            At("lk.function_tools"),
            At("gen_ai.agent.tools"),
        ],
    ),
];

/// Of tool calls.
pub const TOOL: &[Wanted] = &[
    (
        Role::Input,
        &[
            At("gen_ai.tool.call.arguments"),
            At("gen_ai.tool.args"),
            At("ai.toolCall.args"),
            At("lk.pii.function_tool.arguments"),
            At("lk.function_tool.arguments"),
            At("gcp.vertex.agent.tool_call_args"),
            Events(&["gen_ai.tool.message"]),
            At("input.value"),
            At("tool.parameters"),
            At("traceloop.entity.input"),
            At("tool_input"),
            At("tool_parameters"),
            At("function_args"),
            At("arguments"),
            At("input"),
        ],
    ),
    (
        Role::Output,
        &[
            At("gen_ai.tool.call.result"),
            At("ai.toolCall.result"),
            At("lk.pii.function_tool.output"),
            At("lk.function_tool.output"),
            At("gcp.vertex.agent.tool_response"),
            Events(ANSWERED),
            At("tool.result"),
            At("gen_ai.output"),
            At("output.value"),
            At("traceloop.entity.output"),
            At("tool_output"),
            At("output"),
        ],
    ),
];
