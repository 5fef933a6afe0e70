//! Sheets: wide panels over the screen that are read and scrolled, such as usage, actions and what changed.

mod actions;
mod diff;
mod review;
mod usage;

use std::borrow::Cow;
use std::sync::Arc;

use super::keymap::Keys;
use super::list::List;
use super::words::counted;
use crate::timeline::{Comparison, Survey, Totals};
pub(crate) use review::{Choices, Reviewing, Wish};

/// How a piece of a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Text,
    Dim,
    Title,
    Bad,
    Bar,
    Added,
    Removed,
}

/// One line: pieces that are safe to draw.
pub(crate) type Row = Vec<(Ink, String)>;

/// What is read on a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// The job that makes it still runs.
    Waiting {
        job: u64,
        what: &'static str,
    },
    Usage(Arc<Totals>),
    Actions(Arc<Survey>),
    Diff(Arc<Comparison>),
    Review(Box<Reviewing>),
}

/// A sheet, and how far it is scrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sheet {
    pub content: Content,
    /// `at` counts lines; where nothing can be chosen it moves with the top.
    pub list: List,
}

/// What the layout of a sheet depends on besides its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub width: usize,
    pub ascii: bool,
    pub survey: Option<&'a Survey>,
    /// How far the job has come that a sheet waits for.
    pub progress: &'a str,
}

impl Sheet {
    pub(crate) fn new(content: Content) -> Self {
        Self { content, list: List::default() }
    }

    pub(crate) fn waiting_for(&self, wanted: u64) -> bool {
        matches!(self.content, Content::Waiting { job, .. } if job == wanted)
    }

    /// The words in its frame.
    pub(crate) fn title(&self) -> String {
        match &self.content {
            Content::Waiting { what, .. } => format!(" {what} "),
            Content::Usage(_) => " Usage ".to_owned(),
            Content::Actions(_) => " Actions ".to_owned(),
            Content::Review(reviewing) => reviewing.title(),
            Content::Diff(changed) => {
                let (added, removed) = (changed.added, changed.removed);
                format!(" {} added, {removed} removed ", counted(added, "line"))
            }
        }
    }

    /// The keys that work on it.
    pub(crate) fn hint(&self, keys: Keys) -> Cow<'static, str> {
        Cow::Borrowed(match &self.content {
            Content::Waiting { .. } => "Esc cancels",
            Content::Usage(_) => "j k scroll  Esc closes",
            Content::Actions(_) => "j k move  Enter goes to the turn  Esc closes",
            Content::Review(reviewing) => return Cow::Owned(reviewing.hint(keys)),
            Content::Diff(_) => "j k scroll  n next change  N change before  Esc closes",
        })
    }

    /// How many lines it has at a width.
    pub(crate) fn length(&self, manner: Manner<'_>) -> usize {
        match &self.content {
            Content::Waiting { .. } => 1,
            Content::Usage(totals) => usage::rows(totals, manner).len(),
            Content::Actions(survey) => actions::length(survey),
            Content::Review(reviewing) => reviewing.length(),
            Content::Diff(changed) => diff::length(changed, manner.width),
        }
    }

    /// The lines from the top of the window on, as many as fit.
    pub(crate) fn rows(&self, height: usize, manner: Manner<'_>) -> Vec<Row> {
        match &self.content {
            Content::Waiting { what, .. } => vec![vec![(Ink::Dim, format!("{what} {}", manner.progress))]],
            Content::Usage(totals) => {
                usage::rows(totals, manner).into_iter().skip(self.list.top).take(height).collect()
            }
            Content::Actions(survey) => actions::rows(survey, self.list.top, height),
            Content::Review(reviewing) => reviewing.rows(self.list.top, height, manner.width),
            Content::Diff(changed) => diff::rows(changed, self.list.top, height, manner.width),
        }
    }

    /// Whether one line is chosen.
    pub(crate) fn has_cursor(&self) -> bool {
        matches!(self.content, Content::Actions(_) | Content::Review(_))
    }

    /// The row of the session that the chosen line leads to.
    pub(crate) fn target(&self) -> Option<usize> {
        match &self.content {
            Content::Actions(survey) => actions::target(survey, self.list.at),
            _ => None,
        }
    }

    /// The first line of the next run of changes, or of the one before.
    pub(crate) fn hunk(&self, width: usize, forward: bool) -> Option<usize> {
        let Content::Diff(changed) = &self.content else { return None };
        let starts = diff::hunks(changed, width);
        let at = self.list.top;
        if forward {
            starts.into_iter().find(|start| *start > at)
        } else {
            starts.into_iter().rev().find(|start| *start < at)
        }
    }
}
