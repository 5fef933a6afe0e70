//! The turns B to D of the worked example, and how it ends.

use serde_json::{Value, json};

use crate::example::{ROOM, RUN, emitter, intent, params, queued, router, runner, said, steps, steward, voice, works};
use crate::world::{LEDGER, MODELS, TOOLS, World, same, stamp, uuid, with};

/// The size of the prompt that is cut in the blob.
pub const PROMPT: usize = 311_902;

pub fn drawing(world: &mut World) {
    let (id, ids) = (intent("B"), same(&intent("B")));
    said(world, 16, "voice_transcript", ("user-ana", "Ana"), 60_000, "Fairy: turn the retro themes into a tidy layout");
    steps(
        world,
        "B",
        60_300,
        "fairy.intent",
        &[("api_received", "ok", 0), ("queued", "queued", 80), ("claimed", "running", 400)],
    );
    world.task(60_400, ROOM, (&queued("B"), "fairy.intent", "succeeded"),
        json!({"request_id": id, "trace_id": id, "params": params("B", "a tidy layout"), "result": {"status": "queued"}}));
    let messages = json!([{"role": "system", "content": "Route."}, {"role": "user", "content": "turn the retro themes into a tidy layout"}]);
    let answer = json!({"id": "chatcmpl-1", "model": "llama3.3-70b", "choices": [{"finish_reason": "tool_calls", "message": {
        "tool_calls": [{"function": {"name": "route_intent", "arguments": "{\"kind\":\"canvas\",\"confidence\":0.9}"}}]}}],
        "usage": {"prompt_tokens": 1180, "completion_tokens": 22, "total_tokens": 1202, "prompt_tokens_details": {"cached_tokens": 1024}}});
    let row = |sequence: i64, status: &str, more: Value| {
        with(with(json!({"sequence": sequence, "event_type": "model_call", "status": status}), ids.clone()), more)
    };
    world.io(MODELS, 61_200, &router(), row(12, "started", json!({"system_prompt": "You route.", "input": messages,
        "context_priming": {"routingSkills": ["route_selection"], "toolingSnapshot": {"routeIntentSchema": {"type": "object"}}}})));
    world.io(
        MODELS,
        61_600,
        &router(),
        row(
            13,
            "completed",
            json!({"provider_request_id": "chatcmpl-1", "input": messages,
        "output": answer, "metadata": {"usage": {"prompt_tokens": 1180, "completion_tokens": 22, "total_tokens": 1202},
        "model": "llama3.3-70b", "finishReason": "tool_calls"}}),
        ),
    );
    let call = format!("{id}:route_intent");
    for (sequence, status, more) in [
        (
            14,
            "received",
            json!({"input": {"name": "route_intent", "argumentsRaw": "{\"kind\":\"canvas\",\"confidence\":0.9}"}}),
        ),
        (15, "completed", json!({"output": {"kind": "canvas", "confidence": 0.9}})),
    ] {
        let base = json!({"sequence": sequence, "event_type": "tool_call", "status": status, "tool_name": "route_intent", "tool_call_id": call});
        world.io(TOOLS, 61_600, &router(), with(with(base, ids.clone()), more));
    }
}

