//! The worked example: one room, one voice job, four turns. Texts and prompts are invented.

use serde_json::{Value, json};

use crate::turns;
use crate::world::{MODELS, SESSIONS, T0, TOOLS, World, same, stamp, uuid, with};

pub const SESSION: &str = "5b0e6c1e-7c0d-4d55-9c39-0a6b1f2c3d4e";
pub const CANVAS: &str = "0c5d8a52-9f4e-4b7e-8f0a-6a1b2c3d4e5f";
pub const ROOM: &str = "canvas-0c5d8a52-9f4e-4b7e-8f0a-6a1b2c3d4e5f";
pub const VOICE: &str = "voice-11111111-2222-4333-8444-555555555555";
pub const RUN: &str = "1772445660123-k3x9qa";
const ANA: (&str, &str) = ("user-ana", "Ana");
const BEN: (&str, &str) = ("user-ben", "Ben");
const AGENT: (&str, &str) = ("voice-agent", "voice-agent");

/// The intents of the turns A to D, and their queue tasks.
pub fn intent(turn: &str) -> String {
    uuid(&format!("intent {turn}"))
}

pub fn queued(turn: &str) -> String {
    uuid(&format!("task {turn}"))
}

pub fn emitter(source: &str, session: &str, provider: Option<&str>, model: Option<&str>, path: Option<&str>) -> Value {
    json!({"session_id": session, "room": ROOM, "trace_id": null, "request_id": null, "intent_id": null, "task_id": null,
        "source": source, "provider": provider, "model": model, "provider_path": path,
        "provider_source": provider.map(|_| "runtime_selected"), "provider_request_id": null, "error": null,
        "latency_ms": null})
}

pub fn voice() -> Value {
    emitter("voice_agent", VOICE, Some("openai"), Some("gpt-realtime"), Some("primary"))
}

pub fn heard(source: &str) -> Value {
    emitter(source, VOICE, Some("openai"), Some("gpt-4o-mini-transcribe"), Some("primary"))
}

pub fn router() -> Value {
    emitter("fairy_router", &format!("fairy-router-{ROOM}"), Some("cerebras"), Some("llama3.3-70b"), Some("fast"))
}

fn orchestration() -> Value {
    emitter("orchestration_agent", &format!("orchestration-{ROOM}"), None, None, None)
}

pub fn steward(name: &str) -> Value {
    let (source, session) = (format!("fast_{name}_steward"), format!("fast-{}-{ROOM}", name.replace('_', "-")));
    emitter(&source, &session, Some("cerebras"), Some("gpt-oss-120b"), Some("fast"))
}

fn worker() -> Value {
    emitter("conductor_worker", "conductor-conductor-4121-9ab3c0de", None, None, None)
}

pub fn runner() -> Value {
    emitter(
        "canvas_runner",
        &format!("canvas-agent-{RUN}"),
        Some("anthropic"),
        Some("claude-haiku-4-5"),
        Some("primary"),
    )
}

/// All rows of the example.
pub fn world() -> World {
    let mut world = World::default();
    world.add(
        SESSIONS,
        json!({"id": SESSION, "canvas_id": CANVAS, "room_name": ROOM, "participants": [
            {"identity": "user-ana", "name": "Ana", "metadata": null},
            {"identity": "voice-agent-7f", "name": "voice-agent", "metadata": "agent"}],
            "transcript": [], "canvas_state": null, "created_at": stamp(-120_000), "updated_at": stamp(214_000)}),
    );
    lines(&mut world);
    start(&mut world);
    sticky_note(&mut world);
    turns::drawing(&mut world);
    turns::run(&mut world);
    turns::pulse(&mut world);
    turns::scorecard(&mut world);
    turns::ends(&mut world);
    world
}

fn lines(world: &mut World) {
    let status = format!("fairy.intent queued (task {})", &queued("A")[..8]);
    for (who, millis, said, manual) in [
        (ANA, 12_400, "Canvas: add a sticky note with exact text \"Ship it\"", false),
        (AGENT, 13_900, status.as_str(), true),
        (ANA, 60_000, "Fairy: turn the retro themes into a tidy layout", true),
        (BEN, 140_000, "How many hands for option two?", false),
        (AGENT, 141_500, "Queued the update.", false),
    ] {
        world.line(ROOM, SESSION, who, millis, said, manual);
    }
}

