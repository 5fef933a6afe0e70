//! Spans and log records over HTTP, as OpenTelemetry's exporters send them: protobuf or JSON.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde_json::json;

use super::answer::Failure;
use super::auth::Scope;
use super::body::{PART, PART_EVENTS, read, thought};
use super::kind::{self, Kind};
use super::routes::Shared;
use crate::domain::Session;
use crate::import::{Accepted, Decoded, Decoding, Encoding, Signal};
use crate::record::{Outcome, Record, Told};

/// So many reasons are told for what was rejected.
const MOST_REASONS: usize = 10;

/// The answer to a request: nothing, or what was rejected of it.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial: Option<Partial>,
}

#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    words: String,
}

/// Why a request was not taken.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

pub(super) async fn traces(shared: State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    take(&shared, &headers, body, Signal::Traces).await
}

pub(super) async fn logs(shared: State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    take(&shared, &headers, body, Signal::Logs).await
}

/// Metrics are not kept, and whoever sends them is to know.
pub(super) async fn metrics(headers: HeaderMap) -> Response {
    let words = "metrics are not kept here: OTEL_METRICS_EXPORTER=none stops sending them";
    match encoding(&headers) {
        Ok(encoding) => refused(encoding, Failure::new(StatusCode::NOT_FOUND, words)),
        Err(failure) => failure.into_response(),
    }
}

async fn take(shared: &Arc<Shared>, headers: &HeaderMap, body: Body, signal: Signal) -> Response {
    let encoding = match encoding(headers) {
        Ok(encoding) => encoding,
        Err(failure) => return failure.into_response(),
    };
    match store(shared, headers, body, encoding, signal).await {
        Ok(partial) => told(encoding, signal, partial),
        Err(failure) => refused(encoding, retryable(failure)),
    }
}

/// Exporters try again after few statuses only; a full disk and a body that came too slowly are none of them.
fn retryable(failure: Failure) -> Failure {
    match failure.status {
        StatusCode::INSUFFICIENT_STORAGE | StatusCode::REQUEST_TIMEOUT => Failure::busy(failure.words),
        _ => failure,
    }
}

/// Stores what can be read of a request; gives what could not.
async fn store(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    body: Body,
    encoding: Encoding,
    signal: Signal,
) -> Result<Option<Partial>, Failure> {
    let principal = shared.admit(headers, Scope::Ingest).await?.name();
    let (bytes, mut memory) = read(body, headers, &shared.limits).await?;
    let decoding = thought(bytes.len(), || Decoding::of(&bytes, encoding, signal));
    let mut decoding = decoding.map_err(|error| Failure::bad(error.0))?;
    let (mut rejected, mut reasons) = (0, Vec::new());
    while let Some(size) = decoding.next_size() {
        memory.weigh(size)?;
        let at_desk = shared.desk.acquire().await.map_err(|_| Failure::busy("the server is stopping"))?;
        let Some(mut decoded) = thought(bytes.len(), || decoding.next(&bytes, PART as u64, PART_EVENTS)) else { break };
        rejected += decoded.rejected;
        reasons.append(&mut decoded.reasons);
        shared.not_understood.fetch_add(decoded.rejected, Ordering::Relaxed);
        let records = records(decoded, &principal);
        drop(at_desk);
        for outcome in shared.trouble.hear(shared.committer.submit_records(records).await)? {
            if let Outcome::Rejected { id, reason } = outcome {
                rejected += 1;
                reasons.push(format!("{id}: {reason}"));
            }
        }
        reasons.truncate(MOST_REASONS);
    }
    let rejected = i64::try_from(rejected).unwrap_or(i64::MAX);
    Ok((rejected > 0).then(|| Partial { rejected, words: reasons.join("; ") }))
}

/// A record for each element, with the sessions that its events name.
fn records(decoded: Decoded, principal: &str) -> Vec<Record> {
    let sessions: HashMap<String, Session> =
        decoded.sessions.into_iter().map(|session| (session.id.clone(), session)).collect();
    let adopted = decoded.adopted;
    let record = |Accepted { drafts, content, raw }: Accepted| {
        let named: BTreeSet<&str> = drafts.iter().map(|draft| draft.event.session.as_str()).collect();
        let adopted = adopted.iter().filter(|(_, session)| named.contains(session.as_str())).cloned().collect();
        let sessions = named.iter().filter_map(|id| sessions.get(*id)).cloned().collect();
        let told = drafts.into_iter().map(|mut draft| {
            draft.event.attributes.push(("principal".to_owned(), principal.to_owned()));
            Told { event: draft.event, bodies: draft.bodies, own: draft.own }
        });
        Record { bytes: raw, sessions, adopted, content, events: told.collect() }
    };
    decoded.elements.into_iter().map(record).collect()
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Failure> {
    let kind = Kind::of(headers);
    match kind.as_ref().map_or("", |kind| kind.name.as_str()) {
        "application/x-protobuf" | "application/protobuf" => Ok(Encoding::Protobuf),
        "application/json" => kind.map_or(Ok(()), |kind| kind.must_be_utf8()).map(|()| Encoding::Json),
        other => Err(kind::unknown(&format!(
            "Content-Type `{other}` is not known here: application/x-protobuf or application/json"
        ))),
    }
}

/// 200 in the encoding of the request, as the protocol wants it.
fn told(encoding: Encoding, signal: Signal, partial: Option<Partial>) -> Response {
    if encoding == Encoding::Protobuf {
        return as_protobuf(StatusCode::OK, &Answer { partial });
    }
    let answer = match partial {
        None => json!({}),
        Some(Partial { rejected, words }) => {
            let name = if signal == Signal::Traces { "rejectedSpans" } else { "rejectedLogRecords" };
            json!({"partialSuccess": {name: rejected.to_string(), "errorMessage": words}})
        }
    };
    super::answer::json_of(StatusCode::OK, &answer)
}

fn refused(encoding: Encoding, failure: Failure) -> Response {
    if encoding == Encoding::Json {
        return failure.into_response();
    }
    let (status, message) = (failure.status, failure.words.clone());
    let mut response = as_protobuf(status, &Status { message });
    let headers = failure.into_response().headers().clone();
    for name in [header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn as_protobuf(status: StatusCode, message: &impl Message) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-protobuf")], message.encode_to_vec()).into_response()
}