pub fn run(world: &mut World) {
    let (id, ids, base) = (intent("B"), same(&intent("B")), uuid("base B1"));
    let model = |sequence: i64, event_type: &str, status: &str, more: Value| {
        with(with(json!({"sequence": sequence, "event_type": event_type, "status": status}), same(&id)), more)
    };
    world.io(MODELS, 61_800, &runner(), model(1, "session_start", "running", json!({"system_prompt": "You draw.",
        "context_priming": {"mode": "present", "preset": "creative", "runtimeSkills": ["screenshot_grounding"]},
        "input": {"userMessage": "a tidy layout", "requestedModel": "anthropic:claude-haiku-4-5", "initialViewport": null}})));
    let tool = |sequence: i64, event_type: &str, status: &str, name: &str, call: &str, more: Value| {
        let base = json!({"sequence": sequence, "event_type": event_type, "status": status, "tool_name": name, "tool_call_id": call});
        with(with(base, ids.clone()), more)
    };
    let (shot, screenshot) = (uuid("S1"), "agent:screenshot_request");
    world.io(
        TOOLS,
        61_800,
        &runner(),
        tool(2, "tool_call", "requested", screenshot, &shot, json!({"metadata": {"timeoutMs": 3500}})),
    );
    world.io(
        TOOLS,
        62_600,
        &runner(),
        tool(
            3,
            "tool_result",
            "received",
            screenshot,
            &shot,
            json!({"output": {"label": "primary", "bytes": 48211, "rttMs": 790}}),
        ),
    );
    let text = "Żółw \\ \"quoted\" ".repeat(12_000);
    let short = PROMPT - json!({ "prompt": text }).to_string().len();
    let prompt = json!({"prompt": format!("{text}{}", "x".repeat(short))});
    world.io(
        MODELS,
        62_800,
        &runner(),
        model(
            4,
            "model_context_ready",
            "ready",
            json!({"input": prompt,
        "context_priming": {"mode": "present", "toolCatalog": [{"name": "create_shape", "description": "Draws"}]}}),
        ),
    );
    world.io(MODELS, 62_800, &runner(), model(5, "model_call", "started", json!({"base": base, "system_prompt": "You draw.",
        "input": {"mode": "structured", "prompt": "see above", "promptLength": PROMPT, "tuning": {"maxOutputTokens": 4096}}})));
    let (partial, last, envelope) = (format!("{RUN}:0:partial"), format!("{RUN}:1:final"), "tldraw_envelope");
    for (millis, row) in [
        (
            64_000,
            tool(
                6,
                "tool_call",
                "queued",
                envelope,
                &partial,
                json!({"input": {"seq": 0, "partial": true,
            "actions": [{"id": "a1", "name": "create_shape", "params": {"id": "hdr"}}]}, "metadata": {"source": "present"}}),
            ),
        ),
        (
            64_200,
            tool(
                7,
                "tool_result",
                "ack_received",
                envelope,
                &partial,
                json!({"output": {"seq": 0, "clientId": "user-ana"}}),
            ),
        ),
        (65_000, tool(8, "tool_call", "queued", envelope, &last, json!({}))),
        (
            66_200,
            tool(9, "tool_result", "ack_timeout", envelope, &last, json!({"output": null, "error": "ack_timeout"})),
        ),
        (66_700, tool(10, "tool_result", "ack_received_retry", envelope, &last, json!({"output": {"seq": 1}}))),
    ] {
        world.io(TOOLS, millis, &runner(), row);
    }
    world.io(
        MODELS,
        66_800,
        &runner(),
        model(
            11,
            "model_call",
            "completed",
            json!({"base": base, "output": {
        "generatedActionCount": 9, "generatedActions": ["…"], "dispatchedActionCount": 9, "mutatingActionCount": 9,
        "usage": {"inputTokens": 14210, "outputTokens": 1333, "totalTokens": 15543, "cachedInputTokens": 9216},
        "providerMetadata": {"anthropic": {"cacheCreationInputTokens": 0}}, "response": {"id": "msg_1"}}}),
        ),
    );
    world.add(
        LEDGER,
        json!({"id": uuid("ledger 1"), "room": ROOM, "session_id": RUN, "trace_id": id, "request_id": id,
        "action_type": "create-task", "project_name": null, "task_id": "t-1", "task_title": "Group themes",
        "task_status": "created", "payload": {"title": "Group themes"}, "created_at": stamp(66_800)}),
    );
    let follow = json!({"parentSessionId": RUN, "parentRequestId": id, "reason": "low_action", "strict": true});
    world.task(
        66_900,
        ROOM,
        (&queued("F"), "canvas.followup", "queued"),
        json!({"request_id": format!("{id}:d1:a1b2c3d4e5"),
        "trace_id": id, "params": {"message": "more", "depth": 1, "followup": follow}}),
    );
    world.io(
        MODELS,
        67_000,
        &runner(),
        model(
            12,
            "session_complete",
            "completed",
            json!({"output": {"durationMs": 5200, "actionCount": 9, "followupCount": 1, "retries": 1}}),
        ),
    );
}

