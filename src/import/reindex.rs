//! Reads what the store has kept once more, by the rules of this version: labels, keys, turns, usage and titles are
//! those that a fresh import would give. Sources that tell the same events are read together, or not at all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::{channel, unbounded_channel};

use super::compare::contains;
use super::driver::{Control, Notice};
use super::head::Head;
use super::present::read_document;
use super::read::{Begin, Cancelled, Saved, read_source};
use super::slice::read_slice;
use super::unpack::{nameless, plain_path};
use super::{FORMATS, Format, Open, Opening, RULES};
use crate::store::{Batch, Rereading, Source, SourceStep, Store};

/// Bytes read from the store at a time.
const PART: i64 = 1 << 20;

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
        match why_not(store, &group).await? {
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

/// Which rules have read a source, as far as that was noted.
fn is_current(source: &Source) -> bool {
    serde_json::from_str::<Saved>(&source.state).is_ok_and(|saved| saved.rules == RULES)
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

/// Why sources cannot be read anew; `None` where they can.
async fn why_not(store: &Store, group: &[Source]) -> Result<Option<String>> {
    for source in group {
        let is_read = FORMATS.iter().any(|format| format.agent == source.importer);
        if !is_read || source.path.contains("://") {
            return Ok(Some(format!("it came from no file ({})", source.path)));
        }
        if store.has_purged(source).await? {
            return Ok(Some(format!("records of {} were purged", source.path)));
        }
        if source.size < 0 {
            return Ok(Some(format!("{} was never read to its end: import it again", source.path)));
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

/// The bytes of a source in a file without a name.
async fn content(store: &Store, source: &Source, control: &Control) -> Result<File> {
    let size = store.blob_size(source.blob).await?;
    let mut out = BufWriter::new(nameless()?);
    let mut at = 0;
    while at < size {
        if control.is_cancelled() {
            bail!(Cancelled);
        }
        let part = store.read(source.blob, at, PART.min(size - at)).await?;
        if part.is_empty() {
            bail!("the store holds less of {} than it says", source.path);
        }
        at += part.len() as i64;
        out.write_all(&part).context("could not write a file for a while")?;
    }
    let mut file = out.into_inner().context("could not write a file for a while")?;
    file.rewind()?;
    Ok(file)
}

async fn read_one(source: &Source, file: File, rereading: &mut Rereading, control: &Control) -> Result<(u64, u64)> {
    let head = Head::read(file.try_clone()?)?;
    let format: &'static Format = FORMATS
        .iter()
        .find(|format| format.agent == source.importer)
        .with_context(|| format!("no format is called {}", source.importer))?;
    let saved = Saved::fresh();
    let begin = Begin {
        step: SourceStep {
            path: source.path.clone(),
            revision: source.revision,
            importer: source.importer.clone(),
            state: saved.text()?,
            ..SourceStep::default()
        },
        stamp: source.stamp(),
        offset: 0,
        line: 0,
        layout: head.layout,
        saved,
        derived: HashMap::new(),
        sessions: Vec::new(),
    };
    let path = super::find::path_of(&source.path);
    let stem = stem(source, &path);
    let (sender, mut batches) = channel::<Batch>(2);
    // Bad records were told when they came in.
    let (notices, mut told) = unbounded_channel();
    let quiet = Control { notices, cancelled: control.cancelled.clone() };
    let reading = tokio::task::spawn_blocking(move || {
        let plain = plain_path(&path);
        let contains = |text: &str| contains(&file, text);
        let opening = Opening { path: &plain, head: &head.outlines, stem: &stem, saved: None, contains: &contains };
        let stamp = begin.stamp;
        match format.open {
            Open::Records(open) => read_source((&path, file.try_clone()?), begin, open(&opening), sender, &quiet),
            Open::Slice => read_slice((&path, file), begin.step, stamp, sender, &quiet),
            Open::Present => read_document((&path, file), &head.outlines, (begin.step, stamp), sender, &quiet),
        }
    });
    let (mut records, mut events) = (0, 0);
    while let Some(mut batch) = batches.recv().await {
        batch.received = super::driver::now();
        records += batch.records.len() as u64;
        events += batch.records.iter().map(|record| record.events.len() as u64).sum::<u64>();
        rereading.append(std::slice::from_ref(&batch)).await?;
        while let Ok(notice) = told.try_recv() {
            if let Notice::Progress { bytes, .. } = notice {
                control.tell(Notice::Progress { sources: 0, bytes });
            }
        }
    }
    reading.await??;
    Ok((records, events))
}

/// The name of a session of which no record says it, as it was given at first.
fn stem(source: &Source, path: &Path) -> String {
    let is_named = FORMATS.last().is_some_and(|unknown| unknown.agent == source.importer);
    let given = source.sessions.first().filter(|_| is_named).cloned();
    let plain: PathBuf = plain_path(path);
    given.unwrap_or_else(|| plain.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

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
