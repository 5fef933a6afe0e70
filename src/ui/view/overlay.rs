//! What lies over the screen: help, the palette, the marks, and the keys that may follow a prefix.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::{Pen, lens, prompt, sheet};
use crate::ui::keymap::{Scope, compact, keys};
use crate::ui::layout::Areas;
use crate::ui::list::List;
use crate::ui::state::{Panel, State};
use crate::ui::text::{fit, left, width};
use crate::ui::update::{PANEL_LINES, choices, marked};
use crate::ui::words::{counted, moment};

/// Draws what is open, if anything.
pub(super) fn draw(state: &State, areas: &Areas, buffer: &mut Buffer) {
    match &state.panel {
        Some(Panel::Help { query, list, over }) => {
            let scope = over.as_ref().map_or(Scope::At(state.place), |_| Scope::Review);
            help(state, scope, &query.text, *list, buffer);
        }
        Some(Panel::Palette { input, list }) => palette(state, &input.text, *list, areas, buffer),
        Some(Panel::Found { list }) => found(state, *list, areas, buffer),
        Some(Panel::Marks { list }) => marks(state, *list, areas, buffer),
        Some(Panel::Lens { list }) => lens::lens(state, *list, areas, buffer),
        Some(Panel::Findings { list }) => lens::findings(state, *list, areas, buffer),
        Some(Panel::Sheet(open)) => sheet::draw(state, open, areas, buffer),
        Some(Panel::Prompt { .. } | Panel::ConfirmUnmark) | None => {}
    }
    if state.typed.hint && state.panel.is_none() {
        which_key(state, areas, buffer);
    }
    // On a screen without a last line the prompt takes the end of the list.
    if areas.hints.is_none() && state.panel.is_some() {
        let bottom = areas.status.unwrap_or(Rect { y: areas.list.bottom() - 1, height: 1, ..areas.list });
        Clear.render(bottom.intersection(buffer.area), buffer);
        prompt::line(state, bottom, buffer);
    }
}

