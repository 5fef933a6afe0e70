// Sends the scenario with OpenTelemetry's own exporters for JavaScript: protobuf or JSON as ENCODING says, packed with
// gzip where PACKING is `gzip`. `run.py` installs the packages and calls this.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(process.env.PACKAGES, "package.json"));
const { context, trace, SpanKind, SpanStatusCode, TraceFlags } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { resourceFromAttributes, defaultResource } = require("@opentelemetry/resources");
const { NodeTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-node");
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");

const suffix = { protobuf: "proto", json: "http" }[process.env.ENCODING];
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${suffix}`);
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${suffix}`);

const scenario = JSON.parse(readFileSync(0, "utf8"));
const resource = defaultResource().merge(resourceFromAttributes({ "service.name": scenario.service }));

/** Seconds and nanoseconds: the whole does not fit a number. */
function time(offset) {
  const seconds = Math.floor(scenario.begins / 1e9);
  return [seconds + Math.floor(offset / 1000), (offset % 1000) * 1e6];
}

function ids(spanId) {
  return { traceId: process.env.TRACE, spanId, traceFlags: TraceFlags.SAMPLED };
}

function inside(spanId) {
  return trace.setSpanContext(context.active(), ids(spanId));
}

function options(path) {
  const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
  return { url: process.env.SERVER + path, headers, compression: process.env.PACKING };
}

async function sendSpans() {
  const given = scenario.spans.map((span) => span.id);
  const provider = new NodeTracerProvider({
    resource,
    idGenerator: { generateTraceId: () => process.env.TRACE, generateSpanId: () => given.shift() },
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter(options("/v1/traces")))],
  });
  const tracer = provider.getTracer(scenario.scope, "1.0");
  for (const told of scenario.spans) {
    const span = tracer.startSpan(
      told.name,
      {
        kind: SpanKind[told.kind.toUpperCase()],
        attributes: told.attributes,
        startTime: time(told.from),
        links: told.link ? [{ context: ids(told.link) }] : [],
      },
      told.parent ? inside(told.parent) : context.active(),
    );
    if (told.error) {
      span.addEvent("exception", { "exception.message": told.error }, time(told.to));
      span.setStatus({ code: SpanStatusCode.ERROR, message: told.error });
    }
    span.end(time(told.to));
  }
  await provider.forceFlush();
  await provider.shutdown();
}

async function sendLogs() {
  const processor = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(options("/v1/logs")) });
  const provider = new LoggerProvider({ resource, processors: [processor] });
  const logger = provider.getLogger(scenario.scope, "1.0");
  for (const told of scenario.logs) {
    logger.emit({
      eventName: told.event,
      timestamp: time(told.at),
      observedTimestamp: time(told.at),
      severityNumber: SeverityNumber.INFO,
      body: told.body,
      context: inside(told.span),
    });
  }
  await provider.forceFlush();
  await provider.shutdown();
}

const senders = process.env.LOGS_FIRST ? [sendLogs, sendSpans] : [sendSpans, sendLogs];
for (const send of senders) {
  await send();
}
