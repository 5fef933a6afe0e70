//! The session list.

use std::sync::Arc;

use crate::domain::Session;
use crate::domain::filter::{Filter, Frame};
use crate::ui::catalog::{Catalog, Column, Line, Sort};
use crate::ui::groups::{Group, Grouping, grouped};
use crate::ui::list::List;
use crate::ui::phrase::Phrase;

/// The session list: what there is, what of it is shown, and where the cursor stands.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub catalog: Arc<Catalog>,
    /// `false` until the store has answered.
    pub loaded: bool,
    pub lines: Vec<Line>,
    pub list: List,
    pub sort: Sort,
    pub grouping: Grouping,
    pub groups: Vec<Group>,
    pub filter: Option<Filter>,
    /// What times in the filter are reckoned from.
    pub frame: Frame,
    pub search: Option<Phrase>,
    /// Lines that hold the phrase, in order.
    pub hits: Vec<u32>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            catalog: Arc::default(),
            loaded: false,
            lines: Vec::new(),
            list: List::default(),
            sort: Sort::by(Column::Started),
            grouping: Grouping::None,
            groups: Vec::new(),
            filter: None,
            frame: Frame::default(),
            search: None,
            hits: Vec::new(),
        }
    }
}

impl Sessions {
    pub(crate) fn at(&self, line: usize) -> Option<&Session> {
        self.catalog.get(self.lines.get(line)?.entry)
    }

    /// The session under the cursor.
    pub(crate) fn current(&self) -> Option<&Session> {
        self.at(self.list.at)
    }

    /// Lays the list out anew and keeps the cursor on its session.
    pub(crate) fn arrange(&mut self, height: usize) {
        let id = self.current().map(|session| session.id.clone());
        self.lay_out();
        self.find_hits();
        match id.and_then(|id| self.line_of(&id)) {
            Some(line) => self.list.jump(line, self.lines.len(), height),
            None => self.list.keep(self.lines.len(), height),
        }
    }

    /// Takes new sessions; those known stay where they are.
    pub(crate) fn take(&mut self, catalog: Arc<Catalog>, height: usize) {
        let id = self.current().map(|session| session.id.clone());
        self.catalog = catalog;
        self.lay_out();
        self.loaded = true;
        self.find_hits();
        // A cursor that was never moved stays at the top, where the newest session appears.
        let line = id.filter(|_| self.list.at > 0).and_then(|id| self.line_of(&id));
        match line {
            Some(line) => self.list.jump(line, self.lines.len(), height),
            None => self.list.keep(self.lines.len(), height),
        }
    }

    fn lay_out(&mut self) {
        let lines = self.catalog.arrange(self.sort, self.filter.as_ref(), &self.frame);
        (self.lines, self.groups) = grouped(&self.catalog, lines, self.grouping);
    }

    /// How many sessions are shown; headings are none.
    pub(crate) fn count(&self) -> usize {
        self.lines.len() - self.groups.len()
    }

    /// The heading under the cursor.
    pub(crate) fn heading(&self, line: usize) -> Option<&Group> {
        self.groups.get(self.lines.get(line)?.heading? as usize)
    }

    pub(crate) fn line_of(&self, id: &str) -> Option<usize> {
        self.lines.iter().position(|line| self.catalog.get(line.entry).is_some_and(|session| session.id == id))
    }

    pub(crate) fn find_hits(&mut self) {
        let entries = &self.catalog.entries;
        self.hits = match &self.search {
            None => Vec::new(),
            Some(phrase) => (0u32..)
                .zip(&self.lines)
                .filter(|(_, line)| {
                    entries.get(line.entry as usize).is_some_and(|entry| phrase.is_in_session(&entry.session))
                })
                .map(|(line, _)| line)
                .collect(),
        };
    }
}
