//! What the tabs System, Context, Tools and Actions say of a row before they show its bodies.

use std::fmt::Write;

use super::insight::Insight;
use super::message::Detail;
use super::state::Tab;
use super::words::{counted, size};
use crate::timeline::{ActionArray, Artifact, ArtifactKind, Survey, Version};

/// Versions that are listed; a prompt that changes with every turn has as many as turns.
const MOST: usize = 40;

/// The kinds of artifacts that a tab shows.
pub(crate) fn kinds_of(tab: Tab) -> &'static [ArtifactKind] {
    match tab {
        Tab::System => &[ArtifactKind::SystemPrompt, ArtifactKind::Instructions],
        Tab::Context => &[ArtifactKind::ContextPriming, ArtifactKind::Skills, ArtifactKind::ActionOptions],
        Tab::Tools => &[ArtifactKind::ToolDescriptions, ArtifactKind::ToolSchemas],
        _ => &[],
    }
}

/// The kind whose versions a tab tells of.
pub(crate) fn versioned(tab: Tab) -> Option<ArtifactKind> {
    match tab {
        Tab::System => Some(ArtifactKind::SystemPrompt),
        Tab::Tools => Some(ArtifactKind::ToolDescriptions),
        _ => None,
    }
}

/// The text at the top of a tab: what was found where, and in which version. `None` where there is nothing to say.
pub(crate) fn listing(tab: Tab, detail: &Detail, insight: &Insight) -> Option<String> {
    let mut text = String::new();
    for artifact in insight.artifacts(kinds_of(tab)) {
        found(&mut text, detail, insight, artifact);
    }
    if let (Some(kind), Some(survey)) = (versioned(tab), &insight.survey) {
        versions(&mut text, kind, insight, survey);
    }
    let judged = insight.judged.as_ref().filter(|judged| tab == Tab::Tools && !judged.schema.is_empty());
    for (name, words) in judged.map_or_else(Vec::new, super::facts::verdict_lines) {
        writeln!(text, "{name:<18} {words}").ok()?;
    }
    if text.is_empty() {
        return None;
    }
    if insight.found.cut {
        text.push_str("There was more than could be looked at: what lies deeper may be missing here.\n");
    }
    for words in &insight.unread {
        writeln!(text, "{words}").ok()?;
    }
    Some(text)
}

/// Whether there is anything to say, without saying it.
pub(crate) fn tells(tab: Tab, insight: &Insight) -> bool {
    let standing = versioned(tab).zip(insight.survey.as_ref());
    insight.artifacts(kinds_of(tab)).next().is_some()
        || (tab == Tab::Tools && insight.judged.as_ref().is_some_and(|judged| !judged.schema.is_empty()))
        || standing.is_some_and(|(kind, survey)| survey.versions.at(&insight.speaker, kind, insight.row).is_some())
}

/// One artifact: in which version it is, and the paths that lead to it.
fn found(text: &mut String, detail: &Detail, insight: &Insight, artifact: &Artifact) {
    let event = detail.events.iter().find(|event| event.number == artifact.event);
    let bytes = size(artifact.size as u64);
    let whose = event.map_or_else(String::new, |event| format!(" of {}", event.event_type));
    let also = artifact.also.iter().map(|path| format!(", {path}")).collect::<String>();
    text.push_str(&format!("{:<18} {bytes} at {}{also}{whose}\n", artifact.kind.name(), artifact.path));
    let survey = insight.survey.as_ref();
    if let Some((number, version)) = survey.and_then(|survey| of(survey, insight, artifact)) {
        let all = survey.map_or(0, |survey| survey.versions.of(&insight.speaker, artifact.kind).len());
        text.push_str(&format!("{:<18} {}\n", "", standing(number, all, version)));
    }
}

/// The version that an artifact is, where it is one.
fn of<'a>(survey: &'a Survey, insight: &Insight, artifact: &Artifact) -> Option<(usize, &'a Version)> {
    let (number, version) = survey.versions.at(&insight.speaker, artifact.kind, insight.row)?;
    (version.digest == artifact.digest).then_some((number, version))
}

