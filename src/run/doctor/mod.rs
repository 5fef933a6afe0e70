//! `turnscope doctor`: how the terminal, the store, the sources and the configuration are, and what to do about it.

mod probe;
mod sources;
mod store;
mod terminal;

use anyhow::Result;
use serde::Serialize;

use super::config::{self, Settings};
use super::hushed::hushed;
use super::location::Location;
use super::output::Output;
use super::table::{Column, Fit, Table};
use super::{Ended, reason};
use crate::cli::{Doctor, Options};

const COLUMNS: [Column; 4] = [
    Column::left("state", Fit::Whole),
    Column::left("check", Fit::Whole),
    Column::left("found", Fit::Shrinks(20)),
    Column::left("advice", Fit::Piped),
];

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    state: State,
    check: &'static str,
    found: String,
    /// What to do; empty where all is well.
    advice: String,
}

impl Finding {
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { state: State::Ok, check, found: found.into(), advice: String::new() }
    }

    pub fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Warn, check, found: found.into(), advice: advice.into() }
    }

    pub fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { state: State::Fail, check, found: found.into(), advice: advice.into() }
    }
}

pub async fn doctor(
    location: &Location,
    wanted: &Doctor,
    options: &Options,
    settings: Result<Settings>,
    output: &mut Output,
) -> Result<Ended> {
    let mut findings = vec![version(), configuration(options, &settings)];
    findings.extend(terminal::findings(!wanted.no_probe));
    let (of_store, store) = store::findings(location).await;
    findings.extend(of_store);
    let usual = settings.map(|settings| settings.sources).unwrap_or_default();
    findings.extend(sources::findings(&usual, store.as_ref()).await?);
    if let Some(store) = store {
        store.close().await;
    }
    for finding in &mut findings {
        finding.found = hushed(&finding.found).into_owned();
    }
    print(&findings, output)?;
    let failed = findings.iter().any(|finding| finding.state == State::Fail);
    Ok(if failed { Ended::Failed } else { Ended::Well })
}

fn version() -> Finding {
    Finding::ok(
        "version",
        format!("turnscope {} on {} {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
    )
}

fn configuration(options: &Options, settings: &Result<Settings>) -> Finding {
    let check = "configuration";
    let path = config::path(options).map(|path| path.display().to_string());
    match (settings, path) {
        (Err(error), _) => {
            Finding::fail(check, reason(error), "mend the lines that it names; `turnscope config check`")
        }
        (_, Err(error)) => Finding::fail(check, reason(&error), "set HOME, or name a file with --config"),
        (Ok(_), Ok(path)) if std::path::Path::new(&path).exists() => Finding::ok(check, path),
        (Ok(_), Ok(path)) => Finding::ok(check, format!("none at {path}")),
    }
}

fn print(findings: &[Finding], output: &mut Output) -> Result<()> {
    let mut table = Table::new(&COLUMNS);
    for finding in findings {
        if output.json {
            output.object(finding)?;
            continue;
        }
        let state = match finding.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        let cells = vec![state.to_owned(), finding.check.to_owned(), finding.found.clone(), finding.advice.clone()];
        if finding.state == State::Fail { table.red_row(cells) } else { table.row(cells) }
    }
    table.print(output)?;
    let advised: Vec<&Finding> = findings.iter().filter(|finding| !finding.advice.is_empty()).collect();
    if output.terminal && !output.json {
        for finding in advised {
            output.line(&crate::domain::safe(&format!("{}: {}", finding.check, finding.advice)))?;
        }
    }
    Ok(())
}
