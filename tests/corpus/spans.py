#!/usr/bin/env python3
"""Counts spans and log records by operation in raw files, knowing nothing of the program it checks.

    spans.py FILE...

prints one JSON object per file. An object is a span when it has an id of its own beside a name, or a name beside
attributes, or is a list of attributes of a model call; a log record when it has a severity.
"""

import json
import sys

OPERATIONS = ("gen_ai.operation.name", "ai.operationId", "openinference.span.kind", "traceloop.span.kind")
IDS = ("spanId", "span_id", "spanID")
CONTEXTS = ("context", "spanContext", "span_context")
INNER = ("events", "span_events", "logs", "links", "attributes", "references", "tags", "resource", "scope", "parent")


def attributes(value):
    """The attributes of an object as a mapping, however they are written."""
    listed = value.get("attributes", value.get("tags"))
    if isinstance(listed, dict):
        return listed
    if not isinstance(listed, list):
        return value
    found = {}
    for pair in listed:
        inner = pair.get("value")
        if isinstance(inner, dict):
            inner = next(iter(inner.values()), None)
        found[pair.get("key")] = inner
    return found


def is_element(value):
    named = any(isinstance(value.get(name), str) for name in ("name", "operationName", "spanName"))
    contexts = [value[name] for name in CONTEXTS if isinstance(value.get(name), dict)]
    identified = any(name in holder for holder in [value, *contexts] for name in IDS)
    described = isinstance(value.get("attributes"), (list, dict))
    flat = any(key.startswith(("gen_ai.", "openinference.", "llm.")) for key in value)
    logged = any(key in value for key in ("severityText", "severity_text", "severityNumber"))
    timed = any(key in value for key in ("kind", "status", "scopeName", "startTimeUnixNano"))
    return (named and identified) or (named and described and timed) or logged or (flat and not described)


def walk(value, counts):
    if isinstance(value, list):
        for item in value:
            walk(item, counts)
    elif isinstance(value, dict):
        if is_element(value):
            told = attributes(value)
            operation = next((told[name] for name in OPERATIONS if told.get(name)), "none")
            counts[operation] = counts.get(operation, 0) + 1
            return
        for name, item in value.items():
            if name not in INNER:
                walk(item, counts)


def main():
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as source:
            document = json.load(source)
        counts = {}
        walk(document, counts)
        print(json.dumps({"path": path, "operations": counts}))


main()
