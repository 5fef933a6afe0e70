//! The session list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Pen;
use super::pen::under_cursor;
use crate::domain::Session;
use crate::ui::catalog::{Column, Line, duration};
use crate::ui::groups::Group;
use crate::ui::layout::Areas;
use crate::ui::state::State;
use crate::ui::text::{fit, left, right, width};
use crate::ui::words;

/// The columns besides the title, in the order in which they stand, with their widths.
const COLUMNS: [(Column, usize); 8] = [
    (Column::Agent, 11),
    (Column::Project, 16),
    (Column::Started, 16),
    (Column::Duration, 9),
    (Column::Events, 7),
    (Column::Turns, 6),
    (Column::Errors, 7),
    (Column::Tokens, 7),
];

/// The columns from the one that goes first on a narrow screen to the one that stays longest.
const FIRST_TO_GO: [Column; 8] = [
    Column::Project,
    Column::Turns,
    Column::Events,
    Column::Agent,
    Column::Duration,
    Column::Tokens,
    Column::Started,
    Column::Errors,
];

/// What the title keeps before a column may take it; more where sessions that lie elsewhere are called by their long rooms.
const TITLE: usize = 24;
const TITLE_ATTACHED: usize = 44;

/// A note with fewer columns says nothing; the line above the hints says it for the session under the cursor.
const LEAST_NOTE: usize = 12;

/// The columns that fit beside a title of some width at least, and the width of the title.
fn columns(room: usize, least: usize) -> (usize, Vec<(Column, usize)>) {
    let mut shown = COLUMNS.to_vec();
    let needed = |shown: &[(Column, usize)]| shown.iter().map(|(_, width)| width + 1).sum::<usize>() + least + 1;
    for column in FIRST_TO_GO {
        if needed(&shown) <= room {
            break;
        }
        shown.retain(|(kept, _)| *kept != column);
    }
    let others: usize = shown.iter().map(|(_, width)| width + 1).sum();
    (room.saturating_sub(others + 1), shown)
}

pub(super) fn draw(state: &State, areas: &Areas, buffer: &mut Buffer) {
    let least = if state.attached { TITLE_ATTACHED } else { TITLE };
    let (title, shown) = columns(usize::from(areas.list.width), least);
    if let Some(area) = areas.titles {
        titles(state, title, &shown, area, buffer);
    }
    let sessions = &state.sessions;
    if sessions.lines.is_empty() {
        empty(state, areas.list, buffer);
        return;
    }
    let window = sessions.list.window(sessions.lines.len(), usize::from(areas.list.height));
    for (row, index) in (0u16..).zip(window) {
        let area = Rect { y: areas.list.y + row, height: 1, ..areas.list };
        let line = sessions.lines[index];
        let mut pen = Pen::new(buffer, area);
        let chosen = index == sessions.list.at;
        if let Some(group) = sessions.heading(index) {
            pen.write(&heading(group), state.theme.title);
            if chosen {
                pen.tint(state.theme.cursor);
            }
        }
        let Some(session) = sessions.catalog.get(line.entry) else { continue };
        let is_hit = sessions.hits.binary_search(&(index as u32)).is_ok();
        let loud = [state.theme.error];
        for (text, style) in cells(state, (line, session), title, &shown, is_hit) {
            pen.write(&text, if chosen { under_cursor(&state.theme, style, &loud) } else { style });
        }
        if chosen {
            pen.tint(state.theme.cursor);
        }
    }
}

/// The name of a group, and what its sessions add up to.
fn heading(group: &Group) -> String {
    let errors = if group.errors > 0 {
        format!(", {}", words::counted(group.errors.max(0) as usize, "error"))
    } else {
        String::new()
    };
    let tokens = group.tokens.map(|tokens| format!(", {} tokens", words::count(tokens))).unwrap_or_default();
    let sessions = words::counted(group.sessions, "session");
    format!(
        "{}: {sessions}, {}{errors}{tokens}",
        fit(&group.name, 40),
        words::counted(group.turns.max(0) as usize, "turn")
    )
}

fn empty(state: &State, area: Rect, buffer: &mut Buffer) {
    let nothing = state.nothing.join("\n");
    let words = match (&state.sessions.filter, state.sessions.loaded, &state.import) {
        (Some(_), true, _) => "no session passes the filter; f changes it",
        (_, false, _) => "reading the store",
        (None, true, _) if !nothing.is_empty() => &nothing,
        (None, true, Some(_)) => "nothing has come in yet",
        (None, true, None) => "no sessions yet: `turnscope import` brings in those of every agent on this machine",
    };
    super::empty(state, words, area, buffer);
}

