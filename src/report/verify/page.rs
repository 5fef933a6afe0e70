//! Checks a page: its seal, every payload in it, what its rows name, and the manifest over all of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::place::places;
use super::{Problems, Verdict, compare_manifest};
use crate::domain::{SealCheck, Sealed};
use crate::store::digest;

/// How every page begins.
pub const BEGINNING: &str = "<!doctype html>";
/// How a script of data begins, and what stands at its end.
const SCRIPT: &str = "<script type=\"application/json\" ";
const END: &str = "</script>";
const ROWS: &str = "class=\"rows\"";
const BODIES: &str = "class=\"bodies\"";

/// Recomputes every digest of a page.
pub fn verify(path: &Path) -> Result<Verdict> {
    let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let mut lines = BufReader::with_capacity(1 << 18, file);
    let (mut checking, mut seal) = (Checking::default(), SealCheck::default());
    let mut line = Vec::new();
    loop {
        line.clear();
        let size = lines
            .by_ref()
            .read_until(b'\n', &mut line)
            .with_context(|| format!("could not read {}", path.display()))?;
        if size == 0 {
            break;
        }
        seal.feed(&line);
        checking.line(&String::from_utf8_lossy(&line));
    }
    if !checking.is_page {
        bail!("{} is no page that turnscope wrote", path.display());
    }
    checking.conclude(seal.conclude(), path)
}

#[derive(Default)]
struct Checking {
    is_page: bool,
    /// The attributes of the script that is open.
    script: String,
    /// The payloads that the page lists, with their sizes and whether a script holds them.
    listed: Vec<(String, u64, bool)>,
    /// The payloads that scripts hold, by their numbers: digest and size.
    found: BTreeMap<u64, (String, u64)>,
    /// What rows name, by the row that names it first.
    named: BTreeMap<(String, u64), String>,
    digest: Option<String>,
    events: usize,
    problems: Problems,
}

impl Checking {
    fn line(&mut self, line: &str) {
        let mut rest = line.trim_end_matches('\n');
        let begun = rest.strip_prefix(SCRIPT).and_then(|begun| begun.split_once('>'));
        if let Some((attributes, inside)) = begun {
            attributes.clone_into(&mut self.script);
            rest = inside;
        }
        let script = std::mem::take(&mut self.script);
        self.is_page |= script == "id=\"head\"";
        let whole = rest.strip_suffix(END);
        match script.as_str() {
            "" => return,
            "id=\"head\"" | "id=\"bodies\"" => self.whole(&script, whole.unwrap_or(rest)),
            list if list.starts_with(ROWS) || list.starts_with(BODIES) => {
                let item = if begun.is_some() { rest.strip_prefix('[').unwrap_or(rest) } else { rest };
                let inside = whole.and_then(|_| item.strip_suffix(END)?.strip_suffix(']'));
                self.item(&script, inside.or(item.strip_suffix(',')).unwrap_or(item));
            }
            _ => {}
        }
        if whole.is_none() {
            self.script = script;
        }
    }

    /// A script that is one value.
    fn whole(&mut self, script: &str, json: &str) {
        let Ok(value) = serde_json::from_str::<Value>(json) else {
            return self.problems.add(format!("the script with {script} cannot be read"));
        };
        match script {
            "id=\"head\"" => {
                self.digest = value["manifest"].as_str().map(str::to_owned);
            }
            "id=\"bodies\"" => {
                let body =
                    |body: &Value| Some((body[0].as_str()?.to_owned(), body[1].as_u64()?, body[2].as_i64()? >= 0));
                self.listed = value.as_array().into_iter().flatten().filter_map(body).collect();
            }
            _ => {}
        }
    }

    /// One item of a list that has a line for each.
    fn item(&mut self, script: &str, json: &str) {
        let is_row = script.starts_with(ROWS);
        match serde_json::from_str::<Value>(json) {
            _ if json.is_empty() => {}
            Ok(value) if is_row => self.row(&value),
            Ok(value) => self.body(&value),
            Err(error) => {
                let what = if is_row { "row" } else { "payload" };
                self.problems.add(format!("a {what} cannot be read: {error}"));
            }
        }
    }

    fn row(&mut self, row: &Value) {
        for event in row["events"].as_array().into_iter().flatten() {
            self.events += 1;
            for body in event["bodies"].as_array().into_iter().flatten() {
                let named = body["sha256"].as_str().map(str::to_owned).zip(body["size"].as_u64());
                let row = row["id"].as_str().unwrap_or("");
                if let Some(named) = named {
                    self.named.entry(named).or_insert_with(|| row.to_owned());
                }
            }
        }
    }

    fn body(&mut self, body: &Value) {
        let bytes = match (&body[1], body[1]["base64"].as_str()) {
            (Value::String(text), _) => Some(text.clone().into_bytes()),
            (_, Some(base64)) => STANDARD.decode(base64).ok(),
            _ => None,
        };
        match (body[0].as_u64(), bytes) {
            (Some(number), Some(bytes)) => {
                self.found.insert(number, (hex::encode(digest(&bytes)), bytes.len() as u64));
            }
            _ => self.problems.add("a payload cannot be read".to_owned()),
        }
    }

    fn conclude(mut self, seal: Sealed, path: &Path) -> Result<Verdict> {
        let (sealed, has_no_seal) = (seal == Sealed::Whole, seal == Sealed::No);
        let broken = match seal {
            Sealed::Broken(reason) => Some(reason),
            Sealed::No => Some("it has no seal, which every page has: it was cut or changed".to_owned()),
            Sealed::Whole => None,
        };
        if let Some(reason) = broken {
            self.problems.add_first(std::iter::once(reason).chain(places(path)?));
        }
        let mut missing = Vec::new();
        for (number, (name, size, is_here)) in self.listed.iter().enumerate() {
            match self.found.remove(&(number as u64)) {
                Some(found) if (&found.0, found.1) == (name, *size) => {}
                Some((found, _)) => self.problems.add(format!("payload {name} hashes to {found}")),
                None if *is_here => missing.push(name),
                None => {}
            }
        }
        // A page that is cut has lost all behind the cut, which is no news of each.
        match (has_no_seal, missing.as_slice()) {
            (true, [_, _, ..]) => {
                self.problems.add(format!("{} of {} payloads are missing", missing.len(), self.listed.len()))
            }
            (_, missing) => missing.iter().for_each(|name| self.problems.add(format!("payload {name} is missing"))),
        }
        for (digest, _) in self.found.values() {
            self.problems.add(format!("payload {digest} is not in the list of payloads"));
        }
        let listed: BTreeMap<String, u64> = self.listed.iter().map(|(name, size, _)| (name.clone(), *size)).collect();
        for ((name, size), row) in &self.named {
            if listed.get(name) != Some(size) {
                self.problems
                    .add(format!("row {row} names {name} of {size} bytes, which is not in the list of payloads"));
            }
        }
        compare_manifest(&listed, self.digest.as_deref(), &mut self.problems);
        let bodies = self.listed.iter().filter(|(_, _, is_here)| *is_here).count();
        Ok(Verdict { bodies, events: self.events, sealed, problems: self.problems.told() })
    }
}
