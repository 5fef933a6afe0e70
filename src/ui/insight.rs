//! What was found out about a session by looking through its bodies, and about one row in it.

use std::sync::Arc;

use serde_json::Value;

use crate::timeline::{Artifact, ArtifactKind, Found, Survey, Verdict};

/// The schema that a tool call had to satisfy, and whether it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Whose schema it is and since when, in words; empty where there is none.
    pub schema: String,
    pub verdict: Verdict,
}

/// What was found in the bodies of one row.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Insight {
    /// The place of the row in the session.
    pub row: usize,
    pub speaker: String,
    pub found: Found,
    /// Arrays of actions, each with the number of its event and the path.
    pub actions: Vec<(i64, String, Arc<Value>)>,
    /// Counts of actions where no action was kept.
    pub counts: Vec<(String, i64)>,
    /// Of a tool call; `None` until the session has been surveyed.
    pub judged: Option<Judged>,
    /// Bodies that were not looked into, in words.
    pub unread: Vec<String>,
    pub survey: Option<Arc<Survey>>,
}

impl Insight {
    pub(crate) fn artifacts(&self, kinds: &'static [ArtifactKind]) -> impl Iterator<Item = &Artifact> {
        self.found.artifacts.iter().filter(|artifact| kinds.contains(&artifact.kind))
    }

    pub(crate) fn has_actions(&self) -> bool {
        !self.actions.is_empty() || !self.counts.is_empty()
    }
}
