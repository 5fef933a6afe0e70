"""The second half of the retrospective: a lost vote, a wish with two calls, a scorecard that needs two tries."""

from present import Emitter, same
from slices import compact, digits_of, text_of, uid
from voice import VOICE, brief, params, usage

BROKEN = '{"question": "Option two: drop the Thursday sync?", "options": ["keep", "drop"], "hands": 5,, // five now'


def crowd_pulse(retro):
    """Turn C: the vote is never written, and yet everybody is told that it was."""
    intent, task, ids = brief("intent C"), uid("task C"), same(brief("intent C"))
    room, orchestration, worker, text = retro.room, retro.orchestration, retro.worker, "How many hands for option two?"
    retro.ben(140.0, text)
    retro.asks(140.5, brief("call C"), intent, text, "user-ben")
    decision = {"status": "ok", "intentId": intent, "decision": "kept previous state", "componentId": None}
    room.task(140.65, task, "fairy.intent", ids, "succeeded", params(intent, text), decision, updated=143.2)
    retro.result(140.9, "dispatch_to_conductor", brief("call C"), ids, "QUEUED",
                 {"status": "QUEUED", "message": f"fairy.intent queued (task {task})", "taskId": task})
    retro.status(140.95, task, "fairy.intent")
    worker.runs(141.0, task, "fairy.intent", ids, params(intent, text), traced=False)
    orchestration.model(141.1, "fairy_route_decision", "completed", ids, "crowd_pulse, 0.86: hands are counted",
                        turn=f"model:decision:{intent}", input={"intent": text},
                        output={"kind": "crowd_pulse", "confidence": 0.86, "contextProfile": "glance"})
    retro.says(141.3, "Queued the update.", "item_AbC7")
    count(retro, intent, ids, text)
    orchestration.tool(143.1, "fairy_intent", "handled", "fairy.intent", intent, ids,
                       "fairy.intent ok: kept previous state", output=decision)
    worker.succeeds(143.2, task, "fairy.intent", ids, decision, 2190, traced=False)
    stray = brief("browser C")
    retro.result(143.6, "update_component", stray, same(brief("browser C ids")), "IGNORED", {
        "status": "IGNORED", "message": "patch is empty: crowd-pulse-1 unchanged", "componentId": "crowd-pulse-1"},
        shown="update_component IGNORED: patch is empty", error="patch is empty: crowd-pulse-1 unchanged")
    # Somebody retried by hand: the new request begins with the old one, and the trace is lost.
    retried = f"{task[:8]}{uid('task C retry')[8:]}"
    room.task(147.0, retried, "fairy.intent", {"request_id": f"{intent}:retry:1772445747000"}, "canceled",
              params(intent, text), derived=[("request_id", intent, "present.request_parent")])
    retro.ben(149.0, "It still says three hands. I count five 🤔")


def count(retro, intent, ids, text):
    """The steward asks its model, gets arguments that are no JSON, and only logs it."""
    name = retro.room.name
    steward = Emitter(retro.room, "fast_crowd_pulse_steward", f"fast-crowd-pulse-{name}", "cerebras", "gpt-oss-120b",
                      "fast", first=4)
    prompt, turn, call = (
        text_of("crowd-pulse.md").strip(),
        f"model:fast_crowd_pulse:{intent}",
        f"{intent}:commit_crowd_pulse",
    )
    state = {"question": "Option one: shorter standups?", "options": ["keep", "drop"], "hands": 3, "trend": "steady"}
    messages = [{"role": "user", "content": compact({
        "state": state, "transcript": ["Ben: Option two, drop the Thursday sync. Hands?", "Ana: me", "Mika: me too",
                                       "Jo: and me", "Ben: me, obviously", "Lee: yes", f"Ben: {text}"]})}]
    tools = [{"type": "function", "function": {"name": "commit_crowd_pulse", "parameters": {
        "type": "object", "required": ["question", "options", "hands", "trend"], "properties": {
            "question": {"type": "string"}, "options": {"type": "array", "items": {"type": "string"}},
            "hands": {"type": "integer", "minimum": 0}, "trend": {"enum": ["up", "down", "steady"]},
            "skip": {"type": "boolean"}, "reason": {"type": "string"}}}}}]
    steward.model(141.7, "model_call", "started", ids, f"counts: {text}", turn=turn, phase="call", system=prompt,
                  input=messages, tools=tools, context={"contextProfile": "glance", "hasContextBundle": True,
                                                        "transcriptLines": 212, "contextDocs": 0})
    answer_id = f"chatcmpl-{digits_of('answer C', 12)}"
    steward.model(142.5, "model_call", "completed", ids, "calls commit_crowd_pulse with 5 hands", turn=turn,
                  phase="result", request=answer_id, attributes=[("says", "text")],
                  derived=[("tool_call_id", call, "present.named_call")], output={
                      "id": answer_id, "model": "gpt-oss-120b", "choices": [{"finish_reason": "tool_calls", "message": {
                          "reasoning": "Ana, Mika, Jo, Ben, Lee: five different people. Before it was three, so up.",
                          "tool_calls": [{"function": {"name": "commit_crowd_pulse", "arguments": BROKEN}}]}}],
                      "usage": {"prompt_tokens": 612, "completion_tokens": 141, "total_tokens": 753,
                                "prompt_tokens_details": {"cached_tokens": 512},
                                "completion_tokens_details": {"reasoning_tokens": 73}}},
                  usage=usage("chat.usage", "provider", input=100, cache_read=512, output=68, reasoning=73))
    steward.tool(142.51, "tool_call", "received", "commit_crowd_pulse", call, ids,
                 "commit_crowd_pulse Option two: drop the Thursday sync?", phase="call", input={"argumentsRaw": BROKEN})
    error = "SyntaxError: Expected double-quoted property name in JSON at position 94 (line 1 column 95)"
    steward.tool(142.52, "tool_call", "error", "commit_crowd_pulse", call, ids, "commit_crowd_pulse error",
                 phase="result", error=error, output={"error": error, "argumentsRaw": BROKEN, "state": state})


