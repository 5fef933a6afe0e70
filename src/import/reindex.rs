//! Reads what the store has kept once more, by the rules of this version: labels, keys, turns, usage and titles are
//! those that a fresh import would give. Sources that tell the same events are read together, or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;

use anyhow::Result;

use super::again::{Again, content, is_current, why_not};
use super::driver::{Control, Notice};
use super::read::Cancelled;
use crate::store::{Rereading, Source, Store};

/// What reading anew came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reindexed {
    /// Sources that were read anew, and records and events of them.
    pub sources: u64,
    pub records: u64,
    pub events: u64,
    /// Sources that this version's rules had read already.
    pub current: u64,
    /// Sources that could not be read anew and stayed as they are: name and reason.
    pub left: Vec<(String, String)>,
    /// The ids of the sessions that may look different now.
    pub sessions: BTreeSet<String>,
    pub cancelled: bool,
}

/// Reads the kept sources anew: those that older rules have read, or all of them.
pub async fn reindex(store: &Store, all: bool, control: &Control) -> Result<Reindexed> {
    let sources = store.all_sources().await?;
    let mut done = Reindexed::default();
    let mut bytes = 0;
    let mut groups = Vec::new();
    for group in grouped(sources, &store.telling_the_same().await?) {
        if !all && group.iter().all(is_current) {
            done.current += group.len() as u64;
            continue;
        }
        match why_not_all(store, &group).await? {
            Some(reason) => done.left.extend(group.into_iter().map(|source| (source.path, reason.clone()))),
            None => {
                bytes += group.iter().map(|source| source.consumed.unsigned_abs()).sum::<u64>();
                groups.push(group);
            }
        }
    }
    control.tell(Notice::Found { sources: groups.iter().map(Vec::len).sum(), bytes });
    for group in groups {
        match read_group(store, &group, control).await {
            Ok((records, events, sessions)) => {
                (done.sources, done.records, done.events) =
                    (done.sources + group.len() as u64, done.records + records, done.events + events);
                done.sessions.extend(sessions);
            }
            Err(error) if error.is::<Cancelled>() || control.is_cancelled() => {
                done.cancelled = true;
                break;
            }
            Err(error) if crate::store::is_failure(&error) => return Err(error),
            Err(error) => {
                let reason = format!("{error:#}");
                done.left.extend(group.iter().map(|source| (source.path.clone(), reason.clone())));
            }
        }
        control.tell(Notice::Progress { sources: group.len(), bytes: 0 });
    }
    store.settle().await?;
    Ok(done)
}

/// The sources in groups, each of which shares no event with another; in the order in which they came in.
fn grouped(sources: Vec<Source>, same: &[(i64, i64)]) -> Vec<Vec<Source>> {
    let mut group_of: HashMap<i64, i64> = sources.iter().map(|source| (source.number, source.number)).collect();
    // All revisions of a source belong together.
    let mut first: HashMap<&str, i64> = HashMap::new();
    let revisions = sources.iter().filter_map(|source| {
        let known = *first.entry(&source.path).or_insert(source.number);
        (known != source.number).then_some((known, source.number))
    });
    let pairs: Vec<(i64, i64)> = same.iter().copied().chain(revisions.collect::<Vec<_>>()).collect();
    fn root(group_of: &HashMap<i64, i64>, mut number: i64) -> i64 {
        while let Some(above) = group_of.get(&number).filter(|above| **above != number) {
            number = *above;
        }
        number
    }
    for (one, other) in pairs {
        let (one, other) = (root(&group_of, one), root(&group_of, other));
        group_of.insert(one.max(other), one.min(other));
    }
    let mut groups: BTreeMap<i64, Vec<Source>> = BTreeMap::new();
    for source in sources {
        groups.entry(root(&group_of, source.number)).or_default().push(source);
    }
    groups.into_values().collect()
}

/// Why not all sources of a group can be read anew; `None` where they can.
async fn why_not_all(store: &Store, group: &[Source]) -> Result<Option<String>> {
    for source in group {
        if let Some(reason) = why_not(store, source).await? {
            return Ok(Some(format!("{reason} ({})", source.path)));
        }
    }
    Ok(None)
}

/// Reads the sources of a group within one transaction: records, events, and the sessions concerned.
async fn read_group(store: &Store, group: &[Source], control: &Control) -> Result<(u64, u64, BTreeSet<String>)> {
    // The bytes are fetched first, because they go with the sources.
    let mut files = Vec::with_capacity(group.len());
    for source in group {
        files.push(content(store, source, control).await?);
    }
    let mut rereading = store.reread(group).await?;
    let (mut records, mut events) = (0, 0);
    for (source, file) in group.iter().zip(files) {
        let (more, of_them) = read_one(source, file, &mut rereading, control).await?;
        (records, events) = (records + more, events + of_them);
    }
    let sessions = rereading.finish().await?;
    Ok((records, events, sessions))
}

async fn read_one(source: &Source, file: File, rereading: &mut Rereading, control: &Control) -> Result<(u64, u64)> {
    let (mut again, mut records, mut events) = (Again::begin(source, file, control)?, 0, 0);
    while let Some(mut batch) = again.next(control).await {
        batch.received = super::driver::now();
        records += batch.records.len() as u64;
        events += batch.records.iter().map(|record| record.events.len() as u64).sum::<u64>();
        rereading.append(std::slice::from_ref(&batch)).await?;
    }
    again.end().await?;
    Ok((records, events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::RULES;

    fn source(number: i64, path: &str) -> Source {
        Source { number, path: path.to_owned(), ..Source::default() }
    }

    #[test]
    fn sources_that_tell_the_same_are_read_together() {
        let sources = vec![source(1, "a"), source(2, "b"), source(3, "c"), source(4, "a"), source(5, "d")];
        let groups = grouped(sources, &[(5, 2)]);
        let numbers: Vec<Vec<i64>> =
            groups.iter().map(|group| group.iter().map(|source| source.number).collect()).collect();
        assert_eq!(numbers, [vec![1, 4], vec![2, 5], vec![3]]);
    }

    #[test]
    fn what_was_read_by_other_rules_is_not_current() {
        let read = |state: &str| is_current(&Source { state: state.to_owned(), ..Source::default() });
        assert!(!read("") && !read(r#"{"time":0,"reader":""}"#) && !read(r#"{"time":0,"reader":"","rules":0}"#));
        assert!(read(&format!(r#"{{"time":0,"reader":"","rules":{RULES}}}"#)));
    }
}
