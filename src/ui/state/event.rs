//! One row in full: its tabs, what is known of it, and its payloads as far as they are loaded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::domain::{Body, Role};
use crate::timeline::{ArtifactKind, text_of};
use crate::ui::artifacts;
use crate::ui::insight::Insight;
use crate::ui::list::List;
use crate::ui::message::{Detail, Link, Window};
use crate::ui::payload::{self, Hint, Hit, MOST_HITS, Mode, PRETTY_LIMIT, View};
use crate::ui::phrase::Phrase;
use crate::ui::scroll::Scroll;
use crate::ui::why::{self, WhyLine};

/// The tabs, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tab {
    Summary,
    Input,
    Output,
    System,
    Context,
    Tools,
    Usage,
    Joins,
    Raw,
    Actions,
}

/// The tabs, in the order of their numbers.
pub(crate) const TABS: [Tab; 10] = [
    Tab::Summary,
    Tab::Input,
    Tab::Output,
    Tab::System,
    Tab::Context,
    Tab::Tools,
    Tab::Usage,
    Tab::Joins,
    Tab::Raw,
    Tab::Actions,
];

impl Tab {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Summary => "Summary",
            Self::Input => "Input",
            Self::Output => "Output",
            Self::System => "System",
            Self::Context => "Context",
            Self::Tools => "Tools",
            Self::Usage => "Usage",
            Self::Joins => "Joins",
            Self::Raw => "Raw",
            Self::Actions => "Actions",
        }
    }

    /// From 1; the last one has no key with its number.
    pub(crate) fn number(self) -> u8 {
        self as u8 + 1
    }

    pub(crate) fn of(number: u8) -> Option<Self> {
        TABS.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The role of the bodies that it shows; `None` for tabs without payloads.
    pub(crate) fn role(self) -> Option<Role> {
        match self {
            Self::Input => Some(Role::Input),
            Self::Output => Some(Role::Output),
            Self::System => Some(Role::System),
            Self::Context => Some(Role::Context),
            Self::Tools => Some(Role::Tools),
            Self::Raw => Some(Role::Raw),
            Self::Summary | Self::Usage | Self::Joins | Self::Actions => None,
        }
    }

    /// Whether it shows payloads, not lines of names and values.
    pub(crate) fn is_payload(self) -> bool {
        self.role().is_some() || self == Self::Actions
    }
}

/// The bytes of one tab that are loaded at most, several bodies together.
const BUDGET: i64 = 16 << 20;
/// The window of a body that is too long to be loaded wholly.
pub(crate) const WINDOW: i64 = 1 << 20;

/// Where the cursor goes once a window is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Aim {
    #[default]
    Stay,
    Start,
    /// The middle: what was the end, or the beginning, of the window before.
    Middle,
    End,
    /// The first hit of the search.
    Hit,
}

/// The payloads of one tab.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// What was asked for last.
    pub windows: Vec<Window>,
    /// What is shown; the one before stays until the next one is here.
    pub view: Option<Box<View>>,
    pub scroll: Scroll,
    pub aim: Aim,
    /// The columns that cut lines are scrolled by.
    pub aside: usize,
    pub hits: Vec<Hit>,
    pub current: Option<usize>,
    /// What the hits are of.
    pub sought: Option<Phrase>,
    /// The hits in the whole of a body of which only a part is loaded, once they are counted.
    pub everywhere: Option<u64>,
}

impl Pages {
    /// Whether there are more hits than are kept.
    pub(crate) fn has_more_hits(&self) -> bool {
        self.hits.len() >= MOST_HITS
    }

    /// The only body, where it is too long to be loaded wholly.
    pub(crate) fn paged(&self) -> Option<&Window> {
        match self.windows.as_slice() {
            [only] if only.length < only.body.size => Some(only),
            _ => None,
        }
    }
}

/// One row in full.
#[derive(Debug)]
pub(crate) struct EventScreen {
    /// The number of the leading event of the row.
    pub key: i64,
    pub tab: Tab,
    pub detail: Option<Arc<Detail>>,
    pub links: Option<Vec<Link>>,
    /// What was found in the bodies; `None` until they have been looked through.
    pub insight: Option<Arc<Insight>>,
    /// The user's note on the row.
    pub note: Option<String>,
    /// Where the cursor stands in the tabs that are lists.
    pub lists: HashMap<Tab, List>,
    pub pages: HashMap<Tab, Pages>,
    pub mode: Mode,
    pub options: payload::Options,
    /// What is searched for; goes on from row to row.
    pub phrase: Option<Phrase>,
    /// Its hits are highlighted.
    pub lit: bool,
    /// What looks for it in the rest of a long body.
    pub jobs: Vec<u64>,
    /// The cursor goes to the first hit, as soon as what the tab shows is here.
    pub jump: bool,
}

impl EventScreen {
    pub(crate) fn new(key: i64, tab: Tab) -> Self {
        Self {
            key,
            tab,
            detail: None,
            links: None,
            insight: None,
            note: None,
            lists: HashMap::new(),
            pages: HashMap::new(),
            mode: Mode::Pretty,
            options: payload::Options::default(),
            phrase: None,
            lit: false,
            jobs: Vec::new(),
            jump: false,
        }
    }

    /// Another row, shown in the same way.
    pub(crate) fn like(&self, key: i64, tab: Tab) -> Self {
        let (mode, options, phrase, lit) = (self.mode, self.options, self.phrase.clone(), self.lit);
        Self { mode, options, phrase, lit, ..Self::new(key, tab) }
    }

    pub(crate) fn list(&self, tab: Tab) -> List {
        self.lists.get(&tab).copied().unwrap_or_default()
    }

