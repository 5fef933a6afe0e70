//! The preview: the beginnings of the row that was last under the cursor when input paused.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Pen;
use crate::domain::{Key, KeyKind, safe};
use crate::timeline::Turn;
use crate::ui::state::State;
use crate::ui::text::wrap;
use crate::ui::theme::Theme;
use crate::ui::words;

/// The most lines that the label takes.
const LABEL_LINES: usize = 6;

pub(super) fn draw(state: &mut State, area: Rect, buffer: &mut Buffer) {
    let theme = state.theme.clone();
    let Some(timeline) = &mut state.timeline else { return };
    let preview = &mut timeline.preview;
    let border = if state.ascii { "|" } else { "│" };
    let style = if preview.focus { theme.badge } else { theme.border };
    for row in 0..area.height {
        Pen::new(buffer, Rect { y: area.y + row, height: 1, ..area }).write(border, style);
    }
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(3), ..area };
    let Some((key, view)) = &mut preview.shown else { return };
    let mut lines = timeline.turns.get(*key).map_or_else(Vec::new, |turn| head(turn, usize::from(inner.width), &theme));
    let heads = lines.len();
    let total = heads + view.rows(inner.width);
    // The end of the text stays in sight however far the keys have scrolled.
    let top = preview.top.min(total.saturating_sub(usize::from(inner.height) / 2));
    preview.top = top;
    let skipped = top.saturating_sub(heads);
    lines.extend(view.draw(skipped, inner.height, inner.width, &theme));
    for (row, line) in (0..inner.height).zip(lines.iter().skip(top.min(heads))) {
        Pen::new(buffer, Rect { y: inner.y + row, height: 1, ..inner }).line(line);
    }
}

/// Each key once, with words for where it came from unless the source alone wrote it.
fn distinct(keys: &[Key]) -> Vec<(&Key, &'static str)> {
    let mut distinct: Vec<(&Key, &'static str)> = Vec::new();
    for key in keys.iter().filter(|key| !matches!(key.kind, KeyKind::Session | KeyKind::Room)) {
        let origin = if key.rule.is_some() { " (derived)" } else { "" };
        match distinct.iter_mut().find(|(known, _)| (known.kind, &known.value) == (key.kind, &key.value)) {
            Some((_, known)) if *known != origin => *known = " (native and derived)",
            Some(_) => {}
            None => distinct.push((key, origin)),
        }
    }
    distinct
}

/// What is known of the row, before its payloads.
fn head(turn: &Turn, columns: usize, theme: &Theme) -> Vec<Line<'static>> {
    let line = |text: String, style: Style| Line::from(Span::styled(safe(&text).into_owned(), style));
    let mut lines = vec![line(format!("{} {}", turn.who, turn.status), theme.title)];
    lines.push(line(turn.id.clone(), theme.dim));
    let mut facts: Vec<String> = turn.at.map(words::moment).into_iter().collect();
    facts.extend(turn.latency.map(words::duration));
    facts.extend(
        turn.usage.as_ref().and_then(|usage| usage.total()).map(|total| format!("{} tokens", words::count(total))),
    );
    lines.push(line(facts.join("  "), theme.dim));
    for (key, origin) in distinct(&turn.keys).into_iter().take(4) {
        lines.push(line(format!("{} {}{origin}", key.kind.name(), key.value), theme.dim));
    }
    if let Some(error) = &turn.error {
        lines.extend(wrap(error, columns).into_iter().take(LABEL_LINES).map(|text| line(text, theme.error)));
    }
    lines.extend(wrap(&turn.label, columns).into_iter().take(LABEL_LINES).map(|text| line(text, theme.text)));
    lines.push(Line::default());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_native_and_derived_is_shown_once() {
        let native = Key::native(KeyKind::Request, "r1");
        let derived = Key { rule: Some("rule".to_owned()), ..native.clone() };
        let other = Key { value: "r2".to_owned(), ..derived.clone() };
        let keys = [native, derived, other];
        let shown: Vec<(&str, &str)> =
            distinct(&keys).iter().map(|(key, origin)| (key.value.as_str(), *origin)).collect();
        assert_eq!(shown, [("r1", " (native and derived)"), ("r2", " (derived)")]);
    }
}
