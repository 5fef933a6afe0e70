"""The second session of the demo: a coding agent repairs what went wrong in the first one, with a sub-agent's help."""

import difflib

from present import key
from slices import ERROR, Session, compact, digits_of, iso, micros, text_of, uid

CWD = "/home/ana/canvas-stewards"
TEST = "npx vitest run tests/crowd-pulse.test.ts"
FILE = f"{CWD}/src/stewards/crowd-pulse.ts"
TELLING = ["command", "file_path", "pattern", "description", "prompt"]


class Transcript:
    """A file of records as Claude Code writes them, one event or more for each."""

    def __init__(self, slice_, session, start, origin, agent=None, called=None):
        self.slice, self.session, self.now, self.origin = slice_, session, micros(start), origin
        self.agent, self.called, self.offset, self.parent, self.prompt = agent, called, 0, None, None

    def record(self, kind, seconds, **members):
        """The next record, some seconds later."""
        self.now += round(seconds * 1000) * 1000
        owner = self.session.parent or self.session
        record = {
            "parentUuid": self.parent, "isSidechain": self.agent is not None, "cwd": CWD,
            "sessionId": owner.id, "version": "2.1.7", "gitBranch": self.session.branch,
            **({"agentId": self.agent} if self.agent else {}), "type": kind, **members,
            "uuid": uid(f"record:{self.session.id}:{self.offset}"), "timestamp": iso(self.now, 3),
        }
        self.parent = record["uuid"]
        return record

    def event(self, record, kind, event_type, suffix="", keys=(), attributes=(), columns=None, **more):
        """One event of a record, at the record's place in its file."""
        message = record.get("message", {})
        owner = self.session.parent or self.session
        known = [key("session_id", owner.id)]
        known += [key("message_id", message["id"])] if "id" in message else []
        known += [key("intent_id", self.prompt, "claude.prompt_ancestor")] if self.prompt else []
        named = [("parent", record["parentUuid"])] if record["parentUuid"] else []
        named += [("agent_id", self.agent)] if self.agent else []
        if self.called:
            # The parent's call of this sub-agent, which the first record answers.
            known.append(key("tool_call_id", self.called, "claude.sub_agent"))
            self.called = None
        identity = record["uuid"] + suffix
        shared = {"event_id": identity, "sequence": self.offset, "created_at": record["timestamp"],
                  "session_id": owner.id, "source": "claude-code", "event_type": event_type,
                  **{name: more.get(name) for name in ("status", "provider", "model", "error")},
                  "tool_name": more.get("tool"), **(columns or {})}
        self.slice.add(self.session, kind, identity, self.now, "claude-code", event_type, origin=self.origin,
                       sequence=self.offset, raw=record, columns=shared, keys=known + list(keys),
                       attributes=named + list(attributes), **more)

    def done(self, record):
        self.offset += len(compact(record).encode()) + 1

    def asks(self, seconds, text, who="user"):
        record = self.record("user", seconds, message={"role": "user", "content": text})
        if who == "user":
            self.prompt = record["uuid"]
        self.event(record, "transcript", "user", shown=text, participant=who, bodies={"input": compact(text)},
                   columns={"participant_name": who, "text": text})
        self.done(record)

    def says(self, seconds, message, usage, block, stop=None):
        """One block of the model's answer; records of one answer share its id and its growing usage."""
        fresh, read, written, output = usage
        record = self.record("assistant", seconds, message={
            "model": "claude-opus-4-6", "id": message, "type": "message", "role": "assistant", "content": [block],
            "stop_reason": stop, "usage": {
                "input_tokens": fresh, "cache_creation_input_tokens": written, "cache_read_input_tokens": read,
                "output_tokens": output}}, requestId=f"req_{digits_of(message, 20)}")
        keys = [key("request_id", record["requestId"])]
        called = [key("tool_call_id", block["id"])] if block["type"] == "tool_use" else []
        shown = {"thinking": f"thinking: {block.get('thinking')}", "tool_use": f"calls {block.get('name')}",
                 "text": block.get("text")}[block["type"]]
        model = {"provider": "anthropic", "model": "claude-opus-4-6"}
        self.event(record, "model", "assistant", keys=keys + called, shown=shown, phase="part", **model,
                   turn=f"model:{message}", bodies={"output": compact([block])},
                   attributes=[("stop_reason", stop)] * bool(stop) + [("says", "text")] * (block["type"] == "text"),
                   usage={"input": fresh, "cache_read": read, "cache_write": written, "output": output,
                          "rule": "claude.message.usage", "source": "provider"})
        if called:
            argument = next((str(block["input"][name]) for name in TELLING if name in block["input"]), "")
            self.event(record, "tool", "tool_use", f"#call:{block['id']}", keys=keys + called, phase="call",
                       shown=f"{block['name']} {argument}", tool=block["name"], turn=f"tool:{block['id']}", **model,
                       bodies={"input": compact(block["input"])}, columns={"tool_call_id": block["id"]})
        self.done(record)

    def thinks(self, seconds, message, usage, thought):
        self.says(seconds, message, usage, {"type": "thinking", "thinking": thought,
                                            "signature": digits_of(thought, 48)})

    def tells(self, seconds, message, usage, text, stop=None):
        self.says(seconds, message, usage, {"type": "text", "text": text}, stop)

    def calls(self, seconds, message, usage, name, arguments):
        call = f"toolu_{digits_of(f'{self.session.id}:{self.offset}', 22)}"
        self.says(
            seconds, message, usage, {"type": "tool_use", "id": call, "name": name, "input": arguments}, "tool_use"
        )
        return call

    def gets(self, seconds, call, output, account=None, failed=False, attributes=()):
        block = {"tool_use_id": call, "type": "tool_result", "content": output}
        block |= {"is_error": True} if failed else {}
        members = {"toolUseResult": account} if account else {}
        record = self.record("user", seconds, message={"role": "user", "content": [block]}, **members)
        text = output if isinstance(output, str) else output[0]["text"]
        self.event(record, "tool", "tool_result", f"#result:{call}", keys=[key("tool_call_id", call)], phase="result",
                   turn=f"tool:{call}", status="error" if failed else "ok", flags=ERROR if failed else 0, shown=text,
                   error=" ".join(text.split())[:500] if failed else None, attributes=attributes,
                   bodies={"output": compact(output), "metadata": compact(account) if account else None},
                   columns={"tool_call_id": call})
        self.done(record)

    def other(self, seconds, kind, event_type, shown, bodies=None, status=None, **members):
        record = self.record(kind, seconds, **members)
        self.event(record, "other", event_type, shown=shown, bodies=bodies, status=status)
        self.done(record)


