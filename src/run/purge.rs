//! `turnscope purge` and what belongs to it: what has expired is told, and with `--apply` taken away.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::import::cancel_on_interrupt;
use super::location::Location;
use super::output::Output;
use super::progress::size;
use super::table::{Column, Fit, Table};
use super::when::moment;
use super::{Ended, session, tell};
use crate::cli::{Purge, Purging};
use crate::domain::{Kind, Timestamp};
use crate::store::{Due, Hold, Receipt, Scope, State, Store};

const KINDS: [Column; 2] = [Column::left("kind", Fit::Whole), Column::right("events", Fit::Whole)];
const HOLDS: [Column; 3] =
    [Column::left("session", Fit::Whole), Column::left("since", Fit::Whole), Column::left("reason", Fit::Shrinks(12))];
const RECEIPTS: [Column; 7] = [
    Column::right("receipt", Fit::Whole),
    Column::left("begun", Fit::Whole),
    Column::left("state", Fit::Whole),
    Column::right("sessions", Fit::Yields(2)),
    Column::right("events", Fit::Whole),
    Column::right("bytes", Fit::Yields(1)),
    Column::left("digest", Fit::Piped),
];

/// The line that says how far it is is rewritten at most this often.
const TOLD: Duration = Duration::from_millis(100);

pub async fn purge(location: &Location, wanted: &Purge, output: &mut Output) -> Result<Ended> {
    if let Some(purging) = &wanted.purging {
        return beside(location, purging, output).await;
    }
    let now = now();
    let as_of = match &wanted.as_of {
        Some(text) => moment("--as-of", text, &output.zone)?.0,
        None => now,
    };
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_interrupt(Arc::clone(&cancelled))?;
    let store = location.open().await?;
    let session = match &wanted.session {
        Some(name) => Some(session::find(&store, name).await?.id),
        None => None,
    };
    let scope = Scope { session, room: wanted.room.clone(), agent: wanted.agent.clone(), all: wanted.all, as_of };
    let due = store.due(&scope).await?;
    if !due.is_known {
        bail!("no session is {}: `turnscope sessions` lists them", asked(&scope));
    }
    let ended = if wanted.apply {
        apply(&store, &scope, &due, wanted.vacuum, &cancelled, output).await
    } else {
        foretell(&scope, &due, output).map(|()| Ended::Well)
    };
    store.close().await;
    ended
}

/// Says what would go.
fn foretell(scope: &Scope, due: &Due, output: &mut Output) -> Result<()> {
    if output.json {
        return output.object(&json!({
            "mode": "dry-run",
            "as_of": Timestamp(scope.as_of).rfc3339(),
            "scope": scope_object(scope),
            "sessions": due.sessions.len(),
            "events": kinds_object(&due.kinds()),
            "bytes": due.bytes,
            "held": held_object(due),
            "hint": "nothing was removed; --apply removes it",
        }));
    }
    print_kinds(&due.kinds(), output)?;
    output.finish()?;
    let (events, sessions) = (due.events(), due.sessions.len());
    let bytes = size(due.bytes.unsigned_abs());
    tell(&format!(
        "{} of {} would be purged ({bytes}); nothing was removed: --apply does",
        number(events, "event"),
        number(sessions, "session"),
    ));
    tell_held(due);
    Ok(())
}

