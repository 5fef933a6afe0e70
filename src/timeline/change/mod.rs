//! What changed from one row to another: messages, tools and prompts as removed and added lines.

mod lines;

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline, group_diff_ops};

use super::artifact::{ArtifactKind, Found, canonical, definitions, digest};
use super::material::Material;
use crate::domain::Role;
use lines::{lines_of, lines_of_content};

/// Lines around a change that are shown with it.
const CONTEXT: usize = 3;

/// What of two rows is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Focus {
    All,
    Only(Role),
}

/// One of two rows, read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Side {
    /// What it is called.
    pub title: String,
    pub found: Found,
    pub materials: Vec<Material>,
    /// Bodies that were too long to be read, in words.
    pub unread: Vec<String>,
}

/// What a line of a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// What follows is about this.
    Heading,
    /// Something is left out, or is to be said.
    Note,
    Same,
    Removed,
    Added,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub mark: Mark,
    pub text: String,
}

/// What changed between two rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    pub before: String,
    pub after: String,
    pub lines: Vec<Line>,
    /// The first line of every run of changes.
    pub hunks: Vec<usize>,
    /// The same side by side: the numbers of lines on the left and on the right.
    pub pairs: Vec<(Option<usize>, Option<usize>)>,
    pub added: usize,
    pub removed: usize,
}

/// Compares two rows. After the deadline what is left is compared roughly: the result is right, but longer.
pub fn compare(before: &Side, after: &Side, focus: Focus, deadline: Option<Instant>) -> Comparison {
    let mut writer = Writer { lines: Vec::new(), deadline };
    let wanted = |role| focus == Focus::All || focus == Focus::Only(role);
    if wanted(Role::System) {
        writer.artifact(ArtifactKind::SystemPrompt, before, after);
        writer.artifact(ArtifactKind::Instructions, before, after);
    }
    if wanted(Role::Tools) {
        writer.tools(before, after);
    }
    if wanted(Role::Input) {
        writer.input(before, after);
    }
    if wanted(Role::Context) {
        writer.artifact(ArtifactKind::ContextPriming, before, after);
    }
    if wanted(Role::Output) {
        writer.bodies(Role::Output, before, after);
    }
    for (side, name) in [(before, "before"), (after, "after")] {
        for words in &side.unread {
            writer.note(format!("{name}: {words}"));
        }
    }
    if writer.lines.is_empty() {
        writer.note("neither of them keeps anything that could be compared".to_owned());
    }
    Comparison::of(before.title.clone(), after.title.clone(), writer.lines)
}

impl Comparison {
    fn of(before: String, after: String, lines: Vec<Line>) -> Self {
        let changes = |mark| matches!(mark, Mark::Added | Mark::Removed);
        let starts = |index: &usize| changes(lines[*index].mark) && (*index == 0 || !changes(lines[*index - 1].mark));
        let hunks = (0..lines.len()).filter(starts).collect();
        let count = |mark| lines.iter().filter(|line| line.mark == mark).count();
        let (added, removed) = (count(Mark::Added), count(Mark::Removed));
        let pairs = side_by_side(&lines);
        Self { before, after, lines, hunks, pairs, added, removed }
    }
}

/// Puts what was added beside what was removed just before it.
fn side_by_side(lines: &[Line]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut pairs = Vec::with_capacity(lines.len());
    let mut at = 0;
    while at < lines.len() {
        let run = |from: usize, mark| from + lines[from..].iter().take_while(|line| line.mark == mark).count();
        let removed = run(at, Mark::Removed);
        let added = run(removed, Mark::Added);
        if added == at {
            pairs.push((Some(at), Some(at)));
            at += 1;
            continue;
        }
        let (left, right) = (removed - at, added - removed);
        let beside =
            (0..left.max(right)).map(|row| ((row < left).then_some(at + row), (row < right).then_some(removed + row)));
        pairs.extend(beside);
        at = added;
    }
    pairs
}

