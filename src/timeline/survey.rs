//! A survey of a session: what its models were told and did, found by looking through bodies, row by row.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::act::{Bookkeeper, Ledger, acts};
use super::artifact::{Found, look};
use super::material::Material;
use super::version::{Versions, speaker};
use crate::domain::{Body, Event, Kind, Phase, Role};

/// What the models of a session were told and did, row by row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// How many rows there were.
    pub rows: usize,
    pub versions: Versions,
    pub ledger: Ledger,
    /// Limits and budgets by speaker and name, with the values that they had.
    pub settings: BTreeMap<(String, String), BTreeSet<i64>>,
    /// Bodies that were too long to be looked into.
    pub unread: usize,
    /// Some bodies held more than is looked at.
    pub cut: bool,
}

/// What is collected while the rows of a session go by.
#[derive(Default)]
pub struct Surveyor {
    versions: Versions,
    keeper: Bookkeeper,
    settings: BTreeMap<(String, String), BTreeSet<i64>>,
    /// What was found in prompts and tools, which most turns repeat, by role and digest.
    known: HashMap<(Role, [u8; 32]), Found>,
    unread: usize,
    cut: bool,
}

impl Surveyor {
    /// Whether a body can hold anything that is looked for.
    pub fn is_worth(event: &Event, role: Role) -> bool {
        match (event.kind, role) {
            (_, Role::Raw) | (Kind::Transcript, _) => false,
            (Kind::Tool, Role::Metadata) => event.phase != Phase::Result,
            (Kind::Other, Role::Input | Role::Output) => false,
            _ => true,
        }
    }

    /// Whether an equal body has been looked into, so that its bytes are not needed again.
    pub fn knows(&self, body: &Body) -> bool {
        self.known.contains_key(&(body.role, body.digest))
    }

    /// Takes a row with its events, and the bodies that are worth looking into; those that are known or too long come
    /// without bytes. Returns what the models were told in each event.
    pub fn take(&mut self, row: usize, events: &[Event], bodies: &[(Body, Option<Vec<u8>>)]) -> Vec<Found> {
        let (mut all_acts, mut told) = (Vec::new(), Vec::with_capacity(events.len()));
        for event in events {
            let mut found = Found::default();
            for (body, bytes) in bodies.iter().filter(|(body, _)| body.event == event.number) {
                let repeated = matches!(body.role, Role::System | Role::Tools | Role::Context);
                let known = self.known.get(&(body.role, body.digest)).filter(|_| repeated);
                match (known, bytes) {
                    (Some(known), _) => found.merge(of_event(known, event)),
                    (None, None) => self.unread += 1,
                    (None, Some(bytes)) => {
                        let material = Material::read(event.number, body.role, bytes);
                        let own = look(event, &material);
                        if repeated {
                            self.known.insert((body.role, body.digest), own.clone());
                        }
                        found.merge(own);
                        all_acts.push((event.number, acts(event, &material)));
                    }
                }
            }
            for setting in &found.settings {
                let name = setting.path.split_once('.').map_or(setting.path.as_str(), |(_, name)| name);
                self.settings.entry((speaker(event), name.to_owned())).or_default().insert(setting.value);
            }
            self.cut |= found.cut;
            self.versions.add(row, event, &found);
            told.push(found);
        }
        self.keeper.add(row, events, &all_acts);
        told
    }

    pub fn finish(self, rows: usize) -> Survey {
        let Self { versions, keeper, settings, unread, cut, .. } = self;
        Survey { rows, versions, ledger: keeper.finish(), settings, unread, cut }
    }
}

/// What was found before in an equal body of another event.
fn of_event(known: &Found, event: &Event) -> Found {
    let mut found = known.clone();
    for artifact in &mut found.artifacts {
        artifact.event = event.number;
    }
    found
}
