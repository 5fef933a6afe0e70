//! Trouble: what went wrong with a store, told in the user's words, for either engine.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::io::ErrorKind;

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

use super::stay::Gone;
use super::{Address, Damaged, Store, is_failure};
use crate::domain::telling::in_plain_words;

/// What SQLite says where it cannot write, where another process has the store, and where it cannot open a file.
pub(super) const READ_ONLY: i64 = 8;
pub(super) const BUSY: i64 = 5;
pub(super) const CANNOT_OPEN: i64 = 14;

/// What PostgreSQL says of a statement that it gave up, and of one that a role may not run.
const TOO_LATE: &str = "57014";
const NOT_ALLOWED: &str = "42501";

/// What is said of a server that answers something else.
pub(super) const NO_POSTGRES: &str = "what listens there does not answer as PostgreSQL";

/// What stands in the way of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Another process has it.
    Locked,
    ReadOnly,
    /// The disk is full.
    Full,
    /// The file cannot be read or written, is damaged, or is gone; or the server cannot be reached.
    Broken,
    /// It may lie with what was to be written.
    Other,
}

/// The database's own word for what went wrong.
enum Code<'a> {
    /// The first byte of SQLite's number.
    File(i64),
    /// PostgreSQL's SQLSTATE.
    Server(&'a str),
    /// There was no answer.
    Silence,
    /// What answered is no database.
    Foreign,
    /// Its file is no longer where it was.
    Gone(Gone),
}

/// What stands in the way of writing, as far as an error of the store tells.
pub fn trouble(error: &anyhow::Error) -> Trouble {
    match code(error) {
        Some(Code::File(code)) => match code {
            BUSY | 6 => Trouble::Locked,
            READ_ONLY => Trouble::ReadOnly,
            13 => Trouble::Full,
            7 | 10 | 11 | CANNOT_OPEN | 26 => Trouble::Broken,
            _ => Trouble::Other,
        },
        Some(Code::Server(state)) => match state {
            // No lock in time, too slow, a deadlock, a conflict of transactions.
            "55P03" | TOO_LATE | "40P01" | "40001" => Trouble::Locked,
            // A replica, a role without the right.
            "25006" | NOT_ALLOWED => Trouble::ReadOnly,
            "53100" => Trouble::Full,
            // Values, constraints, limits of a row, what a trigger says: whatever else is wrong lies with no row.
            _ if ["21", "22", "23", "27", "38", "39", "44", "54", "P0"].contains(&&state[..state.len().min(2)]) => {
                Trouble::Other
            }
            _ => Trouble::Broken,
        },
        Some(Code::Silence | Code::Foreign | Code::Gone(_)) => Trouble::Broken,
        None if is_failure(error) => Trouble::Broken,
        None => Trouble::Other,
    }
}

/// Whether a server cannot be reached now, or lets nobody in now, and may do so later without anybody's doing here.
pub fn is_away(error: &anyhow::Error) -> bool {
    match driver(error) {
        Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
        // A connection that fails, too many, a database that is closed to all, a server that starts or stops.
        Some(sqlx::Error::Database(database)) => state(database.as_ref()).is_some_and(|state| {
            state.starts_with("08") || ["53300", "55000", "57P01", "57P02", "57P03"].contains(&state)
        }),
        _ => false,
    }
}

fn code(error: &anyhow::Error) -> Option<Code<'_>> {
    if let Some(gone) = cause::<Gone>(error) {
        return Some(Code::Gone(*gone));
    }
    match driver(error)? {
        sqlx::Error::Database(database) => {
            number(database.as_ref()).map(Code::File).or_else(|| state(database.as_ref()).map(Code::Server))
        }
        sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut => Some(Code::Server(TOO_LATE)),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            Some(Code::Silence)
        }
        sqlx::Error::Protocol(_) => Some(Code::Foreign),
        _ => None,
    }
}

