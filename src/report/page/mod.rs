//! A report as one HTML page without outside resources: what it tells lies in inert scripts, drawn when it is looked at.
//!
//! The page can be of any size: rows and payloads wait in a file until the head, which counts them, can be written.
//! Every payload stands in it once. The record as the source wrote it is left to the JSON file beside the page where
//! the payloads that were read from it are here.

mod html;
mod sections;
mod spool;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::leaving::{Form, Leaving, Part, Section};
use super::sealing::Sealing;
use crate::domain::price::Prices;
use crate::domain::{Kind, flag, seal_page};
use sections::Placing;
use spool::Spool;

/// Rows in one script, and lines of the index in one.
const ROWS: usize = 200;
const LINES: usize = 5_000;
/// A script of payloads ends behind the payload with which it is so long.
const CHUNK: usize = 256 << 10;
/// A longer payload is left to the JSON file beside the page.
const LONGEST: i64 = 64 << 20;
/// Findings that a page lists; more are counted.
const TOLD: usize = 2_000;
/// Rows that are named for one sort of join.
const NAMED: usize = 8;

const STATES: [&str; 6] = ["", "ok", "error", "no result", "no call", "bad"];

/// A page that is being written.
pub struct Page<'a> {
    out: &'a mut (dyn Write + Send),
    prices: Prices,
    /// Single values, by name.
    values: Map<String, Value>,
    sessions: Vec<Value>,
    index: Spool,
    chunks: Spool,
    rows: usize,
    /// Scripts of rows and of payloads so far.
    row_scripts: usize,
    body_scripts: usize,
    placing: Placing,
    /// The payloads that rows name: the number of each by its SHA-256, then each with its size, the script that holds
    /// it, and whether it belongs on the page.
    numbers: HashMap<String, usize>,
    bodies: Vec<Carried>,
    joins: BTreeMap<(String, String), (usize, Vec<usize>)>,
    /// The row of each event, for findings, which name events.
    row_of: HashMap<String, String>,
    findings: Vec<Value>,
    more_findings: usize,
    states: [usize; STATES.len()],
    start: Option<i64>,
    /// Rows that report how many tokens were used.
    reporting: usize,
    /// What ends the payload that is being written.
    ending: &'static str,
}

struct Carried {
    size: i64,
    script: Option<usize>,
    is_wanted: bool,
}

impl<'a> Page<'a> {
    /// A page that goes to `out` once it is complete; until then it waits in nameless files in `folder`.
    pub fn begin(out: &'a mut (dyn Write + Send), folder: &Path, prices: Prices) -> Result<Self> {
        Ok(Self {
            out,
            prices,
            values: Map::new(),
            sessions: Vec::new(),
            index: Spool::in_folder(folder)?,
            chunks: Spool::in_folder(folder)?,
            rows: 0,
            row_scripts: 0,
            body_scripts: 0,
            placing: Placing::default(),
            numbers: HashMap::new(),
            bodies: Vec::new(),
            joins: BTreeMap::new(),
            row_of: HashMap::new(),
            findings: Vec::new(),
            more_findings: 0,
            states: [0; STATES.len()],
            start: None,
            reporting: 0,
            ending: "",
        })
    }

    fn whole_row(&mut self, row: &Value) -> Result<()> {
        if self.rows.is_multiple_of(ROWS) {
            self.chunks.end()?;
            self.chunks.begin(&format!("class=\"rows\" id=\"r{}\"", self.row_scripts))?;
            self.row_scripts += 1;
        }
        if self.rows.is_multiple_of(LINES) {
            self.index.end()?;
            self.index.begin("class=\"index\"")?;
        }
        let mut row = row.clone();
        // What the original's column names say once more is in each event, too.
        let events = row["events"].as_array().into_iter().flatten().map(|event| event["turnscope"].clone());
        row["events"] = events.collect();
        let bodies = self.take_bodies(&row);
        self.take_joins(&row);
        let id = row["id"].as_str().unwrap_or("").to_owned();
        for event in row["events"].as_array().into_iter().flatten().filter_map(|event| event["id"].as_str()) {
            self.row_of.insert(event.to_owned(), id.clone());
        }
        self.chunks.item()?;
        self.chunks.value(&row)?;
        let line = self.line(&row, bodies);
        self.index.item()?;
        self.index.value(&line)?;
        self.rows += 1;
        Ok(())
    }

