//! One row in full: the tabs, and what the chosen one shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Pen;
use super::pen::under_cursor;
use crate::ui::facts::{self, Fact, NAME_WIDTH, Place, Tone, is_narrow};
use crate::ui::layout::Areas;
use crate::ui::state::{EventScreen, State, TABS, Tab};
use crate::ui::text::{left, width};

pub(super) fn draw(state: &mut State, areas: &Areas, buffer: &mut Buffer) {
    if let (Some(area), Some(event)) = (areas.titles, &state.event) {
        tabs(state, event, area, buffer);
    }
    let theme = state.theme.clone();
    let Some(event) = &mut state.event else { return };
    let tab = event.tab;
    if event.detail.is_none() {
        super::empty(state, "reading the row", areas.list, buffer);
        return;
    }
    if !tab.is_payload() {
        facts(state, areas.list, buffer);
        return;
    }
    let missing = if event.has(tab) { "reading" } else { "this row has none" };
    match event.pages.get_mut(&tab).and_then(|pages| Some((pages.scroll.top, pages.view.as_mut()?))) {
        None => super::empty(state, missing, areas.list, buffer),
        Some((top, view)) => {
            let lines = view.draw(top, areas.list.height, areas.list.width, &theme);
            for (row, line) in (0..areas.list.height).zip(&lines) {
                Pen::new(buffer, Rect { y: areas.list.y + row, height: 1, ..areas.list }).line(line);
            }
        }
    }
}

/// The tabs with their numbers; one without content stands in brackets. What has no room for its name keeps its number:
/// first the tabs without content, then all but the chosen one.
fn tabs(state: &State, event: &EventScreen, area: Rect, buffer: &mut Buffer) {
    let theme = &state.theme;
    // A row without actions has no such tab at all.
    let tabs = || TABS.into_iter().filter(|tab| *tab != Tab::Actions || event.has(*tab));
    let words = |tab: Tab, named: bool| {
        if tab == Tab::Actions {
            return "A Actions".to_owned();
        }
        let name = if named { format!("{} {}", tab.number(), tab.name()) } else { tab.number().to_string() };
        if event.has(tab) { name } else { format!("({name})") }
    };
    let naming: [&dyn Fn(Tab) -> bool; 2] = [&|_| true, &|tab| tab == event.tab || event.has(tab)];
    let fits = |named: &&&dyn Fn(Tab) -> bool| {
        let needed: usize = tabs().map(|tab| width(&words(tab, named(tab))) + 2).sum();
        needed <= usize::from(area.width)
    };
    let named = naming.iter().find(fits);
    let mut pen = Pen::new(buffer, area);
    let numbers: usize = tabs().map(|tab| width(&words(tab, tab == event.tab)) + 2).sum();
    if named.is_none() && numbers > usize::from(area.width) {
        few_tabs(state, event, &mut pen);
        return;
    }
    for tab in tabs() {
        let chosen = tab == event.tab;
        let style = match (chosen, event.has(tab)) {
            (true, _) => theme.badge,
            (false, true) => theme.breadcrumb,
            (false, false) => theme.dim,
        };
        let words = words(tab, named.map_or(chosen, |named| named(tab)));
        pen.write(&if chosen { format!("[{words}]") } else { format!(" {words} ") }, style);
    }
}

/// On a narrow screen: the chosen tab by name, and the numbers of those that have anything.
fn few_tabs(state: &State, event: &EventScreen, pen: &mut Pen<'_>) {
    let sign = |tab: Tab| if tab == Tab::Actions { "A".to_owned() } else { tab.number().to_string() };
    pen.write(&format!("[{} {}]", sign(event.tab), event.tab.name()), state.theme.badge);
    for tab in TABS.into_iter().filter(|tab| *tab != event.tab && event.has(*tab)) {
        let more = format!(" {}", sign(tab));
        // What has no room is at least seen to be there.
        if pen.left() < width(&more) + 1 {
            pen.write("…", state.theme.dim);
            return;
        }
        pen.write(&more, state.theme.breadcrumb);
    }
}

fn facts(state: &State, area: Rect, buffer: &mut Buffer) {
    let Some(event) = &state.event else { return };
    let lines = facts::lines(event, usize::from(state.columns));
    if lines.is_empty() {
        let words = match event.tab {
            Tab::Joins if event.links.is_none() => "looking for joins",
            Tab::Joins => "no other row shares an exact key with this one",
            _ => "this row reports none",
        };
        Pen::new(buffer, area).space(1).write(words, state.theme.dim);
        return;
    }
    let list = event.list(event.tab);
    let phrase = event.phrase.as_ref().filter(|_| event.lit);
    let places = phrase.map_or_else(Vec::new, |phrase| facts::places(&lines, phrase));
    for (row, index) in (0u16..).zip(list.window(lines.len(), usize::from(area.height))) {
        let mut pen = Pen::new(buffer, Rect { y: area.y + row, height: 1, ..area });
        let first = places.partition_point(|place| place.line < index);
        let hits = &places[first..places.partition_point(|place| place.line <= index)];
        fact(state, &mut pen, &lines[index], hits, index == list.at);
        if index == list.at {
            pen.tint(state.theme.cursor);
        }
    }
}

fn fact(state: &State, pen: &mut Pen<'_>, fact: &Fact, hits: &[Place], chosen: bool) {
    let theme = &state.theme;
    let hit = if chosen { under_cursor(theme, theme.hit, &[]) } else { theme.hit };
    let in_name = hits.iter().any(|place| place.range.is_none());
    let style = match fact.tone {
        Tone::Heading => {
            pen.space(1).write(&fact.name, if in_name { hit } else { theme.title });
            return;
        }
        Tone::Plain => theme.text,
        Tone::Faint => theme.dim,
        Tone::Bad => theme.error,
    };
    let name = crate::domain::safe(&fact.name);
    let named = if in_name { hit } else { theme.dim };
    if is_narrow(usize::from(state.columns)) {
        pen.space(if name.is_empty() { 2 } else { 1 }).write(&name, named);
    } else {
        pen.space(1).write(&left(&name, NAME_WIDTH), named).space(2);
    }
    let mut from = 0;
    for (start, end) in hits.iter().filter_map(|place| place.range) {
        // Places that go over the end of a line may overlap where two readings of it fit.
        let start = start.max(from);
        if start < end {
            pen.write(&fact.value[from..start], style).write(&fact.value[start..end], hit);
            from = end;
        }
    }
    pen.write(&fact.value[from..], style);
}
