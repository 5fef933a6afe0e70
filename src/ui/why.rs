//! Why a row is joined: each join with the key, the values and the rule that decided, and what was rejected.

use super::facts::{Fact, NAME_WIDTH, Tone, lay};
use super::message::Link;
use super::text::{self, fit};
use super::words::counted;
use crate::domain::safe;
use crate::timeline::{Join, Strength};

/// One line of the joins tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WhyLine {
    pub fact: Fact,
    /// The event of the row that the line speaks of; `None` where it is not in this session, or there is no row.
    pub event: Option<i64>,
    /// The id of that row; empty where the line speaks of none.
    pub row: String,
    /// The values that decided.
    pub values: Vec<String>,
    /// The whole of what the line says, to be copied.
    pub text: String,
}

/// All lines of the joins tab.
pub(crate) fn lines(links: &[Link], width: usize) -> Vec<WhyLine> {
    links.iter().flat_map(|link| of_link(link, links, width)).collect()
}

/// A join: what it leads to, why, and the rows that were considered. Those that are joined for the same reason have a
/// line of their own, and are only counted here.
fn of_link(link: &Link, all: &[Link], width: usize) -> Vec<WhyLine> {
    let join = &link.join;
    let uncertain = join.strength > Strength::Unique;
    let tone = if uncertain { Tone::Faint } else { Tone::Plain };
    let name = if join.strength == Strength::Near { "~ near" } else { join.strength.name() };
    let text = format!("{} {} {}", join.strength.name(), join.to, because(link));
    let line = |name: &str, value: &str, tone| {
        let why = |fact| WhyLine {
            fact,
            event: link.event,
            row: join.to.clone(),
            values: join.basis.values.clone(),
            text: text.clone(),
        };
        lay(name, value, tone, width).into_iter().map(why).collect::<Vec<_>>()
    };
    let mut lines = line(name, &leads_to(link), tone);
    lines.extend(line("", &because(link), Tone::Faint));
    let mut beside = 0;
    for (row, event, label) in &link.others {
        let rejected = join.rejected.iter().find(|rejected| rejected.to == *row);
        let shown = if label.is_empty() { row } else { label };
        let (name, value) = match rejected {
            Some(_) if all.iter().any(|other| is_joined_alike(other, row, join)) => {
                beside += 1;
                continue;
            }
            Some(rejected) => ("  not", format!("{}: {}", brief(shown, &rejected.why, width), rejected.why)),
            None => ("  perhaps", shown.clone()),
        };
        lines.extend(line(name, &value, Tone::Faint).into_iter().map(|line| WhyLine {
            event: *event,
            row: row.clone(),
            ..line
        }));
    }
    if beside > 0 {
        let value = format!("{}, joined on lines of their own", counted(beside, "other row"));
        lines.extend(line("  beside", &value, Tone::Faint));
    }
    lines
}

/// Whether another join leads to a row by the same key and values as this one.
fn is_joined_alike(other: &Link, row: &str, join: &Join) -> bool {
    let chosen = other.join.strength < Strength::Ambiguous;
    chosen && other.join.to == row && other.join.basis == join.basis
}

/// What a rejected row says, as much as leaves room for the reason in the same line.
fn brief(label: &str, why: &str, width: usize) -> String {
    let room = width.saturating_sub(NAME_WIDTH + 5 + text::width(why));
    fit(label, room.max(24))
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
        _ if link.label.is_empty() && !join.to_event.is_empty() => format!("event {} of this row", join.to_event),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Basis, Rejected};

    fn link(to: &str, rejected: &[&str]) -> Link {
        let rejected = rejected.iter().map(|to| Rejected { to: (*to).to_owned(), why: "shares only x".to_owned() });
        let rejected: Vec<Rejected> = rejected.collect();
        let basis = Basis { key: "k".to_owned(), rule: "same k".to_owned(), values: vec!["v".to_owned()] };
        let others =
            rejected.iter().map(|row| (row.to.clone(), None, format!("{} {}", row.to, "says much ".repeat(20))));
        Link {
            event: Some(1),
            label: format!("label of {to}"),
            others: others.collect(),
            join: Join {
                to: to.to_owned(),
                session: String::new(),
                of: String::new(),
                from_event: String::new(),
                to_event: String::new(),
                strength: Strength::Keyed,
                basis,
                candidates: Vec::new(),
                rejected,
            },
        }
    }

    #[test]
    fn a_rejected_row_takes_one_line_and_one_that_is_joined_as_well_is_counted() {
        let lines = lines(&[link("a", &["b", "c"]), link("b", &["a"])], 80);
        let shown: Vec<(&str, &str)> =
            lines.iter().map(|line| (line.fact.name.as_str(), line.fact.value.as_str())).collect();
        assert_eq!(
            shown,
            [
                ("keyed", "label of a"),
                ("", "k v: same k"),
                ("  not", "c says much says much says much says much say…: shares only x"),
                ("  beside", "1 other row, joined on lines of their own"),
                ("keyed", "label of b"),
                ("", "k v: same k"),
                ("  beside", "1 other row, joined on lines of their own"),
            ]
        );
    }
}
