"""Writes rows as the voice-and-canvas system does: transcript lines, queue tasks, traces, model and tool rows."""

from slices import ERROR, TWIN, compact, digits_of, iso, label, uid

FAILED = {"error", "timeout", "ack_timeout", "ack_timeout_retry", "failed", "retrying", "IGNORED", "FAILED", "REJECTED"}


def key(kind, value, rule=None):
    return {"kind": kind, "value": value, **({"rule": rule} if rule else {})}


def same(identity):
    """Request, trace and intent as the main path has them: one string."""
    return {"trace_id": identity, "request_id": identity, "intent_id": identity}


def wrapped(value):
    """A payload as the tables hold it inline: always an object."""
    return value if value is None or isinstance(value, dict) else {"value": value}


class Room:
    """One room with its clock, and the tables that all emitters share."""

    def __init__(self, slice_, session, start, name):
        self.slice, self.session, self.start, self.name = slice_, session, start, name
        self.emitters, self.counts = 3, {}

    def at(self, seconds):
        return self.start + round(seconds * 1000) * 1000

    def stamp(self, seconds):
        return iso(self.at(seconds), 3, "+00:00")

    def next(self, table):
        self.counts[table] = self.counts.get(table, 0) + 1
        return self.counts[table]

    def keys(self, columns, derived=()):
        names = ["session_id", "room", "trace_id", "request_id", "intent_id", "task_id", "tool_call_id",
                 "provider_request_id"]
        return [key(name, columns[name]) for name in names if columns.get(name)] + [key(*known) for known in derived]

    def line(self, t, who, name, text, manual=False, derived=(), twin=None):
        """A transcript line and, where `twin` names its emitter, the row that the recogniser wrote for it."""
        ts = self.at(t) // 1000
        columns = {
            "event_id": digits_of(f"line:{ts}:{who}", 12),
            "sequence": self.next("lines"),
            "created_at": self.stamp(t + 0.94),
            "session_id": self.session.id,
            "room": self.name,
            "source": "canvas_session_transcripts",
            "event_type": "transcript",
            "participant_id": who,
            "participant_name": name,
            "text": text,
            "ts": ts,
            "manual": manual,
        }
        row = {"event_id": columns["event_id"], "session_id": self.session.id,
               "room_name": self.name, "participant_id": who, "participant_name": name, "text": text, "ts": ts,
               "manual": manual, "created_at": columns["created_at"]}
        self.slice.add(
            self.session, "transcript", columns["event_id"], self.at(t), "canvas_session_transcripts", "transcript",
            origin=1, sequence=columns["sequence"], raw=row, columns=columns,
            keys=self.keys(columns, [("request_id", f"{who}:{ts}", "present.transcript_ts"), *derived]),
            bodies={"input": compact(text)}, shown=text, participant=name, turn=f"said:{who}:{ts}",
        )
        if twin:
            twin.model(
                t + 0.01, "transcript_final", "captured", same(f"{who}:{ts}"), text, turn=f"said:{who}:{ts}",
                flags=TWIN, model="gpt-4o-mini-transcribe", participant=name,
                input={"speaker": name, "participantId": who, "participantName": name, "isManual": manual,
                       "timestamp": ts}, output={"text": text, "isFinal": True},
            )

    def task(self, t, task, name, ids, status, params, result=None, attempt=0, error=None, updated=None, derived=()):
        """The row of a queue task, as it stood in the end."""
        columns = {"event_id": task, "created_at": self.stamp(t), "room": self.name, "task_id": task, "task": name,
                   "source": "agent_tasks", "event_type": name, "status": status, "attempt": attempt, "error": error,
                   **ids}
        row = {"id": task, "created_at": self.stamp(t), "updated_at": self.stamp(updated or t + 1), "room": self.name,
               "task": name, "params": params, "trace_id": ids.get("trace_id"), "status": status, "priority": 0,
               "run_at": None, "attempt": attempt, "error": error, "request_id": ids.get("request_id"),
               "dedupe_key": digits_of(f"dedupe:{task}", 20), "resource_keys": [f"room:{self.name}", "canvas:intent"],
               "lease_token": None, "lease_expires_at": None, "result": result}
        self.slice.add(
            self.session, "task", task, self.at(t), "agent_tasks", name, origin=2, sequence=self.next("tasks"),
            raw=row, columns=columns, keys=self.keys(columns, [("task_id", task[:8], "present.task_prefix"), *derived]),
            status=status, error=error, flags=ERROR if status == "failed" else 0,
            bodies={"input": compact(params), "output": compact(result) if result else None},
            shown=f"{name} {status}, attempt {attempt + 1}" if attempt else f"{name} {status}",
            attributes=[("attempt", str(attempt))],
        )

    def trace(self, t, stage, status, name, ids, task=None, payload=None, attempt=0, latency=None, error=None):
        sequence = self.next("traces")
        identity = uid(f"trace:{sequence}:{stage}")
        columns = {"event_id": identity, "created_at": self.stamp(t), "room": self.name, "task_id": task,
                   "task": name, "source": "agent_trace_events", "event_type": stage, "stage": stage,
                   "status": status, "attempt": attempt, "latency_ms": latency, "error": error, **ids}
        row = {"id": identity, "created_at": self.stamp(t), **ids, "room": self.name, "task_id": task,
               "attempt": attempt, "task": name, "stage": stage, "status": status, "latency_ms": latency,
               "payload": payload, "sampled": True}
        self.slice.add(
            self.session, "trace", identity, self.at(t), "agent_trace_events", stage, origin=3, sequence=sequence,
            raw=row, columns=columns, keys=self.keys(columns), status=status, error=error,
            flags=ERROR if stage == "failed" else 0, latency=latency * 1000 if latency else None,
            bodies={"output": compact(payload) if payload else None}, shown=f"{name} {stage}",
            attributes=[("task", name), ("attempt", str(attempt))],
        )


