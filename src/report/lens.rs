//! The correlation lens: every row that belongs together with one row, by the keys they share and by all other joins.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Result;

use super::Joined;
use crate::domain::{Event, Key, KeyKind, Session, Timestamp, Via};
use crate::store::Store;
use crate::timeline::{Rows, Strength, describe};

/// Rows of one group that are described; of more only the number is told.
const MOST_ROWS: usize = 200;

/// Why rows stand together with the one that was asked about.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// They have these keys, and exactly they have all of them.
    Keys(Key, Vec<Key>),
    /// This rule ties them to it.
    Rule(&'static str, Strength),
    /// By this rule each of them may be meant by it, and none was chosen.
    Candidates(&'static str),
    /// By this rule each of them may mean it, among others, and chose none.
    CandidateOf(&'static str),
    /// Joins lead to them over other rows.
    Branch,
}

impl Reason {
    /// The key that stands for the group.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Self::Keys(key, _) => Some(key),
            _ => None,
        }
    }
}

/// Rows that stand together with one for the same reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Sharing {
    pub reason: Reason,
    /// Where those of the session stand in its timeline, in order.
    pub places: Vec<u32>,
    /// The first rows, described: those of the session, then those of other sessions.
    pub rows: Vec<SharingRow>,
    /// How many more there are.
    pub more: usize,
}

/// One of the rows of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct SharingRow {
    /// The number of its leading event.
    pub lead: i64,
    /// Its place in the timeline; `None` for a row of another session.
    pub row: Option<usize>,
    /// The id of its session.
    pub session: String,
    pub at: Timestamp,
    pub words: String,
    /// How it is joined with the row that was asked about; `None` where only others tie them.
    pub strength: Option<Strength>,
}

/// The rows that stand together with a row, whose events are given: first those that share a key with it, key by key,
/// then, where the joins are known, those that a rule ties to it without one, and what lies behind them.
pub async fn lens(
    store: &Store,
    session: &Session,
    rows: &Rows,
    joined: Option<&Joined>,
    own: &[i64],
) -> Result<Vec<Sharing>> {
    let shared = sharing(store, session, rows, own).await?;
    let here = joined.zip(own.first()).and_then(|(joined, lead)| Some((joined, joined.node(*lead)?)));
    let mut groups = Vec::new();
    let mut told: HashSet<u32> = HashSet::new();
    for (keys, places) in of_same_rows(shared) {
        let mut keys = keys.into_iter();
        let Some(key) = keys.next() else { continue };
        told.extend(&places);
        let members = places.iter().map(|place| rows.members(*place as usize).to_vec()).collect();
        groups.push(group(store, Reason::Keys(key, keys.collect()), &places, members, here).await?);
    }
    if let Some((joined, node)) = here {
        for (reason, nodes) in ties(joined, node, rows, &told) {
            let (places, members) = split(joined, rows, &nodes);
            groups.push(group(store, reason, &places, members, here).await?);
        }
    }
    groups.retain(|group| !group.rows.is_empty());
    Ok(groups)
}

/// The rows that joins lead to beside those that keys have told of, reason by reason, the strongest first.
fn ties(joined: &Joined, node: u32, rows: &Rows, told: &HashSet<u32>) -> Vec<(Reason, Vec<u32>)> {
    let is_told = |node: u32| place_of(joined, node, rows).is_some_and(|place| told.contains(&place));
    let mut groups: Vec<(Reason, Vec<u32>)> = Vec::new();
    for link in joined.web.links_of(node) {
        let (reason, nodes) = match (link.strength(), link.other(node)) {
            (Strength::Ambiguous, _) if link.from == node => {
                (Reason::Candidates(link.rule().name), joined.web.candidates_of(link).to_vec())
            }
            (Strength::Ambiguous, _) => (Reason::CandidateOf(link.rule().name), vec![link.from]),
            (_, None) => continue,
            // What keys show as well is worth a second line only where it is not certain.
            (strength, Some(other)) if strength < Strength::Near && is_told(other) => continue,
            (strength, Some(other)) => (Reason::Rule(link.rule().name, strength), vec![other]),
        };
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, known)) => known.extend(nodes),
            None => groups.push((reason, nodes)),
        }
    }
    let starts: Vec<u32> = groups.iter().flat_map(|(_, nodes)| nodes).copied().chain([node]).collect();
    let known: HashSet<u32> = starts.iter().copied().collect();
    let mut branch = joined.branch(starts);
    branch.retain(|other| !known.contains(other) && !is_told(*other));
    groups.push((Reason::Branch, branch));
    groups
}

