//! Draws the lens and the findings over the timeline.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::overlay::{bottom, boxed, lines};
use crate::domain::{Key, safe};
use crate::report::Sharing;
use crate::timeline::Severity;
use crate::ui::layout::Areas;
use crate::ui::list::List;
use crate::ui::state::{LensLine, State};
use crate::ui::text::{fit, left};
use crate::ui::update::PANEL_LINES;
use crate::ui::words;

/// Panels that show much may take this much of the screen.
fn height(areas: &Areas, count: usize) -> usize {
    count.clamp(1, PANEL_LINES.max(usize::from(areas.list.height) * 2 / 3))
}

/// Every row that shares a key with one, key by key.
pub(super) fn lens(state: &State, list: List, areas: &Areas, buffer: &mut Buffer) {
    let theme = &state.theme;
    let Some(timeline) = &state.timeline else { return };
    let Some(lens) = &timeline.correlation.lens else { return };
    let known = lens.lines();
    let title = " Rows that share a key: Enter goes there, i shows one key alone, Esc closes ";
    let wide = usize::from(buffer.area.width);
    let area = bottom(areas, buffer, height(areas, known.len()), buffer.area.width);
    let inner = boxed(state, title, area, buffer);
    let shown: Vec<Line<'_>> = known
        .iter()
        .map(|line| match line {
            LensLine::Key(group) => {
                let text = format!("{}  {}", keys(group), words::counted(group.places.len(), "row"));
                Line::from(Span::styled(fit(&safe(&text), wide), theme.title))
            }
            LensLine::Row(group, row) => {
                let row = &group.rows[*row];
                let strength = row.strength.map_or("same key", |strength| strength.name());
                let strength = if row.lead == lens.of { "this row" } else { strength };
                let text = format!("{} {}", row.at.clock(), safe(&row.words));
                Line::from(vec![
                    Span::styled(left(&format!("  {}", row.row + 1), 8), theme.dim),
                    Span::styled(left(strength, 10), theme.footer_key),
                    Span::styled(fit(&text, wide.saturating_sub(20)), theme.text),
                ])
            }
            LensLine::More(group) => {
                Line::from(Span::styled(format!("  and {} more; i shows them all", group.more()), theme.dim))
            }
        })
        .collect();
    lines(state, &shown, Some(list.at.min(shown.len().saturating_sub(1))), inner, buffer);
}

/// The keys of a group, one after another; equal values are said once.
fn keys(group: &Sharing) -> String {
    let mut text = String::new();
    let all: Vec<&Key> = std::iter::once(&group.key).chain(&group.also).collect();
    for (place, key) in all.iter().enumerate() {
        let origin = key.rule.as_deref().map_or(String::new(), |rule| format!(" (derived by {rule})"));
        let again = all.get(place + 1).is_some_and(|next| next.value == key.value);
        let value = if again { String::new() } else { format!(" {}", key.value) };
        let and = if place == 0 { "" } else { ", " };
        text.push_str(&format!("{and}{}{origin}{value}", key.kind.name()));
    }
    text
}

/// What does not add up, in the order of the timeline.
pub(super) fn findings(state: &State, list: List, areas: &Areas, buffer: &mut Buffer) {
    let theme = &state.theme;
    let Some(timeline) = &state.timeline else { return };
    let found = &timeline.correlation.findings;
    let count = |severity| found.iter().filter(|finding| finding.severity == severity).count();
    let title = format!(
        " Findings: {}, {}, {} info; {}Esc closes ",
        words::counted(count(Severity::Error), "error"),
        words::counted(count(Severity::Warning), "warning"),
        count(Severity::Info),
        if found.is_empty() { "" } else { "Enter goes there, " }
    );
    let wide = usize::from(buffer.area.width);
    let area = bottom(areas, buffer, height(areas, found.len()), buffer.area.width);
    let inner = boxed(state, &title, area, buffer);
    if found.is_empty() {
        let words = if timeline.joined.is_some() { "everything adds up" } else { "still being worked out" };
        lines(state, &[Line::from(Span::styled(words, theme.dim))], None, inner, buffer);
        return;
    }
    let shown: Vec<Line<'_>> = found
        .iter()
        .map(|finding| {
            let row = timeline.rows.position(finding.event).map_or(String::new(), |row| (row + 1).to_string());
            let (mark, style): (&str, Style) = match finding.severity {
                Severity::Error => ("! error", theme.error),
                Severity::Warning => ("? warning", theme.warning),
                Severity::Info => ("  info", theme.dim),
            };
            Line::from(vec![
                Span::styled(left(&row, 7), theme.dim),
                Span::styled(left(mark, 10), style),
                Span::styled(left(finding.name, 18), theme.footer_key),
                Span::styled(fit(&safe(&finding.detail), wide.saturating_sub(37)), theme.text),
            ])
        })
        .collect();
    lines(state, &shown, Some(list.at.min(shown.len() - 1)), inner, buffer);
}