class Emitter:
    """One program that records model and tool calls, with the counter that its rows share."""

    def __init__(self, room, source, session, provider=None, model=None, path=None, chosen="runtime_selected", first=1,
                 beside=None):
        self.room, self.source, self.session, self.sequence = room, source, session, first - 1
        self.shared = {"provider": provider, "model": model, "provider_source": chosen if provider else None,
                       "provider_path": path}
        self.counter = beside.counter if beside else self
        if beside is None:
            room.emitters += 1
            self.origin = room.emitters
        else:
            self.origin = beside.origin

    def model(self, t, event_type, status, ids=None, shown="", **more):
        self.row("model", t, event_type, status, ids or {}, shown, **more)

    def tool(self, t, event_type, status, tool, call, ids=None, shown="", **more):
        self.row("tool", t, event_type, status, ids or {}, shown, tool=tool, call=call, **more)

    def row(self, kind, t, event_type, status, ids, shown, *, base=None, sequence=None, flags=0, derived=(), tools=None,
            turn=None, phase="whole", tool=None, call=None, task=None, request=None, error=None, latency=None, **more):
        room = self.room
        if sequence is None:
            self.counter.sequence += 1
            sequence = self.counter.sequence
        shared = {**self.shared, **{name: more[name] for name in ("provider", "model") if name in more}}
        identity = (f"{base}:{event_type}:{status}:{sequence}" if base
                    else digits_of(f"{self.source}:{self.session}:{sequence}:{event_type}:{status}:{t}", 12))
        if base:
            derived = [("message_id", base, "present.event_base"), *derived]
        columns = {"event_id": identity, "sequence": sequence, "created_at": room.stamp(t), "session_id": self.session,
                   "room": room.name, **ids, "task_id": task, "source": self.source, "event_type": event_type,
                   "status": status, **shared, "provider_request_id": request, "error": error, "latency_ms": latency,
                   "tool_name": tool, "tool_call_id": call}
        payloads = {name: more.get(name) for name in ("input", "output", "context", "metadata")}
        row = {**columns,
               "system_prompt": more.get("system"), "context_priming": payloads["context"],
               **{f"{name}_payload": wrapped(payloads[name]) for name in ("input", "output")},
               "metadata": payloads["metadata"]}
        row = {name: value for name, value in row.items() if value is not None}
        texts = {name: compact(more[name]) for name in ("input", "output") if name in more}
        texts |= {name: compact(payloads[name]) for name in ("context", "metadata") if payloads[name]}
        if len(texts.get("metadata", "")) < 60:
            # A word or two; the raw row has them too.
            texts.pop("metadata", None)
        texts |= {"system": more.get("system"), "tools": compact(tools) if tools else None}
        texts |= more.get("texts", {})
        self.room.slice.add(
            room.session, kind, identity, room.at(t), self.source, event_type, origin=self.origin, sequence=sequence,
            raw=row, columns=columns, keys=room.keys(columns, derived), status=status, bodies=texts, phase=phase,
            flags=flags | (ERROR if error or status in FAILED else 0), provider=shared["provider"],
            model=shared["model"] if kind == "model" else None, tool=tool, error=error, shown=shown,
            latency=latency * 1000 if latency else None, usage=more.get("usage"),
            participant=more.get("participant"), turn=turn or (f"tool:{call}" if call else None),
            attributes=([("provider_path", shared["provider_path"])] if shared["provider_path"] else [])
            + more.get("attributes", []),
        )