fn start(world: &mut World) {
    let mut fact = |millis: i64, sequence: i64, emitter: Value, event_type: &str, status: &str, more: Value| {
        let base = json!({"sequence": sequence, "event_type": event_type, "status": status});
        world.io(MODELS, millis, &emitter, with(base, more));
    };
    fact(
        400,
        1,
        voice(),
        "runtime_init",
        "ready",
        json!({"context_priming": {"transcriptionEnabled": true,
        "resolvedSttModel": "gpt-4o-mini-transcribe", "turnDetectionOption": {"type": "server_vad"}}}),
    );
    fact(
        400,
        2,
        heard("transcription_agent"),
        "runtime_init",
        "ready",
        json!({"system_prompt": "Write down what is said."}),
    );
    fact(
        500,
        3,
        heard("transcription_agent"),
        "multi_participant_start",
        "running",
        json!({"context_priming": {"maxParticipants": 4, "language": "en"}}),
    );
    fact(
        1100,
        4,
        voice(),
        "system_prompt_loaded",
        "ready",
        json!({"system_prompt": "You listen and help. ".repeat(400),
        "context_priming": {"capabilityProfile": "full", "tools": [{"name": "create_component", "description": "Makes one"}],
        "components": [{"name": "RetroTimerEnhanced", "description": "A timer", "tier": "tier1"}]}}),
    );
    fact(
        2000,
        5,
        voice(),
        "session_started",
        "running",
        json!({"context_priming": {"room": ROOM},
        "metadata": {"workerId": "voice-agent-7f", "participantIdentity": "voice-agent-7f"}}),
    );
}

pub fn said(world: &mut World, sequence: i64, source: &str, (who, name): (&str, &str), millis: i64, text: &str) {
    let line = format!("{who}:{}", T0 + millis);
    let more = json!({"sequence": sequence, "event_type": "transcript_final", "status": "captured",
        "input": {"speaker": name, "participantId": who, "participantName": name, "isManual": false, "timestamp": T0 + millis},
        "output": {"text": text, "isFinal": true}});
    world.io(MODELS, millis + 10, &heard(source), with(more, same(&line)));
}

pub fn params(turn: &str, message: &str) -> Value {
    let id = intent(turn);
    json!({"id": id, "room": ROOM, "message": message, "source": "voice", "requestId": id, "traceId": id,
        "participant_id": "user-ana", "provider": "cerebras", "provider_path": "fast", "attempt": 1,
        "executionId": uuid(&format!("execution {turn}")), "lockKey": format!("dispatch:{id}"),
        "metadata": {"traceId": id, "intentId": id}})
}

/// A voice tool call: one that the agent makes and publishes.
fn dispatch(world: &mut World, turn: &str, millis: i64, sequence: i64, message: &str) {
    let ids = same(&intent(turn));
    let call = json!({"tool_name": "dispatch_to_conductor", "tool_call_id": format!("call-{turn}")});
    let row = |sequence: i64, event_type: &str, status: &str, more: Value| {
        let base = json!({"sequence": sequence, "event_type": event_type, "status": status});
        with(with(with(base, ids.clone()), call.clone()), more)
    };
    let created =
        json!({"input": params(turn, message), "metadata": {"room": ROOM, "reliable": true, "task": "fairy.intent"}});
    world.io(TOOLS, millis, &voice(), row(sequence, "tool_call_created", "created", created));
    let published = json!({"metadata": {"reliable": true}});
    world.io(TOOLS, millis + 20, &voice(), row(sequence + 1, "tool_call_published", "published", published));
}

pub fn steps(world: &mut World, turn: &str, millis: i64, task: &str, stages: &[(&str, &str, i64)]) {
    let ids = same(&intent(turn));
    for (stage, status, at) in stages {
        let more = if *stage == "api_received" { json!({}) } else { json!({"task_id": queued(turn)}) };
        world.trace(millis + at, ROOM, (stage, status, task), &ids, more);
    }
}

pub fn works(world: &mut World, turn: &str, millis: i64, (task, status, attempt): (&str, &str, i64), more: Value) {
    let base = json!({"sequence": attempt, "event_type": "task_execute", "status": status, "tool_name": task,
        "tool_call_id": queued(turn), "task_id": queued(turn),
        "metadata": {"workerId": "conductor-4121-9ab3c0de", "workerHost": "w1", "workerPid": "4121", "route": "visual"}});
    world.io(TOOLS, millis, &worker(), with(with(base, same(&intent(turn))), more));
}

