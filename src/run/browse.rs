//! `turnscope` and `turnscope demo`: hand over to the screens.

use std::fs;
use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::{Sender, UnboundedReceiver, channel, unbounded_channel};

use super::attach;
use super::config::Settings;
use super::follow::Files;
use super::location::{Location, database, is_store};
use super::output::Output;
use super::recount::recount;
use super::scratch::Scratch;
use super::zone::Zone;
use super::{Ended, heap, reason, tell, usage};
use crate::cli::{self, Color};
use crate::domain::price::Prices;
use crate::domain::safe;
use crate::import::{Control, Notice, bring_in};
use crate::store::{Address, Store};
use crate::ui::theme::Depth;
use crate::ui::{self, Backend, Importing, Options, Outside, Start, ThemeChoice};

/// The built-in session.
const DEMO: &[u8] = include_bytes!("demo.json");

/// Browses the store, or what is named.
pub async fn browse(location: &Location, paths: &[PathBuf], wanted: &Look<'_>, output: &Output) -> Result<Ended> {
    let database = database(paths)?;
    for path in paths.iter().filter(|_| database.is_none()) {
        if !path.try_exists().unwrap_or(true) {
            return Err(missing(path));
        }
    }
    need_terminal(output)?;
    if let Some(url) = database {
        let attached = telling(&Address::Server(url.clone()), attach::open(location, &url)).await?;
        return show(attached, Start::Store, wanted).await;
    }
    match paths {
        [] => {
            // A file is made where marks and notes will be; a database is not written to for being looked at.
            let store = match &location.address {
                Address::File(_) => telling(&location.address, location.open_or_make()).await?,
                Address::Server(_) => telling(&location.address, location.open()).await?,
            };
            store.settle_left().await;
            show(watched(store), Start::Store, wanted).await
        }
        [path] if is_store(path) => {
            let store = telling(&path.as_path().into(), Store::open(path)).await?;
            show(watched(store), Start::Store, wanted).await
        }
        _ => browse_files(location, paths, wanted).await,
    }
}

/// A store as it is, with the files of its sessions brought in further while they are followed.
pub fn watched(store: Store) -> Backend {
    let files = Files::of(&store, &[], &Arc::default());
    Backend::new(store).watching(files)
}

/// How long a store may take before the user is told what is waited for.
const SILENT: Duration = Duration::from_millis(200);
/// How long a store for marks and notes is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

/// Opens a store, and says so where another process keeps it for a while.
async fn telling<T>(address: &Address, opening: impl Future<Output = Result<T>>) -> Result<T> {
    let mut opening = std::pin::pin!(opening);
    match tokio::time::timeout(SILENT, &mut opening).await {
        Ok(opened) => opened,
        Err(_) => {
            tell(&format!("waiting for {address} …"));
            opening.await
        }
    }
}

/// The store for marks and notes; a database is not made into one for that.
async fn annotations(location: &Location) -> Result<Option<Store>> {
    if location.address.file().is_none() && !Store::is_there(&location.address).await? {
        return Ok(None);
    }
    Store::at_with(&location.address, PATIENCE).await.map(Some)
}

/// Browses a built-in session.
pub async fn demo(wanted: &Look<'_>, output: &Output) -> Result<Ended> {
    need_terminal(output)?;
    let scratch = Scratch::new()?;
    let path = scratch.path("demo.json");
    fs::write(&path, DEMO).with_context(|| format!("could not write {}", path.display()))?;
    let store = scratch.store().await?;
    let (notices, _) = unbounded_channel();
    let control = Control { notices, cancelled: Arc::new(AtomicBool::new(false)) };
    let outcome = bring_in(&store, &[path], &control).await?;
    recount(&store, &outcome).await?;
    if let Some(failure) = outcome.failures.first() {
        bail!("could not open the built-in session: {failure}");
    }
    let ended = show(Backend::new(store.clone()), Start::Store, wanted).await;
    store.close().await;
    ended
}

