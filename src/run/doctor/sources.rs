//! The folders of the agents: how many sessions lie there, and how many of them the store has.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::Finding;
use crate::import::{agents_folders, below, path_text};
use crate::run::config::Sources;
use crate::run::progress::size;
use crate::store::{Source, Store};

pub async fn findings(usual: &Sources, store: Option<&Store>) -> Result<Vec<Finding>> {
    let known = match store {
        Some(store) => store.sources().await?,
        None => HashMap::new(),
    };
    let mut findings = Vec::new();
    if usual.agents {
        for (agent, folder) in agents_folders() {
            findings.push(folder_of(agent, &folder, &known, false));
        }
    }
    for folder in &usual.folders {
        findings.push(folder_of("configured", folder, &known, true));
    }
    Ok(findings)
}

fn folder_of(agent: &str, folder: &Path, known: &HashMap<String, Source>, is_asked_for: bool) -> Finding {
    let check = "sources";
    let shown = folder.display();
    if !folder.is_dir() {
        let found = format!("{agent}: no folder {shown}");
        return match is_asked_for {
            true => Finding::warn(check, found, "mend [sources] in the configuration"),
            false => Finding::ok(check, found),
        };
    }
    let (files, failures) = below(folder);
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let (mut new, mut grown) = (0, 0);
    for (path, bytes) in &files {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        match known.get(&path_text(&path)) {
            None => new += 1,
            Some(source) if i64::try_from(*bytes).is_ok_and(|bytes| bytes != source.size) => grown += 1,
            Some(_) => {}
        }
    }
    let found = format!(
        "{agent}: {} files, {}, below {shown}; {new} not in the store, {grown} changed since",
        files.len(),
        size(bytes)
    );
    if let Some(failure) = failures.first() {
        let found = format!("{found}; {} cannot be read", failures.len());
        return Finding::warn(check, found, format!("give this user the right to read: {failure}"));
    }
    if new + grown > 0 {
        return Finding::warn(check, found, "`turnscope import` brings them in");
    }
    Finding::ok(check, found)
}
