//! What can be asked of the server, and by whom.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};

use super::answer::{Failure, json_of};
use super::auth::{Auth, Denied, Principal, Scope, digest};
use super::body::Limits;
use super::trouble::Trouble;
use super::users::Users;
use super::{Options, metrics, otlp, telemetry};
use crate::record::{Committer, Refusal};
use crate::store::{self, Store, Token};

/// How old what is known of the tokens may be: a token that was revoked opens nothing after so long.
const TOKENS_FOR: Duration = Duration::from_secs(1);
/// How long somebody waits who comes with an unknown one, before it is looked up anew: it may be new, and whoever guesses
/// does not keep the store busy.
const UNKNOWN_FOR: Duration = Duration::from_millis(50);

/// How long the store may take to answer to whoever watches the server.
const HEALTH_WITHIN: Duration = Duration::from_secs(2);

/// Parts of bodies that are understood at once: what they come to takes many times their size.
const AT_ONCE: usize = 4;

/// What all requests have in common.
pub(super) struct Shared {
    store: Store,
    pub committer: Committer,
    auth: Auth,
    tokens: Mutex<Option<(Instant, Arc<[Token]>)>>,
    pub limits: Limits,
    /// Parts of bodies that are understood at once.
    pub desk: Semaphore,
    /// Events that could not be understood.
    pub not_understood: AtomicU64,
    pub trouble: Trouble,
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
            desk: Semaphore::new(AT_ONCE),
            not_understood: AtomicU64::new(0),
            trouble: Trouble::new(options.tell),
        })
    }

    /// The tokens as they were so long ago at most.
    async fn tokens(&self, within: Duration) -> Result<Arc<[Token]>, Failure> {
        let mut known = self.tokens.lock().await;
        if let Some((_, tokens)) = known.as_ref().filter(|(at, _)| at.elapsed() < within) {
            return Ok(Arc::clone(tokens));
        }
        let tokens: Arc<[Token]> = self
            .store
            .tokens()
            .await
            .map_err(|error| store::explain(error, self.store.address()))
            .map_err(|error| {
                self.trouble.begins(&format!("{error:#}"));
                Failure::busy(format!("the store's tokens could not be read: {error:#}"))
            })?
            .into();
        *known = Some((Instant::now(), Arc::clone(&tokens)));
        Ok(tokens)
    }

    /// Who asks, where they may do what they want.
    pub(super) async fn admit(&self, headers: &HeaderMap, scope: Scope) -> Result<Principal, Failure> {
        let authorization = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or("?"));
        let mut admitted = self.auth.admit(authorization, &self.tokens(TOKENS_FOR).await?, scope, now());
        if authorization.is_some() && matches!(admitted, Err(Denied::Unauthorized)) {
            // What is known then is known since the request came.
            tokio::time::sleep(UNKNOWN_FOR).await;
            admitted = self.auth.admit(authorization, &self.tokens(UNKNOWN_FOR).await?, scope, now());
        }
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
        .route("/api/agent/telemetry", post(telemetry::telemetry))
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

/// Whether the server can take anything: asked by whoever watches it, without a credential.
async fn health(State(shared): State<Arc<Shared>>) -> Result<Response, Failure> {
    let looking = async {
        let fault = |error: anyhow::Error| Failure::busy(format!("{error:#}"));
        // What is open still answers where its file is gone, and what is known of the tokens outlives a server.
        shared.store.must_be_in_place().map_err(fault)?;
        let asked = shared.store.ping().await.map_err(|error| store::explain(error, shared.store.address()));
        asked.map_err(fault)?;
        shared.tokens(TOKENS_FOR).await?;
        if !shared.store.has_room().await.map_err(fault)? {
            return Err(Refusal::AlmostFull.into());
        }
        Ok(json_of(StatusCode::OK, &json!({"status": "ok"})))
    };
    let silent = |_| Failure::busy(format!("the store does not answer (waited {} s)", HEALTH_WITHIN.as_secs()));
    let looked = tokio::time::timeout(HEALTH_WITHIN, looking).await.map_err(silent).flatten();
    looked.inspect_err(|failure| shared.trouble.begins(&failure.words))
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
