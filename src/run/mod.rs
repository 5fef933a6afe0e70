//! Does what was typed: one file a command, and here what they share: dispatch, errors, exit codes.
//!
//! Data goes to stdout, words to stderr. A reader that goes away early is no error.

mod attach;
mod browse;
mod check;
mod complete;
mod config;
mod copy;
mod doctor;
mod export;
mod filter;
mod follow;
mod heap;
mod hushed;
mod import;
mod location;
mod open;
mod manual;
mod output;
mod newest;
mod progress;
mod quarantine;
mod scan;
mod scratch;
mod search;
mod selection;
mod serve;
mod session;
mod sessions;
mod shape;
mod show;
mod part;
mod recount;
mod redact;
mod report;
mod recover;
mod reindex;
mod purge;
mod stats;
mod summary;
mod table;
mod timeline;
mod token;
mod verify;
mod when;
mod whole_file;
mod zone;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::{ExitCode, exit};

use anyhow::{Context, Result};
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::cli::{Command, Line};
use crate::domain::{safe, telling};
use crate::store;
use browse::Look;
use config::Settings;
use hushed::hushed;
use location::Location;
use output::Output;
use zone::Zone;

/// How a command ended, when no error stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Well,
    Failed,
    WithBadRecords,
    /// `check` or `scan` has found something.
    WithFindings,
    Cancelled,
    BySignal(i32),
}

impl Ended {
    fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Failed => 1,
            Self::WithBadRecords => 3,
            Self::WithFindings => 4,
            Self::Cancelled => CANCELLED,
            Self::BySignal(number) => 128 + u8::try_from(number).unwrap_or(0),
        }
    }
}

const USAGE: u8 = 2;
const CANCELLED: u8 = 130;

/// What was typed cannot be meant.
#[derive(Debug)]
pub struct Wrong(pub String);

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// The whole program: reads the command line, does it, and says how it went.
pub fn main() -> ExitCode {
    // Asked by a shell what may be typed next.
    if let Some(ended) = complete::answer() {
        return ended;
    }
    let typed = Line::command().try_get_matches().and_then(|typed| Ok((Line::from_arg_matches(&typed)?, typed)));
    let (line, typed) = match typed {
        Ok(typed) => typed,
        Err(error) => {
            print(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    match start(line, &typed) {
        Ok(ended) => ExitCode::from(ended.code()),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&reason(&error));
            ExitCode::from(if error.is::<Wrong>() { USAGE } else { Ended::Failed.code() })
        }
    }
}

/// Prints help, or what is wrong with what was typed: clap says that again as it is.
fn print(error: &clap::Error) {
    // Nothing can be done about a stream that is closed.
    if !error.use_stderr() {
        let _ = error.print();
        return;
    }
    let words = error.render();
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let plain = variable("NO_COLOR").is_some() || variable("TERM").is_none_or(|terminal| terminal == "dumb");
    let words = if io::stderr().is_terminal() && !plain { words.ansi().to_string() } else { words.to_string() };
    let _ = write!(io::stderr(), "{}", hushed(&words));
}

fn start(mut line: Line, typed: &ArgMatches) -> Result<Ended> {
    let settings = config::read(&line.options);
    if let Ok(settings) = &settings {
        config::fill(&mut line, settings);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the worker threads")?;
    let ended = runtime.block_on(async {
        let zone = Zone::named(line.options.tz.as_deref())?;
        let prices = config::prices(line.options.prices.as_deref())?;
        let location = Location::find(line.options.store.as_deref())?;
        let mut output = Output::new(line.options.json, line.options.color, zone, prices);
        let ended = dispatch(line, typed, settings, &location, &mut output).await;
        // Damage may be met long after the store was opened.
        let ended = ended.map_err(|error| store::explain(error, &location.address))?;
        match ended {
            // A terminal that is gone takes nothing more, and its end has been told by how the program ends.
            Ended::BySignal(_) => {}
            _ => output.finish()?,
        }
        Ok(ended)
    });
    // Work that was cancelled may still stand in the middle of a long record; nobody waits for it.
    runtime.shutdown_background();
    ended
}

async fn dispatch(
    line: Line,
    typed: &ArgMatches,
    settings: Result<Settings>,
    location: &Location,
    output: &mut Output,
) -> Result<Ended> {
    let Line { options, paths, command } = line;
    // These tell of a configuration that cannot be used.
    let settings = match &command {
        Some(Command::Config(wanted)) => return config::command(wanted, &options, typed, settings, output),
        Some(Command::Doctor(wanted)) => {
            end_on_interrupt();
            return doctor::doctor(location, wanted, &options, settings, output).await;
        }
        Some(Command::Completions(wanted)) => return complete::print(wanted.shell, output),
        Some(Command::Man(wanted)) => return manual::manual(wanted, output),
        _ => settings?,
    };
    let prices = output.prices.clone();
    let look = Look { options: &options, settings: &settings, prices: &prices };
    let Some(command) = command else {
        return browse::browse(location, &paths, &look, output).await;
    };
    if let Some(path) = paths.first() {
        let reason = format!("`{}` stands before a command that does not take it", safe(&path.to_string_lossy()));
        return Err(usage(reason));
    }
    // These look after Ctrl-C themselves, because they have something to finish or to clear away.
    let cleans_up = matches!(
        command,
        Command::Demo
            | Command::Import(_)
            | Command::Export(_)
            | Command::Report(_)
            | Command::Serve(_)
            | Command::Purge(_)
            | Command::Copy(_)
            | Command::Reindex(_)
    );
    if !cleans_up {
        end_on_interrupt();
    }
    match command {
        Command::Demo => browse::demo(&look, output).await,
        Command::Open(wanted) => open::open(location, &wanted, &look, output).await,
        Command::Import(import) => import::import(location, &import, &settings.sources, output).await,
        Command::Sessions => sessions::sessions(location, output).await,
        Command::Timeline(timeline) => timeline::timeline(location, &timeline, output).await,
        Command::Show(show) => show::show(location, &show, output).await,
        Command::Search(search) => search::search(location, &search, output).await,
        Command::Check(check) => check::check(location, &check, output).await,
        Command::Export(export) => export::export(location, &export, output).await,
        Command::Report(wanted) => report::report(location, &wanted, output).await,
        Command::Scan(wanted) => scan::scan(location, &wanted, output).await,
        Command::Stats(stats) => stats::stats(location, &stats, output).await,
        Command::Copy(wanted) => copy::copy(&wanted, output).await,
        Command::Verify(verify) => verify::verify(&verify, output).await,
        Command::Serve(wanted) => serve::serve(location, &wanted).await,
        Command::Token(wanted) => token::token(location, &wanted, output).await,
        Command::Quarantine(wanted) => quarantine::quarantine(location, &wanted, output).await,
        Command::Recover(wanted) => recover::recover(&wanted, output).await,
        Command::Reindex(wanted) => reindex::reindex(location, &wanted, output).await,
        Command::Purge(purge) => purge::purge(location, &purge, output).await,
        Command::Vacuum => purge::vacuum(location, output).await,
        // Done above.
        Command::Config(_) | Command::Doctor(_) | Command::Completions(_) | Command::Man(_) => Ok(Ended::Well),
    }
}

/// An error for something typed that clap cannot judge.
fn usage(reason: impl Into<String>) -> anyhow::Error {
    Wrong(reason.into()).into()
}

fn end_on_interrupt() {
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            exit(i32::from(CANCELLED));
        }
    });
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What went wrong and why, on one line; a cause that repeats what stands before it is left out.
fn reason(error: &anyhow::Error) -> String {
    let mut reason = String::new();
    for cause in error.chain() {
        let cause = in_words(cause);
        if reason.is_empty() {
            reason = cause;
        } else if !reason.to_lowercase().ends_with(&cause.to_lowercase()) {
            reason = format!("{reason}: {cause}");
        }
    }
    reason
}