    /// What a list shows of a row.
    fn line(&mut self, row: &Value, bodies: Vec<usize>) -> Value {
        let kind = row["kind"].as_str().and_then(Kind::parse).map_or(Kind::Other, |kind| kind) as usize;
        let state = STATES.iter().position(|state| row["state"] == *state).unwrap_or(0);
        self.states[state] += 1;
        self.reporting += usize::from(row["total"].is_number());
        let micros = row["micros"].as_i64();
        self.start = self.start.or(micros);
        let session = self.sessions.iter().position(|session| session["id"] == row["session"]);
        json!([
            row["id"],
            kind,
            state,
            micros.map(|micros| micros as f64 / 1e3),
            row["who"],
            row["label"],
            row["status"],
            row["total"],
            row["latency"],
            row["parent"].as_i64().unwrap_or(-1),
            self.placing.place(row),
            row["flags"],
            bodies,
            session,
        ])
    }

    /// The payloads that a row names, by number.
    fn take_bodies(&mut self, row: &Value) -> Vec<usize> {
        let mut own = Vec::new();
        for event in row["events"].as_array().into_iter().flatten() {
            let bodies = event["bodies"].as_array().map_or(&[][..], Vec::as_slice);
            let alone = bodies.iter().all(|body| body["role"] == "raw");
            for body in bodies {
                let (Some(sha256), Some(size)) = (body["sha256"].as_str(), body["size"].as_i64()) else { continue };
                let number = *self.numbers.entry(sha256.to_owned()).or_insert(self.bodies.len());
                if number == self.bodies.len() {
                    self.bodies.push(Carried { size, script: None, is_wanted: false });
                }
                self.bodies[number].is_wanted |= (alone || body["role"] != "raw") && size <= LONGEST;
                if !own.contains(&number) {
                    own.push(number);
                }
            }
        }
        own
    }

    fn take_joins(&mut self, row: &Value) {
        for join in row["joins"].as_array().into_iter().flatten() {
            let word = |value: &Value| value.as_str().unwrap_or("").to_owned();
            let (count, rows) = self.joins.entry((word(&join["strength"]), word(&join["basis"]["rule"]))).or_default();
            *count += 1;
            if rows.len() < NAMED && rows.last() != Some(&self.rows) {
                rows.push(self.rows);
            }
        }
    }

    fn finding(&mut self, finding: &Value) {
        if self.findings.len() == TOLD {
            self.more_findings += 1;
            return;
        }
        let mut finding = finding.clone();
        finding["row"] = json!(finding["event"].as_str().and_then(|event| self.row_of.get(event)));
        self.findings.push(finding);
    }

