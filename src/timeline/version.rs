//! Versions: how what one speaker was told, its system prompt, its tools and all else, changed over a session, told
//! apart by SHA-256.

use std::collections::{BTreeMap, HashMap};

use super::artifact::{Artifact, ArtifactKind, Found, definitions, normal};
use crate::domain::{Event, Kind, flag};

/// Whose prompt it is: the source, and within it the agent, so that one's prompt is never taken for another's.
pub fn speaker(event: &Event) -> String {
    let agent = event.attribute("agent").or(event.attribute("agent_name"));
    let named = agent.or(event.participant.as_deref().filter(|_| event.kind == Kind::Model));
    match (named, event.has(flag::SIDECHAIN)) {
        (Some(name), _) if name != event.source => format!("{}/{name}", event.source),
        (_, true) => format!("{}/sidechain", event.source),
        _ => event.source.clone(),
    }
}

/// One version: a run of turns in which the text stayed the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub digest: [u8; 32],
    /// The rows of the first and of the last turn in which it was seen.
    pub first: usize,
    pub last: usize,
    /// How many turns carry it.
    pub seen: usize,
    /// The number of the event where it was seen first, and the path in it.
    pub event: i64,
    pub path: String,
    /// The number, from 1, of an earlier version with the same text.
    pub same_as: Option<usize>,
}

/// A tool as it was offered to a model from some row on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub row: usize,
    pub speaker: String,
    /// The number of the event, and the kind and path of the artifact in it.
    pub event: i64,
    pub kind: ArtifactKind,
    pub path: String,
    /// The SHA-256 of the artifact.
    pub digest: [u8; 32],
}

/// The versions of a session, by speaker; and where each tool was offered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Versions {
    prompts: BTreeMap<(String, ArtifactKind), Vec<Version>>,
    /// By the normal name of the tool, in the order of rows.
    offers: HashMap<String, Vec<Offer>>,
}

impl Versions {
    /// Takes what was found in an event of a row. Rows come in order.
    pub fn add(&mut self, row: usize, event: &Event, found: &Found) {
        // What a turn adds to its tools or takes from them is not the set of its tools.
        if event.event_type.ends_with("delta") {
            return;
        }
        let speaker = speaker(event);
        for kind in ArtifactKind::ALL {
            if let Some(artifact) = found.first(kind) {
                self.see(row, &speaker, artifact);
            }
        }
        for artifact in &found.artifacts {
            for name in offered(artifact) {
                self.offer(row, &speaker, name, artifact);
            }
        }
    }

    fn see(&mut self, row: usize, speaker: &str, artifact: &Artifact) {
        let versions = self.prompts.entry((speaker.to_owned(), artifact.kind)).or_default();
        if let Some(last) = versions.last_mut().filter(|last| last.digest == artifact.digest) {
            last.seen += usize::from(last.last != row);
            last.last = row;
            return;
        }
        let same_as = versions.iter().position(|known| known.digest == artifact.digest).map(|index| index + 1);
        versions.push(Version {
            digest: artifact.digest,
            first: row,
            last: row,
            seen: 1,
            event: artifact.event,
            path: artifact.path.clone(),
            same_as,
        });
    }

    fn offer(&mut self, row: usize, speaker: &str, name: String, artifact: &Artifact) {
        let offers = self.offers.entry(name).or_default();
        let before = offers.iter().rev().find(|offer| offer.speaker == speaker);
        // The set with the descriptions comes first; its schemas say nothing new.
        if before
            .is_some_and(|offer| offer.digest == artifact.digest || offer.row == row && offer.event == artifact.event)
        {
            return;
        }
        offers.push(Offer {
            row,
            speaker: speaker.to_owned(),
            event: artifact.event,
            kind: artifact.kind,
            path: artifact.path.clone(),
            digest: artifact.digest,
        });
    }

    /// Everybody who has versions of a kind.
    pub fn speakers(&self, kind: ArtifactKind) -> impl Iterator<Item = (&str, &[Version])> {
        let own = self.prompts.iter().filter(move |((_, known), _)| *known == kind);
        own.map(|((speaker, _), versions)| (speaker.as_str(), versions.as_slice()))
    }

    /// The versions of one speaker, the first one first.
    pub fn of(&self, speaker: &str, kind: ArtifactKind) -> &[Version] {
        self.prompts.get(&(speaker.to_owned(), kind)).map_or(&[], Vec::as_slice)
    }

    /// The version in force at a row: the last one that was seen there or before. Counted from 1.
    pub fn at(&self, speaker: &str, kind: ArtifactKind, row: usize) -> Option<(usize, &Version)> {
        let versions = self.of(speaker, kind);
        let number = versions.partition_point(|version| version.first <= row);
        Some((number, versions.get(number.checked_sub(1)?)?))
    }

