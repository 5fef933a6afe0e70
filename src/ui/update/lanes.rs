//! How the rows of a timeline stand: nested by branch, beside bars, and in playback.

use super::joins;
use crate::timeline::Tree;
use crate::ui::action::{Fold, Show};
use crate::ui::keymap::Place;
use crate::ui::message::{Now, Request};
use crate::ui::state::{State, Timeline};

/// So many rows are nested at once; more are nested beside the loop.
const AT_ONCE: usize = 20_000;

pub(super) fn show(state: &mut State, wish: Show, count: Option<usize>, now: Now) {
    let height = state.height();
    let Some(timeline) = &mut state.timeline else { return };
    let words = match wish {
        Show::Lane => {
            timeline.lane = timeline.lane.next();
            let words = format!("bars: {}", timeline.lane.name());
            // The axis takes a line from the list, or gives it back.
            super::settle(state);
            Some(words)
        }
        Show::Tree => {
            let wanted = !timeline.branches.wanted;
            timeline.set_nested(wanted, height);
            Some(if wanted { "rows nested by branch; za folds" } else { "rows in the order of time" }.to_owned())
        }
        Show::Branch(fold) => said(timeline.fold(fold, height), fold).map(str::to_owned),
        _ => play(timeline, wish, count, now),
    };
    if let Some(words) = words {
        state.say(words);
    }
}

fn said(changed: bool, fold: Fold) -> Option<&'static str> {
    match fold {
        _ if changed => None,
        Fold::Toggle | Fold::Close | Fold::Open => Some("there is no branch here to open or close"),
        Fold::CloseAll | Fold::OpenAll | Fold::Level(_) => Some("all branches are like this already"),
    }
}

fn play(timeline: &mut Timeline, wish: Show, count: Option<usize>, now: Now) -> Option<String> {
    let times = count.unwrap_or(1).min(20) as i32;
    match (wish, &mut timeline.playback) {
        (Show::Play, None) => {
            timeline.start_playback(now);
            return Some("P pauses, ( ) speed, j k step, Esc ends".to_owned());
        }
        (Show::Play, Some(playback)) if playback.playing => playback.pause(),
        (Show::Play, Some(playback)) => playback.play(now),
        (Show::Slower, Some(playback)) => playback.change_speed(-times, now),
        (Show::Faster, Some(playback)) => playback.change_speed(times, now),
        _ => {}
    }
    None
}

/// Brings what is counted and nested up to date with the rows. Runs after every message; mostly there is nothing to do.
pub(super) fn follow(state: &mut State, now: Now) -> Option<Request> {
    let (height, width) = (state.height(), state.areas().and_then(|areas| areas.minimap));
    let timeline = state.timeline.as_mut()?;
    if state.place != Place::Timeline {
        if let Some(playback) = &mut timeline.playback {
            playback.pause();
        }
        return None;
    }
    let request = nest(state, height);
    let timeline = state.timeline.as_mut()?;
    timeline.follow_playback(now, height);
    if let Some(width) = width {
        timeline.refresh_minimap(usize::from(width.width));
    }
    request
}

/// Nests the rows once it is known what stands below what.
fn nest(state: &mut State, height: usize) -> Option<Request> {
    let timeline = state.timeline.as_mut()?;
    let missing = timeline.branches.wanted && timeline.complete && timeline.nested().is_none();
    if !missing || timeline.rows.is_empty() {
        return None;
    }
    let (session, rows) = (timeline.session.number, timeline.rows.clone());
    // They come with the joins.
    let Some(parents) = timeline.parents().cloned() else {
        return joins::ask(state);
    };
    if rows.len() > AT_ONCE {
        let shown = timeline.shown.clone();
        return timeline.ask_once().then_some(Request::Nest { session, rows, parents, shown });
    }
    let tree = Tree::of(&rows, &parents, timeline.shown.as_ref().map(|shown| shown.as_slice()));
    timeline.nest(tree, height);
    None
}
