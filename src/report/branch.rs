//! The branches of a session: the events connected by joins that start from one request, and what each is called.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;

use super::joined::Joined;
use crate::domain::{Event, Head, KeyKind, Session};
use crate::store::Store;
use crate::timeline::Rows;

/// Events that are read at once.
const PART: usize = 500;

/// The kinds of key that branches are called by; the first that a row has names its branch.
const NAMING: [KeyKind; 4] = [KeyKind::Request, KeyKind::Trace, KeyKind::Intent, KeyKind::Task];

/// What was found for the name of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Branch {
    /// The numbers of its events.
    Of(Vec<i64>),
    /// There is none; those there are, by name, the largest first, each with the rows that have the key.
    Unknown(Vec<(String, usize)>),
}

/// What branches are called that a key of this kind names: `request`, `trace`, `call` …
fn word(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::ToolCall => "call",
        kind => kind.name().trim_end_matches("_id"),
    }
}

/// What a row must have to begin the branch that was asked for.
struct Wanted<'a> {
    kind: Option<KeyKind>,
    value: &'a str,
    whole: &'a str,
}

impl<'a> Wanted<'a> {
    /// `KIND:VALUE`, or a value of any kind of key, or the id of a row or an event.
    fn of(name: &'a str) -> Self {
        let kinds = KeyKind::ALL.into_iter();
        let split = name.split_once(':');
        let kind = split.and_then(|(kind, _)| kinds.clone().find(|known| word(*known) == kind || known.name() == kind));
        match (kind, split) {
            (Some(kind), Some((_, value))) => Self { kind: Some(kind), value, whole: name },
            _ => Self { kind: None, value: name, whole: name },
        }
    }

    fn is_met(&self, event: &Event) -> bool {
        let fits = |kind: KeyKind| match self.kind {
            Some(wanted) => wanted == kind,
            // Every row has these.
            None => !matches!(kind, KeyKind::Session | KeyKind::Room),
        };
        event.keys.iter().any(|key| fits(key.kind) && key.value == self.value)
            || [event.id.as_str(), &event.name(), &event.row()].contains(&self.whole)
    }
}

/// The branch of a session by its name: a key, such as `request:ID`, or the id of a row that is in it.
pub async fn branch(store: &Store, session: &Session, name: &str) -> Result<Branch> {
    let wanted = Wanted::of(name);
    let heads: Vec<Head> = store.heads(session.number, None).await?;
    let rows = Rows::of(&heads);
    let places: HashMap<i64, u32> =
        (0..rows.len()).flat_map(|row| rows.members(row).iter().map(move |number| (*number, row as u32))).collect();
    let numbers: Vec<i64> = heads.iter().map(|head| head.number).collect();
    let mut met: BTreeSet<u32> = BTreeSet::new();
    let (mut names, mut counts): (Vec<String>, HashMap<String, BTreeSet<u32>>) = (Vec::new(), HashMap::new());
    for chunk in numbers.chunks(PART) {
        for event in store.events(chunk).await? {
            let Some(row) = places.get(&event.number).copied() else { continue };
            if wanted.is_met(&event) {
                met.insert(row);
            }
            let naming = NAMING.into_iter().find_map(|kind| Some((kind, event.values(kind).next()?)));
            if let Some((kind, value)) = naming {
                let name = format!("{}:{value}", word(kind));
                let rows = counts.entry(name.clone()).or_default();
                if rows.is_empty() {
                    names.push(name);
                }
                rows.insert(row);
            }
        }
    }
    if met.is_empty() {
        let count = |name: &String| counts.get(name).map_or(0, BTreeSet::len);
        let mut known: Vec<(String, usize)> = names.iter().map(|name| (name.clone(), count(name))).collect();
        known.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        return Ok(Branch::Unknown(known));
    }
    let joined = Joined::of(store, session).await?;
    let starts = met.iter().filter_map(|row| joined.node(*rows.members(*row as usize).first()?)).collect();
    let mut events: Vec<i64> =
        joined.branch(starts).into_iter().flat_map(|node| joined.members(node).to_vec()).collect();
    // Events that came in meanwhile are in no join yet.
    events.extend(met.iter().flat_map(|row| rows.members(*row as usize)));
    events.sort_unstable();
    events.dedup();
    Ok(Branch::Of(events))
}
