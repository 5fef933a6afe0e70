#!/usr/bin/env python3
"""Makes random OTLP requests with OpenTelemetry's own messages, as protobuf, as JSON, and as JSON in odd spellings.

    make.py COUNT SEED > requests.jsonl

Each line is one request: what it is of, its three encodings, and how many of its elements are of which operation.
OpenTelemetry's messages and their encoders (`opentelemetry-proto`, `protobuf`) are taken from the Python environment
that runs this; tests/conformance.rs makes one. The first 60 of seed 1 lie in `requests.jsonl.gz` beside this file.
"""

import base64
import json
import random
import struct
import sys

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = {"traceId": 16, "spanId": 8, "parentSpanId": 8, "trace_id": 16, "span_id": 8, "parent_span_id": 8}
TIMES = ["timeUnixNano", "startTimeUnixNano", "endTimeUnixNano", "observedTimeUnixNano"]
TIMES += ["time_unix_nano", "start_time_unix_nano", "end_time_unix_nano", "observed_time_unix_nano"]
TEXTS = ["", "a", "ein Wort", "line\nbreak", 'quote " and \\', "\u0000\u0001\u007f", "π 日本語 🙂 e\u0301", "\u202e\u200b", "{}", "-1"]
KEYS = ["k", "a.b.c", "ключ", "", "error", "event", "name", "session", "otel.status_code", "http.status_code", "body"]
OPERATIONS = {"chat": "model", "text_completion": "model", "embeddings": "model", "execute_tool": "tool"}
OPERATIONS |= {"invoke_agent": "trace", "plan": "trace"}


def integer(luck):
    return luck.choice([0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), luck.randrange(-(2**63), 2**63)])


