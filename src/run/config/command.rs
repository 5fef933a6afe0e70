//! `turnscope config`: looks at the file, shows what is in force and who said so, lists the names of keys.

use std::fmt::Debug;
use std::path::PathBuf;

use anyhow::Result;
use clap::ArgMatches;
use clap::parser::ValueSource;
use serde_json::json;

use super::{File, OwnRules, Settings, path};
use crate::cli::{ConfigAction, ConfigLine, Options};
use crate::domain::safe;
use crate::run::location::Location;
use crate::run::output::Output;
use crate::run::table::{Column, Fit, Table};
use crate::run::{Ended, tell};
use crate::ui::key_rows;

const SHOWN: [Column; 3] =
    [Column::left("name", Fit::Whole), Column::left("value", Fit::Shrinks(12)), Column::left("from", Fit::Whole)];
const KEYS: [Column; 4] = [
    Column::left("place", Fit::Whole),
    Column::left("name", Fit::Whole),
    Column::left("keys", Fit::Whole),
    Column::left("help", Fit::Shrinks(12)),
];

/// The options are those of the line with what the file adds; `typed` tells what was on the line.
pub fn command(
    wanted: &ConfigLine,
    options: &Options,
    typed: &ArgMatches,
    settings: Result<Settings>,
    output: &mut Output,
) -> Result<Ended> {
    match wanted.action {
        ConfigAction::Check => check(options, output),
        ConfigAction::Show => show(options, typed, &settings?, output),
        ConfigAction::Keys => keys(&settings?, output),
        ConfigAction::Path => print_path(options, output),
    }
}

fn check(options: &Options, output: &mut Output) -> Result<Ended> {
    let path = path(options)?;
    if !path.exists() && options.config.is_none() {
        tell(&format!("there is no {}: everything is as it comes", path.display()));
        return Ok(Ended::Well);
    }
    let Err(faults) = File::read(&path)?.settings() else {
        tell(&format!("{}: nothing is wrong with it", path.display()));
        return Ok(Ended::Well);
    };
    for fault in &faults {
        if output.json {
            output.object(&json!({"path": path.to_string_lossy(), "line": fault.line, "fault": fault.reason}))?;
        } else {
            output.line(&safe(&fault.told(&path)))?;
        }
    }
    Ok(Ended::Failed)
}

fn print_path(options: &Options, output: &mut Output) -> Result<Ended> {
    let path = path(options)?;
    if output.json {
        output.object(&json!({"path": path.to_string_lossy(), "exists": path.exists()}))?;
    } else {
        output.line(&safe(&path.to_string_lossy()))?;
    }
    Ok(Ended::Well)
}

/// Who said what is in force.
fn said(typed: &ArgMatches, option: &str, filed: bool) -> &'static str {
    match typed.value_source(option) {
        Some(ValueSource::CommandLine) => "flag",
        Some(ValueSource::EnvVariable) => "environment",
        _ if filed => "file",
        _ => "default",
    }
}

fn word(value: Option<impl Debug>, otherwise: &str) -> String {
    value.map_or_else(|| otherwise.to_owned(), |value| format!("{value:?}").to_lowercase())
}

fn path_text(path: Option<&PathBuf>) -> String {
    path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default()
}

fn show(options: &Options, typed: &ArgMatches, settings: &Settings, output: &mut Output) -> Result<Ended> {
    let own_theme = settings.theme_of_user.is_some() && options.theme.is_none();
    let theme = if own_theme { "the user's own".to_owned() } else { word(options.theme.or(settings.theme), "auto") };
    let has_theme = settings.theme.is_some() || own_theme;
    let by_variable = std::env::var_os("AGENT_REPLAY_RETENTION_DAYS").is_some_and(|days| !days.is_empty());
    let retention = if by_variable { "environment" } else { filed(settings.retention.is_some()) };
    let days = std::env::var("AGENT_REPLAY_RETENTION_DAYS").ok().filter(|days| !days.is_empty());
    let days = days.unwrap_or_else(|| settings.retention.unwrap_or(90).to_string());
    let folders: Vec<_> = settings.sources.folders.iter().map(|path| path.to_string_lossy()).collect();
    let rows = [
        (
            "store",
            Location::find(options.store.as_deref())?.address.to_string(),
            said(typed, "store", settings.store.is_some()),
        ),
        ("color", word(options.color, "auto"), said(typed, "color", settings.color.is_some())),
        ("theme", theme, said(typed, "theme", has_theme)),
        ("mouse", options.mouse.to_string(), said(typed, "mouse", settings.mouse.is_some())),
        ("tz", options.tz.clone().unwrap_or_else(|| "UTC".to_owned()), said(typed, "tz", settings.tz.is_some())),
        ("retention", days, retention),
        ("prices", path_text(options.prices.as_ref()), said(typed, "prices", settings.prices.is_some())),
        (
            "redaction",
            settings.redaction.as_ref().map_or_else(String::new, OwnRules::told),
            filed(settings.redaction.is_some()),
        ),
        ("sources.agents", settings.sources.agents.to_string(), filed(!settings.sources.agents)),
        ("sources.folders", folders.join(" "), filed(!folders.is_empty())),
    ];
    let mut table = Table::new(&SHOWN);
    for (name, value, from) in rows {
        if output.json {
            output.object(&json!({"name": name, "value": value, "from": from}))?;
        } else {
            table.row(vec![name.to_owned(), value, from.to_owned()]);
        }
    }
    table.print(output)?;
    Ok(Ended::Well)
}

fn filed(is: bool) -> &'static str {
    if is { "file" } else { "default" }
}

fn keys(settings: &Settings, output: &mut Output) -> Result<Ended> {
    let mut table = Table::new(&KEYS);
    for row in key_rows(settings.keys) {
        if output.json {
            output.object(&json!({"place": row.place, "name": row.name, "keys": row.keys, "help": row.help}))?;
        } else {
            let place = row.place.to_lowercase();
            table.row(vec![place, row.name, row.keys.join(" "), row.help.to_owned()]);
        }
    }
    table.print(output)?;
    Ok(Ended::Well)
}
