//! A copy without secrets: every session is looked through first, leaves as a slice with stubs, and comes in from that.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::unbounded_channel;

use crate::cli::Redact;
use crate::domain::{Session, safe};
use crate::import::{Control, Notice, bring_in_as, is_read};
use crate::report::{Extra, Redaction, Selection, write_slice};
use crate::run::location::Location;
use crate::run::output::Output;
use crate::run::progress::Share;
use crate::run::scratch::Scratch;
use crate::run::whole_file::WholeFile;
use crate::run::{redact, tell};
use crate::store::{Copied, Store};

/// How soon it is seen that somebody has cancelled.
const LOOK: Duration = Duration::from_millis(50);

/// Looks through all sessions before one of them leaves; sub-agents come with the session above them.
pub async fn look(
    from: &Store,
    sessions: &[Session],
    redaction: &Redaction,
    wanted: &Redact,
    cancelled: &AtomicBool,
    output: &mut Output,
) -> Result<Vec<Selection>> {
    let ids: BTreeSet<&str> = sessions.iter().map(|session| session.id.as_str()).collect();
    let is_below = |session: &Session| session.parent.as_deref().is_some_and(|parent| ids.contains(parent));
    let mut leaving = Vec::new();
    for session in sessions.iter().filter(|session| !is_below(session)) {
        if cancelled.load(Ordering::Relaxed) {
            break;
        }
        tell(&format!("session {}:", session.id));
        let why = "whole session".to_owned();
        let mut selection = Selection { session: session.id.clone(), events: None, why, veil: None };
        let extra = Extra::new();
        let shown = redact::show(from, &selection, &extra, redaction, wanted, output);
        let Some(veil) = unless(cancelled, shown).await? else { break };
        selection.veil = Some(veil);
        leaving.push(selection);
    }
    Ok(leaving)
}

/// Under another key the same event has other stubs, so what is there already would be in conflict with it.
pub async fn refuse_another_key(to: &Location, sessions: &[Session], redaction: &Redaction) -> Result<()> {
    if redaction.is_given() || !Store::is_there(&to.address).await? {
        return Ok(());
    }
    let to = to.open().await?;
    for session in sessions {
        if to.session(&session.id).await?.is_some() {
            bail!("session {} is there already: name the key of its copy with --redact-key", safe(&session.id));
        }
    }
    to.close().await;
    Ok(())
}

/// A session that is there without its secrets would be in conflict with itself when it comes with them.
pub async fn refuse_beside_redacted(from: &Store, to: &Location, sessions: &[Session]) -> Result<()> {
    if !Store::is_there(&to.address).await? {
        return Ok(());
    }
    let to = to.open().await?;
    for session in sessions {
        let name = name_of(&session.id);
        // A copy of a redacted copy is no other.
        if to.source(&name).await?.is_some() && from.source(&name).await?.is_none() {
            bail!("session {} is there without its secrets: copy it to another store", safe(&session.id));
        }
    }
    to.close().await;
    Ok(())
}

/// What the source of a session is called that came without its secrets.
fn name_of(session: &str) -> String {
    format!("redacted/{session}.json")
}

/// Has every selection leave and come in.
pub async fn move_over(from: &Store, to: &Store, leaving: &[Selection], cancelled: &Arc<AtomicBool>) -> Result<Copied> {
    let scratch = Scratch::new()?;
    let (mut copied, mut share) = (Copied::default(), Share::new("copying"));
    for (done, selection) in leaving.iter().enumerate() {
        if cancelled.load(Ordering::Relaxed) {
            break;
        }
        share.tell(i64::try_from(done)?, i64::try_from(leaving.len())?);
        let path = scratch.path(&format!("{done}.json"));
        let mut file = WholeFile::start(&path, false)?;
        let written = unless(cancelled, write_slice(from, selection, &mut file.out)).await;
        if written.with_context(|| format!("session {}", safe(&selection.session)))?.is_none() {
            break;
        }
        file.keep()?;
        bring_in(to, &path, &name_of(&selection.session), cancelled, &mut copied).await?;
        fs::remove_file(&path).with_context(|| format!("could not remove {}", path.display()))?;
    }
    Ok(copied)
}

/// What comes of some work that changes nothing, or `None` once it is cancelled.
async fn unless<T>(cancelled: &AtomicBool, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    let is_cancelled = async {
        while !cancelled.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        done = work => done.map(Some),
        () = is_cancelled => Ok(None),
    }
}

/// Brings one slice in under a name that says nothing of this machine.
async fn bring_in(to: &Store, path: &Path, name: &str, cancelled: &Arc<AtomicBool>, copied: &mut Copied) -> Result<()> {
    if let Some(known) = to.source(name).await?
        && is_read(to, &File::open(path)?, &known).await?
    {
        copied.unchanged += 1;
        return Ok(());
    }
    let (notices, mut heard) = unbounded_channel();
    let outcome = bring_in_as(to, path, name, &Control { notices, cancelled: Arc::clone(cancelled) }).await?;
    while let Ok(notice) = heard.try_recv() {
        if let Notice::Bad(reason) | Notice::Failed(reason) = notice {
            tell(&reason);
        }
    }
    if let Some(failure) = outcome.failures.first() {
        bail!("{failure}");
    }
    for report in &outcome.reports {
        copied.sources += 1;
        copied.added += report.added;
        copied.duplicates += report.duplicates;
        copied.conflicts += report.conflicts;
    }
    Ok(())
}
