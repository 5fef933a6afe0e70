//! `turnscope report`: a session as one HTML page and the same as JSON, as the original's report was written.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::location::Location;
use super::output::Output;
use super::progress::Share;
use super::recount::now;
use super::selection::{self, Chosen};
use super::whole_file::WholeFile;
use super::{Ended, redact, tell};
use crate::cli::Report;
use crate::domain::price::Prices;
use crate::domain::{Timestamp, safe};
use crate::report::{Extra, Form, Leaving, Page, Part, Section, Selection, Slice, Summary, leave};
use crate::store::Store;

pub async fn report(location: &Location, wanted: &Report, output: &mut Output) -> Result<Ended> {
    // What is half done falls with the work, so nothing of it is left behind.
    tokio::select! {
        ended = work(location, wanted, output) => ended,
        _ = tokio::signal::ctrl_c() => Ok(Ended::Cancelled),
    }
}

async fn work(location: &Location, wanted: &Report, output: &mut Output) -> Result<Ended> {
    // A rule that cannot be read stops everything before anything is opened.
    let redaction = redact::redaction(&wanted.redact)?;
    let store = location.open().await?;
    let chosen = selection::find(&store, wanted.session.as_deref(), &wanted.original, &output.zone).await?;
    let mut selection = select(&store, &chosen).await?;
    let artifact = wanted.original.result_json.as_deref().map(read_artifact).transpose()?;
    let extra = extra(&chosen, artifact);
    if let Some(redaction) = &redaction {
        selection.veil = Some(redact::show(&store, &selection, &extra, redaction, &wanted.redact, output).await?);
        if wanted.redact.dry_run {
            store.close().await;
            return Ok(Ended::Well);
        }
    }
    fs::create_dir_all(&wanted.out_dir)
        .with_context(|| format!("could not make the folder {}", wanted.out_dir.display()))?;
    let stem = format!("agent-chat-report-{}", stem(&chosen));
    let path = |ending: &str| wanted.out_dir.join(format!("{stem}.{ending}"));
    let (html, json) = (path("html"), path("json"));
    // Both are begun before one is written, so that a file that is in the way is told at once.
    let (mut page, mut slice) = (WholeFile::start(&html, wanted.force)?, WholeFile::start(&json, wanted.force)?);
    let told = |path: &Path| format!("could not write {}", path.display());
    let mut form = Slice::begin(&mut slice.out)?;
    let summary = watched(&store, &selection, &extra, &mut form, "json").await.with_context(|| told(&json))?;
    let mut form = Page::begin(&mut page.out, &wanted.out_dir, output.prices.clone())?;
    watched(&store, &selection, &extra, &mut form, "page").await.with_context(|| told(&html))?;
    slice.keep()?;
    page.keep()?;
    store.close().await;
    tell(&format!("wrote a report of {} events and {} bodies", summary.events, summary.bodies));
    output.object(&json!({
        "htmlPath": shown(&html), "jsonPath": shown(&json), "reportScope": chosen.scope, "room": chosen.session.room,
    }))?;
    Ok(Ended::Well)
}

/// The whole session, or what of it lies in the window.
async fn select(store: &Store, Chosen { session, window, .. }: &Chosen) -> Result<Selection> {
    if window.is_open() {
        return Ok(Selection {
            session: session.id.clone(),
            events: None,
            why: "whole session".to_owned(),
            veil: None,
        });
    }
    let heads = window.narrow(store.heads(session.number, None).await?);
    let mut events: Vec<i64> = heads.iter().map(|head| head.number).collect();
    events.sort_unstable();
    Ok(Selection { session: session.id.clone(), events: Some(events), why: format!("{window}"), veil: None })
}

fn read_artifact(path: &Path) -> Result<Value> {
    let name = || safe(&path.to_string_lossy()).into_owned();
    let bytes = fs::read(path).with_context(|| format!("could not read {}", name()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is no run artifact", name()))
}

/// What the original's report says of itself.
fn extra(chosen: &Chosen, artifact: Option<Value>) -> Extra {
    let Chosen { session, scope, .. } = chosen;
    let canvas = session.canvas.clone().or_else(|| session.room.as_ref().map(|room| format!("room:{room}")));
    vec![
        ("generatedAt", json!(Timestamp(now()).rfc3339())),
        ("canvasId", json!(canvas)),
        ("reportScope", json!(scope)),
        ("runArtifact", json!(artifact)),
    ]
}

/// What files are named after: the canvas, else the run, else the room, else the session.
fn stem(chosen: &Chosen) -> String {
    let Chosen { session, run, .. } = chosen;
    match (&session.canvas, run, &session.room) {
        (Some(canvas), _, _) => plain(canvas),
        (None, Some(run), _) => format!("run-{}", plain(run)),
        (None, None, Some(room)) => format!("room-{}", plain(room)),
        (None, None, None) => format!("session-{}", plain(&session.id)),
    }
}

/// A name that any file system takes.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-') {
            plain.push(character);
        } else if !plain.ends_with('-') {
            plain.push('-');
        }
    }
    plain.truncate(120);
    plain
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

async fn watched(
    store: &Store,
    selection: &Selection,
    extra: &Extra,
    form: &mut dyn Form,
    what: &'static str,
) -> Result<Summary> {
    let all = match &selection.events {
        Some(events) => events.len() as i64,
        None => store.session(&selection.session).await?.map_or(0, |session| session.events),
    };
    leave(store, selection, extra, &mut Watched { form, all, done: 0, share: Share::new(what) }).await
}

/// A form that says how far it is.
struct Watched<'a> {
    form: &'a mut dyn Form,
    all: i64,
    done: i64,
    share: Share,
}

impl Form for Watched<'_> {
    fn takes_rows(&self) -> bool {
        self.form.takes_rows()
    }

    fn prices(&self) -> Prices {
        self.form.prices()
    }

    fn wants(&self, sha256: &str) -> bool {
        self.form.wants(sha256)
    }

    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        self.form.value(name, value)
    }

    fn begin(&mut self, section: Section) -> Result<()> {
        self.form.begin(section)
    }

    fn row(&mut self, section: Section, name: Option<&str>, row: &Value) -> Result<()> {
        match section {
            Section::Events(_) => self.done += 1,
            Section::Rows => self.done += row["events"].as_array().map_or(0, Vec::len) as i64,
            _ => {}
        }
        self.share.tell(self.done.min(self.all), self.all);
        self.form.row(section, name, row)
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        self.form.begin_body(body)
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        self.form.part(part)
    }

    fn end_body(&mut self) -> Result<()> {
        self.form.end_body()
    }

    fn end(&mut self, section: Section) -> Result<()> {
        self.form.end(section)
    }

    fn finish(&mut self) -> Result<u64> {
        self.form.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Session;
    use crate::run::selection::Window;

    #[test]
    fn files_are_named_as_the_original_named_them() {
        let chosen = |canvas: Option<&str>, run: Option<&str>, room: Option<&str>| {
            let own = |name: Option<&str>| name.map(str::to_owned);
            let session = Session { id: "a/b".into(), canvas: own(canvas), room: own(room), ..Session::default() };
            stem(&Chosen { session, window: Window::default(), scope: "room_name".into(), run: own(run) })
        };
        assert_eq!(chosen(Some("0c5d8a52"), Some("smoke-1"), Some("r")), "0c5d8a52");
        assert_eq!(chosen(None, Some("smoke 1"), Some("r")), "run-smoke-1");
        assert_eq!(chosen(None, None, Some("blue/ ü room")), "room-blue-room");
        assert_eq!(chosen(None, None, None), "session-a-b");
    }
}
