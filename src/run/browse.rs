//! `turnscope` and `turnscope demo`: hand over to the screens.

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::location::{Location, refuse_address};
use super::output::Output;
use super::{Ended, usage};
use crate::domain::safe;

/// Browses the store, or what is named.
pub async fn browse(location: &Location, paths: &[PathBuf], output: &Output) -> Result<Ended> {
    for path in paths {
        refuse_address(path)?;
        if !path.try_exists().unwrap_or(true) {
            return Err(missing(path));
        }
    }
    need_terminal(output)?;
    bail!("no screens yet for {}", location.path.display())
}

/// Browses a built-in session.
pub async fn demo(output: &Output) -> Result<Ended> {
    need_terminal(output)?;
    bail!("no screens yet")
}

fn need_terminal(output: &Output) -> Result<()> {
    if output.terminal && stdin().is_terminal() {
        return Ok(());
    }
    bail!("could not open the screen: this is no terminal; `turnscope sessions` and `turnscope timeline` print tables")
}

/// A lone word is more likely a command mistyped than a file forgotten.
fn missing(path: &std::path::Path) -> anyhow::Error {
    let shown = path.to_string_lossy();
    let shown = safe(&shown);
    if shown.chars().all(|character| character.is_ascii_alphabetic() || character == '-') {
        return usage(format!("`{shown}` is neither a command nor a file; `turnscope --help` lists the commands"));
    }
    anyhow::anyhow!("could not read {shown}: nothing is there")
}