/// Shows files at once, while they come into a store of their own behind the screen.
async fn browse_files(location: &Location, paths: &[PathBuf], wanted: &Look<'_>) -> Result<Ended> {
    heap::keep_together();
    let scratch = Scratch::new()?;
    let store = scratch.store().await?;
    store.for_one_sitting().await?;
    let (sender, news) = channel(64);
    let (notices, heard) = unbounded_channel();
    let cancel = Arc::new(AtomicBool::new(false));
    let control = Control { notices, cancelled: Arc::clone(&cancel) };
    let one = matches!(paths, [path] if path.is_file());
    let (behind, named, paths) = (store.clone(), paths.to_vec(), paths.to_vec());
    let importing = Arc::new(AtomicBool::new(true));
    let files = Files::of(&store, &paths, &importing);
    let work = tokio::spawn(async move {
        let outcome = bring_in(&behind, &paths, &control).await;
        importing.store(false, Ordering::Relaxed);
        let outcome = outcome?;
        recount(&behind, &outcome).await?;
        Ok(outcome)
    });
    let telling = tokio::spawn(tell_screen(heard, sender.clone(), one));
    // Marks and notes are kept where those on other sessions are; where that cannot be, they last as long as the sitting.
    let backend = match annotations(location).await {
        Ok(Some(annotations)) => Backend::with_annotations(store.clone(), annotations),
        Ok(None) | Err(_) => Backend::new(store.clone()),
    }
    .watching(files);
    let importing = Importing { news, cancel: Arc::clone(&cancel) };
    let told = tokio::spawn(async move {
        let outcome = work.await.context("the import broke off").and_then(|outcome| outcome);
        let counts = telling.await.unwrap_or_default();
        let cancelled = outcome.as_ref().is_ok_and(|outcome| outcome.cancelled);
        let failures = outcome.map(|outcome| outcome.failures);
        let nothing = if counts.found || cancelled { Vec::new() } else { reasons(&failures, &named) };
        // A screen that is gone needs no news.
        let _ = sender.send(Outside::Nothing(nothing)).await;
        let failed = !counts.found && !cancelled && failures.as_ref().map_or(true, |failures| !failures.is_empty());
        let words = last_words(failures, counts);
        let _ = sender.send(Outside::Done(words.clone())).await;
        failed.then_some(words)
    });
    let ended = show(backend, Start::Importing(importing), wanted).await;
    // What is still being read is of no use to anybody, and the store goes with the folder.
    cancel.store(true, Ordering::Relaxed);
    if !told.is_finished() {
        told.abort();
        return ended;
    }
    match told.await.context("the import broke off")? {
        // Who has looked and left knows why there was nothing; whoever called the program does not.
        Some(words) if matches!(ended, Ok(Ended::Well)) => bail!("{words}"),
        _ => ended,
    }
}

/// Why there is nothing to be seen, path by path.
fn reasons(failures: &Result<Vec<String>>, paths: &[PathBuf]) -> Vec<String> {
    match failures {
        Err(error) => vec![format!("could not read on: {}", reason(error))],
        Ok(failures) if failures.is_empty() => {
            paths.iter().map(|path| format!("{}: there is nothing in it", path.display())).collect()
        }
        Ok(failures) => failures.clone(),
    }
}

/// Records and bad ones.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    records: u64,
    bad: u64,
    /// A session has come in.
    found: bool,
}

