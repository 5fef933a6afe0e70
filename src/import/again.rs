//! Reads a kept source once more, from the bytes that the store has of it, by the rules of this version.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::{Receiver, UnboundedReceiver, channel, unbounded_channel};
use tokio::task::JoinHandle;

use super::compare::contains;
use super::driver::{Control, Notice};
use super::head::Head;
use super::present::read_document;
use super::read::{Begin, Cancelled, Saved, read_source};
use super::slice::read_slice;
use super::unpack::{nameless, plain_path};
use super::{FORMATS, Format, Open, Opening, RULES};
use crate::store::{Batch, Source, SourceStep, Store};

/// Bytes read from the store at a time.
const PART: i64 = 1 << 20;

/// Why a source cannot be read anew; `None` where it can.
pub async fn why_not(store: &Store, source: &Source) -> Result<Option<&'static str>> {
    let is_read = FORMATS.iter().any(|format| format.agent == source.importer);
    Ok(if !is_read || source.path.contains("://") {
        Some("it came from no file")
    } else if store.has_purged(source).await? {
        Some("records of it were purged")
    } else if source.size < 0 {
        Some("it was never read to its end: import it again")
    } else {
        None
    })
}

/// Whether the rules of this version have read a source, as far as that was noted.
pub fn is_current(source: &Source) -> bool {
    serde_json::from_str::<Saved>(&source.state).is_ok_and(|saved| saved.rules == RULES)
}

/// The bytes of a source in a file without a name.
pub async fn content(store: &Store, source: &Source, control: &Control) -> Result<File> {
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

/// A source that is being read again.
pub struct Again {
    batches: Receiver<Batch>,
    reading: JoinHandle<Result<()>>,
    told: UnboundedReceiver<Notice>,
}

impl Again {
    /// Begins to read the bytes of a source, on a thread of its own.
    pub fn begin(source: &Source, file: File, control: &Control) -> Result<Self> {
        let head = Head::read(file.try_clone()?)?;
        let format: &'static Format = FORMATS
            .iter()
            .find(|format| format.agent == source.importer)
            .with_context(|| format!("no format is called {}", source.importer))?;
        let begin = fresh(source, &head)?;
        let path = super::find::path_of(&source.path);
        let stem = stem(source, &path);
        let (sender, batches) = channel::<Batch>(2);
        // Bad records were told when they came in.
        let (notices, told) = unbounded_channel();
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
        Ok(Self { batches, reading, told })
    }

    /// The next batch; `None` at the end, and where it breaks off. Tells how many bytes have been read.
    pub async fn next(&mut self, control: &Control) -> Option<Batch> {
        let batch = self.batches.recv().await;
        while let Ok(notice) = self.told.try_recv() {
            if let Notice::Progress { bytes, .. } = notice {
                control.tell(Notice::Progress { sources: 0, bytes });
            }
        }
        batch
    }

    /// How it ended.
    pub async fn end(self) -> Result<()> {
        self.reading.await?
    }
}

/// Where reading begins that knows nothing from the time before.
fn fresh(source: &Source, head: &Head) -> Result<Begin> {
    let saved = Saved::fresh();
    Ok(Begin {
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
    })
}

/// The name of a session of which no record says it, as it was given at first.
fn stem(source: &Source, path: &Path) -> String {
    let is_named = FORMATS.last().is_some_and(|unknown| unknown.agent == source.importer);
    let given = source.sessions.first().filter(|_| is_named).cloned();
    let plain: PathBuf = plain_path(path);
    given.unwrap_or_else(|| plain.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default())
}