/// `version 2 of 3, changed at turn 17; D shows what changed`.
pub(crate) fn standing(number: usize, all: usize, version: &Version) -> String {
    let since = version.first + 1;
    match (number, version.same_as) {
        (1, _) if all == 1 => format!("the only version, since turn {since}"),
        (1, _) => format!("version 1 of {all}, since turn {since}"),
        (_, Some(same)) => {
            format!(
                "version {number} of {all}, the same as {same} again, changed at turn {since}; D shows what changed"
            )
        }
        _ => format!("version {number} of {all}, changed at turn {since}; D shows what changed"),
    }
}

/// The versions of a speaker's prompt or tools; of a row that carries none itself, the one in force.
fn versions(text: &mut String, kind: ArtifactKind, insight: &Insight, survey: &Survey) {
    let all = survey.versions.of(&insight.speaker, kind);
    let Some((number, version)) = survey.versions.at(&insight.speaker, kind, insight.row) else { return };
    if insight.found.first(kind).is_none() {
        let standing = standing(number, all.len(), version);
        text.push_str(&format!("{:<18} not in this row; in force is {standing}\n", kind.name()));
    }
    if survey.unread > 0 || survey.cut {
        text.push_str("Some bodies of this session are too long to be looked into: there may be more versions.\n");
    }
    if all.len() < 2 {
        return;
    }
    text.push_str(&format!("versions of {}\n", insight.speaker));
    let from = number.saturating_sub(MOST / 2).min(all.len().saturating_sub(MOST));
    for (index, version) in all.iter().enumerate().skip(from).take(MOST) {
        let here = if index + 1 == number { ">" } else { " " };
        let turns = match (version.first + 1, version.last + 1) {
            (first, last) if first == last => format!("turn {first}"),
            (first, last) => format!("turns {first} to {last}"),
        };
        let same = version.same_as.map_or_else(String::new, |same| format!(", the same as {same}"));
        let digest = hex::encode(&version.digest[..6]);
        text.push_str(&format!(
            "{here} {:>4}  {turns}, in {}{same}  sha256 {digest}…\n",
            index + 1,
            counted(version.seen, "turn")
        ));
    }
    if all.len() > MOST {
        text.push_str(&format!("  and {} more\n", all.len() - MOST));
    }
}

/// What came of the actions of a row.
pub(crate) fn outcome(insight: &Insight) -> String {
    let mut text = String::new();
    for (path, count) in &insight.counts {
        text.push_str(&format!("only the count was kept: {} at {path}\n", counted(*count as usize, "action")));
    }
    let Some(survey) = &insight.survey else { return text };
    let here = |array: &&ActionArray| array.spots.iter().any(|spot| spot.row == insight.row);
    for array in survey.ledger.arrays.iter().filter(here) {
        text.push_str(&format!("{}: {}\n", counted(array.count, "action"), sorts(array)));
        let places: Vec<String> =
            array.spots.iter().map(|spot| format!("{} of turn {}", spot.path, spot.row + 1)).collect();
        text.push_str(&format!("  stands at {}\n", places.join(", ")));
        text.push_str(&format!("  {}\n", downstream(array)));
    }
    text
}

/// `create_shape 3, move 6`.
pub(crate) fn sorts(array: &ActionArray) -> String {
    let named: Vec<String> = array.sorts.iter().map(|(sort, count)| format!("{sort} {count}")).collect();
    named.join(", ")
}

/// The rows of tasks and tools that share the request of some actions.
pub(crate) fn downstream(array: &ActionArray) -> String {
    if array.downstream.is_empty() {
        return "no task or tool shares its request, trace or intent".to_owned();
    }
    let rows: Vec<String> = array.downstream.iter().take(MOST).map(|row| (row + 1).to_string()).collect();
    let further = array.further + array.downstream.len().saturating_sub(MOST);
    let more = if further > 0 { format!(" and {further} more") } else { String::new() };
    format!("tasks and tools of the same request: turns {}{more}", rows.join(", "))
}
