//! Looking for a text in the contents of all sessions: `:find`, and the list of what was found.

use super::{PANEL_LINES, go, open_panel, panel};
use crate::report::Query;
use crate::ui::key::Key;
use crate::ui::list::{List, Move};
use crate::ui::message::Request;
use crate::ui::state::{Found, Hit, Panel, State, Wanted};

/// Starts a search through all sessions; without a text, shows what was found last.
pub(super) fn find(state: &mut State, text: &str) -> Vec<Request> {
    if text.is_empty() {
        return match &state.found {
            Some(_) => open_panel(state, Panel::Found { list: List::default() }),
            None => {
                state.warn("nothing has been searched for yet: find TEXT");
                Vec::new()
            }
        };
    }
    if let Err(error) = Query::parse(text) {
        state.warn(error.to_string());
        return Vec::new();
    }
    let before = state.found.take().and_then(|found| found.job).filter(|job| state.jobs.end(*job));
    let job = state.jobs.start(format!("finding {text}"));
    state.found = Some(Found { text: text.to_owned(), hits: Vec::new(), total: 0, job: Some(job) });
    open_panel(state, Panel::Found { list: List::default() });
    before.map(Request::Cancel).into_iter().chain([Request::Find { job, text: text.to_owned() }]).collect()
}

/// Takes hits of the search that runs; those of one that was cancelled are dropped.
pub(super) fn take(state: &mut State, job: u64, hits: Vec<Hit>, total: usize) {
    if let Some(found) = state.found.as_mut().filter(|found| found.job == Some(job)) {
        found.hits.extend(hits);
        found.total = total;
    }
}

/// Takes one key while the list is open.
pub(super) fn press(state: &mut State, key: &Key, mut list: List) -> Vec<Request> {
    let length = state.found.as_ref().map_or(0, |found| found.hits.len());
    match key.name() {
        "q" => return Vec::new(),
        "Enter" | "l" | "→" => {
            let hit = state.found.as_ref().and_then(|found| found.hits.get(list.at)).cloned();
            return hit
                .map_or_else(Vec::new, |hit| go::open(state, (*hit.session).clone(), Some(Wanted::row(hit.event))));
        }
        "j" => list.go(Move::Down, None, length, PANEL_LINES),
        "k" => list.go(Move::Up, None, length, PANEL_LINES),
        "G" | "End" => list.go(Move::Bottom, None, length, PANEL_LINES),
        "g" | "Home" => list.go(Move::Top, None, length, PANEL_LINES),
        _ => {
            panel::move_in(&mut list, key, length);
        }
    }
    state.panel = Some(Panel::Found { list });
    Vec::new()
}