async fn apply(
    store: &Store,
    scope: &Scope,
    due: &Due,
    with_vacuum: bool,
    cancelled: &AtomicBool,
    output: &mut Output,
) -> Result<Ended> {
    let before = store.room().await?;
    let mut purge = store.purge(scope, now()).await?;
    let mut meter = Meter::new(due.events().unsigned_abs());
    let state = loop {
        if cancelled.load(Ordering::Relaxed) {
            break Ok(State::Cancelled);
        }
        let began = Instant::now();
        match purge.step().await {
            Ok(Some(events)) => meter.add(events),
            Ok(None) => break Ok(State::Done),
            Err(error) => break Err(error),
        }
        // Whoever else writes to the store gets as much of the time.
        tokio::time::sleep(began.elapsed()).await;
    };
    meter.clear();
    let (state, failure) = match state {
        Ok(state) => (state, None),
        Err(error) => (State::Failed, Some(error)),
    };
    let closed = purge.end(state, now()).await;
    // What stopped it is told, and not what it stopped besides.
    if let Some(failure) = failure {
        return Err(failure);
    }
    let number = closed?.number;
    while store.return_space(Some(number)).await?.more && !cancelled.load(Ordering::Relaxed) {}
    if with_vacuum && state == State::Done {
        store.vacuum().await?;
    }
    store.write_through().await?;
    let after = store.room().await?;
    let receipt = store.receipt(number).await?;
    let returned = (before.bytes - after.bytes).max(0);
    if output.json {
        let mut object = receipt_object(&receipt);
        object["mode"] = json!("apply");
        object["returned_bytes"] = json!(returned);
        object["free_bytes"] = json!(after.free);
        object["remaining"] = json!(store.due(scope).await?.events());
        object["held"] = held_object(due);
        output.object(&object)?;
    } else {
        print_kinds(&receipt.kinds, output)?;
        output.finish()?;
        tell(&told(&receipt, returned));
        tell_held(due);
    }
    Ok(if state == State::Cancelled { Ended::Cancelled } else { Ended::Well })
}

fn told(receipt: &Receipt, returned: i64) -> String {
    let events: i64 = receipt.kinds.values().sum();
    let how = if receipt.state == State::Cancelled { "cancelled: " } else { "" };
    format!(
        "{how}{} of {} purged ({} of records and blobs, {} stored); {} were given back; receipt {}",
        number(events, "event"),
        number(receipt.sessions, "session"),
        size(receipt.removed.bytes.unsigned_abs()),
        size(receipt.removed.stored_bytes.unsigned_abs()),
        size(returned.unsigned_abs()),
        receipt.number,
    )
}

async fn beside(location: &Location, purging: &Purging, output: &mut Output) -> Result<Ended> {
    let store = location.open().await?;
    match purging {
        Purging::Hold { session, reason } => {
            let session = session::find(&store, session).await?;
            let hold = Hold { session: session.id.clone(), reason: reason.clone(), held: now() };
            store.hold(&hold).await?;
            tell(&format!("{} is held, with its sub-agents: no purge touches it until it is released", session.id));
        }
        Purging::Release { session } => {
            let id = match session::find(&store, session).await {
                Ok(session) => session.id,
                Err(error) => {
                    // A hold may be on a session that is not here any more.
                    let is_held = store.all_holds().await?.iter().any(|hold| hold.session == *session);
                    if is_held { session.clone() } else { return Err(error) }
                }
            };
            if !store.release(&id).await? {
                bail!("{id} is not held by itself: `turnscope purge holds` lists what is");
            }
            tell(&format!("{id} is not held any more"));
        }
        Purging::Holds => print_holds(&store.all_holds().await?, output)?,
        Purging::Receipts => print_receipts(&store.receipts().await?, output)?,
    }
    store.close().await;
    Ok(Ended::Well)
}

/// `turnscope vacuum`: writes the store anew without free pages.
pub async fn vacuum(location: &Location, output: &mut Output) -> Result<Ended> {
    let store = location.open().await?;
    let before = store.room().await?;
    store.vacuum().await?;
    let after = store.room().await?;
    store.close().await;
    if output.json {
        output.object(&json!({
            "path": location.address.to_string(), "bytes_before": before.bytes, "bytes_after": after.bytes,
        }))?;
    } else {
        let [before, after] = [before, after].map(|room| size(room.bytes.unsigned_abs()));
        tell(&format!("{} took {before} and takes {after}", location.address));
    }
    Ok(Ended::Well)
}

fn print_kinds(kinds: &BTreeMap<Kind, i64>, output: &mut Output) -> Result<()> {
    let mut table = Table::new(&KINDS);
    for (kind, count) in kinds.iter().filter(|(_, count)| **count > 0) {
        table.row(vec![kind.name().to_owned(), count.to_string()]);
    }
    table.print(output)
}

/// A number with the word it counts.
fn number(number: impl TryInto<u64>, word: &str) -> String {
    super::import::counted(number.try_into().unwrap_or(u64::MAX), word)
}

fn tell_held(due: &Due) {
    if !due.held.is_empty() {
        let (events, sessions) = (due.held_events(), due.held.len());
        let (events, sessions) = (number(events, "event"), number(sessions, "session"));
        tell(&format!("due and held: {events} of {sessions}; `turnscope purge holds` lists why"));
    }
}

