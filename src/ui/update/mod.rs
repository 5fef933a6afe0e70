//! What a message changes, and what is to be done about it. Pure: no await, no store, no clock.

mod answers;
mod commands;
mod event;
mod everywhere;
mod export;
mod filter;
mod find;
mod follow;
mod fresh;
mod go;
mod jobs;
mod joins;
mod keep;
mod keys;
mod lines;
mod lens;
mod lanes;
mod panel;
mod payload;
mod reasons;
mod review;
mod sheet;
mod show;
mod timeline;

pub(crate) use commands::choices;
#[cfg(test)]
pub(crate) use filter::in_force;
pub(crate) use lines::hit_lines;
pub(crate) use panel::{PANEL_LINES, marked};
pub(crate) use reasons::disabled;
pub(crate) use sheet::{manner, room};

use std::time::Duration;

use super::action::{Action, Go, Show};
use super::keymap::Place;
use super::list::Move;
use super::message::{Message, Now, Outside, Request};
use super::state::{Panel, State};

/// How long a prefix stands alone before its continuations are shown.
const HINT_AFTER: Duration = Duration::from_millis(300);
/// How long input must pause before the preview follows the cursor.
const PREVIEW_AFTER: Duration = Duration::from_millis(60);
/// Within this time a second ^C quits.
const INTERRUPT_WITHIN: Duration = Duration::from_secs(1);

/// Text that follows this soon on a key whose prompt did not open was meant for the prompt.
const DEAF_FOR: Duration = Duration::from_millis(500);

/// Takes one message; answers with the work that it asks for.
pub(crate) fn update(state: &mut State, message: Message, now: Now) -> Vec<Request> {
    state.tell_time(now);
    let mut requests = match message {
        Message::Key(key) => {
            let requests = keys::press(state, &key, now);
            follow::heard(state);
            requests
        }
        Message::Pasted(text) => {
            panel::paste(state, &text);
            Vec::new()
        }
        Message::Wheel { .. } if state.panel.is_some() => Vec::new(),
        Message::Wheel { down } => {
            let requests = act(state, Action::Move(if down { Move::Down } else { Move::Up }), Some(3), now);
            follow::heard(state);
            requests
        }
        Message::Resized { columns, rows } => {
            (state.columns, state.rows) = (columns, rows);
            settle(state);
            Vec::new()
        }
        Message::Deadline => deadline(state, now),
        Message::Background(shade) => {
            state.shade = shade;
            state.dress();
            Vec::new()
        }
        Message::Outside(news) => outside(state, news),
        answer => answers::take(state, answer),
    };
    requests.extend(follow::tend(state));
    requests.extend(fresh::ask(state, now));
    requests.extend(lanes::follow(state, now));
    requests.extend(timeline::fetch(state, now));
    requests
}

/// Does what a key, the palette or help asks for; says why where it cannot be done.
pub(crate) fn act(state: &mut State, action: Action, count: Option<usize>, now: Now) -> Vec<Request> {
    if let Some(reason) = disabled(state, action, count) {
        state.warn(reason);
        if keys::opens_prompt(action) {
            state.deaf_until = Some(now + DEAF_FOR);
        }
        return Vec::new();
    }
    match action {
        Action::Go(Go::In) if state.missing().is_some() => retry(state),
        Action::Move(step) => step_in(state, step, count),
        Action::Go(wish) => go::go(state, wish, now),
        Action::Find(wish) => find::find(state, wish, count),
        Action::Show(wish @ (Show::Lane | Show::Tree | Show::Branch(_) | Show::Play | Show::Slower | Show::Faster)) => {
            lanes::show(state, wish, count, now);
            Vec::new()
        }
        Action::Show(wish) => show::show(state, wish, count),
        Action::Look(wish) => event::look(state, wish, count),
        Action::Keep(wish) => keep::keep(state, wish),
        // Decisions are the review's own business, which takes its keys itself.
        Action::Decide(_) => Vec::new(),
    }
}

/// Asks again for what could not be read.
fn retry(state: &mut State) -> Vec<Request> {
    let requests = state.unread.take().map(|unread| unread.requests).unwrap_or_default();
    if let Some(timeline) = &mut state.timeline {
        timeline.reading |= requests.iter().any(|request| matches!(request, Request::Rows { .. }));
    }
    requests
}

/// Moves the cursor of whatever has the keys.
fn step_in(state: &mut State, step: Move, count: Option<usize>) -> Vec<Request> {
    let height = state.height();
    let far = matches!(step, Move::Top | Move::Bottom | Move::Percent);
    if far {
        go::leave(state);
    }
    match state.place {
        Place::Sessions => {
            let length = state.sessions.lines.len();
            state.sessions.list.go(step, count, length, height);
        }
        Place::Timeline => timeline::step(state, step, count, height),
        Place::Event => return event::step(state, step, count, height),
    }
    Vec::new()
}

/// Brings all cursors into their lists after the screen or the lists have changed.
fn settle(state: &mut State) {
    let height = state.height();
    let sessions = &mut state.sessions;
    sessions.list.keep(sessions.lines.len(), height);
    if let Some(timeline) = &mut state.timeline {
        let length = timeline.len();
        timeline.list.keep(length, height);
    }
    payload::settle(state, height);
    sheet::settle(state);
}

fn deadline(state: &mut State, now: Now) -> Vec<Request> {
    if state.typed.hint_at.is_some_and(|due| due <= now) {
        state.typed.hint_at = None;
        state.typed.hint = true;
    }
    if let Some(preview) = state.timeline.as_mut().map(|timeline| &mut timeline.preview) {
        // What is due must not stay due, wherever the user is now: the loop would never sleep again.
        if preview.due.is_some_and(|due| due <= now) {
            (preview.due, preview.ready) = (None, true);
        }
    }
    // The preview is asked for by `timeline::fetch`, which runs after every message.
    Vec::new()
}

fn outside(state: &mut State, news: Outside) -> Vec<Request> {
    match news {
        Outside::Progress(words) => {
            state.import = Some(words);
            Vec::new()
        }
        Outside::Changed => {
            state.fresh.changed();
            Vec::new()
        }
        Outside::Open(id) => {
            let nowhere_yet = state.timeline.is_none() && state.place == Place::Sessions;
            if nowhere_yet { vec![Request::Session { id }] } else { Vec::new() }
        }
        Outside::Nothing(reasons) => {
            state.nothing = reasons;
            Vec::new()
        }
        Outside::Done(words) => {
            state.import = None;
            state.say(words);
            state.fresh.done();
            Vec::new()
        }
    }
}

/// Opens a panel; what was typed for the screen is forgotten.
fn open_panel(state: &mut State, panel: Panel) -> Vec<Request> {
    state.typed = Default::default();
    state.panel = Some(panel);
    Vec::new()
}
