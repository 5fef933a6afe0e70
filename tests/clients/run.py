#!/usr/bin/env python3
"""Sends spans and logs of an agent with real clients to `turnscope serve`, and checks that all of it arrived once.

    run.py TURNSCOPE [--record]

TURNSCOPE is the program. The clients are OpenTelemetry's exporters for Python and JavaScript, which are installed into
a temporary folder from their registries (TURNSCOPE_CLIENTS_IN=FOLDER keeps them there), and curl. Each of them sends
`scenario.json` twice. `--record` keeps the requests as they came in `recorded/`, where tests/clients.rs sends them again.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import sleep

from relay import Relay

HERE = Path(__file__).resolve().parent
TOKEN = "recorded-token"
# What the scenario comes to: events, turns, errors, tokens.
COUNTS = (8, 4, 1, 292)
PYTHON = ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"]
JAVASCRIPT = ["api", "api-logs", "resources", "sdk-trace-node", "sdk-logs"] + [
    f"exporter-{signal}-otlp-{encoding}" for signal in ("trace", "logs") for encoding in ("proto", "http")
]
# What is sent by whom; in every other one the logs come before the spans that they belong to.
CLIENTS = [
    (name, packing, place % 2 == 1)
    for place, (name, packing) in enumerate(
        (name, packing)
        for name in ("python", "javascript-protobuf", "javascript-json", "curl")
        for packing in ("none", "gzip")
    )
]


def install(folder):
    python = folder / "python" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "python"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PYTHON], check=True)
    packages = folder / "javascript"
    if not (packages / "node_modules").exists():
        packages.mkdir(exist_ok=True)
        (packages / "package.json").write_text('{"private": true}')
        names = [f"@opentelemetry/{name}" for name in JAVASCRIPT]
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", *names], check=True, cwd=packages)
    return python, packages


class Server:
    def __init__(self, program, home):
        self.program = [program, "--store", str(home / "store.db")]
        self.environment = {"HOME": str(home), "PATH": os.environ["PATH"], "AGENT_TELEMETRY_INGEST_TOKEN": TOKEN}
        self.process = subprocess.Popen(
            [*self.program, "serve", "--listen", "127.0.0.1:0"], env=self.environment, stderr=subprocess.PIPE, text=True
        )
        line = self.process.stderr.readline()
        host, port = line.strip().rsplit("/", 1)[1].rsplit(":", 1)
        self.address = (host, int(port))

    def ask(self, *arguments):
        done = subprocess.run([*self.program, *arguments], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.terminate()
        code = self.process.wait(30)
        assert code == 0 or any(failure), f"the server ended with {code}"


def scenario(session):
    return (HERE / "scenario.json").read_text().replace("$SESSION", session)


def trace_of(place):
    return f"5b8efff798038103d269b633813fc6{place:02x}"


def send(client, packing, logs_first, server, place, installed):
    """Sends the scenario with one client."""
    python, packages = installed
    environment = {
        "PATH": os.environ["PATH"],
        "SERVER": server,
        "TOKEN": TOKEN,
        "TRACE": trace_of(place),
        "PACKING": packing,
        "PACKAGES": str(packages),
        "ENCODING": client.rpartition("-")[2],
        **({"LOGS_FIRST": "1"} if logs_first else {}),
    }
    text = scenario(f"{client}-{packing}")
    if client == "curl":
        requests = [("/v1/traces", spans_of(text, place)), ("/v1/logs", logs_of(text, place))]
        for path, body in reversed(requests) if logs_first else requests:
            curl(server + path, json.dumps(body).encode(), packing)
        return
    command = [python, HERE / "send.py"] if client == "python" else ["node", HERE / "send.mjs"]
    subprocess.run(command, input=text, text=True, env=environment, check=True, timeout=60)


def curl(url, body, packing="none"):
    """The answer to a body that curl posts."""
    command = ["curl", "--silent", "--show-error", "--fail-with-body", url, "--data-binary", "@-"]
    command += ["-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {TOKEN}"]
    if packing == "gzip":
        command += ["-H", "Content-Encoding: gzip"]
        body = gzip.compress(body, mtime=0)
    return json.loads(subprocess.run(command, input=body, capture_output=True, check=True).stdout)


def value(plain):
    match plain:
        case bool():
            return {"boolValue": plain}
        case int():
            return {"intValue": str(plain)}
        case float():
            return {"doubleValue": plain}
        case str():
            return {"stringValue": plain}
        case list():
            return {"arrayValue": {"values": [value(item) for item in plain]}}
        case dict():
            return {"kvlistValue": {"values": pairs(plain)}}


def pairs(plain):
    return [{"key": key, "value": value(inner)} for key, inner in plain.items()]


def time(told, offset):
    return str(told["begins"] + offset * 1_000_000)


def enveloped(told, groups, scopes, elements, inner):
    scope = {"scope": {"name": told["scope"], "version": "1.0"}, inner: elements}
    return {groups: [{"resource": {"attributes": pairs({"service.name": told["service"]})}, scopes: [scope]}]}


def spans_of(text, place):
    """The spans as a person would write them down for curl: ids in upper case."""
    told = json.loads(text)
    spans = []
    for span in told["spans"]:
        written = {
            "traceId": trace_of(place).upper(),
            "spanId": span["id"].upper(),
            "parentSpanId": span.get("parent", ""),
            "name": span["name"],
            "kind": {"internal": 1, "client": 3}[span["kind"]],
            "startTimeUnixNano": time(told, span["from"]),
            "endTimeUnixNano": time(told, span["to"]),
            "attributes": pairs(span["attributes"]),
            "status": {},
        }
        if "link" in span:
            written["links"] = [{"traceId": trace_of(place), "spanId": span["link"]}]
        if "error" in span:
            written["status"] = {"code": 2, "message": span["error"]}
            exception = pairs({"exception.message": span["error"]})
            written["events"] = [{"timeUnixNano": time(told, span["to"]), "name": "exception", "attributes": exception}]
        spans.append(written)
    return enveloped(told, "resourceSpans", "scopeSpans", spans, "spans")


def logs_of(text, place):
    told = json.loads(text)
    logs = [
        {
            "traceId": trace_of(place).upper(),
            "spanId": log["span"].upper(),
            "timeUnixNano": time(told, log["at"]),
            "severityNumber": 9,
            "eventName": log["event"],
            "body": value(log["body"]),
        }
        for log in told["logs"]
    ]
    return enveloped(told, "resourceLogs", "scopeLogs", logs, "logRecords")


def outline(rows):
    """What is compared of a timeline; each client calls its session by its own name."""
    return [
        {
            "id": row["id"].split(":", 2)[2] if row["id"].startswith(("span:", "otlp:")) else row["id"].split("-call-")[-1],
            "kind": row["kind"],
            "label": row["label"],
            "status": row["status"],
            "tokens": (row["tokens"] or {}).get("total"),
            "events": len(row["events"]),
            "joins": sorted({f"{join['strength']} {join['basis']['rule']}" for join in row["joins"]}),
        }
        for row in rows
    ]


def check(server, name):
    rows = outline(server.ask("timeline", name, "--json"))
    wanted = json.loads((HERE / "expected.json").read_text())
    assert rows == wanted, f"{name}: {json.dumps(rows, indent=1, ensure_ascii=False)}"
    # Counts follow within a second.
    for _ in range(100):
        [session] = [session for session in server.ask("sessions", "--json") if session["id"] == name]
        counts = (session["events"], session["turns"], session["errors"], session["tokens"]["total"])
        if counts == COUNTS:
            return
        sleep(0.1)
    assert counts == COUNTS, f"{name}: {session}"


def documented_body(server, url):
    """The body of the original, as it documents it: one event, which is sent twice under one key."""
    body = {
        "event": "fairy.intent",
        "status": "queued",
        "room": "standup",
        "sessionId": "canvas-1",
        "traceId": "trace-1",
        "requestId": "request-1",
        "intentId": "intent-1",
        "payload": {"message": "add a note", "metadata": {"providerPath": "primary"}},
        "eventId": "curl-1",
    }
    results = [curl(url + "/api/agent/telemetry", json.dumps(body).encode())["results"][0]["result"] for _ in range(2)]
    assert results == ["stored", "duplicate"], results
    [row] = server.ask("timeline", "standup", "--json")
    assert (row["id"], row["kind"], row["status"]) == ("curl-1", "tool", "queued"), row


def refuses_without_token(url):
    ask = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", url + "/v1/traces"]
    ask += ["-H", "Content-Type: application/json", "--data", "{}"]
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "401"


def record(name, logs_first, requests):
    for request in requests:
        signal = "logs" if b"/v1/logs" in request.split(b"\r\n", 1)[0] else "traces"
        place = 1 if (signal == "logs") == logs_first else 2
        (HERE / "recorded" / f"{name}.{place}-{signal}.http").write_bytes(request)


def visit(server, installed):
    """All clients, one after another."""
    relay = Relay(server.address)
    refuses_without_token(relay.url)
    relay.take()
    for place, (client, packing, logs_first) in enumerate(CLIENTS):
        name = f"{client}-{packing}"
        for again in range(2):
            send(client, packing, logs_first, relay.url, place, installed)
            sent = relay.take()
            assert [status for _, status in sent] == [200, 200], (name, sent)
            check(server, name)
            if "--record" in sys.argv and not again:
                record(name, logs_first, [request for request, _ in sent])
        print(f"{name}: spans and logs arrived once, sent twice")
    documented_body(server, relay.url)
    print("curl: the documented body arrived once, sent twice")
    relay.close()


def main():
    program = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as scratch:
        installed = install(Path(os.environ.get("TURNSCOPE_CLIENTS_IN") or scratch))
        home = Path(scratch) / "home"
        home.mkdir()
        with Server(program, home) as server:
            visit(server, installed)


main()
