//! The actions of a session, line by line: each array once, where it stands, and what came of it.

use super::{Ink, Row};
use crate::timeline::Survey;
use crate::ui::artifacts::{downstream, sorts};
use crate::ui::text::fit;
use crate::ui::words::counted;

/// Lines of one array: what, where, and what came of it.
const LINES: usize = 3;
/// What is left of a line on the widest screen.
const WIDEST: usize = 1_000;

/// Lines before the first array.
fn opening(survey: &Survey) -> Vec<Row> {
    let ledger = &survey.ledger;
    let mut rows = vec![vec![(
        Ink::Title,
        format!(
            "{} of actions, {} kept only as a count",
            counted(ledger.arrays.len(), "array"),
            counted(ledger.only_counts.len(), "more")
        )
        .replace(" mores", " more"),
    )]];
    if ledger.cut || survey.unread > 0 {
        let words = format!("{} were too long to be looked into; there may be more", counted(survey.unread, "body"));
        rows.push(vec![(Ink::Bad, words.replace("bodys", "bodies"))]);
    }
    rows
}

pub(super) fn length(survey: &Survey) -> usize {
    opening(survey).len() + survey.ledger.arrays.len() * LINES + survey.ledger.only_counts.len()
}

pub(super) fn rows(survey: &Survey, top: usize, height: usize) -> Vec<Row> {
    let opening = opening(survey);
    (top..top.saturating_add(height).min(length(survey)))
        .map(|line| match line.checked_sub(opening.len()) {
            None => opening[line].clone(),
            Some(line) => row(survey, line),
        })
        .collect()
}

fn row(survey: &Survey, line: usize) -> Row {
    let ledger = &survey.ledger;
    if let Some(array) = ledger.arrays.get(line / LINES) {
        let spots = || array.spots.iter().map(|spot| format!("turn {} {}", spot.row + 1, spot.path));
        return match line % LINES {
            0 => vec![
                (Ink::Text, format!("{}  ", counted(array.count, "action"))),
                (Ink::Bar, fit(&sorts(array), WIDEST)),
            ],
            1 => vec![(Ink::Dim, fit(&format!("  at {}", spots().collect::<Vec<_>>().join(", ")), WIDEST))],
            _ => vec![(Ink::Dim, format!("  {}", downstream(array)))],
        };
    }
    let count = ledger.only_counts.get(line - ledger.arrays.len() * LINES);
    let words = count.map(|(spot, count)| {
        let what = counted(*count as usize, "action");
        fit(&format!("{what}  only the count was kept, at turn {} {}", spot.row + 1, spot.path), WIDEST)
    });
    vec![(Ink::Text, words.unwrap_or_default())]
}

/// The row of the session that a line leads to: that of the first place, or the first that came of it.
pub(super) fn target(survey: &Survey, line: usize) -> Option<usize> {
    let ledger = &survey.ledger;
    let line = line.checked_sub(opening(survey).len())?;
    match ledger.arrays.get(line / LINES) {
        Some(array) if line % LINES == 2 => array.downstream.first().copied(),
        Some(array) => array.spots.first().map(|spot| spot.row),
        None => ledger.only_counts.get(line - ledger.arrays.len() * LINES).map(|(spot, _)| spot.row),
    }
}
