//! The payloads in the tabs of an event: loading, moving, folding, searching, paging.

use super::{jobs, lines};
use crate::ui::action::Fold;
use crate::ui::list::Move;
use crate::ui::message::{Manner, Request, Window};
use crate::ui::payload::{Mode, View};
use crate::ui::phrase::Phrase;
use crate::ui::scroll::Room;
use crate::ui::state::{Aim, EventScreen, Pages, State, Tab, WINDOW};

/// The room that payloads have on the screen.
fn room(state: &State) -> Room {
    let width = state.areas().map_or(1, |areas| areas.list.width).max(1);
    Room { width, height: state.height() }
}

/// The payloads of the tab, with the room for them.
fn open(state: &mut State) -> Option<(&mut Pages, Room)> {
    let room = room(state);
    let event = state.event.as_mut()?;
    Some((event.pages.get_mut(&event.tab)?, room))
}

/// Asks for what the tab shows, where that is not under way or here yet.
pub(super) fn load(state: &mut State) -> Vec<Request> {
    let width = room(state).width;
    let Some(event) = &mut state.event else { return Vec::new() };
    let tab = event.tab;
    if event.detail.is_none() || event.pages.contains_key(&tab) {
        return Vec::new();
    }
    let windows = event.first_windows(tab);
    if windows.is_empty() {
        return Vec::new();
    }
    ask(event, windows, Aim::Start, width)
}

/// Asks again for tabs whose parts have changed, and keeps the places in them.
pub(super) fn reload(state: &mut State) -> Vec<Request> {
    let width = room(state).width;
    let Some(event) = &mut state.event else { return Vec::new() };
    let tab = event.tab;
    let windows = event.first_windows(tab);
    let stale = |tab: &Tab| *tab != event.tab && matches!(tab, Tab::System | Tab::Context | Tab::Tools | Tab::Actions);
    let others: Vec<Tab> = event.pages.keys().copied().filter(stale).collect();
    others.iter().for_each(|tab| drop(event.pages.remove(tab)));
    let known = event.pages.get(&tab);
    let unchanged = known.is_some_and(|pages| pages.paged().is_some() || pages.windows == windows);
    if event.detail.is_none() || windows.is_empty() || unchanged {
        return Vec::new();
    }
    let aim = if known.is_some_and(|pages| pages.view.is_some()) { Aim::Stay } else { Aim::Start };
    ask(event, windows, aim, width)
}

fn ask(event: &mut EventScreen, windows: Vec<Window>, aim: Aim, width: u16) -> Vec<Request> {
    let tab = event.tab;
    let manner = Manner { mode: event.mode, options: event.options, width };
    let pages = event.pages.entry(tab).or_default();
    pages.windows.clone_from(&windows);
    pages.aim = aim;
    vec![Request::Payload { key: event.key, tab, windows, manner }]
}

/// Takes a prepared payload; one that was overtaken by a later request is dropped.
pub(super) fn take(state: &mut State, key: i64, tab: Tab, windows: &[Window], mut view: Box<View>) -> Vec<Request> {
    let room = room(state);
    let Some(event) = state.event.as_mut().filter(|event| event.key == key) else { return Vec::new() };
    let (mode, options, lit) = (event.mode, event.options, event.lit);
    let phrase = event.phrase.clone();
    let jump = event.tab == tab && std::mem::take(&mut event.jump);
    let Some(pages) = event.pages.get_mut(&tab).filter(|pages| pages.windows == windows) else { return Vec::new() };
    if view.mode() != mode {
        return Vec::new();
    }
    view.set_options(options);
    view.set_aside(pages.aside);
    let rows = view.rows(room.width);
    let row = match pages.aim {
        Aim::Start | Aim::Hit => Some(0),
        Aim::Middle => Some(rows / 2),
        Aim::End => Some(rows.saturating_sub(1)),
        Aim::Stay => None,
    };
    match row {
        Some(row) => {
            let line = view.line_of(row);
            pages.scroll.jump(&mut view, line, room);
        }
        None => pages.scroll.keep(&mut view, room),
    }
    if let Some(phrase) = phrase {
        look(pages, &view, phrase);
        if pages.aim == Aim::Hit && !pages.hits.is_empty() {
            show_hit(pages, &mut view, 0, room);
        }
    }
    pages.aim = Aim::Stay;
    pages.view = Some(view);
    light(pages, lit);
    if jump { first_hit(state) } else { Vec::new() }
}