/// SQLite's number for what went wrong.
pub(super) fn number_of(error: &anyhow::Error) -> Option<i64> {
    match code(error)? {
        Code::File(number) => Some(number),
        _ => None,
    }
}

fn number(database: &dyn DatabaseError) -> Option<i64> {
    let code = database.try_downcast_ref::<SqliteError>()?.code()?;
    Some(code.parse::<i64>().ok()? & 0xff)
}

fn state(database: &dyn DatabaseError) -> Option<&str> {
    Some(database.try_downcast_ref::<PgDatabaseError>()?.code())
}

/// Whether the store could not be had because another process holds it.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(number).is_some_and(|number| matches!(number, BUSY | 6))
}

/// What went wrong with the store, in the user's words: all of it, so that nothing is told behind it.
#[derive(Debug)]
struct Told {
    words: String,
    cause: anyhow::Error,
}

impl Display for Told {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words)
    }
}

impl std::error::Error for Told {}

/// A cause of an error, also one that was told in the user's words already.
pub(super) fn cause<C: std::error::Error + Send + Sync + 'static>(error: &anyhow::Error) -> Option<&C> {
    // What was added to an error is no link of its chain by itself.
    error.downcast_ref().or_else(|| {
        error.chain().find_map(|own| {
            let told = || cause(&own.downcast_ref::<Told>()?.cause);
            own.downcast_ref().or_else(told)
        })
    })
}

/// What the driver says.
pub(super) fn driver(error: &anyhow::Error) -> Option<&sqlx::Error> {
    cause(error)
}

/// Says what went wrong with the store in the user's words, once.
pub(super) fn explain(error: anyhow::Error, address: &Address) -> anyhow::Error {
    if error.chain().any(|cause| cause.is::<Told>()) {
        return error;
    }
    let code = code(&error);
    let known = code.as_ref().and_then(|code| words_of(code, address));
    if let (Some(Code::Foreign), Some(words)) = (&code, &known) {
        // What the driver says of it is about single bytes.
        return anyhow::Error::new(Told { words: words.clone(), cause: error });
    }
    let first = match known {
        Some(words) => words,
        None if error.is::<Damaged>() => format!("the store {address} is damaged"),
        None => format!("could not use the store {address}"),
    };
    let words = with_causes(first, &error);
    anyhow::Error::new(Told { words, cause: error })
}

/// Words, and behind them each cause that they do not end in.
fn with_causes(mut words: String, error: &anyhow::Error) -> String {
    for cause in error.chain() {
        let driver = cause.downcast_ref::<sqlx::Error>();
        let own = driver.map_or_else(|| cause.to_string(), |driver| in_words(driver).into_owned());
        if !words.to_lowercase().ends_with(&own.to_lowercase()) {
            words = format!("{words}: {own}");
        }
        if driver.is_some() {
            break;
        }
    }
    words
}

/// What the driver says with all its causes, without what it puts around that.
fn in_words(error: &sqlx::Error) -> Cow<'_, str> {
    match error {
        sqlx::Error::Database(database) => match database.try_downcast_ref::<PgDatabaseError>() {
            Some(refusal) => refusal_in_words(refusal).into(),
            None => database.message().into(),
        },
        sqlx::Error::Io(error) => in_plain_words(error).into(),
        other => other.to_string().into(),
    }
}

/// What a server says of what it refuses: its words, its number for them, and what it adds.
pub(super) fn refusal_in_words(refusal: &PgDatabaseError) -> String {
    let mut words = format!("{} (SQLSTATE {})", refusal.message(), refusal.code());
    for (name, more) in [("", refusal.detail()), ("hint: ", refusal.hint())] {
        if let Some(more) = more {
            words = format!("{words}; {name}{}", more.trim_end_matches('.').replace('\n', " "));
        }
    }
    words
}

