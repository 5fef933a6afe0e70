//! The original's own database: told from a store of ours, and its sessions brought over.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::Mutex;
use tokio::sync::mpsc::unbounded_channel;

use super::browse::watched;
use super::import::{cancel_on_interrupt, keeping, telling};
use super::location::Location;
use super::output::Output;
use super::recount::recount;
use super::selection::{Window, among};
use super::{Ended, usage};
use crate::cli::Import;
use crate::domain::Session;
use crate::import::{Control, Notice, Outcome, Remote, Remotes, bring_over};
use crate::store::original::{Found, Original, Span, look};
use crate::store::{Address, Store, Url};
use crate::ui::{Answer, Backend, Cancel, Elsewhere, Told};

/// Brings the sessions of a database over, all or those that the options describe.
pub async fn import(location: &Location, url: &Url, wanted: &Import, output: &mut Output) -> Result<Ended> {
    if wanted.watch {
        return Err(usage("--watch follows files; a database is asked again with the next import"));
    }
    let original = match look(url).await? {
        Found { original: Some(original), .. } => readable(original)?,
        Found { store: true, .. } => bail!("{url} is a store of turnscope: `turnscope {url}` browses it"),
        Found { .. } => bail!(holds_nothing(url)),
    };
    let store = location.open_or_make().await?.keeping(keeping(wanted));
    let cancelled = Arc::new(AtomicBool::new(false));
    cancel_on_interrupt(Arc::clone(&cancelled))?;
    let (kept, options, zone) = (store.clone(), wanted.original.clone(), output.zone.clone());
    let work = |control: Control| async move {
        let choose = |sessions: &[Session]| among(sessions, &options, &zone);
        let outcome = bring(&kept, original, choose, &control).await?;
        recount(&kept, &outcome).await?;
        anyhow::Ok(outcome)
    };
    let done = telling(work, &cancelled, output).await;
    store.close().await;
    done.with_context(|| format!("could not bring sessions into {}", location.address))
}

/// Lists the sessions of a database and brings those over that are chosen.
async fn bring(
    store: &Store,
    mut original: Original,
    choose: impl FnOnce(&[Session]) -> Result<(Vec<usize>, Window)>,
    control: &Control,
) -> Result<Outcome> {
    for lack in original.lacks() {
        control.tell(Notice::Bad(lack));
    }
    let remotes = Remotes::of(&mut original, control).await?;
    let sessions: Vec<Session> = remotes.sessions.iter().map(|remote| remote.session.clone()).collect();
    let (chosen, window) = choose(&sessions)?;
    bring_over(store, &mut original, (&remotes, &chosen), span(window), control).await
}

/// What is browsed at an address: a store of ours, or the sessions of the original's database beside those of the store.
pub async fn open(location: &Location, url: &Url) -> Result<Backend> {
    match look(url).await? {
        Found { store: true, .. } => Ok(watched(Store::at(&Address::Server(url.clone())).await?)),
        Found { original: Some(original), .. } => {
            let original = readable(original)?;
            let store = location.open_or_make().await?;
            let attached = Attached::of(store.clone(), original).await?;
            Ok(watched(store).attached(Arc::new(attached)))
        }
        Found { .. } => bail!(holds_nothing(url)),
    }
}

/// A listing older than this is asked for anew before a session is brought over.
const FRESH: Duration = Duration::from_secs(60);

/// The original's database while it is browsed.
#[derive(Debug)]
struct Attached {
    store: Store,
    original: Mutex<Original>,
    listed: RwLock<(Instant, Arc<Remotes>)>,
}

impl Attached {
    async fn of(store: Store, mut original: Original) -> Result<Self> {
        let (notices, _) = unbounded_channel();
        let control = Control { notices, cancelled: Arc::default() };
        let remotes = Remotes::of(&mut original, &control).await?;
        let listed = RwLock::new((Instant::now(), Arc::new(remotes)));
        Ok(Self { store, original: Mutex::new(original), listed })
    }

    fn remotes(&self) -> (Instant, Arc<Remotes>) {
        // Whoever panicked while writing has left the old listing, which is as good.
        self.listed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn bring(&self, id: &str, cancelled: Cancel, told: Told<'_>) -> Result<bool> {
        let mut original = self.original.lock().await;
        original.try_again();
        let (notices, mut heard) = unbounded_channel();
        let control = Control { notices, cancelled };
        let (listed, mut remotes) = self.remotes();
        if listed.elapsed() > FRESH {
            remotes = Arc::new(Remotes::of(&mut original, &control).await?);
            *self.listed.write().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), Arc::clone(&remotes));
        }
        let Some(place) = remotes.sessions.iter().position(|remote| remote.session.id == id) else { return Ok(false) };
        let bringing = async {
            let outcome = bring_over(&self.store, &mut original, (&remotes, &[place]), None, &control).await;
            // Whoever listens ends with it.
            drop(control);
            let outcome = outcome?;
            recount(&self.store, &outcome).await?;
            anyhow::Ok(outcome)
        };
        let telling = async {
            while let Some(notice) = heard.recv().await {
                match notice {
                    Notice::Rows { done, all, .. } => told(format!("{done} of {all} rows")),
                    Notice::Waiting { .. } => told("another process does so; waiting for it".to_owned()),
                    _ => {}
                }
            }
        };
        let (outcome, ()) = tokio::join!(bringing, telling);
        let outcome = outcome?;
        if !outcome.failures.is_empty() {
            bail!(outcome.failures.join("; "));
        }
        if outcome.cancelled {
            bail!("cancelled");
        }
        Ok(true)
    }
}

impl Elsewhere for Attached {
    fn sessions(&self) -> Vec<Session> {
        let (_, remotes) = self.remotes();
        remotes.sessions.iter().map(not_here).collect()
    }

    fn bring<'a>(&'a self, id: &'a str, cancelled: Cancel, told: Told<'a>) -> Answer<'a> {
        Box::pin(Attached::bring(self, id, cancelled, told))
    }
}

/// A session as the list shows it before it is brought over: with the count of its rows, and what it lacks.
fn not_here(remote: &Remote) -> Session {
    let lacks = remote.lacks().map_or_else(String::new, |lacks| format!("; {lacks}"));
    Session { elsewhere: Some(format!("not brought over{lacks}")), ..remote.session.clone() }
}

/// A window of time, where there is one.
fn span(window: Window) -> Option<Span> {
    let start = window.start.map_or(Span::ALWAYS.start, |time| time.0);
    let end = window.end.map_or(Span::ALWAYS.end, |time| time.0);
    (!window.is_open()).then_some(Span { start, end })
}

/// The original's database, where any of its tables can be read.
fn readable(original: Original) -> Result<Original> {
    if !original.is_readable() {
        bail!("{}: no table of the original can be read: {}", original.url(), original.lacks().join("; "));
    }
    Ok(original)
}

/// Why there is nothing to be seen in a database.
fn holds_nothing(url: &Url) -> String {
    format!(
        "{url} holds neither a store of turnscope nor tables of the original such as agent_model_io; \
         a role that may not see them finds none either"
    )
}