class Worker(Emitter):
    """The process that takes tasks from the queue; its sequence is the attempt, and each attempt is a turn."""

    def __init__(self, room):
        super().__init__(room, "conductor_worker", "conductor-4121-9ab3c0de")
        self.self = {"workerId": "4121-9ab3c0de", "workerHost": "w1", "workerPid": "4121"}

    def runs(self, t, task, name, ids, params, attempt=0, route="visual", traced=True):
        """Claimed and begun: the trace of it where it was kept, and the start of a tool turn."""
        room = self.room
        lease = {"leaseToken": digits_of(f"lease:{task}:{attempt}", 12), "route": route}
        if traced:
            room.trace(t, "claimed", "running", name, ids, task, attempt=attempt)
        self.tool(t + 0.01, "task_execute", "running", name, task, ids, f"{name} {label(said_in(params))}", task=task,
                  sequence=attempt, metadata={**self.self, **lease}, turn=f"tool:{task}#{attempt}",
                  phase="call")

    def succeeds(self, t, task, name, ids, result, latency, attempt=0, route="visual", traced=True):
        self.tool(t, "task_execute", "succeeded", name, task, ids, f"{name} {result.get('status')}", task=task,
                  sequence=attempt, output=result, latency=latency, turn=f"tool:{task}#{attempt}", phase="result",
                  metadata={**self.self, "route": route, "deduped": False})
        if traced:
            self.room.trace(t + 0.01, "completed", "succeeded", name, ids, task,
                            {**self.self, "result": result, "deduped": False}, attempt, latency)

    def fails(self, t, task, name, ids, error, retry, attempt=0, route="research"):
        again = {"retryAt": self.room.stamp(retry)}
        self.tool(t, "task_execute", "retrying", name, task, ids, error, task=task, sequence=attempt, output=again,
                  error=error, turn=f"tool:{task}#{attempt}", phase="result",
                  metadata={**self.self, "route": route, "retryable": True, "nonRetryable": False, **again})
        self.room.trace(t + 0.01, "failed", "failed", name, ids, task,
                        {**self.self, "error": error, "retryDelayMs": round((retry - t) * 1000), **again,
                         "nonRetryable": False}, attempt, error=error)


def said_in(params):
    return params.get("message") or params.get("topic") or ""