/// A box with a title in the given area; returns the inside.
pub(super) fn boxed(state: &State, title: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let area = area.intersection(buffer.area);
    Clear.render(area, buffer);
    let mut block =
        Block::bordered().border_style(state.theme.border).title(Span::styled(title.to_owned(), state.theme.title));
    if state.ascii {
        block = block.border_set(ASCII);
    }
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

const ASCII: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The area above the last lines, at the bottom of the screen.
pub(super) fn bottom(areas: &Areas, buffer: &Buffer, lines: usize, columns: u16) -> Rect {
    let whole = buffer.area;
    let below = areas.status.map_or(whole.bottom(), |status| status.y);
    let height = (lines as u16 + 2).min(below);
    let width = columns.min(whole.width);
    Rect { x: whole.right() - width, y: below - height, width, height }
}

/// Lines of which one is chosen, scrolled so that it is in sight.
pub(super) fn lines(state: &State, lines: &[Line<'_>], chosen: Option<usize>, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height);
    let at = chosen.unwrap_or(0);
    let top = (at + 1).saturating_sub(height.max(1));
    for (row, (index, line)) in (0..area.height).zip(lines.iter().enumerate().skip(top)) {
        let mut pen = Pen::new(buffer, Rect { y: area.y + row, height: 1, ..area });
        pen.line(line);
        if Some(index) == chosen {
            pen.tint(state.theme.cursor);
        }
    }
}

fn pair(keys: String, words: String, wide: usize, key_style: Style, style: Style) -> Line<'static> {
    Line::from(vec![Span::styled(left(&keys, wide), key_style), Span::styled(format!(" {words}"), style)])
}

fn help(state: &State, scope: Scope, query: &str, list: List, buffer: &mut Buffer) {
    let theme = &state.theme;
    let whole = buffer.area;
    let below = if whole.height >= 4 { 1 } else { 0 };
    let area = Rect { height: whole.height - below, width: whole.width.min(76), ..whole };
    let area = Rect { x: (whole.width - area.width) / 2, ..area };
    let title = format!(" Help for {}: type to search, Enter does it, Esc closes ", scope.name());
    let inner = boxed(state, &title, area, buffer);
    let rows = state.keys.help_rows(scope, query);
    let mut shown = Vec::new();
    let mut chosen = None;
    for (index, row) in rows.iter().enumerate() {
        if row.opens {
            shown.push(Line::from(Span::styled(row.binding.group.name(), theme.title)));
        }
        if index == list.at {
            chosen = Some(shown.len());
        }
        shown.push(pair(
            format!("  {}", keys(row.binding)),
            row.binding.help.to_owned(),
            18,
            theme.footer_key,
            theme.text,
        ));
    }
    if rows.is_empty() {
        shown.push(Line::from(Span::styled("nothing here is called that", theme.dim)));
    }
    lines(state, &shown, chosen, inner, buffer);
}

fn palette(state: &State, typed: &str, list: List, areas: &Areas, buffer: &mut Buffer) {
    let theme = &state.theme;
    let found = choices(state, typed);
    let area = bottom(areas, buffer, PANEL_LINES, buffer.area.width);
    let inner = boxed(state, " Commands: Tab completes, Enter does it, Esc closes ", area, buffer);
    let shown: Vec<Line> = found
        .iter()
        .map(|choice| {
            let style = if choice.disabled { theme.dim } else { theme.text };
            let words = if choice.disabled { format!("({})", choice.words) } else { choice.words.clone() };
            pair(choice.keys.clone(), words, 10, theme.footer_key, style)
        })
        .collect();
    let chosen = (!shown.is_empty()).then_some(list.at);
    lines(state, &shown, chosen, inner, buffer);
}

fn marks(state: &State, list: List, areas: &Areas, buffer: &mut Buffer) {
    let theme = &state.theme;
    let Some(timeline) = &state.timeline else { return };
    let found = marked(state);
    let area = bottom(areas, buffer, PANEL_LINES, buffer.area.width);
    let inner = boxed(state, " Marks and notes ", area, buffer);
    let shown: Vec<Line> = found
        .iter()
        .map(|(event, row)| {
            let mark = timeline.marks.get(event);
            let sign = if mark.is_some_and(|mark| mark.marked) { "*" } else { " " };
            let note = mark.and_then(|mark| mark.note.as_deref()).unwrap_or_default();
            let label =
                timeline.turns.get(*event).map_or_else(String::new, |turn| format!("{} {}", turn.who, turn.label));
            let words =
                if note.is_empty() { fit(&label, 200) } else { format!("\"{}\"  {}", fit(note, 100), fit(&label, 80)) };
            pair(format!("{sign} {}", row + 1), words, 9, theme.mark, theme.text)
        })
        .collect();
    if shown.is_empty() {
        let words = Line::from(Span::styled("nothing is marked; m marks a row, M writes a note", theme.dim));
        lines(state, &[words], None, inner, buffer);
        return;
    }
    lines(state, &shown, Some(list.at.min(shown.len() - 1)), inner, buffer);
}

/// What was found in all sessions: session, time, where, and the text around it.
fn found(state: &State, list: List, areas: &Areas, buffer: &mut Buffer) {
    let theme = &state.theme;
    let Some(found) = &state.found else { return };
    let area = bottom(areas, buffer, PANEL_LINES, buffer.area.width);
    let more = if found.job.is_some() { "+" } else { "" };
    let listed =
        if found.total > found.hits.len() { format!(", the first {} listed", found.hits.len()) } else { String::new() };
    let title = format!(" {}: {}{more}{listed} ", fit(&found.text, 30), counted(found.total, "hit"));
    let inner = boxed(state, &title, area, buffer);
    let name = if inner.width < 100 { 18 } else { 30 };
    let shown: Vec<Line> = found
        .hits
        .iter()
        .map(|hit| {
            let time: String = moment(hit.at).chars().take(16).collect();
            let words = format!("{time} {:8} {}", hit.role, fit(&hit.snippet, 200));
            pair(fit(hit.session.name(), name), words, name, theme.link, theme.text)
        })
        .collect();
    if shown.is_empty() {
        let words = if found.job.is_some() { "searching" } else { "found nowhere" };
        lines(state, &[Line::from(Span::styled(words, theme.dim))], None, inner, buffer);
        return;
    }
    lines(state, &shown, Some(list.at.min(shown.len() - 1)), inner, buffer);
}

/// What may follow the keys typed so far.
fn which_key(state: &State, areas: &Areas, buffer: &mut Buffer) {
    let theme = &state.theme;
    let shown: Vec<Line> = state
        .keys
        .continuations(state.place, &state.typed.keys)
        .into_iter()
        .map(|(rest, binding)| pair(compact(rest), binding.help.to_owned(), 5, theme.footer_key, theme.text))
        .collect();
    let wide = shown.iter().map(|line| line.spans.iter().map(|span| width(&span.content)).sum::<usize>()).max();
    let area = bottom(areas, buffer, shown.len(), wide.unwrap_or(0).saturating_add(4).min(500) as u16);
    let inner = boxed(state, &format!(" {} ", compact(&state.typed.keys)), area, buffer);
    lines(state, &shown, None, inner, buffer);
}