/// Finds all hits in what is loaded.
fn look(pages: &mut Pages, view: &View, phrase: Phrase) {
    pages.hits = view.find(phrase.expression());
    pages.current = None;
    if pages.sought.as_ref() != Some(&phrase) {
        pages.everywhere = None;
    }
    pages.sought = Some(phrase);
}

/// Finds the hits of a tab that was loaded before its phrase was typed.
pub(super) fn look_again(state: &mut State) {
    let Some(event) = &mut state.event else { return };
    let (phrase, lit) = (event.phrase.clone(), event.lit);
    let Some(pages) = event.pages.get_mut(&event.tab).filter(|pages| pages.sought != phrase) else { return };
    if let (Some(phrase), Some(view)) = (phrase, pages.view.take()) {
        look(pages, &view, phrase);
        pages.view = Some(view);
        light(pages, lit);
    }
}

/// Tells the view which hits to highlight, and where the cursor is.
fn light(pages: &mut Pages, lit: bool) {
    let Some(view) = &mut pages.view else { return };
    view.set_cursor(Some(pages.scroll.line));
    if lit {
        view.set_hits(pages.hits.clone(), pages.current);
    } else {
        view.set_hits(Vec::new(), None);
    }
}

pub(super) fn step(state: &mut State, step: Move, count: Option<usize>) -> Vec<Request> {
    let Some((pages, room)) = open(state) else { return Vec::new() };
    let paged = pages.paged().cloned();
    let Some(view) = &mut pages.view else { return Vec::new() };
    if let Some(aim) = paged.as_ref().and_then(|window| far(window, step, count)) {
        return page_to(state, aim.0, aim.1);
    }
    let moved = pages.scroll.go(view, step, count, room);
    view.set_cursor(Some(pages.scroll.line));
    match paged.filter(|_| !moved) {
        Some(window) => beyond(state, &window, step),
        None => Vec::new(),
    }
}

/// Moves that lead to another window of a long body at once: where it begins, and where the cursor goes.
fn far(window: &Window, step: Move, count: Option<usize>) -> Option<(i64, Aim)> {
    let last = (window.body.size - WINDOW).max(0);
    match step {
        Move::Top if count.is_none() => Some((0, Aim::Start)),
        Move::Bottom if count.is_none() => Some((last, Aim::End)),
        Move::Percent => {
            let percent = count.unwrap_or(0).min(100) as i64;
            Some((window.body.size / 100 * percent, Aim::Start))
        }
        _ => None,
    }
}

/// The next window of a long body, or the one before, once the cursor stands at the end of this one.
fn beyond(state: &mut State, window: &Window, step: Move) -> Vec<Request> {
    let half = WINDOW / 2;
    let end = window.from + window.length;
    match step {
        Move::Down | Move::HalfDown | Move::PageDown if end < window.body.size => {
            page_to(state, window.from + half, Aim::Middle)
        }
        Move::Up | Move::HalfUp | Move::PageUp if window.from > 0 => page_to(state, window.from - half, Aim::Middle),
        _ => Vec::new(),
    }
}

