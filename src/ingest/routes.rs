//! What can be asked of the server, and by whom.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answer::{Failure, json_of};
use super::auth::{Auth, Denied, Principal, Scope, digest};
use super::body::{Limits, read};
use super::users::Users;
use super::{Options, metrics, otlp, telemetry};
use crate::record::{Committer, Outcome};
use crate::store::{Store, Token};

/// How old what is known of the tokens may be: a token that was revoked opens nothing after so long.
const TOKENS_FOR: Duration = Duration::from_secs(1);

/// What all requests have in common.
pub(super) struct Shared {
    store: Store,
    pub committer: Committer,
    auth: Auth,
    tokens: Mutex<Option<(Instant, Arc<[Token]>)>>,
    pub limits: Limits,
    /// Events that could not be understood.
    pub not_understood: AtomicU64,
}

impl Shared {
    pub(super) fn of(store: &Store, committer: &Committer, options: &Options) -> Result<Self> {
        let environment = options.token.as_deref().map(str::trim).filter(|token| !token.is_empty()).map(digest);
        let auth = Auth { environment, users: Users::of(&options.users)?, loopback: options.listen.ip().is_loopback() };
        Ok(Self {
            store: store.clone(),
            committer: committer.clone(),
            auth,
            tokens: Mutex::new(None),
            limits: Limits::new(options.memory),
            not_understood: AtomicU64::new(0),
        })
    }

    async fn tokens(&self) -> Result<Arc<[Token]>, Failure> {
        let mut known = self.tokens.lock().await;
        if let Some((_, tokens)) = known.as_ref().filter(|(at, _)| at.elapsed() < TOKENS_FOR) {
            return Ok(Arc::clone(tokens));
        }
        let tokens: Arc<[Token]> = self
            .store
            .tokens()
            .await
            .map_err(|error| Failure::busy(format!("the store's tokens could not be read: {error:#}")))?
            .into();
        *known = Some((Instant::now(), Arc::clone(&tokens)));
        Ok(tokens)
    }

    /// Who asks, where they may do what they want.
    pub(super) async fn admit(&self, headers: &HeaderMap, scope: Scope) -> Result<Principal, Failure> {
        let tokens = self.tokens().await?;
        let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or("?"));
        let admitted = self.auth.admit(authorization, &tokens, scope, now());
        let principal = admitted.map_err(|denied| match denied {
            Denied::Unauthorized => Failure::new(StatusCode::UNAUTHORIZED, "Unauthorized"),
            Denied::Forbidden => {
                Failure::new(StatusCode::FORBIDDEN, format!("this token is not for `{}`", scope.name()))
            }
        })?;
        if principal == Principal::Anonymous && is_foreign(headers) {
            return Err(Failure::new(StatusCode::FORBIDDEN, "pages of other origins may not send without a token"));
        }
        Ok(principal)
    }
}

/// Whether a page of somewhere else has a browser ask.
fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map_or("", |(_, host)| host);
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    !matches!(name, "localhost" | "127.0.0.1" | "::1")
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/agent/telemetry", post(telemetry))
        .route("/v1/traces", post(otlp::traces))
        .route("/v1/logs", post(otlp::logs))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/healthz", get(health))
        .route("/metrics", get(figures))
        .fallback(|| async { Failure::new(StatusCode::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async { Failure::new(StatusCode::METHOD_NOT_ALLOWED, "not by this method") })
        .layer(from_fn(catch))
        .with_state(shared)
}

/// A request that panics is answered, and the server goes on.
async fn catch(request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.unwrap_or_else(|_| {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed at this request").into_response()
    })
}

async fn telemetry(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Result<Response, Failure> {
    let principal = shared.admit(&headers, Scope::Ingest).await?;
    refuse_other_types(&headers)?;
    let (bytes, _memory) = read(body, &headers, &shared.limits).await?;
    let key = idempotency_key(&headers)?;
    let sent = telemetry::events(&bytes, key.as_deref(), &principal.name())?;
    drop(bytes);
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
    shared.not_understood.fetch_add(results.iter().flatten().count() as u64, Ordering::Relaxed);
    let outcomes = shared.committer.submit(items).await?;
    for ((place, generated), outcome) in places.into_iter().zip(&outcomes) {
        results[place] = Some(result(outcome, generated));
    }
    let kept = outcomes.iter().filter(|outcome| outcome.is_kept()).count();
    let results: Vec<Value> = results.into_iter().flatten().collect();
    if kept == 0 && !results.is_empty() {
        let reasons: Vec<&str> = results.iter().filter_map(|result| result["reason"].as_str()).collect();
        let error = reasons.first().copied().unwrap_or("nothing could be stored");
        return Ok(json_of(StatusCode::BAD_REQUEST, &json!({"error": error, "results": results})));
    }
    Ok(json_of(StatusCode::OK, &json!({"status": "ok", "results": results})))
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
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or("?").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" | "text/json" | "text/plain" => Ok(()),
        other if other.ends_with("+json") => Ok(()),
        other => {
            let words = format!("Content-Type `{other}` is not known here: application/json");
            Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words))
        }
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

/// Whether the server can take anything: asked by whoever watches it, without a credential.
async fn health(State(shared): State<Arc<Shared>>) -> Result<Response, Failure> {
    shared.tokens().await?;
    Ok(json_of(StatusCode::OK, &json!({"status": "ok"})))
}

async fn figures(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, Failure> {
    // On loopback figures are open to whoever is on this machine.
    if !shared.auth.loopback {
        shared.admit(&headers, Scope::Read).await?;
    }
    let text = metrics::text(&shared.committer.figures(), shared.not_understood.load(Ordering::Relaxed));
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// µs since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
