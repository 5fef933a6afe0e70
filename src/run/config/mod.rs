//! The configuration file: what is the same every time, written down once. Flags and the environment go before it.

mod command;
mod file;
mod hiding;
mod written;

pub use command::command;
pub use file::{File, Settings, Sources};
pub use hiding::OwnRules;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use etcetera::base_strategy::{BaseStrategy, Xdg};

use super::usage;
use crate::cli::{Command, Line, Options};
use crate::domain::price::Prices;
use crate::domain::telling;

/// Where the file is, whether it is there or not.
pub fn path(options: &Options) -> Result<PathBuf> {
    if let Some(named) = options.config.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        return Ok(named.clone());
    }
    let folders = Xdg::new().context("could not find the home folder; name a configuration with --config")?;
    Ok(folders.config_dir().join("turnscope").join("config.toml"))
}

/// What the file says; nothing where there is none and none was named.
pub fn read(options: &Options) -> Result<Settings> {
    let path = path(options)?;
    if options.config.is_none() && !path.exists() {
        return Ok(Settings::default());
    }
    let file = File::read(&path)?;
    file.settings().map_err(|faults| {
        let told: Vec<String> = faults.iter().map(|fault| fault.told(&path)).collect();
        usage(format!("{}\n`turnscope config check` looks at the file alone", told.join("\n")))
    })
}

/// Gives the line what the file says and nothing else has said.
pub fn fill(line: &mut Line, settings: &Settings) {
    let options = &mut line.options;
    options.store = options.store.take().filter(|store| !store.is_empty()).or_else(|| settings.store.clone());
    options.color = options.color.or(settings.color);
    options.tz = options.tz.take().or_else(|| settings.tz.clone());
    options.prices = options.prices.take().or_else(|| settings.prices.clone());
    options.mouse |= settings.mouse.unwrap_or(false);
    let by = match &mut line.command {
        Some(Command::Export(export)) => Some(&mut export.redact.by),
        Some(Command::Report(report)) => Some(&mut report.redact.by),
        Some(Command::Copy(copy)) => Some(&mut copy.redact.by),
        Some(Command::Scan(scan)) => Some(&mut scan.by),
        _ => None,
    };
    if let (Some(by), Some(rules)) = (by, &settings.redaction) {
        by.usual = Some(rules.text.clone());
    }
    let retention = match &mut line.command {
        Some(Command::Import(import)) => &mut import.retention,
        Some(Command::Serve(serve)) => &mut serve.retention,
        _ => return,
    };
    retention.days = retention.days.or(settings.retention);
}

/// The prices of a file before those that come with the program; without one, those alone.
pub fn prices(path: Option<&Path>) -> Result<Prices> {
    let Some(path) = path else { return Ok(Prices::default()) };
    let refuse = |line: usize, reason: &str| {
        let line = if line == 0 { String::new() } else { format!(":{line}") };
        usage(format!("could not use the prices {}{line}: {reason}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| refuse(0, &telling::in_plain_words(&error)))?;
    Prices::with(&text).map_err(|fault| {
        let line = fault.at.map_or(0, |at| line_of(&text, at.start));
        refuse(line, &fault.reason)
    })
}

/// The line in which a byte stands, from 1 on.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// An error for a file that cannot be used at all.
fn unusable(path: &Path, reason: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("could not read the configuration {}: {reason}", path.display())
}