/// Asks for the window of a long body that begins at an offset. Windows begin at whole lines of the hex view.
fn page_to(state: &mut State, from: i64, aim: Aim) -> Vec<Request> {
    let width = room(state).width;
    let Some(event) = &mut state.event else { return Vec::new() };
    let Some(pages) = event.pages.get(&event.tab) else { return Vec::new() };
    let Some(mut window) = pages.paged().cloned() else { return Vec::new() };
    let from = from.clamp(0, (window.body.size - 1).max(0)) & !15;
    let length = WINDOW.min(window.body.size - from);
    if (from, length) == (window.from, window.length) {
        return Vec::new();
    }
    (window.from, window.length) = (from, length);
    ask(event, vec![window], aim, width)
}

pub(super) fn fold(state: &mut State, wish: Fold) -> Vec<Request> {
    let Some((pages, room)) = open(state) else { return Vec::new() };
    let Some(view) = &mut pages.view else { return Vec::new() };
    let line = pages.scroll.line;
    pages.scroll.line = match wish {
        Fold::Toggle => view.toggle(line),
        Fold::Close => view.fold(line),
        Fold::Open => view.unfold(line),
        Fold::CloseAll => {
            view.fold_all();
            line
        }
        Fold::OpenAll => {
            view.unfold_all();
            line
        }
        Fold::Level(level) => {
            view.fold_level(usize::from(level));
            line
        }
    };
    pages.scroll.keep(view, room);
    view.set_cursor(Some(pages.scroll.line));
    Vec::new()
}

/// Closes the fold at the cursor; `false` where there is none to close.
pub(super) fn collapse(state: &mut State) -> bool {
    let Some((pages, room)) = open(state) else { return false };
    let Some(view) = &mut pages.view else { return false };
    let line = pages.scroll.line;
    // On an open value it closes; on a closed one, or a plain one, the value around closes, unless there is none.
    if view.is_folded(line) && view.parent(line).is_none() {
        return false;
    }
    let before = view.rows(room.width);
    pages.scroll.line = view.fold(line);
    let changed = view.rows(room.width) != before || pages.scroll.line != line;
    pages.scroll.keep(view, room);
    view.set_cursor(Some(pages.scroll.line));
    changed
}

/// Switches a mode on, or back to pretty.
pub(super) fn mode(state: &mut State, wish: Mode) -> Vec<Request> {
    let width = room(state).width;
    let Some(event) = &mut state.event else { return Vec::new() };
    event.mode = if event.mode == wish { Mode::Pretty } else { wish };
    let (tab, shown) = (event.tab, event.mode);
    // Other tabs are prepared again when they are turned to.
    event.pages.retain(|other, _| *other == tab);
    let windows = event.pages.get(&tab).map(|pages| pages.windows.clone()).unwrap_or_default();
    let requests = ask(event, windows, Aim::Start, width);
    state.say(match shown {
        Mode::Pretty => "pretty",
        Mode::Raw => "raw: as it was written",
        Mode::Hex => "hex",
    });
    requests
}

pub(super) fn colours(state: &mut State) -> Vec<Request> {
    let on = option(state, |options| {
        options.colours = !options.colours;
        options.colours
    });
    state.say(if on { "colour codes are interpreted" } else { "colour codes are shown" });
    Vec::new()
}

/// How far lines move sideways at a time.
const ASIDE: usize = 20;

/// Scrolls sideways, where long lines are cut.
pub(super) fn aside(state: &mut State, right: bool, times: usize) -> Vec<Request> {
    let Some((pages, _)) = open(state) else { return Vec::new() };
    let by = ASIDE.saturating_mul(times);
    pages.aside = if right { pages.aside.saturating_add(by) } else { pages.aside.saturating_sub(by) };
    if let Some(view) = &mut pages.view {
        view.set_aside(pages.aside);
    }
    Vec::new()
}

pub(super) fn wrap(state: &mut State) {
    let on = option(state, |options| {
        options.wrap = !options.wrap;
        options.wrap
    });
    state.say(if on { "long lines are wrapped" } else { "long lines are cut" });
}

