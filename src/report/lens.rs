//! The correlation lens: every row that shares a key with one row, key by key, and how each is joined with it.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;

use super::Joined;
use crate::domain::{Event, Key, KeyKind, Session, Timestamp, Via};
use crate::store::Store;
use crate::timeline::{Rows, Strength, describe};

/// Rows of one key that are described; of more only the number is told.
const MOST_ROWS: usize = 200;

/// All rows that have one key.
#[derive(Debug, Clone, PartialEq)]
pub struct Sharing {
    pub key: Key,
    /// Further keys that exactly these rows have.
    pub also: Vec<Key>,
    /// Where they stand in the timeline, in order.
    pub places: Vec<u32>,
    /// The first of them, described.
    pub rows: Vec<SharingRow>,
}

impl Sharing {
    /// The number of rows beyond those that are described.
    pub fn more(&self) -> usize {
        self.places.len() - self.rows.len()
    }
}

/// One of the rows that have a key.
#[derive(Debug, Clone, PartialEq)]
pub struct SharingRow {
    /// The number of its leading event.
    pub lead: i64,
    /// Its place in the timeline.
    pub row: usize,
    pub at: Timestamp,
    pub words: String,
    /// How it is joined with the row that was asked about; `None` where only others tie them.
    pub strength: Option<Strength>,
}

/// The rows of a session that share a key with some events of it, in the order in which keys are shown.
pub async fn lens(store: &Store, session: &Session, joined: &Joined, own: &[i64]) -> Result<Vec<Sharing>> {
    let Some(rows) = joined.rows(session.number) else { return Ok(Vec::new()) };
    let shared = sharing(store, session, rows, own).await?;
    let here = own.first().and_then(|lead| joined.node(*lead));
    let mut groups = Vec::with_capacity(shared.len());
    for (keys, places) in of_same_rows(shared) {
        let mut keys = keys.into_iter();
        let Some(key) = keys.next() else { continue };
        let described = describe_rows(store, rows, &places[..places.len().min(MOST_ROWS)]).await?;
        let row = |(row, words): (usize, String)| {
            let lead = *rows.members(row).first()?;
            let there = joined.node(lead);
            let strength = here.zip(there).and_then(|(here, there)| joined.strength(here, there));
            Some(SharingRow { lead, row, at: rows.get(row)?.time, words, strength })
        };
        let rows = described.into_iter().filter_map(row).collect();
        groups.push(Sharing {
            key,
            also: keys.collect(),
            places: places.iter().map(|place| *place as u32).collect(),
            rows,
        });
    }
    Ok(groups)
}

/// For every key of some events that other rows of the session have too: those rows, their own among them.
pub async fn sharing(store: &Store, session: &Session, rows: &Rows, own: &[i64]) -> Result<Vec<(Key, Vec<usize>)>> {
    let mut keys = keys_of(&store.events(own).await?);
    // By these a decision finds the calls that it may have meant: all calls of the tool have them.
    keys.retain(|key| !matches!(key.via(), Via::ToolMeant | Via::ToolCalled));
    let found = store.sharing(&session.lineage, &keys).await?;
    let places: HashMap<i64, usize> =
        (0..rows.len()).flat_map(|row| rows.members(row).iter().map(move |number| (*number, row))).collect();
    let mut shared = Vec::new();
    for (key, numbers) in found {
        let mut of_key: Vec<usize> = numbers.iter().filter_map(|number| places.get(number).copied()).collect();
        of_key.sort_unstable();
        of_key.dedup();
        if of_key.len() > 1 {
            shared.push((key, of_key));
        }
    }
    shared.sort_by_key(|(key, _)| telling(key.kind));
    Ok(shared)
}

/// Keys that the same rows have stand together.
fn of_same_rows(shared: Vec<(Key, Vec<usize>)>) -> Vec<(Vec<Key>, Vec<usize>)> {
    let mut groups: Vec<(Vec<Key>, Vec<usize>)> = Vec::new();
    for (key, places) in shared {
        match groups.iter_mut().find(|(_, known)| *known == places) {
            Some((keys, _)) => keys.push(key),
            None => groups.push((vec![key], places)),
        }
    }
    groups
}

/// The keys of events, each value of a kind once; a native one before a derived one.
fn keys_of(events: &[Event]) -> Vec<Key> {
    let mut keys: BTreeMap<(KeyKind, &str), &Key> = BTreeMap::new();
    for key in events.iter().flat_map(|event| &event.keys) {
        let known = keys.entry((key.kind, &key.value)).or_insert(key);
        if known.rule.is_some() && key.rule.is_none() {
            *known = key;
        }
    }
    keys.into_values().cloned().collect()
}

/// The kinds of key by how much they tell: a request holds what a person would call one thing.
fn telling(kind: KeyKind) -> usize {
    const ORDER: [KeyKind; 10] = [
        KeyKind::Request,
        KeyKind::Intent,
        KeyKind::Trace,
        KeyKind::Task,
        KeyKind::ToolCall,
        KeyKind::Message,
        KeyKind::ProviderRequest,
        KeyKind::Span,
        KeyKind::Session,
        KeyKind::Room,
    ];
    ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len())
}

async fn describe_rows(store: &Store, rows: &Rows, places: &[usize]) -> Result<Vec<(usize, String)>> {
    let numbers: Vec<i64> = places.iter().flat_map(|row| rows.members(*row)).copied().collect();
    let events = store.events(&numbers).await?;
    let mut by_number: HashMap<i64, Event> = events.into_iter().map(|event| (event.number, event)).collect();
    let words = |row: &usize| {
        let own: Vec<Event> = rows.members(*row).iter().filter_map(|number| by_number.remove(number)).collect();
        let turn = describe(&own)?;
        Some((*row, turn.words()))
    };
    Ok(places.iter().filter_map(words).collect())
}
