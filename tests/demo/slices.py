"""Builds events with keys and bodies, and writes them as a slice: rows and bodies each on a line of their own."""

import datetime
import hashlib
import json
import pathlib
import re

ERROR, TRUNCATED, TWIN = 1 << 0, 1 << 5, 1 << 8
SECTION = {"transcript": "transcript", "task": "tasks", "trace": "traces", "model": "modelIo", "tool": "toolIo"}
LEDGER = {"fairy_orchestration_ledger": "ledger"}
SECTIONS = ["transcript", "tasks", "traces", "modelIo", "toolIo", "ledger", "other"]
KEYS = ["session_id", "room", "trace_id", "request_id", "intent_id", "task_id", "tool_call_id", "span_id",
        "message_id", "provider_request_id"]
COLUMNS = ["event_id", "sequence", "created_at", "session_id", "room", "trace_id", "request_id", "intent_id",
           "task_id", "source", "event_type", "status", "provider", "model", "provider_request_id", "error",
           "latency_ms", "tool_name", "tool_call_id", "participant_id",
           "participant_name", "text", "ts", "manual", "stage", "task", "attempt"]
BUCKETS = ["input", "cache_read", "cache_write", "output", "reasoning"]
# What a terminal or a reader could be misled by is written as an escape, so that the file can be shown as it is.
UNSAFE = re.compile("[\x7f-\x9f\xad\u034f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")


def text_of(name):
    """The text of a prompt or a source file that stands beside this script."""
    return (pathlib.Path(__file__).parent / "texts" / name).read_text(encoding="utf-8")


