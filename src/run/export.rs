//! `turnscope export`: a session as a verifiable slice, or as the files it came from.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::filter::Wanted;
use super::location::Location;
use super::output::Output;
use super::redact;
use super::selection::{self, Chosen};
use super::whole_file::WholeFile;
use super::zone::Zone;
use super::{Ended, tell, usage};
use crate::cli::{Export, Form};
use crate::domain::{Session, escape_json, safe};
use crate::report::{Extra, Pick, Selection, incomplete, write_original, write_slice};
use crate::store::Store;

pub async fn export(location: &Location, wanted: &Export, output: &mut Output) -> Result<Ended> {
    // What is half done falls with the work, so nothing of it is left behind.
    tokio::select! {
        ended = work(location, wanted, output) => ended,
        _ = tokio::signal::ctrl_c() => Ok(Ended::Cancelled),
    }
}

async fn work(location: &Location, wanted: &Export, output: &mut Output) -> Result<Ended> {
    let some_rows = !wanted.events.is_empty() || wanted.rows.filter.is_some();
    if wanted.format == Form::Original && (some_rows || wanted.rows.from.is_some() || wanted.rows.to.is_some()) {
        let reason = "`--format original` writes whole files, so it takes no `--events`, `--where`, `--from` or `--to`";
        return Err(usage(reason));
    }
    if wanted.format == Form::Original && wanted.redact.is_wanted() {
        return Err(usage("`--format original` writes files as they are, so it takes no `--redact`"));
    }
    // A rule that cannot be read stops everything before anything is opened.
    let redaction = redact::redaction(&wanted.redact)?;
    let store = location.open().await?;
    let chosen = selection::find(&store, wanted.session.as_deref(), &wanted.original, &output.zone).await?;
    if wanted.format == Form::Original && !chosen.window.is_open() {
        return Err(usage("`--format original` writes whole files, so it takes no window"));
    }
    match (wanted.format, &wanted.output) {
        (Form::Original, None) => return Err(usage("`--format original` needs a folder: name it with -o")),
        (Form::Original, Some(folder)) => originals(&store, &chosen.session, folder, wanted.force, output).await?,
        (Form::Json, file) => {
            let mut selection = select(&store, &chosen, wanted, &output.zone).await?;
            if let Some(redaction) = &redaction {
                selection.veil =
                    Some(redact::show(&store, &selection, &Extra::new(), redaction, &wanted.redact, output).await?);
            }
            match file {
                _ if wanted.redact.dry_run => {}
                Some(file) if file.as_os_str() != "-" => slice_to_file(&store, &selection, file, wanted.force).await?,
                _ => slice_to_stdout(&store, &selection, output).await?,
            }
        }
    }
    store.close().await;
    Ok(Ended::Well)
}

async fn select(
    store: &Store,
    Chosen { session, window, .. }: &Chosen,
    wanted: &Export,
    zone: &Zone,
) -> Result<Selection> {
    let inside: Option<HashSet<i64>> = if window.is_open() {
        None
    } else {
        let heads = window.narrow(store.heads(session.number, None).await?);
        Some(heads.iter().map(|head| head.number).collect())
    };
    if let Some(rows) = Wanted::read(store, &wanted.rows, zone).await? {
        let mut events = Pick::among_all(store, session, &rows.expression, rows.frame).await?.events().await?;
        events.retain(|number| inside.as_ref().is_none_or(|inside| inside.contains(number)));
        if events.is_empty() {
            bail!("no row of session {} matches: {}", session.id, rows.why);
        }
        return Ok(Selection { session: session.id.clone(), events: Some(events), why: rows.why, veil: None });
    }
    let ids = &wanted.events;
    if let (true, Some(inside)) = (ids.is_empty(), &inside) {
        let mut numbers: Vec<i64> = inside.iter().copied().collect();
        numbers.sort_unstable();
        return Ok(Selection {
            session: session.id.clone(),
            events: Some(numbers),
            why: format!("{window}"),
            veil: None,
        });
    }
    if ids.is_empty() {
        return Ok(Selection {
            session: session.id.clone(),
            events: None,
            why: "whole session".to_owned(),
            veil: None,
        });
    }
    let mut numbers = Vec::new();
    for id in ids {
        let mut found = store.named(session.number, id).await?;
        found.retain(|number| inside.as_ref().is_none_or(|inside| inside.contains(number)));
        if found.is_empty() {
            bail!("session {} has no event or row `{id}`: `turnscope timeline` lists them", session.id);
        }
        numbers.extend(found);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(Selection {
        session: session.id.clone(),
        events: Some(numbers),
        why: format!("events {}", ids.join(", ")),
        veil: None,
    })
}

async fn slice_to_file(store: &Store, selection: &Selection, path: &Path, force: bool) -> Result<()> {
    let mut file = WholeFile::start(path, force)?;
    let summary = write_slice(store, selection, &mut file.out)
        .await
        .with_context(|| format!("could not write {}", path.display()))?;
    file.keep()?;
    tell(&format!("wrote {}: {} events and {} bodies", path.display(), summary.events, summary.bodies));
    Ok(())
}

async fn slice_to_stdout(store: &Store, selection: &Selection, output: &mut Output) -> Result<()> {
    let terminal = output.terminal;
    let mut escaped = Escaping { out: &mut output.out, open: Vec::new() };
    let out: &mut (dyn Write + Send) = if terminal { &mut escaped } else { &mut output.out };
    write_slice(store, selection, out).await.context("could not write the slice")?;
    Ok(())
}

async fn originals(store: &Store, session: &Session, folder: &Path, force: bool, output: &mut Output) -> Result<()> {
    let written = write_original(store, &session.id, folder, force).await?;
    for file in &written {
        output.line(&safe(&file.path.to_string_lossy()))?;
        if file.purged > 0 {
            tell(&format!("{} bytes of {} were purged and are left out", file.purged, file.path.display()));
        }
        if !file.also.is_empty() {
            tell(&format!("{} also holds records of {}", file.path.display(), file.also.join(", ")));
        }
    }
    Ok(())
}

/// JSON on its way to a terminal: what could steer it is escaped, which loses nothing.
struct Escaping<W> {
    out: W,
    /// The beginning of a character whose rest comes with the next bytes.
    open: Vec<u8>,
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.extend_from_slice(bytes);
        let whole = self.open.len() - incomplete(&self.open);
        let text = String::from_utf8_lossy(&self.open[..whole]);
        self.out.write_all(escape_json(&text).as_bytes())?;
        self.open.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_on_a_terminal_cannot_steer_it() {
        let mut escaped = Escaping { out: Vec::new(), open: Vec::new() };
        for byte in "\"ż\u{9b}2J\u{202e}\"\n".bytes() {
            escaped.write_all(&[byte]).expect("writes");
        }
        assert_eq!(String::from_utf8_lossy(&escaped.out), "\"ż\\u009b2J\\u202e\"\n");
    }
}
