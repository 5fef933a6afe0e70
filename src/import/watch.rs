//! Watches files and folders, and brings in what has come since the last look.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::compare::stamp;
use super::driver::{Control, Outcome, bring_in_found};
use super::find::{Found, find};
use crate::store::{Stamp, Store};

/// A record that is being written is given so long to come to its end.
const PATIENCE: Duration = Duration::from_secs(1);

/// Files and folders, and what they were when they were last looked at.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    seen: HashMap<PathBuf, Stamp>,
}

impl Watch {
    /// Watches from now on: what is there already counts as seen.
    pub fn from_now(paths: Vec<PathBuf>) -> Self {
        let mut watch = Self { paths, seen: HashMap::new() };
        for found in find(&watch.paths).0 {
            if let Some(stamp) = stamp_of(&found.path) {
                watch.seen.insert(found.path, stamp);
            }
        }
        watch
    }

    /// Watches what a store may not know yet: all that is there is looked at once.
    pub fn from_the_start(paths: Vec<PathBuf>) -> Self {
        Self { paths, seen: HashMap::new() }
    }

    /// Brings in what has changed; `None` where nothing has. A file that has gone is no change.
    pub async fn bring_in(&mut self, store: &Store, control: &Control) -> Result<Option<Outcome>> {
        let changed = self.changed();
        if changed.is_empty() {
            return Ok(None);
        }
        let found = changed.iter().map(|(found, _)| found.clone()).collect();
        let outcome = bring_in_found(store, &self.paths, found, Vec::new(), control).await?;
        if !outcome.cancelled {
            self.seen.extend(changed.into_iter().map(|(found, stamp)| (found.path, stamp)));
        }
        Ok(Some(outcome))
    }

    /// What is new or has changed and may be read now, with what it is.
    fn changed(&self) -> Vec<(Found, Stamp)> {
        let (found, _) = find(&self.paths);
        found
            .into_iter()
            .filter_map(|found| {
                let stamp = stamp_of(&found.path)?;
                let is_new = self.seen.get(&found.path) != Some(&stamp);
                (is_new && is_whole(&found.path)).then_some((found, stamp))
            })
            .collect()
    }
}

fn stamp_of(path: &Path) -> Option<Stamp> {
    fs::metadata(path).ok().map(|metadata| stamp(&metadata))
}

/// Whether the last record is complete, as far as its line end tells, or has been waited for long enough.
fn is_whole(path: &Path) -> bool {
    let ends_well = || -> std::io::Result<bool> {
        let mut file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.len() == 0 {
            return Ok(true);
        }
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        let still = SystemTime::now().duration_since(metadata.modified()?).is_ok_and(|age| age >= PATIENCE);
        Ok(last == *b"\n" || still)
    };
    // What cannot be read is told by the import.
    ends_well().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn append(path: &Path, text: &str) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("opens");
        file.write_all(text.as_bytes()).expect("writes");
    }

    fn names(watch: &Watch) -> Vec<String> {
        let name = |path: &Path| path.file_name().expect("has one").to_string_lossy().into_owned();
        watch.changed().iter().map(|(found, _)| name(&found.path)).collect()
    }

    #[tokio::test]
    async fn only_what_is_new_is_read_and_a_half_written_record_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store.db")).await.expect("opens");
        let sessions = folder.path().join("sessions");
        fs::create_dir(&sessions).expect("is made");
        let (one, two) = (sessions.join("one.jsonl"), sessions.join("two.jsonl"));
        append(&one, "{\"type\":\"user\",\"sessionId\":\"one\",\"message\":{\"role\":\"user\",\"content\":\"a\"}}\n");
        let (notices, _heard) = unbounded_channel();
        let control = Control { notices, cancelled: Arc::default() };
        let mut watch = Watch::from_the_start(vec![sessions.clone()]);
        let first = watch.bring_in(&store, &control).await.expect("reads").expect("is new");
        assert_eq!(first.reports.len(), 1);
        assert!(watch.bring_in(&store, &control).await.expect("reads").is_none());

        append(&one, "{\"type\":\"user\",\"sessionId\":\"one\",");
        assert!(names(&watch).is_empty(), "a record is still being written");
        append(&one, "\"message\":{\"role\":\"user\",\"content\":\"b\"}}\n");
        append(&two, "{\"type\":\"user\",\"sessionId\":\"two\",\"message\":{\"role\":\"user\",\"content\":\"c\"}}\n");
        assert_eq!(names(&watch), ["one.jsonl", "two.jsonl"]);
        assert!(names(&Watch::from_now(vec![sessions])).is_empty());
        let second = watch.bring_in(&store, &control).await.expect("reads").expect("is new");
        assert_eq!(
            second.reports.iter().map(|report| (report.records, report.bad)).collect::<Vec<_>>(),
            [(2, 0), (1, 0)]
        );
    }

    #[test]
    fn a_record_that_stays_cut_is_read_after_a_while() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cut.jsonl");
        append(&path, "{\"type\":");
        assert!(!is_whole(&path));
        let earlier = SystemTime::now() - PATIENCE * 2;
        fs::File::options().write(true).open(&path).expect("opens").set_modified(earlier).expect("is dated");
        assert!(is_whole(&path));
    }
}