fn sticky_note(world: &mut World) {
    let text = "Canvas: add a sticky note with exact text \"Ship it\"";
    let (id, ids) = (intent("A"), same(&intent("A")));
    said(world, 6, "transcription_agent", ANA, 12_400, text);
    let item = json!({"sequence": 7, "event_type": "conversation_item_added", "status": "assistant",
        "output": {"textContent": "", "functionCall": {"name": "dispatch_to_conductor"}, "content": []},
        "metadata": {"hasToolCalls": false}});
    world.io(MODELS, 13_200, &voice(), with(item, same("item_AbC1")));
    dispatch(world, "A", 13_210, 8, "add a sticky note with exact text \"Ship it\"");
    let executed = json!({"sequence": 10, "event_type": "function_tools_executed", "status": "selected",
        "tool_name": "dispatch_to_conductor", "tool_call_id": "call_9x", "input": {"task": "fairy.intent"},
        "metadata": {"realtimeCallId": "call_9x", "argumentBytes": 212}});
    world.io(TOOLS, 13_250, &voice(), with(executed, ids.clone()));
    steps(
        world,
        "A",
        13_500,
        "fairy.intent",
        &[
            ("api_received", "ok", 0),
            ("queued", "queued", 80),
            ("claimed", "running", 520),
            ("executing", "running", 530),
        ],
    );
    let result = json!({"status": "applied", "requestId": id, "shapeId": "qt_3f2a9c0b1d4e", "shapeType": "note", "actionCount": 1,
        "actions": [{"id": "create-77aa", "name": "create_shape", "params": {"id": "qt_3f2a9c0b1d4e", "type": "note", "x": 0, "y": 0,
            "props": {"text": "Ship it", "color": "yellow", "size": "m"}}}]});
    world.task(
        13_550,
        ROOM,
        (&queued("A"), "fairy.intent", "succeeded"),
        with(
            json!({"request_id": id, "trace_id": id,
        "params": params("A", "add a sticky note with exact text \"Ship it\""), "result": result}),
            json!({}),
        ),
    );
    let answered = json!({"sequence": 11, "event_type": "tool_result", "status": "QUEUED", "tool_name": "dispatch_to_conductor",
        "tool_call_id": "call-A", "output": {"status": "QUEUED", "message": "fairy.intent queued", "taskId": queued("A")},
        "metadata": {"source": "tool_result"}});
    world.io(TOOLS, 13_800, &voice(), with(answered, ids.clone()));
    works(world, "A", 14_030, ("fairy.intent", "running", 0), json!({}));
    orchestrate(world, &id, &ids);
    world.trace(
        14_400,
        ROOM,
        ("ack_received", "ok", "canvas.agent_prompt"),
        &ids,
        json!({"payload": {"sessionId": format!("quick-text-{id}"), "seq": 0, "envelopeHash": "00ff"}}),
    );
    works(world, "A", 14_600, ("fairy.intent", "succeeded", 0), json!({"output": result, "latency_ms": 560}));
    world.trace(
        14_610,
        ROOM,
        ("completed", "succeeded", "fairy.intent"),
        &ids,
        json!({"task_id": queued("A"), "latency_ms": 560, "payload": {"result": {"actionCount": 1}}}),
    );
}

fn orchestrate(world: &mut World, id: &str, ids: &Value) {
    let mut tool = |millis: i64, sequence: i64, event_type: &str, status: &str, name: &str, more: Value| {
        let base = json!({"sequence": sequence, "event_type": event_type, "status": status, "tool_name": name, "tool_call_id": id});
        world.io(TOOLS, millis, &orchestration(), with(with(base, ids.clone()), more));
    };
    tool(14_040, 31, "task_dispatch", "received", "fairy.intent", json!({"input": {"message": "add a note"}}));
    tool(14_050, 34, "task_dispatch", "received", "canvas.quick_text", json!({}));
    tool(14_520, 35, "fairy_intent", "handled", "fairy.intent", json!({"output": {"status": "applied"}}));
    let fast = with(orchestration(), json!({"provider": "cerebras", "provider_path": "fast"}));
    let mut model = |millis: i64, sequence: i64, event_type: &str, status: &str, more: Value| {
        let base = json!({"sequence": sequence, "event_type": event_type, "status": status});
        world.io(MODELS, millis, &fast, with(with(base, ids.clone()), more));
    };
    model(14_040, 32, "fairy_intent_received", "received", json!({"input": {"intent": "add a note"}}));
    model(14_050, 33, "fairy_route_decision", "completed", json!({"output": {"kind": "canvas", "confidence": 0.95}}));
}