impl Store {
    /// What went wrong with this store, in the user's words and each thing once; `None` where it was not the store.
    pub fn explained(&self, error: &anyhow::Error) -> Option<String> {
        let cause = driver(error)?;
        let words = code(error).and_then(|code| words_of(&code, &self.address));
        let words = match words {
            // Which table it is stands in the server's own words.
            Some(words) if matches!(code(error), Some(Code::Server(NOT_ALLOWED))) => {
                format!("{words}: {}", in_words(cause))
            }
            Some(words) => words,
            None => format!("could not use the store {}: {}", self.address, in_words(cause)),
        };
        let outer = error.to_string();
        let is_told = error.chain().any(|cause| cause.downcast_ref::<Told>().is_some_and(|told| told.words == outer));
        let is_said = is_told || outer == cause.to_string() || words.starts_with(&outer);
        Some(if is_said { words } else { format!("{outer}: {words}") })
    }
}

fn sought(store: &Address) -> String {
    match store {
        Address::File(_) => String::new(),
        Address::Server(url) => url.sought(),
    }
}

fn words_of(code: &Code<'_>, store: &Address) -> Option<String> {
    Some(match code {
        Code::File(number) => match *number {
            BUSY | 6 => format!("the store {store} is locked by another process; try again when it is done"),
            READ_ONLY => format!("the store {store} cannot be written (read-only)"),
            10 | CANNOT_OPEN if store.file().is_some_and(|path| !path.exists()) => format!("the store {store} is gone"),
            10 => format!("the store {store} could not be read or written"),
            11 | 26 => format!("the store {store} is damaged or is no turnscope store"),
            13 => format!("the disk is full: {store}"),
            CANNOT_OPEN => format!("the store {store} could not be opened"),
            _ => return None,
        },
        Code::Server(state) => match *state {
            "55P03" => format!("another process writes to the store {store}; try again when it is done"),
            TOO_LATE => format!("the store {store} took too long to answer"),
            "42P01" => format!(
                "the store {store} lacks a table; if a pooler lends its connections for a transaction, say so with \
                 pool_mode=transaction in its address"
            ),
            // What a connection was told is not known to the one that is lent next.
            "26000" | "42P05" => format!(
                "the store {store} seems to be behind a pooler that lends connections for a transaction: say so with \
                 pool_mode=transaction in its address"
            ),
            "25006" => format!("the store {store} cannot be written (read-only)"),
            NOT_ALLOWED => format!("the store {store} lets this role not do that"),
            "53100" => format!("the disk of the store {store} is full"),
            "53300" => format!("the store {store} has no connection left"),
            "28P01" | "28000" => format!("the store {store} refuses this user or password"),
            "3D000" => format!("the store {store} is not there: there is no such database"),
            "57P01" | "57P02" | "57P03" | "55000" => {
                format!("the store {store} is shutting down or starting up, or closed to all")
            }
            _ => return None,
        },
        Code::Silence => format!("the store {store} could not be reached{}", sought(store)),
        Code::Foreign if store.file().is_some() => return None,
        Code::Foreign => format!("the store {store} could not be reached{}: {NO_POSTGRES}", sought(store)),
        Code::Gone(gone) => format!("the store {store} {gone}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_in_words_is_still_known_for_what_it_is() {
        let address = Address::from("store.db");
        for (error, known, words) in [
            (sqlx::Error::PoolClosed.into(), Trouble::Broken, "the store store.db could not be reached"),
            (
                anyhow::Error::from(super::super::damaged("it is torn")),
                Trouble::Broken,
                "the store store.db is damaged: it is torn",
            ),
            (anyhow::anyhow!("a value is odd"), Trouble::Other, "could not use the store store.db: a value is odd"),
        ] {
            let told = explain(error, &address).context("could not import");
            assert_eq!((trouble(&told), is_failure(&told)), (known, known != Trouble::Other), "{told:#}");
            assert!(format!("{told:#}").starts_with(&format!("could not import: {words}")), "{told:#}");
        }
    }
}