fn print_holds(holds: &[Hold], output: &mut Output) -> Result<()> {
    let mut table = Table::new(&HOLDS);
    for hold in holds {
        if output.json {
            let since = Timestamp(hold.held).rfc3339();
            output.object(&json!({"session": hold.session, "since": since, "reason": hold.reason}))?;
            continue;
        }
        let since = output.time(Some(Timestamp(hold.held)));
        let reason = hold.reason.as_deref().map_or_else(String::new, str::to_owned);
        table.row(vec![hold.session.clone(), since, reason]);
    }
    table.print(output)
}

fn print_receipts(receipts: &[Receipt], output: &mut Output) -> Result<()> {
    let mut table = Table::new(&RECEIPTS);
    for receipt in receipts {
        if output.json {
            output.object(&receipt_object(receipt))?;
            continue;
        }
        let begun = output.time(Some(Timestamp(receipt.begun)));
        let events: i64 = receipt.kinds.values().sum();
        let bytes = receipt.removed.bytes;
        table.row(vec![
            receipt.number.to_string(),
            begun,
            receipt.state.name().to_owned(),
            receipt.sessions.to_string(),
            events.to_string(),
            bytes.to_string(),
            hex::encode(&receipt.digest),
        ]);
    }
    table.print(output)
}

fn receipt_object(receipt: &Receipt) -> Value {
    // It was written by this program; what cannot be read is given as it stands.
    let scope = serde_json::from_str(&receipt.scope).unwrap_or_else(|_| json!(receipt.scope));
    json!({
        "receipt": receipt.number,
        "state": receipt.state.name(),
        "begun": Timestamp(receipt.begun).rfc3339(),
        "ended": receipt.ended.map(|ended| Timestamp(ended).rfc3339()),
        "as_of": Timestamp(receipt.as_of).rfc3339(),
        "scope": scope,
        "sessions": receipt.sessions,
        "events": kinds_object(&receipt.kinds),
        "records": receipt.removed.records,
        "blobs": receipt.removed.blobs,
        "pieces": receipt.removed.pieces,
        "bytes": receipt.removed.bytes,
        "stored_bytes": receipt.removed.stored_bytes,
        "pages": receipt.pages,
        "digest": hex::encode(&receipt.digest),
    })
}

fn kinds_object(kinds: &BTreeMap<Kind, i64>) -> Value {
    let count = |kind: Kind| kinds.get(&kind).copied().unwrap_or(0);
    let mut object: serde_json::Map<String, Value> =
        Kind::ALL.into_iter().map(|kind| (kind.name().to_owned(), json!(count(kind)))).collect();
    object.insert("total".to_owned(), json!(kinds.values().sum::<i64>()));
    Value::Object(object)
}

fn held_object(due: &Due) -> Value {
    let sessions: Vec<&str> = due.held.iter().map(|held| held.id.as_str()).collect();
    json!({"sessions": sessions, "events": due.held_events()})
}

fn scope_object(scope: &Scope) -> Value {
    json!({"session": scope.session, "room": scope.room, "agent": scope.agent, "all": scope.all})
}

/// The scope in words.
fn asked(scope: &Scope) -> String {
    let parts = [("room", &scope.room), ("agent", &scope.agent), ("session", &scope.session)];
    let parts = parts.iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("{name} `{value}`")));
    let words = parts.collect::<Vec<_>>().join(" and ");
    if words.is_empty() { "there".to_owned() } else { format!("of {words}") }
}

/// How far the purge is, on a terminal only.
struct Meter {
    is_visible: bool,
    drawn: Option<Instant>,
    done: u64,
    all: u64,
}

impl Meter {
    fn new(all: u64) -> Self {
        Self { is_visible: io::stderr().is_terminal(), drawn: None, done: 0, all }
    }

    fn add(&mut self, events: u64) {
        self.done += events;
        if self.is_visible && self.drawn.is_none_or(|drawn| drawn.elapsed() >= TOLD) {
            self.drawn = Some(Instant::now());
            let percent = (self.done * 100).checked_div(self.all).unwrap_or(100);
            let _ = write!(io::stderr(), "\r\u{1b}[K{}/{} events · {percent}% · Ctrl-C stops", self.done, self.all);
        }
    }

    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// µs since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
