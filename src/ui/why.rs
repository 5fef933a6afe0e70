//! Why a row is joined: each join with the key, the values and the rule that decided, and what was rejected.

use super::facts::{Fact, Tone, lay};
use super::message::Link;
use crate::domain::safe;
use crate::timeline::Strength;

/// One line of the joins tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WhyLine {
    pub fact: Fact,
    /// The event of the row that the line speaks of; `None` where it is not in this session, or there is no row.
    pub event: Option<i64>,
    /// The id of that row; empty where the line speaks of none.
    pub row: String,
    /// The whole of what the line says, to be copied.
    pub text: String,
}

/// All lines of the joins tab.
pub(crate) fn lines(links: &[Link], width: usize) -> Vec<WhyLine> {
    links.iter().flat_map(|link| of_link(link, width)).collect()
}

fn of_link(link: &Link, width: usize) -> Vec<WhyLine> {
    let join = &link.join;
    let uncertain = join.strength > Strength::Unique;
    let tone = if uncertain { Tone::Faint } else { Tone::Plain };
    let name = if join.strength == Strength::Near { "~ near" } else { join.strength.name() };
    let text = format!("{} {} {}", join.strength.name(), join.to, because(link));
    let line = |name: &str, value: &str, tone| {
        let why = |fact| WhyLine { fact, event: link.event, row: join.to.clone(), text: text.clone() };
        lay(name, value, tone, width).into_iter().map(why).collect::<Vec<_>>()
    };
    let mut lines = line(name, &leads_to(link), tone);
    lines.extend(line("", &because(link), Tone::Faint));
    for (row, event, label) in &link.others {
        let rejected = join.rejected.iter().find(|rejected| rejected.to == *row);
        let shown = if label.is_empty() { row } else { label };
        let (name, value) = match rejected {
            Some(rejected) => ("  not", format!("{shown}: {}", rejected.why)),
            None => ("  perhaps", shown.clone()),
        };
        lines.extend(line(name, &value, Tone::Faint).into_iter().map(|line| WhyLine {
            event: *event,
            row: row.clone(),
            ..line
        }));
    }
    lines
}

/// What a join leads to, in words.
fn leads_to(link: &Link) -> String {
    let join = &link.join;
    let words = match join.strength {
        Strength::Orphan => join.basis.rule.clone(),
        Strength::Ambiguous if join.of.is_empty() => {
            format!("{} rows fit, none was chosen", join.candidates.len())
        }
        Strength::Ambiguous => {
            format!("one of {} rows that fit {}", join.candidates.len(), join.of)
        }
        _ if link.label.is_empty() && !join.to_event.is_empty() => format!("{} of this row", join.to_event),
        _ if link.label.is_empty() => join.to.clone(),
        _ => link.label.clone(),
    };
    safe(&words).into_owned()
}

/// The key, the values and the rule.
fn because(link: &Link) -> String {
    let basis = &link.join.basis;
    let values = basis.values.join(" and ");
    let words = match link.join.strength {
        Strength::Orphan if values.is_empty() => "it has no id to look for".to_owned(),
        Strength::Orphan => format!("{} {values}", basis.key),
        _ => format!("{} {values}: {}", basis.key, basis.rule),
    };
    safe(&words).into_owned()
}