    /// Where a tool was offered last before a call: to the caller, else to whoever was; several where several were.
    pub fn offered(&self, tool: &str, speaker: &str, row: usize) -> Vec<&Offer> {
        let Some(offers) = self.offers.get(&normal(tool)) else { return Vec::new() };
        let mut last: BTreeMap<&str, &Offer> = BTreeMap::new();
        for offer in offers.iter().take_while(|offer| offer.row <= row) {
            last.insert(&offer.speaker, offer);
        }
        match last.get(speaker) {
            Some(own) => vec![own],
            None => last.into_values().collect(),
        }
    }
}

/// The normal names of the tools that an artifact tells of. A schema by itself is named by its key:
/// `routeIntentSchema` is that of `route_intent`.
fn offered(artifact: &Artifact) -> Vec<String> {
    match artifact.kind {
        ArtifactKind::ToolDescriptions => definitions(&artifact.value).iter().map(|one| normal(one.name)).collect(),
        ArtifactKind::ToolSchemas => {
            let paths = std::iter::once(&artifact.path).chain(&artifact.also);
            let keys = paths.filter_map(|path| path.rsplit(['.', '→']).find(|part| !part.is_empty()));
            let named = keys.filter_map(|key| Some(normal(key).strip_suffix("schema")?.to_owned()));
            named.filter(|name| !matches!(name.as_str(), "" | "tool" | "action" | "json" | "input")).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::Role;
    use crate::timeline::{Material, look};

    fn event(source: &str, number: i64) -> Event {
        let mut event = Event::new(Kind::Model, source, "model_call");
        event.number = number;
        event
    }

    fn take(versions: &mut Versions, row: usize, source: &str, role: Role, value: Value) {
        let event = event(source, row as i64 + 100);
        let found = look(&event, &Material { event: event.number, role, value, partial: false });
        versions.add(row, &event, &found);
    }

    /// Weakness 29: there was no comparison between turns; a changed prompt looked like an unchanged one.
    #[test]
    fn a_prompt_that_changes_gets_a_new_version_and_one_that_comes_back_says_so() {
        let mut versions = Versions::default();
        for (row, text) in [(0, "a"), (4, "a"), (16, "b"), (20, "a")] {
            take(&mut versions, row, "router", Role::System, json!(text));
        }
        let shown: Vec<(usize, usize, usize, Option<usize>)> = versions
            .of("router", ArtifactKind::SystemPrompt)
            .iter()
            .map(|version| (version.first, version.last, version.seen, version.same_as))
            .collect();
        assert_eq!(shown, [(0, 4, 2, None), (16, 16, 1, None), (20, 20, 1, Some(1))]);
        let at = |row| versions.at("router", ArtifactKind::SystemPrompt, row).map(|(number, _)| number);
        assert_eq!([at(3), at(16), at(19), at(99)], [Some(1), Some(2), Some(2), Some(3)]);
    }

    #[test]
    fn ones_prompt_is_no_version_of_anothers() {
        let mut versions = Versions::default();
        take(&mut versions, 0, "router", Role::System, json!("route"));
        take(&mut versions, 1, "canvas_runner", Role::System, json!("draw"));
        take(&mut versions, 2, "router", Role::System, json!("route"));
        assert_eq!(versions.of("router", ArtifactKind::SystemPrompt).len(), 1);
        assert_eq!(versions.of("canvas_runner", ArtifactKind::SystemPrompt).len(), 1);
        assert_eq!(versions.at("canvas_runner", ArtifactKind::SystemPrompt, 0), None);
    }

    #[test]
    fn the_schema_in_force_is_the_last_one_before_the_call() {
        let mut versions = Versions::default();
        let tools = |kind: &str| json!([{"name": "move", "input_schema": {"type": kind}}]);
        take(&mut versions, 1, "runner", Role::Tools, tools("object"));
        take(&mut versions, 3, "runner", Role::Tools, tools("object"));
        take(&mut versions, 5, "runner", Role::Tools, tools("array"));
        let rows = |row| versions.offered("move", "runner", row).iter().map(|offer| offer.row).collect::<Vec<_>>();
        assert_eq!((rows(0), rows(4), rows(5), rows(9)), (vec![], vec![1], vec![5], vec![5]));
        assert!(versions.offered("draw", "runner", 9).is_empty());
    }

    #[test]
    fn a_schema_is_named_by_its_key() {
        let mut versions = Versions::default();
        take(&mut versions, 1, "router", Role::Context, json!({"x": {"routeIntentSchema": {"type": "object"}}}));
        assert_eq!(versions.offered("route_intent", "router", 2).len(), 1);
    }

    #[test]
    fn among_several_others_none_is_chosen() {
        let mut versions = Versions::default();
        take(&mut versions, 1, "one", Role::Tools, json!([{"name": "move", "input_schema": {"type": "object"}}]));
        take(&mut versions, 2, "two", Role::Tools, json!([{"name": "move", "input_schema": {"type": "array"}}]));
        assert_eq!(versions.offered("move", "three", 9).len(), 2);
        assert_eq!(versions.offered("move", "two", 9).len(), 1);
    }
}
