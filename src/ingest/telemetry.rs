//! The original's telemetry over HTTP: one event, or an array of them, each with an answer of its own.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Failure, json_text};
use super::auth::Scope;
use super::body::{PART, PART_EVENTS, read, thought};
use super::fields::{Events, Sent, Text};
use super::kind::{self, Kind};
use super::routes::Shared;
use crate::record::Outcome;

pub(super) async fn telemetry(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let principal = shared.admit(&headers, Scope::Ingest).await?.name();
    refuse_other_types(&headers)?;
    let (bytes, _memory) = read(body, &headers, &shared.limits).await?;
    let key = idempotency_key(&headers)?;
    let size = bytes.len();
    let text = thought(size, || Text::of(bytes));
    let events = thought(size, || Events::of(&text, key))?;
    let mut told = Results::default();
    let parts = events.parts(PART_EVENTS, PART);
    if let Some((last, before)) = parts.split_last() {
        for part in before {
            let sent = understand(&shared, &events, part.clone(), &principal).await?;
            store(&shared, sent, &mut told).await?;
        }
        let sent = understand(&shared, &events, last.clone(), &principal).await?;
        // A body may be one large event: what was understood of it takes as much again.
        drop(events);
        drop(text);
        store(&shared, sent, &mut told).await?;
    }
    Ok(told.answer())
}

async fn understand(
    shared: &Shared,
    events: &Events<'_>,
    part: Range<usize>,
    principal: &str,
) -> Result<Vec<Sent>, Failure> {
    let _at_desk = shared.desk.acquire().await.map_err(|_| Failure::busy("the server is stopping"))?;
    Ok(thought(part.len() * 100, || events.part(part, principal)))
}

/// Stores some of the events, and tells what became of each.
async fn store(shared: &Shared, sent: Vec<Sent>, told: &mut Results) -> Result<(), Failure> {
    let mut results: Vec<Option<Value>> = Vec::with_capacity(sent.len());
    let (mut items, mut places) = (Vec::with_capacity(sent.len()), Vec::with_capacity(sent.len()));
    for event in sent {
        match event.item {
            Ok(item) => {
                places.push((results.len(), event.generated));
                items.push(*item);
                results.push(None);
            }
            Err(reason) => results.push(Some(json!({"result": "rejected", "reason": reason}))),
        }
    }
    shared.not_understood.fetch_add((results.len() - items.len()) as u64, Ordering::Relaxed);
    let outcomes = shared.trouble.hear(shared.committer.submit(items).await)?;
    for ((place, generated), outcome) in places.into_iter().zip(&outcomes) {
        told.kept += usize::from(outcome.is_kept());
        results[place] = Some(result(outcome, generated));
    }
    results.iter().flatten().for_each(|result| told.add(result));
    Ok(())
}

/// What became of the events of a body, as JSON.
#[derive(Default)]
struct Results {
    list: String,
    kept: usize,
    /// Why the first of those was rejected that were.
    reason: Option<String>,
}

impl Results {
    fn add(&mut self, result: &Value) {
        if !self.list.is_empty() {
            self.list.push(',');
        }
        self.list.push_str(&result.to_string());
        if self.reason.is_none() {
            self.reason = result["reason"].as_str().map(str::to_owned);
        }
    }

    /// 200, but for a body of which nothing could be stored.
    fn answer(self) -> Response {
        let Self { list, kept, reason } = self;
        if kept == 0 && !list.is_empty() {
            let error = json!(reason.unwrap_or_else(|| "nothing could be stored".to_owned()));
            return json_text(StatusCode::BAD_REQUEST, format!("{{\"error\":{error},\"results\":[{list}]}}"));
        }
        json_text(StatusCode::OK, format!("{{\"status\":\"ok\",\"results\":[{list}]}}"))
    }
}

fn result(outcome: &Outcome, generated: bool) -> Value {
    let mut result = json!({"id": outcome.id(), "result": outcome.name()});
    if let Outcome::Rejected { reason, .. } = outcome {
        result["reason"] = json!(reason);
    }
    if generated {
        result["generated"] = json!(true);
    }
    result
}

/// JSON is taken by any of its names, and where no type is said.
fn refuse_other_types(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(kind) = Kind::of(headers) else { return Ok(()) };
    match kind.name.as_str() {
        "application/json" | "text/json" | "text/plain" => kind.must_be_utf8(),
        other if other.ends_with("+json") => kind.must_be_utf8(),
        other => Err(kind::unknown(&format!("Content-Type `{other}` is not known here: application/json"))),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str().map(str::trim) {
        Ok("") => Ok(None),
        Ok(key) if key.len() <= 255 => Ok(Some(key.to_owned())),
        _ => Err(Failure::bad("Idempotency-Key: at most 255 ASCII characters")),
    }
}