def numbered(text, first, last):
    lines = text.splitlines()[first - 1:last]
    return "\n".join(f"{number:6}→{line}" for number, line in enumerate(lines, first))


def difference(before, after):
    path = "src/stewards/crowd-pulse.ts"
    changed = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}")
    return f"diff --git a/{path} b/{path}\nindex 4c1f0a2..9be77d1 100644\n" + "".join(changed)


def work(slice_):
    """Adds the coding session and its sub-agent's."""
    title = "Crowd pulse says ok though its commit failed"
    main = Session(uid("coding session"), "claude-code", title, cwd=CWD, branch="fix/pulse-commit", findings=1)
    talk = Transcript(slice_, main, "2026-03-03T14:02:41Z", 1)
    before, after = text_of("crowd-pulse.ts"), text_of("crowd-pulse.fixed.ts")
    talk.asks(0, "In yesterday's retro the voice agent said \"Queued the update.\" but the vote never changed: Ben "
                 "counted five hands, the box kept saying three. I wrote tests/crowd-pulse.test.ts to reproduce it, "
                 "the last case fails. Find out why and fix it. Please leave the prompt alone.")
    first_look(talk, before)
    sub_agent(slice_, talk, main)
    repair(talk, before, after)
    farewell(talk, before, after)
    talk.other(0.2, "ai-title", "ai-title", title, aiTitle=title)


def first_look(talk, before):
    talk.tells(3.1, "msg_01Ft", (4, 0, 18211, 61), "I'll watch the test fail before I read anything.")
    call = talk.calls(
        0.8, "msg_01Ft", (4, 0, 18211, 148), "Bash", {"command": TEST, "description": "Run the failing test"}
    )
    failure = text_of("vitest-failure.txt").rstrip("\n")
    red = failure.replace("×", "\x1b[31m×\x1b[39m").replace(" FAIL ", "\x1b[41m\x1b[1m FAIL \x1b[22m\x1b[49m")
    red = red.replace("✓", "\x1b[32m✓\x1b[39m")
    talk.gets(1.9, call, f"Exit code 1\n{red}", failed=True)
    call = talk.calls(2.7, "msg_01Hr", (8, 18211, 1904, 98), "Read", {"file_path": FILE, "offset": 14, "limit": 20})
    lines = before.splitlines()
    talk.gets(0.1, call, numbered(before, 14, 33), {"type": "text", "file": {
        "filePath": FILE, "numLines": 20, "startLine": 14, "totalLines": len(lines)}})


