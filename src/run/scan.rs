//! `turnscope scan`: likely secrets in sessions or in a file, by rule and place; their values are never shown.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::location::Location;
use super::output::Output;
use super::{Ended, redact, selection, tell};
use crate::cli::Scan;
use crate::domain::redact::{Rules, Stream, What};
use crate::domain::safe;
use crate::report::{Extra, Redaction, Selection, review};

/// Bytes of a file that are read at once.
const PART: usize = 1 << 20;

pub async fn scan(location: &Location, wanted: &Scan, output: &mut Output) -> Result<Ended> {
    let rules = redact::rules(&wanted.by)?;
    if wanted.list {
        list(&rules, output)?;
        return Ok(Ended::Well);
    }
    let redaction = Redaction::new(rules)?;
    match &wanted.what {
        Some(path) if path.is_file() => file(path, &redaction, output),
        what => sessions(location, what.as_deref(), wanted, &redaction, output).await,
    }
}

fn list(rules: &Rules, output: &mut Output) -> Result<()> {
    for rule in &rules.list {
        let by = match rule.what {
            What::Keys(_) => "field",
            What::Pattern(_) => "shape",
            What::Path(_) => "place",
            What::DataUrl | What::Opaque | What::Binary => "content",
        };
        if output.json {
            let row =
                json!({ "name": rule.name, "version": rule.version, "own": rule.own, "by": by, "about": rule.about });
            output.object(&row)?;
        } else {
            output.line(&format!("{:<20} {by:<8} {}", rule.name, safe(&rule.about)))?;
        }
    }
    Ok(())
}

async fn sessions(
    location: &Location,
    what: Option<&Path>,
    wanted: &Scan,
    redaction: &Redaction,
    output: &mut Output,
) -> Result<Ended> {
    let store = location.open().await?;
    let name = what.map(|what| what.to_string_lossy().into_owned());
    let chosen = if name.is_some() || wanted.original.describes() {
        vec![selection::find(&store, name.as_deref(), &wanted.original, &output.zone).await?.session]
    } else {
        // Sub-agents come with the session above them.
        let all = store.sessions().await?;
        let ids: std::collections::BTreeSet<String> = all.iter().map(|session| session.id.clone()).collect();
        let is_below =
            |session: &crate::domain::Session| session.parent.as_ref().is_some_and(|parent| ids.contains(parent));
        all.iter().filter(|session| !is_below(session)).cloned().collect()
    };
    let mut count = 0;
    for session in &chosen {
        let why = "whole session".to_owned();
        let selection = Selection { session: session.id.clone(), events: None, why, veil: None };
        let found = review(&store, &selection, &Extra::new(), redaction, &mut |_| Ok(())).await?;
        count += found.secrets.len();
        if !found.secrets.is_empty() {
            redact::list(redaction.rules(), &found, output)?;
        }
    }
    store.close().await;
    Ok(ended(count))
}

fn file(path: &Path, redaction: &Redaction, output: &mut Output) -> Result<Ended> {
    let reading = || format!("could not read {}", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let (mut veil, mut stream) = (redaction.veil(), Stream::default());
    let hints = veil.hints();
    let (mut found, mut out, mut buffer) = (Vec::new(), Vec::new(), vec![0; PART]);
    let mut seen = |seen: crate::domain::redact::Seen<'_>| {
        found.push((seen.find.rule, hints.of(seen.find), seen.find.path.clone(), seen.at, hex::encode(seen.mark)));
    };
    loop {
        let size = file.read(&mut buffer).with_context(reading)?;
        out.clear();
        if size == 0 {
            veil.finish(stream, &mut out, &mut seen);
            break;
        }
        veil.feed(&mut stream, &buffer[..size], &mut out, &mut seen);
    }
    let rules = redaction.rules();
    for (rule, hint, place, at, hmac) in &found {
        let rule = &rules.list[*rule];
        if output.json {
            let row = json!({
                "rule": rule.name, "why": rule.about, "hint": hint, "hmac": hmac, "file": path.to_string_lossy(),
                "path": place, "at": at,
            });
            output.object(&row)?;
        } else {
            let name = path.to_string_lossy();
            output.line(&format!("{}:byte {at}: {} {} {}", safe(&name), rule.name, safe(hint), safe(place)))?;
        }
    }
    Ok(ended(found.len()))
}

fn ended(count: usize) -> Ended {
    if count == 0 {
        tell("nothing was found that looks like a secret");
        return Ended::Well;
    }
    Ended::WithFindings
}