/// A cause in words; what the operating system says comes without its number, also where another cause repeats it.
fn in_words(cause: &(dyn std::error::Error + 'static)) -> String {
    if let Some(error) = cause.downcast_ref::<io::Error>() {
        return telling::in_plain_words(error);
    }
    let words = cause.to_string();
    let number = cause.source().and_then(|inner| inner.downcast_ref::<io::Error>()?.raw_os_error());
    match number.map(|number| format!(" (os error {number})")) {
        Some(number) => words.strip_suffix(&number).map_or(words.clone(), str::to_owned),
        None => words,
    }
}

/// Says on stderr what went wrong.
fn complain(reason: &str) {
    for (count, line) in reason.lines().enumerate() {
        tell(&if count == 0 { format!("turnscope: {line}") } else { line.to_owned() });
    }
}

/// One line of words on stderr, without passwords; a closed stderr is nobody to tell.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{}", safe(&hushed(line)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn an_error_says_each_cause_once() {
        let error = anyhow!("no space").context("database: no space").context("could not import");
        assert_eq!(reason(&error), "could not import: database: no space");
    }

    #[test]
    fn what_the_system_says_comes_without_its_number() {
        let error = anyhow::Error::from(io::Error::from_raw_os_error(2)).context("could not read x");
        assert_eq!(reason(&error), "could not read x: no such file or directory");
    }

    #[test]
    fn what_a_cause_repeats_of_the_system_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("error communicating with database: {0}")]
        struct Driver(#[source] io::Error);
        let error = anyhow::Error::from(Driver(io::Error::from_raw_os_error(111)));
        let words = reason(&error.context("the store could not be reached"));
        assert_eq!(words, "the store could not be reached: error communicating with database: Connection refused");
    }

    #[test]
    fn a_reader_that_goes_away_is_known_by_its_error() {
        let gone = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("could not write");
        assert!(is_broken_pipe(&gone) && !is_broken_pipe(&anyhow!("other")));
    }
}