def vote_box(retro):
    """Turn E: one wish, two calls with one request, and one result that could belong to either."""
    ids = same(brief("intent E"))
    retro.ana(156.2, "Move the vote box to the right and make it bigger.")
    retro.voice.model(156.9, "conversation_item_added", "assistant", same("item_AbE1"), "calls update_component",
                      turn="model:item_AbE1", metadata={"hasToolCalls": True},
                      output={"textContent": "", "functionCall": {"name": "update_component"}, "content": []},
                      derived=[("tool_call_id", f"{VOICE}/update_component", "present.tool_meant")])
    retro.calls(157.0, "update_component", brief("call E1"), ids, {
        "componentId": "crowd-pulse-1", "patch": {"x": 980}}, "crowd-pulse-1 x=980")
    retro.calls(157.1, "update_component", brief("call E2"), ids, {
        "componentId": "crowd-pulse-1", "patch": {"w": 520, "h": 300}}, "crowd-pulse-1 520 × 300")
    retro.result(
        157.9,
        "update_component",
        brief("browser E"),
        ids,
        "APPLIED",
        {"status": "APPLIED", "componentId": "crowd-pulse-1", "version": 7},
        "update_component crowd-pulse-1 version 7",
    )
    retro.says(158.6, "The vote box has moved.")


def scorecard(retro):
    """Turn D: the first try meets an overloaded model, the second one succeeds."""
    intent, task, ids = brief("intent D"), uid("task D"), same(brief("intent D"))
    room, worker, topic = retro.room, retro.worker, "Drop the Thursday sync"
    retro.ben(170.1, "Start a scorecard for dropping the Thursday sync.")
    retro.calls(170.9, "dispatch_to_conductor", brief("call D"), ids, {
        "id": intent, "room": room.name, "message": "scorecard: drop the Thursday sync", "topic": topic,
        "source": "voice", "participant_id": "user-ben"}, "scorecard: drop the Thursday sync", named="scorecard.run")
    asked = params(intent, f"scorecard: {topic}", topic=topic, componentId="scorecard-1", currentVersion=3)
    # The row of a retried task has lost its trace id; the parameters still name it.
    room.task(171.1, task, "scorecard.run", {"request_id": intent}, "succeeded", asked, {
        "status": "completed", "output": {"status": "ok", "summary": "Two claims added.", "version": 4}}, attempt=1,
        updated=176.3, derived=[("trace_id", intent, "present.params_trace")])
    retro.result(171.3, "dispatch_to_conductor", brief("call D"), ids, "QUEUED", {"status": "QUEUED", "taskId": task})
    steward = Emitter(
        room, "fast_debate_steward", f"fast-debate-{room.name}", "cerebras", "gpt-oss-120b", "fast", first=9
    )
    worker.runs(171.6, task, "scorecard.run", ids, asked, route="research")
    judge(steward, 171.8, intent, ids, topic, 3, None)
    worker.fails(173.0, task, "scorecard.run", ids, "cerebras: 503 model is overloaded, try again", 174.1)
    worker.runs(174.2, task, "scorecard.run", ids, asked, attempt=1, route="research", traced=False)
    judge(steward, 174.3, intent, ids, topic, 3, "Two claims added.")
    commit = {"componentId": "scorecard-1", "version": 4, "changes": 2}
    steward.tool(
        176.2,
        "state_commit",
        "completed",
        "commit_debate_scorecard",
        intent,
        ids,
        "commit_debate_scorecard version 4",
        output=commit,
        latency=812,
        turn=f"tool:fast_debate_steward:{intent}",
    )
    worker.succeeds(176.3, task, "scorecard.run", ids, {"status": "completed", **commit}, 2100, 1, "research", False)


