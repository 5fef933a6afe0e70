#!/usr/bin/env python3
"""Sends the scenario with OpenTelemetry's own exporters for Python: protobuf, packed with gzip where PACKING is `gzip`.

Needs `opentelemetry-sdk` and `opentelemetry-exporter-otlp-proto-http`; `run.py` installs them and calls this.
"""

import json
import os
import sys

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

SCENARIO = json.loads(sys.stdin.read())
TRACE = int(os.environ["TRACE"], 16)
MILLISECOND = 1_000_000


class Given(IdGenerator):
    """The ids of the scenario, one after another."""

    def __init__(self):
        self.spans = iter(SCENARIO["spans"])

    def generate_trace_id(self):
        return TRACE

    def generate_span_id(self):
        return int(next(self.spans)["id"], 16)


def time(offset):
    return SCENARIO["begins"] + offset * MILLISECOND


def context(span):
    ids = trace.SpanContext(TRACE, int(span, 16), is_remote=False, trace_flags=trace.TraceFlags(1))
    return trace.set_span_in_context(trace.NonRecordingSpan(ids))


def exporting(exporter, path):
    packing = Compression.Gzip if os.environ["PACKING"] == "gzip" else Compression.NoCompression
    bearer = {"Authorization": "Bearer " + os.environ["TOKEN"]}
    return exporter(endpoint=os.environ["SERVER"] + path, headers=bearer, compression=packing, timeout=20)


def send_spans(resource):
    provider = TracerProvider(resource=resource, id_generator=Given())
    provider.add_span_processor(BatchSpanProcessor(exporting(OTLPSpanExporter, "/v1/traces")))
    tracer = provider.get_tracer(SCENARIO["scope"], "1.0")
    for told in SCENARIO["spans"]:
        links = [trace.Link(trace.get_current_span(context(told["link"])).get_span_context())] if "link" in told else []
        span = tracer.start_span(
            told["name"],
            context=context(told["parent"]) if "parent" in told else None,
            kind=trace.SpanKind[told["kind"].upper()],
            attributes=told["attributes"],
            links=links,
            start_time=time(told["from"]),
        )
        if "error" in told:
            span.add_event("exception", {"exception.message": told["error"]}, time(told["to"]))
            span.set_status(trace.StatusCode.ERROR, told["error"])
        span.end(time(told["to"]))
    provider.shutdown()


def send_logs(resource):
    provider = LoggerProvider(resource=resource)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporting(OTLPLogExporter, "/v1/logs")))
    logger = provider.get_logger(SCENARIO["scope"], "1.0")
    for told in SCENARIO["logs"]:
        logger.emit(
            LogRecord(
                timestamp=time(told["at"]),
                observed_timestamp=time(told["at"]),
                context=context(told["span"]),
                severity_number=SeverityNumber.INFO,
                body=told["body"],
                event_name=told["event"],
            )
        )
    provider.shutdown()


sender = Resource.create({"service.name": SCENARIO["service"]})
senders = [send_spans, send_logs]
for send in reversed(senders) if os.environ.get("LOGS_FIRST") else senders:
    send(sender)