fn option(state: &mut State, change: impl Fn(&mut crate::ui::payload::Options) -> bool) -> bool {
    let Some(event) = &mut state.event else { return false };
    let on = change(&mut event.options);
    for view in event.pages.values_mut().filter_map(|pages| pages.view.as_mut()) {
        view.set_options(event.options);
    }
    let height = state.height();
    settle(state, height);
    on
}

/// Brings the cursor into the window after the screen has changed.
pub(super) fn settle(state: &mut State, height: usize) {
    let Some((pages, room)) = open(state) else { return };
    if let Some(view) = &mut pages.view {
        pages.scroll.keep(view, Room { height, ..room });
    }
}

/// Searches what the tab shows from the cursor on; what is still being read is searched once it is here.
pub(super) fn search(state: &mut State, phrase: Phrase) -> Vec<Request> {
    let mut requests = jobs::cancel_seeks(state);
    let Some(event) = &mut state.event else { return requests };
    (event.phrase, event.lit, event.jump) = (Some(phrase), true, true);
    if !event.tab.is_payload() {
        lines::search(state);
    } else if event.payload().is_some() {
        event.jump = false;
        look_again(state);
        requests.extend(first_hit(state));
    } else if event.lacks(event.tab) {
        event.jump = false;
        not_found(state);
    }
    requests
}

/// Goes to the first hit from the cursor on; counts those of a long body.
fn first_hit(state: &mut State) -> Vec<Request> {
    let mut requests = count(state);
    let Some((pages, room)) = open(state) else { return requests };
    let Some(mut view) = pages.view.take() else { return requests };
    let at = pages.scroll.line;
    let next = pages.hits.partition_point(|hit| hit.line < at);
    let count = pages.hits.len();
    if count > 0 {
        show_hit(pages, &mut view, next % count, room);
    }
    pages.view = Some(view);
    light(pages, true);
    if count == 0 {
        requests.extend(seek(state, true));
    }
    requests
}

/// Has the hits in the whole of a long body counted.
fn count(state: &mut State) -> Vec<Request> {
    let Some(event) = &mut state.event else { return Vec::new() };
    let Some(phrase) = &event.phrase else { return Vec::new() };
    let pages = event.pages.get(&event.tab).filter(|pages| pages.everywhere.is_none());
    let Some(window) = pages.and_then(Pages::paged) else { return Vec::new() };
    let (body, key, tab, phrase) = (window.body.clone(), event.key, event.tab, phrase.text.clone());
    let job = state.jobs.start(format!("counting {phrase}"));
    event.jobs.push(job);
    vec![Request::Count { job, key, tab, body, phrase }]
}

/// Takes the number of all hits in a long body.
pub(super) fn counted(state: &mut State, key: i64, tab: Tab, phrase: &str, count: u64) {
    let Some(event) = state.event.as_mut().filter(|event| event.key == key) else { return };
    let Some(pages) = event.pages.get_mut(&tab) else { return };
    if pages.sought.as_ref().is_some_and(|sought| sought.text == phrase) {
        pages.everywhere = Some(count);
    }
}

pub(super) fn not_found(state: &mut State) {
    let event = state.event.as_ref();
    let phrase = event.and_then(|event| event.phrase.as_ref()).map(|phrase| phrase.text.clone());
    let windows = event.and_then(|event| event.pages.get(&event.tab)).map_or(&[][..], |pages| &pages.windows);
    let is_cut = windows.iter().any(|window| window.length < window.body.size);
    let place = if is_cut { " in the parts that are shown" } else { "" };
    state.warn(format!("not found{place}: {}", phrase.unwrap_or_default()));
}

fn show_hit(pages: &mut Pages, view: &mut View, index: usize, room: Room) {
    let line = pages.hits[index].line;
    pages.current = Some(index);
    view.reveal(line);
    pages.scroll.jump(view, line, room);
}

