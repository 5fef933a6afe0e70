//! `turnscope open`: the screen at the place that a link names, as `yl` copies it.

use anyhow::{Result, bail};

use super::browse::{Look, need_terminal, show, watched};
use super::location::Location;
use super::output::Output;
use super::{Ended, session, usage};
use crate::cli::Open;
use crate::domain::{Session, safe};
use crate::store::Store;
use crate::ui::Start;

/// What links begin with; without it a session, and behind a `#` a row, may be named too.
const SCHEME: &str = "turnscope://session/";

pub async fn open(location: &Location, wanted: &Open, look: &Look<'_>, output: &Output) -> Result<Ended> {
    let place = wanted.link.strip_prefix(SCHEME).unwrap_or(&wanted.link);
    if place.is_empty() || place.contains("://") {
        // It may be the address of a database, with a password.
        let shown = match place.split_once("://") {
            Some((scheme, _)) => format!("{}://…", safe(scheme)),
            None => safe(&wanted.link).into_owned(),
        };
        return Err(usage(format!("`{shown}` is no link of turnscope: {SCHEME}SESSION#ROW, as `yl` copies it")));
    }
    need_terminal(output)?;
    let store = location.open().await?;
    let (session, row) = find(&store, place).await?;
    let start = match row {
        None => Start::Session(session.id),
        Some(row) => match store.named(session.number, &row).await?.first() {
            Some(event) => Start::Row { session: session.id, event: *event },
            None => bail!("session {} has no event or row `{row}`: `turnscope timeline` lists them", session.id),
        },
    };
    show(watched(store), start, look).await
}

/// The session, and the row behind it. Ids may hold a `#` themselves, so that each one is tried, the first one first.
async fn find(store: &Store, place: &str) -> Result<(Session, Option<String>)> {
    for (at, _) in place.match_indices('#') {
        if let Some(session) = store.session(&place[..at]).await? {
            let row = Some(place[at + 1..].to_owned()).filter(|row| !row.is_empty());
            return Ok((session, row));
        }
    }
    if let Some(session) = store.session(place).await? {
        return Ok((session, None));
    }
    match place.split_once('#') {
        Some((name, row)) => Ok((session::find(store, name).await?, Some(row.to_owned()))),
        None => Ok((session::find(store, place).await?, None)),
    }
}
