//! The first walk: what is secret, where, and what every body becomes; nothing is written.

use std::collections::{BTreeMap, HashMap};

use anyhow::Result;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::leaving::{Form, Leaving, Part, Section};
use super::{Changed, Cleared, Clearing, FRAMED, Redaction, Review, framed, record};
use crate::domain::redact::{Known, Mark, Stream, Veil};

/// So many places of one secret are told; the others are counted.
const TOLD: usize = 8;

/// A secret, and where it was met. Its value is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The place of the rule in the table.
    pub rule: usize,
    pub mark: Mark,
    /// How it begins where that tells no more than its kind, and its length.
    pub hint: String,
    pub count: usize,
    pub spots: Vec<Spot>,
}

/// Where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spot {
    pub session: String,
    /// The id of the event; empty for what belongs to none.
    pub event: String,
    /// The part of the event: the role of a body, or the name of a section.
    pub part: String,
    /// The place in JSON; empty in plain text.
    pub path: String,
    /// Where it begins in the bytes of the body or row.
    pub at: u64,
    /// Other events that share the body.
    pub shared: usize,
}

/// In words: `input of u1 at $.text`.
impl std::fmt::Display for Spot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let owner = if self.event.is_empty() { &self.session } else { &self.event };
        formatter.write_str(&self.part)?;
        if !owner.is_empty() {
            write!(formatter, " of {owner}")?;
        }
        if self.path.is_empty() {
            write!(formatter, " at byte {}", self.at)
        } else {
            write!(formatter, " at {}", self.path)
        }
    }
}

/// Bytes that nobody can look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    pub kind: String,
    pub count: usize,
    pub bytes: u64,
}

/// Who names a body.
#[derive(Debug, Clone, Default)]
struct Owner {
    session: String,
    event: String,
    role: String,
    others: usize,
}

/// A body that is being looked through.
#[derive(Default)]
struct Looking {
    sha256: String,
    stream: Stream,
    hasher: Sha256,
    size: u64,
    /// The bytes of a character whose rest is to come; `None` once something was no text.
    rest: Option<Vec<u8>>,
    changed: bool,
}

/// A form that writes nothing.
pub struct Survey<'a> {
    veil: Veil,
    tell: &'a mut (dyn FnMut(u64) -> Result<()> + Send),
    secrets: BTreeMap<(usize, Mark), Secret>,
    /// The order in which they were met.
    order: Vec<(usize, Mark)>,
    withheld: BTreeMap<String, Withheld>,
    owners: BTreeMap<String, Owner>,
    bodies: BTreeMap<String, Changed>,
    looking: Option<Looking>,
    done: u64,
    /// Secrets that were found by what stands around them, with their rules.
    known: HashMap<Vec<u8>, usize>,
    /// Bodies were looked through, and only what rows repeat of their secrets is looked for.
    again: bool,
}

/// What was seen, before it is known where.
struct Met {
    rule: usize,
    mark: Mark,
    hint: String,
    path: String,
    at: u64,
    withheld: Option<(String, u64)>,
    repeats: bool,
    /// The secret, where its own shape does not tell it.
    named: Option<Vec<u8>>,
}

impl<'a> Survey<'a> {
    pub fn new(veil: Veil, tell: &'a mut (dyn FnMut(u64) -> Result<()> + Send)) -> Self {
        Self {
            veil,
            tell,
            secrets: BTreeMap::new(),
            order: Vec::new(),
            withheld: BTreeMap::new(),
            owners: BTreeMap::new(),
            bodies: BTreeMap::new(),
            looking: None,
            done: 0,
            known: HashMap::new(),
            again: false,
        }
    }

    /// Knows from here on what was found, so that rows can be walked again for what they repeat of it. Says whether that
    /// is of use.
    pub fn learn(&mut self) -> bool {
        let known = Known::of(&std::mem::take(&mut self.known));
        self.again = !known.is_empty();
        self.veil.learn(known);
        self.again
    }

    pub fn conclude(self, redaction: &Redaction) -> Review {
        let Self { mut secrets, mut order, withheld, bodies, veil, .. } = self;
        order.sort_by_key(|(rule, _)| *rule);
        let secrets: Vec<Secret> = order.iter().filter_map(|key| secrets.remove(key)).collect();
        let withheld: Vec<Withheld> = withheld.into_values().collect();
        let record = record(redaction, &secrets, &withheld);
        let cleared = Cleared(std::sync::Arc::new(std::sync::Mutex::new(Clearing { veil, bodies, record })));
        Review { secrets, withheld, redaction: redaction.clone(), cleared }
    }

    fn json(&mut self, json: &Value, spot: &Spot) -> Result<()> {
        let bytes = serde_json::to_vec(json)?;
        let mut met = Vec::new();
        let hints = self.veil.hints();
        self.veil.row(&bytes, &mut |seen| met.push(met_of(&hints, &seen)));
        for met in met {
            self.met(met, spot);
        }
        Ok(())
    }