/// The next hit or the one before: in the window, in the rest of a long body, or round the ends.
pub(super) fn hit(state: &mut State, forward: bool, times: usize) -> Vec<Request> {
    let Some(event) = &mut state.event else { return Vec::new() };
    if !event.tab.is_payload() {
        return lines::hit(state, forward, times);
    }
    event.lit = true;
    look_again(state);
    let Some((pages, room)) = open(state) else {
        not_found(state);
        return Vec::new();
    };
    let Some(mut view) = pages.view.take() else { return Vec::new() };
    let count = pages.hits.len();
    let line = pages.scroll.line;
    // Once the cursor has left the hit it stood on, the next one is that behind the cursor.
    let current = pages.current.filter(|current| pages.hits.get(*current).is_some_and(|hit| hit.line == line));
    let behind = pages.hits.partition_point(|hit| hit.line < line);
    let times = if count > 0 { times % count } else { times };
    let next = match (current, forward) {
        (Some(current), true) => current + times,
        (Some(current), false) => current + count - times.min(current + count),
        (None, true) => behind + times.saturating_sub(1),
        (None, false) => behind + count - times.min(behind + count),
    };
    let at_end = match (current, forward) {
        (Some(current), true) => current + times >= count,
        (Some(current), false) => current < times,
        (None, true) => behind >= count,
        (None, false) => behind == 0,
    };
    let leaves = at_end && pages.paged().is_some();
    if count > 0 && !leaves {
        show_hit(pages, &mut view, next % count, room);
    }
    pages.view = Some(view);
    light(pages, true);
    if leaves || count == 0 { seek(state, forward) } else { Vec::new() }
}

/// Looks for the phrase in the part of a long body that is not loaded.
fn seek(state: &mut State, forward: bool) -> Vec<Request> {
    let Some(event) = &mut state.event else { return Vec::new() };
    let Some(phrase) = event.phrase.as_ref().map(|phrase| phrase.text.clone()) else { return Vec::new() };
    let Some(window) = event.pages.get(&event.tab).and_then(Pages::paged) else {
        not_found(state);
        return Vec::new();
    };
    let from = if forward { window.from + window.length } else { window.from };
    let (body, key, tab) = (window.body.clone(), event.key, event.tab);
    let job = state.jobs.start(format!("searching {phrase}"));
    event.jobs.push(job);
    vec![Request::Seek { job, key, tab, body, phrase, from, forward }]
}

/// Goes to where a phrase was found in a long body.
pub(super) fn sought(state: &mut State, key: i64, tab: Tab, at: Option<i64>) -> Vec<Request> {
    let here = state.event.as_ref().is_some_and(|event| event.key == key && event.tab == tab);
    match at.filter(|_| here) {
        // The window begins at the hit, so that the first hit in it is this one.
        Some(at) => page_to(state, at, Aim::Hit),
        None => {
            state.warn("not found in the rest of this body");
            Vec::new()
        }
    }
}

/// Takes the highlight of a search away; `n` still knows it.
pub(super) fn unlight(state: &mut State) -> bool {
    let Some(event) = &mut state.event else { return false };
    let lit = std::mem::replace(&mut event.lit, false);
    for pages in event.pages.values_mut() {
        light(pages, false);
    }
    lit
}

/// The body that is copied wholly: one that is shown in parts, where the line under the cursor is not all there.
pub(super) fn whole_body(event: &EventScreen) -> Option<crate::domain::Body> {
    let pages = event.payload()?;
    let (window, view) = (pages.paged()?, pages.view.as_ref()?);
    let line = pages.scroll.line;
    // The first line says how long the body is; that behind it and the last one may go on outside the part.
    let cut = line == 0 || (line == 1 && window.from > 0) || line + 1 >= view.lines();
    cut.then(|| window.body.clone())
}

/// The value under the cursor.
pub(super) fn value(event: &EventScreen) -> Option<Vec<u8>> {
    let pages = event.payload()?;
    Some(pages.view.as_ref()?.value(pages.scroll.line))
}
