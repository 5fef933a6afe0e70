//! All that the screen knows. Plain data: changed by `update`, drawn by `view`, touched by nobody else.

mod event;
mod fresh;
mod panel;
mod sessions;
mod timeline;
mod work;

pub(crate) use event::{Aim, EventScreen, Pages, TABS, Tab, WINDOW};
pub(crate) use fresh::{Fresh, wants_rows, wants_sessions};
pub(crate) use panel::{Ask, Panel};
pub(crate) use sessions::Sessions;
pub(crate) use timeline::{Filtered, Preview, Searched, Timeline, Wanted, is_failure};
pub(crate) use work::Jobs;

use std::time::Instant;

use super::history::History;
use super::keymap::Place;
use super::layout::{self, Areas};
use super::message::Shade;
use super::theme::{Depth, Theme};

/// Which theme to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThemeChoice {
    /// Follows the background of the terminal; dark until it is known.
    #[default]
    Auto,
    Dark,
    Light,
}

/// How the screen should look and behave.
#[derive(Debug, Clone)]
pub struct Options {
    pub theme: ThemeChoice,
    pub depth: Depth,
    /// Draws with ASCII characters only.
    pub ascii: bool,
    /// Takes the mouse wheel from the terminal.
    pub mouse: bool,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Quit,
    /// By a signal; the exit code is 128 and its number.
    Signal(i32),
}

/// A message in the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub text: String,
    pub bad: bool,
}

/// Keys typed so far that are not an action yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    /// With spaces between: `g`, `z`.
    pub keys: String,
    pub count: Option<usize>,
    /// When the list of continuations opens.
    pub hint_at: Option<Instant>,
    pub hint: bool,
}

/// All that the screen knows.
#[derive(Debug)]
pub(crate) struct State {
    pub ended: Option<Ended>,
    pub columns: u16,
    pub rows: u16,
    pub theme: Theme,
    pub choice: ThemeChoice,
    pub shade: Shade,
    pub ascii: bool,
    pub mouse: bool,
    pub place: Place,
    pub sessions: Sessions,
    pub timeline: Option<Timeline>,
    pub event: Option<EventScreen>,
    pub panel: Option<Panel>,
    pub typed: Typed,
    pub notice: Option<Notice>,
    pub jobs: Jobs,
    pub history: History,
    /// Until when a second ^C quits.
    pub interrupted_until: Option<Instant>,
    /// What an import that runs beside says.
    pub import: Option<String>,
    /// What is older than the store.
    pub fresh: Fresh,
    /// The number of slices written, for the name of the next one.
    pub exports: usize,
    /// What was typed into prompts before, by prompt.
    pub typed_before: Vec<(&'static str, String)>,
}

impl State {
    pub(crate) fn new(options: &Options, columns: u16, rows: u16) -> Self {
        let mut state = Self {
            ended: None,
            columns,
            rows,
            theme: Theme::dark().for_depth(options.depth),
            choice: options.theme,
            shade: Shade::Dark,
            ascii: options.ascii,
            mouse: options.mouse,
            place: Place::Sessions,
            sessions: Sessions::default(),
            timeline: None,
            event: None,
            panel: None,
            typed: Typed::default(),
            notice: None,
            jobs: Jobs::default(),
            history: History::default(),
            interrupted_until: None,
            import: None,
            fresh: Fresh::default(),
            exports: 0,
            typed_before: Vec::new(),
        };
        state.dress();
        state
    }

    /// Takes the theme that choice and background ask for.
    pub(crate) fn dress(&mut self) {
        let light = match self.choice {
            ThemeChoice::Auto => self.shade == Shade::Light,
            ThemeChoice::Dark => false,
            ThemeChoice::Light => true,
        };
        let theme = if light { Theme::light() } else { Theme::dark() };
        self.theme = theme.for_depth(self.theme.depth());
    }

    pub(crate) fn areas(&self) -> Option<Areas> {
        let preview = self.timeline.as_ref().map(|timeline| &timeline.preview);
        layout::areas(self.columns, self.rows, self.place, preview)
    }

    /// The number of lines of the list or text that has the keys.
    pub(crate) fn height(&self) -> usize {
        self.areas().map_or(1, |areas| usize::from(areas.list.height).max(1))
    }

    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), bad: false });
    }

    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), bad: true });
    }

    /// When something is due without a key: the earliest of all deadlines.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let preview = self.timeline.as_ref().and_then(|timeline| timeline.preview.due);
        [self.typed.hint_at, preview, fresh::due(self)].into_iter().flatten().min()
    }

    /// What is remembered as typed into a prompt before.
    pub(crate) fn last_typed(&self, prompt: &str) -> Option<&str> {
        self.typed_before.iter().rev().find(|(name, _)| *name == prompt).map(|(_, text)| text.as_str())
    }
}