/// Turns an import's notices into news for the screen, until the import ends.
async fn tell_screen(mut heard: UnboundedReceiver<Notice>, screen: Sender<Outside>, one: bool) -> Counts {
    let (mut counts, mut all, mut done, mut opened) = (Counts::default(), 0u64, 0u64, !one);
    let mut shown = 0;
    while let Some(notice) = heard.recv().await {
        let news = match notice {
            Notice::Found { bytes, .. } => {
                all = bytes;
                None
            }
            Notice::Progress { bytes, .. } => {
                done += bytes;
                let percent = (done * 100).checked_div(all).unwrap_or(100).min(100);
                (percent > shown).then(|| {
                    shown = percent;
                    Outside::Progress(format!("reading {percent} %"))
                })
            }
            Notice::Stored { sessions } if !opened && !sessions.is_empty() => {
                (opened, counts.found) = (true, true);
                sessions.into_iter().next().map(Outside::Open)
            }
            Notice::Stored { sessions } => {
                counts.found |= !sessions.is_empty();
                Some(Outside::Changed)
            }
            Notice::Failed(reason) => Some(Outside::Progress(reason)),
            Notice::Bad(_) => None,
            Notice::Waiting { source } => Some(Outside::Progress(format!("waiting for another import of {source}"))),
            Notice::Rows { done, all, .. } => Some(Outside::Progress(format!("brought over {done} of {all} rows"))),
            Notice::Done(report) => {
                counts.records += report.records;
                counts.bad += report.bad;
                None
            }
        };
        if let Some(news) = news {
            // A screen that is gone needs no news; the import is told to end elsewhere.
            let _ = screen.send(news).await;
        }
    }
    counts
}

fn last_words(failures: Result<Vec<String>>, counts: Counts) -> String {
    match failures {
        Err(error) => format!("could not read on: {}", reason(&error)),
        Ok(failures) if !failures.is_empty() => failures.join("; "),
        Ok(_) if counts.bad > 0 => format!("{}, {} of them bad", counted(counts.records), counts.bad),
        Ok(_) => counted(counts.records),
    }
}

fn counted(records: u64) -> String {
    format!("{records} record{}", if records == 1 { "" } else { "s" })
}

/// How the screen is to look: as the line says, else as the configuration does.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    pub options: &'a cli::Options,
    pub settings: &'a Settings,
    pub prices: &'a Prices,
}

pub async fn show(backend: Backend, start: Start, look: &Look<'_>) -> Result<Ended> {
    let Look { options, settings, prices } = look;
    let variable = |name: &str| std::env::var(name).ok();
    let colours = match options.color {
        None | Some(Color::Auto) => None,
        Some(Color::Always) => Some(true),
        Some(Color::Never) => Some(false),
    };
    let theme = match options.theme.or(settings.theme) {
        None | Some(cli::Theme::Auto) => ThemeChoice::Auto,
        Some(cli::Theme::Dark) => ThemeChoice::Dark,
        Some(cli::Theme::Light) => ThemeChoice::Light,
    };
    let wanted = Options {
        theme,
        depth: Depth::detect(colours, &variable),
        ascii: !speaks_unicode(&variable),
        mouse: options.mouse,
        offset: Zone::named(options.tz.as_deref())?.offset(),
        keys: settings.keys,
        theme_of_user: settings.theme_of_user.clone().filter(|_| options.theme.is_none()),
        hiding: settings.redaction.as_ref().map(|own| own.text.clone()),
    };
    match ui::run(backend.priced((*prices).clone()), start, wanted).await? {
        ui::Ended::Quit => Ok(Ended::Well),
        ui::Ended::Signal(number) => Ok(Ended::BySignal(number)),
    }
}

/// Whether the locale says that the terminal shows more than ASCII. An unset locale is taken for a modern terminal.
fn speaks_unicode(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

pub fn need_terminal(output: &Output) -> Result<()> {
    let lack = match std::env::var("TERM").as_deref() {
        _ if !output.terminal || !stdin().is_terminal() => "this is no terminal",
        Ok("dumb") => "TERM=dumb is a terminal without a cursor that can be moved",
        Ok("") => "TERM is empty, so nothing is known of the terminal",
        _ => return Ok(()),
    };
    bail!("could not open the screen: {lack}; `turnscope sessions` and `turnscope timeline` print tables")
}

/// A lone word is more likely a command mistyped than a file forgotten.
fn missing(path: &Path) -> anyhow::Error {
    let shown = path.to_string_lossy();
    let shown = safe(&shown);
    if shown.chars().all(|character| character.is_ascii_alphabetic() || character == '-') {
        return usage(format!("`{shown}` is neither a command nor a file; `turnscope --help` lists the commands"));
    }
    anyhow::anyhow!("could not read {shown}: nothing is there")
}
