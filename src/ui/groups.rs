//! Groups of sessions: by agent, project, day or model, each with a heading that counts.

use std::collections::HashMap;

use super::catalog::{Catalog, Line};
use crate::domain::Session;

/// What the session list is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Grouping {
    #[default]
    None,
    Agent,
    Project,
    Day,
    Model,
}

impl Grouping {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Agent => "agent",
            Self::Project => "project",
            Self::Day => "day",
            Self::Model => "model",
        }
    }

    /// The group of a session; of several models the first counts.
    fn of(self, session: &Session) -> String {
        let known = match self {
            Self::None => return String::new(),
            Self::Agent => Some(session.agent.clone()),
            Self::Project => session.project.clone(),
            Self::Day => session.started.map(|at| at.day()),
            Self::Model => session.models.first().cloned(),
        };
        known.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| format!("no {}", self.name()))
    }
}

/// A group of sessions; the counts are those of the sessions that are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub name: String,
    pub sessions: usize,
    pub turns: i64,
    pub errors: i64,
    /// The sum of what is known; `None` where nothing is.
    pub tokens: Option<i64>,
}

/// Puts lines below headings. Groups stand where their first session stands; sub-agents stay below their parents.
pub(crate) fn grouped(catalog: &Catalog, lines: Vec<Line>, by: Grouping) -> (Vec<Line>, Vec<Group>) {
    if by == Grouping::None {
        return (lines, Vec::new());
    }
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut groups: Vec<(Group, Vec<Line>)> = Vec::new();
    let mut current = 0;
    for line in lines {
        let Some(session) = catalog.get(line.entry) else { continue };
        if line.depth == 0 {
            let name = by.of(session);
            current = *numbers.entry(name.clone()).or_insert_with(|| {
                groups.push((Group { name, ..Group::default() }, Vec::new()));
                groups.len() - 1
            });
        }
        let (group, lines) = &mut groups[current];
        group.sessions += 1;
        group.turns += session.turns;
        group.errors += session.errors;
        if let Some(tokens) = session.tokens.total {
            group.tokens = Some(group.tokens.unwrap_or(0).saturating_add(tokens));
        }
        lines.push(line);
    }
    let mut shown = Vec::new();
    let mut headings = Vec::new();
    for (number, (group, lines)) in (0..).zip(groups) {
        shown.push(Line { entry: u32::MAX, depth: 0, heading: Some(number) });
        shown.extend(lines);
        headings.push(group);
    }
    (shown, headings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, Tokens};
    use crate::ui::catalog::{Column, Sort};

    fn session(id: &str, agent: &str, parent: Option<&str>, tokens: Option<i64>) -> Session {
        Session {
            id: id.to_owned(),
            agent: agent.to_owned(),
            parent: parent.map(str::to_owned),
            started: Some(Timestamp(1_772_445_600_000_000)),
            turns: 2,
            errors: 1,
            tokens: Tokens { total: tokens, ..Tokens::default() },
            ..Session::default()
        }
    }

    fn shown(by: Grouping) -> (Vec<String>, Vec<Group>) {
        let catalog = Catalog::of(vec![
            session("a", "codex", None, Some(5)),
            session("b", "claude-code", None, None),
            session("c", "otel", Some("b"), Some(7)),
            session("d", "codex", None, None),
        ]);
        let (lines, groups) = grouped(
            &catalog,
            catalog.arrange(Sort::by(Column::Title), None, &crate::domain::filter::Frame::default()),
            by,
        );
        let name = |line: &Line| match line.heading {
            Some(group) => format!("# {}", groups[group as usize].name),
            None => catalog.get(line.entry).map(|session| session.id.clone()).unwrap_or_default(),
        };
        (lines.iter().map(name).collect(), groups)
    }

    #[test]
    fn headings_count_what_stands_below_them_sub_agents_included() {
        let (lines, groups) = shown(Grouping::Agent);
        assert_eq!(lines, ["# codex", "a", "d", "# claude-code", "b", "c"]);
        let group = |name: &str, tokens| Group { name: name.to_owned(), sessions: 2, turns: 4, errors: 2, tokens };
        assert_eq!(groups, [group("codex", Some(5)), group("claude-code", Some(7))]);
    }

    #[test]
    fn sessions_without_the_value_have_a_group_of_their_own() {
        assert_eq!(shown(Grouping::Project).0[0], "# no project");
        assert_eq!(shown(Grouping::Day).0[0], "# 2026-03-02");
        assert_eq!(shown(Grouping::None).0, ["a", "b", "c", "d"]);
    }
}
