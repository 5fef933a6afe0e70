//! Writes files: slices, copies that are too long for a clipboard, and what programs are to look at.

use std::collections::HashSet;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

use super::{CHUNK, Worker};
use crate::domain::{Body, Role};
use crate::report::{Selection, write_slice};
use crate::ui::files::{self, Counting};
use crate::ui::message::{Members, Message, Then};

impl Worker {
    pub(super) async fn export(&self, job: u64, selection: &Selection, path: &Path, numbered: bool) -> Result<Message> {
        let (path, file) = files::create_new(&files::typed_path(path)?, numbered)?;
        let tell = |written: u64| {
            let words = crate::ui::words::size(written);
            // A full channel only loses a line about progress.
            let _ = self.replies.try_send(Message::Progress { job, words });
        };
        let mut out = Counting::new(file, &self.cancel, &tell);
        let written = write_slice(&self.backend.store, selection, &mut out).await;
        let finished = match written {
            Ok(summary) => out.flush().map(|()| summary).map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        if finished.is_err() {
            // Half a slice would look like evidence.
            let _ = std::fs::remove_file(&path);
        }
        let summary = finished.with_context(|| format!("could not write {}", path.display()))?;
        let size = crate::ui::words::size(summary.bytes);
        let events = crate::ui::words::counted(summary.events, "event");
        Ok(Message::Ended { job, words: format!("wrote {}: {}, {events}, {size}", path.display(), selection.why) })
    }

    /// The records of a row as they were written; one that several events share comes once.
    async fn records(&self, members: &Members) -> Result<Vec<Body>> {
        let mut seen = HashSet::new();
        let mut bodies = self.backend.store.bodies(&members.numbers).await?;
        bodies.retain(|body| body.role == Role::Raw && seen.insert((body.blob, body.start)));
        Ok(bodies)
    }

    pub(super) async fn record(&self, members: &Members) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for (index, body) in self.records(members).await?.iter().enumerate() {
            if index > 0 {
                bytes.push(b'\n');
            }
            bytes.extend(self.read(body, 0, body.size).await?);
        }
        Ok(bytes)
    }

    pub(super) async fn spill(&self, job: u64, members: &Members, bodies: Vec<Body>, then: Then) -> Result<Message> {
        let bodies = if bodies.is_empty() { self.records(members).await? } else { bodies };
        let (file, out) = files::create_temporary()?;
        if let Err(error) = self.copy_out(&bodies, out).await {
            // Nobody will ask for it; that it cannot be removed either is no news.
            let _ = std::fs::remove_file(&file);
            return Err(error);
        }
        Ok(Message::Spilled { job, then, file })
    }

    pub(super) async fn copy_body(&self, job: u64, body: Body) -> Result<Message> {
        let size = crate::ui::words::size(body.size.max(0) as u64);
        let (path, out) = files::create_copy()?;
        if let Err(error) = self.copy_out(&[body], out).await {
            // Half a body is worth nothing; that it cannot be removed either is no news.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        let words = format!("the whole body, {size}, is too long for a clipboard: written to {}", path.display());
        Ok(Message::Ended { job, words })
    }

    async fn copy_out(&self, bodies: &[Body], mut out: BufWriter<std::fs::File>) -> Result<()> {
        for (index, body) in bodies.iter().enumerate() {
            if index > 0 {
                out.write_all(b"\n")?;
            }
            let mut from = 0;
            while from < body.size {
                self.check()?;
                out.write_all(&self.read(body, from, CHUNK).await?)?;
                from += CHUNK;
            }
        }
        self.check()?;
        Ok(out.flush()?)
    }
}