    /// The payloads of the tab, where they are here.
    pub(crate) fn payload(&self) -> Option<&Pages> {
        self.pages.get(&self.tab).filter(|pages| pages.view.is_some())
    }

    /// The bodies that a tab shows, in the order of the events; a record that several events share comes once.
    pub(crate) fn bodies(&self, tab: Tab) -> Vec<&Body> {
        let (Some(role), Some(detail)) = (tab.role(), &self.detail) else { return Vec::new() };
        let mut seen = HashSet::new();
        let own = detail.bodies.iter().filter(|body| body.role == role);
        own.filter(|body| role != Role::Raw || seen.insert((body.blob, body.start))).collect()
    }

    /// The windows that a tab begins with: whole bodies, as far as they are not too long.
    pub(crate) fn first_windows(&self, tab: Tab) -> Vec<Window> {
        let mut windows: Vec<Window> = self.listing(tab).into_iter().collect();
        windows.extend(self.windows_of_bodies(tab));
        windows.extend(self.windows_within(tab));
        windows
    }

    /// The words about what was found, above everything else.
    fn listing(&self, tab: Tab) -> Option<Window> {
        let (detail, insight) = (self.detail.as_ref()?, self.insight.as_ref()?);
        let text = match tab {
            Tab::Actions => artifacts::outcome(insight),
            tab => artifacts::listing(tab, detail, insight)?,
        };
        let title = if tab == Tab::Actions { "what came of them" } else { "artifacts" };
        (!text.is_empty()).then(|| self.window_of_text(title.to_owned(), 0, text, "text"))
    }

    /// Artifacts that lie inside other bodies, and arrays of actions.
    fn windows_within(&self, tab: Tab) -> Vec<Window> {
        let Some(insight) = &self.insight else { return Vec::new() };
        if tab == Tab::Actions {
            let arrays = insight
                .actions
                .iter()
                .map(|(event, path, value)| self.window_of_text(path.clone(), *event, value.to_string(), "json"));
            return arrays.collect();
        }
        let column = tab.role().map_or("", Role::name);
        let within = insight.artifacts(artifacts::kinds_of(tab)).filter(|artifact| artifact.path != column);
        // The schemas stand in the descriptions already, where they come from there.
        let news = within.filter(|one| one.kind != ArtifactKind::ToolSchemas || !one.path.contains("[]."));
        news.map(|artifact| {
            let title = format!("{} at {}", artifact.kind.name(), artifact.path);
            let text = artifact.kind == ArtifactKind::SystemPrompt || artifact.value.is_string();
            match text {
                true => self.window_of_text(title, artifact.event, text_of(&artifact.value), ""),
                false => self.window_of_text(title, artifact.event, artifact.value.to_string(), "json"),
            }
        })
        .collect()
    }

    fn window_of_text(&self, title: String, event: i64, text: String, language: &str) -> Window {
        let (size, role) = (text.len() as i64, Role::Metadata);
        let body = Body { event, role, blob: 0, start: 0, size, digest: [0; 32] };
        let hint = Hint { language: Some(language.to_owned()), ..Hint::default() };
        Window { title, body, from: 0, length: size, hint, text: Some(text.into_bytes().into()) }
    }

    fn windows_of_bodies(&self, tab: Tab) -> Vec<Window> {
        let mut left = BUDGET;
        let window = |body: &Body| {
            let whole = body.size <= PRETTY_LIMIT as i64 && body.size <= left;
            let length = if whole { body.size } else { body.size.min(WINDOW) };
            left -= length;
            Window { title: self.title(body), body: body.clone(), from: 0, length, hint: self.hint(body), text: None }
        };
        self.bodies(tab).into_iter().map(window).collect()
    }

    fn title(&self, body: &Body) -> String {
        let event =
            self.detail.as_ref().and_then(|detail| detail.events.iter().find(|event| event.number == body.event));
        event.map_or_else(
            || body.role.name().to_owned(),
            |event| format!("{} of {}", body.role.name(), event.event_type),
        )
    }

    fn hint(&self, body: &Body) -> Hint {
        let detail = self.detail.as_ref();
        let tool = detail.and_then(|detail| detail.events.iter().find_map(|event| event.tool.clone()));
        // The record as a whole is the format's own, whatever the tool.
        Hint { tool: tool.filter(|_| body.role != Role::Raw), ..Hint::default() }
    }

    /// Whether a tab has anything to show; while nothing is known, all might.
    pub(crate) fn has(&self, tab: Tab) -> bool {
        let Some(detail) = &self.detail else { return tab != Tab::Actions };
        match tab {
            Tab::Summary => true,
            Tab::Usage => {
                let settings = self.insight.as_ref().is_some_and(|insight| !insight.found.settings.is_empty());
                settings || detail.turn.usage.is_some()
            }
            Tab::Actions => self.insight.as_ref().is_some_and(|insight| insight.has_actions()),
            Tab::Joins => self.links.as_ref().is_none_or(|links| !links.is_empty()),
            _ => {
                !self.bodies(tab).is_empty()
                    || self.insight.as_ref().is_some_and(|insight| artifacts::tells(tab, insight))
            }
        }
    }

    /// Whether it is known that a tab has nothing to show; some tabs also show what is found inside bodies.
    pub(crate) fn lacks(&self, tab: Tab) -> bool {
        let waits = matches!(tab, Tab::System | Tab::Context | Tab::Tools | Tab::Actions) && self.insight.is_none();
        self.detail.is_some() && !waits && !self.has(tab)
    }

    /// The line of the joins tab under the cursor.
    pub(crate) fn reason(&self, columns: usize) -> Option<WhyLine> {
        why::lines(self.links.as_ref()?, columns).into_iter().nth(self.list(Tab::Joins).at)
    }
}
