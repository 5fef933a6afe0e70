//! How things are shown: help, palette, preview, times, kinds, sorting, mouse.

use super::{follow, go, joins, lens, open_panel, payload, sheet};
use crate::domain::Kind;
use crate::ui::action::Show;
use crate::ui::catalog::{Column, Sort};
use crate::ui::groups::Grouping;
use crate::ui::input::Input;
use crate::ui::list::List;
use crate::ui::message::{Request, Terminal};
use crate::ui::state::{Panel, State, Timeline};

pub(super) fn show(state: &mut State, wish: Show, count: Option<usize>) -> Vec<Request> {
    let height = state.height();
    let lines = count.unwrap_or(1);
    match wish {
        Show::Help => {
            return open_panel(state, Panel::Help { query: Input::default(), list: List::default(), over: None });
        }
        Show::Palette => return open_panel(state, Panel::Palette { input: Input::default(), list: List::default() }),
        Show::Redraw => {
            let mut requests = super::retry(state);
            requests.push(Request::Terminal(Terminal::Redraw));
            return requests;
        }
        Show::Suspend => return vec![Request::Terminal(Terminal::Suspend)],
        Show::Mouse => return mouse(state),
        Show::Usage => return sheet::usage(state),
        Show::Actions => return sheet::actions(state),
        Show::Diff => return sheet::diff(state),
        Show::Sort(column) => sort(state, column, height),
        Show::Group(by) => group(state, by, height),
        Show::Wrap => payload::wrap(state),
        Show::Kind(kind) => return hide(state, kind, height),
        Show::AllKinds => {
            if let Some(timeline) = &mut state.timeline {
                timeline.hidden.clear();
                timeline.arrange(height);
            }
        }
        Show::Lens => return lens::open_lens(state),
        Show::Isolate => return lens::isolate(state),
        Show::Findings => return findings(state),
        Show::Follow => return follow::follow(state),
        Show::Time => {
            let clock = state.timeline.as_mut().map(|timeline| {
                timeline.clock = timeline.clock.next();
                timeline.clock.name()
            });
            state.say(format!("times: {}", clock.unwrap_or_default()));
        }
        wish => {
            if let Some(timeline) = &mut state.timeline {
                preview(timeline, wish, lines);
            }
        }
    }
    Vec::new()
}

/// Opens what does not add up; it comes with the joins.
fn findings(state: &mut State) -> Vec<Request> {
    let asked = joins::ask(state);
    open_panel(state, Panel::Findings { list: List::default() });
    asked.into_iter().collect()
}

fn preview(timeline: &mut Timeline, wish: Show, lines: usize) {
    let preview = &mut timeline.preview;
    match wish {
        Show::Preview => {
            preview.on = !preview.on;
            (preview.focus, preview.zoom, preview.row) = (false, false, None);
        }
        Show::PreviewDown => preview.top = preview.top.saturating_add(lines),
        Show::PreviewUp => preview.top = preview.top.saturating_sub(lines),
        Show::Pane => preview.focus = !preview.focus,
        Show::Zoom => {
            preview.zoom = !preview.zoom;
            preview.focus = preview.zoom;
        }
        _ => {}
    }
}

fn mouse(state: &mut State) -> Vec<Request> {
    state.mouse = !state.mouse;
    state.say(if state.mouse { "the mouse wheel scrolls; F3 gives the mouse back" } else { "mouse off" });
    vec![Request::Terminal(Terminal::Mouse(state.mouse))]
}

fn sort(state: &mut State, column: Column, height: usize) {
    let sessions = &mut state.sessions;
    let mut sort = Sort::by(column);
    if sessions.sort == sort {
        sort.descending = !sort.descending;
    }
    sessions.sort = sort;
    sessions.arrange(height);
    state.say(sort.words());
}

fn group(state: &mut State, by: Grouping, height: usize) {
    state.sessions.grouping = by;
    state.sessions.arrange(height);
    state.say(match by {
        Grouping::None => "no groups".to_owned(),
        by => format!("grouped by {}", by.name()),
    });
}

fn hide(state: &mut State, kind: Kind, height: usize) -> Vec<Request> {
    go::leave(state);
    let Some(timeline) = &mut state.timeline else { return Vec::new() };
    if !timeline.hidden.remove(&kind) {
        timeline.hidden.insert(kind);
    }
    timeline.range = None;
    timeline.arrange(height);
    Vec::new()
}