/// The place of a node in the timeline that is shown; `None` for another session, and where its row is not here yet.
fn place_of(joined: &Joined, node: u32, rows: &Rows) -> Option<u32> {
    let place = joined.place(node)?;
    let is_same = rows.members(place as usize).first() == joined.members(node).first();
    is_same.then_some(place)
}

/// The places of nodes in the timeline, in order; and the events of all of them, in the same order, other sessions last.
fn split(joined: &Joined, rows: &Rows, nodes: &[u32]) -> (Vec<u32>, Vec<Vec<i64>>) {
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for node in nodes {
        match place_of(joined, *node, rows) {
            Some(place) => own.push(place),
            None => others.push(*node),
        }
    }
    own.sort_unstable();
    own.dedup();
    others.sort_unstable();
    others.dedup();
    let members = own.iter().map(|place| rows.members(*place as usize).to_vec());
    let members = members.chain(others.iter().map(|node| joined.members(*node).to_vec())).collect();
    (own, members)
}

/// A group with its first rows described; `members` are the events of its rows, those at `places` first.
async fn group(
    store: &Store,
    reason: Reason,
    places: &[u32],
    members: Vec<Vec<i64>>,
    here: Option<(&Joined, u32)>,
) -> Result<Sharing> {
    let shown = &members[..members.len().min(MOST_ROWS)];
    let numbers: Vec<i64> = shown.iter().flatten().copied().collect();
    let events = store.events(&numbers).await?;
    let mut by_number: HashMap<i64, Event> = events.into_iter().map(|event| (event.number, event)).collect();
    let mut rows = Vec::with_capacity(shown.len());
    for (index, members) in shown.iter().enumerate() {
        let events: Vec<Event> = members.iter().filter_map(|number| by_number.remove(number)).collect();
        // Rows that another process has purged meanwhile are not there any more.
        let (Some(turn), Some(lead)) = (describe(&events), events.first()) else { continue };
        let strength = here.and_then(|(joined, node)| joined.strength(node, joined.node(lead.number)?));
        rows.push(SharingRow {
            lead: lead.number,
            row: places.get(index).map(|place| *place as usize),
            session: lead.session.clone(),
            at: lead.order.time,
            words: turn.words(),
            strength,
        });
    }
    Ok(Sharing { reason, places: places.to_vec(), rows, more: members.len() - shown.len() })
}

/// For every key of some events that other rows of the session have too: those rows, their own among them.
async fn sharing(store: &Store, session: &Session, rows: &Rows, own: &[i64]) -> Result<Vec<(Key, Vec<u32>)>> {
    let mut keys = keys_of(&store.events(own).await?);
    // By these a decision finds the calls that it may have meant: all calls of the tool have them.
    keys.retain(|key| !matches!(key.via(), Via::ToolMeant | Via::ToolCalled));
    let found = store.sharing(&session.lineage, &keys).await?;
    let wanted: HashSet<i64> = found.iter().flat_map(|(_, numbers)| numbers).copied().collect();
    let members = (0..rows.len()).flat_map(|row| rows.members(row).iter().map(move |number| (*number, row as u32)));
    let places: HashMap<i64, u32> = members.filter(|(number, _)| wanted.contains(number)).collect();
    let mut shared = Vec::new();
    for (key, numbers) in found {
        let mut of_key: Vec<u32> = numbers.iter().filter_map(|number| places.get(number).copied()).collect();
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
fn of_same_rows(shared: Vec<(Key, Vec<u32>)>) -> Vec<(Vec<Key>, Vec<u32>)> {
    let mut groups: Vec<(Vec<Key>, Vec<u32>)> = Vec::new();
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