def sub_agent(slice_, talk, main):
    """The sub-agent is a session of its own, tied to the call that started it."""
    talk.tells(5.4, "msg_01Jd", (7, 20115, 2277, 77), "There it is: lines 25 to 28 turn a failed commit into "
               "`status: \"ok\"`. Before I change it I want to know whether other stewards do the same.")
    task = {"description": "Find swallowed commits", "subagent_type": "Explore", "prompt":
            "Find every steward below src/stewards that catches a failed commit and carries on. For each: file, line, "
            "what it reports upwards, whether anything is announced to the room. Read only."}
    call = talk.calls(1.1, "msg_01Jd", (7, 20115, 2277, 214), "Task", task)
    agent = "a3f91c07"
    child = Session(f"{agent}@{main.id}", "claude-code", "Find swallowed commits", main, cwd=CWD, branch=main.branch)
    side = Transcript(slice_, child, iso(talk.now), 1, agent, call)
    side.asks(0.4, task["prompt"], "parent agent")
    search = side.calls(2.2, "msg_01Sa", (3, 0, 6120, 88), "Grep", {
        "pattern": "catch \\(error\\)", "path": "src/stewards", "output_mode": "content", "-A": 3})
    found = "\n".join(
        [
            "src/stewards/crowd-pulse.ts:25:  } catch (error) {",
            "src/stewards/crowd-pulse.ts-26-    // The model sometimes adds a comment. Keep the old state, "
            "it is better than none.",
            "src/stewards/debate.ts:70:  } catch (error) {",
            "src/stewards/debate.ts-71-    throw new Retryable(error);",
            "src/stewards/summary.ts:48:  } catch (error) {",
            'src/stewards/summary.ts-49-    return { status: "no_change", document };',
        ]
    )
    side.gets(0.2, search, found, {"mode": "content", "numFiles": 3, "numLines": 6, "content": found})
    report = text_of("agent-report.md").strip()
    side.tells(4.6, "msg_01Sc", (4, 6119, 318, 163), report, "end_turn")
    talk.now = side.now
    talk.gets(
        0.3,
        call,
        [{"type": "text", "text": report}],
        {
            "status": "completed",
            "agentId": agent,
            "totalDurationMs": 7700,
            "totalTokens": 6604,
            "totalToolUseCount": 1,
            "usage": {
                "input_tokens": 4,
                "cache_creation_input_tokens": 318,
                "cache_read_input_tokens": 6119,
                "output_tokens": 163,
            },
        },
        attributes=[("agent_id", agent)],
    )


def repair(talk, before, after):
    """The edit, and the test that now passes."""
    talk.thinks(
        3.8,
        "msg_01Kp",
        (9, 22392, 540, 12),
        "crowd-pulse.ts is the only one that lies to the room. Return failed "
        "with retryable, so that the worker's back-off applies; do not call updateComponent at all.",
    )
    old, new = before.splitlines(True)[24:28], after.splitlines(True)[23:27]
    call = talk.calls(1.6, "msg_01Kp", (9, 22392, 540, 602), "Edit", {
        "file_path": FILE, "old_string": "".join(old), "new_string": "".join(new), "replace_all": False})
    talk.gets(0.1, call, f"The file {FILE} has been updated successfully.", {
        "filePath": FILE, "userModified": False, "replaceAll": False, "structuredPatch": [{
            "oldStart": 25, "oldLines": 4, "newStart": 25, "newLines": 4,
            "lines": [f"-{line.rstrip()}" for line in old] + [f"+{line.rstrip()}" for line in new]}]})
    call = talk.calls(
        2.4, "msg_01Mn", (6, 22932, 702, 97), "Bash", {"command": TEST, "description": "Run the test again"}
    )
    talk.gets(1.8, call, text_of("vitest-success.txt").strip())


def farewell(talk, before, after):
    """A run that the user stops, a provider that is overloaded, and the answer."""
    talk.tells(
        2.2, "msg_01Nq", (5, 23634, 310, 38), "Green. Now the whole suite, to see that nobody relied on the old answer."
    )
    talk.calls(1.0, "msg_01Nq", (5, 23634, 310, 126), "Bash", {
        "command": "npm test -- --run --reporter=dot", "description": "Run every test", "timeout": 600000})
    stopped = [{"type": "text", "text": "[Request interrupted by user for tool use]"}]
    talk.other(48.0, "user", "interrupted", stopped[0]["text"], {"context": compact(stopped)}, "interrupted",
               message={"role": "user", "content": stopped})
    talk.asks(
        11.5, "The whole suite needs the sandbox, CI does that. Show me the diff and sum up, with a table please."
    )
    call = talk.calls(
        3.3, "msg_01Pt", (7, 23944, 420, 84), "Bash", {"command": "git diff", "description": "Show the change"}
    )
    diff = difference(before, after)
    talk.gets(0.2, call, diff)
    overloaded(talk)
    talk.tells(7.9, "msg_01Qx", (6, 24364, 1187, 412), text_of("final-answer.md").strip(), "end_turn")


def overloaded(talk):
    """What the program writes in the model's name when the provider does not answer."""
    text = ("API Error: 529 {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"},"
            "\"request_id\":\"req_011Cq\"}")
    block = {"type": "text", "text": text}
    record = talk.record("assistant", 12.0, message={
        "id": uid("overloaded"), "model": "<synthetic>", "role": "assistant", "type": "message", "content": [block],
        "stop_reason": "stop_sequence", "usage": {"input_tokens": 0, "output_tokens": 0}}, isApiErrorMessage=True)
    talk.event(record, "model", "assistant", shown=f"(synthetic) {text}", phase="part", model="<synthetic>",
               turn=f"model:{record['message']['id']}", status="error", error=text, flags=ERROR,
               bodies={"output": compact([block])}, attributes=[("stop_reason", "stop_sequence"), ("says", "text")])
    talk.done(record)
