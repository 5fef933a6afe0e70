//! Draws the lens and the findings over the timeline.

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::overlay::{bottom, boxed, lines};
use crate::domain::{Key, safe};
use crate::report::{Reason, Sharing, SharingRow};
use crate::timeline::{Severity, Strength};
use crate::ui::layout::Areas;
use crate::ui::list::List;
use crate::ui::state::{Lens, LensLine, State};
use crate::ui::text::{fit, left};
use crate::ui::update::PANEL_LINES;
use crate::ui::words;

/// Panels that show much may take this much of the screen.
fn height(areas: &Areas, count: usize) -> usize {
    count.clamp(1, PANEL_LINES.max(usize::from(areas.list.height) * 2 / 3))
}

/// Every row that belongs together with one, by keys and by joins.
pub(super) fn lens(state: &State, list: List, areas: &Areas, buffer: &mut Buffer) {
    let theme = &state.theme;
    let Some(timeline) = &state.timeline else { return };
    let Some(lens) = &timeline.correlation.lens else { return };
    let known = lens.lines();
    let title = " Rows that belong together: Enter goes there, i shows these alone, Esc closes ";
    let wide = usize::from(buffer.area.width);
    let area = bottom(areas, buffer, height(areas, known.len()), buffer.area.width);
    let inner = boxed(state, title, area, buffer);
    let shown: Vec<Line<'_>> = known
        .iter()
        .map(|line| match line {
            LensLine::Reason(group) => {
                let text = format!("{}  {}", reason(group), words::counted(group.rows.len() + group.more, "row"));
                Line::from(Span::styled(fit(&safe(&text), wide), theme.title))
            }
            LensLine::Row(group, row) => member(state, lens, group, &group.rows[*row], wide),
            LensLine::More(group) => {
                Line::from(Span::styled(format!("  and {} more; i shows them all", group.more), theme.dim))
            }
            LensLine::Waiting => Line::from(Span::styled(waiting(state, "c"), theme.warning)),
        })
        .collect();
    lines(state, &shown, Some(list.at.min(shown.len().saturating_sub(1))), inner, buffer);
}

fn member<'a>(state: &State, lens: &Lens, group: &Sharing, row: &SharingRow, wide: usize) -> Line<'a> {
    let theme = &state.theme;
    let joined = row.strength.map_or("same key", Strength::name);
    let (sign, how) = match &group.reason {
        _ if row.lead == lens.of => ("", "this row"),
        Reason::Keys(..) => ("", joined),
        Reason::Rule(_, strength) if *strength == Strength::Near => ("~", "near"),
        Reason::Rule(_, strength) => ("", strength.name()),
        Reason::Candidates(_) | Reason::CandidateOf(_) => ("?", "ambiguous"),
        Reason::Branch => ("", "branch"),
    };
    let text = format!("{} {}", row.at.clock(), safe(&row.words));
    let place = row.row.map_or_else(|| "other".to_owned(), |row| (row + 1).to_string());
    // What is not certain is dimmed, as everywhere.
    let style = if sign.is_empty() { theme.text } else { theme.dim };
    Line::from(vec![
        Span::styled(left(&format!("  {place}"), 8), theme.dim),
        Span::styled(left(&format!("{sign}{how}"), 11), theme.footer_key),
        Span::styled(fit(&text, wide.saturating_sub(21)), style),
    ])
}

/// What can be said of joins that are not known yet; the key asks for them.
fn waiting(state: &State, key: &str) -> String {
    let job = state.timeline.as_ref().and_then(|timeline| timeline.weaving);
    match state.jobs.running.iter().find(|work| Some(work.job) == job) {
        Some(work) => format!("the joins are being worked out {}", work.progress),
        None => format!("the joins are not worked out; {key} asks for them"),
    }
}

/// Why the rows of a group stand together.
fn reason(group: &Sharing) -> String {
    match &group.reason {
        Reason::Keys(key, also) => keys(key, also),
        Reason::Rule(name, strength) => format!("{}: {name}", strength.name()),
        Reason::Candidates(name) => format!("ambiguous, none is chosen: {name}"),
        Reason::CandidateOf(name) => format!("ambiguous, may mean this row or others: {name}"),
        Reason::Branch => "over others: the rest of its branch".to_owned(),
    }
}

/// The keys of a group, one after another; equal values are said once.
fn keys(key: &Key, also: &[Key]) -> String {
    let mut text = String::new();
    let all: Vec<&Key> = std::iter::once(key).chain(also).collect();
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
        let words = if timeline.joined.is_some() { "everything adds up".to_owned() } else { waiting(state, "I") };
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
