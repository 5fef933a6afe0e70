//! All that the screen knows. Plain data: changed by `update`, drawn by `view`, touched by nobody else.

mod branches;
mod event;
mod follow;
mod found;
mod fresh;
mod lane;
mod lens;
mod minimap;
mod panel;
mod playback;
mod sessions;
mod timeline;
mod work;

pub(crate) use branches::{Branches, Sign};
pub(crate) use event::{Aim, EventScreen, Pages, TABS, Tab, WINDOW};
pub(crate) use follow::Follow;
pub(crate) use found::{Found, Hit};
pub(crate) use fresh::{Fresh, wants_rows, wants_sessions};
pub(crate) use lane::Lane;
pub(crate) use lens::{Correlation, Isolated, Lens, LensLine};
pub(crate) use minimap::{Cell, LEVELS, Minimap};
pub(crate) use panel::{Ask, Checked, Panel};
pub(crate) use playback::Playback;
pub(crate) use sessions::Sessions;
pub(crate) use timeline::{Filtered, Preview, Searched, Timeline, Wanted, is_failure};
pub(crate) use work::{Jobs, Work};

use std::time::Instant;

use super::history::History;
use super::keymap::{Keys, Place};
use super::layout::{self, Areas};
use super::message::{Request, Shade};
use super::theme::{Depth, Theme};
use crate::domain::Timestamp;
use crate::domain::filter::{Frame, Saved};

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
    /// Seconds east of UTC, for times on the clock in filters.
    pub offset: i32,
    pub keys: Keys,
    /// A theme of the user's own, in place of those that come with the program.
    pub theme_of_user: Option<Theme>,
    /// The user's own rules of what a redacted export hides.
    pub hiding: Option<String>,
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

/// What could not be read: why, and what asks for it again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unread {
    pub words: String,
    pub requests: Vec<Request>,
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
    /// Sessions also lie elsewhere, and come over when they are opened.
    pub attached: bool,
    pub columns: u16,
    pub rows: u16,
    pub theme: Theme,
    pub choice: ThemeChoice,
    pub theme_of_user: Option<Theme>,
    pub keys: Keys,
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
    /// What was found in all sessions last.
    pub found: Option<Found>,
    /// Until when a second ^C quits.
    pub interrupted_until: Option<Instant>,
    /// Until when typed text is not heard: it was meant for a prompt that did not open, or has been closed.
    pub deaf_until: Option<Instant>,
    /// What an import that runs beside says.
    pub import: Option<String>,
    /// What is kept as new as the store.
    pub follow: Option<Follow>,
    /// What is older than the store.
    pub fresh: Fresh,
    /// The event at whose row the session that is opened first is shown.
    pub aim: Option<i64>,
    /// Why there is nothing at the paths that were named.
    pub nothing: Vec<String>,
    /// What could not be read, and is missing where it should be.
    pub unread: Option<Unread>,
    /// The user's own rules of what a redacted export hides.
    pub hiding: Option<String>,
    /// The number of slices written, for the name of the next one.
    pub exports: usize,
    /// Saved filters, by name.
    pub saved: Saved,
    /// What times in filters are reckoned from; without a start, which is each session's own.
    pub frame: Frame,
    /// A moment of the loop's clock, and what time it was then. Without one it is always the beginning of 1970.
    pub clock: Option<(Instant, Timestamp)>,
    /// What was typed into prompts before, by prompt.
    pub typed_before: Vec<(&'static str, String)>,
}

impl State {
    pub(crate) fn new(options: &Options, columns: u16, rows: u16) -> Self {
        let mut state = Self {
            ended: None,
            attached: false,
            columns,
            rows,
            theme: Theme::dark().for_depth(options.depth),
            choice: options.theme,
            theme_of_user: options.theme_of_user.clone(),
            keys: options.keys,
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
            found: None,
            interrupted_until: None,
            deaf_until: None,
            import: None,
            follow: None,
            fresh: Fresh::default(),
            aim: None,
            nothing: Vec::new(),
            unread: None,
            hiding: options.hiding.clone(),
            exports: 0,
            saved: Saved::new(),
            frame: Frame { offset: options.offset, ..Frame::default() },
            clock: None,
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
        let built_in = || if light { Theme::light() } else { Theme::dark() };
        let theme = self.theme_of_user.clone().unwrap_or_else(built_in);
        self.theme = theme.for_depth(self.theme.depth());
    }

    pub(crate) fn areas(&self) -> Option<Areas> {
        let preview = self.timeline.as_ref().map(|timeline| &timeline.preview);
        let axis = self.timeline.as_ref().is_some_and(|timeline| timeline.lane == Lane::Waterfall);
        layout::areas(self.columns, self.rows, self.place, preview, axis)
    }

    /// The number of lines of the list or text that has the keys.
    pub(crate) fn height(&self) -> usize {
        self.areas().map_or(1, |areas| usize::from(areas.list.height).max(1))
    }

    /// Why the place shows nothing, where it could not be read.
    pub(crate) fn missing(&self) -> Option<&Unread> {
        let shows = match (self.place, &self.timeline, &self.event) {
            (Place::Sessions, ..) => !self.sessions.lines.is_empty(),
            (Place::Timeline, timeline, _) => timeline.as_ref().is_some_and(|timeline| timeline.len() > 0),
            (Place::Event, _, Some(event)) => {
                event.detail.is_some() && (event.payload().is_some() || !event.pages.contains_key(&event.tab))
            }
            (Place::Event, _, None) => false,
        };
        self.unread.as_ref().filter(|_| !shows)
    }

    /// Takes the time that the loop's clock shows.
    pub(crate) fn tell_time(&mut self, now: Instant) {
        if let Some((then, time)) = self.clock {
            let passed = i64::try_from(now.saturating_duration_since(then).as_micros()).unwrap_or(i64::MAX);
            self.frame.now = Timestamp(time.0.saturating_add(passed));
        }
        self.sessions.frame = self.frame;
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
        let playback = self.timeline.as_ref().and_then(|timeline| timeline.playback.as_ref()?.due);
        [self.typed.hint_at, preview, playback, fresh::due(self)].into_iter().flatten().min()
    }

    /// What is remembered as typed into a prompt before.
    pub(crate) fn last_typed(&self, prompt: &str) -> Option<&str> {
        self.typed_before.iter().rev().find(|(name, _)| *name == prompt).map(|(_, text)| text.as_str())
    }
}
