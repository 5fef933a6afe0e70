//! Looking at what a redacted export would hide, deciding about it, and writing.

use std::sync::Arc;

use super::{panel, sheet};
use crate::report::{Review, Selection};
use crate::ui::action::{Action, Decide};
use crate::ui::input::Input;
use crate::ui::key::Key;
use crate::ui::keymap::{Binding, Lookup, Scope};
use crate::ui::list::{List, Move};
use crate::ui::message::Request;
use crate::ui::sheet::{Choices, Content, Reviewing, Sheet, Wish};
use crate::ui::state::{Ask, Panel, State};

/// Looks for secrets in what is to be written under a name.
pub(super) fn begin(state: &mut State, selection: Selection, proposed: String, name: &str) -> Vec<Request> {
    if name.trim().is_empty() {
        state.warn("a slice needs a file name");
        return Vec::new();
    }
    let choices = Choices { usual: state.hiding.clone(), ..Choices::default() };
    look(state, Wish { selection, name: name.trim().to_owned(), proposed, choices }, None)
}

fn look(state: &mut State, wish: Wish, before: Option<Arc<Review>>) -> Vec<Request> {
    let job = sheet::wait(state, "looking for secrets");
    vec![Request::Review(job, Box::new(wish), before)]
}

/// Shows what was found.
pub(super) fn take(state: &mut State, job: u64, review: Arc<Review>, wish: Wish) {
    let looked = wish.choices.clone();
    let reviewing = Reviewing { review, looked, wish, list: List::default() };
    sheet::fill(state, job, Content::Review(Box::new(reviewing)));
}

/// Takes one key; `None` for one that only moves, or where no review is open.
pub(super) fn press(state: &mut State, key: &Key, sheet: &Sheet) -> Option<Vec<Request>> {
    if !matches!(sheet.content, Content::Review(_)) {
        return None;
    }
    match state.keys.lookup(Scope::Review, key.name()) {
        Lookup::Found(Binding { action: Action::Decide(decision), .. }) => {
            Some(decide(state, *decision, sheet.clone()))
        }
        _ => None,
    }
}

/// Does what was decided.
fn decide(state: &mut State, decision: Decide, mut sheet: Sheet) -> Vec<Request> {
    let Content::Review(reviewing) = &mut sheet.content else { return Vec::new() };
    let panel = match decision {
        Decide::Close => return Vec::new(),
        Decide::Accept if reviewing.is_current() => {
            let Wish { mut selection, name, proposed, .. } = reviewing.wish.clone();
            selection.veil = Some(reviewing.review.cleared.clone());
            return super::export::write(state, selection, &proposed, &name);
        }
        Decide::Accept => {
            state.say("looking again with what you decided; the next time it is written");
            let (wish, before) = (reviewing.wish.clone(), Arc::clone(&reviewing.review));
            return look(state, wish, Some(before));
        }
        Decide::Pass => {
            reviewing.toggle(sheet.list.at);
            let height = sheet::room(state).1;
            sheet.list.go(Move::Down, None, reviewing.length(), height);
            Panel::Sheet(Box::new(sheet))
        }
        Decide::Add => {
            reviewing.list = sheet.list;
            Panel::Prompt { ask: Ask::Rule(reviewing.clone()), input: Input::default() }
        }
        Decide::Help => Panel::Help { query: Input::default(), list: List::default(), over: Some(Box::new(sheet)) },
    };
    state.panel = Some(panel);
    Vec::new()
}

/// Takes one key while the help of a review is open.
pub(super) fn help(state: &mut State, key: &Key, mut query: Input, mut list: List, sheet: Box<Sheet>) -> Vec<Request> {
    let rows = state.keys.help_rows(Scope::Review, &query.text);
    let chosen = rows.get(list.at).map(|row| row.binding.action);
    match (key.name(), chosen) {
        ("Enter", Some(Action::Decide(decision))) => return decide(state, decision, *sheet),
        ("Enter" | "F1" | "?", _) => state.panel = Some(Panel::Sheet(sheet)),
        _ => {
            if !panel::move_in(&mut list, key, rows.len()) && query.take(key) {
                list = List::default();
            }
            state.panel = Some(Panel::Help { query, list, over: Some(sheet) });
        }
    }
    Vec::new()
}

/// Adds the rule that was typed, or goes back without one.
pub(super) fn add(state: &mut State, mut reviewing: Box<Reviewing>, typed: &str) {
    if !typed.trim().is_empty()
        && let Err(fault) = reviewing.wish.choices.add(typed.trim())
    {
        state.warn(fault);
    }
    let list = reviewing.list;
    state.panel = Some(Panel::Sheet(Box::new(Sheet { content: Content::Review(reviewing), list })));
}
