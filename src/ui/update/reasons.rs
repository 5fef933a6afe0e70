//! Why an action cannot be done now; said in the status line instead of doing nothing.

use super::keys::needs_count;
use super::sheet;
use crate::ui::action::{Action, Find, Go, Keep, Look, Show};
use crate::ui::keymap::Place;
use crate::ui::layout::PREVIEW_FROM;
use crate::ui::state::{State, Tab};

/// The reason why an action cannot be done now; `None` where it can.
pub(crate) fn disabled(state: &State, action: Action, count: Option<usize>) -> Option<String> {
    let reason = match action {
        action if needs_count(action) && count.is_none() => "type a number first: 40%",
        Action::Move(_) => empty(state)?,
        Action::Go(wish) => return going(state, wish).map(str::to_owned),
        Action::Find(wish) => finding(state, wish)?,
        Action::Show(wish) => showing(state, wish)?,
        Action::Look(wish) => return looking(state, wish),
        Action::Keep(wish) => keeping(state, wish)?,
        Action::Decide(_) => "there is nothing to review; Tab in the prompt of an export looks for secrets",
    };
    Some(reason.to_owned())
}

/// What is said where the store could not be read.
const UNREAD: &str = "this could not be read; Enter or ^L tries again";

fn empty(state: &State) -> Option<&'static str> {
    if state.missing().is_some() {
        return Some(UNREAD);
    }
    match state.place {
        Place::Sessions if !state.sessions.loaded => Some("the sessions are still being read"),
        Place::Sessions if state.sessions.lines.is_empty() => Some("there are no sessions here"),
        Place::Timeline => no_rows(state),
        _ => None,
    }
}

fn is_heading(state: &State) -> bool {
    state.place == Place::Sessions && state.sessions.heading(state.sessions.list.at).is_some()
}

fn no_rows(state: &State) -> Option<&'static str> {
    match &state.timeline {
        None => Some("no session is open"),
        Some(timeline) if timeline.len() > 0 => None,
        Some(timeline) if timeline.filter.is_some() => Some("no row passes the filter"),
        Some(timeline) if !timeline.complete => Some("the rows are still being read"),
        Some(_) => Some("this session has no rows"),
    }
}

fn going(state: &State, wish: Go) -> Option<&'static str> {
    match wish {
        Go::In if state.missing().is_some() => None,
        Go::In | Go::Timeline if is_heading(state) => Some("this is a heading; its sessions stand below"),
        Go::In | Go::Event if state.place != Place::Event => empty(state),
        Go::LastPlace if !state.history.has_last() => Some("there is no place before this one"),
        Go::HistoryBack if !state.history.can_go_back() => Some("there is no place before this one"),
        Go::HistoryForward if !state.history.can_go_forward() => Some("there is no place after this one"),
        Go::Out if state.place == Place::Sessions => Some("this is the top; q quits"),
        Go::Timeline if state.place == Place::Sessions => empty(state),
        _ => None,
    }
}

fn finding(state: &State, wish: Find) -> Option<&'static str> {
    let searched = match state.place {
        Place::Sessions => state.sessions.search.is_some(),
        Place::Timeline => state.timeline.as_ref().is_some_and(|timeline| timeline.search.is_some()),
        Place::Event => state.event.as_ref().is_some_and(|event| event.phrase.is_some()),
    };
    match wish {
        Find::NextHit | Find::PriorHit if !searched => Some("nothing is being searched for; / starts"),
        Find::Search | Find::Filter => None,
        Find::FilterIn | Find::FilterOut if state.place == Place::Event => None,
        _ => empty(state),
    }
}

fn showing(state: &State, wish: Show) -> Option<&'static str> {
    match wish {
        Show::Preview | Show::PreviewDown | Show::PreviewUp | Show::Pane | Show::Zoom
            if state.columns < PREVIEW_FROM =>
        {
            Some("the preview needs 100 columns")
        }
        Show::PreviewDown | Show::PreviewUp | Show::Pane | Show::Zoom => {
            let on = state.timeline.as_ref().is_some_and(|timeline| timeline.preview.on);
            (!on).then_some("the preview is off; p turns it on")
        }
        Show::AllKinds => {
            let hidden = state.timeline.as_ref().is_some_and(|timeline| !timeline.hidden.is_empty());
            (!hidden).then_some("no kind is hidden")
        }
        Show::Branch(_) => {
            let nested = state.timeline.as_ref().is_some_and(|timeline| timeline.nested().is_some());
            (!nested).then_some("the rows stand flat; T nests them by branch")
        }
        Show::Play => {
            let can = state.timeline.as_ref().is_some_and(|timeline| timeline.can_play());
            (!can).then_some("there are no times to play")
        }
        Show::Slower | Show::Faster => {
            let plays = state.timeline.as_ref().is_some_and(|timeline| timeline.playback.is_some());
            (!plays).then_some("nothing is played; P plays")
        }
        Show::Wrap => no_payload(state),
        Show::Usage | Show::Actions | Show::Diff => sheet::missing(state, wish),
        _ => None,
    }
}

fn looking(state: &State, wish: Look) -> Option<String> {
    let event = state.event.as_ref()?;
    match wish {
        Look::Tab(number) => {
            let tab = Tab::of(number)?;
            (!event.has(tab)).then(|| format!("this row has no {}", tab.name().to_lowercase()))
        }
        Look::Left | Look::Right if event.options.wrap => Some("long lines are wrapped; w cuts them".to_owned()),
        Look::Left | Look::Right | Look::Fold(_) | Look::Raw | Look::Hex | Look::Colours => {
            no_payload(state).map(str::to_owned)
        }
        _ => None,
    }
}

fn no_payload(state: &State) -> Option<&'static str> {
    let event = state.event.as_ref()?;
    match (event.tab.is_payload(), event.payload().is_some()) {
        (false, _) => Some("this tab shows no payload"),
        (true, false) if state.missing().is_some() => Some(UNREAD),
        (true, false) if event.detail.is_some() && !event.has(event.tab) => Some("this row has none"),
        (true, false) => Some("the payload is still being read"),
        (true, true) => None,
    }
}

fn keeping(state: &State, wish: Keep) -> Option<&'static str> {
    match wish {
        Keep::UnmarkAll if !any_marks(state) => Some("nothing is marked; m marks a row"),
        Keep::Marks | Keep::UnmarkAll => None,
        _ => empty(state),
    }
}

fn any_marks(state: &State) -> bool {
    state.timeline.as_ref().is_some_and(|timeline| !timeline.marks.is_empty())
}
