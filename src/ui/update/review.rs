//! Looking at what a redacted export would hide, deciding about it, and writing.

use std::sync::Arc;

use super::sheet;
use crate::report::{Review, Selection};
use crate::ui::input::Input;
use crate::ui::key::Key;
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
    look(state, Wish { selection, name: name.trim().to_owned(), proposed, choices: Choices::default() }, None)
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

/// Takes one key; `None` for one that only moves or closes.
pub(super) fn press(state: &mut State, key: &Key, sheet: &mut Sheet) -> Option<Vec<Request>> {
    let Content::Review(reviewing) = &mut sheet.content else { return None };
    match key.name() {
        "Space" | " " | "d" => {
            reviewing.toggle(sheet.list.at);
            let height = sheet::room(state).1;
            sheet.list.go(Move::Down, None, reviewing.length(), height);
        }
        "a" => {
            reviewing.list = sheet.list;
            let ask = Ask::Rule(reviewing.clone());
            state.panel = Some(Panel::Prompt { ask, input: Input::default() });
            return Some(Vec::new());
        }
        "Enter" if reviewing.is_current() => {
            let Wish { mut selection, name, proposed, .. } = reviewing.wish.clone();
            selection.veil = Some(reviewing.review.cleared.clone());
            return Some(super::export::write(state, selection, &proposed, &name));
        }
        "Enter" => {
            state.say("looking again with what you decided; Enter then writes");
            let (wish, before) = (reviewing.wish.clone(), Arc::clone(&reviewing.review));
            return Some(look(state, wish, Some(before)));
        }
        _ => return None,
    }
    state.panel = Some(Panel::Sheet(Box::new(sheet.clone())));
    Some(Vec::new())
}

/// Adds the rule that was typed, or goes back without one.
pub(super) fn add(state: &mut State, mut reviewing: Box<Reviewing>, typed: &str) {
    if !typed.trim().is_empty() {
        reviewing.wish.choices.added.push(typed.trim().to_owned());
        if let Err(fault) = reviewing.wish.choices.rules() {
            reviewing.wish.choices.added.pop();
            state.warn(fault);
        }
    }
    let list = reviewing.list;
    state.panel = Some(Panel::Sheet(Box::new(Sheet { content: Content::Review(reviewing), list })));
}