def double(luck):
    bits = struct.unpack("<d", luck.randbytes(8))[0]
    return luck.choice([0.0, -0.0, 1.0, 0.1, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"), 1e21, bits])


def value(luck, into, depth=0):
    """A value of any kind, or none at all."""
    kind = luck.randrange(8 if depth < 3 else 6)
    if kind == 0:
        into.string_value = luck.choice(TEXTS)
    elif kind == 1:
        into.bool_value = luck.random() < 0.5
    elif kind == 2:
        into.int_value = integer(luck)
    elif kind == 3:
        into.double_value = double(luck)
    elif kind == 4:
        into.bytes_value = luck.randbytes(luck.randrange(9))
    elif kind == 6:
        into.array_value.SetInParent()
        for _ in range(luck.randrange(4)):
            value(luck, into.array_value.values.add(), depth + 1)
    elif kind == 7:
        into.kvlist_value.SetInParent()
        for _ in range(luck.randrange(4)):
            pair(luck, into.kvlist_value.values.add(), depth + 1)


def pair(luck, into, depth=0):
    into.key = luck.choice(KEYS)
    if luck.random() < 0.9:
        value(luck, into.value, depth)


def attributes(luck, into):
    for _ in range(luck.choice([0, 0, 1, 3, 6])):
        pair(luck, into.add())
    return into


def time(luck):
    return luck.choice([0, 1, 999, 1_772_445_600_000_000_001, 1_772_445_600_000_000_000 + luck.randrange(10**12), 2**63, 2**64 - 1])


def identifier(luck, size):
    return luck.choice([b"", bytes(size)] + [luck.randbytes(size)] * 6)


def operation(luck, into):
    """What a span or log record does, in the words of the conventions, where it says so."""
    named = luck.choice([None, *OPERATIONS])
    if named:
        added = into.add()
        added.key, added.value.string_value = "gen_ai.operation.name", named
    return OPERATIONS.get(named, "trace")


def span(luck, into):
    into.trace_id, into.span_id = identifier(luck, 16), identifier(luck, 8)
    into.parent_span_id, into.name = identifier(luck, 8), luck.choice(TEXTS)
    into.start_time_unix_nano, into.end_time_unix_nano = time(luck), time(luck)
    into.kind, into.flags, into.trace_state = luck.randrange(6), luck.choice([0, 1, 0x101]), luck.choice(["", "a=b"])
    what = operation(luck, attributes(luck, into.attributes))
    for field in ["dropped_attributes_count", "dropped_events_count", "dropped_links_count"]:
        setattr(into, field, luck.choice([0, 0, 7]))
    for _ in range(luck.choice([0, 0, 1, 3])):
        event = into.events.add()
        event.time_unix_nano, event.name = time(luck), luck.choice(TEXTS)
        attributes(luck, event.attributes)
    for _ in range(luck.choice([0, 0, 2])):
        link = into.links.add()
        link.trace_id, link.span_id = identifier(luck, 16), identifier(luck, 8)
        attributes(luck, link.attributes)
    if luck.random() < 0.6:
        into.status.SetInParent()
        into.status.code, into.status.message = luck.randrange(3), luck.choice(TEXTS)
    return what


def log(luck, into):
    into.trace_id, into.span_id = identifier(luck, 16), identifier(luck, 8)
    into.time_unix_nano, into.observed_time_unix_nano = time(luck), time(luck)
    into.severity_number, into.severity_text = luck.randrange(25), luck.choice(["", "INFO", "warn"])
    into.event_name, into.flags = luck.choice(["", "session.started", "x"]), luck.choice([0, 1])
    into.dropped_attributes_count = luck.choice([0, 7])
    attributes(luck, into.attributes)
    if luck.random() < 0.9:
        value(luck, into.body)
    return "log"


def request(luck):
    signal = luck.choice(["traces", "logs"])
    is_traces = signal == "traces"
    made = ExportTraceServiceRequest() if is_traces else ExportLogsServiceRequest()
    counts = {}
    for _ in range(luck.choice([0, 1, 1, 2])):
        group = (made.resource_spans if is_traces else made.resource_logs).add()
        if luck.random() < 0.8:
            group.resource.SetInParent()
            attributes(luck, group.resource.attributes)
        for _ in range(luck.choice([0, 1, 1, 2])):
            scope = (group.scope_spans if is_traces else group.scope_logs).add()
            if luck.random() < 0.8:
                scope.scope.SetInParent()
                scope.scope.name, scope.scope.version = luck.choice(TEXTS), luck.choice(["", "1.2"])
                attributes(luck, scope.scope.attributes)
            for _ in range(luck.choice([0, 1, 2, 4])):
                what = span(luck, scope.spans.add()) if is_traces else log(luck, scope.log_records.add())
                counts[what] = counts.get(what, 0) + 1
    return signal, made, counts


def in_hex(node):
    """The ids of OTLP in JSON are hex, where protobuf in JSON has base64."""
    if isinstance(node, list):
        return [in_hex(item) for item in node]
    if not isinstance(node, dict):
        return node
    hexed = lambda name, item: base64.b64decode(item).hex() if name in IDS and isinstance(item, str) else in_hex(item)
    return {name: hexed(name, item) for name, item in node.items()}


def odd(luck, node):
    """The same in other spellings that exporters and stores are known for."""
    if isinstance(node, list):
        return [odd(luck, item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for name, item in node.items():
        if name in IDS and isinstance(item, str):
            whole = bytes.fromhex(item)
            spelled = [item.upper(), "0x" + item, base64.b64encode(whole).decode(), int(item or "0", 16), item]
            if not any(whole):
                spelled += [None, ""]
            out[name] = luck.choice(spelled) if whole else luck.choice([None, ""])
        elif name in TIMES:
            count = int(item)
            out[name] = luck.choice([item, count, [count // 10**9, count % 10**9]])
        elif name in ("intValue", "int_value"):
            out[name] = luck.choice([item, int(item)])
        else:
            out[name] = odd(luck, item)
    return out


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    for place in range(count):
        luck = random.Random(seed * 1_000_003 + place)
        signal, made, counts = request(luck)
        plain, snake = (
            in_hex(MessageToDict(made, use_integers_for_enums=True, preserving_proto_field_name=is_snake))
            for is_snake in (False, True)
        )
        line = {
            "signal": signal,
            "protobuf": base64.b64encode(made.SerializeToString()).decode(),
            "json": plain,
            "odd": odd(luck, luck.choice([plain, snake])),
            "counts": counts,
        }
        print(json.dumps(line, ensure_ascii=luck.random() < 0.5, separators=(",", ":")))


if __name__ == "__main__":
    main()