pub fn pulse(world: &mut World) {
    let (id, ids) = (intent("C"), same(&intent("C")));
    said(world, 17, "transcription_agent", ("user-ben", "Ben"), 140_000, "How many hands for option two?");
    steps(world, "C", 140_300, "fairy.intent", &[("api_received", "ok", 0), ("queued", "queued", 80)]);
    world.task(
        140_350,
        ROOM,
        (&queued("C"), "fairy.intent", "succeeded"),
        json!({"request_id": id, "trace_id": id, "params": params("C", "count")}),
    );
    let row = |sequence: i64, event_type: &str, status: &str, more: Value| {
        with(with(json!({"sequence": sequence, "event_type": event_type, "status": status}), ids.clone()), more)
    };
    let messages = json!([{"role": "user", "content": "How many hands?"}]);
    world.io(
        MODELS,
        141_000,
        &steward("crowd_pulse"),
        row(7, "model_call", "started", json!({"system_prompt": "Count.", "input": messages})),
    );
    world.io(MODELS, 141_200, &steward("crowd_pulse"), row(8, "model_call", "completed", json!({"input": messages, "output": {
        "id": "chatcmpl-2", "choices": [{"message": {"content": "Three hands.", "tool_calls": [{"id": "tc-1", "function": {"name": "commit_crowd_pulse"}}]}}],
        "usage": {"prompt_tokens": 612, "completion_tokens": 141, "total_tokens": 753, "completion_tokens_details": {"reasoning_tokens": 73}}}})));
    let call = json!({"tool_name": "commit_crowd_pulse", "tool_call_id": format!("{id}:commit_crowd_pulse")});
    world.io(
        TOOLS,
        141_210,
        &steward("crowd_pulse"),
        with(row(9, "tool_call", "received", json!({"input": {"argumentsRaw": "{bad json"}})), call.clone()),
    );
    world.io(
        TOOLS,
        141_220,
        &steward("crowd_pulse"),
        with(row(10, "tool_call", "error", json!({"error": "arguments are no JSON"})), call),
    );
    let lone = uuid("no one asked");
    let orphan = json!({"sequence": 18, "event_type": "tool_result", "status": "SUCCESS", "tool_name": "update_component",
        "tool_call_id": lone, "output": {"status": "SUCCESS"}, "metadata": {"source": "tool_result"}});
    world.io(TOOLS, 141_900, &voice(), with(orphan, same(&lone)));
}

pub fn scorecard(world: &mut World) {
    let (id, ids, task) = (intent("D"), same(&intent("D")), "scorecard.run");
    steps(
        world,
        "D",
        150_000,
        task,
        &[
            ("api_received", "ok", 0),
            ("queued", "queued", 80),
            ("claimed", "running", 300),
            ("executing", "running", 310),
        ],
    );
    world.task(
        150_050,
        ROOM,
        (&queued("D"), task, "succeeded"),
        json!({"request_id": id, "trace_id": id, "attempt": 1,
        "params": {"topic": "Trains", "requestId": id}, "updated_at": stamp(156_000)}),
    );
    works(world, "D", 150_310, (task, "running", 0), json!({}));
    works(
        world,
        "D",
        151_000,
        (task, "retrying", 0),
        json!({"output": {"retryAt": stamp(152_000)}, "error": "model is busy"}),
    );
    world.trace(
        151_010,
        ROOM,
        ("failed", "failed", task),
        &ids,
        json!({"task_id": queued("D"), "payload": {"error": "model is busy"}}),
    );
    steps(world, "D", 152_000, task, &[("claimed", "running", 0), ("executing", "running", 10)]);
    works(world, "D", 152_010, (task, "running", 1), json!({}));
    let row = |sequence: i64, event_type: &str, status: &str, more: Value| {
        with(with(json!({"sequence": sequence, "event_type": event_type, "status": status}), ids.clone()), more)
    };
    world.io(
        MODELS,
        152_100,
        &steward("debate"),
        row(3, "model_call", "started", json!({"input": [{"role": "user", "content": "Judge."}]})),
    );
    world.io(
        MODELS,
        155_000,
        &steward("debate"),
        row(
            4,
            "model_call",
            "completed",
            json!({"output": {"choices": [{"message": {"content": "Even."}}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 40, "total_tokens": 940}}}),
        ),
    );
    world.io(TOOLS, 155_020, &steward("debate"), row(5, "state_commit", "completed", json!({"tool_name": "commit_debate_scorecard",
        "tool_call_id": id, "latency_ms": 812, "provider": null, "model": null, "provider_path": null, "output": {"version": 3}})));
    works(world, "D", 155_900, (task, "succeeded", 1), json!({"output": {"status": "completed"}, "latency_ms": 3890}));
    world.trace(
        155_910,
        ROOM,
        ("completed", "succeeded", task),
        &ids,
        json!({"task_id": queued("D"), "attempt": 1, "latency_ms": 3890}),
    );
}

pub fn ends(world: &mut World) {
    let api = emitter("agent_telemetry_api", "", None, None, None);
    world.io(
        TOOLS,
        160_000,
        &with(api, json!({"session_id": null})),
        json!({"sequence": 0, "event_type": "agent_end", "status": null,
        "tool_name": "agent_end", "input": {"requestId": intent("B"), "room": ROOM, "ok": true}}),
    );
    world.io(
        MODELS,
        214_000,
        &voice(),
        json!({"sequence": 19, "event_type": "session_close", "status": "participant_disconnected",
        "output": {"reason": "participant_disconnected", "code": 1}}),
    );
}