    /// What the script of the page needs to know before it draws anything.
    fn head(&self) -> Value {
        let joins: Vec<Value> = self
            .joins
            .iter()
            .map(|((strength, rule), (count, rows))| {
                json!({ "strength": strength, "rule": rule, "count": count, "rows": rows })
            })
            .collect();
        let flags = [
            (flag::ERROR, "error"),
            (flag::INFERRED_TIME, "its time is that of the record before"),
            (flag::INHERITED, "counted in the session it was forked from"),
            (flag::SIDECHAIN, "written by a sub-agent"),
            (flag::BAD, "could not be read"),
            (flag::TRUNCATED, "cut before it was recorded"),
            (flag::TIME_RAN_BACK, "its time runs back"),
            (flag::CONFLICT, "another event has the same id"),
            (flag::TWIN, "says what another event of the turn says"),
            (flag::IMPLAUSIBLE_USAGE, "its tokens are implausible"),
            (flag::UNKNOWN, "of a sort that is not known"),
            (flag::SUPERSEDED, "a newer state is known"),
            (flag::REPEATS_USAGE, "its tokens are counted elsewhere"),
            (flag::PURGED, "its payloads were purged"),
        ];
        json!({
            "rowsInChunk": ROWS, "start": self.start.map(|micros| micros as f64 / 1e3), "joins": joins,
            "findings": { "rows": self.findings, "more": self.more_findings },
            "artifacts": self.values.get("artifacts"), "actions": self.values.get("actions"),
            "totals": self.values.get("totals"), "flags": flags, "truncated": flag::TRUNCATED,
            "redacted": self.values.contains_key("redaction"),
            "manifest": self.values.get("manifest").map(|manifest| &manifest["digest"]),
        })
    }

    /// Each payload with its size and the script that holds it, in the order of their numbers.
    fn listed(&self) -> Vec<Value> {
        let mut listed = vec![Value::Null; self.bodies.len()];
        for (sha256, number) in &self.numbers {
            let Carried { size, script, .. } = self.bodies[*number];
            listed[*number] = json!([sha256, size, script.map_or(-1, |script| script as i64)]);
        }
        listed
    }
}

impl Form for Page<'_> {
    fn takes_rows(&self) -> bool {
        true
    }

    fn prices(&self) -> Prices {
        self.prices.clone()
    }

    fn wants(&self, sha256: &str) -> bool {
        self.numbers.get(sha256).is_some_and(|number| self.bodies[*number].is_wanted)
    }

    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        self.values.insert(name.to_owned(), value.clone());
        Ok(())
    }

    fn begin(&mut self, section: Section) -> Result<()> {
        if section == Section::Bodies { self.chunks.end() } else { Ok(()) }
    }

    fn row(&mut self, section: Section, _: Option<&str>, row: &Value) -> Result<()> {
        match section {
            Section::Rows => self.whole_row(row)?,
            Section::Sessions => self.sessions.push(row.clone()),
            Section::Findings => self.finding(row),
            // Rows tell of the rest themselves.
            _ => {}
        }
        Ok(())
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        if self.chunks.open().is_none_or(|(_, bytes)| bytes >= CHUNK) {
            self.chunks.end()?;
            self.chunks.begin(&format!("class=\"bodies\" id=\"b{}\"", self.body_scripts))?;
            self.body_scripts += 1;
        }
        let number = self.numbers.get(body.sha256).copied();
        if let Some(number) = number {
            self.bodies[number].script = Some(self.body_scripts - 1);
        }
        self.chunks.item()?;
        let opening = if body.is_text { "\"" } else { "{\"base64\":\"" };
        self.chunks.json(&format!("[{},{opening}", json!(number)))?;
        self.ending = if body.is_text { "\"]" } else { "\"}]" };
        Ok(())
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        match part {
            Part::Text(text) => {
                let json = serde_json::to_string(text)?;
                self.chunks.json(&json[1..json.len() - 1])
            }
            Part::Bytes(bytes) => self.chunks.json(&STANDARD.encode(bytes)),
        }
    }

    fn end_body(&mut self) -> Result<()> {
        self.chunks.json(self.ending)
    }

    fn end(&mut self, section: Section) -> Result<()> {
        match section {
            Section::Rows => {
                self.index.end()?;
                self.chunks.end()
            }
            Section::Bodies => self.chunks.end(),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<u64> {
        let (before, script) = html::around(self)?;
        let mut out = Sealing::over(self.out);
        out.text(&before)?;
        out.begin("index");
        self.index.pour(&mut out)?;
        out.begin("script");
        out.text(&script)?;
        out.begin("rows and payloads");
        self.chunks.pour(&mut out)?;
        let parts = out.parts()?;
        out.text(&html::data("parts", &parts)?)?;
        out.finish(seal_page)
    }
}