def judge(steward, t, intent, ids, topic, version, summary):
    """One call of the debate model; without a summary it fails."""
    attempt = "retry" if summary else "first"
    turn, prompt = f"model:fast_debate:{intent}:{attempt}", text_of("debate.md").strip()
    messages = [{"role": "user", "content": compact({
        "topic": topic, "version": version, "transcript": [
            "Ana: Half of us only listen on Thursdays.", "Mika: 木曜日は集中日にしたいです。",
            "Ben: But support brings their questions there, and nowhere else."]})}]
    steward.model(t, "model_call", "started", ids, f"judges: {topic}", turn=turn, phase="call", system=prompt,
                  input=messages, context={"componentId": "scorecard-1", "currentVersion": version, "contextDocs": 0,
                                           "topic": topic})
    if summary is None:
        error = "503 model is overloaded, try again"
        steward.model(t + 1.1, "model_call", "error", ids, error, turn=turn, phase="result", error=error,
                      output={"error": {"status": 503, "message": "model is overloaded", "retry_after": 1}})
        return
    answer = {"topic": topic, "version": version + 1, "summary": summary, "changes": [
        {"add": {"side": "for", "text": "Half the room only listens.", "strength": 2}, "evidence": "Ana, 10:02:41"},
        {"add": {"side": "against", "text": "Support has no other place for questions.", "strength": 3},
         "evidence": "Ben, 10:02:55"}]}
    steward.model(t + 1.7, "model_call", "completed", ids, summary, turn=turn, phase="result",
                  request=f"chatcmpl-{digits_of('answer D', 12)}", attributes=[("says", "text")], output={
                      "id": f"chatcmpl-{digits_of('answer D', 12)}", "model": "gpt-oss-120b",
                      "choices": [{"finish_reason": "stop", "message": {"content": compact(answer)}}],
                      "usage": {"prompt_tokens": 871, "completion_tokens": 322, "total_tokens": 1193,
                                "prompt_tokens_details": {"cached_tokens": 768},
                                "completion_tokens_details": {"reasoning_tokens": 190}}},
                  usage=usage("chat.usage", "provider", input=103, cache_read=768, output=132, reasoning=190))


def end(retro):
    """Goodbye: one call is never answered, because the browser that would answer it is gone."""
    room, ids = retro.room, same(brief("intent F"))
    telemetry = Emitter(room, "agent_telemetry_api", None, first=0)
    telemetry.tool(181.0, "agent_end", None, "agent_end", None, {"request_id": brief("intent B")}, "agent_end ok",
                   sequence=0, input={"requestId": brief("intent B"), "room": room.name, "ok": True})
    summary = Emitter(room, "fast_summary_steward", f"fast-summary-{room.name}", "cerebras", "gpt-oss-120b", "fast",
                      first=2)
    summary.model(190.2, "model_call", "started", same(f"summary:{room.name}:1772445790200"), "summarises the retro",
                  phase="call", input=[{"role": "user", "content": "Sum up the retrospective in three sentences."}],
                  context={"contextProfile": "glance", "hasContextBundle": False, "transcriptLines": 840,
                           "contextDocs": 0})
    # A command line acts within the trace of the layout, under a request of its own.
    room.trace(192.0, "api_received", "ok", "canvas.agent_prompt", {
        "trace_id": brief("intent B"), "request_id": f"cli-{uid('command line')}", "intent_id": None})
    retro.ana(203.0, "Great. Take the timer away, we are done here. Bye!")
    retro.calls(204.6, "remove_component", brief("call F"), ids, {"componentId": "retro-timer-1"}, "retro-timer-1")
    retro.voice.model(
        214.0,
        "session_close",
        "participant_disconnected",
        shown="session closed: participant disconnected",
        output={"reason": "participant_disconnected", "code": 1},
        metadata={"workerId": "voice-agent-7f", "participantIdentity": "voice-agent-7f"},
    )