def compact(value):
    """JSON text as a program writes it, without spaces and with its letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def printable(value):
    return UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", compact(value))


def uid(name):
    """A UUID that looks random and is the same every time."""
    digits = list(hashlib.sha256(name.encode()).hexdigest()[:32])
    digits[12], digits[16] = "4", "89ab"[int(digits[16], 16) % 4]
    return "-".join("".join(digits[start:end]) for start, end in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)])


def digits_of(name, count):
    return hashlib.sha256(name.encode()).hexdigest()[:count]


def micros(text):
    """Microseconds since 1970 of an ISO time in UTC."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def iso(time, digits=6, zone="Z"):
    seconds, rest = divmod(time, 1_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{f'{rest:06d}'[:digits]}{zone}"


def label(text):
    """One line of at most 200 characters."""
    words = " ".join(text.split())
    return words if len(words) <= 200 else words[:199] + "…"


def without_nothing(pairs):
    return {name: value for name, value in pairs if value is not None and value != [] and value != ""}


class Session:
    """A session with what is known of it before its events are counted."""

    def __init__(self, identity, agent, title, parent=None, room=None, canvas=None, cwd=None, branch=None,
                 findings=0):
        self.id, self.agent, self.title, self.parent = identity, agent, title, parent
        self.lineage = parent.lineage if parent else identity
        self.room, self.canvas, self.cwd, self.branch = room, canvas, cwd, branch
        # Counted by hand: what does not add up shows only when rows are joined.
        self.findings = findings

    def summary(self, events):
        """The line of `sessions --json`."""
        own = [event for event in events if event["session"] == self.id]
        used, models, failed = {}, [], set()
        for event in sorted(own, key=place):
            turn = event.get("turn", event["id"])
            if "usage" in event:
                used[turn] = event["usage"]
            if event.get("model") and event["kind"] == "model" and event["model"] not in models:
                models.append(event["model"])
            if event["flags"] & ERROR:
                failed.add(turn)
        buckets = {name: total(usage.get(name) for usage in used.values()) for name in BUCKETS}
        tokens = {**buckets, "total": total(buckets.values())}
        sources = sorted({usage["source"] for usage in used.values()})
        times = [event["order"]["time"] for event in own]
        return {
            "id": self.id, "parent_id": self.parent.id if self.parent else None, "lineage": self.lineage,
            "title": self.title, "agent": self.agent,
            "project": self.cwd.rsplit("/", 1)[-1] if self.cwd else self.room, "room": self.room,
            "canvas": self.canvas, "cwd": self.cwd, "git_branch": self.branch, "started": iso(min(times)),
            "ended": iso(max(times)), "events": len(own),
            "turns": len({event["turn"] for event in own if "turn" in event and event["kind"] in ("model", "tool")}),
            "errors": len(failed), "findings": self.findings, "models": sorted(models), "tokens": tokens,
            "usage_source": sources[0] if len(sources) == 1 else "mixed" if sources else "none",
        }


def total(counts):
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def place(event):
    order = event["order"]
    return order["time"], order["origin"], order["sequence"], event["id"]


class Slice:
    """Events and bodies as they are added, and the file that they make."""

    def __init__(self):
        self.sessions, self.events, self.rows, self.bodies, self.latest = [], [], {}, {}, {}

    def body(self, text):
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.bodies[digest] = text
        return {"sha256": digest, "size": len(text.encode())}

    def add(self, session, kind, identity, at, source, event_type, *, origin, sequence, raw, columns=None, keys=(),
            bodies=None, flags=0, phase="whole", shown="", **more):
        """Adds an event. `more` are its other fields; `bodies` its texts by role; `raw` the record as it was."""
        if session not in self.sessions:
            self.sessions.append(session)
        time = max(at, self.latest.get((session.id, origin), at))
        self.latest[session.id, origin] = time
        bodies = {**(bodies or {}), "raw": raw if isinstance(raw, str) else compact(raw)}
        event = without_nothing([
            ("session", session.id), ("id", identity), ("revision", 0),
            ("order", {"time": time, "origin": origin, "sequence": sequence}), ("at", at), ("kind", kind),
            ("source", source), ("event_type", event_type), ("status", more.get("status")), ("label", label(shown)),
            ("turn", more.get("turn")), ("phase", phase), ("keys", list(keys)), ("provider", more.get("provider")),
            ("model", more.get("model")), ("tool", more.get("tool")), ("participant", more.get("participant")),
            ("usage", more.get("usage")), ("error", more.get("error")), ("latency", more.get("latency")),
            ("flags", flags),
            ("bodies", [{"role": role, **self.body(text)} for role, text in bodies.items() if text is not None]),
        ])
        event["attributes"] = [[name, value] for name, value in more.get("attributes", [])]
        self.events.append(event)
        row = without_nothing((name, (columns or {}).get(name)) for name in COLUMNS)
        self.rows[session.id, identity] = {**row, "turnscope": event}

    def write(self, why):
        """The whole slice as text."""
        summaries = [session.summary(self.events) for session in self.sessions]
        sections = {name: [] for name in SECTIONS}
        for event in sorted(self.events, key=place):
            section = LEDGER.get(event["source"]) or SECTION.get(event["kind"], "other")
            sections[section].append(self.rows[event["session"], event["id"]])
        manifest = [{"sha256": digest, "size": len(text.encode())} for digest, text in sorted(self.bodies.items())]
        listed = "".join(f"{body['sha256']} {body['size']}\n" for body in manifest)
        times = [event["order"]["time"] for event in self.events if event["session"] == self.sessions[0].id]
        parts = [
            '"format":"turnscope-slice"', '"version":1', f'"session":{printable(summaries[0])}',
            lines("sessions", summaries), f'"windowStartIso":"{iso(min(times))}"',
            f'"windowEndIso":"{iso(max(times))}"', f'"counts":{compact(counts(sections))}', '"warnings":[]',
            *(lines(name, sections[name]) for name in SECTIONS), '"annotations":[]', '"joins":[]', '"findings":[]',
            '"usage":{}', f'"selection":{compact({"why": why})}', '"blobs":{}',
            '"bodies":{\n' + ",\n".join(
                f'"{digest}":{printable({"text": text})}' for digest, text in sorted(self.bodies.items())) + "\n}",
            '"manifest":{"bodies":[\n' + ",\n".join(compact(body) for body in manifest)
            + f'\n],"digest":"{hashlib.sha256(listed.encode()).hexdigest()}"}}',
        ]
        return "{\n" + ",\n".join(parts) + "\n}\n"


def lines(name, values):
    return f'"{name}":[' + ("\n" + ",\n".join(printable(value) for value in values) + "\n" if values else "") + "]"


def counts(sections):
    """The counters of the original's report, over all rows of the slice."""
    known = {name: set() for name in ["trace_id", "request_id", "intent_id", "task_id"]}
    for row in sections["tasks"] + sections["traces"]:
        for name, values in known.items():
            values.update(filter(None, [row.get(name)]))
    matched = {name: sum(any(row.get(key) in values for key, values in known.items()) for row in sections[name])
               for name in ["modelIo", "toolIo"]}
    missing = {name: sum(not any(row.get(key) for key in known) for row in sections[name])
               for name in ["modelIo", "toolIo"]}
    return {
        **{name: len(sections[name]) for name in SECTIONS[:5]}, "blobCount": 0,
        "correlationSummary": {
            "traceKeys": len(known["trace_id"]), "requestKeys": len(known["request_id"]),
            "intentKeys": len(known["intent_id"]), "taskKeys": len(known["task_id"]),
            "modelMatched": matched["modelIo"], "toolMatched": matched["toolIo"],
            "modelMissingCorrelation": missing["modelIo"], "toolMissingCorrelation": missing["toolIo"],
        },
    }
