//! Keys of the original's rows by which other rows are found, wherever they lie.

use std::collections::{BTreeMap, BTreeSet};

/// The kinds of keys that are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyName {
    Trace,
    Request,
    Intent,
    Task,
    /// The label of a voice job or of a run; other labels are one for all sessions of a process or a room.
    Session,
}

impl KeyName {
    pub(super) const ALL: [Self; 5] = [Self::Trace, Self::Request, Self::Intent, Self::Task, Self::Session];

    /// Labels that name one session begin so.
    pub(super) fn follows(self, value: &str) -> bool {
        self != Self::Session || value.starts_with("voice-") || value.starts_with("canvas-agent-")
    }
}

/// Values of keys by their kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    values: BTreeMap<KeyName, BTreeSet<String>>,
}

impl Keys {
    /// Says whether the value is new.
    pub fn add(&mut self, key: KeyName, value: String) -> bool {
        self.values.entry(key).or_default().insert(value)
    }

    pub(super) fn holds(&self, key: KeyName, value: &str) -> bool {
        self.values.get(&key).is_some_and(|values| values.contains(value))
    }

    /// Whether there are values of one kind.
    pub(super) fn has(&self, key: KeyName) -> bool {
        self.values.get(&key).is_some_and(|values| !values.is_empty())
    }

    /// The values of one kind.
    pub(super) fn of(&self, key: KeyName) -> Vec<String> {
        self.values.get(&key).map_or_else(Vec::new, |values| values.iter().cloned().collect())
    }

    pub fn is_empty(&self) -> bool {
        self.values.values().all(BTreeSet::is_empty)
    }
}
