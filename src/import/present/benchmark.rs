//! Runs of the original's benchmark: each is a session in a room of its own, with steps and what was measured in them.

use std::ops::Range;

use anyhow::Result;

use super::ids;
use super::out::Out;
use super::payload::Bytes;
use super::row::{Row, scalar};
use super::rows::Made;
use super::survey::Survey;
use crate::domain::{
    Event, Key, KeyKind, Kind, Order, Role, Session, Shape, Timestamp, Usage, UsageSource, Value, excerpt, flag,
    read_usage,
};
use crate::import::telling;

const SOURCE: &str = "canvas_runner";

/// What the steps of a run have from it.
pub struct Run {
    pub session: String,
    pub room: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    time: Option<Timestamp>,
}

impl Run {
    /// A run that is the whole document.
    pub fn of_document(survey: &Survey<'_>) -> Self {
        let word = |name| survey.heading(name).map(str::to_owned);
        Self {
            session: survey.session.id.clone(),
            room: survey.session.room.clone(),
            provider: word("provider"),
            model: word("model"),
            time: survey.time,
        }
    }

    fn of(row: Row<'_>, survey: &Survey<'_>) -> Self {
        let times = row.value.get("steps").into_iter().flat_map(Value::items);
        let times = times.flat_map(|step| step.get("metricEvents")).flat_map(Value::items);
        let first = times.filter_map(|event| Row { value: event }.time("ts")).min();
        Self {
            session: row.text("runId").unwrap_or_else(|| survey.session.id.clone()),
            room: row.text("roomId"),
            provider: row.text("provider"),
            model: row.text("model"),
            time: first.or_else(|| row.time("startedAt")).or(survey.time),
        }
    }

    fn base(&self, kind: Kind, event_type: &str) -> Event {
        let mut event = Event::new(kind, SOURCE, event_type);
        event.session.clone_from(&self.session);
        event.keys.extend(self.room.iter().map(|room| Key::native(KeyKind::Room, room)));
        (event.provider, event.model) = (self.provider.clone(), self.model.clone());
        event.order = Order { time: self.time.unwrap_or_default(), ..Order::default() };
        event
    }
}

/// A run of a suite: a session, an event, and its steps.
pub fn run(value: Value<'_>, range: &Range<u64>, survey: &Survey<'_>, out: &mut Out<'_>) -> Result<()> {
    let row = Row { value };
    let run = Run::of(row, survey);
    let title = row.text("canvasName").or_else(|| row.text("scenarioLabel"));
    out.session(Session {
        id: run.session.clone(),
        parent: Some(survey.session.id.clone()).filter(|parent| *parent != run.session),
        lineage: survey.session.lineage.clone(),
        title: row.text("scenarioLabel").zip(row.text("variantLabel")).map(|(of, by)| format!("{of}, {by}")).or(title),
        agent: super::AGENT.to_owned(),
        project: run.room.clone(),
        room: run.room.clone(),
        canvas: row.text("canvasId"),
        ..Session::default()
    });
    let mut event = run.base(Kind::Other, "benchmark_run");
    event.status = row.text("status");
    event.at = row.time("startedAt");
    let words = [row.text("scenarioLabel"), row.text("variantLabel"), event.status.clone()];
    event.label = telling::label(&words.into_iter().flatten().collect::<Vec<_>>().join(", "));
    for member in value.items() {
        let (Some(name), Some(text)) = (member.name(), scalar(member)) else { continue };
        event.attributes.push((name.into_owned(), excerpt(&text, 500)));
    }
    judge(&mut event);
    out.record(range, vec![Made { event, bodies: Vec::new(), blobs: Vec::new() }])?;
    for nested in value.get("steps").filter(|steps| steps.shape() == Shape::Array).into_iter().flat_map(Value::items) {
        let place = nested.range();
        step(nested, &(range.start + place.start..range.start + place.end), &run, out)?;
    }
    Ok(())
}

