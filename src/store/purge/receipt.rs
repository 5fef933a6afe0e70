//! Receipts: what each purge took away, in counts, bytes and a digest, batch by batch.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::engine::{Row, Transaction, query};
use super::super::{Store, next_number};
use super::Scope;
use super::strip::Doomed;
use crate::domain::Kind;

/// How a purge went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is under way, or was killed; what it says was removed was.
    Unfinished,
    Done,
    Cancelled,
    Failed,
}

impl State {
    const ALL: [Self; 4] = [Self::Unfinished, Self::Done, Self::Cancelled, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// Records of sources whose bytes went.
    pub records: i64,
    /// Bodies that were stored by themselves.
    pub blobs: i64,
    /// Stored runs of bytes that nothing refers to any more.
    pub pieces: i64,
    /// Bytes of records and blobs, as their sources wrote them.
    pub bytes: i64,
    /// Bytes of pieces, as they were stored.
    pub stored_bytes: i64,
}

/// The receipt of one purge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub number: i64,
    pub state: State,
    /// µs since 1970, as are the others.
    pub begun: i64,
    pub ended: Option<i64>,
    pub as_of: i64,
    /// What was asked for: a JSON object.
    pub scope: String,
    pub sessions: i64,
    pub kinds: BTreeMap<Kind, i64>,
    pub removed: Removed,
    /// Pages given back to the system.
    pub pages: i64,
    pub digest: Vec<u8>,
}

const COLUMNS: &str = "receipt, state, begun, ended, as_of, scope, sessions, transcript, model, tool, trace, task, other, \
     records, blobs, pieces, bytes, stored_bytes, pages, digest";

impl Store {
    /// All receipts, the newest first.
    pub async fn receipts(&self) -> Result<Vec<Receipt>> {
        let statement = format!("SELECT {COLUMNS} FROM receipts ORDER BY receipt DESC");
        let rows = query(statement).fetch_all(&self.readers).await?;
        rows.iter().map(receipt_of).collect()
    }

    /// One receipt.
    pub async fn receipt(&self, number: i64) -> Result<Receipt> {
        let statement = format!("SELECT {COLUMNS} FROM receipts WHERE receipt = $1");
        let row = query(statement).bind(number).fetch_optional(&self.readers).await?;
        receipt_of(&row.with_context(|| format!("there is no receipt {number}"))?)
    }

    /// Which purges have touched a session: receipt, when it began, and how many of its events it took.
    pub async fn purges_of(&self, session: i64) -> Result<Vec<(i64, i64, i64)>> {
        let rows = query(
            "SELECT receipts.receipt, receipts.begun, count(*) FROM events JOIN tombstones ON tombstones.event = events.event \
             JOIN receipts ON receipts.receipt = tombstones.receipt WHERE events.session = $1 GROUP BY receipts.receipt \
             ORDER BY receipts.receipt",
        )
        .bind(session)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
    }
}

pub(super) async fn begin(connection: &mut Transaction, scope: &Scope, now: i64) -> Result<i64> {
    let number = next_number(connection, "SELECT max(receipt) FROM receipts").await?;
    let asked = json!({"session": scope.session, "room": scope.room, "agent": scope.agent, "all": scope.all});
    query("INSERT INTO receipts (receipt, state, begun, as_of, scope, digest) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(number)
        .bind(State::Unfinished.name())
        .bind(now)
        .bind(scope.as_of)
        .bind(asked.to_string())
        .bind(vec![0_u8; 32])
        .execute(connection)
        .await?;
    Ok(number)
}

/// Writes a batch into its receipt.
pub(super) async fn add(
    connection: &mut Transaction,
    receipt: i64,
    removed: &Removed,
    is_new_session: bool,
    doomed: &[Doomed],
) -> Result<()> {
    let row = query("SELECT digest FROM receipts WHERE receipt = $1").bind(receipt).fetch_one(&mut *connection).await?;
    let mut digest: Vec<u8> = row.try_get(0)?;
    for event in doomed {
        digest = chained(&digest, event);
    }
    let count = |kind: Kind| doomed.iter().filter(|event| event.kind == kind).count() as i64;
    query(
        "UPDATE receipts SET sessions = sessions + $1, transcript = transcript + $2, model = model + $3, tool = tool + $4, \
         trace = trace + $5, task = task + $6, other = other + $7, records = records + $8, blobs = blobs + $9, \
         pieces = pieces + $10, bytes = bytes + $11, stored_bytes = stored_bytes + $12, digest = $13 WHERE receipt = $14",
    )
    .bind(i64::from(is_new_session))
    .bind(count(Kind::Transcript))
    .bind(count(Kind::Model))
    .bind(count(Kind::Tool))
    .bind(count(Kind::Trace))
    .bind(count(Kind::Task))
    .bind(count(Kind::Other))
    .bind(removed.records)
    .bind(removed.blobs)
    .bind(removed.pieces)
    .bind(removed.bytes)
    .bind(removed.stored_bytes)
    .bind(digest)
    .bind(receipt)
    .execute(connection)
    .await?;
    Ok(())
}

fn chained(before: &[u8], event: &Doomed) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(format!("{}\n{}\n{}\n", event.session_id, event.id, event.revision));
    hasher.update(&event.content);
    hasher.finalize().to_vec()
}

pub(super) async fn end(store: &Store, receipt: i64, state: State, now: i64) -> Result<()> {
    query("UPDATE receipts SET state = $1, ended = $2 WHERE receipt = $3")
        .bind(state.name())
        .bind(now)
        .bind(receipt)
        .execute(&store.writer)
        .await?;
    Ok(())
}

fn receipt_of(row: &Row) -> Result<Receipt> {
    let mut kinds = BTreeMap::new();
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        kinds.insert(kind, row.try_get(7 + place)?);
    }
    let state: String = row.try_get(1)?;
    Ok(Receipt {
        number: row.try_get(0)?,
        state: State::parse(&state).with_context(|| format!("a receipt has the unknown state {state}"))?,
        begun: row.try_get(2)?,
        ended: row.try_get(3)?,
        as_of: row.try_get(4)?,
        scope: row.try_get(5)?,
        sessions: row.try_get(6)?,
        kinds,
        removed: Removed {
            records: row.try_get(13)?,
            blobs: row.try_get(14)?,
            pieces: row.try_get(15)?,
            bytes: row.try_get(16)?,
            stored_bytes: row.try_get(17)?,
        },
        pages: row.try_get(18)?,
        digest: row.try_get(19)?,
    })
}
