//! The line in which something is typed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;

use super::Pen;
use crate::domain::safe;
use crate::ui::input::Input;
use crate::ui::keymap::Place;
use crate::ui::state::{Ask, Panel, State};
use crate::ui::text::width;

/// What `Tab` does while the name of a slice is typed.
const WITHOUT_SECRETS: &str = "  Tab: without secrets";
/// So many columns of what is typed are worth more than words beside it.
const TYPED: usize = 12;

/// Whether the list of findings is empty.
fn nothing_found(state: &State) -> bool {
    state.timeline.as_ref().is_none_or(|timeline| timeline.correlation.findings.is_empty())
}

/// Draws the prompt that is open, or the question that is asked; `false` where there is none.
pub(super) fn line(state: &State, area: Rect, buffer: &mut Buffer) -> bool {
    let (label, input) = match &state.panel {
        Some(Panel::Prompt { ask, input }) => (ask.label(), input),
        Some(Panel::Palette { input, .. }) => (":", input),
        Some(Panel::Help { query, .. }) => ("help: ", query),
        Some(Panel::ConfirmUnmark) => {
            Pen::new(buffer, area).write("remove all marks? y removes, any other key keeps them", state.theme.warning);
            return true;
        }
        Some(Panel::Marks { .. } | Panel::Lens { .. } | Panel::Findings { .. }) => {
            let words = match &state.panel {
                Some(Panel::Marks { .. }) => "Enter goes there  ' last place  Esc closes",
                Some(Panel::Findings { .. }) if nothing_found(state) => "Esc closes",
                Some(Panel::Lens { .. }) => "Enter goes there  i this key alone  j k move  Esc closes",
                _ => "Enter goes there  j k move  Esc closes",
            };
            Pen::new(buffer, area).write(words, state.theme.footer_text);
            return true;
        }
        Some(Panel::Found { .. }) => {
            let words = "Enter goes there  Esc closes, and again cancels the search";
            Pen::new(buffer, area).write(words, state.theme.footer_text);
            return true;
        }
        Some(Panel::Sheet(sheet)) => {
            Pen::new(buffer, area).write(&sheet.hint(state.keys), state.theme.footer_text);
            return true;
        }
        None => return false,
    };
    let area = beside(state, label, area, buffer);
    let mut pen = Pen::new(buffer, area);
    pen.write(label, state.theme.footer_key);
    let Some(Panel::Prompt { ask: Ask::Filter(checked), .. }) = &state.panel else {
        typed(&mut pen, input, state.theme.text);
        if matches!(&state.panel, Some(Panel::Prompt { ask: Ask::Rule(_), .. })) && input.text.is_empty() {
            pen.space(1).write("a text, re:EXPRESSION or key:FIELD", state.theme.dim);
        }
        if matches!(&state.panel, Some(Panel::Prompt { ask: Ask::Search, .. })) && input.text.is_empty() {
            pen.space(1).write(searched(state.place), state.theme.dim);
        }
        return true;
    };
    let style = match (&checked.fault, input.text.trim().is_empty()) {
        (Some(_), _) => state.theme.warning,
        (None, true) => state.theme.text,
        (None, false) => state.theme.ok,
    };
    typed(&mut pen, input, style);
    if !checked.offered.is_empty() {
        let words = safe(&checked.offered.join(" ")).into_owned();
        pen.write("  Tab ", state.theme.footer_key).write(&words, state.theme.footer_text);
    }
    true
}

/// Writes what must be seen whatever is typed to the end of the line; gives what is left of it.
fn beside(state: &State, label: &str, area: Rect, buffer: &mut Buffer) -> Rect {
    let is_export = matches!(&state.panel, Some(Panel::Prompt { ask: Ask::Export { .. }, .. }));
    if !is_export || usize::from(area.width) < label.len() + WITHOUT_SECRETS.len() + TYPED {
        return area;
    }
    let width = WITHOUT_SECRETS.len() as u16;
    let left = Rect { width: area.width - width, ..area };
    Pen::new(buffer, Rect { x: left.right(), width, ..area }).write(WITHOUT_SECRETS, state.theme.dim);
    left
}

/// Where a search looks, before anything is typed.
fn searched(place: Place) -> &'static str {
    match place {
        Place::Sessions => "in titles, ids, agents, projects, models; re: begins an expression",
        Place::Timeline => "in what the rows say, then inside them; re: begins an expression",
        Place::Event => "in this tab; re: begins an expression",
    }
}

/// The typed text with the cursor in it; of a long one the part around the cursor.
fn typed(pen: &mut Pen<'_>, input: &Input, style: Style) {
    let (before, after) = input.text.split_at(input.cursor);
    let mut graphemes = after.graphemes(true);
    let under = graphemes.next().unwrap_or(" ");
    let shown = safe(before);
    // One column for the cursor, and one for a wide character under it.
    let mut room = pen.left().saturating_sub(2);
    let mut start = shown.len();
    for (at, grapheme) in shown.grapheme_indices(true).rev() {
        match room.checked_sub(width(grapheme)) {
            Some(left) => (start, room) = (at, left),
            None => break,
        }
    }
    pen.write(&shown[start..], style);
    pen.write(&safe(under), style.add_modifier(Modifier::REVERSED));
    pen.write(&safe(graphemes.as_str()), style);
}