/// A step of a run: one model turn with what it used, and one event for each moment that was measured.
pub fn step(value: Value<'_>, range: &Range<u64>, run: &Run, out: &mut Out<'_>) -> Result<()> {
    let row = Row { value };
    let agent = row.text("sessionId");
    let key = agent.as_ref().map(|id| Key::derived(KeyKind::Session, format!("{}{id}", ids::RUN), "present.run_id"));
    let mut event = run.base(Kind::Model, "benchmark_step");
    event.keys.extend(key.clone());
    event.status = row.text("status");
    event.label = telling::label(&row.text("label").unwrap_or_else(|| "step".to_owned()));
    event.error = row.text("error").map(|error| excerpt(&error, 500));
    event.id = format!("{}:{}", run.session, row.text("stepId").unwrap_or_else(|| "step".to_owned()));
    for name in ["stepId", "sessionId"] {
        event.attributes.extend(row.text(name).map(|text| (name.to_owned(), text)));
    }
    if let Some(metrics) = value.get("metrics") {
        let latency = metrics.get("durationMs").and_then(Value::integer).filter(|latency| *latency >= 0);
        event.latency = latency.and_then(|latency| latency.checked_mul(1000));
        event.usage = metrics.get("usage").and_then(reported);
    }
    let moments: Vec<Value<'_>> = value.get("metricEvents").into_iter().flat_map(Value::items).collect();
    event.at = moments.iter().find_map(|moment| Row { value: *moment }.time("ts"));
    event.order.time = event.at.unwrap_or(event.order.time);
    judge(&mut event);
    let output = value.get("actionSummary").map(|actions| (Role::Output, relative(value, actions)));
    out.record(range, vec![Made { event, bodies: output.into_iter().collect(), blobs: Vec::new() }])?;
    for (place, moment) in moments.into_iter().enumerate() {
        measured(moment, place, value, (range, run), key.as_ref(), out)?;
    }
    Ok(())
}

/// Where a value lies in the record of the one around it.
fn relative(outer: Value<'_>, inner: Value<'_>) -> Bytes {
    let start = outer.range().start;
    Bytes::Range(inner.range().start - start..inner.range().end - start)
}

fn reported(usage: Value<'_>) -> Option<Usage> {
    let mut usage = read_usage(usage)?.usage;
    usage.source = UsageSource::Sdk;
    Some(usage)
}

/// One moment of a step that was measured.
fn measured(
    value: Value<'_>,
    place: usize,
    step: Value<'_>,
    (range, run): (&Range<u64>, &Run),
    key: Option<&Key>,
    out: &mut Out<'_>,
) -> Result<()> {
    let row = Row { value };
    let name = row.text("event").unwrap_or_else(|| "moment".to_owned());
    let mut event = run.base(Kind::Trace, &name);
    (event.provider, event.model) = (None, None);
    event.keys.extend(key.cloned());
    event.keys.extend(row.text("request_id").map(|id| Key::native(KeyKind::ToolCall, id)));
    event.status = row.text("result");
    event.at = row.time("ts");
    event.order.time = event.at.unwrap_or(event.order.time);
    event.order.sequence = i64::try_from(place)? + 1;
    let step_id = Row { value: step }.text("stepId").unwrap_or_else(|| "step".to_owned());
    event.id = format!("{}:{step_id}:{}", run.session, place + 1);
    let millis = ["duration", "rtt", "ttfb"].iter().find_map(|name| row.integer(name)).filter(|millis| *millis >= 0);
    event.latency = millis.and_then(|millis| millis.checked_mul(1000));
    event.label = telling::label(&format!("{name} {}", event.status.as_deref().unwrap_or_default()));
    for member in value.items() {
        let (Some(name), Some(text)) = (member.name(), scalar(member)) else { continue };
        event.attributes.push((name.into_owned(), excerpt(&text, 500)));
    }
    judge(&mut event);
    let inner = Row { value }.value.range();
    let start = range.start + inner.start - step.range().start;
    let place = start..start + (inner.end - inner.start);
    out.record(&place, vec![Made { event, bodies: Vec::new(), blobs: Vec::new() }])
}

fn judge(event: &mut Event) {
    if event.at.is_none() {
        event.flags |= flag::INFERRED_TIME;
    }
    let failed = matches!(event.status.as_deref(), Some("failed" | "error" | "timeout"));
    if failed || event.error.is_some() {
        event.flags |= flag::ERROR;
    }
}
