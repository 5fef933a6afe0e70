//! A session as Markdown that a person reads from top to bottom: who said what, what was called, what it cost.
//!
//! Every payload and every name from the data stands in code, so nothing of it is a tag, a link or a heading.

mod text;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value};

use super::kept::{Held, Kept};
use super::leaving::{Form, Leaving, Part, Section};
use crate::domain::price::Prices;
use crate::domain::telling::thousands;
use text::{blocks, code, fence};

/// A longer payload is shown as far as this.
const LONGEST: u64 = 256 << 10;
/// Findings that are listed; more are counted.
const TOLD: usize = 200;

/// What is shown of an event, in this order: the name of a body's role, and what it is called here.
const SHOWN: [(&str, &str); 5] =
    [("system", "system prompt"), ("context", "context"), ("tools", "tools"), ("input", "input"), ("output", "output")];

/// A document that is being written.
pub struct Markdown<'a> {
    out: &'a mut (dyn Write + Send),
    kept: Kept,
    prices: Prices,
    /// Single values, by name.
    values: Map<String, Value>,
    sessions: Vec<Value>,
    findings: Vec<Value>,
    more_findings: usize,
    notes: BTreeMap<(String, String), Vec<Value>>,
    bytes: u64,
}

impl<'a> Markdown<'a> {
    /// A document that goes to `out` once all has been told; until then it waits in nameless files in `folder`.
    pub fn begin(out: &'a mut (dyn Write + Send), folder: &Path, prices: Prices) -> Result<Self> {
        let kept = Kept::in_folder(folder)?;
        let (values, sessions, findings, notes) = (Map::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Ok(Self { out, kept, prices, values, sessions, findings, more_findings: 0, notes, bytes: 0 })
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn line(&mut self, text: &str) -> Result<()> {
        self.text(text)?;
        self.text("\n")
    }

    fn head(&mut self) -> Result<()> {
        let session = self.values.get("session").cloned().unwrap_or_default();
        let title = [&session["title"], &session["room"], &session["id"]].into_iter().find_map(word);
        self.line(&format!("# {}\n", code(title.unwrap_or("session"))))?;
        for name in ["id", "agent", "project", "room", "cwd", "git_branch", "started", "ended"] {
            if let Some(value) = word(&session[name]) {
                self.line(&format!("- {}: {}", name.replace('_', " "), code(value)))?;
            }
        }
        let models: Vec<String> = list(&session["models"]).filter_map(word).map(code).collect();
        if !models.is_empty() {
            self.line(&format!("- models: {}", models.join(", ")))?;
        }
        let why = self.values.get("selection").and_then(|selection| word(&selection["why"])).map(code);
        if let Some(why) = why {
            self.line(&format!("- selection: {why}"))?;
        }
        let warnings: Vec<String> =
            self.values.get("warnings").into_iter().flat_map(list).filter_map(word).map(code).collect();
        if !warnings.is_empty() {
            self.line("\n## Warnings\n")?;
            warnings.iter().try_for_each(|warning| self.line(&format!("- {warning}")))?;
        }
        self.usage()
    }

    fn usage(&mut self) -> Result<()> {
        self.line("\n## Usage\n")?;
        for session in std::mem::take(&mut self.sessions) {
            let name = word(&session["id"]).map(code).unwrap_or_default();
            let counts = ["events", "turns", "errors", "findings"]
                .map(|count| format!("{count} {}", session[count].as_i64().map_or_else(String::new, thousands)));
            self.line(&format!("- session {name}: {}; tokens: {}", counts.join(", "), tokens(&session["tokens"])))?;
        }
        let totals = self.values.remove("totals").unwrap_or_default();
        for (group, what) in [("by_model", "model"), ("by_tool", "tool")] {
            for line in list(&totals[group]) {
                let name = word(&line["name"]).map(code).unwrap_or_default();
                let count = |name: &str| line[name].as_i64().map_or_else(String::new, thousands);
                let spent = match what {
                    "model" => format!("; tokens: {}{}", tokens(&line["tokens"]), cost(&line["cost"])),
                    _ => String::new(),
                };
                self.line(&format!("- {what} {name}: calls {}, errors {}{spent}", count("calls"), count("errors")))?;
            }
        }
        let all = &totals["models"];
        if all["model_calls"].as_i64().is_some_and(|calls| calls > 0) {
            self.line(&format!("- all models: tokens: {}{}", tokens(&all["tokens"]), cost(&all["cost"])))?;
        }
        match totals["unreported"].as_i64() {
            None | Some(0) => Ok(()),
            Some(count) => self.line(&format!("- calls of models that reported no tokens: {}", thousands(count))),
        }
    }

    fn rows(&mut self) -> Result<()> {
        self.line("\n## Timeline")?;
        // Where a text was shown already that many rows name, such as a system prompt.
        let mut shown: HashMap<String, usize> = HashMap::new();
        let mut session = Value::Null;
        for (place, row) in self.kept.rows()?.enumerate() {
            let row = row?;
            if row["session"] != session {
                session = row["session"].clone();
                if place > 0 {
                    self.line(&format!("\n## Session {}", code(session.as_str().unwrap_or(""))))?;
                }
            }
            self.row(place + 1, &row, &mut shown)?;
        }
        Ok(())
    }

    fn row(&mut self, number: usize, row: &Value, shown: &mut HashMap<String, usize>) -> Result<()> {
        let mut heading = vec![number.to_string(), word(&row["kind"]).unwrap_or("row").to_owned()];
        heading.extend([&row["who"], &row["status"]].into_iter().filter_map(word).map(code));
        heading.extend(row["at"].as_str().map(code));
        self.line(&format!("\n### {}\n", heading.join(" · ")))?;
        let mut facts = Vec::new();
        facts.extend(row["latency"].as_i64().map(|micros| format!("took {} ms", thousands(micros / 1000))));
        if row["tokens"].is_object() {
            let mut used = row["tokens"].clone();
            used["total"] = row["total"].clone();
            facts.push(format!("tokens: {}{}", tokens(&used), cost(&row["cost"])));
        }
        facts.extend(word(&row["error"]).map(|error| format!("error: {}", code(error))));
        facts.extend(word(&row["id"]).map(|id| format!("row {}", code(id))));
        self.line(&facts.join("; "))?;
        for note in self.notes.remove(&noted(&row["session"], &row["id"])).unwrap_or_default() {
            let said = word(&note["note"]).map_or_else(|| "marked".to_owned(), |note| format!("note: {}", code(note)));
            self.line(&format!("\n{said}"))?;
        }
        let mut is_told = false;
        for event in list(&row["events"]) {
            let bodies: Vec<&Value> = list(&event["turnscope"]["bodies"]).collect();
            for (role, what) in SHOWN {
                for body in bodies.iter().filter(|body| body["role"] == role) {
                    is_told |= self.body(number, what, body, shown)?;
                }
            }
        }
        match word(&row["label"]).filter(|_| !is_told) {
            Some(label) => self.line(&format!("\n{}", code(label))),
            None => Ok(()),
        }
    }

    /// Shows a body; returns whether there was something to show.
    fn body(&mut self, number: usize, what: &str, body: &Value, shown: &mut HashMap<String, usize>) -> Result<bool> {
        let Some(sha256) = body["sha256"].as_str() else { return Ok(false) };
        if let Some(before) = shown.get(sha256) {
            self.line(&format!("\n{what}: as in row {before}"))?;
            return Ok(true);
        }
        let Some(held) = self.kept.body(sha256, LONGEST)? else { return Ok(false) };
        shown.insert(sha256.to_owned(), number);
        let Held { bytes, size, is_text } = held;
        if !is_text {
            self.line(&format!("\n{what}: {} bytes that are no text", thousands(size as i64)))?;
            return Ok(true);
        }
        let left = size - bytes.len() as u64;
        let all = if left == 0 {
            blocks(&bytes)
        } else {
            let text = String::from_utf8_lossy(&bytes).trim_end_matches('\u{FFFD}').to_owned();
            vec![text::Block { what: None, word: "text", text }]
        };
        for block in &all {
            let said = block.what.unwrap_or(what);
            self.line(&format!("\n{said}:\n"))?;
            self.text(&fence(block.word, &block.text))?;
        }
        if left > 0 {
            self.line(&format!("\nand {} bytes more, which a slice holds", thousands(left as i64)))?;
        }
        Ok(!all.is_empty())
    }

    fn tail(&mut self) -> Result<()> {
        let elsewhere: usize = self.notes.values().map(Vec::len).sum();
        if elsewhere > 0 {
            self.line(&format!("\nMarks and notes of rows that are not here: {elsewhere}"))?;
        }
        if self.findings.is_empty() {
            return Ok(());
        }
        self.line("\n## Findings\n")?;
        for finding in std::mem::take(&mut self.findings) {
            let said = |name: &str| word(&finding[name]).map(code).unwrap_or_default();
            let kind = word(&finding["severity"]).unwrap_or("info");
            self.line(&format!("- {kind}: {} at {}: {}", said("finding"), said("event"), said("detail")))?;
        }
        match self.more_findings {
            0 => Ok(()),
            more => self.line(&format!("- and {} more", thousands(more as i64))),
        }
    }
}

/// What a note is known by: the session and the row that it is of.
fn noted(session: &Value, row: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    (text(session), text(row))
}

/// Buckets of tokens in words; what is unknown is left out.
fn tokens(counts: &Value) -> String {
    let named = ["input", "cache_read", "cache_write", "output", "reasoning", "total"];
    let known = named
        .iter()
        .filter_map(|name| Some(format!("{} {}", name.replace('_', " "), thousands(counts[*name].as_i64()?))));
    let known: Vec<String> = known.collect();
    if known.is_empty() { "unknown".to_owned() } else { known.join(", ") }
}

/// What calls cost, behind their tokens; nothing where none of them cost anything.
fn cost(cost: &Value) -> String {
    match (word(&cost["words"]), &cost["micro_usd"]) {
        (None, _) => String::new(),
        (Some(_), Value::Null) => "; cost: unknown".to_owned(),
        (Some(words), _) => format!("; cost: {words}"),
    }
}

fn word(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.trim().is_empty())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

impl Form for Markdown<'_> {
    fn takes_rows(&self) -> bool {
        true
    }

    fn prices(&self) -> Prices {
        self.prices.clone()
    }

    fn wants(&self, sha256: &str) -> bool {
        self.kept.wants(sha256)
    }

    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        // The record of every prompt and action is for those who look things up.
        if !matches!(name, "artifacts" | "actions" | "manifest") {
            self.values.insert(name.to_owned(), value.clone());
        }
        Ok(())
    }

    fn row(&mut self, section: Section, _: Option<&str>, row: &Value) -> Result<()> {
        match section {
            Section::Rows => {
                for body in list(&row["events"]).flat_map(|event| list(&event["turnscope"]["bodies"])) {
                    if SHOWN.iter().any(|(role, _)| body["role"] == *role) {
                        self.kept.want(body["sha256"].as_str().unwrap_or(""));
                    }
                }
                return self.kept.row(row);
            }
            Section::Sessions => self.sessions.push(row.clone()),
            Section::Findings if self.findings.len() < TOLD => self.findings.push(row.clone()),
            Section::Findings => self.more_findings += 1,
            Section::Annotations => {
                self.notes.entry(noted(&row["session"], &row["row"])).or_default().push(row.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        self.kept.begin_body(body);
        Ok(())
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        self.kept.part(part)
    }

    fn end_body(&mut self) -> Result<()> {
        self.kept.end_body();
        Ok(())
    }

    fn finish(&mut self) -> Result<u64> {
        self.head()?;
        self.rows()?;
        self.tail()?;
        self.out.flush()?;
        Ok(self.bytes)
    }
}