    fn met(&mut self, met: Met, spot: &Spot) {
        if self.again && !met.repeats {
            return;
        }
        if let Some(named) = met.named {
            self.known.insert(named, met.rule);
        }
        if let Some((kind, size)) = met.withheld {
            let withheld = self.withheld.entry(kind.clone()).or_insert(Withheld { kind, count: 0, bytes: 0 });
            withheld.count += 1;
            withheld.bytes += size;
        }
        let (key, order) = ((met.rule, met.mark), &mut self.order);
        let secret = self.secrets.entry(key).or_insert_with(|| {
            order.push(key);
            Secret { rule: met.rule, mark: met.mark, hint: met.hint, count: 0, spots: Vec::new() }
        });
        secret.count += 1;
        if secret.spots.len() < TOLD {
            secret.spots.push(Spot { path: met.path, at: met.at, ..spot.clone() });
        }
    }

    /// Remembers which event names which bodies.
    fn own(&mut self, row: &Value) {
        let event = &row["turnscope"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        for body in event["bodies"].as_array().into_iter().flatten() {
            let (Some(sha256), Some(role)) = (text(&body["sha256"]), text(&body["role"])) else { continue };
            let owner = || Owner {
                session: text(&event["session"]).unwrap_or_default(),
                event: text(&event["id"]).unwrap_or_default(),
                role,
                others: 0,
            };
            self.owners.entry(sha256).and_modify(|owner| owner.others += 1).or_insert_with(owner);
        }
    }

    fn look(&mut self, bytes: &[u8], last: bool) -> Result<()> {
        let Some(mut looking) = self.looking.take() else { return Ok(()) };
        let (mut met, mut out) = (Vec::new(), Vec::new());
        let hints = self.veil.hints();
        let mut seen = |seen: crate::domain::redact::Seen<'_>| met.push(met_of(&hints, &seen));
        if last {
            self.veil.finish(std::mem::take(&mut looking.stream), &mut out, &mut seen);
        } else {
            self.veil.feed(&mut looking.stream, bytes, &mut out, &mut seen);
        }
        looking.changed |= !met.is_empty();
        looking.take(&out);
        let owner = self.owners.get(&looking.sha256).cloned().unwrap_or_default();
        let spot = Spot {
            session: owner.session,
            event: owner.event,
            part: owner.role,
            shared: owner.others,
            ..Spot::default()
        };
        met.into_iter().for_each(|met| self.met(met, &spot));
        self.done += bytes.len() as u64;
        (self.tell)(self.done)?;
        if last {
            let is_text = looking.rest.as_ref().is_some_and(Vec::is_empty);
            let Looking { sha256, hasher, size, changed, .. } = looking;
            self.bodies.insert(sha256, Changed { sha256: hasher.finalize().into(), size, is_text, same: !changed });
        } else {
            self.looking = Some(looking);
        }
        Ok(())
    }
}

impl Looking {
    /// What the body becomes.
    fn take(&mut self, out: &[u8]) {
        self.hasher.update(out);
        self.size += out.len() as u64;
        let Some(mut rest) = self.rest.take() else { return };
        rest.extend_from_slice(out);
        self.rest = match std::str::from_utf8(&rest) {
            Ok(_) => Some(Vec::new()),
            Err(error) if error.error_len().is_none() => Some(rest.split_off(error.valid_up_to())),
            Err(_) => None,
        };
    }
}

fn met_of(hints: &crate::domain::redact::Hints, seen: &crate::domain::redact::Seen<'_>) -> Met {
    Met {
        rule: seen.find.rule,
        mark: seen.mark,
        hint: hints.of(seen.find),
        path: seen.find.path.clone(),
        at: seen.at,
        withheld: seen.find.withheld.clone(),
        repeats: seen.repeats,
        named: (!seen.find.by_shape && seen.find.withheld.is_none()).then(|| seen.find.secret.clone()),
    }
}

impl Form for Survey<'_> {
    fn wants(&self, _: &str) -> bool {
        !self.again
    }

    fn value(&mut self, name: &'static str, value: &Value) -> Result<()> {
        let spot = Spot { part: name.to_owned(), ..Spot::default() };
        if FRAMED.contains(&name) { self.json(&framed(name, value), &spot) } else { self.json(value, &spot) }
    }

    fn row(&mut self, section: Section, name: Option<&str>, row: &Value) -> Result<()> {
        if !self.again {
            self.own(row);
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let spot = Spot {
            session: text(&row["turnscope"]["session"]).or_else(|| text(&row["session"])).unwrap_or_default(),
            event: text(&row["turnscope"]["id"]).unwrap_or_default(),
            part: section.name().to_owned(),
            ..Spot::default()
        };
        if let Some(name) = name {
            self.json(&framed("id", &Value::from(name)), &spot)?;
        }
        self.json(row, &spot)
    }

    fn begin_body(&mut self, body: Leaving<'_>) -> Result<()> {
        self.looking = Some(Looking { sha256: body.sha256.to_owned(), rest: Some(Vec::new()), ..Looking::default() });
        Ok(())
    }

    fn part(&mut self, part: Part<'_>) -> Result<()> {
        match part {
            Part::Text(text) => self.look(text.as_bytes(), false),
            Part::Bytes(bytes) => self.look(bytes, false),
        }
    }

    fn end_body(&mut self) -> Result<()> {
        self.look(&[], true)
    }

    fn finish(&mut self) -> Result<u64> {
        Ok(0)
    }
}
