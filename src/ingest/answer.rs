//! What the server says when something cannot be done: a status, words, and when to try again.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::record::Refusal;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub status: StatusCode,
    pub words: String,
    /// When trying again may help.
    pub retry_after: Option<Duration>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, words: impl Into<String>) -> Self {
        Self { status, words: words.into(), retry_after: None }
    }

    /// 400: what was sent cannot be understood.
    pub(super) fn bad(words: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, words)
    }

    /// 503: later it may work.
    pub(super) fn busy(words: impl Into<String>) -> Self {
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, words) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let words = refusal.to_string();
        match refusal {
            Refusal::Busy { retry_after } => Self { retry_after: Some(retry_after), ..Self::busy(words) },
            Refusal::Full | Refusal::AlmostFull => {
                Self { status: StatusCode::INSUFFICIENT_STORAGE, ..Self::busy(words) }
            }
            Refusal::ReadOnly | Refusal::Closed | Refusal::Failed(_) => Self::busy(words),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = json_of(self.status, &json!({ "error": self.words }));
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            // Whole seconds, and never at once.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs_f64().ceil().max(1.0) as u64));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A value as an answer.
pub(super) fn json_of(status: StatusCode, value: &serde_json::Value) -> Response {
    json_text(status, value.to_string())
}

/// JSON as an answer.
pub(super) fn json_text(status: StatusCode, json: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json).into_response()
}
