//! What changed, line by line; side by side where there is room.

use super::{Ink, Row};
use crate::domain::safe;
use crate::timeline::{Comparison, Line, Mark};
use crate::ui::text::{left, wrap};

/// From here on the two sides stand beside each other.
const BESIDE: usize = 158;
/// Lines that say what is compared.
const OPENING: usize = 2;

fn is_beside(width: usize) -> bool {
    width >= BESIDE
}

pub(super) fn length(changed: &Comparison, width: usize) -> usize {
    OPENING + if is_beside(width) { changed.pairs.len() } else { changed.lines.len() }
}

/// The lines at which runs of changes begin.
pub(super) fn hunks(changed: &Comparison, width: usize) -> Vec<usize> {
    if !is_beside(width) {
        return changed.hunks.iter().map(|line| line + OPENING).collect();
    }
    let differs = |pair: &(Option<usize>, Option<usize>)| pair.0 != pair.1;
    let starts =
        |index: &usize| differs(&changed.pairs[*index]) && (*index == 0 || !differs(&changed.pairs[*index - 1]));
    (0..changed.pairs.len()).filter(starts).map(|line| line + OPENING).collect()
}

/// The rows of a window; a long line goes on in the next rows.
pub(super) fn rows(changed: &Comparison, top: usize, height: usize, width: usize) -> Vec<Row> {
    let mut rows = Vec::with_capacity(height);
    for line in top..length(changed, width) {
        if rows.len() >= height {
            break;
        }
        match line.checked_sub(OPENING) {
            None => rows.push(opening(changed, line)),
            Some(line) if is_beside(width) => beside(changed, line, width, &mut rows),
            Some(line) => unified(&changed.lines[line], width, &mut rows),
        }
    }
    rows.truncate(height);
    rows
}

fn opening(changed: &Comparison, line: usize) -> Row {
    let (ink, sign, title) = match line {
        0 => (Ink::Removed, "- ", &changed.before),
        _ => (Ink::Added, "+ ", &changed.after),
    };
    vec![(ink, format!("{sign}{}", safe(title)))]
}

fn look(mark: Mark) -> (Ink, &'static str) {
    match mark {
        Mark::Heading => (Ink::Title, ""),
        Mark::Note => (Ink::Dim, "~ "),
        Mark::Same => (Ink::Text, "  "),
        Mark::Removed => (Ink::Removed, "- "),
        Mark::Added => (Ink::Added, "+ "),
    }
}

fn unified(line: &Line, width: usize, rows: &mut Vec<Row>) {
    let (ink, sign) = look(line.mark);
    for (index, text) in wrap(&line.text, width.saturating_sub(sign.len()).max(1)).into_iter().enumerate() {
        let sign = if index == 0 || sign.is_empty() { sign } else { "  " };
        rows.push(vec![(ink, format!("{sign}{text}"))]);
    }
}

fn beside(changed: &Comparison, line: usize, width: usize, rows: &mut Vec<Row>) {
    let (one, other) = changed.pairs[line];
    let line_of = |index: Option<usize>| index.and_then(|index| changed.lines.get(index));
    let alone = line_of(one).filter(|line| one == other && matches!(line.mark, Mark::Heading | Mark::Note));
    if let Some(line) = alone {
        return unified(line, width, rows);
    }
    let half = (width - 3) / 2;
    let side = |line: Option<&Line>| -> (Ink, Vec<String>) {
        let Some(line) = line else { return (Ink::Dim, Vec::new()) };
        let (ink, sign) = look(line.mark);
        let texts = wrap(&line.text, half.saturating_sub(2).max(1)).into_iter().enumerate();
        (ink, texts.map(|(index, text)| format!("{}{text}", if index == 0 { sign } else { "  " })).collect())
    };
    let ((left_ink, lefts), (right_ink, rights)) = (side(line_of(one)), side(line_of(other)));
    for index in 0..lefts.len().max(rights.len()) {
        let text = |side: &[String]| side.get(index).cloned().unwrap_or_default();
        rows.push(vec![
            (left_ink, left(&text(&lefts), half)),
            (Ink::Dim, " | ".to_owned()),
            (right_ink, text(&rights)),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mark: Mark, text: &str) -> Line {
        Line { mark, text: text.to_owned() }
    }

    fn changed() -> Comparison {
        Comparison {
            before: "turn 1".to_owned(),
            after: "turn 2".to_owned(),
            lines: vec![
                line(Mark::Heading, "output"),
                line(Mark::Removed, "one two three"),
                line(Mark::Added, "one \u{1b}[2J three"),
                line(Mark::Same, "end"),
            ],
            hunks: vec![1],
            pairs: vec![(Some(0), Some(0)), (Some(1), Some(2)), (Some(3), Some(3))],
            added: 1,
            removed: 1,
        }
    }

    fn text(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|row| row.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn a_long_line_goes_on_below_and_nothing_steers_the_terminal() {
        let rows = rows(&changed(), 0, 20, 10);
        assert_eq!(
            text(&rows),
            ["- turn 1", "+ turn 2", "output", "- one two ", "  three", "+ one ^[[", "  2J three", "  end"]
        );
    }

    #[test]
    fn from_160_columns_on_the_sides_stand_beside_each_other() {
        let rows = rows(&changed(), 3, 1, 160);
        assert_eq!(text(&rows), [format!("{:<78} | + one ^[[2J three", "- one two three")]);
        assert_eq!((hunks(&changed(), 160), hunks(&changed(), 80)), (vec![3], vec![3]));
        assert_eq!((length(&changed(), 160), length(&changed(), 80)), (5, 6));
    }
}