struct Writer {
    lines: Vec<Line>,
    deadline: Option<Instant>,
}

impl Writer {
    fn push(&mut self, mark: Mark, text: impl Into<String>) {
        self.lines.push(Line { mark, text: text.into() });
    }

    fn note(&mut self, text: String) {
        self.push(Mark::Note, text);
    }

    fn artifact(&mut self, kind: ArtifactKind, before: &Side, after: &Side) {
        let (old, new) = (before.found.first(kind), after.found.first(kind));
        let of = |artifact: &super::Artifact| match kind {
            ArtifactKind::SystemPrompt => lines_of_content(&artifact.value),
            _ => lines_of(&artifact.value),
        };
        let same = old.zip(new).is_some_and(|(old, new)| old.digest == new.digest);
        self.section(kind.name(), old.map(of), new.map(of), same);
    }

    /// A heading, and what changed under it; nothing where neither side has it.
    fn section(&mut self, name: &str, old: Option<Vec<String>>, new: Option<Vec<String>>, same: bool) {
        if old.is_none() && new.is_none() {
            return;
        }
        self.push(Mark::Heading, name);
        match (&old, &new) {
            (None, _) => self.note("not recorded before".to_owned()),
            (_, None) => self.note("not recorded after".to_owned()),
            _ if same || old == new => return self.note("the same".to_owned()),
            _ => {}
        }
        self.changes(&old.unwrap_or_default(), &new.unwrap_or_default());
    }

    /// Removed and added lines with a few around them.
    fn changes(&mut self, old: &[String], new: &[String]) {
        let ops = capture_diff_slices_deadline(Algorithm::Myers, old, new, self.deadline);
        let mut shown = 0;
        for group in group_diff_ops(ops, CONTEXT) {
            let start = group.first().map_or(0, |op| op.old_range().start);
            self.left_out(start - shown, "line");
            for op in &group {
                self.lines_of_op(op, old, new);
            }
            shown = group.last().map_or(0, |op| op.old_range().end);
        }
        self.left_out(old.len() - shown, "line");
    }

    fn lines_of_op(&mut self, op: &DiffOp, old: &[String], new: &[String]) {
        if let DiffOp::Equal { .. } = op {
            for line in &old[op.old_range()] {
                self.push(Mark::Same, line);
            }
            return;
        }
        for line in &old[op.old_range()] {
            self.push(Mark::Removed, line);
        }
        for line in &new[op.new_range()] {
            self.push(Mark::Added, line);
        }
    }

    fn left_out(&mut self, count: usize, what: &str) {
        match count {
            0 => {}
            1 => self.note(format!("1 {what} the same")),
            _ => self.note(format!("{count} {what}s the same")),
        }
    }

    fn tools(&mut self, before: &Side, after: &Side) {
        let kind = ArtifactKind::ToolDescriptions;
        let (old, new) = (before.found.first(kind), after.found.first(kind));
        let by_name = |artifact: Option<&super::Artifact>| -> BTreeMap<String, Value> {
            let all = artifact.map_or_else(Vec::new, |artifact| definitions(&artifact.value));
            all.into_iter().map(|one| (one.name.to_owned(), one.whole.clone())).collect()
        };
        let (mine, theirs) = (by_name(old), by_name(new));
        if mine.is_empty() && theirs.is_empty() {
            self.artifact(kind, before, after);
            return self.artifact(ArtifactKind::ToolSchemas, before, after);
        }
        if mine.is_empty() || theirs.is_empty() {
            return self.artifact(kind, before, after);
        }
        self.push(Mark::Heading, kind.name());
        let kept: Vec<(&String, &Value, &Value)> =
            mine.iter().filter_map(|(name, one)| Some((name, one, theirs.get(name)?))).collect();
        self.left_out(kept.iter().filter(|(_, one, other)| one == other).count(), "tool");
        for (name, one, other) in kept.into_iter().filter(|(_, one, other)| one != other) {
            self.note(format!("{name} changed"));
            self.changes(&lines_of(one), &lines_of(other));
        }
        for (name, _) in mine.iter().filter(|(name, _)| !theirs.contains_key(*name)) {
            self.push(Mark::Removed, name);
        }
        for (name, _) in theirs.iter().filter(|(name, _)| !mine.contains_key(*name)) {
            self.push(Mark::Added, name);
        }
    }

