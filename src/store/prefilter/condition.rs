//! A condition on one event, in the portable subset of SQL.

use super::super::engine::Statement;
use crate::domain::filter::{Comparison, Part, Pattern};
use crate::domain::{KeyKind, Kind, Phase};
use crate::store::rows::key_code;

/// The longest text that is handed to `LIKE`: engines set limits.
const LONGEST: usize = 400;

/// A condition on one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Kind {
        among: Vec<Kind>,
        wanted: bool,
    },
    Flag(i64),
    Usage,
    Tokens(Comparison, bool, i64),
    /// Reported, or to be reckoned from call to result.
    Latency(Comparison, bool, i64),
    Time(Comparison, bool, i64),
    /// The column has a value.
    Known(&'static str),
    Like(&'static str, Vec<Like>),
    /// A key of this kind, or of any but the session and the room.
    Key(Option<KeyKind>, Vec<Like>),
    /// A session or a room, which no index leads to; the numbers of those that fit, `None` where they are too many.
    Home(Vec<Like>, Option<Vec<i64>>),
    Any(Vec<Self>),
}

/// A pattern as `LIKE` knows it; it fits whatever the pattern fits, and maybe more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Like(String);

impl Like {
    /// `None` for a pattern that says nothing that SQL can compare.
    ///
    /// Engines fold the letters of ASCII alike, and others not: those become wildcards.
    pub(super) fn of(pattern: &Pattern, anywhere: bool) -> Option<Self> {
        let mut text = String::from(if anywhere { "%" } else { "" });
        for part in pattern.parts() {
            match part {
                Part::Letter(letter) if letter.is_ascii() && !letter.is_ascii_control() => {
                    if matches!(letter, '%' | '_' | '\\') {
                        text.push('\\');
                    }
                    text.push(*letter);
                }
                _ if text.ends_with('%') && !text.ends_with("\\%") => {}
                _ => text.push('%'),
            }
        }
        if anywhere && (!text.ends_with('%') || text.ends_with("\\%")) {
            text.push('%');
        }
        (text != "%" && text.len() <= LONGEST).then_some(Self(text))
    }
}

impl Condition {
    /// Writes it as SQL over the table `events`.
    pub(super) fn push(&self, query: &mut Statement) {
        match self {
            Self::Kind { among, wanted } => {
                query.push("(events.kind");
                for (index, kind) in among.iter().enumerate() {
                    let sign = if *wanted { " = " } else { " <> " };
                    let link = if *wanted { " OR events.kind" } else { " AND events.kind" };
                    query.push(if index > 0 { link } else { "" }).push(sign).push_bind(*kind as i64);
                }
                query.push(")");
            }
            Self::Flag(flag) => {
                query.push("(events.flags & ").push_bind(*flag).push(") <> 0");
            }
            Self::Usage => {
                query.push("events.usage_rule IS NOT NULL");
            }
            Self::Tokens(comparison, holds, limit) => compare(query, "events.usage_total", *comparison, *holds, *limit),
            Self::Time(comparison, holds, limit) => compare(query, "events.order_time", *comparison, *holds, *limit),
            Self::Latency(comparison, holds, limit) => {
                query.push("(");
                compare(query, "events.latency", *comparison, *holds, *limit);
                query.push(" OR events.phase = ").push_bind(Phase::Call as i64);
                query.push(" OR events.phase = ").push_bind(Phase::Result as i64).push(")");
            }
            Self::Known(column) => {
                query.push("events.").push(*column).push(" IS NOT NULL");
            }
            Self::Like(column, likes) => like(query, &format!("events.{column}"), likes),
            Self::Key(kind, likes) => {
                query.push(
                    "events.event IN (SELECT event_keys.event FROM keys JOIN event_keys ON event_keys.key = keys.key WHERE ",
                );
                if let Some(kind) = kind {
                    query.push("keys.kind = ").push_bind(key_code(*kind)).push(" AND ");
                }
                like(query, "keys.value", likes);
                query.push(")");
            }
            Self::Home(_, None) => {
                query.push("1 = 1");
            }
            Self::Home(_, Some(numbers)) => {
                query.push("(1 = 0");
                for number in numbers {
                    query.push(" OR (' ' || events.keys) LIKE ").push_bind(format!("% {number}%"));
                }
                query.push(")");
            }
            Self::Any(conditions) => {
                for (index, condition) in conditions.iter().enumerate() {
                    query.push(if index > 0 { " OR " } else { "(" });
                    condition.push(query);
                }
                query.push(")");
            }
        }
    }
}

/// Asks for the sessions and rooms that fit.
pub(super) fn home_keys(likes: &[Like], most: i64) -> Statement {
    let mut query = Statement::new("SELECT key FROM keys WHERE (kind = ");
    query.push_bind(key_code(KeyKind::Session)).push(" OR kind = ").push_bind(key_code(KeyKind::Room)).push(") AND ");
    like(&mut query, "keys.value", likes);
    query.push(" LIMIT ").push_bind(most);
    query
}

fn compare(query: &mut Statement, column: &'static str, comparison: Comparison, holds: bool, limit: i64) {
    let sign = match (comparison, holds) {
        (Comparison::Less, true) | (Comparison::AtLeast, false) => " < ",
        (Comparison::AtMost, true) | (Comparison::Greater, false) => " <= ",
        (Comparison::Greater, true) | (Comparison::AtMost, false) => " > ",
        (Comparison::AtLeast, true) | (Comparison::Less, false) => " >= ",
        (Comparison::Equal, true) => " = ",
        (Comparison::Equal, false) => " <> ",
    };
    query.push(column).push(sign).push_bind(limit);
}

fn like(query: &mut Statement, column: &str, likes: &[Like]) {
    for (index, like) in likes.iter().enumerate() {
        query.push(if index > 0 { " OR lower(" } else { "(lower(" });
        query.push(column).push(") LIKE ").push_bind(like.0.clone()).push(" ESCAPE '\\'");
    }
    query.push(")");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_becomes_one_that_fits_no_less() {
        let like = |text: &str, anywhere| Like::of(&Pattern::new(text), anywhere).map(|like| like.0);
        assert_eq!(like("Canvas.*", false).as_deref(), Some("canvas.%"));
        assert_eq!(like("a?b", false).as_deref(), Some("a%b"));
        assert_eq!(like("50%_x", true).as_deref(), Some("%50\\%\\_x%"));
        assert_eq!(like("50%", true).as_deref(), Some("%50\\%%"));
        assert_eq!((like("Żół", true), like("?*", false)), (None, None));
        assert_eq!(like("kŻk", true).as_deref(), Some("%k%k%"));
        assert_eq!(like(&"x".repeat(1000), true), None);
    }
}
