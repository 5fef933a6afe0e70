//! Proves what the store shows: every kept source is read once more by the rules that read it, and what it tells is
//! compared with what is stored. Nothing is written.

use anyhow::Result;

use super::again::{Again, content, is_current, why_not};
use super::driver::{Control, Notice};
use super::read::Cancelled;
use crate::store::{self, Proof, Source, Store, Telling};

/// What the proof came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proven {
    /// Sources that were read once more, and their events that stand as they are told.
    pub sources: u64,
    pub events: u64,
    /// Sources that nothing was compared with: name and reason.
    pub left: Vec<(String, &'static str)>,
    /// What does not agree, one sentence each; empty when all is as it should be.
    pub problems: Vec<String>,
    pub cancelled: bool,
}

/// Compares what is stored of events and sessions with what the kept sources tell.
pub async fn prove(store: &Store, control: &Control) -> Result<Proven> {
    let mut proven = Proven::default();
    let mut readable = Vec::new();
    for source in store.all_sources().await? {
        match why_not(store, &source).await? {
            Some(reason) => proven.left.push((source.path, reason)),
            None if !is_current(&source) => {
                proven.left.push((source.path, "older rules have read it: `turnscope reindex` reads it anew"));
            }
            None => readable.push(source),
        }
    }
    let bytes = readable.iter().map(|source| source.consumed.unsigned_abs()).sum();
    control.tell(Notice::Found { sources: readable.len(), bytes });
    let mut proof = store.begin_proof().await?;
    for source in readable {
        match prove_source(store, &mut proof, &source, control).await {
            Ok(true) => proven.sources += 1,
            Ok(false) => proven.left.push((source.path, "it was written on while it was compared")),
            Err(error) if error.is::<Cancelled>() || control.is_cancelled() => {
                proven.cancelled = true;
                break;
            }
            Err(error) if store::is_away(&error) => return Err(error),
            Err(error) => proof.problem(format!("{}: its events could not be compared: {error:#}", source.path)),
        }
        control.tell(Notice::Progress { sources: 1, bytes: 0 });
    }
    proven.events = proof.events;
    proven.problems = proof.problems();
    Ok(proven)
}

/// Compares one source; says whether it stayed what it was meanwhile.
async fn prove_source(store: &Store, proof: &mut Proof, source: &Source, control: &Control) -> Result<bool> {
    let file = content(store, source, control).await?;
    let (mut again, mut telling) = (Again::begin(source, file, control)?, Telling::default());
    while let Some(batch) = again.next(control).await {
        store.prove(&mut telling, source, &batch).await?;
    }
    again.end().await?;
    store.end_proof_of(proof, telling, source).await
}