fn titles(state: &State, title: usize, shown: &[(Column, usize)], area: Rect, buffer: &mut Buffer) {
    let sort = state.sessions.sort;
    let sign = |column: Column| match (sort.column == column, sort.descending, state.ascii) {
        (false, ..) => "",
        (true, true, false) => "▾",
        (true, false, false) => "▴",
        (true, true, true) => "v",
        (true, false, true) => "^",
    };
    let mut pen = Pen::new(buffer, area);
    pen.space(1).write(&left(&format!("title{}", sign(Column::Title)), title), state.theme.dim);
    for (column, width) in shown {
        let words = format!("{}{}", column.name(), sign(*column));
        let cell = if is_number(*column) { right(&words, *width) } else { left(&words, *width) };
        pen.space(1).write(&cell, state.theme.dim);
    }
}

fn is_number(column: Column) -> bool {
    !matches!(column, Column::Title | Column::Agent | Column::Project | Column::Started)
}

/// The cells of a line, each with its gap in its own style: every change of style costs bytes.
fn cells(
    state: &State,
    (line, session): (Line, &Session),
    title: usize,
    shown: &[(Column, usize)],
    is_hit: bool,
) -> Vec<(String, Style)> {
    let theme = &state.theme;
    let depth = usize::from(line.depth);
    let branch = match (depth, state.ascii) {
        (0, _) => String::new(),
        (_, false) => format!("{}└ ", "  ".repeat(depth.min(8) - 1)),
        (_, true) => format!("{}`- ", "  ".repeat(depth.min(8) - 1)),
    };
    let name = fit(session.name(), title.saturating_sub(width(&branch)));
    let gap = " ".repeat(title.saturating_sub(width(&branch) + width(&name)));
    let note = note(session, gap.len());
    let gap = gap[..gap.len() - width(&note)].to_owned();
    let sign = match (is_hit, state.is_live(session), state.ascii) {
        (true, ..) => ("/", theme.text),
        _ if session.elsewhere.is_some() => ("↓", theme.dim),
        (false, true, false) => ("•", theme.ok),
        (false, true, true) => ("*", theme.ok),
        (false, false, _) => (" ", theme.text),
    };
    let mut cells = vec![
        (sign.0.to_owned(), sign.1),
        (branch, theme.dim),
        (name, if is_hit { theme.hit } else { theme.text }),
        (note, theme.dim),
        (gap, theme.text),
    ];
    for (column, width) in shown {
        let (words, style) = cell(state, session, *column);
        let words = if is_number(*column) { right(&words, *width) } else { left(&fit(&words, *width), *width) };
        cells.push((format!(" {words}"), style));
    }
    cells
}

/// What is to be known of a session that lies elsewhere, in what its title leaves of so many columns.
fn note(session: &Session, left: usize) -> String {
    match &session.elsewhere {
        Some(words) if left >= LEAST_NOTE => format!("  {}", fit(words, left - 2)),
        _ => String::new(),
    }
}

fn cell(state: &State, session: &Session, column: Column) -> (String, Style) {
    let theme = &state.theme;
    match column {
        Column::Title => (session.name().to_owned(), theme.text),
        Column::Agent => (session.agent.clone(), theme.dim),
        Column::Project => (session.project.clone().unwrap_or_default(), theme.dim),
        Column::Started => {
            let started = session.started.map(|at| words::moment(at).chars().take(16).collect());
            (started.unwrap_or_default(), theme.text)
        }
        Column::Duration => (duration(session).map(words::duration).unwrap_or_default(), theme.dim),
        Column::Events => (words::count(session.events), theme.text),
        Column::Turns => (words::count(session.turns), theme.text),
        // The number says it; the colour only helps to find it.
        Column::Errors if session.errors > 0 => (words::count(session.errors), theme.error),
        Column::Errors => (String::new(), theme.text),
        Column::Tokens => (session.tokens.total.map(words::count).unwrap_or_default(), theme.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_keeps_its_width_until_all_columns_are_gone() {
        for room in 1..200 {
            let (title, shown) = columns(room, TITLE);
            let used: usize = title + 1 + shown.iter().map(|(_, width)| width + 1).sum::<usize>();
            assert!(used <= room.max(1));
            assert!(title >= TITLE || shown.is_empty());
        }
        assert_eq!(columns(200, TITLE).1.len(), 8);
        let at_80 = |least: usize| columns(80, least).1.iter().map(|(column, _)| column.name()).collect::<Vec<_>>();
        assert_eq!(at_80(TITLE), ["agent", "started", "duration", "errors", "tokens"]);
        assert_eq!(at_80(TITLE_ATTACHED), ["started", "errors", "tokens"]);
    }
}
