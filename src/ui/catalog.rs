//! All sessions of the store, prepared once so that sorting and filtering a hundred thousand of them is instant.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::Session;
use crate::domain::filter::{Field, Filter, Frame};
use crate::timeline::filter::matches_session;

/// A session with what sorting and filtering need of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub session: Session,
    /// Everything that `f` looks at, folded.
    pub folded: String,
    /// The place of its parent in the catalog.
    pub parent: Option<u32>,
    title_rank: i64,
    agent_rank: i64,
    project_rank: i64,
}

/// The sessions in the store's order: newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Catalog {
    pub entries: Vec<Entry>,
    /// The values that a filter may name.
    pub values: BTreeMap<Field, Vec<String>>,
}

/// One line of the session list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// The place of the session in the catalog.
    pub entry: u32,
    pub depth: u16,
    /// The number of the group, on a line that is the heading of one and shows no session.
    pub heading: Option<u32>,
}

impl Line {
    pub(crate) fn of(entry: u32, depth: u16) -> Self {
        Self { entry, depth, heading: None }
    }
}

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Title,
    Agent,
    Project,
    Started,
    Duration,
    Events,
    Turns,
    Errors,
    Tokens,
}

impl Column {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Agent => "agent",
            Self::Project => "project",
            Self::Started => "started",
            Self::Duration => "duration",
            Self::Events => "events",
            Self::Turns => "turns",
            Self::Errors => "errors",
            Self::Tokens => "tokens",
        }
    }
}

/// A column and a direction. Texts begin with the first, numbers with the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sort {
    pub column: Column,
    pub descending: bool,
}

impl Sort {
    pub(crate) fn by(column: Column) -> Self {
        Self { column, descending: !matches!(column, Column::Title | Column::Agent | Column::Project) }
    }
}

impl Sort {
    /// `sorted by start, newest first`.
    pub(crate) fn words(self) -> String {
        let (what, up, down) = match self.column {
            Column::Title | Column::Agent | Column::Project => (self.column.name(), "a to z", "z to a"),
            Column::Started => ("start", "oldest first", "newest first"),
            Column::Duration => ("duration", "shortest first", "longest first"),
            _ => (self.column.name(), "fewest first", "most first"),
        };
        format!("sorted by {what}, {}", if self.descending { down } else { up })
    }
}

/// Text as it is compared: case does not count.
fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// The ranks of texts in their sorted order, so that later sorts compare numbers.
fn ranks<'a>(texts: impl Iterator<Item = &'a str>) -> HashMap<&'a str, i64> {
    let mut sorted: Vec<(String, &str)> = texts.map(|text| (fold(text), text)).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.into_iter().enumerate().map(|(rank, (_, text))| (text, rank as i64)).collect()
}

impl Catalog {
    pub fn of(sessions: Vec<Session>) -> Self {
        let values = values_of(&sessions);
        let places: HashMap<&str, u32> =
            sessions.iter().enumerate().map(|(place, session)| (session.id.as_str(), place as u32)).collect();
        let parents: Vec<Option<u32>> = sessions
            .iter()
            .enumerate()
            .map(|(place, session)| {
                let parent = places.get(session.parent.as_deref()?).copied()?;
                (parent as usize != place).then_some(parent)
            })
            .collect();
        let titles = ranks(sessions.iter().map(Session::name));
        let agents = ranks(sessions.iter().map(|session| session.agent.as_str()));
        let projects = ranks(sessions.iter().filter_map(|session| session.project.as_deref()));
        let ranked: Vec<[i64; 3]> = sessions
            .iter()
            .map(|session| {
                let project = session.project.as_deref().and_then(|project| projects.get(project));
                [titles[session.name()], agents[session.agent.as_str()], project.copied().unwrap_or(i64::MAX)]
            })
            .collect();
        let entries = sessions.into_iter().zip(parents).zip(ranked).map(|((session, parent), ranks)| Entry {
            folded: words_of(&session),
            parent,
            title_rank: ranks[0],
            agent_rank: ranks[1],
            project_rank: ranks[2],
            session,
        });
        Self { entries: entries.collect(), values }
    }

    pub fn get(&self, place: u32) -> Option<&Session> {
        self.entries.get(place as usize).map(|entry| &entry.session)
    }

    pub fn find(&self, id: &str) -> Option<&Session> {
        self.entries.iter().map(|entry| &entry.session).find(|session| session.id == id)
    }

