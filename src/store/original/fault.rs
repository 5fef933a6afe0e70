//! What goes wrong with a database that is only read, in the user's words.

use std::time::Duration;

use sqlx::postgres::PgDatabaseError;

use crate::domain::telling::in_plain_words;
use crate::store::Url;
use crate::store::trouble::{NO_POSTGRES, refusal_in_words};

/// What stands in the way of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// A table or a column that was there is gone.
    Missing,
    /// The role may not read it.
    Denied,
    /// It took longer than it may.
    Slow,
    /// The server cannot be reached, refuses, or answers no more.
    Gone,
    /// Whatever else the database says of one question.
    Other,
}

/// What went wrong, told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Fault {
    pub kind: FaultKind,
    pub words: String,
}

impl Fault {
    pub(super) fn gone(words: String) -> Self {
        Self { kind: FaultKind::Gone, words }
    }

    /// There was no answer in time.
    pub(super) fn silence(url: &Url, waited: Duration) -> Self {
        Self::gone(format!("the database {url} does not answer{} (waited {})", url.sought(), seconds(waited)))
    }

    /// What a driver's error says.
    pub(super) fn of(error: &sqlx::Error, url: &Url, allowed: Duration) -> Self {
        let database = match error {
            sqlx::Error::Database(database) => database,
            sqlx::Error::Io(cause) => {
                return Self::gone(format!(
                    "the database {url} could not be reached{}: {}",
                    url.sought(),
                    in_plain_words(cause)
                ));
            }
            sqlx::Error::Tls(cause) => {
                return Self::gone(format!(
                    "the database {url} could not be reached{} over TLS: {cause}",
                    url.sought()
                ));
            }
            // What the driver says of it is about single bytes.
            sqlx::Error::Protocol(_) => {
                return Self::gone(format!("the database {url} could not be reached{}: {NO_POSTGRES}", url.sought()));
            }
            // A row whose bytes are no text, say.
            sqlx::Error::ColumnDecode { source, .. } => {
                return Self { kind: FaultKind::Other, words: source.to_string() };
            }
            other => return Self::gone(format!("the database {url} gave no answer that makes sense: {other}")),
        };
        let Some(refusal) = database.try_downcast_ref::<PgDatabaseError>() else {
            return Self { kind: FaultKind::Other, words: database.to_string() };
        };
        let (state, said) = (refusal.code(), refusal_in_words(refusal));
        let (kind, words) = match state {
            "42P01" | "42703" | "3F000" => (FaultKind::Missing, said),
            "42501" => (FaultKind::Denied, format!("this role may not read it: {said}")),
            "57014" => (FaultKind::Slow, format!("it took longer than {} to answer", seconds(allowed))),
            "28P01" | "28000" => (FaultKind::Gone, format!("the database {url} refuses this user or password: {said}")),
            "3D000" => (FaultKind::Gone, format!("{url}: there is no such database")),
            "53300" => (FaultKind::Gone, format!("the database {url} has no connection left: {said}")),
            "57P01" | "57P02" | "57P03" => {
                (FaultKind::Gone, format!("the database {url} is shutting down or starting up: {said}"))
            }
            _ if state.starts_with("08") || state.starts_with("28") => (FaultKind::Gone, format!("{url}: {said}")),
            _ => (FaultKind::Other, said),
        };
        Self { kind, words }
    }
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds} s") } else { format!("{seconds:.1} s") }
}