    /// The messages of two requests; of anything else the bodies.
    fn input(&mut self, before: &Side, after: &Side) {
        match (messages(before), messages(after)) {
            (Some(old), Some(new)) => self.messages(&old, &new),
            _ => self.bodies(Role::Input, before, after),
        }
    }

    fn messages(&mut self, old: &[&Value], new: &[&Value]) {
        self.push(Mark::Heading, "messages");
        let digests = |all: &[&Value]| all.iter().map(|one| digest(&canonical(one))).collect::<Vec<_>>();
        let (mine, theirs) = (digests(old), digests(new));
        for op in capture_diff_slices_deadline(Algorithm::Myers, &mine, &theirs, self.deadline) {
            let (old_range, new_range) = (op.old_range(), op.new_range());
            if let DiffOp::Equal { len, .. } = op {
                self.left_out(len, "message");
                continue;
            }
            let pairs = old_range.len().min(new_range.len());
            for (one, other) in old_range.clone().zip(new_range.clone()) {
                if speaker(old[one]) == speaker(new[other]) {
                    self.note(format!("message {} of {} changed", other + 1, speaker(new[other])));
                    self.changes(&said(old[one]), &said(new[other]));
                } else {
                    self.message(Mark::Removed, one, old[one]);
                    self.message(Mark::Added, other, new[other]);
                }
            }
            old_range.skip(pairs).for_each(|index| self.message(Mark::Removed, index, old[index]));
            new_range.skip(pairs).for_each(|index| self.message(Mark::Added, index, new[index]));
        }
    }

    fn message(&mut self, mark: Mark, index: usize, message: &Value) {
        let what = if mark == Mark::Added { "added" } else { "removed" };
        self.note(format!("message {} of {} {what}", index + 1, speaker(message)));
        for line in said(message) {
            self.push(mark, line);
        }
    }

    fn bodies(&mut self, role: Role, before: &Side, after: &Side) {
        let of = |side: &Side| -> Option<Vec<String>> {
            let own: Vec<&Material> = side.materials.iter().filter(|one| one.role == role).collect();
            (!own.is_empty()).then(|| own.iter().flat_map(|one| lines_of(&one.value)).collect())
        };
        self.section(role.name(), of(before), of(after), false);
    }
}

/// The messages in the input of a request, in any dialect.
fn messages(side: &Side) -> Option<Vec<&Value>> {
    let input = side.materials.iter().find(|one| one.role == Role::Input)?;
    let list = match &input.value {
        Value::Array(items) => items,
        value => ["messages", "contents", "input", "value"].iter().find_map(|name| value.get(name)?.as_array())?,
    };
    let speaks = |item: &Value| item.get("role").is_some_and(Value::is_string) || item.get("type").is_some();
    (!list.is_empty() && list.iter().all(speaks)).then(|| list.iter().collect())
}

fn speaker(message: &Value) -> &str {
    let named = ["role", "type"].iter().find_map(|name| message.get(name)?.as_str());
    named.unwrap_or("somebody")
}

fn said(message: &Value) -> Vec<String> {
    let only_says = message.as_object().is_some_and(|members| {
        members.keys().all(|name| matches!(name.as_str(), "role" | "content" | "parts" | "type" | "id"))
    });
    let content = message.get("content").or_else(|| message.get("parts")).filter(|_| only_says);
    content.map_or_else(|| lines_of(message), lines_of_content)
}

#[cfg(test)]
mod tests;