    /// The lines to be shown: sorted, with sub-agents below the sessions that started them.
    pub(crate) fn arrange(&self, sort: Sort, filter: Option<&Filter>, frame: &Frame) -> Vec<Line> {
        let passes =
            |filter: &Filter, entry: &Entry| matches_session(&filter.expression, &entry.session, &entry.folded, frame);
        let shown = |entry: &Entry| filter.is_none_or(|filter| passes(filter, entry));
        let mask: Vec<bool> = self.entries.iter().map(shown).collect();
        let mut sorted: Vec<(i64, u32)> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(place, _)| mask[*place])
            .map(|(place, entry)| {
                (if sort.descending { !entry.rank(sort.column) } else { entry.rank(sort.column) }, place as u32)
            })
            .collect();
        sorted.sort_unstable();
        self.nest(&sorted, &mask)
    }

    /// Puts children below their parents. A child whose parent is not shown, or is below itself, stands alone.
    fn nest(&self, sorted: &[(i64, u32)], mask: &[bool]) -> Vec<Line> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut roots = Vec::new();
        for (_, place) in sorted {
            match self.entries[*place as usize].parent.filter(|parent| mask[*parent as usize]) {
                Some(parent) => children.entry(parent).or_default().push(*place),
                None => roots.push(*place),
            }
        }
        let mut lines = Vec::with_capacity(sorted.len());
        for root in roots {
            push(root, &mut children, &mut lines);
        }
        // What is left stands in a circle of parents; every session must be somewhere.
        let mut left: Vec<u32> = children.into_values().flatten().collect();
        left.sort_unstable();
        lines.extend(left.into_iter().map(|entry| Line::of(entry, 0)));
        lines
    }
}

fn push(root: u32, children: &mut HashMap<u32, Vec<u32>>, lines: &mut Vec<Line>) {
    let mut open = vec![Line::of(root, 0)];
    while let Some(line) = open.pop() {
        lines.push(line);
        let below = children.remove(&line.entry).unwrap_or_default();
        let depth = line.depth.saturating_add(1);
        open.extend(below.into_iter().rev().map(|entry| Line::of(entry, depth)));
    }
}

impl Entry {
    fn rank(&self, column: Column) -> i64 {
        let session = &self.session;
        match column {
            Column::Title => self.title_rank,
            Column::Agent => self.agent_rank,
            Column::Project => self.project_rank,
            Column::Started => session.started.map_or(i64::MIN, |started| started.0),
            Column::Duration => duration(session).unwrap_or(-1),
            Column::Events => session.events,
            Column::Turns => session.turns,
            Column::Errors => session.errors,
            Column::Tokens => session.tokens.total.unwrap_or(-1),
        }
    }
}

/// How long a session took, in microseconds.
pub(crate) fn duration(session: &Session) -> Option<i64> {
    Some(session.ended?.0.saturating_sub(session.started?.0))
}

/// The values of sessions that a filter may name.
fn values_of(sessions: &[Session]) -> BTreeMap<Field, Vec<String>> {
    let each = |of: fn(&Session) -> Vec<&String>| {
        let values: BTreeSet<&String> = sessions.iter().flat_map(of).collect();
        values.into_iter().cloned().collect()
    };
    BTreeMap::from([
        (Field::Agent, each(|session| vec![&session.agent])),
        (Field::Project, each(|session| session.project.iter().collect())),
        (Field::Model, each(|session| session.models.iter().collect())),
    ])
}

fn words_of(session: &Session) -> String {
    let mut words = vec![session.name(), &session.id, &session.agent];
    words.extend(session.project.as_deref());
    words.extend(session.room.as_deref());
    words.extend(session.git_branch.as_deref());
    words.extend(session.models.iter().map(String::as_str));
    let mut folded = fold(&words.join("\n"));
    if session.errors > 0 {
        folded.push_str("\nerror");
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::domain::filter::{Saved, Scope};

    fn session(id: &str, parent: Option<&str>, started: i64) -> Session {
        Session {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            started: Some(Timestamp(started)),
            ..Session::default()
        }
    }

    fn shown(catalog: &Catalog, sort: Sort, filter: &str) -> Vec<(String, u16)> {
        let filter = Filter::parse(filter, Scope::Sessions, &Saved::new()).expect("valid");
        let lines = catalog.arrange(sort, filter.as_ref(), &Frame::default());
        lines.iter().map(|line| (catalog.entries[line.entry as usize].session.id.clone(), line.depth)).collect()
    }

    #[test]
    fn sub_agents_stand_below_the_session_that_started_them() {
        let catalog =
            Catalog::of(vec![session("child", Some("old"), 9), session("new", None, 8), session("old", None, 1)]);
        let expected = [("new", 0), ("old", 0), ("child", 1)].map(|(id, depth)| (id.to_owned(), depth));
        assert_eq!(shown(&catalog, Sort::by(Column::Started), ""), expected);
        assert_eq!(shown(&catalog, Sort::by(Column::Started), "chi"), [("child".to_owned(), 0)]);
    }

    #[test]
    fn a_circle_of_parents_hides_nobody() {
        let catalog =
            Catalog::of(vec![session("a", Some("b"), 1), session("b", Some("a"), 2), session("c", Some("c"), 3)]);
        assert_eq!(shown(&catalog, Sort::by(Column::Started), "").len(), 3);
    }

    #[test]
    fn the_direction_can_be_turned_round() {
        let catalog = Catalog::of(vec![session("a", None, 1), session("b", None, 2)]);
        let mut sort = Sort::by(Column::Title);
        assert_eq!(shown(&catalog, sort, "")[0].0, "a");
        sort.descending = true;
        assert_eq!(shown(&catalog, sort, "")[0].0, "b");
    }
}
