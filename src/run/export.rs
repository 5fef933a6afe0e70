//! `turnscope export`: a session as a verifiable slice, in a form for other readers, or as the files it came from.

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
use crate::domain::price::Prices;
use crate::domain::{Session, escape_json, safe};
use crate::report::{
    Branch, Extra, Markdown, Ndjson, Otlp, Page, Pick, SCHEMA, Selection, Slice, Summary, branch, incomplete, leave,
    write_original,
};
use crate::store::Store;

/// Branches that an error names.
const NAMED: usize = 20;

pub async fn export(location: &Location, wanted: &Export, output: &mut Output) -> Result<Ended> {
    if wanted.schema {
        output.bytes(SCHEMA.as_bytes())?;
        return Ok(Ended::Well);
    }
    // What is half done falls with the work, so nothing of it is left behind.
    tokio::select! {
        ended = work(location, wanted, output) => ended,
        _ = tokio::signal::ctrl_c() => Ok(Ended::Cancelled),
    }
}

async fn work(location: &Location, wanted: &Export, output: &mut Output) -> Result<Ended> {
    let some_rows = !wanted.events.is_empty() || wanted.rows.filter.is_some() || wanted.branch.is_some();
    if wanted.format == Form::Original && (some_rows || wanted.rows.from.is_some() || wanted.rows.to.is_some()) {
        let reason = "`--format original` writes whole files, so it takes no `--events`, `--branch`, `--where`, `--from` or `--to`";
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
        (form, file) => {
            let mut selection = select(&store, &chosen, wanted, &output.zone).await?;
            if let Some(redaction) = &redaction {
                selection.veil =
                    Some(redact::show(&store, &selection, &Extra::new(), redaction, &wanted.redact, output).await?);
            }
            match file {
                _ if wanted.redact.dry_run => {}
                Some(file) if file.as_os_str() != "-" => {
                    to_file(&store, &selection, form, file, wanted.force, &output.prices).await?;
                }
                _ => to_stdout(&store, &selection, form, output).await?,
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
    let mut whys = Vec::new();
    let mut inside: Option<HashSet<i64>> = None;
    if !window.is_open() {
        let heads = window.narrow(store.heads(session.number, None).await?);
        inside = Some(heads.iter().map(|head| head.number).collect());
        whys.push(format!("{window}"));
    }
    if let Some(name) = &wanted.branch {
        let of_branch = of_branch(store, session, name).await?.into_iter();
        inside =
            Some(of_branch.filter(|number| inside.as_ref().is_none_or(|inside| inside.contains(number))).collect());
        whys.push(format!("branch {name}"));
    }
    if let Some(rows) = Wanted::read(store, &wanted.rows, zone).await? {
        let mut events = Pick::among_all(store, session, &rows.expression, rows.frame).await?.events().await?;
        events.retain(|number| inside.as_ref().is_none_or(|inside| inside.contains(number)));
        if events.is_empty() {
            bail!("no row of session {} matches: {}", session.id, rows.why);
        }
        whys.push(rows.why);
        return Ok(Selection { session: session.id.clone(), events: Some(events), why: whys.join(" "), veil: None });
    }
    let ids = &wanted.events;
    if let (true, Some(inside)) = (ids.is_empty(), &inside) {
        let mut numbers: Vec<i64> = inside.iter().copied().collect();
        if numbers.is_empty() {
            bail!("no row of session {} is in: {}", session.id, whys.join(" "));
        }
        numbers.sort_unstable();
        return Ok(Selection { session: session.id.clone(), events: Some(numbers), why: whys.join(" "), veil: None });
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
        if found.is_empty() && !whys.is_empty() {
            bail!("session {} has no event or row `{id}` in: {}", session.id, whys.join(" "));
        }
        if found.is_empty() {
            bail!("session {} has no event or row `{id}`: `turnscope timeline` lists them", session.id);
        }
        numbers.extend(found);
    }
    numbers.sort_unstable();
    numbers.dedup();
    whys.push(format!("events {}", ids.join(", ")));
    Ok(Selection { session: session.id.clone(), events: Some(numbers), why: whys.join(" "), veil: None })
}

/// The events of a branch; where there is none of that name, those there are stand in the error.
async fn of_branch(store: &Store, session: &Session, name: &str) -> Result<Vec<i64>> {
    let known = match branch(store, session, name).await? {
        Branch::Of(events) => return Ok(events),
        Branch::Unknown(known) => known,
    };
    let mut told = format!("session {} has no branch `{}`", session.id, safe(name));
    if known.is_empty() {
        told.push_str(
            ": none of its rows has a request, trace, intent or task; the id of a row names the branch it is in",
        );
        bail!(told);
    }
    told.push_str("; it has");
    for (name, rows) in known.iter().take(NAMED) {
        told.push_str(&format!("\n  {} ({rows} {})", safe(name), if *rows == 1 { "row" } else { "rows" }));
    }
    if known.len() > NAMED {
        told.push_str(&format!("\n  and {} more", known.len() - NAMED));
    }
    bail!(told)
}

/// Writes what was chosen in a form; returns also what that form has no place for. Some forms wait in `folder` first.
async fn write(
    store: &Store,
    selection: &Selection,
    form: Form,
    folder: &Path,
    prices: &Prices,
    out: &mut (dyn Write + Send),
) -> Result<(Summary, Vec<String>)> {
    let extra = Extra::new();
    let summary = match form {
        Form::Json | Form::Original => leave(store, selection, &extra, &mut Slice::begin(out)?).await?,
        Form::Ndjson => leave(store, selection, &extra, &mut Ndjson::begin(out)?).await?,
        Form::Md => leave(store, selection, &extra, &mut Markdown::begin(out, folder, prices.clone())?).await?,
        Form::Html => leave(store, selection, &extra, &mut Page::begin(out, folder, prices.clone())?).await?,
        Form::Otlp => {
            let mut otlp = Otlp::begin(out, folder)?;
            let summary = leave(store, selection, &extra, &mut otlp).await?;
            return Ok((summary, otlp.left_out()));
        }
    };
    Ok((summary, Vec::new()))
}

async fn to_file(
    store: &Store,
    selection: &Selection,
    form: Form,
    path: &Path,
    force: bool,
    prices: &Prices,
) -> Result<()> {
    let mut file = WholeFile::start(path, force)?;
    let folder = file.folder();
    let (summary, left_out) = write(store, selection, form, &folder, prices, &mut file.out)
        .await
        .with_context(|| format!("could not write {}", path.display()))?;
    file.keep()?;
    left_out.iter().for_each(|line| tell(line));
    tell(&format!("wrote {}: {} events and {} bodies", path.display(), summary.events, summary.bodies));
    Ok(())
}

async fn to_stdout(store: &Store, selection: &Selection, form: Form, output: &mut Output) -> Result<()> {
    let is_json = matches!(form, Form::Json | Form::Ndjson | Form::Otlp);
    let mut escaped = Escaping { out: &mut output.out, open: Vec::new() };
    // What is no JSON has been made safe to look at by who wrote it.
    let out: &mut (dyn Write + Send) = if output.terminal && is_json { &mut escaped } else { escaped.out };
    let (_, left_out) = write(store, selection, form, &std::env::temp_dir(), &output.prices, out)
        .await
        .context("could not write the output")?;
    left_out.iter().for_each(|line| tell(line));
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
