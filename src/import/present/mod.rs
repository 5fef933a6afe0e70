//! Reads what the original system leaves behind: the JSON beside its report, artifacts of its runs, its benchmarks.
//!
//! A document is read twice: first for what must be known before its rows can be told (the blobs behind them, whose
//! session it is), then row by row, each a record with its place. What a row says is told by the domain.

mod benchmark;
mod database;
mod form;
mod out;
mod part;
mod reading;
mod source;
mod survey;

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use tokio::sync::mpsc::Sender;

use super::unpack::plain_path;
use super::{Control, Format, Open};
use crate::domain::Outline;
use crate::domain::present::{AGENT, ids, payload, row, rows};
use crate::store::{Batch, SourceStep, Stamp};
pub use database::{Remote, Remotes, bring_over};
use out::Target;

pub const FORMAT: Format = Format { agent: AGENT, detect: form::detect, open: Open::Present };

/// Reads a document to its end and sends batches. Blocks; runs beside the store.
pub fn read_document(
    source: (&Path, File),
    head: &[Outline],
    (step, stamp): (SourceStep, Stamp),
    batches: Sender<Batch>,
    control: &Control,
) -> Result<()> {
    let head = head.first().context("the document is empty")?;
    let target = Target { name: source.0.display().to_string(), state: step.state.clone(), step, stamp };
    read_into(source, head, target, batches, control)
}

/// The same, where the file is not the source itself.
fn read_into(
    (path, mut file): (&Path, File),
    head: &Outline,
    target: Target,
    batches: Sender<Batch>,
    control: &Control,
) -> Result<()> {
    let again = file.try_clone()?;
    std::io::Seek::rewind(&mut file)?;
    let stem = plain_path(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut survey = survey::Survey::of(&again, head, stem.as_deref().unwrap_or("document"), control)?;
    if target.step.base.is_some_and(|base| base > 0) {
        // What comes later in a session does not say what it began with.
        survey.session.title = None;
    }
    std::io::Seek::rewind(&mut file)?;
    let source = source::Source { file: &again };
    let out = out::Out::new(target, batches, control, source, &survey);
    let mut reading = reading::Reading::new(&survey, out);
    part::read_parts(&mut file, &mut reading, control)?;
    reading.finish(again.metadata()?.len())
}
