//! What leaves without its secrets: a first walk finds them and says so, a second one writes stubs in their place.
//!
//! What the first walk has not seen cannot leave in the second: a body that is new since then is an error, not a gap.

mod form;
mod survey;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use super::leaving::{Extra, Form, Selection, walk};
use crate::domain::redact::{Finder, Mark, Rules, Veil};
use crate::store::Store;

pub use form::Veiled;
pub use survey::{Secret, Spot, Survey, Withheld};

/// No key of one's own is shorter.
const SHORTEST_KEY: usize = 16;
/// The letters of a SHA-256.
const DIGITS: usize = 64;
/// Values that are looked through in a row with their name: ids alone, and what was given from outside.
const FRAMED: [&str; 3] = ["room", "canvasId", "runArtifact"];

/// A row that holds one value: the finder tells by the name of it whether it is an id.
fn framed(name: &str, value: &Value) -> Value {
    Value::Object([(name.to_owned(), value.clone())].into_iter().collect())
}

/// By which rules secrets are taken out, and under which key equal ones are told.
#[derive(Debug, Clone)]
pub struct Redaction {
    finder: Arc<Finder>,
    key: Vec<u8>,
    /// The key was given, so that exports can be compared.
    given: bool,
    spared: HashSet<Mark>,
}

impl Redaction {
    /// With a key that is made for this export.
    pub fn new(rules: Rules) -> Result<Self> {
        let mut key = vec![0; 32];
        let made = SystemRandom::new().fill(&mut key);
        ensure!(made.is_ok(), "could not make a key: the system has no random numbers");
        Ok(Self { finder: Arc::new(Finder::new(rules)?), key, given: false, spared: HashSet::new() })
    }

    /// With a key of the user's own.
    pub fn with_key(rules: Rules, key: Vec<u8>) -> Result<Self> {
        ensure!(key.len() >= SHORTEST_KEY, "the key has {} bytes: at least {SHORTEST_KEY} are needed", key.len());
        Ok(Self { finder: Arc::new(Finder::new(rules)?), key, given: true, spared: HashSet::new() })
    }

    /// The same key with other rules, and without the secrets that are spared.
    pub fn changed(&self, rules: Rules, spared: HashSet<Mark>) -> Result<Self> {
        Ok(Self { finder: Arc::new(Finder::new(rules)?), spared, key: self.key.clone(), given: self.given })
    }

    pub fn rules(&self) -> &Rules {
        &self.finder.rules
    }

    /// Whether the key is the user's own, and the same the next time.
    pub fn is_given(&self) -> bool {
        self.given
    }

    pub fn veil(&self) -> Veil {
        Veil::over(Arc::clone(&self.finder), &self.key, self.spared.clone())
    }
}

/// What a first walk found.
#[derive(Debug, Clone)]
pub struct Review {
    /// Different secrets, by rule and then as they were met.
    pub secrets: Vec<Secret>,
    pub withheld: Vec<Withheld>,
    /// What it was looked through with.
    pub redaction: Redaction,
    /// With this in a selection, what was found does not leave.
    pub cleared: Cleared,
}

impl Review {
    pub fn rules(&self) -> &Rules {
        self.redaction.rules()
    }
}

impl PartialEq for Review {
    fn eq(&self, other: &Self) -> bool {
        self.cleared == other.cleared
    }
}

impl Eq for Review {}

/// What a body becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Changed {
    sha256: [u8; 32],
    size: u64,
    is_text: bool,
    /// It leaves as it is.
    same: bool,
}

/// What was looked through and may leave, less its secrets.
#[derive(Debug, Clone)]
pub struct Cleared(Arc<Mutex<Clearing>>);

#[derive(Debug)]
struct Clearing {
    veil: Veil,
    /// By the digest of what was recorded.
    bodies: BTreeMap<String, Changed>,
    record: Value,
}

impl PartialEq for Cleared {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cleared {}

impl Clearing {
    /// JSON in which bodies that change have the digests of what they become; `None` where it names none of them.
    fn own_digests(&self, json: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(json.len());
        let mut names_any = false;
        for run in json.chunk_by(|one, other| one.is_ascii_hexdigit() == other.is_ascii_hexdigit()) {
            let digest = std::str::from_utf8(run).ok().filter(|run| run.len() == DIGITS);
            let becomes = digest.and_then(|digest| self.bodies.get(&digest.to_ascii_lowercase()));
            match becomes.filter(|becomes| !becomes.same) {
                None => out.extend_from_slice(run),
                Some(becomes) => {
                    names_any = true;
                    out.extend_from_slice(hex::encode(becomes.sha256).as_bytes());
                }
            }
        }
        names_any.then_some(out)
    }
}

impl Cleared {
    fn lock(&self) -> MutexGuard<'_, Clearing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Walks over all that a selection holds, and what is said beside it, and tells what is secret in it. `tell` hears how many bytes of bodies were
/// looked through, and may stop it with an error.
pub async fn review(
    store: &Store,
    selection: &Selection,
    extra: &Extra,
    redaction: &Redaction,
    tell: &mut (dyn FnMut(u64) -> Result<()> + Send),
) -> Result<Review> {
    let mut survey = Survey::new(redaction.veil(), tell);
    walk(store, selection, extra, &mut survey).await.context("could not look for secrets")?;
    // Rows leave before bodies, and repeat parts of them without what tells that they are secret.
    if survey.learn() {
        walk(store, selection, extra, &mut survey).await.context("could not look for secrets")?;
    }
    Ok(survey.conclude(redaction))
}

/// Tells a form what a selection holds, less the secrets.
pub(super) async fn leave_veiled(
    store: &Store,
    selection: &Selection,
    extra: &Extra,
    cleared: &Cleared,
    form: &mut dyn Form,
) -> Result<super::Summary> {
    let mut veiled = Veiled::over(form, cleared.clone());
    let mut summary = walk(store, selection, extra, &mut veiled).await?;
    (summary.bodies, summary.digest) = veiled.bodies();
    Ok(summary)
}

/// What a file says of its own redaction.
fn record(redaction: &Redaction, secrets: &[Secret], withheld: &[Withheld]) -> Value {
    let mut rules = Vec::new();
    for (at, rule) in redaction.rules().list.iter().enumerate() {
        let of_rule = secrets.iter().filter(|secret| secret.rule == at);
        let (different, found) =
            of_rule.fold((0, 0), |(different, found), secret| (different + 1, found + secret.count));
        rules.push(json!({
            "name": rule.name, "version": rule.version, "own": rule.own, "found": found, "different": different,
        }));
    }
    let withheld: Vec<Value> = withheld
        .iter()
        .map(|withheld| json!({ "type": withheld.kind, "count": withheld.count, "bytes": withheld.bytes }))
        .collect();
    json!({
        "stub": "[redacted:RULE:NUMBER:HMAC]",
        "key": if redaction.given { "given" } else { "made for this export" },
        "rules": rules,
        "withheld": withheld,
        "spared": redaction.spared.len(),
    })
}
